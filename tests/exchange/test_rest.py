"""The REST surface: answers of every route, their key sets, headers, and the request log."""

from typing import Any

import pytest

from mm.domain.sides import Side
from tests.builders.exchange import KEY, SECRET, ManualClock, RawClient, hit, raw_client, rest, running

ORDER = "/api/v3/order"
AMOUNT_KEYS = [
    "price",
    "origQty",
    "executedQty",
    "origQuoteOrderQty",
    "cummulativeQuoteQty",
    "status",
    "timeInForce",
    "type",
    "side",
]
ID_KEYS = ["symbol", "orderId", "orderListId", "clientOrderId"]
ACK_KEYS = [*ID_KEYS, "transactTime"]
RESULT_KEYS = [*ACK_KEYS, *AMOUNT_KEYS, "workingTime", "selfTradePreventionMode"]
QUERY_KEYS = [
    *ID_KEYS,
    *AMOUNT_KEYS,
    "stopPrice",
    "icebergQty",
    "time",
    "updateTime",
    "isWorking",
    "workingTime",
    "selfTradePreventionMode",
]
CANCEL_KEYS = [*ACK_KEYS, *AMOUNT_KEYS, "origClientOrderId", "selfTradePreventionMode"]
TRADE_KEYS = [
    "symbol",
    "id",
    "orderId",
    "orderListId",
    "price",
    "qty",
    "quoteQty",
    "commission",
    "commissionAsset",
    "time",
    "isBuyer",
    "isMaker",
    "isBestMatch",
]
NOW_MS = 1_700_000_000_000


async def test_ping_and_time_answer_without_a_key() -> None:
    """The clock is the exchange's own."""
    async with running(ManualClock()) as exchange, raw_client(exchange) as client:
        assert await client.send("GET", "/api/v3/ping", key=None) == {}
        assert await client.send("GET", "/api/v3/time", key=None) == {"serverTime": NOW_MS}


