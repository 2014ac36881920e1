"""The WebSocket API and the private stream: signed subscription, commands, and the order of events."""

from typing import Any

import pytest

from mm.domain.sides import Side
from tests.builders.exchange import (
    KEY,
    Frames,
    ManualClock,
    RawClient,
    frames,
    hit,
    raw_client,
    rest,
    running,
)

PATH = "/ws-api/v3"
SUBSCRIBE = "userDataStream.subscribe.signature"
UNSUBSCRIBE = "userDataStream.unsubscribe"
REPORT_KEYS = [*"eEscSofqpPFgCxXrilzLnNTtIwmMOZYQWV"]
NOW_MS = 1_700_000_000_000


async def _ask(ws: Frames, client: RawClient, method: str, **params: Any) -> Any:
    signed = client.socket_params(returnRateLimits=False, **params)
    return await ws.ask({"id": method, "method": method, "params": signed})


async def _subscribed(ws: Frames, client: RawClient) -> None:
    answer = await ws.ask({"id": "s", "method": SUBSCRIBE, "params": client.socket_params()})
    assert (answer["status"], answer["result"]) == (200, {"subscriptionId": 0})


async def _event(ws: Frames) -> dict[str, Any]:
    frame = await ws.next()
    assert frame["subscriptionId"] == 0
    event: dict[str, Any] = frame["event"]
    return event


async def test_public_methods_need_no_key() -> None:
    """Ping and time, with the limits unless they are not wanted."""
    async with (
        running(ManualClock()) as exchange,
        raw_client(exchange) as client,
        frames(client, PATH) as ws,
    ):
        answer = await ws.ask({"id": 1, "method": "ping"})
        assert (answer["id"], answer["status"], answer["result"]) == (1, 200, {})
        assert answer["rateLimits"][0] == {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "limit": 6_000,
            "count": 1,
        }
        frame = {"id": "t", "method": "time", "params": {"returnRateLimits": False}}
        assert await ws.ask(frame) == {"id": "t", "status": 200, "result": {"serverTime": NOW_MS}}


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", -1135),
        ("[]", -1135),
        ({"id": 1, "method": "ping", "params": []}, -1135),
        ({"id": 1, "method": "depth", "params": {"symbol": None}}, -1130),
        ({"id": 1, "method": "order.fly"}, -1020),
        ({"id": 1, "method": "account.status"}, -2014),
        ({"id": 1, "method": "account.status", "params": {"apiKey": "unknown-key"}}, -2015),
        ({"id": 1, "method": SUBSCRIBE, "params": {"apiKey": KEY}}, -1102),
        ({"id": 1, "method": UNSUBSCRIBE}, -1130),
        ({"id": 1, "method": UNSUBSCRIBE, "params": {"subscriptionId": 7}}, -1130),
    ],
)
async def test_a_frame_that_cannot_be_served_is_answered_with_an_error(frame: object, code: int) -> None:
    """The venue's code; the socket stays open."""
    async with running() as exchange, raw_client(exchange) as client, frames(client, PATH) as ws:
        answer = await ws.ask(frame)
        assert answer["error"]["code"] == code
        assert answer["status"] == (401 if code in (-2014, -2015) else 400)
        assert (await ws.ask({"id": 2, "method": "ping"}))["status"] == 200


async def test_subscribing_takes_no_other_parameter_and_a_right_signature() -> None:
    """Strict as everything else."""
    async with running() as exchange, raw_client(exchange) as client, frames(client, PATH) as ws:
        assert (await _ask(ws, client, SUBSCRIBE, listenKey="x"))["error"]["code"] == -1104
        forged = client.socket_params() | {"signature": "0" * 64}
        answer = await ws.ask({"id": 1, "method": SUBSCRIBE, "params": forged})
        assert answer["error"]["code"] == -1022


