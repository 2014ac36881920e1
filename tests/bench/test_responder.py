"""The bench's exchange: on loopback alone, gone with whoever started it, honest about its times."""

import asyncio
import time

import aiohttp
import pytest

from mm.bench.exchange import BenchExchange
from mm.bench.responder import Block, Venue
from mm.errors import VenueUnreachable
from tests.builders.heard import DEADLINE_S

ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT_MAKER",
    "quantity": "1",
    "price": "100",
    "newClientOrderId": "a",
}


async def test_orders_are_taken_listed_and_cancelled_and_their_times_told() -> None:
    """Each byte is stamped between being sent and being answered, in the clock of both processes."""
    async with BenchExchange() as exchange, aiohttp.ClientSession() as session:
        url = exchange.urls[0] + "/api/v3"
        began = asyncio.Event()
        showing = asyncio.ensure_future(exchange.show(Block(0, 4, 200.0), began.set))
        await asyncio.wait_for(began.wait(), DEADLINE_S)
        before = time.monotonic_ns()
        async with session.post(url + "/order", data=ORDER) as response:
            assert (await response.json())["status"] == "NEW"
        placed = time.monotonic_ns()
        async with session.get(url + "/openOrders") as response:
            assert [row["clientOrderId"] for row in await response.json()] == ["a"]
        asked = {"symbol": "BTCUSDT", "origClientOrderId": "a"}
        async with session.get(url + "/order", params=asked) as response:
            assert (await response.json())["orderId"] == 1
        async with session.delete(url + "/order", params=asked) as response:
            assert (await response.json())["status"] == "CANCELED"
        for method, code in (("DELETE", -2011), ("GET", -2013)):
            async with session.request(method, url + "/order", params=asked) as response:
                assert (response.status, (await response.json())["code"]) == (400, code)
        after = time.monotonic_ns()
        async with session.get(url + "/nothing") as response:
            assert response.status == 404
        stamps = await showing
        assert before <= stamps.orders["a"] <= placed <= stamps.cancels["a"] <= after
        assert list(stamps.frames) == [2, 3, 4, 5]
        times = list(stamps.frames.values())
        assert times == sorted(times)
        assert times[-1] - times[0] >= 140_000_000
        process = exchange._process
    assert process is not None
    assert process.returncode == 0


async def test_each_client_sees_a_venue_of_its_own() -> None:
    """What one does is not in the other's way."""
    async with BenchExchange() as exchange, aiohttp.ClientSession() as session:
        await (await session.post(exchange.urls[0] + "/api/v3/order", data=ORDER)).read()
        async with session.get(exchange.urls[1] + "/api/v3/openOrders") as response:
            assert await response.json() == []
        assert all(url.startswith("http://127.0.0.1:") for url in exchange.urls)


async def test_an_exchange_that_died_is_an_error_and_no_wait() -> None:
    """Not half a minute of silence."""
    async with BenchExchange() as exchange:
        assert exchange._process is not None
        exchange._process.kill()
        await exchange._process.wait()
        with pytest.raises(VenueUnreachable, match="ended or fell silent"):
            await exchange.show(Block(0, 1, 1.0))


async def test_a_large_frame_and_a_ping_go_through_a_socket() -> None:
    """The WebSocket side, with a client that nobody here wrote."""
    venue = Venue()
    server = await asyncio.get_running_loop().create_server(venue.connection, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"http://127.0.0.1:{port}/stream/0", autoping=False) as socket,
        ):
            await socket.send_json({"id": 5, "method": "SUBSCRIBE", "params": ["x" * 300]})
            assert (await socket.receive_json(timeout=DEADLINE_S))["id"] == 5
            await socket.ping(b"alive")
            answer = await socket.receive(timeout=DEADLINE_S)
            assert (answer.type, answer.data) == (aiohttp.WSMsgType.PONG, b"alive")
            for size in (10, 200, 70_000):
                (connection,) = venue._connections
                connection.send_text("y" * size)
                assert len(await socket.receive_str(timeout=DEADLINE_S)) == size
    finally:
        server.close()
        venue.close()
