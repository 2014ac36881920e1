"""Faults of sockets and of the market over real sockets, and the door by which faults come and go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import WSMsgType

from mm.domain.sides import Side
from mm.exchange.connection import Connection
from mm.exchange.faults.injector import NOTHING
from mm.exchange.faults.kinds import KINDS
from mm.exchange.faults.plan import FAULTS_MAX, Plan, fault_of
from mm.exchange.server import LocalExchange
from tests.builders.exchange import (
    Frames,
    ManualClock,
    RawClient,
    frames,
    make_settings,
    raw_client,
    rest,
    running,
)

MARKET, API = "/ws/btcusdt@bookTicker", "/ws-api/v3"
ENDED = (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR)


class Room:
    """An exchange whose clock is moved by hand, a client, the door."""

    def __init__(self, exchange: LocalExchange, clock: ManualClock, client: RawClient) -> None:
        self.exchange, self.clock, self.client = exchange, clock, client

    async def ask(self, method: str, raw: object = None) -> Any:
        """Ask at the door of faults."""
        body = msgspec.json.encode(raw).decode() if raw is not None else ""
        return await self.client.send(method, "/_mm/faults", body=body, key=None)

    async def fault(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Add a fault."""
        row: dict[str, Any] = await self.ask("POST", {"kind": kind, **fields})
        assert self.client.status == 200, row
        return row

    def wait(self, ms: int) -> None:
        """Let the exchange's time pass."""
        self.clock.advance(ms=ms)
        self.exchange.pump()

    @asynccontextmanager
    async def user(self) -> AsyncIterator[Frames]:
        """Open a WebSocket that is subscribed to the account's events."""
        async with frames(self.client, API) as socket:
            request = {"id": 1, "method": "userDataStream.subscribe.signature"}
            assert (await socket.ask({**request, "params": self.client.socket_params()}))["status"] == 200
            yield socket


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    """A room with a bid and an ask of a stranger."""
    clock = ManualClock()
    async with running(clock) as exchange, raw_client(exchange) as client:
        rest(exchange, Side.BUY, 5_900_000, 100_000)
        rest(exchange, Side.SELL, 6_100_000, 100_000)
        yield Room(exchange, clock, client)


async def ended(socket: Frames) -> aiohttp.WSMessage:
    """Return how a socket ended."""
    while (message := await socket.socket.receive(timeout=2)).type not in ENDED:
        pass
    return message


def passes(connection: Connection) -> bool:
    """Return whether frames of a socket pass anything on their way."""
    return connection.through is not None


async def test_sockets_are_closed_in_order_or_reset(room: Room) -> None:
    """Those that the fault is aimed at."""
    async with frames(room.client, MARKET) as market, room.user() as user:
        await room.fault("close", target="market")
        assert (await ended(market)).data == 1001
        assert (await user.ask({"id": 2, "method": "ping"}))["id"] == 2
        await room.fault("abort", target="user")
        assert (await ended(user)).type is not WSMsgType.CLOSE


async def test_sockets_are_reset_again_and_again(room: Room) -> None:
    """At once and every so often, so often."""
    await room.fault("abort", every_s=2, count=3)
    for _ in range(2):
        async with frames(room.client, MARKET) as market:
            room.wait(2_000)
            await ended(market)
    async with frames(room.client, MARKET) as market:
        room.wait(2_000)
        rest(room.exchange, Side.BUY, 5_900_001, 10)
        assert (await market.next())["s"] == "BTCUSDT"


async def test_a_black_hole_swallows_sockets_for_ever(room: Room) -> None:
    """They neither send nor read, not even the end; those that come while it lasts neither, later ones do."""
    async with frames(room.client, MARKET) as before:
        await room.fault("black_hole", target="market", duration_s=5)
        async with frames(room.client, MARKET) as during:
            room.wait(5_000)
            async with frames(room.client, MARKET) as after, room.user():
                rest(room.exchange, Side.BUY, 5_900_001, 10)
                assert (await after.next())["s"] == "BTCUSDT"
                await before.socket.ping()
                for swallowed in (before, during):
                    with pytest.raises(TimeoutError):
                        await swallowed.socket.receive(timeout=0.05)
            assert (await room.ask("DELETE"))["active"] == []
            assert (await ended(before)).type in ENDED
            assert (await ended(during)).type in ENDED


