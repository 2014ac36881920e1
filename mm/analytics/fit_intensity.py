"""How fast fills thin out with distance, from how deep market orders reached: A and k of A * exp(-k * d).

Market orders that reached at least d0 beyond the mid just before them are counted by whole ticks beyond it,
up to J where the band ends (censored); the law and its estimator are those of `mm.signals.intensity`. The mid
just before is the last that arrived, or what `fit_before` knows of it.

Real flow is not exponential over its whole range: the fit is one of a band, of each side and of both, and
`Fit.misfit` says how far the counts are from it.
Invariant: what cannot be fitted is None, and no error is given that the counts do not bear.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, exp, log, sqrt
from typing import Final, NamedTuple

from mm.analytics.markets import BPS, Mids, Tape, depth_twice, market_orders
from mm.signals.intensity import decay_error, decay_per_step, depth_steps, geometric_share, rate_at_mid

EXPONENT_MAX: Final = 600.0
"""A rate beyond exp of this is none."""

EXPECTED_MIN: Final = 5.0
"""Bins of the deviance are joined until so many are expected in each."""


class Band(NamedTuple):
    """Distances from the mid that a fit is made for, in basis points; 0 <= low < high."""

    low_bps: float
    high_bps: float


class Counts(NamedTuple):
    """What a fit is made of. Fields: steps: j of each order, from 0; most: J >= 1, where they are cut off."""

    steps: tuple[int, ...]
    most: int

    @property
    def uncut(self) -> int:
        """How many ended within the band."""
        return sum(1 for step in self.steps if step < self.most)

    @property
    def passed(self) -> int:
        """Ticks that were passed by all of them."""
        return sum(min(step, self.most) for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A and k of one band.

    Fields:
        orders: that reached the band. uncut: of these, that ended in it.
        decay_per_bps: k. rate_per_s: A, of one side. decay_error, rate_error: relative standard errors.
        misfit: largest distance of the shares that reached each tick from the fit (Kolmogorov-Smirnov).
        misfit_max: above this the flow is not exponential in this band, at 5 % if k were known beforehand
            (Kolmogorov). As it is fitted to the same counts, less is already too much; how much less depends
            on the band.
        deviance: of the counts from the fit, per degree of freedom; None if there are none.
        most: ticks of the band, J. decay_per_tick: k.
    """

    orders: int
    uncut: int
    decay_per_bps: float
    rate_per_s: float
    decay_error: float
    rate_error: float
    misfit: float
    misfit_max: float
    deviance: float | None
    most: int
    decay_per_tick: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BandFit:
    """The fits of a band: of both sides together, of orders that sell (they reach bids) and that buy.

    Fields: start_bps: d0, where the band begins on the grid. orders: that reached it, by side.
    """

    band: Band
    start_bps: float
    sells: int
    buys: int
    both: Fit | None
    bid: Fit | None
    ask: Fit | None


def band_fit(tape: Tape, mids: Mids, band: Band, before: Sequence[int] | None = None) -> BandFit:
    """Return the fits of a band.

    Args: before: twice the mid before each market order; None: the last one that arrived before its prints.
    """
    depths: list[tuple[int, int]] = []
    mid_sum = 0
    for number, order in enumerate(market_orders(tape)):
        twice = mids.before(tape.print_ns[order.first]) if before is None else before[number]
        depths.append((tape.aggressor[order.first], depth_twice(tape, twice, order)))
        mid_sum += twice
    mid_twice = mid_sum / len(depths) if depths else mids.twice[0]
    tick_bps = tape.tick * BPS * 2 / mid_twice
    # The grid's levels are half a tick off the mid where the spread is one tick.
    skipped = max(0, ceil(band.low_bps / tick_bps - 0.5))
    most = max(1, round((band.high_bps - band.low_bps) / tick_bps))
    start_twice = (2 * skipped + 1) * tape.tick
    start_bps = (skipped + 0.5) * tick_bps
    grid = _Grid(tick_bps, start_bps, tape.duration_s)
    steps = {side: _steps(depths, side, start_twice, 2 * tape.tick, most) for side in (1, -1)}
    return BandFit(
        band=band,
        start_bps=start_bps,
        sells=len(steps[-1]),
        buys=len(steps[1]),
        both=_fit(Counts((*steps[1], *steps[-1]), most), grid, sides=2),
        bid=_fit(Counts(steps[-1], most), grid, sides=1),
        ask=_fit(Counts(steps[1], most), grid, sides=1),
    )


def _steps(depths: Sequence[tuple[int, int]], side: int, start: int, step: int, most: int) -> tuple[int, ...]:
    found = (depth_steps(depth, start, step, most) for whose, depth in depths if whose == side)
    return tuple(steps for steps in found if steps >= 0)


class _Grid(NamedTuple):
    tick_bps: float
    start_bps: float
    duration_s: float


def _fit(counts: Counts, grid: _Grid, *, sides: int) -> Fit | None:
    orders, uncut, passed = len(counts.steps), counts.uncut, counts.passed
    if not uncut or not passed:
        return (
            None  # nothing ended in the band, or all at its first tick: its law has no end, or no beginning
        )
    share = geometric_share(uncut, passed)
    decay, error = decay_per_step(share), decay_error(share, uncut)
    exponent = decay * grid.start_bps / grid.tick_bps
    if exponent > EXPONENT_MAX:
        return None
    return Fit(
        orders=orders,
        uncut=uncut,
        decay_per_bps=decay / grid.tick_bps,
        rate_per_s=rate_at_mid(orders, sides * grid.duration_s, exponent),
        decay_error=error,
        rate_error=sqrt(1 / orders + (exponent * error) ** 2),
        misfit=_misfit(counts, decay),
        misfit_max=1.358 / sqrt(orders),
        deviance=_deviance(_tally(counts), orders, decay),
        most=counts.most,
        decay_per_tick=decay,
    )


def _tally(counts: Counts) -> list[int]:
    # How many ended at each tick of the band, and beyond it.
    found = [0] * (counts.most + 1)
    for step in counts.steps:
        found[min(step, counts.most)] += 1
    return found


def misfit_of(counts: Counts) -> float | None:
    """Return the misfit of counts to their own fit, None if there is none: for the law of `Fit.misfit`."""
    if not counts.uncut or not counts.passed:
        return None
    return _misfit(counts, decay_per_step(geometric_share(counts.uncut, counts.passed)))


def _misfit(counts: Counts, decay: float) -> float:
    left, worst = len(counts.steps), 0.0
    for step, ended in enumerate(_tally(counts)[:-1], start=1):
        left -= ended
        worst = max(worst, abs(left / len(counts.steps) - exp(-decay * step)))
    return worst


def _deviance(found: Sequence[int], orders: int, decay: float) -> float | None:
    bins: list[tuple[int, float]] = []
    seen, expected, reached = 0, 0.0, 1.0
    for step, ended in enumerate(found):
        after = exp(-decay * (step + 1)) if step < len(found) - 1 else 0.0
        seen, expected, reached = seen + ended, expected + orders * (reached - after), after
        if expected >= EXPECTED_MIN:
            bins.append((seen, expected))
            seen, expected = 0, 0.0
    if bins and expected:
        last_seen, last_expected = bins.pop()
        bins.append((last_seen + seen, last_expected + expected))
    degrees = len(bins) - 2
    if degrees < 1:
        return None
    return 2 * sum(seen * log(seen / expected) for seen, expected in bins if seen) / degrees
