"""Budget: rolling windows, a lane for cancels, holds and bans, corrected upwards by the venue."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.capabilities import Capabilities
from mm.engine.budget import ORDER_WINDOW_NS, WEIGHT_WINDOW_NS, Budget

SECOND_NS = 1_000_000_000
CAPS = Capabilities(orders_per_10s=10, weight_per_minute=100)
ORDERS_MAX, WEIGHT_MAX, READS_MAX, PLACES_MAX = 9, 90, 72, 54
"""What of the limits may be used: 90 %, a fifth of it by cancels alone, a fifth not by placements."""

actions = st.lists(
    st.tuples(
        st.integers(0, 5 * SECOND_NS),
        st.sampled_from(("place", "read", "cancel", "list")),
        st.integers(1, 20),
    ),
    max_size=80,
)


class Naive:
    """Every spending ever, summed up anew for each question."""

    def __init__(self) -> None:
        """Start unused."""
        self.orders: list[int] = []
        self.weights: list[tuple[int, int]] = []

    def orders_used(self, now_ns: int, span_ns: int = 10 * SECOND_NS) -> int:
        """Return the placements in the span that ends now."""
        return sum(now_ns - span_ns < at <= now_ns for at in self.orders)

    def weight_used(self, now_ns: int) -> int:
        """Return the weight in the minute that ends now."""
        return sum(weight for at, weight in self.weights if now_ns - 60 * SECOND_NS < at <= now_ns)


@given(actions)
def test_windows_behave_like_sums_over_everything_that_was_spent(
    steps: list[tuple[int, str, int]],
) -> None:
    """Placements and reads stop at the lane, listings at the limit, cancels nowhere; time gives all back."""
    budget, naive, now_ns = Budget(CAPS), Naive(), 10**18
    for pause_ns, action, weight in steps:
        now_ns += pause_ns
        used = naive.weight_used(now_ns)
        if action == "place":
            wanted = naive.orders_used(now_ns) < ORDERS_MAX and used + 1 <= PLACES_MAX
            assert budget.take_place(now_ns) is wanted
            if wanted:
                naive.orders.append(now_ns)
                naive.weights.append((now_ns, 1))
        elif action == "read":
            wanted = used + weight <= READS_MAX
            assert budget.take(now_ns, weight) is wanted
            if wanted:
                naive.weights.append((now_ns, weight))
        elif action == "cancel":
            assert budget.take_cancel(now_ns)
            naive.weights.append((now_ns, 1))
        else:
            wanted = used + CAPS.weight_orders <= WEIGHT_MAX
            assert budget.take_listing(now_ns) is wanted
            if wanted:
                naive.weights.append((now_ns, CAPS.weight_orders))
        assert budget.placed_minute(now_ns) == naive.orders_used(now_ns, 60 * SECOND_NS)


def test_a_cancel_leaves_however_much_was_used() -> None:
    """The lane is a reserve for cancels, not a limit of them."""
    budget = Budget(CAPS)
    assert budget.take(0, READS_MAX)
    assert not budget.take(0, 1)
    assert all(budget.take_cancel(0) for _ in range(200))


def test_placements_leave_room_for_the_requests_that_find_out_what_became_of_them() -> None:
    """Reads go on where placements have to stop."""
    budget = Budget(Capabilities(orders_per_10s=1_000, weight_per_minute=100))
    assert sum(budget.take_place(0) for _ in range(100)) == PLACES_MAX
    assert sum(budget.take(0, 1) for _ in range(100)) == READS_MAX - PLACES_MAX


def test_a_throttle_holds_placements_and_reads_but_neither_cancels_nor_their_listings() -> None:
    """Until its time everything that can wait waits; then it goes on."""
    budget = Budget(CAPS)
    budget.throttle(5 * SECOND_NS, banned=False)
    budget.throttle(2 * SECOND_NS, banned=False)
    assert not budget.take_place(4 * SECOND_NS)
    assert not budget.take(4 * SECOND_NS, 1)
    assert budget.take_cancel(4 * SECOND_NS)
    assert budget.take_listing(4 * SECOND_NS)
    assert budget.take_place(5 * SECOND_NS)


def test_a_ban_holds_everything() -> None:
    """A request while banned prolongs the ban: not even a cancel leaves."""
    budget = Budget(CAPS)
    budget.throttle(5 * SECOND_NS, banned=True)
    assert not budget.take_cancel(4 * SECOND_NS)
    assert not budget.take_listing(4 * SECOND_NS)
    assert not budget.take_place(4 * SECOND_NS)
    assert budget.take_cancel(5 * SECOND_NS)
    assert budget.take_listing(5 * SECOND_NS)


def test_the_venues_own_count_raises_ours_and_never_lowers_what_we_spent() -> None:
    """Somebody else may use the same key; -1 says nothing."""
    budget = Budget(CAPS)
    budget.correct(0, weight=PLACES_MAX - 1, orders=ORDERS_MAX - 1)
    assert budget.take_place(0)
    assert not budget.take_place(0)
    budget.correct(0, weight=-1, orders=-1)
    assert not budget.take_place(0)
    own = Budget(CAPS)
    assert own.take(0, READS_MAX)
    own.correct(0, weight=0, orders=0)
    assert not own.take(0, 1)


def test_what_others_used_is_what_the_venue_said_last_and_is_forgotten_after_its_window() -> None:
    """An earlier life's requests leave the venue's window one by one: its newer word counts, not the sum."""
    budget = Budget(CAPS)
    budget.correct(0, weight=READS_MAX, orders=-1)
    assert not budget.take(0, 1)
    budget.correct(SECOND_NS, weight=READS_MAX - 10, orders=-1)
    assert budget.take(SECOND_NS, 10)
    assert not budget.take(SECOND_NS, 1)
    budget.correct(2 * SECOND_NS, weight=READS_MAX, orders=-1)
    assert not budget.take(61 * SECOND_NS, READS_MAX)
    assert budget.take(62 * SECOND_NS, READS_MAX)


def test_what_was_spent_is_remembered_for_its_window_only() -> None:
    """Cancels are never refused and nobody asks before them, so time alone bounds how many are remembered."""
    budget = Budget(CAPS)
    for number in range(5_000):
        budget.take_cancel(number * SECOND_NS // 10)
    assert len(budget._weight._spent) == WEIGHT_WINDOW_NS // (SECOND_NS // 10)
    for number in range(5_000, 10_000):
        budget.take_place(number * SECOND_NS)
    assert len(budget._orders._spent) <= ORDER_WINDOW_NS // SECOND_NS
    assert len(budget._minute._spent) <= WEIGHT_WINDOW_NS // SECOND_NS


@given(st.lists(st.tuples(st.integers(1, 20 * SECOND_NS), st.booleans()), max_size=40))
def test_placements_that_are_recalled_count_as_those_that_were_sent(steps: list[tuple[int, bool]]) -> None:
    """Whoever goes on with what was placed lately counts on as if nothing had happened."""
    caps = Capabilities(orders_per_10s=1_000, weight_per_minute=100_000)
    whole, budget, now_ns = Budget(caps), Budget(caps), 10**18
    for pause_ns, is_replaced in steps:
        now_ns += pause_ns
        for one in (whole, budget):
            assert one.take_place(now_ns)
            assert one.take_place(now_ns)
        if is_replaced:
            left = budget.placed_lately(now_ns)
            assert left[-1] == (now_ns, 2)
            budget = Budget(caps)
            budget.recall(left)
            assert budget.placed_lately(now_ns) == left
        assert budget.placed_minute(now_ns) == whole.placed_minute(now_ns)


@pytest.mark.parametrize("off_s", [7_200, 0, -30, -7_200])
def test_what_a_life_recalls_counts_from_its_beginning_whatever_its_clock_says(off_s: int) -> None:
    """It is forgotten a minute later: neither when another clock would have, nor at once."""
    budget, now_ns = Budget(CAPS), 10**18
    budget.recall(((now_ns + (off_s - 1) * SECOND_NS, 1), (now_ns + off_s * SECOND_NS, 2)))
    budget.begin(now_ns)
    assert budget.placed_minute(now_ns) == 3
    assert budget.placed_lately(now_ns) == ((now_ns, 3),)
    assert budget.take_place(now_ns + 59 * SECOND_NS)
    assert budget.placed_minute(now_ns + 59 * SECOND_NS) == 4
    assert budget.placed_minute(now_ns + 60 * SECOND_NS) == 1


def test_a_life_that_recalls_nothing_begins_with_nothing_placed() -> None:
    """Nothing is counted that was not."""
    budget = Budget(CAPS)
    budget.begin(10**18)
    assert budget.placed_lately(10**18) == ()
