"""Fills meet the mid that was in force at each horizon, in their order, each once."""

from mm.analytics.horizons import HORIZONS_NS, UNSEEN, WAITING_MAX, Fill, Waiting
from mm.domain.sides import Side
from mm.domain.units import NEVER_NS


def a_fill(ts_ns: int, side: Side = Side.BUY) -> Fill:
    """A fill of 3 lots at 50 ticks."""
    return Fill(ts_ns=ts_ns, side=side, price_ticks=50, size_lots=3, mid_half_ticks=101)


def test_a_fill_settles_with_the_mid_before_the_time_that_is_told() -> None:
    """What was due at a time meets a mid that was set at that very time, so it waits for what comes after."""
    waiting, fill = Waiting((5, 10)), a_fill(100)
    assert waiting.next_due_ns == NEVER_NS
    assert not list(waiting.add(fill, 101))
    assert waiting.next_due_ns == 105
    assert not list(waiting.due(105, 103))
    assert list(waiting.due(106, 105)) == [(0, fill, 105)]
    assert (waiting.next_due_ns, waiting.count(0), waiting.count(1)) == (110, 0, 1)
    assert waiting.left() == [fill]
    assert list(waiting.due(1_000, 107)) == [(1, fill, 107)]
    assert (fill.later_half_ticks, waiting.next_due_ns, waiting.left()) == ([105, 107], NEVER_NS, [])


def test_a_mid_that_nobody_saw_is_noted_as_none() -> None:
    """The identity still goes on with the last one known."""
    waiting, fill = Waiting((5,)), a_fill(0)
    assert not list(waiting.add(fill, 101))
    assert list(waiting.due(6, 99, seen=False)) == [(0, fill, 99)]
    assert fill.later_half_ticks == [UNSEEN]


def test_the_oldest_leaves_early_when_too_many_wait() -> None:
    """Memory is bounded; it is counted, and bears no mid."""
    waiting = Waiting((10**12,))
    fills = [a_fill(number) for number in range(WAITING_MAX + 2)]
    early = [told for fill in fills for told in waiting.add(fill, 101)]
    assert [fill for _, fill, _ in early] == fills[:2]
    assert (waiting.early, waiting.count(0)) == (2, WAITING_MAX)
    assert fills[0].later_half_ticks == [UNSEEN]
    assert waiting.left() == fills[2:]


def test_what_is_signed_is_signed_by_the_side() -> None:
    """Bought lots count up, sold ones down."""
    assert (a_fill(0).signed_lots, a_fill(0, Side.SELL).signed_lots) == (3, -3)


def test_the_horizons_are_those_that_are_documented() -> None:
    """A tenth of a second to a minute, ascending."""
    assert [horizon / 1e9 for horizon in HORIZONS_NS] == [0.1, 0.5, 1, 5, 30, 60]
