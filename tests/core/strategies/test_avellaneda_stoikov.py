"""Avellaneda and Stoikov: the paper's quotes at each horizon, by vectors, and over all parameters."""

from decimal import Decimal
from math import exp, log
from typing import cast

import msgspec
import pytest

from mm.domain.view import Reading, View
from mm.errors import ConfigError
from mm.quoting.session import NOT_STARTED
from mm.signals.intensity import IntensitySpec
from mm.signals.markout import MarkoutSpec
from mm.signals.volatility import VolatilitySpec
from mm.strategies.avellaneda_stoikov import AvellanedaStoikov, Horizon
from mm.strategies.base import Wake, votes_of
from mm.strategies.glft import Glft, Method
from tests.builders.asked import asked, distances_bps, fine
from tests.builders.views import (
    NOW_NS,
    SECOND_NS,
    an_instrument,
)

Params = AvellanedaStoikov.Params
Value = Decimal | int | float | bool | str | None


def some_params(**changes: Value) -> Params:
    """The market of the paper's tables in basis points, orders of 100 lots, one second to trade."""
    values: dict[str, Value] = {
        "risk_factor": 0.1,
        "order_amount_base": Decimal("0.01"),
        "fill_decay_per_bps": 1.5,
        "volatility_bps_per_sqrt_s": 2.0,
        "horizon": Horizon.SESSION,
        "session_length_ms": 1_000,
    }
    return Params(**(values | changes))  # type: ignore[arg-type]  # the values are of mixed types


def frozen(**changes: Value) -> Params:
    """The same without an end."""
    endless: dict[str, Value] = {"horizon": Horizon.FROZEN, "session_length_ms": None}
    return some_params(**(endless | changes))


def started(params: Params) -> AvellanedaStoikov:
    """The strategy on a market without fee."""
    return AvellanedaStoikov(params, an_instrument())


def best(params: Params, view: View[None], memory: int = NOT_STARTED) -> tuple[float | None, float | None]:
    """Distances of the first bid and ask in bps, in the market of `fine`."""
    return distances_bps(asked(AvellanedaStoikov(params, view.instrument), view, memory))


# The paper's quotes.


@pytest.mark.parametrize(
    ("risk_factor", "held", "left_ms", "bid", "ask"),
    [
        (0.1, 0, 1_000, 0.8453852114, 0.8453852114),
        (0.1, 5, 1_000, 2.8453852114, -1.1546147886),
        (0.1, -3, 250, 0.3953852114, 0.9953852114),
        (0.01, 5, 500, 0.7744542719, 0.5744542719),
        (1.0, 1, 1_000, 6.5108256238, -1.4891743762),
    ],
)
def test_quotes_are_those_of_the_vectors(
    risk_factor: float, held: int, left_ms: int, bid: float, ask: float
) -> None:
    """(29) and (30): aversion, orders held and time left to both distances; a frozen horizon is the same."""
    session = some_params(risk_factor=risk_factor, session_length_ms=left_ms)
    still = frozen(risk_factor=risk_factor, frozen_horizon_ms=left_ms)

    assert best(session, fine(100 * held)) == pytest.approx((bid, ask), abs=6e-6)
    assert best(still, fine(100 * held)) == best(session, fine(100 * held))


def test_as_the_session_ends_the_lean_goes() -> None:
    """A minute into it what is left counts; at its end both quotes are c0, and only flat is sought."""
    params = some_params(session_length_ms=2_000)
    view, end_ns = fine(200), NOW_NS + 2 * SECOND_NS
    half = msgspec.structs.replace(view, ts_ns=NOW_NS + SECOND_NS)
    over = msgspec.structs.replace(view, ts_ns=end_ns)

    assert best(params, view)[0] == pytest.approx(0.6453852114 + 0.4 + 1.6, abs=6e-6)
    assert best(params, half, end_ns)[0] == pytest.approx(0.6453852114 + 0.2 + 0.8, abs=6e-6)
    after = asked(started(params), over, end_ns)
    assert after.bids == ()
    assert distances_bps(after)[1] == pytest.approx(0.6453852114, abs=6e-6)
    assert after.reason == "only sells: session over"


def test_the_derived_horizon_gives_the_quotes_of_the_closed_form() -> None:
    """The one time left at which this model and the closed form of GLFT agree, fee included."""
    instrument = an_instrument(maker_fee_ratio="0.00003")
    same = Glft.Params(
        risk_factor=0.1,
        order_amount_base=Decimal("0.01"),
        fill_decay_per_bps=1.5,
        arrival_rate_per_s=140.0,
        volatility_bps_per_sqrt_s=2.0,
        method=Method.CLOSED_FORM,
    )
    for lots in (-400, 0, 150):
        view = fine(lots, instrument=instrument)
        expected = distances_bps(asked(Glft(same, instrument), view))
        assert best(frozen(arrival_rate_per_s=140.0), view) == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("changes", [{"risk_factor": 0.0}, {"volatility_bps_per_sqrt_s": 0.0}])
