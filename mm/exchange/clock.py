"""The exchange's clock: the one place of this package that knows the time of day."""

import time
from typing import Final, Protocol

READS: Final = 8
"""How often both are read at first: on a busy machine one reading is milliseconds off."""


class Clock(Protocol):
    """Whatever tells the time; tests hand in one that they move by hand."""

    def now_ns(self) -> int:
        """Return the time since the epoch in nanoseconds; never less than before."""
        ...


class WallClock:
    """The computer's clock, read once and continued by its monotonic counter, so that it never goes back."""

    def __init__(self) -> None:
        """Read the time of day."""
        # The counter is read behind the clock: a pause in between makes too little of the difference.
        self._offset_ns = max(time.time_ns() - time.monotonic_ns() for _ in range(READS))

    def now_ns(self) -> int:
        """Return the time since the epoch in nanoseconds."""
        return time.monotonic_ns() + self._offset_ns
