"""Cancel-replace and amendments: both halves, every outcome, on both surfaces, and what the stream tells."""

from typing import Any

import pytest

from mm.domain.sides import Side
from tests.builders.exchange import Frames, ManualClock, RawClient, frames, hit, raw_client, rest, running

REPLACE = "/api/v3/order/cancelReplace"
AMEND = "/api/v3/order/amend/keepPriority"
NOW_MS = 1_700_000_000_000
ORDER_KEYS = [
    "symbol",
    "orderId",
    "orderListId",
    "clientOrderId",
    "transactTime",
    "price",
    "origQty",
    "executedQty",
    "origQuoteOrderQty",
    "cummulativeQuoteQty",
    "status",
    "timeInForce",
    "type",
    "side",
    "selfTradePreventionMode",
]
BODY_KEYS = ["cancelResult", "newOrderResult", "cancelResponse", "newOrderResponse"]
UNKNOWN = {"code": -2011, "msg": "Unknown order sent."}
WOULD_TAKE = {"code": -2010, "msg": "Order would immediately match and take."}
TOO_MANY = {"code": -1015, "msg": "Too many new orders; current limit is 2 orders per 10 SECOND."}


async def _replace(client: RawClient, **changes: Any) -> Any:
    fields = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT_MAKER",
        "quantity": "0.002",
        "price": "58000",
        "newClientOrderId": "new",
        "newOrderRespType": "RESULT",
        "cancelReplaceMode": "STOP_ON_FAILURE",
        "cancelOrigClientOrderId": "old",
    } | changes
    sent = {name: value for name, value in fields.items() if value is not None}
    return await client.signed("POST", REPLACE, **sent)


async def _open(client: RawClient) -> list[str]:
    return [row["clientOrderId"] for row in await client.signed("GET", "/api/v3/openOrders")]


async def test_an_order_is_replaced_and_both_answers_come_back() -> None:
    """200, with the cancellation as a cancel answers it and the order as was asked for."""
    async with running(ManualClock()) as exchange, raw_client(exchange) as client:
        old = await client.place(newClientOrderId="old")
        answer = await _replace(client, cancelNewClientOrderId="bye", cancelOrderId=old["orderId"])
        assert client.status == 200
        assert client.headers["X-MBX-ORDER-COUNT-10S"] == "2"
        assert sorted(answer) == sorted(BODY_KEYS)
        assert (answer["cancelResult"], answer["newOrderResult"]) == ("SUCCESS", "SUCCESS")
        assert sorted(answer["cancelResponse"]) == sorted([*ORDER_KEYS, "origClientOrderId"])
        assert answer["cancelResponse"] == answer["cancelResponse"] | {
            "clientOrderId": "bye",
            "origClientOrderId": "old",
            "status": "CANCELED",
        }
        assert sorted(answer["newOrderResponse"]) == sorted([*ORDER_KEYS, "workingTime"])
        assert await _open(client) == ["new"]


@pytest.mark.parametrize("mode", ["STOP_ON_FAILURE", "ALLOW_FAILURE"])
async def test_a_new_order_that_fails_leaves_the_old_one_cancelled(mode: str) -> None:
    """409 and -2021; the cancellation stands."""
    async with running() as exchange, raw_client(exchange) as client:
        rest(exchange, Side.SELL, 6_000_000, 100)
        await client.place(newClientOrderId="old")
        answer = await _replace(client, price="60000", cancelReplaceMode=mode)
        assert client.status == 409
        assert (answer["code"], answer["msg"]) == (-2021, "Order cancel-replace partially failed.")
        assert sorted(answer["data"]) == sorted(BODY_KEYS)
        assert (answer["data"]["cancelResult"], answer["data"]["newOrderResult"]) == ("SUCCESS", "FAILURE")
        assert answer["data"]["newOrderResponse"] == WOULD_TAKE
        assert await _open(client) == []
        assert exchange.floor.records.counters.orders_rejected == 1


async def test_a_cancel_that_fails_stops_the_new_order() -> None:
    """400 and -2022; the new order was not attempted but counts against the limit."""
    async with running() as exchange, raw_client(exchange) as client:
        answer = await _replace(client)
        assert client.status == 400
        assert client.headers["X-MBX-ORDER-COUNT-10S"] == "1"
        assert answer == {
            "code": -2022,
            "msg": "Order cancel-replace failed.",
            "data": {
                "cancelResult": "FAILURE",
                "newOrderResult": "NOT_ATTEMPTED",
                "cancelResponse": UNKNOWN,
                "newOrderResponse": None,
            },
        }
        counters = exchange.floor.records.counters
        assert (counters.cancels_rejected, counters.orders_rejected, counters.orders_placed) == (1, 0, 0)


