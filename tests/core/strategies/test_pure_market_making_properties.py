"""Pure market making over all parameters and markets: a naive reference, and what always holds."""

import dataclasses
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mm.domain.book import Level
from mm.domain.instrument import Instrument
from mm.domain.quotes import Quote, Quotes
from mm.domain.sides import Side
from mm.domain.view import LastFill, View
from mm.quoting.about import BPS_MAX
from mm.quoting.fixed_params import OrderOverride, rungs_of
from mm.quoting.hanging import ANY_DISTANCE, Known
from mm.quoting.price_band import Anchor
from mm.quoting.reference import OWN
from mm.strategies.pure_market_making import Memory, PureMarketMaking
from tests.builders.views import NOW_NS, an_instrument, ladder_faults, mirrored, mirrored_quotes, views

Params = PureMarketMaking.Params


def hundredths(low: int, high: int) -> st.SearchStrategy[Decimal]:
    """Decimals with two places, bounds in hundredths."""
    return st.integers(low, high).map(lambda value: Decimal(value) / 100)


@st.composite
def levels_of(draw: st.DrawFn) -> dict[str, Any]:
    """Steps, lists of either kind on either side, or named orders."""
    bid, ask = draw(hundredths(1, 20_000)), draw(hundredths(1, 20_000))
    values: dict[str, Any] = {
        "bid_spread_bps": bid,
        "ask_spread_bps": ask,
        "order_amount_base": Decimal(draw(st.integers(6_000, 500_000))) / 10**6,
        "order_levels": draw(st.integers(1, 6)),
        "order_level_spread_bps": draw(hundredths(1, 10_000)),
        "order_level_amount_base": Decimal(draw(st.integers(-1_000, 50_000))) / 10**6,
    }
    amounts = st.integers(1_000, 500_000).map(lambda size: Decimal(size) / 10**6)
    if draw(st.integers(0, 5)) == 0:
        orders = st.builds(
            OrderOverride,
            side=st.sampled_from(("buy", "sell")),
            spread_bps=hundredths(1, 40_000),
            amount_base=amounts,
        )
        values["order_override"] = draw(st.dictionaries(st.sampled_from("abcdef"), orders, min_size=1))
        return values
    for side in ("bid", "ask"):
        count = draw(st.integers(0, 4))
        if count and draw(st.booleans()):
            spreads = draw(st.lists(hundredths(1, 40_000), min_size=count, max_size=count, unique=True))
            values[f"{side}_order_level_spreads_bps"] = tuple(sorted(spreads))
        if count and draw(st.booleans()):
            values[f"{side}_order_level_amounts_base"] = tuple(draw(amounts) for _ in range(count))
    return values


@st.composite
def all_params(draw: st.DrawFn, *, bounded: bool = True) -> Params:
    """Any parameters that are accepted; `bounded`: with price bounds, band and any reference."""
    levels = draw(levels_of())
    refresh_ms = draw(st.integers(0, 60_000))
    bound = draw(st.none() | st.integers(1, 10**7))
    plain = Params(**levels, order_refresh_time_ms=refresh_ms)
    nearest = min(min(rungs_of(side, plain), default=(BPS_MAX,))[0] for side in Side)
    farthest = max(max(rungs_of(side, plain), default=(0,))[0] for side in Side)
    return Params(
        **levels,
        order_refresh_time_ms=refresh_ms,
        order_refresh_tolerance_bps=draw(st.none() | hundredths(0, 5_000)),
        max_order_age_ms=draw(st.none() | st.integers(max(1, refresh_ms), 10**7)),
        filled_order_delay_ms=draw(st.none() | st.integers(1, 100_000)),
        minimum_spread_bps=draw(st.none() | hundredths(0, int(100 * nearest))),
        price_ceiling_quote=Decimal(bound) / 100 + 1 if bounded and bound else None,
        price_floor_quote=Decimal(bound) / 100 if bounded and bound and draw(st.booleans()) else None,
        moving_price_band_enabled=bounded and draw(st.booleans()),
        price_ceiling_bps=draw(hundredths(0, 10_000)),
        price_floor_bps=-draw(hundredths(1, 10_000)),
        hanging_orders_enabled=draw(st.booleans()),
        hanging_orders_cancel_bps=Decimal(farthest + 1),
        ping_pong_enabled=draw(st.booleans()),
        order_optimization_enabled=draw(st.booleans()),
        bid_order_optimization_depth_base=draw(hundredths(0, 500)),
        ask_order_optimization_depth_base=draw(hundredths(0, 500)),
        price_type=draw(st.sampled_from(tuple(OWN))) if bounded else "mid_price",
        add_transaction_costs=draw(st.booleans()),
        inventory_skew_enabled=draw(st.booleans()),
        inventory_range_multiplier=draw(hundredths(1, 100_000)),
        inventory_price_skew_bps=draw(st.none() | hundredths(0, 10_000)),
    )


