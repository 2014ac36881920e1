"""GLFT's exact quotes before the end of a session: the oracle's digits, the limits, and the laws."""

from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.models.glft import Market, OutOfRange, edge
from mm.models.glft_asymptotic import asymptotic
from mm.models.glft_finite import finite
from tests.builders.model_markets import FIG_1, FIG_4_LEFT, FIG_4_RIGHT, markets, stoikov, wild_markets


@pytest.mark.parametrize(
    ("given_market", "horizon_s", "worth", "bids"),
    [
        (
            FIG_1,
            600,
            1290.6250952468,
            {0: 3.3130454098, 5: 3.6534794429, 10: 3.9929325621, -10: 2.6328019930},
        ),
        (FIG_4_LEFT, 600, 1286.2181980352, {0: 3.3244580781}),
        (FIG_4_RIGHT, 600, 270.0058743673, {0: 3.5256511068, 10: 8.0227474242}),
        (stoikov(0.1), 1, 64.1334891548, {0: 0.6716276014, 5: 0.9317797590, 10: 1.1814198755}),
        (stoikov(0.01), 1, 67.8456870495, {0: 0.6724340160}),
        (stoikov(0.5), 1, 53.9245773588, {0: 0.6389254116}),
        (stoikov(1.0), 1, 45.1996684765, {0: 0.6084034930, 10: 2.1062227221}),
    ],
)
def test_the_session_gives_the_numbers_of_the_oracle(
    given_market: Market, horizon_s: float, worth: float, bids: dict[int, float]
) -> None:
    """At a cap of 30 lots: the certainty equivalent, and bids to ten decimals; asks mirror them."""
    table = finite(given_market, 30, horizon_s)

    assert table.ce == pytest.approx(worth, abs=6e-11)
    assert table.eigenvalue is None
    for lots, bid in bids.items():
        assert table.bid(lots) == pytest.approx(bid, abs=6e-11)
        assert table.ask(-lots) == table.bid(lots)


@pytest.mark.parametrize(
    "given_market", [stoikov(0.1), stoikov(0.1, drift=0.5), stoikov(0.1, drift=-0.5, impact=0.1)]
)
@pytest.mark.parametrize("horizon_s", [1e3, 1e9, 1e100])
def test_far_from_the_end_the_quotes_are_the_endless_ones(given_market: Market, horizon_s: float) -> None:
    """However far: the exponential settles, and only its scale goes on."""
    table, endless = finite(given_market, 20, horizon_s), asymptotic(given_market, 20)

    assert table.bids[:-1] == pytest.approx(endless.bids[:-1], abs=1e-12)
    assert table.ce == pytest.approx(endless.ce * horizon_s, rel=1e-2)


def test_at_the_end_only_what_selling_costs_leans() -> None:
    """Without impact both quotes are c0 away; with it a lot held costs what its sale moves the mid by."""
    plain, moving = finite(stoikov(0.1), 3, 0.0), finite(stoikov(0.1, impact=0.2), 3, 0.0)

    own = edge(0.1, 1.5)
    assert plain.bids[:-1] == pytest.approx([own] * 6)
    assert plain.ce == pytest.approx(0, abs=1e-15)
    assert [moving.bid(lots) for lots in range(3)] == pytest.approx(
        [own + 0.1 + 0.2 * (lots + 0.5) for lots in range(3)]
    )


def test_the_end_with_impact_is_approached() -> None:
    """A moment before the end the quotes are nearly those at the end."""
    at_end, before = (finite(stoikov(0.1, impact=0.2, drift=0.3), 3, t) for t in (0.0, 1e-9))

    assert before.bids[:-1] == pytest.approx(at_end.bids[:-1], abs=1e-6)


def test_a_cap_of_nothing_quotes_nothing() -> None:
    """Both sides are off and nothing is earned."""
    table = finite(stoikov(0.1), 0, 1.0)

    assert (table.bids, table.asks, table.ce) == ((None,), (None,), 0.0)


@given(markets, st.integers(0, 8), st.floats(0, 100))
def test_every_session_is_finite_and_the_quotes_mirror(
    given_market: Market, cap: int, horizon_s: float
) -> None:
    """A bid at q is an ask at -q with the drift reversed, to the last bit; or both are refused."""
    try:
        table = finite(given_market, cap, horizon_s)
    except OutOfRange:
        with pytest.raises(OutOfRange):
            finite(replace(given_market, drift=-given_market.drift), cap, horizon_s)
        return
    assert table == finite(replace(given_market, drift=-given_market.drift), cap, horizon_s).mirrored()
    assert all(isfinite(bid) for bid in table.bids[:-1] if bid is not None)
    assert isfinite(table.ce)


@given(
    st.floats(0, 2), st.floats(0.1, 100), st.floats(0.1, 5), st.floats(0, 2), st.sampled_from([0.01, 0.5, 20])
)
def test_more_inventory_never_quotes_higher(g: float, a: float, k: float, s: float, horizon_s: float) -> None:
    """At any time before the end."""
    table = finite(Market(risk_factor=g, arrival_rate=a, decay=k, volatility=s), 8, horizon_s)

    for nearer, farther in pairwise(table.bids[:-1]):
        assert nearer is not None
        assert farther is not None
        assert farther >= nearer - 1e-10 / k


@settings(max_examples=60, deadline=None)
@given(wild_markets, st.integers(0, 5), st.floats(min_value=0, allow_infinity=False))
def test_every_session_has_a_table_or_a_named_refusal(
    given_market: Market, cap: int, horizon_s: float
) -> None:
    """No other exception, no infinity, no number that is none."""
    with suppress(OutOfRange):
        table = finite(given_market, cap, horizon_s)
        assert all(isfinite(bid) for bid in table.bids if bid is not None)
        assert isfinite(table.ce)


@pytest.mark.parametrize(
    ("cap", "horizon_s", "message"),
    [
        (-1, 1.0, "cap was -1 lots, expected 0 to 100"),
        (101, 1.0, "cap was 101 lots, expected 0 to 100"),
        (3, -1.0, "horizon_s was -1.0, expected at least 0"),
        (3, float("nan"), "horizon_s was nan, expected a finite number"),
    ],
)
def test_cap_and_horizon_outside_their_domains_are_refused(cap: int, horizon_s: float, message: str) -> None:
    """By name; the cap's bound is what the time of the computation bears."""
    with pytest.raises(ValueError, match=message):
        finite(stoikov(0.1), cap, horizon_s)


@pytest.mark.parametrize(
    ("given_market", "horizon_s", "message"),
    [
        (stoikov(0.1), 1e308, "times what the cap costs was not finite"),
        (replace(stoikov(0.1), impact=-1e306, fee=5e305), 1.0, "times what the cap costs was not finite"),
        (
            replace(stoikov(100.0), volatility=50.0),
            1.0,
            "up to 100 lots was 0.0, expected more: lower the cap",
        ),
    ],
)
def test_values_that_no_float_holds_are_refused_by_name(
    given_market: Market, horizon_s: float, message: str
) -> None:
    """An endless session, an absurd gain from impact, or values that span too many decades."""
    with pytest.raises(OutOfRange, match=message):
        finite(given_market, 100, horizon_s)
