"""Appends frames to the segments of one family and keeps its hash chain.

Each segment opens with its header and closes with a block that seals it; blocks in between cover what was
written since the last one. Hashing happens when the journal is synced, not when a record is appended.
Invariant: what is on the disk is a prefix of what was appended, in its order. Errors are the disk's.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mm.store.journal.codec import WRITES, encode
from mm.store.journal.disk import Disk
from mm.store.journal.entries import Family, Kind, RunHeader, SegmentHeader
from mm.store.journal.frames import (
    END_BLOCK,
    END_SEGMENT,
    HEAD,
    NO_DIGEST,
    PREAMBLE,
    block_payload,
    frame,
)
from mm.store.journal.layout import segment_path

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

UNHASHED_BYTES_MAX: Final = 1_000_000
"""Bytes that wait for the next sync to be hashed; more are hashed at once, so that memory is bounded."""

_CLOSED: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """The end of a family as an earlier writer left it.

    Fields: segment, path: its last segment, 0 if it has none; size: bytes up to the last whole frame;
    end_digest: of the chain if that segment is sealed; running: the chain so far if it is not, else None.
    """

    segment: int
    path: Path
    size: int
    last_seq: int
    last_ts_ns: int
    end_digest: bytes
    running: "Hash | None"


class Appender:
    """One family of a journal that is being written.

    Fields: waiting: frames that are not in the kernel yet, waiting_bytes of them (the journal adds to both);
    last_seq, last_ts_ns: of the newest record; unsynced: the kernel holds what the disk may not; size: bytes
    of the segment; path: of it; segment: its number, 0 before the first.
    """

    __slots__ = (
        "_digest",
        "_directory",
        "_disk",
        "_file",
        "_hasher",
        "_run",
        "_uncovered",
        "_unhashed",
        "_unhashed_bytes",
        "family",
        "last_seq",
        "last_ts_ns",
        "path",
        "segment",
        "size",
        "unsynced",
        "waiting",
        "waiting_bytes",
    )

    def __init__(self, directory: Path, family: Family, run: RunHeader, disk: Disk) -> None:
        """Keep what the headers say; nothing is written before `begin` or `write`."""
        self.family = family
        self.waiting: list[bytes] = []
        self.waiting_bytes = 0
        self.last_seq = 0
        self.last_ts_ns = run.began_ns
        self.unsynced = False
        self.size = 0
        self.segment = 0
        self.path = segment_path(directory, family, 1)
        self._directory = directory
        self._run = run
        self._disk = disk
        self._file = _CLOSED
        self._digest = NO_DIGEST
        self._hasher = sha256()
        self._unhashed: list[bytes] = []
        self._unhashed_bytes = 0
        self._uncovered = 0

    def adopt(self, tail: Tail) -> None:
        """Take over where an earlier writer ended: cut what is torn, seal its last segment."""
        self.segment, self.path, self.size = tail.segment, tail.path, tail.size
        self.last_seq, self.last_ts_ns = tail.last_seq, tail.last_ts_ns
        self._digest = tail.end_digest
        if tail.running is None:
            return
        self._file = self._disk.reopen(self.path, self.size)
        self._hasher = tail.running
        self.seal(END_SEGMENT)

    def begin(self, first_seq: int) -> None:
        """Begin the next segment; its header and its name are on the disk when this returns."""
        self.segment += 1
        self.path = segment_path(self._directory, self.family, self.segment)
        header = SegmentHeader(
            run=self._run,
            family=self.family,
            segment=self.segment,
            first_seq=first_seq,
            previous=self._digest,
            types=WRITES,
        )
        content = PREAMBLE + frame(Kind.HEADER, first_seq, self.last_ts_ns, encode(header))
        self._file = self._disk.create(self.path)
        self._disk.write(self._file, content)
        self._disk.sync(self._file)
        self._disk.sync_directory(self.path.parent)
        self.size = len(content)
        self._hasher = sha256(content)

    def write(self) -> None:
        """Hand what waits to the kernel, beginning a segment if none is open; something has to wait."""
        waiting = self.waiting
        if self._file == _CLOSED:
            _, _, _, first_seq, _ = HEAD.unpack_from(waiting[0])
            self.begin(first_seq)
        content = b"".join(waiting)
        self.unsynced = True
        self._disk.write(self._file, content)
        self.size += len(content)
        self._uncovered += len(waiting)
        self._unhashed.append(content)
        self._unhashed_bytes += len(content)
        self.waiting = []
        self.waiting_bytes = 0
        if self._unhashed_bytes > UNHASHED_BYTES_MAX:
            self._hash()

    def cover(self, at_least: int) -> None:
        """Write a block if it covers `at_least` records, all of them handed to the kernel before."""
        self._hash()
        if self._uncovered >= at_least:
            self._block(END_BLOCK)

    def seal(self, ends: int) -> None:
        """End the segment for good, on the disk when this returns; nothing if none is open.

        Nothing may wait to be written.
        """
        if self._file == _CLOSED:
            return
        self._hash()
        self._block(ends)
        self.sync()
        self.close()

    def sync(self, *, even_handed_over: bool = False) -> None:
        """Return when all that the kernel has is on the disk.

        Args: even_handed_over: what `hand_over` gave away may not be there yet either.
        """
        if self.unsynced or (even_handed_over and self._file != _CLOSED):
            self._disk.sync(self._file)
            self.unsynced = False

    def hand_over(self) -> int:
        """Return a second handle of the open segment, to be synced and closed by whoever takes it."""
        self.unsynced = False
        return self._disk.duplicate(self._file)

    def close(self) -> None:
        """Close the file without a seal; may be called twice."""
        if self._file != _CLOSED:
            file, self._file = self._file, _CLOSED
            self._disk.close(file)

    def _hash(self) -> None:
        for content in self._unhashed:
            self._hasher.update(content)
        self._unhashed.clear()
        self._unhashed_bytes = 0

    def _block(self, ends: int) -> None:
        self._digest = self._hasher.digest()
        content = frame(Kind.BLOCK, self.last_seq, self.last_ts_ns, block_payload(self._digest, ends))
        self.unsynced = True
        self._disk.write(self._file, content)
        self.size += len(content)
        self._hasher = sha256(content)
        self._uncovered = 0
