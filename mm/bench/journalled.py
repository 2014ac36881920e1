"""The real adapter with what production puts around it: every event and command is written down first.

It also notes which frame each order belongs to, which is all that measuring adds to the path. Must never
change, delay or drop what passes through. Invariant: a command is in the journal before it is submitted.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from mm.bench.rig import CAPS
from mm.domain.capabilities import Capabilities
from mm.domain.commands import Cancel, Place, VenueCommand
from mm.domain.events import AnyEvent, BookDelta
from mm.domain.instrument import Instrument
from mm.ports import Venue
from mm.store.journal.entries import COMMAND, EVENT, RunHeader
from mm.store.journal.journal import Journal


class JournalledVenue:
    """A venue without limits of its own, with a journal in front.

    Fields: placed, cancelled: frame by client order id, of commands that a frame caused. decided_ns: when a
    cancel was submitted, monotonic, by client order id.
    """

    def __init__(self, inner: Venue, directory: Path, *, now_ns: int) -> None:
        """Put a journal that lies in `directory` in front of `inner`."""
        self.placed: dict[str, int] = {}
        self.cancelled: dict[str, int] = {}
        self.decided_ns: dict[str, int] = {}
        self._inner = inner
        self._frame = 0
        self._ts_ns = now_ns
        self._syncing: asyncio.Task[None] | None = None
        header = RunHeader(
            run_id="bench", epoch=1, code_version="bench", began_ns=now_ns, config_digest="", config_text=""
        )
        self._journal = Journal.open(directory, header)

    @property
    def caps(self) -> Capabilities:
        """No limits: the throttles are off."""
        return CAPS

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return what the adapter returns."""
        return await self._inner.instruments(symbols)

    async def start(self, sink: Callable[[AnyEvent], None]) -> None:
        """Begin; each event is written down, then handed to `sink`."""
        append = self._journal.append

        def heard(event: AnyEvent) -> None:
            self._ts_ns = event.ts_ns
            append(EVENT, event.ts_ns, event)
            self._frame = event.seq if type(event) is BookDelta else 0
            try:
                sink(event)
            finally:
                self._frame = 0
                self._sync_if_due(event.ts_ns)

        await self._inner.start(heard)

    def submit(self, command: VenueCommand) -> None:
        """Write a command down and pass it on."""
        self._journal.append(COMMAND, self._ts_ns, command)
        if isinstance(command, Cancel):
            self.decided_ns[command.cid] = time.monotonic_ns()
        self._inner.submit(command)
        if self._frame and isinstance(command, Place | Cancel):
            (self.placed if isinstance(command, Place) else self.cancelled)[command.cid] = self._frame

    async def close(self) -> None:
        """Close the adapter and the journal."""
        await self._inner.close()
        if self._syncing is not None:
            await self._syncing
        self._journal.close()

    def _sync_if_due(self, now_ns: int) -> None:
        due_ns = self._journal.due_ns
        if due_ns is not None and now_ns >= due_ns and (self._syncing is None or self._syncing.done()):
            self._syncing = asyncio.get_running_loop().create_task(self._sync())

    async def _sync(self) -> None:
        job = self._journal.begin_sync()
        if job is None:
            return
        await asyncio.to_thread(job.run)
        self._journal.finish_sync(job)
