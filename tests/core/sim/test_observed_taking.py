"""Takers in an observed market: what they find, what is left for the next, and own orders in their way."""

import pytest

from mm.domain.sides import Side
from mm.sim.book import Book
from mm.sim.orders import OrderStatus, OrderType, StpMode, TimeInForce
from tests.builders.observed import Observed, levels, opened

IOC = {"time_in_force": TimeInForce.IOC}
FOK = {"time_in_force": TimeInForce.FOK}
MAKER = {"order_type": OrderType.LIMIT_MAKER}


def test_it_is_a_book() -> None:
    """Whatever needs a `Book` can have this one."""
    book: Book = opened().book
    assert book.is_open


def test_a_taker_walks_the_displayed_levels_at_their_prices() -> None:
    """50 at 101 and 20 at 102, as taker; what it did not get expires."""
    market = opened()
    order = market.bid(102, 120, **IOC)
    assert [fill[1:] for fill in market.ear.fills] == [(101, 50, "taker"), (102, 50, "taker")]
    assert (order.status, order.filled_lots) == (OrderStatus.EXPIRED, 100)
    assert market.book.orders == {}
    assert [fill.maker for fill in market.ear.heard] == market.funded


def test_a_crossing_limit_order_rests_with_what_is_left() -> None:
    """It took what it could and waits in front of everybody; the next growth below its price fills it."""
    market = opened()
    order = market.bid(102, 120)
    assert (order.status, order.left_lots) == (OrderStatus.PARTIALLY_FILLED, 20)
    assert market.ahead(order) == 0
    market.asks((101, 51))
    assert order.left_lots == 19
    market.asks((102, 60))
    assert order.left_lots == 19


def test_what_was_taken_is_not_there_for_the_next_taker() -> None:
    """Until the level shows more: then the growth."""
    market = opened()
    market.bid(101, 30, **IOC)
    assert market.book.lots_within(Side.BUY, 101) == 20
    assert market.bid(101, 50, **IOC).filled_lots == 20
    assert market.book.lots_within(Side.BUY, 102) == 50
    assert market.book.best_ticks(Side.SELL) == 102
    market.asks((101, 55))
    assert market.bid(101, 50, **IOC).filled_lots == 5
    market.asks((101, 0), (101, 8))
    assert market.bid(101, 50, **IOC).filled_lots == 8


def test_a_snapshot_does_not_give_again_what_was_taken() -> None:
    """The same size at the same price is the same quote; another price is another."""
    market = opened()
    market.bid(102, 100, **IOC)
    market.snapshot(levels((99, 50)), levels((102, 40), (103, 50)))
    assert market.book.lots_within(Side.BUY, 103) == 50


def test_only_whole_lots_are_taken_of_a_broken_size() -> None:
    """2.9 and 0.9 lots: two of the first, nothing of the second."""
    market = Observed()
    market.snapshot(levels((99, 1)), levels((101, 2.9), (102, 0.9), (103, 4)))
    order = market.market(Side.BUY, 6)
    assert [fill[1:3] for fill in market.ear.fills] == [(101, 2), (103, 4)]
    assert order.status is OrderStatus.FILLED
    assert market.book.best_ticks(Side.SELL) is None


def test_a_market_order_takes_what_there_is_and_expires() -> None:
    """No limit; the value is known beforehand."""
    market = opened()
    sell = market.market(Side.SELL, 170)
    assert (sell.filled_lots, sell.status) == (150, OrderStatus.EXPIRED)
    assert [price for _, price, _, _ in market.ear.fills] == [99, 98, 97]


def test_what_is_takable_is_what_a_taker_gets() -> None:
    """Lots and lots x ticks, with nothing changed by asking."""
    market = opened()
    order = market.bid(99, 120)
    order.price_ticks = 102
    assert market.book.takable(order) == (100, 50 * 101 + 50 * 102)
    assert market.book.takable(order) == (100, 50 * 101 + 50 * 102)
    order.price_ticks = 100
    assert market.book.takable(order) == (0, 0)


@pytest.mark.parametrize(("lots", "filled"), [(100, 100), (101, 0)])
def test_fill_or_kill_is_all_or_nothing(lots: int, filled: int) -> None:
    """One lot too many and nothing trades."""
    market = opened()
    order = market.bid(102, lots, **FOK)
    assert order.filled_lots == filled
    assert order.status is (OrderStatus.FILLED if filled else OrderStatus.EXPIRED)


def test_a_post_only_order_is_judged_by_what_is_displayed_when_it_takes_effect() -> None:
    """At the ask and above it would take, below not; what is displayed counts though we took it."""
    market = opened()
    book = market.book
    assert [book.would_take(Side.BUY, price) for price in (100, 101, 102)] == [False, True, True]
    assert [book.would_take(Side.SELL, price) for price in (100, 99, 98)] == [False, True, True]
    market.bid(101, 50, **IOC)
    assert book.would_take(Side.BUY, 101)
    market.top((99, 50), (102, 50))
    assert not book.would_take(Side.BUY, 101)
    resting = market.bid(101, 5, **MAKER)
    assert resting.is_open
    with pytest.raises(AssertionError):
        market.bid(102, 5, **MAKER)


