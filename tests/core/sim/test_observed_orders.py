"""A book that follows single orders: when it is open, what it is told, and who passes that over."""

from mm.domain.sides import BUY, SELL
from mm.sim.fifo import OrderChange
from mm.sim.queue import QueueModel
from tests.builders.observed import LOT, Observed, levels

ORDERS = [OrderChange(1, BUY, 99, 5 * LOT), OrderChange(2, BUY, 99, 3 * LOT), OrderChange(3, SELL, 101, LOT)]


def opened() -> Observed:
    """Return a market of three orders, displayed as two levels."""
    market = Observed(QueueModel.L3)
    market.book.on_orders(ORDERS, whole=True)
    market.snapshot(levels((99, 8)), levels((101, 1)))
    return market


def test_nothing_may_be_placed_before_all_orders_were_told() -> None:
    """Sizes alone say nothing of places; a single order is not all of them."""
    market = Observed(QueueModel.L3)
    market.snapshot(levels((99, 8)), levels((101, 1)))
    opened_by = [market.book.is_open]
    market.book.on_orders(ORDERS[:1], whole=False)
    opened_by.append(market.book.is_open)
    market.book.on_orders(ORDERS, whole=True, again=True)
    opened_by.append(market.book.is_open)
    market.book.lost()
    assert (opened_by, market.book.is_open) == ([False, False, True], False)
    assert market.book.follows_orders


def test_what_is_only_told_once_more_moves_nobody() -> None:
    """A keyframe of all orders in another order of time is passed over by whoever knows them."""
    market = opened()
    own = market.bid(99, 1)
    market.book.on_orders([OrderChange(2, BUY, 99, 3 * LOT)], whole=True, again=True)
    assert market.ahead(own) == 8
    market.book.on_orders([OrderChange(2, BUY, 99, 3 * LOT)], whole=True)
    assert market.ahead(own) == 3


def test_a_cancellation_behind_leaves_the_place_whatever_the_size_of_the_level() -> None:
    """The order's level falls to what is in front of it, and it is still behind all of that."""
    market = opened()
    own = market.bid(99, 1)
    market.book.on_orders([OrderChange(4, BUY, 99, 6 * LOT)], whole=False)
    market.bids((99, 14))
    market.book.on_orders([OrderChange(4, BUY, 99, 0)], whole=False)
    market.bids((99, 8))
    assert market.ahead(own) == 8
    market.book.on_orders([OrderChange(1, BUY, 99, 0)], whole=False)
    market.bids((99, 3))
    assert market.ahead(own) == 3
    market.sold(99, 4)
    assert market.ear.fills == [(own.order_id, 99, 1, "maker")]


def test_a_cancellation_shortly_before_a_print_does_not_explain_it() -> None:
    """Who knows the orders knows that the print is news: it takes all of itself from the front."""
    market = opened()
    own = market.bid(99, 2)
    market.book.on_orders([OrderChange(1, BUY, 99, 0)], whole=False)
    market.bids((99, 3))
    market.sold(99, 4)
    assert own.filled_lots == 1


def test_books_of_estimated_queues_pass_single_orders_over() -> None:
    """They have no place for them, and are open without."""
    market = Observed(QueueModel.POWER)
    market.snapshot(levels((99, 8)), levels((101, 1)))
    own = market.bid(99, 1)
    assert not market.book.follows_orders
    market.book.on_orders([], whole=True)
    assert market.book.is_open
    assert market.ahead(own) == 8