@st.composite
def looks(draw: st.DrawFn, params: Params, instrument: Instrument) -> View[Any]:
    """Any market, any place in it, and any memory that such parameters may have."""
    view: View[Any] = draw(views(instrument))
    rest = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 10**9)), max_size=3)
    bids, asks = list(view.bids), list(view.asks)
    for ladder, sign in ((bids, -1), (asks, 1)):
        for gap, size in draw(rest):
            if ladder[-1].price_ticks + sign * gap > 0:
                ladder.append(Level(ladder[-1].price_ticks + sign * gap, size))
    memory = PureMarketMaking(params, instrument).initial_memory()
    if memory is not None and draw(st.booleans()):
        standing = st.lists(
            st.sampled_from([(own.level, own.price_ticks) for own in view.own] + [(0, bids[0].price_ticks)]),
            max_size=4,
        ).map(tuple)
        hanging = standing.map(lambda known: tuple((level, price, 7) for level, price in known))
        knowns = st.builds(Known, hanging=hanging, laid=standing, filled_ns=st.integers(0, NOW_NS))
        band = draw(st.just(Anchor()) | st.builds(Anchor, st.integers(1, NOW_NS), st.integers(1, 10**7)))
        memory = Memory(band, draw(knowns), draw(knowns), draw(st.integers(-500, 500)))
    return msgspec.structs.replace(
        view,
        bids=tuple(bids),
        asks=tuple(asks),
        memory=memory,
        entry_half_ticks=draw(st.integers(0, 10**7)) if view.inventory_lots else 0,
        last_trade_ticks=draw(st.integers(0, 10**7)),
    )


instruments = st.builds(
    an_instrument,
    tick=st.sampled_from(("0.01", "0.5", "0.00001")),
    lot=st.sampled_from(("0.0001", "0.001", "0.00037")),
    size_min_lots=st.sampled_from((1, 2)),
    size_max_lots=st.sampled_from((10**9, 5_600)),
    maker_fee_ratio=st.sampled_from(("0", "0.001", "-0.0001")),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Params, View[Any]]:
    """Parameters that fit an instrument, and a look at its market."""
    params, instrument = draw(all_params()), draw(instruments)
    assume(fits(params, instrument))
    return params, draw(looks(params, instrument))


def fits(params: Params, instrument: Instrument) -> bool:
    """Whether the venue takes every size."""
    lots = [floor(Fraction(size) / unit(instrument)) for side in params.sizes_base for size in side]
    return all(instrument.size_min_lots <= size <= instrument.size_max_lots for size in lots)


def unit(instrument: Instrument) -> Fraction:
    """One lot in the base asset."""
    return Fraction(instrument.lot_atoms, 10**instrument.base_scale)


def rows(quotes: tuple[Quote, ...]) -> list[tuple[int, int, int]]:
    """Level, price and size of each quote."""
    return [(quote.level, quote.price_ticks, quote.size_lots) for quote in quotes]


def naive_rungs(params: Params, *, bids: bool) -> list[tuple[Fraction, Fraction]]:
    """Distance as a share and size in the base asset, nearest first."""
    if params.order_override is not None:
        word = "buy" if bids else "sell"
        named = sorted(
            (one.spread_bps, name) for name, one in params.order_override.items() if one.side == word
        )
        return [
            (Fraction(far) / 10_000, Fraction(params.order_override[name].amount_base)) for far, name in named
        ]
    spreads = params.bid_order_level_spreads_bps if bids else params.ask_order_level_spreads_bps
    amounts = params.bid_order_level_amounts_base if bids else params.ask_order_level_amounts_base
    spread, step = params.bid_spread_bps if bids else params.ask_spread_bps, params.order_level_spread_bps
    made = []
    for level in range(len(spreads or ()) or len(amounts or ()) or params.order_levels):
        far = spreads[level] if spreads else spread + level * (step or 0)
        size = (
            amounts[level] if amounts else params.order_amount_base + level * params.order_level_amount_base
        )
        made.append((Fraction(far) / 10_000, Fraction(size)))
    return made


