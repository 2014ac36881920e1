"""What a ladder can put at stake."""

from dataclasses import dataclass
from decimal import Decimal

import pytest

from mm.settings.exposure import LEVELS_MAX, ladder_of


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Parameters with the names that strategies share."""

    order_amount_base: object = Decimal("0.5")
    order_levels: object = 3
    order_level_amount_base: object = Decimal("0.1")
    inventory_skew_enabled: bool = False


def test_sizes_grow_with_the_level() -> None:
    """Sum, largest and number follow from amount, step and levels."""
    ladder = ladder_of(Shape())

    assert ladder is not None
    assert ladder.bids_base == ladder.asks_base == (Decimal("0.5"), Decimal("0.6"), Decimal("0.7"))
    assert ladder.order_base_max == Decimal("0.7")
    assert ladder.side_base_max == Decimal("1.8")
    assert ladder.orders == 6


def test_skew_may_double_a_side() -> None:
    """The skew's factor goes up to two."""
    ladder = ladder_of(Shape(inventory_skew_enabled=True))

    assert ladder is not None
    assert ladder.side_base_max == Decimal("3.6")


def test_a_shrinking_ladder_ends_where_nothing_is_left() -> None:
    """Levels without size do not count."""
    ladder = ladder_of(Shape(order_level_amount_base=Decimal("-0.3")))

    assert ladder is not None
    assert ladder.bids_base == ladder.asks_base == (Decimal("0.5"), Decimal("0.2"))


@dataclass(frozen=True, kw_only=True)
class Listed:
    """Parameters that say their sizes."""

    sizes_base: object = ((Decimal(1), Decimal(2)), (Decimal(5),))
    inventory_skew_enabled: bool = True


def test_sides_that_differ_count_each_for_itself() -> None:
    """Lists of levels and `order_override` make any two sides."""
    ladder = ladder_of(Listed())

    assert ladder is not None
    assert ladder.order_base_max == 5
    assert ladder.side_base_max == 10
    assert ladder.orders == 3
    assert ladder_of(Listed(sizes_base=((), (Decimal(0),)))) is None


@pytest.mark.parametrize(
    "params",
    [
        object(),
        None,
        Shape(order_amount_base=1),
        Shape(order_levels="3"),
        Shape(order_levels=0),
        Shape(order_levels=LEVELS_MAX + 1),
        Shape(order_level_amount_base=None),
        Shape(order_amount_base=Decimal(0), order_level_amount_base=Decimal(0)),
    ],
)
def test_parameters_that_do_not_say_are_not_judged(params: object) -> None:
    """A strategy that sizes its orders otherwise gets None, never a guess."""
    assert ladder_of(params) is None
