"""GLFT's exact quotes against solvers that share nothing with them: eigenvectors, exponentials, the HJB."""

from math import exp, log1p

import numpy as np
import pytest
from numpy.typing import NDArray

from mm.models.cartea_jaimungal import Aims, distances
from mm.models.glft import Market
from mm.models.glft_asymptotic import asymptotic
from mm.models.glft_finite import finite
from mm.models.glft_table import Table
from tests.builders.model_markets import FIG_1, FIG_4_LEFT, FIG_4_RIGHT, stoikov

CAP = 30


def near_bids(table: Table) -> list[float]:
    """The bids at -10 to 10 lots."""
    return [bid for bid in table.bids[CAP - 10 : CAP + 11] if bid is not None]


def dense(market: Market) -> NDArray[np.float64]:
    """The model's matrix, written out."""
    g, k = market.risk_factor, market.decay
    lots = np.arange(-CAP, CAP + 1.0)
    eta = market.arrival_rate * (1 + g / k) ** -(1 + k / g) * exp(-k * market.impact / 2)
    beside = np.full(2 * CAP, -eta)
    diagonal = k * g * market.volatility**2 / 2 * lots**2 - k * market.drift * lots
    return np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)


def bids_of(market: Market, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The bids at -10 to 10 lots that follow from the values of the inventories."""
    own = log1p(market.risk_factor / market.decay) / market.risk_factor + market.impact / 2
    return own - np.diff(np.log(values[CAP - 10 : CAP + 12])) / market.decay


@pytest.mark.parametrize(
    "market",
    [
        FIG_1,
        FIG_4_LEFT,
        FIG_4_RIGHT,
        stoikov(0.01),
        stoikov(0.1),
        stoikov(0.5),
        stoikov(1.0),
        stoikov(0.1, drift=0.5),
        stoikov(0.1, drift=-1.0, impact=0.3),
    ],
)
def test_endless_quotes_are_those_of_a_dense_eigensolver(market: Market) -> None:
    """Quotes up to 10 lots within 4e-11, the eigenvalue within rounding."""
    eigenvalues, vectors = np.linalg.eigh(dense(market))

    table = asymptotic(market, CAP)

    assert table.eigenvalue == pytest.approx(eigenvalues[0], rel=1e-12)
    assert near_bids(table) == pytest.approx(bids_of(market, np.abs(vectors[:, 0])), rel=0, abs=4e-11)


@pytest.mark.parametrize(
    ("market", "horizon_s"),
    [
        (FIG_1, 600),
        (FIG_4_RIGHT, 600),
        (stoikov(0.01), 1),
        (stoikov(0.1), 1),
        (stoikov(0.1), 0.02),
        (stoikov(0.1, drift=0.5, impact=0.1), 0.2),
    ],
)
def test_session_quotes_are_those_of_the_spectral_exponential(market: Market, horizon_s: float) -> None:
    """exp(-M t) by all eigenvectors: quotes up to 10 lots within 4e-11."""
    eigenvalues, vectors = np.linalg.eigh(dense(market))
    lots = np.arange(-CAP, CAP + 1.0)
    end = np.exp(-market.decay * market.impact / 2 * lots**2)
    values = vectors @ (np.exp((eigenvalues[0] - eigenvalues) * horizon_s) * (vectors.T @ end))

    table = finite(market, CAP, horizon_s)

    worth = (np.log(values[CAP]) - eigenvalues[0] * horizon_s) / market.decay
    assert near_bids(table) == pytest.approx(bids_of(market, values), rel=0, abs=4e-11)
    assert table.ce == pytest.approx(worth, rel=1e-11)


def gain(market: Market, worth: NDArray[np.float64]) -> NDArray[np.float64]:
    """What one side's fills add per second, given what the lot itself is worth (impact none)."""
    g, k = market.risk_factor, market.decay
    distance = log1p(g / k) / g - worth
    rate: NDArray[np.float64] = market.arrival_rate * np.exp(-k * distance)
    return rate * -np.expm1(-g * (distance + worth)) / g


def slope_of_values(market: Market, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nonlinear Hamilton-Jacobi-Bellman equation of the certainty equivalents per inventory."""
    lots = np.arange(-CAP, CAP + 1.0)
    found: NDArray[np.float64] = -market.risk_factor * market.volatility**2 / 2 * lots**2
    step = np.diff(values)
    found[:-1] += gain(market, step)
    found[1:] += gain(market, -step)
    return found


@pytest.mark.parametrize(
    ("market", "horizon_s", "steps", "tolerance"),
    [
        (FIG_1, 600.0, 6000, 2e-8),
        (stoikov(0.1), 1.0, 6000, 2e-8),
        (stoikov(0.5), 1.0, 12000, 2e-8),
    ],
)
def test_session_quotes_solve_the_nonlinear_equation(
    market: Market, horizon_s: float, steps: int, tolerance: float
) -> None:
    """Runge and Kutta's fourth order, without the change of variables: all quotes and the worth."""
    values, step = np.zeros(2 * CAP + 1), horizon_s / steps
    for _ in range(steps):
        first = slope_of_values(market, values)
        second = slope_of_values(market, values + step / 2 * first)
        third = slope_of_values(market, values + step / 2 * second)
        fourth = slope_of_values(market, values + step * third)
        values = values + step / 6 * (first + 2 * second + 2 * third + fourth)
    own = log1p(market.risk_factor / market.decay) / market.risk_factor

    table = finite(market, CAP, horizon_s)

    assert table.bids[:-1] == pytest.approx(own - np.diff(values), rel=0, abs=tolerance)
    assert table.ce == pytest.approx(values[CAP], rel=1e-9)


def test_cartea_jaimungal_is_the_spectral_exponential_of_its_matrix() -> None:
    """W: -phi k q^2 on the diagonal, A / e beside it; the end costs alpha q^2."""
    rate, k, phi, alpha, horizon_s = 140.0, 1.5, 0.2, 0.1, 0.1
    lots = np.arange(-CAP, CAP + 1.0)
    beside = np.full(2 * CAP, rate / np.e)
    matrix = np.diag(-phi * k * lots**2) + np.diag(beside, 1) + np.diag(beside, -1)
    eigenvalues, vectors = np.linalg.eigh(matrix)
    values = vectors @ (np.exp(eigenvalues * horizon_s) * (vectors.T @ np.exp(-alpha * k * lots**2)))
    bids = 1 / k - np.diff(np.log(values[CAP - 10 : CAP + 12])) / k

    table = distances(
        Aims(arrival_rate=rate, decay=k, holding_penalty=phi, closing_penalty=alpha), CAP, horizon_s
    )

    assert near_bids(table) == pytest.approx(bids, rel=0, abs=4e-11)
    assert table.ce == pytest.approx(np.log(values[CAP]) / k, rel=1e-12)
