"""What tests of strategies on `mm.quoting` share: any parameters of the guards, what must hold of quotes."""

from decimal import Decimal
from typing import Any, TypeVar, cast

import msgspec
from hypothesis import strategies as st

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quote, Quotes
from mm.domain.view import Reading, View
from mm.quoting.params import Rounding, Spacing
from mm.strategies.base import Strategy
from tests.builders.views import a_view, an_instrument, ladder_faults, mirrored, mirrored_quotes

MID = 100_000
"""In ticks; a basis point is ten of them."""

INSTRUMENT = an_instrument()

M = TypeVar("M")

BAD_NUMBERS = (float("nan"), float("inf"), float("-inf"), -1.0, 0.0, 1e300, -1e300, 5e-324)
"""What no signal should ever say."""


def seen(inventory_lots: int = 0, *readings: Reading | float, **fields: Any) -> View[Any]:
    """Return a market at MID, two ticks wide; numbers are signals that are ready."""
    view = cast("View[Any]", a_view(bid_ticks=MID - 1, ask_ticks=MID + 1, instrument=INSTRUMENT))
    told = tuple(one if isinstance(one, Reading) else Reading(one, True) for one in readings)
    return msgspec.structs.replace(view, inventory_lots=inventory_lots, readings=told, **fields)


def offsets(quotes: Quotes[Any], mid_half_ticks: int = 2 * MID) -> tuple[list[float], list[float]]:
    """Return how far bids stand below and asks above the mid, ticks."""
    mid = mid_half_ticks / 2
    return [mid - one.price_ticks for one in quotes.bids], [one.price_ticks - mid for one in quotes.asks]


def sizes(quotes: Quotes[Any]) -> tuple[list[int], list[int]]:
    """Return the sizes of both sides, lots."""
    return [one.size_lots for one in quotes.bids], [one.size_lots for one in quotes.asks]


bps = st.integers(1, 900_000).map(lambda ppm: Decimal(ppm) / 100)
"""Any distance above 0."""

readings = st.builds(
    lambda value, ready: Reading(value, ready, "" if ready else "something"),
    st.floats(allow_nan=True) | st.sampled_from(BAD_NUMBERS) | st.floats(0, 1e4),
    st.booleans() | st.just(True),
)
"""Whatever a signal may say."""


@st.composite
def guard_fields(draw: st.DrawFn) -> dict[str, Any]:
    """Any parameters of the guards that do not contradict each other; no greatest width."""
    levels = draw(st.integers(1, 4))
    adverse = draw(st.none() | bps)
    return {
        "order_amount_base": Decimal(draw(st.integers(1, 500))) / 10_000,
        "min_spread_bps": draw(st.none() | bps),
        "adverse_selection_bps": adverse,
        "adverse_selection_measured": adverse is not None and draw(st.booleans()),
        "margin_bps": draw(st.just(Decimal(0)) | bps),
        "order_levels": levels,
        "order_level_spread_bps": draw(st.none() | bps),
        "order_level_distances": draw(st.sampled_from(Spacing)),
        "order_level_amounts": draw(st.sampled_from(Spacing)),
        "rounding": draw(st.sampled_from(Rounding)),
        "order_refresh_tolerance_bps": draw(st.none() | bps),
    }


def told(strategy: Strategy[M], view: View[None], data: st.DataObject) -> View[M]:
    """Return the view with any signals, as the strategy sees it first."""
    return msgspec.structs.replace(
        cast("View[M]", view),
        readings=tuple(data.draw(readings) for _ in strategy.needs),
        memory=strategy.initial_memory(),
    )


def check(strategy: Strategy[M], view: View[M], twin: Strategy[M], opposite: View[M]) -> Quotes[M]:
    """Check that what is quoted may be sent, says why, and is mirrored where `opposite` is quoted by `twin`.

    Memory and reasons apart: those name sides. And apart from what stands so far away that its mirror image
    would be at or below a price of nothing.
    """
    quotes = strategy.quotes(view)
    assert ladder_faults(cast("Quotes[None]", quotes), cast("View[None]", view)) == []
    assert quotes.reason
    assert quotes == strategy.quotes(view)
    other = cast("Quotes[None]", twin.quotes(opposite))
    flipped = mirrored_quotes(other, view.mid_half_ticks)
    assert _near(quotes, view.mid_half_ticks) == _near(flipped, view.mid_half_ticks)
    return quotes


def _near(quotes: Quotes[Any], mid_half_ticks: int) -> list[list[Quote]]:
    sides = (quotes.bids, quotes.asks)
    return [[one for one in side if 0 < one.price_ticks < mid_half_ticks] for side in sides]


def opposed(view: View[M], *signs: int) -> View[M]:
    """Return the mirrored view, signals of sign -1 negated."""
    flipped = cast("View[M]", mirrored(cast("View[None]", view)))
    return msgspec.structs.replace(
        flipped,
        readings=tuple(
            msgspec.structs.replace(one, value=-one.value) if sign < 0 else one
            for one, sign in zip(view.readings, (*signs, *(1,) * len(view.readings)), strict=False)
        ),
    )


def instrument_with_fee(ratio: str) -> Instrument:
    """Return BTC/USDT with that maker fee."""
    return an_instrument(maker_fee_ratio=ratio)
