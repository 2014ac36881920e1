"""Quotes of several assets: the oracle's numbers, the exact problem of two, and the laws."""

from contextlib import suppress
from dataclasses import replace
from math import cos, isfinite, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mm.models.glft import Market, OutOfRange, closed_form, edge
from mm.models.multi_asset import Basket, basket, eigen, square_root
from tests.builders.model_markets import markets, stoikov, wild_markets

ASSETS = (stoikov(0.1), replace(stoikov(0.1), arrival_rate=70.0, volatility=3.0))


def two(correlation: float) -> Basket:
    """The oracle's two assets at an aversion of 0.1."""
    return basket(0.1, ASSETS, [[1.0, correlation], [correlation, 1.0]])


@pytest.mark.parametrize(
    ("correlation", "matrix"),
    [
        (0.0, [[0.051717, 0.0], [0.0, 0.109709]]),
        (0.5, [[0.049848, 0.019486], [0.019486, 0.106191]]),
        (0.9, [[0.043307, 0.039980], [0.039980, 0.094017]]),
    ],
)
def test_the_matrix_gives_the_numbers_of_the_oracle(correlation: float, matrix: list[list[float]]) -> None:
    """To six decimals."""
    found = two(correlation)

    assert [list(row) for row in found.skews] == [pytest.approx(row, abs=6e-7) for row in matrix]


@pytest.mark.parametrize(
    ("correlation", "held", "bids"),
    [
        (0.0, (0, 0), (0.671244, 0.700240)),
        (0.5, (3, 3), (0.878312, 1.075514)),
        (0.9, (3, 3), (0.916899, 1.094385)),
        (0.9, (3, -3), (0.677019, 0.530283)),
    ],
)
def test_the_quotes_give_the_numbers_of_the_oracle(
    correlation: float, held: tuple[float, float], bids: tuple[float, float]
) -> None:
    """Bids of both assets to six decimals; asks mirror them."""
    found = two(correlation)

    assert [found.bid(asset, held) for asset in (0, 1)] == pytest.approx(bids, abs=6e-7)
    opposite = [-lots for lots in held]
    assert [found.ask(asset, opposite) for asset in (0, 1)] == [found.bid(asset, held) for asset in (0, 1)]


CAP = 20


def exact(correlation: float) -> tuple[float, NDArray[np.float64]]:
    """The smallest eigenvalue of the problem of two assets and the values' logarithms, on a grid of lots.

    By repeated multiplication: what is subtracted from makes every entry positive.
    """
    g, k = 0.1, 1.5
    lots = np.arange(-CAP, CAP + 1.0)
    first, second = np.meshgrid(lots, lots, indexing="ij")
    diagonal = k * g / 2 * (4 * first**2 + 9 * second**2 + 2 * correlation * 6 * first * second)
    couplings = [market.arrival_rate * (1 + g / k) ** -(1 + k / g) for market in ASSETS]
    top = float(diagonal.max())
    values = np.exp(-diagonal / 100)
    scale = before = 0.0
    for turn in range(20_000):
        after = (top - diagonal) * values
        after[1:] += couplings[0] * values[:-1]
        after[:-1] += couplings[0] * values[1:]
        after[:, 1:] += couplings[1] * values[:, :-1]
        after[:, :-1] += couplings[1] * values[:, 1:]
        scale = float(after.max())
        values = after / scale
        if turn % 500 == 499:
            if abs(scale - before) < 1e-13 * top:
                break
            before = scale
    return top - scale, np.log(values)


