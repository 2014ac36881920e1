"""The symbol's filters, each failed once by the smallest margin."""

import pytest

from mm.domain.sides import Side
from mm.sim.filters import Circumstances, filter_refusal
from mm.sim.orders import NewOrder, OrderType, Refusal
from tests.builders.sim import limit, make_pair, market

NOW = Circumstances(market_price_ticks=6_000_000, market_size_max_lots=500, open_orders=0)
FULL = Circumstances(market_price_ticks=6_000_000, market_size_max_lots=500, open_orders=200)
ALONE = Circumstances(market_price_ticks=0, market_size_max_lots=500, open_orders=0)
BUY = Side.BUY


@pytest.mark.parametrize(
    ("new", "now", "refusal"),
    [
        (limit("a", BUY, 6_000_000, 9), NOW, None),
        (limit("a", BUY, 0, 9), NOW, Refusal.PRICE_FILTER),
        (limit("a", BUY, 100_000_001, 9), NOW, Refusal.PRICE_FILTER),
        (limit("a", BUY, 6_000_000, 0), NOW, Refusal.LOT_SIZE),
        (limit("a", BUY, 6_000_000, 900_000_001), NOW, Refusal.LOT_SIZE),
        (limit("a", BUY, 6_000_000, 8), NOW, Refusal.NOTIONAL),
        (limit("a", BUY, 5_555_556, 9), NOW, None),
        (limit("a", BUY, 5_555_555, 9), NOW, Refusal.NOTIONAL),
        (limit("a", BUY, 6_000_000, 9), FULL, Refusal.MAX_NUM_ORDERS),
        (limit("a", BUY, 6_000_000, 501), NOW, None),
        (market("a", BUY, 500), NOW, None),
        (market("a", BUY, 501), NOW, Refusal.MARKET_LOT_SIZE),
        (market("a", BUY, 0), NOW, Refusal.LOT_SIZE),
        (market("a", BUY, 8), NOW, Refusal.NOTIONAL),
        (market("a", BUY, 500), ALONE, Refusal.NO_LIQUIDITY),
    ],
)
def test_the_first_filter_that_fails_is_named(
    new: NewOrder, now: Circumstances, refusal: Refusal | None
) -> None:
    """Price, size, market size, value, open orders."""
    assert filter_refusal(new, make_pair(), now) is refusal


def test_a_market_order_has_no_price_to_filter() -> None:
    """Its price of 0 is not a price out of bounds."""
    assert filter_refusal(market("a", BUY, 400), make_pair(), NOW) is None
    assert market("a", BUY, 400).order_type is OrderType.MARKET
