"""Asking a strategy that remembers the end of its session, from views that remember nothing.

Also the fine market in which its distances can be read off to a hundred-thousandth of a basis point.
"""

from typing import cast

import msgspec

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quotes
from mm.domain.view import View
from mm.strategies.base import Strategy
from tests.builders.views import a_view, an_instrument

FINE_MID_TICKS = 10**9
FINE_TICKS_PER_BPS = 10**5


def asked(strategy: Strategy[int], view: View[None], memory: int = 0) -> Quotes[None]:
    """Return what the strategy wants, with the session's end as it is remembered (0 = no session yet)."""
    remembering = msgspec.structs.replace(cast("View[int]", view), memory=memory)
    return cast("Quotes[None]", strategy.quotes(remembering))


def fine(
    inventory_lots: int = 0, limit_lots: int = 3_000, instrument: Instrument | None = None
) -> View[None]:
    """Return a market of 100 000 ticks per basis point; 100 lots are 0.01."""
    view = a_view(
        bid_ticks=FINE_MID_TICKS - 10**6,
        ask_ticks=FINE_MID_TICKS + 10**6,
        inventory_lots=inventory_lots,
        instrument=instrument or an_instrument(),
    )
    return msgspec.structs.replace(view, inventory_max_lots=limit_lots)


def distances_bps(quotes: Quotes[None]) -> tuple[float | None, float | None]:
    """Return how far the first bid and the first ask stand from the mid of `fine`, None without one."""
    bid = (FINE_MID_TICKS - quotes.bids[0].price_ticks) / FINE_TICKS_PER_BPS if quotes.bids else None
    ask = (quotes.asks[0].price_ticks - FINE_MID_TICKS) / FINE_TICKS_PER_BPS if quotes.asks else None
    return bid, ask
