"""Serves the metrics to whoever scrapes them: one path, one method, over HTTP/1.1 on this machine alone.

Runs in the daemon's own loop and must never disturb it: requests are bounded in size and time, connections in
number, each ends after one answer, the text is made at most once a second. It reads and never changes
anything. A page in a browser on this machine is kept out by the name that it asks for. Invariant: what a
client sends reaches no more than the comparison of its first line and of its header `Host`.
"""

import asyncio
import ipaddress
import os
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Final

import structlog

from mm.observe.exposition import CONTENT_TYPE
from mm.settings.listen import Listen

log = structlog.get_logger(__name__)

ROUTE: Final = b"/metrics"
HEAD_BYTES_MAX: Final = 4_096
"""A request with a longer head is refused; none has a body."""

PATIENCE_S: Final = 5.0
"""So long a request may take to arrive, and an answer to be taken."""

CONNECTIONS_MAX: Final = 8
"""So many may be open at once; one more is closed at once, unheard."""

FRESH_S: Final = 1.0
"""A text that is younger is told again."""

_PLAIN: Final = "text/plain; charset=utf-8"


class MetricsEndpoint:
    """Serves while a run lives."""

    def __init__(self, listen: Listen, text: Callable[[], str]) -> None:
        """Keep the parts. Args: text: makes the metrics."""
        self._listen = listen
        self._text = text
        self._server: asyncio.Server | None = None
        self._connections = 0
        self._made = b""
        self._made_s = 0.0

    async def start(self) -> bool:
        """Listen; return whether that was possible.

        Metrics that cannot be served are told of as an error and hold up no start: the orders of an earlier
        life may be waiting for it.
        """
        try:
            bound = _bound_path(self._listen.path) if self._listen.path is not None else _bound(self._listen)
            self._server = await asyncio.start_server(self._serve, sock=bound, limit=HEAD_BYTES_MAX)
        except OSError as error:
            where = self._listen.path or f"{self._listen.host}:{self._listen.port}"
            log.error("metrics.not_served", where=str(where), detail=error.strerror or str(error))
            return False
        return True

    @property
    def port(self) -> int:
        """The port that is served, 0 for none."""
        bound = self._server.sockets[0].getsockname() if self._server is not None else ""
        return int(bound[1]) if isinstance(bound, tuple) else 0

    async def close(self) -> None:
        """Stop listening, and remove the socket's file if there is one and that can be done."""
        if self._server is not None:
            self._server.close()
            self._server = None
            if self._listen.path is not None:
                with suppress(OSError):
                    self._listen.path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._connections >= CONNECTIONS_MAX:
            writer.close()
            return
        self._connections += 1
        try:
            async with asyncio.timeout(PATIENCE_S):
                writer.write(self._answer(await _head(reader)))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            # Silent, slow or gone: the connection ends, the run goes on.
            log.debug("metrics.connection_ended")
        finally:
            self._connections -= 1
            writer.close()

    def _answer(self, head: bytes | None) -> bytes:
        status = _judged(head, anywhere=self._listen.path is not None)
        if status is not HTTPStatus.OK:
            return _response(status, f"{status.phrase}\n".encode(), _PLAIN)
        try:
            return _response(status, self._metrics(), CONTENT_TYPE)
        except Exception as error:  # noqa: BLE001 - what cannot be told must not end the run
            log.error("metrics.failed", error=type(error).__name__, detail=str(error))
            return _response(HTTPStatus.INTERNAL_SERVER_ERROR, b"see the log\n", _PLAIN)

    def _metrics(self) -> bytes:
        now_s = asyncio.get_running_loop().time()
        if not self._made or now_s - self._made_s >= FRESH_S:
            self._made, self._made_s = self._text().encode(), now_s
        return self._made


# None for a head that is too long.
async def _head(reader: asyncio.StreamReader) -> bytes | None:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        return None


def _judged(head: bytes | None, *, anywhere: bool) -> HTTPStatus:
    if head is None:
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    first, *fields = head.split(b"\r\n")
    words = first.split(b" ")
    if len(words) != 3 or words[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
        return HTTPStatus.BAD_REQUEST
    if not anywhere and not all(_is_here(field) for field in fields):
        return HTTPStatus.FORBIDDEN
    if words[0] != b"GET":
        return HTTPStatus.METHOD_NOT_ALLOWED
    return HTTPStatus.OK if words[1].partition(b"?")[0] == ROUTE else HTTPStatus.NOT_FOUND


def _is_here(field: bytes) -> bool:
    # False for a `Host` that does not name this machine: a page whose own name was made to lead here.
    name, _, value = field.partition(b":")
    if name.strip().lower() != b"host":
        return True
    host = value.strip().decode("ascii", "replace").lower()
    without_port = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    if without_port in ("", "localhost"):
        return without_port == "localhost"
    try:
        return ipaddress.ip_address(without_port.strip("[]")).is_loopback
    except ValueError:
        return False


def _response(status: HTTPStatus, body: bytes, kind: str) -> bytes:
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    ]
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        lines.append("Allow: GET")
    return "\r\n".join((*lines, "", "")).encode() + body


def _bound(listen: Listen) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((listen.host, listen.port))
    except OSError:
        made.close()
        raise
    return made


def _bound_path(path: Path) -> socket.socket:
    # Nobody but the owner may connect, from its first moment on.
    _clear(path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        made.bind(str(path))
    except OSError:
        made.close()
        raise
    finally:
        os.umask(mask)
    return made


def _clear(path: Path) -> None:
    # What a run that died left is replaced; what somebody listens on, or is no socket, is not.
    if not path.is_socket() or not stat.S_ISSOCK(path.lstat().st_mode):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        asked.setblocking(False)
        try:
            asked.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError:
            return
