"""Every strategy with a model of fills, over all parameters: what always holds of quotes that lean.

Finds its subjects by itself: those whose parameters are the models' own. That what they send may be sent is
checked for every strategy in `test_conformance`.
"""

import typing

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mm.domain.quotes import Quotes
from mm.domain.view import Reading, View
from mm.quoting.flow import FlowParams
from mm.signals.volatility import VolatilitySpec
from mm.strategies.base import Strategy
from tests.builders.any_params import NAMES, any_strategy, strategy_class
from tests.builders.views import NOW_NS, an_instrument, mirrored, mirrored_quotes, views

MODELS = [name for name in NAMES if issubclass(strategy_class(name).Params, FlowParams)]

ONE_SIDED = ("drift_bps_per_s", "funding_ratio", "price_ceiling_quote", "price_floor_quote")
"""What tells up from down."""

UNBOUNDED = msgspec.structs.replace(
    an_instrument(lot="0.00001"), price_min_ticks=-(10**30), price_max_ticks=10**30
)

numbers = st.tuples(
    st.floats(0, 1e6) | st.floats(0, 1e14) | st.floats(),
    st.floats(0.01, 10) | st.floats(),
    st.floats(0.01, 100) | st.floats(),
    st.floats(0, 10),
)
"""Variance, decay and rate of fills, adverse selection: as measured."""

ends = st.just(0) | st.integers(NOW_NS - 10**9, NOW_NS + 10**11)
"""What is remembered: the end of a session."""


def looking(strategy: Strategy[int], view: View[None], found: tuple[float, ...], end_ns: int) -> View[int]:
    """The view with what the strategy asks for, ready."""
    variance, decay, rate, adverse = found
    told = []
    for spec in strategy.needs:
        if isinstance(spec, VolatilitySpec):
            told.append(Reading(variance, True))
        elif type(spec).__name__ == "IntensitySpec":
            told.append(Reading(decay, True, "", (rate, 0.05, 200.0)))
        else:
            told.append(Reading(adverse, True))
    return msgspec.structs.replace(typing.cast("View[int]", view), readings=tuple(told), memory=end_ns)


def test_there_are_models() -> None:
    """The listing finds those that the issue asks for."""
    assert {"avellaneda_stoikov", "cartea_jaimungal", "glft"} <= set(MODELS)


@pytest.mark.parametrize("name", MODELS)
@given(view=views(UNBOUNDED), found=numbers, end_ns=ends, data=st.data())
def test_the_sides_mirror_each_other(
    name: str, view: View[None], found: tuple[float, ...], end_ns: int, data: st.DataObject
) -> None:
    """With prices and inventory mirrored the quotes are mirrored, to the tick."""
    strategy = data.draw(any_strategy(strategy_class(name), UNBOUNDED, without=ONE_SIDED))
    assume(getattr(strategy.params, "horizon", "") != "infinite")  # type: ignore[attr-defined]  # of the class

    quotes = strategy.quotes(looking(strategy, view, found, end_ns))
    reflected = strategy.quotes(looking(strategy, mirrored(view), found, end_ns))

    expected = mirrored_quotes(typing.cast("Quotes[None]", quotes), view.mid_half_ticks)
    assert (reflected.bids, reflected.asks) == (expected.bids, expected.asks)


@pytest.mark.parametrize("name", MODELS)
@given(view=views(UNBOUNDED), found=numbers, more=st.integers(0, 10_000), data=st.data())
def test_more_inventory_never_quotes_higher(
    name: str, view: View[None], found: tuple[float, ...], more: int, data: st.DataObject
) -> None:
    """The first level's price falls on both sides; those behind it also follow the width."""
    strategy = data.draw(
        any_strategy(strategy_class(name), UNBOUNDED, without=("order_amount_shape_factor",))
    )
    fuller = msgspec.structs.replace(view, inventory_lots=view.inventory_lots + more)

    before, after = (strategy.quotes(looking(strategy, one, found, 0)) for one in (view, fuller))

    for lower, upper in ((after.bids, before.bids), (after.asks, before.asks)):
        first = zip(lower[:1], upper[:1], strict=False)
        assert all(low.price_ticks <= high.price_ticks for low, high in first)
