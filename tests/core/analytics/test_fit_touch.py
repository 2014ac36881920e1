"""Markouts of every print and costs of every market order, from the maker's side."""

from math import isclose

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.analytics.fit_before import UNKNOWN, before_orders
from mm.analytics.fit_touch import Costs, touch_costs, touch_markouts
from mm.analytics.markets import Mids, Tape
from tests.builders.naive_lambda_curve import MidWalk
from tests.builders.tapes import Hit, S, Top, calm, random_tape, tape_of


def test_the_sign_is_the_makers() -> None:
    """A maker who bought loses when the mid falls."""
    tops = [Top(0, 99_990, 100_010), Top(10, 99_970, 99_990), Top(20, 99_970, 99_990)]
    tape = tape_of(tops, [Hit(9.5, 99_990, -1, size=400), Hit(9.7, 100_010, 1, size=100)])
    (found,) = touch_markouts(tape, Mids(tape), (S,))
    bought, sold = (99_980 - 99_990) / 99_990 * 1e4, (100_010 - 99_980) / 100_010 * 1e4
    assert isclose(found.markout.mean, (bought + sold) / 2)
    assert isclose(
        found.weighted.mean,
        (bought * 99_990 * 400 + sold * 100_010 * 100) / (99_990 * 400 + 100_010 * 100),
    )


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), horizon_ns=st.sampled_from((S // 10, S, 7 * S)))
def test_the_markouts_are_those_of_looking_at_every_print(seed: int, horizon_ns: int) -> None:
    """Whatever the market."""
    tape = random_tape(seed, seconds=30)
    (found,) = touch_markouts(tape, Mids(tape), (horizon_ns,))
    walk, values = MidWalk(tape), []
    for at, price, side in zip(tape.print_ns, tape.price, tape.aggressor, strict=True):
        if at + horizon_ns <= tape.top_ns[-1]:
            values.append(-side * (walk.at(at + horizon_ns) - price) / price * 1e4)
    assert found.markout.n == len(values)
    assert found.markout.mean == pytest.approx(sum(values) / len(values), abs=1e-9)
    assert found.markout.clusters <= 30 * S // max(S, horizon_ns) + 1


def test_horizons_beyond_the_tape_are_left_out() -> None:
    """Nothing is made up for them; without prints there are none."""
    tape = calm(40, [Hit(5, 100_000, -1), Hit(38, 100_000, -1)])
    found = touch_markouts(tape, Mids(tape), (S, 30 * S, 60 * S))
    assert [(one.horizon_ns, one.markout.n) for one in found] == [(S, 2), (30 * S, 1)]
    assert touch_markouts(calm(40), Mids(calm(40))) == ()
    assert costs_of(calm(40)) == ()


def costs_of(tape: Tape, *horizons_ns: int) -> tuple[Costs, ...]:
    """Return the costs of a tape's orders, at the usual horizons if none are named."""
    mids, before = Mids(tape), before_orders(tape)
    return touch_costs(tape, mids, before, horizons_ns) if horizons_ns else touch_costs(tape, mids, before)


def test_an_order_counts_once_against_the_mid_before_it() -> None:
    """Its book came first and it swept two levels: the half-spread is still that quoted, the impact whole."""
    tops = [Top(0, 99_990, 100_010), Top(9.99, 100_010, 100_030), Top(60, 100_000, 100_020)]
    hits = [Hit(10, 100_010, 1, size=3), Hit(10, 100_010, 1, size=4), Hit(10, 100_020, 1, size=500)]
    hits += [Hit(20, 100_010, -1, size=1), Hit(25, 100_555, 1)]
    (found,) = costs_of(tape_of(tops, hits), S)
    bought, sold = (100_020 - 100_010) / 100_010 * 1e4, (100_010 - 100_020) / 100_010 * 1e4
    halves = ((100_010 - 100_000) / 100_010 * 1e4, (100_020 - 100_010) / 100_010 * 1e4)
    assert found.half_spread.n == found.impact.n == found.markout.n == 2
    assert isclose(found.half_spread.mean, sum(halves) / 2)
    assert isclose(found.markout.mean, (bought + sold) / 2, abs_tol=1e-12)
    assert isclose(found.impact.mean, found.half_spread.mean - found.markout.mean)
    assert isclose(found.weighted.mean, (7 * sold + 1 * bought) / 8)


def test_an_order_whose_horizon_ends_after_the_tape_costs_nothing() -> None:
    """Horizons that no order has time for are left out; without a mid before them orders tell nothing."""
    tape = calm(40, [Hit(5, 100_000, -1), Hit(38, 100_000, -1)])
    assert [(one.horizon_ns, one.impact.n) for one in costs_of(tape, S, 30 * S, 60 * S)] == [
        (S, 2),
        (30 * S, 1),
    ]
    (nothing,) = costs_of(calm(40, [Hit(5, 123_000, -1)]), S)
    assert nothing.markout.n == nothing.weighted.n == nothing.impact.n == nothing.half_spread.n == 0


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), horizon_ns=st.sampled_from((S // 10, S, 7 * S)))
def test_half_spread_less_impact_is_the_markout(seed: int, horizon_ns: int) -> None:
    """And the half-spread is never below 0 where it is told by what was hit."""
    tape = random_tape(seed, seconds=30)
    before = before_orders(tape)
    (found,) = costs_of(tape, horizon_ns)
    assert found.half_spread.mean - found.impact.mean == pytest.approx(found.markout.mean, abs=1e-9)
    assert found.half_spread.mean > 0
    ends_ns = tape.top_ns[-1] - horizon_ns
    assert found.markout.n == sum(
        place != UNKNOWN and tape.print_ns[order.first] <= ends_ns
        for order, place in zip(before.orders, before.tops, strict=True)
    )
