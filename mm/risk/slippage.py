"""What may take liquidity, and how far it may reach for it.

Holds one ratio. Only exits take; an exit that is too large would open the opposite position, one that is too
dear is a loss of its own. Worst case as everywhere: an earlier exit or quote on the same side that is not
proven dead counts as filled, so exits whose answers are lost cannot add up to a flip. Invariant: a placement
that says it reduces does reduce, both what own fills moved and the inventory, and takes neither past 0; a
placement that may take reduces, at a price at most the bound worse than the reference. Source: invariant
I19, fault B36; DESIGN 4 (exits).

Codes:
    slippage.taker: it may take liquidity and does not reduce.
    slippage.not_reducing: it says that it reduces, but there is nothing to reduce on that side.
    slippage.too_large: it could take the position past 0.
    slippage.no_reference: there is no reference price to bound it by.
    slippage.price: its price is worse than the bound.
"""

from typing import ClassVar, Final

from mm.domain.commands import Place
from mm.domain.sides import BUY
from mm.domain.units import PPM
from mm.risk.base import Refusal, RiskView, Rule

TAKER: Final = "slippage.taker"
NOT_REDUCING: Final = "slippage.not_reducing"
TOO_LARGE: Final = "slippage.too_large"
NO_REFERENCE: Final = "slippage.no_reference"
PRICE: Final = "slippage.price"


class Slippage(Rule):
    """Refuses takers that do not reduce, exits that are too large, and prices that are too far."""

    codes: ClassVar[tuple[str, ...]] = (TAKER, NOT_REDUCING, TOO_LARGE, NO_REFERENCE, PRICE)

    def __init__(self, *, slippage_ppm_max: int) -> None:
        """Keep how much worse than the reference an exit may be priced, parts per million."""
        self._slippage_ppm_max = slippage_ppm_max

    def admit(self, place: Place, view: RiskView) -> Refusal | None:
        """Refuse an exit that could flip the position or reaches too far, and any other taker."""
        if not place.reduces:
            return None if place.post_only else Refusal(TAKER)
        refusal = _judge_size(place, view)
        if refusal is None and not place.post_only:
            refusal = self._judge_price(place, view)
        return refusal

    def _judge_price(self, place: Place, view: RiskView) -> Refusal | None:
        reference = view.reference_half_ticks
        if not reference:
            return Refusal(NO_REFERENCE)
        reach = reference * self._slippage_ppm_max // PPM
        if place.side is BUY:
            limit_ticks = (reference + reach) // 2
            worse = place.price_ticks > limit_ticks
        else:
            limit_ticks = (reference - reach + 1) // 2
            worse = place.price_ticks < limit_ticks
        if not worse:
            return None
        return Refusal(PRICE, (("price_ticks", str(place.price_ticks)), ("limit_ticks", str(limit_ticks))))


def _judge_size(place: Place, view: RiskView) -> Refusal | None:
    # What can be taken back on this side: the smaller of both positions, in the direction that closes them.
    if place.side is BUY:
        reducible, open_lots = min(-view.net_lots, -view.inventory_lots), view.buy_open_lots
    else:
        reducible, open_lots = min(view.net_lots, view.inventory_lots), view.sell_open_lots
    if place.size_lots + open_lots <= reducible:
        return None
    facts = (
        ("size_lots", str(place.size_lots)),
        ("open_lots", str(open_lots)),
        ("reducible_lots", str(max(0, reducible))),
    )
    return Refusal(NOT_REDUCING if reducible <= 0 else TOO_LARGE, facts)
