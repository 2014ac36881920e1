"""The live runtime's clock: one monotonic clock, anchored to UTC once.

A step of the wall clock never moves it, so ages and deadlines stay true; it is the only clock of the trader.
A local exchange that replays a recording may run faster than the wall: then this clock runs at its pace.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

ANCHOR_READS: Final = 8
"""How often both clocks are read for the anchor: on a busy machine one reading is milliseconds off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How the time of a venue runs. Fields: now_ns: its time now; scale: its seconds per second, > 0."""

    now_ns: int
    scale: float


class AnchoredClock:
    """Monotonic nanoseconds since the Unix epoch, as of the anchor.

    Fields: scale: nanoseconds of this clock per nanosecond of the wall, > 0.
    """

    def __init__(
        self,
        pace: Pace | None = None,
        *,
        wall_ns: Callable[[], int] | None = None,
        counter_ns: Callable[[], int] | None = None,
    ) -> None:
        """Anchor to UTC now, or to the time of a venue that runs at a pace of its own.

        Args: wall_ns, counter_ns: the machine's clock, which may be set, and its counter, which never goes
        back: the system's unless time is simulated.
        """
        self._wall_ns = wall_ns or time.time_ns
        self._counter_ns = counter_ns or time.monotonic_ns
        ahead_ns = _ahead_ns(self._wall_ns, self._counter_ns)
        self._began_ns = self._counter_ns()
        self._anchor_ns = self._began_ns + ahead_ns if pace is None else pace.now_ns
        self.scale = pace.scale if pace is not None else 1.0
        ratio = Fraction(self.scale)
        self._num, self._den = ratio.numerator, ratio.denominator

    def now_ns(self) -> int:
        """Return the core's time."""
        return self._anchor_ns + (self._counter_ns() - self._began_ns) * self._num // self._den


def _ahead_ns(wall_ns: Callable[[], int], counter_ns: Callable[[], int]) -> int:
    # The counter is read behind the clock: a pause in between makes too little of the difference.
    return max(wall_ns() - counter_ns() for _ in range(ANCHOR_READS))
