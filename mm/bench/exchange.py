"""The bench's exchange as seen by whoever started it: an address per client, and blocks of frames on demand.

Must never leave the process behind: it ends with the context, and by itself when its standard input closes.
"""

import asyncio
import contextlib
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import msgspec

from mm.bench.responder import Begun, Block, Ready, Stamps
from mm.errors import VenueUnreachable

START_PATIENCE_S: Final = 20.0
BLOCK_PATIENCE_S: Final = 30.0
END_PATIENCE_S: Final = 3.0
_ANSWER_BYTES_MAX: Final = 1 << 24


class BenchExchange:
    """Runs the exchange while its context is entered. Fields: urls: of each client."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self.urls: tuple[str, ...] = ()
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Start it and wait until it serves; raises VenueUnreachable if it does not."""
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mm.bench.responder", stdin=pipe, stdout=pipe, limit=_ANSWER_BYTES_MAX
        )
        try:
            ready = msgspec.json.decode(await self._line(START_PATIENCE_S), type=Ready)
        except BaseException:
            await self._end()
            raise
        self.urls = tuple(f"http://127.0.0.1:{port}" for port in ready.ports)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        await self._end()

    async def show(self, block: Block, begun: Callable[[], None] | None = None) -> Stamps:
        """Have a block shown; return what the exchange saw of it. One at a time.

        Args: begun: called when its first frame is about to leave.
        """
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(block) + b"\n")
        msgspec.json.decode(await self._line(BLOCK_PATIENCE_S), type=Begun)
        if begun is not None:
            begun()
        return msgspec.json.decode(await self._line(BLOCK_PATIENCE_S), type=Stamps)

    async def _line(self, patience_s: float) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        with contextlib.suppress(TimeoutError):
            line = await asyncio.wait_for(self._process.stdout.readline(), patience_s)
            if line:
                return line
        raise VenueUnreachable("the bench's exchange ended or fell silent")

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), END_PATIENCE_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
