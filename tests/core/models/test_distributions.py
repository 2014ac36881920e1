"""Ladders' sizes and distances, level by level."""

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from math import isfinite, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.models.distributions import arithmetic, fibonacci, geometric, linear, logarithmic
from mm.models.glft import OutOfRange

Distribution = Callable[[int], tuple[float, ...]]
ALL: list[tuple[Distribution, tuple[float, ...]]] = [
    (lambda n: linear(n, 1.0, 3.0), (1.0, 1.5, 2.0, 2.5, 3.0)),
    (lambda n: arithmetic(n, 1.0, 0.25), (1.0, 1.25, 1.5, 1.75, 2.0)),
    (lambda n: geometric(n, 3.0, 2.0), (3.0, 6.0, 12.0, 24.0, 48.0)),
    (lambda n: fibonacci(n, 0.5), (0.5, 1.0, 1.5, 2.5, 4.0)),
    (
        lambda n: logarithmic(n, 1.0, base=2.0, scale=3.0),
        tuple(3 * log2(i + 2) + 1 - 3 for i in range(5)),
    ),
]


@pytest.mark.parametrize(("distribution", "five"), ALL)
def test_five_levels_are_the_five_numbers(distribution: Distribution, five: tuple[float, ...]) -> None:
    """As the formulas say, from the nearest level on."""
    assert distribution(5) == pytest.approx(five)


@pytest.mark.parametrize(("distribution", "five"), ALL)
def test_few_levels_begin_alike(distribution: Distribution, five: tuple[float, ...]) -> None:
    """No level, no number; one level is the start, and no level changes with their count but in `linear`."""
    assert distribution(0) == ()
    assert distribution(1) == pytest.approx(five[:1])
    if distribution is not ALL[0][0]:
        assert distribution(2) == pytest.approx(five[:2])
    with pytest.raises(ValueError, match="levels was -1, expected at least 0"):
        distribution(-1)


def test_linear_ends_at_its_end() -> None:
    """Also downwards."""
    assert linear(3, 3.0, 1.0) == (3.0, 2.0, 1.0)


numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(st.integers(0, 50), numbers, numbers, numbers)
def test_every_ladder_is_finite_or_refused(levels: int, start: float, step: float, base: float) -> None:
    """As many numbers as levels, none of them infinite; whatever was asked for."""
    distributions: tuple[Callable[[], tuple[float, ...]], ...] = (
        lambda: linear(levels, start, step),
        lambda: arithmetic(levels, start, step),
        lambda: geometric(levels, start, base),
        lambda: fibonacci(levels, start),
        lambda: logarithmic(levels, start, base=base, scale=step),
    )
    for distribution in distributions:
        with suppress(ValueError):
            found = distribution()
            assert len(found) == levels
            assert all(map(isfinite, found))


@given(st.integers(2, 50), st.floats(0.001, 1e6), st.floats(0.001, 1e6), st.floats(1.01, 5))
def test_growing_ladders_grow(levels: int, start: float, step: float, base: float) -> None:
    """Each level is larger than the one nearer to the market."""
    for found in (
        linear(levels, start, start + step),
        arithmetic(levels, start, step),
        geometric(levels, start, base),
        fibonacci(levels, start),
        logarithmic(levels, start, base=base, scale=step),
    ):
        assert all(farther > nearer for nearer, farther in pairwise(found))


@pytest.mark.parametrize(
    ("distribution", "message"),
    [
        (lambda: linear(3, float("nan"), 1.0), "start was nan"),
        (lambda: linear(3, 1.0, float("inf")), "end was inf"),
        (lambda: arithmetic(3, 1.0, float("nan")), "step was nan"),
        (lambda: geometric(3, 1.0, 1.0), "ratio was 1.0, expected more than 1"),
        (lambda: logarithmic(3, 1.0, base=1.0, scale=1.0), "base was 1.0, expected more than 1"),
        (lambda: logarithmic(3, 1.0, base=2.0, scale=float("inf")), "scale was inf"),
        (lambda: fibonacci(3, float("inf")), "start was inf"),
    ],
)
def test_numbers_outside_their_domain_are_refused_by_name(
    distribution: Callable[[], tuple[float, ...]], message: str
) -> None:
    """What was found, what was expected."""
    with pytest.raises(ValueError, match=message):
        distribution()


def test_a_ladder_that_no_float_holds_is_refused() -> None:
    """Powers grow fast."""
    with pytest.raises(OutOfRange, match="not finite"):
        geometric(50, 1.0, 1e30)
