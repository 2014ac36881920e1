"""No more live orders at once than we want and the venue takes.

Holds one count. Every order of the account on the symbol that is not proven dead counts. Exits pass our own
cap, never the venue's: a position may not be locked in by quotes whose fate is unknown. Invariant: live
orders <= the venue's cap, quotes <= ours. Source: fault B31, control R7 (order count).

Codes:
    open_orders.own: our own cap is reached.
    open_orders.venue: the venue's cap is reached.
"""

from typing import ClassVar, Final

from mm.domain.commands import Place
from mm.domain.quotes import Quotes
from mm.risk.base import AnyQuotes, Refusal, RiskView, Rule

OWN: Final = "open_orders.own"
VENUE: Final = "open_orders.venue"


class OpenOrders(Rule):
    """Drops the outermost quotes of a ladder with too many levels and refuses one order too many."""

    codes: ClassVar[tuple[str, ...]] = (OWN, VENUE)

    def __init__(self, *, orders_max: int) -> None:
        """Keep the largest number of live orders on the symbol, for the account."""
        self._orders_max = orders_max

    def shape(self, quotes: AnyQuotes, view: RiskView) -> AnyQuotes:
        """Return `quotes` with at most as many levels as orders are allowed, shared between the sides."""
        bids, asks = quotes.bids, quotes.asks
        count_max = min(self._orders_max, view.instrument.open_orders_max)
        if len(bids) + len(asks) <= count_max:
            return quotes
        bids_max = max(count_max // 2, count_max - len(asks))
        bids = bids[:bids_max]
        asks = asks[: count_max - len(bids)]
        emptied = bool(bids) != bool(quotes.bids) or bool(asks) != bool(quotes.asks)
        return Quotes(bids, asks, OWN if emptied else quotes.reason, quotes.memory)

    def admit(self, place: Place, view: RiskView) -> Refusal | None:
        """Refuse one order too many; exits are bounded by the venue's cap alone."""
        count = view.open_orders
        if count < self._orders_max and count < view.instrument.open_orders_max:
            return None
        if count >= view.instrument.open_orders_max:
            code, count_max = VENUE, view.instrument.open_orders_max
        elif place.reduces:
            return None
        else:
            code, count_max = OWN, self._orders_max
        return Refusal(code, (("open_orders", str(count)), ("orders_max", str(count_max))))
