"""One displayed side: its levels, what is taken of them, and what two streams explain to each other."""

from hypothesis import given
from hypothesis import strategies as st

from mm.domain.book import LEVELS_MAX, Level
from mm.domain.sides import Side
from mm.sim.displayed import LATE_DECREASE_NS, LATE_PRINT_NS, DisplayedSide, Unexplained


def test_levels_are_listed_from_the_best() -> None:
    """Bids from the highest, asks from the lowest; sizes of 0 are no levels."""
    rows = [Level(5, 1), Level(7, 2), Level(6, 0), Level(9, 3)]
    for side, prices in ((Side.BUY, [9, 7, 5]), (Side.SELL, [5, 7, 9])):
        shown = DisplayedSide(side)
        assert (shown.best_ticks, shown.levels(2)) == (0, [])
        shown.replace(rows)
        assert [level.price_ticks for level in shown.levels(9)] == prices
        assert [level.price_ticks for level in shown.levels(2)] == prices[:2]
        assert shown.best_ticks == prices[0]
        assert shown.better_than(7) == prices[:1]
        assert shown.better_than(0) == prices
        assert shown.size_atoms(6) == 0


def test_what_is_taken_is_not_offered_again_until_more_is_shown() -> None:
    """A fall is of the rest first; growth is offered; a level that was gone is new."""
    shown = DisplayedSide(Side.SELL)
    shown.set(5, 10, 0)
    shown.take(5, 4)
    offered = []
    for size in (8, 3, 6, 6, 0, 2):
        shown.set(5, size, 0)
        offered.append([atoms for _, atoms in shown.offers()])
    assert offered == [[4], [], [3], [3], [], [2]]


def test_levels_are_bounded_and_the_farthest_go() -> None:
    """By a snapshot and by changes alike, once they are more than twice too many; what was taken there is
    forgotten with them.
    """
    shown = DisplayedSide(Side.SELL)
    shown.replace([Level(price, 1) for price in range(2, 2 * LEVELS_MAX + 3)])
    assert len(shown.levels(LEVELS_MAX * 3)) == LEVELS_MAX
    worst = shown.levels(LEVELS_MAX)[-1].price_ticks
    assert worst == LEVELS_MAX + 1
    shown.take(worst, 1)
    shown.set(1, 1, 0)
    for price in range(worst + 1, worst + LEVELS_MAX):
        shown.set(price, 1, 0)
    shown.prune()
    assert len(shown.levels(LEVELS_MAX * 3)) == LEVELS_MAX * 2
    shown.set(worst + LEVELS_MAX, 1, 0)
    shown.prune()
    assert (shown.size_atoms(worst), shown.size_atoms(worst - 1)) == (0, 1)
    assert len(shown.levels(LEVELS_MAX * 3)) == LEVELS_MAX
    shown.set(worst, 1, 0)
    assert list(shown.offers())[-1] == (worst, 1)


def test_a_fall_is_explained_by_prints_before_it() -> None:
    """Seven printed, ten fell: three without a print, which wait for theirs."""
    shown = DisplayedSide(Side.BUY)
    shown.set(5, 20, 1)
    shown.printed.add(5, 7, 2)
    assert shown.set(5, 10, 3) == 3
    assert shown.shown.at(5, 4) == (3, 3)
    assert shown.printed.at(5, 4) == (0, 0)
    assert shown.set(5, 10, 5) == 0
    assert shown.set(5, 30, 5) == 0


def test_what_two_streams_told_is_forgotten_after_one_to_two_waits() -> None:
    """Kept for at least one wait, gone after two, whatever happened between."""
    told = Unexplained(100)
    told.add(5, 3, 150)
    assert told.at(5, 250) == (3, 150)
    told.add(5, 4, 260)
    assert told.at(5, 299) == (7, 260)
    assert told.explain(5, 4, 299) == 4
    assert told.at(5, 300) == (3, 260)
    assert told.at(5, 400) == (0, 0)
    told.add(5, 1, 400)
    assert told.explain(5, 9, 1_000) == 0


def test_a_clock_that_goes_back_forgets_nothing() -> None:
    """An older time is taken as now."""
    told = Unexplained(100)
    told.add(5, 3, 1_000)
    told.add(5, 3, 10)
    assert told.at(5, 10) == (6, 10)


def test_the_cap_forgets_the_excess() -> None:
    """Of the oldest first; what is within it stays."""
    told = Unexplained(100)
    told.add(5, 3, 50)
    told.add(5, 4, 120)
    told.cap(5, 9, 130)
    assert told.at(5, 130)[0] == 7
    told.cap(5, 2, 130)
    assert told.at(5, 130)[0] == 2
    told.clear()
    assert told.at(5, 130) == (0, 0)


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 20), st.integers(0, LATE_DECREASE_NS)), max_size=40
    )
)
def test_offered_and_taken_are_what_is_displayed(steps: list[tuple[int, int, int]]) -> None:
    """Nothing is offered twice: what is offered never exceeds what is displayed, and falls when taken."""
    shown, now_ns, added, taken = DisplayedSide(Side.BUY), 0, 0, 0
    for price, size, gap_ns in steps:
        now_ns += gap_ns
        added += max(0, size - shown.size_atoms(price))
        shown.set(price, size, now_ns)
        offers = dict(shown.offers())
        assert all(0 < atoms <= shown.size_atoms(ticks) for ticks, atoms in offers.items())
        if price in offers:
            shown.take(price, offers[price] // 2)
            taken += offers[price] // 2
        assert taken <= added


def test_a_print_waits_for_the_slowest_depth_and_a_decrease_for_a_burst() -> None:
    """The waits are those that were measured."""
    assert (LATE_DECREASE_NS, LATE_PRINT_NS) == (1_000_000_000, 200_000_000)
