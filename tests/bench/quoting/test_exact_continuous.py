"""Policies in continuous time: the ergodic identities, the oracle's scores, and bad input."""

from dataclasses import replace
from math import exp, log, log1p, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.bench.quoting.exact import Market, Policy
from mm.bench.quoting.exact_continuous import (
    inventory_deviation,
    rate_for_ever,
    session_certainty_equivalent,
)
from mm.models import glft
from mm.models.avellaneda_stoikov import distances
from mm.models.glft import Distances, risk_factor_for
from mm.models.glft_asymptotic import asymptotic
from mm.models.glft_finite import finite
from tests.builders.model_markets import market as told
from tests.builders.model_markets import stoikov
from tests.builders.quoting_policies import (
    CAPS,
    LITERAL,
    closed,
    endless,
    linear,
    paper_policy,
    symmetric,
    whole_session,
)

CAP = 30
OPTIMUM = 63.901609738330


def percent(policy: Policy) -> float:
    """The certainty equivalent per second at an aversion of 0.1, of 100 for the optimum."""
    return 100 * rate_for_ever(LITERAL, policy, 0.1) / OPTIMUM


# For ever.


@pytest.mark.parametrize(
    "given_market",
    [
        stoikov(0.1),
        stoikov(0.01),
        stoikov(0.1, fee=0.3),
        stoikov(0.1, fee=-0.1),
        stoikov(0.1, impact=0.2),
        stoikov(0.1, fee=0.1, impact=0.8, drift=0.5),
    ],
)
def test_the_exact_quotes_earn_what_their_eigenvalue_says(given_market: glft.Market) -> None:
    """Two eigenproblems, one number: that of the model and that of scoring its quotes."""
    market = replace(LITERAL, fee=given_market.fee, impact=given_market.impact)
    g = given_market.risk_factor

    found = rate_for_ever(market, endless(given_market, CAP), g, drift=given_market.drift)

    assert found == pytest.approx(asymptotic(given_market, CAP).ce, rel=1e-11)


def test_the_rate_gives_the_number_of_the_oracle() -> None:
    """At an aversion of 0.1; also at large aversions and caps, where a plain eigensolver fails."""
    assert rate_for_ever(LITERAL, endless(stoikov(0.1), CAP), 0.1) == pytest.approx(OPTIMUM, abs=6e-11)
    for g in (0.5, 1.0):
        expected = asymptotic(stoikov(g), 60).ce
        assert rate_for_ever(LITERAL, endless(stoikov(g), 60), g) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize(
    ("risk_factor", "exact"), [(0.001, 8.0895), (0.01, 4.5409), (0.1, 2.5263), (1.0, 1.3189)]
)
def test_the_deviation_of_the_inventory_gives_the_numbers_of_the_oracle(
    risk_factor: float, exact: float
) -> None:
    """In the long run, under GLFT's exact quotes."""
    found = inventory_deviation(LITERAL, endless(stoikov(risk_factor), 80))

    assert found == pytest.approx(exact, abs=6e-5)


def test_the_aversion_for_a_deviation_leaves_it() -> None:
    """Calibrated for 3 lots, 2.98951 are held."""
    found = risk_factor_for(3.0, stoikov(0.0))

    assert inventory_deviation(LITERAL, endless(stoikov(found), 60)) == pytest.approx(2.989510, abs=6e-7)


