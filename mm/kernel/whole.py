"""What may go over every slot of a side, which takes milliseconds as it stands. Leaves, called from outside.

Sides that are displayed anew, moved into a larger table, or of which the best is listed. Must never be called
in the midst of a message. Invariants: those of `slots` and `messages`.
"""

from mm.kernel.layout import (
    BASE,
    BEST,
    BOOK,
    BOOK_LEVELS,
    FLOOR,
    LOST,
    MASK,
    NEAR,
    NEAR_COUNT,
    NEAR_MAX,
    NEAR_MIN,
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
from mm.kernel.slots import move, prune, relist, set_book, slot_of


def list_levels(cells: Cells, side: int, view: int, levels: int, worst: int) -> int:
    """Put the best levels of a view into the spare room, price and size of each: those that are better than
    the key `worst`, at most `levels`, as far as the list of near prices goes. Return how many.
    """
    # The list may have become short since it was filled.
    if cells[side + NEAR_COUNT] < NEAR_MIN and cells[side + FLOOR] != NOWHERE:
        relist(cells, side)
    near, sign, spare, found = cells[side + NEAR], cells[side + SIGN], cells[SPARE], 0
    place = near + cells[side + NEAR_COUNT] - 1
    while place >= near and found < levels and cells[place] > worst:
        size_atoms = cells[cells[place + NEAR_MAX] + view]
        if size_atoms != 0:
            cells[spare + 2 * found] = sign * cells[place]
            cells[spare + 2 * found + 1] = size_atoms
            found += 1
        place -= 1
    return found


def move_in(cells: Cells, source: int, side: int, count: int) -> None:
    """Put the slots of a smaller table, `count` integers from `source` on, into a side, which is free."""
    move(cells, source, side, count)
    relist(cells, side)


def display_book(cells: Cells, side: int, levels: int) -> None:
    """Display exactly the levels in the spare room in the engine's book: price and size of each.

    There must be room for them (`slots.has_room`).
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