async def test_exchange_info_lists_the_symbol_with_its_filters() -> None:
    """All symbols, one, or a list; an unknown one is refused."""
    async with running() as exchange, raw_client(exchange) as client:
        whole = await client.send("GET", "/api/v3/exchangeInfo")
        assert [row["limit"] for row in whole["rateLimits"]] == [6_000, 100, 200_000]
        (symbol,) = whole["symbols"]
        assert (symbol["symbol"], symbol["status"]) == ("BTCUSDT", "TRADING")
        assert {row["filterType"]: row for row in symbol["filters"]} == {
            "PRICE_FILTER": {
                "filterType": "PRICE_FILTER",
                "minPrice": "0.01000000",
                "maxPrice": "1000000.00000000",
                "tickSize": "0.01000000",
            },
            "LOT_SIZE": {
                "filterType": "LOT_SIZE",
                "minQty": "0.00001000",
                "maxQty": "9000.00000000",
                "stepSize": "0.00001000",
            },
            "MARKET_LOT_SIZE": {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": "0.00000000",
                "maxQty": "100.00000000",
                "stepSize": "0.00000000",
            },
            "PERCENT_PRICE_BY_SIDE": {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": "5",
                "bidMultiplierDown": "0.2",
                "askMultiplierUp": "5",
                "askMultiplierDown": "0.2",
                "avgPriceMins": 5,
            },
            "NOTIONAL": {
                "filterType": "NOTIONAL",
                "minNotional": "5.00000000",
                "applyMinToMarket": True,
                "maxNotional": "9000000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
            "MAX_NUM_ORDERS": {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            "MAX_NUM_ORDER_AMENDS": {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
        }
        for query in ("symbol=BTCUSDT", "symbols=%5B%22BTCUSDT%22%5D"):
            assert (await client.send("GET", "/api/v3/exchangeInfo", query))["symbols"] == whole["symbols"]
        for query, code in (("symbol=ETHUSDT", -1121), ("symbols=x", -1130), ('symbols=["A"]', -1121)):
            assert (await client.send("GET", "/api/v3/exchangeInfo", query))["code"] == code


async def test_depth_is_the_book_with_the_number_of_its_last_change() -> None:
    """Best first, cut at the limit, at least one level."""
    async with running() as exchange, raw_client(exchange) as client:
        for price_ticks in (5_990_000, 5_991_000):
            rest(exchange, Side.BUY, price_ticks, 100)
        rest(exchange, Side.SELL, 6_010_000, 250)
        assert await client.send("GET", "/api/v3/depth", "symbol=BTCUSDT") == {
            "lastUpdateId": 3,
            "bids": [["59910.00000000", "0.00100000"], ["59900.00000000", "0.00100000"]],
            "asks": [["60100.00000000", "0.00250000"]],
        }
        shallow = await client.send("GET", "/api/v3/depth", "symbol=BTCUSDT&limit=0")
        assert shallow["bids"] == [["59910.00000000", "0.00100000"]]


@pytest.mark.parametrize(
    ("limit", "weight"), [("", 5), ("100", 5), ("500", 25), ("1000", 50), ("5000", 250), ("x", 5)]
)
async def test_the_weight_of_depth_grows_with_its_levels(limit: str, weight: int) -> None:
    """A malformed limit costs the least and is refused."""
    async with running() as exchange, raw_client(exchange) as client:
        await client.send("GET", "/api/v3/depth", "symbol=BTCUSDT" + (f"&limit={limit}" if limit else ""))
        assert client.headers["X-MBX-USED-WEIGHT-1M"] == str(weight)
        assert client.status == (400 if limit == "x" else 200)


async def test_public_trades_and_best_prices_are_served() -> None:
    """Trades oldest first; one object for a symbol, a list without."""
    async with running(ManualClock()) as exchange, raw_client(exchange) as client:
        rest(exchange, Side.BUY, 6_000_000, 100)
        rest(exchange, Side.SELL, 6_000_100, 100)
        await client.place(type="MARKET", price=None, quantity="0.0005")
        await client.place(type="MARKET", price=None, quantity="0.0002", side="SELL")
        rows = await client.send("GET", "/api/v3/trades", "symbol=BTCUSDT&limit=2")
        assert rows[0] == {
            "id": 1,
            "price": "60001.00000000",
            "qty": "0.00050000",
            "quoteQty": "30.00050000",
            "time": NOW_MS,
            "isBuyerMaker": False,
            "isBestMatch": True,
        }
        assert [row["id"] for row in rows] == [1, 2]
        assert rows[1]["isBuyerMaker"]
        best = {
            "symbol": "BTCUSDT",
            "bidPrice": "60000.00000000",
            "bidQty": "0.00080000",
            "askPrice": "60001.00000000",
            "askQty": "0.00050000",
        }
        assert await client.send("GET", "/api/v3/ticker/bookTicker", "symbol=BTCUSDT") == best
        assert await client.send("GET", "/api/v3/ticker/bookTicker") == [best]


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({}, ACK_KEYS),
        ({"newOrderRespType": "ACK"}, ACK_KEYS),
        ({"newOrderRespType": "RESULT"}, RESULT_KEYS),
        ({"newOrderRespType": "FULL"}, [*RESULT_KEYS, "fills"]),
        ({"type": "LIMIT", "timeInForce": "GTC"}, [*RESULT_KEYS, "fills"]),
        ({"type": "LIMIT", "timeInForce": "GTC", "newOrderRespType": "ACK"}, ACK_KEYS),
    ],
)
async def test_a_placed_order_is_answered_as_was_asked(changes: dict[str, Any], keys: list[str]) -> None:
    """ACK for LIMIT_MAKER and FULL for the others, unless it says otherwise."""
    async with running() as exchange, raw_client(exchange) as client:
        answer = await client.place(newClientOrderId="mine", **changes)
        assert sorted(answer) == sorted(keys)
        assert answer["clientOrderId"] == "mine"


async def test_a_market_order_is_answered_with_its_fills() -> None:
    """One row per match, fee in what is received, rounded against the payer."""
    async with running() as exchange, raw_client(exchange) as client:
        rest(exchange, Side.SELL, 6_000_000, 10)
        rest(exchange, Side.SELL, 6_000_100, 100)
        answer = await client.place(type="MARKET", price=None, quantity="0.00021")
        assert answer["status"] == "FILLED"
        assert answer["cummulativeQuoteQty"] == "12.60011000"
        assert answer["fills"] == [
            {
                "price": price,
                "qty": size,
                "commission": fee,
                "commissionAsset": "BTC",
                "tradeId": number,
            }
            for price, size, fee, number in (
                ("60000.00000000", "0.00010000", "0.00000004", 1),
                ("60001.00000000", "0.00011000", "0.00000005", 2),
            )
        ]


async def test_an_order_test_places_nothing() -> None:
    """Parameters and filters are checked, funds and the book are not."""
    async with running() as exchange, raw_client(exchange) as client:
        fields = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "price": "59000"}
        assert await client.signed("POST", "/api/v3/order/test", quantity="5", **fields) == {}
        answer = await client.signed("POST", "/api/v3/order/test", quantity="0.00001", **fields)
        assert answer["code"] == -1013
        assert exchange.floor.records.orders == {}


