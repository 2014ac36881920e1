"""Writes a recording of `mm record`: segments that are only appended to, synced in groups, bounded in size.

Whoever records hands records over and never waits; a thread of its own writes them. What waits is bounded: a
disk that takes less than what comes in, that is full or that fails, ends the recording with its reason, and
nothing before that is missing. Must never drop a record in between, write over a file, or remove a segment
unless that was asked for. Invariant: what is on the disk is the beginning of what was handed over, in order.
"""

import os
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from mm.domain.units import NS_PER_S
from mm.errors import RecordingFailed
from mm.store.journal.disk import Disk
from mm.store.recordings.framed.form import (
    CRC_BYTES,
    HEAD,
    PREAMBLE,
    SUFFIX,
    ClockNote,
    EndNote,
    FramedHeader,
    FramedKind,
    record_bytes,
)

MIB: Final = 1024 * 1024
END_BYTES: Final = 4_096
"""Room that is kept for closing a segment."""

HEADER_SLACK: Final = 256
"""Bytes by which the header of a later segment may be longer than the first."""

PARTS_OF_MAX: Final = 8
"""A recording that is bounded has segments of at most this part of its bound, so that dropping one is little.
"""

GROUP_BYTES: Final = 4 * MIB
"""Most that is written at once."""

CLOSE_S: Final = 30.0
"""How long a close waits for a disk that hangs."""


class FramedEnd(StrEnum):
    """Why nothing more is written."""

    CLOSED = "closed"
    FULL = "max_bytes"
    NO_SPACE = "no_space"
    BEHIND = "behind"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FramedLimits:
    """How much is written, and how.

    Fields:
        segment_bytes, segment_ns: a segment that has more, or is older, is followed by a new one.
        max_bytes: of all segments of this recording, 0: no bound. Where it is reached the recording ends, or
            with `drops_oldest` the oldest segments go.
        keep_ns: segments whose newest record is older than this go, 0: none.
        free_bytes_min: of the disk; where less would be left the recording ends.
        queue_bytes: most that may wait to be written. sync_s: how long at most until what was written is on
            the disk.
    """

    segment_bytes: int = 256 * MIB
    segment_ns: int = 3_600 * NS_PER_S
    max_bytes: int = 0
    drops_oldest: bool = False
    keep_ns: int = 0
    free_bytes_min: int = 512 * MIB
    queue_bytes: int = 64 * MIB
    sync_s: float = 1.0


class RecordingDisk(Disk):
    """The disk of a recording. Tests override single operations; each raises OSError."""

    def free_bytes(self, directory: Path) -> int:
        """Return what an ordinary user may still write there."""
        found = os.statvfs(directory)
        return found.f_bavail * found.f_frsize


class _Item(NamedTuple):
    kind: int
    ts_ns: int
    content: bytes


class _Ended(Exception):
    # Nothing more is written, and why.
    def __init__(self, end: FramedEnd, reason: str) -> None:
        super().__init__(reason)
        self.end = end
        self.reason = reason


@dataclass(slots=True)
class _Segment:
    path: Path
    opened_ns: int
    file: int = -1
    size: int = 0
    last_ns: int = 0
    records: int = 0


@dataclass(slots=True)
class FramedTotals:
    """What a recording has on the disk by now.

    Fields: segment: number of the newest; files: of segments that are there; bytes: in them; written: bytes
    ever; records: ever, without headers; dropped: segments removed; synced_bytes: of `written`, certainly
    there.
    """

    segment: int = 0
    files: int = 0
    bytes: int = 0
    written: int = 0
    records: int = 0
    dropped: int = 0
    synced_bytes: int = 0


@dataclass(slots=True)
class _Waiting:
    items: deque[_Item] = field(default_factory=deque)
    size: int = 0
    closing: str = ""


