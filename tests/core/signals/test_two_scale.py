"""Two time scales: the formula, a naive reference, and flicker that the plain variance mistakes for moves."""

from itertools import pairwise
from math import sqrt
from random import Random
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.signals.realised import RealisedSpec
from mm.signals.two_scale import SAMPLES_MAX, TwoScaleSpec, two_scale_variance

SECOND_NS = 1_000_000_000
START_NS = 1_800_000_000 * SECOND_NS


def naive(mids: list[int], scale: int) -> float:
    """The estimate from a whole window of mids, grid by grid."""
    count = len(mids) - 1
    fine = sum((b - a) ** 2 for a, b in pairwise(mids))
    grids = [mids[offset::scale] for offset in range(scale)]
    coarse = sum(sum((b - a) ** 2 for a, b in pairwise(grid)) for grid in grids) / scale
    mean = (count - scale + 1) / scale
    return (coarse - mean / count * fine) / (1 - mean / count)


def test_the_formula_is_that_of_the_grids() -> None:
    """Sums over all increments of a length are sums over the grids of that length."""
    mids = [5, 7, 4, 4, 9, 12, 11, 3, 8]
    fine = sum((mids[i] - mids[i - 1]) ** 2 for i in range(1, 9))
    coarse = sum((mids[i] - mids[i - 3]) ** 2 for i in range(3, 9))

    assert two_scale_variance(fine, coarse, 8, 3) == pytest.approx(naive(mids, 3))


paths = st.lists(st.tuples(st.integers(0, 4 * SECOND_NS), st.integers(90, 110)), min_size=1, max_size=25)


@given(paths, st.integers(0, 20 * SECOND_NS))
def test_the_window_is_that_of_the_step_by_step_reference(
    steps: list[tuple[int, int]], after_ns: int
) -> None:
    """However many samples are passed over at once, and whenever it is read."""
    chosen = TwoScaleSpec(sample_ns=SECOND_NS, coarse=2, samples=6)
    signal, now_ns, path = chosen.start(), START_NS, []
    for pause_ns, mid in steps:
        now_ns += pause_ns
        path.append((now_ns, mid))
        signal.on_mid(now_ns, mid)
    now_ns += after_ns
    grid = range(path[0][0] + SECOND_NS, now_ns + 1, SECOND_NS)
    mids = [path[0][1], *[[mid for ts_ns, mid in path if ts_ns < at_ns][-1] for at_ns in grid]]

    reading = signal.reading(now_ns)

    if len(mids) <= 6:
        left_s = 7 - len(mids)
        assert reading.waits_for == f"volatility ({len(mids) - 1} of 6 samples, {left_s} s more)"
    else:
        variance = naive(mids[-7:], 2) / 6
        assert reading.ready is (variance > 1e-12)
        assert reading.value == pytest.approx(variance if reading.ready else 0.0)


def test_before_any_mid_nothing_is_known() -> None:
    """Not even one sample."""
    assert TwoScaleSpec().start().reading(START_NS).waits_for == "volatility (0 of 600 samples)"


