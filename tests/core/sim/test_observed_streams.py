"""Several streams tell of one market: what counts once, what is too old, and what holds in a gap."""

import pytest

from mm.domain.book import Level
from mm.domain.sides import Side
from mm.sim.queue import ESTIMATES, QueueModel
from tests.builders.observed import LOT, Observed, levels, quiet

ALL_MODELS = pytest.mark.parametrize("queue", ESTIMATES)


@ALL_MODELS
@pytest.mark.parametrize("print_first", [True, False])
def test_a_print_and_its_decrease_take_from_the_front_once(queue: QueueModel, *, print_first: bool) -> None:
    """5 in front, 10 behind, 2 trade: 3 stay in front, whichever stream is the first to tell."""
    market = Observed(queue)
    market.snapshot(levels((100, 5)), levels((102, 5)))
    order = market.bid(100, 1)
    market.bids((100, 15))
    if print_first:
        market.sold(100, 2)
        market.bids((100, 13))
    else:
        market.bids((100, 13))
        market.sold(100, 2)
    assert market.ahead(order) == pytest.approx(3, abs=1.1 / LOT)
    assert market.ear.fills == []


def test_the_top_may_be_told_before_the_print_at_the_tail_too() -> None:
    """All 5 are in front; the top shows 3 before the print of 2 comes: 3 stay, and 1 more print is 2."""
    market = quiet()
    order = market.bid(100, 1)
    market.top((100, 3), (102, 5))
    assert market.ahead(order) == 3
    market.sold(100, 2)
    assert market.ahead(order) == 3
    market.sold(100, 1)
    assert market.ahead(order) == 2


def test_prints_that_a_cleared_level_has_shown_do_not_fill_who_was_behind_it() -> None:
    """The level of 5 is gone before its prints come: they fill nothing; what exceeds them does."""
    market = quiet()
    order = market.bid(100, 4)
    market.top((99, 5), (102, 5))
    market.sold(100, 2)
    market.sold(100, 3)
    assert market.ear.fills == []
    market.sold(100, 2)
    assert order.filled_lots == 2


def test_a_late_print_does_not_fill_an_order_that_came_after_its_decrease() -> None:
    """The bids at 100 and 99 traded away before we rested; their late prints are not ours."""
    market = quiet()
    market.bids((99, 4))
    market.top((98, 5), (102, 5))
    through, at = market.bid(101, 9), market.bid(100, 9)
    market.sold(100, 5)
    market.sold(99, 4)
    assert (through.filled_lots, at.filled_lots) == (0, 0)
    market.sold(99, 3)
    assert (through.filled_lots, at.filled_lots) == (3, 0)


def test_a_late_print_fills_an_order_that_was_there_before_its_decrease() -> None:
    """We were at 101 when the sale swept 100: the print of 5 goes through us."""
    market = quiet()
    order = market.bid(101, 9)
    market.top((98, 5), (102, 5))
    market.sold(100, 5)
    assert order.filled_lots == 5


def test_a_decrease_is_a_cancellation_when_no_print_comes_in_time() -> None:
    """After that a print takes from the front again."""
    market = quiet()
    order = market.bid(100, 1)
    market.bids((100, 4))
    market.pause(400_000_000)
    market.sold(100, 2)
    assert market.ahead(order) == 2


def test_a_print_waits_no_longer_than_the_slowest_depth_for_its_decrease() -> None:
    """Two seconds later a decrease is a cancellation: half of it was behind, by the power model."""
    market = Observed(QueueModel.POWER)
    market.snapshot(levels((100, 10)), levels((102, 5)))
    order = market.bid(100, 1)
    market.bids((100, 18))
    market.sold(100, 2)
    market.pause(2 * 10**9)
    market.bids((100, 14))
    assert 6 < market.ahead(order) < 8


def test_more_printed_than_displayed_is_forgotten() -> None:
    """30 printed at a level of 10 that still shows 4: only 4 can have to be shown yet, the rest never was."""
    market = Observed(QueueModel.POWER)
    market.snapshot(levels((100, 10)), levels((102, 5)))
    market.sold(100, 30)
    market.bids((100, 4))
    market.bids((100, 40))
    order = market.bid(100, 1)
    market.bids((100, 100))
    market.bids((100, 96))
    assert market.ahead(order) == 40
    market.bids((100, 90))
    assert 36 < market.ahead(order) < 40


