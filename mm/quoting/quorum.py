"""A price by vote of several sources: who is believed, how far off each is, what those who count agree on.

A source counts if it says a price, is fresh, lies within a bound of the own mid, and within another of the
median of all that passed so far. The price is the weighted median or mean of those who count. Everything is
reckoned in half ticks from the own mid, so that mirrored sources give the mirrored price to the last bit.

Pure: numbers in, numbers out. Invariant: a source that does not count says why, and moves nothing but the
median that it was measured by.
"""

from collections.abc import Sequence
from enum import StrEnum
from math import inf
from typing import Final, NamedTuple

NO_PRICE: Final = "no price"
STALE: Final = "stale"
FAR_FROM_OWN: Final = "far from the own book"
FAR_FROM_MEDIAN: Final = "far from the median"
"""Why a source does not count."""


class Vote(StrEnum):
    """What of those who count is the price."""

    MEDIAN = "median"
    MEAN = "mean"


class Source(NamedTuple):
    """What one source says.

    Fields: price_half_ticks: in own half ticks; 0, less or no number: none. weight: > 0. age_ns, age_ns_max:
    how old it is and may be. why: it does not count for that reason already, "" if there is none.
    """

    price_half_ticks: float
    weight: float
    age_ns: int
    age_ns_max: int
    why: str = ""


class Bounds(NamedTuple):
    """Who is believed. Fields: apart, own_apart: how far from the median and from the own mid, half ticks."""

    apart: float
    own_apart: float


class Verdict(NamedTuple):
    """What became of a source.

    Fields: why: it does not count, "" if it does. offset: from the own mid, half ticks; apart: from the
    median, 0 where it was not compared with that.
    """

    why: str
    offset: float
    apart: float = 0.0


class Tally(NamedTuple):
    """What a vote came to. Fields: offset: of the price from the own mid, half ticks, 0 where none counts."""

    offset: float
    counted: int
    verdicts: tuple[Verdict, ...]


def tally(sources: Sequence[Source], mid_half_ticks: int, bounds: Bounds, vote: Vote) -> Tally:
    """Return the vote of `sources`, verdicts in their order."""
    first = [_alone(source, mid_half_ticks, bounds) for source in sources]
    heard = [verdict.offset for verdict in first if not verdict.why]
    if not heard:
        return Tally(0.0, 0, tuple(first))
    median = weighted_median([(offset, 1.0) for offset in heard])
    verdicts = [verdict if verdict.why else _compared(verdict, median, bounds) for verdict in first]
    counting = [
        (verdict.offset, source.weight)
        for source, verdict in zip(sources, verdicts, strict=True)
        if not verdict.why
    ]
    if not counting:
        return Tally(0.0, 0, tuple(verdicts))
    offset = weighted_median(counting) if vote is Vote.MEDIAN else weighted_mean(counting)
    return Tally(offset, len(counting), tuple(verdicts))


def weighted_median(rows: Sequence[tuple[float, float]]) -> float:
    """Return the value with half of all weight on either side; the middle of two where both halves meet.

    Args: rows: values and their weights, > 0; at least one.
    """
    ordered = sorted(rows)
    half = sum(weight for _, weight in ordered) / 2
    below = _reached(ordered, half)
    above = _reached(ordered[::-1], half)
    return (below + above) / 2


def weighted_mean(rows: Sequence[tuple[float, float]]) -> float:
    """Return the mean of values by their weights, > 0; at least one."""
    return sum(value * weight for value, weight in rows) / sum(weight for _, weight in rows)


def _reached(ordered: Sequence[tuple[float, float]], half: float) -> float:
    # The first value up to which there is half of the weight; the last one is, however sums are rounded.
    reached = 0.0
    for value, weight in ordered[:-1]:
        reached += weight
        if reached >= half:
            return value
    return ordered[-1][0]


def _alone(source: Source, mid_half_ticks: int, bounds: Bounds) -> Verdict:
    price, why = source.price_half_ticks, source.why
    if not 0 < price < inf:
        return Verdict(why or NO_PRICE, 0.0)
    offset = price - mid_half_ticks
    if not why and source.age_ns > source.age_ns_max:
        why = STALE
    if not why and abs(offset) > bounds.own_apart:
        why = FAR_FROM_OWN
    return Verdict(why, offset)


def _compared(verdict: Verdict, median: float, bounds: Bounds) -> Verdict:
    apart = verdict.offset - median
    return Verdict(FAR_FROM_MEDIAN if abs(apart) > bounds.apart else "", verdict.offset, apart)
