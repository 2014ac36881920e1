"""What an order knows of itself."""

import pytest

from mm.domain.sides import Side
from mm.sim.orders import OrderStatus
from tests.builders.sim import make_order


def test_what_is_left_is_neither_filled_nor_prevented() -> None:
    """Size less what traded less what expired in a match."""
    assert make_order(1, "a", Side.BUY, 100, 10, filled_lots=3, prevented_lots=2).left_lots == 5


@pytest.mark.parametrize("status", list(OrderStatus))
def test_only_new_and_partly_filled_orders_are_open(status: OrderStatus) -> None:
    """Every other state is final."""
    order = make_order(1, "a", Side.BUY, 100, 10, status=status)
    assert order.is_open is (status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED))
