"""A calm venue for long runs: one market, one account, and no memory of its own that grows.

It trades, answers late, loses an answer now and then and drops its streams every few hours. What it forgets
is what a venue would not be asked for any more. Invariant: no money is made: balances follow from the fills.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final, Protocol, assert_never

from msgspec.structs import replace

from mm.domain.book import Level
from mm.domain.capabilities import Capabilities
from mm.domain.commands import (
    Cancel,
    Connect,
    ListBalances,
    ListFills,
    ListOrders,
    MeasureClock,
    Place,
    Query,
    SyncBook,
    VenueCommand,
)
from mm.domain.events import (
    AnyEvent,
    BalancesListed,
    BookDelta,
    BookSnapshot,
    CancelRejected,
    CancelUnknown,
    ClockMeasured,
    FillsListed,
    ListedOrder,
    OrderAcked,
    OrderCanceled,
    OrderFilled,
    OrderNotFound,
    OrderRejected,
    OrderSeen,
    OrdersListed,
    PlaceUnknown,
    PublicTrade,
    Source,
    Stream,
    StreamDown,
    StreamUp,
)
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.domain.units import NS_PER_MS, PPM, ceil_div
from mm.runtime.simulate.instruments import FIRST

MID_TICKS: Final = 10_000
REACH_TICKS: Final = 100
"""The mid stays this close to where it began."""

DEPTH: Final = 5
"""Levels of the book on each side."""

LEVEL_LOTS: Final = 50

ENDED_MAX: Final = 2_000
FILLS_MAX: Final = 5_000
"""What is still known of orders that ended, and of fills: more than anybody asks for."""

CROSSED_CODE: Final = -2010
NO_ORDER_CODE: Final = -2011

PATIENCE_S: Final = 6.0
"""After this an answer that got lost is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How lively it is.

    Fields: tick_s: mean pause between two changes of the book; taken: of a thousand changes, how many come
    with a trade against us; lost: of a thousand requests, how many are not answered; down_s: mean time
    between two ends of a stream.
    """

    tick_s: float = 0.9
    taken: int = 60
    lost: int = 2
    down_s: float = 3 * 3_600.0


@dataclass(slots=True)
class _Order:
    place: Place
    number: int
    cum_lots: int = 0


class Clock(Protocol):
    """Tells the core's time."""

    def now_ns(self) -> int:
        """Return nanoseconds."""
        ...


