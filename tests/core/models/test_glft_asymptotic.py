"""GLFT's exact quotes without an end: the oracle's digits, a solver in 50 digits, and the laws."""

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal, localcontext
from itertools import pairwise
from math import cos, exp, inf, isfinite, pi

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mm.models.glft import Market, OutOfRange, closed_form
from mm.models.glft_asymptotic import Matrix, asymptotic, ground_table, matrix, require_finite
from mm.models.glft_table import Table
from tests.builders.model_markets import FIG_1, FIG_4_LEFT, FIG_4_RIGHT, markets, stoikov, wild_markets


@pytest.mark.parametrize(
    ("given_market", "eigenvalue", "bids"),
    [
        (FIG_1, -0.644734429910268, {0: 3.3130454188, 5: 3.6534795405, 10: 3.9929327470, -10: 2.6328018254}),
        (FIG_4_LEFT, -0.642530764170, {0: 3.3244580782}),
        (FIG_4_RIGHT, -0.134421366479, {0: 3.5256511068, 10: 8.0227474244}),
        (stoikov(0.1), -95.852414607495, {0: 0.6716276142, 5: 0.9317798933, 10: 1.1814201029}),
        (stoikov(0.01), -101.425144225839, {0: 0.6725493529}),
        (stoikov(0.5), -80.537218031886, {0: 0.6389254116}),
        (stoikov(1.0), -67.448122032917, {0: 0.6084034930, 10: 2.1062227221}),
    ],
)
def test_the_eigenvector_gives_the_numbers_of_the_oracle(
    given_market: Market, eigenvalue: float, bids: dict[int, float]
) -> None:
    """At a cap of 30 lots: the eigenvalue, and bids to ten decimals; asks mirror them."""
    table = asymptotic(given_market, 30)

    assert table.eigenvalue == pytest.approx(eigenvalue, abs=6e-13)
    assert table.ce == pytest.approx(-eigenvalue / given_market.decay, rel=1e-11)
    for lots, bid in bids.items():
        assert table.bid(lots) == pytest.approx(bid, abs=6e-11)
        assert table.ask(-lots) == table.bid(lots)


@pytest.mark.parametrize(
    ("given_market", "cap", "eigenvalue", "bids"),
    [
        (FIG_1, 30, -0.6447344299102679062149, {0: 3.313045418751658764836, 29: 6.130908653553361155981}),
        (
            stoikov(0.1),
            30,
            -95.85241460749528841558,
            {0: 0.6716276142227745510854, 29: 1.974187830637876576705},
        ),
        (
            stoikov(1.0),
            12,
            -67.44812203291648891595,
            {0: 0.6084034929970930128685, 11: 2.210109203570335860083},
        ),
    ],
)
def test_quotes_agree_with_40_digits_to_the_last_bits(
    given_market: Market, cap: int, eigenvalue: float, bids: dict[int, float]
) -> None:
    """Quotes within 5e-15, the eigenvalue within 1e-15 of its size."""
    table = asymptotic(given_market, cap)

    assert table.eigenvalue == pytest.approx(eigenvalue, rel=1e-15, abs=0)
    for lots, bid in bids.items():
        assert table.bid(lots) == pytest.approx(bid, rel=0, abs=5e-15)


def test_quotes_steepen_towards_the_cap() -> None:
    """At a cap of 5 lots, the oracle's ten numbers; the sides that would leave it are off."""
    table = asymptotic(stoikov(0.1), 5)

    bids = [0.6776545724, 0.7444464127, 0.8201738479, 0.9225012973, 1.1258764944]
    asks = [0.6131158504, 0.5463240100, 0.4705965749, 0.3682691254, 0.1648939283]
    assert [table.bid(lots) for lots in range(5)] == pytest.approx(bids, abs=6e-11)
    assert [table.ask(lots) for lots in range(1, 6)] == pytest.approx(asks, abs=6e-11)
    assert table.bid(5) is None
    assert table.ask(-5) is None


