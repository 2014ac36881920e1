"""Differ: from what is wanted and what lives to the fewest messages."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.orders import LIVE, Order, OrderState
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.engine.differ import SIZE_TOLERANCE_DIVISOR, by_level, diff, must_move
from mm.engine.quantise import Wanted

NOW_NS = 1_000_000


def order(
    side: Side = Side.BUY,
    level: int = 0,
    price: int = 100,
    size: int = 80,
    *,
    state: OrderState = OrderState.WORKING,
    filled: int = 0,
    age: int = 1_000,
) -> Order:
    """Return a live order of this age."""
    made = Order(
        cid=f"{side}{level}{price}{size}{state}",
        session=0,
        symbol="X",
        side=side,
        price_ticks=price,
        size_lots=size,
        level=level,
        reduces=level < 0,
        placed_ns=NOW_NS - age,
    )
    made.state = state
    made.take(filled)
    return made


orders = st.builds(
    order,
    side=st.sampled_from(Side),
    level=st.integers(-1, 3),
    price=st.integers(95, 105),
    size=st.integers(50, 120),
    state=st.sampled_from(LIVE),
    filled=st.sampled_from((0, 0, 10)),
    age=st.integers(0, 2_000),
)


@st.composite
def sides(draw: st.DrawFn) -> tuple[Quote, ...]:
    """Quotes of levels in any order, each once: an order that hangs keeps the level that it had."""
    chosen = draw(st.permutations(sorted(draw(st.sets(st.integers(0, 3))))))
    return tuple(
        Quote(
            draw(st.integers(95, 105)),
            draw(st.integers(50, 120)),
            level,
            draw(st.integers(0, 3)),
            draw(st.sampled_from((0, 1_500))),
            draw(st.sampled_from((0, 500))),
        )
        for level in chosen
    )


def naive_must_move(live: Order, quote: Quote) -> bool:
    """Say in one expression what makes an order move."""
    age = NOW_NS - live.placed_ns
    slack = quote.size_lots // SIZE_TOLERANCE_DIVISOR
    reasons = (
        quote.age_ns_max > 0 and age >= quote.age_ns_max,
        abs(live.price_ticks - quote.price_ticks) > quote.tolerance_ticks,
        live.left_lots > quote.size_lots + slack,
        live.cum_lots == 0 and live.size_lots < quote.size_lots - slack,
    )
    return age >= quote.life_ns_min and any(reasons)


def unique(live: Iterable[Order]) -> list[Order]:
    """Return the first order per side and level: what the differ is to judge."""
    kept: dict[tuple[Side, int], Order] = {}
    for one in live:
        kept.setdefault((one.side, one.level), one)
    return list(kept.values())


@given(sides(), sides(), st.lists(orders, max_size=8))
def test_the_messages_are_the_fewest_that_lead_to_what_is_wanted(
    bids: tuple[Quote, ...], asks: tuple[Quote, ...], live: list[Order]
) -> None:
    """Per side and level: nothing if it is right, a cancel if wrong, a placement if empty; an order that is
    wrong and unsettled waits.
    """
    changes = diff(Wanted(bids, asks), by_level(live), NOW_NS)
    wanted = {(Side.BUY, q.level): q for q in bids} | {(Side.SELL, q.level): q for q in asks}
    first = unique(live)
    for one in live:
        quote = wanted.get((one.side, one.level))
        settled = one.state is OrderState.WORKING
        surplus = not any(one is kept for kept in first)
        goes = one.level >= 0 and (surplus or quote is None or naive_must_move(one, quote))
        assert any(one is cancelled for cancelled in changes.cancels) is (goes and settled)
        assert any(one is waiting for waiting in changes.waits) is (goes and not settled)
    taken = {(one.side, one.level) for one in live}
    assert changes.places == [
        (side, quote)
        for side, quotes in ((Side.BUY, bids), (Side.SELL, asks))
        for quote in quotes
        if (side, quote.level) not in taken
    ]


def test_applied_messages_leave_one_order_per_side_and_level() -> None:
    """Two orders on one level (one came back from the dead) become one; the older stays."""
    first, second = order(price=100), order(price=101)
    unsettled = order(price=99, state=OrderState.UNKNOWN)
    changes = diff(Wanted((Quote(100, 80),), ()), by_level([first, second, unsettled]), NOW_NS)
    assert changes.cancels == [second]
    assert changes.places == []


def test_exits_are_not_the_differs_business() -> None:
    """An order of level -1 is neither cancelled nor does it take a level."""
    changes = diff(Wanted((Quote(100, 80),), ()), by_level([order(level=-1)]), NOW_NS)
    assert changes.cancels == []
    assert len(changes.places) == 1


@pytest.mark.parametrize("levels", [(0, 0), (1, 0, 1), (-1,), (2, -2)])
def test_a_ladder_with_a_level_twice_is_a_fault_of_the_strategy(levels: tuple[int, ...]) -> None:
    """Two quotes of one level would place without end: it is refused before anything is sent."""
    quotes = tuple(Quote(100 - n, 80, level) for n, level in enumerate(levels))
    with pytest.raises(ValueError, match="level"):
        diff(Wanted(quotes, ()), by_level([]), NOW_NS)


@given(orders, st.integers(95, 105), st.integers(50, 120), st.integers(0, 3))
def test_must_move_says_what_its_parts_say(live: Order, price: int, size: int, tolerance: int) -> None:
    """Age, distance and size, unless the order is too young."""
    for age_max, life in ((0, 0), (1_500, 0), (0, 500), (1_500, 1_800)):
        quote = Quote(price, size, 0, tolerance, age_max, life)
        assert bool(must_move(live, quote, NOW_NS)) is naive_must_move(live, quote)


def test_an_order_is_renewed_when_it_is_too_old_and_not_before_its_time() -> None:
    """Wherever it stands; unless it is younger than it has to become."""
    quote = Quote(100, 80, 0, 5, 1_000, 0)
    assert not must_move(order(age=999), quote, NOW_NS)
    assert must_move(order(age=1_000), quote, NOW_NS)
    assert not must_move(order(age=1_000), Quote(100, 80, 0, 5, 1_000, 1_001), NOW_NS)


def test_an_order_that_is_too_large_goes_and_one_that_is_partly_filled_stays() -> None:
    """What a fill took is not replaced at the cost of the queue."""
    assert must_move(order(size=100), Quote(100, 80), NOW_NS)
    assert not must_move(order(size=90), Quote(100, 80), NOW_NS)
    assert must_move(order(size=50), Quote(100, 80), NOW_NS)
    assert not must_move(order(size=80, filled=70), Quote(100, 80), NOW_NS)


@pytest.mark.parametrize(("size", "moves"), [(80, False), (90, False), (91, True), (70, False), (69, True)])
def test_a_working_size_is_right_within_an_eighth_of_the_wanted_one(size: int, moves: bool) -> None:
    """80 wanted: 10 more may stay, 10 less as well; a new order would cost the queue."""
    assert bool(must_move(order(size=size), Quote(100, 80), NOW_NS)) is moves
