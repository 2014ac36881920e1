"""A venue in plain Python, in the same process: it behaves, unless a test tells it not to.

Answers inside `submit` (the hardest case for a loop that must not nest its steps) or a latency later.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar, assert_never

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
    ClockMeasured,
    FillsListed,
    ListedOrder,
    OrderAcked,
    OrderCanceled,
    OrderFilled,
    OrderNotFound,
    OrderSeen,
    OrdersListed,
    Source,
    Stream,
    StreamUp,
)
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from tests.builders.instruments import INSTRUMENT

MID_TICKS: Final = 10_000
"""Half-way between its best bid and ask, which are 10 ticks away from it."""

BEAT_S: Final = 0.5
"""Pause between two signs of life of the book."""

CAPS: Final = Capabilities(orders_per_10s=1_000, weight_per_minute=1_000_000)

C = TypeVar("C", bound=VenueCommand)


class Clock(Protocol):
    """Tells the core's time."""

    def now_ns(self) -> int:
        """Return it."""
        ...


@dataclass(slots=True)
class Resting:
    """An order on its book. Fields: place: as it came; cum_lots: filled so far."""

    place: Place
    cum_lots: int = 0

    def listed(self) -> ListedOrder:
        """Return it as a listing shows it."""
        return ListedOrder(
            cid=self.place.cid,
            venue_order_id="1",
            side=self.place.side,
            price_ticks=self.place.price_ticks,
            size_lots=self.place.size_lots,
            cum_lots=self.cum_lots,
        )


