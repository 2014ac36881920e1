"""The venue's view of a market in the kernel's arrays, for what goes through the objects.

`sim.feed.MarketFeed` itself, over sides, tops and numbers that stand in the arrays: what fills own orders is
the very code of the reference. Must never keep a level of its own. Invariant: after the same messages every
answer is the one that a `MarketFeed` gives.
"""

from collections.abc import Iterator, Sequence

from mm.domain.book import Level
from mm.domain.sides import BUY, SELL, Side
from mm.kernel import layout as at
from mm.kernel import venue_view as view
from mm.kernel.array_book import displayed, size_at, slots
from mm.kernel.memory import Memory
from mm.kernel.slots import find, list_if_near, prune, slot_of
from mm.sim.displayed import DisplayedSide, Unexplained
from mm.sim.feed import MarketFeed
from mm.sim.places import Places


class ArrayFeed(MarketFeed):
    """What is displayed, and whether it is believed. Fields: as `MarketFeed`."""

    __slots__ = ("_market", "_memory")

    def __init__(self, memory: Memory, market: int, own: dict[Side, Places]) -> None:
        """Be the view of the market whose block begins at `market`; the places of `own` see what falls."""
        self._memory = memory
        self._market = market
        self._own = own
        self._tops = ArrayTops(memory, market)
        self.sides = {
            BUY: ArraySide(memory, market + at.BID),
            SELL: ArraySide(memory, market + at.ASK),
        }

    @property
    def is_believed(self) -> bool:
        """Whether it is: between a snapshot and a loss."""
        return bool(self._memory.cells[self._market + at.BELIEVED])

    @is_believed.setter
    def is_believed(self, is_believed: bool) -> None:
        self._memory.cells[self._market + at.BELIEVED] = is_believed

    @property
    def _seq(self) -> int:
        return self._memory.cells[self._market + at.VENUE_SEQ]

    @_seq.setter
    def _seq(self, seq: int) -> None:
        self._memory.cells[self._market + at.VENUE_SEQ] = seq


class ArrayTops:
    """The tops that no depth message has caught up with: number, bid and ask, oldest first."""

    __slots__ = ("_market", "_memory")

    def __init__(self, memory: Memory, market: int) -> None:
        """Be those of the market whose block begins at `market`."""
        self._memory = memory
        self._market = market

    def __len__(self) -> int:
        """Return how many there are."""
        return self._memory.cells[self._market + at.TOPS_COUNT]

    def __getitem__(self, index: int, /) -> tuple[int, int, int]:
        """Return one; the newest is -1."""
        cells, market = self._memory.cells, self._market
        place = cells[market + at.TOPS_FIRST] + index % len(self)
        row = cells[market + at.TOPS] + place % cells[at.LEVELS_MAX] * at.TOPS_ROW
        return cells[row], cells[row + 1], cells[row + 2]

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """Yield them, oldest first."""
        for index in range(len(self)):
            yield self[index]

    def append(self, top: tuple[int, int, int], /) -> None:
        """Remember one; the oldest goes when there are too many."""
        view.keep_top(self._memory.cells, self._market, *top)

    def popleft(self) -> tuple[int, int, int]:
        """Forget the oldest, and return it."""
        top = self[0]
        view.drop_top(self._memory.cells, self._market)
        return top

    def clear(self) -> None:
        """Forget all."""
        self._memory.cells[self._market + at.TOPS_COUNT] = 0


class ArrayUnexplained(Unexplained):
    """Atoms per price that one stream has told of and the other not yet; at least one wait long."""

    __slots__ = ("_is_shown", "_memory", "_side")

    def __init__(self, memory: Memory, side: int, *, is_shown: bool) -> None:
        """Be what is shown, or what is printed, on the side whose block begins at `side`."""
        self._memory = memory
        self._side = side
        self._is_shown = is_shown

    def add(self, price_ticks: int, atoms: int, ts_ns: int) -> None:
        """Remember `atoms` (> 0) told at `ts_ns`."""
        memory = self._memory
        view.mark_time(memory.cells, ts_ns)
        memory.make_room(self._side, 1)
        slot = slot_of(memory.cells, self._side, price_ticks)
        add = view.add_shown if self._is_shown else view.add_printed
        add(memory.cells, slot, atoms, ts_ns)

    def at(self, price_ticks: int, ts_ns: int) -> tuple[int, int]:
        """Return the atoms still unexplained at a price and when the newest of them were told; (0, 0)."""
        cells = self._memory.cells
        view.mark_time(cells, ts_ns)
        slot = find(cells, self._side, price_ticks)
        if slot < 0:
            return (0, 0)
        if self._is_shown:
            return view.shown_atoms(cells, slot), view.shown_ns(cells, slot)
        view.age_printed(cells, slot)
        atoms = cells[slot + at.PRINTED] + cells[slot + at.PRINTED_OLD]
        return atoms, cells[slot + at.PRINTED_NS] if atoms else 0

    def explain(self, price_ticks: int, atoms: int, ts_ns: int) -> int:
        """Take up to `atoms` out, the oldest first; return how many there were."""
        cells = self._memory.cells
        view.mark_time(cells, ts_ns)
        slot = find(cells, self._side, price_ticks)
        explain = view.explain_shown if self._is_shown else view.explain_printed
        return explain(cells, slot, atoms) if slot >= 0 else 0

    def clear(self) -> None:
        """Forget everything."""
        first = at.SHOWN if self._is_shown else at.PRINTED
        last = at.SHOWN_OLD_NS if self._is_shown else at.PRINTED_OLD
        cells = self._memory.cells
        for slot in slots(self._memory, self._side):
            for part in range(first, last + 1):
                cells[slot + part] = 0


