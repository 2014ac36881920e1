"""Return for risk, against the formulas on plain lists."""

from itertools import pairwise
from math import exp, log, sqrt
from random import Random
from statistics import mean, stdev

import pytest

from mm.analytics.performance import INTERVALS_MIN, WINDOW, Mark, Performance

PER_QUOTE = 1_000
YEAR = sqrt(365 * 1_440)


def mark(number: int, equity: int) -> Mark:
    """Return a mark at a minute with an equity in fine units."""
    return Mark(
        ts_ns=number * 60 * 10**9,
        equity_fine=equity,
        spread_half=0,
        revaluation_half=0,
        costs_fine=0,
        fills=0,
        inventory_lots=0,
        mid_half_ticks=1,
    )


def path(seed: int, count: int) -> list[int]:
    """Return an equity that wanders and rises a little."""
    dice, equity, made = Random(seed), 0, [0]
    for _ in range(count):
        equity += dice.randint(-3_000, 3_400)
        made.append(equity)
    return made


@pytest.mark.parametrize("seed", range(4))
def test_ratios_are_those_of_the_formulas(seed: int) -> None:
    """Sharpe with its error, Sortino, drawdown, certainty equivalent of a day, the worst ten minutes."""
    equity, told = path(seed, 400), Performance(PER_QUOTE, 0.05)
    for number, value in enumerate(equity):
        told.see(value)
        told.sample(mark(number, value))
    gains = [(b - a) / PER_QUOTE for a, b in pairwise(equity)]
    ratio = mean(gains) / stdev(gains)
    assert told.count == 400
    assert told.mean_quote == pytest.approx(mean(gains))
    assert told.deviation_quote == pytest.approx(stdev(gains))
    error = sqrt((1 + ratio * ratio / 2) / 400) * YEAR
    assert told.sharpe is not None
    assert list(told.sharpe) == pytest.approx([ratio * YEAR, error])
    downside = sqrt(mean(min(0.0, gain) ** 2 for gain in gains))
    assert told.sortino == pytest.approx(mean(gains) / downside * YEAR)
    certain = -log(mean(exp(-0.05 * gain) for gain in gains)) / 0.05 * 1_440
    assert told.certain_quote_per_day == pytest.approx(certain)
    assert told.drawdown_fine == max(max(equity[: at + 1]) - value for at, value in enumerate(equity))
    worst = max(
        equity[a] - equity[b]
        for a in range(401)
        for b in range(a + 1, min(a + WINDOW, 400) + 1)
        if b - a == min(WINDOW, b)
    )
    found = told.worst(mark(400, equity[-1]))
    assert found is not None
    assert found[0].equity_fine - found[1].equity_fine == worst


def test_a_short_run_tells_its_drawdown_and_nothing_else() -> None:
    """A ratio of a few minutes is chance."""
    told = Performance(PER_QUOTE, 1.0)
    told.sample(mark(0, 0))
    assert (told.worst(mark(0, 0)), told.deviation_quote, told.mean_quote) == (None, 0.0, 0.0)
    for number in range(1, INTERVALS_MIN):
        told.sample(mark(number, -number))
    told.see(5)
    told.see(-7)
    told.see(-6)
    assert (told.sharpe, told.sortino, told.certain_quote_per_day) == (None, None, None)
    assert (told.peak_fine, told.drawdown_fine) == (5, 12)


def test_a_loss_of_the_minute_that_is_not_over_is_in_the_worst_window() -> None:
    """A run that ends, or is looked at, within a minute lost what it lost; the window is ten minutes long."""
    equity, told = path(3, 30), Performance(PER_QUOTE, 1.0)
    for number, value in enumerate(equity):
        told.sample(mark(number, value))
    before = told.worst(mark(30, equity[-1]))
    assert before is not None
    assert before[1].ts_ns <= mark(30, 0).ts_ns
    ruin = mark(30, -90_000)._replace(ts_ns=mark(30, 0).ts_ns + 7 * 10**9)
    assert told.worst(ruin) == (mark(30 - WINDOW + 1, equity[30 - WINDOW + 1]), ruin)
    assert told.worst(ruin._replace(equity_fine=90_000)) == before


def test_a_run_of_less_than_a_minute_has_a_worst_window() -> None:
    """From its start to where it stands."""
    told = Performance(PER_QUOTE, 1.0)
    told.sample(mark(0, 0))
    now = mark(0, -5)._replace(ts_ns=10**9)
    assert told.worst(now) == (mark(0, 0), now)


def test_a_run_without_risk_or_without_a_loss_has_no_ratio() -> None:
    """Nothing is divided by nothing."""
    told = Performance(PER_QUOTE, 1.0)
    for number in range(INTERVALS_MIN + 2):
        told.sample(mark(number, 0))
    assert (told.sharpe, told.sortino) == (None, None)
    assert told.certain_quote_per_day == 0.0


def test_a_ruinous_interval_does_not_overflow() -> None:
    """The certainty equivalent is as bad as the aversion lets it be."""
    told = Performance(1, 1.0)
    for number in range(INTERVALS_MIN + 1):
        told.sample(mark(number, -number * 10**9))
    assert told.certain_quote_per_day == pytest.approx(-600 * 1_440)


def test_what_was_not_seen_is_no_interval() -> None:
    """After a hole the next interval begins anew."""
    told = Performance(PER_QUOTE, 1.0)
    told.sample(mark(0, 0))
    told.restart(mark(500, -9_000))
    told.sample(mark(501, -8_000))
    assert (told.count, told.mean_quote) == (1, 1.0)


def test_sums_are_those_of_the_intervals() -> None:
    """Powers of the gains in quote units, and the mean exponential loss of the certainty equivalent."""
    equity, told = path(9, 60), Performance(PER_QUOTE, 0.05)
    for number, value in enumerate(equity):
        told.sample(mark(number, value))
    gains = [(b - a) / PER_QUOTE for a, b in pairwise(equity)]
    sums = told.sums
    assert sums.intervals == 60
    assert list(sums[1:5]) == pytest.approx([sum(gain**power for gain in gains) for power in (1, 2, 3, 4)])
    assert sums.loss == pytest.approx(sum(exp(-0.05 * gain) for gain in gains))