@pytest.mark.parametrize(
    ("given_market", "bids"),
    [
        (stoikov(0.1, drift=0.5), (0.50133346, 0.60602490, 0.71096815)),
        (stoikov(0.1, drift=1.0), (0.43632236, 0.54052085, 0.64538521)),
        (stoikov(0.1, impact=0.1), (0.61365035, 0.72264594, 0.83145300)),
        (stoikov(0.1, impact=0.3), (0.70718648, 0.82480467, 0.94218538)),
    ],
)
def test_drift_and_impact_give_the_numbers_of_the_oracle(
    given_market: Market, bids: tuple[float, ...]
) -> None:
    """Bids at -2, 0 and 2 lots to eight decimals."""
    table = asymptotic(given_market, 30)

    assert [table.bid(lots) for lots in (-2, 0, 2)] == pytest.approx(bids, abs=6e-9)


@pytest.mark.parametrize(
    ("fee", "rate", "bid"),
    [
        (0.0, 63.90160974, 0.6716276142),
        (0.1, 54.82955402, 0.7737044123),
        (0.3, 40.33524386, 0.9783735665),
        (0.6, 25.39224873, 1.2868946764),
        (1.0, 13.62564398, 1.7018882464),
        (-0.1, 74.45747462, 0.5697052147),
    ],
)
def test_fees_give_the_numbers_of_the_oracle(fee: float, rate: float, bid: float) -> None:
    """What the optimum is worth per second, and its bid at no inventory."""
    table = asymptotic(stoikov(0.1, fee=fee), 30)

    assert table.ce == pytest.approx(rate, abs=6e-9)
    assert table.bid(0) == pytest.approx(bid, abs=6e-11)


@pytest.mark.parametrize(
    ("impact", "rate"),
    [(0.05, 61.50313742), (0.1, 59.19381538), (0.2, 54.82955402), (0.4, 47.03365216), (0.8, 34.58062000)],
)
def test_impacts_give_the_numbers_of_the_oracle(impact: float, rate: float) -> None:
    """What the optimum is worth per second."""
    assert asymptotic(stoikov(0.1, impact=impact), 30).ce == pytest.approx(rate, abs=6e-9)


def test_the_closed_form_is_off_by_what_the_oracle_says() -> None:
    """At an aversion of 1 and 10 lots, by 0.345."""
    exact = asymptotic(stoikov(1.0), 30).bid(10)

    assert exact is not None
    assert closed_form(stoikov(1.0)).bid(10) - exact == pytest.approx(0.345, abs=5e-4)


def test_without_risk_only_the_cap_leans() -> None:
    """The eigenvalue is that of a free particle between walls; near the middle the quotes are 1 / k."""
    table = asymptotic(stoikov(0.0), 200)

    assert table.eigenvalue == pytest.approx(-2 * 140 * exp(-1) * cos(pi / 402), rel=1e-14)
    assert table.bid(0) == pytest.approx(1 / 1.5, abs=1e-4)


def test_a_cap_of_nothing_quotes_nothing() -> None:
    """Both sides are off and nothing is earned."""
    assert asymptotic(stoikov(0.1), 0) == Table(0, (None,), (None,), 0.0, 0.0)


def test_a_cap_that_the_drift_fills_is_solved_too() -> None:
    """Where the best inventory is the cap itself, the same recursion runs from one side only."""
    table = asymptotic(stoikov(0.0, drift=1.0), 3)

    assert [ask is None for ask in table.asks] == [True, False, False, False, False, False, False]
    assert table.eigenvalue is not None
    assert table.eigenvalue < -1.5 * 3


# A solver of its own, in 50 digits: signs of pivots from the lower cap to the upper one.


