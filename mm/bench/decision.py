"""What one decision of the engine costs, with the real strategy and all rules, without a network.

Five levels a side of `pure_market_making`: a generated market moves its mid with each event, orders are
acknowledged at once. What is timed is `Engine.step` of a market event from call to commands. "moving" are the
steps in which at least one order was moved, "still" the other decisions.
"""

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from mm.bench.quantiles import microseconds
from mm.bench.rig import MID_TICKS, SYMBOL, make_bench_instrument, make_engine
from mm.domain.book import Level
from mm.domain.commands import AnyCommand, Cancel, Place
from mm.domain.events import (
    AnyEvent,
    BalancesListed,
    BookDelta,
    BookSnapshot,
    FillsListed,
    OrderAcked,
    OrderCanceled,
    OrdersListed,
    Source,
    Stream,
    StreamUp,
)
from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.engine.engine import Engine
from mm.strategies.pure_market_making import PureMarketMaking

START_NS: Final = 1_700_000_000 * NS_PER_S
SIZE_ATOMS: Final = 50_000_000
EVENT_PAUSE_NS: Final = 4 * NS_PER_MS
"""Between two market events in the core's time: 250 a second."""

WARM_UP: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured, microseconds. Fields: moving: steps that moved an order; still: other decisions."""

    decision_us_p50: float
    decision_us_p99: float
    still_us_p50: float
    moving: int
    still: int
    messages_per_move: float

    def as_dict(self) -> dict[str, object]:
        """Return all fields by name, ready for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def measure(events: int = 20_000, seed: int = 1) -> Figures:
    """Return the cost of decisions over `events` market events of a walk given by `seed`; >= 100 events."""
    market = _Market(seed)
    engine = make_engine(_params(), make_bench_instrument())
    _start(engine, market)
    moving: list[int] = []
    still: list[int] = []
    messages = 0
    gc.collect()
    gc.freeze()
    for number in range(WARM_UP + events):
        event = market.next()
        began = time.perf_counter_ns()
        commands = engine.step(event)
        took = time.perf_counter_ns() - began
        sent = sum(isinstance(command, Place | Cancel) for command in commands)
        if number >= WARM_UP:
            (moving if sent else still).append(took)
            messages += sent
        _answer(engine, market, commands)
    gc.unfreeze()
    return Figures(
        decision_us_p50=microseconds(moving, 50),
        decision_us_p99=microseconds(moving, 99),
        still_us_p50=microseconds(still, 50),
        moving=len(moving),
        still=len(still),
        messages_per_move=round(messages / max(1, len(moving)), 2),
    )


class _Market:
    # A walk of the touch by one to three ticks, and changes of size that do not move it in between. Numbers
    # from a linear congruence: the same on every machine.

    def __init__(self, seed: int) -> None:
        self.ts_ns = START_NS
        self.seq = 1
        self._state = seed
        self._bid = MID_TICKS
        self._ask = MID_TICKS + 60

    def _draw(self, below: int) -> int:
        self._state = (self._state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        return (self._state >> 33) % below

    def snapshot(self) -> BookSnapshot:
        bids = tuple(Level(self._bid - 20 * i, SIZE_ATOMS) for i in range(100))
        asks = tuple(Level(self._ask + 20 * i, SIZE_ATOMS) for i in range(100))
        return BookSnapshot(ts_ns=self.ts_ns, symbol=SYMBOL, seq=self.seq, bids=bids, asks=asks)

    def next(self) -> AnyEvent:
        self.ts_ns += EVENT_PAUSE_NS
        self.seq += 1
        step = self._draw(7) - 3
        old_bid, old_ask = self._bid, self._ask
        self._bid += 20 * step
        self._ask += 20 * step
        bids = [Level(self._bid - 20 * i, SIZE_ATOMS + self._draw(1_000)) for i in range(5)]
        asks = [Level(self._ask + 20 * i, SIZE_ATOMS + self._draw(1_000)) for i in range(5)]
        # What the touch left behind is empty now.
        asks += [Level(price, 0) for price in range(old_ask, self._ask, 20)]
        bids += [Level(price, 0) for price in range(old_bid, self._bid, -20)]
        return BookDelta(
            ts_ns=self.ts_ns, symbol=SYMBOL, seq=self.seq, venue_ms=0, bids=tuple(bids), asks=tuple(asks)
        )


def _answer(engine: Engine, market: _Market, commands: Sequence[AnyCommand]) -> None:
    # The venue of the bench: everything is accepted a moment later. Answers bring further commands.
    waiting = list(commands)
    while waiting:
        command = waiting.pop(0)
        market.ts_ns += 1_000
        answer = _answer_to(command, market.ts_ns)
        if answer is not None:
            waiting.extend(engine.step(answer))


def _answer_to(command: AnyCommand, ts_ns: int) -> AnyEvent | None:
    if isinstance(command, Place):
        return OrderAcked(
            ts_ns=ts_ns,
            cid=command.cid,
            venue_order_id="1",
            price_ticks=command.price_ticks,
            size_lots=command.size_lots,
            source=Source.STREAM,
        )
    if isinstance(command, Cancel):
        return OrderCanceled(ts_ns=ts_ns, cid=command.cid, cum_lots=0, source=Source.STREAM)
    return None


def _start(engine: Engine, market: _Market) -> None:
    now = market.ts_ns
    for stream in (Stream.USER, Stream.MARKET):
        engine.step(StreamUp(ts_ns=now, stream=stream))
    engine.step(market.snapshot())
    engine.step(OrdersListed(ts_ns=now, symbol=SYMBOL, asked_ns=now, orders=()))
    engine.step(FillsListed(ts_ns=now, symbol=SYMBOL, asked_ns=now, next_trade_id=0, complete=True))
    balances = (("BTC", 10**9, 0), ("USDT", 10**14, 0))
    engine.step(BalancesListed(ts_ns=now, asked_ns=now, balances=balances))


def _params() -> PureMarketMaking.Params:
    return PureMarketMaking.Params(
        bid_spread_bps=Decimal(4),
        ask_spread_bps=Decimal(4),
        order_amount_base=Decimal("0.01"),
        order_refresh_time_ms=0,
        order_levels=5,
        order_level_spread_bps=Decimal(2),
        order_refresh_tolerance_bps=Decimal("0.3"),
        inventory_skew_enabled=True,
    )
