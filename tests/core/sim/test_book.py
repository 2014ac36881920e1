"""The matching book by example: priority, types, times in force, self-trade prevention, what it reports."""

import pytest

from mm.domain.sides import Side
from mm.sim.book import MatchingBook
from mm.sim.orders import Fill, Order, OrderStatus, OrderType, Prevention, StpMode, TimeInForce
from tests.builders.sim import make_order

BUY, SELL = Side.BUY, Side.SELL


class Ear:
    """Keeps what the book tells."""

    def __init__(self) -> None:
        self.fills: list[tuple[int, int, int, int, int]] = []
        self.preventions: list[tuple[int, int, int, int]] = []
        self.levels: list[tuple[int, Side, int, int]] = []

    def on_fill(self, fill: Fill) -> None:
        self.fills.append(
            (fill.trade_id, fill.maker.order_id, fill.taker.order_id, fill.price_ticks, fill.size_lots)
        )

    def on_prevention(self, prevention: Prevention) -> None:
        ids = (prevention.maker.order_id, prevention.taker.order_id)
        self.preventions.append((*ids, prevention.maker_lots, prevention.taker_lots))

    def on_level(self, side: Side, price_ticks: int, size_lots: int, update_id: int) -> None:
        self.levels.append((update_id, side, price_ticks, size_lots))


def _book(*resting: Order) -> tuple[MatchingBook, Ear]:
    ear = Ear()
    book = MatchingBook(ear)
    for order in resting:
        book.place(order, 1)
    return book, ear


def test_an_empty_book_has_no_best_price() -> None:
    """Nothing rests: no best, no top, no depth, nothing to take."""
    book, _ = _book()
    assert book.best_ticks(BUY) is None
    assert book.top(SELL) == (0, 0)
    assert book.depth(BUY, 5) == []
    assert not book.would_take(BUY, 100)
    assert book.lots_within(BUY, 100) == 0


def test_the_better_price_trades_first_and_then_the_older_order() -> None:
    """Price-time priority."""
    book, ear = _book(
        make_order(1, "a", SELL, 102, 5),
        make_order(2, "b", SELL, 101, 5),
        make_order(3, "c", SELL, 101, 5),
    )
    book.place(make_order(4, "d", BUY, 102, 12), 2)
    assert ear.fills == [(1, 2, 4, 101, 5), (2, 3, 4, 101, 5), (3, 1, 4, 102, 2)]
    assert book.depth(SELL, 5) == [(102, 3)]


def test_a_trade_is_at_the_makers_price() -> None:
    """Whoever crosses gets the better price."""
    book, ear = _book(make_order(1, "a", BUY, 100, 5))
    book.place(make_order(2, "b", SELL, 90, 5), 2)
    assert ear.fills == [(1, 1, 2, 100, 5)]


def test_a_limit_order_rests_with_what_is_left() -> None:
    """The remainder joins the book at its own price."""
    book, _ = _book(make_order(1, "a", SELL, 101, 5))
    taker = make_order(2, "b", BUY, 101, 8)
    book.place(taker, 2)
    assert taker.status is OrderStatus.PARTIALLY_FILLED
    assert book.top(BUY) == (101, 3)
    assert book.best_ticks(SELL) is None
    assert book.orders == {2: taker}


def test_depth_lists_the_best_levels_first() -> None:
    """Levels are summed and cut at the limit."""
    book, _ = _book(
        make_order(1, "a", BUY, 99, 1),
        make_order(2, "a", BUY, 100, 2),
        make_order(3, "b", BUY, 100, 3),
        make_order(4, "a", BUY, 98, 4),
        make_order(5, "a", SELL, 103, 5),
        make_order(6, "a", SELL, 102, 6),
    )
    assert book.depth(BUY, 2) == [(100, 5), (99, 1)]
    assert book.depth(SELL, 9) == [(102, 6), (103, 5)]
    assert book.lots_within(SELL, 99) == 6
    assert book.lots_within(BUY, 200) == 11
    assert book.would_take(SELL, 100)
    assert not book.would_take(SELL, 101)


def test_a_cancelled_order_leaves_the_book() -> None:
    """Its level shrinks or goes; cancelling again is an error."""
    book, ear = _book(
        make_order(1, "a", BUY, 99, 1), make_order(2, "a", BUY, 100, 2), make_order(3, "b", BUY, 99, 3)
    )
    assert book.cancel(1, 7).status is OrderStatus.CANCELED
    assert book.depth(BUY, 5) == [(100, 2), (99, 3)]
    assert book.cancel(3, 8).updated_ns == 8
    assert book.depth(BUY, 5) == [(100, 2)]
    with pytest.raises(KeyError):
        book.cancel(3, 9)
    assert ear.levels[-2:] == [(4, BUY, 99, 3), (5, BUY, 99, 0)]


