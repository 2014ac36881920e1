"""What a model is told of the market: given, measured, or waited for."""

from math import inf, nan

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mm.domain.view import Reading, View
from mm.errors import ConfigError
from mm.quoting.flow import (
    DiffusionParams,
    Flow,
    FlowParams,
    FlowReader,
    MidVolatility,
    VolatilityReader,
    stepped,
    volatility_spec,
)
from mm.signals.intensity import IntensitySpec
from mm.signals.own_intensity import OwnIntensitySpec
from mm.signals.realised import SAMPLES_MAX, RealisedSpec
from mm.signals.two_scale import TwoScaleSpec
from mm.signals.volatility import VolatilitySpec
from tests.builders.views import SECOND_NS, a_view


def flow_params(**changes: float | str) -> FlowParams:
    """Parameters through the door that the config uses."""
    return TypeAdapter(FlowParams).validate_python({"order_amount_base": 1} | changes)


def diffusion_params(**changes: float | str) -> DiffusionParams:
    """Parameters through the door that the config uses."""
    return TypeAdapter(DiffusionParams).validate_python({"order_amount_base": 1} | changes)


def reader(
    params: FlowParams, *, least_bps: float = 0.0, wants_rate: bool = True, place: int = 0
) -> FlowReader:
    """A reader for a market without costs unless told otherwise."""
    return FlowReader(params, least_bps=least_bps, wants_rate=wants_rate, place=place)


def seeing(*readings: Reading) -> View[None]:
    """A mid of 10 000 (20 000 half ticks) with these signals."""
    return msgspec.structs.replace(a_view(bid_ticks=9_999, ask_ticks=10_001), readings=readings)


@given(st.floats(1e-6, 1e6), st.integers(1, 5))
def test_what_is_measured_moves_in_steps(value: float, percent: int) -> None:
    """By at most half a step; a step again is the same number."""
    found = stepped(value, percent)

    assert abs(found / value - 1) <= 0.0051 * percent
    assert stepped(found, percent) == found


def test_nothing_is_no_step() -> None:
    """0 and below stay as they are."""
    assert (stepped(0.0), stepped(-1.0)) == (0.0, -1.0)


# Fills.


def test_what_is_given_needs_no_signal() -> None:
    """Both numbers as they are, to the last digit."""
    found = reader(flow_params(arrival_rate_per_s=0.9, fill_decay_per_bps=0.3))

    assert found.needs == ()
    assert found.read(seeing()) == Flow(0.9, 0.3)


def test_what_is_not_given_is_measured() -> None:
    """Either number alone or both, in steps of a percent; parameters reach the signal."""
    both = reader(flow_params(intensity_half_life_ms=60_000, intensity_orders_min=50), place=1)
    decay = reader(flow_params(arrival_rate_per_s=0.9))
    rate = reader(flow_params(fill_decay_per_bps=0.3))
    reading = Reading(0.31, True, "", (1.7, 0.05, 200.0))

    assert both.needs == (
        IntensitySpec(near_ppm=50, step_ppm=10, half_life_ns=60 * SECOND_NS, orders_min=50),
    )
    assert both.read(seeing(reading, reading)) == Flow(stepped(1.7), stepped(0.31))
    assert decay.read(seeing(reading)) == Flow(0.9, stepped(0.31))
    assert rate.read(seeing(reading)) == Flow(stepped(1.7), 0.3)


