"""The production engine as a maker on the bench: it is shown a mid, rests its orders, and is told of fills.

Every quote takes the whole way: event, strategy, rules, quantising, differ, admission, acknowledgement. The
venue of the bench accepts everything, at once or some steps later. The book that it shows stands far from the
mid on both sides, so that no quote of a model has to give way to it; the mid alone is information.

Invariant: what rests here is what the engine believes to rest, but for what is on its way.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from mm.domain.book import Level
from mm.domain.capabilities import Capabilities
from mm.domain.commands import AnyCommand, Cancel, Place
from mm.domain.events import (
    Advanced,
    AnyEvent,
    BalancesListed,
    BookDelta,
    BookSnapshot,
    CancelRejected,
    FillsListed,
    OrderAcked,
    OrderCanceled,
    OrderFilled,
    OrdersListed,
    Source,
    Stream,
    StreamUp,
)
from mm.domain.ids import OrderIds
from mm.domain.instrument import Instrument, InstrumentSpec, make_instrument
from mm.domain.sides import BUY, Side
from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.engine.engine import Engine
from mm.engine.session import SessionState
from mm.engine.setup import EngineSetup, SessionSetup
from mm.risk.rules import RiskLimits, make_rules
from mm.strategies.base import Strategy

SYMBOL: Final = "LOT/CASH"

HOME: Final = 10_000
"""The mid at the start, price units: there one unit is one basis point."""

BOOK_AWAY: Final = 50
"""Price units from the mid to the best prices of others."""

BOOK_ATOMS: Final = 10**12
HELD_LOTS: Final = 1_000_000
CASH_ATOMS: Final = 10**20
START_NS: Final = 1_700_000_000 * NS_PER_S
ANSWER_NS: Final = 1_000
SWEEP_NS: Final = 20 * NS_PER_MS
SWEEPS_MAX: Final = 50

GONE: Final = -2011
"""The venue's code for a cancel that found no order."""

LIMITS: Final = RiskLimits(
    stale_ns_max=2 * NS_PER_S,
    collar_ppm=15_000,
    order_lots_max=10**6,
    order_atoms_max=10**18,
    exposure_atoms_max=10**20,
    open_orders_max=40,
    placements_minute_max=10**9,
    session_loss_atoms=10**20,
    account_loss_atoms=10**20,
    open_loss_atoms=10**20,
    drawdown_ppm_max=100_000,
    slippage_ppm_max=1_500,
)
"""Every rule is in; none binds but the inventory's limit."""

CAPS: Final = Capabilities(orders_per_10s=10**9, weight_per_minute=10**9, own_orders_in_book=False)
"""A venue that does not throttle, with a book that does not show us."""


def make_lots(tick: Decimal, fee: Decimal = Decimal(0)) -> Instrument:
    """Return what is traded on the bench: whole lots at prices around `HOME`.

    Args: tick: price units. fee: of the maker per lot, price units at home; negative is a rebate.
    Raises: ValueError if they are no grid.
    """
    return make_instrument(
        InstrumentSpec(
            symbol=SYMBOL,
            venue_symbol="LOTCASH",
            base="LOT",
            quote="CASH",
            tick_size=tick,
            lot_size=Decimal(1),
            size_min=Decimal(1),
            maker_fee_ratio=fee / HOME,
        )
    )


def tick_of(instrument: Instrument) -> Decimal:
    """Return the tick, price units."""
    return Decimal(instrument.tick_atoms).scaleb(-instrument.quote_scale)


@dataclass(slots=True)
class _Resting:
    # An order at the bench's venue.
    cid: str
    side: Side
    price_ticks: int