async def test_the_subscription_ends_and_the_socket_stays(room: Room) -> None:
    """With the venue's word; after that nothing comes."""
    async with room.user() as user, frames(room.client, MARKET):
        await room.fault("terminate")
        assert (await user.next())["event"]["e"] == "eventStreamTerminated"
        await room.client.place()
        assert (await user.ask({"id": 2, "method": "ping"}))["id"] == 2


async def test_a_server_that_is_down_resets_everybody_but_the_doors(room: Room) -> None:
    """Open sockets, new ones and requests; then it is back with the same orders."""
    await room.client.place(newClientOrderId="mine")
    async with frames(room.client, MARKET) as market:
        await room.fault("server_down", duration_s=3)
        await ended(market)
    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        await room.client.send("GET", "/api/v3/ping")
    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        await room.client.session.ws_connect(room.exchange.ws_url + MARKET)
    assert (await room.ask("GET"))["active"][0]["state"] == "active"
    room.wait(3_000)
    assert await room.client.send("GET", "/api/v3/ping") == {}
    assert [record.order.client_id for record in room.exchange.floor.records.open()] == ["mine"]


async def test_the_clock_that_clients_see_is_off(room: Room) -> None:
    """By so much, for so long; the market goes on by its own."""
    await room.fault("skew", skew_ms=30_000, duration_s=4)
    now_ms = room.client.now_ms()
    assert (await room.client.send("GET", "/api/v3/time"))["serverTime"] == now_ms + 30_000
    assert (await room.client.place())["code"] == -1021
    assert (await room.client.place(timestamp=now_ms + 30_000))["orderId"]
    truth = await room.client.send("GET", "/_mm/truth", "only=clock")
    assert truth["clock"]["now_ns"] == room.clock.ns
    room.wait(4_000)
    assert (await room.client.place(newClientOrderId="b"))["orderId"]


async def test_an_order_of_the_account_appears(room: Room) -> None:
    """Where and as large as the plan says; on an empty side there is nothing to measure from."""
    for side in ("buy", "sell"):
        fields: dict[str, Any] = {"side": side, "distance_ticks": 50, "size_lots": 300}
        await room.fault("foreign_order", client_id=f"web_{side}", **fields)
    rows = await room.client.signed("GET", "/api/v3/openOrders", symbol="BTCUSDT")
    assert [(row["clientOrderId"], row["price"], row["origQty"]) for row in rows] == [
        ("web_buy", "58999.50000000", "0.00300000"),
        ("web_sell", "61000.50000000", "0.00300000"),
    ]
    async with running(ManualClock()) as empty, raw_client(empty) as client:
        await client.send("POST", "/_mm/faults", body='{"kind": "foreign_order"}', key=None)
        assert list(empty.floor.records.open()) == []


async def test_frames_of_a_socket_pass_faults_only_while_there_are_any(room: Room) -> None:
    """Held back until it is due; what is held when a fault is over is not forgotten."""
    async with frames(room.client, MARKET) as market:
        (connection,) = room.exchange._faults._lines
        assert not passes(connection)
        await room.fault("late", target="bookTicker", delay_ms=500)
        assert passes(connection)
        rest(room.exchange, Side.BUY, 5_900_001, 10)
        rest(room.exchange, Side.BUY, 5_900_002, 10)
        assert (await market.next())["b"] == "59000.02000000"
        room.wait(499)
        assert passes(connection)
        room.wait(1)
        assert (await market.next())["b"] == "59000.01000000"
        assert not passes(connection)
        await room.fault("late", target="bookTicker", delay_ms=500)
        rest(room.exchange, Side.BUY, 5_900_003, 10)
        await room.ask("DELETE")
        assert (await market.next())["b"] == "59000.03000000"


