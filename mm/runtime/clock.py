"""The live runtime's clock: one monotonic clock, anchored to UTC once.

A step of the wall clock never moves it, so ages and deadlines stay true; it is the only clock of the trader.
A local exchange that replays a recording may run faster than the wall: then this clock runs at its pace.
"""

import time
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How the time of a venue runs. Fields: now_ns: its time now; scale: its seconds per second, > 0."""

    now_ns: int
    scale: float


class AnchoredClock:
    """Monotonic nanoseconds since the Unix epoch, as of the anchor.

    Fields: scale: nanoseconds of this clock per nanosecond of the wall, > 0.
    """

    def __init__(self, pace: Pace | None = None) -> None:
        """Anchor to UTC now, or to the time of a venue that runs at a pace of its own."""
        self._began_ns = time.monotonic_ns()
        self._anchor_ns = pace.now_ns if pace is not None else time.time_ns()
        self.scale = pace.scale if pace is not None else 1.0
        ratio = Fraction(self.scale)
        self._num, self._den = ratio.numerator, ratio.denominator

    def now_ns(self) -> int:
        """Return the core's time."""
        return self._anchor_ns + (time.monotonic_ns() - self._began_ns) * self._num // self._den
