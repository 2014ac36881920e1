"""How often a quote at a distance from the mid would have been traded through, and what came of it.

Every R a bid and an ask are put at mid * (1 -/+ d), the mid as of then. A side is filled at its own price by
the first print strictly through it before the next refresh ends it; at most one fill per side and refresh.
Its net markout is s * (mid(fill + h) - price) / mid, s = 1 for a bid. The rate per side is fills over twice
the time. Nothing is assumed of the form of the curve, and no queue: a print at the very price fills nothing.

Refreshes stand from a second after the first best prices up to the longest horizon and a second before the
last, the last of them only ends the one before. Invariant: the fills at a distance are among those at every
smaller one.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from mm.analytics.fit_mean import Mean, mean_of
from mm.analytics.markets import BPS, Mids, Tape
from mm.domain.units import NS_PER_S

DISTANCES_BPS: Final = (0.02, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""Distances from the mid that a curve is usually told at."""

MARGIN_NS: Final = NS_PER_S
"""Left out at the beginning, and at the end beyond the longest horizon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveOptions:
    """What is asked. Fields: distances_bps: rising, >= 0; horizons_ns: of the markouts, > 0; every_ns: R."""

    distances_bps: tuple[float, ...] = DISTANCES_BPS
    horizons_ns: tuple[int, ...] = (NS_PER_S, 5 * NS_PER_S)
    every_ns: int = 100_000_000

    def __post_init__(self) -> None:
        """Check the ranges: whoever asks for less is wrong."""
        assert list(self.distances_bps) == sorted(self.distances_bps)
        assert self.distances_bps
        assert self.distances_bps[0] >= 0
        assert self.horizons_ns
        assert min(*self.horizons_ns, self.every_ns) > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One distance of a curve.

    Fields:
        distance_bps. bids, asks: fills. rate_per_s: of one side.
        markouts: net, in basis points, one per horizon; clusters are a second or the horizon, if longer.
    """

    distance_bps: float
    bids: int
    asks: int
    rate_per_s: float
    markouts: tuple[Mean, ...]

    @property
    def fills(self) -> int:
        """Fills of both sides."""
        return self.bids + self.asks


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A curve. Fields: refreshes: how many; duration_s: of all of them; points: one per distance."""

    refreshes: int
    duration_s: float
    points: tuple[Point, ...]


class Fill(NamedTuple):
    """A quote that was traded through. Fields: side: 1 a bid; twice: its price, and the mid, twice."""

    ts_ns: int
    side: int
    price_twice: float
    mid_twice: int


def lambda_curve(tape: Tape, mids: Mids, options: CurveOptions) -> Curve:
    """Return the curve of a tape; one without refreshes if it is too short."""
    fills: list[list[Fill]] = [[] for _ in options.distances_bps]
    begin, end = tape.top_ns[0] + MARGIN_NS, tape.top_ns[-1] - max(options.horizons_ns) - MARGIN_NS
    refreshes = max(0, (end - begin) // options.every_ns)
    first = bisect_right(tape.print_ns, begin)
    for number in range(refreshes):
        at = begin + number * options.every_ns
        after = first
        while after < len(tape.print_ns) and tape.print_ns[after] <= at + options.every_ns:
            after += 1
        if after > first:
            twice = mids.at(at)
            for side in (1, -1):
                _fill(fills, tape, _Quoted(side, twice, first, after), options.distances_bps)
        first = after
    duration_s = refreshes * options.every_ns / NS_PER_S
    points = [
        _point(distance, found, mids, options.horizons_ns, duration_s)
        for distance, found in zip(options.distances_bps, fills, strict=True)
    ]
    return Curve(refreshes=refreshes, duration_s=duration_s, points=tuple(points))


class _Quoted(NamedTuple):
    # One side from one refresh to the next, and the prints between them.
    side: int
    twice: int
    first: int
    after: int


def _fill(fills: list[list[Fill]], tape: Tape, quoted: _Quoted, distances_bps: Sequence[float]) -> None:
    # Prints are walked once for all distances: the first print through a far quote comes no earlier than the
    # first through a near one.
    side, twice, at, after = quoted
    for place, distance in enumerate(distances_bps):
        price = twice * (1 - side * distance / BPS)
        while at < after and side * (2 * tape.price[at] - price) >= 0:
            at += 1
        if at == after:
            return
        fills[place].append(Fill(tape.print_ns[at], side, price, twice))


def _point(
    distance: float, fills: Sequence[Fill], mids: Mids, horizons_ns: Sequence[int], duration_s: float
) -> Point:
    bids = sum(1 for fill in fills if fill.side > 0)
    fills = sorted(fills)
    markouts = []
    for horizon in horizons_ns:
        values = [
            fill.side * (mids.at(fill.ts_ns + horizon) - fill.price_twice) / fill.mid_twice * BPS
            for fill in fills
        ]
        cluster = max(NS_PER_S, horizon)
        markouts.append(mean_of(values, [fill.ts_ns // cluster for fill in fills]))
    return Point(
        distance_bps=distance,
        bids=bids,
        asks=len(fills) - bids,
        rate_per_s=len(fills) / (2 * duration_s) if duration_s else 0.0,
        markouts=tuple(markouts),
    )