async def test_a_cancel_that_fails_may_be_ignored() -> None:
    """ALLOW_FAILURE: the new order is placed, 409 says that a half failed; if both fail, 400."""
    async with running() as exchange, raw_client(exchange) as client:
        rest(exchange, Side.SELL, 6_000_000, 100)
        answer = await _replace(client, cancelReplaceMode="ALLOW_FAILURE")
        assert (client.status, answer["code"]) == (409, -2021)
        assert answer["data"]["cancelResponse"] == UNKNOWN
        assert answer["data"]["newOrderResponse"]["clientOrderId"] == "new"
        answer = await _replace(
            client, cancelReplaceMode="ALLOW_FAILURE", price="60000", newClientOrderId="more"
        )
        assert (client.status, answer["code"]) == (400, -2022)
        assert answer["data"] == {
            "cancelResult": "FAILURE",
            "newOrderResult": "FAILURE",
            "cancelResponse": UNKNOWN,
            "newOrderResponse": WOULD_TAKE,
        }
        assert await _open(client) == ["new"]


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"quantity": "0.00001"}, -1013, "Filter failure: NOTIONAL"),
        ({"symbol": "ETHUSDT"}, -1121, "Invalid symbol."),
        (
            {"cancelReplaceMode": None},
            -1102,
            "Mandatory parameter 'cancelReplaceMode' was not sent, was empty/null, or malformed.",
        ),
        ({"cancelReplaceMode": "TRY"}, -1130, "Data sent for parameter 'cancelReplaceMode' is not valid."),
        (
            {"cancelOrigClientOrderId": None},
            -1102,
            "Param 'cancelOrigClientOrderId' or 'cancelOrderId' must be sent, but both were empty/null!",
        ),
        ({"cancelRestrictions": "ONLY_OLD"}, -1145, "Invalid cancelRestrictions"),
        (
            {"orderId": 1},
            -1104,
            "Not all sent parameters were read; read '11' parameter(s) but was sent '12'.",
        ),
    ],
)
async def test_what_cannot_be_tried_is_refused_before_anything_is_cancelled(
    changes: dict[str, Any], code: int, text: str
) -> None:
    """Parameters and filters come first; the old order stays."""
    async with running() as exchange, raw_client(exchange) as client:
        await client.place(newClientOrderId="old")
        assert await _replace(client, **changes) == {"code": code, "msg": text}
        assert client.status == 400
        assert await _open(client) == ["old"]


async def test_an_order_is_cancelled_only_in_the_state_that_was_named() -> None:
    """ONLY_NEW and ONLY_PARTIALLY_FILLED, for a cancel and for a replacement alike."""
    async with running() as exchange, raw_client(exchange) as client:
        await client.place(newClientOrderId="old")
        refused = {"code": -2011, "msg": "Order was not canceled due to cancel restrictions."}
        fields = {"symbol": "BTCUSDT", "origClientOrderId": "old"}
        for restriction, after_fill in (("ONLY_PARTIALLY_FILLED", False), ("ONLY_NEW", True)):
            if after_fill:
                hit(exchange, Side.SELL, 40)
            answer = await client.signed("DELETE", "/api/v3/order", cancelRestrictions=restriction, **fields)
            assert answer == refused
            answer = await _replace(client, cancelRestrictions=restriction)
            assert answer["data"]["cancelResponse"] == refused
        answer = await _replace(client, cancelRestrictions="ONLY_PARTIALLY_FILLED")
        assert answer["cancelResponse"]["executedQty"] == "0.00040000"


async def test_a_used_up_limit_of_orders_stops_everything_or_the_new_order_alone() -> None:
    """DO_NOTHING: 429. CANCEL_ONLY: the old order goes, -1015 stands in the answer."""
    async with running(ManualClock(), orders_per_10s=2) as exchange, raw_client(exchange) as client:
        await client.place(newClientOrderId="old")
        await client.place()
        answer = await _replace(client)
        assert (client.status, answer) == (429, TOO_MANY)
        assert client.headers["Retry-After"] == "10"
        assert (await _replace(client, orderRateLimitExceededMode="DO_NOTHING")) == TOO_MANY
        answer = await _replace(client, orderRateLimitExceededMode="CANCEL_ONLY")
        assert (client.status, answer["code"]) == (409, -2021)
        assert answer["data"]["newOrderResponse"] == TOO_MANY
        assert "old" not in await _open(client)


