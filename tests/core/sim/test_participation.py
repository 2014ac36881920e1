"""How much of a print own orders may have: a stated part, shared by all of them, and nothing else changes."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.sides import Side
from mm.domain.units import PPM
from mm.sim.observed import ObservedBook
from mm.sim.queue import QueueModel
from tests.builders.observed import LOT, Ear, levels
from tests.builders.observed_runs import ObservedRun
from tests.builders.random_market import LOT as STEP_LOT
from tests.builders.random_market import RandomMarket
from tests.builders.sim import START_NS, make_order, make_pair

MODELS = st.sampled_from(list(QueueModel))


def sharing(participation_ppm: int) -> tuple[ObservedBook, Ear]:
    """Return a book that shows 5 lots at 100 and at 102, and its ear."""
    ear = Ear()
    book = ObservedBook(
        ear, instrument=make_pair(), fund=lambda order: None, participation_ppm=participation_ppm
    )
    book.on_snapshot(levels((100, 5)), levels((102, 5)), ts_ns=START_NS)
    return book, ear


def test_a_part_of_a_print_fills_and_the_rest_is_taken_by_others() -> None:
    """A quarter of 8 lots through the price: 2 of 10; the next print gives its own quarter."""
    book, ear = sharing(250_000)
    order = make_order(1, "us", Side.BUY, 101, 10)
    book.place(order, START_NS)
    book.on_trade(100, 8 * LOT, Side.SELL, START_NS + 1)
    assert ear.fills == [(1, 101, 2, "maker")]
    book.on_trade(100, 4 * LOT, Side.SELL, START_NS + 2)
    assert ear.fills[1:] == [(1, 101, 1, "maker")]
    assert order.left_lots == 7


def test_own_orders_share_the_part_best_price_first() -> None:
    """Half of 4 lots for an order of 1 at 101 and two of 3 at 100: one, one, nothing."""
    book, ear = sharing(500_000)
    for order_id, price, lots in ((1, 99, 3), (2, 101, 1), (3, 99, 3)):
        book.place(make_order(order_id, "us", Side.BUY, price, lots), START_NS)
    book.on_trade(98, 4 * LOT, Side.SELL, START_NS + 1)
    assert ear.fills == [(2, 101, 1, "maker"), (1, 99, 1, "maker")]


def test_a_part_of_less_than_a_lot_fills_nothing() -> None:
    """A tenth of 9 lots is no lot; of 10 it is one."""
    book, ear = sharing(100_000)
    book.place(make_order(1, "us", Side.BUY, 101, 10), START_NS)
    book.on_trade(100, 9 * LOT, Side.SELL, START_NS + 1)
    assert ear.fills == []
    book.on_trade(100, 10 * LOT, Side.SELL, START_NS + 2)
    assert ear.fills == [(1, 101, 1, "maker")]


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), model=MODELS, part=st.sampled_from([1, 50_000, 333_333, 900_000, PPM]))
def test_own_fills_of_a_print_are_at_most_their_part_of_it(seed: int, model: QueueModel, part: int) -> None:
    """In random markets, in whole lots rounded down; over all prints own fills are at most the part of what
    was traded.
    """
    run, market = ObservedRun(model, participation_ppm=part), RandomMarket(seed)
    run.open(*market.opening())
    traded = filled = 0
    for step in market.steps(150):
        before = len(run.ear.fills)
        run.run(step)
        kind, _, args = step
        if kind != "trade":
            continue
        lots = sum(lots for _, _, lots, _ in run.ear.fills[before:])
        assert lots <= args[1] * part // PPM // STEP_LOT
        traded, filled = traded + args[1], filled + lots * STEP_LOT
    assert filled * PPM <= traded * part


@pytest.mark.parametrize("model", list(QueueModel))
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_the_whole_of_a_print_is_no_bound(model: QueueModel, seed: int) -> None:
    """With the part 1 everything fills as without the word, and as in the naive book."""
    runs = [ObservedRun(model, has_naive=True), ObservedRun(model, participation_ppm=PPM)]
    market = RandomMarket(seed)
    opening, steps = market.opening(), list(market.steps(80))
    for run in runs:
        run.open(*opening)
        for step in steps:
            run.run(step)
    told = [msgspec.msgpack.encode(run.ear.fills) for run in runs]
    assert told[0] == told[1]