def test_the_long_run_of_the_inventory_is_the_square_of_the_eigenvector() -> None:
    """Detailed balance: as many fills up as down between neighbours."""
    table = asymptotic(stoikov(0.1), CAP)
    margin = log1p(0.1 / 1.5) / 0.1
    weights = np.cumprod([1.0] + [exp(2 * 1.5 * (margin - bid)) for bid in table.bids if bid is not None])
    weights /= weights.sum()
    expected = sqrt(float(weights @ np.arange(-CAP, CAP + 1) ** 2))

    assert inventory_deviation(LITERAL, endless(stoikov(0.1), CAP)) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("horizon_s", "expected", "rounding"),
    [
        (0.02, -8.8, 0.06),
        (0.05, 97.5, 0.06),
        (0.1, 99.85, 0.006),
        (0.129, 100.00, 0.006),
        (0.2, 99.6, 0.06),
        (0.5, 95.9, 0.06),
        (1.0, 89.1, 0.06),
    ],
)
def test_a_frozen_horizon_earns_what_the_oracle_says(
    horizon_s: float, expected: float, rounding: float
) -> None:
    """The perpetual version of Avellaneda's and Stoikov's quotes, by how far its end is."""
    found = percent(linear([distances(stoikov(0.1), horizon_s)], CAP))

    assert found == pytest.approx(expected, abs=rounding)


MULTIPLIERS = (0.25, 0.5, 0.8, 0.9, 1.1, 1.25, 2.0, 4.0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("volatility", (89.80, 98.81, 99.88, 99.97, 99.98, 99.90, 99.01, 95.64)),
        ("arrival_rate", (99.01, 99.76, 99.98, 100.00, 99.99, 99.97, 99.72, 98.81)),
        ("decay", (24.59, 75.28, 97.47, 99.45, 99.57, 97.75, 82.37, 51.33)),
    ],
)
def test_wrong_parameters_earn_what_the_oracle_says(name: str, expected: tuple[float, ...]) -> None:
    """The closed form told a multiple of the truth: the decay is the one that matters."""
    right = stoikov(0.1)
    found = [
        percent(closed(replace(right, **{name: multiplier * getattr(right, name)}), CAP))
        for multiplier in MULTIPLIERS
    ]

    assert found == pytest.approx(expected, abs=6e-3)


def test_half_tick_estimates_cost_a_quarter() -> None:
    """The published fit's errors, A times 1.34 and k times 0.48: 72.5 %."""
    found = percent(closed(told(0.1, 140 * 1.34, 1.5 * 0.48, 2.0), CAP))

    assert found == pytest.approx(72.5, abs=0.06)


def widened(policy: Policy, more: float) -> Policy:
    """Both quotes farther away by the same distance."""
    return Policy(policy.bids + more, policy.asks + more)


@pytest.mark.parametrize(
    ("impact", "rate", "ignored"),
    [(0.1, 59.19381538, 99.7), (0.2, 54.82955402, 98.6), (0.4, 47.03365216, 93.9), (0.8, 34.58062000, 69.4)],
)
def test_adverse_selection_costs_what_the_oracle_says(impact: float, rate: float, ignored: float) -> None:
    """Ignored; met by half of it on the exact quotes, at least 99.73 %; and known to the closed form."""
    market = replace(LITERAL, impact=impact)

    def scored(policy: Policy) -> float:
        return 100 * rate_for_ever(market, policy, 0.1) / rate

    assert scored(endless(stoikov(0.1, impact=impact), CAP)) == pytest.approx(100, abs=2e-8)
    assert scored(closed(stoikov(0.1), CAP)) == pytest.approx(ignored, abs=0.06)
    assert scored(widened(endless(stoikov(0.1), CAP), impact / 2)) >= 99.725
    assert scored(closed(stoikov(0.1, impact=impact), CAP)) == pytest.approx(100, abs=6e-3)


@pytest.mark.parametrize(
    ("fee", "rate", "widened_loss", "ignored_loss"),
    [(0.1, 54.82955402, 0.14, 1.4), (0.3, 40.33524386, 0.14, 15), (0.6, 25.39224873, 0.74, 86)],
)
def test_a_fee_costs_what_the_oracle_says(
    fee: float, rate: float, widened_loss: float, ignored_loss: float
) -> None:
    """Only added to the exact quotes it costs at most the first share; forgotten, the second."""
    market = replace(LITERAL, fee=fee)

    def lost(policy: Policy) -> float:
        return 100 - 100 * rate_for_ever(market, policy, 0.1) / rate

    assert lost(widened(endless(stoikov(0.1), CAP), fee)) <= widened_loss + 5e-3
    assert lost(closed(stoikov(0.1), CAP)) == pytest.approx(ignored_loss, abs=0.6)


