"""What is known exactly of the contenders on each market: the reference's targets, and what is not known."""

from decimal import Decimal
from math import inf
from typing import Any

import pytest

from mm.bench.quoting.contenders import CONTENDERS
from mm.bench.quoting.exact_continuous import rate_for_ever
from mm.bench.quoting.known import (
    Exact,
    best_of,
    exact_of,
    why_inexact,
    why_no_rate,
    why_without_effect,
)
from mm.bench.quoting.policy import policy_of
from tests.builders.quoting_scenes import scene

CAPS = {0.1: 40, 0.5: 20, 1.0: 12}


def known(name: str, **fields: Any) -> Exact:
    """The exact figures of a contender that has them."""
    found = exact_of(name, scene(**fields))
    assert found is not None
    return found


# Continuous time.


@pytest.mark.parametrize(
    ("risk_factor", "best", "expected"),
    [(0.1, 64.13349, 99.897), (0.5, 53.92457736, 99.86), (1.0, 45.19966848, 99.80)],
)
def test_on_the_continuous_market_the_engine_earns_what_the_reference_says(
    risk_factor: float, best: float, expected: float
) -> None:
    """quant.md 6.6: the closed form in percent of ln(v_0) / k; the target there is 99.7 %."""
    fields: dict[str, Any] = {"risk_factor": risk_factor, "cap": CAPS[risk_factor], "continuous": True}
    top = best_of(scene(**fields)).equivalent
    assert top == pytest.approx(best, abs=6e-6)
    percent = 100 * known("glft", **fields).equivalent / top
    assert percent == pytest.approx(expected, abs=6e-3)
    assert percent >= 99.7


def test_fixed_quotes_earn_the_same_mean_under_both_laws_of_fills() -> None:
    """68.2228 of quant.md 6.2, but for the limit: what a fixed distance earns is linear in its rate."""
    continuous, literal = known("symmetric", continuous=True), known("symmetric")
    assert continuous.moments.mean == pytest.approx(68.2228, abs=0.01)
    assert continuous.moments.mean == pytest.approx(literal.moments.mean, abs=5e-3)
    assert continuous.moments.fills == pytest.approx(literal.moments.fills, abs=5e-3)
    assert continuous.moments.sd > literal.moments.sd


# Fills that move the mid.

RATES = {0.1: 59.19381538, 0.2: 54.82955402, 0.4: 47.03365216, 0.8: 34.58062000}
"""quant.md 6.5: the largest certainty equivalent per second by impact, at an aversion of 0.1."""


@pytest.mark.parametrize("impact", sorted(RATES))
def test_who_knows_the_impact_earns_the_best_rate_there_is(impact: float) -> None:
    """quant.md 10 and 11: at least 99.5 % with a known impact up to 0.8, 100.00 % there."""
    played = scene(impact=impact)
    rate = best_of(played).rate
    assert rate == pytest.approx(RATES[impact], abs=6e-9)
    for name in ("glft", "glft_asymptotic"):
        found = rate_for_ever(played.market, policy_of(CONTENDERS[name], played), 0.1)
        assert 100 * found / rate == pytest.approx(100, abs=6e-3)


@pytest.mark.parametrize(("impact", "percent"), [(0.1, 99.82), (0.4, 98.21), (0.8, 94.99)])
def test_who_knows_no_end_loses_at_the_end_of_a_session_with_impact(impact: float, percent: float) -> None:
    """In percent of the literal market's best session; of its rate for ever it is all but the best."""
    played = scene(impact=impact)
    best, found = best_of(played), known("glft", impact=impact)
    assert found.rate is not None
    assert 100 * found.equivalent / best.equivalent == pytest.approx(percent, abs=6e-3)
    assert 100 * found.rate / best.rate >= 99.999


@pytest.mark.proof  # a table of sessions
def test_who_knows_the_end_loses_half_of_that_and_in_continuous_time_nothing() -> None:
    """At a large impact and aversion: the same model, told the end or not."""
    fields: dict[str, Any] = {"risk_factor": 0.5, "cap": 6, "impact": 0.8}
    for is_continuous, least in ((False, 97.5), (True, 99.9)):
        told = fields | {"continuous": is_continuous}
        best = best_of(scene(**told)).equivalent
        end, endless = (100 * known(name, **told).equivalent / best for name in ("glft_finite", "glft"))
        assert end >= least
        assert 100 - end <= 0.6 * (100 - endless)


# Ticks.


@pytest.mark.proof  # a table of ticks
@pytest.mark.parametrize(("tick", "expected"), [("0.1", 99.90), ("0.2", 99.60), ("0.4", 98.40)])
def test_ticks_cost_what_the_reference_says(tick: str, expected: float) -> None:
    """quant.md 10: nearest rounding at 0.15, 0.3 and 0.6 / k, in percent of no tick. There every step lies
    anywhere between two ticks and the true mid is rounded; here the mid goes where it went, and is shown to
    the half tick.
    """
    found, without = known("glft", tick=Decimal(tick)), known("glft")
    share = 100 * found.equivalent / without.equivalent
    assert share == pytest.approx(expected, abs=0.5 if tick == "0.4" else 0.15)
    assert found.rate is None


@pytest.mark.proof  # a table of ticks
def test_a_tolerance_below_a_tick_is_none() -> None:
    """Orders go where they are wanted: exact as without, and it is said."""
    coarse: dict[str, Any] = {"tick": Decimal("0.4")}
    assert known("glft_production", **coarse) == known("glft_asymptotic", **coarse)
    assert "is less than the tick of 0.4" in why_without_effect("glft_production", scene(**coarse))


# What there is not.


def test_a_tolerance_that_never_lasts_a_step_is_said() -> None:
    """At an aversion of 1 it is 0.133 with a move of 0.141; below that it does what it is there for."""
    told = why_without_effect("glft_production", scene(1.0, cap=12))
    assert "0.134 is less than the 0.141 that the mid moves by" in told
    assert told.endswith("as by glft_asymptotic")
    assert not why_without_effect("glft_production", scene(0.1))
    assert not why_without_effect("glft", scene(1.0, cap=12))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("avellaneda_stoikov", "it quotes for a session with an end"),
        ("glft_production", "orders that stay depend on the path, in continuous time on all of it"),
        ("glft", ""),
    ],
)
def test_who_has_no_rate_for_ever_says_why(name: str, why: str) -> None:
    """The end, or the path."""
    assert why_no_rate(name, scene()) == why


def test_a_coarse_tick_has_no_rate_for_ever_and_no_exact_figure_between_steps() -> None:
    """There the place of the mid matters."""
    assert why_no_rate("glft", scene(tick=Decimal("0.1"))) == "the tick is above 0.02"
    assert not why_inexact("glft", scene(tick=Decimal("0.1")))
    assert "where between two" in why_inexact("glft", scene(tick=Decimal("0.1"), continuous=True))


def test_the_error_of_sessions_is_that_of_their_utility() -> None:
    """(e^(2 g (CE(g) - CE(2 g))) - 1)^(1/2) / g / n^(1/2); infinite where no number of sessions tells."""
    found = known("glft", steps=20)
    assert found.equivalent_error(0.1, 400) == pytest.approx(found.equivalent_error(0.1, 100) / 2)
    # Nearly normal wealth: the utility is nearly lognormal, and its error that of the mean.
    assert found.equivalent_error(0.1, 100) == pytest.approx(found.moments.sd / 10, rel=0.1)
    assert known("symmetric", risk_factor=1.0, cap=12).spread == inf