async def test_the_report_of_a_new_order_comes_before_its_answer() -> None:
    """On one socket: executionReport(NEW), balances, then the acknowledgement."""
    async with (
        running(ManualClock()) as exchange,
        raw_client(exchange) as client,
        frames(client, PATH) as ws,
    ):
        await _subscribed(ws, client)
        fields = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "price": "59000"}
        report = await _ask(ws, client, "order.place", quantity="0.001", newClientOrderId="mine", **fields)
        event = report["event"]
        assert list(event) == REPORT_KEYS
        assert event == event | {
            "e": "executionReport",
            "E": NOW_MS,
            "c": "mine",
            "C": "",
            "S": "BUY",
            "o": "LIMIT_MAKER",
            "q": "0.00100000",
            "p": "59000.00000000",
            "x": "NEW",
            "X": "NEW",
            "i": 1,
            "l": "0.00000000",
            "z": "0.00000000",
            "n": "0",
            "N": None,
            "t": -1,
            "w": True,
            "m": False,
            "V": "EXPIRE_MAKER",
        }
        assert await _event(ws) == {
            "e": "outboundAccountPosition",
            "E": NOW_MS,
            "u": NOW_MS,
            "B": [
                {"a": "BTC", "f": "1.00000000", "l": "0.00000000"},
                {"a": "USDT", "f": "59941.00000000", "l": "59.00000000"},
            ],
        }
        answer = await ws.next()
        assert (answer["id"], answer["status"], answer["result"]["orderId"]) == ("order.place", 200, 1)


async def test_fills_of_a_maker_are_reported_and_then_a_cancellation() -> None:
    """Partial fill with fee and trade id, then CANCELED with both ids, in any surface's order."""
    async with running() as exchange, raw_client(exchange) as client, frames(client, PATH) as ws:
        await _subscribed(ws, client)
        await client.place(newClientOrderId="mine")
        hit(exchange, Side.SELL, 40)
        names = {"origClientOrderId": "mine", "newClientOrderId": "bye"}
        await client.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", **names)
        events = [await _event(ws) for _ in range(6)]
        assert [event["e"] for event in events] == ["executionReport", "outboundAccountPosition"] * 3
        fill, gone = events[2], events[4]
        assert fill == fill | {
            "x": "TRADE",
            "X": "PARTIALLY_FILLED",
            "l": "0.00040000",
            "z": "0.00040000",
            "L": "59000.00000000",
            "n": "0.00000002",
            "N": "BTC",
            "t": 1,
            "m": True,
            "M": True,
            "Y": "23.60000000",
            "Z": "23.60000000",
        }
        assert gone == gone | {"x": "CANCELED", "X": "CANCELED", "c": "bye", "C": "mine", "w": False}
        assert [event["I"] for event in events[::2]] == [1, 2, 3]


async def test_a_match_with_oneself_reports_maker_taker_and_only_then_the_public_trade() -> None:
    """Mode NONE on one socket for everything: the order of the venue."""
    async with (
        running() as exchange,
        raw_client(exchange) as client,
        frames(client, PATH) as ws,
        frames(client, "/ws/btcusdt@trade") as public,
    ):
        await _subscribed(ws, client)
        await client.place(newClientOrderId="m")
        fields = {"type": "LIMIT", "timeInForce": "GTC", "side": "SELL"}
        await client.place(newClientOrderId="t", selfTradePreventionMode="NONE", **fields)
        events = [await _event(ws) for _ in range(6)]
        steps = [(event["c"], event["x"], event["m"]) for event in events if event["e"] != events[1]["e"]]
        assert steps == [
            ("m", "NEW", False),
            ("t", "NEW", False),
            ("m", "TRADE", True),
            ("t", "TRADE", False),
        ]
        assert (await public.next())["t"] == events[3]["t"]
        assert exchange.floor.records.counters.self_trades == 1


async def test_a_prevented_match_is_reported_with_what_expired() -> None:
    """EXPIRE_BOTH: both orders end EXPIRED_IN_MATCH, nothing trades."""
    async with running() as exchange, raw_client(exchange) as client, frames(client, PATH) as ws:
        await _subscribed(ws, client)
        await client.place(newClientOrderId="m")
        fields = {"type": "LIMIT", "timeInForce": "GTC", "side": "SELL"}
        await client.place(newClientOrderId="t", selfTradePreventionMode="EXPIRE_BOTH", **fields)
        events = [await _event(ws) for _ in range(6)]
        ended = [event for event in events if event.get("x") == "TRADE_PREVENTION"]
        assert [(event["c"], event["X"]) for event in ended] == [
            ("m", "EXPIRED_IN_MATCH"),
            ("t", "EXPIRED_IN_MATCH"),
        ]
        assert list(ended[0]) == [*REPORT_KEYS, *"vABuU", "Cs", "pl", "pL", "pY"]
        assert ended[0] == ended[0] | {
            "v": 1,
            "A": "0.00100000",
            "B": "0.00100000",
            "u": -1,
            "U": ended[1]["i"],
            "Cs": "BTCUSDT",
            "pl": "0.00100000",
            "pL": "59000.00000000",
            "pY": "59.00000000",
        }
        assert ended[1]["U"] == ended[0]["i"]
        counters = exchange.floor.records.counters
        assert (counters.prevented_matches, counters.trades) == (1, 0)


