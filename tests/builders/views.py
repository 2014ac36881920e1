"""Instruments and views for tests of strategies, and what every ladder has to be, whoever made it.

Holds builders only: a view here is valid as `View` promises (both sides of the book are there, the mid is
theirs, the inventory limit is positive). Nothing here knows a strategy.
"""

from decimal import Decimal
from itertools import pairwise

import msgspec
from hypothesis import strategies as st

from mm.domain.book import Level
from mm.domain.instrument import Instrument, InstrumentSpec, make_instrument
from mm.domain.quotes import Quotes
from mm.domain.sides import Side
from mm.domain.view import LastFill, OwnQuote, Reading, View

NOW_NS = 1_800_000_000_000_000_000
SECOND_NS = 1_000_000_000


def an_instrument(
    *,
    tick: str = "0.01",
    lot: str = "0.0001",
    size_min_lots: int = 1,
    size_max_lots: int = 10**9,
    maker_fee_ratio: str = "0",
) -> Instrument:
    """Return BTC/USDT with this grid: prices up to 10^12 ticks, orders of any value."""
    return make_instrument(
        InstrumentSpec(
            symbol="BTC/USDT",
            venue_symbol="BTCUSDT",
            base="BTC",
            quote="USDT",
            tick_size=Decimal(tick),
            lot_size=Decimal(lot),
            size_min=size_min_lots * Decimal(lot),
            size_max=size_max_lots * Decimal(lot),
            maker_fee_ratio=Decimal(maker_fee_ratio),
        )
    )


def a_view(
    *,
    bid_ticks: int = 10_000,
    ask_ticks: int = 10_002,
    inventory_lots: int = 0,
    instrument: Instrument | None = None,
) -> View[None]:
    """Return a calm market without own orders or fills; change more by `msgspec.structs.replace`."""
    return View(
        ts_ns=NOW_NS,
        instrument=instrument or an_instrument(),
        bids=(Level(bid_ticks, 10**8),),
        asks=(Level(ask_ticks, 10**8),),
        mid_half_ticks=bid_ticks + ask_ticks,
        readings=(),
        inventory_lots=inventory_lots,
        inventory_max_lots=1_000,
        target_lots=0,
        base_atoms=10**9,
        quote_atoms=10**12,
        own=(),
        last_buy=None,
        last_sell=None,
        entry_half_ticks=0,
        memory=None,
    )


@st.composite
def own_quotes(draw: st.DrawFn, mid_half_ticks: int) -> tuple[OwnQuote, ...]:
    """Own orders around a mid, at most one per side and level, some of them on the wrong side of it."""
    places = draw(st.lists(st.tuples(st.sampled_from(Side), st.integers(0, 6)), max_size=8, unique=True))
    return tuple(
        OwnQuote(
            side=side,
            level=level,
            price_ticks=max(1, mid_half_ticks // 2 + draw(st.integers(-300, 300))),
            size_lots=draw(st.integers(1, 500)),
            placed_ns=draw(st.integers(0, 10**12)),
            certain=draw(st.booleans()),
        )
        for side, level in places
    )


@st.composite
def views(draw: st.DrawFn, instrument: Instrument) -> View[None]:
    """Any market and any place in it, for strategies that need no signal."""
    bid = draw(st.integers(1, 10**7))
    ask = bid + draw(st.sampled_from((1, 1, 2, 3, 7, 40)))
    limit = draw(st.integers(1, 100_000))
    fills = st.builds(
        LastFill, st.integers(NOW_NS - 100 * SECOND_NS, NOW_NS), st.just(bid), st.integers(1, 500)
    )
    return msgspec.structs.replace(
        a_view(bid_ticks=bid, ask_ticks=ask, instrument=instrument),
        inventory_lots=draw(st.integers(-2 * limit, 2 * limit)),
        inventory_max_lots=limit,
        own=draw(own_quotes(bid + ask)),
        last_buy=draw(st.none() | fills),
        last_sell=draw(st.none() | fills),
    )


def with_reading(view: View[None], reading: Reading) -> View[None]:
    """Return the view with one signal."""
    return msgspec.structs.replace(view, readings=(reading,))


def mirrored(view: View[None]) -> View[None]:
    """Return what a maker sees to whom up is down: prices mirrored at the mid, sides swapped."""
    mid = view.mid_half_ticks
    return msgspec.structs.replace(
        view,
        bids=tuple(Level(mid - level.price_ticks, level.size_atoms) for level in view.asks),
        asks=tuple(Level(mid - level.price_ticks, level.size_atoms) for level in view.bids),
        inventory_lots=-view.inventory_lots,
        own=tuple(
            msgspec.structs.replace(own, side=own.side.opposite, price_ticks=mid - own.price_ticks)
            for own in view.own
        ),
        last_buy=view.last_sell,
        last_sell=view.last_buy,
    )


def mirrored_quotes(quotes: Quotes[None], mid_half_ticks: int) -> Quotes[None]:
    """Return the quotes with prices mirrored at the mid and sides swapped."""
    flipped = [
        tuple(quote.but(price_ticks=mid_half_ticks - quote.price_ticks) for quote in side)
        for side in (quotes.asks, quotes.bids)
    ]
    return Quotes(flipped[0], flipped[1], quotes.reason, quotes.memory)


def ladder_faults(quotes: Quotes[None], view: View[None]) -> list[str]:
    """Return everything that is wrong with the ladder, whatever the strategy; empty when it may be sent."""
    faults = []
    instrument = view.instrument
    for name, ladder, sign in (("bid", quotes.bids, -1), ("ask", quotes.asks, 1)):
        if len({quote.level for quote in ladder}) != len(ladder):
            faults.append(f"{name} levels are not unique")
        keys = [sign * quote.price_ticks for quote in ladder]
        if any(farther <= nearer for nearer, farther in pairwise(keys)):
            faults.append(f"{name} prices do not move away from the market level by level")
        for quote in ladder:
            if not 0 < quote.size_lots <= instrument.size_max_lots:
                faults.append(f"{name} size {quote.size_lots}")
            if not instrument.price_min_ticks <= quote.price_ticks <= instrument.price_max_ticks:
                faults.append(f"{name} price {quote.price_ticks}")
            if min(quote.level, quote.tolerance_ticks, quote.age_ns_max, quote.life_ns_min) < 0:
                faults.append(f"{name} has a negative field: {quote}")
            if not all(isinstance(value, int) for value in quote.as_tuple()):
                faults.append(f"{name} holds something that is no integer: {quote}")
    if quotes.bids and quotes.asks and quotes.bids[0].price_ticks >= quotes.asks[0].price_ticks:
        faults.append("bid at or above ask")
    if quotes.bids and quotes.bids[0].price_ticks >= view.asks[0].price_ticks:
        faults.append("bid through the book")
    if quotes.asks and quotes.asks[0].price_ticks <= view.bids[0].price_ticks:
        faults.append("ask through the book")
    return faults
