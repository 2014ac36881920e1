"""Orders that hang: the other half of a pair, left where it was when its partner was filled.

A bid and an ask of the same slot are a pair. When one of the two is filled whole, the other one hangs: it
stays at its price until it is filled, or farther from the reference than a bound. The slot is laid anew under
another level, because a level holds one order: level = slot + SLOTS * generation. Which levels hang is
remembered; an order that is not remembered as hanging is one of the ladder. One that is gone without a fill
(a crash, a limit) hangs on: it is laid again where it was. Integers, nothing hidden.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from mm.domain.book import NOWHERE
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.domain.units import PPM
from mm.domain.view import LastFill, OwnQuote
from mm.quoting.reference import Reference

SLOTS: Final = 100
"""Levels of one generation; a ladder has fewer slots."""

HANGING_MAX: Final = 50
"""Most orders that hang on one side; the farthest are let go."""

ANY_DISTANCE: Final = 10**15
"""A tolerance, ticks, that no price exceeds."""

GONE_NS: Final = -1
"""Time of placement of an order that hangs but does not stand at the moment."""

FARTHEST: Final = 2**63 - 1
"""A key beyond every price."""

At = tuple[int, int]
"""Level and price of an order."""


class Known(msgspec.Struct, frozen=True, gc=False):
    """What is remembered of one side.

    Fields: hanging: level, price and lots of the orders that hang; laid: level and price of those that do
    not; filled_ns: time of the last fill that was taken in.
    """

    hanging: tuple[tuple[int, int, int], ...] = ()
    laid: tuple[At, ...] = ()
    filled_ns: int = 0


class Found(NamedTuple):
    """One side at one look.

    Fields: hanging, laid: orders by level; a hanging one that does not stand has GONE_NS. filled: slots
    filled since the look before, hanging ones not counted.
    """

    hanging: dict[int, OwnQuote]
    laid: dict[int, OwnQuote]
    filled: tuple[int, ...]


def look(known: Known, own: Iterable[OwnQuote], sign: int, fill: LastFill | None, moved_lots: int) -> Found:
    """Return what became of a side since the look that `known` is of.

    Args: own: orders of the side. sign: -1 for bids, +1 for asks. fill: the last one of the side. moved_lots:
    by how much the inventory moved since then; fills of one instant show by that alone.
    """
    kept = {(level, price): lots for level, price, lots in known.hanging}
    hanging: dict[int, OwnQuote] = {}
    laid: dict[int, OwnQuote] = {}
    for order in own:
        if order.level < 0 or order.level in hanging or order.level in laid:
            # An exit, or a second order on one level, which the differ takes away.
            continue
        at = (order.level, order.price_ticks)
        (hanging if at in kept else laid)[order.level] = order
    moved = sign * moved_lots < 0
    if fill is not None and (moved or fill.ts_ns > known.filled_ns):
        # Prices are reached from the market on: what is gone and was no farther than the fill was filled too.
        reached = sign * fill.price_ticks
    else:
        # Of fills while nobody looked only the inventory tells: any of these orders may have been filled.
        reached = FARTHEST if moved else NOWHERE
    filled = []
    for level, price in known.laid:
        stands = level in laid and laid[level].price_ticks == price
        if not stands and sign * price <= reached < FARTHEST:
            filled.append(level % SLOTS)
    side = Side.BUY if sign < 0 else Side.SELL
    for (level, price), lots in kept.items():
        if level not in hanging and level not in laid and sign * price > reached:
            hanging[level] = OwnQuote(side, level, price, lots, GONE_NS, False)
    return Found(hanging, laid, tuple(filled))


def untouched(found: Found, sign: int, touch_key: int) -> Found:
    """Return `found` without what is gone and could not rest where it was.

    Args: touch_key: the best price of the other side, as a key of this one.
    """
    kept = [
        level
        for level, order in found.hanging.items()
        if order.placed_ns != GONE_NS or sign * order.price_ticks > touch_key
    ]
    if len(kept) == len(found.hanging):
        return found
    return Found({level: found.hanging[level] for level in kept}, found.laid, found.filled)


def hang(found: Found, partners: Found) -> Found:
    """Return `found` with those orders hanging whose partner on the other side was filled."""
    if not partners.filled:
        return found
    stays = {level: order for level, order in found.laid.items() if level % SLOTS in partners.filled}
    laid = {level: order for level, order in found.laid.items() if level not in stays}
    return Found({**found.hanging, **stays}, laid, found.filled)


def let_go(found: Found, reference: Reference, cancel_ppm: int) -> Found:
    """Return `found` without the hanging orders that are farther than `cancel_ppm` from the reference."""
    numerator, divisor = reference
    near = [
        (abs(2 * order.price_ticks * divisor - numerator), level)
        for level, order in found.hanging.items()
        if abs(2 * order.price_ticks * divisor - numerator) * PPM <= numerator * cancel_ppm
    ]
    kept = [level for _, level in sorted(near)[:HANGING_MAX]]
    return _only(found, kept)


def uncrossed(bids: Found, asks: Found) -> tuple[Found, Found]:
    """Return both sides without the hanging orders that could meet one of the other side."""
    highest = max((order.price_ticks for order in bids.hanging.values()), default=0)
    lowest = min((order.price_ticks for order in asks.hanging.values()), default=0)
    if not (bids.hanging and asks.hanging) or highest < lowest:
        return bids, asks
    below = [level for level, order in bids.hanging.items() if order.price_ticks < lowest]
    above = [level for level, order in asks.hanging.items() if order.price_ticks > highest]
    return _only(bids, below), _only(asks, above)


def _only(found: Found, levels: list[int]) -> Found:
    # The others are orders of the ladder again, if they stand.
    if len(levels) == len(found.hanging):
        return found
    kept = {level: order for level, order in found.hanging.items() if level in levels}
    left = {
        level: order
        for level, order in found.hanging.items()
        if level not in levels and order.placed_ns != GONE_NS
    }
    return Found(kept, {**left, **found.laid}, found.filled)


def names(found: Found, slots: int) -> tuple[int, ...]:
    """Return the level of each slot: that of its order, else the lowest one that is free."""
    levels = []
    for slot in range(slots):
        level = slot
        while level in found.hanging:
            level += SLOTS
        for laid in found.laid:
            if laid % SLOTS == slot:
                level = laid
        levels.append(level)
    return tuple(levels)


def waiting(found: Found) -> tuple[int, ...]:
    """Return the slots from which an order hangs."""
    return tuple(level % SLOTS for level in found.hanging)


def nearest_key(found: Found, sign: int, otherwise: int) -> int:
    """Return the key, for the side of `sign`, of the price that its quotes must not reach.

    Args: found: the other side. otherwise: the key that they start behind in any case.
    """
    keys = [sign * order.price_ticks for order in found.hanging.values()]
    return max(otherwise, *keys) if keys else otherwise


def merged(quotes: tuple[Quote, ...], found: Found, sign: int) -> tuple[Quote, ...]:
    """Return the ladder with the hanging orders in their places, best first.

    An order that hangs is wanted as it stands, and no price is too far for it.
    """
    if not found.hanging:
        return quotes
    hanging = [
        Quote(order.price_ticks, order.size_lots, level, ANY_DISTANCE)
        for level, order in found.hanging.items()
    ]
    return tuple(sorted((*quotes, *hanging), key=lambda quote: sign * quote.price_ticks))


def remembered(known: Known, found: Found, fill: LastFill | None) -> Known:
    """Return what is to be remembered of a side after a look."""
    made = Known(
        tuple(sorted((level, order.price_ticks, order.size_lots) for level, order in found.hanging.items())),
        tuple(sorted((level, order.price_ticks) for level, order in found.laid.items())),
        known.filled_ns if fill is None else max(known.filled_ns, fill.ts_ns),
    )
    return known if made == known else made
