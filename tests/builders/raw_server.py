"""A server that answers with whatever bytes a test gives it, and knows what came on which connection."""

import asyncio
from collections.abc import Callable
from typing import Final

ANSWER: Final = b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\nX-A: b\r\n\r\n{"a":1}'

Answer = Callable[[], bytes]


class RawServer:
    """One answer per request, in order; the last one stays.

    Fields: received: bytes of each connection, in order of the connections. closes: end the connection after
    each answer. writers: the open connections.
    """

    def __init__(self, *answers: bytes, closes: bool = False) -> None:
        self.received: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.closes = closes
        self.news = asyncio.Event()
        self._answers = list(answers or (ANSWER,))
        self._server: asyncio.Server | None = None
        self.url = ""

    async def __aenter__(self) -> "RawServer":
        """Listen on any free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        assert self._server is not None
        self._server.close()
        for writer in self.writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        number = len(self.received)
        self.received.append(b"")
        while data := await reader.read(65_536):
            self.received[number] += data
            self.news.set()
            if not data.endswith(b"\r\n\r\n"):
                continue
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            writer.write(answer)
            if self.closes:
                break
        writer.close()
