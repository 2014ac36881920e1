"""Orders that hang: which ones, under which level, and for how long."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.domain.view import LastFill, OwnQuote
from mm.quoting import hanging
from mm.quoting.hanging import ANY_DISTANCE, GONE_NS, HANGING_MAX, SLOTS, Found, Known
from mm.quoting.reference import Reference

BUY, SELL = Side.BUY, Side.SELL


def own(side: Side, level: int, price: int, lots: int = 10) -> OwnQuote:
    """An order of ours."""
    return OwnQuote(side, level, price, lots, 1, True)


def found_of(*orders: OwnQuote, laid: tuple[OwnQuote, ...] = (), filled: tuple[int, ...] = ()) -> Found:
    """A side on which `orders` hang."""
    return Found({one.level: one for one in orders}, {one.level: one for one in laid}, filled)


def test_an_order_that_is_gone_and_was_reached_by_a_fill_was_filled() -> None:
    """Not one that stands farther than the fill's price, nor one that stands, nor without a new fill."""
    known = Known(laid=((0, 100), (1, 99), (2, 98)), filled_ns=5)
    left = (own(BUY, 1, 99),)
    fill = LastFill(6, 100, 10)

    assert hanging.look(known, left, -1, fill, 10).filled == (0,)
    assert hanging.look(known, left, -1, LastFill(6, 98, 10), 10).filled == (0, 2)
    assert hanging.look(known, left, -1, LastFill(5, 98, 10), 0).filled == ()
    assert hanging.look(known, left, -1, LastFill(5, 98, 10), 10).filled == (0, 2)
    assert hanging.look(known, left, -1, None, 10).filled == ()
    assert hanging.look(known, (own(BUY, 0, 90),), -1, fill, 10).filled == (0,)


def test_on_the_other_side_up_is_down() -> None:
    """Asks are reached from below."""
    known = Known(laid=((0, 101), (101, 102)), filled_ns=5)

    assert hanging.look(known, (), 1, LastFill(6, 101, 10), -10).filled == (0,)
    assert hanging.look(known, (), 1, LastFill(6, 102, 10), -20).filled == (0, 1)
    assert hanging.look(known, (), 1, LastFill(5, 102, 10), 20).filled == ()


def test_an_order_hangs_as_long_as_it_stands_where_it_did() -> None:
    """By level and price; exits and a second order on a level are nobody's."""
    known = Known(hanging=((0, 100, 10), (1, 99, 10)))
    orders = (own(BUY, 0, 100), own(BUY, 0, 97), own(BUY, 1, 98), own(BUY, -1, 90))

    seen = hanging.look(known, orders, -1, None, 0)

    assert seen.hanging == {0: orders[0]}
    assert seen.laid == {1: orders[2]}


def test_an_order_that_is_gone_without_a_fill_hangs_on() -> None:
    """It is laid again where it was, with what was left; not if a fill reached it, or may have."""
    known = Known(hanging=((0, 100, 7),), filled_ns=5)

    def gone(fill: LastFill | None, moved_lots: int, orders: tuple[OwnQuote, ...] = ()) -> list[int]:
        return list(hanging.look(known, orders, -1, fill, moved_lots).hanging)

    (order,) = hanging.look(known, (), -1, None, 0).hanging.values()
    assert order == OwnQuote(BUY, 0, 100, 7, GONE_NS, False)
    assert hanging.merged((), found_of(order), -1) == (Quote(100, 7, 0, ANY_DISTANCE),)
    assert gone(LastFill(6, 101, 1), 1) == [0]
    assert gone(LastFill(6, 100, 1), 1) == []
    assert gone(LastFill(5, 99, 1), 0) == [0]
    assert gone(None, 1) == []
    assert gone(None, -1) == [0]
    assert gone(None, 0, (own(BUY, 0, 98),)) == []


def test_what_is_gone_and_could_not_rest_any_more_is_forgotten() -> None:
    """At or through the other side of the book; one that stands is being filled."""
    gone = OwnQuote(SELL, 0, 100, 7, GONE_NS, False)
    side = found_of(gone, own(SELL, 1, 99))

    assert hanging.untouched(side, 1, 99) is side
    assert list(hanging.untouched(side, 1, 100).hanging) == [1]
    assert hanging.let_go(found_of(gone), Reference(10**6), 1) == found_of()


def test_the_partner_of_a_filled_order_hangs() -> None:
    """That of the same slot, whatever its generation; those that hang already stay."""
    asks = found_of(own(SELL, 0, 105), laid=(own(SELL, 100, 103), own(SELL, 1, 104)))

    hung = hanging.hang(asks, found_of(filled=(0,)))

    assert list(hung.hanging) == [0, 100]
    assert list(hung.laid) == [1]
    assert hanging.hang(asks, found_of()) is asks


def test_what_is_too_far_is_let_go() -> None:
    """The bound itself is not too far; it is one of the ladder's orders again."""
    side = found_of(own(BUY, 0, 9_000), own(BUY, 1, 8_999), laid=(own(BUY, 100, 9_990),))

    kept = hanging.let_go(side, Reference(20_000), 100_000)

    assert list(kept.hanging) == [0]
    assert sorted(kept.laid) == [1, 100]
    assert hanging.let_go(kept, Reference(20_000), 100_000) is kept
    assert list(hanging.let_go(side, Reference(60_000, 3), 100_000).hanging) == [0]


