"""GLFT's closed form against published and computed numbers, and its laws on every market."""

from contextlib import suppress
from dataclasses import replace
from math import e, exp, inf, isfinite, log, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.models.glft import (
    Distances,
    Market,
    OutOfRange,
    closed_form,
    edge,
    growth,
    net_rate,
    risk_factor_for,
    slope,
)
from mm.models.glft_asymptotic import asymptotic
from tests.builders.model_markets import (
    FIG_1,
    FIG_4_LEFT,
    FIG_4_RIGHT,
    market,
    markets,
    stoikov,
    wild_markets,
)


@pytest.mark.parametrize(
    ("given_market", "inventory", "bid"),
    [
        (FIG_1, 0, 3.3129151986),
        (FIG_1, 5, 3.6522443612),
        (FIG_1, 10, 3.9915735239),
        (FIG_1, -10, 2.6342568733),
        (FIG_4_LEFT, 0, 3.3242261707),
        (FIG_4_RIGHT, 0, 3.5189242343),
        (FIG_4_RIGHT, 10, 8.3177632736),
        (stoikov(0.1), 0, 0.6712438194),
        (stoikov(0.1), 5, 0.9298299000),
        (stoikov(0.1), 10, 1.1884159807),
        (stoikov(0.01), 0, 0.6725125976),
        (stoikov(0.5), 0, 0.6367033057),
        (stoikov(1.0), 0, 0.6032286707),
        (stoikov(1.0), 10, 2.4512896084),
    ],
)
def test_the_closed_form_gives_the_numbers_of_the_oracle(
    given_market: Market, inventory: int, bid: float
) -> None:
    """Bid distances to ten decimals; the ask at the opposite inventory is the same number."""
    distances = closed_form(given_market)

    assert distances.bid(inventory) == pytest.approx(bid, abs=6e-11)
    assert distances.ask(-inventory) == distances.bid(inventory)


@pytest.mark.parametrize(
    ("given_market", "expected"),
    [
        (stoikov(0.01), 0.016116651403),
        (stoikov(0.1), 0.051717216122),
        (stoikov(0.5), 0.122678321661),
        (stoikov(1.0), 0.184806093770),
        (FIG_1, 0.067865832531),
    ],
)
def test_the_slope_gives_the_numbers_of_the_oracle(given_market: Market, expected: float) -> None:
    """S, the shift per lot held, to twelve decimals."""
    assert slope(given_market) == pytest.approx(expected, abs=1e-12)
    assert closed_form(given_market).skew == slope(given_market)


def test_a_published_tutorial_is_reproduced() -> None:
    """Half spread and skew of the GLFT tutorial of hftbacktest, in its ticks."""
    distances = closed_form(market(0.05, 2.986162360812285, 0.04235741115084049, 10.69))

    assert distances.half_spread == pytest.approx(20.47208533844371, rel=1e-14)
    assert distances.skew == pytest.approx(9.76326865029227, rel=1e-14)


def test_the_grid_tutorials_constants_are_the_limit_without_risk() -> None:
    """c1 = 1 / k and c2 = sqrt(g e / (2 A k)) per unit of volatility."""
    g, a, k, s = 1e-9, 2.5, 0.4, 3.0
    distances = closed_form(market(g, a, k, s))

    assert distances.skew == pytest.approx(s * sqrt(g * e / (2 * a * k)), rel=1e-8)
    assert distances.half_spread - distances.skew / 2 == pytest.approx(1 / k, rel=1e-8)


def test_the_lot_size_rescales_risk_and_inventory() -> None:
    """With a lot of 0.25 units the bid at 0.75 units is that of three lots with a quarter of the aversion."""
    in_units = replace(stoikov(0.1), lot=0.25)

    assert closed_form(in_units).bid(0.75) == pytest.approx(0.7505829294240154, abs=1e-15)
    assert closed_form(stoikov(0.025)).bid(3) == pytest.approx(0.7505829294240154, abs=1e-15)


