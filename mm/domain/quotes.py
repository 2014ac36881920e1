"""What a strategy wants: a ladder on each side, and why."""

from typing import Generic, TypeVar

import msgspec

M_co = TypeVar("M_co", covariant=True)


class Quote(msgspec.Struct, frozen=True, gc=False):
    """One wanted price level.

    Fields:
        price_ticks: > 0. size_lots: > 0. level: a name >= 0; one order per side and level. Of a ladder 0 is
            nearest to the market; an order that hangs on keeps the level that it had.
        tolerance_ticks: a working order of this level stays while it is at most this far from price_ticks.
        age_ns_max: a working order older than this is renewed even within the tolerance; 0 = never.
        life_ns_min: a working order younger than this is not moved for price alone (risk may still cancel).
    """

    price_ticks: int
    size_lots: int
    level: int = 0
    tolerance_ticks: int = 0
    age_ns_max: int = 0
    life_ns_min: int = 0


class Quotes(msgspec.Struct, Generic[M_co], frozen=True):
    """The whole ladder that a strategy wants now.

    Fields:
        bids, asks: at most one quote per level, best price first. Empty means: quote nothing on that side.
        reason: one short stable word or phrase that says why ("quoting", "waits for volatility", ...).
        memory: what the strategy wants to see again in its next view; frozen, part of the digest.
    """

    bids: tuple[Quote, ...]
    asks: tuple[Quote, ...]
    reason: str
    memory: M_co
