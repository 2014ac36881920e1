"""A public market in virtual time: a seeded walk of displayed sizes and prints, and a venue that shows it.

It knows nothing of any account: what it shows and prints never depends on what others do. Prints take from
what is displayed, so that the displayed sizes and the prints tell the same story on different streams.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random
from typing import Final

from mm.domain.book import Level
from mm.domain.capabilities import Capabilities
from mm.domain.commands import Connect, MeasureClock, SyncBook, VenueCommand
from mm.domain.events import (
    AnyEvent,
    BookDelta,
    BookSnapshot,
    ClockMeasured,
    PublicTrade,
    Stream,
    StreamUp,
    TopOfBook,
)
from mm.domain.instrument import Instrument
from mm.domain.sides import BUY, SELL, Side
from mm.errors import ProtocolViolation

MS: Final = 1_000_000
DEPTH_NS: Final = 100 * MS
LEVELS: Final = 20


@dataclass
class WalkingBook:
    """The displayed book of one symbol. Fields: sizes: atoms by price and side; changed: since last asked."""

    instrument: Instrument
    random: Random
    mid_ticks: int = 10_000
    sizes: dict[Side, dict[int, int]] = field(default_factory=dict)
    changed: dict[Side, dict[int, int]] = field(default_factory=lambda: {BUY: {}, SELL: {}})
    seq: int = 1_000
    trade_id: int = 500

    def __post_init__(self) -> None:
        """Fill both sides."""
        self.sizes = {
            BUY: {self.mid_ticks - 1 - i: self._size() for i in range(LEVELS)},
            SELL: {self.mid_ticks + 1 + i: self._size() for i in range(LEVELS)},
        }

    def best(self, side: Side) -> int:
        """Return the best price of a side."""
        return max(self.sizes[BUY]) if side is BUY else min(self.sizes[SELL])

    def levels(self, side: Side) -> tuple[Level, ...]:
        """Return a whole side, best first."""
        rows = sorted(self.sizes[side].items(), reverse=side is BUY)
        return tuple(Level(price, atoms) for price, atoms in rows)

    def take_changes(self) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return what changed on both sides since the last call."""
        bids, asks = (
            tuple(Level(*row) for row in sorted(self.changed[side].items())) for side in (BUY, SELL)
        )
        self.changed = {BUY: {}, SELL: {}}
        return bids, asks

    def trade(self, aggressor: Side, atoms: int) -> list[tuple[int, int]]:
        """Let somebody take `atoms` at any price; return what printed, as (price, atoms) in order."""
        side, printed = aggressor.opposite, []
        while atoms and len(self.sizes[side]) > 2:
            price = self.best(side)
            taken = min(atoms, self.sizes[side][price])
            atoms -= taken
            self._set(side, price, self.sizes[side][price] - taken)
            printed.append((price, taken))
        return printed

    def drift(self) -> None:
        """Let somebody add, cancel, or quote inside the spread."""
        side = self.random.choice((BUY, SELL))
        price = self.random.choice(sorted(self.sizes[side]))
        spread = self.best(SELL) - self.best(BUY)
        inside = self.best(side) + side.sign * self.random.randint(1, max(1, spread - 1))
        if self.random.random() < 0.3 and inside not in self.sizes[side.opposite]:
            self._set(side, inside, self._size())
        elif self.random.random() < 0.5 and len(self.sizes[side]) > LEVELS // 2:
            self._set(side, price, self.sizes[side][price] // self.random.choice((1, 2, 4)) - 1)
        else:
            self._set(side, price, self.sizes[side][price] + self._size())
        edge = (min if side is BUY else max)(self.sizes[side])
        if len(self.sizes[side]) < LEVELS:
            self._set(side, edge - side.sign, self._size())

    def _set(self, side: Side, price: int, atoms: int) -> None:
        if atoms > 0:
            self.sizes[side][price] = atoms
        else:
            self.sizes[side].pop(price, None)
        self.changed[side][price] = max(0, atoms)
        self.seq += 1

    def _size(self) -> int:
        # Off the lot: others may trade anything.
        return self.random.randint(1, 60) * self.instrument.lot_atoms + self.random.randrange(1_000)


class PublicMarket:
    """A venue with public data alone, in virtual time.

    Fields: sent: every command it got. pace_ns: average time between two happenings.
    """

    def __init__(self, instrument: Instrument, *, seed: int = 1, pace_ns: int = 40 * MS) -> None:
        """Begin a market that follows from `seed`."""
        self.book = WalkingBook(instrument, Random(f"{seed}/book"))
        self.sent: list[VenueCommand] = []
        self.now_ns = 0
        self.closed = 0
        self._random = Random(f"{seed}/pace")
        self._pace_ns = pace_ns
        self._instrument = instrument
        self._heap: list[tuple[int, int, Callable[[], list[AnyEvent]]]] = []
        self._number = 0
        self._is_up = False

    @property
    def caps(self) -> Capabilities:
        """What a venue on the internet allows."""
        return Capabilities(orders_per_10s=100, weight_per_minute=6_000)

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return its one instrument."""
        assert symbols == (self._instrument.symbol,)
        return (self._instrument,)

    async def start(self, sink: Callable[[AnyEvent], None]) -> None:
        """Begin; events are taken by `take`, in order of their times."""

    async def close(self) -> None:
        """End."""
        self.closed += 1

    def submit(self, command: VenueCommand) -> None:
        """Take a command; what needs an account is an error, as it is at a real feed."""
        self.sent.append(command)
        match command:
            case Connect(stream=Stream.MARKET):
                self.at(30 * MS, self._up)
            case SyncBook():
                self.at(40 * MS, self._snapshot)
            case MeasureClock():
                self.at(5 * MS, lambda: [ClockMeasured(ts_ns=self.now_ns, offset_ns=0, round_trip_ns=5 * MS)])
            case _:
                raise ProtocolViolation(f"{type(command).__name__} needs an account")

    # ---- virtual time

    @property
    def next_ns(self) -> int | None:
        """When the next event comes."""
        return self._heap[0][0] if self._heap else None

    def take(self) -> list[AnyEvent]:
        """Let the next thing happen; return its events."""
        self.now_ns, _, act = heappop(self._heap)
        return act()

    def at(self, delay_ns: int, act: Callable[[], list[AnyEvent]]) -> None:
        """Let something happen later."""
        self._number += 1
        heappush(self._heap, (self.now_ns + delay_ns, self._number, act))

    def rest(self, pause_ns: int) -> None:
        """Let everything that is under way happen so much later."""
        self._heap = [(due_ns + pause_ns, number, act) for due_ns, number, act in self._heap]

    def prints(self, aggressor: Side, atoms: int) -> list[AnyEvent]:
        """Let somebody trade now; return the prints and the top after them."""
        events: list[AnyEvent] = []
        for price, size in self.book.trade(aggressor, atoms):
            self.book.trade_id += 1
            events.append(
                PublicTrade(
                    ts_ns=self.now_ns,
                    symbol=self._instrument.symbol,
                    trade_id=self.book.trade_id,
                    price_ticks=price,
                    size_atoms=size,
                    aggressor=aggressor,
                )
            )
        return [*events, self._top()]

    def _up(self) -> list[AnyEvent]:
        if not self._is_up:
            self._is_up = True
            self.at(DEPTH_NS, self._depth)
            self.at(self._pace_ns, self._happen)
        return [StreamUp(ts_ns=self.now_ns, stream=Stream.MARKET)]

    def _snapshot(self) -> list[AnyEvent]:
        self.book.take_changes()
        return [
            BookSnapshot(
                ts_ns=self.now_ns,
                symbol=self._instrument.symbol,
                seq=self.book.seq,
                bids=self.book.levels(BUY),
                asks=self.book.levels(SELL),
            )
        ]

    def _depth(self) -> list[AnyEvent]:
        self.at(DEPTH_NS, self._depth)
        bids, asks = self.book.take_changes()
        self.book.seq += 1
        return [
            BookDelta(
                ts_ns=self.now_ns,
                symbol=self._instrument.symbol,
                seq=self.book.seq,
                venue_ms=0,
                bids=bids,
                asks=asks,
            )
        ]

    def _happen(self) -> list[AnyEvent]:
        self.at(self._random.randrange(1, 2 * self._pace_ns), self._happen)
        if self._random.random() < 0.35:
            lots = self._random.choice((1, 3, 10, 40, 150))
            side = self._random.choice((BUY, SELL))
            return self.prints(side, lots * self._instrument.lot_atoms + self._random.randrange(1_000))
        self.book.drift()
        return [self._top()]

    def _top(self) -> TopOfBook:
        bid, ask = self.book.best(BUY), self.book.best(SELL)
        return TopOfBook(
            ts_ns=self.now_ns,
            symbol=self._instrument.symbol,
            seq=self.book.seq,
            bid=Level(bid, self.book.sizes[BUY][bid]),
            ask=Level(ask, self.book.sizes[SELL][ask]),
        )