def test_no_more_hang_than_the_bound_says() -> None:
    """The farthest are let go."""
    many = [own(SELL, SLOTS * n, 10_000 + n) for n in range(HANGING_MAX + 3)]

    kept = hanging.let_go(found_of(*many), Reference(20_000), 10**6)

    assert list(kept.hanging) == [SLOTS * n for n in range(HANGING_MAX)]


def test_orders_that_could_meet_do_not_hang() -> None:
    """Those on both sides that are at or through each other."""
    bids = found_of(own(BUY, 0, 100), own(BUY, 1, 97))
    asks = found_of(own(SELL, 0, 99), own(SELL, 1, 103))

    kept_bids, kept_asks = hanging.uncrossed(bids, asks)

    assert (list(kept_bids.hanging), list(kept_asks.hanging)) == ([1], [1])
    assert hanging.uncrossed(kept_bids, kept_asks) == (kept_bids, kept_asks)
    assert hanging.uncrossed(bids, found_of()) == (bids, found_of())


def test_a_slot_is_laid_under_the_level_of_its_order_or_a_free_one() -> None:
    """Free is the lowest generation from which nothing hangs."""
    side = found_of(own(BUY, 0, 100), own(BUY, 100, 99), own(BUY, 1, 98), laid=(own(BUY, 301, 97),))

    assert hanging.names(side, 3) == (200, 301, 2)
    assert hanging.waiting(side) == (0, 0, 1)


def test_the_other_side_starts_behind_what_hangs() -> None:
    """Asks behind the highest bid, bids behind the lowest ask; in keys."""
    bids = found_of(own(BUY, 0, 100), own(BUY, 1, 97))
    asks = found_of(own(SELL, 0, 105), own(SELL, 1, 104))

    assert hanging.nearest_key(bids, 1, 98) == 100
    assert hanging.nearest_key(bids, 1, 101) == 101
    assert hanging.nearest_key(asks, -1, -110) == -104
    assert hanging.nearest_key(found_of(), -1, -110) == -110


def test_what_hangs_is_wanted_as_it_stands_in_order_of_price() -> None:
    """Whatever is left of it, at any distance, for ever."""
    ladder = (Quote(103, 5, 100), Quote(106, 5, 1))

    assert hanging.merged(ladder, found_of(), 1) is ladder
    assert hanging.merged(ladder, found_of(own(SELL, 0, 104, 7)), 1) == (
        ladder[0],
        Quote(104, 7, 0, ANY_DISTANCE),
        ladder[1],
    )


orders = st.lists(
    st.builds(
        own,
        st.just(BUY),
        st.sampled_from((-1, 0, 1, 2, 100, 101, 200)),
        st.integers(1, 60),
        st.integers(1, 9),
    ),
    max_size=6,
)
levels = st.sampled_from((0, 1, 2, 100, 101))
places = st.lists(st.tuples(levels, st.integers(1, 60)), max_size=4).map(tuple)
kept = st.lists(st.tuples(levels, st.integers(1, 60), st.integers(1, 9)), max_size=4).map(tuple)
knowns = st.builds(Known, hanging=kept, laid=places, filled_ns=st.integers(0, 3))


@settings(max_examples=80)
@given(
    known=knowns,
    bids=orders,
    asks=orders,
    fill=st.none() | st.builds(LastFill, st.integers(0, 4), st.integers(1, 60), st.just(1)),
    filled=st.lists(st.integers(0, 2), max_size=2).map(tuple),
    middle=st.integers(1, 120),
    moved=st.integers(-1, 1),
)
def test_whatever_is_known_levels_are_held_once(
    *,
    known: Known,
    bids: list[OwnQuote],
    asks: list[OwnQuote],
    fill: LastFill | None,
    filled: tuple[int, ...],
    middle: int,
    moved: int,
) -> None:
    """No order is lost, none is on both lists, and every name is free or that of the slot's order."""
    seen = hanging.untouched(hanging.look(known, bids, -1, fill, moved), -1, -40)
    partners = hanging.look(known, asks, 1, None, 0)._replace(filled=filled)
    kept, _ = hanging.uncrossed(
        hanging.let_go(hanging.hang(seen, partners), Reference(middle), 300_000), partners
    )

    standing = sorted({one.level for one in bids if one.level >= 0})
    gone = [level for level, one in kept.hanging.items() if one.placed_ns == GONE_NS]
    assert sorted([*kept.hanging, *kept.laid]) == sorted([*standing, *gone])
    assert all(kept.hanging[level].price_ticks < 40 for level in gone)
    names = hanging.names(kept, 3)
    assert len(set(names)) == 3
    assert not set(names) & set(kept.hanging)
    assert [name % SLOTS for name in names] == [0, 1, 2]
    remembered = hanging.remembered(known, kept, fill)
    assert {level for level, _, _ in remembered.hanging} == set(kept.hanging)
    assert remembered.filled_ns >= known.filled_ns
    assert hanging.remembered(remembered, kept, fill) is remembered
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(remembered), type=Known) == remembered
