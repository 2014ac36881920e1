"""Means with their errors, plain and by clusters."""

from math import inf, isclose, sqrt
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.analytics.fit_mean import NOTHING, mean_of, student

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30)


@given(NUMBERS)
def test_the_plain_error_is_the_deviation_over_the_root_of_the_count(values: list[float]) -> None:
    """Of all that there is, as the tables have it."""
    found = mean_of(values, list(range(len(values))))
    assert isclose(found.mean, fmean(values), rel_tol=1e-9, abs_tol=1e-6)
    assert isclose(found.se, pstdev(values) / sqrt(len(values)), rel_tol=1e-6, abs_tol=1e-6)
    assert isclose(found.clustered, found.se, rel_tol=1e-9, abs_tol=1e-9)
    assert found.clusters == found.n == len(values)


@given(NUMBERS, st.integers(2, 5))
def test_values_that_are_repeated_in_their_cluster_teach_nothing(values: list[float], times: int) -> None:
    """The clustered error stays what it was; the plain one falls."""
    once = mean_of(values, list(range(len(values))))
    repeated = mean_of(
        [value for value in values for _ in range(times)],
        [key for key in range(len(values)) for _ in range(times)],
    )
    assert isclose(repeated.clustered, once.clustered, rel_tol=1e-6, abs_tol=1e-6)
    assert isclose(repeated.se, once.se / sqrt(times), rel_tol=1e-6, abs_tol=1e-6)
    assert repeated.clusters == once.clusters


def test_weights_count_a_value_as_often() -> None:
    """A weight of two is two values of one cluster."""
    weighted = mean_of([1.0, 4.0, 2.0], [1, 2, 3], [2.0, 1.0, 1.0])
    repeated = mean_of([1.0, 1.0, 4.0, 2.0], [1, 1, 2, 3])
    assert weighted.mean == repeated.mean == 2.0
    assert isclose(weighted.clustered, repeated.clustered)


def test_what_is_not_known_has_an_infinite_error() -> None:
    """No values, one, or one cluster."""
    assert mean_of([], []) == NOTHING
    assert NOTHING.half_width == NOTHING.error == inf
    one = mean_of([3.0], [1])
    assert (one.n, one.mean, one.se, one.half_width) == (1, 3.0, inf, inf)
    together = mean_of([3.0, 4.0], [1, 1])
    assert (together.clusters, together.clustered, together.error, together.half_width) == (1, inf, inf, inf)


def test_the_interval_takes_the_larger_error_as_that_of_a_sample() -> None:
    """Two values of two clusters: twelve of their errors."""
    found = mean_of([1.0, 3.0], [1, 2])
    assert isclose(found.error, 1.0)
    assert isclose(found.half_width, 12.706)


@pytest.mark.parametrize(
    ("degrees", "quantile"),
    [(0, inf), (-3, inf), (1, 12.706), (30, 2.042), (60, 2.000), (120, 1.980), (100_000, 1.960)],
)
def test_students_quantile_is_that_of_the_tables(degrees: int, quantile: float) -> None:
    """To 0.002 beyond the table."""
    assert student(degrees) == pytest.approx(quantile, abs=0.002)
