"""The book agrees with a naive one after any messages, and says whether it may be believed."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain import book as book_module
from mm.domain.book import Book, BookStatus, Level

NOTHING: dict[int, int] = {}


def levels(*pairs: tuple[int, int]) -> tuple[Level, ...]:
    """Return levels from (price, size) pairs."""
    return tuple(Level(price, size) for price, size in pairs)


def synced(bids: tuple[Level, ...], asks: tuple[Level, ...], *, seq: int = 10) -> Book:
    """Return a book in sync with these levels."""
    book = Book()
    book.apply_snapshot(1_000, seq, bids, asks)
    return book


def shown(book: Book) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """Return all levels of both sides."""
    return book.bids(100, NOTHING), book.asks(100, NOTHING)


class NaiveBook:
    """Two dictionaries from price to size and the rules of the messages, spelt out one by one."""

    def __init__(self, levels_max: int) -> None:
        """Start without a book."""
        self.levels_max = levels_max
        self.sides: list[dict[int, int]] = [{}, {}]
        self.live = False
        self.seq = 0
        self.top: tuple[int, tuple[Level, Level]] | None = None
        self.updated_ns = 0
        self.crossed_since_ns = 0

    def best_first(self, side: int) -> list[int]:
        """Return the prices of a side, best first."""
        return sorted(self.sides[side], reverse=side == 0)

    def put(self, side: int, level: Level) -> None:
        """Set or remove one level."""
        self.sides[side].pop(level.price_ticks, None)
        if level.size_atoms:
            self.sides[side][level.price_ticks] = level.size_atoms

    def bound(self, side: int) -> None:
        """Keep the best of more than twice too many."""
        if len(self.sides[side]) > 2 * self.levels_max:
            for price in self.best_first(side)[self.levels_max :]:
                del self.sides[side][price]

    def cut(self, tops: tuple[Level, Level]) -> None:
        """Remove what is better than the stated tops and set those."""
        for side, top in enumerate(tops):
            for price in list(self.sides[side]):
                empty = top.price_ticks == 0
                if empty or (price > top.price_ticks if side == 0 else price < top.price_ticks):
                    del self.sides[side][price]
            if top.price_ticks:
                self.put(side, top)
                self.bound(side)

    def snapshot(self, ts_ns: int, seq: int, *sides: tuple[Level, ...]) -> None:
        """Replace everything, unless it is older than what is believed."""
        if self.live and seq < self.seq:
            return
        for side, given_levels in enumerate(sides):
            held = {level.price_ticks: level.size_atoms for level in given_levels if level.size_atoms}
            self.sides[side] = held
            self.bound(side)
        self.live, self.top = True, None
        self.touch(ts_ns, seq)

    def delta(self, ts_ns: int, seq: int, *sides: tuple[Level, ...]) -> None:
        """Set levels unless the message is old; a newer top stays in force."""
        if not self.live or seq <= self.seq:
            return
        for side, given_levels in enumerate(sides):
            for level in given_levels:
                self.put(side, level)
            self.bound(side)
        if self.top is not None and seq < self.top[0]:
            self.cut(self.top[1])
        else:
            self.top = None
        self.touch(ts_ns, seq)

    def new_top(self, ts_ns: int, seq: int, bid: Level, ask: Level) -> None:
        """Take a top that is newer than everything; the book keeps its number."""
        if self.live and seq > self.seq and (self.top is None or seq > self.top[0]):
            self.top = (seq, (bid, ask))
            self.cut((bid, ask))
            self.touch(ts_ns, self.seq)

    def touch(self, ts_ns: int, seq: int) -> None:
        """Note what was heard, and since when the sides cross."""
        self.seq, self.updated_ns = seq, ts_ns
        bids, asks = self.best_first(0), self.best_first(1)
        crossed = bool(bids and asks) and bids[0] >= asks[0]
        self.crossed_since_ns = (self.crossed_since_ns or ts_ns) if crossed else 0

    def without(self, side: int, own: dict[int, int]) -> list[Level]:
        """Return the levels of a side with own sizes taken out."""
        found = []
        for price in self.best_first(side):
            left = self.sides[side][price] - own.get(price, 0)
            if left > 0:
                found.append(Level(price, left))
        return found


PRICES, SIZES = st.integers(1, 14), st.integers(0, 3)
SIDES = st.lists(st.builds(Level, PRICES, SIZES), max_size=5).map(tuple)
TOPS = st.builds(Level, st.integers(0, 14), SIZES).map(lambda top: (top,))
MESSAGES = st.one_of(
    st.tuples(st.just("snapshot"), st.integers(-1, 3), SIDES, SIDES),
    st.tuples(st.just("delta"), st.integers(-1, 3), SIDES, SIDES),
    st.tuples(st.just("delta"), st.integers(1, 3), SIDES, SIDES),
    st.tuples(st.just("top"), st.integers(-1, 4), TOPS, TOPS),
    st.tuples(st.just("lose"), st.just(0), st.just(()), st.just(())),
)
OWN = st.dictionaries(PRICES, st.integers(1, 3), max_size=4)


LIMITS = st.fixed_dictionaries(
    {
        "LEVELS_MAX": st.one_of(st.integers(1, 8), st.integers(14, 60)),
        "NEAR_LEVELS": st.integers(1, 3),
        "FAR_MAX": st.integers(0, 4),
    }
)


@settings(max_examples=800)
@given(st.lists(st.tuples(MESSAGES, st.booleans()), max_size=25), OWN, st.integers(1, 4), LIMITS)
def test_the_book_agrees_with_a_naive_one(
    messages: list[tuple[tuple[str, int, tuple[Level, ...], tuple[Level, ...]], bool]],
    own: dict[int, int],
    count: int,
    limits: dict[str, int],
) -> None:
    """After any snapshots, deltas, tops and losses, old ones and duplicates included, all views are equal,
    however deep it was looked into in between.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, value in limits.items():
            patch.setattr(book_module, name, value)
        book, naive = Book(), NaiveBook(limits["LEVELS_MAX"])
        ts_ns = 0
        for (kind, ahead, first, second), deep in messages:
            ts_ns += 7
            seq = book.seq + ahead
            match kind:
                case "snapshot":
                    book.apply_snapshot(ts_ns, seq, first, second)
                    naive.snapshot(ts_ns, seq, first, second)
                case "delta":
                    book.apply_delta(ts_ns, seq, first, second)
                    naive.delta(ts_ns, seq, first, second)
                case "top":
                    book.apply_top(ts_ns, seq, first[0], second[0])
                    naive.new_top(ts_ns, seq, first[0], second[0])
                case _:
                    book.lose()
                    naive.live = False
            agree(copy.deepcopy(book) if deep else book, naive, own, count)
            if deep:
                agree_deep(copy.deepcopy(book), naive)
        agree_deep(book, naive)


