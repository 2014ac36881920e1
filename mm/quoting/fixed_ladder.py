"""A ladder at fixed distances from a reference price, one side at a time, in integers.

A bid's key is its negated price, an ask's its price: on both sides a larger key is farther from the market,
so that one loop serves both and the sides mirror each other exactly. Knows no parameter and no venue but
their numbers. Invariant: keys grow from quote to quote by at least one tick, and each is beyond the key that
the side starts behind.
"""

from typing import Final, NamedTuple

from mm.domain.book import NOWHERE, Level
from mm.domain.quotes import Quote
from mm.domain.sides import Side

ANYWHERE: Final = NOWHERE
"""A key that no price is nearer than: a bound that binds nothing."""


class Rungs(NamedTuple):
    """One side of a ladder as its parameters say it.

    Fields: side; sign: -1 for bids, +1 for asks. slots: (slot, negated price multiplier in ppm, lots),
    nearest first, slots counted from 0. key_max: farthest key that the venue takes.
    """

    side: Side
    sign: int
    slots: tuple[tuple[int, int, int], ...]
    key_max: int


class Orders(NamedTuple):
    """What every order of a ladder has. Fields: bounds of one order in lots; times as in `Quote`."""

    size_min_lots: int
    size_max_lots: int
    age_ns_max: int
    life_ns_min: int


class Frame(NamedTuple):
    """One look at the market: the key of a slot is ceil((numerator * multiplier + sign * shift) / divisor).

    Fields: numerator, divisor: of the reference, the divisor with all that the multiplier is scaled by.
    shift: what the inventory takes off every price. tolerance_ticks: as in `Quote`.
    """

    numerator: int
    shift: int
    divisor: int
    tolerance_ticks: int


class Stand(NamedTuple):
    """What one side has to keep to now.

    Fields:
        behind: key that the first quote has to be beyond. part, whole: the factor of all sizes as a fraction.
        held: lots that may stand per level while no new size may be put on; None: any.
        nearest: key that no quote may be nearer than, and no tolerance reach over; None: no such bound.
        hurried: levels whose orders are nearer than that.
        join: key that the first quote laid is moved out to, the others by as much; ANYWHERE: not moved.
        dropped: so many of the nearest slots are left out. waiting: slots that are left out besides.
        names: the level of each slot; empty: the slot itself.
    """

    behind: int
    part: int = 1
    whole: int = 1
    held: dict[int, int] | None = None
    nearest: int | None = None
    hurried: tuple[int, ...] = ()
    join: int = ANYWHERE
    dropped: int = 0
    waiting: tuple[int, ...] = ()
    names: tuple[int, ...] = ()


def ladder(rungs: Rungs, orders: Orders, frame: Frame, stand: Stand) -> tuple[Quote, ...]:
    """Return the quotes of one side, nearest first; a slot whose size is below the venue's least has none."""
    _, sign, slots, key_max = rungs
    size_min, size_max, age, life = orders
    numerator, shift, divisor, tolerance = frame
    key, part, whole, held, nearest, hurried, join, dropped, waiting, names = stand
    shift *= sign
    offset = 0
    made = []
    for slot, multiplier, lots in slots:
        wanted = offset - (numerator * multiplier - shift) // divisor
        key = wanted if wanted > key else key + 1
        if slot < dropped:
            continue
        if key < join:
            offset += join - key
            key = join
        if key > key_max:
            break
        size = lots if part == whole else lots * part // whole
        if size < size_min or slot in waiting:
            continue
        level = names[slot] if names else slot
        if held is not None:
            size = min(size, held.get(level, 0))
            if not size:
                continue
        if size > size_max:  # noqa: PLR1730 - calling `min` costs ten times the comparison
            size = size_max
        if nearest is None:
            made.append(Quote(sign * key, size, level, tolerance, age, life))
        else:
            # An order that stays by the tolerance must not stand nearer than the minimum either.
            within = min(tolerance, key - nearest)
            made.append(Quote(sign * key, size, level, within, age, 0 if level in hurried else life))
    return tuple(made)


def filled_slots(rungs: Rungs, inventory_lots: int) -> int:
    """Return how many of the nearest orders of the side, filled whole, the inventory amounts to.

    An order counts from half of its size on. 0 for an inventory that the other side made.
    """
    left, count = -rungs.sign * inventory_lots, 0
    for _, _, lots in rungs.slots:
        if 2 * left < lots:
            break
        left -= lots
        count += 1
    return count


def key_before(levels: tuple[Level, ...], sign: int, depth_atoms: int) -> int:
    """Return the key one tick nearer to the market than the price at which others show some depth.

    Args: levels: of the side, best first, without own size; not empty. sign: as in `Rungs`. depth_atoms: 0
    is the best price; where the levels end before that depth, the last of them counts.
    """
    shown = 0
    price_ticks = levels[0].price_ticks
    for level in levels:
        price_ticks = level.price_ticks
        shown += level.size_atoms
        if shown >= depth_atoms:
            break
    return sign * price_ticks - 1
