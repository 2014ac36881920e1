"""What the venue demands of an open WebSocket: pongs, few messages, a new connection every day."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import WSCloseCode, WSMsgType

from mm.domain.units import NS_PER_S
from mm.exchange.connection_rules import RULES, Duty, Presence
from mm.exchange.server import LocalExchange
from tests.builders.exchange import DEADLINE_S, ManualClock, raw_client, running

LIST = '{"method":"LIST_SUBSCRIPTIONS","id":1}'
S = NS_PER_S


def test_pings_are_due_every_twenty_seconds() -> None:
    """Once each, from the opening on."""
    presence = Presence(RULES, 0)
    found = []
    for second in range(61):
        duty = presence.due(second * S)
        if duty is Duty.PING:
            presence.pinged(str(second).encode(), second * S)
            presence.on_pong(str(second).encode())
            found.append(second)
    assert found == [20, 40, 60]


def test_only_a_pong_with_the_pings_payload_answers_it() -> None:
    """Unsolicited ones count for nothing; the answer to a later ping answers the ones before."""
    presence = Presence(RULES, 0)
    for second in (20, 40, 60):
        assert presence.due(second * S) is Duty.PING
        presence.pinged(str(second).encode(), second * S)
    presence.on_pong(b"")
    presence.on_pong(b"other")
    assert presence.due(80 * S - 1) is Duty.NOTHING
    assert presence.due(80 * S) is Duty.GIVE_UP
    assert presence.due(90 * S) is Duty.CUT
    presence.on_pong(b"40")
    assert presence.due(80 * S) is Duty.PING
    assert presence.due(120 * S) is Duty.GIVE_UP


def test_a_connection_ends_after_a_day() -> None:
    """To the second, pongs or not."""
    presence = Presence(RULES, 5)
    assert presence.due(86_400 * S + 4) is Duty.PING
    assert presence.due(86_400 * S + 5) is Duty.SHUT_DOWN


def test_messages_are_counted_over_a_sliding_second() -> None:
    """The sixth within a second is one too many."""
    presence = Presence(RULES, 0)
    assert all(presence.on_message(number * S // 5) for number in range(20))
    assert not presence.on_message(19 * S // 5)


@asynccontextmanager
async def _socket(
    path: str = "/ws", **changes: Any
) -> AsyncIterator[tuple[LocalExchange, ManualClock, aiohttp.ClientWebSocketResponse]]:
    clock = ManualClock()
    async with (
        running(clock, **changes) as exchange,
        raw_client(exchange) as client,
        client.session.ws_connect(exchange.ws_url + path, autoping=False) as socket,
    ):
        yield exchange, clock, socket


def _later(exchange: LocalExchange, clock: ManualClock, *, s: int) -> None:
    clock.advance(ms=s * 1_000)
    exchange.pump()


async def _next(socket: aiohttp.ClientWebSocketResponse) -> aiohttp.WSMessage:
    return await asyncio.wait_for(socket.receive(), DEADLINE_S)


@pytest.mark.parametrize("path", ["/ws", "/ws-api/v3"])
async def test_who_does_not_answer_pings_is_disconnected(path: str) -> None:
    """On both kinds of sockets; a pong without the payload does not help."""
    async with _socket(path) as (exchange, clock, socket):
        for second in (20, 40, 60):
            _later(exchange, clock, s=20)
            ping = await _next(socket)
            assert ping.type is WSMsgType.PING
            assert int(ping.data) == 1_700_000_000_000 + second * 1_000
            await socket.pong(b"")
        _later(exchange, clock, s=20)
        message = await _next(socket)
        assert (message.type, message.data) == (WSMsgType.CLOSE, WSCloseCode.POLICY_VIOLATION)
        assert message.extra == "Pong timeout"


async def test_who_answers_pings_stays_until_the_day_is_over() -> None:
    """Then it is told so and closed in order."""
    async with _socket(connection_life_s=200) as (exchange, clock, socket):
        for _ in range(9):
            _later(exchange, clock, s=20)
            ping = await _next(socket)
            assert ping.type is WSMsgType.PING
            await socket.pong(ping.data)
            await socket.ping(b"flush")
            assert (await _next(socket)).type is WSMsgType.PONG
        _later(exchange, clock, s=20)
        event = msgspec.json.decode((await _next(socket)).data)
        assert event == {"e": "serverShutdown", "E": 1_700_000_000_000 + 200_000}
        message = await _next(socket)
        assert (message.type, message.data) == (WSMsgType.CLOSE, WSCloseCode.GOING_AWAY)


async def test_a_shutdown_is_wrapped_where_events_are() -> None:
    """As an event of a stream of its own."""
    async with _socket("/stream?streams=btcusdt@trade", connection_life_s=10) as (exchange, clock, socket):
        _later(exchange, clock, s=10)
        event = msgspec.json.decode((await _next(socket)).data)
        assert event["stream"] == "!serverShutdown"
        assert event["data"]["e"] == "serverShutdown"


async def test_the_sixth_message_within_a_second_disconnects() -> None:
    """Pings and pongs count like requests."""
    async with _socket() as (_, _, socket):
        for _ in range(3):
            await socket.send_str(LIST)
            assert (await _next(socket)).type is WSMsgType.TEXT
        await socket.ping(b"one")
        assert (await _next(socket)).type is WSMsgType.PONG
        await socket.pong(b"")
        await socket.send_str(LIST)
        assert (await _next(socket)).type is WSMsgType.TEXT
        message = await _next(socket)
        assert (message.type, message.data) == (WSMsgType.CLOSE, WSCloseCode.POLICY_VIOLATION)
        assert message.extra == "Too many requests"


async def test_five_messages_a_second_may_go_on_for_ever() -> None:
    """The window slides with the exchange's clock."""
    async with _socket() as (exchange, clock, socket):
        for _ in range(15):
            await socket.send_str(LIST)
            assert (await _next(socket)).type is WSMsgType.TEXT
            clock.advance(ms=200)
            exchange.pump()


async def test_the_websocket_api_is_limited_by_weight_alone() -> None:
    """Requests come as fast as orders have to."""
    async with _socket("/ws-api/v3") as (_, _, socket):
        for _ in range(20):
            await socket.send_str('{"id":1,"method":"ping"}')
            assert (await _next(socket)).type is WSMsgType.TEXT


async def test_who_does_not_even_take_the_close_is_cut_off() -> None:
    """A socket that is not read any more does not stay open for ever."""
    async with _socket() as (exchange, clock, socket):
        await socket.send_str(LIST)
        assert (await _next(socket)).type is WSMsgType.TEXT
        for _ in range(4):
            _later(exchange, clock, s=20)
        for _ in range(2):
            _later(exchange, clock, s=5)
        seen = [await _next(socket)]
        while seen[-1].type is WSMsgType.PING:
            seen.append(await _next(socket))
        assert seen[-1].type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR)
