"""Reference: the running median of samples that are at least a quarter of a second apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.engine.reference import SAMPLE_NS, Reference

WINDOW_NS = 3_000_000_000


@given(st.lists(st.tuples(st.integers(0, 900_000_000), st.integers(1, 1_000)), max_size=80))
def test_the_median_is_that_of_a_list_sorted_each_time(steps: list[tuple[int, int]]) -> None:
    """Samples too close to the last one do not count, old ones fall out, the lower middle one is taken."""
    reference, now_ns = Reference(WINDOW_NS), 10**18
    kept: list[tuple[int, int]] = []
    assert reference.half_ticks == 0
    for pause_ns, mid in steps:
        now_ns += pause_ns
        reference.sample(now_ns, mid)
        if not kept or now_ns - kept[-1][0] >= SAMPLE_NS:
            kept = [row for row in [*kept, (now_ns, mid)] if row[0] > now_ns - WINDOW_NS]
        ordered = sorted(row[1] for row in kept)
        agree = ordered[-1] - ordered[0] <= max(4, ordered[0] // 20)
        expected = ordered[(len(ordered) - 1) // 2] if agree or len(ordered) >= 5 else 0
        assert reference.half_ticks == expected


@pytest.mark.parametrize("factor", [10, 0.1])
def test_a_bad_tick_among_the_first_prices_leaves_none_until_it_is_outvoted(factor: float) -> None:
    """Two samples that lie far apart cannot say which of them is wrong; five can."""
    reference = Reference(WINDOW_NS)
    seen = []
    for number, mid in enumerate((20_000, int(20_000 * factor), 20_002, 20_004, 20_006)):
        reference.sample(number * SAMPLE_NS, mid)
        seen.append(reference.half_ticks)
    assert seen[:4] == [20_000, 0, 0, 0]
    assert seen[4] in (20_002, 20_004)


def test_a_price_of_few_ticks_may_move_by_two_of_them_from_the_start() -> None:
    """One tick is a large share of it."""
    reference = Reference(WINDOW_NS)
    reference.sample(0, 10)
    reference.sample(SAMPLE_NS, 14)
    assert reference.half_ticks == 10


def test_one_bad_tick_does_not_move_it() -> None:
    """A price of ten times the mid among ordinary ones changes nothing."""
    reference = Reference(WINDOW_NS)
    for number in range(10):
        reference.sample(number * SAMPLE_NS, 20_000 if number != 5 else 200_000)
    assert reference.half_ticks == 20_000
