"""What has to be known of a run to make rows of its journal: its sessions and what they trade.

Plain data, filled by the composition root; a run whose beginnings cannot be read has none of it, and its rows
then hold integers without the texts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mm.domain.ids import OrderIds
from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_S, SCALE_MIN, short_text, text_from_atoms


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """A run's beginnings.

    Fields: sessions, symbols: names in the order of the indices; ids: of the deployment; config_text,
    revision: that it began with, the number 0 if it has none.
    """

    run_id: str
    epoch: int
    mode: str = ""
    sessions: tuple[str, ...] = ()
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    symbols: tuple[str, ...] = ()
    ids: OrderIds | None = None
    config_text: str = ""
    revision: int = 0

    def session_of(self, cid: str) -> str:
        """Return the session that placed an order in this life, "" if it is of another life or unknown."""
        owner = self.ids.decode(cid) if self.ids is not None else None
        if owner is None or owner.epoch != self.epoch or owner.session >= len(self.sessions):
            return ""
        return self.sessions[owner.session]

    def price_text(self, symbol: str, price_ticks: int) -> str | None:
        """Return a price as decimal text, None if the symbol is unknown."""
        instrument = self.instruments.get(symbol)
        return None if instrument is None else instrument.price_text(price_ticks)

    def size_text(self, symbol: str, size_lots: int) -> str | None:
        """Return an own size as decimal text, None if the symbol is unknown."""
        instrument = self.instruments.get(symbol)
        return None if instrument is None else instrument.size_text(size_lots)

    def mid_text(self, symbol: str, mid_half_ticks: int) -> str | None:
        """Return a mid given in half ticks as decimal text, None if the symbol is unknown."""
        instrument = self.instruments.get(symbol)
        if instrument is None:
            return None
        return short_text(mid_half_ticks * instrument.tick_atoms * 5, instrument.quote_scale + 1)

    def amount_text(self, asset: str, atoms: int) -> str:
        """Return an amount of an asset as decimal text; one that is not traded here is in 8 decimals."""
        for instrument in self.instruments.values():
            if asset in (instrument.quote, instrument.base):
                is_quote = asset == instrument.quote
                return text_from_atoms(atoms, instrument.quote_scale if is_quote else instrument.base_scale)
        return text_from_atoms(atoms, SCALE_MIN)


def utc_text(ts_ns: int) -> str:
    """Return a time as ISO 8601 in UTC, to the microsecond; "" for 0, which stands for no time.

    What no calendar holds is told as the number.
    """
    if not ts_ns:
        return ""
    try:
        at = datetime.fromtimestamp(ts_ns // NS_PER_S, UTC)
    except (OverflowError, ValueError, OSError):
        return f"{ts_ns} ns"
    return f"{at:%Y-%m-%dT%H:%M:%S}.{ts_ns // 1_000 % 1_000_000:06d}Z"