async def test_the_door_tells_adds_and_clears(room: Room) -> None:
    """What waits, holds and is done; hits outlast the faults; every kind is explained."""
    told = await room.ask("GET")
    assert (told["active"], told["done"], told["hits"]) == ([], [], {})
    assert set(told["kinds"]) == set(KINDS)
    assert told["kinds"]["slow"] == {
        "happens_to": "requests",
        "effect": "processed after a delay",
        "targets": [],
        "fields": {"delay_ms": 1_000},
        "needs_duration_s": False,
    }
    row = await room.fault("error", target="ping", count=2)
    assert (row["number"], row["kind"], row["state"], row["hits"]) == (0, "error", "active", 0)
    await room.fault("skew", skew_ms=5, after_s=60)
    await room.client.send("GET", "/api/v3/ping")
    active = (await room.ask("GET"))["active"]
    assert [(row["kind"], row["state"], row["hits"]) for row in active] == [
        ("error", "active", 1),
        ("skew", "waiting", 0),
    ]
    await room.client.send("GET", "/api/v3/ping")
    assert [row["kind"] for row in (await room.ask("GET"))["done"]] == ["error"]
    told = await room.ask("DELETE")
    assert (told["active"], told["done"], told["hits"]) == ([], [], {"error": 2})
    truth = await room.client.send("GET", "/_mm/truth")
    assert truth["counters"]["faults"] == {"error": 2}


async def test_a_mistake_at_the_door_is_told(room: Room) -> None:
    """As at the command line; nothing is added."""
    told = await room.ask("POST", {"kind": "lost"[:3]})
    assert (room.client.status, told["error"]) == (
        400,
        "request: kind: was 'los', expected the name of a kind of fault",
    )
    assert "lost" in told["hint"]
    told = await room.client.send("POST", "/_mm/faults", body="{", key=None)
    assert (room.client.status, told["error"][:24]) == (400, "request: not valid JSON:")
    told = await room.ask("PUT")
    assert (room.client.status, told["hint"]) == (405, "GET, POST or DELETE")
    assert (await room.ask("GET"))["active"] == []


def test_faults_are_bounded() -> None:
    """Whoever adds them in a loop is told to clear them."""
    exchange = LocalExchange(make_settings(), ManualClock())
    faults = exchange._faults
    for _ in range(FAULTS_MAX):
        faults.add(fault_of({"kind": "lost_ack"}))
    with pytest.raises(Exception, match="1000 faults are known already"):
        faults.add(fault_of({"kind": "lost_ack"}))
    faults.clear()
    faults.add(fault_of({"kind": "lost_ack"}))


def test_a_plan_is_in_force_from_the_start() -> None:
    """Times of a plan count from the start of the exchange, chance comes from its seed."""
    plan = Plan(seed=5, faults=(fault_of({"kind": "slow", "after_s": 2}),))
    clock = ManualClock()
    exchange = LocalExchange(make_settings(), clock, plan=plan)
    rows = exchange._faults.rows()
    assert (rows["seed"], rows["active"][0]["begins_ns"]) == (5, clock.ns + 2_000_000_000)
    assert exchange._faults.on_request("order.place") is None
    clock.advance(ms=2_000)
    assert exchange._faults.on_request("order.place") is not None
    assert LocalExchange(make_settings(), clock)._faults.rows()["active"] == list(NOTHING.faults)


async def test_equal_requests_meet_equal_faults_in_every_run() -> None:
    """The same seed, the same orders, the same ones lost."""

    async def lost() -> list[int]:
        plan = Plan(seed=3, faults=(fault_of({"kind": "error", "target": "ping", "probability": 0.4}),))
        exchange = LocalExchange(make_settings(), ManualClock(), plan=plan)
        await exchange.start()
        try:
            async with raw_client(exchange) as client:
                statuses = []
                for _ in range(30):
                    await client.send("GET", "/api/v3/ping")
                    statuses.append(client.status)
        finally:
            await exchange.close()
        return [index for index, status in enumerate(statuses) if status == 500]

    first, second = await asyncio.gather(lost(), lost())
    assert first == second
    assert 0 < len(first) < 30
