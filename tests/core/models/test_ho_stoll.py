"""Ho's and Stoll's quotes: the formula, that it is the best distance, the laws, and bad input."""

from contextlib import suppress
from dataclasses import replace
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.models.glft import OutOfRange
from mm.models.ho_stoll import Demand, distances
from tests.builders.model_markets import positive, real

DEMAND = Demand(risk_factor=0.1, volatility=2.0, rate=10.0, rate_slope=4.0)


def test_the_spread_is_the_reach_of_demand_and_half_the_risk() -> None:
    """a / b + g s^2 t / 2 from bid to ask; each lot held moves both by half of what A-S's would."""
    found = distances(DEMAND, 0.5)

    assert found.bid(0) + found.ask(0) == pytest.approx(10 / 4 + 0.1 * 4 * 0.5 / 2)
    assert found.skew == pytest.approx(0.1 * 4 * 0.5 / 2)


@pytest.mark.parametrize("sign", [-1, 1])
def test_each_distance_earns_the_most(sign: int) -> None:
    """(a - b d)(d - fee - what the trade is worth) falls on both sides of it."""
    lots, horizon_s, fee, drift = 3, 0.5, 0.1, 0.3
    found = distances(replace(DEMAND, fee=fee, drift=drift), horizon_s)
    # Above the mid, one lot more or less is worth (sign - 2 q) g s^2 t / 2 and the drift to come.
    worth = (sign - 2 * lots) * 0.1 * 4 * horizon_s / 2 + drift * horizon_s
    best = found.ask(lots) if sign > 0 else found.bid(lots)

    def earned(distance: float) -> float:
        return (10 - 4 * distance) * (distance - fee - sign * worth)

    assert earned(best) > max(earned(best - 1e-4), earned(best + 1e-4))


@given(st.floats(0, 10), st.floats(-100, 100), st.floats(-1, 1), st.floats(0, 100))
def test_the_sides_mirror_each_other(g: float, inventory: float, drift: float, horizon_s: float) -> None:
    """A bid at q is an ask at -q with the drift reversed, to the last bit; the spread rises with risk."""
    demand = replace(DEMAND, risk_factor=g, drift=drift)
    found = distances(demand, horizon_s)

    assert found.bid(inventory) == distances(replace(demand, drift=-drift), horizon_s).ask(-inventory)
    assert found.half_spread >= 10 / 4 / 2


demands = st.builds(
    Demand,
    risk_factor=st.just(0.0) | positive,
    volatility=st.just(0.0) | positive,
    rate=positive,
    rate_slope=positive,
    lot=positive,
    fee=real,
    drift=real,
)


@given(demands, st.floats(min_value=0, allow_infinity=False))
def test_every_demand_has_quotes_or_a_named_refusal(demand: Demand, horizon_s: float) -> None:
    """No other exception, no infinity, no number that is none."""
    with suppress(OutOfRange):
        assert all(map(isfinite, distances(demand, horizon_s)))


def test_distances_that_no_float_holds_are_refused() -> None:
    """A reach of demand beyond all floats."""
    with pytest.raises(OutOfRange, match="were not finite"):
        distances(replace(DEMAND, rate=1e300, rate_slope=1e-300), 1.0)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("risk_factor", -0.1, "risk_factor was -0.1, expected at least 0"),
        ("volatility", float("nan"), "volatility was nan, expected a finite number"),
        ("rate", 0.0, "rate was 0.0, expected more than 0"),
        ("rate_slope", -2.0, "rate_slope was -2.0, expected more than 0"),
        ("lot", 0.0, "lot was 0.0, expected more than 0"),
        ("fee", float("inf"), "fee was inf, expected a finite number"),
        ("drift", float("nan"), "drift was nan, expected a finite number"),
    ],
)
def test_a_demand_outside_its_domain_is_refused_by_name(name: str, value: float, message: str) -> None:
    """The field and what was expected of it."""
    with pytest.raises(ValueError, match=message):
        replace(DEMAND, **{name: value})


def test_a_horizon_outside_its_domain_is_refused() -> None:
    """Time does not run backwards."""
    with pytest.raises(ValueError, match=r"horizon_s was -1.0, expected at least 0"):
        distances(DEMAND, -1.0)