def naive_reference(params: Params, view: View[Any]) -> Fraction:
    """The reference in ticks; 0 while there is none."""
    bid, ask = view.bids[0], view.asks[0]
    mid = Fraction(bid.price_ticks + ask.price_ticks, 2)
    own = {
        fill.ts_ns: [
            one.price_ticks for one in (view.last_buy, view.last_sell) if one and one.ts_ns == fill.ts_ns
        ]
        for fill in (view.last_buy, view.last_sell)
        if fill is not None
    }
    last = own[max(own)] if own else [mid]
    return {
        "mid_price": mid,
        "inventory_cost": mid,
        "best_bid": Fraction(bid.price_ticks),
        "best_ask": Fraction(ask.price_ticks),
        "last_price": Fraction(view.last_trade_ticks),
        "last_own_trade_price": Fraction(sum(map(Fraction, last)), len(last)),
        "weighted_mid": Fraction(
            bid.price_ticks * ask.size_atoms + ask.price_ticks * bid.size_atoms,
            bid.size_atoms + ask.size_atoms,
        ),
    }[params.price_type]


def naive_dropped(params: Params, lots: list[int], held: int) -> int:
    """So many of the nearest orders that the inventory amounts to, halves counted as whole."""
    dropped = 0
    while params.ping_pong_enabled and dropped < len(lots) and 2 * held >= lots[dropped]:
        held -= lots[dropped]
        dropped += 1
    return dropped


def naive_join(params: Params, view: View[Any], *, bids: bool) -> int | None:
    """The price that optimisation moves the first order out to."""
    if not params.order_optimization_enabled:
        return None
    depth = params.bid_order_optimization_depth_base if bids else params.ask_order_optimization_depth_base
    atoms, price = Fraction(depth) * 10**view.instrument.base_scale, 0
    for level in view.bids if bids else view.asks:
        price, atoms = level.price_ticks, atoms - level.size_atoms
        if atoms <= 0:
            break
    return price + 1 if bids else price - 1


def naive_side(params: Params, view: View[Any], *, side: Side) -> list[tuple[int, int, int]]:
    """Level, price and size by the sentences of the documentation, in exact fractions, one at a time."""
    instrument, bids = view.instrument, side is Side.BUY
    sizes = {
        flag: [floor(size / unit(instrument)) for _, size in naive_rungs(params, bids=flag)]
        for flag in (True, False)
    }
    centre = around = naive_reference(params, view)
    cost = Fraction(view.entry_half_ticks, 2)
    if params.price_type == "inventory_cost" and cost and view.inventory_lots * (1 if bids else -1) < 0:
        around = min(around, cost) if bids else max(around, cost)
    factor = Fraction(1)
    if params.inventory_skew_enabled:
        width = max(1, floor(sum(sizes[True] + sizes[False]) * Fraction(params.inventory_range_multiplier)))
        width = min(width, view.inventory_max_lots)
        factor = min(Fraction(2), max(Fraction(0), 1 - Fraction(view.inventory_lots, width)))
        factor = factor if bids else 2 - factor
    leaning = min(Fraction(1), max(Fraction(-1), Fraction(view.inventory_lots, view.inventory_max_lots)))
    lean = leaning * Fraction(params.inventory_price_skew_bps or 0) / 10_000
    fee = Fraction(max(0, instrument.maker_fee_ppm), 10**6) if params.add_transaction_costs else Fraction(0)
    least = Fraction(params.minimum_spread_bps) / 10_000 if params.minimum_spread_bps is not None else None
    fill = view.last_buy if bids else view.last_sell
    waits = (
        params.filled_order_delay_ms is not None
        and fill is not None
        and view.ts_ns - fill.ts_ns < params.filled_order_delay_ms * 10**6
    )
    dropped = naive_dropped(params, sizes[bids], view.inventory_lots if bids else -view.inventory_lots)
    join, moved = naive_join(params, view, bids=bids), None
    found: list[tuple[int, int, int]] = []
    previous = 0
    for level, (distance, _) in enumerate(naive_rungs(params, bids=bids)):
        if bids:
            price = floor(around * (1 - distance - fee - lean)) + (moved or 0)
            price = min(price, view.asks[0].price_ticks - 1)
            price = price if least is None else min(price, floor(centre * (1 - least)))
            price = min(price, previous - 1) if previous else price
        else:
            price = ceil(around * (1 + distance + fee - lean)) + (moved or 0)
            price = max(price, view.bids[0].price_ticks + 1)
            price = price if least is None else max(price, ceil(centre * (1 + least)))
            price = max(price, previous + 1) if previous else price
        previous = price
        if level < dropped:
            continue
        if join is not None and moved is None:
            moved = min(0, join - price) if bids else max(0, join - price)
            previous = price = price + moved
        if not instrument.price_min_ticks <= price <= instrument.price_max_ticks:
            break
        size = floor(sizes[bids][level] * factor)
        if size < instrument.size_min_lots:
            continue
        if waits:
            size = min([size, *(own.size_lots for own in view.own if (own.side, own.level) == (side, level))])
            if all((own.side, own.level) != (side, level) for own in view.own):
                continue
        found.append((level, price, min(size, instrument.size_max_lots)))
    return found


