"""A price by vote: who counts, and what those who count come to; beside a plain restatement of the rules."""

from fractions import Fraction
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.quoting.quorum import (
    FAR_FROM_MEDIAN,
    FAR_FROM_OWN,
    NO_PRICE,
    STALE,
    Bounds,
    Source,
    Tally,
    Vote,
    tally,
    weighted_mean,
    weighted_median,
)

MID = 20_000
WIDE = Bounds(10_000.0, 10_000.0)
CLOSE = Bounds(10.0, 100.0)


def says(price: float, *, weight: float = 1.0, age_ns: int = 0, why: str = "") -> Source:
    """Return a source whose limit of age is 1000 ns."""
    return Source(price, weight, age_ns, 1_000, why)


def reasons(found: Tally) -> list[str]:
    """Return why each source does not count."""
    return [verdict.why for verdict in found.verdicts]


def test_the_median_of_three_is_the_middle_one() -> None:
    """Told as its distance from the own mid."""
    found = tally([says(MID + 4), says(MID - 2), says(MID + 1)], MID, WIDE, Vote.MEDIAN)

    assert (found.offset, found.counted) == (1.0, 3)
    assert [verdict.offset for verdict in found.verdicts] == [4.0, -2.0, 1.0]
    assert [verdict.apart for verdict in found.verdicts] == [3.0, -3.0, 0.0]


def test_the_mean_counts_each_by_its_weight() -> None:
    """Three parts of the first, one of the second."""
    found = tally([says(MID + 4, weight=3), says(MID)], MID, WIDE, Vote.MEAN)

    assert found.offset == 3.0


@pytest.mark.parametrize("price", [0.0, -1.0, nan, inf, -inf])
def test_what_is_no_price_does_not_count(price: float) -> None:
    """Whatever a source says instead of one."""
    found = tally([says(price), says(MID + 2)], MID, WIDE, Vote.MEDIAN)

    assert reasons(found) == [NO_PRICE, ""]
    assert (found.offset, found.counted) == (2.0, 1)


def test_a_source_as_old_as_it_may_be_counts_and_an_older_one_does_not() -> None:
    """Each by its own limit."""
    found = tally([says(MID, age_ns=1_000), says(MID, age_ns=1_001)], MID, WIDE, Vote.MEDIAN)

    assert reasons(found) == ["", STALE]


def test_a_source_far_from_the_own_book_does_not_count() -> None:
    """Nor does it move the median that the others are measured by."""
    found = tally([says(MID + 101), says(MID + 100), says(MID + 95)], MID, CLOSE, Vote.MEAN)

    assert reasons(found) == [FAR_FROM_OWN, "", ""]
    assert found.offset == 97.5


def test_one_of_three_that_is_off_is_outvoted() -> None:
    """The two that agree go on."""
    found = tally([says(MID + 50), says(MID), says(MID + 2)], MID, CLOSE, Vote.MEAN)

    assert reasons(found) == [FAR_FROM_MEDIAN, "", ""]
    assert (found.offset, found.counted) == (1.0, 2)


def test_of_two_that_contradict_each_other_neither_counts() -> None:
    """Nobody can tell which of them is right."""
    found = tally([says(MID + 50), says(MID)], MID, CLOSE, Vote.MEDIAN)

    assert reasons(found) == [FAR_FROM_MEDIAN, FAR_FROM_MEDIAN]
    assert (found.offset, found.counted) == (0.0, 0)


def test_a_source_that_is_out_already_keeps_its_reason() -> None:
    """Before age and distance are looked at."""
    found = tally([says(0.0, why="waits"), says(MID, why="waits", age_ns=5_000)], MID, CLOSE, Vote.MEDIAN)

    assert reasons(found) == ["waits", "waits"]
    assert (found.offset, found.counted) == (0.0, 0)


def test_without_sources_there_is_no_price() -> None:
    """And nobody to blame."""
    assert tally([], MID, CLOSE, Vote.MEDIAN) == Tally(0.0, 0, ())


