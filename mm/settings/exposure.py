"""What a session's ladder can put at stake, as far as its parameters say: sizes per level and side.

Read from `sizes_base`, the sizes of all bids and of all asks, where parameters have it, else from the names
that strategies share (`order_amount_base`, `order_levels`, `order_level_amount_base`); and from
`inventory_skew_enabled`. A strategy that sizes its orders otherwise is not judged here; the risk rules judge
every single order in any case. Offline arithmetic: it knows no price.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

SKEW_FACTOR_MAX: Final = 2
"""Inventory skew makes an order at most twice as large."""

LEVELS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The largest ladder that the parameters allow.

    Fields: bids_base, asks_base: sizes per level, nearest first, in the base asset; not both empty. skewed:
    whether the skew may double them.
    """

    bids_base: tuple[Decimal, ...]
    asks_base: tuple[Decimal, ...]
    skewed: bool

    @property
    def order_base_max(self) -> Decimal:
        """Size of the largest order without skew, base asset."""
        return max(*self.bids_base, *self.asks_base, Decimal(0))

    @property
    def order_base_min(self) -> Decimal:
        """Size of the smallest order without skew, base asset."""
        return min(*self.bids_base, *self.asks_base, self.order_base_max)

    @property
    def side_base_max(self) -> Decimal:
        """Size of the larger one of the two sides at its largest, base asset."""
        side = max(sum(self.bids_base, Decimal(0)), sum(self.asks_base, Decimal(0)))
        return side * (SKEW_FACTOR_MAX if self.skewed else 1)

    @property
    def orders(self) -> int:
        """Number of orders on both sides."""
        return len(self.bids_base) + len(self.asks_base)


def ladder_of(params: object) -> Ladder | None:
    """Return the largest ladder of these parameters, or None if they do not say."""
    skewed = getattr(params, "inventory_skew_enabled", False) is True
    stated = getattr(params, "sizes_base", None)
    if stated is not None:
        bids, asks = (tuple(size for size in side if size > 0) for side in stated)
        return Ladder(bids_base=bids, asks_base=asks, skewed=skewed) if bids or asks else None
    amount = getattr(params, "order_amount_base", None)
    levels = getattr(params, "order_levels", 1)
    step = getattr(params, "order_level_amount_base", Decimal(0))
    if not isinstance(amount, Decimal) or not isinstance(levels, int) or not isinstance(step, Decimal):
        return None
    if not 1 <= levels <= LEVELS_MAX:
        return None
    sizes = (amount + step * level for level in range(levels))
    kept = tuple(size for size in sizes if size > 0)
    return Ladder(bids_base=kept, asks_base=kept, skewed=skewed) if kept else None
