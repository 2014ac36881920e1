"""A whole side at once: displayed anew, or moved into a larger table. Leaves, called from outside.

Each goes over every slot of a side, which takes milliseconds as it stands. Must never be called in the midst
of a message. Invariant: as in `slots`; afterwards the list of near prices is made anew.
"""

from mm.kernel.layout import (
    BASE,
    BEST,
    BOOK,
    BOOK_LEVELS,
    LOST,
    MASK,
    NOWHERE,
    PRINTED,
    SHOWN_OLD_NS,
    SIGN,
    SLOT,
    SPARE,
    TAKEN,
    VENUE,
    VENUE_LEVELS,
    Cells,
)
from mm.kernel.slots import has_room, move, prune, relist, set_book, slot_of


def make_room(cells: Cells, side: int, rows: int) -> bool:
    """Return whether `rows` new prices fit into a side, tidying up for them."""
    return has_room(cells, side, rows)


def list_anew(cells: Cells, side: int) -> None:
    """Make the list of near prices anew."""
    relist(cells, side)


def move_in(cells: Cells, source: int, side: int, count: int) -> None:
    """Put the slots of a smaller table, `count` integers from `source` on, into a side, which is free."""
    move(cells, source, side, count)
    relist(cells, side)


def display_book(cells: Cells, side: int, levels: int) -> None:
    """Display exactly the levels in the spare room in the engine's book: price and size of each.

    There must be room for them (`make_room`).
    """
    base, spare, sign = cells[side + BASE], cells[SPARE], cells[side + SIGN]
    for slot in range(base, base + (cells[MASK] + 1) * SLOT, SLOT):
        cells[slot + BOOK] = 0
    cells[side + BOOK_LEVELS] = 0
    cells[side + BEST] = NOWHERE
    cells[side + LOST] = 0
    for level in range(spare, spare + 2 * levels, 2):
        if cells[level + 1] != 0:
            slot = slot_of(cells, side, cells[level])
            set_book(cells, side, slot, sign * cells[level], cells[level + 1])
    prune(cells, side, BOOK)
    relist(cells, side)


def display_venue(cells: Cells, side: int, levels: int) -> None:
    """Display exactly the levels in the spare room in the venue's view, as `display_book`.

    What was told before explains nothing any more; what was taken stays so, as far as it is displayed.
    """
    base, spare = cells[side + BASE], cells[SPARE]
    end = base + (cells[MASK] + 1) * SLOT
    for slot in range(base, end, SLOT):
        cells[slot + VENUE] = 0
        for part in range(PRINTED, SHOWN_OLD_NS + 1):
            cells[slot + part] = 0
    cells[side + VENUE_LEVELS] = 0
    for level in range(spare, spare + 2 * levels, 2):
        if cells[level + 1] != 0:
            slot = slot_of(cells, side, cells[level])
            if cells[slot + VENUE] == 0:
                cells[side + VENUE_LEVELS] += 1
            cells[slot + VENUE] = cells[level + 1]
    for slot in range(base, end, SLOT):
        cells[slot + TAKEN] = min(cells[slot + TAKEN], cells[slot + VENUE])
    prune(cells, side, VENUE)
    relist(cells, side)
