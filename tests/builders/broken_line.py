"""A line between a client and a server on loopback that can break when a test says so."""

import asyncio
from contextlib import suppress


class BrokenLine:
    """Forwards connections to one port. Fields: port: where it listens."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._swallow = b""
        self.port = 0

    async def start(self) -> "BrokenLine":
        """Listen on any free port."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def lose_answer_to(self, request_start: bytes) -> None:
        """Let the next request that begins so through, and break its connection when the answer comes."""
        self._swallow = request_start

    def cut(self) -> None:
        """Break every connection."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def close(self) -> None:
        """Break every connection and stop listening."""
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        self._writers |= {writer, there_writer}
        doomed = asyncio.Event()
        tasks = {
            asyncio.ensure_future(self._carry(reader, there_writer, None, doomed)),
            asyncio.ensure_future(self._carry(there_reader, writer, writer, doomed)),
        }
        self._tasks |= tasks
        await asyncio.wait(tasks)
        self._tasks -= tasks
        self._writers -= {writer, there_writer}

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answers_to: asyncio.StreamWriter | None,
        doomed: asyncio.Event,
    ) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(65_536):
                if answers_to is None:
                    if self._swallow and chunk.startswith(self._swallow):
                        self._swallow = b""
                        doomed.set()
                elif doomed.is_set():
                    answers_to.transport.abort()
                    break
                writer.write(chunk)
                await writer.drain()
        writer.transport.abort()
