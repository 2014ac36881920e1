"""No single order worth more, in the quote asset, than its limit.

Holds one amount. Value = price x size x value of a lot per tick, exact. Exits are not held to it: they are
bounded by the position that they leave, and a position that is worth more than one order could otherwise not
be left when it has to be. Invariant: a quote is worth at most the limit, everything passes the venue's value
filter. Source: control R2 (RTS 6 Art. 15(1)(b)), invariants I14, I19.

Codes:
    order_value.too_large: the value is above the limit.
    order_value.too_small: the value is below the venue's smallest value.
"""

from typing import ClassVar, Final

from mm.domain.commands import Place
from mm.domain.quotes import Quote, Quotes
from mm.risk.base import AnyQuotes, Refusal, RiskView, Rule

TOO_LARGE: Final = "order_value.too_large"
TOO_SMALL: Final = "order_value.too_small"


class OrderValue(Rule):
    """Cuts quotes to a value and refuses orders above it or below the venue's smallest."""

    codes: ClassVar[tuple[str, ...]] = (TOO_LARGE, TOO_SMALL)

    def __init__(self, *, atoms_max: int) -> None:
        """Keep the largest value of one order, quote atoms."""
        self._atoms_max = atoms_max

    def shape(self, quotes: AnyQuotes, view: RiskView) -> AnyQuotes:
        """Return `quotes` with sizes cut so that each is worth at most the limit."""
        # Price x size, in ticks x lots: one division here saves a product per quote.
        product_max = self._atoms_max // view.instrument.tick_lot_atoms
        for side in (quotes.bids, quotes.asks):
            for quote in side:
                if quote.price_ticks * quote.size_lots > product_max:
                    return _narrowed(quotes, product_max)
        return quotes

    def admit(self, place: Place, view: RiskView) -> Refusal | None:
        """Refuse a value outside the bounds; for exits the venue's smallest alone."""
        instrument = view.instrument
        # Not `notional_atoms`: an absurd product has to be refused here, not to overflow there.
        value = place.price_ticks * place.size_lots * instrument.tick_lot_atoms
        if value > self._atoms_max and not place.reduces:
            return Refusal(TOO_LARGE, (("value_atoms", str(value)), ("atoms_max", str(self._atoms_max))))
        if value < instrument.notional_min_atoms:
            atoms_min = instrument.notional_min_atoms
            return Refusal(TOO_SMALL, (("value_atoms", str(value)), ("atoms_min", str(atoms_min))))
        return None


def _narrowed(quotes: AnyQuotes, product_max: int) -> AnyQuotes:
    bids, asks = _cut(quotes.bids, product_max), _cut(quotes.asks, product_max)
    emptied = bool(bids) != bool(quotes.bids) or bool(asks) != bool(quotes.asks)
    return Quotes(bids, asks, TOO_LARGE if emptied else quotes.reason, quotes.memory)


def _cut(side: tuple[Quote, ...], product_max: int) -> tuple[Quote, ...]:
    kept = []
    for quote in side:
        lots_max = product_max // quote.price_ticks
        if quote.size_lots <= lots_max:
            kept.append(quote)
        elif lots_max:
            kept.append(quote.but(size_lots=lots_max))
    return tuple(kept)