def agree_deep(book: Book, naive: NaiveBook) -> None:
    """Assert that the whole of a book is the whole of the naive one."""
    bids, asks = naive.best_first(0), naive.best_first(1)
    assert list(book.bids(100, NOTHING)) == [Level(price, naive.sides[0][price]) for price in bids]
    assert list(book.asks(100, NOTHING)) == [Level(price, naive.sides[1][price]) for price in asks]


def agree(book: Book, naive: NaiveBook, own: dict[int, int], count: int) -> None:
    """Assert that everything that a book says of its near side is what the naive one says."""
    bids, asks = naive.best_first(0), naive.best_first(1)
    assert list(book.bids(count, own)) == naive.without(0, own)[:count]
    assert list(book.asks(count, own)) == naive.without(1, own)[:count]
    own_out = [[level.price_ticks for level in naive.without(side, own)] for side in (0, 1)]
    assert book.best_bid(own) == (own_out[0][0] if own_out[0] else 0)
    assert book.best_ask(own) == (own_out[1][0] if own_out[1] else 0)
    assert book.bid_ticks == (bids[0] if bids else 0)
    assert book.ask_ticks == (asks[0] if asks else 0)
    assert book.mid_half_ticks == (bids[0] + asks[0] if bids and asks else 0)
    assert book.is_crossed is (bool(bids and asks) and bids[0] >= asks[0])
    assert (book.seq, book.updated_ns) == (naive.seq, naive.updated_ns)
    assert book.crossed_since_ns == naive.crossed_since_ns
    assert (book.status is BookStatus.IN_SYNC) is naive.live