class FakeVenue:
    """One account.

    Fields:
        sent: every command, in order. open: what rests, by client id. foreign: what others left there.
        deaf_to: kinds of commands that have no effect and bring no answer. latency_s: 0 answers at once,
        inside `submit`. held: atoms of base and quote. started, closed: what became of it. on_submit: looks
        at each command first.
    """

    def __init__(self, clock: Clock, *, latency_s: float = 0.0, instrument: Instrument = INSTRUMENT) -> None:
        self.sent: list[VenueCommand] = []
        self.open: dict[str, Resting] = {}
        self.foreign: list[ListedOrder] = []
        self.deaf_to: tuple[type[VenueCommand], ...] = ()
        self.latency_s = latency_s
        self.held = (10**12, 10**16)
        self.started = self.closed = 0
        self.on_submit: Callable[[VenueCommand], None] = lambda _: None
        self._clock = clock
        self._instrument = instrument
        self._sink: Callable[[AnyEvent], None] | None = None
        self._unheard: list[tuple[VenueCommand, int]] = []
        self._seq = 100
        self._trades = 0
        self._beat: asyncio.TimerHandle | None = None

    @property
    def caps(self) -> Capabilities:
        """What it can do: everything."""
        return CAPS

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return its one instrument."""
        assert symbols == (self._instrument.symbol,)
        return (self._instrument,)

    async def start(self, sink: Callable[[AnyEvent], None]) -> None:
        """Begin."""
        self.started += 1
        self._sink = sink

    async def close(self) -> None:
        """Fall silent."""
        self.closed += 1
        self._sink = None
        if self._beat is not None:
            self._beat.cancel()

    def submit(self, command: VenueCommand) -> None:
        """Take a command and answer it."""
        assert self._sink is not None, "a command came outside of start and close"
        self.sent.append(command)
        self.on_submit(command)
        asked_ns = self._clock.now_ns()
        if isinstance(command, self.deaf_to):
            self._unheard.append((command, asked_ns))
        else:
            self.later(lambda: self._answer(command, asked_ns))

    def hear_again(self) -> None:
        """Be deaf to nothing any more, and answer what was not heard: late, as of when it was asked."""
        self.deaf_to = ()
        while self._unheard:
            self._answer(*self._unheard.pop(0))

    def _answer(self, command: VenueCommand, asked_ns: int) -> None:
        for event in self._answers(command, asked_ns):
            self.tell(event)

    def later(self, call: Callable[[], object]) -> None:
        """Do `call` after the latency; at once without one."""
        if self.latency_s:
            asyncio.get_running_loop().call_later(self.latency_s, call)
        else:
            call()

    def tell(self, event: AnyEvent) -> None:
        """Hand an event to whoever listens."""
        if self._sink is not None:
            self._sink(event)

    def commands(self, kind: type[C]) -> list[C]:
        """Return every command of a kind so far."""
        return [command for command in self.sent if isinstance(command, kind)]

    def fill(self, cid: str, lots: int, *, trade_id: int = 0) -> OrderFilled:
        """Let somebody trade with a resting order, tell it and return what was told."""
        resting = self.open[cid]
        self._trades += 1
        resting.cum_lots += lots
        if resting.cum_lots >= resting.place.size_lots:
            del self.open[cid]
        event = OrderFilled(
            ts_ns=self._clock.now_ns(),
            symbol=resting.place.symbol,
            cid=cid,
            trade_id=trade_id or self._trades,
            side=resting.place.side,
            price_ticks=resting.place.price_ticks,
            size_lots=lots,
            fee_atoms=0,
            fee_asset=self._instrument.quote,
            maker=True,
            source=Source.STREAM,
        )
        self.tell(event)
        return event

    def leave(self, cid: str) -> None:
        """Let an order rest that this life did not place."""
        self.open[cid] = Resting(
            Place(
                cid=cid,
                symbol=self._instrument.symbol,
                side=Side.BUY,
                price_ticks=MID_TICKS - 50,
                size_lots=10,
                post_only=True,
                time_in_force="gtc",  # type: ignore[arg-type] # never looked at
                reduces=False,
                market_seq=0,
                market_age_ns=0,
            )
        )

    def _answers(self, command: VenueCommand, asked_ns: int) -> Iterator[AnyEvent]:
        now = self._clock.now_ns()
        match command:
            case Place() | Cancel() | Query():
                yield from self._order_answers(command, now)
            case ListOrders(symbol=symbol):
                listed = (*(resting.listed() for resting in self.open.values()), *self.foreign)
                yield OrdersListed(ts_ns=now, symbol=symbol, asked_ns=asked_ns, orders=listed)
            case ListFills(symbol=symbol):
                yield FillsListed(
                    ts_ns=now,
                    symbol=symbol,
                    asked_ns=asked_ns,
                    next_trade_id=self._trades + 1,
                    complete=True,
                )
            case ListBalances():
                base_atoms, quote_atoms = self.held
                held = ((self._instrument.base, base_atoms, 0), (self._instrument.quote, quote_atoms, 0))
                yield BalancesListed(ts_ns=now, asked_ns=asked_ns, balances=held)
            case MeasureClock():
                yield ClockMeasured(ts_ns=now, offset_ns=0, round_trip_ns=0)
            case Connect(stream=stream):
                yield StreamUp(ts_ns=now, stream=stream)
                if stream is Stream.MARKET:
                    self._beat = asyncio.get_running_loop().call_later(BEAT_S, self._live)
            case SyncBook(symbol=symbol):
                yield self._book(symbol, now)
            case _:
                assert_never(command)

    def _order_answers(self, command: Place | Cancel | Query, now: int) -> Iterator[AnyEvent]:
        cid = command.cid
        resting = self.open.get(cid)
        if isinstance(command, Place):
            self.open[cid] = Resting(command)
            yield OrderAcked(
                ts_ns=now,
                cid=cid,
                venue_order_id="1",
                price_ticks=command.price_ticks,
                size_lots=command.size_lots,
                source=Source.STREAM,
            )
        elif isinstance(command, Cancel) and resting is not None:
            del self.open[cid]
            yield OrderCanceled(ts_ns=now, cid=cid, cum_lots=resting.cum_lots, source=Source.STREAM)
        elif isinstance(command, Cancel):
            yield CancelRejected(ts_ns=now, cid=cid, code=-2011)
        elif resting is not None:
            yield OrderSeen(ts_ns=now, cid=cid, venue_order_id="1", open=True, cum_lots=resting.cum_lots)
        else:
            yield OrderNotFound(ts_ns=now, cid=cid)

    def _book(self, symbol: str, now: int) -> BookSnapshot:
        self._seq += 1
        bids = tuple(Level(MID_TICKS - 10 - 10 * i, 10**12) for i in range(20))
        asks = tuple(Level(MID_TICKS + 10 + 10 * i, 10**12) for i in range(20))
        return BookSnapshot(ts_ns=now, symbol=symbol, seq=self._seq, bids=bids, asks=asks)

    def _live(self) -> None:
        self._seq += 1
        self._beat = asyncio.get_running_loop().call_later(BEAT_S, self._live)
        self.tell(
            BookDelta(
                ts_ns=self._clock.now_ns(),
                symbol=self._instrument.symbol,
                seq=self._seq,
                venue_ms=0,
                bids=(),
                asks=(),
            )
        )
