"""Nothing is placed that the account could not pay for.

Holds nothing: what can be spent is in the view, less what own live orders reserve. A buy needs its value and
the taker's fee on it, because even a resting order must be payable in the worst case; a sell needs the base
asset. Invariant: a placement fits what can be spent after every placement before it. Shaping judges the
whole ladder, so what this session's own live orders reserve counts as spendable there: the ladder is to
replace them. Source: fault B8 (a rejection for lack of funds is one that we could have known).

Codes:
    funds: the balance does not suffice.
"""

from typing import ClassVar, Final

from mm.domain.commands import Place
from mm.domain.quotes import Quotes
from mm.domain.sides import BUY
from mm.domain.units import PPM
from mm.risk.base import AnyQuotes, Refusal, RiskView, Rule

FUNDS: Final = "funds"


class Funds(Rule):
    """Drops quotes that cannot be paid, outermost first, and refuses such orders."""

    codes: ClassVar[tuple[str, ...]] = (FUNDS,)

    def shape(self, quotes: AnyQuotes, view: RiskView) -> AnyQuotes:
        """Return `quotes` down to the last level that can still be paid on each side."""
        instrument = view.instrument
        fee_ppm = max(0, instrument.taker_fee_ppm)
        # What own bids reserve, from above: the exact sum is not in the view, and admit is exact.
        reserved = view.buy_open_lots * view.own_bid_max_ticks
        payable = view.quote_spendable_atoms * PPM // ((PPM + fee_ppm) * instrument.tick_lot_atoms) + reserved
        bids, asks = quotes.bids, quotes.asks
        sellable = view.base_spendable_atoms // instrument.lot_atoms + view.sell_open_lots
        asked = sold = 0
        for quote in bids:
            asked += quote.price_ticks * quote.size_lots
        for quote in asks:
            sold += quote.size_lots
        while asked > payable and bids:
            asked -= bids[-1].price_ticks * bids[-1].size_lots
            bids = bids[:-1]
        while sold > sellable and asks:
            sold -= asks[-1].size_lots
            asks = asks[:-1]
        if bids is quotes.bids and asks is quotes.asks:
            return quotes
        emptied = bool(bids) != bool(quotes.bids) or bool(asks) != bool(quotes.asks)
        return Quotes(bids, asks, FUNDS if emptied else quotes.reason, quotes.memory)

    def admit(self, place: Place, view: RiskView) -> Refusal | None:
        """Refuse what the spendable balance cannot pay, exits included."""
        instrument = view.instrument
        if place.side is BUY:
            value = place.price_ticks * place.size_lots * instrument.tick_lot_atoms
            # The fee rounded up, without a division: value + fee <= balance, both sides times PPM.
            needed_ppm = value * (PPM + max(0, instrument.taker_fee_ppm))
            if needed_ppm <= view.quote_spendable_atoms * PPM:
                return None
            needed, held, asset = -(-needed_ppm // PPM), view.quote_spendable_atoms, instrument.quote
        else:
            needed, asset = place.size_lots * instrument.lot_atoms, instrument.base
            held = view.base_spendable_atoms
            if needed <= held:
                return None
        return Refusal(FUNDS, (("asset", asset), ("needed_atoms", str(needed)), ("held_atoms", str(held))))
