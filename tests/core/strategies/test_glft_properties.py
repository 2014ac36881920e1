"""GLFT and the volatility: what always holds of the width. All else that does: `test_model_strategies`."""

from decimal import Decimal
from math import sqrt

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from mm.domain.view import Reading, View
from mm.strategies.glft import Glft, Method
from tests.builders.asked import asked
from tests.builders.glft_params import Params
from tests.builders.views import an_instrument, views, with_reading


def hundredths(low: int, high: int) -> st.SearchStrategy[Decimal]:
    """Decimals with two places, bounds in hundredths."""
    return st.integers(low, high).map(lambda value: Decimal(value) / 100)


unbounded = msgspec.structs.replace(an_instrument(), price_min_ticks=-(10**30), price_max_ticks=10**30)
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
    strategy = Glft(params, unbounded)
    flat = msgspec.structs.replace(view, inventory_lots=0)

    calm_one = asked(strategy, with_reading(flat, Reading(variance, True)))
    wild_one = asked(strategy, with_reading(flat, Reading(2 * variance + sqrt(variance), True)))

    assume(wild_one.bids and wild_one.asks)
    widths = [quotes.asks[0].price_ticks - quotes.bids[0].price_ticks for quotes in (calm_one, wild_one)]
    assert widths[0] <= widths[1] + 1
