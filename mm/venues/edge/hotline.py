"""Kept HTTP/1.1 connections on which a request leaves in the very call that asks for it.

Connections come from the guarded session, so the egress list, the names' addresses and the certificates are
checked as for every other request; what is spared is everything between our bytes and the socket. Must never
follow a redirect, send a request twice, or use a connection again whose last answer was not read to its end.
Invariant: what `Sending.answer` raises without an answer says whether the request provably never left.
Imports aiohttp: import this module late.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from multidict import CIMultiDictProxy
from yarl import URL

from mm.venues.edge.errors import RequestFailure
from mm.venues.edge.session import IDLE_S, GuardedSession

KEPT_MAX: Final = 16
"""Idle connections that are kept: a ladder's worth of requests at once."""


Gate: TypeAlias = Callable[[], bool]
"""Whether a request may leave."""

CLOSED: Final = "never sent: the halt word is set"


class Answer(NamedTuple):
    """What came back. Fields: status, reason: of the first line; body: undone of any compression."""

    status: int
    reason: str
    headers: CIMultiDictProxy[str]
    body: bytes


class Sending:
    """One request: written already, or to be written as soon as there is a connection for it."""

    __slots__ = ("_connection", "_gate", "_line", "_request")

    def __init__(
        self, line: "HotLine", request: bytes, connection: Connection | None, gate: Gate | None = None
    ) -> None:
        """Keep the request; `connection` is the one that it was written to, `gate` as in `HotLine.send`."""
        self._line = line
        self._request = request
        self._connection = connection
        self._gate = gate

    async def answer(self) -> Answer:
        """Return the answer; to be awaited once.

        Raises: RequestFailure if the connection ended first; what the session raises where it cannot connect.
        """
        connection = self._connection
        if connection is None:
            connection = await self._line.connect()
            if self._gate is not None and not self._gate():
                self._line.keep(connection)
                raise RequestFailure(CLOSED, sent=False)
            self._line.write(connection, self._request)
        return await self._line.read(connection)


class HotLine:
    """The kept connections to one address."""

    def __init__(self, url: str, session: Callable[[], GuardedSession], *, timeout_s: float) -> None:
        """Connect to the host of `url` through what `session` returns, within `timeout_s`."""
        self._url = URL(url)
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=None, connect=timeout_s, sock_connect=timeout_s)
        # The one used last is used next: its path is the warmest.
        self._idle: list[tuple[float, Connection]] = []
        self._busy: set[Connection] = set()

    def send(self, request: bytes, gate: Gate | None = None) -> Sending:
        """Write a whole request at once if a connection is idle; else it leaves with `Sending.answer`.

        Args: gate: asked in the moment of writing, whenever that is; raises RequestFailure where it says no.
        """
        if gate is not None and not gate():
            raise RequestFailure(CLOSED, sent=False)
        connection = self._idle_connection()
        if connection is not None:
            self.write(connection, request)
        return Sending(self, request, connection, gate)

    async def connect(self) -> Connection:
        """Return a new connection; raises ForeignAddress, aiohttp's errors of connecting."""
        loop = asyncio.get_running_loop()
        asked = aiohttp.ClientRequest("GET", self._url, loop=loop)
        try:
            connection: Connection = await self._session().connector.connect(asked, [], self._timeout)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError("connect") from error
        assert connection.protocol is not None
        # One parser for the life of the connection: it goes on from answer to answer by itself.
        connection.protocol.set_response_params(read_until_eof=True, auto_decompress=True)
        return connection

    def write(self, connection: Connection, request: bytes) -> None:
        """Write a request to a connection that waits for no answer."""
        self._busy.add(connection)
        protocol = connection.protocol
        assert protocol is not None
        assert protocol.transport is not None
        protocol.transport.write(request)

    async def read(self, connection: Connection) -> Answer:
        """Return the answer to what was written; the connection is kept if it can be used again."""
        try:
            protocol = connection.protocol
            if protocol is None:
                raise RequestFailure("the connection ended before the answer")
            answer = await _read(protocol)
        except BaseException as error:
            self._drop(connection)
            if isinstance(error, aiohttp.ClientConnectionError):
                raise RequestFailure("the connection ended before the answer") from None
            raise
        self._busy.discard(connection)
        if protocol.should_close:
            connection.close()
        else:
            self.keep(connection)
        return answer

    def keep(self, connection: Connection) -> None:
        """Keep a connection that waits for no answer, unless enough are kept."""
        if len(self._idle) >= KEPT_MAX:
            connection.close()
        else:
            self._idle.append((asyncio.get_running_loop().time(), connection))

    def close(self) -> None:
        """Close every connection; answers that are waited for fail."""
        for connection in (*self._busy, *(connection for _, connection in self._idle)):
            connection.close()
        self._busy.clear()
        self._idle.clear()

    def _drop(self, connection: Connection) -> None:
        self._busy.discard(connection)
        connection.close()

    def _idle_connection(self) -> Connection | None:
        if not self._idle:
            return None
        oldest = asyncio.get_running_loop().time() - IDLE_S
        while self._idle:
            since, connection = self._idle.pop()
            protocol = connection.protocol
            usable = protocol is not None and protocol.is_connected() and not protocol.should_close
            if usable and since >= oldest:
                return connection
            connection.close()
        return None


async def _read(protocol: ResponseHandler) -> Answer:
    while True:
        message, payload = await protocol.read()
        if not 100 <= message.code < 200 or message.code == 101:
            break
    body = await payload.read()
    return Answer(message.code, message.reason, message.headers, body)
