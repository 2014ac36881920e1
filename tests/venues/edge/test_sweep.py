"""Ours alone, all of ours, and nothing while the venue wants to be left alone."""

import threading
from collections import defaultdict
from collections.abc import Sequence

import pytest

from mm.domain.ids import OrderId, OrderIds
from mm.errors import ForeignAddress
from mm.venues.edge.errors import RequestFailure
from mm.venues.edge.sweep import Sweep
from tests.builders.watch_jobs import EPOCH, ID_KEY, TAG, ours


class Book:
    """A venue in plain Python. Fields: listed: open orders by symbol; failing: raised by the next calls."""

    offset_ns = 0

    def __init__(self, *cids: str) -> None:
        self.listed: defaultdict[str, list[str]] = defaultdict(list, {"A": list(cids)})
        self.asked: list[str] = []
        self.cancelled: list[str] = []
        self.failing: list[Exception] = []
        self._lock = threading.Lock()

    def open_orders(self, symbol: str) -> tuple[str, ...]:
        """Return what is open."""
        self.asked.append(symbol)
        self._fail()
        return tuple(self.listed[symbol])

    def cancel(self, orders: Sequence[tuple[str, str]]) -> list[RequestFailure]:
        """Cancel them."""
        with self._lock:
            self._fail()
            for symbol, cid in orders:
                self.cancelled.append(cid)
                self.listed[symbol].remove(cid)
        return []

    def _fail(self) -> None:
        if self.failing:
            raise self.failing.pop(0)


def sweep(book: Book, *symbols: str) -> Sweep:
    """Return a sweep of the symbols, `A` if none is named."""
    return Sweep(book, OrderIds(tag=TAG, key=ID_KEY), symbols=symbols or ("A",), epoch=EPOCH)


def test_all_of_ours_is_cancelled_and_nothing_else() -> None:
    """Of this life and of earlier ones; not what others placed, nor what only looks like ours."""
    foreign = ["by-hand", OrderIds(tag=TAG, key=b"other").encode(_like()), ours(1, epoch=EPOCH + 1)]
    book = Book(*(ours(n) for n in range(50)), ours(7, epoch=1), *foreign)
    made = sweep(book)
    assert made.once() == 51
    assert book.listed["A"] == foreign
    assert made.once() == 0
    assert made.open_orders == 0
    made.close()


def _like() -> OrderId:
    found = OrderIds(tag=TAG, key=ID_KEY).decode(ours(1))
    assert found is not None
    return found


def test_every_symbol_is_looked_at() -> None:
    """Before anything is cancelled."""
    book = Book(ours(1))
    book.listed["B"] = [ours(2)]
    made = sweep(book, "A", "B")
    assert made.once() == 2
    assert sorted(book.asked) == ["A", "B"]
    assert sorted(book.cancelled) == sorted((ours(1), ours(2)))
    made.close()


def test_a_listing_that_fails_is_told_and_nothing_is_known() -> None:
    """Also where nothing may leave for the address any more."""
    for error in (RequestFailure("no answer"), ForeignAddress("elsewhere")):
        book = Book(ours(1))
        book.failing = [error]
        made = sweep(book)
        with pytest.raises(RequestFailure):
            made.once()
        assert made.open_orders == -1
        made.close()


def test_a_symbol_that_cannot_be_listed_keeps_no_other_from_being_cleared() -> None:
    """It is told afterwards, and how many there are is not known."""
    book = Book(ours(1))
    listing = book.open_orders

    def list_a_alone(symbol: str) -> tuple[str, ...]:
        if symbol == "B":
            raise RequestFailure("no answer")
        return listing(symbol)

    book.open_orders = list_a_alone  # type: ignore[method-assign] # one that fails on B
    made = sweep(book, "B", "A")
    with pytest.raises(RequestFailure):
        made.once()
    assert (book.cancelled, made.open_orders) == ([ours(1)], -1)
    made.close()


def test_a_cancel_that_fails_is_seen_in_the_next_listing() -> None:
    """Whatever the reason; the others go on."""
    book = Book(*(ours(n) for n in range(5)))
    made = sweep(book)
    fail_first = iter([RequestFailure("no answer"), ForeignAddress("elsewhere")])
    cancel = book.cancel

    def cancelling(orders: Sequence[tuple[str, str]]) -> list[RequestFailure]:
        for error in fail_first:
            raise error
        return cancel(orders)

    book.cancel = cancelling  # type: ignore[method-assign] # fails twice
    assert made.once() == 5
    assert made.once() == 2
    assert made.once() == 0
    made.close()


@pytest.mark.parametrize("status", [418, 429])
def test_a_venue_that_wants_to_be_left_alone_gets_no_cancel(status: int) -> None:
    """It says for how long."""
    book = Book(ours(1))
    made = sweep(book)
    assert made.waits_s == 0
    asked: list[int] = []

    def refusing(orders: Sequence[tuple[str, str]]) -> list[RequestFailure]:
        asked.append(len(orders))
        return [RequestFailure("slow down", status=status, retry_after_s=30)]

    book.cancel = refusing  # type: ignore[method-assign] # one that limits us
    made.once()
    assert 29 < made.waits_s <= 30
    made.once()
    assert asked == [1]
    made.close()


def test_a_limit_met_by_the_listing_counts_as_well() -> None:
    """The wait is the longer one of all that were stated."""
    book = Book()
    made = sweep(book)
    for seconds in (60, 5):
        book.failing = [RequestFailure("slow down", status=429, retry_after_s=seconds)]
        with pytest.raises(RequestFailure):
            made.once()
    assert 59 < made.waits_s <= 60
    made.close()
