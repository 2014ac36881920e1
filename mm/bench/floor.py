"""What the machine itself takes: a frame comes in, constant bytes go out, nothing is looked at.

No loop can be faster, so this is what to take off both figures before comparing them. Same process, same
exchange, same pace, in turns with the loops that are measured.
"""

import asyncio
from typing import Final, cast
from urllib.parse import urlsplit

from mm.bench.responder import Stamps

START_PATIENCE_S: Final = 10.0

_PARAMS: Final = b"symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&price=1&quantity=1&newClientOrderId=floor%010d"
_FRAME: Final = b'"depthUpdate"'
_UPGRADE: Final = (
    b"GET /stream/floor HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: Zmxvb3I=\r\n\r\n"
)


class FloorLoop:
    """Answers each frame with an order made of constant bytes."""

    def __init__(self, url: str) -> None:
        """Trade on the exchange at `url`."""
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 0)
        self._stream = _Frames()
        self._transports: list[asyncio.BaseTransport] = []

    async def start(self) -> None:
        """Connect twice: one socket for frames, one for orders."""
        loop = asyncio.get_running_loop()
        orders, _ = await loop.create_connection(asyncio.Protocol, *self._address)
        self._transports.append(orders)
        self._stream.orders = orders
        stream, _ = await loop.create_connection(lambda: self._stream, *self._address)
        self._transports.append(stream)
        async with asyncio.timeout(START_PATIENCE_S):
            await self._stream.ready.wait()

    async def close(self) -> None:
        """End both connections."""
        for transport in self._transports:
            transport.close()

    def orders_ns(self, stamps: Stamps) -> dict[int, int]:
        """Return by frame how long it took from its leaving the exchange to an order's arriving there."""
        arrived = [ns for cid, ns in stamps.orders.items() if cid.startswith("floor")]
        if len(arrived) != len(stamps.frames):
            return {}
        pairs = zip(stamps.frames.items(), arrived, strict=True)
        return {frame: read_ns - sent_ns for (frame, sent_ns), read_ns in pairs}


class _Frames(asyncio.Protocol):
    # The socket that frames come from; of a frame nothing is looked at but that it is one.

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.orders: asyncio.WriteTransport | None = None
        self._count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not every loop's transports are of asyncio's class.
        cast("asyncio.Transport", transport).write(_UPGRADE)

    def data_received(self, data: bytes) -> None:
        if not self.ready.is_set():
            self.ready.set()
            return
        assert self.orders is not None
        # On a busy machine several frames come in one piece; each gets its order.
        for _ in range(data.count(_FRAME)):
            self._count += 1
            body = _PARAMS % self._count
            self.orders.write(b"POST /order HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
