"""Order flow: what each change of the top adds, both regressions, intervals."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.signals.order_flow import OrderFlowSpec, ask_flow, bid_flow, determination, slope

SECOND_NS = 1_000_000_000
START_NS = 1_800_000_000 * SECOND_NS


@pytest.mark.parametrize(
    ("price", "size", "bid", "ask"),
    [(11, 5, 5, 8), (9, 5, -8, -5), (10, 5, -3, 3), (10, 8, 0, 0)],
)
def test_a_change_adds_what_came_less_what_went(price: int, size: int, bid: int, ask: int) -> None:
    """Before, there were 8 at 10: a better bid adds itself, a worse one takes them away."""
    assert bid_flow(price, size, 10, 8) == bid
    assert ask_flow(price, size, 10, 8) == ask


numbers = st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), max_size=9)


@given(numbers)
def test_a_slope_is_that_of_least_squares(rows: list[tuple[float, float]]) -> None:
    """Through the origin; the share of squares that it explains is what R squared says."""
    squares = sum(x * x for x, _ in rows)
    products = sum(x * y for x, y in rows)
    responses = sum(y * y for _, y in rows)

    beta, share = slope(squares, products), determination(squares, products, responses)

    left = sum((y - beta * x) ** 2 for x, y in rows)
    assert 0 <= share <= 1
    if squares > 1e-3 and responses > 1e-3:
        assert 1 - left / responses == pytest.approx(share, abs=1e-6)


def test_a_market_that_follows_its_flow_is_learnt() -> None:
    """Half ticks per atom in the interval itself and in the next one, where the flow came from the sizes."""
    random, signal = Random(2), OrderFlowSpec(half_life_ns=10_000 * SECOND_NS).start()
    bid, size, flow_before = 10_000, 1_000, 0
    signal.on_top(START_NS, bid, size, bid + 1, 500)
    for second in range(3_000):
        flow = random.choice((-200, -100, 100, 200))
        ts_ns = START_NS + second * SECOND_NS + SECOND_NS // 2
        # The flow comes through a size; then the price moves, on both sides with their sizes, which adds up.
        signal.on_top(ts_ns, bid, size + flow, bid + 1, 500)
        ticks = flow // 100 + flow_before // 100 + random.choice((-1, 0, 1))
        for _ in range(abs(ticks)):
            bid += 1 if ticks > 0 else -1
            signal.on_top(ts_ns, bid, 1, bid + 1, 1)
        signal.on_top(ts_ns, bid, size, bid + 1, 500)
        flow_before = flow
    reading = signal.reading(START_NS + 3_000 * SECOND_NS)

    flow_now, impact, now_fit, ahead, next_fit = reading.more
    assert reading.ready
    assert reading.value == pytest.approx(ahead * flow_now)
    assert impact > 0
    assert now_fit > 0.2
    assert next_fit > 0.05


def naive(tops: list[tuple[int, int, int, int, int]], now_ns: int, weight: float) -> list[float]:
    """The six sums from all tops, interval by interval."""
    begin_ns = tops[0][0]
    count = (now_ns - begin_ns) // SECOND_NS
    flows, mids = [0] * (count + 1), [tops[0][1] + tops[0][3]] * (count + 2)
    for before, after in pairwise(tops):
        place = (after[0] - begin_ns) // SECOND_NS
        flows[place] += bid_flow(after[1], after[2], before[1], before[2])
        flows[place] += ask_flow(after[3], after[4], before[3], before[4])
        for later in range(place + 1, count + 2):
            mids[later] = after[1] + after[3]
    sums = [0.0] * 6
    for place in range(count):
        move = mids[place + 1] - mids[place]
        old = flows[place - 1] if place else 0
        is_chained = 1 if place else 0
        fresh = (flows[place] ** 2, flows[place] * move, move**2, old**2, old * move, move**2 * is_chained)
        sums = [known * weight + new for known, new in zip(sums, fresh, strict=True)]
    return sums


tops = st.lists(
    st.tuples(
        st.integers(0, 3 * SECOND_NS),
        st.integers(1, 5),
        st.integers(1, 9),
        st.integers(1, 3),
        st.integers(1, 9),
    ),
    min_size=1,
    max_size=15,
)


@given(tops)
def test_the_sums_are_those_of_the_interval_by_interval_reference(
    steps: list[tuple[int, int, int, int, int]],
) -> None:
    """However many silent intervals are passed over at once."""
    spec = OrderFlowSpec(half_life_ns=7 * SECOND_NS)
    signal, now_ns, path = spec.start(), START_NS, []
    for pause_ns, bid, bid_atoms, spread, ask_atoms in steps:
        now_ns += pause_ns
        path.append((now_ns, bid, bid_atoms, bid + spread, ask_atoms))
        signal.on_top(now_ns, bid, bid_atoms, bid + spread, ask_atoms)

    assert list(signal.state()[11:]) == pytest.approx(naive(path, now_ns, 0.5 ** (1 / 7)))
    assert signal.state()[10] == (now_ns - path[0][0]) // SECOND_NS


def test_it_says_what_it_waits_for_and_drops_intervals_that_were_not_watched() -> None:
    """Intervals, moves, and after a loss a whole interval again."""
    signal = OrderFlowSpec(intervals_min=3).start()
    signal.on_top(START_NS, 10, 5, 11, 5)
    for second in range(1, 4):
        signal.on_top(START_NS + second * SECOND_NS, 10, 5 + second, 11, 5)
    said = [signal.reading(START_NS + 3 * SECOND_NS).waits_for]
    for second in range(4, 9):
        signal.on_top(START_NS + second * SECOND_NS, 10 + second, 5, 11 + second, 5)
    now_ns = START_NS + 8 * SECOND_NS
    ready = signal.reading(now_ns)
    later = [signal.reading(now_ns + seconds * SECOND_NS) for seconds in (1, 2)]
    signal.on_lost(now_ns)
    said.append(signal.reading(now_ns).waits_for)
    signal.on_top(now_ns + 5 * SECOND_NS, 30, 5, 31, 5)
    said.append(signal.reading(now_ns + 5 * SECOND_NS).waits_for)
    again = signal.reading(now_ns + 6 * SECOND_NS)

    assert OrderFlowSpec(intervals_min=99).start().reading(0).waits_for == "intervals of order flow (0 of 99)"
    assert said == [
        "order flow that moves the mid",
        "a whole interval of order flow",
        "a whole interval of order flow",
    ]
    assert ready.ready
    assert ready.more[0] == 5 + 5
    assert [one.more[0] for one in later] == [10, 0]
    assert (again.ready, again.more[0]) == (True, 0)


@pytest.mark.parametrize("change", [{"interval_ns": 0}, {"half_life_ns": 1}, {"intervals_min": 1}])
def test_a_spec_out_of_range_is_our_own_fault(change: dict[str, int]) -> None:
    """A strategy that asks for it fails at once."""
    with pytest.raises(AssertionError):
        OrderFlowSpec(**change)
