"""How far the levels of a ladder stand from its first one, and how large they are.

Distances are counted in the gap between the first two levels, sizes in order amounts; both follow from the
parameters alone and are computed once. With g the ratio of `QuotingParams`, level i = 0, 1, 2, ...:

    spacing        distance from level 0           size
    linear         i                               1 + i * order_level_amount_base / order_amount_base
    geometric      (g^i - 1) / (g - 1)             g^i
    fibonacci      0, 1, 2, 4, 7, 12, ...          1, 2, 3, 5, 8, 13, ...
    logarithmic    log(1 + i / 2) / log(3 / 2)     log2(i + 2)

Invariant: distances never shrink outwards, the first is 0; every size is inside the venue's bounds.
"""

from mm.domain.instrument import Instrument
from mm.models.distributions import arithmetic, fibonacci, geometric, logarithmic
from mm.quoting.about import lots_from_base
from mm.quoting.params import QuotingParams, Spacing, level_sizes


def level_gaps(params: QuotingParams) -> tuple[float, ...]:
    """Return the distance of each level from the first, in gaps between the first two."""
    count, ratio = params.order_levels, params.order_level_spread_ratio
    match params.order_level_distances:
        case Spacing.LINEAR:
            return arithmetic(count, 0.0, 1.0)
        case Spacing.GEOMETRIC:
            return tuple((power - 1) / (ratio - 1) for power in geometric(count, 1.0, ratio))
        case Spacing.FIBONACCI:
            return tuple(number - 1 for number in fibonacci(count, 1.0))
        case _:
            return logarithmic(count, 0.0, base=1.5, scale=1.0)


def level_lots(params: QuotingParams, instrument: Instrument) -> tuple[int, ...]:
    """Return the size of each level, rounded down to the lot.

    Raises: ConfigError if one of them is outside the venue's bounds of one order.
    """
    return tuple(
        lots_from_base(
            f"order_amount_base of level {level}" if level else "order_amount_base", size, instrument
        )
        for level, size in enumerate(level_sizes(params))
    )