async def _ask(ws: Frames, client: RawClient, method: str, **params: Any) -> Any:
    signed = client.socket_params(returnRateLimits=False, **params)
    return await ws.ask({"id": 1, "method": method, "params": signed})


async def test_the_socket_answers_a_failed_replacement_with_its_data() -> None:
    """The same body, as the error of the frame."""
    async with running() as exchange, raw_client(exchange) as client, frames(client, "/ws-api/v3") as ws:
        fields = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "quantity": "0.002"}
        answer = await _ask(
            ws,
            client,
            "order.cancelReplace",
            price="58000",
            cancelReplaceMode="STOP_ON_FAILURE",
            cancelOrderId=99,
            **fields,
        )
        assert (answer["status"], answer["error"]["code"]) == (400, -2022)
        assert answer["error"]["data"]["newOrderResult"] == "NOT_ATTEMPTED"
        assert "result" not in answer


async def test_a_rejected_replacement_is_reported_on_the_stream() -> None:
    """CANCELED of the old, then REJECTED of the new with the venue's reason; it cannot be queried."""
    async with running() as exchange, raw_client(exchange) as client, frames(client, "/ws-api/v3") as ws:
        rest(exchange, Side.SELL, 6_000_000, 100)
        await client.place(newClientOrderId="old")
        await _ask(ws, client, "userDataStream.subscribe.signature")
        await _replace(client, price="60000")
        events = [(await ws.next())["event"] for _ in range(3)]
        rejected = events[2]
        assert [event.get("x") for event in events] == ["CANCELED", None, "REJECTED"]
        assert rejected == rejected | {
            "c": "new",
            "X": "REJECTED",
            "r": "WOULD_MATCH_IMMEDIATELY",
            "w": False,
        }
        assert "W" not in rejected
        gone = await client.signed("GET", "/api/v3/order", symbol="BTCUSDT", orderId=rejected["i"])
        assert gone["code"] == -2013


async def _amend(client: RawClient, **params: Any) -> Any:
    return await client.signed("PUT", AMEND, symbol="BTCUSDT", **params)


