"""The kernel's array: made, grown, and given to plain and to compiled code at once.

Integers of Python's own `array`, so that objects read and write them quickly; compiled code is given a view
of the same bytes. Knows nothing of messages. Invariant: what stands in it stays where it is for ever;
regions that become too small are left behind and made anew at its end.
"""

import math
from array import array
from collections.abc import Callable
from typing import Final

from mm.kernel import layout as at
from mm.kernel.slots import has_room, move, relist

SLOTS: Final = 4_096
"""Slots of a side at first; a power of 2."""

PLACES_AT_FIRST: Final = 8

MANTISSA_BITS: Final = 53


class Memory:
    """The array of a kernel.

    Fields: cells: see `layout`. blocks: where the blocks of the markets stand in it. renewed: called whenever
    the array was replaced.
    """

    def __init__(self, markets: int, *, levels_max: int, slots: int = SLOTS) -> None:
        """Lay out empty markets. Args: levels_max: that a side keeps; slots: at first, a power of 2."""
        self.renewed: Callable[[], object] = lambda: None
        self.blocks = [at.CONTROL + market * at.MARKET for market in range(markets)]
        self.cells = array("q", bytes(8 * (at.CONTROL + markets * at.MARKET)))
        log = self.region(at.LOG_ENTRIES * at.ENTRY)
        for index, market in enumerate(self.blocks):
            tops = self.region(levels_max * at.TOPS_ROW)
            self.cells[market + at.INDEX] = index
            self.cells[market + at.LAST_TRADE_ID] = -1
            self.cells[market + at.TOPS] = tops
            for side, sign in ((market + at.BID, 1), (market + at.ASK, -1)):
                self._lay_out(side, sign)
        cells = self.cells
        cells[at.LOG], cells[at.LOG_MAX] = log, at.LOG_ENTRIES
        cells[at.MARKETS], cells[at.MARKETS_COUNT] = at.CONTROL, markets
        cells[at.LEVELS_MAX] = levels_max
        self._resize(slots)

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
        self.cells = array("q", self.cells.tobytes() + bytes(8 * count))
        self.renewed()
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
                move(cells, source, side, held)
                relist(cells, side)

    def make_room(self, side: int, rows: int) -> None:
        """See to it that `rows` new prices fit into a side."""
        while not has_room(self.cells, side, rows):
            self.grow()

    def make_places(self, side: int, count: int) -> int:
        """Return where the own places of a side stand, with room for so many."""
        known, room = self.cells[side + at.PLACES], self.cells[side + at.PLACES_MAX]
        if count > room:
            begin = self.region(max(count, 2 * room) * at.PLACE)
            cells = self.cells
            cells[begin : begin + room * at.PLACE] = cells[known : known + room * at.PLACE]
            cells[side + at.PLACES], cells[side + at.PLACES_MAX] = begin, max(count, 2 * room)
        return self.cells[side + at.PLACES]
