"""Pure market making over all parameters and markets: a naive reference, and what always holds."""

from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.domain.view import View
from mm.strategies.pure_market_making import PureMarketMaking
from tests.builders.views import an_instrument, ladder_faults, mirrored, mirrored_quotes, views

Params = PureMarketMaking.Params


def hundredths(low: int, high: int) -> st.SearchStrategy[Decimal]:
    """Decimals with two places, bounds in hundredths."""
    return st.integers(low, high).map(lambda value: Decimal(value) / 100)


@st.composite
def all_params(draw: st.DrawFn, *, bounded: bool = True) -> Params:
    """Any parameters that are accepted; `bounded`: with price bounds and minimum spread as well."""
    bid, ask = draw(hundredths(1, 20_000)), draw(hundredths(1, 20_000))
    levels = draw(st.integers(1, 6))
    refresh_ms = draw(st.integers(0, 60_000))
    bound = draw(st.none() | st.integers(1, 10**7))
    return Params(
        bid_spread_bps=bid,
        ask_spread_bps=ask,
        order_amount_base=Decimal(draw(st.integers(6_000, 500_000))) / 10**6,
        order_refresh_time_ms=refresh_ms,
        order_levels=levels,
        order_level_spread_bps=draw(hundredths(1, 10_000)),
        order_level_amount_base=Decimal(draw(st.integers(-1_000, 50_000))) / 10**6,
        order_refresh_tolerance_bps=draw(st.none() | hundredths(0, 5_000)),
        max_order_age_ms=draw(st.none() | st.integers(max(1, refresh_ms), 10**7)),
        filled_order_delay_ms=draw(st.none() | st.integers(1, 100_000)),
        minimum_spread_bps=draw(st.none() | hundredths(0, int(100 * min(bid, ask)))),
        price_ceiling_quote=Decimal(bound) / 100 + 1 if bounded and bound else None,
        price_floor_quote=Decimal(bound) / 100 if bounded and bound and draw(st.booleans()) else None,
        add_transaction_costs=draw(st.booleans()),
        inventory_skew_enabled=draw(st.booleans()),
        inventory_range_multiplier=draw(hundredths(1, 100_000)),
        inventory_price_skew_bps=draw(st.none() | hundredths(0, 10_000)),
    )


instruments = st.builds(
    an_instrument,
    tick=st.sampled_from(("0.01", "0.5", "0.00001")),
    lot=st.sampled_from(("0.0001", "0.001", "0.00037")),
    size_min_lots=st.sampled_from((1, 2)),
    size_max_lots=st.sampled_from((10**9, 5_600)),
    maker_fee_ratio=st.sampled_from(("0", "0.001", "-0.0001")),
)
cases = st.tuples(all_params(), instruments).flatmap(lambda case: st.tuples(st.just(case[0]), views(case[1])))


def rows(quotes: tuple[Quote, ...]) -> list[tuple[int, int, int]]:
    """Level, price and size of each quote."""
    return [(quote.level, quote.price_ticks, quote.size_lots) for quote in quotes]


def naive_side(params: Params, view: View[None], *, side: Side) -> list[tuple[int, int, int]]:
    """Level, price and size by the sentences of the documentation, in exact fractions, one at a time."""
    instrument, bids = view.instrument, side is Side.BUY
    one = Fraction(instrument.lot_atoms, 10**instrument.base_scale)
    amounts = [
        floor(Fraction(params.order_amount_base + i * params.order_level_amount_base) / one)
        for i in range(params.order_levels)
    ]
    mid = Fraction(view.mid_half_ticks, 2)
    factor = Fraction(1)
    if params.inventory_skew_enabled:
        width = max(1, floor(2 * sum(amounts) * Fraction(params.inventory_range_multiplier)))
        width = min(width, view.inventory_max_lots)
        factor = min(Fraction(2), max(Fraction(0), 1 - Fraction(view.inventory_lots, width)))
        factor = factor if bids else 2 - factor
    leaning = min(Fraction(1), max(Fraction(-1), Fraction(view.inventory_lots, view.inventory_max_lots)))
    lean = leaning * Fraction(params.inventory_price_skew_bps or 0) / 10_000
    fee = Fraction(max(0, instrument.maker_fee_ppm), 10**6) if params.add_transaction_costs else Fraction(0)
    spread = Fraction(params.bid_spread_bps if bids else params.ask_spread_bps) / 10_000
    least = Fraction(params.minimum_spread_bps) / 10_000 if params.minimum_spread_bps is not None else None
    fill = view.last_buy if bids else view.last_sell
    waits = (
        params.filled_order_delay_ms is not None
        and fill is not None
        and view.ts_ns - fill.ts_ns < params.filled_order_delay_ms * 10**6
    )
    found: list[tuple[int, int, int]] = []
    previous = 0
    for level, amount in enumerate(amounts):
        distance = spread + level * Fraction(params.order_level_spread_bps or 0) / 10_000 + fee
        if bids:
            price = floor(mid * (1 - distance - lean))
            price = min(price, view.asks[0].price_ticks - 1)
            price = price if least is None else min(price, floor(mid * (1 - least)))
            price = min(price, previous - 1) if previous else price
        else:
            price = ceil(mid * (1 + distance - lean))
            price = max(price, view.bids[0].price_ticks + 1)
            price = price if least is None else max(price, ceil(mid * (1 + least)))
            price = max(price, previous + 1) if previous else price
        previous = price
        if not instrument.price_min_ticks <= price <= instrument.price_max_ticks:
            break
        size = floor(amount * factor)
        if size < instrument.size_min_lots:
            continue
        if waits:
            size = min([size, *(own.size_lots for own in view.own if (own.side, own.level) == (side, level))])
            if all((own.side, own.level) != (side, level) for own in view.own):
                continue
        found.append((level, price, min(size, instrument.size_max_lots)))
    return found


