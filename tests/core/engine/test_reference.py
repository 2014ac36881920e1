"""Reference: the running median of samples that are at least a quarter of a second apart."""

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
        assert reference.half_ticks == ordered[(len(ordered) - 1) // 2]


def test_one_bad_tick_does_not_move_it() -> None:
    """A price of ten times the mid among ordinary ones changes nothing."""
    reference = Reference(WINDOW_NS)
    for number in range(10):
        reference.sample(number * SAMPLE_NS, 20_000 if number != 5 else 200_000)
    assert reference.half_ticks == 20_000
