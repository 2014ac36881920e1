"""What all positions of the account could be worth stays under one limit, whatever fills.

Holds one amount, the same for every session of the account. Worst case: the other sessions' worst positions
(in the view) plus this session's, after this order, at this order's price. Invariant: an order that could
make the account's position larger than the limit is not placed; one that ends on the inventory's own side of
zero makes nothing larger and passes. While another session's position has no price, as after a start, nobody
can say that there is room. Source: invariant I1, controls R4, R17.

Codes:
    exposure: the account's worst-case position would be worth more than the limit.
    exposure.unpriced: another session of the account holds something that has no price yet.
"""

from typing import ClassVar, Final

from mm.domain.commands import Place
from mm.domain.quotes import Quote, Quotes
from mm.domain.sides import BUY
from mm.risk.base import AnyQuotes, Refusal, RiskView, Rule

EXPOSURE: Final = "exposure"
UNPRICED: Final = "exposure.unpriced"


class Exposure(Rule):
    """Cuts quotes to what the account's limit leaves and refuses what could pass it."""

    codes: ClassVar[tuple[str, ...]] = (EXPOSURE, UNPRICED)

    def __init__(self, *, atoms_max: int) -> None:
        """Keep the largest worst-case position value of the account, quote atoms."""
        self._atoms_max = atoms_max

    def shape(self, quotes: AnyQuotes, view: RiskView) -> AnyQuotes:
        """Return `quotes` whose sizes per side fit under the limit, nearest first."""
        # Price x lots, in ticks x lots, that this session's position may reach.
        room = max(0, self._atoms_max - view.others_worst_atoms) // view.instrument.tick_lot_atoms
        if view.others_unpriced:
            room = 0
        held = view.inventory_lots
        for quote in quotes.bids:
            held += quote.size_lots
            if held * quote.price_ticks > room:
                return _narrowed(quotes, view, room)
        held = -view.inventory_lots
        for quote in quotes.asks:
            held += quote.size_lots
            if held * quote.price_ticks > room:
                return _narrowed(quotes, view, room)
        return quotes

    def admit(self, place: Place, view: RiskView) -> Refusal | None:
        """Refuse what could take the account's position above the limit; what only reduces passes."""
        if place.side is BUY:
            held = view.inventory_lots + view.buy_open_lots + place.size_lots
        else:
            held = -view.inventory_lots + view.sell_open_lots + place.size_lots
        if held <= 0:
            return None
        if view.others_unpriced:
            return Refusal(UNPRICED, (("others_atoms", str(view.others_worst_atoms)),))
        worst = view.others_worst_atoms + held * place.price_ticks * view.instrument.tick_lot_atoms
        if worst <= self._atoms_max:
            return None
        facts = (
            ("worst_atoms", str(worst)),
            ("others_atoms", str(view.others_worst_atoms)),
            ("atoms_max", str(self._atoms_max)),
        )
        return Refusal(EXPOSURE, facts)


def _narrowed(quotes: AnyQuotes, view: RiskView, room: int) -> AnyQuotes:
    held = view.inventory_lots
    bids, asks = _fit(quotes.bids, held, room), _fit(quotes.asks, -held, room)
    emptied = bool(bids) != bool(quotes.bids) or bool(asks) != bool(quotes.asks)
    code = UNPRICED if view.others_unpriced else EXPOSURE
    return Quotes(bids, asks, code if emptied else quotes.reason, quotes.memory)


# `held_lots` is what is held on the side that these quotes add to, negative if they first reduce.
def _fit(side: tuple[Quote, ...], held_lots: int, room: int) -> tuple[Quote, ...]:
    kept = []
    for quote in side:
        free_lots = room // quote.price_ticks - held_lots
        if quote.size_lots > free_lots:
            if free_lots > 0:
                kept.append(quote.but(size_lots=free_lots))
            break
        kept.append(quote)
        held_lots += quote.size_lots
    return tuple(kept)
