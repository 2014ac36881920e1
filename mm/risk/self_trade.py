"""No order that could meet an order of our own.

Holds nothing: the prices of own orders that are not proven dead, unknown ones included, are in the view, for
the whole account and not for the session alone. Invariant: no placement is at or through an own order of the
other side, so no trade can have us on both sides; the venue's own prevention behind it never has to act.
Source: invariant I2, faults B27, B28, control R21.

Codes:
    self_trade.own_ask: a buy at or above an own sell.
    self_trade.own_bid: a sell at or below an own buy.
    self_trade.ladder: the wanted bids and asks cross each other.
"""

from typing import ClassVar, Final

from mm.domain.commands import Place
from mm.domain.quotes import Quotes
from mm.domain.sides import BUY
from mm.risk.base import AnyQuotes, Refusal, RiskView, Rule

OWN_ASK: Final = "self_trade.own_ask"
OWN_BID: Final = "self_trade.own_bid"
LADDER: Final = "self_trade.ladder"


class SelfTrade(Rule):
    """Drops and refuses whatever is at or through an own order of the other side."""

    codes: ClassVar[tuple[str, ...]] = (OWN_ASK, OWN_BID, LADDER)

    def shape(self, quotes: AnyQuotes, view: RiskView) -> AnyQuotes:
        """Return `quotes` without those that could meet an own order, with none if they meet each other."""
        bids, asks = quotes.bids, quotes.asks
        highest_bid = lowest_ask = 0
        for quote in bids:
            if quote.price_ticks > highest_bid or not highest_bid:
                highest_bid = quote.price_ticks
        for quote in asks:
            if quote.price_ticks < lowest_ask or not lowest_ask:
                lowest_ask = quote.price_ticks
        if bids and asks and highest_bid >= lowest_ask:
            return Quotes((), (), LADDER, quotes.memory)
        own_ask, own_bid = view.own_ask_min_ticks, view.own_bid_max_ticks
        if own_ask and highest_bid >= own_ask:
            bids = tuple(quote for quote in bids if quote.price_ticks < own_ask)
        if asks and lowest_ask <= own_bid:
            asks = tuple(quote for quote in asks if quote.price_ticks > own_bid)
        if bids is quotes.bids and asks is quotes.asks:
            return quotes
        reason = quotes.reason
        if quotes.bids and not bids:
            reason = OWN_ASK
        elif quotes.asks and not asks:
            reason = OWN_BID
        return Quotes(bids, asks, reason, quotes.memory)

    def admit(self, place: Place, view: RiskView) -> Refusal | None:
        """Refuse a placement at or through an own order of the other side, exits included."""
        price = place.price_ticks
        if place.side is BUY:
            own = view.own_ask_min_ticks
            if not own or price < own:
                return None
            code = OWN_ASK
        else:
            own = view.own_bid_max_ticks
            if price > own:
                return None
            code = OWN_BID
        return Refusal(code, (("price_ticks", str(price)), ("own_ticks", str(own))))
