"""The parameters that strategies share which leave rounding, limits and levels to the guards.

A strategy's `Params` inherits `QuotingParams` and adds what its model needs; `mm.quoting.guards` and
`mm.quoting.levels` read what stands here. Names and meaning are those of pure market making where that has
the same. Invariant: parameters that contradict each other do not become an instance.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from annotated_types import Ge, Gt, Le, Lt

from mm.models.distributions import fibonacci, geometric, logarithmic
from mm.quoting.about import BPS_MAX, DAY_MS, About, Applies, Bps, at_most

SHARE_STEP: Final = Decimal("0.000001")
"""Multiples of an order's size are rounded to this, so that no float decides about a lot."""

SHARE_MAX: Final = 1e20
"""No venue takes orders of such different sizes."""


class Rounding(StrEnum):
    """Which tick a wanted price becomes: the nearest, or the next one away from the market."""

    NEAREST = "nearest"
    PASSIVE = "passive"


class Spacing(StrEnum):
    """How something grows from level to level (`mm.quoting.levels` has the numbers)."""

    LINEAR = "linear"
    GEOMETRIC = "geometric"
    FIBONACCI = "fibonacci"
    LOGARITHMIC = "logarithmic"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotingParams:
    """What can be set about any model's quotes; None is off or, where the text says so, derived."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    order_amount_base: Annotated[
        Decimal, Gt(0), About("Size of one order; rounded down to the lot.", example="0.01")
    ]
    min_spread_bps: Annotated[
        Bps | None, Ge(0), Lt(2 * BPS_MAX), About("Least width from bid to ask, whatever the costs are.")
    ] = None
    max_spread_bps: Annotated[
        Bps | None, Gt(0), Lt(2 * BPS_MAX), About("Greatest width from bid to ask; costs may exceed it.")
    ] = None
    adverse_selection_bps: Annotated[
        Bps | None,
        Ge(0),
        Lt(BPS_MAX),
        About("What the mid moves against us after a fill; part of the least half width."),
    ] = None
    adverse_selection_measured: Annotated[
        bool,
        About("Takes that from our own fills, once they say it; adverse_selection_bps until then."),
    ] = False
    adverse_selection_horizon_ms: Annotated[
        int,
        Ge(100),
        Le(DAY_MS),
        About("How long after a fill its move of the mid is measured.", Applies.RESTART),
    ] = 1000
    margin_bps: Annotated[
        Bps,
        Ge(0),
        Lt(BPS_MAX),
        About("Added to the least half width, on top of maker fee and adverse selection."),
    ] = Decimal(0)
    order_levels: Annotated[int, Ge(1), Le(50), About("Orders per side.")] = 1
    order_level_spread_bps: Annotated[
        Bps | None,
        Gt(0),
        Lt(BPS_MAX),
        About("Distance from the first level to the second; off: half the width between bid and ask."),
    ] = None
    order_level_distances: Annotated[
        Spacing, About("How the distances grow: linear, geometric, fibonacci or logarithmic.")
    ] = Spacing.LINEAR
    order_level_spread_ratio: Annotated[
        float, Gt(1), Le(10), About("Geometric distances: each gap is this many times the one before it.")
    ] = 2.0
    order_level_amounts: Annotated[
        Spacing, About("How the sizes grow: linear, geometric, fibonacci or logarithmic.")
    ] = Spacing.LINEAR
    order_level_amount_base: Annotated[
        Decimal, About("Linear sizes: added with each level outwards; may be negative.")
    ] = Decimal(0)
    order_level_amount_ratio: Annotated[
        float, Gt(1), Le(10), About("Geometric sizes: each level is this many times the one before it.")
    ] = 2.0
    rounding: Annotated[
        Rounding, About("nearest: to the nearest tick; passive: to the next one away from the market.")
    ] = Rounding.NEAREST
    price_ceiling_quote: Annotated[
        Decimal | None, Gt(0), About("With the mid at or above this price nothing is bought.")
    ] = None
    price_floor_quote: Annotated[
        Decimal | None, Gt(0), About("With the mid at or below this price nothing is sold.")
    ] = None
    order_refresh_time_ms: Annotated[
        int, Ge(0), Le(DAY_MS), About("Age from which an order may be moved to a new price.")
    ] = 0
    order_refresh_tolerance_bps: Annotated[
        Bps | None,
        Ge(0),
        Lt(BPS_MAX),
        About(
            "An order this near stays; off: 0.3 / decay, without one 0.3 of half width less fill costs"
            " (0.1 of it or more)."
        ),
    ] = None
    max_order_age_ms: Annotated[
        int | None,
        Gt(0),
        Le(7 * DAY_MS),
        About("An order older than this is renewed even within the tolerance."),
    ] = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself; raises ValueError (the config loader adds file and line).

        A class that inherits and has its own calls this one by name: `super` does not know a slotted class.
        """
        at_most("min_spread_bps", self.min_spread_bps, "max_spread_bps", self.max_spread_bps)
        at_most(
            "order_refresh_time_ms", self.order_refresh_time_ms, "max_order_age_ms", self.max_order_age_ms
        )
        if self.adverse_selection_measured and self.adverse_selection_bps is None:
            raise ValueError(
                "adverse_selection_bps is missing: before own fills are measured there has to be a number"
            )
        ceiling, floor = self.price_ceiling_quote, self.price_floor_quote
        if ceiling is not None and floor is not None and floor >= ceiling:
            raise ValueError(
                f"price_floor_quote was {floor}, expected less than price_ceiling_quote, {ceiling}"
            )

    @property
    def sizes_base(self) -> tuple[tuple[Decimal, ...], tuple[Decimal, ...]]:
        """Sizes of all bids and of all asks, nearest first, before they are rounded down to the lot."""
        sizes = level_sizes(self)
        return sizes, sizes


def level_sizes(params: QuotingParams) -> tuple[Decimal, ...]:
    """Return the size of each level, nearest first, in the base asset; outer ones may be 0 or less."""
    amount = params.order_amount_base
    if params.order_level_amounts is Spacing.LINEAR:
        return tuple(amount + level * params.order_level_amount_base for level in range(params.order_levels))
    shares = (Decimal(min(share, SHARE_MAX)).quantize(SHARE_STEP) for share in _shares(params))
    return (amount, *(amount * share for share in list(shares)[1:]))


def _shares(params: QuotingParams) -> tuple[float, ...]:
    # Of sizes that are not equal steps, in order amounts.
    count = params.order_levels
    match params.order_level_amounts:
        case Spacing.GEOMETRIC:
            return geometric(count, 1.0, params.order_level_amount_ratio)
        case Spacing.FIBONACCI:
            return fibonacci(count, 1.0)
        case _:
            return logarithmic(count, 1.0, base=2.0, scale=1.0)
