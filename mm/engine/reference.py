"""The price that orders are judged by until another venue is configured: the median of the own mid, 30 s.

A median is not moved by a single bad tick, and 30 s is slow enough that a runaway book meets the collar.
Samples are taken at most every quarter of a second, so a burst cannot outvote the half minute before it. The
first few cannot outvote each other: while they lie far apart there is no reference, and nothing is placed.
"""

from bisect import bisect_left, insort
from collections import deque
from typing import Final

from mm.domain.units import NS_PER_MS, PPM

SAMPLE_NS: Final = 250 * NS_PER_MS

SAMPLES_MIN: Final = 5
"""From so many samples on two bad ones are outvoted; fewer have to agree."""

APART_PPM: Final = 50_000
"""So far apart may those be, as a share of the lowest: while a price moves more, nobody should quote."""

APART_HALF_TICKS: Final = 4
"""So far may they be in any case: two ticks are a large share of a small price."""


class Reference:
    """Running median of the mid. Fields: half_ticks: the median in half ticks, 0 before the first sample, and
    while the first few do not agree."""

    def __init__(self, window_ns: int) -> None:
        """Start without samples; those older than `window_ns` will not count."""
        self._window_ns = window_ns
        self.half_ticks = 0
        self._samples: deque[tuple[int, int]] = deque()
        self._sorted: list[int] = []

    def sample(self, ts_ns: int, mid_half_ticks: int) -> None:
        """Take in the mid at `ts_ns` if the last sample is old enough; > 0."""
        samples = self._samples
        if samples and ts_ns - samples[-1][0] < SAMPLE_NS:
            return
        samples.append((ts_ns, mid_half_ticks))
        insort(self._sorted, mid_half_ticks)
        while samples[0][0] <= ts_ns - self._window_ns:
            _, old = samples.popleft()
            del self._sorted[bisect_left(self._sorted, old)]
        known = self._sorted
        apart = known[-1] - known[0]
        if len(known) < SAMPLES_MIN and apart > max(APART_HALF_TICKS, known[0] * APART_PPM // PPM):
            self.half_ticks = 0
            return
        # The lower of two middle samples: an integer that really occurred.
        self.half_ticks = known[(len(known) - 1) // 2]
