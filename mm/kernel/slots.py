"""From price to slot, and the best prices: the table of one side and the list of its near prices. Leaves.

Plain functions over integers that call each other alone, so that they run compiled and as they are. A price
keeps its slot until the region is tidied: then slots without anything in them are left out. Near the touch
prices are kept in order (the list); the others cost nothing but their slot, and are searched once when the
list has run out. Invariants: of every price there is one slot at most; the list is in order, and complete
from its floor up; what it holds and nobody displays any more is harmless.
"""

from typing import Final

from mm.kernel.layout import (
    BASE,
    BEST,
    BOOK,
    BOOK_LEVELS,
    FLOOR,
    KEY,
    LEVELS_MAX,
    LISTED,
    LOST,
    MARKS,
    MASK,
    NEAR,
    NEAR_COUNT,
    NEAR_KEEP,
    NEAR_MAX,
    NEAR_MIN,
    NOWHERE,
    OWN,
    PRINTED,
    PRINTED_FROM_NS,
    PRINTED_NS,
    PRINTED_OLD,
    SHOWN,
    SHOWN_FROM_NS,
    SHOWN_NS,
    SHOWN_OLD,
    SIGN,
    SLOT,
    SPARE,
    TAKEN,
    USED,
    VENUE,
    Cells,
)
from mm.sim.displayed import LATE_DECREASE_NS, LATE_PRINT_NS

SCATTER: Final = 0x278DDE6D
"""2 ** 30 / the golden ratio, odd: neighbouring prices come to stand far apart. With more bits the product
would be an integer of the slow kind where the leaves run as they are.
"""


def find(cells: Cells, side: int, price_ticks: int) -> int:
    """Return the slot of a price, -1 if it has none."""
    base, mask, wanted = cells[side + BASE], cells[MASK], 2 * price_ticks + 1
    place = ((price_ticks & 0xFFFFFFF) * SCATTER >> 18) & mask
    while True:
        slot = base + place * SLOT
        held = cells[slot + KEY]
        if held == wanted:
            return slot
        if held == 0:
            return -1
        place = (place + 1) & mask


def slot_of(cells: Cells, side: int, price_ticks: int) -> int:
    """Return the slot of a price, a new one if it has none. There must be room (`has_room`)."""
    base, mask, wanted = cells[side + BASE], cells[MASK], 2 * price_ticks + 1
    place = ((price_ticks & 0xFFFFFFF) * SCATTER >> 18) & mask
    while True:
        slot = base + place * SLOT
        held = cells[slot + KEY]
        if held == wanted:
            return slot
        if held == 0:
            cells[slot + KEY] = wanted
            cells[side + USED] += 1
            return slot
        place = (place + 1) & mask


def has_room(cells: Cells, side: int, rows: int) -> bool:
    """Return whether `rows` new prices fit, tidying up for them; else the table has to become larger."""
    if fits(cells, side, rows):
        return True
    tidy(cells, side)
    return 8 * (cells[side + USED] + rows) <= 3 * (cells[MASK] + 1)


def fits(cells: Cells, side: int, rows: int) -> bool:
    """Return whether `rows` new prices fit as it is."""
    return 2 * (cells[side + USED] + rows) <= cells[MASK] + 1


def tidy(cells: Cells, side: int) -> None:
    """Leave out the slots that hold nothing any more."""
    base, spare, count = cells[side + BASE], cells[SPARE], (cells[MASK] + 1) * SLOT
    for place in range(count):
        cells[spare + place] = cells[base + place]
        cells[base + place] = 0
    move(cells, spare, side, count)
    relist(cells, side)


def move(cells: Cells, source: int, side: int, count: int) -> None:
    """Put the slots that hold something, of `count` integers from `source` on, into a side, which is free.

    The list of near prices has to be made anew afterwards.
    """
    cells[side + USED] = 0
    for old in range(source, source + count, SLOT):
        if cells[old + KEY] != 0 and not _is_dead(cells, old):
            slot = slot_of(cells, side, cells[old + KEY] >> 1)
            for part in range(MARKS, SLOT):
                cells[slot + part] = cells[old + part]


