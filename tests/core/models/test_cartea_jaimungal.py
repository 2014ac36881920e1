"""Cartea's and Jaimungal's quotes: the oracle's vectors, their place between the models, and bad input."""

from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.models.cartea_jaimungal import Aims, distances, endless
from mm.models.glft import OutOfRange
from mm.models.glft_asymptotic import asymptotic
from tests.builders.model_markets import positive, real, stoikov

ORACLE = Aims(arrival_rate=140.0, decay=1.5, holding_penalty=0.2)


@pytest.mark.parametrize(
    ("alpha", "horizon_s", "bids"),
    [
        (0, 1, (0.69247833, 0.84679106)),
        (0, 0.1, (0.68341066, 0.78382042)),
        (0, 0.01, (0.66866257, 0.68063796)),
        (0.001, 1, (0.69247834, 0.84679106)),
        (0.001, 0.1, (0.68397312, 0.78774756)),
        (0.001, 0.01, (0.66965339, 0.68757373)),
        (0.1, 1, (0.69247835, 0.84679116)),
        (0.1, 0.1, (0.70018063, 0.89913964)),
        (0.1, 0.01, (0.74668220, 1.21275505)),
    ],
)
def test_the_session_gives_the_vectors_of_the_oracle(
    alpha: float, horizon_s: float, bids: tuple[float, float]
) -> None:
    """Bids at 0 and 3 lots to eight decimals, at a cap of 30; asks mirror them."""
    table = distances(replace(ORACLE, closing_penalty=alpha), 30, horizon_s)

    assert (table.bid(0), table.bid(3)) == pytest.approx(bids, abs=6e-9)
    assert (table.ask(0), table.ask(-3)) == (table.bid(0), table.bid(3))


def test_it_is_the_limit_of_vanishing_aversion_at_constant_penalty() -> None:
    """With phi = g s^2 / 2 and g = 1e-5, GLFT's bid at no inventory is the oracle's .69247617."""
    averse = replace(stoikov(1e-5), volatility=(2 * 0.2 / 1e-5) ** 0.5)

    assert asymptotic(averse, 30).bid(0) == pytest.approx(0.69247617, abs=6e-9)
    assert distances(ORACLE, 30, 1.0).bid(0) == pytest.approx(0.69247833, abs=6e-9)


def test_endless_is_the_session_far_from_its_end() -> None:
    """The closing penalty no longer matters; without a penalty only the cap leans, as in GLFT at g = 0."""
    far = distances(replace(ORACLE, closing_penalty=0.1), 20, 1e4)

    assert endless(ORACLE, 20).bids[:-1] == pytest.approx(far.bids[:-1], abs=1e-12)
    free = endless(replace(ORACLE, holding_penalty=0.0), 20)
    assert free.bids[:-1] == pytest.approx(asymptotic(stoikov(0.0), 20).bids[:-1], abs=1e-15)


def test_a_fee_a_lot_and_a_drift_act_as_in_glft() -> None:
    """The fee shifts the problem, lots scale the penalties, a drift is held for."""
    plain = endless(replace(ORACLE, arrival_rate=140 * 2.718281828459045**-0.3), 10)
    with_fee = endless(replace(ORACLE, fee=0.2), 10)
    small = endless(replace(ORACLE, holding_penalty=2.0, lot=0.1, drift=0.3), 10)
    whole = endless(replace(ORACLE, drift=0.3), 10)

    assert with_fee.bids[:-1] == pytest.approx([(bid or 0) + 0.2 for bid in plain.bids[:-1]], abs=1e-13)
    assert small.bids == whole.bids
    assert small.ce == pytest.approx(whole.ce / 10)
    assert (whole.bid(0) or 0) < (endless(ORACLE, 10).bid(0) or 0)


def test_a_closing_penalty_sells_what_is_held_before_the_end() -> None:
    """The nearer the end, the lower a holder asks and bids."""
    closing = replace(ORACLE, closing_penalty=0.1)
    asks = [distances(closing, 10, horizon_s).ask(3) or 0.0 for horizon_s in (0.0, 0.01, 0.1, 1.0)]

    assert all(nearer < farther for nearer, farther in pairwise(asks))


aims = st.builds(
    Aims,
    arrival_rate=positive,
    decay=positive,
    holding_penalty=st.just(0.0) | positive,
    closing_penalty=st.just(0.0) | positive,
    lot=positive,
    fee=st.just(0.0) | real,
    drift=st.just(0.0) | real,
)


@given(aims, st.integers(0, 4), st.floats(min_value=0, allow_infinity=False))
def test_every_aim_has_tables_or_a_named_refusal(given_aims: Aims, cap: int, horizon_s: float) -> None:
    """No other exception, no infinity, no number that is none."""
    with suppress(OutOfRange):
        table = distances(given_aims, cap, horizon_s)
        assert all(isfinite(bid) for bid in (*table.bids[:-1], table.ce) if bid is not None)
    with suppress(OutOfRange):
        table = endless(given_aims, cap)
        assert all(isfinite(bid) for bid in (*table.bids[:-1], table.ce) if bid is not None)


some_aims = st.builds(
    Aims,
    arrival_rate=st.floats(0.1, 100),
    decay=st.floats(0.1, 5),
    holding_penalty=st.floats(0, 2),
    closing_penalty=st.floats(0, 0.5),
    drift=st.floats(-0.2, 0.2),
)


@given(some_aims, st.floats(0, 10))
def test_the_sides_mirror_each_other(given_aims: Aims, horizon_s: float) -> None:
    """A bid at q is an ask at -q with the drift reversed, to the last bit."""
    reversed_one = distances(replace(given_aims, drift=-given_aims.drift), 6, horizon_s)

    assert distances(given_aims, 6, horizon_s) == reversed_one.mirrored()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("arrival_rate", 0.0, "arrival_rate was 0.0, expected more than 0"),
        ("decay", float("nan"), "decay was nan, expected a finite number"),
        ("holding_penalty", -1.0, "holding_penalty was -1.0, expected at least 0"),
        ("closing_penalty", -1.0, "closing_penalty was -1.0, expected at least 0"),
        ("lot", -1.0, "lot was -1.0, expected more than 0"),
        ("fee", float("inf"), "fee was inf, expected a finite number"),
        ("drift", float("nan"), "drift was nan, expected a finite number"),
    ],
)
def test_aims_outside_their_domain_are_refused_by_name(name: str, value: float, message: str) -> None:
    """The field and what was expected of it."""
    with pytest.raises(ValueError, match=message):
        replace(ORACLE, **{name: value})


def test_values_that_no_float_holds_are_refused() -> None:
    """Hardly a fill, a price on what is left, and a mid that runs away from it: all values are too small."""
    stuck = Aims(
        arrival_rate=1e-297, decay=1.0, holding_penalty=0.0, closing_penalty=2.0, lot=24.0, drift=72.0
    )

    with pytest.raises(OutOfRange, match=r"was 0\.0, expected more: lower the cap"):
        distances(stuck, 4, 279.0)


@pytest.mark.parametrize("fee", [1e3, -1e3])
def test_a_fee_that_leaves_no_rate_is_refused(fee: float) -> None:
    """No fills, or more than a float holds."""
    with pytest.raises(OutOfRange, match="the model's matrix was"):
        endless(replace(ORACLE, fee=fee), 3)
