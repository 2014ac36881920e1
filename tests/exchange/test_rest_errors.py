"""Every error code of the local exchange, provoked once by raw HTTP: status, code and exact text."""

from typing import Any

import pytest

from mm.domain.sides import Side
from tests.builders.exchange import KEY, ManualClock, raw_client, rest, running

ORDER = "/api/v3/order"


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"symbol": None}, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
        ({"side": ""}, -1102, "Mandatory parameter 'side' was not sent, was empty/null, or malformed."),
        (
            {"type": "LIMIT"},
            -1102,
            "Mandatory parameter 'timeInForce' was not sent, was empty/null, or malformed.",
        ),
        ({"price": None}, -1102, "Mandatory parameter 'price' was not sent, was empty/null, or malformed."),
        (
            {"quantity": None},
            -1102,
            "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed.",
        ),
        ({"price": ""}, -1105, "Parameter 'price' was empty."),
        ({"timeInForce": "GTC"}, -1106, "Parameter 'timeInForce' sent when not required."),
        (
            {"type": "MARKET"},
            -1106,
            "Parameter 'price' sent when not required.",
        ),
        (
            {"newClientOrderId": "a b"},
            -1100,
            "Illegal characters found in parameter 'newClientOrderId'; "
            "legal range is '^[a-zA-Z0-9-_]{1,36}$'.",
        ),
        (
            {"newClientOrderId": "x" * 37},
            -1100,
            "Illegal characters found in parameter 'newClientOrderId'; "
            "legal range is '^[a-zA-Z0-9-_]{1,36}$'.",
        ),
        (
            {"price": "1e5"},
            -1100,
            "Illegal characters found in parameter 'price'; "
            r"legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'.",
        ),
        (
            {"postOnly": "true"},
            -1104,
            "Not all sent parameters were read; read '7' parameter(s) but was sent '8'.",
        ),
        ({"quantity": "0.000000001"}, -1111, "Parameter 'quantity' has too much precision."),
        ({"price": "59000.000000001"}, -1111, "Parameter 'price' has too much precision."),
        ({"type": "LIMIT", "timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        ({"type": "STOP_LOSS"}, -1116, "Invalid orderType."),
        ({"side": "LONG"}, -1117, "Invalid side."),
        ({"symbol": "ETHUSDT"}, -1121, "Invalid symbol."),
        (
            {"selfTradePreventionMode": "TRANSFER"},
            -1130,
            "Data sent for parameter 'selfTradePreventionMode' is not valid.",
        ),
        ({"price": "59000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "0"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "9001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.00008"}, -1013, "Filter failure: NOTIONAL"),
        (
            {"type": "MARKET", "price": None, "quantity": "101"},
            -1013,
            "Filter failure: MARKET_LOT_SIZE",
        ),
        ({"quantity": "2"}, -2010, "Account has insufficient balance for requested action."),
        ({"price": "60000"}, -2010, "Order would immediately match and take."),
        (
            {"type": "MARKET", "price": None, "quantity": None, "quoteOrderQty": "10"},
            -2010,
            "Quote order qty market orders are not support for this symbol.",
        ),
        (
            {"type": "MARKET", "price": None, "side": "SELL"},
            -1112,
            "No orders on book for symbol.",
        ),
    ],
)
async def test_a_bad_order_gets_the_venues_error(changes: dict[str, Any], code: int, text: str) -> None:
    """Nothing is placed, the refusal is counted."""
    async with running() as exchange, raw_client(exchange) as client:
        rest(exchange, Side.SELL, 6_000_000, 1_000)
        assert await client.place(**changes) == {"code": code, "msg": text}
        assert client.status == 400
        assert exchange.floor.records.counters.orders_placed == 0
        assert exchange.floor.records.counters.orders_rejected == 1


async def test_a_price_far_from_the_latest_trades_is_refused() -> None:
    """Anything goes before the first trade; then five times the mean and no more."""
    async with running() as exchange, raw_client(exchange) as client:
        far = {"side": "SELL", "price": "300001"}
        assert (await client.place(**far))["clientOrderId"]
        rest(exchange, Side.SELL, 6_000_000, 100)
        await client.place(type="MARKET", price=None)
        answer = await client.place(**far)
        assert answer == {"code": -1013, "msg": "Filter failure: PERCENT_PRICE_BY_SIDE"}
        assert (await client.place(side="SELL", price="300000"))["clientOrderId"]


async def test_a_duplicate_client_id_is_refused_while_its_order_is_open() -> None:
    """-2010, and free again afterwards."""
    async with running() as exchange, raw_client(exchange) as client:
        await client.place(newClientOrderId="twice")
        answer = await client.place(newClientOrderId="twice")
        assert answer == {"code": -2010, "msg": "Duplicate order sent."}
        await client.signed("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="twice")
        assert (await client.place(newClientOrderId="twice"))["clientOrderId"] == "twice"


async def test_too_many_open_orders_are_refused() -> None:
    """The 201st open order fails the filter."""
    async with running(orders_per_10s=1_000) as exchange, raw_client(exchange) as client:
        for _ in range(200):
            await client.place(quantity="0.0001")
        answer = await client.place(quantity="0.0001")
        assert answer == {"code": -1013, "msg": "Filter failure: MAX_NUM_ORDERS"}


@pytest.mark.parametrize(
    ("method", "path", "params", "code", "text"),
    [
        ("DELETE", ORDER, {"orderId": 99}, -2011, "Unknown order sent."),
        ("DELETE", ORDER, {"origClientOrderId": "none"}, -2011, "Unknown order sent."),
        ("DELETE", "/api/v3/openOrders", {}, -2011, "Unknown order sent."),
        ("GET", ORDER, {"orderId": 99}, -2013, "Order does not exist."),
        (
            "GET",
            ORDER,
            {},
            -1102,
            "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
        ),
        (
            "GET",
            ORDER,
            {"orderId": "x"},
            -1100,
            "Illegal characters found in parameter 'orderId'; legal range is '^[0-9]{1,20}$'.",
        ),
        (
            "GET",
            "/api/v3/myTrades",
            {"signed": 1},
            -1104,
            "Not all sent parameters were read; read '3' parameter(s) but was sent '4'.",
        ),
    ],
)
async def test_a_bad_request_about_orders_gets_the_venues_error(
    method: str, path: str, params: dict[str, Any], code: int, text: str
) -> None:
    """Cancel, query and list."""
    async with running() as exchange, raw_client(exchange) as client:
        answer = await client.signed(method, path, symbol="BTCUSDT", **params)
        assert answer == {"code": code, "msg": text}
        assert client.status == 400


async def test_an_order_that_is_no_longer_open_cannot_be_cancelled() -> None:
    """-2011, while a query still finds it; ids that do not belong together find nothing."""
    async with running() as exchange, raw_client(exchange) as client:
        order = await client.place(newClientOrderId="once")
        await client.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=order["orderId"])
        answer = await client.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=order["orderId"])
        assert answer == {"code": -2011, "msg": "Unknown order sent."}
        assert exchange.floor.records.counters.cancels_rejected == 1
        found = await client.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId="once")
        assert found["status"] == "CANCELED"
        wrong = {"symbol": "BTCUSDT", "orderId": order["orderId"], "origClientOrderId": "other"}
        assert (await client.signed("GET", ORDER, **wrong))["code"] == -2013


