"""How deep market orders go behind the first price: by hand, against the geometric law, and at its ends."""

import random
from math import log

import pytest

from mm.domain.sides import Side
from mm.signals.touch_depth import TouchDepth, TouchDepthSpec, decay_per_tick

SPEC = TouchDepthSpec(orders=1_000_000, orders_min=5)


def fed(orders: list[tuple[Side, list[int]]], spec: TouchDepthSpec = SPEC) -> TouchDepth:
    """Return the signal after market orders with these prices; one more order ends the last."""
    signal = spec.start()
    for at, (side, prices) in enumerate([*orders, (Side.BUY, [1])]):
        for price in prices:
            signal.on_trade(at, price, 1, side, 5_000 + at)
    return signal


def test_the_formula_is_that_of_the_geometric_law_with_one_order_more() -> None:
    """u of u + steps + 1 stop at each tick."""
    assert decay_per_tick(9.0, 2.0) == pytest.approx(-log(1 - 9 / 12))
    assert decay_per_tick(1e6, 0.0) == pytest.approx(log(1e6 + 1))


def test_orders_are_told_apart_by_time_and_side_and_their_depth_is_from_their_first_price() -> None:
    """Ten prints of six orders, in any order of prints: 0, 2, 1, 0, 0 and 3 ticks deep."""
    orders = [
        (Side.BUY, [100]),
        (Side.BUY, [100, 101, 102]),
        (Side.SELL, [98, 99]),
        (Side.SELL, [97, 97]),
        (Side.BUY, [99]),
        (Side.SELL, [97, 94]),
    ]

    reading = fed(orders).reading(10**18)

    assert reading.ready
    assert reading.value == pytest.approx(decay_per_tick(6.0, 6.0), rel=1e-4)
    assert reading.more[0] == pytest.approx(6.0, rel=1e-4)


def test_without_a_venue_time_the_local_one_tells_orders_apart() -> None:
    """Two prints of one moment are one order."""
    signal = SPEC.start()
    for ts_ns, price in ((1, 100), (1, 102), (2, 100)):
        signal.on_trade(ts_ns, price, 1, Side.BUY)

    assert signal.state()[:3] == (1.0, 1.0, 2.0)


def test_the_depth_is_censored() -> None:
    """Farther than 15 ticks is 15 ticks, and no stop."""
    assert fed([(Side.BUY, [100, 900])]).state()[:3] == (1.0, 0.0, 15.0)


def test_where_nothing_ever_stops_nothing_is_known() -> None:
    """However many orders there were."""
    signal = fed([(Side.BUY, [100, 900])] * 20)

    assert not signal.reading(0).ready


def test_it_waits_for_enough_orders_and_counts_those_that_ended() -> None:
    """The fifth is under way until the sixth begins."""
    orders = [(Side.BUY, [100])] * 4

    assert fed(orders).reading(0).waits_for == "market orders (3 of 5)"
    assert fed([*orders, (Side.SELL, [100])] * 2).reading(0).ready


def test_the_law_is_found_again() -> None:
    """Orders of a geometric depth, 0.8 per tick: within a few errors of 3 %."""
    draws = random.Random(7)
    orders = [(draws.choice(tuple(Side)), draws.expovariate(0.8)) for _ in range(3_000)]
    spec = TouchDepthSpec(orders=100_000, orders_min=50)

    reading = fed([(side, [100, 100 + side.sign * int(depth)]) for side, depth in orders], spec).reading(0)

    assert reading.value == pytest.approx(0.8, rel=0.1)


def test_the_past_is_forgotten_order_by_order() -> None:
    """A market whose tick was small has a large one later."""
    spec = TouchDepthSpec(orders=20, orders_min=5)

    before = fed([(Side.BUY, [100, 103])] * 60, spec).reading(0).value
    after = fed([(Side.BUY, [100, 103])] * 60 + [(Side.BUY, [100])] * 200, spec).reading(0).value

    assert before == pytest.approx(log(4 / 3), rel=0.1)
    assert after > 2


def test_it_goes_on_from_its_state() -> None:
    """As the one that said it would have; a state of another length is refused."""
    first = fed([(Side.BUY, [100, 101]), (Side.SELL, [99])] * 10)
    second = SPEC.start()
    second.restore(first.state())
    for signal in (first, second):
        signal.on_trade(99, 100, 1, Side.SELL, 9_999)

    assert first.state() == second.state()
    assert first.reading(0) == second.reading(0)
    with pytest.raises(ValueError, match="a state of 1 numbers"):
        SPEC.start().restore((1.0,))


@pytest.mark.parametrize("changes", [{"orders": 1}, {"orders_min": 0}, {"orders_min": 1_000}, {"steps": 0}])
def test_a_spec_out_of_range_is_a_mistake(changes: dict[str, int]) -> None:
    """It is caught where it is made."""
    with pytest.raises(AssertionError):
        TouchDepthSpec(**changes)