def test_without_risk_all_horizons_are_alike(changes: dict[str, Value]) -> None:
    """Both quotes are c0 away, whatever is held."""
    bid, ask = best(frozen(arrival_rate_per_s=140.0, **changes), fine(700))

    assert bid == ask


@pytest.mark.parametrize(
    ("held", "left_ms", "bid", "ask"),
    [(0, 1_000, 2.35, 2.35), (3, 1_000, 2.95, 1.75), (-2, 500, 2.1, 2.5)],
)
def test_on_a_straight_line_of_fills_the_quotes_are_ho_and_stolls(
    held: int, left_ms: int, bid: float, ask: float
) -> None:
    """(reach + fee + g s^2 t / 2 +- q g s^2 t) / 2 on each side, by hand; no decay of fills is asked for."""
    changes = {"fill_decay_per_bps": None, "linear_demand_reach_bps": 4.2}
    params = some_params(session_length_ms=1_000, **changes)
    instrument = an_instrument(maker_fee_ratio="0.00003")
    view = msgspec.structs.replace(
        fine(100 * held, instrument=instrument), ts_ns=NOW_NS - left_ms * SECOND_NS // 1_000
    )

    assert AvellanedaStoikov(params, instrument).needs == ()
    assert best(params, view, NOW_NS) == pytest.approx((bid, ask), abs=6e-6)


def test_on_a_straight_line_orders_stay_as_long_as_their_worth_is_like_that_of_an_exponential() -> None:
    """The exponential whose worth falls off alike about its best has the decay root 8 over the reach."""
    line = some_params(fill_decay_per_bps=None, linear_demand_reach_bps=4.0, risk_factor=0.0)
    like = some_params(fill_decay_per_bps=8**0.5 / 4.0, risk_factor=0.0)

    assert asked(started(line), fine()).bids[0].tolerance_ticks == (
        asked(started(like), fine()).bids[0].tolerance_ticks
    )


@pytest.mark.parametrize(
    ("held", "bid", "ask"),
    [
        (0, 0.0829880281, 0.0823049914),
        (5, 1.2169693498, -0.9844007281),
        (-5, -0.8961215869, 1.0848064299),
        (9, 6.4435701639, -5.5338523818),
    ],
)
def test_the_infinite_horizon_is_the_papers(held: int, bid: float, ask: float) -> None:
    """Reservation prices for a limit of 10 orders; the volatility is not asked for."""
    params = frozen(horizon=Horizon.INFINITE, volatility_bps_per_sqrt_s=None)
    own = log(1 + 0.1 / 1.5) / 0.1

    assert started(params).needs == ()
    assert best(params, fine(100 * held, 1_000)) == pytest.approx((own + bid, own + ask), abs=6e-6)


def test_a_limit_below_an_order_makes_it_the_unit() -> None:
    """A limit of 50 lots and orders of 100 are orders of 50 with half the aversion per order."""
    halved = some_params(order_amount_base=Decimal("0.005"), risk_factor=0.05)

    assert best(some_params(), fine(25, 50)) == best(halved, fine(25, 50))


# Levels, sizes, bounds.


def test_levels_are_shares_of_the_models_half_width() -> None:
    """Half the width is 0.8454 bps; every level is half of that farther out."""
    quotes = asked(started(some_params(order_levels=3, level_distances_ratio=0.5)), fine())

    places = [(10**9 - quote.price_ticks) / 1e5 for quote in quotes.bids]
    assert places == pytest.approx([0.8453852, 1.2680778, 1.6907704], abs=2e-5)


@pytest.mark.parametrize(("lots", "bid", "ask"), [(0, 100, 100), (1_500, 60, 100), (-3_000, 100, 0)])
def test_the_shape_factor_shrinks_what_adds_to_the_inventory(lots: int, bid: int, ask: int) -> None:
    """exp(-factor) at the limit, exp(-factor / 2) halfway."""
    quotes = asked(started(some_params(order_amount_shape_factor=1.0, risk_factor=0.001)), fine(lots))

    assert [quote.size_lots for quote in quotes.bids] == ([bid] if lots > -3_000 else [100])
    assert [quote.size_lots for quote in quotes.asks] == ([ask] if ask else [])
    assert int(100 * exp(-0.5)) == 60


def test_the_greatest_width_bounds_a_session_far_from_its_end() -> None:
    """What would be 240 bps wide is 8; the lean stays."""
    bid, ask = best(some_params(session_length_ms=600_000, max_spread_bps=Decimal(8)), fine())

    assert (bid, ask) == (4.0, 4.0)


def test_what_the_aversion_means_in_basis_points_is_told() -> None:
    """By whoever asks why: the lean per order held, the width, the time left; nothing while it waits."""
    session = started(some_params())
    endless = started(frozen(horizon=Horizon.INFINITE))
    waiting = started(some_params(fill_decay_per_bps=None))
    view = msgspec.structs.replace(
        fine(), readings=(Reading(0.0, False, "market orders"),), memory=NOT_STARTED
    )

    assert votes_of(session, view) == (
        ("lean", "0.4 bps per order amount held"),
        ("width", "1.691 bps before the guards"),
        ("time left", "1 s"),
    )
    assert votes_of(endless, view)[2] == ("time left", "none")
    assert votes_of(waiting, view) == ()


