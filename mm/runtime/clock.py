"""The live runtime's clock: one monotonic clock, anchored to UTC once.

A step of the wall clock never moves it, so ages and deadlines stay true; it is the only clock of the trader.
"""

import time


class AnchoredClock:
    """Monotonic nanoseconds since the Unix epoch, as of the anchor."""

    def __init__(self) -> None:
        """Anchor to UTC now."""
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        """Return the core's time."""
        return time.monotonic_ns() + self._offset_ns