@pytest.mark.parametrize(
    ("query", "status", "code", "text"),
    [
        (
            "timestamp={now}",
            400,
            -1102,
            "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.",
        ),
        (
            "signature=00",
            400,
            -1102,
            "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.",
        ),
        (
            "timestamp=now&signature=00",
            400,
            -1102,
            "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.",
        ),
        ("timestamp={now}&signature=00", 400, -1022, "Signature for this request is not valid."),
        ("timestamp={now}&signature=%C3%A9", 400, -1022, "Signature for this request is not valid."),
        (
            "timestamp={now}&recvWindow=60001&signature=00",
            400,
            -1131,
            "recvWindow must be less than 60000",
        ),
        (
            "timestamp={late}&signature=00",
            400,
            -1021,
            "Timestamp for this request is outside of the recvWindow.",
        ),
        (
            "timestamp={early}&signature=00",
            400,
            -1021,
            "Timestamp for this request was 1000ms ahead of the server's time.",
        ),
        (
            "timestamp={now}&timestamp={now}&signature=00",
            400,
            -1101,
            "Duplicate values for a parameter detected.",
        ),
    ],
)
async def test_a_badly_signed_request_gets_the_venues_error(
    query: str, status: int, code: int, text: str
) -> None:
    """Signature, timestamp and window, with a clock that stands still."""
    async with running(ManualClock()) as exchange, raw_client(exchange) as client:
        now = client.now_ms()
        sent = query.format(now=now, late=now - 5_001, early=now + 1_000)
        answer = await client.send("GET", "/api/v3/account", sent)
        assert (client.status, answer) == (status, {"code": code, "msg": text})