@pytest.mark.parametrize(
    ("correlation", "eigenvalue", "bids", "worst"),
    [
        (0.0, -141.643660076, {(0, 0): (0.671628, 0.702007)}, 0.0067),
        (0.5, -141.910894836, {(3, 3): (0.880734, 1.080977)}, 0.0075),
        (0.9, -142.842172679, {(3, 3): (0.918800, 1.097847), (3, -3): (0.676811, 0.527384)}, 0.0108),
    ],
)
def test_the_exact_problem_of_two_assets_is_near(
    correlation: float,
    eigenvalue: float,
    bids: dict[tuple[int, int], tuple[float, float]],
    worst: float,
) -> None:
    """Its own numbers are the oracle's; up to 5 lots of each, the closed form is off as it says."""
    found, (lowest, logs) = two(correlation), exact(correlation)
    own = edge(0.1, 1.5)
    of_first, of_second = own - np.diff(logs, axis=0) / 1.5, own - np.diff(logs, axis=1) / 1.5

    assert lowest == pytest.approx(eigenvalue, abs=6e-9)
    for (i, j), (first, second) in bids.items():
        assert of_first[CAP + i, CAP + j] == pytest.approx(first, abs=6e-7)
        assert of_second[CAP + i, CAP + j] == pytest.approx(second, abs=6e-7)
    errors = [
        abs(exact_one[CAP + i, CAP + j] - found.bid(asset, (i, j)))
        for asset, exact_one in enumerate((of_first, of_second))
        for i in range(-5, 6)
        for j in range(-5, 6)
    ]
    assert max(errors) == pytest.approx(worst, abs=6e-5)


@given(markets)
def test_one_asset_alone_is_the_closed_form(market: Market) -> None:
    """With any lot, fee and impact."""
    still = replace(market, drift=0.0)

    found, alone = basket(market.risk_factor, [still], [[1.0]]), closed_form(still)

    assert found.half_spreads[0] == pytest.approx(alone.half_spread, rel=1e-12)
    assert found.skews[0][0] == pytest.approx(alone.skew, rel=1e-12)


@given(st.floats(0.01, 2), markets, markets, st.floats(-0.99, 0.99), st.floats(0.1, 10))
def test_the_unit_of_inventory_does_not_matter(
    g: float, first: Market, second: Market, correlation: float, scale: float
) -> None:
    """An asset counted in tenths, at a tenth of the price, is quoted alike."""
    one, other = replace(first, drift=0.0), replace(second, drift=0.0)
    rescaled = replace(
        other,
        decay=other.decay * scale,
        volatility=other.volatility / scale,
        lot=other.lot * scale,
        fee=other.fee / scale,
        impact=other.impact / scale,
    )
    between = [[1.0, correlation], [correlation, 1.0]]

    found, again = basket(g, [one, other], between), basket(g, [one, rescaled], between)

    assert again.half_spreads[1] * scale == pytest.approx(found.half_spreads[1], rel=1e-9)
    assert again.bid(0, (1.0, 2.0 * scale)) == pytest.approx(found.bid(0, (1.0, 2.0)), rel=1e-9)


vectors = st.lists(st.floats(-1, 1), min_size=9, max_size=9)


@given(vectors)
def test_the_root_of_a_matrix_squared_is_the_matrix(entries: list[float]) -> None:
    """Of any product of a matrix with its transpose, also one that is not invertible."""
    half = np.array(entries).reshape(3, 3)
    matrix = half @ half.T

    root = np.array(square_root(matrix.tolist()))

    assert np.array_equal(root, root.T)
    assert root @ root == pytest.approx(matrix, abs=1e-14)


@given(vectors)
def test_eigenvalues_are_those_of_a_dense_solver(entries: list[float]) -> None:
    """Of any symmetric matrix; the vectors are orthonormal and stretched by their values."""
    half = np.array(entries).reshape(3, 3)
    matrix = half + half.T

    values, found = eigen(matrix.tolist())

    assert sorted(values) == pytest.approx(np.linalg.eigvalsh(matrix), abs=1e-14)
    assert np.array(found) @ np.array(found).T == pytest.approx(np.eye(3), abs=1e-14)
    assert np.array(found) @ matrix == pytest.approx(np.array(values)[:, None] * np.array(found), abs=1e-14)


def test_ten_assets_are_solved() -> None:
    """The rotations settle on a larger matrix too, and what is held of one moves all."""
    size = range(10)
    tidy = [[1.0 if i == j else round(cos(0.3 * i - 0.3 * j), 15) for j in size] for i in size]

    found = basket(0.1, [stoikov(0.1)] * 10, tidy)

    squared = np.array(found.skews) @ np.array(found.skews)
    eta = 140 * (1 + 0.1 / 1.5) ** -(1 + 15)
    assert squared == pytest.approx(np.array(tidy) * 0.1 / 2 * 4 / (1.5 * eta), abs=1e-15)
    assert found.bid(3, [1.0] + [0.0] * 9) == found.half_spreads[3] + found.skews[3][0]


