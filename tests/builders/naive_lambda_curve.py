"""The curve of `mm.analytics.lambda_curve` computed print by print from its definition, with no structure."""

from statistics import fmean, pstdev
from typing import NamedTuple

from mm.analytics.lambda_curve import CurveOptions
from mm.analytics.markets import Tape

S = 1_000_000_000


class NaivePoint(NamedTuple):
    """One distance. Fields: bids, asks: fills; means, errors: of the markouts, per horizon."""

    bids: int
    asks: int
    rate_per_s: float
    means: tuple[float, ...]
    errors: tuple[float, ...]


class MidWalk:
    """The mid at times that are asked in any order, found by looking from the end of what is known."""

    def __init__(self, tape: Tape) -> None:
        """Keep every best price."""
        self.known = [
            (at, (bid + ask) / 2) for at, bid, ask in zip(tape.top_ns, tape.bid, tape.ask, strict=True)
        ]
        self.place = 0

    def at(self, ts_ns: int) -> float:
        """Return the mid as of a time."""
        while self.place and self.known[self.place][0] > ts_ns:
            self.place -= 1
        while self.place + 1 < len(self.known) and self.known[self.place + 1][0] <= ts_ns:
            self.place += 1
        return self.known[self.place][1]


def naive_curve(tape: Tape, options: CurveOptions) -> list[NaivePoint]:
    """Return each distance by itself."""
    begin = tape.top_ns[0] + S
    end = tape.top_ns[-1] - max(options.horizons_ns) - S
    refreshes = max(0, (end - begin) // options.every_ns)
    return [_point(tape, options, distance, (begin, refreshes)) for distance in options.distances_bps]


def _point(tape: Tape, options: CurveOptions, distance: float, grid: tuple[int, int]) -> NaivePoint:
    begin, refreshes = grid
    walk = MidWalk(tape)
    counts: list[int] = []
    values: list[list[float]] = []
    for side in (1, -1):
        filled: list[int] = []
        for at, price in zip(tape.print_ns, tape.price, strict=True):
            number = (at - begin - 1) // options.every_ns  # g < t <= g + R
            if not 0 <= number < refreshes or (filled and filled[-1] == number):
                continue
            mid = walk.at(begin + number * options.every_ns)
            quote = mid * (1 - distance * 1e-4) if side > 0 else mid * (1 + distance * 1e-4)
            if (price < quote) if side > 0 else (price > quote):
                filled.append(number)
                values.append(
                    [(walk.at(at + horizon) - quote) * side / mid * 1e4 for horizon in options.horizons_ns]
                )
        counts.append(len(filled))
    by_horizon = list(zip(*values, strict=True))
    return NaivePoint(
        bids=counts[0],
        asks=counts[1],
        rate_per_s=len(values) / (2 * refreshes * options.every_ns / S) if refreshes else 0.0,
        means=tuple(fmean(found) for found in by_horizon),
        errors=tuple(pstdev(found) / len(found) ** 0.5 for found in by_horizon),
    )
