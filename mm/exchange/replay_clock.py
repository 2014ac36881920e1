"""The clock of a replay: the recorded exchange's time, standing still until somebody listens.

Invariant: it never goes back; from its start on it runs `speed` times as fast as the computer's own counter.
"""

import time
from collections.abc import Callable


class ReplayClock:
    """A clock that stands at the recording's beginning until `start`."""

    def __init__(
        self, first_ns: int, *, speed: float, counter_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        """Stand at `first_ns`.

        Args: speed: its seconds per second. counter_ns: a counter that never goes back, of real time.
        """
        self._first_ns = first_ns
        self._speed = speed
        self._counter_ns = counter_ns
        self._made_ns = counter_ns()
        self._started_ns: int | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has started."""
        return self._started_ns is not None

    def start(self) -> None:
        """Run from now on; nothing happens if it already does."""
        if self._started_ns is None:
            self._started_ns = self._counter_ns()

    def now_ns(self) -> int:
        """Return the recorded exchange's time since the epoch in nanoseconds."""
        if self._started_ns is None:
            return self._first_ns
        return self._first_ns + int((self._counter_ns() - self._started_ns) * self._speed)

    def held_ns(self) -> int:
        """Return for how long it has stood still, in real time.

        Who measured it meanwhile and went on by a clock of its own is ahead of it by up to that much.
        """
        end_ns = self._counter_ns() if self._started_ns is None else self._started_ns
        return end_ns - self._made_ns