def test_a_market_order_takes_whatever_there_is_and_expires() -> None:
    """No price limits it; the remainder does not rest."""
    book, ear = _book(make_order(1, "a", SELL, 101, 5), make_order(2, "a", SELL, 900, 5))
    taker = make_order(3, "b", BUY, 0, 12, order_type=OrderType.MARKET)
    book.place(taker, 2)
    assert [fill[3] for fill in ear.fills] == [101, 900]
    assert taker.status is OrderStatus.EXPIRED
    assert taker.filled_lots == 10
    assert book.depth(BUY, 1) == []


def test_immediate_or_cancel_expires_its_remainder() -> None:
    """IOC takes what its price allows."""
    book, _ = _book(make_order(1, "a", SELL, 101, 5), make_order(2, "a", SELL, 102, 5))
    taker = make_order(3, "b", BUY, 101, 9, time_in_force=TimeInForce.IOC)
    book.place(taker, 2)
    assert (taker.status, taker.filled_lots) == (OrderStatus.EXPIRED, 5)
    assert book.depth(SELL, 5) == [(102, 5)]


@pytest.mark.parametrize(("size_lots", "filled_lots"), [(10, 10), (11, 0)])
def test_fill_or_kill_trades_all_or_nothing(size_lots: int, filled_lots: int) -> None:
    """FOK looks first."""
    book, _ = _book(make_order(1, "a", SELL, 101, 5), make_order(2, "a", SELL, 102, 5))
    taker = make_order(3, "b", BUY, 102, size_lots, time_in_force=TimeInForce.FOK)
    book.place(taker, 2)
    assert taker.filled_lots == filled_lots
    assert taker.status is (OrderStatus.FILLED if filled_lots else OrderStatus.EXPIRED)


def test_a_post_only_order_rests_without_matching() -> None:
    """LIMIT_MAKER joins the book; one that would take is a bug of the caller."""
    book, ear = _book(make_order(1, "a", SELL, 101, 5))
    book.place(make_order(2, "b", BUY, 100, 5, order_type=OrderType.LIMIT_MAKER), 2)
    assert book.top(BUY) == (100, 5)
    assert not ear.fills
    with pytest.raises(AssertionError):
        book.place(make_order(3, "b", BUY, 101, 5, order_type=OrderType.LIMIT_MAKER), 2)


def test_an_order_without_lots_is_a_bug_of_the_caller() -> None:
    """Nothing enters the book that cannot trade."""
    book, _ = _book()
    with pytest.raises(AssertionError):
        book.place(make_order(1, "a", SELL, 101, 0), 1)


def _stp(mode: StpMode) -> tuple[Order, Order, MatchingBook, Ear]:
    own = make_order(1, "own", SELL, 101, 5)
    book, ear = _book(own, make_order(2, "other", SELL, 101, 5))
    taker = make_order(3, "own", BUY, 101, 7, stp_mode=mode)
    book.place(taker, 2)
    return own, taker, book, ear


def test_without_prevention_an_owner_trades_with_itself() -> None:
    """NONE matches as if the owners differed."""
    own, taker, _, ear = _stp(StpMode.NONE)
    assert ear.fills == [(1, 1, 3, 101, 5), (2, 2, 3, 101, 2)]
    assert own.status is taker.status is OrderStatus.FILLED
    assert not ear.preventions


def test_expire_taker_ends_the_taker_and_leaves_the_maker() -> None:
    """The taker's remainder is gone; nothing behind the own order is reached."""
    own, taker, book, ear = _stp(StpMode.EXPIRE_TAKER)
    assert ear.preventions == [(1, 3, 0, 7)]
    assert (taker.status, taker.prevented_lots) == (OrderStatus.EXPIRED_IN_MATCH, 7)
    assert own.is_open
    assert book.top(SELL) == (101, 10)


def test_expire_maker_ends_the_maker_and_the_taker_goes_on() -> None:
    """The own resting order is gone; the next one trades."""
    own, taker, book, ear = _stp(StpMode.EXPIRE_MAKER)
    assert ear.preventions == [(1, 3, 5, 0)]
    assert (own.status, own.prevented_lots) == (OrderStatus.EXPIRED_IN_MATCH, 5)
    assert ear.fills == [(1, 2, 3, 101, 5)]
    assert taker.left_lots == 2
    assert book.top(BUY) == (101, 2)


def test_expire_both_ends_both() -> None:
    """Neither goes on."""
    own, taker, book, ear = _stp(StpMode.EXPIRE_BOTH)
    assert ear.preventions == [(1, 3, 5, 7)]
    assert own.status is taker.status is OrderStatus.EXPIRED_IN_MATCH
    assert book.top(SELL) == (101, 5)
    assert 3 not in book.orders


def test_decrement_takes_the_match_from_both_and_ends_the_smaller() -> None:
    """The larger goes on with what is left, here the taker against the next order."""
    own, taker, book, ear = _stp(StpMode.DECREMENT)
    assert ear.preventions == [(1, 3, 5, 5)]
    assert (own.status, own.prevented_lots) == (OrderStatus.EXPIRED_IN_MATCH, 5)
    assert ear.fills == [(1, 2, 3, 101, 2)]
    assert (taker.status, taker.prevented_lots, taker.filled_lots) == (OrderStatus.FILLED, 5, 2)
    assert book.top(SELL) == (101, 3)


