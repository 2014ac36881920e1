"""The kernel's array: made, grown, and given to plain and to compiled code at once.

Integers of Python's own `array`, so that objects read and write them quickly; compiled code, which also does
what goes over whole sides, is given a view of the same bytes. Knows nothing of messages. Invariant: what
stands in it stays where it is for ever; regions that become too small are left behind and made anew at its
end.
"""

import math
from array import array
from collections.abc import Sequence
from itertools import chain
from typing import Final

from mm.domain.book import Level
from mm.kernel import layout as at
from mm.kernel.compiled import Compiled, entry
from mm.kernel.slots import fits

SLOTS: Final = 4_096
"""Slots of a side at first; a power of 2."""

PLACES_AT_FIRST: Final = 8

MANTISSA_BITS: Final = 53


class Memory:
    """The array of a kernel.

    Fields: cells: see `layout`. view: the same as the entries take it; both are replaced when it grows.
    blocks: where the blocks of the markets stand in it. run, best_key, list_levels, apply_top, settle_book,
    display_book, display_venue: the entries of that name, compiled or not.
    """

    def __init__(
        self, markets: int, *, levels_max: int, slots: int = SLOTS, made: Compiled | None = None
    ) -> None:
        """Lay out empty markets.

        Args: levels_max: that a side keeps; slots: at first, a power of 2; made: None: nothing is compiled.
        """
        self.view: object = None
        self.run = entry(made, "run")
        self.best_key, self.list_levels = entry(made, "best_key"), entry(made, "list_levels")
        self.apply_top, self.settle_book = entry(made, "apply_top"), entry(made, "settle_book")
        self.display_book, self.display_venue = entry(made, "display_book"), entry(made, "display_venue")
        self._make_room, self._move_in = entry(made, "make_room"), entry(made, "move_in")
        self._made = made
        self.blocks = [at.CONTROL + market * at.MARKET for market in range(markets)]
        self.cells = array("q", bytes(8 * (at.CONTROL + markets * at.MARKET)))
        for market in self.blocks:
            self._lay_out_market(market, levels_max)
            for side, sign in ((market + at.BID, 1), (market + at.ASK, -1)):
                self._lay_out(side, sign)
        cells = self.cells
        cells[at.LOG_MAX] = at.LOG_ENTRIES
        cells[at.MARKETS], cells[at.MARKETS_COUNT] = at.CONTROL, markets
        cells[at.LEVELS_MAX] = levels_max
        self._resize(slots)

    def _lay_out_market(self, market: int, levels_max: int) -> None:
        tops = self.region(levels_max * at.TOPS_ROW)
        logs = self.region(2 * at.LOG_ENTRIES * at.ENTRY)
        cells = self.cells
        cells[market + at.LAST_TRADE_ID] = -1
        cells[market + at.TOPS] = tops
        cells[market + at.TOP_LOG], cells[market + at.TRADE_LOG] = logs, logs + at.LOG_ENTRIES * at.ENTRY

    def _lay_out(self, side: int, sign: int) -> None:
        near = self.region(2 * at.NEAR_MAX)
        places = self.region(PLACES_AT_FIRST * at.PLACE)
        cells = self.cells
        cells[side + at.SIGN] = sign
        cells[side + at.BEST] = cells[side + at.FLOOR] = cells[side + at.OWN_BEST] = at.NOWHERE
        cells[side + at.NEAR] = near
        cells[side + at.PLACES] = places
        cells[side + at.PLACES_MAX] = PLACES_AT_FIRST

    @property
    def sides(self) -> list[int]:
        """Where the blocks of the sides stand."""
        return [market + side for market in self.blocks for side in (at.BID, at.ASK)]

    def region(self, count: int) -> int:
        """Return where a new region of so many integers, all 0, begins."""
        begin = len(self.cells)
        # Compiled code holds a view of the present array, which therefore cannot grow.
        self.cells = array("q", self.cells)
        self.cells.frombytes(bytes(8 * count))
        self.view = self.cells if self._made is None else self._made.view(self.cells)
        return begin

    def set_shape(self, market: int, shape: float) -> None:
        """Write the parameter of a market's queue model, exactly."""
        part, power = math.frexp(shape)
        self.cells[market + at.SHAPE] = int(math.ldexp(part, MANTISSA_BITS))
        self.cells[market + at.SHAPE_POWER] = power - MANTISSA_BITS

    def grow(self) -> None:
        """Double the slots of every side."""
        self._resize(2 * (self.cells[at.MASK] + 1))

    def _resize(self, slots: int) -> None:
        held = (self.cells[at.MASK] + 1) * at.SLOT
        size, sides = slots * at.SLOT, self.sides
        begin = self.region(size * (len(sides) + 1))
        cells, is_first = self.cells, not self.cells[at.SPARE]
        cells[at.MASK], cells[at.SPARE] = slots - 1, begin + size * len(sides)
        for index, side in enumerate(sides):
            source, cells[side + at.BASE] = cells[side + at.BASE], begin + index * size
            if not is_first:
                self._move_in(self.view, source, side, held)

    def make_room(self, side: int, rows: int) -> None:
        """See to it that `rows` new prices fit into a side."""
        if not fits(self.cells, side, rows):
            while not self._make_room(self.view, side, rows):
                self.grow()

    def spread(self, side: int, levels: Sequence[Level]) -> None:
        """Put levels into the spare room, from where a side displays them; there is room for them then."""
        self.make_room(side, len(levels))
        # A slice of no length counts as one that changes the array, which cannot be while it is looked at.
        if levels:
            begin = self.cells[at.SPARE]
            self.cells[begin : begin + 2 * len(levels)] = array("q", chain.from_iterable(levels))

    def make_places(self, side: int, count: int) -> int:
        """Return where the own places of a side stand, with room for so many."""
        known, room = self.cells[side + at.PLACES], self.cells[side + at.PLACES_MAX]
        if count > room:
            begin = self.region(max(count, 2 * room) * at.PLACE)
            cells = self.cells
            cells[begin : begin + room * at.PLACE] = cells[known : known + room * at.PLACE]
            cells[side + at.PLACES], cells[side + at.PLACES_MAX] = begin, max(count, 2 * room)
        return self.cells[side + at.PLACES]