def test_without_risk_nothing_leans() -> None:
    """At g = 0 every quote is 1 / k away, whatever is held."""
    found = basket(0.0, ASSETS, [[1.0, 0.5], [0.5, 1.0]])

    assert found.bid(0, (9, 9)) == found.ask(1, (9, 9)) == 1 / 1.5


@settings(max_examples=60)
@given(wild_markets, wild_markets, st.floats(-1, 1), st.floats(min_value=0, allow_infinity=False))
def test_every_pair_has_quotes_or_a_named_refusal(
    first: Market, second: Market, correlation: float, g: float
) -> None:
    """No other exception, no infinity, no number that is none."""
    pair = [replace(first, drift=0.0), replace(second, drift=0.0)]
    with suppress(OutOfRange):
        found = basket(g, pair, [[1.0, correlation], [correlation, 1.0]])
        assert all(map(isfinite, (*found.half_spreads, *found.skews[0], *found.skews[1])))


@pytest.mark.parametrize(
    ("correlations", "message"),
    [
        ([[1.0]], "correlations were not 2 rows of 2 numbers"),
        ([[1.0, 0.5], [0.5]], "correlations were not 2 rows of 2 numbers"),
        ([[1.0, 0.5], [0.4, 1.0]], "correlation 0, 1 was 0.5, expected -1..1, symmetric"),
        ([[1.0, 1.5], [1.5, 1.0]], "correlation 0, 1 was 1.5, expected -1..1"),
        ([[0.9, 0.5], [0.5, 1.0]], "correlation 0, 0 was 0.9"),
        ([[1.0, float("nan")], [float("nan"), 1.0]], "correlation 0, 1 was nan"),
    ],
)
def test_correlations_that_are_none_are_refused(correlations: list[list[float]], message: str) -> None:
    """The wrong number of them, asymmetric, beyond 1, or not 1 with itself."""
    with pytest.raises(ValueError, match=message):
        basket(0.1, ASSETS, correlations)


def test_correlations_that_contradict_each_other_are_refused() -> None:
    """A that moves with B and with C, and B against C."""
    with pytest.raises(ValueError, match=r"contradict each other: the smallest eigenvalue was -0.8"):
        basket(0.1, [stoikov(0.1)] * 3, [[1.0, 0.9, 0.9], [0.9, 1.0, -0.9], [0.9, -0.9, 1.0]])


@pytest.mark.parametrize(
    ("g", "pair", "message"),
    [
        (-1.0, ASSETS, "risk_factor was -1.0, expected at least 0"),
        (float("nan"), ASSETS, "risk_factor was nan, expected a finite number"),
        (0.1, (stoikov(0.1, drift=0.1), stoikov(0.1)), "a market's drift was not 0"),
        (0.1, (replace(stoikov(0.1), volatility=1e200), stoikov(0.1)), "the matrix was not finite"),
        (1e308, (replace(stoikov(0.1), volatility=0.0, arrival_rate=1e-20),) * 2, "the root of a rate"),
        (0.0, (replace(stoikov(0.1), decay=1e-308, fee=1.7e308, volatility=0.0),) * 2, "were not finite"),
    ],
)
def test_assets_outside_their_domain_are_refused_by_name(
    g: float, pair: tuple[Market, Market], message: str
) -> None:
    """What was found, what was expected."""
    with pytest.raises(ValueError, match=message):
        basket(g, pair, [[1.0, 0.5], [0.5, 1.0]])


def test_no_assets_are_refused() -> None:
    """A basket holds something."""
    with pytest.raises(ValueError, match="expected at least one"):
        basket(0.1, [], [])


def test_perfectly_correlated_assets_skew_each_other_as_themselves() -> None:
    """Two copies of one asset: what is held of either moves both alike."""
    found = basket(0.1, [stoikov(0.1)] * 2, [[1.0, 1.0], [1.0, 1.0]])

    assert found.skews[0][1] == pytest.approx(found.skews[0][0])
    assert found.skews[0][0] == pytest.approx(closed_form(stoikov(0.1)).skew / sqrt(2), rel=1e-12)