def naive_bounds(params: Params, view: View[Any]) -> tuple[bool, bool]:
    """Whether it may buy and whether it may sell, by the fixed bounds and the moving band."""
    price = naive_reference(params, view)
    quote = price * view.instrument.tick_atoms / 10**view.instrument.quote_scale
    if params.price_ceiling_quote is not None and quote >= Fraction(params.price_ceiling_quote):
        return False, True
    if params.price_floor_quote is not None and quote <= Fraction(params.price_floor_quote):
        return True, False
    if not params.moving_price_band_enabled:
        return True, True
    band = view.memory.band
    anchor = Fraction(band.half_ticks, 2)
    if not anchor or view.ts_ns - band.ts_ns >= params.price_band_refresh_time_ms * 10**6:
        anchor = Fraction(floor(2 * price + Fraction(1, 2)), 2)
    if price >= anchor * (1 + Fraction(params.price_ceiling_bps) / 10_000):
        return False, True
    return True, price > anchor * (1 + Fraction(params.price_floor_bps) / 10_000)


@settings(max_examples=80)
@given(cases())
def test_prices_and_sizes_are_those_of_the_naive_reference(case: tuple[Params, View[Any]]) -> None:
    """The integers of the strategy equal exact fractions, level by level."""
    params, view = case
    params = dataclasses.replace(params, hanging_orders_enabled=False)
    strategy = PureMarketMaking(params, view.instrument)
    if strategy.initial_memory() is None:
        view = msgspec.structs.replace(view, memory=None)

    quotes = strategy.quotes(view)

    buys, sells = naive_bounds(params, view)
    if not naive_reference(params, view):
        assert (quotes.bids, quotes.asks, quotes.reason) == ((), (), "waits for a trade")
        return
    assert rows(quotes.bids) == (naive_side(params, view, side=Side.BUY) if buys else [])
    assert rows(quotes.asks) == (naive_side(params, view, side=Side.SELL) if sells else [])


