"""Avellaneda's and Stoikov's quotes: the oracle's vectors, both endless versions, and bad input."""

from contextlib import suppress
from dataclasses import replace
from math import inf, isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.models.avellaneda_stoikov import distances, frozen_horizon_s, infinite_horizon, reservation_offset
from mm.models.glft import Market, OutOfRange, closed_form, edge
from tests.builders.model_markets import markets, stoikov, wild_markets


@pytest.mark.parametrize(
    ("risk_factor", "lots", "horizon_s", "bid", "ask"),
    [
        (0.1, 0, 1, 99.1546147886, 100.8453852114),
        (0.1, 5, 1, 97.1546147886, 98.8453852114),
        (0.1, -3, 0.25, 99.6046147886, 100.9953852114),
        (0.01, 5, 0.5, 99.2255457281, 100.5744542719),
        (1, 1, 1, 93.4891743762, 98.5108256238),
        (0.5, 2, 0, 99.4246358551, 100.5753641449),
    ],
)
def test_the_session_gives_the_vectors_of_the_oracle(
    risk_factor: float, lots: int, horizon_s: float, bid: float, ask: float
) -> None:
    """Prices around a mid of 100 to ten decimals."""
    found = distances(stoikov(risk_factor), horizon_s)

    assert 100 - found.bid(lots) == pytest.approx(bid, abs=6e-11)
    assert 100 + found.ask(lots) == pytest.approx(ask, abs=6e-11)


@pytest.mark.parametrize(("risk_factor", "average"), [(0.1, 1.4908), (0.01, 1.3489), (1.0, 3.0217)])
def test_the_average_spread_is_that_of_the_paper(risk_factor: float, average: float) -> None:
    """g s^2 T / 2 + 2 c0: what the spread is in the middle of the session."""
    assert 2 * distances(stoikov(risk_factor), 0.5).half_spread == pytest.approx(average, abs=6e-5)


@pytest.mark.parametrize(
    ("risk_factor", "average"), [(0.1, 1.49177), (0.01, 1.34901), (1.0, 3.03165), (0.5, 2.15573)]
)
def test_the_average_spread_on_the_grid_gives_the_numbers_of_the_oracle(
    risk_factor: float, average: float
) -> None:
    """Over the 200 steps of the paper's simulation."""
    spreads = [2 * distances(stoikov(risk_factor), 1 - n * 0.005).half_spread for n in range(200)]

    assert sum(spreads) / 200 == pytest.approx(average, abs=6e-6)


@pytest.mark.parametrize(
    ("lots", "ask", "bid"),
    [
        (0, 0.0823049914, -0.0829880281),
        (5, -0.9844007281, -1.2169693498),
        (-5, 1.0848064299, 0.8961215869),
        (9, -5.5338523818, -6.4435701639),
    ],
)
def test_the_infinite_horizon_gives_the_vectors_of_the_oracle(lots: int, ask: float, bid: float) -> None:
    """Reservation prices above the mid at an aversion of 0.1 and a cap of 10; quotes are c0 further out."""
    found = infinite_horizon(stoikov(0.1), lots, 10)

    assert reservation_offset(0.1, lots, 10, 1) == pytest.approx(ask, abs=6e-11)
    assert reservation_offset(0.1, lots, 10, -1) == pytest.approx(bid, abs=6e-11)
    assert found == pytest.approx((edge(0.1, 1.5) - bid, edge(0.1, 1.5) + ask), abs=6e-11)


def test_in_the_infinite_horizon_the_volatility_cancels_and_the_cap_is_off() -> None:
    """The paper's bid at the cap is at minus infinity; beyond the cap counts as at the cap."""
    calm, wild = stoikov(0.1), replace(stoikov(0.1), volatility=50.0)

    assert infinite_horizon(calm, 3, 10) == infinite_horizon(wild, 3, 10)
    assert infinite_horizon(calm, 10, 10)[0] is None
    assert infinite_horizon(calm, -10, 10)[1] is None
    assert infinite_horizon(calm, 99, 10) == infinite_horizon(calm, 10, 10)
    assert infinite_horizon(calm, -99, 10) == infinite_horizon(calm, -10, 10)


def test_at_the_frozen_horizon_the_quotes_are_the_closed_form() -> None:
    """0.129 s on the paper's market, for lots and fees of any size."""
    given_market = replace(stoikov(0.1), lot=0.25, fee=0.0)
    horizon_s = frozen_horizon_s(stoikov(0.1))

    assert horizon_s == pytest.approx(0.129, abs=5e-4)
    assert distances(stoikov(0.1), horizon_s) == pytest.approx(closed_form(stoikov(0.1)), rel=1e-14)
    assert distances(given_market, frozen_horizon_s(given_market)) == pytest.approx(
        closed_form(given_market), rel=1e-14
    )


