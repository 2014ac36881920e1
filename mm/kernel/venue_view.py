"""The venue's view of a market, price by price: what is displayed, taken, printed and shown. Leaves.

The rules of `sim.displayed`, `sim.places` and `sim.feed` in arrays; the estimates are the leaves of
`sim.queue` themselves. Must never fill an order: whoever calls has made sure that nothing would. Invariants
as there; and the two generations of what two streams told are aged when they are looked at, by the times
since which the present ones run (`mark_time` comes first).
"""

import math

from mm.domain.units import PPM
from mm.kernel.layout import (
    ASK,
    BEYOND,
    BID,
    CHANGED,
    CREDIT,
    FRONT,
    LEVELS_MAX,
    LIVE_NS,
    LOT_ATOMS,
    MARKS,
    NOWHERE,
    OWN,
    OWN_BEST,
    PARTICIPATION,
    PLACE,
    PLACES,
    PLACES_COUNT,
    PRINTED,
    PRINTED_FROM_NS,
    PRINTED_NS,
    PRINTED_OLD,
    QUEUE,
    SHAPE,
    SHAPE_POWER,
    SHOWN,
    SHOWN_FROM_NS,
    SHOWN_NS,
    SHOWN_OLD,
    SHOWN_OLD_NS,
    SIGN,
    TAKEN,
    TOPS,
    TOPS_COUNT,
    TOPS_FIRST,
    TOPS_ROW,
    VENUE,
    VENUE_LEVELS,
    Cells,
)
from mm.kernel.slots import find, slot_of
from mm.sim.displayed import LATE_DECREASE_NS, LATE_PRINT_NS
from mm.sim.queue import L3, front_after_decrease, front_after_print


def mark_time(cells: Cells, ts_ns: int) -> None:
    """Let time pass: generations of what was told begin at multiples of their waits."""
    if ts_ns >= cells[SHOWN_FROM_NS] + LATE_PRINT_NS:
        cells[SHOWN_FROM_NS] = ts_ns - ts_ns % LATE_PRINT_NS
        if ts_ns >= cells[PRINTED_FROM_NS] + LATE_DECREASE_NS:
            cells[PRINTED_FROM_NS] = ts_ns - ts_ns % LATE_DECREASE_NS


# ---- prints that wait for their decrease


def add_printed(cells: Cells, slot: int, atoms: int, ts_ns: int) -> None:
    """Remember `atoms` (> 0) that printed."""
    age_printed(cells, slot)
    cells[slot + PRINTED] += atoms
    cells[slot + PRINTED_NS] = ts_ns


def explain_printed(cells: Cells, slot: int, atoms: int) -> int:
    """Take up to `atoms` of the prints out, the oldest first; return how many there were."""
    age_printed(cells, slot)
    old = min(cells[slot + PRINTED_OLD], atoms)
    new = min(cells[slot + PRINTED], atoms - old)
    cells[slot + PRINTED_OLD] -= old
    cells[slot + PRINTED] -= new
    return old + new


def cap_printed(cells: Cells, slot: int, atoms: int) -> None:
    """Forget what printed beyond `atoms`."""
    age_printed(cells, slot)
    excess = cells[slot + PRINTED_OLD] + cells[slot + PRINTED] - atoms
    if excess > 0:
        explain_printed(cells, slot, excess)


def age_printed(cells: Cells, slot: int) -> None:
    """Put what is still to be counted into its generation, and forget the rest."""
    from_ns, told_ns = cells[PRINTED_FROM_NS], cells[slot + PRINTED_NS]
    if told_ns < from_ns:
        cells[slot + PRINTED_OLD] = cells[slot + PRINTED] if told_ns >= from_ns - LATE_DECREASE_NS else 0
        cells[slot + PRINTED] = 0
        cells[slot + PRINTED_NS] = from_ns


# ---- decreases that wait for their print


def add_shown(cells: Cells, slot: int, atoms: int, ts_ns: int) -> None:
    """Remember `atoms` (> 0) that fell."""
    age_shown(cells, slot)
    cells[slot + SHOWN] += atoms
    cells[slot + SHOWN_NS] = ts_ns


def shown_atoms(cells: Cells, slot: int) -> int:
    """Return what fell and did not print yet."""
    age_shown(cells, slot)
    return cells[slot + SHOWN] + cells[slot + SHOWN_OLD]


def shown_ns(cells: Cells, slot: int) -> int:
    """Return when the newest of that fell, 0 if there is nothing; after `shown_atoms`."""
    if cells[slot + SHOWN] != 0:
        return cells[slot + SHOWN_NS]
    return cells[slot + SHOWN_OLD_NS] if cells[slot + SHOWN_OLD] != 0 else 0


def explain_shown(cells: Cells, slot: int, atoms: int) -> int:
    """Take up to `atoms` of the decreases out, the oldest first; return how many there were."""
    age_shown(cells, slot)
    old = min(cells[slot + SHOWN_OLD], atoms)
    new = min(cells[slot + SHOWN], atoms - old)
    cells[slot + SHOWN_OLD] -= old
    cells[slot + SHOWN] -= new
    return old + new


