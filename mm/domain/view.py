"""What a strategy sees when it is asked for quotes. Frozen; a strategy sees nothing else."""

from typing import Generic, TypeVar

import msgspec

from mm.domain.book import Level
from mm.domain.instrument import Instrument
from mm.domain.sides import Side

M_co = TypeVar("M_co", covariant=True)


class Reading(msgspec.Struct, frozen=True, gc=False):
    """The value of a signal and whether it may be used.

    Fields: value: in the unit that the signal states. ready: False until the estimate is good enough.
    waits_for: what is missing while it is not ready ("37 of 60 samples"), empty when ready. more: what else
    the signal estimates, as its file says; empty where it says nothing, or while that is not known.
    doubt: what speaks against using it although it is ready, in words; whoever decides by it is told once.
    """

    value: float
    ready: bool
    waits_for: str = ""
    more: tuple[float, ...] = ()
    doubt: str = ""


class OwnQuote(msgspec.Struct, frozen=True, gc=False):
    """One own order that may be live at the venue.

    Fields: level: of the ladder; size_lots: what is left to fill; placed_ns: when it was sent.
    certain: False while its placement or cancellation is unknown or in flight.
    """

    side: Side
    level: int
    price_ticks: int
    size_lots: int
    placed_ns: int
    certain: bool


class LastFill(msgspec.Struct, frozen=True, gc=False):
    """The last fill on one side. Fields: ts_ns: local time; price_ticks; size_lots: of that fill alone."""

    ts_ns: int
    price_ticks: int
    size_lots: int


class Other(msgspec.Struct, frozen=True, gc=False):
    """Another market that the strategy watches.

    Fields:
        symbol: as the strategy named it. instrument: grid and assets of that market.
        bid_ticks, ask_ticks: its best prices in its own ticks, own size taken out; 0 where a side is empty.
        mid_half_ticks: their sum, in its own half ticks; 0 while there is none to be believed.
        age_ns: since its book was last heard of; very large before the first time.
        readings: one per entry of the watch's `needs`, in that order.
        inventory_lots, inventory_max_lots: of all sessions that trade it, in its own lots; 0 where none does,
            or none has decided yet.
    """

    symbol: str
    instrument: Instrument
    bid_ticks: int
    ask_ticks: int
    mid_half_ticks: int
    age_ns: int
    readings: tuple[Reading, ...] = ()
    inventory_lots: int = 0
    inventory_max_lots: int = 0

    def mid_in(self, instrument: Instrument) -> float:
        """Return the mid in half ticks of another instrument, as if both quote assets were worth the same."""
        own = self.instrument
        mine: int = self.mid_half_ticks * own.tick_atoms * 10**instrument.quote_scale
        theirs: int = instrument.tick_atoms * 10**own.quote_scale
        return mine / theirs


class View(msgspec.Struct, Generic[M_co], frozen=True):
    """The market and our place in it at one instant.

    Fields:
        ts_ns: the core's time, monotonic, anchored to UTC.
        instrument: grid, filters and fees.
        bids, asks: best levels with own size taken out, as many as `Wake.book_levels` says; never empty when
            a strategy is asked.
        mid_half_ticks: best bid + best ask of those levels, the mid in half ticks.
        readings: one per entry of the strategy's `needs`, in that order.
        inventory_lots: what own fills moved minus the target, signed; 0 is where the strategy wants to be.
        inventory_max_lots: hard limit of |inventory_lots|, > 0.
        target_lots: the holding at which inventory is 0.
        base_atoms, quote_atoms: total holdings of both assets (free and locked by own orders).
        own: own orders that are not proven dead, in order of placement.
        last_buy, last_sell: last own fill per side, None before the first.
        entry_half_ticks: average entry price of the open inventory in half ticks, 0 when flat.
        memory: what the strategy returned last time; its class's `initial_memory` at first.
        others: one per entry of the strategy's `watches`, in that order.
        last_trade_ticks: price of the last trade on the public tape, 0 before the first.
    """

    ts_ns: int
    instrument: Instrument
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    mid_half_ticks: int
    readings: tuple[Reading, ...]
    inventory_lots: int
    inventory_max_lots: int
    target_lots: int
    base_atoms: int
    quote_atoms: int
    own: tuple[OwnQuote, ...]
    last_buy: LastFill | None
    last_sell: LastFill | None
    entry_half_ticks: int
    memory: M_co
    others: tuple[Other, ...] = ()
    last_trade_ticks: int = 0
