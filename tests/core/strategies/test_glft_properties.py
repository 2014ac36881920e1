"""GLFT over all parameters, markets and measurements: what always holds."""

from decimal import Decimal
from math import sqrt

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mm.domain.instrument import Instrument
from mm.domain.view import Reading, View
from mm.errors import ConfigError
from mm.quoting.session import NOT_STARTED
from mm.signals.intensity import IntensitySpec
from mm.signals.volatility import VolatilitySpec
from mm.strategies.glft import Glft, Method
from tests.builders.asked import asked
from tests.builders.glft_params import Params, Value
from tests.builders.views import (
    NOW_NS,
    SECOND_NS,
    an_instrument,
    ladder_faults,
    mirrored,
    mirrored_quotes,
    views,
    with_reading,
)


def hundredths(low: int, high: int) -> st.SearchStrategy[Decimal]:
    """Decimals with two places, bounds in hundredths."""
    return st.integers(low, high).map(lambda value: Decimal(value) / 100)


@st.composite
def all_params(draw: st.DrawFn, *, drifts: bool = True) -> Params:
    """Any parameters that are accepted, on the scales that matter and out to their bounds."""
    positive = st.floats(0.01, 100) | st.floats(1e-4, 1e4)
    method = draw(st.sampled_from(Method))
    changes: dict[str, Value] = {
        "method": method,
        "risk_factor": draw(st.none() | st.just(0.0) | st.floats(0, 1) | st.floats(0, 100)),
        "order_amount_base": draw(st.integers(1, 5_000).map(lambda lots: Decimal(lots) / 10_000)),
        "arrival_rate_per_s": draw(st.none() | positive | st.floats(0, 1e6, exclude_min=True)),
        "fill_decay_per_bps": draw(st.none() | positive),
        "volatility_bps_per_sqrt_s": draw(st.none() | st.floats(0, 100) | st.floats(0, 1e4)),
        "adverse_selection_bps": draw(st.none() | hundredths(0, 100) | hundredths(0, 999_999)),
        "margin_bps": draw(hundredths(0, 100)),
        "min_spread_bps": draw(st.none() | hundredths(0, 1_000)),
        "max_spread_bps": draw(st.none() | hundredths(1_000, 1_999_999)),
        "order_levels": draw(st.integers(1, 5)),
        "order_level_spread_bps": draw(st.none() | hundredths(1, 5_000)),
        "order_refresh_tolerance_bps": draw(st.none() | hundredths(0, 5_000)),
        "drift_bps_per_s": draw(st.just(0.0) | st.floats(-100, 100)) if drifts else 0.0,
        "funding_ratio": draw(st.just(0.0) | st.floats(-0.1, 0.1)) if drifts else 0.0,
        "session_length_ms": draw(st.integers(1, 31_536_000_000)) if method is Method.FINITE else None,
    }
    if changes["risk_factor"] is None:
        changes["target_inventory_deviation"] = draw(st.none() | st.floats(0, 1_000, exclude_min=True))
    try:
        return Params(**changes)  # type: ignore[arg-type]  # the values are of mixed types
    except ValueError:
        assume(False)
        raise


readings = st.tuples(
    st.floats(0, 1e6) | st.floats(0, 1e14) | st.floats(),
    st.floats(0.01, 10) | st.floats(),
    st.floats(0.01, 100) | st.floats(),
)
unbounded = msgspec.structs.replace(an_instrument(), price_min_ticks=-(10**30), price_max_ticks=10**30)


def starts(params: Params, instrument: Instrument) -> Glft:
    """The strategy, if its quotes are not absurd; the case is dropped otherwise."""
    try:
        return Glft(params, instrument)
    except ConfigError as error:
        assert error.hint  # noqa: PT017 - what is refused is refused with a word on what to do
        assume(False)
        raise


def looking(strategy: Glft, view: View[None], found: tuple[float, float, float]) -> View[None]:
    """The view with what the strategy asks for, ready."""
    variance, decay, rate = found
    known = {
        VolatilitySpec: Reading(variance, True),
        IntensitySpec: Reading(decay, True, "", (rate, 0.05, 200.0)),
    }
    return msgspec.structs.replace(view, readings=tuple(known[type(spec)] for spec in strategy.needs))