def test_the_lots_own_formula_is_the_same() -> None:
    """(4.6) and (4.7) of arXiv 1605.01862 written out."""
    g, a, k, s, lot, held = 0.3, 5.0, 0.7, 1.3, 2.5, 4.0
    x = g * lot / k
    width = sqrt(g * s * s / (2 * a * lot * k) * (1 + x) ** (1 / x + 1))
    expected = log(1 + x) / (g * lot) + (2 * held + lot) / 2 * width

    found = closed_form(replace(market(g, a, k, s), lot=lot)).bid(held)

    assert found == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("risk_factor", "distance"),
    [(0.1, 0.6453852113757116), (1e-4, 0.6666444454320494), (1e-8, 0.6666666644444444), (0.0, 1 / 1.5)],
)
def test_the_edge_is_exact_down_to_no_risk(risk_factor: float, distance: float) -> None:
    """c0 tends to 1 / k without loss of digits."""
    assert edge(risk_factor, 1.5) == pytest.approx(distance, rel=4e-16, abs=0)


@pytest.mark.parametrize(
    ("given_market", "eta", "tolerance"),
    [
        (stoikov(0.1), 49.8503782633, 1e-12),
        (FIG_1, 0.325678355847, 2e-12),
        (stoikov(1e-4), 51.50140506003691, 1e-15),
        (stoikov(1e-8), 51.50312159232485, 1e-15),
        (stoikov(0.0), 51.503121764001925, 1e-15),
    ],
)
def test_the_rate_of_the_best_fills_gives_the_numbers_of_the_oracle(
    given_market: Market, eta: float, tolerance: float
) -> None:
    """A (1 + g/k)^-(1 + k/g), which is A / e without risk."""
    ratio = given_market.risk_factor / given_market.decay

    assert net_rate(given_market) * exp(-growth(ratio)) == pytest.approx(eta, rel=tolerance, abs=0)


@pytest.mark.parametrize("risk_factor", [1e-12, 1e-15, 1e-300, 5e-324])
def test_vanishing_risk_is_no_risk(risk_factor: float) -> None:
    """However small the aversion, nothing divides by zero and the distance is 1 / k."""
    assert closed_form(stoikov(risk_factor)).half_spread == pytest.approx(1 / 1.5, rel=1e-6)
    assert edge(risk_factor, 1.5) == pytest.approx(1 / 1.5, rel=1e-11)


def test_without_risk_nothing_leans() -> None:
    """At g = 0 both quotes stand 1 / k away whatever the inventory."""
    distances = closed_form(stoikov(0.0))

    assert (distances.bid(50), distances.ask(50)) == (1 / 1.5, 1 / 1.5)


@pytest.mark.parametrize("fee", [-0.1, 0.1, 0.3, 0.6])
def test_a_fee_is_the_same_market_shifted(fee: float) -> None:
    """Quotes with a fee are the fee plus the quotes at the rate A exp(-k f)."""
    with_fee = closed_form(stoikov(0.1, fee=fee))
    shifted = closed_form(market(0.1, 140 * exp(-1.5 * fee), 1.5, 2.0))

    assert with_fee.bid(3) == pytest.approx(fee + shifted.bid(3), rel=1e-15)
    assert with_fee.ask(3) == pytest.approx(fee + shifted.ask(3), rel=1e-15)


@pytest.mark.parametrize(
    ("fee", "bid"), [(0.1, 0.7737044123), (0.3, 0.9783735665), (0.6, 1.2868946764), (-0.1, 0.5697052147)]
)
def test_with_a_fee_the_closed_form_stays_near_the_exact_optimum(fee: float, bid: float) -> None:
    """Bids of the eigenvector solution at no inventory; the closed form is within 0.15 %."""
    assert closed_form(stoikov(0.1, fee=fee)).bid(0) == pytest.approx(bid, rel=1.5e-3)


@pytest.mark.parametrize(
    ("given_market", "bids"),
    [
        (stoikov(0.1, drift=0.5), (0.50316287, 0.60659730, 0.71003173)),
        (stoikov(0.1, drift=1.0), (0.43851635, 0.54195078, 0.64538521)),
        (stoikov(0.1, impact=0.1), (0.61484506, 0.72223193, 0.82961880)),
        (stoikov(0.1, impact=0.3), (0.70857226, 0.82432286, 0.94007347)),
    ],
)
def test_drift_and_impact_give_the_numbers_of_the_oracle(
    given_market: Market, bids: tuple[float, ...]
) -> None:
    """Bids at -2, 0 and 2 lots to eight decimals."""
    distances = closed_form(given_market)

    assert [distances.bid(lots) for lots in (-2, 0, 2)] == pytest.approx(bids, abs=6e-9)


