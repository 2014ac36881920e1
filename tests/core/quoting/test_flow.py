"""What a model is told of the market: given, measured, or waited for."""

from math import inf, nan

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mm.domain.view import Reading, View
from mm.errors import ConfigError
from mm.quoting.flow import DiffusionParams, Flow, FlowParams, FlowReader, VolatilityReader, stepped
from mm.signals.intensity import IntensitySpec
from mm.signals.volatility import VolatilitySpec
from tests.builders.views import SECOND_NS, a_view


def flow_params(**changes: float) -> FlowParams:
    """Parameters through the door that the config uses."""
    return TypeAdapter(FlowParams).validate_python({"order_amount_base": 1} | changes)


def diffusion_params(**changes: float) -> DiffusionParams:
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
