"""Inventory stays inside a band, whatever fills.

Holds the share of the band from which on only the reducing side is quoted; the band itself is in the view.
Worst case: every own buy that is not proven dead fills and no sell does, or the reverse. Invariant: after
every placement, inventory + open buys <= band and inventory - open sells >= -band, if it held before. Outside
the band (it may shrink, inventory may arrive) whatever ends on the inventory's own side of zero still passes:
it only brings the inventory back. Source: invariant I1, control R4; quant.md section 3 (cap).

Codes:
    inventory_band.long: a buy could take the inventory above the band; bids are off near it.
    inventory_band.short: a sell could take the inventory below the band; asks are off near it.
"""

from typing import ClassVar, Final

from mm.domain.commands import Place
from mm.domain.instrument import Instrument
from mm.domain.quotes import Quote, Quotes
from mm.domain.sides import BUY
from mm.domain.units import PPM
from mm.risk.base import AnyQuotes, Refusal, RiskView, Rule

LONG: Final = "inventory_band.long"
SHORT: Final = "inventory_band.short"


def band_lots(
    lots_max: int, ratio_ppm_max: int, *, equity_atoms: int, mid_half_ticks: int, instrument: Instrument
) -> int:
    """Return the hard limit of |inventory| in lots: the tighter of an absolute limit and a share of equity.

    Args: lots_max: absolute limit, 0 = none. ratio_ppm_max: share of `equity_atoms` (quote atoms), valued at
    the mid. 0 while equity or mid is unknown: what cannot be valued is not traded. Rounded down.
    """
    if equity_atoms <= 0 or mid_half_ticks <= 0:
        return 0
    # One lot is worth mid / 2 x tick_lot_atoms. The share of whole millions and that of the rest, apart: no
    # product is one of the large numbers that cost several times as much.
    millions, rest = equity_atoms // PPM, equity_atoms % PPM
    share_half = 2 * millions * ratio_ppm_max + 2 * rest * ratio_ppm_max // PPM
    lots = share_half // (mid_half_ticks * instrument.tick_lot_atoms)
    return min(lots, lots_max) if lots_max else lots


class InventoryBand(Rule):
    """Quotes one side only near the band, cuts sizes to what fits in it, refuses what could leave it."""

    codes: ClassVar[tuple[str, ...]] = (LONG, SHORT)

    def __init__(self, *, soft_ppm: int) -> None:
        """Keep the share of the band from which on the increasing side is off, parts per million."""
        self._soft_ppm = soft_ppm

    def shape(self, quotes: AnyQuotes, view: RiskView) -> AnyQuotes:
        """Return `quotes` whose sizes per side fit in the band, nearest first; one-sided near the band."""
        inventory, band = view.inventory_lots, view.inventory_max_lots
        buy_room, sell_room = band - inventory, band + inventory
        soft = band * self._soft_ppm
        if inventory > 0 and inventory * PPM >= soft:
            buy_room = 0
        elif inventory < 0 and -inventory * PPM >= soft:
            sell_room = 0
        bought = sold = 0
        for quote in quotes.bids:
            bought += quote.size_lots
        for quote in quotes.asks:
            sold += quote.size_lots
        if bought <= buy_room and sold <= sell_room:
            return quotes
        bids, asks = _fit(quotes.bids, buy_room), _fit(quotes.asks, sell_room)
        reason = quotes.reason
        if quotes.bids and not bids:
            reason = LONG
        elif quotes.asks and not asks:
            reason = SHORT
        return Quotes(bids, asks, reason, quotes.memory)

    def admit(self, place: Place, view: RiskView) -> Refusal | None:
        """Refuse what could leave the band in the worst case; what only brings inventory back passes."""
        if place.side is BUY:
            worst = view.inventory_lots + view.buy_open_lots + place.size_lots
            code = LONG
        else:
            worst = -view.inventory_lots + view.sell_open_lots + place.size_lots
            code = SHORT
        if worst <= view.inventory_max_lots:
            return None
        facts = (
            ("inventory_lots", str(view.inventory_lots)),
            ("worst_lots", str(worst)),
            ("lots_max", str(view.inventory_max_lots)),
        )
        return Refusal(code, facts)


def _fit(side: tuple[Quote, ...], room_lots: int) -> tuple[Quote, ...]:
    kept = []
    for quote in side:
        if quote.size_lots > room_lots:
            if room_lots:
                kept.append(quote.but(size_lots=room_lots))
            break
        kept.append(quote)
        room_lots -= quote.size_lots
    return tuple(kept)
