"""The strategy of the replay bench: one bid and one ask around the mid, moved when the mid has moved too far.

So simple that it can be written for any backtester in a few lines; everything around it is production. Asked
every 100 ms and whenever the mid moves.
"""

from dataclasses import dataclass
from typing import Final

from mm.domain.quotes import Quote, Quotes
from mm.domain.units import NS_PER_MS
from mm.domain.view import View
from mm.signals.base import SignalSpec
from mm.strategies.base import Wake

WAKE: Final = Wake(move_half_ticks=1, every_ns=100 * NS_PER_MS, on_acknowledged=False)
"""When it is asked: every 100 ms, and whenever the mid moves."""

FIXED: Final = Wake(move_half_ticks=0, every_ns=100 * NS_PER_MS, on_acknowledged=False)
"""The same without the moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayMaker:
    """Bid at the mid (rounded down) minus `away_ticks`, ask at the mid (rounded up) plus it.

    Fields: tolerance_ticks: an order stays while it is at most so far from where it is wanted; size_lots: of
    each order; lots_max: a side is left out while its fill would lead beyond this inventory.
    """

    away_ticks: int
    tolerance_ticks: int
    size_lots: int
    lots_max: int
    needs: tuple[SignalSpec, ...] = ()
    wake: Wake = WAKE

    def initial_memory(self) -> None:
        """Return None: nothing is remembered."""

    def quotes(self, view: View[None]) -> Quotes[None]:
        """Return what is wanted now."""
        mid, size, held = view.mid_half_ticks, self.size_lots, view.inventory_lots
        bids: tuple[Quote, ...] = ()
        asks: tuple[Quote, ...] = ()
        if held + size <= self.lots_max:
            bids = (Quote(mid // 2 - self.away_ticks, size, 0, self.tolerance_ticks),)
        if held - size >= -self.lots_max:
            asks = (Quote(-(-mid // 2) + self.away_ticks, size, 0, self.tolerance_ticks),)
        return Quotes(bids, asks, "quoting", None)
