"""Widths in volatilities: both measures, both sources, the floor, and any parameters in any market."""

from math import pi, sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mm.domain.view import Reading
from mm.errors import ConfigError
from mm.signals.candles import CandlesSpec
from mm.signals.volatility import VolatilitySpec
from mm.strategies.volatility_scaled import Measure, VolatilityFrom, VolatilityScaled
from tests.builders.model_quotes import (
    INSTRUMENT,
    check,
    guard_fields,
    offsets,
    opposed,
    seen,
    told,
)
from tests.builders.views import views

DOOR = TypeAdapter(VolatilityScaled.Params)

VARIANCE = 3_600.0
"""Half ticks squared per second: 30 ticks in a second, 60 in four."""


def made(**changes: Any) -> VolatilityScaled:
    """Return a strategy whose half width is what the mid moves in four seconds."""
    fields = {"order_amount_base": "0.01", "spread_multiple": 1.0, "horizon_ms": 4_000} | changes
    return VolatilityScaled(DOOR.validate_python(fields), INSTRUMENT)


def test_the_half_width_is_what_the_mid_moves() -> None:
    """30 ticks in a second, 60 in four; twice the multiple, twice the width."""
    assert offsets(made().quotes(seen(0, VARIANCE))) == ([60.0], [60.0])
    assert offsets(made(spread_multiple=2.0).quotes(seen(0, VARIANCE))) == ([120.0], [120.0])


def test_a_range_is_the_mean_from_low_to_high() -> None:
    """A bar of four seconds is 1.596 of its deviation from low to high, on average."""
    expected = round(60 * sqrt(8 / pi))

    assert offsets(made(measure="range").quotes(seen(0, VARIANCE))) == ([expected], [expected])


def test_the_width_has_a_floor() -> None:
    """Half of min_spread_bps, whatever calm there is; without one a tick."""
    assert offsets(made(min_spread_bps="8").quotes(seen(0, 1.0))) == ([40.0], [40.0])
    assert offsets(made(min_spread_bps="8").quotes(seen(0, 0.0))) == ([40.0], [40.0])
    assert offsets(made().quotes(seen(0, 0.0))) == ([1.0], [1.0])


def test_a_market_that_stands_still_is_quoted_as_near_as_costs_allow() -> None:
    """Without volatility and without min_spread_bps: a defined quote, at what a fill costs and must earn."""
    quotes = made(margin_bps="2").quotes(seen(0, 0.0))

    assert offsets(quotes) == ([20.0], [20.0])
    assert quotes.reason == "quoting"


def test_the_lean_scales_with_the_width() -> None:
    """Half of the half width at the limit of 1000 lots."""
    strategy = made(inventory_skew_ratio=0.5)

    assert offsets(strategy.quotes(seen(500, VARIANCE))) == ([75.0], [45.0])
    assert offsets(strategy.quotes(seen(500, 4 * VARIANCE))) == ([150.0], [90.0])


def test_the_volatility_is_that_of_the_mid_or_of_bars() -> None:
    """With the parameters of the config; a third of the bars, and at least one, are waited for."""
    assert made(volatility_half_life_ms=5_000, volatility_sample_ms=500).needs == (
        VolatilitySpec(sample_ns=500_000_000, half_life_ns=5_000_000_000),
    )
    assert made(volatility_from="garman_klass", candle_ms=10_000, candles=31).needs == (
        CandlesSpec(method="garman_klass", bar_ns=10_000_000_000, bars=31, bars_min=11),
    )
    assert made(volatility_from="parkinson", candles=1).needs == (
        CandlesSpec(method="parkinson", bar_ns=60_000_000_000, bars=1, bars_min=1),
    )


def test_every_source_of_bars_is_a_method_of_theirs() -> None:
    """A name that no signal knows would be found here."""
    for source in VolatilityFrom:
        assert made(volatility_from=source).needs[0].start() is not None


def test_nothing_is_quoted_before_it_is_known() -> None:
    """It says what is waited for, whatever the value."""
    quotes = made().quotes(seen(0, Reading(VARIANCE, False, "3 of 20 volatility samples")))

    assert (quotes.bids, quotes.asks, quotes.reason) == ((), (), "waits for 3 of 20 volatility samples")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_what_is_no_variance_is_waited_for(value: float) -> None:
    """A signal gone mad moves no order."""
    quotes = made().quotes(seen(0, value))

    assert (quotes.bids, quotes.asks) == ((), ())
    assert quotes.reason == f"waits for a variance of at least 0: it was {value:g}"


def test_a_sample_longer_than_the_half_life_is_refused() -> None:
    """It would forget before it looks."""
    with pytest.raises(ValidationError, match="volatility_sample_ms was 2000, expected at most"):
        made(volatility_half_life_ms=1_000, volatility_sample_ms=2_000)


@given(st.data())
def test_any_parameters_and_any_market_give_a_ladder_or_a_reason(data: st.DataObject) -> None:
    """And with everything mirrored the mirrored one."""
    fields = data.draw(guard_fields()) | {
        "spread_multiple": data.draw(st.floats(1e-300, 1000)),
        "measure": data.draw(st.sampled_from(Measure)),
        "horizon_ms": data.draw(st.integers(100, 86_400_000)),
        "volatility_from": data.draw(st.sampled_from(VolatilityFrom)),
        "candles": data.draw(st.integers(1, 1000)),
        "inventory_skew_ratio": data.draw(st.floats(0, 10)),
    }
    try:
        strategy = VolatilityScaled(VolatilityScaled.Params(**fields), INSTRUMENT)
    except ConfigError:
        return
    view = told(strategy, data.draw(views(INSTRUMENT)), data)

    check(strategy, view, strategy, opposed(view))
