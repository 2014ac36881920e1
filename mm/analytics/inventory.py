"""What a session held: how much, how long, how near its limit, and how fast it came back.

Inventory is told relative to the target, in lots. Means are over time. The half-life is ln 2 / k with k from
ordinary least squares of dq = -k q dt on samples a second apart; what is held in between does not matter.
"""

from math import log, sqrt
from typing import Final

from mm.domain.units import NS_PER_S, PPM

SAMPLE_NS: Final = NS_PER_S
"""Between two samples."""

PAIRS_MIN: Final = 60
"""With fewer pairs of samples, or none away from 0, no half-life is told."""


class Inventory:
    """Inventory over time.

    Fields: lots, limit_lots: now; max_lots, min_lots: extremes; worst_ppm: largest share of the limit then in
    force; capped_ns: time at or beyond it; begun_ns, now_ns; pairs: of samples.
    """

    def __init__(self, ts_ns: int) -> None:
        """Begin flat, without a limit."""
        self.begun_ns = self.now_ns = ts_ns
        self.lots = 0
        self.max_lots = self.min_lots = 0
        self.worst_ppm = 0
        self.capped_ns = 0
        self.pairs = 0
        self.limit_lots = 0
        self._lots_ns = self._abs_ns = self._square_ns = 0
        self._sampled: int | None = None
        self._moved = 0
        self._squares = 0

    def hold(self, ts_ns: int, lots: int, limit_lots: int) -> None:
        """Take in what is held from now on. Args: limit_lots: of |lots|, 0 while there is none."""
        self.pass_time(ts_ns)
        self.lots, self.limit_lots = lots, limit_lots
        self.max_lots, self.min_lots = max(self.max_lots, lots), min(self.min_lots, lots)
        if limit_lots > 0:
            self.worst_ppm = max(self.worst_ppm, abs(lots) * PPM // limit_lots)

    def pass_time(self, ts_ns: int) -> None:
        """Let time pass up to `ts_ns`; nothing changed since the last call."""
        passed = ts_ns - self.now_ns
        if passed <= 0:
            return
        lots = self.lots
        self._sample(lots, ts_ns)
        self.now_ns = ts_ns
        if lots:
            self._lots_ns += lots * passed
            self._abs_ns += abs(lots) * passed
            self._square_ns += lots * lots * passed
            if 0 < self.limit_lots <= abs(lots):
                self.capped_ns += passed

    # Samples lie on the grid of whole seconds, at the inventory that stood there: those in [now, ts).
    def _sample(self, lots: int, ts_ns: int) -> None:
        fresh = -(-ts_ns // SAMPLE_NS) - -(-self.now_ns // SAMPLE_NS)
        if fresh <= 0:
            return
        known = self._sampled
        if known is not None:
            self.pairs += 1
            self._moved += known * (lots - known)
            self._squares += known * known
        self.pairs += fresh - 1
        self._squares += (fresh - 1) * lots * lots
        self._sampled = lots

    @property
    def watched_ns(self) -> int:
        """How long it was watched."""
        return self.now_ns - self.begun_ns

    @property
    def mean_lots(self) -> float:
        """Mean over time, signed lots."""
        return self._lots_ns / max(1, self.watched_ns)

    @property
    def mean_abs_lots(self) -> float:
        """Mean of its magnitude over time, lots."""
        return self._abs_ns / max(1, self.watched_ns)

    @property
    def deviation_lots(self) -> float:
        """Standard deviation over time, lots."""
        mean = self.mean_lots
        return sqrt(max(0.0, self._square_ns / max(1, self.watched_ns) - mean * mean))

    @property
    def half_life_s(self) -> float | None:
        """Half-life in seconds; None where it was too short to tell, or the inventory did not come back."""
        if self.pairs < PAIRS_MIN or self._moved >= 0:
            return None
        return log(2) * self._squares / -self._moved
