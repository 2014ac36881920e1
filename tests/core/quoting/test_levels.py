"""Distances and sizes of a ladder's levels, each spacing by hand and in general."""

from decimal import Decimal
from itertools import pairwise
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.errors import ConfigError
from mm.quoting.levels import level_gaps, level_lots
from mm.quoting.params import QuotingParams, Spacing
from tests.builders.views import an_instrument


@pytest.mark.parametrize(
    ("spacing", "gaps"),
    [
        (Spacing.LINEAR, [0, 1, 2, 3, 4]),
        (Spacing.GEOMETRIC, [0, 1, 1 + 1.5, 1 + 1.5 + 2.25, 1 + 1.5 + 2.25 + 3.375]),
        (Spacing.FIBONACCI, [0, 1, 2, 4, 7]),
        (Spacing.LOGARITHMIC, [0, 1, 1.7095112914, 2.2598510046, 2.7095112914]),
    ],
)
def test_distances_grow_as_the_spacing_says(spacing: Spacing, gaps: list[float]) -> None:
    """The unit is the gap between the first two levels, whatever the spacing."""
    params = QuotingParams(
        order_amount_base=Decimal(1),
        order_levels=5,
        order_level_distances=spacing,
        order_level_spread_ratio=1.5,
    )

    assert level_gaps(params) == pytest.approx(gaps, abs=1e-9)


@pytest.mark.parametrize(
    ("spacing", "lots"),
    [
        (Spacing.LINEAR, [100, 130, 160, 190]),
        (Spacing.GEOMETRIC, [100, 150, 225, 337]),
        (Spacing.FIBONACCI, [100, 200, 300, 500]),
        (Spacing.LOGARITHMIC, [100, 158, 200, 232]),
    ],
)
def test_sizes_grow_as_the_spacing_says(spacing: Spacing, lots: list[int]) -> None:
    """Rounded down to the lot."""
    params = QuotingParams(
        order_amount_base=Decimal("0.01"),
        order_levels=4,
        order_level_amounts=spacing,
        order_level_amount_base=Decimal("0.003"),
        order_level_amount_ratio=1.5,
    )

    assert level_lots(params, an_instrument()) == tuple(lots)


@pytest.mark.parametrize("spacing", Spacing)
def test_one_level_is_the_order_itself(spacing: Spacing) -> None:
    """At no distance, of the size given."""
    params = QuotingParams(
        order_amount_base=Decimal("0.01"), order_level_distances=spacing, order_level_amounts=spacing
    )

    assert level_gaps(params) == (0,)
    assert level_lots(params, an_instrument()) == (100,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order_amount_base": Decimal("0.00001")}, "order_amount_base was 0.00001 BTC, expected 0.0001"),
        ({"order_level_amount_base": Decimal("-0.01")}, "order_amount_base of level 1 was 0.00 BTC"),
        (
            {"order_level_amounts": Spacing.GEOMETRIC, "order_level_amount_ratio": 10.0, "order_levels": 50},
            "order_amount_base of level 10 was",
        ),
    ],
)
def test_a_size_that_the_venue_does_not_take_is_refused(
    changes: dict[str, Decimal | Spacing | float], message: str
) -> None:
    """By the level that it belongs to, before anything is quoted."""
    values = {"order_amount_base": Decimal("0.01"), "order_levels": 3} | changes
    params = QuotingParams(**values)  # type: ignore[arg-type]  # the values are of mixed types
    with pytest.raises(ConfigError, match=message):
        level_lots(params, an_instrument(size_max_lots=10**12 // 2))


def test_the_farthest_of_many_large_levels_is_refused_too() -> None:
    """Sizes beyond any decimal's digits are no exception of another kind."""
    params = QuotingParams(
        order_amount_base=Decimal("1e-40"),
        order_levels=50,
        order_level_amounts=Spacing.GEOMETRIC,
        order_level_amount_ratio=10.0,
    )
    with pytest.raises(ConfigError, match="order_amount_base was 1E-40"):
        level_lots(params, an_instrument())


@given(st.sampled_from(Spacing), st.integers(1, 50), st.floats(1, 10, exclude_min=True))
def test_no_level_is_nearer_than_the_one_before_it(spacing: Spacing, levels: int, ratio: float) -> None:
    """For every parameter that is accepted; all numbers are finite."""
    params = QuotingParams(
        order_amount_base=Decimal(1),
        order_levels=levels,
        order_level_distances=spacing,
        order_level_spread_ratio=ratio,
    )

    gaps = level_gaps(params)

    assert len(gaps) == levels
    assert gaps[0] == 0
    assert all(nearer <= farther for nearer, farther in pairwise(gaps))
    assert all(map(isfinite, gaps))
