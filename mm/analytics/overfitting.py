"""How much of a best result is luck: Sharpe ratios after a search, and how often a choice does not hold.

Sources: Bailey, Lopez de Prado, "The Sharpe Ratio Efficient Frontier" (2012) for the probabilistic Sharpe
ratio; the same, "The Deflated Sharpe Ratio" (2014); Bailey, Borwein, Lopez de Prado, Zhu, "The Probability of
Backtest Overfitting" (2017) for combinatorially symmetric cross-validation. Ratios are of one interval, never
of a year. Invariant: what cannot be known is None, never a number that looks good.
"""

from collections.abc import Callable, Sequence
from itertools import combinations
from math import e, log, sqrt
from statistics import NormalDist
from typing import Final, NamedTuple

from mm.analytics.performance import INTERVAL_NS, Sums
from mm.domain.units import NS_PER_S

EULER_MASCHERONI: Final = 0.5772156649015329

BLOCKS_MAX: Final = 10
"""Blocks that are combined, 252 ways for 10; of more, neighbours are joined."""

INTERVALS_PER_DAY: Final = 86_400 * NS_PER_S / INTERVAL_NS

_NORMAL: Final = NormalDist()

Score = Callable[[int, Sequence[int]], float]
"""How good a trial was in some blocks: number of the trial, numbers of the blocks."""


def pooled(parts: Sequence[Sums]) -> Sums:
    """Return the sums of several runs as those of one."""
    return Sums(
        sum(part.intervals for part in parts),
        sum(part.first for part in parts),
        sum(part.second for part in parts),
        sum(part.third for part in parts),
        sum(part.fourth for part in parts),
        sum(part.loss for part in parts),
    )


def certain_per_day(sums: Sums, aversion: float) -> float | None:
    """Return the CARA certainty equivalent of a day, quote units; None without an interval."""
    if not sums.intervals:
        return None
    return -log(sums.loss / sums.intervals) / aversion * INTERVALS_PER_DAY


class Shape(NamedTuple):
    """The P&L of intervals. Fields: intervals: how many; ratio: mean over standard deviation (n - 1);
    skewness; kurtosis: 3 for the normal distribution.
    """

    intervals: int
    ratio: float
    skewness: float
    kurtosis: float


def shape(sums: Sums) -> Shape | None:
    """Return the shape of what was summed; None for fewer than two intervals, or where all are alike."""
    n = sums.intervals
    if n < 2:
        return None
    mean = sums.first / n
    second = sums.second / n - mean**2
    if second <= 1e-12 * sums.second / n:
        return None
    third = sums.third / n - 3 * mean * sums.second / n + 2 * mean**3
    fourth = sums.fourth / n - 4 * mean * sums.third / n + 6 * mean**2 * sums.second / n - 3 * mean**4
    return Shape(n, mean / sqrt(second * n / (n - 1)), third / second**1.5, fourth / second**2)


def probabilistic_sharpe(found: Shape, benchmark: float = 0.0) -> float:
    """Return the probability that the true ratio is above `benchmark`, both of one interval.

    PSR = Phi((SR - SR*) sqrt(T - 1) / sqrt(1 - skewness SR + (kurtosis - 1) / 4 SR^2)).
    """
    ratio = found.ratio
    spread = 1 - found.skewness * ratio + (found.kurtosis - 1) / 4 * ratio**2
    return _NORMAL.cdf((ratio - benchmark) * sqrt(found.intervals - 1) / sqrt(max(spread, 1e-12)))


def expected_largest(trials: int, deviation: float) -> float:
    """Return the largest ratio that so many trials without any worth show on average.

    SR0 = deviation ((1 - g) Z(1 - 1/N) + g Z(1 - 1/(N e))), g the Euler-Mascheroni constant, Z the inverse of
    the normal distribution. Args: trials: N >= 1; deviation: standard deviation of the trials' ratios.
    """
    if trials < 2:
        return 0.0
    first, second = _NORMAL.inv_cdf(1 - 1 / trials), _NORMAL.inv_cdf(1 - 1 / (trials * e))
    return deviation * ((1 - EULER_MASCHERONI) * first + EULER_MASCHERONI * second)


def deflated_sharpe(found: Shape, trials: int, deviation: float) -> float:
    """Return the probability that the best of so many trials is better than luck: PSR against SR0."""
    return probabilistic_sharpe(found, expected_largest(trials, deviation))


class Overfitting(NamedTuple):
    """Fields: probability: share of the ways to halve the blocks in which the best of one half was no better
    than the median in the other; ways: how many there are.
    """

    probability: float
    ways: int


def overfitting_probability(trials: int, blocks: int, score: Score) -> Overfitting | None:
    """Return how often a choice would not have held; None for fewer than two trials or blocks.

    Each way to halve the blocks is one choice. Of an odd number of blocks the last two are one; of more than
    `BLOCKS_MAX`, neighbours are.
    """
    if trials < 2 or blocks < 2:
        return None
    parts = joined(blocks)
    failed = ways = 0
    for chosen in combinations(range(len(parts)), len(parts) // 2):
        inside = [block for at in chosen for block in parts[at]]
        outside = [block for at, part in enumerate(parts) if at not in chosen for block in part]
        best = max(range(trials), key=lambda trial, inside=inside: score(trial, inside))  # type: ignore[misc]  # a lambda with a default has no types
        after = [score(trial, outside) for trial in range(trials)]
        ways += 1
        failed += _rank(after, best) <= (trials + 1) / 2
    return Overfitting(failed / ways, ways)


def joined(blocks: int) -> list[list[int]]:
    """Return the numbers of blocks in an even number of groups of neighbours, at most `BLOCKS_MAX`."""
    count = min(BLOCKS_MAX, blocks - blocks % 2)
    return [list(range(at * blocks // count, (at + 1) * blocks // count)) for at in range(count)]


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return Spearman's correlation of two equally long rows; None for fewer than three, or without order."""
    if len(first) < 3:
        return None
    one, other = _ranks(first), _ranks(second)
    middle = (len(first) + 1) / 2
    both = sum((a - middle) * (b - middle) for a, b in zip(one, other, strict=True))
    spread = sqrt(sum((a - middle) ** 2 for a in one) * sum((b - middle) ** 2 for b in other))
    return both / spread if spread else None


def deviation(values: Sequence[float]) -> float:
    """Return the standard deviation (n - 1) of some values, 0 for fewer than two."""
    if len(values) < 2:
        return 0.0
    mean = sum(values) / len(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _rank(values: Sequence[float], which: int) -> float:
    # From 1 for the least; equal ones share the mean of their places.
    mine = values[which]
    less = sum(value < mine for value in values)
    alike = sum(value == mine for value in values)
    return less + (alike + 1) / 2


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=lambda at: values[at])
    ranks = [0.0] * len(values)
    at = 0
    while at < len(order):
        end = at
        while end < len(order) and values[order[end]] == values[order[at]]:
            end += 1
        for place in order[at:end]:
            ranks[place] = (at + 1 + end) / 2
        at = end
    return ranks
