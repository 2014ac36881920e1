"""Resting orders in an observed market: what fills them, by how much, and what does not."""

import pytest

from mm.domain.book import Level
from mm.domain.sides import Side
from mm.sim.feed import MarketFeed
from mm.sim.observed import POWER_MAX, ObservedBook
from mm.sim.orders import OrderStatus, OrderType, TimeInForce
from mm.sim.places import Places
from mm.sim.queue import ESTIMATES, QueueModel
from tests.builders.observed import LOT, Ear, Observed, levels, opened, quiet
from tests.builders.sim import make_order, make_pair

ALL_MODELS = pytest.mark.parametrize("queue", ESTIMATES)


# --- the queue at the order's own price


def test_an_order_rests_behind_what_is_displayed_at_its_price() -> None:
    """At a displayed level behind all of it; at an empty price or better than the best in front of all."""
    market = quiet(5.25)
    assert market.ahead(market.bid(100, 1)) == 5.25
    assert market.ahead(market.bid(99, 1)) == 0
    assert market.ahead(market.bid(101, 1)) == 0
    assert market.ahead(market.ask(102, 1)) == 5


@ALL_MODELS
def test_t1_two_orders_behind_one_level_share_a_print(queue: QueueModel) -> None:
    """Two of 1 behind 5, prints of 5 and of 1: one lot fills, not two, and it is the first order's."""
    market = Observed(queue)
    market.snapshot(levels((100, 5)), levels((102, 5)))
    first, second = market.bid(100, 1), market.bid(100, 1)
    market.sold(100, 5)
    assert market.ear.fills == []
    market.sold(100, 1)
    assert market.ear.fills == [(first.order_id, 100, 1, "maker")]
    market.sold(100, 1)
    assert market.ear.fills[1:] == [(second.order_id, 100, 1, "maker")]


@ALL_MODELS
def test_t2_a_small_print_through_the_price_fills_no_more_than_itself(queue: QueueModel) -> None:
    """An order of 50 and one print of a lot below it: one lot; of half a lot: nothing."""
    market = Observed(queue)
    market.snapshot(levels((100, 5)), levels((102, 5)))
    order = market.bid(100, 50)
    market.sold(99, 0.5)
    assert market.ear.fills == []
    market.sold(99, 1)
    assert market.ear.fills == [(order.order_id, 100, 1, "maker")]


@ALL_MODELS
def test_t3_a_print_that_ends_exactly_with_the_order_fills_it_and_the_next_goes_on(queue: QueueModel) -> None:
    """5 in front, an order of 1, a print of 6: filled; later prints find nobody and nothing breaks."""
    market = Observed(queue)
    market.snapshot(levels((100, 5)), levels((102, 5)))
    order = market.bid(100, 1)
    market.sold(100, 6)
    assert market.ear.fills == [(order.order_id, 100, 1, "maker")]
    assert (order.status, order.left_lots) == (OrderStatus.FILLED, 0)
    market.sold(100, 1)
    market.sold(99, 1)
    assert len(market.ear.fills) == 1
    assert market.book.orders == {}


@ALL_MODELS
def test_t3b_a_partial_fill_counts_at_once_and_the_rest_follows(queue: QueueModel) -> None:
    """50 in front of 10; prints of 59 and of 10: 9 filled at once, then the last one; nothing is lost."""
    market = Observed(queue)
    market.snapshot(levels((100, 50)), levels((102, 50)))
    order = market.bid(100, 10)
    market.sold(100, 59)
    assert (order.filled_lots, order.status) == (9, OrderStatus.PARTIALLY_FILLED)
    market.sold(100, 10)
    assert (order.filled_lots, order.status) == (10, OrderStatus.FILLED)
    assert [lots for _, _, lots, _ in market.ear.fills] == [9, 1]


@ALL_MODELS
def test_a_level_that_melts_without_trades_fills_nobody(queue: QueueModel) -> None:
    """An order of 20 behind 10; the level goes 100, then 5, without prints; a tiny print: nothing fills."""
    market = Observed(queue)
    market.snapshot(levels((100, 10)), levels((102, 5)))
    order = market.bid(100, 20)
    market.bids((100, 100))
    market.bids((100, 5))
    assert 0 <= market.ahead(order) <= 5
    market.pause(10**9)
    market.sold(100, 0.1)
    assert market.ear.fills == []


def test_a_growing_level_is_behind_the_order() -> None:
    """What comes later does not stand in front."""
    market = quiet()
    order = market.bid(100, 1)
    market.bids((100, 500))
    market.top((100, 700), (102, 5))
    assert market.ahead(order) == 5


@ALL_MODELS
def test_a_cautious_front_falls_only_with_the_level_itself(queue: QueueModel) -> None:
    """5 in front, 10 behind, 7 go without a print: the published fronts; 5 stay for the risk averse."""
    market = Observed(queue)
    market.snapshot(levels((100, 5)), levels((102, 5)))
    order = market.bid(100, 1)
    market.bids((100, 15))
    market.bids((100, 8))
    expected = [5, 3.6, 1.1111111111, 4.7407407407, None, None][queue]
    if expected is not None:
        assert market.ahead(order) == pytest.approx(expected, abs=1.1 / LOT)
    assert 0 < market.ahead(order) <= 5


