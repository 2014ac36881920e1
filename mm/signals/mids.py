"""The mid as signals remember it: on a fixed grid of times, or as it stood a moment ago.

Invariant: both are functions of the mids that they were told and of their times.
"""

from collections.abc import Sequence
from typing import Final, final

from mm.signals.base import counted, left_text

TRAIL_MAX: Final = 64
"""Mids that a `MidTrail` remembers at most; a market that changes more often within its lag is cut off."""


@final
class MidGrid:
    """The mid on a fixed grid of times that begins at the first mid seen.

    Between two changes the mid stands still; a change at the very time of a sample belongs to the next one.
    Fields: last_half_ticks: the mid now, 0 before the first. sampled_ns, sample_half_ticks: the last sample.
    """

    __slots__ = ("_sample_ns", "last_half_ticks", "sample_half_ticks", "sampled_ns")

    def __init__(self, sample_ns: int) -> None:
        """Start without a mid. Args: sample_ns: between two samples, > 0."""
        self._sample_ns = sample_ns
        self.sampled_ns = 0
        self.sample_half_ticks = 0
        self.last_half_ticks = 0

    def ended(self, ts_ns: int) -> int:
        """Return how many samples ended by `ts_ns` since the last one; each sees the mid as it is now."""
        return (ts_ns - self.sampled_ns) // self._sample_ns if self.last_half_ticks else 0

    def left(self, samples: int) -> str:
        """Return how long so many samples, >= 0, behind the last one take; "" without a mid.

        To the sample, not to the instant, so that it changes with them alone.
        """
        return left_text(samples * self._sample_ns) if self.last_half_ticks else ""

    def pass_on(self, samples: int) -> None:
        """Take `samples` that ended, > 0, as done."""
        self.sampled_ns += samples * self._sample_ns
        self.sample_half_ticks = self.last_half_ticks

    def move(self, ts_ns: int, mid_half_ticks: int) -> None:
        """Take in a new mid; what ended before it has been passed on."""
        if not self.last_half_ticks:
            self.sampled_ns, self.sample_half_ticks = ts_ns, mid_half_ticks
        self.last_half_ticks = mid_half_ticks

    def forget(self) -> None:
        """Begin a new grid with the next mid."""
        self.sampled_ns = self.sample_half_ticks = self.last_half_ticks = 0

    def state(self) -> tuple[int, int, int]:
        """Return what it remembers."""
        return (self.sampled_ns, self.sample_half_ticks, self.last_half_ticks)

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says."""
        self.sampled_ns, self.sample_half_ticks, self.last_half_ticks = map(int, state)


def counted_samples(have: int, least: int, grid: MidGrid) -> str:
    """Return what a volatility waits for whose samples are taken on a grid."""
    return counted("volatility", have, least, grid.left(least - have), "samples")


@final
class MidTrail:
    """The mid as it stood a moment ago: the book's news often come before the trade that caused them.

    On recorded feeds of a large venue 14 % of market orders lie on the wrong side of the mid that is known
    when their prints arrive, and half as many two milliseconds earlier.
    """

    __slots__ = ("_lag_ns", "_mids")

    def __init__(self, lag_ns: int) -> None:
        """Start without a mid. Args: lag_ns: how long ago, >= 0."""
        self._lag_ns = lag_ns
        self._mids: list[tuple[int, int]] = []

    def move(self, ts_ns: int, mid_half_ticks: int) -> None:
        """Take in a new mid."""
        mids = self._mids
        mids.append((ts_ns, mid_half_ticks))
        before_ns = ts_ns - self._lag_ns
        while len(mids) > 1 and (mids[1][0] <= before_ns or len(mids) > TRAIL_MAX):
            del mids[0]

    def at(self, ts_ns: int) -> int:
        """Return the mid that stood `lag_ns` before `ts_ns`, the first known one after it, 0 without any."""
        before_ns, found = ts_ns - self._lag_ns, 0
        for since_ns, mid in self._mids:
            if found and since_ns > before_ns:
                break
            found = mid
        return found

    @property
    def last_half_ticks(self) -> int:
        """The mid now, 0 before the first."""
        return self._mids[-1][1] if self._mids else 0

    def forget(self) -> None:
        """Know no mid."""
        self._mids.clear()

    def state(self) -> tuple[int, ...]:
        """Return what it remembers: pairs of time and mid."""
        return tuple(number for pair in self._mids for number in pair)

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says."""
        numbers = list(map(int, state))
        self._mids = list(zip(numbers[::2], numbers[1::2], strict=True))