def test_flicker_is_no_volatility() -> None:
    """A walk of 4 per root second, read ten times a second through a bounce of plus or minus 6: the plain
    variance is twenty times too large, the other one right to a quarter.
    """
    random, walk = Random(11), 100_000.0
    plain = RealisedSpec(sample_ns=SECOND_NS // 10, samples=6_000, samples_min=1).start()
    scales = TwoScaleSpec(sample_ns=SECOND_NS // 10, coarse=100, samples=6_000).start()
    for step in range(6_002):
        walk += random.gauss(0, 4) * 0.1**0.5
        mid = round(walk) + random.choice((-6, 6))
        ts_ns = START_NS + step * SECOND_NS // 10 + 1_000_000 * (step > 0)
        plain.on_mid(ts_ns, mid)
        scales.on_mid(ts_ns, mid)

    now_ns = START_NS + 600 * SECOND_NS + 1_000_000
    assert plain.reading(now_ns).value > 20 * 16
    assert scales.reading(now_ns).value == pytest.approx(16, rel=0.25)


DEVIATION = 1_000
"""Half ticks that the walk moves in a second: fine enough for its tenths to be whole numbers."""


def through_a_bounce(seed: int) -> tuple[float, float]:
    """Volatility of trade prices and that of two scales, of a walk of 1 per root second read ten times a
    second through a bounce of half of that either way, over 1 000 seconds.
    """
    random, walk = Random(seed), 1e9
    plain = RealisedSpec(sample_ns=SECOND_NS // 10, samples=10_000, samples_min=1).start()
    scales = TwoScaleSpec(sample_ns=SECOND_NS // 10, coarse=100, samples=10_000).start()
    now_ns = START_NS
    for step in range(10_001):
        now_ns = START_NS + step * SECOND_NS // 10 + 1_000_000 * (step > 0)
        walk += random.gauss(0, DEVIATION) * sqrt(0.1)
        price = round(walk) + random.choice((-DEVIATION, DEVIATION)) // 2
        plain.on_mid(now_ns, price)
        scales.on_mid(now_ns, price)
    later_ns = START_NS + 1_000 * SECOND_NS + 1_000_000
    found = [sqrt(one.reading(later_ns).value) / DEVIATION for one in (plain, scales)]
    return found[0], found[1]


@pytest.mark.proof  # many samples
def test_trade_prices_read_too_much_and_two_scales_do_not() -> None:
    """The oracle of the reference: 2.448 where 1 is true, sqrt(1 + 2 h^2 / dt) = 2.449 in theory; 0.974
    by two scales of 100, one draw of what scatters around 1 by a twentieth.
    """
    plain, scales = zip(*(through_a_bounce(seed) for seed in range(24)), strict=True)

    assert fmean(plain) == pytest.approx(2.4495, abs=4 * stdev(plain) / sqrt(24))
    assert fmean(plain) == pytest.approx(2.448, abs=0.01)
    assert fmean(scales) == pytest.approx(1.0, abs=4 * stdev(scales) / sqrt(24))
    # The variance of such an estimate is 4 K / (3 n) of its square where there is no flicker.
    assert stdev(scales) == pytest.approx(sqrt(4 * 100 / (3 * 10_000)) / 2, rel=0.4)
    assert abs(0.974 - fmean(scales)) < 2 * stdev(scales)


def test_after_a_time_that_was_not_watched_increments_are_what_they_were() -> None:
    """The window goes on at the new price as if it had been there all the time."""
    chosen = TwoScaleSpec(sample_ns=SECOND_NS, coarse=2, samples=6)
    signal, shifted = chosen.start(), chosen.start()
    for second, mid in enumerate((100, 103, 101, 104, 108, 105, 107, 109)):
        signal.on_mid(START_NS + second * SECOND_NS + second, mid)
        shifted.on_mid(START_NS + second * SECOND_NS + second, mid + 50)
    end_ns = START_NS + 7 * SECOND_NS + 7

    signal.resume(end_ns)
    shifted.resume(end_ns)
    assert signal.reading(end_ns).ready
    signal.on_mid(end_ns, 999)
    shifted.on_mid(end_ns, 777)

    assert signal.reading(end_ns + 3 * SECOND_NS) == shifted.reading(end_ns + 3 * SECOND_NS)


@pytest.mark.parametrize(
    ("sample_ns", "coarse", "samples"), [(0, 2, 9), (1, 1, 9), (1, 5, 9), (1, 2, SAMPLES_MAX + 1)]
)
def test_a_spec_out_of_range_is_our_own_fault(sample_ns: int, coarse: int, samples: int) -> None:
    """A strategy that asks for it fails at once."""
    with pytest.raises(AssertionError):
        TwoScaleSpec(sample_ns=sample_ns, coarse=coarse, samples=samples)
