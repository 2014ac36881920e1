"""Whether a band is exponential: how often what is passes, what is refused, and what a search names."""

from dataclasses import replace
from functools import cache
from random import Random

import pytest

from mm.analytics.fit_intensity import Band, Fit, band_fit
from mm.analytics.markets import Mids, Tape
from mm.bootstrap.calibrate.estimates import Estimates, Question, estimates
from mm.bootstrap.calibrate.shape import PARTS, Looked, Shape, band_text, search, search_words, shape
from tests.builders.tapes import TICK, Hit, S, calm, exponential_flow

TICK_BPS = TICK / 100_005 * 1e4


@cache
def market(*steps: int) -> Tape:
    """A still market whose market orders reach so many ticks beyond the touch, both sides in turn."""
    hits = []
    for number, step in enumerate(steps):
        side = 1 if number % 2 else -1
        hits.append(Hit(1 + number / 10, 100_005 + side * (TICK // 2 + step * TICK), side))
    return calm(len(steps) / 10 + 30, hits)


def fit_of(tape: Tape, band: Band) -> Fit:
    """Return the fit of both sides."""
    found = band_fit(tape, Mids(tape), band).both
    assert found is not None
    return found


def of_two_kinds(*, near: int, far: int, decay: float = 0.05) -> tuple[int, ...]:
    """Return how far orders reach of which many stop at the touch and the others thin out exponentially."""
    dice = Random(7)
    steps = [0] * near + [int(dice.expovariate(decay)) for _ in range(far)]
    dice.shuffle(steps)
    return tuple(steps)


def asked_for(tape: Tape, band: Band) -> Estimates:
    """Return the estimates of a band that a person names."""
    return estimates(tape, Question(fee_bps=0.0, horizon_ns=S, band=band))


@pytest.mark.proof  # many markets
def test_a_band_that_is_asked_for_passes_nearly_always_and_a_searched_one_less_often() -> None:
    """Nineteen of twenty, and two of five: then the best of six passes as often as one would."""
    asked = searched = 0
    runs = 40
    for seed in range(runs):
        tape = exponential_flow(seed, orders=100, rate=0.9, decay=0.2)
        fit = fit_of(tape, Band(0.0, 15 * TICK_BPS))
        asked += not shape(fit).refused
        searched += not shape(fit, looks=len(PARTS)).refused
    assert asked >= 0.9 * runs
    assert 0.2 * runs <= searched <= 0.6 * runs


def test_the_bound_is_below_that_for_a_k_that_is_known_beforehand() -> None:
    """k is fitted to the same counts; the more bands are looked at the lower it is; the same every time."""
    fit = fit_of(exponential_flow(3, orders=900, rate=0.9, decay=0.2), Band(0.0, 15 * TICK_BPS))
    one, six = shape(fit), shape(fit, looks=6)
    assert six.misfit_max < one.misfit_max < fit.misfit_max
    assert shape(fit) == one
    assert six.alone_max == one.alone_max == one.misfit_max


def test_a_band_of_one_tick_tells_nothing() -> None:
    """Any count of it is met exactly: it is refused, and nothing is searched in it."""
    found = asked_for(market(*[0, 1] * 100), Band(0.0, TICK_BPS))
    assert found.fit.both is not None
    assert found.fit.both.misfit == pytest.approx(0.0)
    assert found.decay.doubt == (
        "200 market orders over 1 tick do not tell whether they thin out exponentially: a wider --band may"
    )
    assert found.looked == ()
    assert found.shape is not None
    assert not found.shape.is_tested


def test_a_wide_band_with_few_orders_is_not_to_be_wider() -> None:
    """It is too empty, and not even tested."""
    found = shape(fit_of(market(*[0, 7, 30] * 3), Band(0.0, 100 * TICK_BPS)))
    assert not found.is_tested
    assert "over 100 ticks do not tell" in found.refused
    assert "wider" not in found.refused


def test_nothing_is_searched_for_a_strategy_without_a_decay() -> None:
    """It would be noise; what is asked for is refused all the same."""
    tape = market(*of_two_kinds(near=800, far=400))
    asked = Question(fee_bps=0.0, horizon_ns=S, band=Band(0.0, 40 * TICK_BPS), is_searched=False)
    found = estimates(tape, asked)
    assert found.decay.doubt
    assert found.looked == ()


def test_a_fit_that_is_rejected_is_no_estimate_and_a_farther_band_is_named_where_it_fits() -> None:
    """A narrower band would hold worse: most orders stop at the touch, those that go on are exponential."""
    tape = market(*of_two_kinds(near=4_000, far=1_200, decay=0.04))
    band = Band(0.0, round(40 * TICK_BPS, 4))
    found = asked_for(tape, band)
    for estimate in (found.rate, found.decay):
        assert estimate.doubt.startswith("market orders do not thin out exponentially there: distance 0.")
    by_kind = {one.band: one for one in found.looked}
    assert len(by_kind) == len(PARTS)
    for one in found.looked:
        if one.kind == "narrower":
            assert "exponentially" in one.refused
    named = next(one for one in found.looked if not one.refused)
    assert named.kind != "narrower"
    assert named.band.low_bps > 0
    assert named.fit is not None
    assert named.fit.decay_per_tick == pytest.approx(0.04, rel=0.25)
    said = " ".join(found.notes)
    assert f"--band {band_text(named.band)} fits: distance {named.fit.misfit:.3f}, at most" in said
    assert f"k = {named.fit.decay_per_bps:.3g} per bps; as one of 6 it had to meet a stricter bound" in said
    # Who follows the advice gets what was promised.
    followed = asked_for(tape, named.band)
    assert followed.decay.doubt == followed.rate.doubt == ""
    assert followed.decay.value == named.fit.decay_per_bps


def test_a_search_that_finds_nothing_says_so() -> None:
    """Orders end at round distances only: no part of the band is exponential."""
    dice = Random(5)
    tape = market(*(dice.choice((0, 0, 10, 20, 30)) for _ in range(2_000)))
    found = asked_for(tape, Band(0.0, 35 * TICK_BPS))
    assert found.looked
    assert all(one.refused for one in found.looked)
    assert "none of them is exponential and known well enough" in " ".join(found.notes)
    assert "fits" not in " ".join(found.notes)


def test_nothing_is_named_that_would_be_refused_for_another_reason() -> None:
    """Too few orders, or a band without any."""
    tape = exponential_flow(1, orders=90, rate=0.9, decay=0.1)
    band = Band(0.0, 20 * TICK_BPS)
    looked = search(band, lambda part: band_fit(tape, Mids(tape), part).both, lambda fit: "too few")
    assert {one.refused for one in looked} <= {"too few", "nothing to fit"}
    nowhere = search(Band(0.0, 0.0001), lambda part: None, lambda fit: "")
    assert {one.refused for one in nowhere} == {"nothing to fit"}


def test_what_would_do_alone_is_told_as_not_enough_of_a_search() -> None:
    """With both bounds; where anything passes that is named instead."""
    fit = fit_of(exponential_flow(1, orders=2_000, rate=0.9, decay=0.1), Band(0.0, 20 * TICK_BPS))
    tested = Shape(is_tested=True, misfit_max=0.01, alone_max=0.5, refused="too far")
    near = Looked(kind="both", band=Band(1, 2), fit=fit, tested=tested, refused="too far", is_near=True)
    said = search_words("here", [near])[1]
    assert said.startswith("none of them meets the bound of the best of 1; nearest is --band 1:2: distance ")
    assert "at most 0.010; asked for alone it may have 0.500" in said
    passing = replace(near, refused="", band=Band(3, 4))
    assert search_words("here", [near, passing])[1].startswith("--band 3:4 fits: distance")


def test_a_band_is_told_as_it_is_named_on_the_command_line() -> None:
    """In full, and without what says nothing."""
    assert band_text(Band(0.0, 1.0)) == "0:1"
    assert band_text(Band(0.25, 123.4567)) == "0.25:123.4567"
    one = Looked(kind="both", band=Band(10.0, 20.5), fit=None, tested=None, refused="x")
    assert "(both: 10:20.5)" in search_words("here", [one])[0]