def test_funding_is_a_drift() -> None:
    """A long that pays 0.01 % of 100 every 8 hours quotes as if the mid fell by that."""
    drift = -0.0001 * 100 / (8 * 3600)

    assert closed_form(stoikov(0.1, drift=drift)).bid(0) > closed_form(stoikov(0.1)).bid(0)


# The aversion from a target inventory.


def deviation_of(given_market: Market, cap: int) -> float:
    """The exact stationary deviation: the law of the inventory is the square of the eigenvector."""
    table = asymptotic(given_market, cap)
    margin = edge(given_market.risk_factor, given_market.decay)
    weights = [1.0]
    for bid in table.bids[:-1]:
        assert bid is not None
        weights.append(weights[-1] * exp(2 * given_market.decay * (margin - bid)))
    return sqrt(sum(w * (q - cap) ** 2 for q, w in enumerate(weights)) / sum(weights))


@pytest.mark.parametrize(
    ("target", "risk_factor", "exact"),
    [(2, 0.2480045759, 1.984123), (3, 0.0520850392, 2.989510), (5, 0.0068514414, 4.993734)],
)
def test_the_aversion_for_a_deviation_gives_the_numbers_of_the_oracle(
    target: float, risk_factor: float, exact: float
) -> None:
    """To ten decimals; with it the exact deviation is within 1 % of the target."""
    found = risk_factor_for(target, stoikov(0.0))

    assert found == pytest.approx(risk_factor, abs=6e-11)
    assert deviation_of(stoikov(found), 60) == pytest.approx(exact, abs=6e-7)


@pytest.mark.parametrize(
    ("risk_factor", "exact", "closed"),
    [(0.001, 8.0895, 8.0933), (0.01, 4.5409, 4.5478), (0.1, 2.5263, 2.5388), (1.0, 1.3189, 1.3430)],
)
def test_the_deviation_of_the_inventory_gives_the_numbers_of_the_oracle(
    risk_factor: float, exact: float, closed: float
) -> None:
    """Exactly, and nearly 1 / sqrt(2 k S)."""
    given_market = stoikov(risk_factor)

    assert deviation_of(given_market, 80) == pytest.approx(exact, abs=6e-5)
    assert 1 / sqrt(2 * 1.5 * slope(given_market)) == pytest.approx(closed, abs=6e-5)


def test_the_half_life_of_the_inventory_gives_the_number_of_the_oracle() -> None:
    """ln 2 / (2 k S L) with the rate L of fills at no inventory."""
    distances = closed_form(stoikov(0.1))
    fills = 140 * exp(-1.5 * distances.half_spread)

    assert log(2) / (2 * 1.5 * distances.skew * fills) == pytest.approx(0.0873, abs=5e-5)


@given(markets.filter(lambda m: m.volatility > 0), st.floats(0.1, 100))
def test_the_aversion_found_leaves_the_deviation_asked_for(given_market: Market, lots: float) -> None:
    """Of any lot: 1 / sqrt(2 k S) lots, whatever risk_factor the market came with."""
    found = risk_factor_for(lots * given_market.lot, given_market)

    with_it = replace(given_market, risk_factor=found)
    assert 1 / sqrt(2 * with_it.decay * slope(with_it)) == pytest.approx(lots, rel=1e-9)


@pytest.mark.parametrize(
    ("deviation", "given_market", "message"),
    [
        (0.0, stoikov(1), "deviation was 0.0, expected more than 0"),
        (float("nan"), stoikov(1), "deviation was nan"),
        (2.0, market(1, 140, 1.5, 0), "volatility was 0, expected more than 0"),
        (1e-170, stoikov(1), "no risk_factor leaves"),
        (1e100, stoikov(1), "no risk_factor leaves"),
        (2e-309, replace(stoikov(1), lot=1e-309), "the risk_factor was inf"),
        (2e150, replace(market(1, 140, 1e-200, 2e200), lot=1e150), "the risk_factor was inf"),
    ],
)
def test_an_impossible_deviation_is_refused(deviation: float, given_market: Market, message: str) -> None:
    """Not positive, without volatility, or beyond all floats."""
    with pytest.raises(ValueError, match=message):
        risk_factor_for(deviation, given_market)


# Laws.

rates = st.floats(0.01, 100)