def precisely(given_market: Market, cap: int) -> tuple[Decimal, list[Decimal]]:
    """The eigenvalue, and the bids at -cap..cap-1, as decimals."""
    with localcontext() as context:
        context.prec = 60
        g, a, k, s, drift, x = (
            Decimal(value)
            for value in (
                given_market.risk_factor,
                given_market.arrival_rate,
                given_market.decay,
                given_market.volatility,
                given_market.drift,
                given_market.impact,
            )
        )
        coupling = a * (-k * x / 2).exp() * (-(1 + k / g) * (1 + g / k).ln()).exp()
        levels = [k * g * s * s / 2 * q * q - k * drift * q for q in range(-cap, cap + 1)]
        low, high = min(levels) - 3 * coupling, min(levels)
        for _ in range(170):
            middle = (low + high) / 2
            low, high = (middle, high) if _is_below(levels, coupling, middle) else (low, middle)
        # The eigenvector from the lower cap up: the second row of the equation gives each next entry.
        vector = [Decimal(1), (levels[0] - low) / coupling]
        for level in levels[1:-1]:
            vector.append((level - low) * vector[-1] / coupling - vector[-2])
        margin = x / 2 + (1 + g / k).ln() / g
        return low, [margin - (after / before).ln() / k for before, after in pairwise(vector)]


def _is_below(levels: list[Decimal], coupling: Decimal, trial: Decimal) -> bool:
    pivot = levels[0] - trial
    for level in levels[1:]:
        if pivot <= 0:
            return False
        pivot = level - trial - coupling**2 / pivot
    return pivot > 0


@settings(max_examples=15, deadline=None)
@given(
    st.builds(
        Market,
        risk_factor=st.floats(0.01, 2),
        arrival_rate=st.floats(0.1, 100),
        decay=st.floats(0.1, 5),
        volatility=st.floats(0.1, 2),
        drift=st.floats(-0.5, 0.5),
        impact=st.floats(0, 0.3),
    ),
    st.integers(1, 8),
)
def test_quotes_are_those_of_a_solver_in_60_digits(given_market: Market, cap: int) -> None:
    """Within 1e-13 of each quote, eigenvalue and quotes, with drift and impact."""
    table = asymptotic(given_market, cap)

    eigenvalue, bids = precisely(given_market, cap)
    scale = max(abs(float(bid)) for bid in bids) + 1 / given_market.decay
    # What cancels between a level and the coupling is lost in the eigenvalue alone.
    lost = 1e-14 * given_market.decay * cap * (abs(given_market.drift) + cap)
    assert table.eigenvalue == pytest.approx(float(eigenvalue), rel=1e-13, abs=lost)
    assert table.bids[:-1] == pytest.approx([float(bid) for bid in bids], abs=1e-13 * scale)


# Laws.


@given(markets, st.integers(0, 40))
def test_every_table_is_finite_and_the_quotes_mirror(given_market: Market, cap: int) -> None:
    """A bid at q is an ask at -q with the drift reversed, to the last bit; what leaves the cap is off."""
    table = asymptotic(given_market, cap)
    reversed_one = asymptotic(replace(given_market, drift=-given_market.drift), cap)

    assert table == reversed_one.mirrored()
    assert (len(table.bids), len(table.asks)) == (2 * cap + 1, 2 * cap + 1)
    assert [bid for bid in table.bids if bid is None] == [None]
    assert all(isfinite(bid) for bid in table.bids[:-1] if bid is not None)
    assert isfinite(table.ce)


@given(markets, st.integers(2, 30))
def test_more_inventory_never_quotes_higher(given_market: Market, cap: int) -> None:
    """The bid's distance grows with the inventory, but for rounding: value is concave."""
    table = asymptotic(given_market, cap)

    scale = 1e-12 * max(abs(bid) for bid in table.bids if bid is not None)
    for nearer, farther in pairwise(table.bids[:-1]):
        assert nearer is not None
        assert farther is not None
        assert farther >= nearer - scale


