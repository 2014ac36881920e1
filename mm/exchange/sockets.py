"""The WebSocket surfaces: public streams with live subscription, and the WebSocket API with the user stream.

Each socket gets a `Connection`; what it may ask is the command table (WebSocket API) or the few methods of
the streams. A frame that cannot be understood is answered with an error, never with silence.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import msgspec
from aiohttp import WSMsgType, web

from mm.exchange.connection import Connection
from mm.exchange.streams import PublicStreams
from mm.exchange.wsapi import SocketApi

_PING_S: Final = 20.0
_FRAME_BYTES_MAX: Final = 65_536
_STREAM_METHODS: Final = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS")


class Sockets:
    """Every open WebSocket."""

    def __init__(self, streams: PublicStreams, api: SocketApi) -> None:
        """Serve these streams and this API."""
        self._streams = streams
        self._api = api
        self._open: dict[Connection, None] = {}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve one socket until it closes; the path says which surface it is.

        `/ws-api/...` is the API; `/ws`, `/ws/<stream>` and `/stream/ws/<n>` carry bare events,
        `/stream?streams=a/b` wrapped ones.
        """
        path = request.path
        if path.startswith("/ws-api"):
            return await self._serve(request, self._api.on_frame, streams=(), is_combined=False)
        if path == "/stream":
            names = tuple(request.query.get("streams", "").split("/"))
            return await self._serve(request, self._on_frame, streams=names, is_combined=True)
        name = path.removeprefix("/ws/") if path.startswith("/ws/") else ""
        return await self._serve(request, self._on_frame, streams=(name,), is_combined=False)

    async def close(self) -> None:
        """Close every socket."""
        for connection in tuple(self._open):
            await connection.close()

    async def _serve(
        self,
        request: web.BaseRequest,
        on_frame: Callable[[Connection, str], Awaitable[None]],
        *,
        streams: tuple[str, ...],
        is_combined: bool,
    ) -> web.StreamResponse:
        socket = web.WebSocketResponse(heartbeat=_PING_S, compress=False, max_msg_size=_FRAME_BYTES_MAX)
        await socket.prepare(request)
        connection = Connection(socket, is_combined=is_combined)
        self._open[connection] = None
        writer = asyncio.ensure_future(connection.run())
        try:
            for name in streams:
                if name in self._streams.names:
                    self._streams.subscribe(connection, name)
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await on_frame(connection, message.data)
        finally:
            del self._open[connection]
            self._streams.drop(connection)
            self._api.drop(connection)
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer
        return socket

    async def _on_frame(self, connection: Connection, text: str) -> None:
        try:
            frame = msgspec.json.decode(text.encode())
        except msgspec.DecodeError:
            connection.push(_error(None, 3, "Invalid JSON"))
            return
        connection.push(self._reply(connection, frame if isinstance(frame, dict) else {}))

    def _reply(self, connection: Connection, frame: dict[str, Any]) -> str:
        method, params, number = frame.get("method"), frame.get("params", []), frame.get("id")
        if method not in _STREAM_METHODS:
            expected = ", ".join(f"`{name}`" for name in _STREAM_METHODS)
            return _error(
                number, 2, f"Invalid request: unknown variant `{method}`, expected one of {expected}"
            )
        if method == "LIST_SUBSCRIPTIONS":
            return _result(number, self._streams.subscriptions(connection))
        if not isinstance(params, list) or any(name not in self._streams.names for name in params):
            return _error(number, 2, "Invalid request: invalid stream")
        for name in params:
            if method == "SUBSCRIBE":
                self._streams.subscribe(connection, name)
            else:
                self._streams.unsubscribe(connection, name)
        return _result(number, None)


def _result(number: object, value: object) -> str:
    return msgspec.json.encode({"result": value, "id": number}).decode()


def _error(number: object, code: int, text: str) -> str:
    return msgspec.json.encode({"error": {"code": code, "msg": text}, "id": number}).decode()
