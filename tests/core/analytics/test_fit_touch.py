"""Markouts of every print, from the maker's side."""

from math import isclose

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.analytics.fit_touch import touch_markouts
from mm.analytics.markets import Mids
from tests.builders.naive_lambda_curve import MidWalk
from tests.builders.tapes import Hit, S, Top, calm, random_tape, tape_of


def test_the_sign_is_the_makers() -> None:
    """A maker who bought loses when the mid falls; half-spread less impact is the markout."""
    tops = [Top(0, 99_990, 100_010), Top(10, 99_970, 99_990), Top(20, 99_970, 99_990)]
    tape = tape_of(tops, [Hit(9.5, 99_990, -1, size=400), Hit(9.7, 100_010, 1, size=100)])
    (found,) = touch_markouts(tape, Mids(tape), (S,))
    bought, sold = (99_980 - 99_990) / 99_990 * 1e4, (100_010 - 99_980) / 100_010 * 1e4
    assert isclose(found.markout.mean, (bought + sold) / 2)
    assert isclose(
        found.weighted.mean,
        (bought * 99_990 * 400 + sold * 100_010 * 100) / (99_990 * 400 + 100_010 * 100),
    )
    assert isclose(found.half_spread.mean, 1.0, rel_tol=1e-3)
    assert isclose(found.impact.mean, 0.0, abs_tol=1e-3)


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), horizon_ns=st.sampled_from((S // 10, S, 7 * S)))
def test_the_markouts_are_those_of_looking_at_every_print(seed: int, horizon_ns: int) -> None:
    """And half-spread less impact is the markout, whatever the market."""
    tape = random_tape(seed, seconds=30)
    (found,) = touch_markouts(tape, Mids(tape), (horizon_ns,))
    walk, values = MidWalk(tape), []
    for at, price, side in zip(tape.print_ns, tape.price, tape.aggressor, strict=True):
        if at + horizon_ns <= tape.top_ns[-1]:
            values.append(-side * (walk.at(at + horizon_ns) - price) / price * 1e4)
    assert found.markout.n == len(values)
    assert found.markout.mean == pytest.approx(sum(values) / len(values), abs=1e-9)
    assert found.half_spread.mean - found.impact.mean == pytest.approx(found.markout.mean, abs=1e-9)
    assert found.markout.clusters <= 30 * S // max(S, horizon_ns) + 1


def test_horizons_beyond_the_tape_are_left_out() -> None:
    """Nothing is made up for them; without prints there are none."""
    tape = calm(40, [Hit(5, 100_000, -1), Hit(38, 100_000, -1)])
    found = touch_markouts(tape, Mids(tape), (S, 30 * S, 60 * S))
    assert [(one.horizon_ns, one.markout.n) for one in found] == [(S, 2), (30 * S, 1)]
    assert touch_markouts(calm(40), Mids(calm(40))) == ()
