"""Bars: the vector, a naive reference, and what steps and drift do to each estimate."""

from math import log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.signals.candles import (
    BARS_MAX,
    METHODS,
    CandlesSpec,
    bar_variance,
    garman_klass,
    parkinson,
    rogers_satchell,
)

SECOND_NS = 1_000_000_000
START_NS = 1_800_000_000 * SECOND_NS
BAR = tuple(log(price) for price in (100, 102, 99, 101))


def test_the_formulas_give_the_known_vector() -> None:
    """Open 100, high 102, low 99, close 101, in logarithms."""
    open_, high, low, close = BAR
    assert parkinson(high, low) == pytest.approx(0.00032143224188557875, rel=1e-12)
    assert garman_klass(open_, high, low, close) == pytest.approx(0.00040735305352545447, rel=1e-12)
    assert rogers_satchell(open_, high, low, close) == pytest.approx(0.00039611477216840407, rel=1e-12)
    assert [bar_variance(method, *BAR) for method in METHODS] == [
        parkinson(high, low),
        garman_klass(*BAR),
        rogers_satchell(*BAR),
    ]


@pytest.mark.parametrize(
    ("steps", "known"),
    [(60, (0.842, 0.781, 0.778)), (600, (0.938, 0.917, 0.918))],
)
def test_seen_in_steps_the_extremes_fall_short(steps: int, known: tuple[float, float, float]) -> None:
    """By the known shares, within 3 standard errors of 2000 or 200 bars."""
    random, sums, bars = Random(3), [0.0, 0.0, 0.0], 120_000 // steps
    for _ in range(bars):
        at = high = low = 0.0
        for _ in range(steps):
            at += random.gauss(0, 1)
            high, low = max(high, at), min(low, at)
        for place, method in enumerate(METHODS):
            sums[place] += bar_variance(method, 0.0, high, low, at) / steps / bars

    # One bar's estimate has a relative deviation of 0.55 to 0.65.
    assert sums == pytest.approx(known, abs=3 * 0.65 / bars**0.5)


def test_a_drift_is_no_variance_to_rogers_and_satchell() -> None:
    """A straight line has none; the others take it for some."""
    line = (0.0, 10.0, 0.0, 10.0)
    assert rogers_satchell(*line) == 0
    assert garman_klass(*line) > 10
    assert parkinson(10.0, 0.0) > 30


def naive(path: list[tuple[int, int]], chosen: CandlesSpec, now_ns: int) -> list[float]:
    """Variances of the whole bars since the first mid."""
    found: list[float] = []
    start_ns, open_ = path[0]
    for begin_ns in range(start_ns, now_ns - chosen.bar_ns + 1, chosen.bar_ns):
        inside = [mid for ts_ns, mid in path if begin_ns <= ts_ns < begin_ns + chosen.bar_ns]
        # A bar begins where the one before closed; the first one with the first mid.
        seen = [open_, *inside] if begin_ns > start_ns else inside
        found.append(bar_variance(chosen.method, seen[0], max(seen), min(seen), seen[-1]))
        open_ = seen[-1]
    return found


paths = st.lists(st.tuples(st.integers(0, 8 * SECOND_NS), st.integers(90, 110)), min_size=1, max_size=25)


@given(paths, st.sampled_from(METHODS), st.integers(0, 60 * SECOND_NS))
def test_the_estimate_is_that_of_the_step_by_step_reference(
    steps: list[tuple[int, int]], method: str, after_ns: int
) -> None:
    """However many bars are passed over at once, and whenever it is read."""
    chosen = CandlesSpec(method=method, bar_ns=5 * SECOND_NS, bars=4, bars_min=2)
    path: list[tuple[int, int]] = []
    signal, now_ns = chosen.start(), START_NS
    for pause_ns, mid in steps:
        now_ns += max(1, pause_ns)
        if path and path[-1][0] == now_ns:
            path.pop()
        path.append((now_ns, mid))
        signal.on_mid(now_ns, mid)
    now_ns += after_ns
    bars = naive(path, chosen, now_ns)

    reading = signal.reading(now_ns)

    if len(bars) < 2:
        left_s = 5 * (2 - len(bars))
        assert reading.waits_for == f"volatility ({len(bars)} of 2 bars, {left_s} s more)"
    else:
        variance = sum(bars[-4:]) / len(bars[-4:]) / 5
        assert reading.value == pytest.approx(variance)
        assert reading.ready is (variance > 0)
        assert reading.ready or reading.waits_for == "volatility (a move of the mid within a bar)"


@pytest.mark.parametrize(
    "change", [{"method": "close"}, {"bar_ns": 0}, {"bars_min": 0}, {"bars_min": 31}, {"bars": BARS_MAX + 1}]
)
def test_a_spec_out_of_range_is_our_own_fault(change: dict[str, object]) -> None:
    """A strategy that asks for it fails at once."""
    with pytest.raises(AssertionError):
        CandlesSpec(**change)  # type: ignore[arg-type]  # what is wrong is the value
