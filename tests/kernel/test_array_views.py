"""The book and the feed in arrays answer what those of objects answer, message by message."""

import copy
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain import book as book_module
from mm.domain.book import Book, BookStatus, Level
from mm.domain.sides import BUY, SELL
from mm.domain.tape import KEYFRAME, OTHER
from mm.kernel import kernel as kernel_module
from mm.kernel import layout as at
from mm.kernel.array_book import ArrayBook
from mm.kernel.array_feed import ArrayFeed, ArraySide, ArrayTops
from mm.kernel.compiled import compiled
from mm.kernel.kernel import Kernel
from mm.kernel.memory import Memory
from mm.kernel.plain import PlainKernel
from mm.kernel.types import KernelMarket
from mm.sim import displayed, feed
from mm.sim.places import Places, QueueSettings
from mm.sim.queue import QueueModel
from tests.builders.kernel_rig import Rig, make_known, quoter
from tests.builders.random_tape import SYMBOL, RandomTape

NOTHING: dict[int, int] = {}


def bare_book(levels_max: int = 5_000, slots: int = 16) -> ArrayBook:
    """Return a book in arrays of its own."""
    memory = Memory(1, levels_max=levels_max, slots=slots)
    return ArrayBook(memory, memory.blocks[0])


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.sampled_from((2, 8, 40, 5_000)))
def test_messages_by_the_objects_alone_leave_equal_views(seed: int, levels_max: int) -> None:
    """Snapshots, deltas, tops, prints and losses, with own orders that rest and that take."""
    random = Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        for module in (book_module, displayed, feed, kernel_module):
            patch.setattr(module, "LEVELS_MAX", levels_max)
        chunk = RandomTape(seed, width=random.choice((3, 60, 700))).chunk(80)
        arrays = Rig(lambda markets: Kernel(markets, slots=16, compile_loop=False))
        objects = Rig(PlainKernel)
        on_due = quoter(seed)[0], quoter(seed)[0]
        kinds, markets, row = chunk.columns.kind.tolist(), chunk.columns.market.tolist(), 0
        while row < chunk.rows:
            if kinds[row] == KEYFRAME or (kinds[row] != OTHER and chunk.symbols[markets[row]] != SYMBOL):
                row += 1
                continue
            ends = {rig.by_objects(chunk, row) for rig in (arrays, objects)}
            for rig, ask in zip((arrays, objects), on_due, strict=True):
                ask(rig)
            assert arrays.view(30) == objects.view(30)
            assert shown(copy.deepcopy(arrays.book)) == shown(objects.book)
            (row,) = ends


def shown(book: Book) -> tuple[object, ...]:
    """Return what a book says, own sizes taken out or not."""
    own = {book.bid_ticks: 3, book.ask_ticks: 2**61}
    return (
        (book.bids(50, NOTHING), book.asks(50, NOTHING), book.bids(3, own), book.asks(3, own)),
        (book.best_bid(own), book.best_ask(own), book.best_bid(NOTHING), book.best_ask(NOTHING)),
        (book.bid_atoms(book.bid_ticks), book.ask_atoms(book.ask_ticks), book.bid_atoms(-5)),
        (book.status, book.seq, book.updated_ns, book.crossed_since_ns),
        book._top if not isinstance(book, ArrayBook) else None,
    )


def test_a_book_in_arrays_is_a_book() -> None:
    """Its fields are read like those of another; a book without levels has no prices."""
    book = bare_book()
    assert isinstance(book, Book)
    assert (book.status, book.bid_ticks, book.ask_ticks, book.mid_half_ticks) == (BookStatus.EMPTY, 0, 0, 0)
    assert not book.is_crossed
    assert book.best_bid({5: 1}) == 0
    book.apply_snapshot(7, 3, (Level(10, 4), Level(9, 1)), (Level(12, 4),))
    assert (book.status, book.seq, book.updated_ns, book.mid_half_ticks) == (BookStatus.IN_SYNC, 3, 7, 22)
    book.lose()
    assert book.status is BookStatus.OUT_OF_SYNC
    assert (book.seq, book.depth_ns, book.crossed_since_ns) == (3, 7, 0)
    book.apply_snapshot(9, 4, (Level(12, 1),), (Level(12, 1),))
    assert (book.seq, book.depth_ns, book.crossed_since_ns) == (4, 9, 9)


