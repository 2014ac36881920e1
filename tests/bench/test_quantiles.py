"""Quantiles and ratios of the bench."""

import pytest

from mm.bench.quantiles import microseconds, ratio


@pytest.mark.parametrize(
    ("durations", "percent", "expected"),
    [
        ([], 50, 0.0),
        ([1_500], 50, 1.5),
        ([3_000, 1_000, 2_000], 50, 2.0),
        ([1_000] * 99 + [9_999], 99, 10.0),
        ([1_000] * 99 + [9_000], 100, 9.0),
        ([5_000, 1_000], 0, 1.0),
    ],
)
def test_a_quantile_is_one_of_the_durations(durations: list[int], percent: int, expected: float) -> None:
    """In microseconds, of unsorted nanoseconds; nothing measured is nothing."""
    assert microseconds(durations, percent) == expected


def test_a_ratio_to_nothing_is_nothing() -> None:
    """And no crash."""
    assert ratio(1.0, 0.0) == 0.0
    assert ratio(1.0, 3.0) == 0.333
