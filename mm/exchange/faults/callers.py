"""The two kinds of callers of treated requests, an HTTP request and a WebSocket, and answers spoilt for HTTP.

Must never hold a request longer than its connection lives, or than the exchange does.
"""

import asyncio
from collections.abc import Callable
from math import inf
from typing import Final

import msgspec
from aiohttp import WSCloseCode, web

from mm.domain.units import NS_PER_S
from mm.exchange.command import Answer
from mm.exchange.connection import Connection
from mm.exchange.faults.injector import Faults
from mm.exchange.faults.treatment import Treatment

Note = Callable[[int, int], None]
"""Logs a request that is not carried out, by status and code."""

PAGE: Final = "<html><head><title>Maintenance</title></head><body>Please come back later.</body></html>"
"""What stands where JSON should."""

_LOOK_S: Final = 0.01


class HttpCaller:
    """Who waits for the answer to an HTTP request. Implements `treatment.Caller`."""

    def __init__(self, request: web.BaseRequest, faults: Faults, *, scale: float, note: Note) -> None:
        """Stand for `request`; the exchange's time runs `scale` times as fast as ours."""
        self._transport = request.transport
        self._request = request
        self._faults = faults
        self._scale = scale
        self.note = note

    @property
    def _is_there(self) -> bool:
        return not (self._faults.is_closing or self._transport is None or self._transport.is_closing())

    async def pause(self, duration_ns: int) -> None:
        """Wait, in the exchange's time; a caller that has given up does not end it."""
        await _wait(duration_ns / NS_PER_S / self._scale, lambda: not self._faults.is_closing)

    def close(self) -> None:
        """Close the connection in order."""
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """Break the connection off."""
        if self._transport is not None:
            self._transport.abort()

    async def gone(self) -> None:
        """Wait until the connection is no more."""
        await _wait(inf, lambda: self._is_there)
        self.cut()

    async def respond(self, treatment: Treatment, answer: Answer) -> web.StreamResponse:
        """Return the answer as the treatment has it."""
        body, content_type = _body(treatment.form, answer)
        if not treatment.bytes_per_s:
            return web.Response(
                status=answer.status, body=body, content_type=content_type, headers=answer.headers
            )
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        response.content_type, response.content_length = content_type, len(body)
        await response.prepare(self._request)
        for index in range(len(body)):
            await self.pause(NS_PER_S // treatment.bytes_per_s)
            if not self._is_there:
                self.cut()
                break
            await response.write(body[index : index + 1])
        return response


class SocketCaller:
    """Who waits for the answer to a request on a WebSocket. Implements `treatment.Caller`."""

    def __init__(self, connection: Connection, faults: Faults, *, scale: float, note: Note) -> None:
        """Stand for a request on `connection`; the exchange's time runs `scale` times as fast as ours."""
        self._connection = connection
        self._faults = faults
        self._scale = scale
        self.note = note

    async def pause(self, duration_ns: int) -> None:
        """Wait, in the exchange's time; requests on one socket wait for each other."""
        await _wait(duration_ns / NS_PER_S / self._scale, lambda: not self._faults.is_closing)

    def close(self) -> None:
        """Close the connection in order."""
        self._connection.end(WSCloseCode.GOING_AWAY, b"")

    def cut(self) -> None:
        """Break the connection off."""
        self._connection.cut()

    async def gone(self) -> None:
        """Return at once: a socket goes on without an answer to one of its requests."""

    def respond(self, treatment: Treatment, text: str) -> None:
        """Send the answer as the treatment has it; one that comes byte by byte never is a whole frame."""
        if treatment.form == "html":
            text = PAGE
        elif treatment.form == "truncated":
            text = text[: len(text) // 2]
        elif treatment.form:
            text = "[]"
        if not treatment.bytes_per_s:
            self._connection.send(text)  # an answer is no event: no fault of frames is about it


def _body(form: str, answer: Answer) -> tuple[bytes, str]:
    body = msgspec.json.encode(answer.body)
    match form:
        case "html":
            return PAGE.encode(), "text/html"
        case "truncated":
            return body[: len(body) // 2], "application/json"
        case "empty":
            return b"", "application/json"
        case "other":
            return b"{}" if isinstance(answer.body, list) else b"[]", "application/json"
        case _:
            return body, "application/json"


async def _wait(seconds: float, wanted: Callable[[], bool]) -> None:
    # Nothing says that a connection has ended while its request is being served: it is looked at.
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        left = end - loop.time()
        if left <= 0 or not wanted():
            return
        await asyncio.sleep(min(left, _LOOK_S))
