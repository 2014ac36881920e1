"""Reads one segment: frames in order, each with its CRC, its sequence and its place in the chain checked.

A file may be read while it is written: a frame that is not whole yet is not there yet. What lies behind the
last whole frame is torn; damage before a whole frame is an error. Memory is bounded by a chunk and a frame.
"""

import mmap
import os
from hashlib import sha256
from pathlib import Path
from typing import Final

from mm.errors import JournalCorrupt, JournalForeign, StateCorrupt
from mm.store.journal.codec import Codec, decode_header
from mm.store.journal.entries import Entry, Family, Kind, SegmentHeader
from mm.store.journal.frames import (
    END_BLOCK,
    END_JOURNAL,
    FRAME_BYTES_MIN,
    PREAMBLE,
    Frame,
    block_of,
    block_payload,
    blocks_before,
    find_mark,
    frame,
    is_other_format,
    parse,
)

CHUNK_BYTES: Final = 262_144
HINT: Final = "nothing was skipped or changed: restore the file from a backup, or go on with a new run"

_RECORDS: Final = frozenset(Kind) - {Kind.HEADER, Kind.BLOCK}


class SegmentReader:
    """One segment, read from its beginning. Use as a context, or call `close`.

    Fields: path; header: None until it is whole; offset: of the next frame in the file; last_seq, last_ts_ns:
    of the newest record, or what the header says; ends: END_* of the seal, END_BLOCK before it; digest: of
    the chain at the newest block.
    """

    def __init__(self, path: Path, family: Family, segment: int) -> None:
        """Open the file. Raises: FileNotFoundError; StateCorrupt if it cannot be read."""
        self.path = path
        self.header: SegmentHeader | None = None
        self.offset = 0
        self.last_seq = 0
        self.last_ts_ns = 0
        self.ends = END_BLOCK
        self.digest = b""
        self.hasher = sha256()
        self._identity = (family, segment)
        self._codec = Codec({}, str(path))
        self._content = b""
        self._base = 0
        self._hashed = 0
        try:
            # A pipe in its place would have us wait for ever; like this it cannot be read.
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StateCorrupt(f"{path}: cannot be read: {error.strerror}") from None

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def next(self) -> Frame | None:
        """Return the next record's frame, None where no whole one follows (yet).

        Raises: JournalCorrupt if a whole frame does not belong where it lies; JournalForeign.
        """
        if not self.read_header():
            return None
        while (found := self._frame()) is not None:
            at = self.offset
            if self.ends != END_BLOCK:
                raise self.damage("something follows the end of the segment")
            self.offset += found.size
            if found.kind == Kind.BLOCK:
                self._check_block(found, at)
                continue
            if found.kind not in _RECORDS:
                raise self.damage(f"a frame of kind {found.kind} among the records", at)
            if found.seq <= self.last_seq:
                raise self.damage(f"record {found.seq} follows record {self.last_seq}", at)
            self.last_seq, self.last_ts_ns = found.seq, found.ts_ns
            return found
        return None

    def at_end(self, *, last: bool) -> Frame | None:
        """Look again after `next` returned None; return None only where a writer may still go on, was cut
        off, or sealed the segment.

        Args: last: no segment of the family follows. Raises: JournalCorrupt if what is not whole is not the
        end of the last segment; as `next`.
        """
        if self.ends != END_BLOCK:
            if self.torn_bytes:
                raise self.damage("something follows the end of the segment")
            return None
        if last and (not self.torn_bytes or self._later_frame() is None):
            if self.torn_bytes and self.header is not None and not self._is_cut_off():
                raise self.damage(
                    "neither a record nor the beginning of one, which is all that a crash leaves"
                )
            self._check_own()
            return None
        # It may have become whole since it was looked at: what follows it was written later.
        before = self.offset
        found = self.next()
        if self.offset == before:
            raise self.damage("no whole record, although others follow")
        return found

    def skip_before_last(self, kind: Kind) -> None:
        """Go on behind the last block before the newest record of `kind`; all up to there fits the chain.

        Where it does not, this goes no further, and `next` finds why. Raises: as `next`.
        """
        if not self.read_header():
            return
        hashed = self._base + self._hashed
        before = self.offset
        self._check_readable()
        with mmap.mmap(self._file, 0, access=mmap.ACCESS_READ) as view:
            for at, end in blocks_before(view, self.offset, kind):
                hasher, found = self.hasher.copy(), parse(view[at:end], 0)
                hasher.update(view[hashed:at])
                block = block_of(found) if isinstance(found, Frame) else None
                if block is None or block.ends != END_BLOCK or block.digest != hasher.digest():
                    break
                assert isinstance(found, Frame)  # it holds a block
                self.hasher, self.digest = sha256(view[at:end]), block.digest
                self.last_seq, self.last_ts_ns = found.seq, found.ts_ns
                self.offset = hashed = end
        if self.offset > before:
            self._content, self._base, self._hashed = b"", self.offset, 0

    def decode(self, found: Frame, offset: int) -> Entry:
        """Return the entry of a record's frame. Raises: JournalForeign."""
        return self._codec.decode(found.kind, found.payload, offset)

    @property
    def torn_bytes(self) -> int:
        """Bytes behind the last whole frame read, while there is no next one."""
        return os.fstat(self._file).st_size - self.offset

    def is_cut_within_end(self, seq: int) -> bool:
        """Return whether what lies behind the last whole frame is the beginning of the end that is written
        when a run is closed in good order, or nothing. Args: seq: of the run's last record.
        """
        self.settle()
        sealed = block_payload(self.hasher.digest(), END_JOURNAL)
        end = frame(Kind.BLOCK, seq, self.last_ts_ns, sealed)
        rest = self._read(len(end), self.offset)
        return len(rest) < len(end) and end.startswith(rest)

    def settle(self) -> None:
        """Bring `hasher` up to `offset`."""
        self.hasher.update(self._content[self._hashed : self.offset - self._base])
        self._hashed = self.offset - self._base

    def damage(self, found: str, offset: int = -1) -> JournalCorrupt:
        """Return the error that names the place. Args: offset: in the file; -1 for the next frame."""
        offset = self.offset if offset < 0 else offset
        return JournalCorrupt(
            f"{self.path}: byte {offset}: {found}", path=str(self.path), offset=offset, hint=HINT
        )

    def read_header(self) -> bool:
        """Read the header if it is whole; return whether it is. Raises: as `next`."""
        if self.header is not None:
            return True
        content = self._read(len(PREAMBLE), 0)
        if content != PREAMBLE:
            if is_other_format(content):
                raise JournalForeign(
                    f"{self.path}: byte 0: format {content.decode()}, this mm reads {PREAMBLE.decode()}",
                    path=str(self.path),
                    offset=0,
                    hint="read it with the version of mm that wrote it; nothing was changed",
                )
            return False
        self.offset = len(PREAMBLE)
        found = self._frame()
        if found is None:
            self.offset = 0
            return False
        if found.kind != Kind.HEADER:
            raise self.damage("the segment does not open with its header")
        header = decode_header(found.payload, str(self.path), offset=len(PREAMBLE))
        if (header.family, header.segment) != self._identity:
            raise self.damage(f"this is segment {header.segment} of the {header.family} family")
        self.header = header
        self.hasher = sha256(PREAMBLE)
        self.offset += found.size
        self.last_seq, self.last_ts_ns = header.first_seq - 1, found.ts_ns
        self._codec = Codec(header.types, str(self.path))
        return True

    def _check_own(self) -> None:
        # A crash leaves the beginning of a file that was begun, or zeros; what is neither is not ours to cut.
        if self.header is not None:
            return
        content = self._read(len(PREAMBLE), 0)
        if content and content != PREAMBLE[: len(content)] and content.strip(b"\0"):
            raise JournalForeign(
                f"{self.path}: byte 0: this is no segment of a journal",
                path=str(self.path),
                offset=0,
                hint="nothing was changed: move it out of the run's directory, or restore what was there",
            )

    def _frame(self) -> Frame | None:
        found = parse(self._content, self.offset - self._base)
        size = CHUNK_BYTES
        # At most: the chunk, then all of a frame that is larger than a chunk.
        while not isinstance(found, Frame):
            self._refill(size)
            found = parse(self._content, 0)
            if isinstance(found, int) and (found <= size or len(self._content) < size):
                return None
            size = max(size, found) if isinstance(found, int) else size
        return found

    def _refill(self, size: int) -> None:
        if self.offset > self._base:
            self.settle()
        self._base, self._hashed = self.offset, 0
        self._content = self._read(size, self.offset)

    def _read(self, size: int, offset: int) -> bytes:
        try:
            return os.pread(self._file, size, offset)
        except OSError as error:
            raise StateCorrupt(f"{self.path}: byte {offset}: cannot be read: {error.strerror}") from None

    def _check_readable(self) -> None:
        # A bad sector behind a mapping ends the process with a signal; read, it is an error with its place.
        offset = self.offset
        while content := self._read(CHUNK_BYTES, offset):
            offset += len(content)

    def _check_block(self, found: Frame, at: int) -> None:
        self.hasher.update(self._content[self._hashed : at - self._base])
        block = block_of(found)
        if block is None or block.digest != self.hasher.digest():
            raise self.damage("the hash chain does not fit: records before it were changed", at)
        self._hashed = self.offset - self._base
        self.hasher = sha256(self._content[at - self._base : self._hashed])
        self.digest, self.ends = block

    def _is_cut_off(self) -> bool:
        # Whether what follows the last whole frame is the beginning of the next, and behind it zeros where
        # the power went before the data came; or a frame that has become whole since it was looked at.
        rest = self._read(self.torn_bytes, self.offset)
        written = rest.rstrip(b"\0")
        return not written or _is_begun(rest) or _is_begun(written)

    def _later_frame(self) -> int | None:
        size = os.fstat(self._file).st_size
        self._check_readable()
        with mmap.mmap(self._file, size, access=mmap.ACCESS_READ) as view:
            at = find_mark(view, self.offset + 1)
            while at >= 0:
                needed = parse(view[at : at + FRAME_BYTES_MIN], 0)
                if isinstance(needed, int) and 0 < needed <= size - at:
                    needed = parse(view[at : at + needed], 0)
                if isinstance(needed, Frame):
                    return at
                at = find_mark(view, at + 1)
        return None


def _is_begun(content: bytes) -> bool:
    # Whether a whole frame begins there, or one that needs more bytes than there are.
    found = parse(content, 0)
    return isinstance(found, Frame) or found > len(content)
