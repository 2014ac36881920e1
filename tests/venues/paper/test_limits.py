"""Tests of mm/venues/paper/limits.py: windows of the clock, as the venue counts."""

from mm.domain.capabilities import Capabilities
from mm.venues.paper.limits import TOO_MANY_ORDERS, TOO_MUCH_WEIGHT, Limits

SECOND = 1_000_000_000
CAPS = Capabilities(orders_per_10s=2, weight_per_minute=10)


def test_orders_are_counted_per_ten_seconds_of_the_clock() -> None:
    """What was refused does not count; the next window is empty."""
    limits = Limits(CAPS)
    codes = [limits.refusal(ns, weight=1, is_order=True) for ns in (0, 9 * SECOND, 9 * SECOND, 10 * SECOND)]
    assert codes == [0, 0, TOO_MANY_ORDERS, 0]
    assert limits.orders_used == 1
    assert limits.wait_ns(9 * SECOND + 1, TOO_MANY_ORDERS) == SECOND
    assert limits.text(TOO_MANY_ORDERS) == "Too many new orders; current limit is 2 orders per 10 SECOND."


def test_weight_is_counted_per_minute_of_the_clock() -> None:
    """What is refused weighs as well; it is given back with the minute."""
    limits = Limits(CAPS)
    codes = [limits.refusal(ns, weight=6, is_order=False) for ns in (0, 30 * SECOND, 60 * SECOND)]
    assert codes == [0, TOO_MUCH_WEIGHT, 0]
    assert limits.weight_used == 6
    assert limits.wait_ns(30 * SECOND, TOO_MUCH_WEIGHT) == 30 * SECOND
    assert "10 request weight per 1 MINUTE" in limits.text(TOO_MUCH_WEIGHT)


def test_the_last_of_the_weight_may_be_used() -> None:
    """The limit is what may be used, not what may not be reached."""
    limits = Limits(CAPS)
    assert [limits.refusal(0, weight=weight, is_order=False) for weight in (4, 6, 1)] == [
        0,
        0,
        TOO_MUCH_WEIGHT,
    ]


def test_orders_do_not_count_as_such_where_the_weight_is_used_up() -> None:
    """The weight is looked at first."""
    limits = Limits(CAPS)
    assert limits.refusal(0, weight=11, is_order=True) == TOO_MUCH_WEIGHT
    assert limits.orders_used == 0