def age_shown(cells: Cells, slot: int) -> None:
    """Put what is still to be counted into its generation, and forget the rest."""
    from_ns, told_ns = cells[SHOWN_FROM_NS], cells[slot + SHOWN_NS]
    if told_ns < from_ns:
        if told_ns >= from_ns - LATE_PRINT_NS:
            cells[slot + SHOWN_OLD] = cells[slot + SHOWN]
            cells[slot + SHOWN_OLD_NS] = told_ns
        else:
            cells[slot + SHOWN_OLD] = 0
        cells[slot + SHOWN] = 0
        cells[slot + SHOWN_NS] = from_ns


# ---- sizes


def set_venue(  # noqa: PLR0913, PLR0917 - a leaf has no objects to pack them in
    cells: Cells,
    market: int,
    side: int,
    slot: int,
    size_atoms: int,
    ts_ns: int,
) -> None:
    """Display a size at a price; own orders there see it fall."""
    before_atoms = cells[slot + VENUE]
    if size_atoms >= before_atoms:
        if before_atoms == 0 and size_atoms != 0:
            cells[side + VENUE_LEVELS] += 1
        cells[slot + VENUE] = size_atoms
        return
    is_own = cells[slot + MARKS] & OWN
    unprinted_atoms = shown_atoms(cells, slot) if is_own else 0
    fell_atoms = fall(cells, side, slot, size_atoms, ts_ns)
    if is_own:
        _decrease(cells, market, side, slot, before_atoms, fell_atoms, unprinted_atoms)


def fall(cells: Cells, side: int, slot: int, size_atoms: int, ts_ns: int) -> int:
    """Display less than before at a price; return by how much it fell without a print that explains it."""
    fell_atoms = cells[slot + VENUE] - size_atoms
    cells[slot + VENUE] = size_atoms
    if size_atoms == 0:
        cells[side + VENUE_LEVELS] -= 1
    cells[slot + TAKEN] = min(cells[slot + TAKEN], size_atoms)
    if cells[slot + PRINTED] | cells[slot + PRINTED_OLD]:
        fell_atoms -= explain_printed(cells, slot, fell_atoms)
        cap_printed(cells, slot, size_atoms)
    if fell_atoms != 0:
        add_shown(cells, slot, fell_atoms, ts_ns)
    return fell_atoms


def _decrease(  # noqa: PLR0913, PLR0917 - a leaf has no objects to pack them in
    cells: Cells,
    market: int,
    side: int,
    slot: int,
    before_atoms: int,
    fell_atoms: int,
    unprinted_atoms: int,
) -> None:
    price_ticks, after_atoms = cells[slot] >> 1, cells[slot + VENUE]
    at, count = cells[side + PLACES], cells[side + PLACES_COUNT]
    for place in range(at, at + count * PLACE, PLACE):
        if cells[place] == price_ticks:
            known = front = cells[place + FRONT]
            if fell_atoms != 0:
                shape = math.ldexp(1.0 * cells[market + SHAPE], cells[market + SHAPE_POWER])
                front = front_after_decrease(cells[market + QUEUE], shape, front, before_atoms, fell_atoms)
            front = min(front, after_atoms)
            cells[place + CREDIT] = min(cells[place + CREDIT], unprinted_atoms) + known - front
            cells[place + FRONT] = front
    cells[side + CHANGED] = 1


# ---- tops


def known_from(cells: Cells, market: int, side: int, seq: int) -> int:
    """Return the key below which a depth message may speak: tops with a greater number know better."""
    at, first, count = cells[market + TOPS], cells[market + TOPS_FIRST], cells[market + TOPS_COUNT]
    room = cells[LEVELS_MAX]
    if seq == 0 or count == 0 or newest_top(cells, market) <= seq:
        return BEYOND
    known, column = BEYOND, 1 if side == market + BID else 2
    for place in range(first, first + count):
        row = at + (place if place < room else place - room) * TOPS_ROW
        if cells[row] > seq:
            price_ticks = cells[row + column]
            if column == 1:
                known = min(known, price_ticks)
            else:
                known = min(known, -price_ticks if price_ticks != 0 else NOWHERE)
    return known


def newest_top(cells: Cells, market: int) -> int:
    """Return the number of the newest top that no depth has caught up with, 0 if there is none."""
    count = cells[market + TOPS_COUNT]
    if count == 0:
        return 0
    place = cells[market + TOPS_FIRST] + count - 1
    if place >= cells[LEVELS_MAX]:
        place -= cells[LEVELS_MAX]
    return cells[cells[market + TOPS] + place * TOPS_ROW]


def keep_top(cells: Cells, market: int, seq: int, bid_ticks: int, ask_ticks: int) -> None:
    """Remember a top; the oldest goes when there are too many."""
    room = cells[LEVELS_MAX]
    if cells[market + TOPS_COUNT] == room:
        drop_top(cells, market)
    place = cells[market + TOPS_FIRST] + cells[market + TOPS_COUNT]
    if place >= room:
        place -= room
    row = cells[market + TOPS] + place * TOPS_ROW
    cells[row] = seq
    cells[row + 1] = bid_ticks
    cells[row + 2] = ask_ticks
    cells[market + TOPS_COUNT] += 1