def test_own_fills_take_over_from_public_trades_as_soon_as_they_are_enough() -> None:
    """Until then what all trades say: without quotes there are no own fills. Distances are told apart up to
    twice the far end of the band. Both numbers given ask for neither.
    """
    params = flow_params(flow_from="own", intensity_half_life_ms=60_000, intensity_orders_min=50)
    own = reader(params, place=1)
    market = Reading(0.31, True, "", (1.7, 0.05, 200.0))
    mine, none_yet = Reading(0.5, True, "", (0.4, 0.09, 60.0)), Reading(0.0, False, "own fills (3 of 50)")
    before = Reading(0.0, False, "deep enough market orders (3 of 50)")
    past = Reading(9.0, True)

    assert own.needs == (
        IntensitySpec(near_ppm=50, step_ppm=10, half_life_ns=60 * SECOND_NS, orders_min=50),
        OwnIntensitySpec(step_ppm=4, bins=100, half_life_ns=60 * SECOND_NS, fills_min=50),
    )
    assert own.read(seeing(past, market, none_yet)) == Flow(stepped(1.7), stepped(0.31))
    assert own.read(seeing(past, market, mine)) == Flow(stepped(0.4), stepped(0.5))
    assert own.read(seeing(past, before, mine)) == Flow(stepped(0.4), stepped(0.5))
    assert own.read(seeing(past, before, none_yet)) == "waits for deep enough market orders (3 of 50)"
    known = flow_params(flow_from="own", arrival_rate_per_s=0.9, fill_decay_per_bps=0.3)
    assert reader(known).needs == ()


def test_a_model_that_wants_no_rate_waits_for_none() -> None:
    """The decay alone is enough for it."""
    given_one = reader(flow_params(fill_decay_per_bps=0.3), wants_rate=False)
    measured = reader(flow_params(), wants_rate=False)

    assert (given_one.needs, given_one.read(seeing())) == ((), Flow(0.0, 0.3))
    assert measured.read(seeing(Reading(0.31, True))) == Flow(0.0, stepped(0.31))


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        (Reading(0.3, False, "37 of 100 market orders"), "waits for 37 of 100 market orders"),
        (Reading(0.0, True, "", (1.0,)), "waits for a fill decay of 0.0001 to 10000 per bps: it was 0"),
        (Reading(nan, True, "", (1.0,)), "waits for a fill decay of 0.0001 to 10000 per bps: it was nan"),
        (Reading(2e4, True, "", (1.0,)), "waits for a fill decay of 0.0001 to 10000 per bps: it was 20000"),
        (Reading(0.3, True), "waits for an arrival rate above 0 and up to 1e+06 per s: it was 0"),
        (
            Reading(0.3, True, "", (inf,)),
            "waits for an arrival rate above 0 and up to 1e+06 per s: it was inf",
        ),
        (
            Reading(0.3, True, "", (nan,)),
            "waits for an arrival rate above 0 and up to 1e+06 per s: it was nan",
        ),
    ],
)
def test_a_measurement_that_is_not_good_enough_is_waited_for(reading: Reading, said: str) -> None:
    """What is missing is named."""
    assert reader(flow_params()).read(seeing(reading)) == said


def test_flow_that_is_not_exponential_is_waited_out_only_where_that_is_asked_for() -> None:
    """The distance that a reading tells against the one that is allowed; one that tells none passes."""
    reading = Reading(0.31, True, "", (1.7, 0.05, 200.0, 0.08, 0.046), "does not thin out")
    strict = reader(flow_params(intensity_max_misfit_ratio=0.05))

    assert reader(flow_params()).read(seeing(reading)) == Flow(stepped(1.7), stepped(0.31))
    assert strict.read(seeing(reading)) == (
        "waits for market orders that thin out exponentially (distance 0.080, at most 0.05)"
    )
    assert reader(flow_params(intensity_max_misfit_ratio=0.08)).read(seeing(reading)) == Flow(
        stepped(1.7), stepped(0.31)
    )
    assert strict.read(seeing(Reading(0.31, True, "", (1.7, 0.05, 200.0)))) == Flow(
        stepped(1.7), stepped(0.31)
    )


@pytest.mark.parametrize(
    ("changes", "least_bps", "near_ppm", "step_ppm"),
    [
        ({}, 0.0, 50, 10),
        ({}, -3.0, 50, 10),
        ({}, 10.0, 500, 100),
        ({"intensity_near_bps": 2}, 10.0, 200, 120),
        ({"intensity_far_bps": 35}, 10.0, 500, 200),
        ({"intensity_near_bps": 1, "intensity_far_bps": 2.5}, 10.0, 100, 10),
        ({"intensity_near_bps": 30}, 10.0, 3_000, 0),
    ],
)
def test_fills_are_measured_around_the_least_half_width(
    changes: dict[str, float], least_bps: float, near_ppm: int, step_ppm: int
) -> None:
    """From half of it to twice, in 15 steps, unless told otherwise; it counts as 1 bps at least."""
    (spec,) = reader(flow_params(**changes), least_bps=least_bps).needs

    assert spec == IntensitySpec(near_ppm=near_ppm, step_ppm=step_ppm, steps=15)


