"""The matching book against the naive one: same fills, same expiries, same levels, on generated orders."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.sides import Side
from mm.sim.book import MatchingBook
from mm.sim.orders import Fill, Order, OrderType, Prevention, StpMode, TimeInForce
from tests.builders.naive_book import NaiveBook, Step
from tests.builders.sim import make_order


class Ear:
    """Writes down what the book tells, and rebuilds its levels from the changes."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.levels: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        self.update_id = 0

    def on_fill(self, fill: Fill) -> None:
        self.steps.append(
            ("fill", fill.maker.order_id, fill.taker.order_id, fill.price_ticks, fill.size_lots)
        )

    def on_prevention(self, prevention: Prevention) -> None:
        ids = (prevention.maker.order_id, prevention.taker.order_id)
        self.steps.append(("stp", *ids, prevention.price_ticks, prevention.taker_lots))

    def on_level(self, side: Side, price_ticks: int, size_lots: int, update_id: int) -> None:
        assert update_id == self.update_id + 1
        self.update_id = update_id
        if size_lots:
            self.levels[side][price_ticks] = size_lots
        else:
            del self.levels[side][price_ticks]


Request = tuple[OrderType, TimeInForce, str, Side, int, int, StpMode, int]
"""A drawn order; then the oldest resting order is cancelled if the last number is 0, halved if it is 1."""

KINDS = [
    (OrderType.LIMIT, TimeInForce.GTC),
    (OrderType.LIMIT, TimeInForce.GTC),
    (OrderType.LIMIT, TimeInForce.IOC),
    (OrderType.LIMIT, TimeInForce.FOK),
    (OrderType.LIMIT_MAKER, TimeInForce.GTC),
    (OrderType.MARKET, TimeInForce.GTC),
]


@st.composite
def _requests(draw: st.DrawFn) -> Request:
    order_type, time_in_force = draw(st.sampled_from(KINDS))
    return (
        order_type,
        time_in_force,
        draw(st.sampled_from(["a", "b", "c"])),
        draw(st.sampled_from(list(Side))),
        draw(st.integers(95, 105)),
        draw(st.integers(1, 9)),
        draw(st.sampled_from(list(StpMode))),
        draw(st.integers(0, 4)),
    )


def _order(number: int, request: Request) -> Order:
    order_type, time_in_force, owner, side, price_ticks, size_lots, stp_mode, _ = request
    fields = {"order_type": order_type, "time_in_force": time_in_force, "stp_mode": stp_mode}
    return make_order(number, owner, side, price_ticks, size_lots, **fields)


def _state(order: Order) -> tuple[object, ...]:
    return (order.status, order.filled_lots, order.prevented_lots)


@settings(max_examples=80)
@given(requests=st.lists(_requests(), min_size=12, max_size=40))
def test_the_book_does_what_the_naive_book_does(requests: list[Request]) -> None:
    """Orders of every kind, some cancelled or halved: fills, states and levels are equal throughout."""
    ear = Ear()
    book, naive = MatchingBook(ear), NaiveBook()
    for number, request in enumerate(requests, start=1):
        pair = [_order(number, request) for _ in range(2)]
        if pair[0].order_type is OrderType.LIMIT_MAKER and book.would_take(pair[0].side, pair[0].price_ticks):
            continue
        book.place(pair[0], number)
        naive.place(pair[1])
        assert _state(pair[0]) == _state(pair[1])
        if book.orders:
            _change_oldest(book, naive, number, cancel=request[-1] == 0, amend=request[-1] == 1)
        _compare(book, naive, ear)


def _change_oldest(book: MatchingBook, naive: NaiveBook, number: int, *, cancel: bool, amend: bool) -> None:
    order = book.orders[min(book.orders)]
    if cancel:
        book.cancel(order.order_id, number)
        naive.cancel(order.order_id)
    elif amend and order.left_lots > 1:
        size_lots = order.size_lots - order.left_lots // 2
        book.amend(order.order_id, size_lots, number)
        naive.amend(order.order_id, size_lots)


def _compare(book: MatchingBook, naive: NaiveBook, ear: Ear) -> None:
    assert ear.steps == naive.steps
    assert sorted(book.orders) == sorted(order.order_id for order in naive.resting)
    for side in Side:
        levels = naive.levels(side)
        assert book.depth(side, 99) == levels
        assert dict(levels) == ear.levels[side]
        assert book.top(side) == (levels[0] if levels else (0, 0))
    bid, ask = book.best_ticks(Side.BUY), book.best_ticks(Side.SELL)
    assert bid is None or ask is None or bid < ask