class FramedWriter:
    """One recording that is being written.

    Fields: directory; header: of the first segment; totals; end: why nothing more is written, None while it
    is; reason: the same in words.
    """

    def __init__(
        self, directory: Path, header: FramedHeader, limits: FramedLimits, disk: RecordingDisk | None = None
    ) -> None:
        """Prepare; nothing is written before `start`."""
        self.directory = directory
        self.header = header
        self.totals = FramedTotals()
        self.end: FramedEnd | None = None
        self.reason = ""
        self._limits = limits
        self._segment_bytes = limits.segment_bytes
        if limits.max_bytes:
            self._segment_bytes = min(limits.segment_bytes, max(1, limits.max_bytes // PARTS_OF_MAX))
        self._disk = disk or RecordingDisk()
        self._clock = ClockNote(offset_ns=header.offset_ns, round_trip_ns=header.round_trip_ns)
        self._header_bytes = len(msgspec.msgpack.encode(header)) + HEADER_SLACK
        self._waiting = _Waiting()
        self._news = threading.Condition()
        self._segments: deque[_Segment] = deque()
        self._buffer = bytearray()
        self._buffered = 0
        self._synced_s = 0.0
        self._thread = threading.Thread(target=self._run, name="mm-record", daemon=True)

    def start(self) -> None:
        """Open the first segment and begin to write.

        Raises: RecordingFailed if the directory cannot be written to, or too little of the disk is free.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._check_space(0)
            self._open(self.header.opened_ns)
        except OSError as error:
            raise RecordingFailed(
                f"{self.directory}: cannot be written to: {error.strerror or error}",
                hint="name a directory that you may write to",
            ) from None
        except _Ended as ended:
            raise RecordingFailed(ended.reason, hint="free some space, or name another disk") from None
        self._synced_s = time.monotonic()
        self._thread.start()

    def append(self, kind: FramedKind, connection: int, ts_ns: int, payload: bytes) -> bool:
        """Hand a record over; returns at once whether it was taken. After the end none is: look at `end`."""
        return self._put(_Item(kind, ts_ns, record_bytes(kind, connection, ts_ns, payload)))

    @property
    def waiting_bytes(self) -> int:
        """What is handed over and not written yet."""
        return self._waiting.size

    def close(self, reason: str) -> None:
        """Write what waits, close the last segment in good order and wait for the disk. Blocks."""
        with self._news:
            self._waiting.closing = self._waiting.closing or reason
            self._news.notify()
        if self._thread.ident is None:
            return
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            self._fail(FramedEnd.FAILED, f"{self.directory}: the disk did not answer for {CLOSE_S:g} s")

    def _put(self, item: _Item) -> bool:
        size = len(item.content)
        with self._news:
            if self.end is not None or self._waiting.closing:
                return False
            if self._waiting.size + size > self._limits.queue_bytes:
                self._fail(
                    FramedEnd.BEHIND,
                    f"{self.directory}: the disk takes less than what comes in:"
                    f" {self._waiting.size} bytes wait to be written",
                )
                self._waiting.closing = self.reason
            else:
                self._waiting.items.append(item)
                self._waiting.size += size
            self._news.notify()
            return self.end is None

    def _fail(self, end: FramedEnd, reason: str) -> None:
        if self.end is None:
            self.end, self.reason = end, reason

    # ---- the thread

    def _run(self) -> None:
        try:
            closing = ""
            while not closing:
                items, closing = self._taken()
                self._write_all(items)
                if closing or time.monotonic() - self._synced_s >= self._limits.sync_s:
                    self._sync()
            self._close_segment(closing, is_last=True)
            self._fail(FramedEnd.CLOSED, closing)
        except _Ended as ended:
            self._fail(ended.end, ended.reason)
            self._finish(ended.reason)
        except OSError as error:
            self._fail(FramedEnd.FAILED, f"{self.directory}: cannot be written to: {error.strerror or error}")

    def _taken(self) -> tuple[list[_Item], str]:
        with self._news:
            if not self._waiting.items and not self._waiting.closing:
                self._news.wait(self._limits.sync_s)
            items: list[_Item] = []
            size = 0
            while self._waiting.items and size < GROUP_BYTES:
                item = self._waiting.items.popleft()
                size += len(item.content)
                items.append(item)
            self._waiting.size -= size
            return items, "" if self._waiting.items else self._waiting.closing

    def _write_all(self, items: list[_Item]) -> None:
        for item in items:
            now = self._segments[-1]
            is_long = now.size + self._buffered + len(item.content) > self._segment_bytes
            if now.records and (is_long or item.ts_ns - now.opened_ns >= self._limits.segment_ns):
                self._rotate(item.ts_ns)
                now = self._segments[-1]
            self._make_room(len(item.content))
            self._buffer += item.content
            self._buffered += len(item.content)
            now.records += 1
            now.last_ns = item.ts_ns
            self.totals.records += 1
            if item.kind == FramedKind.CLOCK:
                note = item.content[HEAD.size : -CRC_BYTES]
                self._clock = msgspec.msgpack.decode(note, type=ClockNote)
        self._flush()

    def _make_room(self, size: int) -> None:
        most = self._limits.max_bytes
        if not most:
            return
        while self.totals.bytes + self._buffered + size + END_BYTES > most:
            if not self._limits.drops_oldest or len(self._segments) < 2:
                self._flush()
                raise _Ended(FramedEnd.FULL, f"{self.directory}: reached its bound of {most} bytes")
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        oldest = self._segments.popleft()
        self._disk.remove(oldest.path)
        self.totals.bytes -= oldest.size
        self.totals.files -= 1
        self.totals.dropped += 1

    def _rotate(self, ts_ns: int) -> None:
        self._make_room(self._header_bytes)
        self._close_segment("rotated", is_last=False)
        keep_ns = self._limits.keep_ns
        while keep_ns and len(self._segments) > 1 and self._segments[0].last_ns < ts_ns - keep_ns:
            self._drop_oldest()
        self._open(ts_ns)

    def _open(self, ts_ns: int) -> None:
        number = self.totals.segment + 1
        path = self.directory / f"{self.header.recording}-{number:05}{SUFFIX}"
        header = msgspec.structs.replace(
            self.header,
            segment=number,
            opened_ns=ts_ns,
            offset_ns=self._clock.offset_ns,
            round_trip_ns=self._clock.round_trip_ns,
        )
        made = _Segment(path=path, opened_ns=ts_ns, last_ns=ts_ns, file=self._disk.create(path))
        self._segments.append(made)
        self.totals.segment = number
        self.totals.files += 1
        content = PREAMBLE + record_bytes(FramedKind.HEADER, 0, ts_ns, msgspec.msgpack.encode(header))
        self._write(made, content)
        self._disk.sync(made.file)
        self._disk.sync_directory(self.directory)

    def _close_segment(self, reason: str, *, is_last: bool) -> None:
        self._flush()
        now = self._segments[-1]
        note = EndNote(reason=reason[:500], is_last=is_last, records=now.records)
        self._write(now, record_bytes(FramedKind.END, 0, now.last_ns, msgspec.msgpack.encode(note)))
        self._sync()
        self._disk.close(now.file)

    # What ended the writing has left room for this; a disk that takes not even this has said why already.
    def _finish(self, reason: str) -> None:
        try:
            self._buffer.clear()
            self._buffered = 0
            self._close_segment(reason, is_last=True)
        except OSError:
            return

    def _flush(self) -> None:
        if self._buffered:
            self._check_space(self._buffered)
            content, self._buffer, self._buffered = bytes(self._buffer), bytearray(), 0
            self._write(self._segments[-1], content)

    def _check_space(self, size: int) -> None:
        free, least = self._disk.free_bytes(self.directory), self._limits.free_bytes_min
        if free - size < least:
            raise _Ended(
                FramedEnd.NO_SPACE,
                f"{self.directory}: the disk has {free} bytes free, {least} are to be left:"
                " nothing more is recorded",
            )

    def _write(self, segment: _Segment, content: bytes) -> None:
        self._disk.write(segment.file, content)
        segment.size += len(content)
        self.totals.bytes += len(content)
        self.totals.written += len(content)

    def _sync(self) -> None:
        self._disk.sync(self._segments[-1].file)
        self.totals.synced_bytes = self.totals.written
        self._synced_s = time.monotonic()


def recording_name(venue: str, began_ns: int) -> str:
    """Return the name of a recording that begins then: the venue, and UTC to the millisecond."""
    seconds, rest_ns = divmod(began_ns, NS_PER_S)
    began = datetime.fromtimestamp(seconds, UTC)
    return f"{venue}-{began:%Y%m%dT%H%M%S}.{rest_ns // 1_000_000:03}Z"