async def test_an_order_is_queried_listed_and_cancelled() -> None:
    """By either id; the cancel answers with its own id and the order's."""
    async with running(ManualClock()) as exchange, raw_client(exchange) as client:
        placed = await client.place(newClientOrderId="mine", selfTradePreventionMode="EXPIRE_BOTH")
        by_id = await client.signed("GET", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
        by_name = await client.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId="mine")
        assert by_id == by_name
        assert sorted(by_id) == sorted(QUERY_KEYS)
        assert (by_id["status"], by_id["selfTradePreventionMode"]) == ("NEW", "EXPIRE_BOTH")
        assert await client.signed("GET", "/api/v3/openOrders") == [by_id]
        names = {"origClientOrderId": "mine", "newClientOrderId": "bye"}
        gone = await client.signed("DELETE", ORDER, symbol="BTCUSDT", **names)
        assert sorted(gone) == sorted(CANCEL_KEYS)
        assert (gone["clientOrderId"], gone["origClientOrderId"]) == ("bye", "mine")
        assert gone["status"] == "CANCELED"
        assert await client.signed("GET", "/api/v3/openOrders", symbol="BTCUSDT") == []
        rows = await client.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT")
        assert [row["status"] for row in rows] == ["CANCELED"]
        later = placed["orderId"] + 1
        assert await client.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT", orderId=later) == []


async def test_all_open_orders_are_cancelled_at_once() -> None:
    """One row per order, oldest first; requests without an id get one."""
    async with running() as exchange, raw_client(exchange) as client:
        for name in ("a", "b"):
            await client.place(newClientOrderId=name)
        rows = await client.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
        assert [row["origClientOrderId"] for row in rows] == ["a", "b"]
        assert rows[0]["clientOrderId"] != rows[1]["clientOrderId"]
        assert list(exchange.floor.records.open()) == []


async def test_the_account_shows_free_and_locked() -> None:
    """Funds as settings gave them, less what orders lock."""
    async with running(client_base_atoms=0) as exchange, raw_client(exchange) as client:
        await client.place()
        answer = await client.signed("GET", "/api/v3/account")
        assert answer["balances"] == [
            {"asset": "BTC", "free": "0.00000000", "locked": "0.00000000"},
            {"asset": "USDT", "free": "59941.00000000", "locked": "59.00000000"},
        ]
        assert answer["commissionRates"]["maker"] == "0.00005000"
        assert (answer["makerCommission"], answer["takerCommission"]) == (0, 4)
        (row,) = (await client.signed("GET", "/api/v3/account", omitZeroBalances="true"))["balances"]
        assert row["asset"] == "USDT"


async def _trade_thrice(client: RawClient, clock: ManualClock) -> list[int]:
    ids = []
    for _ in range(3):
        placed = await client.place()
        ids.append(placed["orderId"])
        hit(client.exchange, Side.SELL, 100)
        clock.advance(ms=1_000)
    return ids


