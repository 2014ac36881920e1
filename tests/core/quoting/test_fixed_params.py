"""The parameters of fixed ladders: what they ask for, and what contradicts itself in them."""

from decimal import Decimal
from typing import Any

import pytest

from mm.domain.sides import Side
from mm.quoting.fixed_params import FixedParams, OrderOverride, rungs_of

BPS = Decimal


def rungs(made: FixedParams, side: Side) -> list[tuple[str, str]]:
    """Distance and size of each order of a side, as texts."""
    return [(f"{spread:f}", f"{amount:f}") for spread, amount in rungs_of(side, made)]


def params(**changes: Any) -> FixedParams:
    """Two levels a side, 10 and 20 bps from the reference, of 0.01 each; `changes` on top."""
    values: dict[str, Any] = {
        "bid_spread_bps": Decimal(10),
        "ask_spread_bps": Decimal(12),
        "order_amount_base": Decimal("0.01"),
        "order_refresh_time_ms": 15_000,
        "order_levels": 2,
        "order_level_spread_bps": Decimal(10),
    }
    return FixedParams(**(values | changes))


def override(side: str, spread: int, amount: str = "0.01") -> OrderOverride:
    """One order of `order_override`."""
    return OrderOverride(
        side="buy" if side == "buy" else "sell", spread_bps=BPS(spread), amount_base=BPS(amount)
    )


def test_steps_make_levels() -> None:
    """Distance and size grow with each level outwards."""
    made = params(order_level_amount_base=Decimal("0.002"))

    assert rungs(made, Side.BUY) == [("10", "0.010"), ("20", "0.012")]
    assert rungs(made, Side.SELL) == [("12", "0.010"), ("22", "0.012")]
    assert made.sizes_base == ((Decimal("0.010"), Decimal("0.012")),) * 2


def test_a_list_takes_the_place_of_steps_on_its_side_alone() -> None:
    """Distances, sizes, or both; the other side keeps its steps."""
    spreads = params(bid_order_level_spreads_bps=(BPS(1), BPS(5), BPS(9)))
    amounts = params(ask_order_level_amounts_base=(BPS(3), BPS(2), BPS(1)))

    assert rungs(spreads, Side.BUY) == [("1", "0.01"), ("5", "0.01"), ("9", "0.01")]
    assert rungs(spreads, Side.SELL) == rungs(params(), Side.SELL)
    assert rungs(amounts, Side.SELL) == [("12", "3"), ("22", "2"), ("32", "1")]


def test_named_orders_take_the_place_of_everything() -> None:
    """Nearest first; equal distances in the order of their names."""
    made = params(
        order_override={
            "b": override("sell", 9, "2"),
            "a": override("sell", 9, "1"),
            "c": override("sell", 4, "3"),
        }
    )

    assert rungs(made, Side.SELL) == [("4", "3"), ("9", "1"), ("9", "2")]
    assert rungs(made, Side.BUY) == []
    assert made.sizes_base == ((), (BPS(3), BPS(1), BPS(2)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order_level_spread_bps": None}, "order_level_spread_bps is missing: order_levels is 2"),
        (
            {
                "order_levels": 1,
                "order_level_spread_bps": None,
                "ask_order_level_amounts_base": (BPS(1), BPS(2)),
            },
            "order_level_spread_bps is missing: ask_order_level_amounts_base has 2 entries",
        ),
        (
            {"bid_order_level_spreads_bps": (BPS(1), BPS(1))},
            "bid_order_level_spreads_bps was not ascending, expected the nearest first",
        ),
        (
            {
                "ask_order_level_spreads_bps": (BPS(1), BPS(2)),
                "ask_order_level_amounts_base": (BPS(1),),
            },
            "ask_order_level_amounts_base has 1 entries, expected as many as ask_order_level_spreads_bps, 2",
        ),
        (
            {"order_override": {"a": override("buy", 5)}, "bid_order_level_spreads_bps": (BPS(1),)},
            "order_override cannot stand beside lists of levels: take the bid_order_ lists out",
        ),
        ({"price_floor_bps": BPS(100)}, "price_floor_bps was 100, expected less than price_ceiling_bps, 100"),
        (
            {"hanging_orders_enabled": True, "hanging_orders_cancel_bps": BPS(22)},
            "hanging_orders_cancel_bps was 22, expected more than the distance of the last order, 22",
        ),
        ({"inventory_price_quote": BPS(5)}, "inventory_price_quote says what a holding had cost"),
        (
            {"price_source_venue": "main"},
            "price_source_venue names a venue: write price_source_symbol as well",
        ),
        ({"price_source_symbol": "eth/usdt"}, "price_source_symbol was 'eth/usdt', expected BASE/QUOTE"),
        ({"price_source_symbol": "ETHUSDT"}, "price_source_symbol was 'ETHUSDT', expected BASE/QUOTE"),
        ({"price_source_symbol": "ETH/"}, "price_source_symbol was 'ETH/', expected BASE/QUOTE"),
        (
            {"price_source_symbol": "ETH/USDT", "price_type": "last_price"},
            "price_type was last_price, which only the own market has",
        ),
        (
            {"minimum_spread_bps": BPS(11)},
            "minimum_spread_bps was 11, expected at most the smaller spread, 10",
        ),
        (
            {"order_override": {"a": override("buy", 5)}, "minimum_spread_bps": BPS(6)},
            "minimum_spread_bps was 6, expected at most the smaller spread, 5",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict[str, Any], message: str) -> None:
    """The message opens with the key to change, or with what is missing."""
    with pytest.raises(ValueError, match=message):
        params(**changes)


def test_what_goes_together_is_taken() -> None:
    """Each of these next to what it needs."""
    params(price_source_symbol="ETH/USDT", price_source_venue="other", price_type="best_ask")
    params(price_type="inventory_cost", inventory_price_quote=BPS(5))
    params(order_levels=1, order_level_spread_bps=None, bid_order_level_amounts_base=(BPS(1),))
    params(hanging_orders_enabled=True)