def test_a_post_only_order_would_take_own_orders_too() -> None:
    """At the venue the own resting order is there, though it is displayed nowhere."""
    market = opened()
    market.bid(100, 5)
    assert market.book.would_take(Side.SELL, 100)
    assert not market.book.would_take(Side.SELL, 101)


@pytest.mark.parametrize(
    ("mode", "prevention", "filled", "status"),
    [
        (StpMode.EXPIRE_TAKER, (1, 2, 0, 8), 0, OrderStatus.EXPIRED_IN_MATCH),
        (StpMode.NONE, (1, 2, 0, 8), 0, OrderStatus.EXPIRED_IN_MATCH),
        (StpMode.EXPIRE_MAKER, (1, 2, 5, 0), 8, OrderStatus.FILLED),
        (StpMode.EXPIRE_BOTH, (1, 2, 5, 8), 0, OrderStatus.EXPIRED_IN_MATCH),
        (StpMode.DECREMENT, (1, 2, 5, 5), 3, OrderStatus.FILLED),
    ],
)
def test_own_orders_never_trade_with_each_other(
    mode: StpMode, prevention: tuple[int, int, int, int], filled: int, status: OrderStatus
) -> None:
    """Our bid at 100 is met before the displayed one at 99; the taker's mode says what becomes of both."""
    market = opened()
    maker = market.bid(100, 5)
    taker = market.ask(99, 8, stp_mode=mode)
    assert market.ear.preventions == [prevention]
    assert (taker.filled_lots, taker.status) == (filled, status)
    assert maker.is_open is (prevention[2] == 0)
    assert (maker.order_id in market.book.orders) is maker.is_open
    assert all(order_id == taker.order_id for order_id, _, _, _ in market.ear.fills)
    assert market.book.prevention_id == 1


def test_decrement_leaves_the_larger_order_working() -> None:
    """Eight against our resting five and the reverse: what is left of either goes on."""
    market = opened()
    maker = market.bid(100, 8)
    taker = market.ask(100, 5, stp_mode=StpMode.DECREMENT)
    assert (taker.status, maker.status) == (OrderStatus.EXPIRED_IN_MATCH, OrderStatus.NEW)
    assert (maker.left_lots, maker.prevented_lots) == (3, 5)
    second = market.ask(100, 4, stp_mode=StpMode.DECREMENT)
    assert (maker.status, second.left_lots) == (OrderStatus.EXPIRED_IN_MATCH, 1)
    assert second.is_open


def test_at_one_price_what_is_in_front_of_an_own_order_trades_before_it_is_met() -> None:
    """10 in front of ours and 50 behind: a sale of 30 takes the ten, loses ours, takes twenty of the rest."""
    market = Observed()
    market.snapshot(levels((99, 10)), levels((101, 50)))
    first = market.bid(99, 7)
    market.bids((99, 60))
    second = market.bid(99, 7)
    taker = market.ask(99, 30, stp_mode=StpMode.EXPIRE_MAKER)
    assert [fill[1:] for fill in market.ear.fills] == [(99, 10, "taker"), (99, 20, "taker")]
    assert market.ear.preventions == [(first.order_id, taker.order_id, 7, 0)]
    assert second.is_open


def test_a_market_order_meets_own_orders_behind_everything_that_is_displayed() -> None:
    """When the displayed levels are used up our own bid below them is next."""
    market = opened()
    market.bid(90, 5)
    taker = market.market(Side.SELL, 200, stp_mode=StpMode.EXPIRE_TAKER)
    assert (taker.filled_lots, taker.prevented_lots) == (150, 50)
    assert taker.status is OrderStatus.EXPIRED_IN_MATCH


def test_fill_or_kill_with_an_own_order_in_the_way() -> None:
    """If the own order is what expires it can still be filled whole; if not, nothing happens at all."""
    market = opened()
    maker = market.bid(100, 5)
    dead = market.ask(99, 50, stp_mode=StpMode.EXPIRE_TAKER, **FOK)
    assert (dead.status, dead.filled_lots, market.ear.preventions) == (OrderStatus.EXPIRED, 0, [])
    done = market.ask(99, 50, stp_mode=StpMode.EXPIRE_MAKER, **FOK)
    assert (done.status, maker.status) == (OrderStatus.FILLED, OrderStatus.EXPIRED_IN_MATCH)


def test_a_done_taker_meets_nobody() -> None:
    """Three lots are in front of ours: a sale of three ends before it."""
    market = Observed()
    market.snapshot(levels((99, 3)), levels((101, 50)))
    market.bid(99, 7)
    assert market.ask(99, 3).status is OrderStatus.FILLED
    assert market.ear.preventions == []
