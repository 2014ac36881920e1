"""One side of a ladder in integers, against the sentences of its documentation, one quote at a time."""

from fractions import Fraction
from math import ceil

from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.book import Level
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.domain.units import PPM
from mm.quoting.fixed_ladder import (
    ANYWHERE,
    Frame,
    Orders,
    Rungs,
    Stand,
    filled_slots,
    key_before,
    ladder,
)


@st.composite
def sides(draw: st.DrawFn) -> Rungs:
    """Any side: up to six slots, ever farther away, of any size."""
    sign = draw(st.sampled_from((-1, 1)))
    distances = sorted(draw(st.lists(st.integers(1, 50_000), min_size=1, max_size=6)))
    slots = tuple(
        (slot, -(sign * PPM + distance), draw(st.integers(1, 500))) for slot, distance in enumerate(distances)
    )
    far = draw(st.sampled_from((20, 40_000, 10**9)))
    return Rungs(Side.BUY if sign < 0 else Side.SELL, sign, slots, far if sign > 0 else -10_000 + far % 9_000)


stands = st.builds(
    Stand,
    behind=st.integers(-40_000, 40_000),
    nearest=st.none(),
    part=st.integers(0, 4),
    whole=st.just(2),
    held=st.none() | st.dictionaries(st.integers(0, 8), st.integers(1, 600), max_size=4),
    hurried=st.lists(st.integers(0, 6), max_size=3).map(tuple),
    join=st.just(ANYWHERE) | st.integers(-40_000, 40_000),
    dropped=st.integers(0, 3),
    waiting=st.lists(st.integers(0, 6), max_size=2).map(tuple),
    names=st.just(()) | st.permutations(range(8)).map(tuple),
)


def naive(rungs: Rungs, orders: Orders, frame: Frame, stand: Stand) -> list[tuple[int, int, int]]:
    """Level, price and size, by exact fractions."""
    found: list[tuple[int, int, int]] = []
    offset, key, laid = 0, stand.behind, False
    for slot, multiplier, lots in rungs.slots:
        exact = Fraction(-(frame.numerator * multiplier) + rungs.sign * frame.shift, frame.divisor)
        key = max(key + 1, ceil(exact) + offset)
        if slot < stand.dropped:
            continue
        if not laid and key < stand.join:
            offset, key = stand.join - key, stand.join
        laid = True
        if key > rungs.key_max:
            return found
        size = lots * stand.part // stand.whole
        level = stand.names[slot] if stand.names else slot
        if size < orders.size_min_lots or slot in stand.waiting:
            continue
        if stand.held is not None:
            size = min(size, stand.held.get(level, 0))
        if size:
            found.append((level, rungs.sign * key, min(size, orders.size_max_lots)))
    return found


@settings(max_examples=100)
@given(
    rungs=sides(),
    stand=stands,
    mid=st.integers(100, 80_000),
    scale=st.integers(1, 5),
    shift=st.integers(-(10**10), 10**10),
    tolerance=st.integers(0, 9),
    nearest=st.none() | st.integers(-40_000, 40_000),
)
def test_the_ladder_is_that_of_the_naive_reference(
    *, rungs: Rungs, stand: Stand, mid: int, scale: int, shift: int, tolerance: int, nearest: int | None
) -> None:
    """Levels, prices, sizes; times and tolerance as asked, none reaching over the nearest key."""
    orders = Orders(5, 400, 77, 33)
    frame = Frame(mid * scale, shift, 2 * PPM * scale, tolerance)
    if nearest is not None:
        stand = stand._replace(nearest=nearest, behind=max(stand.behind, nearest - 1))

    quotes = ladder(rungs, orders, frame, stand)

    rows = [(quote.level, quote.price_ticks, quote.size_lots) for quote in quotes]
    assert rows == naive(rungs, orders, frame, stand)
    for quote in quotes:
        key = rungs.sign * quote.price_ticks
        within = tolerance if nearest is None else min(tolerance, key - nearest)
        hurried = nearest is not None and quote.level in stand.hurried
        assert quote == Quote(
            quote.price_ticks, quote.size_lots, quote.level, within, 77, 0 if hurried else 33
        )
        assert within >= 0


@given(rungs=sides(), inventory=st.integers(-2_000, 2_000))
def test_filled_slots_are_what_the_inventory_amounts_to(rungs: Rungs, inventory: int) -> None:
    """So many of the nearest that one order more would be half unfilled, or none is left."""
    count = filled_slots(rungs, inventory)

    held = -rungs.sign * inventory
    sizes = [lots for _, _, lots in rungs.slots]
    assert 0 <= count <= len(sizes)
    if count:
        assert 2 * (held - sum(sizes[: count - 1])) >= sizes[count - 1]
    if count < len(sizes):
        assert 2 * (held - sum(sizes[:count])) < sizes[count]


def test_whole_fills_count_and_halves_decide() -> None:
    """Bids fill into a positive inventory, asks into a negative one."""
    bids = Rungs(Side.BUY, -1, ((0, -1, 100), (1, -1, 200)), 0)
    asks = Rungs(Side.SELL, 1, ((0, -1, 100), (1, -1, 200)), 0)

    assert [filled_slots(bids, lots) for lots in (-500, 0, 49, 50, 199, 200, 900)] == [0, 0, 0, 1, 1, 2, 2]
    assert [filled_slots(asks, -lots) for lots in (-500, 0, 49, 50, 199, 200, 900)] == [0, 0, 0, 1, 1, 2, 2]
    assert filled_slots(Rungs(Side.BUY, -1, (), 0), 5) == 0


def test_the_key_before_others_is_a_tick_better_than_where_they_show_the_depth() -> None:
    """0 is the best price; where the levels end, the last one counts."""
    levels = (Level(100, 5), Level(99, 5), Level(97, 5))

    assert [key_before(levels, -1, depth) for depth in (0, 5, 6, 11, 999)] == [-101, -101, -100, -98, -98]
    assert [key_before(levels, 1, depth) for depth in (0, 6)] == [99, 98]