def test_a_drift_moves_both_quotes_by_what_is_left_of_it() -> None:
    """Half a tick a second for two seconds is one tick; a fee is added on both sides."""
    plain, moved = distances(stoikov(0.1), 2.0), distances(stoikov(0.1, drift=0.5, fee=0.25), 2.0)

    assert moved.bid(3) == pytest.approx(plain.bid(3) + 0.25 - 1)
    assert moved.ask(3) == pytest.approx(plain.ask(3) + 0.25 + 1)


@given(markets, st.floats(0, 1e4), st.floats(-1e3, 1e3))
def test_the_sides_mirror_each_other(given_market: Market, horizon_s: float, inventory: float) -> None:
    """A bid at q is an ask at -q with the drift reversed, to the last bit."""
    still = replace(given_market, impact=0.0)
    found = distances(still, horizon_s)

    assert found.bid(inventory) == distances(replace(still, drift=-still.drift), horizon_s).ask(-inventory)


@given(st.floats(0.01, 2), st.floats(0.1, 5), st.floats(0.1, 2), st.floats(0, 10))
def test_the_spread_rises_with_risk_volatility_and_time(g: float, k: float, s: float, t: float) -> None:
    """And falls with the decay; without time left only c0 remains."""
    base = Market(risk_factor=g, arrival_rate=1.0, decay=k, volatility=s)
    half = distances(base, t).half_spread

    assert distances(replace(base, volatility=1.1 * s), t).half_spread >= half
    assert distances(base, t + 0.1).half_spread > half
    assert distances(replace(base, decay=1.1 * k), t).half_spread < half
    assert distances(base, 0.0).half_spread == edge(g, k)


@given(wild_markets, st.floats(min_value=0, allow_infinity=False), st.integers(-99, 99), st.integers(1, 50))
def test_every_market_has_quotes_or_a_named_refusal(
    given_market: Market, horizon_s: float, lots: int, cap: int
) -> None:
    """No other exception, no infinity, no number that is none."""
    with suppress(OutOfRange):
        assert all(map(isfinite, distances(replace(given_market, impact=0.0), horizon_s)))
    with suppress(ValueError):
        bid, ask = infinite_horizon(replace(given_market, impact=0.0, drift=0.0), lots, cap)
        assert all(isfinite(side) for side in (bid, ask) if side is not None)
    with suppress(ValueError):
        assert 0 <= frozen_horizon_s(replace(given_market, impact=0.0)) < inf


@pytest.mark.parametrize(
    ("given_market", "lots_cap", "message"),
    [
        (stoikov(0.1, impact=0.1), 10, "impact was 0.1, expected 0"),
        (stoikov(0.1, drift=0.1), 10, "drift was 0.1, expected 0"),
        (stoikov(0.0), 10, "risk_factor times lot was 0.0, expected more than 0"),
        (stoikov(0.1), 0, "cap was 0 lots, expected at least 1"),
        (stoikov(1e-310), 10, "a distance or horizon was inf"),
    ],
)
def test_what_the_infinite_horizon_does_not_know_is_refused(
    given_market: Market, lots_cap: int, message: str
) -> None:
    """Impact, drift, no aversion (the quotes grow without bound), no room."""
    with pytest.raises(ValueError, match=message):
        infinite_horizon(given_market, 5, lots_cap)


@pytest.mark.parametrize(
    ("given_market", "horizon_s", "message"),
    [
        (stoikov(0.1), -1.0, "horizon_s was -1.0, expected at least 0"),
        (stoikov(0.1, impact=0.1), 1.0, "impact was 0.1, expected 0"),
        (stoikov(0.1), 1e308, "nothing"),
        (stoikov(10.0), 1e308, "the distances were not finite"),
    ],
)
def test_a_session_outside_its_domain_is_refused(
    given_market: Market, horizon_s: float, message: str
) -> None:
    """By name."""
    if message == "nothing":
        assert isfinite(distances(given_market, horizon_s).skew)
        return
    with pytest.raises(ValueError, match=message):
        distances(given_market, horizon_s)


@pytest.mark.parametrize(
    ("given_market", "message"),
    [
        (stoikov(0.0), "risk_factor was 0.0, expected more than 0"),
        (replace(stoikov(0.1), volatility=0.0), "volatility was 0.0, expected more than 0"),
        (stoikov(0.1, impact=0.1), "impact was 0.1, expected 0"),
        (replace(stoikov(1e-300), volatility=1e-20), "a distance or horizon was inf"),
    ],
)
def test_a_frozen_horizon_that_does_not_exist_is_refused(given_market: Market, message: str) -> None:
    """Without risk the two models agree at every horizon."""
    with pytest.raises(ValueError, match=message):
        frozen_horizon_s(given_market)
