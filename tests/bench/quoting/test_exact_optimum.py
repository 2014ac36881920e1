"""The best policy of the literal market: the oracle's figures, that nothing beats it, and bad input."""

from dataclasses import replace

import numpy as np
import pytest

from mm.bench.quoting.exact import FillLaw, Policy, certainty_equivalent, moments
from mm.bench.quoting.exact_optimum import optimum
from mm.models.glft import Distances
from tests.builders.model_markets import stoikov
from tests.builders.quoting_policies import (
    CAPS,
    LITERAL,
    closed,
    endless,
    linear,
    paper_policy,
    paper_symmetric,
    symmetric,
    whole_session,
)

BEST = {0.01: 68.053601, 0.1: 65.248980, 0.5: 57.290011, 1.0: 50.153658}
"""The oracle's certainty equivalents of the optimum."""


def percent(policy: Policy, risk_factor: float) -> float:
    """The certainty equivalent, of 100 for the optimum."""
    return 100 * certainty_equivalent(LITERAL, policy, risk_factor) / BEST[risk_factor]


def figures(policy: Policy) -> tuple[float, float, float]:
    """Mean, deviation, deviation of the inventory."""
    found = moments(LITERAL, policy)
    return found.mean, found.sd, found.sd_q


@pytest.mark.parametrize(
    ("risk_factor", "row", "asks"),
    [
        (0.01, (68.53, 9.75, 5.50), (0.6683522413, 0.6524998574, 0.6645028555)),
        (0.1, (67.83, 7.23, 3.11), (0.6583887044, 0.6076990087, 0.6458786677)),
        (0.5, (65.96, 6.05, 2.07), (0.6077845070, 0.4947196218, 0.5779830615)),
        (1.0, (63.74, 5.48, 1.74), (0.5617204959, 0.4014539720, 0.5163810490)),
    ],
)
def test_the_optimum_gives_the_numbers_of_the_oracle(
    risk_factor: float, row: tuple[float, ...], asks: tuple[float, ...]
) -> None:
    """Its worth, its moments, and asks: first step at no inventory and at one lot, last step at none."""
    cap = CAPS[risk_factor]

    policy, worth = optimum(LITERAL, risk_factor, cap)

    assert worth == pytest.approx(BEST[risk_factor], abs=6e-7)
    assert figures(policy) == pytest.approx(row, abs=5.1e-3)
    found = (policy.asks[0, cap], policy.asks[0, cap + 1], policy.asks[-1, cap])
    assert found == pytest.approx(asks, abs=6e-11)
    assert policy.bids[:, ::-1] == pytest.approx(policy.asks, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("risk_factor", "closed_row", "paper_row", "even_row"),
    [
        (0.01, (99.93, 68.42, 9.15, 3.91), (99.92, 68.40, 8.96, 5.21), (99.52, 68.67, 13.68, 8.71)),
        (0.1, (99.91, 67.73, 7.18, 2.20), (96.23, 64.89, 6.54, 2.93), (69.21, 68.22, 13.46, 8.40)),
        (0.5, (99.76, 65.99, 6.12, 1.42), (71.27, 48.57, 5.90, 1.96), (-311, 59.90, 12.31, 6.88)),
        (1.0, (99.44, 63.92, 5.62, 1.15), (44.72, 31.45, 4.84, 1.64), (-289, 43.60, 10.66, 5.03)),
    ],
)
def test_known_policies_earn_what_the_oracle_says(
    risk_factor: float,
    closed_row: tuple[float, ...],
    paper_row: tuple[float, ...],
    even_row: tuple[float, ...],
) -> None:
    """GLFT's closed form, the paper's strategy, and the symmetric one of its width: percent and moments."""
    cap = CAPS[risk_factor]
    for policy, row in (
        (closed(stoikov(risk_factor), cap), closed_row),
        (paper_policy(risk_factor, cap), paper_row),
        (paper_symmetric(risk_factor, cap), even_row),
    ):
        assert percent(policy, risk_factor) == pytest.approx(row[0], abs=0.51 if row[0] < 0 else 5.1e-3)
        assert figures(policy) == pytest.approx(row[1:], abs=5.1e-3)


@pytest.mark.parametrize(
    ("risk_factor", "expected"), [(0.01, 99.93), (0.1, 99.90), (0.5, 99.73), (1.0, 99.30)]
)
def test_the_eigenvectors_quotes_earn_what_the_oracle_says(risk_factor: float, expected: float) -> None:
    """GLFT without an end, on a market that has one."""
    policy = endless(stoikov(risk_factor), CAPS[risk_factor])

    assert percent(policy, risk_factor) == pytest.approx(expected, abs=5.1e-3)


