"""The symbol's filters, each failed once by the smallest margin."""

import pytest

from mm.domain.sides import Side
from mm.sim.average import Mean
from mm.sim.filters import AMENDS_MAX, Circumstances, amend_refusal, filter_refusal
from mm.sim.orders import NewOrder, OrderType, Refusal
from tests.builders.sim import limit, make_order, make_pair, market

NOW = Circumstances(market_price_ticks=6_000_000, market_size_max_lots=500, open_orders=0)
FULL = Circumstances(market_price_ticks=6_000_000, market_size_max_lots=500, open_orders=200)
ALONE = Circumstances(market_price_ticks=0, market_size_max_lots=500, open_orders=0)
TRADED = Circumstances(
    market_price_ticks=6_000_000,
    mean=Mean(ticks_atoms=3_000_003, atoms=3),
    market_size_max_lots=500,
    open_orders=0,
)
"""The latest trades were at 1 000 001 ticks on average."""

BUY, SELL = Side.BUY, Side.SELL


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
        (limit("a", BUY, 5_000_005, 400), TRADED, None),
        (limit("a", BUY, 5_000_006, 400), TRADED, Refusal.PERCENT_PRICE_BY_SIDE),
        (limit("a", BUY, 200_001, 400), TRADED, None),
        (limit("a", BUY, 200_000, 400), TRADED, Refusal.PERCENT_PRICE_BY_SIDE),
        (limit("a", SELL, 5_000_005, 400), TRADED, None),
        (limit("a", SELL, 5_000_006, 400), TRADED, Refusal.PERCENT_PRICE_BY_SIDE),
        (limit("a", SELL, 200_001, 400), TRADED, None),
        (limit("a", SELL, 200_000, 400), TRADED, Refusal.PERCENT_PRICE_BY_SIDE),
        (market("a", BUY, 50), TRADED, None),
        (market("a", BUY, 49), TRADED, Refusal.NOTIONAL),
    ],
)
def test_the_first_filter_that_fails_is_named(
    new: NewOrder, now: Circumstances, refusal: Refusal | None
) -> None:
    """Price, distance from the mean, size, market size, value (MARKET at the mean), open orders."""
    assert filter_refusal(new, make_pair(), now) is refusal


def test_a_market_order_has_no_price_to_filter() -> None:
    """Its price of 0 is not a price out of bounds."""
    assert filter_refusal(market("a", BUY, 400), make_pair(), NOW) is None
    assert market("a", BUY, 400).order_type is OrderType.MARKET


@pytest.mark.parametrize(
    ("size_lots", "amends", "refusal"),
    [
        (99, 0, None),
        (31, AMENDS_MAX - 1, None),
        (99, AMENDS_MAX, Refusal.MAX_NUM_ORDER_AMENDS),
        (101, 0, Refusal.AMEND_INCREASES),
        (100, 0, Refusal.AMEND_CHANGES_NOTHING),
        (0, 0, Refusal.LOT_SIZE),
        (8, 0, Refusal.NOTIONAL),
        (30, 0, Refusal.AMEND_BELOW_DONE),
    ],
)
def test_an_order_may_only_shrink_and_not_below_what_is_done(
    size_lots: int, amends: int, refusal: Refusal | None
) -> None:
    """Of 100 lots 20 have traded and 10 expired in a match; ten amendments are the most."""
    order = make_order(1, "a", BUY, 6_000_000, 100, filled_lots=20, prevented_lots=10, amends=amends)
    assert amend_refusal(order, size_lots, make_pair()) is refusal