@settings(max_examples=80)
@given(cases())
def test_every_ladder_may_be_sent(case: tuple[Params, View[Any]]) -> None:
    """Never crossed, sizes positive, levels unique, prices monotone, one side empty beyond a bound."""
    params, view = case
    strategy = PureMarketMaking(params, view.instrument)

    quotes = strategy.quotes(view)

    laid = [
        tuple(quote for quote in ladder if quote.tolerance_ticks != ANY_DISTANCE)
        for ladder in (quotes.bids, quotes.asks)
    ]
    assert ladder_faults(Quotes(laid[0], laid[1], "", None), view) == []
    for ladder, sign in ((quotes.bids, -1), (quotes.asks, 1)):
        keys = [sign * quote.price_ticks for quote in ladder]
        assert keys == sorted(keys)
        assert len({quote.level for quote in ladder}) == len(ladder)
    if quotes.bids and quotes.asks:
        assert quotes.bids[0].price_ticks < quotes.asks[0].price_ticks
    count = len(quotes.bids) + len(quotes.asks) - len(laid[0]) - len(laid[1])
    assert quotes.reason.endswith(f", {count} hanging") == bool(count)
    assert quotes == strategy.quotes(view)
    assert quotes == PureMarketMaking(params, view.instrument).quotes(view)
    assert {quote.age_ns_max for quote in laid[0]} <= {(params.max_order_age_ms or 0) * 10**6}
    assert {quote.life_ns_min for quote in laid[1]} <= {params.order_refresh_time_ms * 10**6, 0}


@given(cases())
def test_memory_fits_the_journal_and_is_settled_at_once(case: tuple[Params, View[Any]]) -> None:
    """Written and read again it is the same; a second look at the same market remembers nothing else."""
    params, view = case
    strategy = PureMarketMaking(params, view.instrument)
    memory = strategy.quotes(view).memory
    assert (memory is None) == (strategy.initial_memory() is None)
    if memory is not None:
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(memory), type=Memory) == memory
        again = strategy.quotes(msgspec.structs.replace(view, memory=memory)).memory
        assert again == memory


def turned_params(params: Params) -> Params:
    """The parameters with the sides swapped."""
    swapped = {}
    for name in Params.__slots__:
        other = name
        if name.startswith(("bid_", "ask_")):
            other = ("ask_" if name.startswith("bid_") else "bid_") + name[4:]
        swapped[name] = getattr(params, other)
    if params.order_override is not None:
        swapped["order_override"] = {
            name: dataclasses.replace(one, side="sell" if one.side == "buy" else "buy")
            for name, one in params.order_override.items()
        }
    return Params(**swapped)


def turned_view(view: View[Any]) -> View[Any]:
    """The view of whom up is down, with what he remembers and what his fills cost."""
    mid = view.mid_half_ticks

    def turned(known: Known) -> Known:
        return Known(
            tuple((level, mid - price, lots) for level, price, lots in known.hanging),
            tuple((level, mid - price) for level, price in known.laid),
            known.filled_ns,
        )

    def fill(one: LastFill | None) -> LastFill | None:
        return None if one is None else msgspec.structs.replace(one, price_ticks=mid - one.price_ticks)

    memory = view.memory
    if memory is not None:
        memory = Memory(memory.band, turned(memory.asks), turned(memory.bids), -memory.inventory_lots)
    return msgspec.structs.replace(
        mirrored(view),
        memory=memory,
        entry_half_ticks=2 * mid - view.entry_half_ticks if view.entry_half_ticks else 0,
        last_buy=fill(view.last_sell),
        last_sell=fill(view.last_buy),
    )


@given(all_params(bounded=False), st.data())
def test_the_sides_mirror_each_other(params: Params, data: st.DataObject) -> None:
    """With prices, inventory and parameters mirrored the quotes are mirrored: no side is preferred."""
    instrument = an_instrument()
    view = data.draw(looks(params, instrument))
    mid = view.mid_half_ticks
    # Mirrored prices may be below zero, so that the venue's bounds must not bite.
    free = msgspec.structs.replace(instrument, price_min_ticks=-(10**12), price_max_ticks=10**12)
    swapped = msgspec.structs.replace(view, instrument=free)
    turned = turned_params(params)

    quotes: Quotes[Any] = PureMarketMaking(params, free).quotes(swapped)
    reflected = PureMarketMaking(turned, free).quotes(turned_view(swapped))

    assert (reflected.bids, reflected.asks) == (
        mirrored_quotes(quotes, mid).bids,
        mirrored_quotes(quotes, mid).asks,
    )


@given(all_params(bounded=False), st.data())
def test_more_inventory_never_buys_more_nor_higher(params: Params, data: st.DataObject) -> None:
    """Skew is monotone: sizes and prices only fall with the inventory on the bid, sizes rise on the ask."""
    params = dataclasses.replace(params, hanging_orders_enabled=False)
    view = data.draw(looks(params, an_instrument()))
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
