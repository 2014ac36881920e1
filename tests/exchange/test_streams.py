"""The public streams: subscription, wrapping, and differences from which a book is rebuilt without a gap."""

from itertools import pairwise
from typing import Any

import pytest

from mm.domain.sides import Side
from mm.exchange.server import LocalExchange
from tests.builders.exchange import Frames, ManualClock, frames, hit, raw_client, rest, running

DEPTH, TRADE, TICKER = "btcusdt@depth@100ms", "btcusdt@trade", "btcusdt@bookTicker"
NOW_MS = 1_700_000_000_000


def _subscribe(*names: str, number: object = 1) -> dict[str, Any]:
    return {"method": "SUBSCRIBE", "params": list(names), "id": number}


async def test_streams_are_subscribed_listed_and_unsubscribed_live() -> None:
    """Each request is answered with its id; listing shows what is left."""
    async with running() as exchange, raw_client(exchange) as client, frames(client, "/stream/ws/0") as ws:
        assert await ws.ask(_subscribe(DEPTH, TRADE)) == {"result": None, "id": 1}
        request = {"method": "UNSUBSCRIBE", "params": [DEPTH, TICKER], "id": "two"}
        assert await ws.ask(request) == {"result": None, "id": "two"}
        assert await ws.ask({"method": "LIST_SUBSCRIPTIONS", "id": 3}) == {"result": [TRADE], "id": 3}


async def test_a_path_can_name_its_stream_and_combined_streams_are_wrapped() -> None:
    """`/ws/<stream>` sends bare events, `/stream?streams=` wrapped ones; binary frames are ignored."""
    async with (
        running(ManualClock()) as exchange,
        raw_client(exchange) as client,
        frames(client, f"/ws/{TRADE}") as bare,
        frames(client, f"/stream?streams={TICKER}/{TRADE}/none") as combined,
    ):
        await bare.socket.send_bytes(b"ignored")
        listed = (await combined.ask({"method": "LIST_SUBSCRIPTIONS", "id": 1}))["result"]
        assert sorted(listed) == sorted([TICKER, TRADE])
        rest(exchange, Side.BUY, 6_000_000, 100)
        hit(exchange, Side.SELL, 40)
        trade = await bare.next()
        assert trade == {
            "e": "trade",
            "E": NOW_MS,
            "s": "BTCUSDT",
            "t": 1,
            "p": "60000.00000000",
            "q": "0.00040000",
            "T": NOW_MS,
            "m": True,
            "M": True,
        }
        best = {
            "s": "BTCUSDT",
            "b": "60000.00000000",
            "a": "0.00000000",
            "A": "0.00000000",
        }
        assert [await combined.next() for _ in range(3)] == [
            {"stream": TICKER, "data": best | {"u": 1, "B": "0.00100000"}},
            {"stream": TRADE, "data": trade},
            {"stream": TICKER, "data": best | {"u": 2, "B": "0.00060000"}},
        ]


async def test_differences_come_at_their_pace_and_only_when_something_changed() -> None:
    """100 ms and one second; the last size of a level wins; numbers go on without a gap."""
    clock = ManualClock()
    async with (
        running(clock) as exchange,
        raw_client(exchange) as client,
        frames(client, "/ws") as ws,
    ):
        await ws.ask(_subscribe(DEPTH, "btcusdt@depth"))
        rest(exchange, Side.BUY, 6_000_000, 100)
        exchange.pump()
        rest(exchange, Side.BUY, 6_000_000, 50)
        clock.advance(ms=100)
        exchange.pump()
        first = {
            "e": "depthUpdate",
            "E": NOW_MS + 100,
            "s": "BTCUSDT",
            "U": 1,
            "u": 2,
            "b": [["60000.00000000", "0.00150000"]],
            "a": [],
        }
        assert await ws.next() == first
        clock.advance(ms=700)
        exchange.pump()
        hit(exchange, Side.SELL, 150)
        clock.advance(ms=200)
        exchange.pump()
        second = first | {"E": NOW_MS + 1_000, "U": 3, "u": 4, "b": [["60000.00000000", "0.00000000"]]}
        assert await ws.next() == second
        assert await ws.next() == second | {"U": 1}


async def test_a_difference_that_nobody_hears_keeps_the_numbers_going() -> None:
    """Whoever subscribes later starts after it."""
    clock = ManualClock()
    async with running(clock) as exchange, raw_client(exchange) as client:
        rest(exchange, Side.BUY, 6_000_000, 100)
        clock.advance(ms=100)
        exchange.pump()
        async with frames(client, "/ws") as ws:
            await ws.ask(_subscribe(DEPTH))
            rest(exchange, Side.BUY, 5_999_000, 100)
            clock.advance(ms=100)
            exchange.pump()
            frame = await ws.next()
            assert (frame["U"], frame["u"], len(frame["b"])) == (2, 2, 1)


def _apply(book: dict[str, dict[str, str]], event: dict[str, Any]) -> None:
    for side in ("b", "a"):
        for price, size in event[side]:
            book[side][price] = size
            if not size.strip("0."):
                del book[side][price]


def _live(exchange: LocalExchange, clock: ManualClock, *, steps: int) -> int:
    for _ in range(steps):
        clock.advance(ms=100)
        exchange.pump()
    return exchange.floor.world.book.update_id


async def _until(ws: Frames, number: int) -> list[dict[str, Any]]:
    events = [await ws.until("depthUpdate")]
    while events[-1]["u"] < number:
        events.append(await ws.until("depthUpdate"))
    return events


@pytest.mark.parametrize("preset", ["demo", "btc"])
async def test_a_book_rebuilt_from_the_stream_is_the_servers_book(preset: str) -> None:
    """Snapshot in the middle of a difference, joined as the venue prescribes; U is the previous u + 1."""
    clock = ManualClock()
    async with (
        running(clock, preset=preset) as exchange,
        raw_client(exchange) as client,
        frames(client, "/ws") as ws,
    ):
        await ws.ask(_subscribe(DEPTH))
        _live(exchange, clock, steps=10)
        clock.advance(ms=90)
        snapshot = await client.send("GET", "/api/v3/depth", "symbol=BTCUSDT&limit=5000")
        events = await _until(ws, _live(exchange, clock, steps=100))
        assert all(later["U"] == event["u"] + 1 for event, later in pairwise(events))
        number = snapshot["lastUpdateId"]
        joined = [event for event in events if event["u"] > number]
        assert joined[0]["U"] <= number + 1 <= joined[0]["u"]
        assert joined[0] is not events[0]
        book = {"b": dict(snapshot["bids"]), "a": dict(snapshot["asks"])}
        for event in joined:
            _apply(book, event)
        final = await client.send("GET", "/api/v3/depth", "symbol=BTCUSDT&limit=5000")
        assert final["lastUpdateId"] == events[-1]["u"]
        assert book == {"b": dict(final["bids"]), "a": dict(final["asks"])}
        assert len(final["bids"]) > 10


async def test_a_closed_socket_is_forgotten() -> None:
    """Nothing is sent to whom has left."""
    async with running() as exchange, raw_client(exchange) as client:
        async with frames(client, "/ws") as gone:
            await gone.ask(_subscribe(TRADE, TICKER))
        async with frames(client, "/ws") as ws:
            await ws.ask(_subscribe(TICKER))
            rest(exchange, Side.BUY, 6_000_000, 100)
            assert (await ws.next())["b"] == "60000.00000000"
