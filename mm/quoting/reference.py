"""The price that a ladder is laid around: which one of a market's prices, and whose market.

A reference is a fraction of half ticks of the own instrument, exact: nothing is rounded before the orders
are. Pure integers; `None` means that there is no such price yet.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

from mm.domain.instrument import Instrument
from mm.domain.units import PPM, nearest_div
from mm.domain.view import Other, View

PriceType: TypeAlias = Literal[
    "mid_price",
    "best_bid",
    "best_ask",
    "last_price",
    "last_own_trade_price",
    "inventory_cost",
    "weighted_mid",
]
"""Which price of a market; `inventory_cost` begins at the mid, see `at_cost`."""


class Reference(NamedTuple):
    """A price of numerator / divisor half ticks; both > 0."""

    numerator: int
    divisor: int = 1

    @property
    def half_ticks(self) -> int:
        """The price in half ticks, rounded to the nearest."""
        return nearest_div(self.numerator, self.divisor)


def _mid(view: View[object]) -> Reference:
    return Reference(view.mid_half_ticks)


def _best_bid(view: View[object]) -> Reference:
    return Reference(2 * view.bids[0].price_ticks)


def _best_ask(view: View[object]) -> Reference:
    return Reference(2 * view.asks[0].price_ticks)


def _weighted_mid(view: View[object]) -> Reference:
    # Each side's price weighs as much as the other side's size: the larger bid pushes towards the ask.
    bid, ask = view.bids[0], view.asks[0]
    weight = bid.size_atoms + ask.size_atoms
    return Reference(2 * (bid.price_ticks * ask.size_atoms + ask.price_ticks * bid.size_atoms), weight)


def _last_price(view: View[object]) -> Reference | None:
    return Reference(2 * view.last_trade_ticks) if view.last_trade_ticks else None


def _last_own_trade(view: View[object]) -> Reference:
    bought, sold = view.last_buy, view.last_sell
    if bought is None and sold is None:
        return _mid(view)
    if sold is None or (bought is not None and bought.ts_ns > sold.ts_ns):
        assert bought is not None
        return Reference(2 * bought.price_ticks)
    if bought is None or sold.ts_ns > bought.ts_ns:
        return Reference(2 * sold.price_ticks)
    # Both at once: neither is the last, their middle favours no side.
    return Reference(bought.price_ticks + sold.price_ticks)


OWN: Final[Mapping[str, Callable[[View[object]], Reference | None]]] = MappingProxyType(
    {
        "mid_price": _mid,
        "best_bid": _best_bid,
        "best_ask": _best_ask,
        "last_price": _last_price,
        "last_own_trade_price": _last_own_trade,
        "inventory_cost": _mid,
        "weighted_mid": _weighted_mid,
    }
)
"""The reference on the own market by its type; None while there is no such price."""

FOREIGN: Final = ("mid_price", "best_bid", "best_ask", "inventory_cost")
"""The types that another market has."""


def foreign(kind: str, other: Other, instrument: Instrument) -> Reference | None:
    """Return a price of another market in half ticks of `instrument`; None while it has none.

    Args: kind: one of FOREIGN. The quote assets are taken to be worth the same.
    """
    if not other.mid_half_ticks:
        return None
    half_ticks = {"best_bid": 2 * other.bid_ticks, "best_ask": 2 * other.ask_ticks}.get(
        kind, other.mid_half_ticks
    )
    there = other.instrument
    numerator = half_ticks * there.tick_atoms * int(10**instrument.quote_scale)
    return Reference(numerator, instrument.tick_atoms * int(10**there.quote_scale))


def is_apart(reference: Reference, mid_half_ticks: int, most_ppm: int) -> bool:
    """Return whether a reference is farther from a mid than so many millionths of the mid."""
    mid = mid_half_ticks * reference.divisor
    return abs(reference.numerator - mid) * PPM > most_ppm * mid


def at_cost(reference: Reference, view: View[object], start_half_ticks: int) -> tuple[Reference, Reference]:
    """Return the reference of the bids and that of the asks when nothing is to be traded at a loss.

    What was bought is not offered below its average price, what was sold not bought back above it. Args:
    start_half_ticks: what the holdings of the start had cost, 0 = not said; they are what is sold short.
    """
    bids = asks = reference
    entry = view.entry_half_ticks
    if view.inventory_lots > 0 and entry:
        asks = _farther(reference, entry, 1)
    elif start_half_ticks:
        asks = _farther(reference, start_half_ticks, 1)
    if view.inventory_lots < 0 and entry:
        bids = _farther(reference, entry, -1)
    return bids, asks


def _farther(reference: Reference, half_ticks: int, sign: int) -> Reference:
    beyond = sign * (half_ticks * reference.divisor - reference.numerator) > 0
    return Reference(half_ticks) if beyond else reference
