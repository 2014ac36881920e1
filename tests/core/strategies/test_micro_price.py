"""Quotes around the micro-price: by hand, and over all parameters and markets."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mm.domain.view import Reading
from mm.errors import ConfigError
from mm.signals.micro_price import MicroPriceSpec
from mm.signals.weighted_mid import WeightedMidSpec, weighted_offset
from mm.strategies.micro_price import Fair, MicroPrice
from tests.builders.model_quotes import (
    INSTRUMENT,
    bps,
    check,
    guard_fields,
    offsets,
    opposed,
    seen,
    told,
)
from tests.builders.views import views

DOOR = TypeAdapter(MicroPrice.Params)


def made(**changes: Any) -> MicroPrice:
    """Return a strategy of 10 bps, that is 50 ticks either way."""
    fields = {"order_amount_base": "0.01", "spread_bps": "10"} | changes
    return MicroPrice(DOOR.validate_python(fields), INSTRUMENT)


def test_quotes_stand_around_what_the_signal_says() -> None:
    """It says 12 half ticks more than the mid."""
    quotes = made().quotes(seen(0, 12.0))

    assert offsets(quotes) == ([44.0], [56.0])
    assert quotes.reason == "quoting"


def test_the_weighted_mid_needs_no_past() -> None:
    """The heavier side pushes: three quarters of the size are bids, a quarter of the width up."""
    strategy = made(fair="weighted")
    offset = weighted_offset(99_980, 300, 100_020, 100)

    assert strategy.needs == (WeightedMidSpec(),)
    assert offsets(strategy.quotes(seen(0, offset))) == ([40.0], [60.0])


def test_the_learnt_one_is_asked_for_with_its_parameters() -> None:
    """All that the config can say arrives; time alone asks as often as the sizes are looked at."""
    strategy = made(
        micro_price_sample_ms=100,
        micro_price_half_life_ms=60_000,
        micro_price_moves_min=20,
        imbalance_buckets=4,
        spread_buckets=3,
    )

    assert strategy.needs == (
        MicroPriceSpec(
            buckets=4, spreads=3, sample_ns=100_000_000, half_life_ns=60_000_000_000, moves_min=20
        ),
    )
    assert strategy.wake.every_ns == 100_000_000


def test_the_inventory_moves_both_quotes_against_it() -> None:
    """By 4 bps at the limit of 1000 lots, half of that at half of it."""
    strategy = made(inventory_skew_bps="4")

    assert offsets(strategy.quotes(seen(500, 0.0))) == ([70.0], [30.0])
    assert offsets(strategy.quotes(seen(-500, 0.0))) == ([30.0], [70.0])


def test_nothing_is_quoted_before_it_is_known() -> None:
    """It says what is waited for, whatever the value."""
    quotes = made().quotes(seen(0, Reading(3.0, False, "3 of 100 moves of the mid")))

    assert (quotes.bids, quotes.asks, quotes.reason) == ((), (), "waits for 3 of 100 moves of the mid")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e300])
def test_what_is_no_price_is_waited_for(value: float) -> None:
    """A signal gone mad moves no order."""
    quotes = made().quotes(seen(0, value))

    assert (quotes.bids, quotes.asks, quotes.reason) == ((), (), "waits for a fair price")


def test_more_states_than_can_be_learnt_are_refused() -> None:
    """Buckets of the imbalance times those of the width."""
    with pytest.raises(ValidationError, match="imbalance_buckets times spread_buckets was 60"):
        DOOR.validate_python(
            {"order_amount_base": "0.01", "spread_bps": 1, "imbalance_buckets": 20, "spread_buckets": 3}
        )


@given(st.data())
def test_any_parameters_and_any_market_give_a_ladder_or_a_reason(data: st.DataObject) -> None:
    """And with everything mirrored the mirrored one."""
    fields = data.draw(guard_fields()) | {
        "spread_bps": data.draw(bps),
        "inventory_skew_bps": data.draw(bps),
        "fair": data.draw(st.sampled_from(Fair)),
    }
    try:
        strategy = MicroPrice(MicroPrice.Params(**fields), INSTRUMENT)
    except ConfigError:
        return
    view = told(strategy, data.draw(views(INSTRUMENT)), data)

    check(strategy, view, strategy, opposed(view, -1))
