"""What the account asks about itself: fees, rights, usage, prevented matches, and lists by time."""

from typing import Any

import pytest

from mm.domain.sides import Side
from mm.sim.orders import TimeInForce
from tests.builders.exchange import (
    KEY,
    STRANGER,
    ManualClock,
    frames,
    hit,
    raw_client,
    rest,
    running,
    stranger_places,
)
from tests.builders.sim import limit

NOW_MS = 1_700_000_000_000
NONE = {"maker": "0.00000000", "taker": "0.00000000", "buyer": "0.00000000", "seller": "0.00000000"}
DISCOUNT = {
    "enabledForAccount": False,
    "enabledForSymbol": False,
    "discountAsset": "BNB",
    "discount": "0.00000000",
}
DAY_MS = 86_400_000


async def test_the_accounts_fees_are_told() -> None:
    """The standard fee is all there is; an order's test tells it too when asked."""
    async with running(ManualClock()) as exchange, raw_client(exchange) as client:
        answer = await client.signed("GET", "/api/v3/account/commission", symbol="BTCUSDT")
        assert answer == {
            "symbol": "BTCUSDT",
            "standardCommission": NONE | {"maker": "0.00005000", "taker": "0.00040000"},
            "specialCommission": NONE,
            "taxCommission": NONE,
            "discount": DISCOUNT,
        }
        assert client.headers["X-MBX-USED-WEIGHT-1M"] == "20"
        fields = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}
        rest(exchange, Side.SELL, 6_000_000, 100)
        rates = await client.signed("POST", "/api/v3/order/test", computeCommissionRates="true", **fields)
        none = {"maker": "0.00000000", "taker": "0.00000000"}
        assert rates == {
            "standardCommissionForOrder": {"maker": "0.00005000", "taker": "0.00040000"},
            "specialCommissionForOrder": none,
            "taxCommissionForOrder": none,
            "discount": DISCOUNT,
        }
        assert client.headers["X-MBX-USED-WEIGHT-1M"] == "40"


async def test_the_fees_are_listed_by_symbol_too() -> None:
    """One row, with or without the symbol; another symbol is refused."""
    path = "/sapi/v1/asset/tradeFee"
    async with running() as exchange, raw_client(exchange) as client:
        row = {"symbol": "BTCUSDT", "makerCommission": "0.00005000", "takerCommission": "0.00040000"}
        assert await client.signed("GET", path) == [row]
        assert await client.signed("GET", path, symbol="BTCUSDT") == [row]
        assert (await client.signed("GET", path, symbol="ETHUSDT"))["code"] == -1121


async def test_the_keys_rights_are_told_and_it_may_not_withdraw() -> None:
    """Reading and spot trading from this computer, nothing else; on REST alone."""
    async with running(ManualClock()) as exchange, raw_client(exchange) as client:
        answer = await client.signed("GET", "/sapi/v1/account/apiRestrictions")
        allowed = [name for name, value in answer.items() if value is True]
        assert allowed == ["ipRestrict", "enableReading", "enableSpotAndMarginTrading"]
        assert answer["enableWithdrawals"] is False
        assert answer["createTime"] == NOW_MS
        async with frames(client, "/ws-api/v3") as ws:
            assert (await ws.ask({"id": 1, "method": ""}))["error"]["code"] == -1020


async def test_the_usage_of_new_orders_is_told() -> None:
    """Both windows with their counts; the next window starts at zero."""
    clock = ManualClock()
    async with running(clock) as exchange, raw_client(exchange) as client:
        await client.place()
        rows = await client.signed("GET", "/api/v3/rateLimit/order")
        assert rows == [
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100, "count": 1},
            {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200_000, "count": 1},
        ]
        clock.advance(ms=10_000)
        rows = await client.signed("GET", "/api/v3/rateLimit/order")
        assert [row["count"] for row in rows] == [0, 1]