def test_a_new_book_is_empty_and_not_to_be_believed() -> None:
    """Nothing is known before the first snapshot, and nothing but a snapshot changes that."""
    book = Book()

    book.apply_delta(5, 1, levels((1, 1)), ())
    book.apply_top(6, 2, Level(1, 1), Level(2, 1))

    assert book.status is BookStatus.EMPTY
    assert (book.bid_ticks, book.ask_ticks, book.mid_half_ticks, book.updated_ns) == (0, 0, 0, 0)
    assert not book.is_crossed


def test_a_lost_book_stays_visible_and_unbelievable_until_the_next_snapshot() -> None:
    """People still see the levels; no message but a snapshot brings the book back."""
    book = synced(levels((9, 1)), levels((11, 1)))

    book.lose()
    book.apply_delta(2_000, 11, levels((10, 1)), ())
    book.apply_top(2_000, 12, Level(10, 1), Level(11, 1))

    status = book.status
    assert status is BookStatus.OUT_OF_SYNC
    assert shown(book) == (levels((9, 1)), levels((11, 1)))
    assert book.updated_ns == 1_000
    book.apply_snapshot(3_000, 20, levels((8, 1)), levels((12, 1)))
    assert book.status is BookStatus.IN_SYNC
    assert (book.bid_ticks, book.ask_ticks, book.seq) == (8, 12, 20)


@pytest.mark.parametrize("seq", [9, 10])
def test_a_delta_that_is_not_newer_changes_nothing(seq: int) -> None:
    """A duplicate or an older delta is neither applied nor counted as news."""
    book = synced(levels((9, 1)), levels((11, 1)))

    book.apply_delta(2_000, seq, levels((9, 5)), ())

    assert shown(book) == (levels((9, 1)), levels((11, 1)))
    assert book.updated_ns == 1_000


def test_a_top_removes_what_is_better_and_sets_what_it_states() -> None:
    """Deeper levels stay; the book keeps its own number so that deltas still join."""
    book = synced(levels((9, 1), (8, 2), (7, 3)), levels((11, 1), (12, 2)))

    book.apply_top(2_000, 13, Level(8, 5), Level(10, 4))

    assert shown(book) == (levels((8, 5), (7, 3)), levels((10, 4), (11, 1), (12, 2)))
    assert (book.seq, book.updated_ns) == (10, 2_000)


def test_a_delta_older_than_the_top_does_not_bring_back_what_is_gone() -> None:
    """The delta is applied below the top; the top holds until a delta has caught up with it."""
    book = synced(levels((9, 1), (8, 2)), levels((11, 1)))
    book.apply_top(2_000, 13, Level(8, 5), Level(11, 1))

    book.apply_delta(3_000, 12, levels((9, 7), (8, 6), (6, 1)), levels((10, 1)))

    assert shown(book) == (levels((8, 5), (6, 1)), levels((11, 1)))
    book.apply_delta(4_000, 13, levels((9, 3)), ())
    assert book.bid_ticks == 9
    book.apply_delta(5_000, 14, levels((10, 3)), ())
    assert book.bid_ticks == 10


def test_an_old_top_is_ignored() -> None:
    """A top older than the book, or than the newest top, is no news."""
    book = synced(levels((9, 1)), levels((11, 1)))
    book.apply_top(2_000, 10, Level(5, 1), Level(15, 1))
    book.apply_top(3_000, 13, Level(8, 1), Level(12, 1))
    book.apply_top(4_000, 12, Level(5, 1), Level(15, 1))

    assert (book.bid_ticks, book.ask_ticks, book.updated_ns) == (8, 12, 3_000)


