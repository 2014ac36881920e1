"""Markout of own fills: hand-made ones, a naive reference, the error that clusters make."""

from math import sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.sides import Side
from mm.signals.markout import (
    PENDING_MAX,
    Markout,
    MarkoutSpec,
    clustered_error,
    markout_bps,
)

SECOND_NS = 1_000_000_000
START_NS = 1_800_000_000 * SECOND_NS
MID = 200_000


def spec(**changes: int | float) -> MarkoutSpec:
    """All fills count alike, one second."""
    return MarkoutSpec(**({"half_life_ns": 0, "fills_min": 2, "error_bps_max": 1e9} | changes))  # type: ignore[arg-type]  # each test says numbers of the right kind


def test_a_fill_gains_what_the_mid_is_beyond_its_price() -> None:
    """In basis points of the price; a sell the other way round."""
    assert markout_bps(1, 200_000, 200_020) == pytest.approx(1)
    assert markout_bps(-1, 200_000, 200_020) == pytest.approx(-1)


def test_the_value_is_what_the_mid_moved_against_the_fill() -> None:
    """A buy before a fall of 2 and a sell before a rise of 1 basis points cost 1.5 on average."""
    signal = spec().start()
    signal.on_mid(START_NS, MID)
    signal.on_own_fill(START_NS, Side.BUY, MID // 2 - 10, 5, MID)
    signal.on_mid(START_NS + SECOND_NS // 2, MID - 40)
    signal.on_mid(START_NS + 2 * SECOND_NS, MID)
    signal.on_own_fill(START_NS + 3 * SECOND_NS, Side.SELL, MID // 2 + 10, 5, MID)
    signal.on_mid(START_NS + 4 * SECOND_NS, MID + 20)
    signal.on_mid(START_NS + 4 * SECOND_NS + 1, MID + 900)

    reading = signal.reading(START_NS + 5 * SECOND_NS)

    assert reading.ready
    assert reading.value == pytest.approx(1.5, rel=1e-3)
    error, later, at_once, count = reading.more
    assert at_once == pytest.approx(1, rel=1e-3)
    assert later == pytest.approx(-0.5, rel=1e-3)
    assert error == pytest.approx(sqrt(0.5**2 * 2) / 2, rel=1e-3)
    assert count == 2


def test_what_cannot_be_judged_does_not_count() -> None:
    """A fill without a mid, one whose time ended while the book was lost, one of another life."""
    signal = spec().start()
    signal.on_own_fill(START_NS, Side.BUY, 100, 5, 0)
    signal.on_mid(START_NS, MID)
    signal.on_own_fill(START_NS, Side.BUY, MID // 2, 5, MID)
    signal.on_lost(START_NS + SECOND_NS // 2)
    signal.on_mid(START_NS + 3 * SECOND_NS, MID)
    signal.on_own_fill(START_NS + 3 * SECOND_NS, Side.BUY, MID // 2, 5, MID)
    signal.resume(START_NS + 3 * SECOND_NS)
    signal.on_mid(START_NS + 9 * SECOND_NS, MID)

    assert signal.reading(START_NS + 9 * SECOND_NS).waits_for == "own fills (0 of 2)"


def test_a_fill_whose_time_outlasts_a_loss_is_judged_by_the_mid_after_it() -> None:
    """The book was back in time."""
    signal = spec(horizon_ns=5 * SECOND_NS).start()
    signal.on_mid(START_NS, MID)
    for _ in range(2):
        signal.on_own_fill(START_NS, Side.BUY, MID // 2, 5, MID)
    signal.on_lost(START_NS + SECOND_NS)
    signal.on_mid(START_NS + 3 * SECOND_NS, MID - 20)
    signal.on_mid(START_NS + 9 * SECOND_NS, MID)

    assert signal.reading(START_NS + 9 * SECOND_NS).value == pytest.approx(1)


rows = st.lists(st.tuples(st.integers(0, 3), st.floats(-5, 5)), min_size=2, max_size=20)


@given(rows)
def test_the_error_is_that_of_the_naive_sum_over_clusters(found: list[tuple[int, float]]) -> None:
    """The deviations of a cluster are added before they are squared."""
    clusters = [[x for name, x in found if name == wanted] for wanted in range(4)]
    mean = sum(x for _, x in found) / len(found)
    naive = sqrt(sum(sum(x - mean for x in cluster) ** 2 for cluster in clusters)) / len(found)

    counts = float(sum(len(cluster) ** 2 for cluster in clusters))
    cross = sum(len(cluster) * sum(cluster) for cluster in clusters)
    squares = sum(sum(cluster) ** 2 for cluster in clusters)

    error = clustered_error(len(found), sum(x for _, x in found), counts, cross, squares)
    assert error == pytest.approx(naive, abs=1e-6)


def test_fills_of_one_second_are_one_cluster() -> None:
    """Four fills of the same fate know no more than one of them: the error is four times that of their
    number alone, halved by it.
    """
    random, single, burst = Random(8), spec().start(), spec().start()
    for signal in (single, burst):
        signal.on_mid(START_NS, MID)
    for turn in range(200):
        now_ns, mid_after = START_NS + 10 * turn * SECOND_NS, MID + random.choice((-20, 20))
        for signal, fills in ((single, 1), (burst, 4)):
            signal.on_mid(now_ns, MID)
            for late in range(fills):
                signal.on_own_fill(now_ns + late, Side.BUY, MID // 2, 5, MID)
            signal.on_mid(now_ns + SECOND_NS // 2, mid_after)
    end_ns = START_NS + 2_000 * SECOND_NS
    for signal in (single, burst):
        signal.on_mid(end_ns, MID)

    assert single.reading(end_ns).more[0] == pytest.approx(1 / sqrt(200), rel=0.02)
    assert burst.reading(end_ns).more[0] == pytest.approx(single.reading(end_ns).more[0])
    assert burst.reading(end_ns).more[3] == 4 * single.reading(end_ns).more[3]


def test_fills_are_forgotten_with_the_half_life() -> None:
    """A cost of 1 long ago and of 3 now is 3; the number that counts is that of 2.9 half-lives."""
    signal = spec(half_life_ns=20 * SECOND_NS).start()
    for turn in range(600):
        now_ns = START_NS + 2 * turn * SECOND_NS
        signal.on_mid(now_ns, MID)
        signal.on_own_fill(now_ns, Side.BUY, MID // 2, 5, MID)
        signal.on_mid(now_ns + SECOND_NS // 2, MID - (20 if turn < 300 else 60))

    reading = signal.reading(START_NS + 1_200 * SECOND_NS)

    assert reading.value == pytest.approx(3, rel=1e-3)
    assert reading.more[3] == pytest.approx(2.885 * 10, rel=0.05)


def test_it_says_what_it_waits_for() -> None:
    """Fills, and an error that is small enough."""
    signal = spec(fills_min=3, error_bps_max=0.5).start()
    said = []
    for turn in range(5):
        now_ns = START_NS + 5 * turn * SECOND_NS
        signal.on_mid(now_ns, MID)
        said.append(signal.reading(now_ns).waits_for)
        signal.on_own_fill(now_ns, Side.BUY, MID // 2, 5, MID)
        signal.on_mid(now_ns + SECOND_NS // 2, MID + (60 if turn % 2 else -60))

    assert said[:3] == ["own fills (0 of 3)", "own fills (1 of 3)", "own fills (2 of 3)"]
    assert said[4] == "adverse selection known to 0.5 bps (now 1.50 bps)"


def test_fills_whose_time_is_not_over_are_bounded() -> None:
    """Of a flood the oldest are dropped."""
    signal = spec().start()
    signal.on_mid(START_NS, MID)
    for late in range(PENDING_MAX + 5):
        signal.on_own_fill(START_NS + late, Side.BUY, MID // 2, 5, MID)

    assert len(signal.state()) == 14 + 4 * PENDING_MAX
    assert isinstance(signal, Markout)


@pytest.mark.parametrize(
    "change", [{"horizon_ns": 0}, {"half_life_ns": -1}, {"fills_min": 1}, {"error_bps_max": 0.0}]
)
def test_a_spec_out_of_range_is_our_own_fault(change: dict[str, int]) -> None:
    """A strategy that asks for it fails at once."""
    with pytest.raises(AssertionError):
        spec(**change)
