"""What a session's ladder can put at stake, as far as its parameters say: sizes per level and side.

Read from the names that strategies share (`order_amount_base`, `order_levels`, `order_level_amount_base`,
`inventory_skew_enabled`). A strategy that sizes its orders otherwise is not judged here; the risk rules judge
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
    """The largest ladder that the parameters allow, one side; both sides are alike.

    Fields: sizes_base: per level, nearest first, in the base asset; skewed: whether the skew may double them.
    """

    sizes_base: tuple[Decimal, ...]
    skewed: bool

    @property
    def order_base_max(self) -> Decimal:
        """Size of the largest order without skew, base asset."""
        return max(self.sizes_base)

    @property
    def side_base_max(self) -> Decimal:
        """Size of one whole side at its largest, base asset."""
        return sum(self.sizes_base, Decimal(0)) * (SKEW_FACTOR_MAX if self.skewed else 1)

    @property
    def orders(self) -> int:
        """Number of orders on both sides."""
        return 2 * len(self.sizes_base)


def ladder_of(params: object) -> Ladder | None:
    """Return the largest ladder of these parameters, or None if they do not say."""
    amount = getattr(params, "order_amount_base", None)
    levels = getattr(params, "order_levels", 1)
    step = getattr(params, "order_level_amount_base", Decimal(0))
    if not isinstance(amount, Decimal) or not isinstance(levels, int) or not isinstance(step, Decimal):
        return None
    if not 1 <= levels <= LEVELS_MAX:
        return None
    sizes = (amount + step * level for level in range(levels))
    kept = tuple(size for size in sizes if size > 0)
    skewed = getattr(params, "inventory_skew_enabled", False) is True
    return Ladder(sizes_base=kept, skewed=skewed) if kept else None