# What is measured, and what cannot be.


def test_it_asks_for_what_it_needs() -> None:
    """The rate of fills only where the horizon follows from it."""
    unknown: dict[str, Value] = {"fill_decay_per_bps": None, "volatility_bps_per_sqrt_s": None}
    own: dict[str, Value] = {"adverse_selection_measured": True, "adverse_selection_bps": Decimal(0)}

    assert started(some_params(**unknown, **own)).needs == (
        VolatilitySpec(),
        IntensitySpec(near_ppm=50, step_ppm=10),
        MarkoutSpec(),
    )
    assert started(some_params()).needs == ()
    assert started(frozen()).needs == (IntensitySpec(near_ppm=50, step_ppm=10),)
    assert started(frozen(frozen_horizon_ms=500)).needs == ()
    assert started(frozen()).wake == Wake()
    assert started(frozen()).initial_memory() == NOT_STARTED


@pytest.mark.parametrize(
    ("readings", "reason"),
    [
        ((Reading(1.0, False, "7 of 20 samples"), Reading(1.5, True)), "waits for 7 of 20 samples"),
        (
            (Reading(1.0, False, "7 of 20 samples"), Reading(1.0, False, "3 of 100 orders")),
            "waits for 3 of 100 orders, 7 of 20 samples",
        ),
        (
            (Reading(-1.0, True), Reading(1.0, False, "3 of 100 orders")),
            "waits for 3 of 100 orders, a variance of at least 0: it was -1",
        ),
        ((Reading(1.6e11, True), Reading(1.0, False, "3 of 100 orders")), "waits for 3 of 100 orders"),
        (
            (Reading(1e16, True), Reading(1.5, True)),
            "waits for less risk: risk_factor 0.1 leans quotes by 25",
        ),
    ],
)
def test_what_is_not_known_or_too_wild_is_waited_for(readings: tuple[Reading, ...], reason: str) -> None:
    """A session does not begin with it."""
    params = some_params(fill_decay_per_bps=None, volatility_bps_per_sqrt_s=None)

    quotes = asked(started(params), msgspec.structs.replace(fine(), readings=readings))

    assert quotes.bids == quotes.asks == ()
    assert cast("object", quotes.memory) == NOT_STARTED
    assert quotes.reason.startswith(reason)


def test_numbers_that_no_float_holds_are_waited_for() -> None:
    """A horizon derived from next to no fills."""
    view = msgspec.structs.replace(fine(), readings=(Reading(1e4, True, "", (5e-324,)),))
    params = frozen(fill_decay_per_bps=None, risk_factor=100.0)

    quotes = asked(AvellanedaStoikov(params, an_instrument(maker_fee_ratio="0.01")), view)

    assert quotes.reason.startswith("waits for quotes that can be computed: the rate of fills")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"session_length_ms": None}, "horizon was session, expected session with session_length_ms or"),
        ({"horizon": Horizon.FROZEN}, "horizon was frozen, expected session with session_length_ms or"),
        ({"frozen_horizon_ms": 5}, "frozen_horizon_ms is set, but horizon is session"),
        (
            {"horizon": Horizon.INFINITE, "session_length_ms": None, "risk_factor": 0.0},
            "risk_factor was 0, expected more with the infinite horizon",
        ),
        (
            {"horizon": Horizon.FROZEN, "session_length_ms": None, "linear_demand_reach_bps": 4.0},
            "linear_demand_reach_bps is set, but horizon is frozen without frozen_horizon_ms",
        ),
        (
            {"horizon": Horizon.INFINITE, "session_length_ms": None, "linear_demand_reach_bps": 4.0},
            "linear_demand_reach_bps is set, but horizon is infinite: its quotes follow from an exponential",
        ),
        (
            {"level_distances_ratio": 0.5, "order_level_spread_bps": Decimal(5)},
            "level_distances_ratio and order_level_spread_bps are both set",
        ),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(changes: dict[str, Value], message: str) -> None:
    """The message names what to change."""
    with pytest.raises(ValueError, match=message):
        some_params(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order_amount_base": Decimal("0.00001")}, "order_amount_base was 0.00001 BTC"),
        (
            {"session_length_ms": 86_400_000},
            "risk_factor was 0.1: it leans quotes by 34560 bps per order amount held and sets them 17281 bps",
        ),
        (
            {"linear_demand_reach_bps": 4.0, "session_length_ms": 86_400_000},
            "risk_factor was 0.1: it leans quotes by 17280 bps per order amount held and sets them 8642 bps",
        ),
        ({"fill_decay_per_bps": 0.0001, "risk_factor": 0.0}, "risk_factor was 0: it leans quotes by 0 bps"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(changes: dict[str, Value], message: str) -> None:
    """Absurd distances are shown in basis points, before anything is quoted."""
    params = some_params(**changes)

    with pytest.raises(ConfigError, match=message) as caught:
        AvellanedaStoikov(params, an_instrument())

    assert caught.value.hint