@settings(max_examples=200)
@given(cases)
def test_prices_and_sizes_are_those_of_the_naive_reference(case: tuple[Params, View[None]]) -> None:
    """The integers of the strategy equal exact fractions, level by level."""
    params, view = case
    mid = Fraction(view.mid_half_ticks * view.instrument.tick_atoms, 2 * 10**view.instrument.quote_scale)

    quotes = PureMarketMaking(params, view.instrument).quotes(view)

    above = params.price_ceiling_quote is not None and mid >= Fraction(params.price_ceiling_quote)
    below = params.price_floor_quote is not None and mid <= Fraction(params.price_floor_quote)
    assert rows(quotes.bids) == ([] if above else naive_side(params, view, side=Side.BUY))
    assert rows(quotes.asks) == ([] if below and not above else naive_side(params, view, side=Side.SELL))


@settings(max_examples=200)
@given(cases)
def test_every_ladder_may_be_sent(case: tuple[Params, View[None]]) -> None:
    """Never crossed, sizes positive, levels unique, prices monotone, one side empty beyond a bound."""
    params, view = case
    strategy = PureMarketMaking(params, view.instrument)

    quotes = strategy.quotes(view)

    assert ladder_faults(quotes, view) == []
    assert quotes == strategy.quotes(view)
    assert quotes == PureMarketMaking(params, view.instrument).quotes(view)
    assert {quote.age_ns_max for quote in quotes.bids} <= {(params.max_order_age_ms or 0) * 10**6}
    assert {quote.life_ns_min for quote in quotes.asks} <= {params.order_refresh_time_ms * 10**6, 0}


@given(all_params(bounded=False), st.data())
def test_the_sides_mirror_each_other(params: Params, data: st.DataObject) -> None:
    """With prices, inventory and parameters mirrored the quotes are mirrored: no side is preferred."""
    instrument = an_instrument()
    view = data.draw(views(instrument))
    mid = view.mid_half_ticks
    # Mirrored prices may be below zero, so that the venue's bounds must not bite.
    free = msgspec.structs.replace(instrument, price_min_ticks=-(10**12), price_max_ticks=10**12)
    swapped = msgspec.structs.replace(view, instrument=free)
    turned = Params(
        **{name: getattr(params, name) for name in Params.__slots__}
        | {"bid_spread_bps": params.ask_spread_bps, "ask_spread_bps": params.bid_spread_bps}
    )

    quotes = PureMarketMaking(params, free).quotes(swapped)
    reflected = PureMarketMaking(turned, free).quotes(mirrored(swapped))

    assert (reflected.bids, reflected.asks) == (
        mirrored_quotes(quotes, mid).bids,
        mirrored_quotes(quotes, mid).asks,
    )


@given(all_params(bounded=False), st.data())
def test_more_inventory_never_buys_more_nor_higher(params: Params, data: st.DataObject) -> None:
    """Skew is monotone: sizes and prices only fall with the inventory on the bid, sizes rise on the ask."""
    view = data.draw(views(an_instrument()))
    more = msgspec.structs.replace(
        view, inventory_lots=view.inventory_lots + data.draw(st.integers(0, 1_000))
    )
    strategy = PureMarketMaking(params, view.instrument)

    before, after = strategy.quotes(view), strategy.quotes(more)

    assert sum(quote.size_lots for quote in after.bids) <= sum(quote.size_lots for quote in before.bids)
    for lower, upper in ((after.bids, before.bids), (after.asks, before.asks)):
        prices = {quote.level: quote.price_ticks for quote in upper}
        assert all(quote.price_ticks <= prices.get(quote.level, quote.price_ticks) for quote in lower)
    sizes = {quote.level: quote.size_lots for quote in before.asks}
    assert all(quote.size_lots >= sizes.get(quote.level, 0) for quote in after.asks)