def _is_dead(cells: Cells, slot: int) -> bool:
    if cells[slot + BOOK] != 0 or cells[slot + VENUE] != 0 or cells[slot + MARKS] & OWN:
        return False
    printed = cells[slot + PRINTED] | cells[slot + PRINTED_OLD]
    shown = cells[slot + SHOWN] | cells[slot + SHOWN_OLD]
    prints_wait = printed != 0 and cells[slot + PRINTED_NS] >= cells[PRINTED_FROM_NS] - LATE_DECREASE_NS
    return not prints_wait and (shown == 0 or cells[slot + SHOWN_NS] < cells[SHOWN_FROM_NS] - LATE_PRINT_NS)


def list_key(cells: Cells, side: int, key: int, slot: int) -> None:
    """Put a price that is not listed, and not below the floor, into the list."""
    if cells[side + NEAR_COUNT] == NEAR_MAX:
        shorten(cells, side)
        if key < cells[side + FLOOR]:
            return
    near, count = cells[side + NEAR], cells[side + NEAR_COUNT]
    place = near + count
    while place > near and cells[place - 1] > key:
        cells[place] = cells[place - 1]
        cells[place + NEAR_MAX] = cells[place + NEAR_MAX - 1]
        place -= 1
    cells[place] = key
    cells[place + NEAR_MAX] = slot
    cells[slot + MARKS] |= LISTED
    cells[side + NEAR_COUNT] = count + 1


def shorten(cells: Cells, side: int) -> None:
    """Take what nobody displays out of the list; if it stays long, the farthest too."""
    near, count, kept = cells[side + NEAR], cells[side + NEAR_COUNT], 0
    for place in range(near, near + count):
        slot = cells[place + NEAR_MAX]
        if cells[slot + BOOK] != 0 or cells[slot + VENUE] != 0:
            cells[near + kept] = cells[place]
            cells[near + kept + NEAR_MAX] = slot
            kept += 1
        else:
            cells[slot + MARKS] &= OWN
    gone = kept - NEAR_KEEP if 4 * kept > 3 * NEAR_MAX else 0
    if gone > 0:
        for place in range(near, near + gone):
            cells[cells[place + NEAR_MAX] + MARKS] &= OWN
        for place in range(near, near + NEAR_KEEP):
            cells[place] = cells[place + gone]
            cells[place + NEAR_MAX] = cells[place + gone + NEAR_MAX]
        cells[side + FLOOR] = cells[near]
    cells[side + NEAR_COUNT] = kept - gone


def relist(cells: Cells, side: int) -> None:
    """Make the list anew of the best NEAR_KEEP prices that either view displays."""
    base, sign, slots, count = cells[side + BASE], cells[side + SIGN], cells[MASK] + 1, 0
    # Keys to choose from, then the keys once more, each with its slot.
    keys, pairs = cells[SPARE], cells[SPARE] + slots
    for slot in range(base, base + slots * SLOT, SLOT):
        if cells[slot + MARKS] & LISTED:
            cells[slot + MARKS] &= OWN
        if cells[slot + BOOK] != 0 or cells[slot + VENUE] != 0:
            key = sign * (cells[slot + KEY] >> 1)
            cells[keys + count] = key
            cells[pairs + 2 * count] = key
            cells[pairs + 2 * count + 1] = slot
            count += 1
    floor = NOWHERE
    if count > NEAR_KEEP:
        floor = greatest(cells, keys, count, NEAR_KEEP)
    cells[side + FLOOR] = floor
    cells[side + NEAR_COUNT] = 0
    for pair in range(pairs, pairs + 2 * count, 2):
        if cells[pair] >= floor:
            list_key(cells, side, cells[pair], cells[pair + 1])


