"""The curve against a computation that looks at every print, and its edges."""

from itertools import pairwise
from math import isclose

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.analytics.lambda_curve import CurveOptions, lambda_curve
from mm.analytics.markets import Mids, Tape
from tests.builders.naive_lambda_curve import naive_curve
from tests.builders.tapes import Hit, S, Top, calm, random_tape, tape_of

DISTANCES = (0.0, 0.5, 1.0, 3.0, 8.0, 20.0)


def curve(tape: Tape, options: CurveOptions) -> list[tuple[float, ...]]:
    """Return the points as plain numbers."""
    return [
        (point.bids, point.asks, point.rate_per_s, *(found.mean for found in point.markouts))
        for point in lambda_curve(tape, Mids(tape), options).points
    ]


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    every_ns=st.sampled_from((50_000_000, 100_000_000, 333_333_333, 2 * S)),
    horizons_ns=st.sampled_from(((S,), (S // 10, 5 * S), (3 * S, 7 * S))),
)
def test_the_curve_is_what_looking_at_every_print_gives(
    seed: int, every_ns: int, horizons_ns: tuple[int, ...]
) -> None:
    """Fills of both sides exactly, rates, means and plain errors to the rounding of floats."""
    tape = random_tape(seed, seconds=40)
    options = CurveOptions(distances_bps=DISTANCES, horizons_ns=horizons_ns, every_ns=every_ns)
    found = lambda_curve(tape, Mids(tape), options)
    for point, naive in zip(found.points, naive_curve(tape, options), strict=True):
        assert (point.bids, point.asks) == (naive.bids, naive.asks)
        assert point.fills == point.bids + point.asks
        assert isclose(point.rate_per_s, naive.rate_per_s)
        assert [one.n for one in point.markouts] == [point.fills] * len(horizons_ns)
        for one, mean, error in zip(point.markouts, naive.means, naive.errors, strict=False):
            assert isclose(one.mean, mean, abs_tol=1e-9)
            if point.fills > 1:
                assert isclose(one.se, error, rel_tol=1e-6, abs_tol=1e-9)


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_a_farther_quote_is_never_filled_more_often(seed: int) -> None:
    """On either side."""
    tape = random_tape(seed)
    points = lambda_curve(tape, Mids(tape), CurveOptions(distances_bps=DISTANCES)).points
    for near, far in pairwise(points):
        assert near.bids >= far.bids
        assert near.asks >= far.asks


def test_a_print_at_the_very_price_fills_nothing_and_one_beyond_fills_once() -> None:
    """One fill per side and refresh, at the quote's own price."""
    # The mid is 100000; a quote 1 bps away stands at 99990.
    tops = [Top(0, 99_990, 100_010), Top(20, 99_970, 99_990)]
    hits = [Hit(5.01, 99_990, -1), Hit(6.01, 99_989, -1), Hit(6.02, 99_900, -1), Hit(6.11, 99_980, -1)]
    tape = tape_of(tops, hits)
    (point,) = lambda_curve(tape, Mids(tape), CurveOptions(distances_bps=(1.0,), horizons_ns=(S,))).points
    assert (point.bids, point.asks) == (2, 0)
    assert point.markouts[0].mean == pytest.approx(1.0)
    assert point.rate_per_s == pytest.approx(2 / (2 * 17.0))


def test_the_edges_of_a_refresh_belong_to_the_one_before() -> None:
    """A print at the time of a refresh meets the quote that ends then; before the first there is none."""
    tops = [Top(0, 99_990, 100_010), Top(1.05, 89_990, 90_010), Top(20, 89_980, 90_010)]
    for at_s, fills in ((1.0, 0), (1.1, 1), (1.2, 0)):
        tape = tape_of(tops, [Hit(at_s, 95_000, -1)])
        (point,) = lambda_curve(tape, Mids(tape), CurveOptions(distances_bps=(1.0,), horizons_ns=(S,))).points
        assert point.bids == fills, at_s


def test_a_tape_that_is_too_short_gives_a_curve_without_refreshes() -> None:
    """Nothing is known, nothing is divided by 0."""
    tape = calm(5, [Hit(2, 99_000, -1)])
    found = lambda_curve(tape, Mids(tape), CurveOptions(distances_bps=(1.0,)))
    assert (found.refreshes, found.duration_s) == (0, 0.0)
    assert found.points[0].rate_per_s == 0.0
    assert found.points[0].markouts[0].n == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"distances_bps": ()},
        {"distances_bps": (2.0, 1.0)},
        {"distances_bps": (-1.0,)},
        {"horizons_ns": ()},
        {"horizons_ns": (0,)},
        {"every_ns": 0},
    ],
)
def test_what_makes_no_sense_is_a_bug_of_who_asks(wrong: dict[str, object]) -> None:
    """Each of them."""
    with pytest.raises(AssertionError):
        CurveOptions(**wrong)  # type: ignore[arg-type]  # that is what is tested
