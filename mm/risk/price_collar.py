"""No price farther from the reference than the collar allows.

Holds one ratio. A wrong price is the most expensive mistake there is, so this rule asks nothing of the
strategy's model, only of the reference: |2 x price - reference| <= reference x collar, prices in ticks, the
reference in half ticks. Invariant: without a reference nothing is placed. Source: control R1 (RTS 6 Art.
15(1)(a)), invariant I14.

Codes:
    price_collar.no_reference: there is no reference price yet.
    price_collar.outside: the price is outside the collar.
"""

from typing import ClassVar, Final

from mm.domain.commands import Place
from mm.domain.quotes import Quote, Quotes
from mm.domain.units import PPM
from mm.risk.base import AnyQuotes, Refusal, RiskView, Rule

NO_REFERENCE: Final = "price_collar.no_reference"
OUTSIDE: Final = "price_collar.outside"


class PriceCollar(Rule):
    """Drops and refuses prices outside a band around the reference."""

    codes: ClassVar[tuple[str, ...]] = (NO_REFERENCE, OUTSIDE)

    def __init__(self, *, collar_ppm: int) -> None:
        """Keep the half width of the collar, parts per million of the reference."""
        self._collar_ppm = collar_ppm

    def shape(self, quotes: AnyQuotes, view: RiskView) -> AnyQuotes:
        """Return `quotes` without those outside the collar; with none at all while there is no reference."""
        low_ticks, high_ticks = self._bounds(view)
        for side in (quotes.bids, quotes.asks):
            for quote in side:
                if not low_ticks <= quote.price_ticks <= high_ticks:
                    return self._narrowed(quotes, view)
        return quotes

    def admit(self, place: Place, view: RiskView) -> Refusal | None:
        """Refuse a price outside the collar, exits included."""
        low_ticks, high_ticks = self._bounds(view)
        if low_ticks <= place.price_ticks <= high_ticks:
            return None
        if not view.reference_half_ticks:
            return Refusal(NO_REFERENCE)
        facts = (
            ("price_ticks", str(place.price_ticks)),
            ("ticks_min", str(low_ticks)),
            ("ticks_max", str(high_ticks)),
        )
        return Refusal(OUTSIDE, facts)

    # The lowest and the highest price inside; without a reference (0) no price is inside.
    def _bounds(self, view: RiskView) -> tuple[int, int]:
        reference = view.reference_half_ticks
        reach = reference * self._collar_ppm // PPM
        return (reference - reach + 1) // 2, (reference + reach) // 2

    def _narrowed(self, quotes: AnyQuotes, view: RiskView) -> AnyQuotes:
        bounds = self._bounds(view)
        bids, asks = _inside(quotes.bids, *bounds), _inside(quotes.asks, *bounds)
        reason = quotes.reason
        if bool(bids) != bool(quotes.bids) or bool(asks) != bool(quotes.asks):
            reason = OUTSIDE if view.reference_half_ticks else NO_REFERENCE
        return Quotes(bids, asks, reason, quotes.memory)


def _inside(side: tuple[Quote, ...], low_ticks: int, high_ticks: int) -> tuple[Quote, ...]:
    return tuple(quote for quote in side if low_ticks <= quote.price_ticks <= high_ticks)
