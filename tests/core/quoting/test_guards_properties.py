"""The guards over all parameters, markets and models: a naive reference, symmetry, and what always holds."""

from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quote, Quotes
from mm.domain.view import View
from mm.errors import ConfigError
from mm.quoting.guards import Guards, Ideal, Ladder
from mm.quoting.params import QuotingParams, Rounding, Spacing
from tests.builders.views import a_view, an_instrument, ladder_faults, mirrored, mirrored_quotes, views

QUARTER = Decimal("0.25")


def quarters(low: int, high: int) -> st.SearchStrategy[Decimal]:
    """Multiples of a quarter of a basis point: floats hold them and their products exactly."""
    return st.integers(4 * low, 4 * high).map(lambda value: value * QUARTER)


exact_params = st.builds(
    QuotingParams,
    order_amount_base=st.integers(1, 500).map(lambda lots: Decimal(lots) / 10_000),
    min_spread_bps=st.none() | quarters(0, 50),
    max_spread_bps=st.none() | quarters(60, 5_000),
    adverse_selection_bps=st.none() | quarters(0, 10),
    margin_bps=quarters(0, 10),
    order_levels=st.integers(1, 5),
    order_level_spread_bps=st.none() | quarters(1, 50),
    order_level_distances=st.sampled_from((Spacing.LINEAR, Spacing.GEOMETRIC, Spacing.FIBONACCI)),
    order_level_amount_base=st.integers(0, 50).map(lambda lots: Decimal(lots) / 10_000),
    rounding=st.sampled_from(Rounding),
    price_ceiling_quote=st.none() | st.integers(1, 10**7).map(lambda ticks: Decimal(ticks) / 100 + 10**5),
    price_floor_quote=st.none() | st.integers(1, 10**7).map(lambda ticks: Decimal(ticks) / 100),
)
instruments = st.builds(
    an_instrument,
    size_min_lots=st.sampled_from((1, 7)),
    maker_fee_ratio=st.sampled_from(("0", "0.0002", "0.00025", "-0.0001", "-0.002")),
)


