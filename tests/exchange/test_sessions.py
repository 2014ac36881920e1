"""Sessions of the WebSocket API: logging on with Ed25519, asking without a key, and how it all ends."""

from typing import Any

import pytest

from mm.exchange.signing import socket_payload
from tests.builders.exchange import Frames, ManualClock, RawClient, frames, raw_client, running
from tests.builders.exchange_keys import ED25519_KEY, SECOND_KEY, ed25519_signature

PATH = "/ws-api/v3"
NOW_MS = 1_700_000_000_000
SUBSCRIBE = "userDataStream.subscribe"


async def _call(ws: Frames, method: str, **params: Any) -> Any:
    return await ws.ask({"id": method, "method": method, "params": {"returnRateLimits": False, **params}})


async def _log_on(ws: Frames, client: RawClient) -> Any:
    params: dict[str, Any] = {
        "apiKey": ED25519_KEY,
        "timestamp": client.now_ms(),
        "returnRateLimits": False,
    }
    texts = {name: str(value).lower() if value is False else str(value) for name, value in params.items()}
    signature = ed25519_signature(socket_payload(texts))
    return await ws.ask({"id": "on", "method": "session.logon", "params": {**params, "signature": signature}})


async def test_a_session_says_who_has_logged_on_and_since_when() -> None:
    """Before, after, and after logging out."""
    clock = ManualClock()
    async with (
        running(clock, **SECOND_KEY) as exchange,
        raw_client(exchange) as client,
        frames(client, PATH) as ws,
    ):
        state = {
            "apiKey": None,
            "authorizedSince": None,
            "connectedSince": NOW_MS,
            "returnRateLimits": True,
            "serverTime": NOW_MS,
            "userDataStream": False,
        }
        assert (await _call(ws, "session.status"))["result"] == state
        clock.advance(ms=1_000)
        there = state | {"serverTime": NOW_MS + 1_000}
        on = there | {"apiKey": ED25519_KEY, "authorizedSince": NOW_MS + 1_000}
        assert await _log_on(ws, client) == {"id": "on", "status": 200, "result": on}
        assert (await _call(ws, "session.status"))["result"] == on
        assert (await _call(ws, "session.logout"))["result"] == there


async def test_who_has_logged_on_needs_neither_key_nor_signature() -> None:
    """A timestamp is still needed; a key or signature that is sent is checked all the same."""
    async with (
        running(**SECOND_KEY) as exchange,
        raw_client(exchange) as client,
        frames(client, PATH) as ws,
    ):
        assert (await _call(ws, "account.status", timestamp=client.now_ms()))["error"]["code"] == -2014
        await _log_on(ws, client)
        fields = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "price": "59000"}
        placed = await _call(ws, "order.place", quantity="0.001", timestamp=client.now_ms(), **fields)
        assert placed["status"] == 200
        assert (await _call(ws, "openOrders.status"))["error"]["code"] == -1102
        late = client.now_ms() - 6_000
        assert (await _call(ws, "openOrders.status", timestamp=late))["error"]["code"] == -1021
        forged = await _call(ws, "openOrders.status", timestamp=client.now_ms(), signature="00")
        assert forged["error"]["code"] == -2014
        by_hmac = await ws.ask({"id": 1, "method": "openOrders.status", "params": client.socket_params()})
        assert [row["orderId"] for row in by_hmac["result"]] == [placed["result"]["orderId"]]
        await _call(ws, "session.logout")
        assert (await _call(ws, "openOrders.status", timestamp=client.now_ms()))["error"]["code"] == -2014


async def test_an_hmac_key_cannot_log_on() -> None:
    """The venue's own words; and a log-on does not stand in for another."""
    async with (
        running(**SECOND_KEY) as exchange,
        raw_client(exchange) as client,
        frames(client, PATH) as ws,
    ):
        frame = {"id": 1, "method": "session.logon", "params": client.socket_params(returnRateLimits=False)}
        assert await ws.ask(frame) == {
            "id": 1,
            "status": 400,
            "error": {"code": -4056, "msg": "HMAC_SHA256 API key is not supported."},
        }
        await _log_on(ws, client)
        assert (await _call(ws, "session.logon", timestamp=client.now_ms()))["error"]["code"] == -2014


@pytest.mark.parametrize("method", ["session.status", "session.logout", "session.subscriptions", SUBSCRIBE])
async def test_methods_of_the_session_take_no_other_parameter(method: str) -> None:
    """Strict as everything else, and they weigh 2."""
    async with running(ManualClock()) as exchange, raw_client(exchange) as client, frames(client, PATH) as ws:
        assert (await _call(ws, method, symbol="BTCUSDT"))["error"]["code"] == -1104
        assert exchange.floor.limits.weight.used == 2


async def test_a_subscription_of_the_log_on_ends_with_it() -> None:
    """One that was signed by itself goes on; each end is told on the stream."""
    async with (
        running(ManualClock(), **SECOND_KEY) as exchange,
        raw_client(exchange) as client,
        frames(client, PATH) as ws,
    ):
        assert (await _call(ws, SUBSCRIBE))["error"]["code"] == -2014
        await _log_on(ws, client)
        assert (await _call(ws, SUBSCRIBE))["result"] == {"subscriptionId": 0}
        signed = {"id": 1, "method": f"{SUBSCRIBE}.signature", "params": client.socket_params()}
        assert (await ws.ask(signed))["result"] == {"subscriptionId": 1}
        rows = (await _call(ws, "session.subscriptions"))["result"]
        assert rows == [{"subscriptionId": 0}, {"subscriptionId": 1}]
        ended = {"e": "eventStreamTerminated", "E": NOW_MS}
        assert await _call(ws, "session.logout") == {"subscriptionId": 0, "event": ended}
        assert (await ws.next())["result"]["userDataStream"] is True
        await client.place()
        assert (await ws.next())["subscriptionId"] == 1


async def test_a_log_on_belongs_to_one_socket() -> None:
    """Another socket of the same client still has to sign."""
    async with (
        running(**SECOND_KEY) as exchange,
        raw_client(exchange) as client,
        frames(client, PATH) as ws,
        frames(client, PATH) as other,
    ):
        await _log_on(ws, client)
        assert (await _call(other, "session.status"))["result"]["apiKey"] is None
        assert (await _call(other, "account.status", timestamp=client.now_ms()))["error"]["code"] == -2014


async def test_a_refused_socket_is_told_until_when_to_wait() -> None:
    """429 and 418 carry the server's time and when to try again, in milliseconds."""
    clock = ManualClock()
    async with (
        running(clock, weight_per_minute=1) as exchange,
        raw_client(exchange) as client,
        frames(client, PATH) as ws,
    ):
        await _call(ws, "ping")
        answer = await _call(ws, "ping")
        wait_ms = 60_000 - NOW_MS % 60_000
        patience = {"serverTime": NOW_MS, "retryAfter": NOW_MS + wait_ms}
        assert (answer["status"], answer["error"]["data"]) == (429, patience)
        for _ in range(20):
            answer = await _call(ws, "ping")
        patience = {"serverTime": NOW_MS, "retryAfter": NOW_MS + 120_000}
        assert (answer["status"], answer["error"]["data"]) == (418, patience)
        assert f"IP banned until {NOW_MS + 120_000}" in answer["error"]["msg"]