class ArraySide(DisplayedSide):
    """The displayed levels of one side. Fields: as `DisplayedSide`."""

    __slots__ = ("_memory", "_side")

    def __init__(self, memory: Memory, side: int) -> None:
        """Be the side whose block begins at `side`."""
        self._memory = memory
        self._side = side
        self._sign = memory.cells[side + at.SIGN]
        self.printed = ArrayUnexplained(memory, side, is_shown=False)
        self.shown = ArrayUnexplained(memory, side, is_shown=True)

    @property
    def best_ticks(self) -> int:
        """The best displayed price, 0 if nothing is displayed."""
        memory = self._memory
        key = memory.best_key(memory.view, self._side, at.VENUE)
        return self._sign * key if key != at.NOWHERE else 0

    def size_atoms(self, price_ticks: int) -> int:
        """Return what is displayed at a price, taken or not."""
        return size_at(self._memory, self._side, at.VENUE, price_ticks)

    def levels(self, limit: int) -> list[Level]:
        """Return the best `limit` levels as they are displayed."""
        return list(displayed(self._memory, self._side, at.VENUE, levels=limit))

    def offers(self) -> Iterator[tuple[int, int]]:
        """Yield price and size of what own orders have not taken yet, best first."""
        for price_ticks, size_atoms in displayed(self._memory, self._side, at.VENUE):
            left_atoms = size_atoms - size_at(self._memory, self._side, at.TAKEN, price_ticks)
            if left_atoms:
                yield price_ticks, left_atoms

    def take(self, price_ticks: int, atoms: int) -> None:
        """Let an own order take `atoms` of what is offered at a price."""
        memory = self._memory
        slot = find(memory.cells, self._side, price_ticks)
        assert slot >= 0
        taken_atoms = memory.cells[slot + at.TAKEN] + atoms
        assert taken_atoms <= memory.cells[slot + at.VENUE]
        memory.cells[slot + at.TAKEN] = taken_atoms

    def replace(self, levels: Sequence[Level]) -> None:
        """Display exactly `levels`; what was told before explains nothing any more."""
        memory, side = self._memory, self._side
        memory.spread(side, levels)
        memory.display_venue(memory.view, side, len(levels))

    def better_than(self, price_ticks: int) -> list[int]:
        """Return the displayed prices that are better than one, best first; 0 is worse than any."""
        worst = self._sign * price_ticks if price_ticks else at.NOWHERE
        return [price for price, _ in displayed(self._memory, self._side, at.VENUE, worst=worst)]

    def set(self, price_ticks: int, size_atoms: int, ts_ns: int) -> int:
        """Display a size (0: none) at a price; return by how much it fell without a print for it."""
        memory, side = self._memory, self._side
        view.mark_time(memory.cells, ts_ns)
        memory.make_room(side, 1)
        cells = memory.cells
        slot = slot_of(cells, side, price_ticks)
        fell_atoms = 0
        if size_atoms < cells[slot + at.VENUE]:
            fell_atoms = view.fall(cells, side, slot, size_atoms, ts_ns)
        elif size_atoms:
            cells[side + at.VENUE_LEVELS] += not cells[slot + at.VENUE]
            cells[slot + at.VENUE] = size_atoms
        if size_atoms:
            list_if_near(cells, side, slot, self._sign * price_ticks)
        return fell_atoms

    def prune(self) -> None:
        """Keep the best LEVELS_MAX of more than twice as many levels."""
        memory = self._memory
        prune(memory.cells, self._side, at.VENUE)
