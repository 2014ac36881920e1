"""A WebSocket with its queue: order, a reader that is too slow, a socket that is gone."""

import asyncio
from typing import Any

from aiohttp import ClientConnectionResetError, WSCloseCode

from mm.exchange.connection import BACKLOG_MAX, Connection
from tests.builders.exchange import DEADLINE_S


class Socket:
    """Keeps what is sent; can be held back or gone."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.closed = False
        self.close_code = 0
        self.is_gone = False
        self.ready = asyncio.Event()
        self.ready.set()

    async def send_str(self, text: str) -> None:
        await self.ready.wait()
        if self.is_gone:
            raise ClientConnectionResetError("gone")
        self.sent.append(text)

    async def ping(self, payload: bytes) -> None:
        self.sent.append(f"ping {payload.decode()}")

    async def close(self, *, code: int, message: bytes = b"") -> None:
        self.closed = True
        self.close_code = code


def _connection() -> tuple[Connection, Any]:
    socket: Any = Socket()
    return Connection(socket, is_combined=False), socket


async def test_frames_leave_in_the_order_in_which_they_were_pushed() -> None:
    """Whoever flushes first, the writer or a request."""
    connection, socket = _connection()
    writer = asyncio.ensure_future(connection.run())
    for number in range(5):
        connection.push(str(number))
    await connection.flush()
    connection.push("5")
    await connection.flush()
    assert socket.sent == ["0", "1", "2", "3", "4", "5"]
    await connection.close()
    connection.push("late")
    await asyncio.wait_for(writer, DEADLINE_S)
    assert socket.close_code == WSCloseCode.GOING_AWAY


async def test_a_reader_that_is_too_slow_is_disconnected() -> None:
    """The queue is bounded; the others are not delayed by it."""
    connection, socket = _connection()
    for number in range(BACKLOG_MAX + 1):
        connection.push(str(number))
    await asyncio.wait_for(connection.run(), DEADLINE_S)
    assert (socket.closed, socket.close_code) == (True, WSCloseCode.POLICY_VIOLATION)


async def test_a_socket_that_is_gone_swallows_its_frames() -> None:
    """Nobody else notices."""
    connection, socket = _connection()
    socket.is_gone = True
    connection.push("lost")
    await connection.flush()
    assert socket.sent == []


async def test_what_is_queued_leaves_before_an_orderly_end() -> None:
    """Pings in their place; the first reason counts."""
    connection, socket = _connection()
    connection.push("last words")
    connection.ping(b"7")
    connection.end(WSCloseCode.GOING_AWAY, b"")
    connection.end(WSCloseCode.POLICY_VIOLATION, b"later")
    assert connection.is_ending
    await asyncio.wait_for(connection.run(), DEADLINE_S)
    assert socket.sent == ["last words", "ping 7"]
    assert socket.close_code == WSCloseCode.GOING_AWAY


async def test_cutting_needs_nothing_of_the_socket() -> None:
    """Not even that there is one."""
    connection, socket = _connection()
    connection.cut()
    assert not socket.closed