def test_a_band_that_is_none_is_refused() -> None:
    """Both ends given, or one against what follows from the costs."""
    with pytest.raises(
        ValidationError, match="intensity_near_bps was 2, expected less than intensity_far_bps, 2"
    ):
        flow_params(intensity_near_bps=2, intensity_far_bps=2)
    with pytest.raises(
        ConfigError, match="intensity_far_bps was 4, expected more than the near end, 5"
    ) as caught:
        reader(flow_params(intensity_far_bps=4), least_bps=10.0)
    assert caught.value.hint


# Volatility.


def test_a_given_volatility_needs_no_signal() -> None:
    """Zero included."""
    reader = VolatilityReader(diffusion_params(volatility_bps_per_sqrt_s=0))

    assert (reader.needs, reader.read(seeing())) == ((), 0.0)


def test_a_measured_volatility_is_in_basis_points_of_the_mid() -> None:
    """A variance of 36 half ticks squared at a mid of 20 000 half ticks is 3 bps."""
    params = diffusion_params(volatility_half_life_ms=30_000, volatility_sample_ms=500)
    reader = VolatilityReader(params, place=1)

    assert reader.needs == (VolatilitySpec(sample_ns=SECOND_NS // 2, half_life_ns=30 * SECOND_NS),)
    assert reader.read(seeing(Reading(0.0, False), Reading(36.0, True))) == stepped(3.0)
    assert VolatilityReader(params).read(seeing(Reading(0.0, True))) == 0.0


def test_a_volatility_can_be_that_of_a_window_with_or_without_its_flicker() -> None:
    """As many samples as the half-life is worth, within what a window may hold and what an estimate takes."""
    asked = {"volatility_half_life_ms": 30_000, "volatility_sample_ms": 500}
    realised = VolatilityReader(diffusion_params(volatility_from="realised", **asked))
    scales = VolatilityReader(diffusion_params(volatility_from="two_scale", **asked))

    assert realised.needs == (RealisedSpec(sample_ns=SECOND_NS // 2, samples=173),)
    assert scales.needs == (TwoScaleSpec(sample_ns=SECOND_NS // 10, coarse=5, samples=865),)
    assert realised.read(seeing(Reading(36.0, True))) == stepped(3.0)


@pytest.mark.parametrize(("half_life_ms", "window"), [(1_000, 20), (86_400_000, SAMPLES_MAX)])
def test_a_window_is_neither_too_short_nor_too_long(half_life_ms: int, window: int) -> None:
    """At both ends of what a config may say the signals start."""
    half_life_ns = half_life_ms * 1_000_000
    for kind in MidVolatility:
        volatility_spec(kind, sample_ns=SECOND_NS, half_life_ns=half_life_ns).start()
    found = volatility_spec(MidVolatility.REALISED, sample_ns=SECOND_NS, half_life_ns=half_life_ns)

    assert found == RealisedSpec(sample_ns=SECOND_NS, samples=window)


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        (Reading(1.0, False, "7 of 20 volatility samples"), "waits for 7 of 20 volatility samples"),
        (Reading(nan, True), "waits for a variance of at least 0: it was nan"),
        (Reading(-1.0, True), "waits for a variance of at least 0: it was -1"),
        (Reading(inf, True), "waits for a volatility of up to 10000 bps: it was inf"),
    ],
)
def test_a_volatility_that_is_none_is_waited_for(reading: Reading, said: str) -> None:
    """What is missing is named."""
    assert VolatilityReader(diffusion_params()).read(seeing(reading)) == said


def test_samples_farther_apart_than_the_half_life_are_refused() -> None:
    """The message opens with the key to change."""
    with pytest.raises(ValidationError, match="volatility_sample_ms was 9000, expected at most volatility_h"):
        diffusion_params(volatility_sample_ms=9_000, volatility_half_life_ms=8_000)
