"""Variance over a window: hand-made paths, and a step-by-step reference."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.signals.realised import SAMPLES_MAX, Realised, RealisedSpec, sum_of_squares, variance_per_s

SECOND_NS = 1_000_000_000
START_NS = 1_800_000_000 * SECOND_NS


def spec(samples: int = 4, *, samples_min: int = 2, sample_ns: int = SECOND_NS) -> RealisedSpec:
    """A short window."""
    return RealisedSpec(sample_ns=sample_ns, samples=samples, samples_min=samples_min)


def fed(chosen: RealisedSpec, path: list[tuple[float, int]]) -> Realised:
    """The signal after these (seconds since the start, mid in half ticks)."""
    signal = chosen.start()
    for seconds, mid in path:
        signal.on_mid(START_NS + round(seconds * SECOND_NS), mid)
    return signal


def test_the_value_is_the_mean_square_of_the_window_per_second() -> None:
    """A shock of 4 leaves the window of four seconds at once."""
    signal = fed(spec(), [(0, 100), (0.5, 104), (1.5, 102)])

    values = [signal.reading(START_NS + second * SECOND_NS).value for second in range(2, 8)]

    assert values == [10, 20 / 3, 5, 1, 0, 0]


def test_it_waits_for_samples_and_for_a_move() -> None:
    """And says so; a window that went silent waits again."""
    signal = fed(spec(), [(0, 100)])
    said = [signal.reading(START_NS + second * SECOND_NS).waits_for for second in (1, 2)]
    signal.on_mid(START_NS + 5 * SECOND_NS // 2, 101)

    assert said == ["volatility (1 of 2 samples, 1 s more)", "volatility (a move of the mid)"]
    assert signal.reading(START_NS + 3 * SECOND_NS).ready
    assert signal.reading(START_NS + 90 * SECOND_NS).waits_for == "volatility (a move of the mid)"


def test_shorter_samples_are_scaled_to_a_second() -> None:
    """A move of 3 in a quarter of a second is 36 per second."""
    assert variance_per_s(sum_of_squares([3]), 1, SECOND_NS // 4) == 36


@pytest.mark.parametrize(
    ("sample_ns", "samples", "samples_min"), [(0, 1, 1), (1, 1, 0), (1, 1, 2), (1, SAMPLES_MAX + 1, 1)]
)
def test_a_spec_out_of_range_is_our_own_fault(sample_ns: int, samples: int, samples_min: int) -> None:
    """A strategy that asks for it fails at once."""
    with pytest.raises(AssertionError):
        RealisedSpec(sample_ns=sample_ns, samples=samples, samples_min=samples_min)


paths = st.lists(st.tuples(st.integers(0, 3 * SECOND_NS), st.integers(90, 110)), min_size=1, max_size=25)


@given(paths, st.integers(1, 8), st.integers(0, 12 * SECOND_NS))
def test_the_estimate_is_that_of_the_step_by_step_reference(
    steps: list[tuple[int, int]], samples: int, after_ns: int
) -> None:
    """Skipping over silent samples at once changes nothing."""
    signal, now_ns, path = spec(samples, samples_min=1).start(), START_NS, []
    for pause_ns, mid in steps:
        now_ns += pause_ns
        path.append((now_ns, mid))
        signal.on_mid(now_ns, mid)
    now_ns += after_ns

    first_ns, previous = path[0]
    moves = []
    for grid_ns in range(first_ns + SECOND_NS, now_ns + 1, SECOND_NS):
        mid = [mid for ts_ns, mid in path if ts_ns < grid_ns][-1]
        moves.append(mid - previous)
        previous = mid
    window = moves[-samples:]

    expected = sum(move * move for move in window) / len(window) if window else 0.0
    assert signal.reading(now_ns).value == pytest.approx(expected)