def test_without_a_book_only_prints_fill() -> None:
    """From the loss to the next snapshot depth and tops are not looked at; nothing can be placed."""
    market = quiet()
    order = market.bid(100, 9)
    market.book.lost()
    assert market.book.would_take(Side.BUY, 1)
    assert market.book.best_ticks(Side.SELL) is None
    assert market.book.lots_within(Side.BUY, 10**6) == 0
    market.asks((90, 5))
    market.top((89, 5), (90, 5))
    assert market.ear.fills == []
    market.sold(99, 2)
    assert order.filled_lots == 2
    with pytest.raises(AssertionError):
        market.bid(100, 1)
    assert not market.book.is_open
    market.snapshot(levels((100, 1)), levels((102, 5)))
    assert market.ahead(order) == 1
    assert market.ahead(market.bid(100, 1)) == 1


@ALL_MODELS
def test_a_snapshot_bounds_the_front_by_what_it_displays(queue: QueueModel) -> None:
    """Smaller than the front: that; larger: the front stays; what was told before explains nothing."""
    market = Observed(queue)
    market.snapshot(levels((100, 5)), levels((102, 5)))
    order = market.bid(100, 1)
    market.snapshot(levels((100, 9)), levels((102, 5)))
    assert market.ahead(order) == 5
    market.bids((100, 8))
    market.snapshot(levels((100, 3)), levels((102, 5)))
    assert market.ahead(order) == 3
    market.sold(100, 1)
    assert market.ahead(order) == 2


def test_older_messages_do_not_replace_newer_ones() -> None:
    """Numbers not above the newest of their stream are ignored; a snapshot older than the book too."""
    market = Observed()
    market.snapshot(levels((100, 5)), levels((102, 5)), seq=10)
    market.bids((100, 4), seq=10)
    market.top((100, 3), (102, 5), seq=9)
    assert market.book.displayed(Side.BUY, 9) == levels((100, 5))
    market.top((100, 2), (102, 5), seq=14)
    market.top((100, 7), (102, 5), seq=14)
    market.snapshot(levels((100, 9)), levels((102, 5)), seq=9)
    assert market.book.displayed(Side.BUY, 9) == levels((100, 2))


def test_depth_does_not_bring_back_what_a_newer_top_has_said_is_gone() -> None:
    """At the top's price and better the top holds until depth has caught up; worse prices are depth's."""
    market = Observed()
    market.snapshot(levels((100, 5), (99, 5)), levels((102, 5), (103, 5)), seq=10)
    market.top((99, 3), (103, 3), seq=20)
    market.bids((100, 7), (99, 7), (98, 7), seq=15)
    market.asks((102, 7), (103, 7), (104, 7), seq=16)
    assert market.book.displayed(Side.BUY, 9) == levels((99, 3), (98, 7))
    assert market.book.displayed(Side.SELL, 9) == levels((103, 3), (104, 7))
    market.bids((100, 8), (99, 8), seq=20)
    assert market.book.displayed(Side.BUY, 9) == levels((100, 8), (99, 8), (98, 7))


def test_a_top_that_moved_away_still_holds_where_it_was() -> None:
    """The best bid was 98, then 99 again: depth from before both knows neither 99 nor 98."""
    market = Observed()
    market.snapshot(levels((99, 5), (98, 5)), levels((102, 5)), seq=10)
    market.top((98, 2), (102, 5), seq=20)
    market.top((99, 1), (102, 5), seq=21)
    market.bids((99, 6), (98, 6), (97, 6), seq=15)
    assert market.book.displayed(Side.BUY, 9) == levels((99, 1), (98, 2), (97, 6))


def test_a_side_that_is_stated_empty_is_empty() -> None:
    """A price of 0: nothing is displayed there, and older depth does not change that."""
    market = Observed()
    market.snapshot(levels((100, 5)), levels((102, 5)), seq=10)
    market.top((0, 0), (0, 0), seq=20)
    market.bids((1, 5), seq=15)
    market.asks((10**9, 5), seq=16)
    for side in Side:
        assert market.book.displayed(side, 9) == []
        assert market.book.displayed_top(side) is None
        assert market.book.best_ticks(side) is None


def test_unnumbered_messages_count_in_the_order_in_which_they_come() -> None:
    """Without numbers the newest is right."""
    market = quiet()
    market.top((99, 5), (102, 5))
    market.bids((100, 7))
    assert market.book.displayed_top(Side.BUY) == Level(100, 7 * LOT)
