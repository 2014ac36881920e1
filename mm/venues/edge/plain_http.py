"""HTTP/1.1 over kept connections with nothing but the standard library, for a process that has to stay small.

Blocking; requests that were asked for together leave together, and are answered one after the other. Must
never follow a redirect, connect to what is not listed, or
wait longer than its deadline: that bounds a whole request, name look-up, TLS and slow answers included.
Invariant: what `ask` raises without an answer says whether the request provably never left.
"""

import io
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPException, HTTPResponse
from types import MappingProxyType
from typing import Any, Final, NamedTuple, cast
from urllib.parse import urlsplit

from mm.venues.edge.egress import Egress, endpoint
from mm.venues.edge.errors import RequestFailure

BODY_BYTES_MAX: Final = 8_000_000
RECEIVED_AT_ONCE: Final = 65_536


class PlainRequest(NamedTuple):
    """What is asked. Fields: target: path and query."""

    method: str
    target: str
    headers: Mapping[str, str] = MappingProxyType({})


class PlainAnswer(NamedTuple):
    """What came back. Fields: headers: by their names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Received(io.RawIOBase):
    # What a connection brings until a moment: a peer that sends a byte now and then does not move it.
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.ends_s = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_left_s(self.ends_s))
        return self._connection.recv_into(buffer)


class _Stream(io.BufferedReader):
    # The library's parser closes what it read an answer from; the next answer is in it already.
    def makefile(self, _mode: str) -> "_Stream":
        return self

    def close(self) -> None:
        """Do nothing."""


class _Open(NamedTuple):
    connection: socket.socket
    received: _Received
    stream: _Stream


class PlainLine:
    """One kept connection to one address. Fields: sent_ns: when the last request had left, monotonic."""

    def __init__(self, url: str, egress: Egress, *, tls: ssl.SSLContext | None = None) -> None:
        """Connect to the host of `url` when first asked. Args: tls: other trust than the usual one."""
        self.sent_ns = 0
        self._egress = egress
        self._host, self._port = endpoint(url)
        parts = urlsplit(url)
        self._names_host = parts.netloc.rpartition("@")[2]
        self._tls = (tls or default_tls()) if parts.scheme == "https" else None
        self._open: _Open | None = None

    def ask(self, request: PlainRequest, *, deadline_s: float) -> PlainAnswer:
        """Return the answer to one request, whatever its status; raises what `ask_all` returns or raises."""
        (answer,) = self.ask_all((request,), deadline_s=deadline_s)
        if isinstance(answer, RequestFailure):
            raise answer
        return answer

    def ask_all(
        self, requests: Sequence[PlainRequest], *, deadline_s: float
    ) -> list[PlainAnswer | RequestFailure]:
        """Return what each request brought, in their order; all leave before the first answer is read.

        A kept connection that turns out to have ended is replaced once: only what may be sent twice is asked.
        Args: deadline_s: seconds from now, for all of it. Raises: ForeignAddress, then nothing was sent.
        """
        ends_s = time.monotonic() + deadline_s
        is_kept = self._open is not None
        answers = self._asked(requests, ends_s)
        if is_kept and isinstance(answers[0], RequestFailure):
            again = self._asked(requests, ends_s)
            # What left once may have arrived, whatever became of the second try.
            if not isinstance(again[0], RequestFailure) or again[0].sent:
                return again
        return answers

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._open is not None:
            self._open.connection.close()
            self._open = None

    def _asked(self, requests: Sequence[PlainRequest], ends_s: float) -> list[PlainAnswer | RequestFailure]:
        # Listed once is not listed for ever: each request passes the gate.
        self._egress.check_endpoint(self._host, self._port)
        try:
            opened = self._open = self._open or self._connected(ends_s)
        except (OSError, UnicodeError) as error:
            return [RequestFailure(f"cannot connect: {error}", sent=False)] * len(requests)
        answers: list[PlainAnswer | RequestFailure] = []
        try:
            opened.received.ends_s = ends_s
            opened.connection.settimeout(_left_s(ends_s))
            opened.connection.sendall(b"".join(map(self._encoded, requests)))
            self.sent_ns = time.monotonic_ns()
            while len(answers) < len(requests):
                answers.append(self._answer(opened, requests[len(answers)].method))
        except (OSError, HTTPException, ValueError) as error:
            self.close()
            failure = RequestFailure(f"no answer: {type(error).__name__}: {error}")
            answers += [failure] * (len(requests) - len(answers))
        return answers

    def _encoded(self, request: PlainRequest) -> bytes:
        lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        first = f"{request.method} {request.target} HTTP/1.1\r\nHost: {self._names_host}\r\n"
        return f"{first}{lines}\r\n".encode("ascii")

    def _answer(self, opened: _Open, method: str) -> PlainAnswer:
        if self._open is not opened:
            raise ConnectionError("the connection ended before the answer")
        # Typed as wanting a socket, it asks it for a file to read from and nothing else.
        response = HTTPResponse(cast("socket.socket", opened.stream), method=method)
        response.begin()
        body = response.read(BODY_BYTES_MAX + 1)
        if len(body) > BODY_BYTES_MAX:
            raise HTTPException(f"the answer is longer than {BODY_BYTES_MAX} bytes")
        if response.length:
            raise HTTPException("the answer was cut off")
        if response.will_close:
            self.close()
        return PlainAnswer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, body
        )

    def _connected(self, ends_s: float) -> _Open:
        addresses = _looked_up(self._host, self._port, ends_s)
        self._egress.check_resolved(self._host, addresses)
        failed: OSError = OSError("the name leads nowhere")
        for address in addresses:
            try:
                connection = socket.create_connection((address, self._port), _left_s(ends_s))
            except OSError as error:
                failed = error
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            secured = self._secured(connection, ends_s)
            received = _Received(secured)
            return _Open(secured, received, _Stream(received, RECEIVED_AT_ONCE))
        raise failed

    def _secured(self, connection: socket.socket, ends_s: float) -> socket.socket:
        if self._tls is None:
            return connection
        try:
            connection.settimeout(_left_s(ends_s))
            return self._tls.wrap_socket(connection, server_hostname=self._host)
        except BaseException:
            connection.close()
            raise


def default_tls() -> ssl.SSLContext:
    """Return the trust in the usual authorities; names are checked."""
    import certifi  # noqa: PLC0415 - an exchange on this machine needs no authorities

    return ssl.create_default_context(cafile=certifi.where())


def _left_s(ends_s: float) -> float:
    left_s = ends_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("the time for the request is over")
    return left_s


def _looked_up(host: str, port: int, ends_s: float) -> list[str]:
    # The system's look-up knows no deadline: one that hangs is left to itself.
    found: list[str] = []
    failed: list[BaseException] = []

    def look_up() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(row[4][0]) for row in rows))
        except (OSError, UnicodeError) as error:
            failed.append(error)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(_left_s(ends_s))
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError(f"looking {host} up took too long")
    return found