async def test_an_amended_order_keeps_its_place_and_gets_a_new_id() -> None:
    """The answer's keys, the order under its new id only, and the fill that comes first to it."""
    clock = ManualClock()
    async with running(clock) as exchange, raw_client(exchange) as client:
        old = await client.place(newClientOrderId="old")
        rest(exchange, Side.BUY, 5_900_000, 100)
        clock.advance(ms=5)
        answer = await _amend(client, origClientOrderId="old", newQty="0.0006", newClientOrderId="new")
        assert client.headers["X-MBX-USED-WEIGHT-1M"] == "5"
        assert "X-MBX-ORDER-COUNT-10S" not in client.headers
        assert answer == {
            "transactTime": NOW_MS + 5,
            "executionId": 2,
            "amendedOrder": {
                "symbol": "BTCUSDT",
                "orderId": old["orderId"],
                "orderListId": -1,
                "origClientOrderId": "old",
                "clientOrderId": "new",
                "price": "59000.00000000",
                "qty": "0.00060000",
                "executedQty": "0.00000000",
                "preventedQty": "0.00000000",
                "quoteOrderQty": "0.00000000",
                "cumulativeQuoteQty": "0.00000000",
                "status": "NEW",
                "timeInForce": "GTC",
                "type": "LIMIT_MAKER",
                "side": "BUY",
                "workingTime": NOW_MS,
                "selfTradePreventionMode": "EXPIRE_MAKER",
            },
        }
        gone = await client.signed("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="old")
        assert gone["code"] == -2013
        hit(exchange, Side.SELL, 60)
        found = await client.signed("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="new")
        assert (found["status"], found["origQty"]) == ("FILLED", "0.00060000")
        assert exchange.floor.records.counters.orders_amended == 1


async def test_amendments_are_listed_from_an_execution_on() -> None:
    """Ids before and after, sizes before and after; an order that never was has none."""
    async with running(ManualClock()) as exchange, raw_client(exchange) as client:
        order_id = (await client.place(newClientOrderId="a"))["orderId"]
        await _amend(client, orderId=order_id, newQty="0.0008", newClientOrderId="a")
        named = (await _amend(client, orderId=order_id, newQty="0.0005"))["amendedOrder"]["clientOrderId"]
        path = "/api/v3/order/amendments"
        rows = await client.signed("GET", path, symbol="BTCUSDT", orderId=order_id)
        assert rows[0] == {
            "symbol": "BTCUSDT",
            "orderId": order_id,
            "executionId": 2,
            "origClientOrderId": "a",
            "newClientOrderId": "a",
            "origQty": "0.00100000",
            "newQty": "0.00080000",
            "time": NOW_MS,
        }
        assert (rows[1]["newQty"], rows[1]["newClientOrderId"]) == ("0.00050000", named)
        for params, expected in (({"fromExecutionId": 3}, rows[1:]), ({"limit": 1}, rows[:1])):
            fields = {"symbol": "BTCUSDT", "orderId": order_id, **params}
            assert await client.signed("GET", path, **fields) == expected
        assert await client.signed("GET", path, symbol="BTCUSDT", orderId=99) == []


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({"newQty": "0.002"}, -2038, "Order amend (quantity increase) is not supported."),
        ({"newQty": "0.001"}, -2038, "The requested action would change no state; rejecting."),
        (
            {"newQty": "0.0004"},
            -2038,
            "Order amend (quantity not above what is executed) is not supported.",
        ),
        ({"newQty": "0.0005", "newClientOrderId": "taken"}, -2038, "Duplicate order sent."),
        ({"newQty": "0.0005", "origClientOrderId": "none"}, -2038, "Unknown order sent."),
        ({"newQty": "0.00001"}, -1013, "Filter failure: NOTIONAL"),
        ({"newQty": "0"}, -1013, "Filter failure: LOT_SIZE"),
        ({"newQty": "0.0000001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"newQty": "0.000000001"}, -1111, "Parameter 'newQty' has too much precision."),
        ({}, -1102, "Mandatory parameter 'newQty' was not sent, was empty/null, or malformed."),
    ],
)
async def test_an_amendment_that_cannot_be_is_refused_and_changes_nothing(
    params: dict[str, Any], code: int, text: str
) -> None:
    """Of 0.001 BTC 0.0004 have traded; the order stays as it was."""
    async with running() as exchange, raw_client(exchange) as client:
        await client.place(newClientOrderId="old")
        await client.place(newClientOrderId="taken", price="58000")
        hit(exchange, Side.SELL, 40)
        before = await client.signed("GET", "/api/v3/openOrders")
        assert await _amend(client, **{"origClientOrderId": "old", **params}) == {"code": code, "msg": text}
        assert client.status == 400
        assert await client.signed("GET", "/api/v3/openOrders") == before


async def test_an_order_is_amended_ten_times_at_most() -> None:
    """The eleventh fails the filter, with the code of an amendment."""
    async with running() as exchange, raw_client(exchange) as client:
        await client.place(newClientOrderId="old")
        for lots in range(99, 89, -1):
            await _amend(client, origClientOrderId="old", newQty=f"0.000{lots}", newClientOrderId="old")
            assert client.status == 200
        answer = await _amend(client, origClientOrderId="old", newQty="0.00050")
        assert answer == {"code": -2038, "msg": "Filter failure: MAX_NUM_ORDER_AMENDS"}


async def test_an_amendment_is_reported_on_the_stream() -> None:
    """REPLACED under the new id, with the old one beside it, before the answer on one socket."""
    async with running() as exchange, raw_client(exchange) as client, frames(client, "/ws-api/v3") as ws:
        placed = await client.place(newClientOrderId="old")
        await _ask(ws, client, "userDataStream.subscribe.signature")
        fields = {"symbol": "BTCUSDT", "orderId": placed["orderId"], "newQty": "0.0005"}
        event = (await _ask(ws, client, "order.amend.keepPriority", newClientOrderId="new", **fields))[
            "event"
        ]
        assert event == event | {
            "x": "REPLACED",
            "X": "NEW",
            "c": "new",
            "C": "old",
            "q": "0.00050000",
            "I": 2,
        }
        assert (await ws.next())["event"]["e"] == "outboundAccountPosition"
        answer = await ws.next()
        assert answer["result"]["executionId"] == 2
        rows = await _ask(ws, client, "order.amendments", symbol="BTCUSDT", orderId=placed["orderId"])
        assert [row["executionId"] for row in rows["result"]] == [2]