ends = st.just(NOT_STARTED) | st.integers(NOW_NS - SECOND_NS, NOW_NS + 100 * SECOND_NS)
instruments = st.sampled_from(("0", "0.001", "-0.0001")).map(lambda fee: an_instrument(maker_fee_ratio=fee))


@settings(max_examples=80)
@given(all_params(), instruments, readings, ends, st.data())
def test_every_ladder_may_be_sent(
    params: Params,
    instrument: Instrument,
    found: tuple[float, float, float],
    end_ns: int,
    data: st.DataObject,
) -> None:
    """Integers inside all bounds, or nothing and why; equal views give equal quotes."""
    strategy = starts(params, instrument)
    seen_one = looking(strategy, data.draw(views(instrument)), found)

    quotes = asked(strategy, seen_one, end_ns)

    assert ladder_faults(quotes, seen_one) == []
    assert quotes.reason
    assert quotes == asked(strategy, seen_one, end_ns) == asked(Glft(params, instrument), seen_one, end_ns)


@settings(max_examples=80)
@given(all_params(drifts=False), views(unbounded), readings, ends)
def test_the_sides_mirror_each_other(
    params: Params, view: View[None], found: tuple[float, float, float], end_ns: int
) -> None:
    """With prices and inventory mirrored the quotes are mirrored, to the tick."""
    strategy = starts(params, unbounded)
    seen_one = looking(strategy, view, found)

    quotes, reflected = asked(strategy, seen_one, end_ns), asked(strategy, mirrored(seen_one), end_ns)

    expected = mirrored_quotes(quotes, view.mid_half_ticks)
    assert (reflected.bids, reflected.asks) == (expected.bids, expected.asks)


@settings(max_examples=80)
@given(all_params(), views(unbounded), readings, st.integers(0, 10_000))
def test_more_inventory_never_quotes_higher(
    params: Params, view: View[None], found: tuple[float, float, float], more: int
) -> None:
    """The first level's price falls on both sides; those behind it also follow the width."""
    strategy = starts(params, unbounded)
    seen_one = looking(strategy, view, found)
    fuller = msgspec.structs.replace(seen_one, inventory_lots=seen_one.inventory_lots + more)

    before, after = asked(strategy, seen_one), asked(strategy, fuller)

    for lower, upper in ((after.bids, before.bids), (after.asks, before.asks)):
        assert all(
            low.price_ticks <= high.price_ticks for low, high in zip(lower[:1], upper[:1], strict=False)
        )


calm_params = st.builds(
    Params,
    method=st.sampled_from((Method.CLOSED_FORM, Method.ASYMPTOTIC)),
    risk_factor=st.just(0.0) | st.floats(0, 1),
    order_amount_base=st.integers(1, 5_000).map(lambda lots: Decimal(lots) / 10_000),
    arrival_rate_per_s=st.floats(0.01, 100),
    fill_decay_per_bps=st.floats(0.01, 10),
    min_spread_bps=st.none() | hundredths(0, 1_000),
    max_spread_bps=st.none() | hundredths(1_000, 100_000),
)


@given(calm_params, views(unbounded), st.floats(0, 1e6))
def test_a_wilder_market_never_quotes_narrower(params: Params, view: View[None], variance: float) -> None:
    """The width from bid to ask rises with the volatility, but for the rounding to ticks."""
    strategy = starts(params, unbounded)
    flat = msgspec.structs.replace(view, inventory_lots=0)

    calm_one = asked(strategy, with_reading(flat, Reading(variance, True)))
    wild_one = asked(strategy, with_reading(flat, Reading(2 * variance + sqrt(variance), True)))

    assume(wild_one.bids and wild_one.asks)
    widths = [quotes.asks[0].price_ticks - quotes.bids[0].price_ticks for quotes in (calm_one, wild_one)]
    assert widths[0] <= widths[1] + 1