# --- prints


def test_a_print_goes_to_better_prices_first_then_to_the_earlier_order() -> None:
    """A sale of 10 at 99: 101 first, then 100 twice in order, then what is left behind the front at 99."""
    market = Observed()
    market.snapshot(levels((98, 5)), levels((103, 5)))
    late, best, early, level = (market.bid(price, 3) for price in (100, 101, 100, 99))
    market.sold(99, 10)
    filled = [(order.order_id, order.filled_lots) for order in (best, late, early, level)]
    assert [(order_id, lots) for order_id, _, lots, _ in market.ear.fills] == [
        (best.order_id, 3),
        (late.order_id, 3),
        (early.order_id, 3),
        (level.order_id, 1),
    ]
    assert filled[3] == (level.order_id, 1)
    assert all(price in (99, 100, 101) for _, price, _, _ in market.ear.fills)


def test_a_print_hits_only_the_side_that_its_taker_trades_with() -> None:
    """A purchase fills asks, a sale bids; prints at worse prices fill nobody."""
    market = quiet()
    bid, ask = market.bid(101, 2), market.ask(103, 2)
    market.bought(101, 5)
    market.sold(102, 5)
    market.bought(102, 5)
    assert market.ear.fills == []
    market.bought(104, 5)
    assert (bid.filled_lots, ask.filled_lots) == (0, 2)
    assert market.ear.fills[0][1] == 103
    market.sold(100, 5)
    assert bid.filled_lots == 2


def test_what_a_print_leaves_below_a_lot_is_not_filled() -> None:
    """2.9 lots beyond the front: two."""
    market = quiet(5.5)
    order = market.bid(100, 9)
    market.sold(100, 8.4)
    assert order.filled_lots == 2
    assert market.ahead(order) == 0


# --- what is displayed on the other side


@ALL_MODELS
def test_quotes_alone_do_not_fill_at_the_touch(queue: QueueModel) -> None:
    """Our bid is the best, its level comes and goes, the ask comes to our very price: nothing fills."""
    market = Observed(queue)
    market.snapshot(levels((99, 5)), levels((102, 5)))
    order = market.bid(100, 5)
    market.bids((100, 7))
    market.bids((100, 0), (99, 0))
    market.asks((100, 50))
    market.top((98, 5), (100, 70))
    assert market.ear.fills == []
    market.sold(100, 2)
    assert order.filled_lots == 2


def test_an_ask_strictly_below_our_bid_fills_it_by_what_is_displayed_once() -> None:
    """3.5 lots at 99 and 4 at 98 fill seven of ours at 100; seeing the same sizes again fills nothing."""
    market = quiet()
    order = market.bid(100, 50)
    market.bids((100, 0))
    market.asks((102, 0), (99, 3.5), (98, 4))
    assert market.ear.fills == [(order.order_id, 100, 4, "maker"), (order.order_id, 100, 3, "maker")]
    market.asks((99, 3.5), (98, 4))
    market.top((97, 5), (98, 4))
    assert order.filled_lots == 7


def test_a_crossing_level_gives_more_only_as_far_as_it_grows() -> None:
    """Smaller: what was taken stays taken. Larger: the growth. Gone and back: all of it again."""
    market = quiet()
    order = market.bid(100, 50)
    market.bids((100, 0))
    seen = []
    for size in (4, 3, 5, 5, 0, 6):
        market.asks((99, size))
        seen.append(order.filled_lots)
    assert seen == [4, 4, 6, 6, 6, 12]


def test_crossing_fills_the_better_and_earlier_orders_first() -> None:
    """Of six lots at 97 the bid at 100 takes four, the earlier one at 99 two, the later one nothing."""
    market = quiet()
    first, second, best = market.bid(99, 4), market.bid(99, 4), market.bid(100, 4)
    market.bids((100, 0))
    market.asks((97, 6))
    assert [order.filled_lots for order in (best, first, second)] == [4, 2, 0]


def test_asks_are_filled_by_bids_that_cross_them() -> None:
    """The same the other way round, at our price."""
    market = quiet()
    order = market.ask(102, 3)
    market.asks((102, 0))
    market.bids((104, 1), (103, 9))
    assert order.filled_lots == 3
    assert {price for _, price, _, _ in market.ear.fills} == {102}


def test_a_book_that_is_displayed_crossed_in_itself_proves_nothing() -> None:
    """Between two streams the bid of before stands against the ask of now: nobody is filled by that."""
    market = quiet()
    order = market.bid(101, 3)
    market.asks((99, 5))
    assert market.ear.fills == []
    market.bids((100, 0))
    assert order.filled_lots == 3


def test_a_snapshot_can_cross() -> None:
    """After a gap the market stands below our bid: it fills by what is displayed there."""
    market = quiet()
    order = market.bid(100, 3)
    market.book.lost()
    market.snapshot(levels((95, 5)), levels((96, 2)))
    assert order.filled_lots == 2
    market.snapshot(levels((95, 5)), levels((96, 2)))
    assert order.filled_lots == 2


