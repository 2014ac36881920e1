"""One WebSocket of a client: a bounded queue in front of the socket.

`push` never waits, so that a slow reader delays nobody; whoever falls too far behind is disconnected, as a
venue does. Frames leave in the order in which they were pushed.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aiohttp import ClientConnectionResetError, WSCloseCode, web

BACKLOG_MAX: Final = 20_000
"""Frames that may wait for a reader before it is disconnected."""


class Connection:
    """A socket with its queue.

    Fields: is_combined: whether events are wrapped with their stream's name. through: what frames pass on
    their way to `send`, None if nothing. is_deaf: it neither reads nor sends any more.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        *,
        is_combined: bool,
        transport: asyncio.Transport | None = None,
    ) -> None:
        """Wrap an opened socket; `run` has to be running for frames to leave.

        Args: transport: what `cut` cuts.
        """
        self.is_combined = is_combined
        self.through: Callable[[str], None] | None = None
        self.is_deaf = False
        self._transport = transport
        self._socket = socket
        self._queue: deque[str | bytes] = deque()
        self._wake = asyncio.Event()
        self._sending = asyncio.Lock()
        self._ending: tuple[WSCloseCode, bytes] | None = None

    @property
    def is_ending(self) -> bool:
        """Whether it has been told to close."""
        return self._ending is not None

    def push(self, text: str) -> None:
        """Queue a frame, unless what it has to pass keeps it."""
        if self.through is None:
            self._add(text)
        else:
            self.through(text)

    def send(self, text: str) -> None:
        """Queue a frame as it is."""
        self._add(text)

    def ping(self, payload: bytes) -> None:
        """Queue a ping."""
        self._add(payload)

    def end(self, code: WSCloseCode, reason: bytes) -> None:
        """Close the socket once what is queued has left; the first reason counts."""
        self._ending = self._ending or (code, reason)
        self._wake.set()

    def cut(self) -> None:
        """Break the connection off, whether its reader takes anything or not."""
        if self._transport is not None:
            self._transport.abort()

    def go_deaf(self) -> None:
        """Neither read nor send from now on, as behind a line that has died without a word."""
        self.is_deaf = True
        self._queue.clear()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    async def run(self) -> None:
        """Send what is queued until the socket closes or the reader proves too slow."""
        while not self._socket.closed:
            await self._wake.wait()
            self._wake.clear()
            if self._ending is None or len(self._queue) < BACKLOG_MAX:
                await self.flush()
            if self._ending is not None:
                code, reason = self._ending
                await self._socket.close(code=code, message=reason)
                return

    async def flush(self) -> None:
        """Send what is queued now; a socket that is gone swallows it."""
        async with self._sending:
            with suppress(ClientConnectionResetError, ConnectionError):
                while self._queue:
                    frame = self._queue.popleft()
                    if isinstance(frame, bytes):
                        await self._socket.ping(frame)
                    else:
                        await self._socket.send_str(frame)

    async def close(self) -> None:
        """Close the socket in order; one that hears nothing is broken off."""
        if self.is_deaf:
            self.cut()
        await self._socket.close(code=WSCloseCode.GOING_AWAY)

    def _add(self, frame: str | bytes) -> None:
        if self.is_deaf:
            return
        if len(self._queue) >= BACKLOG_MAX:
            self.end(WSCloseCode.POLICY_VIOLATION, b"too slow")
        else:
            self._queue.append(frame)
        self._wake.set()
