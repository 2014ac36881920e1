"""Luck after a search, against the numbers of the papers and against plain lists."""

from math import exp, inf, log, sqrt
from random import Random
from statistics import mean, stdev

import pytest

from mm.analytics.overfitting import (
    BLOCKS_MAX,
    Shape,
    certain_per_day,
    deflated_sharpe,
    deviation,
    expected_largest,
    joined,
    overfitting_probability,
    pooled,
    probabilistic_sharpe,
    rank_correlation,
    shape,
)
from mm.analytics.performance import Sums

YEAR = 250
"""Trading days in a year of the papers' examples."""


def sums(gains: list[float], aversion: float = 0.01) -> Sums:
    """Return what some gains add up to."""
    first, second, third, fourth = (sum(gain**power for gain in gains) for power in (1, 2, 3, 4))
    return Sums(len(gains), first, second, third, fourth, sum(exp(-aversion * gain) for gain in gains))


def gains(seed: int, count: int, *, rise: float = 0.1) -> list[float]:
    """Return gains that lean to losses now and then."""
    dice = Random(seed)
    return [dice.gauss(rise, 1.0) - (5.0 if dice.random() < 0.02 else 0.0) for _ in range(count)]


def test_the_example_of_the_paper_comes_out() -> None:
    """Five years of daily returns, 100 trials whose yearly ratios have a variance of 1/2: SR0 is 0.1132 and
    the deflated ratio 0.9004; with 46 trials it is 0.9505, and with 88 if returns were normal.
    """
    found = Shape(5 * YEAR, 2.5 / sqrt(YEAR), -3.0, 10.0)
    spread = sqrt(0.5 / YEAR)

    assert expected_largest(100, spread) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(found, 100, spread) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(found, 46, spread) == pytest.approx(0.9505, abs=5e-5)
    normal = found._replace(skewness=0.0, kurtosis=3.0)
    assert deflated_sharpe(normal, 88, spread) == pytest.approx(0.9505, abs=5e-5)


def test_one_trial_needs_no_deflation() -> None:
    """The best of one is that one: luck shows nothing."""
    assert expected_largest(1, 3.0) == 0.0


def test_largest_of_worthless_trials_is_that_of_the_formula() -> None:
    """The mean of the largest of N normal numbers, by drawing them."""
    dice = Random(5)
    drawn = mean(max(dice.gauss(0, 2.0) for _ in range(50)) for _ in range(4_000))
    assert expected_largest(50, 2.0) == pytest.approx(drawn, rel=0.03)


def test_a_ratio_above_its_benchmark_is_more_likely_than_not() -> None:
    """One half at the benchmark; skewed losses and fat tails make it less certain."""
    plain = Shape(400, 0.1, 0.0, 3.0)
    assert probabilistic_sharpe(plain, 0.1) == pytest.approx(0.5)
    assert probabilistic_sharpe(plain) > 0.97
    assert probabilistic_sharpe(plain._replace(skewness=-2.0, kurtosis=12.0)) < probabilistic_sharpe(plain)
    assert probabilistic_sharpe(Shape(2, 1.0, 2.0, 5.0)) == 0.5 or probabilistic_sharpe(plain, inf) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_pooled_sums_are_those_of_all_gains(seed: int) -> None:
    """Three windows judged as one run give what one list gives: ratio, skewness, kurtosis, certainty."""
    parts = [gains(seed * 10 + at, 50 + 30 * at) for at in range(3)]
    whole = [gain for part in parts for gain in part]
    together = pooled([sums(part) for part in parts])
    found = shape(together)

    assert found is not None
    n, middle = len(whole), mean(whole)
    moments = [sum((gain - middle) ** power for gain in whole) / n for power in (2, 3, 4)]
    assert found.intervals == n
    assert found.ratio == pytest.approx(middle / stdev(whole))
    assert found.skewness == pytest.approx(moments[1] / moments[0] ** 1.5)
    assert found.kurtosis == pytest.approx(moments[2] / moments[0] ** 2)
    certain = -log(mean(exp(-0.01 * gain) for gain in whole)) / 0.01 * 1_440
    assert certain_per_day(together, 0.01) == pytest.approx(certain)


def test_what_cannot_be_known_is_none() -> None:
    """No interval, one interval, and intervals that are all alike have no shape."""
    assert certain_per_day(sums([]), 0.01) is None
    assert shape(sums([])) is None
    assert shape(sums([1.0])) is None
    assert shape(sums([2.0, 2.0, 2.0])) is None
    assert shape(sums([0.0, 0.0])) is None


def test_noise_is_overfitted_and_worth_is_not() -> None:
    """Of trials without worth about every second choice fails; one that is better everywhere never does."""
    dice = Random(11)
    noise = [[dice.gauss(0, 1) for _ in range(8)] for _ in range(60)]

    def score(trial: int, blocks: object) -> float:
        assert isinstance(blocks, list)
        return sum(noise[trial][at] for at in blocks)

    found = overfitting_probability(60, 8, score)
    assert found is not None
    assert found.ways == 70
    assert found.probability > 0.3
    noise[17] = [value + 9 for value in noise[17]]
    better = overfitting_probability(60, 8, score)
    assert better is not None
    assert better.probability == 0.0


def test_trials_that_are_all_alike_say_nothing() -> None:
    """Where no trial is better than another each choice has failed; one trial, or one block, is no choice."""
    found = overfitting_probability(5, 4, lambda _trial, _blocks: 1.0)
    assert found is not None
    assert found.probability == 1.0
    assert overfitting_probability(1, 4, lambda _trial, _blocks: 1.0) is None
    assert overfitting_probability(4, 1, lambda _trial, _blocks: 1.0) is None


@pytest.mark.parametrize("blocks", range(2, 40))
def test_blocks_are_joined_evenly_and_none_is_lost(blocks: int) -> None:
    """An even number of groups of neighbours, whose sizes differ by one at most."""
    groups = joined(blocks)
    assert [block for group in groups for block in group] == list(range(blocks))
    assert len(groups) % 2 == 0
    assert len(groups) <= BLOCKS_MAX
    assert max(map(len, groups)) - min(map(len, groups)) <= 1


def test_ranks_are_correlated_as_they_are_ordered() -> None:
    """The same order is 1, the reverse -1, ties share their places; too few or no order at all is None."""
    assert rank_correlation([1, 5, 9, 12], [2, 3, 40, 41]) == pytest.approx(1.0)
    assert rank_correlation([1, 5, 9, 12], [9, 7, 4, 1]) == pytest.approx(-1.0)
    assert rank_correlation([1, 1, 2, 2], [1, 2, 1, 2]) == pytest.approx(0.0)
    assert rank_correlation([1, 2], [1, 2]) is None
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None


def test_deviation_is_that_of_a_sample() -> None:
    """As of the standard library; of one value it is 0."""
    assert deviation([1.0, 4.0, 9.0]) == pytest.approx(stdev([1.0, 4.0, 9.0]))
    assert deviation([3.0]) == 0.0