@pytest.mark.parametrize(("total", "expected"), [(10, 97.6), (30, 91.0), (100, 10.4)])
def test_a_formula_without_the_square_cannot_be_tuned(total: int, expected: float) -> None:
    """r = mid - q / total * g * s, spread g * s + 2 c0, at the aversion that suits it best."""
    scores = []
    for g in np.geomspace(0.05, 3, 100):
        own = log1p(g / 1.5) / g
        scores.append(percent(linear([Distances(g * 2 / 2 + own, g * 2 / total)], CAP)))

    assert max(scores) == pytest.approx(expected, abs=0.06)


# Sessions.


@pytest.mark.parametrize(
    ("risk_factor", "optimum", "expected"),
    [(0.01, 67.84569, 99.907), (0.1, 64.13349, 99.897), (0.5, 53.92457736, 99.86), (1.0, 45.19966848, 99.80)],
)
def test_the_closed_form_earns_in_a_session_what_the_oracle_says(
    risk_factor: float, optimum: float, expected: float
) -> None:
    """In percent of the best worth, ln(v_0) / k."""
    cap = CAPS[risk_factor]
    best = finite(stoikov(risk_factor), cap, 1.0).ce

    found = session_certainty_equivalent(LITERAL, closed(stoikov(risk_factor), cap), risk_factor)

    assert best == pytest.approx(optimum, abs=6e-6)
    assert 100 * found / best == pytest.approx(expected, abs=6e-3 if risk_factor > 0.1 else 6e-4)


@pytest.mark.parametrize(("risk_factor", "expected"), [(0.01, 99.90), (0.1, 95.74)])
def test_the_papers_strategy_earns_in_a_session_what_the_oracle_says(
    risk_factor: float, expected: float
) -> None:
    """Quoted at the middle of each of 200 steps, at a cap of 30."""
    best = finite(stoikov(risk_factor), CAP, 1.0).ce

    found = session_certainty_equivalent(LITERAL, paper_policy(risk_factor, CAP, at=0.5), risk_factor)

    assert 100 * found / best == pytest.approx(expected, abs=6e-3)


def test_a_fixed_spread_earns_in_a_session_what_the_oracle_says() -> None:
    """1.4908 at a cap of 30: 56.2 %."""
    found = session_certainty_equivalent(LITERAL, symmetric(1.4908, CAP), 0.1)

    assert 100 * found / 64.13349 == pytest.approx(56.2, abs=0.06)


def test_figure_1s_market_earns_what_the_oracle_says() -> None:
    """Aversion 0.05, cap 20: closed form 99.97, the paper's strategy 92.1, symmetric of its width 63.5 %."""
    given_market, cap = told(0.05, 0.9, 0.3, 0.3), 20
    market = Market(volatility=0.3, arrival_rate=0.9, decay=0.3, step_s=3.0, steps=200)
    best = finite(given_market, cap, 600.0).ce
    paper = [distances(given_market, 600 - (n + 0.5) * 3.0) for n in range(200)]
    average = sum(2 * one.half_spread for one in paper) / 200

    def scored(policy: Policy) -> float:
        return 100 * session_certainty_equivalent(market, policy, 0.05) / best

    assert scored(closed(given_market, cap)) == pytest.approx(99.97, abs=6e-3)
    assert scored(linear(paper, cap)) == pytest.approx(92.1, abs=0.06)
    assert scored(symmetric(average, cap)) == pytest.approx(63.5, abs=0.06)


def test_the_exact_session_is_approached_by_its_own_quotes() -> None:
    """Held constant for a two-hundredth of the session they lose next to nothing."""
    policy = whole_session(stoikov(1.0), 12)

    found = session_certainty_equivalent(LITERAL, policy, 1.0)

    assert found == pytest.approx(finite(stoikov(1.0), 12, 1.0).ce, rel=1e-4)
    assert found < finite(stoikov(1.0), 12, 1.0).ce


