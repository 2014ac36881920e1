"""Rows of a tape with what a file says beyond them, so that a recording can be stored and given back whole.

What is no row of a tape (changes before the first snapshot, a snapshot that is too old, what is no trade) is
kept beside the rows, under kinds of its own. Must never be handed to an engine: `Source.chunks` leaves that
out. Invariants: as `mm.domain.tape`; rows of numbered frames are in the order in which they were received.
"""

from array import array
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

from mm.domain.events import AnyEvent
from mm.domain.tape import DELTA, OTHER, SNAPSHOT, TRADE, Chunk, Column, Columns, OrderRow

KEPT: Final = 16
"""Added to the kind of a message that is in the recording and is no row of the tape."""

KEPT_SNAPSHOT: Final = SNAPSHOT + KEPT
KEPT_DELTA: Final = DELTA + KEPT
KEPT_TRADE: Final = TRADE + KEPT
MARK: Final = 32
"""A mark price with its funding rate: price and size are in 10^-8, not in ticks and atoms; the time of the
next funding stands where others say when what they tell happened (`Details.txn_ms`), 0 if it is never.
"""

MARK_SCALE: Final = 8

MADE_HERE: Final = -1
"""The frame of rows that nobody sent: keyframes, lost books, and changes repeated behind their snapshot."""


class Details(NamedTuple):
    """What a file says of a row beyond `Columns`, a column per fact.

    Fields: event_ms, txn_ms: the venue's times of the message and of what it tells, 0 where it tells none;
    first, previous: the venue's numbers of the first change in it and of the last one before it, -1 where it
    tells none; frame: number of the message in its source, from 0 in the order of receipt, or MADE_HERE.
    """

    event_ms: Column
    txn_ms: Column
    first: Column
    previous: Column
    frame: Column


class Detailed(NamedTuple):
    """A chunk with its details; `chunk` holds kept messages too."""

    chunk: Chunk
    details: Details


class Head(NamedTuple):
    """What all rows of a message have in common; the fields are those of `Columns` and `Details`."""

    ts_ns: int
    kind: int
    seq: int
    venue_ms: int = 0
    event_ms: int = 0
    txn_ms: int = 0
    first: int = -1
    previous: int = -1
    frame: int = MADE_HERE


Levels: TypeAlias = Iterable[tuple[int, int]]
"""Prices in ticks with sizes in base atoms."""


class DetailedWriter:
    """Makes rows of messages, one after the other, for one market or several."""

    def __init__(self, symbols: tuple[str, ...], *, details: bool) -> None:
        """Begin without rows. Args: details: without them, kept messages are left out too."""
        self.symbols = symbols
        self.has_details = details
        self._begin()

    def __len__(self) -> int:
        """Return how many rows wait to be taken."""
        return len(self._ts_ns)

    def add(self, head: Head, bids: Levels = (), asks: Levels = (), *, market: int = 0) -> None:
        """Write the rows of a message: a row per level, or one without any."""
        if head.kind > KEPT and not self.has_details:
            return
        before = len(self._price)
        for price_ticks, size_atoms in bids:
            self._side.append(1)
            self._price.append(price_ticks)
            self._size.append(size_atoms)
        for price_ticks, size_atoms in asks:
            self._side.append(-1)
            self._price.append(price_ticks)
            self._size.append(size_atoms)
        count = len(self._price) - before
        if not count:
            self._side.append(0)
            self._price.append(0)
            self._size.append(0)
            count = 1
        self._market.extend([market] * count)
        self._last.extend([0] * (count - 1))
        self._last.append(1)
        for column, value in zip(self._heads, head, strict=False):
            if count == 1:
                column.append(value)
            else:
                column.extend([value] * count)

    def add_orders(self, head: Head, orders: Sequence[OrderRow], *, market: int = 0) -> None:
        """Write a message of single orders, at least one row. Args: head: its number is that of no row."""
        for left, (side, price_ticks, size_atoms, order_id) in zip(
            range(len(orders) - 1, -1, -1), orders, strict=True
        ):
            self._side.append(side)
            self._price.append(price_ticks)
            self._size.append(size_atoms)
            self._market.append(market)
            self._last.append(not left)
            for column, value in zip(self._heads, head._replace(seq=order_id), strict=False):
                column.append(value)

    def add_mark(self, head: Head, price: int, rate: int, *, market: int = 0) -> None:
        """Write a mark price with its funding rate, both in 10^-8."""
        before = len(self._price)
        self.add(head, market=market)
        if len(self._price) > before:
            self._price[-1], self._size[-1] = price, rate

    def add_other(self, event: AnyEvent) -> None:
        """Write an event that is no row."""
        self.add(Head(ts_ns=event.ts_ns, kind=OTHER, seq=len(self._others)))
        self._others.append(event)

    def take(self) -> Detailed:
        """Return the rows so far, and begin anew; without details those have no rows."""
        ts_ns, kind, seq, venue_ms = self._heads[:4]
        columns = Columns(
            ts_ns, kind, self._market, self._side, self._price, self._size, seq, venue_ms, self._last
        )
        details = Details(*(self._heads[4:] if self.has_details else (array("q") for _ in Details._fields)))
        taken = Detailed(Chunk(self.symbols, columns, tuple(self._others)), details)
        self._begin()
        return taken

    def _begin(self) -> None:
        self._others: list[AnyEvent] = []
        self._market, self._side, self._last = array("q"), array("q"), array("q")
        self._price, self._size = array("q"), array("q")
        self._heads = [array("q") for _ in (Head._fields if self.has_details else Head._fields[:4])]
        self._ts_ns = self._heads[0]