class Desk:
    """One engine with one session and its orders.

    Fields: instrument; lots: inventory; cash_ticks: what fills brought and cost; fills, messages: how many;
    cap: the inventory's limit, lots.
    """

    def __init__(
        self,
        strategy: Strategy[object],
        instrument: Instrument,
        *,
        cap: int,
        lots: int = 0,
        latency_steps: int = 0,
    ) -> None:
        """Begin to quote around `HOME`. Args: lots: held already; latency_steps: until a request arrives."""
        tick = tick_of(instrument)
        self.instrument = instrument
        self.lots = lots
        self.cash_ticks = 0
        self.fills = 0
        self.messages = 0
        self.cap = cap
        self._latency = latency_steps
        self._orders: dict[str, _Resting] = {}
        self._under_way: deque[tuple[int, Place | Cancel]] = deque()
        self._step = 0
        self._seq = 1
        self._ts_ns = START_NS
        self._home = int(HOME / tick)
        self._away = int(BOOK_AWAY / tick)
        self._best = (0, 0)
        self._engine = Engine(_setup(strategy, instrument, cap, HELD_LOTS - lots))
        self._begin()

    @property
    def state(self) -> str:
        """What the session does and why, in words."""
        session = self._engine.state.sessions[0]
        return f"{session.state}: {session.reason}"

    def best(self, side: Side) -> int:
        """Return the nearest price that rests on a side, ticks; 0 where there is none."""
        prices = [order.price_ticks for order in self._orders.values() if order.side is side]
        return 0 if not prices else max(prices) if side is BUY else min(prices)

    def show(self, mid_half_ticks: int, ts_ns: int, *, steps: int = 1) -> None:
        """Begin a step: show a mid, let what is under way arrive.

        Args: ts_ns: since the start. steps: that begin, 0 where the mid moves within one.
        """
        self._step += steps
        self._ts_ns = max(self._ts_ns + 1, self._start_ns + ts_ns)
        self._arrive()
        bid = mid_half_ticks // 2 - self._away
        ask = mid_half_ticks - bid
        old_bid, old_ask = self._best
        if (bid, ask) != self._best:
            self._seq += 1
            self._best = (bid, ask)
            bids = (Level(bid, BOOK_ATOMS), *((Level(old_bid, 0),) if old_bid != bid else ()))
            asks = (Level(ask, BOOK_ATOMS), *((Level(old_ask, 0),) if old_ask != ask else ()))
            self._tell(BookDelta(ts_ns=0, symbol=SYMBOL, seq=self._seq, venue_ms=0, bids=bids, asks=asks))

    def take(self, *sides: Side) -> None:
        """Let somebody take the nearest order of ours on each of `sides`, at the same instant.

        What the engine answers to the first fill comes too late for the second.
        """
        taken = [self._nearest(side) for side in sides]
        for order in taken:
            del self._orders[order.cid]
        for order in taken:
            self.fills += 1
            self.lots += order.side.sign
            self.cash_ticks -= order.side.sign * order.price_ticks
            self._tell(
                OrderFilled(
                    ts_ns=0,
                    symbol=SYMBOL,
                    cid=order.cid,
                    trade_id=self.fills,
                    side=order.side,
                    price_ticks=order.price_ticks,
                    size_lots=1,
                    fee_atoms=0,
                    fee_asset=self.instrument.quote,
                    maker=True,
                    source=Source.STREAM,
                )
            )

    def _nearest(self, side: Side) -> _Resting:
        price = self.best(side)
        return next(one for one in self._orders.values() if (one.side, one.price_ticks) == (side, price))

    # ---- the venue of the bench

    def _begin(self) -> None:
        bid, ask = self._best = (self._home - self._away, self._home + self._away)
        for stream in (Stream.USER, Stream.MARKET):
            self._tell(StreamUp(ts_ns=0, stream=stream))
        bids, asks = (Level(bid, BOOK_ATOMS),), (Level(ask, BOOK_ATOMS),)
        self._tell(BookSnapshot(ts_ns=0, symbol=SYMBOL, seq=self._seq, bids=bids, asks=asks))
        now = self._ts_ns
        self._tell(OrdersListed(ts_ns=0, symbol=SYMBOL, asked_ns=now, orders=()))
        self._tell(FillsListed(ts_ns=0, symbol=SYMBOL, asked_ns=now, next_trade_id=0, complete=True))
        held = HELD_LOTS * self.instrument.lot_atoms
        balances = (("LOT", held, 0), ("CASH", CASH_ATOMS, 0))
        self._tell(BalancesListed(ts_ns=0, asked_ns=now, balances=balances))
        session = self._engine.state.sessions[0]
        for _ in range(SWEEPS_MAX):
            if session.state is SessionState.ACTIVE:
                break
            self._ts_ns += SWEEP_NS
            self._tell(Advanced(ts_ns=0))
        # The first quotes stand from here on: time 0 of a session that has an end.
        self._start_ns = self._ts_ns

    def _tell(self, event: AnyEvent) -> None:
        # Answers bring further commands.
        self._ts_ns += ANSWER_NS
        self._carry_out(self._engine.step(replace(event, ts_ns=self._ts_ns)))

    def _carry_out(self, commands: Sequence[AnyCommand]) -> None:
        for command in commands:
            if isinstance(command, Place | Cancel):
                self.messages += 1
                self._under_way.append((self._step + self._latency, command))
        self._arrive()

    def _arrive(self) -> None:
        while self._under_way and self._under_way[0][0] <= self._step:
            _, command = self._under_way.popleft()
            if isinstance(command, Place):
                self._orders[command.cid] = _Resting(command.cid, command.side, command.price_ticks)
                self._tell(
                    OrderAcked(
                        ts_ns=0,
                        cid=command.cid,
                        venue_order_id="1",
                        price_ticks=command.price_ticks,
                        size_lots=command.size_lots,
                        source=Source.STREAM,
                    )
                )
            elif self._orders.pop(command.cid, None) is not None:
                self._tell(OrderCanceled(ts_ns=0, cid=command.cid, cum_lots=0, source=Source.STREAM))
            else:
                self._tell(CancelRejected(ts_ns=0, cid=command.cid, code=GONE))


def _setup(strategy: Strategy[object], instrument: Instrument, cap: int, target_lots: int) -> EngineSetup:
    session = SessionSetup(
        name="bench",
        instrument=instrument,
        strategy=strategy,
        rules=make_rules(LIMITS),
        band_lots_max=cap,
        band_ratio_ppm=10**9,
        target_lots=target_lots,
    )
    return EngineSetup(ids=OrderIds(tag=1, key=b"bench"), epoch=1, caps=CAPS, sessions=(session,))