def drop_tops(cells: Cells, market: int, seq: int) -> None:
    """Forget the tops that a depth message has caught up with; one without a number has with all."""
    while cells[market + TOPS_COUNT] > 0:
        if seq != 0 and cells[cells[market + TOPS] + cells[market + TOPS_FIRST] * TOPS_ROW] > seq:
            return
        drop_top(cells, market)


def drop_top(cells: Cells, market: int) -> None:
    """Forget the oldest top."""
    first = cells[market + TOPS_FIRST] + 1
    cells[market + TOPS_FIRST] = first if first < cells[LEVELS_MAX] else 0
    cells[market + TOPS_COUNT] -= 1


# ---- prints


def fills(cells: Cells, market: int, sign: int, price_ticks: int, size_atoms: int) -> bool:
    """Return whether a print fills an own order. Args: sign: of who took, 1 for a buyer.

    Whoever is first to get a lot gets it of the whole print: that is all that has to be known. Where single
    orders are followed, whatever comes to the price of an own order counts as if it did: it moves the queue.
    """
    side = market + (ASK if sign > 0 else BID)
    key = -sign * price_ticks
    if cells[side + PLACES_COUNT] == 0 or cells[side + OWN_BEST] < key:
        return False
    if cells[market + QUEUE] == L3:
        return True
    lot_atoms = cells[market + LOT_ATOMS]
    if part_of(size_atoms, cells[market + PARTICIPATION]) < lot_atoms:
        return False
    slot, unprinted_atoms, newest_ns = find(cells, side, price_ticks), 0, 0
    if slot >= 0:
        unprinted_atoms = shown_atoms(cells, slot)
        newest_ns = shown_ns(cells, slot)
    explained_atoms = min(unprinted_atoms, size_atoms)
    at = cells[side + PLACES]
    for place in range(at, at + cells[side + PLACES_COUNT] * PLACE, PLACE):
        own_key = cells[side + SIGN] * cells[place]
        if own_key < key:
            break
        if own_key == key:
            gone_atoms = cells[place + FRONT] + share_shown(cells, place, explained_atoms, unprinted_atoms)
        else:
            gone_atoms = explained_atoms if cells[place + LIVE_NS] >= newest_ns else 0
        if size_atoms - gone_atoms >= lot_atoms:
            return True
    return False


def part_of(atoms: int, ppm: int) -> int:
    """Return a share of a size, rounded down, whatever the size. Args: ppm: 0..PPM."""
    return atoms // PPM * ppm + atoms % PPM * ppm // PPM


def share_shown(cells: Cells, place: int, explained_atoms: int, unprinted_atoms: int) -> int:
    """Return how much of a print does not reach an order at its price: it was gone from its front before."""
    if explained_atoms == 0:
        return 0
    return share_of(min(cells[place + CREDIT], unprinted_atoms), explained_atoms, unprinted_atoms)


def take_print(  # noqa: PLR0913, PLR0917 - a leaf has no objects to pack them in
    cells: Cells, market: int, sign: int, price_ticks: int, size_atoms: int, ts_ns: int
) -> None:
    """See a print that fills nobody: what is in front of own orders at its price gets less."""
    side = market + (ASK if sign > 0 else BID)
    slot = slot_of(cells, side, price_ticks)
    unprinted_atoms = shown_atoms(cells, slot)
    explained_atoms = 0
    if unprinted_atoms != 0:
        explained_atoms = explain_shown(cells, slot, size_atoms)
    if size_atoms > explained_atoms:
        add_printed(cells, slot, size_atoms - explained_atoms, ts_ns)
    if not cells[slot + MARKS] & OWN:
        return
    at = cells[side + PLACES]
    for place in range(at, at + cells[side + PLACES_COUNT] * PLACE, PLACE):
        if cells[place] == price_ticks:
            reach_atoms = size_atoms
            if explained_atoms != 0:
                share_atoms = share_shown(cells, place, explained_atoms, unprinted_atoms)
                cells[place + CREDIT] = min(cells[place + CREDIT], unprinted_atoms) - share_atoms
                reach_atoms -= share_atoms
            cells[place + FRONT] = front_after_print(cells[place + FRONT], reach_atoms)
    cells[side + CHANGED] = 1


def share_of(part: int, other: int, whole: int) -> int:
    """Return part x other / whole, rounded up; both are at most `whole`, which is above 0 and below 2**62."""
    if part < 0x7FFFFFFF and other < 0x7FFFFFFF:
        return (part * other + whole - 1) // whole
    # The product does not fit: bit by bit, as one divides by hand.
    quotient, rest, bit = 0, 0, 1 << 61
    while bit != 0:
        quotient *= 2
        rest *= 2
        if part & bit:
            rest += other
        while rest >= whole:
            rest -= whole
            quotient += 1
        bit >>= 1
    return quotient + (1 if rest > 0 else 0)
