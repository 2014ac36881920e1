"""How much of a print, or of a level displayed through their price, own orders may have: a stated part, which
all of them share, and nothing else changes.
"""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.sides import Side
from mm.domain.units import PPM
from mm.sim.causes import FillCause
from mm.sim.observed import MARKET, ObservedBook
from mm.sim.queue import ESTIMATES, QueueModel
from tests.builders.observed import LOT, Ear, levels
from tests.builders.observed_runs import ObservedRun
from tests.builders.random_market import LOT as STEP_LOT
from tests.builders.random_market import RandomMarket
from tests.builders.sim import START_NS, make_order, make_pair

MODELS = st.sampled_from(ESTIMATES)


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


@pytest.mark.parametrize("model", ESTIMATES)
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


def test_a_level_displayed_through_the_price_gives_its_part_once() -> None:
    """A quarter of 11 lots is 2, for all own orders together, however often it is shown; of 20 it is 5."""
    book, ear = sharing(250_000)
    for order_id, price, lots in ((1, 101, 1), (2, 100, 10)):
        book.place(make_order(order_id, "us", Side.BUY, price, lots), START_NS)
    for step in range(3):
        book.on_depth(levels((100, 0), (98, 5)), levels((99, 11)), ts_ns=START_NS + 1 + step)
    assert ear.fills == [(1, 101, 1, "maker"), (2, 100, 1, "maker")]
    book.on_depth([], levels((99, 20)), ts_ns=START_NS + 9)
    assert ear.fills[2:] == [(2, 100, 3, "maker")]


def test_a_part_of_a_level_that_is_less_than_a_lot_fills_nothing() -> None:
    """And a worse level that still is through the price gives its own part."""
    book, ear = sharing(100_000)
    book.place(make_order(1, "us", Side.BUY, 101, 10), START_NS)
    book.on_depth(levels((100, 0), (97, 5)), levels((98, 9), (99, 20), (101, 90)), ts_ns=START_NS + 1)
    assert ear.fills == [(1, 101, 2, "maker")]


def test_what_was_taken_at_once_counts_as_had() -> None:
    """Who takes gets all that is displayed; what rests then gets what is left of the part of the level:
    of half of 8 lots nothing after 5, of half of 20 the other 5.
    """
    book, ear = sharing(500_000)
    book.place(make_order(1, "us", Side.BUY, 103, 12), START_NS)
    assert ear.fills == [(1, 102, 5, "taker")]
    book.on_depth([], levels((102, 8)), ts_ns=START_NS + 1)
    assert ear.fills[1:] == []
    book.on_depth([], levels((102, 20)), ts_ns=START_NS + 2)
    assert ear.fills[1:] == [(1, 103, 5, "maker")]
    assert {cause.value: tuple(count) for cause, count in book.causes.counts.items()} == {
        "print_through": (0, 0),
        "print_at_price": (0, 0),
        "displayed_cross": (1, 5),
        "taken_at_once": (1, 5),
    }


@pytest.mark.parametrize("model", ESTIMATES)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), part=st.sampled_from([1, 50_000, 333_333, 900_000]))
def test_a_part_is_handed_out_as_in_the_naive_book(model: QueueModel, seed: int, part: int) -> None:
    """Prints and displayed levels, after every step."""
    run, market = ObservedRun(model, has_naive=True, participation_ppm=part), RandomMarket(seed)
    assert run.naive is not None
    run.open(*market.opening())
    for step in market.steps(80):
        run.run(step)
        assert run.ear.fills == run.naive.fills


@given(seed=st.integers(0, 2**32), model=MODELS, part=st.sampled_from([1, 50_000, 333_333, 900_000, PPM]))
def test_own_fills_of_a_displayed_level_are_at_most_their_part_of_it(
    seed: int, model: QueueModel, part: int
) -> None:
    """A message that is neither a print nor an order of ours fills at most the parts, in whole lots, of the
    levels displayed on the other side that are strictly through the worst price filled; each fill is counted
    under one cause.
    """
    run, market = ObservedRun(model, participation_ppm=part), RandomMarket(seed)
    run.open(*market.opening())
    for step in market.steps(150):
        before, counts = len(run.ear.heard), run.book.causes.counts
        run.run(step)
        heard, now = run.ear.heard[before:], run.book.causes.counts
        added = {cause: now[cause].lots - counts[cause].lots for cause in FillCause}
        assert sum(added.values()) == sum(fill.size_lots for fill in heard)
        assert sum(now[cause].fills - counts[cause].fills for cause in FillCause) == len(heard)
        takes = sum(fill.size_lots for fill in heard if fill.maker.owner == MARKET)
        assert added[FillCause.TAKEN_AT_ONCE] == takes
        if step[0] in {"trade", "order"}:
            assert not added[FillCause.DISPLAYED_CROSS]
            continue
        assert sum(added.values()) == added[FillCause.DISPLAYED_CROSS]
        for side in Side:
            own = [fill for fill in heard if fill.maker.side is side]
            worst = min((fill.price_ticks * side.sign for fill in own), default=0)
            room = sum(
                level.size_atoms * part // PPM // STEP_LOT
                for level in run.book.displayed(side.opposite, 10**6)
                if own and (max(fill.price_ticks * side.sign for fill in own)) > level.price_ticks * side.sign
            )
            assert sum(fill.size_lots for fill in own) <= room
            assert not own or worst > run.book.displayed(side.opposite, 1)[0].price_ticks * side.sign


def test_prints_are_told_apart_by_whether_they_went_through_the_price() -> None:
    """One through the price of the better order reaches the other one's price too."""
    book, _ = sharing(PPM)
    for order_id, price in ((1, 101), (2, 100)):
        book.place(make_order(order_id, "us", Side.BUY, price, 2), START_NS)
    book.on_trade(100, 8 * LOT, Side.SELL, START_NS + 1)
    counts = book.causes.counts
    assert tuple(counts[FillCause.PRINT_THROUGH]) == (1, 2)
    assert tuple(counts[FillCause.PRINT_AT_PRICE]) == (1, 1)
