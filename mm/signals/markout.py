"""What own fills cost through the mid that moves against them: adverse selection after a time, in bps.

With s = +1 for a buy, the price p of a fill and the mid m, the markout after the time h and the impact are

    MO(h) = s (m(t + h) - p) / p,    impact(h) = MO(0) - MO(h) = s (m(t) - m(t + h)) / p

Value: mean impact(h) in basis points of the price, every fill weighing alike; a maker loses that much of his
half-spread. more: (standard error, mean MO(h), mean MO(0), fills that count), the first three in bps.
Fills within one second are one cluster: one market order or one move makes them all.

Source: sandwich estimate of the error of a mean with clusters. Invariant: a fill counts when its time is over
and the mid is known there; m(t) is the mid that was known when the fill was.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, NamedTuple, final

from mm.domain.sides import BUY, Side
from mm.domain.units import NS_PER_S
from mm.domain.view import Reading
from mm.signals.base import Signal, check_length, counted, whole
from mm.signals.decay import share_kept

BPS: Final = 10_000
"""Basis points in all of the price."""

PENDING_MAX: Final = 1_000
"""Fills whose time is not over that are remembered; of more the oldest are dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkoutSpec:
    """Which markout is wanted.

    Fields: horizon_ns: h, > 0. half_life_ns: age at which a fill counts half; 0 = all count alike. fills_min:
    before it is ready, >= 2. error_bps_max: largest standard error then, > 0.
    """

    horizon_ns: int = 1_000_000_000
    half_life_ns: int = 3_600_000_000_000
    fills_min: int = 50
    error_bps_max: float = 0.5

    def __post_init__(self) -> None:
        """Check the ranges: a strategy that asks for less is wrong."""
        assert self.horizon_ns > 0
        assert self.half_life_ns >= 0
        assert self.fills_min >= 2
        assert self.error_bps_max > 0

    def start(self) -> "Markout":
        """Return the signal before its first fill."""
        return Markout(self)


def markout_bps(sign: int, price_half_ticks: int, mid_half_ticks: int) -> float:
    """Return what a fill gains against a mid. Args: sign: +1 for a buy; price_half_ticks: twice the ticks."""
    return sign * (mid_half_ticks - price_half_ticks) * BPS / price_half_ticks


def clustered_error(fills: float, total: float, counts: float, cross: float, squares: float) -> float:
    """Return the standard error of a mean whose errors go together within clusters.

    Args: fills > 0, total: of all; counts, cross, squares: sums over clusters of n^2, n S and S^2, where n is
    the fills of one and S their sum.
    """
    mean = total / fills
    return sqrt(max(0.0, squares - 2.0 * mean * cross + mean * mean * counts)) / fills


class Sums(NamedTuple):
    """What is kept of fills whose time is over. Fields: as in `clustered_error`; both markouts."""

    fills: float = 0.0
    squared: float = 0.0  # sum of squared weights
    total: float = 0.0
    counts: float = 0.0
    cross: float = 0.0
    squares: float = 0.0
    later: float = 0.0
    at_once: float = 0.0


class Cluster(NamedTuple):
    """Fills of one second, not yet in the sums. Fields: second; fills; total: of impact; later, at_once."""

    second: int = 0
    fills: int = 0
    total: float = 0.0
    later: float = 0.0
    at_once: float = 0.0


def joined(sums: Sums, cluster: Cluster) -> Sums:
    """Return `sums` with a cluster in them."""
    count, total = cluster.fills, cluster.total
    return Sums(
        sums.fills + count,
        sums.squared + count,
        sums.total + total,
        sums.counts + count * count,
        sums.cross + count * total,
        sums.squares + total * total,
        sums.later + cluster.later,
        sums.at_once + cluster.at_once,
    )


def faded(sums: Sums, kept: float) -> Sums:
    """Return `sums` with all weights times `kept`."""
    square = kept * kept
    return Sums(
        sums.fills * kept,
        sums.squared * square,
        sums.total * kept,
        sums.counts * square,
        sums.cross * square,
        sums.squares * square,
        sums.later * kept,
        sums.at_once * kept,
    )


