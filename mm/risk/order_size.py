"""No single order larger, in lots, than its limit and the venue's.

Holds one size. Exits are not held to it, only to the venue's: they are bounded by the position that they
leave, and a position that is larger than one order could otherwise not be left when it has to be. Invariant:
a quote is at most the limit, everything passes the venue's size filter. Source: control R2 (RTS 6 Art.
15(1)(c)), invariants I14, I19.

Codes:
    order_size.too_large: the size is above the limit or the venue's largest size.
    order_size.too_small: the size is below the venue's smallest size.
"""

from typing import ClassVar, Final

from mm.domain.commands import Place
from mm.domain.quotes import Quote, Quotes
from mm.risk.base import AnyQuotes, Refusal, RiskView, Rule

TOO_LARGE: Final = "order_size.too_large"
TOO_SMALL: Final = "order_size.too_small"


class OrderSize(Rule):
    """Cuts quotes to a size and refuses orders above it or below the venue's smallest."""

    codes: ClassVar[tuple[str, ...]] = (TOO_LARGE, TOO_SMALL)

    def __init__(self, *, lots_max: int) -> None:
        """Keep the largest size of one order, lots."""
        self._lots_max = lots_max

    def shape(self, quotes: AnyQuotes, view: RiskView) -> AnyQuotes:
        """Return `quotes` with sizes cut to the limit."""
        lots_max = min(self._lots_max, view.instrument.size_max_lots)
        for side in (quotes.bids, quotes.asks):
            for quote in side:
                if quote.size_lots > lots_max:
                    bids, asks = _cut(quotes.bids, lots_max), _cut(quotes.asks, lots_max)
                    return Quotes(bids, asks, quotes.reason, quotes.memory)
        return quotes

    def admit(self, place: Place, view: RiskView) -> Refusal | None:
        """Refuse a size outside the bounds; for exits the venue's alone."""
        size, instrument = place.size_lots, view.instrument
        lots_max = instrument.size_max_lots
        if not place.reduces and self._lots_max < lots_max:
            lots_max = self._lots_max
        if size > lots_max:
            return Refusal(TOO_LARGE, (("size_lots", str(size)), ("lots_max", str(lots_max))))
        if size < instrument.size_min_lots:
            lots_min = instrument.size_min_lots
            return Refusal(TOO_SMALL, (("size_lots", str(size)), ("lots_min", str(lots_min))))
        return None


def _cut(side: tuple[Quote, ...], lots_max: int) -> tuple[Quote, ...]:
    return tuple(quote if quote.size_lots <= lots_max else quote.but(size_lots=lots_max) for quote in side)