def test_prices_of_any_size_find_their_level() -> None:
    """Zero, negative and vast prices are prices like others, and the table grows as it has to."""
    book = bare_book()
    prices = [*range(-40, 41), 2**40, 2**50 + 1, -(2**45)]
    book.apply_snapshot(1, 1, tuple(Level(price, 1 + abs(price) % 7) for price in prices), ())
    assert [level.price_ticks for level in book.bids(100, NOTHING)] == sorted(prices, reverse=True)
    assert all(book.bid_atoms(price) == 1 + abs(price) % 7 for price in prices)


def test_tops_that_wait_are_kept_oldest_first_and_bounded() -> None:
    """A ring behaves as the deque of the plain feed."""
    memory = Memory(1, levels_max=3, slots=16)
    tops = ArrayTops(memory, memory.blocks[0])
    for number in range(1, 6):
        tops.append((number, 10, 20))
    assert [top[0] for top in tops] == [3, 4, 5]
    assert (tops[0][0], tops[-1][0], len(tops)) == (3, 5, 3)
    assert tops.popleft() == (3, 10, 20)
    assert [top[0] for top in tops] == [4, 5]
    tops.clear()
    assert len(tops) == 0


@pytest.mark.parametrize("name", ["printed", "shown"])
def test_what_was_told_of_a_price_is_forgotten_when_asked(name: str) -> None:
    """Of that stream alone."""
    memory = Memory(1, levels_max=3, slots=16)
    side = ArraySide(memory, memory.blocks[0] + at.BID)
    for told in (side.printed, side.shown):
        told.add(10, 5, 1_000)
    getattr(side, name).clear()
    kept, gone = (side.shown, side.printed) if name == "printed" else (side.printed, side.shown)
    assert (kept.at(10, 1_000), gone.at(10, 1_000)) == ((5, 1_000), (0, 0))


def test_a_side_without_levels_displays_none_compiled_or_not() -> None:
    """However much it displayed before; what was taken of a level goes with it."""
    for made in (None, compiled()):
        memory = Memory(1, levels_max=40, slots=16, made=made)
        book = ArrayBook(memory, memory.blocks[0])
        side = ArraySide(memory, memory.blocks[0] + at.BID)
        levels = tuple(Level(price, 7) for price in range(1, 31))
        side.replace(levels)
        book.apply_snapshot(1, 1, levels, ())
        side.take(30, 6)
        assert (side.best_ticks, book.bid_ticks, next(side.offers())) == (30, 30, (30, 1))
        side.replace((Level(30, 4),))
        book.apply_snapshot(2, 2, (), ())
        assert ([*side.offers()], book.bids(5, NOTHING)) == ([], ())
        side.replace(())
        side.replace((Level(30, 4),))
        assert [*side.offers()] == [(30, 4)]


def test_a_feed_of_a_kernel_is_asked_for_once_per_venue() -> None:
    """Whoever asks again is the venue from then on: its places are the own ones."""
    settings_ = QueueSettings(model=QueueModel.LOG, shape=12.5, lot_atoms=10)
    kernel = Kernel([KernelMarket(SYMBOL, 1, make_known(), None, settings_)], compile_loop=False)
    own = {BUY: Places(BUY, settings_), SELL: Places(SELL, settings_)}
    kernel.feed(0, own)
    made = kernel.feed(0, own)
    assert isinstance(made, ArrayFeed)
    assert len(kernel._held) == 2
    assert not made.is_believed
    assert made.sides[BUY].best_ticks == 0