@pytest.mark.parametrize(
    ("rows", "median"),
    [
        ([(5.0, 1.0)], 5.0),
        ([(1.0, 1.0), (2.0, 1.0)], 1.5),
        ([(1.0, 1.0), (2.0, 3.0)], 2.0),
        ([(1.0, 1.0), (2.0, 1.0), (9.0, 2.0)], 5.5),
        ([(3.0, 1.0), (1.0, 1.0), (2.0, 1.0)], 2.0),
    ],
)
def test_the_weighted_median_has_half_of_the_weight_on_either_side(
    rows: list[tuple[float, float]], median: float
) -> None:
    """The middle of two values where both halves meet."""
    assert weighted_median(rows) == median


def test_rounding_may_not_leave_a_median_without_a_value() -> None:
    """Weights of very different size add up to other sums from either end."""
    rows = [(1.0, 1e-300), (2.0, 5e-324), (3.0, 5e-324)]

    assert weighted_median(rows) in (1.0, 2.0, 3.0, 1.5, 2.5)


ROWS = st.lists(
    st.tuples(st.integers(-500, 500).map(float), st.integers(1, 9).map(float)), min_size=1, max_size=7
)


@given(ROWS)
def test_median_and_mean_agree_with_their_definitions_in_fractions(rows: list[tuple[float, float]]) -> None:
    """Every value repeated as often as it weighs, and the plain median and mean of that."""
    spread = sorted(value for value, weight in rows for _ in range(int(weight)))
    middle = Fraction(spread[(len(spread) - 1) // 2] + spread[len(spread) // 2]) / 2

    assert weighted_median(rows) == float(middle)
    assert weighted_mean(rows) == pytest.approx(float(Fraction(sum(map(int, spread)), len(spread))))


SOURCES = st.lists(
    st.builds(
        says,
        st.one_of(st.integers(MID - 300, MID + 300).map(float), st.floats()),
        weight=st.integers(1, 9).map(float),
        age_ns=st.integers(0, 2_000),
        why=st.sampled_from(("", "", "waits")),
    ),
    max_size=6,
)


def naive(sources: list[Source], bounds: Bounds, vote: Vote) -> tuple[list[str], float]:
    """Return the rules written out one after the other: why not, and the price's distance from the mid."""
    why = {}
    for at, one in enumerate(sources):
        if one.why:
            why[at] = one.why
        elif not (one.price_half_ticks > 0 and one.price_half_ticks != inf):
            why[at] = NO_PRICE
        elif one.age_ns > one.age_ns_max:
            why[at] = STALE
        elif abs(one.price_half_ticks - MID) > bounds.own_apart:
            why[at] = FAR_FROM_OWN
    good = sorted(one.price_half_ticks - MID for at, one in enumerate(sources) if at not in why)
    if good:
        median = (good[(len(good) - 1) // 2] + good[len(good) // 2]) / 2
        for at, one in enumerate(sources):
            if at not in why and abs(one.price_half_ticks - MID - median) > bounds.apart:
                why[at] = FAR_FROM_MEDIAN
    rows = [(one.price_half_ticks - MID, one.weight) for at, one in enumerate(sources) if at not in why]
    price = (weighted_median(rows) if vote is Vote.MEDIAN else weighted_mean(rows)) if rows else 0.0
    return [why.get(at, "") for at in range(len(sources))], price


@given(SOURCES, st.sampled_from(Vote), st.sampled_from((CLOSE, WIDE, Bounds(40.0, 250.0))))
def test_a_vote_is_what_the_rules_say(sources: list[Source], vote: Vote, bounds: Bounds) -> None:
    """For any sources, numbers that are none among them."""
    found = tally(sources, MID, bounds, vote)

    assert (reasons(found), found.offset) == naive(sources, bounds, vote)
    assert found.counted == reasons(found).count("")


@given(SOURCES, st.sampled_from(Vote))
def test_mirrored_sources_give_the_mirrored_price(sources: list[Source], vote: Vote) -> None:
    """To the last bit, where a source says a whole number of half ticks."""
    whole = [one for one in sources if one.price_half_ticks % 1 == 0 and 0 < one.price_half_ticks < 2 * MID]
    mirrored = [one._replace(price_half_ticks=2 * MID - one.price_half_ticks) for one in whole]

    seen, twin = tally(whole, MID, CLOSE, vote), tally(mirrored, MID, CLOSE, vote)

    assert twin.offset == -seen.offset
    assert reasons(twin) == reasons(seen)