@pytest.mark.parametrize(
    ("risk_factor", "expected"),
    [
        pytest.param(0.01, 100.00, marks=pytest.mark.proof),
        pytest.param(0.1, 99.98, marks=pytest.mark.proof),
        (0.5, 99.84),
        (1.0, 99.47),
    ],
)
def test_the_sessions_quotes_earn_what_the_oracle_says(risk_factor: float, expected: float) -> None:
    """GLFT to the end of the session, a table per step."""
    policy = whole_session(stoikov(risk_factor), CAPS[risk_factor])

    assert percent(policy, risk_factor) == pytest.approx(expected, abs=5.1e-3)


@pytest.mark.parametrize(
    ("risk_factor", "half_spread", "skew", "expected"),
    [(0.01, 0.66, 0.01, 99.95), (0.1, 0.66, 0.05, 99.93), (0.5, 0.60, 0.11, 99.91), (1.0, 0.56, 0.15, 99.90)],
)
def test_the_best_constant_distances_earn_what_the_oracle_says(
    risk_factor: float, half_spread: float, skew: float, expected: float
) -> None:
    """A half spread and a skew that never change, and what a step more or less of either earns."""

    def scored(half: float, lean: float) -> float:
        return percent(linear([Distances(half, lean)], CAPS[risk_factor]), risk_factor)

    best = scored(half_spread, skew)
    assert best == pytest.approx(expected, abs=5.1e-3)
    for sign in (-1, 1):
        assert best > scored(half_spread + sign * 0.02, skew)
        assert best > scored(half_spread, skew + sign * 0.01)


@pytest.mark.parametrize(("risk_factor", "spread", "expected"), [(0.01, 1.35, 99.52), (0.1, 1.90, 78.50)])
def test_the_best_fixed_spread_earns_what_the_oracle_says(
    risk_factor: float, spread: float, expected: float
) -> None:
    """On a grid of 0.05."""
    scores = [percent(symmetric(spread + more, CAPS[risk_factor]), risk_factor) for more in (-0.05, 0, 0.05)]

    assert scores[1] == pytest.approx(expected, abs=5.1e-3)
    assert scores[1] == max(scores)


@pytest.mark.parametrize("risk_factor", [0.5, 1.0])
def test_to_the_very_averse_every_fixed_spread_is_worth_less_than_nothing(risk_factor: float) -> None:
    """Even at the grid's edge, 7.95."""
    for spread in (1.5, 3.0, 5.0, 7.95):
        assert percent(symmetric(spread, CAPS[risk_factor]), risk_factor) < 0


def test_nothing_nearby_is_better() -> None:
    """With fees and jumps too: 30 changed copies of the optimum, seed 5, are all worth less."""
    market = replace(LITERAL, steps=20, step_s=0.02, fee=0.05, impact=0.1)
    generator = np.random.default_rng(5)

    policy, worth = optimum(market, 0.3, 5)

    assert worth == pytest.approx(certainty_equivalent(market, policy, 0.3))
    for _ in range(30):
        bids = policy.bids + generator.normal(0, 0.02, policy.bids.shape)
        asks = policy.asks + generator.normal(0, 0.02, policy.asks.shape)
        assert certainty_equivalent(market, Policy(bids, asks), 0.3) < worth


def test_where_every_quote_fills_only_the_price_matters() -> None:
    """On a market so busy that a step fills at any good price, quotes stand where that begins to fail."""
    busy = replace(LITERAL, arrival_rate=1e5, steps=5)

    policy, _ = optimum(busy, 0.1, 3)

    nearest = np.log(1e5 * 0.005) / 1.5
    assert policy.asks[0, 3] == pytest.approx(nearest)
    assert (policy.asks[:, 1:] >= nearest).all()


def test_a_cap_of_nothing_is_worth_nothing() -> None:
    """Both sides are off."""
    policy, worth = optimum(replace(LITERAL, steps=2), 0.1, 0)

    assert np.isnan(policy.bids).all()
    assert np.isnan(policy.asks).all()
    assert worth == 0


def test_a_question_outside_its_domain_is_refused() -> None:
    """Another fill law, no aversion, a negative cap."""
    with pytest.raises(ValueError, match="the fill law was exponential, expected literal"):
        optimum(replace(LITERAL, law=FillLaw.EXPONENTIAL), 0.1, 3)
    for risk_factor, cap in ((0.0, 3), (float("nan"), 3), (0.1, -1)):
        with pytest.raises(ValueError, match="risk_factor and cap were"):
            optimum(LITERAL, risk_factor, cap)
