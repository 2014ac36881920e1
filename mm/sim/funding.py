"""Funding of perpetual contracts: what a position pays or receives when a funding time comes.

A long pays a rate above 0 and receives one below it: -q x mark x rate, in whole atoms of the quote asset.
Must never look at a clock or at orders. Invariant: amounts are rounded against us: what is received down,
what is paid up. Contracts that are settled in their base asset are none of those that are counted here.
"""

from typing import Final, NamedTuple

from mm.domain.instrument import Instrument
from mm.domain.units import checked

MARK_SCALE: Final = 8
"""Decimals of a mark price: it is a whole number of 10^-8 of the quote asset."""

RATE_SCALE: Final = 16
"""Decimals of a funding rate: the finest that a venue tells."""


class FundingTime(NamedTuple):
    """One funding of one market.

    Fields: ts_ns: local time at which it happens; symbol; rate: 10^-16 of the position's value; mark: 10^-8
    of the quote asset, 0: not known, then the market's own mid stands in for it.
    """

    ts_ns: int
    symbol: str
    rate: int
    mark: int


def funded_at_mark(instrument: Instrument, net_lots: int, mark: int, rate: int) -> int:
    """Return what a position receives (> 0) or pays (< 0), quote atoms. Args: as in `FundingTime`."""
    amount = -net_lots * instrument.lot_atoms * mark * rate * 10**instrument.quote_scale
    return checked(amount // 10 ** (instrument.base_scale + MARK_SCALE + RATE_SCALE))


def funded_at_mid(instrument: Instrument, net_lots: int, mid_half_ticks: int, rate: int) -> int:
    """Return the same where the market's mid stands in for the mark price."""
    amount = -net_lots * instrument.tick_lot_atoms * mid_half_ticks * rate
    return checked(amount // (2 * 10**RATE_SCALE))