@final
class Markout(Signal):
    """Adverse selection of own fills, basis points of the price."""

    __slots__ = ("_cluster", "_mid", "_pending", "_spec", "_sums")

    def __init__(self, spec: MarkoutSpec) -> None:
        """Start without a mid."""
        self._spec = spec
        self._mid = 0  # now; 0 = not known
        # Time, sign, price and mid in half ticks, of fills whose time is not over, oldest first.
        self._pending: deque[tuple[int, int, int, int]] = deque(maxlen=PENDING_MAX)
        self._sums = Sums()
        self._cluster = Cluster()

    def on_mid(self, ts_ns: int, mid_half_ticks: int) -> None:
        """Take in a new mid; fills whose time ended before it are judged by the one that stood until now."""
        if self._pending:
            self._judge(ts_ns)
        self._mid = mid_half_ticks

    def on_lost(self, ts_ns: int) -> None:
        """Judge what is over; what ends while the book is lost counts for nothing."""
        self._judge(ts_ns)
        self._mid = 0

    def on_own_fill(
        self,
        ts_ns: int,
        side: Side,
        price_ticks: int,
        size_lots: int,  # noqa: ARG002 - all hooks are told alike
        mid_half_ticks: int,
    ) -> None:
        """Take in a fill, unless the mid is not known."""
        self._judge(ts_ns)
        if mid_half_ticks:
            self._pending.append((ts_ns, 1 if side is BUY else -1, 2 * price_ticks, mid_half_ticks))

    def resume(self, ts_ns: int) -> None:
        """Forget fills whose time was not over, and the mid; nothing else is forgotten across."""
        self._pending.clear()
        self._mid = 0
        self._sums, self._cluster = joined(self._sums, self._cluster), Cluster(ts_ns // NS_PER_S)

    def reading(self, ts_ns: int) -> Reading:  # noqa: ARG002 - all hooks are told alike
        """Return the impact; fills whose time ended since the last hook count with the next one."""
        spec, sums = self._spec, joined(self._sums, self._cluster)
        count = sums.fills * sums.fills / sums.squared if sums.squared > 0 else 0.0
        if count < spec.fills_min:
            return Reading(0.0, False, counted("own fills", int(count), spec.fills_min))
        value = sums.total / sums.fills
        error = clustered_error(sums.fills, sums.total, sums.counts, sums.cross, sums.squares)
        if error > spec.error_bps_max:
            said = f"adverse selection known to {spec.error_bps_max:g} bps (now {error:.2f} bps)"
            return Reading(value, False, said)
        return Reading(value, True, "", (error, sums.later / sums.fills, sums.at_once / sums.fills, count))

    def state(self) -> tuple[float, ...]:
        """Return every number it remembers."""
        pending = [number for fill in self._pending for number in fill]
        return (self._mid, *self._sums, *self._cluster, *pending)

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says; raises ValueError if it is none."""
        check_length(state, 14, 4)
        self._mid, self._sums = whole(state, 0), Sums(*state[1:9])
        self._cluster = Cluster(whole(state, 9), whole(state, 10), *state[11:14])
        rest = list(map(int, state[14:]))
        self._pending.extend(zip(rest[::4], rest[1::4], rest[2::4], rest[3::4], strict=True))

    def _judge(self, ts_ns: int) -> None:
        # The fills whose time was over before `ts_ns`, by the mid that stood until then.
        pending, over_ns = self._pending, ts_ns - self._spec.horizon_ns
        while pending and pending[0][0] < over_ns:
            at_ns, sign, price, mid = pending.popleft()
            if self._mid:
                self._count(
                    at_ns // NS_PER_S, markout_bps(sign, price, mid), markout_bps(sign, price, self._mid)
                )

    def _count(self, second: int, at_once: float, later: float) -> None:
        cluster = self._cluster
        if second != cluster.second:
            kept = share_kept((second - cluster.second) * NS_PER_S, self._spec.half_life_ns)
            self._sums = faded(joined(self._sums, cluster), kept)
            cluster = Cluster(second)
        self._cluster = Cluster(
            second,
            cluster.fills + 1,
            cluster.total + at_once - later,
            cluster.later + later,
            cluster.at_once + at_once,
        )
