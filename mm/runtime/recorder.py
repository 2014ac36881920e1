"""Writes a run down while it happens: what came from outside, what was computed, what was asked for.

A command is in the kernel before it is sent, everything reaches the disk a group at a time, in a thread. Now
and then a checkpoint says all that a later life has to know, so that it reads no further back. What the disk
refuses ends trading: `append` raises, and so does the next one. No time that is written down is read
here: clocks tell how long the disk takes, and how old market data are.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, time_ns
from typing import Final, Protocol

import structlog

from mm.domain.commands import AnyCommand
from mm.domain.estate import Estate
from mm.domain.events import AnyEvent
from mm.domain.units import NS_PER_S
from mm.errors import JournalFailed, StateCorrupt
from mm.store.journal.entries import CHECKPOINT, CONFIG, EVENT, NOTE, OUTCOME, ConfigVersion, OperatorNote
from mm.store.journal.journal import Journal

log = structlog.get_logger(__name__)

GROUP_S: Final = 0.01
"""At most so long, by the wall, a record waits for the disk."""

SLOW_S: Final = 0.015
"""A disk that took longer for its last sync is not waited for: no segment is ended, and none dropped."""

PATIENCE_S: Final = 10.0
"""A disk that takes nothing for this long ends trading: what is decided could be lost with the machine."""

LOOK_S: Final = 2.0
"""What counts of that between two looks at most: a longer gap is a process or machine that stood still."""

DROP_PAUSE_S: Final = 60.0
"""How often market data of this run are looked at for their age."""

CHECKPOINT_NS: Final = 60 * NS_PER_S
CHECKPOINT_RECORDS: Final = 50_000
"""A checkpoint is written after so much of the core's time, or after so many records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """By which clocks the disk is judged. Fields: group_s: at most so long a record waits for it; steady_s:
    seconds that only go forward; utc_ns: the time by which files are old.
    """

    group_s: float = GROUP_S
    steady_s: Callable[[], float] = monotonic
    utc_ns: Callable[[], int] = time_ns


WALL: Final = Timing()


class Recorder(Protocol):
    """Takes down a run; what it raises ends trading."""

    def on_event(self, event: AnyEvent, *, outside: bool) -> None:
        """Take down an event before the core hears of it. Args: outside: False if it was computed here."""

    def on_commands(self, ts_ns: int, commands: Sequence[AnyCommand]) -> None:
        """Take down what a step at `ts_ns` asks for, before any of it is carried out."""

    def on_config(self, ts_ns: int, version: ConfigVersion) -> None:
        """Take down a configuration, before the event that applies it."""

    def on_note(self, ts_ns: int, text: str) -> None:
        """Take down what the engine did not say and a reader of the record has to know."""


class NoRecorder:
    """Takes nothing down."""

    def on_event(self, event: AnyEvent, *, outside: bool) -> None:
        """Do nothing."""

    def on_commands(self, ts_ns: int, commands: Sequence[AnyCommand]) -> None:
        """Do nothing."""

    def on_config(self, ts_ns: int, version: ConfigVersion) -> None:
        """Do nothing."""

    def on_note(self, ts_ns: int, text: str) -> None:
        """Do nothing."""


class JournalRecorder:
    """Takes a run down in a journal. Fields: is_closed: that has its end, in good order and on the disk."""

    def __init__(
        self,
        journal: Journal,
        *,
        market_ns: int = 0,
        estate: Callable[[], Estate] | None = None,
        timing: Timing = WALL,
    ) -> None:
        """Write to `journal`, which `close` closes.

        Args: market_ns: age at which market data of this run are dropped, 0: never; estate: returns what the
        run leaves if it ends between two events; without it there are no checkpoints; timing: the
        wall's, unless time is simulated.
        """
        self.is_closed = False
        self._journal = journal
        self._estate = estate
        self._checkpoint_ns = journal.run.began_ns
        self._checkpoint_seq = 0
        self._market_ns = market_ns
        self._group_s = timing.group_s
        self._steady_s = timing.steady_s
        self._utc_ns = timing.utc_ns
        self._closing = asyncio.Event()
        self._syncing: asyncio.Task[None] | None = None
        self._sync_took_s = self._dropped_s = 0.0
        self._looked_s = self._patience_s = 0.0

    def on_event(self, event: AnyEvent, *, outside: bool) -> None:
        """Write an event down, before it a checkpoint if one is due; raises JournalFailed."""
        # Where something comes from outside, all that it found here is done: a later run can tell the place.
        if outside and (
            event.ts_ns - self._checkpoint_ns >= CHECKPOINT_NS
            or self._journal.next_seq - self._checkpoint_seq > CHECKPOINT_RECORDS
        ):
            self.checkpoint(event.ts_ns)
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

    def on_note(self, ts_ns: int, text: str) -> None:
        """Write a note of mm's own down; it is on the disk when this returns. Raises JournalFailed."""
        self._journal.append(NOTE, ts_ns, OperatorNote(who="mm", text=text))

    def checkpoint(self, ts_ns: int) -> None:
        """Write down what the run leaves if it ends here. Raises JournalFailed."""
        if self._estate is not None:
            estate = self._estate()
            self._checkpoint_ns = max(ts_ns, estate.ts_ns)
            self._checkpoint_seq = self._journal.append(CHECKPOINT, self._checkpoint_ns, estate)

    @property
    def written_bytes(self) -> int:
        """Bytes of all records so far."""
        return self._journal.written_bytes

    async def settle(self) -> None:
        """Return when the sync that is under way, if one is, has ended well or not."""
        if self._syncing is not None:
            await self._syncing

    async def close(self, *, is_sane: bool = True) -> None:
        """End the journal in good order, on the disk, with a checkpoint; raises JournalFailed.

        Args: is_sane: False if the core broke: what it believes then is not written down.
        """
        self._closing.set()
        await self.settle()
        if is_sane and not self._journal.failure:
            self.checkpoint(self._checkpoint_ns)
        was_whole = not self._journal.failure
        self._journal.close()
        self.is_closed = was_whole

    def _sync_soon(self) -> None:
        if self._syncing is None or self._syncing.done():
            self._wait_anew()
            self._syncing = asyncio.get_running_loop().create_task(self._sync())
        elif self._waited_s() > PATIENCE_S:
            raise JournalFailed(
                f"{self._journal.directory}: the disk took nothing for {PATIENCE_S:g} s",
                hint="check the disk; the next start recovers what is there",
            )

    def _wait_anew(self) -> None:
        self._looked_s, self._patience_s = self._steady_s(), 0.0

    # How long the disk was seen to take nothing: a process that stood still was not there to see.
    def _waited_s(self) -> float:
        now_s = self._steady_s()
        self._patience_s += min(now_s - self._looked_s, LOOK_S)
        self._looked_s = now_s
        return self._patience_s

    # A failure is kept by the journal, whose next record raises it.
    async def _sync(self) -> None:
        with suppress(JournalFailed):
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), self._group_s)
                await self._sync_group()
                if self._journal.due_ns is None:
                    return
                # What came while the disk was busy is next, whether or not anything follows it.
                self._wait_anew()

    async def _sync_group(self) -> None:
        job = self._journal.begin_sync(is_slow=self._sync_took_s > SLOW_S)
        if job is not None:
            began_s = self._steady_s()
            await asyncio.to_thread(job.run)
            self._sync_took_s = self._steady_s() - began_s
            self._journal.finish_sync(job)
        is_fast = self._sync_took_s <= SLOW_S
        if self._market_ns and is_fast and self._steady_s() - self._dropped_s > DROP_PAUSE_S:
            self._dropped_s = self._steady_s()
            self._drop_old()

    def _drop_old(self) -> None:
        try:
            self._journal.drop_market(before_ns=self._utc_ns() - self._market_ns)
        except StateCorrupt as error:
            # Whatever became of old market data is no reason not to trade.
            log.warning("journal.old_not_dropped", error=str(error))