class SoakVenue:
    """The venue. Fields: caps; events: handed out so far; lost: answers that never came; drops: ends of
    streams.
    """

    def __init__(self, clock: Clock, random: Random, pace: Pace) -> None:
        """Begin closed. Args: random: everything is drawn from it."""
        self.caps = Capabilities(orders_per_10s=100, weight_per_minute=6_000, own_orders_in_book=False)
        self.events = self.lost = self.drops = 0
        self._clock = clock
        self._random = random
        self._pace = pace
        self._sink: Callable[[AnyEvent], None] | None = None
        self._up = dict.fromkeys(Stream, False)
        self._synced = False
        self._mid = MID_TICKS
        self._seq = 0
        self._numbers = 0
        self._live: dict[str, _Order] = {}
        self._ended: dict[str, _Order] = {}
        self._fills: deque[OrderFilled] = deque(maxlen=FILLS_MAX)
        self._trades = 0
        self._prints = 0
        self._held = {FIRST.base: 10**12, FIRST.quote: 10**15}

    # ---- the port

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return the one instrument."""
        assert symbols == (FIRST.symbol,)
        return (FIRST,)

    async def start(self, sink: Callable[[AnyEvent], None]) -> None:
        """Begin to trade."""
        self._sink = sink
        self._later(self._pace.tick_s, self._tick)
        for stream in Stream:
            self._later(self._drawn_s(self._pace.down_s), self._dropping(stream))

    async def close(self) -> None:
        """Say nothing more."""
        self._sink = None

    def submit(self, command: VenueCommand) -> None:
        """Take a command; its effect and its answer come later."""
        asked_ns = self._clock.now_ns()
        match command:
            case Place():
                self._request(lambda: self._place(command), self._lost_place(command))
            case Cancel():
                self._request(
                    lambda: self._cancel(command),
                    lambda: self._emit(CancelUnknown(ts_ns=self._now(), cid=command.cid, cause="no answer")),
                )
            case Query():
                self._soon(lambda: self._query(command))
            case ListOrders():
                self._soon(lambda: self._list_orders(asked_ns))
            case ListFills():
                self._soon(lambda: self._list_fills(command, asked_ns))
            case ListBalances():
                self._soon(lambda: self._list_balances(asked_ns))
            case Connect():
                self._up[command.stream] = False
                self._later(0.5, lambda: self._come_up(command.stream))
            case SyncBook():
                self._soon(self._snapshot)
            case MeasureClock():
                self._soon(
                    lambda: self._emit(
                        ClockMeasured(ts_ns=self._now(), offset_ns=0, round_trip_ns=10 * NS_PER_MS)
                    )
                )
            case _:
                assert_never(command)

    # ---- requests

    def _request(self, carry_out: Callable[[], AnyEvent], lost: Callable[[], None]) -> None:
        # What gets lost is the request or its answer, equally often.
        drawn = self._random.randrange(2_000)
        if drawn >= 2 * self._pace.lost:
            self._soon(lambda: self._answer(carry_out()))
            return
        if drawn % 2:
            self._soon(lambda: self._lose(carry_out()))
        self._later(PATIENCE_S, lost)

    def _lose(self, answer: AnyEvent) -> None:
        self.lost += 1
        assert answer is not None

    def _answer(self, event: AnyEvent) -> None:
        self._later(0.01, lambda: self._emit(event))

    def _lost_place(self, command: Place) -> Callable[[], None]:
        return lambda: self._emit(PlaceUnknown(ts_ns=self._now(), cid=command.cid, cause="no answer"))

    def _place(self, command: Place) -> AnyEvent:
        crosses = (
            command.price_ticks > self._mid if command.side is Side.BUY else command.price_ticks < self._mid
        )
        if crosses or not command.post_only:
            return OrderRejected(
                ts_ns=self._now(), cid=command.cid, code=CROSSED_CODE, reason="would take", crossed=True
            )
        self._numbers += 1
        self._live[command.cid] = _Order(command, self._numbers)
        self._tell(self._acked(command, Source.STREAM))
        return self._acked(command, Source.ANSWER)

    def _acked(self, command: Place, source: Source) -> OrderAcked:
        return OrderAcked(
            ts_ns=self._now(),
            cid=command.cid,
            venue_order_id=str(self._live[command.cid].number),
            price_ticks=command.price_ticks,
            size_lots=command.size_lots,
            source=source,
        )

    def _cancel(self, command: Cancel) -> AnyEvent:
        order = self._live.get(command.cid)
        if order is None:
            return CancelRejected(ts_ns=self._now(), cid=command.cid, code=NO_ORDER_CODE)
        self._end(order)
        self._tell(self._canceled(order, Source.STREAM))
        return self._canceled(order, Source.ANSWER)

    def _canceled(self, order: _Order, source: Source) -> OrderCanceled:
        return OrderCanceled(ts_ns=self._now(), cid=order.place.cid, cum_lots=order.cum_lots, source=source)

    def _end(self, order: _Order) -> None:
        cid = order.place.cid
        self._ended[cid] = self._live.pop(cid)
        if len(self._ended) > ENDED_MAX:
            del self._ended[next(iter(self._ended))]

    def _query(self, command: Query) -> None:
        order = self._live.get(command.cid) or self._ended.get(command.cid)
        if order is None:
            self._emit(OrderNotFound(ts_ns=self._now(), cid=command.cid))
            return
        self._emit(
            OrderSeen(
                ts_ns=self._now(),
                cid=command.cid,
                venue_order_id=str(order.number),
                open=command.cid in self._live,
                cum_lots=order.cum_lots,
            )
        )

    # ---- listings

    def _list_orders(self, asked_ns: int) -> None:
        listed = tuple(
            ListedOrder(
                cid,
                str(order.number),
                order.place.side,
                order.place.price_ticks,
                order.place.size_lots,
                order.cum_lots,
            )
            for cid, order in self._live.items()
        )
        self._emit(OrdersListed(ts_ns=self._now(), symbol=FIRST.symbol, asked_ns=asked_ns, orders=listed))

    def _list_fills(self, command: ListFills, asked_ns: int) -> None:
        for fill in list(self._fills):
            if fill.trade_id >= command.from_trade_id:
                self._emit(replace(fill, ts_ns=self._now(), source=Source.QUERY))
        self._emit(
            FillsListed(
                ts_ns=self._now(),
                symbol=FIRST.symbol,
                asked_ns=asked_ns,
                next_trade_id=self._trades + 1,
                complete=True,
            )
        )

    def _list_balances(self, asked_ns: int) -> None:
        held = tuple((asset, atoms, 0) for asset, atoms in self._held.items())
        self._emit(BalancesListed(ts_ns=self._now(), asked_ns=asked_ns, balances=held))

    # ---- streams

    def _come_up(self, stream: Stream) -> None:
        self._up[stream] = True
        self._synced = self._synced and stream is not Stream.MARKET
        self._emit(StreamUp(ts_ns=self._now(), stream=stream))

    def _dropping(self, stream: Stream) -> Callable[[], None]:
        return lambda: self._drop(stream)

    def _drop(self, stream: Stream) -> None:
        self._later(self._drawn_s(self._pace.down_s), self._dropping(stream))
        if self._up[stream]:
            self._up[stream] = False
            self.drops += 1
            self._emit(StreamDown(ts_ns=self._now(), stream=stream, reason="ended by the venue"))

    def _tell(self, event: AnyEvent) -> None:
        # What happens while the user stream is down is never told by it.
        if self._up[Stream.USER]:
            self._later(0.005, lambda: self._emit(event))

    # ---- the market

    def _tick(self) -> None:
        self._later(self._drawn_s(self._pace.tick_s), self._tick)
        before = self._levels()
        step = self._random.choice((-1, -1, 0, 0, 0, 0, 1, 1))
        if abs(self._mid + step - MID_TICKS) <= REACH_TICKS:
            self._mid += step
        self._seq += 1
        self._trade()
        if self._up[Stream.MARKET] and self._synced:
            self._print()
            now = self._levels()
            bids, asks = (
                tuple(Level(price, new.get(price, 0)) for price in sorted({*old, *new}))
                for old, new in zip(before, now, strict=True)
            )
            self._emit(
                BookDelta(
                    ts_ns=self._now(),
                    symbol=FIRST.symbol,
                    seq=self._seq,
                    venue_ms=self._now() // NS_PER_MS,
                    bids=bids,
                    asks=asks,
                )
            )

    def _print(self) -> None:
        # Others trade deep into the book: on paper that is what fills us.
        if self._random.randrange(1_000) < self._pace.taken:
            side = self._random.choice((Side.BUY, Side.SELL))
            self._prints += 1
            self._emit(
                PublicTrade(
                    ts_ns=self._now(),
                    symbol=FIRST.symbol,
                    trade_id=self._prints,
                    price_ticks=self._mid + side.sign * DEPTH,
                    size_atoms=2 * DEPTH * LEVEL_LOTS * FIRST.lot_atoms,
                    aggressor=side,
                )
            )

    def _trade(self) -> None:
        for order in list(self._live.values()):
            place = order.place
            through = (
                place.price_ticks > self._mid if place.side is Side.BUY else place.price_ticks < self._mid
            )
            if through:
                self._fill(order, place.size_lots - order.cum_lots)
        if self._live and self._random.randrange(1_000) < self._pace.taken:
            order = self._random.choice(list(self._live.values()))
            self._fill(order, self._random.randint(1, order.place.size_lots - order.cum_lots))

    def _fill(self, order: _Order, size_lots: int) -> None:
        place = order.place
        self._trades += 1
        order.cum_lots += size_lots
        notional = FIRST.notional_atoms(place.price_ticks, size_lots)
        fee = ceil_div(notional * FIRST.maker_fee_ppm, PPM)
        self._held[FIRST.base] += place.side.sign * size_lots * FIRST.lot_atoms
        self._held[FIRST.quote] -= place.side.sign * notional + fee
        fill = OrderFilled(
            ts_ns=self._now(),
            symbol=FIRST.symbol,
            cid=place.cid,
            trade_id=self._trades,
            side=place.side,
            price_ticks=place.price_ticks,
            size_lots=size_lots,
            fee_atoms=fee,
            fee_asset=FIRST.quote,
            maker=True,
            source=Source.STREAM,
        )
        self._fills.append(fill)
        self._tell(fill)
        if order.cum_lots == place.size_lots:
            self._end(order)

    def _snapshot(self) -> None:
        bids, asks = self._levels()
        self._synced = True
        self._emit(
            BookSnapshot(
                ts_ns=self._now(),
                symbol=FIRST.symbol,
                seq=self._seq,
                bids=tuple(Level(price, bids[price]) for price in sorted(bids, reverse=True)),
                asks=tuple(Level(price, asks[price]) for price in sorted(asks)),
            )
        )

    def _levels(self) -> tuple[dict[int, int], dict[int, int]]:
        atoms = LEVEL_LOTS * FIRST.lot_atoms
        bids = {self._mid - away: atoms for away in range(1, DEPTH + 1)}
        return bids, {self._mid + away: atoms for away in range(1, DEPTH + 1)}

    # ---- time

    def _now(self) -> int:
        return self._clock.now_ns()

    def _drawn_s(self, mean_s: float) -> float:
        return mean_s * (0.5 + self._random.random())

    def _soon(self, act: Callable[[], None]) -> None:
        self._later(0.01 + self._random.random() / 50, act)

    def _later(self, delay_s: float, act: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(delay_s, act)

    def _emit(self, event: AnyEvent) -> None:
        if self._sink is not None:
            self.events += 1
            self._sink(event)