async def test_the_accounts_trades_are_paged_and_filtered() -> None:
    """The latest, from an id on (inclusive), of an order, between times."""
    clock = ManualClock()
    async with running(clock) as exchange, raw_client(exchange) as client:
        ids = await _trade_thrice(client, clock)
        whole = await client.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT")
        assert sorted(whole[0]) == sorted(TRADE_KEYS)
        assert [row["orderId"] for row in whole] == ids
        assert (whole[0]["commission"], whole[0]["commissionAsset"]) == ("0.00000005", "BTC")
        assert whole[0]["isMaker"]
        for params, expected in (
            ({"limit": 2}, whole[1:]),
            ({"fromId": whole[1]["id"]}, whole[1:]),
            ({"fromId": whole[0]["id"], "limit": 1}, whole[:1]),
            ({"orderId": ids[1]}, whole[1:2]),
            ({"startTime": whole[1]["time"], "endTime": whole[1]["time"]}, whole[1:2]),
        ):
            assert await client.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT", **params) == expected


async def test_a_prevented_order_says_so() -> None:
    """The default mode expires the resting order; a query names the prevented match."""
    async with running() as exchange, raw_client(exchange) as client:
        maker = await client.place(newClientOrderId="maker")
        fields = {"type": "LIMIT", "timeInForce": "IOC", "side": "SELL"}
        taker = await client.place(newClientOrderId="taker", **fields)
        assert (taker["status"], taker["fills"]) == ("EXPIRED", [])
        assert taker["selfTradePreventionMode"] == "EXPIRE_MAKER"
        found = await client.signed("GET", ORDER, symbol="BTCUSDT", orderId=maker["orderId"])
        assert found["status"] == "EXPIRED_IN_MATCH"
        assert (found["preventedMatchId"], found["preventedQuantity"]) == (1, "0.00100000")


async def test_requests_are_logged_without_key_and_signature() -> None:
    """Method, path, parameters, status and code; nothing with which anybody could trade."""
    async with running(requests_max=3) as exchange, raw_client(exchange) as client:
        for name in ("a", "b", "c"):
            await client.place(newClientOrderId=name)
        await client.place(side="X")
        log = (await client.send("GET", "/_mm/truth", "only=requests"))["requests"]
        assert [row["code"] for row in log] == [0, 0, -1117]
        assert log[0]["params"]["newClientOrderId"] == "b"
        assert (log[0]["method"], log[0]["path"], log[0]["status"]) == ("POST", ORDER, 200)
        text = str(await client.send("GET", "/_mm/truth"))
        assert KEY not in text
        assert SECRET not in text
        assert "signature" not in text


async def test_an_expired_order_says_why() -> None:
    """IOC, FOK and MARKET, in the answer and in a query; one that is open or filled says nothing."""
    async with running() as exchange, raw_client(exchange) as client:
        rest(exchange, Side.SELL, 6_000_000, 300)
        taking = {"type": "LIMIT", "price": "60000", "quantity": "0.002"}
        market = {"type": "MARKET", "price": None, "quantity": "0.005"}
        for fields, reason in (
            ({}, None),
            (taking | {"timeInForce": "FOK", "quantity": "0.004"}, "UNFILLED_FOK_ORDER_EXPIRED"),
            (taking | {"timeInForce": "IOC"}, None),
            (market, "INSUFFICIENT_LIQUIDITY"),
        ):
            answer = await client.place(**fields)
            found = await client.signed("GET", "/api/v3/order", symbol="BTCUSDT", orderId=answer["orderId"])
            assert (answer.get("expiryReason"), found.get("expiryReason")) == (reason, reason)
        rest(exchange, Side.SELL, 6_000_000, 100)
        answer = await client.place(**taking, timeInForce="IOC")
        assert (answer["status"], answer["executedQty"]) == ("EXPIRED", "0.00100000")
        assert answer["expiryReason"] == "UNFILLED_IOC_QUANTITY_EXPIRED"
