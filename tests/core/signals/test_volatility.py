"""The volatility of the mid: hand-made paths, a step-by-step reference, and its accuracy on a known walk."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.sides import Side
from mm.signals.volatility import Volatility, VolatilitySpec

SECOND_NS = 1_000_000_000
START_NS = 1_800_000_000 * SECOND_NS


def fed(spec: VolatilitySpec, path: list[tuple[float, int]]) -> Volatility:
    """The signal after these (seconds since the start, mid in half ticks)."""
    signal = spec.start()
    for seconds, mid in path:
        signal.on_mid(START_NS + round(seconds * SECOND_NS), mid)
    return signal


def variance_at(signal: Volatility, seconds: float) -> float:
    """The estimate as of that many seconds after the start."""
    return signal.reading(START_NS + round(seconds * SECOND_NS)).value


def spec(*, sample_s: float = 1.0, half_life_s: float = 60.0, samples_min: int = 3) -> VolatilitySpec:
    """A spec in seconds."""
    return VolatilitySpec(
        sample_ns=round(sample_s * SECOND_NS),
        half_life_ns=round(half_life_s * SECOND_NS),
        samples_min=samples_min,
    )


def test_the_first_samples_are_averaged_plainly() -> None:
    """Moves of 2, 0 and 4 half ticks in three seconds are (4 + 0 + 16) / 3 per second."""
    signal = fed(spec(), [(0, 100), (0.5, 102)])
    before = [variance_at(signal, seconds) for seconds in (0.5, 1, 2)]
    signal.on_mid(START_NS + 5 * SECOND_NS // 2, 106)

    assert before == [0, 4, 2]
    assert variance_at(signal, 3) == pytest.approx(20 / 3)


def test_later_samples_decay_with_the_half_life() -> None:
    """With a half-life of one sample every sample weighs one half from the second on."""
    signal = fed(spec(half_life_s=1), [(0, 100), (0.5, 104)])

    assert [variance_at(signal, seconds) for seconds in (1, 2, 3, 4, 12)] == [16, 8, 4, 2, 2**-7]


def test_the_variance_is_per_second_whatever_the_spacing() -> None:
    """A move of 3 in a sample of a quarter of a second is 36 per second."""
    signal = fed(spec(sample_s=0.25), [(0, 100), (0.1, 103)])

    assert variance_at(signal, 0.25) == 36


def test_a_mid_that_returns_within_a_sample_has_not_moved() -> None:
    """Flicker between samples is no volatility."""
    signal = fed(spec(), [(0, 100), (0.2, 101), (0.4, 100), (0.6, 101), (0.8, 100), (1.1, 100)])

    assert variance_at(signal, 1) == 0


def test_it_is_ready_after_enough_samples_and_a_first_move() -> None:
    """And says what it waits for until then; silence counts as samples."""
    signal = spec().start()
    readings = [signal.reading(START_NS)]
    signal.on_mid(START_NS, 100)
    readings += [signal.reading(START_NS + seconds * SECOND_NS) for seconds in (0, 2, 3)]
    signal.on_mid(START_NS + 7 * SECOND_NS, 101)
    readings += [signal.reading(START_NS + seconds * SECOND_NS) for seconds in (7, 8)]

    assert [(reading.ready, reading.waits_for) for reading in readings] == [
        (False, "volatility (0 of 3 samples)"),
        (False, "volatility (0 of 3 samples, 3 s more)"),
        (False, "volatility (2 of 3 samples, 1 s more)"),
        (False, "volatility (a first move of the mid)"),
        (False, "volatility (a first move of the mid)"),
        (True, ""),
    ]


def test_trades_are_ignored() -> None:
    """Trade prices bounce between bid and ask; only the mid counts."""
    signal = fed(spec(), [(0, 100), (0.5, 102)])
    before = signal.state()

    signal.on_trade(START_NS + SECOND_NS, 1, 1, Side.BUY)

    assert signal.state() == before


def test_every_number_it_remembers_is_in_its_state() -> None:
    """Whatever it was told shows in the state: the digest sees every difference."""
    told: tuple[list[tuple[float, int]], ...] = (
        [],
        [(0, 100)],
        [(0, 100), (0.5, 102)],
        [(0, 100), (0.5, 102), (1.5, 102)],
    )

    states = [fed(spec(), path).state() for path in told]

    assert len(dict.fromkeys(states)) == 4


@pytest.mark.parametrize(
    ("sample_ns", "half_life_ns", "samples_min"), [(0, 1, 1), (2, 1, 1), (1, 1_000_001, 1), (1, 1, 0)]
)
def test_a_spec_out_of_range_is_our_own_fault(sample_ns: int, half_life_ns: int, samples_min: int) -> None:
    """A strategy that asks for it fails at once."""
    with pytest.raises(AssertionError):
        VolatilitySpec(sample_ns=sample_ns, half_life_ns=half_life_ns, samples_min=samples_min)


def naive_variance(path: list[tuple[int, int]], chosen: VolatilitySpec, now_ns: int) -> tuple[int, float]:
    """Samples and estimate, one after the other: the mid at each grid time is the last one before it."""
    start_ns, weight = path[0][0], 0.5 ** (chosen.sample_ns / chosen.half_life_ns)
    count, variance, previous = 0, 0.0, path[0][1]
    for grid_ns in range(start_ns + chosen.sample_ns, now_ns + 1, chosen.sample_ns):
        # A change at the very time of a sample belongs to the next one.
        mid = [mid for ts_ns, mid in path if ts_ns < grid_ns][-1]
        count += 1
        fresh = max(1 - weight, 1 / count)
        variance += fresh * ((mid - previous) ** 2 / (chosen.sample_ns / SECOND_NS) - variance)
        previous = mid
    return count, variance


paths = st.lists(st.tuples(st.integers(0, 400_000_000), st.integers(90, 110)), min_size=1, max_size=30)
specs = st.builds(
    lambda sample, lives: VolatilitySpec(sample_ns=sample, half_life_ns=sample * lives, samples_min=1),
    st.sampled_from((100_000_000, 250_000_000, 1_000_000_000)),
    st.integers(1, 60),
)


@given(paths, specs, st.integers(0, 90 * SECOND_NS))
def test_the_estimate_is_that_of_the_step_by_step_reference(
    steps: list[tuple[int, int]], chosen: VolatilitySpec, after_ns: int
) -> None:
    """Skipping over silent samples at once changes nothing, nor does reading in between."""
    path, now_ns = [], START_NS
    signal = chosen.start()
    for gap_ns, mid in steps:
        now_ns += gap_ns
        path.append((now_ns, mid))
        signal.reading(now_ns)
        signal.on_mid(now_ns, mid)
    now_ns += after_ns

    reading = signal.reading(now_ns)

    count, variance = naive_variance(path, chosen, now_ns)
    assert reading.value == pytest.approx(variance, rel=1e-9, abs=1e-12)
    assert reading.ready == (count >= 1 and reading.value > 0)


def test_a_random_walk_is_measured_to_the_stated_accuracy() -> None:
    """With a half-life of 60 samples a walk of 7 per root second is known to within 3 x 5.4 %."""
    signal, mid, dice = spec(half_life_s=60).start(), 1_000_000, 12_345
    for second in range(2_000):
        dice = (dice * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        mid += 7 if dice >> 63 else -7
        signal.on_mid(START_NS + second * SECOND_NS, mid)

    assert sqrt(variance_at(signal, 2_000)) == pytest.approx(7, rel=0.162)
