"""The venue's JSON, the common part: numbers as text with all decimals, times in milliseconds.

Pure functions from integers to what stands on the wire; nothing here decides anything.
"""

from collections.abc import Iterable
from typing import Any, Final

from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_MS
from mm.sim.reports import Match

Payload = dict[str, Any]
"""One JSON object."""

NOTHING: Final = "0.00000000"
"""A number that is not used."""


def ms(ts_ns: int) -> int:
    """Return a time in milliseconds, as the wire has it."""
    return ts_ns // NS_PER_MS


def price(instrument: Instrument, price_ticks: int) -> str:
    """Return a price with all decimals."""
    return instrument.quote_text(price_ticks * instrument.tick_atoms)


def size(instrument: Instrument, size_lots: int) -> str:
    """Return a size with all decimals."""
    return instrument.base_text(size_lots * instrument.lot_atoms)


def levels(instrument: Instrument, rows: Iterable[tuple[int, int]]) -> list[list[str]]:
    """Return book levels, as (ticks, base atoms), as pairs of texts."""
    return [[price(instrument, ticks), instrument.base_text(atoms)] for ticks, atoms in rows]


def value(instrument: Instrument, tick_atoms: int) -> str:
    """Return an amount of the quote asset that is a sum of ticks x base atoms, rounded down to an atom."""
    return instrument.quote_text(tick_atoms * instrument.tick_lot_atoms // instrument.lot_atoms)


def fee(instrument: Instrument, match: Match) -> str:
    """Return the fee of a fill with all decimals of its asset."""
    if match.fee_asset == instrument.base:
        return instrument.base_text(match.fee_atoms)
    return instrument.quote_text(match.fee_atoms)
