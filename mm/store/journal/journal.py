"""Writes a journal: records of both families in one sequence, handed to the kernel before a command leaves.

Clock-free: times come with the records, and whoever runs it looks at `due_ns` and calls `sync` (or
`begin_sync` and `finish_sync` around a thread). After the first error nothing more is taken: `append` raises
at once, for nobody knows any more what is on the disk. Not for several threads. One writer per directory is
the lock's business. Invariant: when `append` of a command returns, all records up to it survive the process.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, NoReturn, Self
from zlib import crc32

from mm.domain.commands import AnyCommand
from mm.errors import JournalFailed, StateCorrupt
from mm.store.journal.appender import Appender
from mm.store.journal.codec import encode
from mm.store.journal.disk import Disk
from mm.store.journal.entries import COMMAND, MARKET_TYPES, MISSING, Entry, Family, Kind, Missing, RunHeader
from mm.store.journal.frames import CRC_BYTES, END_JOURNAL, END_SEGMENT, HEAD, MARK, PAYLOAD_BYTES_MAX
from mm.store.journal.layout import segment_path, segments
from mm.store.journal.recovery import Recovery, recovered
from mm.store.journal.sealed import droppable
from mm.store.journal.syncing import JournalSettings, SyncJob, SyncPolicy
from mm.store.paths import private_directory

WAITING_BYTES_MAX: Final = 65_536
"""Bytes of events that wait for the next write; more are written at once."""

SLOW_SEGMENTS: Final = 8
"""So many times its size a segment may grow, because ending it would wait too long for a slow disk."""

_SYNCED_AT_ONCE: Final = frozenset({Kind.CONFIG, Kind.NOTE, Kind.MISSING})
_BODY: Final = HEAD.pack


class Journal:
    """The journal of a run that is being written. Make it with `open` or `resume`.

    Fields: due_ns: when the next sync is due in the core's time, None while all is synced or on its way;
    durable_seq: of the newest record that is known to be on the disk; written_bytes: of all records that were
    handed to this object; recovery: what `resume` found.
    """

    def __init__(self, directory: Path, run: RunHeader, settings: JournalSettings, disk: Disk) -> None:
        """For `open` and `resume`; use those."""
        self.directory = directory
        self.run = run
        self.due_ns: int | None = None
        self.durable_seq = 0
        self.written_bytes = 0
        self.recovery: Recovery | None = None
        self._settings = settings
        self._disk = disk
        self._strict = settings.policy is SyncPolicy.STRICT
        self._failure = ""
        self._group_ns = settings.group_ns
        self._seq = 0
        self._jobs = 0
        self._own = Appender(directory, Family.OWN, run, disk)
        self._market = Appender(directory, Family.MARKET, run, disk)

    @classmethod
    def open(
        cls,
        directory: Path,
        run: RunHeader,
        *,
        settings: JournalSettings | None = None,
        disk: Disk | None = None,
    ) -> Self:
        """Begin the journal of a new run; the directory is made if it is not there.

        Raises: StateCorrupt if there is a journal already, which is never overwritten; JournalFailed.
        """
        _make(directory)
        if any(segments(directory, family) for family in Family):
            raise StateCorrupt(f"{directory}: holds a journal already", hint="each run has its own directory")
        journal = cls(directory, run, settings or JournalSettings(), disk or Disk())
        try:
            journal._own.begin(1)
            journal._market.begin(1)
            # The way to it too, as far as it was made here: `runs/RUN/journal`.
            for folder in (directory, directory.parent, directory.parent.parent):
                journal._disk.sync_directory(folder)
        except OSError as error:
            journal._fail(error)
        return journal

    @classmethod
    def resume(
        cls, directory: Path, *, settings: JournalSettings | None = None, disk: Disk | None = None
    ) -> Self:
        """Go on with a journal whose writer is gone: what is torn is cut and noted in it, see `recovery`.

        Raises: JournalCorrupt if it is damaged in any other way; JournalForeign; StateCorrupt; JournalFailed.
        """
        disk = disk or Disk()
        _make(directory)
        recovery = recovered(directory)
        journal = cls(directory, recovery.run, settings or JournalSettings(), disk)
        journal.recovery = recovery
        journal._seq = recovery.last_seq
        try:
            for path in recovery.empty:
                disk.remove(path)
            journal._own.adopt(recovery.own)
            journal._own.begin(recovery.last_seq + 1)
            for missing in recovery.missing:
                journal.append(MISSING, recovery.last_ts_ns, missing)
            journal._market.adopt(recovery.market)
        except OSError as error:
            journal._fail(error)
        return journal

    @property
    def next_seq(self) -> int:
        """The number that the next record gets."""
        return self._seq + 1

    @property
    def failure(self) -> str:
        """Why the journal takes nothing more, "" while it does."""
        return self._failure

    def append(self, kind: Kind, ts_ns: int, entry: Entry) -> int:
        """Write down one record and return its number.

        A command is in the kernel when this returns (on the disk under STRICT), and everything before it; a
        configuration or a note is on the disk. Events may wait for the next write. Raises: JournalFailed.
        """
        seq = self._put(kind, ts_ns, entry)
        if kind is COMMAND:
            self._hand_over()
        elif kind in _SYNCED_AT_ONCE:
            self.sync()
        elif self._own.waiting_bytes + self._market.waiting_bytes > WAITING_BYTES_MAX:
            self.write()
        return seq

    def append_commands(self, ts_ns: int, commands: Iterable[AnyCommand]) -> None:
        """Write down the commands of one step with one write; else as `append`. Raises: JournalFailed."""
        for command in commands:
            self._put(COMMAND, ts_ns, command)
        self._hand_over()

    def write(self) -> None:
        """Hand all that waits to the kernel: what follows survives this process. Raises: JournalFailed."""
        # The market first: a reader, or a crash in between, never sees a decision without its cause.
        try:
            if self._market.waiting:
                self._market.write()
            if self._own.waiting:
                self._own.write()
        except OSError as error:
            self._fail(error)

    def sync(self) -> None:
        """Return when all records are on the disk; begins the next segment if one is full.

        Raises: JournalFailed.
        """
        self._cover()
        try:
            self._market.sync(even_handed_over=self._jobs > 0)
            self._own.sync(even_handed_over=self._jobs > 0)
            self._rotate()
        except OSError as error:
            self._fail(error)
        self.due_ns = None
        self.durable_seq = self._seq

    def begin_sync(self, *, is_slow: bool = False) -> SyncJob | None:
        """Begin what `sync` does without waiting for the disk; None if there is nothing to wait for.

        The job's `run` goes to a thread, then the job to `finish_sync`. Full segments are ended here, which
        waits for the disk. Under STRICT only `sync` is as strict as its name. Raises: JournalFailed.
        Args: is_slow: the disk takes its time; segments grow to `SLOW_SEGMENTS` times their size then.
        """
        self._cover()
        self.due_ns = None
        try:
            self._rotate(SLOW_SEGMENTS if is_slow else 1)
            files = [family.hand_over() for family in (self._market, self._own) if family.unsynced]
        except OSError as error:
            self._fail(error)
        self._jobs += bool(files)
        return SyncJob(tuple(files), self._seq, self._disk.sync) if files else None

    def finish_sync(self, job: SyncJob) -> None:
        """Take note of how a sync went. Raises: JournalFailed if it failed; what it covered is in doubt."""
        self._jobs -= 1
        if self._failure:
            return
        if job.error is not None:
            self._fail(job.error)
        self.durable_seq = max(self.durable_seq, job.seq)
        # The first write after a sync costs the kernel three times as much: better here than before a send.
        self.write()

    def drop_market(self, *, before_ns: int) -> tuple[Missing, ...]:
        """Drop the market's segments that were written last before `before_ns` (UTC) and return what is gone.

        It is on the disk that they are dropped before the first one is. The open segment stays.
        Raises: JournalFailed.
        """
        try:
            dropped = droppable(self.directory, before_ns, self._disk)
        except OSError as error:
            self._fail(error)
        for missing in dropped:
            self.append(MISSING, self._own.last_ts_ns, missing)
        try:
            for missing in dropped:
                self._disk.remove(segment_path(self.directory, Family.MARKET, missing.segment))
            if dropped:
                self._disk.sync_directory(self.directory / Family.MARKET)
        except OSError as error:
            self._fail(error)
        return dropped

    def close(self) -> None:
        """End the journal in good order, on the disk; may be called twice. After a failure only the files are
        closed. Raises: JournalFailed.
        """
        if self._failure:
            return
        self.write()
        try:
            # Our own first: where the market's end stands, nothing of ours but the end can be missing.
            self._own.sync(even_handed_over=self._jobs > 0)
            # The ends say how many records there are, of both families.
            self._market.last_seq = self._own.last_seq = self._seq
            self._market.seal(END_JOURNAL)
            self._own.seal(END_JOURNAL)
        except OSError as error:
            self._fail(error)
        self.due_ns = None
        self.durable_seq = self._seq
        self._failure = "it is closed"

    def __enter__(self) -> Self:
        """Return the journal."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the journal."""
        self.close()

    # The hot path: 40 % of its time is the codec's, 30 % the CRC's.
    def _put(self, kind: Kind, ts_ns: int, entry: Entry) -> int:
        if self._failure:
            raise self._refusal()
        payload = encode(entry)
        size = len(payload)
        if size > PAYLOAD_BYTES_MAX:
            self._fail(OSError(0, f"a record of {size} bytes, at most {PAYLOAD_BYTES_MAX}"))
        seq = self._seq + 1
        body = _BODY(MARK, kind, size, seq, ts_ns) + payload
        family = self._market if type(entry) in MARKET_TYPES else self._own
        family.waiting.append(body + crc32(body).to_bytes(CRC_BYTES, "little"))
        family.waiting_bytes += size
        self.written_bytes += len(body) + CRC_BYTES
        family.last_seq = self._seq = seq
        family.last_ts_ns = ts_ns
        if self.due_ns is None:
            self.due_ns = ts_ns + self._group_ns
        return seq

    def _hand_over(self) -> None:
        self.write()
        if self._strict:
            self.sync()

    def _cover(self) -> None:
        if self._failure:
            raise self._refusal()
        self.write()
        try:
            self._market.cover(self._settings.block_records)
            self._own.cover(self._settings.block_records)
        except OSError as error:
            self._fail(error)

    def _rotate(self, times: int = 1) -> None:
        for family in (self._market, self._own):
            if family.size >= self._settings.segment_bytes * times:
                family.seal(END_SEGMENT)
                family.begin(self._seq + 1)

    def _fail(self, error: OSError) -> NoReturn:
        # What was written is left as it is: its torn end is cut when the journal is resumed.
        self._failure = f"{error.strerror or error}"
        for family in (self._market, self._own):
            with suppress(OSError):
                family.close()
        raise self._refusal() from None

    def _refusal(self) -> JournalFailed:
        return JournalFailed(
            f"{self.directory}: the journal takes nothing more: {self._failure}",
            hint="free disk space, check the disk and the permissions; the next start recovers what is there",
        )


def _make(directory: Path) -> None:
    for family in Family:
        private_directory(directory / family)
