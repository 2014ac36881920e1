"""From wanted quotes to the fewest messages: which working orders go, which levels get a new one.

Pure. One order per side and level, whatever its state: a level whose order is in flight or unknown is left
alone until the venue has spoken. A working order stays while it is within its quote's tolerance, because a
new one starts at the end of the queue; it goes when it is too far, too old, too large or not wanted.
"""

from itertools import pairwise
from typing import Final, NamedTuple

from mm.domain.orders import Order, OrderState
from mm.domain.quotes import Quote
from mm.domain.sides import BUY, SELL, Side
from mm.domain.tuples import named
from mm.engine.quantise import Wanted

SIZE_TOLERANCE_DIVISOR = 8
"""A working size is right while it is within an eighth of the wanted one: a new order costs the queue."""


_WORKING: Final = OrderState.WORKING

TOO_OLD: Final = "too_old"
TOO_FAR: Final = "too_far"
TOO_LARGE: Final = "too_large"
TOO_SMALL: Final = "too_small"
UNWANTED: Final = "unwanted"
TWICE: Final = "twice"
"""Why an order has to go; the last: another one holds its level."""


class Diff:
    """Orders to cancel and quotes to place; cancels go first.

    Fields: causes: why, one for each cancel. waits: orders that have to go as well, but of which the venue
    has to say something first.
    """

    __slots__ = ("cancels", "causes", "places", "waits")

    def __init__(
        self,
        cancels: list[Order],
        places: list[tuple[Side, Quote]],
        causes: list[str],
        waits: list[Order],
    ) -> None:
        """Begin with this much."""
        self.cancels = cancels
        self.places = places
        self.causes = causes
        self.waits = waits


class Ladders(NamedTuple):
    """Live orders by level, per side. Fields: extra: orders whose level another one holds as well."""

    buys: dict[int, Order]
    sells: dict[int, Order]
    extra: list[Order]


def by_level(live: list[Order]) -> Ladders:
    """Return live orders by level; exits have none and are left out."""
    ladders = named(Ladders, ({}, {}, []))
    for order in live:
        if order.level >= 0:
            first = (ladders.buys if order.side is BUY else ladders.sells).setdefault(order.level, order)
            if first is not order:
                ladders.extra.append(order)
    return ladders


def diff(wanted: Wanted, ladders: Ladders, now_ns: int) -> Diff:
    """Return what has to change so that the orders in `ladders` become the `wanted` quotes."""
    # An extra order was held for dead and came back while another one took its level.
    extra = [order for order in ladders.extra if order.state is _WORKING]
    waits = [order for order in ladders.extra if order.state is not _WORKING]
    changes = Diff(extra, [], [TWICE for _ in extra], waits)
    _diff_side(BUY, wanted.bids, ladders.buys, now_ns, changes)
    _diff_side(SELL, wanted.asks, ladders.sells, now_ns, changes)
    return changes


def _diff_side(
    side: Side, quotes: tuple[Quote, ...], working: dict[int, Order], now_ns: int, changes: Diff
) -> None:
    level_before, met = -1, 0
    for quote in quotes:
        level = quote.level
        if level <= level_before:
            # Unless every level is above the one before it, one of them may be there twice.
            _refuse_doubles(quotes)
        level_before = level
        order = working.get(level)
        if order is None:
            changes.places.append((side, quote))
            continue
        met += 1
        cause = must_move(order, quote, now_ns)
        if cause and order.state is _WORKING:
            changes.cancels.append(order)
            changes.causes.append(cause)
        elif cause:
            changes.waits.append(order)
    if met < len(working):
        wanted = [quote.level for quote in quotes]
        gone = [order for level, order in working.items() if level not in wanted]
        changes.cancels.extend([order for order in gone if order.state is _WORKING])
        changes.waits.extend([order for order in gone if order.state is not _WORKING])
        changes.causes.extend([UNWANTED] * (len(changes.cancels) - len(changes.causes)))


def _refuse_doubles(quotes: tuple[Quote, ...]) -> None:
    levels = sorted(quote.level for quote in quotes)
    for level, next_level in pairwise((-1, *levels)):
        if level == next_level or next_level < 0:
            raise ValueError(f"level {next_level} is there twice or below 0, expected each level once")


def must_move(order: Order, quote: Quote, now_ns: int) -> str:
    """Return why a working order has to make way for `quote`, "" if it stays."""
    age_ns = now_ns - order.placed_ns
    if age_ns < quote.life_ns_min:
        return ""
    if quote.age_ns_max and age_ns >= quote.age_ns_max:
        return TOO_OLD
    if abs(order.price_ticks - quote.price_ticks) > quote.tolerance_ticks:
        return TOO_FAR
    slack = quote.size_lots // SIZE_TOLERANCE_DIVISOR
    if order.left_lots > quote.size_lots + slack:
        return TOO_LARGE
    # What a fill took is not replaced at the cost of the queue; a size that is wanted larger is.
    return TOO_SMALL if order.cum_lots == 0 and order.size_lots < quote.size_lots - slack else ""