async def test_a_decremented_order_is_reported_and_goes_on() -> None:
    """Twice 0.001 of 0.003 are prevented: the last and the sum in the reports, the sum in queries."""
    async with running() as exchange, raw_client(exchange) as client, frames(client, PATH) as ws:
        maker = await client.place(newClientOrderId="m", quantity="0.003")
        await _subscribed(ws, client)
        fields = {"type": "LIMIT", "timeInForce": "GTC", "side": "SELL"}
        taken = [await client.place(selfTradePreventionMode="DECREMENT", **fields) for _ in range(2)]
        events = [await _event(ws) for _ in range(8)]
        reports = [event for event in events if event.get("x") == "TRADE_PREVENTION"]
        assert [(row["X"], row["v"], row["A"], row["B"]) for row in reports] == [
            ("NEW", 1, "0.00100000", "0.00100000"),
            ("EXPIRED_IN_MATCH", 1, "0.00100000", "0.00100000"),
            ("NEW", 2, "0.00200000", "0.00100000"),
            ("EXPIRED_IN_MATCH", 2, "0.00100000", "0.00100000"),
        ]
        assert taken[1]["preventedMatches"] == [
            {
                "preventedMatchId": 2,
                "makerOrderId": maker["orderId"],
                "price": "59000.00000000",
                "takerPreventedQuantity": "0.00100000",
                "makerPreventedQuantity": "0.00100000",
            }
        ]
        found = await client.signed("GET", "/api/v3/order", symbol="BTCUSDT", orderId=maker["orderId"])
        assert (found["status"], found["preventedMatchId"], found["preventedQuantity"]) == (
            "NEW",
            2,
            "0.00200000",
        )
        assert exchange.floor.world.book.top(Side.BUY) == (5_900_000, 100)


async def test_a_subscription_ends_when_asked_or_with_its_socket() -> None:
    """By number or all; afterwards nothing comes."""
    async with (
        running() as exchange,
        raw_client(exchange) as client,
        frames(client, PATH) as ws,
    ):
        await _subscribed(ws, client)
        ended = await ws.ask({"id": 1, "method": UNSUBSCRIBE, "params": {"subscriptionId": 0}})
        assert ended["event"]["e"] == "eventStreamTerminated"
        assert (await ws.next())["status"] == 200
        await client.place()
        assert (await ws.ask({"id": 2, "method": "ping"}))["id"] == 2
        await ws.ask({"id": 3, "method": SUBSCRIBE, "params": client.socket_params()})
        assert (await ws.ask({"id": 4, "method": UNSUBSCRIBE}))["subscriptionId"] == 1
        assert (await ws.next())["status"] == 200


async def test_the_sockets_commands_are_the_rest_commands() -> None:
    """Status, list, cancel, cancel all, account and trades give the same answers on both surfaces."""
    async with (
        running(ManualClock()) as exchange,
        raw_client(exchange) as client,
        frames(client, PATH) as ws,
    ):
        rest(exchange, Side.BUY, 5_800_000, 100)
        placed = await client.place(newClientOrderId="mine")
        hit(exchange, Side.SELL, 40)
        for name, path, params in (
            ("order.status", "/api/v3/order", {"symbol": "BTCUSDT", "orderId": placed["orderId"]}),
            ("openOrders.status", "/api/v3/openOrders", {"symbol": "BTCUSDT"}),
            ("allOrders", "/api/v3/allOrders", {"symbol": "BTCUSDT"}),
            ("account.status", "/api/v3/account", {}),
            ("myTrades", "/api/v3/myTrades", {"symbol": "BTCUSDT"}),
        ):
            by_socket = await _ask(ws, client, name, **params)
            assert by_socket["result"] == await client.signed("GET", path, **params)
        gone = await _ask(ws, client, "openOrders.cancelAll", symbol="BTCUSDT")
        assert [row["origClientOrderId"] for row in gone["result"]] == ["mine"]
        again = await _ask(ws, client, "order.cancel", symbol="BTCUSDT", origClientOrderId="mine")
        assert again == {
            "id": "order.cancel",
            "status": 400,
            "error": {"code": -2011, "msg": "Unknown order sent."},
        }