@st.composite
def exact_views(draw: st.DrawFn, instrument: Instrument) -> View[None]:
    """Markets in which a basis point is a number of ticks that floats hold exactly."""
    mid = 2_500 * draw(st.integers(1, 8_000))
    spread = 2 * draw(st.integers(1, 20)) - (mid % 2)
    limit = draw(st.integers(1, 2_000))
    view = a_view(bid_ticks=(mid - spread) // 2, ask_ticks=(mid + spread) // 2, instrument=instrument)
    return msgspec.structs.replace(
        view, inventory_lots=draw(st.integers(-2 * limit, 2 * limit)), inventory_max_lots=limit
    )


sixty_fourths = st.integers(-64_000, 64_000).map(lambda value: value / 64)


@st.composite
def exact_cases(draw: st.DrawFn) -> tuple[QuotingParams, View[None], Ideal]:
    """Parameters, market and model without rounding errors."""
    view = draw(draw(st.just(instruments)).flatmap(exact_views))
    ideal = Ideal(view.mid_half_ticks + draw(sixty_fourths), draw(sixty_fourths), draw(sixty_fourths))
    return draw(exact_params), view, ideal


class Side:
    """One side of the reference, as quant.md section 3 has it, in fractions and by hand."""

    def __init__(self, params: QuotingParams, view: View[None], *, buys: bool) -> None:
        """Look at the market from one side."""
        self.params, self.view, self.buys = params, view, buys

    def is_off(self) -> bool:
        """Whether cap or price band forbid the side."""
        view, params = self.view, self.params
        mid = Fraction(view.mid_half_ticks * view.instrument.tick_atoms, 2 * 10**view.instrument.quote_scale)
        if self.buys:
            ceiling = params.price_ceiling_quote
            return view.inventory_lots >= view.inventory_max_lots or (
                ceiling is not None and mid >= Fraction(ceiling)
            )
        bottom = params.price_floor_quote
        return -view.inventory_lots >= view.inventory_max_lots or (
            bottom is not None and mid <= Fraction(bottom)
        )

    def rounded(self, price: Fraction) -> int:
        """The tick of a price: half a tick goes away from the market, all of it when passive."""
        if self.params.rounding is Rounding.PASSIVE:
            return floor(price) if self.buys else ceil(price)
        return ceil(price - Fraction(1, 2)) if self.buys else floor(price + Fraction(1, 2))

    def gap(self, level: int) -> Fraction:
        """Distance of a level from the first, in units of the step."""
        match self.params.order_level_distances:
            case Spacing.LINEAR:
                return Fraction(level)
            case Spacing.GEOMETRIC:
                return Fraction(2**level - 1)
            case _:
                return Fraction((0, 1, 2, 4, 7)[level])

    def ladder(self, first: Fraction, step: Fraction) -> list[tuple[int, int, int]]:
        """Level, price and size of every quote. Args: first: the wanted price of level 0."""
        view, params, instrument = self.view, self.params, self.view.instrument
        sign = -1 if self.buys else 1
        room = view.inventory_max_lots + sign * view.inventory_lots
        found: list[tuple[int, int, int]] = []
        last = 0
        for level in range(0 if self.is_off() else params.order_levels):
            price = self.rounded(first + sign * self.gap(level) * step)
            if self.buys:
                price = min(price, view.asks[0].price_ticks - 1, last - 1 if level else price)
            else:
                price = max(price, view.bids[0].price_ticks + 1, last + 1 if level else price)
            last = price
            size = floor(10_000 * (params.order_amount_base + level * params.order_level_amount_base))
            fits = min(size, room)
            if price < instrument.price_min_ticks or fits < min(size, instrument.size_min_lots):
                break
            room -= fits
            found.append((level, price, fits))
        return found


def naive(params: QuotingParams, view: View[None], ideal: Ideal) -> list[list[tuple[int, int, int]]]:
    """Bids and asks in the order of the documentation, step by step."""
    bps = Fraction(view.mid_half_ticks, 20_000)
    costs = Fraction(view.instrument.maker_fee_ppm, 100) + Fraction(params.margin_bps)
    costs += Fraction(params.adverse_selection_bps or 0)
    least = max(bps * costs, bps * Fraction(params.min_spread_bps or 0) / 2, Fraction(1, 2))
    most = bps * Fraction(20_000 if params.max_spread_bps is None else params.max_spread_bps) / 2
    fair, below, above = (
        Fraction(ideal.fair_half_ticks) / 2,
        Fraction(ideal.bid_ticks),
        Fraction(ideal.ask_ticks),
    )
    centre = fair + (above - below) / 2
    half = max(least, min(most, (above + below) / 2))
    given = params.order_level_spread_bps
    step = half if given is None else bps * Fraction(given)
    bids = Side(params, view, buys=True).ladder(centre - half, step)
    return [bids, Side(params, view, buys=False).ladder(centre + half, step)]


def rows(quotes: tuple[Quote, ...]) -> list[tuple[int, int, int]]:
    """Level, price and size of each quote."""
    return [(quote.level, quote.price_ticks, quote.size_lots) for quote in quotes]


@settings(max_examples=100)
@given(exact_cases())
def test_ladders_are_those_of_the_naive_reference(case: tuple[QuotingParams, View[None], Ideal]) -> None:
    """The integers of the guards equal exact fractions, level by level."""
    params, view, ideal = case
    sizes = [
        params.order_amount_base + i * params.order_level_amount_base for i in range(params.order_levels)
    ]
    if 10_000 * min(sizes) < view.instrument.size_min_lots:
        return

    found = Guards(params, view.instrument).ladder(view, ideal)

    assert [rows(found.bids), rows(found.asks)] == naive(params, view, ideal)


# Over everything that is accepted.

hundredths = st.integers(0, 999_999).map(lambda value: Decimal(value) / 100)
any_params = st.builds(
    QuotingParams,
    order_amount_base=st.integers(1, 5_000).map(lambda lots: Decimal(lots) / 10_000),
    min_spread_bps=st.none() | hundredths,
    adverse_selection_bps=st.none() | hundredths,
    margin_bps=hundredths,
    order_levels=st.integers(1, 50),
    order_level_spread_bps=st.none() | hundredths.map(lambda value: value + Decimal("0.01")),
    order_level_distances=st.sampled_from(Spacing),
    order_level_spread_ratio=st.floats(1, 10, exclude_min=True),
    order_level_amounts=st.sampled_from(Spacing),
    order_level_amount_base=st.integers(0, 500).map(lambda lots: Decimal(lots) / 10_000),
    order_level_amount_ratio=st.floats(1, 10, exclude_min=True),
    rounding=st.sampled_from(Rounding),
    price_ceiling_quote=st.none() | st.integers(5 * 10**6, 10**7).map(lambda ticks: Decimal(ticks) / 100),
    price_floor_quote=st.none() | st.integers(1, 10**6).map(lambda ticks: Decimal(ticks) / 100),
    order_refresh_tolerance_bps=st.none() | hundredths,
)
anything = st.floats() | st.floats(-1000, 1000)
any_instrument = st.builds(
    an_instrument,
    tick=st.sampled_from(("0.01", "0.5", "0.00001")),
    lot=st.sampled_from(("0.0001", "0.00037")),
    size_min_lots=st.sampled_from((1, 3)),
    maker_fee_ratio=st.sampled_from(("0", "0.001", "-0.0001", "-0.5")),
)
free = msgspec.structs.replace(an_instrument(), price_min_ticks=-(10**30), price_max_ticks=10**30)


def started(params: QuotingParams, instrument: Instrument) -> Guards | None:
    """The guards, or None where the parameters are refused with a hint."""
    try:
        return Guards(params, instrument)
    except ConfigError as error:
        assert error.hint  # noqa: PT017 - what is refused is refused with a word on what to do
        return None


@settings(max_examples=80)
@given(any_params, any_instrument, st.data())
def test_every_ladder_may_be_sent_whatever_a_model_says(
    params: QuotingParams, instrument: Instrument, data: st.DataObject
) -> None:
    """NaN, infinities and all: integers inside the venue's bounds, or nothing and why."""
    guards, view = started(params, instrument), data.draw(views(instrument))
    if guards is None:
        return
    ideal = Ideal(
        data.draw(st.floats() | st.just(float(view.mid_half_ticks))),
        data.draw(anything),
        data.draw(anything),
        decay_per_bps=data.draw(anything),
        bid_share=data.draw(anything),
        ask_share=data.draw(anything),
        only_reduces=data.draw(st.sampled_from(("", "over"))),
        step_ticks=data.draw(anything),
    )

    found = guards.ladder(view, ideal)

    assert ladder_faults(Quotes(*found, None), view) == []
    assert found == guards.ladder(view, ideal) == Guards(params, instrument).ladder(view, ideal)
    assert (found.reason == "quoting") == bool(found.bids and found.asks)
    room = view.inventory_max_lots
    assert not found.bids or view.inventory_lots + sum(q.size_lots for q in found.bids) <= room
    assert not found.asks or view.inventory_lots - sum(q.size_lots for q in found.asks) >= -room
    least = instrument.size_min_lots
    assert all(quote.size_lots >= least for quote in (*found.bids, *found.asks))


@settings(max_examples=80)
@given(any_params, st.data())
def test_the_sides_mirror_each_other(params: QuotingParams, data: st.DataObject) -> None:
    """With prices, inventory and distances mirrored the ladder is mirrored, to the tick."""
    guards, view = started(params, free), data.draw(views(free))
    # The band is one of prices, not of distances: it does not mirror.
    if guards is None or params.price_ceiling_quote is not None or params.price_floor_quote is not None:
        return
    offset, bid, ask = data.draw(sixty_fourths), data.draw(anything), data.draw(anything)
    buys, sells = data.draw(st.floats(0, 3)), data.draw(st.floats(0, 3))
    mid, over = view.mid_half_ticks, data.draw(st.sampled_from(("", "over")))
    ideal = Ideal(mid + offset, bid, ask, 0.3, buys, sells, over)
    turned = Ideal(mid - offset, ask, bid, 0.3, sells, buys, over)

    found, reflected = guards.ladder(view, ideal), guards.ladder(mirrored(view), turned)

    expected = mirrored_quotes(Quotes(*found, None), mid)
    assert (reflected.bids, reflected.asks) == (expected.bids, expected.asks)
    assert isinstance(reflected, Ladder)


@given(any_params, st.data(), st.floats(-1000, 1000), st.floats(-1000, 1000), st.floats(0, 500))
def test_a_wider_model_never_quotes_nearer(
    params: QuotingParams, data: st.DataObject, bid: float, ask: float, more: float
) -> None:
    """What adds to both distances alike moves no quote towards the other side."""
    guards, view = started(params, free), data.draw(views(free))
    if guards is None:
        return
    near = guards.ladder(view, Ideal(view.mid_half_ticks, bid, ask))
    wide = guards.ladder(view, Ideal(view.mid_half_ticks, bid + more, ask + more))

    for nearer, farther in zip(near.bids[:1], wide.bids[:1], strict=True):
        assert farther.price_ticks <= nearer.price_ticks
    for nearer, farther in zip(near.asks[:1], wide.asks[:1], strict=True):
        assert farther.price_ticks >= nearer.price_ticks