@pytest.mark.parametrize(("bid", "ask", "prices"), [((0, 0), (11, 1), (0, 11)), ((9, 1), (0, 0), (9, 0))])
def test_a_top_without_a_price_empties_its_side(
    bid: tuple[int, int], ask: tuple[int, int], prices: tuple[int, int]
) -> None:
    """Venues state an empty side as a price of 0, for bids and asks alike."""
    book = synced(levels((9, 1), (8, 1)), levels((11, 1), (12, 1)))

    book.apply_top(2_000, 13, Level(*bid), Level(*ask))

    assert (book.bid_ticks, book.ask_ticks) == prices
    assert book.mid_half_ticks == 0
    assert not book.is_crossed


def test_own_sizes_are_taken_out_level_by_level() -> None:
    """A level that is only ours, or less than ours, is not shown; what remains of others is."""
    book = synced(levels((9, 5), (8, 2), (7, 3)), levels((11, 4), (12, 2)))

    assert book.bids(2, {9: 5, 8: 1}) == levels((8, 1), (7, 3))
    assert book.asks(5, {11: 9}) == levels((12, 2))
    assert (book.best_bid({9: 5, 8: 1}), book.best_ask({11: 9, 12: 1})) == (8, 12)
    assert (book.best_bid({9: 5, 8: 2, 7: 3}), book.best_ask({})) == (0, 11)


def test_a_crossing_is_timed_from_its_first_message() -> None:
    """The time of a crossing begins once and ends when the sides part, a locked book included."""
    book = synced(levels((9, 1)), levels((11, 1)))

    book.apply_delta(2_000, 11, levels((11, 1)), ())
    assert book.is_crossed
    book.apply_delta(3_000, 12, levels((12, 1)), ())
    assert book.crossed_since_ns == 2_000
    book.apply_delta(4_000, 13, levels((12, 0), (11, 0)), ())
    assert (book.is_crossed, book.crossed_since_ns) == (False, 0)


def test_a_full_side_keeps_the_best_and_forgets_a_level_entirely(monkeypatch: pytest.MonkeyPatch) -> None:
    """A level beyond the bound is not half known: when it is removed later, another one must not go. Up to
    twice as many are kept, so that few messages pay for it.
    """
    monkeypatch.setattr(book_module, "LEVELS_MAX", 3)
    book = synced(levels(*((price, 1) for price in range(3, 10))), levels((11, 1)))
    assert shown(book)[0] == levels((9, 1), (8, 1), (7, 1))

    book.apply_delta(2_000, 11, levels((4, 1), (3, 1), (2, 1)), ())
    assert shown(book)[0] == levels((9, 1), (8, 1), (7, 1), (4, 1), (3, 1), (2, 1))
    book.apply_delta(3_000, 12, levels((5, 1)), ())
    assert shown(book)[0] == levels((9, 1), (8, 1), (7, 1))
    book.apply_delta(4_000, 13, levels((5, 0)), ())
    assert shown(book)[0] == levels((9, 1), (8, 1), (7, 1))
    book.apply_delta(5_000, 14, levels((9, 0), (5, 2)), ())
    assert shown(book)[0] == levels((8, 1), (7, 1), (5, 2))


def test_depth_that_is_silent_while_the_top_moves_lags() -> None:
    """A top newer than the depth is normal for a moment, not for longer than the patience."""
    book = synced(levels((99, 5)), levels((101, 5)))
    assert not book.lags(10_000, 100)
    book.apply_top(2_000, 12, Level(98, 5), Level(101, 5))
    assert not book.lags(1_100, 100)
    assert book.lags(1_101, 100)
    book.apply_delta(3_000, 11, levels((90, 1)), ())
    assert not book.lags(3_100, 100)
    assert book.lags(3_101, 100)
    book.apply_delta(4_000, 12, levels((90, 2)), ())
    assert not book.lags(9_999, 100)