@given(
    st.floats(0.01, 2), st.floats(0.1, 100), st.floats(0.1, 5), st.floats(0.1, 2), st.sampled_from([1, 2, 10])
)
def test_the_statics_have_the_signs_of_the_paper(g: float, a: float, k: float, s: float, lots: int) -> None:
    """Width at no inventory rises with volatility, falls with rate and decay; the bid falls with the drift;
    inventory held is feared more, inventory owed is bought back sooner, when the mid is wilder."""
    given_market = Market(risk_factor=g, arrival_rate=a, decay=k, volatility=s)
    base, wilder, busier, steeper, rising = (
        asymptotic(changed, 30)
        for changed in (
            given_market,
            replace(given_market, volatility=1.2 * s),
            replace(given_market, arrival_rate=1.2 * a),
            replace(given_market, decay=1.2 * k),
            replace(given_market, drift=0.05 * s),
        )
    )
    bids = [table.bid(0) for table in (wilder, base, busier)]
    assert bids[0] is not None
    assert bids[1] is not None
    assert bids[2] is not None
    assert bids[0] >= bids[1] >= bids[2]
    assert (steeper.bid(0) or inf) < bids[1]
    assert (rising.bid(0) or inf) < bids[1]
    held, owed = (wilder.bid(lots), base.bid(lots)), (wilder.bid(-lots), base.bid(-lots))
    assert (held[0] or inf) >= (held[1] or -inf)
    if lots > 1:
        assert (owed[0] or -inf) <= (owed[1] or inf)


@settings(max_examples=100, deadline=None)
@given(wild_markets, st.integers(0, 12))
def test_every_market_has_a_table_or_a_named_refusal(given_market: Market, cap: int) -> None:
    """No other exception, no infinity, no number that is none."""
    with suppress(OutOfRange):
        table = asymptotic(given_market, cap)
        assert all(isfinite(bid) for bid in table.bids if bid is not None)
        assert isfinite(table.ce)


@pytest.mark.parametrize("cap", [-1, 1001])
def test_a_cap_outside_its_domain_is_refused(cap: int) -> None:
    """Negative, or so large that the middle no longer changes."""
    with pytest.raises(ValueError, match=f"cap was {cap} lots, expected 0 to 1000"):
        asymptotic(stoikov(0.1), cap)


@pytest.mark.parametrize(
    ("given_market", "message"),
    [
        (replace(stoikov(0.1), volatility=1e200), "the model's matrix was"),
        (replace(stoikov(1e308), volatility=0.0, arrival_rate=1e-20), "the model's matrix was"),
        (replace(stoikov(0.1), volatility=1e153, arrival_rate=1e-10), "the cost of holding 3 lots was inf"),
        (replace(stoikov(0.0), decay=1e-308, fee=1e307, drift=1e-10), "were not finite"),
    ],
)
def test_quotes_that_no_float_holds_are_refused_by_name(given_market: Market, message: str) -> None:
    """The matrix, its entries to each other, or the quotes themselves."""
    with pytest.raises(OutOfRange, match=message):
        asymptotic(given_market, 3)


def test_a_matrix_without_fills_is_refused() -> None:
    """Its coupling has to be above 0, all its numbers finite."""
    whole = matrix(stoikov(0.1))

    assert require_finite(whole) is whole
    for wrong in (whole._replace(coupling=0.0), whole._replace(tilt=inf)):
        with pytest.raises(OutOfRange, match="Matrix"):
            require_finite(wrong)


def test_the_value_of_more_lots_counts_in_the_markets_unit() -> None:
    """Ten times smaller lots at ten times the aversion: the same quotes, a tenth of the worth."""
    large, small = asymptotic(stoikov(0.1), 4), asymptotic(replace(stoikov(1.0), lot=0.1), 4)

    assert small.bids == large.bids
    assert small.ce == pytest.approx(large.ce / 10)


@given(st.floats(0, 1e3), st.floats(0, 1e3), st.integers(1, 20))
def test_a_tilt_is_solved_wherever_its_centre_lies(curvature: float, tilt: float, cap: int) -> None:
    """Inside the caps or at one of them; the eigenvalue is below every entry of the diagonal."""
    assume(curvature + tilt > 0)
    found = Matrix(margin=1.0, coupling=1.0, curvature=curvature, tilt=tilt)

    table = ground_table(found, cap, 1.0, 1.0)

    assert table.eigenvalue is not None
    assert table.eigenvalue <= min(found.level(lots) for lots in range(-cap, cap + 1))
