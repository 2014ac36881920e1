"""The demo's exchange: a process of its own, started by us, ended by us, never anybody else's.

It is told where to say that it serves; it may outlive a bot that dies, as a real venue would.
"""

import asyncio
import contextlib
import signal
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from mm.errors import VenueUnreachable

START_PATIENCE_S: Final = 20.0
END_PATIENCE_S: Final = 5.0


class Ready(msgspec.Struct, frozen=True):
    """What the exchange says once it serves."""

    url: str
    ws_url: str
    pid: int
    api_key: str
    api_secret: str


class ExchangeProcess:
    """Runs `mm exchange` with `arguments` while its context is entered; `ready` is valid inside."""

    def __init__(self, arguments: tuple[str, ...]) -> None:
        """Keep the arguments of `mm exchange`; the port and the ready file are added."""
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None
        # A file, not a pipe: nobody reads it while it serves, and a full pipe would stop it.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self.ready: Ready

    async def __aenter__(self) -> Self:
        """Start it and wait until it serves; raises VenueUnreachable if it does not."""
        with tempfile.TemporaryDirectory(prefix="mm-") as folder:
            file = Path(folder) / "ready.json"
            command = (sys.executable, "-m", "mm", "exchange", *self._arguments)
            self._process = await asyncio.create_subprocess_exec(
                *command,
                *("--port", "0", "--ready-file", str(file)),
                # Should we be killed, it outlives us, as a venue would; but not for ever.
                *("--idle-end", "120s"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=self._said,
                # A Ctrl-C at the terminal is for the bot: it still has to cancel on this exchange.
                start_new_session=True,
            )
            try:
                self.ready = await asyncio.wait_for(self._wait_ready(file), START_PATIENCE_S)
            except TimeoutError:
                await self._end()
                raise VenueUnreachable(
                    f"the local exchange did not serve within {START_PATIENCE_S:g} s"
                ) from None
            except BaseException:
                # It is in a session of its own: nobody else would end it.
                await self._end()
                raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        await self._end()

    async def _wait_ready(self, file: Path) -> Ready:
        assert self._process is not None
        while True:
            if self._process.returncode is not None:
                self._said.seek(0)
                said = self._said.read().decode(errors="replace").strip()
                raise VenueUnreachable(f"the local exchange ended at once: {said[-500:]}")
            # The file is renamed into place: it is there whole or not at all.
            content = await asyncio.to_thread(_read, file)
            if content:
                return msgspec.json.decode(content, type=Ready)
            await asyncio.sleep(0.02)

    async def _end(self) -> None:
        self._said.close()
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), END_PATIENCE_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