def greatest(cells: Cells, begin: int, count: int, wanted: int) -> int:
    """Return the `wanted`-th of `count` different keys, greatest first; reorders them."""
    low, high, target = begin, begin + count - 1, begin + count - wanted
    while low < high:
        pivot, left, right = cells[(low + high) // 2], low, high
        while left <= right:
            while cells[left] < pivot:
                left += 1
            while cells[right] > pivot:
                right -= 1
            if left <= right:
                swapped = cells[left]
                cells[left] = cells[right]
                cells[right] = swapped
                left += 1
                right -= 1
        if target <= right:
            high = right
        elif target >= left:
            low = left
        else:
            break
    return cells[target]


def best_of(cells: Cells, side: int, view: int) -> int:
    """Return the best key of a view (BOOK or VENUE), NOWHERE if it displays nothing."""
    if cells[side + BOOK_LEVELS + view - BOOK] == 0:
        return NOWHERE
    key = _best_listed(cells, side, view)
    if key == NOWHERE and cells[side + NEAR_COUNT] == 0:
        relist(cells, side)
        key = _best_listed(cells, side, view)
    if key == NOWHERE:
        # One view is far from the other, which fills the list alone.
        base, sign = cells[side + BASE], cells[side + SIGN]
        for slot in range(base, base + (cells[MASK] + 1) * SLOT, SLOT):
            if cells[slot + view] != 0:
                key = max(key, sign * (cells[slot + KEY] >> 1))
    return key


def _best_listed(cells: Cells, side: int, view: int) -> int:
    # What is best of all and displayed by nobody is forgotten on the way.
    near, count = cells[side + NEAR], cells[side + NEAR_COUNT]
    while count > 0:
        slot = cells[near + NEAR_MAX + count - 1]
        if cells[slot + BOOK] != 0 or cells[slot + VENUE] != 0:
            break
        cells[slot + MARKS] &= OWN
        count -= 1
    cells[side + NEAR_COUNT] = count
    place = near + count - 1
    while place >= near:
        if cells[cells[place + NEAR_MAX] + view] != 0:
            return cells[place]
        place -= 1
    return NOWHERE


def settle(cells: Cells, side: int) -> None:
    """Find the best price of the engine's book again if it went."""
    if cells[side + LOST] != 0:
        cells[side + LOST] = 0
        if cells[side + NEAR_COUNT] < NEAR_MIN and cells[side + FLOOR] != NOWHERE:
            relist(cells, side)
        cells[side + BEST] = best_of(cells, side, BOOK)


def prune(cells: Cells, side: int, view: int) -> None:
    """Keep the best LEVELS_MAX levels of a view that displays more than twice as many."""
    if cells[side + BOOK_LEVELS + view - BOOK] > 2 * cells[LEVELS_MAX]:
        _keep_best(cells, side, view, cells[LEVELS_MAX])


def _keep_best(cells: Cells, side: int, view: int, kept: int) -> None:
    base, sign, spare, count = cells[side + BASE], cells[side + SIGN], cells[SPARE], 0
    end = base + (cells[MASK] + 1) * SLOT
    for slot in range(base, end, SLOT):
        if cells[slot + view] != 0:
            cells[spare + count] = sign * (cells[slot + KEY] >> 1)
            count += 1
    worst = greatest(cells, spare, count, kept)
    for slot in range(base, end, SLOT):
        if cells[slot + view] != 0 and sign * (cells[slot + KEY] >> 1) < worst:
            cells[slot + view] = 0
            if view == VENUE:
                cells[slot + TAKEN] = 0
    cells[side + BOOK_LEVELS + view - BOOK] = kept


def set_book(cells: Cells, side: int, slot: int, key: int, size_atoms: int) -> None:
    """Display a size at a price in the engine's book; `settle` has to follow."""
    before_atoms = cells[slot + BOOK]
    cells[slot + BOOK] = size_atoms
    if size_atoms != 0:
        if before_atoms == 0:
            cells[side + BOOK_LEVELS] += 1
            cells[side + BEST] = max(cells[side + BEST], key)
    elif before_atoms != 0:
        cells[side + BOOK_LEVELS] -= 1
        if key == cells[side + BEST]:
            cells[side + LOST] = 1


def list_if_near(cells: Cells, side: int, slot: int, key: int) -> None:
    """List a price that is displayed now, if it is near."""
    if key >= cells[side + FLOOR] and not cells[slot + MARKS] & LISTED:
        list_key(cells, side, key, slot)