async def test_prevented_matches_are_listed_by_id_and_by_order() -> None:
    """Every field; what an order has not lost is not named; others' are not the account's."""
    path = "/api/v3/myPreventedMatches"
    async with running(ManualClock()) as exchange, raw_client(exchange) as client:
        rest(exchange, Side.SELL, 7_000_000, 100)
        stranger_places(exchange, limit(STRANGER, Side.BUY, 7_000_000, 100, time_in_force=TimeInForce.IOC))
        assert await client.signed("GET", path, symbol="BTCUSDT", preventedMatchId=1) == []
        sell = {"side": "SELL", "type": "LIMIT", "timeInForce": "IOC"}
        maker = await client.place(quantity="0.003")
        takers = [
            await client.place(selfTradePreventionMode=mode, **sell)
            for mode in ("DECREMENT", "EXPIRE_TAKER", "EXPIRE_MAKER")
        ]
        row = {
            "symbol": "BTCUSDT",
            "preventedMatchId": 2,
            "takerOrderId": takers[0]["orderId"],
            "makerSymbol": "BTCUSDT",
            "makerOrderId": maker["orderId"],
            "tradeGroupId": -1,
            "selfTradePreventionMode": "DECREMENT",
            "price": "59000.00000000",
            "takerPreventedQuantity": "0.00100000",
            "makerPreventedQuantity": "0.00100000",
            "transactTime": NOW_MS,
        }
        assert await client.signed("GET", path, symbol="BTCUSDT", preventedMatchId=2) == [row]
        rows = await client.signed("GET", path, symbol="BTCUSDT", orderId=maker["orderId"])
        assert [found["preventedMatchId"] for found in rows] == [2, 3, 4]
        assert "makerPreventedQuantity" not in rows[1]
        assert "takerPreventedQuantity" not in rows[2]
        assert rows[2]["makerPreventedQuantity"] == "0.00200000"
        for params, expected in (
            ({"fromPreventedMatchId": 3}, rows[1:]),
            ({"fromPreventedMatchId": 3, "limit": 1}, rows[1:2]),
        ):
            fields = {"symbol": "BTCUSDT", "orderId": maker["orderId"], **params}
            assert await client.signed("GET", path, **fields) == expected
        mine = await client.signed("GET", path, symbol="BTCUSDT", orderId=takers[2]["orderId"])
        assert mine == rows[2:]


@pytest.mark.parametrize(
    ("path", "params", "code", "text"),
    [
        ("/api/v3/myPreventedMatches", {}, -1128, "Combination of optional parameters invalid."),
        (
            "/api/v3/myPreventedMatches",
            {"orderId": 1, "preventedMatchId": 1},
            -1128,
            "Combination of optional parameters invalid.",
        ),
        (
            "/api/v3/myTrades",
            {"fromId": 1, "startTime": 1},
            -1128,
            "Combination of optional parameters invalid.",
        ),
        (
            "/api/v3/myTrades",
            {"orderId": 1, "endTime": 1},
            -1128,
            "Combination of optional parameters invalid.",
        ),
        (
            "/api/v3/myTrades",
            {"startTime": 1, "endTime": DAY_MS + 2},
            -1127,
            "More than 24 hours between startTime and endTime.",
        ),
        (
            "/api/v3/allOrders",
            {"startTime": 1, "endTime": DAY_MS + 2},
            -1127,
            "More than 24 hours between startTime and endTime.",
        ),
    ],
)
async def test_lists_refuse_what_does_not_go_together(
    path: str, params: dict[str, Any], code: int, text: str
) -> None:
    """An id and a time, both ids, more than a day."""
    async with running() as exchange, raw_client(exchange) as client:
        assert await client.signed("GET", path, symbol="BTCUSDT", **params) == {"code": code, "msg": text}


async def test_all_orders_are_listed_by_id_time_and_number() -> None:
    """From an id or a time on the oldest first, else the latest; both ends of a time inclusive."""
    clock = ManualClock()
    async with running(clock) as exchange, raw_client(exchange) as client:
        for name in ("a", "b", "c", "d"):
            await client.place(newClientOrderId=name)
            clock.advance(ms=1_000)
        for params, expected in (
            ({}, "abcd"),
            ({"limit": 2}, "cd"),
            ({"limit": 0}, "d"),
            ({"orderId": 2}, "bcd"),
            ({"orderId": 2, "limit": 1}, "b"),
            ({"startTime": NOW_MS + 1_000}, "bcd"),
            ({"startTime": NOW_MS + 1_000, "limit": 1}, "b"),
            ({"endTime": NOW_MS + 1_000}, "ab"),
            ({"startTime": NOW_MS + 1_000, "endTime": NOW_MS + 2_000}, "bc"),
        ):
            rows = await client.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT", **params)
            assert "".join(row["clientOrderId"] for row in rows) == expected, params


async def test_the_trades_of_one_order_weigh_less() -> None:
    """5 instead of 20."""
    async with running(ManualClock()) as exchange, raw_client(exchange) as client:
        placed = await client.place()
        hit(exchange, Side.SELL, 40)
        weights = []
        for params in ({}, {"orderId": placed["orderId"]}):
            rows = await client.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT", **params)
            assert len(rows) == 1
            weights.append(int(client.headers["X-MBX-USED-WEIGHT-1M"]))
        assert weights == [21, 26]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_no_listen_key_exists(method: str) -> None:
    """They are gone at the venue: making one is not supported, keeping or closing one finds none."""
    path = "/api/v3/userDataStream"
    async with running() as exchange, raw_client(exchange) as client:
        answer = await client.send(method, path, "listenKey=abc", key=KEY)
        assert (client.status, answer) == (400, {"code": -1125, "msg": "This listenKey does not exist."})
        assert (await client.send("POST", path))["code"] == -1020
