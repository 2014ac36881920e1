"""The bench exchange's side of a connection: HTTP/1.1 requests and WebSocket frames, as little as it takes.

Must never stand between the bytes and their time stamp: a request is stamped when its last bytes are read.
Serves clients of this very bench on loopback; it is no server for anybody else.
"""

import asyncio
import base64
import hashlib
import struct
import time
from collections.abc import Callable
from typing import Final, NamedTuple, cast
from urllib.parse import parse_qsl

_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA


class Request(NamedTuple):
    """One request. Fields: read_ns: monotonic time at which it was complete; params: of query and body."""

    method: str
    path: str
    params: dict[str, str]
    read_ns: int


class Connection(asyncio.Protocol):
    """One connection of a client. Fields: path: of the WebSocket, "" while it speaks HTTP."""

    def __init__(
        self,
        answer: Callable[[Request], tuple[int, str]],
        on_text: Callable[["Connection", bytes], None],
        connections: set["Connection"],
    ) -> None:
        """Answer requests by `answer`: status, body; texts by `on_text`; be in `connections` while open."""
        self.path = ""
        self._answer = answer
        self._on_text = on_text
        self._connections = connections
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # Not every loop's transports are of asyncio's class.
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature is asyncio's
        """Forget the connection."""
        self._connections.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Take bytes in; the time of the last ones is that of the request.

        They are looked at later: what came on other connections at the same time is stamped before.
        """
        read_ns = time.monotonic_ns()
        self._buffer += data
        asyncio.get_running_loop().call_soon(self._take, read_ns)

    def send_text(self, text: str) -> None:
        """Send one text frame at once."""
        self._send_frame(_TEXT, text.encode())

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self, read_ns: int) -> None:
        while self._take_frame() if self.path else self._take_request(read_ns):
            pass

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _take_request(self, read_ns: int) -> bool:
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return False
        method, target, _ = first.split(" ")
        path, _, query = target.partition("?")
        self._buffer = rest[length:]
        if "sec-websocket-key" in headers:
            self.path = path
            self._write(_upgraded(headers["sec-websocket-key"]))
            return True
        sent = "&".join(part for part in (query, rest[:length].decode()) if part)
        status, body = self._answer(Request(method, path, dict(parse_qsl(sent)), read_ns))
        content = body.encode()
        self._write(
            b"HTTP/1.1 %d X\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: %d\r\n\r\n%b"
            % (status, len(content), content)
        )
        return True

    def _take_frame(self) -> bool:
        # A client's frame: masked, never fragmented by the clients that we measure.
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        opcode, length, at = buffer[0] & 0x0F, buffer[1] & 0x7F, 2
        if length == 126:
            if len(buffer) < 4:
                return False
            length, at = struct.unpack_from("!H", buffer, 2)[0], 4
        if len(buffer) < at + 4 + length:
            return False
        mask, payload = buffer[at : at + 4], buffer[at + 4 : at + 4 + length]
        self._buffer = buffer[at + 4 + length :]
        plain = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        if opcode == _TEXT:
            self._on_text(self, plain)
        elif opcode == _PING:
            self._send_frame(_PONG, plain)
        elif opcode == _CLOSE:
            self._send_frame(_CLOSE, plain)
            self.close()
        return bool(self._transport)

    def _send_frame(self, opcode: int, payload: bytes) -> None:
        length = len(payload)
        if length < 126:
            head = bytes((0x80 | opcode, length))
        elif length < 1 << 16:
            head = struct.pack("!BBH", 0x80 | opcode, 126, length)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 127, length)
        self._write(head + payload)


def _upgraded(key: str) -> bytes:
    accepted = base64.b64encode(hashlib.sha1(key.encode() + _MAGIC, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accepted
    )