def test_a_long_session_earns_the_rate_for_ever() -> None:
    """A constant policy over 200 seconds, by its eigenvalue and by its exponential."""
    market, policy = replace(LITERAL, step_s=1.0), closed(stoikov(0.1), 20)

    found = session_certainty_equivalent(market, policy, 0.1) / 200

    assert found == pytest.approx(rate_for_ever(LITERAL, policy, 0.1), rel=1e-3)


@given(
    st.lists(st.floats(-0.2, 2) | st.just(float("nan")), min_size=10, max_size=10),
    st.floats(0.05, 1),
    st.floats(-0.1, 0.3),
    st.floats(0, 0.3),
)
def test_a_session_is_the_exponential_of_its_generator(
    entries: list[float], g: float, fee: float, impact: float
) -> None:
    """Of any policy with caps of two lots: against the series of the plain matrix."""
    bids, asks = np.array([entries[:5]]), np.array([entries[5:]])
    bids[:, -1] = asks[:, 0] = np.nan
    policy = Policy(bids, asks)
    market = Market(volatility=1.0, arrival_rate=3.0, decay=1.0, step_s=0.1, steps=3, fee=fee, impact=impact)
    generator = np.zeros((5, 5))
    for column, lots in enumerate(range(-2, 3)):
        generator[column, column] = g**2 * lots**2 / 2
        for side, by, bids_side in ((bids[0], 1, True), (asks[0], -1, False)):
            distance = float(side[column])
            if np.isnan(distance):
                continue
            rate = 3.0 * exp(-distance)
            jump = -(lots + 1) * impact if bids_side else (lots - 1) * impact
            generator[column, column] -= rate
            generator[column, column + by] += rate * exp(-g * (distance - fee + jump))
    values, term = np.ones(5), np.ones(5)
    for order in range(1, 80):
        term = generator @ term * 0.3 / order
        values = values + term

    assert session_certainty_equivalent(market, policy, g) == pytest.approx(-log(values[2]) / g, abs=1e-11)


def test_what_cannot_be_reached_does_not_count() -> None:
    """With both sides off at no inventory nothing is earned, whatever the quotes elsewhere are."""
    policy = linear([Distances(0.7, 0.0)], 3)
    policy.bids[0, 3] = policy.asks[0, 3] = np.nan

    assert rate_for_ever(LITERAL, policy, 0.1) == pytest.approx(0)


def test_a_policy_that_pays_to_be_flat_at_once_is_scored() -> None:
    """The paper's strategy far from its end: sales at 46 below the mid, at rates that fill at once."""
    found = session_certainty_equivalent(LITERAL, paper_policy(1.0, 12), 1.0)

    assert 100 * found / finite(stoikov(1.0), 12, 1.0).ce == pytest.approx(47.18, abs=0.01)


def test_a_policy_with_rows_has_no_long_run() -> None:
    """One row for all times is expected; so is an aversion, and a way between all inventories."""
    rows = paper_policy(0.1, 3)
    gap = linear([Distances(0.7, 0.0)], 3)
    gap.bids[0, 2] = np.nan

    with pytest.raises(ValueError, match="the policy has 200 rows, expected one"):
        rate_for_ever(LITERAL, rows, 0.1)
    with pytest.raises(ValueError, match="the policy has 200 rows, expected one"):
        inventory_deviation(LITERAL, rows)
    with pytest.raises(ValueError, match="a side was off elsewhere than at its cap"):
        inventory_deviation(LITERAL, gap)
    with pytest.raises(ValueError, match=r"risk_factor was 0.0, expected more than 0"):
        rate_for_ever(LITERAL, closed(stoikov(0.1), 3), 0.0)
    with pytest.raises(ValueError, match="risk_factor was nan"):
        session_certainty_equivalent(LITERAL, closed(stoikov(0.1), 3), float("nan"))
    with pytest.raises(ValueError, match="the policy has 200 rows, expected 1 or 100"):
        session_certainty_equivalent(replace(LITERAL, steps=100), rows, 0.1)
