"""Market: own size out of the book, ghosts of orders that just ended, the mid, shared signals."""

from hypothesis import given
from hypothesis import strategies as st

from mm.domain.book import Level
from mm.domain.orders import Order
from mm.domain.sides import Side
from mm.engine.market import GHOST_NS, Market
from tests.builders.engine_ladder import Tally, TallySpec
from tests.builders.instruments import INSTRUMENT

NOW_NS = 10**18
LOT = INSTRUMENT.lot_atoms


def market(*, own_in_book: bool = True) -> Market:
    """Return a market with bids 100, 99, 98 and asks 103, 104, 105 of 10 lots each."""
    made = Market(INSTRUMENT, own_in_book=own_in_book, reference_window_ns=30 * 10**9)
    bids = [Level(price, 10 * LOT) for price in (100, 99, 98)]
    asks = [Level(price, 10 * LOT) for price in (103, 104, 105)]
    made.book.apply_snapshot(NOW_NS, 1, bids, asks)
    return made


def own(side: Side, price: int, lots: int, *, symbol: str = INSTRUMENT.symbol) -> Order:
    """Return a live order of ours."""
    return Order(
        cid=f"{side}{price}{lots}",
        session=0,
        symbol=symbol,
        side=side,
        price_ticks=price,
        size_lots=lots,
        level=0,
        reduces=False,
        placed_ns=NOW_NS,
    )


def test_own_orders_are_not_part_of_the_market() -> None:
    """A level that is all ours is not there; one that is partly ours is smaller."""
    one = market()
    live = [own(Side.BUY, 100, 10), own(Side.BUY, 99, 4), own(Side.SELL, 103, 12), own(Side.SELL, 104, 1)]
    assert one.refresh(NOW_NS, 1, [*live, own(Side.BUY, 99, 10, symbol="other")])
    assert (one.bid_ticks, one.ask_ticks, one.mid_half_ticks) == (99, 104, 203)
    assert one.book.bids(2, one.own_bids) == (Level(99, 6 * LOT), Level(98, 10 * LOT))


def test_where_own_orders_are_not_displayed_nothing_is_taken_out() -> None:
    """In paper mode the public book is without us."""
    one = market(own_in_book=False)
    one.refresh(NOW_NS, 1, [own(Side.BUY, 100, 10)])
    assert (one.bid_ticks, one.ask_ticks) == (100, 103)


def test_an_order_that_ended_is_taken_out_until_the_book_can_have_heard_of_it() -> None:
    """The report of an end is faster than the book: for a moment its size is a ghost."""
    one = market()
    one.refresh(NOW_NS, 1, [own(Side.BUY, 100, 10)])
    assert one.refresh(NOW_NS + 1, 2, []) is False
    assert one.bid_ticks == 99
    assert not one.is_outdated(NOW_NS + GHOST_NS, 2)
    assert one.is_outdated(NOW_NS + GHOST_NS + 1, 2)
    assert one.refresh(NOW_NS + GHOST_NS + 1, 2, [])
    assert one.bid_ticks == 100


def test_a_crossed_or_one_sided_book_has_no_mid() -> None:
    """Nothing is marked, sampled or decided by what cannot be a price."""
    one = market()
    one.signal(TallySpec())
    one.refresh(NOW_NS, 1, [])
    one.book.apply_delta(NOW_NS, 2, [Level(104, LOT)], [])
    assert one.refresh(NOW_NS, 1, [])
    assert one.mid_half_ticks == 0
    one.book.apply_delta(NOW_NS, 3, [Level(104, 0)], [Level(p, 0) for p in (103, 104, 105)])
    assert one.refresh(NOW_NS, 1, []) is False
    assert (one.bid_ticks, one.ask_ticks, one.mid_half_ticks) == (100, 0, 0)
    tally = one.signals[0][1]
    assert isinstance(tally, Tally)
    assert tally.mids == 1


def test_equal_specs_share_one_signal() -> None:
    """Two sessions that ask for the same estimate are told the same."""
    one = market()
    assert one.signal(TallySpec("a")) is one.signal(TallySpec("a"))
    assert one.signal(TallySpec("a")) is not one.signal(TallySpec("b"))
    assert len(one.signals) == 2


steps = st.lists(
    st.tuples(
        st.integers(0, 150_000_000),
        st.lists(st.tuples(st.sampled_from(Side), st.integers(97, 106), st.integers(1, 12)), max_size=4),
    ),
    min_size=1,
    max_size=12,
)


@given(steps)
def test_own_sizes_with_ghosts_are_those_of_a_plain_history(
    history: list[tuple[int, list[tuple[Side, int, int]]]],
) -> None:
    """Own size at a price = what lives there + every decrease of the last quarter of a second."""
    one, now_ns = market(), NOW_NS
    before: dict[tuple[Side, int], int] = {}
    ghosts: list[tuple[int, Side, int, int]] = []
    for version, (pause_ns, rows) in enumerate(history, start=1):
        now_ns += pause_ns
        one.refresh(now_ns, version, [own(*row) for row in rows])
        after: dict[tuple[Side, int], int] = {}
        for side, price, lots in rows:
            after[side, price] = after.get((side, price), 0) + lots * LOT
        for (side, price), atoms in before.items():
            gone = atoms - after.get((side, price), 0)
            if gone > 0:
                ghosts.append((now_ns + GHOST_NS, side, price, gone))
        before = after
        for side, known in ((Side.BUY, one.own_bids), (Side.SELL, one.own_asks)):
            expected: dict[int, int] = {p: atoms for (s, p), atoms in after.items() if s is side}
            for until_ns, ghost_side, price, atoms in ghosts:
                if ghost_side is side and until_ns > now_ns:
                    expected[price] = expected.get(price, 0) + atoms
            assert known == expected
