"""What everybody may know of the venue at this moment: its clock, its best prices, what a symbol allows.

Reads for a check of fitness, not for trading: nothing of it goes to the core. Nothing here is signed. Must
never guess: what the venue does not say is an error.
"""

from typing import Any, NamedTuple

from mm.domain.events import ClockMeasured
from mm.venues.binance.answers import Garbled, text_of
from mm.venues.binance.link import Link
from mm.venues.binance.timing import Timing
from mm.venues.edge.rest import Rest


class Top(NamedTuple):
    """The best prices of a symbol, in ticks."""

    bid_ticks: int
    ask_ticks: int


class Listing(NamedTuple):
    """What the venue's list says of a symbol. Fields: post_only: takes such orders; stp_modes: it knows."""

    status: str
    post_only: bool
    stp_modes: tuple[str, ...]


class PublicFacts:
    """Reads of public data. Symbols have to have been asked for by `Venue.instruments` or `watch` before."""

    def __init__(self, link: Link, rest: Rest, timing: Timing, exchange: Any) -> None:
        """Ask through `rest`; listings are those that `exchange` has loaded."""
        self._link = link
        self._rest = rest
        self._timing = timing
        self._exchange = exchange

    async def clock(self) -> ClockMeasured:
        """Return the offset of the venue's clock and the time of the round trip; raises RequestFailure."""
        return await self._timing.measured()

    async def top(self, symbol: str) -> Top:
        """Return the best prices; raises RequestFailure, Garbled if a side is empty, ValueError."""
        instrument = self._link.market(symbol)
        asked = {"symbol": instrument.venue_symbol}
        row = await self._rest.ask_object("publicGetTickerBookTicker", asked)
        bid, ask = (
            instrument.price_ticks(text_of(row, "bidPrice")),
            instrument.price_ticks(text_of(row, "askPrice")),
        )
        if bid < 1 or ask <= bid:
            raise Garbled(f"the book of {symbol} has no two sides at this moment")
        return Top(bid, ask)

    def listing(self, symbol: str) -> Listing:
        """Return what the venue's list says of a symbol."""
        info = self._exchange.markets[symbol]["info"]
        return Listing(
            status=str(info.get("status", "")),
            post_only="LIMIT_MAKER" in info.get("orderTypes", ()),
            stp_modes=tuple(info.get("allowedSelfTradePreventionModes") or ()),
        )
