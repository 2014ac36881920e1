"""What makers at the touch got: the markouts of every print of a tape, seen from its maker's side.

    markout(h) = s * (mid(t + h) - price) / price,   s = 1 where the maker bought
    impact(h)  = markout(0) - markout(h)

The effective half-spread is markout(0); a quote breaks even at the half-spread fee + impact(h), and at the
touch it needs a rebate of -markout(h). Prints whose horizon ends after the tape count for no markout.
Invariant: the impact is taken print by print, so its error is that of the difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mm.analytics.fit_mean import Mean, mean_of
from mm.analytics.markets import BPS, Mids, Tape
from mm.domain.units import NS_PER_S

HORIZONS_NS: Final = (
    100_000_000,
    500_000_000,
    NS_PER_S,
    5 * NS_PER_S,
    30 * NS_PER_S,
    60 * NS_PER_S,
)
"""Horizons that markouts are usually told at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """Makers' results after one horizon, in basis points, clustered by second or horizon if that is longer.

    Fields: markout: each print counts once; weighted: each by its value; impact: how far the mid went
    against the maker; half_spread: markout at once, of the same prints.
    """

    horizon_ns: int
    markout: Mean
    weighted: Mean
    impact: Mean
    half_spread: Mean


def touch_markouts(tape: Tape, mids: Mids, horizons_ns: Sequence[int] = HORIZONS_NS) -> tuple[Touch, ...]:
    """Return the results at each horizon that the tape is long enough for."""
    return tuple(
        _touch(tape, mids, horizon)
        for horizon in horizons_ns
        if tape.print_ns and tape.print_ns[0] + horizon <= tape.top_ns[-1]
    )


def _touch(tape: Tape, mids: Mids, horizon_ns: int) -> Touch:
    end_ns = tape.top_ns[-1] - horizon_ns
    cluster_ns = max(NS_PER_S, horizon_ns)
    keys, markouts, halves, impacts, weights = [], [], [], [], []
    for at_ns, price, size, aggressor in zip(
        tape.print_ns, tape.price, tape.size, tape.aggressor, strict=True
    ):
        if at_ns > end_ns:
            break
        before, after = mids.at(at_ns), mids.at(at_ns + horizon_ns)
        scale = -aggressor * BPS / (2 * price)
        keys.append(at_ns // cluster_ns)
        markouts.append(scale * (after - 2 * price))
        halves.append(scale * (before - 2 * price))
        impacts.append(scale * (before - after))
        weights.append(1.0 * price * size)
    return Touch(
        horizon_ns=horizon_ns,
        markout=mean_of(markouts, keys),
        weighted=mean_of(markouts, keys, weights),
        impact=mean_of(impacts, keys),
        half_spread=mean_of(halves, keys),
    )