def test_decrement_leaves_the_larger_maker_where_it_stands() -> None:
    """It loses what would have traded and keeps its place; the taker ends. A second time adds up."""
    own = make_order(1, "own", SELL, 101, 9)
    book, ear = _book(own, make_order(2, "other", SELL, 101, 5))
    for number, left in ((3, 6), (4, 3)):
        taker = make_order(number, "own", BUY, 101, 3, stp_mode=StpMode.DECREMENT)
        book.place(taker, 2)
        assert taker.status is OrderStatus.EXPIRED_IN_MATCH
        assert (own.status, own.left_lots, own.updated_ns) == (OrderStatus.NEW, left, 2)
    book.place(make_order(5, "third", BUY, 101, 4), 3)
    assert [fill[1] for fill in ear.fills] == [1, 2]
    assert own.status is OrderStatus.FILLED


def test_an_amended_order_keeps_its_place() -> None:
    """It shrinks, its level shrinks, and it still trades before the younger one."""
    first = make_order(1, "a", SELL, 101, 9)
    book, ear = _book(first, make_order(2, "b", SELL, 101, 5))
    book.place(make_order(3, "c", BUY, 101, 2), 2)
    assert book.amend(1, 4, 7) is first
    assert (first.size_lots, first.left_lots, first.updated_ns) == (4, 2, 7)
    assert ear.levels[-1] == (4, SELL, 101, 7)
    book.place(make_order(4, "c", BUY, 101, 3), 8)
    assert [fill[1] for fill in ear.fills] == [1, 1, 2]


@pytest.mark.parametrize("size_lots", [9, 10, 2, 1])
def test_an_amendment_that_does_not_shrink_or_leaves_nothing_is_a_bug_of_the_caller(size_lots: int) -> None:
    """Only sizes between what is done and what there was; an unknown order is a KeyError."""
    book, _ = _book(make_order(1, "a", SELL, 101, 9))
    book.place(make_order(2, "c", BUY, 101, 2), 2)
    with pytest.raises(AssertionError):
        book.amend(1, size_lots, 3)
    with pytest.raises(KeyError):
        book.amend(2, 5, 3)


def test_the_takers_mode_decides_not_the_makers() -> None:
    """A resting order's own mode no longer matters."""
    own = make_order(1, "own", SELL, 101, 5, stp_mode=StpMode.EXPIRE_BOTH)
    book, ear = _book(own)
    book.place(make_order(2, "own", BUY, 101, 5, stp_mode=StpMode.NONE), 2)
    assert len(ear.fills) == 1


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (StpMode.NONE, (7, 5 * 101 + 2 * 102)),
        (StpMode.EXPIRE_MAKER, (6, 5 * 101 + 1 * 103)),
        (StpMode.EXPIRE_TAKER, (5, 5 * 101)),
        (StpMode.EXPIRE_BOTH, (5, 5 * 101)),
        (StpMode.DECREMENT, (5, 5 * 101)),
    ],
)
def test_takable_is_what_would_trade_now(mode: StpMode, expected: tuple[int, int]) -> None:
    """Lots and their cost before anything is placed, own orders counted as the mode treats them."""
    book, _ = _book(
        make_order(1, "other", SELL, 101, 5),
        make_order(2, "own", SELL, 102, 5),
        make_order(3, "other", SELL, 103, 1),
    )
    taker = make_order(4, "own", BUY, 103, 7, stp_mode=mode)
    assert book.takable(taker) == expected


def test_takable_goes_on_behind_a_decrement() -> None:
    """What the own order takes away is not traded; what is left of the taker is."""
    book, _ = _book(make_order(1, "own", SELL, 101, 3), make_order(2, "other", SELL, 102, 9))
    taker = make_order(3, "own", BUY, 103, 7, stp_mode=StpMode.DECREMENT)
    assert book.takable(taker) == (4, 4 * 102)


def test_takable_stops_at_the_limit_price() -> None:
    """What is out of reach does not count."""
    book, _ = _book(make_order(1, "a", SELL, 101, 5), make_order(2, "a", SELL, 105, 5))
    assert book.takable(make_order(3, "b", BUY, 104, 9)) == (5, 505)


def test_every_change_of_a_level_has_the_next_number() -> None:
    """update_id grows by one and is told with the level's new size."""
    book, ear = _book(make_order(1, "a", SELL, 101, 5), make_order(2, "b", SELL, 101, 5))
    book.place(make_order(3, "c", BUY, 101, 7), 2)
    assert ear.levels == [
        (1, SELL, 101, 5),
        (2, SELL, 101, 10),
        (3, SELL, 101, 5),
        (4, SELL, 101, 3),
    ]
    assert book.update_id == 4
