"""The time range of a list: `startTime` and `endTime`, both inclusive, a day apart at most."""

from typing import Final

import msgspec

from mm.exchange.errors import TOO_LONG_AGO, refused
from mm.exchange.params import whole
from mm.exchange.payloads import ms

_HOURS_MAX: Final = 24
_MS_MAX: Final = _HOURS_MAX * 3_600_000
_NEVER_MS: Final = 2**63


class TimeRange(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds since the epoch, both ends inclusive."""

    first_ms: int
    last_ms: int

    def holds(self, ts_ns: int) -> bool:
        """Return whether a time is inside."""
        return self.first_ms <= ms(ts_ns) <= self.last_ms


def time_range(values: dict[str, str]) -> TimeRange:
    """Return the range that was asked for, open where it was not; raises VenueRefused (-1127) if too long."""
    found = TimeRange(first_ms=whole(values, "startTime", 0), last_ms=whole(values, "endTime", _NEVER_MS))
    if "startTime" in values and "endTime" in values and found.last_ms - found.first_ms > _MS_MAX:
        raise refused(TOO_LONG_AGO, _HOURS_MAX)
    return found
