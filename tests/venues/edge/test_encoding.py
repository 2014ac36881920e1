"""Tests of mm/venues/edge/encoding.py: what is asked, and the ack held against it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.commands import Place, TimeInForce
from mm.domain.sides import Side
from mm.venues.edge.encoding import ENCODINGS, ack_mismatch, place_request, plain
from tests.builders.venue_setup import CID, btc_usdt, place

BINANCE = ENCODINGS["binance"]
COMMON = {
    "symbol": "BTCUSDT",
    "quantity": "1",
    "price": "100",
    "newClientOrderId": CID,
    "selfTradePreventionMode": "EXPIRE_MAKER",
    "newOrderRespType": "FULL",
}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (place(), {"side": "BUY", "type": "LIMIT_MAKER"}),
        (place(side=Side.SELL), {"side": "SELL", "type": "LIMIT_MAKER"}),
        (place(post_only=False), {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}),
        (
            place(post_only=False, time_in_force=TimeInForce.IOC),
            {"side": "BUY", "type": "LIMIT", "timeInForce": "IOC"},
        ),
    ],
)
def test_each_kind_of_order_has_its_spelling(command: Place, expected: dict[str, str]) -> None:
    """Post-only is an order type of its own, without a time in force."""
    asked = place_request(BINANCE, btc_usdt(), command, self_trade_mode="EXPIRE_MAKER")
    assert asked == COMMON | expected


def test_prices_and_sizes_are_exact_texts() -> None:
    """No float, no exponent, no rounding."""
    command = place(price_ticks=1, size_lots=1)
    asked = place_request(BINANCE, btc_usdt(), command, self_trade_mode="EXPIRE_BOTH")
    assert (asked["price"], asked["quantity"]) == ("0.01", "0.00001")
    assert asked["selfTradePreventionMode"] == "EXPIRE_BOTH"


ACK = {
    "symbol": "BTCUSDT",
    "orderId": 1,
    "clientOrderId": CID,
    "price": "100.00000000",
    "origQty": "1.00000000",
    "timeInForce": "GTC",
    "type": "LIMIT_MAKER",
    "side": "BUY",
    "selfTradePreventionMode": "EXPIRE_MAKER",
}
ASKED = COMMON | {"side": "BUY", "type": "LIMIT_MAKER"}


def test_an_ack_that_repeats_what_was_asked_is_right() -> None:
    """Trailing zeros do not matter, and what was not asked is not compared."""
    assert ack_mismatch(BINANCE, ASKED, ACK) == ""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("type", "LIMIT"),
        ("selfTradePreventionMode", "NONE"),
        ("price", "100.01000000"),
        ("origQty", "0.99999000"),
        ("side", "SELL"),
        ("symbol", "ETHUSDT"),
        ("clientOrderId", "other"),
        ("type", None),
    ],
)
def test_an_ack_that_differs_in_one_point_is_named(key: str, value: str | None) -> None:
    """Whatever the venue changed in silence is reported with both values."""
    ack: dict[str, object] = {**ACK, key: value}
    assert key in ack_mismatch(BINANCE, ASKED, ack)
    del ack[key]
    assert f"{key} nothing" in ack_mismatch(BINANCE, ASKED, ack)


def test_the_time_in_force_is_compared_where_it_was_asked() -> None:
    """An order that was to end at once must not rest."""
    asked = ASKED | {"type": "LIMIT", "timeInForce": "IOC"}
    assert "timeInForce GTC, asked IOC" in ack_mismatch(BINANCE, asked, ACK | {"type": "LIMIT"})


@given(st.decimals(min_value=0, max_value=10**9, places=8))
def test_decimal_texts_are_equal_as_numbers(value: object) -> None:
    """Leading and trailing zeros never make a difference, digits always do."""
    text = f"{value:f}"
    assert plain(text) == plain("0" + text + "0")
    assert plain(text) != plain(text + "1")
