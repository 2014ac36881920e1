"""One WebSocket of a client: a bounded queue in front of the socket.

`push` never waits, so that a slow reader delays nobody; whoever falls too far behind is disconnected, as a
venue does. Frames leave in the order in which they were pushed.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final

from aiohttp import ClientConnectionResetError, WSCloseCode, web

BACKLOG_MAX: Final = 20_000
"""Frames that may wait for a reader before it is disconnected."""


class Connection:
    """A socket with its queue. Fields: is_combined: whether events are wrapped with their stream's name."""

    def __init__(self, socket: web.WebSocketResponse, *, is_combined: bool) -> None:
        """Wrap an opened socket; `run` has to be running for frames to leave."""
        self.is_combined = is_combined
        self._socket = socket
        self._queue: deque[str] = deque()
        self._wake = asyncio.Event()
        self._sending = asyncio.Lock()
        self._is_slow = False

    def push(self, text: str) -> None:
        """Queue a frame."""
        if len(self._queue) >= BACKLOG_MAX:
            self._is_slow = True
        else:
            self._queue.append(text)
        self._wake.set()

    async def run(self) -> None:
        """Send what is queued until the socket closes or the reader proves too slow."""
        while not self._socket.closed:
            await self._wake.wait()
            self._wake.clear()
            if self._is_slow:
                await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too slow")
                return
            await self.flush()

    async def flush(self) -> None:
        """Send what is queued now; a socket that is gone swallows it."""
        async with self._sending:
            with suppress(ClientConnectionResetError, ConnectionError):
                while self._queue:
                    await self._socket.send_str(self._queue.popleft())

    async def close(self) -> None:
        """Close the socket in order."""
        await self._socket.close(code=WSCloseCode.GOING_AWAY)
