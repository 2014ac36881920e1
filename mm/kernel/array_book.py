"""The engine's book in the kernel's arrays: the rules of `domain.book.Book`, by the leaves of the loop.

What goes through the objects and what a kernel fast-forwards change one state. Must never keep a level of
its own. Invariant: after the same messages every answer is the one that a `Book` gives.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from struct import Struct
from typing import Final

from mm.domain.book import Book, BookStatus, Level
from mm.domain.tuples import named
from mm.kernel import layout as at
from mm.kernel.memory import Memory
from mm.kernel.messages import touch
from mm.kernel.slots import find, list_if_near, set_book, slot_of

_STATUSES: Final = {
    at.EMPTY: BookStatus.EMPTY,
    at.SYNCED: BookStatus.IN_SYNC,
    at.UNSYNCED: BookStatus.OUT_OF_SYNC,
}
_CODES: Final = {status: code for code, status in _STATUSES.items()}

ALL: Final = 2**62
"""More levels than any side has."""

_LEVEL: Final = Struct("2q")


class ArrayBook(Book):
    """Bids and asks of one symbol. Fields: as `Book`."""

    __slots__ = ("_ask", "_ask_near", "_bid", "_bid_near", "_market", "_memory")

    def __init__(self, memory: Memory, market: int) -> None:
        """Be the book of the market whose block begins at `market`."""
        self._memory = memory
        self._market = market
        self._bid, self._ask = market + at.BID, market + at.ASK
        # Where the lists of near prices stand, for ever.
        self._bid_near = memory.cells[self._bid + at.NEAR]
        self._ask_near = memory.cells[self._ask + at.NEAR]

    # ---- fields

    @property
    def status(self) -> BookStatus:
        """Whether the book can be quoted on."""
        return _STATUSES[self._memory.cells[self._market + at.STATUS]]

    @status.setter
    def status(self, status: BookStatus) -> None:
        self._memory.cells[self._market + at.STATUS] = _CODES[status]

    @property
    def seq(self) -> int:
        """The venue's number of the last change applied."""
        return self._memory.cells[self._market + at.SEQ]

    @property
    def updated_ns(self) -> int:
        """Local time of the last message about this book."""
        return self._memory.cells[self._market + at.UPDATED_NS]

    @property
    def crossed_since_ns(self) -> int:
        """Local time since which bid >= ask, or 0 while the book is not crossed."""
        return self._memory.cells[self._market + at.CROSSED_NS]

    @property
    def bid_ticks(self) -> int:
        """The best bid, 0 when that side is empty."""
        key = self._memory.cells[self._bid + at.BEST]
        return key if key != at.NOWHERE else 0

    @property
    def ask_ticks(self) -> int:
        """The best ask, 0 when that side is empty."""
        key = self._memory.cells[self._ask + at.BEST]
        return -key if key != at.NOWHERE else 0

    @property
    def mid_half_ticks(self) -> int:
        """Best bid plus best ask, that is the mid in half ticks; 0 while a side is empty."""
        cells = self._memory.cells
        bid, ask = cells[self._bid + at.BEST], cells[self._ask + at.BEST]
        return bid - ask if at.NOWHERE not in (bid, ask) else 0

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid is at or above the best ask."""
        cells = self._memory.cells
        bid, ask = cells[self._bid + at.BEST], cells[self._ask + at.BEST]
        return at.NOWHERE not in (bid, ask) and bid >= -ask

    # ---- messages

    def apply_snapshot(self, ts_ns: int, seq: int, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Replace the whole book; it is in sync from now on. One older than a book in sync is ignored."""
        cells, market = self._memory.cells, self._market
        if cells[market + at.STATUS] == at.SYNCED and seq < cells[market + at.SEQ]:
            return
        self._replace(self._bid, bids)
        self._replace(self._ask, asks)
        cells = self._memory.cells
        cells[market + at.TOP] = 0
        cells[market + at.STATUS] = at.SYNCED
        cells[market + at.DEPTH_NS] = ts_ns
        self._touch(ts_ns, seq)

    def apply_delta(self, ts_ns: int, seq: int, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Apply absolute sizes per level; a book that is not in sync or is newer ignores the delta."""
        memory, market = self._memory, self._market
        if memory.cells[market + at.STATUS] != at.SYNCED or seq <= memory.cells[market + at.SEQ]:
            return
        self._apply(self._bid, bids)
        self._apply(self._ask, asks)
        memory.settle_book(memory.view, market, ts_ns, seq)

    def apply_top(self, ts_ns: int, seq: int, bid: Level, ask: Level) -> None:
        """Apply a top-of-book message: levels better than the stated top are gone, the stated ones hold.

        A message older than the book or than the newest top (same numbering) is ignored.
        """
        memory, market = self._memory, self._market
        cells = memory.cells
        if cells[market + at.STATUS] != at.SYNCED or seq <= cells[market + at.SEQ]:
            return
        if cells[market + at.TOP] and seq <= cells[market + at.TOP_SEQ]:
            return
        memory.make_room(self._bid, 1)
        memory.make_room(self._ask, 1)
        memory.apply_top(memory.view, market, ts_ns, seq, *bid, *ask)

    @property
    def depth_ns(self) -> int:
        """Local time of the last change of its depth."""
        return self._memory.cells[self._market + at.DEPTH_NS]

    def lags(self, ts_ns: int, patience_ns: int) -> bool:
        """Return whether the depth has been silent for longer than `patience_ns` while the top moved on."""
        return bool(self._memory.cells[self._market + at.TOP]) and ts_ns - self.depth_ns > patience_ns

    # ---- what it displays

    def best_bid(self, own_atoms: Mapping[int, int]) -> int:
        """Return the best bid with own sizes (price ticks -> base atoms) taken out; 0 if there is none."""
        return self._best(self._bid, own_atoms) if own_atoms else self.bid_ticks

    def best_ask(self, own_atoms: Mapping[int, int]) -> int:
        """Return the best ask with own sizes (price ticks -> base atoms) taken out; 0 if there is none."""
        return self._best(self._ask, own_atoms) if own_atoms else self.ask_ticks

    def bids(self, count: int, own_atoms: Mapping[int, int]) -> tuple[Level, ...]:
        """Return the best `count` bids with own sizes (price ticks -> base atoms) taken out."""
        return self._levels(self._bid, count, own_atoms)

    def asks(self, count: int, own_atoms: Mapping[int, int]) -> tuple[Level, ...]:
        """Return the best `count` asks with own sizes (price ticks -> base atoms) taken out."""
        return self._levels(self._ask, count, own_atoms)

    def bid_atoms(self, price_ticks: int) -> int:
        """Return what is displayed to buy at a price, base atoms, own size included."""
        return size_at(self._memory, self._bid, at.BOOK, price_ticks)

    def ask_atoms(self, price_ticks: int) -> int:
        """Return what is displayed to sell at a price, base atoms, own size included."""
        return size_at(self._memory, self._ask, at.BOOK, price_ticks)

    def __deepcopy__(self, memo: dict[int, object]) -> Book:
        """Return an ordinary book that says the same: a copy has no kernel."""
        cells, market, made = self._memory.cells, self._market, Book()
        bids, asks = (displayed(self._memory, side, at.BOOK) for side in (self._bid, self._ask))
        made.apply_snapshot(cells[market + at.DEPTH_NS], self.seq, tuple(bids), tuple(asks))
        if cells[market + at.TOP]:
            first = market + at.TOP_SEQ
            seq, bid, bid_atoms, ask, ask_atoms = cells[first : first + 5]
            made._top = (seq, Level(bid, bid_atoms), Level(ask, ask_atoms))
        made.status, made._updated_ns = self.status, self.updated_ns
        made._crossed_since_ns = self.crossed_since_ns
        return made

    def _replace(self, side: int, levels: Sequence[Level]) -> None:
        memory = self._memory
        memory.spread(side, levels)
        memory.display_book(memory.view, side, len(levels))

    def _apply(self, side: int, levels: Sequence[Level]) -> None:
        memory = self._memory
        memory.make_room(side, len(levels))
        cells = memory.cells
        sign = cells[side + at.SIGN]
        for price_ticks, size_atoms in levels:
            slot = slot_of(cells, side, price_ticks)
            set_book(cells, side, slot, sign * price_ticks, size_atoms)
            if size_atoms:
                list_if_near(cells, side, slot, sign * price_ticks)

    def _touch(self, ts_ns: int, seq: int) -> None:
        memory = self._memory
        touch(memory.cells, self._market, ts_ns, seq)

    def _best(self, side: int, own_atoms: Mapping[int, int]) -> int:
        levels = self._levels(side, 1, own_atoms)
        return levels[0].price_ticks if levels else 0

    def _levels(self, side: int, count: int, own_atoms: Mapping[int, int]) -> tuple[Level, ...]:
        if count == 1 and not own_atoms:
            # What every decision asks for; as a rule the best is the last of the list.
            is_bid = side == self._bid
            cells, near = self._memory.cells, self._bid_near if is_bid else self._ask_near
            listed = cells[side + at.NEAR_COUNT]
            if listed:
                last = near + listed - 1
                key = cells[last]
                if key == cells[side + at.BEST]:
                    size_atoms = cells[cells[last + at.NEAR_MAX] + at.BOOK]
                    return (named(Level, (key if is_bid else -key, size_atoms)),)
        levels = []
        # Each own price may take one away.
        wanted = count + len(own_atoms)
        for price_ticks, size_atoms in displayed(self._memory, side, at.BOOK, levels=wanted):
            left_atoms = size_atoms - own_atoms.get(price_ticks, 0)
            if left_atoms > 0:
                levels.append(named(Level, (price_ticks, left_atoms)))
                if len(levels) == count:
                    break
        return tuple(levels)


# ---- what both views are read by


def slots(memory: Memory, side: int) -> Iterable[int]:
    """Return all slots of a side."""
    base = memory.cells[side + at.BASE]
    return range(base, base + (memory.cells[at.MASK] + 1) * at.SLOT, at.SLOT)


def size_at(memory: Memory, side: int, view: int, price_ticks: int) -> int:
    """Return what a view displays at a price."""
    slot = find(memory.cells, side, price_ticks)
    return memory.cells[slot + view] if slot >= 0 else 0


def displayed(
    memory: Memory, side: int, view: int, *, levels: int = ALL, worst: int = at.NOWHERE
) -> Iterator[Level]:
    """Yield the best `levels` of a view that are better than the key `worst`, best first. Not while they
    change.
    """
    found = memory.list_levels(memory.view, side, view, levels, worst)
    cells = memory.cells
    begin = cells[at.SPARE]
    for level in _LEVEL.iter_unpack(cells[begin : begin + 2 * found]):
        yield named(Level, level)
    if found == levels or found == cells[side + at.BOOK_LEVELS + view - at.BOOK]:
        return
    floor, sign = cells[side + at.FLOOR], cells[side + at.SIGN]
    if floor > worst + 1:
        # What is beyond the list has to be put in order.
        keys = [(sign * (cells[slot] >> 1), slot) for slot in slots(memory, side) if cells[slot + view]]
        rest = sorted((one for one in keys if worst < one[0] < floor), reverse=True)
        for key, slot in rest[: levels - found]:
            yield Level(sign * key, cells[slot + view])
