"""Inventory over time: against a walk that is summed nanosecond by nanosecond and second by second."""

from itertools import pairwise
from math import exp, log, sqrt
from random import Random

import pytest

from mm.analytics.inventory import PAIRS_MIN, Inventory

S = 10**9


@pytest.mark.parametrize("seed", range(4))
def test_moments_extremes_and_half_life_are_those_of_the_path(seed: int) -> None:
    """Times off the grid of seconds, several changes in one second, long silences."""
    dice, start = Random(seed), 3 * S + 17
    told, path = Inventory(start), [(start, 0)]
    ts, lots, worst = start, 0, 0
    for _ in range(300):
        ts += dice.choice((0, 1, S // 3, S, 3 * S, 7 * S + 1))
        lots = lots + dice.randint(-4, 4) - lots // 3
        told.hold(ts, lots, 10)
        worst = max(worst, abs(lots) * 100_000)
        path.append((ts, lots))
    end = ts + 5 * S
    told.pass_time(end)
    spans = [(after - at, q) for (at, q), (after, _) in zip(path, [*path[1:], (end, 0)], strict=True)]
    total = end - start
    mean = sum(span * q for span, q in spans) / total
    assert told.mean_lots == pytest.approx(mean)
    assert told.mean_abs_lots == pytest.approx(sum(span * abs(q) for span, q in spans) / total)
    deviation = sqrt(sum(span * q * q for span, q in spans) / total - mean * mean)
    assert told.deviation_lots == pytest.approx(deviation)
    assert told.capped_ns == sum(span for span, q in spans if abs(q) >= 10)
    assert (told.max_lots, told.min_lots) == (max(q for _, q in path), min(q for _, q in path))
    assert told.worst_ppm == worst
    held = [_at(path, second * S) for second in range(-(-start // S), -(-end // S))]
    pairs = list(pairwise(held))
    slope = -sum(q * (after - q) for q, after in pairs) / sum(q * q for q, _ in pairs)
    assert told.pairs == len(pairs)
    assert told.half_life_s == pytest.approx(log(2) / slope)


def _at(path: list[tuple[int, int]], ts_ns: int) -> int:
    return [lots for at, lots in path if at <= ts_ns][-1]


def test_the_half_life_of_an_exponential_decay_is_its_own() -> None:
    """Large numbers, so that whole lots do not matter: q falls to half in 20 s."""
    told = Inventory(0)
    for second in range(200):
        told.hold(second * S, round(1e9 * exp(-log(2) * second / 20)), 0)
    # The regression's k is of a second's step: 1 - 2^(-1/20) where the rate is ln 2 / 20.
    assert told.half_life_s == pytest.approx(log(2) / (1 - 2 ** (-1 / 20)), rel=1e-6)


def test_nothing_is_told_of_too_short_a_time_or_of_what_does_not_come_back() -> None:
    """No half-life without enough samples, at rest, or while the inventory grows."""
    told = Inventory(0)
    told.hold(0, 5, 0)
    told.pass_time((PAIRS_MIN - 2) * S)
    assert told.half_life_s is None
    told.pass_time(10 * PAIRS_MIN * S)
    assert (told.half_life_s, told.worst_ppm, told.capped_ns) == (None, 0, 0)
    for second in range(10):
        told.hold((10 * PAIRS_MIN + second) * S, 5 + second, 0)
    assert told.half_life_s is None
    told.pass_time(0)
    assert told.lots == 14
