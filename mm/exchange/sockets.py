"""The WebSocket surfaces: public streams with live subscription, and the WebSocket API with the user stream.

Each socket gets a `Connection`; what it may ask is the command table (WebSocket API) or the few methods of
the streams. The venue's rules for connections hold on both, the limit of messages on streams alone.
"""

import asyncio
from contextlib import suppress
from typing import Final

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from mm.exchange.clock import Clock
from mm.exchange.connection import Connection
from mm.exchange.connection_rules import Duty, Presence, SocketRules
from mm.exchange.faults.injector import Faults
from mm.exchange.faults.kinds import MARKET, USER
from mm.exchange.payloads import ms
from mm.exchange.stream_requests import StreamRequests
from mm.exchange.subscriptions import Streams
from mm.exchange.wsapi import SocketApi

_FRAME_BYTES_MAX: Final = 65_536
_SHUTDOWN_STREAM: Final = "!serverShutdown"


class Sockets:
    """Every open WebSocket."""

    def __init__(
        self, streams: Streams, api: SocketApi, faults: Faults, *, clock: Clock, rules: SocketRules
    ) -> None:
        """Serve these streams and this API, as the faults have it; the rules are judged by `clock`."""
        self._streams = streams
        self._api = api
        self._faults = faults
        self._clock = clock
        self._rules = rules
        self._requests = StreamRequests(streams, streams_max=rules.streams_max)
        self._open: dict[Connection, Presence] = {}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve one socket until it closes; the path says which surface it is.

        `/ws-api/...` is the API; `/ws`, `/ws/<stream>` and `/stream/ws/<n>` carry bare events,
        `/stream?streams=a/b` wrapped ones.
        """
        if request.path.startswith("/ws-api"):
            return await self._serve(request, streams=None, is_combined=False)
        if request.path == "/stream":
            names = tuple(request.query.get("streams", "").split("/"))
            return await self._serve(request, streams=names, is_combined=True)
        name = request.path.removeprefix("/ws/") if request.path.startswith("/ws/") else ""
        return await self._serve(request, streams=(name,), is_combined=False)

    def on_time(self) -> None:
        """Ping, give up and shut down what is due."""
        now_ns = self._clock.now_ns()
        for connection, presence in self._open.items():
            duty = presence.due(now_ns)
            if duty is Duty.CUT:
                connection.cut()
            elif connection.is_ending:
                continue
            elif duty is Duty.PING:
                payload = str(ms(now_ns)).encode()
                connection.ping(payload)
                presence.pinged(payload, now_ns)
            elif duty is Duty.GIVE_UP:
                connection.end(WSCloseCode.POLICY_VIOLATION, b"Pong timeout")
            elif duty is Duty.SHUT_DOWN:
                connection.push(_shutdown(connection, now_ns))
                connection.end(WSCloseCode.GOING_AWAY, b"")

    async def close(self) -> None:
        """Close every socket."""
        for connection in tuple(self._open):
            await connection.close()

    async def _serve(
        self, request: web.BaseRequest, *, streams: tuple[str, ...] | None, is_combined: bool
    ) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=_FRAME_BYTES_MAX)
        await socket.prepare(request)
        connection = Connection(socket, is_combined=is_combined, transport=request.transport)
        presence = self._open[connection] = Presence(self._rules, self._clock.now_ns())
        self._api.open(connection)
        self._faults.opened(connection, USER if streams is None else MARKET)
        writer = asyncio.ensure_future(connection.run())
        try:
            for name in streams or ():
                if self._streams.accepts(name):
                    self._streams.subscribe(connection, name)
            async for message in socket:
                if message.type is WSMsgType.PING:
                    await socket.pong(message.data)
                elif message.type is WSMsgType.PONG:
                    presence.on_pong(message.data)
                elif message.type is WSMsgType.TEXT and streams is None:
                    await self._api.on_frame(connection, message.data)
                elif message.type is WSMsgType.TEXT:
                    connection.push(self._requests.reply(connection, message.data))
                if streams is not None and not presence.on_message(self._clock.now_ns()):
                    connection.end(WSCloseCode.POLICY_VIOLATION, b"Too many requests")
        finally:
            del self._open[connection]
            self._streams.drop(connection)
            self._api.drop(connection)
            self._faults.closed(connection)
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer
        return socket


def _shutdown(connection: Connection, now_ns: int) -> str:
    event: dict[str, object] = {"e": "serverShutdown", "E": ms(now_ns)}
    whole = {"stream": _SHUTDOWN_STREAM, "data": event} if connection.is_combined else event
    return msgspec.json.encode(whole).decode()
