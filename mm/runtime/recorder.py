"""Writes a run down while it happens: what came from outside, what was computed, what was asked for.

A command is in the kernel before it is sent, everything reaches the disk a group at a time, in a thread. What
the disk refuses ends trading: `append` raises, and so does the next one. Reads no clock.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

from mm.domain.commands import AnyCommand
from mm.domain.events import AnyEvent
from mm.errors import JournalFailed
from mm.store.journal.entries import CONFIG, EVENT, OUTCOME, ConfigVersion
from mm.store.journal.journal import Journal

GROUP_S: Final = 0.01
"""At most so long, by the wall, a record waits for the disk."""


class Recorder(Protocol):
    """Takes down a run; what it raises ends trading."""

    def on_event(self, event: AnyEvent, *, outside: bool) -> None:
        """Take down an event before the core hears of it. Args: outside: False if it was computed here."""

    def on_commands(self, ts_ns: int, commands: Sequence[AnyCommand]) -> None:
        """Take down what a step at `ts_ns` asks for, before any of it is carried out."""

    def on_config(self, ts_ns: int, version: ConfigVersion) -> None:
        """Take down a configuration, before the event that applies it."""


class NoRecorder:
    """Takes nothing down."""

    def on_event(self, event: AnyEvent, *, outside: bool) -> None:
        """Do nothing."""

    def on_commands(self, ts_ns: int, commands: Sequence[AnyCommand]) -> None:
        """Do nothing."""

    def on_config(self, ts_ns: int, version: ConfigVersion) -> None:
        """Do nothing."""


class JournalRecorder:
    """Takes a run down in a journal."""

    def __init__(self, journal: Journal) -> None:
        """Write to `journal`, which `close` closes."""
        self._journal = journal
        self._closing = asyncio.Event()
        self._syncing: asyncio.Task[None] | None = None

    def on_event(self, event: AnyEvent, *, outside: bool) -> None:
        """Write an event down; raises JournalFailed."""
        self._journal.append(EVENT if outside else OUTCOME, event.ts_ns, event)
        self._sync_soon()

    def on_commands(self, ts_ns: int, commands: Sequence[AnyCommand]) -> None:
        """Write commands down; they are in the kernel when this returns. Raises JournalFailed."""
        if commands:
            self._journal.append_commands(ts_ns, commands)
            self._sync_soon()

    def on_config(self, ts_ns: int, version: ConfigVersion) -> None:
        """Write a configuration down; it is on the disk when this returns. Raises JournalFailed."""
        self._journal.append(CONFIG, ts_ns, version)

    async def settle(self) -> None:
        """Return when the sync that is under way, if one is, has ended well or not."""
        if self._syncing is not None:
            await self._syncing

    async def close(self) -> None:
        """End the journal in good order, on the disk; raises JournalFailed."""
        self._closing.set()
        await self.settle()
        self._journal.close()

    def _sync_soon(self) -> None:
        if self._syncing is None or self._syncing.done():
            self._syncing = asyncio.get_running_loop().create_task(self._sync())

    # A failure is kept by the journal, whose next record raises it.
    async def _sync(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), GROUP_S)
        with suppress(JournalFailed):
            job = self._journal.begin_sync()
            if job is not None:
                await asyncio.to_thread(job.run)
                self._journal.finish_sync(job)