# --- cancelling and amending


def test_a_cancelled_order_fills_no_more() -> None:
    """It leaves the queue; who stood behind it keeps his place."""
    market = quiet()
    first, second = market.bid(100, 3), market.bid(100, 3)
    assert market.book.cancel(first.order_id, 7) is first
    assert (first.status, first.updated_ns) == (OrderStatus.CANCELED, 7)
    assert market.ahead(second) == 5
    market.sold(100, 6)
    assert (first.filled_lots, second.filled_lots) == (0, 1)
    with pytest.raises(KeyError):
        market.book.cancel(first.order_id, 8)
    with pytest.raises(KeyError):
        market.book.ahead_atoms(first.order_id)


def test_an_amended_order_keeps_its_place_and_fills_less() -> None:
    """From five lots to two, one of them traded already: one more fills."""
    market = quiet(0)
    order = market.bid(100, 5)
    market.sold(100, 1)
    assert market.book.amend(order.order_id, 2, 9) is order
    assert (order.size_lots, order.updated_ns) == (2, 9)
    for size_lots in (3, 2, 1):
        with pytest.raises(AssertionError):
            market.book.amend(order.order_id, size_lots, 9)
    market.sold(100, 9)
    assert (order.filled_lots, order.status) == (2, OrderStatus.FILLED)
    with pytest.raises(KeyError):
        market.book.amend(order.order_id, 1, 10)


# --- what the book shows


def test_own_orders_are_displayed_nowhere() -> None:
    """The book protocol's own levels are empty; what the market displays is asked apart."""
    market = opened()
    market.bid(100, 5)
    book = market.book
    assert [book.top(side) for side in Side] == [(0, 0), (0, 0)]
    assert [book.depth(side, 5) for side in Side] == [[], []]
    assert book.update_id == 0
    assert book.displayed(Side.BUY, 2) == levels((99, 50), (98, 50))
    assert book.displayed_top(Side.SELL) == Level(101, 50 * LOT)
    assert book.best_ticks(Side.BUY) == 99
    assert list(book.orders) == [1]


def test_each_fill_has_a_number_and_the_market_as_its_other_side() -> None:
    """Numbers count up from 1; the market's order is as large as the match and is funded before it."""
    market = quiet(0)
    order = market.bid(100, 5)
    market.sold(100, 2)
    market.sold(100, 3)
    fills = market.ear.heard
    assert [fill.trade_id for fill in fills] == [1, 2]
    assert [fill.taker for fill in fills] == market.funded
    assert all(fill.maker is order and fill.taker.side is Side.SELL for fill in fills)
    assert fills[1].ts_ns == market.now_ns == order.updated_ns


@pytest.mark.parametrize("power", [0, -1, POWER_MAX + 1])
def test_an_exponent_out_of_range_is_refused(power: float) -> None:
    """The range is said."""
    with pytest.raises(ValueError, match="expected 0 < power <= 32"):
        Observed(QueueModel.POWER3, power=power)


@pytest.mark.parametrize("queue", [QueueModel.RISK_AVERSE, QueueModel.LOG, QueueModel.LOG2])
def test_a_model_without_exponent_takes_none(queue: QueueModel) -> None:
    """The model is named."""
    with pytest.raises(ValueError, match=f"the queue model {queue.name.lower()} has no exponent"):
        Observed(queue, power=2)


def test_a_calibrated_exponent_is_used() -> None:
    """The higher it is, the more of a decrease was behind."""
    ahead = []
    for power in (1.0, 3.0, 9.0):
        market = Observed(QueueModel.POWER3, power=power)
        market.snapshot(levels((100, 5)), levels((102, 5)))
        order = market.bid(100, 1)
        market.bids((100, 15))
        market.bids((100, 8))
        ahead.append(market.ahead(order))
    assert ahead == sorted(ahead)
    assert ahead[0] < ahead[2]


def test_a_fresh_book_is_closed() -> None:
    """Nothing is known of the market before its first snapshot."""
    book = ObservedBook(Ear(), instrument=make_pair(), fund=lambda order: None)
    assert not book.is_open
    order = make_order(1, "x", Side.BUY, 1, 1, order_type=OrderType.LIMIT, time_in_force=TimeInForce.GTC)
    with pytest.raises(AssertionError):
        book.place(order, 1)


def test_another_feed_can_show_the_market_before_anything_was_seen() -> None:
    """It is given the own places, and is what the book looks through from then on."""
    market = Observed()
    made: list[MarketFeed] = []

    def feed(own: dict[Side, Places]) -> MarketFeed:
        made.append(MarketFeed(own))
        return made[-1]

    market.book.look_through(feed)
    market.snapshot(levels((100, 5)), levels((102, 5)))
    assert made[0].is_believed
    assert market.ahead(market.bid(100, 1)) == 5
    assert market.book.queue.lot_atoms == LOT
