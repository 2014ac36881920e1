"""Timers: delivered in order of due time, ties in order of setting, each name at most once."""

from hypothesis import given
from hypothesis import strategies as st

from mm.engine.timers import HEAP_SLACK, TimerKey, Timers

KEYS = [("decide", "a"), ("decide", "b"), ("sweep", ""), ("stale", "x")]

actions = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.sampled_from(KEYS), st.integers(0, 50)),
        st.tuples(st.just("cancel"), st.sampled_from(KEYS), st.just(0)),
        st.tuples(st.just("pop"), st.just(("", "")), st.integers(0, 60)),
    ),
    max_size=60,
)


class Naive:
    """A list that is sorted each time it is looked at."""

    def __init__(self) -> None:
        """Start empty."""
        self.rows: list[tuple[int, int, TimerKey]] = []
        self.count = 0

    def set(self, key: TimerKey, due_ns: int) -> None:
        """Set or move."""
        self.cancel(key)
        self.count += 1
        self.rows.append((due_ns, self.count, key))

    def cancel(self, key: TimerKey) -> None:
        """Forget."""
        self.rows = [row for row in self.rows if row[2] != key]

    def pop_due(self, now_ns: int) -> tuple[int, TimerKey] | None:
        """Take the first that is due."""
        self.rows.sort()
        if not self.rows or self.rows[0][0] > now_ns:
            return None
        due_ns, _, key = self.rows.pop(0)
        return due_ns, key


@given(actions)
def test_timers_behave_like_a_sorted_list(steps: list[tuple[str, TimerKey, int]]) -> None:
    """Whatever is set, moved, cancelled and popped, in whatever order, a sorted list does the same."""
    timers, naive = Timers(), Naive()
    for action, key, number in steps:
        if action == "set":
            timers.set(key, number)
            naive.set(key, number)
        elif action == "cancel":
            timers.cancel(key)
            naive.cancel(key)
        else:
            assert timers.pop_due(number) == naive.pop_due(number)
        assert timers.next_due_ns == min((row[0] for row in naive.rows), default=None)
        for known in KEYS:
            assert timers.is_set(known) == (known in [row[2] for row in naive.rows])


def test_a_timer_that_is_moved_a_million_times_keeps_the_heap_small() -> None:
    """Outdated entries are cleared although none of them ever becomes due."""
    timers = Timers()
    for number in range(20 * HEAP_SLACK):
        timers.set(("decide", "a"), 10**18 + number)
        timers.set(("sweep", ""), 10**18 - number)
    assert len(timers._heap) <= HEAP_SLACK + 5
    assert timers.pop_due(2 * 10**18) == (10**18 - 20 * HEAP_SLACK + 1, ("sweep", ""))
    assert timers.pop_due(2 * 10**18) == (10**18 + 20 * HEAP_SLACK - 1, ("decide", "a"))
    assert timers.pop_due(2 * 10**18) is None


def test_a_timer_that_is_not_set_any_more_may_be_cancelled_again() -> None:
    """Neither a second cancel nor one after the timer was delivered takes another timer with it."""
    timers = Timers()
    timers.set(("decide", "a"), 1)
    timers.set(("decide", "b"), 2)
    timers.set(("sweep", ""), 3)
    assert timers.pop_due(1) == (1, ("decide", "a"))
    timers.cancel(("decide", "a"))
    timers.cancel(("decide", "b"))
    timers.cancel(("decide", "b"))
    timers.cancel(("stale", "never set"))
    assert timers.pop_due(3) == (3, ("sweep", ""))
    assert timers.next_due_ns is None