def test_a_snapshot_older_than_a_book_in_sync_changes_nothing() -> None:
    """It was asked for before the last one came; a book that was lost takes any."""
    book = synced(levels((99, 5)), levels((101, 5)), seq=10)
    book.apply_snapshot(2_000, 9, levels((1, 1)), levels((2, 1)))
    assert (book.seq, book.bid_ticks) == (10, 99)
    book.lose()
    book.apply_snapshot(2_000, 9, levels((1, 1)), levels((2, 1)))
    assert (book.seq, book.bid_ticks) == (9, 1)


def test_a_side_that_grows_beyond_its_room_forgets_what_went_and_keeps_the_nearest() -> None:
    """Where gone levels and far ones no longer fit, they are put in order, and the farthest go."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book_module, "LEVELS_MAX", 12)
        patch.setattr(book_module, "NEAR_LEVELS", 2)
        book = synced(levels((50, 1), (49, 1), (48, 1)), ())
        book.apply_delta(2_000, 11, levels((49, 0), (40, 1)), ())
        book.apply_delta(3_000, 12, levels((30, 1), (31, 1), (48, 0)), ())
        book.apply_delta(4_000, 13, levels(*((price, 2) for price in range(3, 24))), ())

        assert [level.price_ticks for level in book.bids(100, NOTHING)] == [
            50,
            40,
            31,
            30,
            *range(23, 15, -1),
        ]


def test_a_side_without_room_is_changed_level_by_level() -> None:
    """Levels that go, that never were, that change and that are new; the best that is left is on top."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book_module, "LEVELS_MAX", 4)
        book = synced(levels((50, 1), (49, 1), (48, 1), (47, 1)), levels((60, 1)))
        book.apply_delta(2_000, 11, levels((50, 0), (46, 0), (49, 7), (45, 1), (51, 0)), ())

        assert shown(book)[0] == levels((49, 7), (48, 1), (47, 1), (45, 1))


def test_whoever_looks_beyond_what_is_near_sees_the_far_levels_in_order() -> None:
    """They came after the near ones were put in order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book_module, "NEAR_LEVELS", 2)
        book = synced(levels((50, 1), (49, 1)), levels((60, 1)))
        book.apply_delta(2_000, 11, levels((40, 1), (45, 1), (30, 1)), ())

        assert [level.price_ticks for level in book.bids(5, NOTHING)] == [50, 49, 45, 40, 30]


def test_a_top_below_what_is_near_takes_away_all_that_is_better() -> None:
    """Far levels are put in order first: the stated top may lie among them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book_module, "NEAR_LEVELS", 2)
        book = synced(levels((50, 1), (49, 1), (48, 1)), levels((60, 1)))
        book.apply_delta(2_000, 11, levels((40, 1), (30, 1), (35, 1)), ())
        book.apply_top(3_000, 12, Level(35, 4), Level(60, 1))

        assert shown(book)[0] == levels((35, 4), (30, 1))


def test_a_far_level_that_went_does_not_become_the_best_one() -> None:
    """The near ones go; of the far ones the first that still is comes next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book_module, "NEAR_LEVELS", 2)
        book = synced(levels((50, 1), (49, 1)), ())
        book.apply_delta(2_000, 11, levels((40, 1), (30, 1)), ())
        book.apply_delta(3_000, 12, levels((40, 0)), ())
        book.apply_delta(4_000, 13, levels((50, 0), (49, 0)), ())

        assert book.bid_ticks == 30


def test_what_is_displayed_at_a_price_is_told_with_own_size() -> None:
    """Nothing at a price without a level, or whose level went."""
    book = synced(levels((50, 7), (49, 3)), levels((60, 2)))
    book.apply_delta(2_000, 11, levels((49, 0)), levels((61, 5)))

    assert [book.bid_atoms(price) for price in (50, 49, 60)] == [7, 0, 0]
    assert [book.ask_atoms(price) for price in (60, 61, 50)] == [2, 5, 0]