@given(rates, rates, rates, rates, st.floats(-20, 20))
def test_the_statics_have_the_signs_of_the_paper(g: float, a: float, k: float, s: float, q: float) -> None:
    """Spread rises with volatility, falls with rate and decay; a bid's move with volatility follows 2q + 1;
    a rising mid draws the bid nearer."""
    base = closed_form(market(g, a, k, s))
    wilder = closed_form(market(g, a, k, s * 1.1))
    busier = closed_form(market(g, a * 1.1, k, s))
    steeper = closed_form(market(g, a, k * 1.1, s))
    rising = closed_form(replace(market(g, a, k, s), drift=0.1 * base.skew * g * s * s / (base.skew + 1)))

    assert wilder.half_spread > base.half_spread > busier.half_spread
    assert base.half_spread > steeper.half_spread
    assert rising.bid(q) <= base.bid(q)
    assert rising.shift > 0
    if abs(2 * q + 1) > 1e-6:
        assert (wilder.bid(q) > base.bid(q)) == (2 * q + 1 > 0)


@given(markets, st.floats(-1000, 1000))
def test_the_sides_mirror_each_other(given_market: Market, inventory: float) -> None:
    """A bid at q is an ask at -q with the drift reversed, to the last bit."""
    if given_market.drift and given_market.risk_factor * given_market.volatility == 0:
        given_market = replace(given_market, drift=0.0)
    found = closed_form(given_market)
    mirrored = closed_form(replace(given_market, drift=-given_market.drift))

    assert found.bid(inventory) == mirrored.ask(-inventory)
    assert found.ask(inventory) == mirrored.bid(-inventory)


@settings(max_examples=100)
@given(wild_markets, st.floats(allow_nan=False))
def test_every_market_has_finite_quotes_or_a_named_refusal(given_market: Market, deviation: float) -> None:
    """No other exception, no infinity, no number that is none; so for the aversion from a deviation."""
    with suppress(OutOfRange):
        assert all(map(isfinite, closed_form(given_market)))
    with suppress(ValueError):
        assert 0 < risk_factor_for(deviation, given_market) < inf


@pytest.mark.parametrize(
    ("given_market", "message"),
    [
        (market(0, 140, 1e4, 2), "nothing"),
        (replace(market(0, 140, 1e4, 2), fee=10), "the rate of fills .* was 0.0"),
        (replace(market(0, 140, 1e4, 2), fee=-10), "the rate of fills .* was inf"),
        (market(1e300, 1e-300, 1e-300, 1e300), "the skew was inf"),
        (replace(market(0, 1, 1e-308, 1), fee=1e308), "the half spread was inf"),
        (market(0, 140, 1.5, 0), "nothing"),
        (stoikov(0.0, drift=0.1), "the shift by the drift was inf"),
        (stoikov(0.0, drift=-0.1), "the shift by the drift was inf"),
        (replace(market(0.1, 140, 1.5, 0), drift=0.1), "the shift by the drift was inf"),
    ],
)
def test_quotes_that_no_float_holds_are_refused_by_name(given_market: Market, message: str) -> None:
    """Also a drift without aversion or volatility: holding its way is free, so no inventory is too much."""
    if message == "nothing":
        assert closed_form(given_market).skew == 0
        return
    with pytest.raises(OutOfRange, match=message):
        closed_form(given_market)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("risk_factor", -0.1, "risk_factor was -0.1, expected at least 0"),
        ("risk_factor", float("nan"), "risk_factor was nan, expected a finite number"),
        ("arrival_rate", 0.0, "arrival_rate was 0.0, expected more than 0"),
        ("decay", -1.0, "decay was -1.0, expected more than 0"),
        ("volatility", float("inf"), "volatility was inf, expected a finite number"),
        ("volatility", -1.0, "volatility was -1.0, expected at least 0"),
        ("lot", 0.0, "lot was 0.0, expected more than 0"),
        ("fee", float("nan"), "fee was nan, expected a finite number"),
        ("drift", float("-inf"), "drift was -inf, expected a finite number"),
        ("impact", float("nan"), "impact was nan, expected a finite number"),
    ],
)
def test_a_market_outside_its_domain_is_refused_by_name(name: str, value: float, message: str) -> None:
    """The field and what was expected of it."""
    with pytest.raises(ValueError, match=message):
        replace(stoikov(0.1), **{name: value})


def test_distances_without_a_shift_are_half_spread_and_skew() -> None:
    """Two numbers make a linear quote."""
    assert (Distances(2.0, 0.5).bid(2), Distances(2.0, 0.5).ask(2)) == (3.0, 1.0)