async def test_the_edges_of_the_time_window_are_accepted() -> None:
    """Exactly recvWindow old and just under a second ahead."""
    async with running(ManualClock()) as exchange, raw_client(exchange) as client:
        for shift_ms in (-5_000, 999):
            await client.signed("GET", "/api/v3/account", timestamp=client.now_ms() + shift_ms)
            assert client.status == 200


@pytest.mark.parametrize(
    ("key", "code", "text"),
    [
        (None, -2014, "API-key format invalid."),
        ("with space", -2014, "API-key format invalid."),
        (KEY + "x", -2015, "Invalid API-key, IP, or permissions for action."),
    ],
)
async def test_a_bad_key_gets_the_venues_error(key: str | None, code: int, text: str) -> None:
    """HTTP 401, before anything else is looked at."""
    async with running() as exchange, raw_client(exchange) as client:
        answer = await client.send("GET", "/api/v3/account", "nonsense=1", key=key)
        assert (client.status, answer) == (401, {"code": code, "msg": text})


async def test_too_much_weight_is_refused_and_then_banned() -> None:
    """429 with Retry-After; whoever goes on is banned with 418 until the ban ends."""
    clock = ManualClock()
    async with running(clock, weight_per_minute=3) as exchange, raw_client(exchange) as client:
        for used in (1, 2, 3):
            await client.send("GET", "/api/v3/ping")
            assert client.headers["X-MBX-USED-WEIGHT-1M"] == client.headers["X-MBX-USED-WEIGHT"] == str(used)
        answer = await client.send("GET", "/api/v3/ping")
        assert answer == {
            "code": -1003,
            "msg": "Too much request weight used; current limit is 3 request weight per 1 MINUTE. "
            "Please use WebSocket Streams for live updates to avoid polling the API.",
        }
        assert client.status == 429
        assert 1 <= int(client.headers["Retry-After"]) <= 60
        for _ in range(20):
            answer = await client.send("GET", "/api/v3/ping")
        until_ms = client.now_ms() + 120_000
        assert (client.status, answer["code"]) == (418, -1003)
        assert f"IP banned until {until_ms}" in answer["msg"]
        clock.advance(ms=119_999)
        await client.send("GET", "/api/v3/ping")
        assert client.status == 418
        assert client.headers["Retry-After"] == "1"
        clock.advance(ms=1)
        await client.send("GET", "/api/v3/ping")
        assert client.status == 200


async def test_too_many_orders_in_ten_seconds_are_refused() -> None:
    """429 and -1015; the next window starts at zero."""
    clock = ManualClock()
    async with running(clock, orders_per_10s=2) as exchange, raw_client(exchange) as client:
        for count in ("1", "2"):
            await client.place()
            assert client.headers["X-MBX-ORDER-COUNT-10S"] == count
            assert client.headers["X-MBX-ORDER-COUNT-1D"] == count
        answer = await client.place()
        assert answer == {
            "code": -1015,
            "msg": "Too many new orders; current limit is 2 orders per 10 SECOND.",
        }
        assert client.status == 429
        assert 1 <= int(client.headers["Retry-After"]) <= 10
        clock.advance(ms=10_000)
        await client.place()
        assert client.status == 200


async def test_too_many_orders_in_a_day_are_refused() -> None:
    """-1015 names the day."""
    async with running(ManualClock(), orders_per_day=1) as exchange, raw_client(exchange) as client:
        await client.place()
        answer = await client.place()
        assert answer["msg"] == "Too many new orders; current limit is 1 orders per 1 DAY."


async def test_waiting_for_a_day_is_told_as_a_day() -> None:
    """Retry-After of the limit that was hit, not of another."""
    async with running(ManualClock(), orders_per_day=1) as exchange, raw_client(exchange) as client:
        await client.place()
        await client.place()
        left_s = 86_400 - client.now_ms() // 1_000 % 86_400
        assert client.headers["Retry-After"] == str(left_s)


async def test_an_unknown_path_is_not_found() -> None:
    """404 with a code that is not one of an unknown outcome."""
    async with running() as exchange, raw_client(exchange) as client:
        for method, path in (("GET", "/api/v3/nothing"), ("PUT", ORDER), ("POST", "/_mm/truth")):
            answer = await client.send(method, path)
            assert (client.status, answer["code"]) == (404, -1020)
