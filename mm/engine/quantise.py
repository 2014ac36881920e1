"""Last narrowing of wanted quotes: the venue's grid and filters, and never at or through the book.

Pure. Prices move only away from the market here, sizes only down; what cannot be sent is dropped. What comes
with every decision is no tuple: compiled code makes and reads an object of a class several times as fast.
Invariant: nothing changes a `Touch` or a `Wanted` after it was made; they are shared and kept.
"""

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quote
from mm.risk.base import AnyQuotes


class Touch:
    """Best prices without own size, ticks; both > 0."""

    __slots__ = ("ask_ticks", "bid_ticks")

    def __init__(self, bid_ticks: int, ask_ticks: int) -> None:
        """Be these."""
        self.bid_ticks = bid_ticks
        self.ask_ticks = ask_ticks


class Wanted:
    """What may be sent, per side, best level first."""

    __slots__ = ("asks", "bids")

    def __init__(self, bids: tuple[Quote, ...], asks: tuple[Quote, ...]) -> None:
        """Want this."""
        self.bids = bids
        self.asks = asks


NOTHING = Wanted((), ())
"""Quote nothing on either side."""


def quantise(quotes: AnyQuotes, instrument: Instrument, touch: Touch) -> Wanted:
    """Return `quotes` as they may be sent: post-only against the book, inside the filters, bid below ask."""
    bid_cap = min(touch.ask_ticks - 1, instrument.price_max_ticks)
    bids = quotes.bids
    if not _fit(bids, instrument, instrument.price_min_ticks, bid_cap):
        bids = _mend(bids, instrument, cap=bid_cap, floor=instrument.price_min_ticks)
    ask_floor = max(touch.bid_ticks + 1, instrument.price_min_ticks)
    if bids:
        ask_floor = max(ask_floor, bids[0].price_ticks + 1)
    asks = quotes.asks
    if not _fit(asks, instrument, ask_floor, instrument.price_max_ticks):
        asks = _mend(asks, instrument, cap=instrument.price_max_ticks, floor=ask_floor, lift=True)
    return Wanted(bids, asks)


def _fit(quotes: tuple[Quote, ...], instrument: Instrument, floor: int, cap: int) -> bool:
    # The common case, without allocation: every quote on all filters and within the price bounds.
    size_min, size_max = instrument.size_min_lots, instrument.size_max_lots
    tick_lot_atoms, value_min = instrument.tick_lot_atoms, instrument.notional_min_atoms
    for quote in quotes:
        size, price = quote.size_lots, quote.price_ticks
        if not (floor <= price <= cap and size_min <= size <= size_max):
            return False
        if price * size * tick_lot_atoms < value_min:
            return False
    return True


def _mend(
    quotes: tuple[Quote, ...], instrument: Instrument, *, cap: int, floor: int, lift: bool = False
) -> tuple[Quote, ...]:
    # `lift`: asks below the floor are raised to it; bids above the cap are lowered to it.
    kept = []
    for quote in quotes:
        price = max(quote.price_ticks, floor) if lift else min(quote.price_ticks, cap)
        size = min(quote.size_lots, instrument.size_max_lots)
        if not floor <= price <= cap or size < instrument.size_min_lots_at(price):
            continue
        kept.append(
            Quote(price, size, quote.level, quote.tolerance_ticks, quote.age_ns_max, quote.life_ns_min)
        )
    return tuple(kept)
