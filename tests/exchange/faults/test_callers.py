"""Faults of requests on the WebSocket API, and requests that are held up when the exchange ends."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from mm.exchange.faults.callers import PAGE
from tests.builders.exchange import frames, raw_client, running
from tests.builders.faulty_room import Room, faulty_room


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    """A room with a bid and an ask of a stranger."""
    async with faulty_room() as opened:
        yield opened


async def test_the_same_on_the_websocket_api(room: Room) -> None:
    """Slow, scripted, garbled, never answered, broken off."""
    place = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT_MAKER",
        "quantity": "0.001",
        "price": "59000",
    }

    def asked(number: int) -> dict[str, Any]:
        return {"id": number, "method": "order.place", "params": room.client.socket_params(**place)}

    async with frames(room.client, "/ws-api/v3") as socket:
        await room.fault("slow", delay_ms=20)
        assert (await socket.ask(asked(1)))["status"] == 200
        await room.fault("banned", duration_s=2)
        told = await socket.ask(asked(2))
        assert (told["id"], told["status"], told["error"]["code"]) == (2, 418, -1003)
        assert told["error"]["data"]["retryAfter"] == room.client.now_ms() + 2_000
        room.clock.advance(ms=2_000)
        await room.fault("garbled", form="other")
        assert await socket.ask(asked(3)) == []
        await room.fault("lost", target="user", duration_s=60)
        for form, length in (("html", len(PAGE)), ("truncated", 0), ("empty", 2)):
            await room.fault("garbled", form=form)
            await socket.socket.send_str(msgspec.json.encode(asked(4)).decode())
            text = await socket.socket.receive_str(timeout=2)
            assert len(text) == length or form == "truncated"
        placed = room.placed()
        for kind, processed in (("missing_ack", 1), ("no_answer", 0), ("drip", 1)):
            await room.fault(kind)
            await socket.socket.send_str(msgspec.json.encode(asked(5)).decode())
            assert (await socket.ask({"id": 6, "method": "ping"}))["id"] == 6
            placed += processed
            assert room.placed() == placed
        await room.fault("lost_ack")
        await socket.socket.send_str(msgspec.json.encode(asked(7)).decode())
        assert (await socket.socket.receive(timeout=2)).type is aiohttp.WSMsgType.CLOSE
    async with frames(room.client, "/ws-api/v3") as socket:
        await room.fault("drop_before", target="userDataStream.subscribe.signature")
        request = {
            "id": 8,
            "method": "userDataStream.subscribe.signature",
            "params": room.client.socket_params(),
        }
        await socket.socket.send_str(msgspec.json.encode(request).decode())
        ended = await socket.socket.receive(timeout=2)
        assert ended.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        assert room.logged()[:2] == ("userDataStream.subscribe.signature", 0)


@pytest.mark.parametrize("fields", [{"kind": "missing_ack"}, {"kind": "slow", "delay_ms": 600_000}])
async def test_an_exchange_that_ends_lets_go_of_what_it_holds_up(fields: dict[str, Any]) -> None:
    """A request that would never be answered does not keep it."""
    async with running() as exchange, raw_client(exchange) as client:
        body = msgspec.json.encode({"target": "ping"} | fields).decode()
        await client.send("POST", "/_mm/faults", body=body, key=None)
        held = asyncio.ensure_future(client.send("GET", "/api/v3/ping"))
        assert (await asyncio.wait({held}, timeout=0.02))[0] == set()
        began = asyncio.get_running_loop().time()
        await exchange.close()
        assert asyncio.get_running_loop().time() - began < 0.5
        await asyncio.gather(held, return_exceptions=True)
