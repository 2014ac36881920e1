"""Moments in continuous time: the reference's, those that follow from certainty equivalents, closed forms."""

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest

from mm.bench.quoting.exact import Market, Policy
from mm.bench.quoting.exact_continuous import inventory_deviation, session_certainty_equivalent
from mm.bench.quoting.exact_continuous_moments import moments
from tests.builders.model_markets import stoikov
from tests.builders.quoting_policies import LITERAL, closed, paper_policy, paper_symmetric, symmetric

OFF = np.full((1, 3), np.nan)


def test_the_papers_strategies_earn_what_the_reference_says() -> None:
    """quant.md 6.1, continuous time at an aversion of 0.1: 63.9923 with the inventory, 68.2223 without."""
    assert moments(LITERAL, paper_policy(0.1, 15, at=0.5)).mean == pytest.approx(63.9923, abs=6e-5)
    assert moments(LITERAL, paper_symmetric(0.1, 60)).mean == pytest.approx(68.2223, abs=6e-4)


@pytest.mark.parametrize("fee", [0.0, 0.2])
@pytest.mark.parametrize("impact", [0.0, 0.3])
def test_mean_and_deviation_are_those_of_the_certainty_equivalent(fee: float, impact: float) -> None:
    """CE(g) = mean - g sd^2 / 2 + g^2 kappa_3 / 6: by its slope where the aversion goes to nothing."""
    market = replace(LITERAL, steps=20, fee=fee, impact=impact)
    policy = closed(stoikov(0.5, fee=fee, impact=impact), 8)
    at = [session_certainty_equivalent(market, policy, step * 1e-3) for step in (1, 2, 3)]
    found = moments(market, policy)
    mean, slope = 3 * at[0] - 3 * at[1] + at[2], (-5 * at[0] + 8 * at[1] - 3 * at[2]) / 2e-3
    assert found.mean == pytest.approx(mean, abs=1e-6)
    assert found.sd == pytest.approx(sqrt(-2 * slope), rel=1e-4)


def test_fixed_quotes_are_filled_and_hold_what_two_poisson_streams_do() -> None:
    """Fills 2 L T, inventory of variance 2 L T and kurtosis 3 + 1 / (2 L T), before any limit binds."""
    market = Market(volatility=0.0, arrival_rate=3.0, decay=1.0, step_s=0.1, steps=10)
    found = moments(market, symmetric(2.0, 40))
    fills = 2 * 3.0 * float(np.exp(-1))
    assert found.fills == pytest.approx(fills, rel=1e-12)
    assert found.mean == pytest.approx(fills, rel=1e-12)
    assert found.sd == pytest.approx(sqrt(fills), rel=1e-12)
    assert found.sd_q == pytest.approx(sqrt(fills), rel=1e-12)
    assert found.kurtosis_q == pytest.approx(3 + 1 / fills, rel=1e-10)


def test_nobody_quotes_and_nothing_is_earned() -> None:
    """The mid diffuses all the same."""
    found = moments(LITERAL, Policy(OFF, OFF))
    assert (found.mean, found.sd, found.sd_q, found.fills) == (0, 0, 0, 0)


def test_a_long_session_holds_what_the_long_run_does() -> None:
    """The inventory's deviation by detailed balance."""
    policy = closed(stoikov(1.0), 8)
    found = moments(replace(LITERAL, steps=400), policy)
    assert found.sd_q == pytest.approx(inventory_deviation(LITERAL, policy), rel=1e-6)


def test_too_few_rows_are_refused() -> None:
    """One for all times or one a step."""
    with pytest.raises(ValueError, match="the policy has 200 rows, expected 1 or 100"):
        moments(replace(LITERAL, steps=100), paper_policy(0.1, 3))
