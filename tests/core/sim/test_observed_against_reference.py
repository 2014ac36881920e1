"""The observed book against the naive one: same fills, same fronts, same display, on generated markets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.book import Level
from mm.domain.sides import Side
from mm.sim.observed import ObservedBook
from mm.sim.queue import ESTIMATES, QueueModel
from tests.builders.naive_queue import NaiveQueue
from tests.builders.observed_runs import ObservedRun
from tests.builders.random_market import LOT, RandomMarket


def _compare(book: ObservedBook, naive: NaiveQueue) -> None:
    waiting = {order.order_id: order for order in naive.waiting}
    assert list(book.orders) == sorted(waiting)
    for order_id, order in book.orders.items():
        assert order.left_lots == waiting[order_id].left_lots
        assert book.ahead_atoms(order_id) == waiting[order_id].front_atoms
    for side in Side:
        rows = naive.best_first(side)
        assert book.displayed(side, 99) == [Level(row.price_ticks, row.size_atoms) for row in rows]
        offered = [(row.size_atoms - row.taken_atoms) // LOT for row in rows]
        limit_ticks = 10**6 if side is Side.SELL else 0
        found_lots = book.lots_within(side.opposite, limit_ticks)
        assert found_lots == (sum(offered) if naive.believed else 0)


@pytest.mark.parametrize("model", ESTIMATES)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 150))
def test_the_book_does_what_the_naive_one_does(model: QueueModel, seed: int, count: int) -> None:
    """After every step of a market of snapshots, depth, tops, prints, losses and own orders of every kind."""
    market, run = RandomMarket(seed), ObservedRun(model, has_naive=True)
    assert run.naive is not None
    run.open(*market.opening())
    for step in market.steps(count):
        run.run(step)
        assert run.ear.fills == run.naive.fills
        _compare(run.book, run.naive)
