"""Writes a simulated life down as the product does, without a thread: the same order, the same journal.

An event before the core hears of it, commands before any of them leaves, a checkpoint first, then as often as
in the product. The disk is synced when it is due, and takes its time. Raises JournalFailed like the
product's.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from mm.domain.commands import AnyCommand
from mm.domain.estate import Estate
from mm.domain.events import AnyEvent
from mm.errors import JournalFailed
from mm.runtime.simulate.disk import SimDisk
from mm.store.journal.entries import CHECKPOINT, CONFIG, EVENT, ConfigVersion, RunHeader
from mm.store.journal.journal import Journal
from mm.store.journal.syncing import JournalSettings

CHECKPOINT_NS: Final = 60_000_000_000
CHECKPOINT_RECORDS: Final = 50_000

PATIENCE_NS: Final = 10_000_000_000
"""A disk that takes nothing for this long ends trading."""


class SimRecorder:
    """Takes one life down.

    Fields: journal: its directory; slow_ns: what the next sync takes.
    """

    def __init__(
        self, journal: Path, run: RunHeader, disk: SimDisk, *, group_ns: int, segment_bytes: int
    ) -> None:
        """Begin the journal of a run; raises JournalFailed."""
        settings = JournalSettings(group_ns=group_ns, segment_bytes=segment_bytes)
        self.journal = journal
        self.slow_ns = 0
        self._journal = Journal.open(journal, run, settings=settings, disk=disk)
        self._group_ns = group_ns
        self._due_ns = 0
        self._busy_until_ns = 0
        self._checkpoint_ns = 0
        self._checkpoint_seq = 0

    def on_event(self, event: AnyEvent) -> None:
        """Write an event down."""
        self._journal.append(EVENT, event.ts_ns, event)
        if event.ts_ns >= self._due_ns:
            self._sync(event.ts_ns)

    def on_commands(self, ts_ns: int, commands: Sequence[AnyCommand]) -> None:
        """Write commands down; they are in the kernel when this returns."""
        if commands:
            self._journal.append_commands(ts_ns, commands)

    def on_config(self, ts_ns: int, version: ConfigVersion) -> None:
        """Write a configuration down; it is on the disk when this returns."""
        self._journal.append(CONFIG, ts_ns, version)

    def checkpoint(self, ts_ns: int, estate: Estate) -> None:
        """Write down what this life would leave; it is on the disk when this returns."""
        self._checkpoint_seq = self._journal.append(CHECKPOINT, ts_ns, estate)
        self._checkpoint_ns = ts_ns
        self._journal.sync()

    def keep_up(self, now_ns: int, estate_of: Callable[[], Estate]) -> bool:
        """Write a checkpoint if one is due; return whether it was."""
        old = now_ns - self._checkpoint_ns >= CHECKPOINT_NS
        long = self._journal.next_seq - self._checkpoint_seq > CHECKPOINT_RECORDS
        if old or long:
            self.checkpoint(now_ns, estate_of())
        return old or long

    def close(self) -> None:
        """End the journal in good order, on the disk."""
        self._journal.close()

    def _sync(self, now_ns: int) -> None:
        if now_ns < self._busy_until_ns:
            if self._busy_until_ns - self._due_ns > PATIENCE_NS and now_ns - self._due_ns > PATIENCE_NS:
                raise JournalFailed(f"{self.journal}: the disk took nothing for 10 s")
            return
        if self.slow_ns:
            # It is under way: nothing of it is durable before it ends.
            self._busy_until_ns, self.slow_ns = now_ns + self.slow_ns, 0
            self._due_ns = now_ns
            return
        self._journal.sync()
        self._due_ns = now_ns + self._group_ns
