"""The intervals of candles: which one a moment falls into, and when that one begins.

Pure arithmetic on UTC. Every interval numbers its candles by consecutive integers, months included, so that
gaps, windows and limits are plain integer ranges. Weeks begin on Monday; three-day candles are counted from
the epoch.
"""

from datetime import UTC, datetime
from typing import Final

import msgspec

from mm.domain.units import NS_PER_S

_MINUTE_NS: Final = 60 * NS_PER_S
_HOUR_NS: Final = 60 * _MINUTE_NS
_DAY_NS: Final = 24 * _HOUR_NS
_MONTHS: Final = 12


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """One interval. Fields: length_ns: 0 for calendar months; offset_ns: where number 0 begins."""

    name: str
    length_ns: int
    offset_ns: int = 0

    def number(self, ts_ns: int) -> int:
        """Return the number of the candle that a moment falls into."""
        if self.length_ns:
            return (ts_ns - self.offset_ns) // self.length_ns
        date = datetime.fromtimestamp(ts_ns // NS_PER_S, tz=UTC)
        return date.year * _MONTHS + date.month - 1

    def start_ns(self, number: int) -> int:
        """Return when a candle begins; it ends where the next number begins."""
        if self.length_ns:
            return number * self.length_ns + self.offset_ns
        year, month = divmod(number, _MONTHS)
        return int(datetime(year, month + 1, 1, tzinfo=UTC).timestamp()) * NS_PER_S


SECOND: Final = Interval(name="1s", length_ns=NS_PER_S)
"""The finest interval."""

MINUTE: Final = Interval(name="1m", length_ns=_MINUTE_NS)
"""The interval of which rolling windows are made."""

INTERVALS: Final = {
    interval.name: interval
    for interval in (
        SECOND,
        MINUTE,
        Interval(name="3m", length_ns=3 * _MINUTE_NS),
        Interval(name="5m", length_ns=5 * _MINUTE_NS),
        Interval(name="15m", length_ns=15 * _MINUTE_NS),
        Interval(name="30m", length_ns=30 * _MINUTE_NS),
        Interval(name="1h", length_ns=_HOUR_NS),
        Interval(name="2h", length_ns=2 * _HOUR_NS),
        Interval(name="4h", length_ns=4 * _HOUR_NS),
        Interval(name="6h", length_ns=6 * _HOUR_NS),
        Interval(name="8h", length_ns=8 * _HOUR_NS),
        Interval(name="12h", length_ns=12 * _HOUR_NS),
        Interval(name="1d", length_ns=_DAY_NS),
        Interval(name="3d", length_ns=3 * _DAY_NS),
        Interval(name="1w", length_ns=7 * _DAY_NS, offset_ns=4 * _DAY_NS),
        Interval(name="1M", length_ns=0),
    )
}
"""Every interval of the venue by its name."""
