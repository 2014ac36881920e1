"""Reads the segments of a recording of `mm record`: records in order, each with its CRC and its time checked.

A file may be read while it is written. What a crash leaves behind the last whole record is the beginning of
one, or zeros: that alone counts as torn and is cut off here, never on the disk. Anything else is damage, told
with its byte. Memory is bounded by a piece of the file and one record.
"""

import mmap
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, NoReturn

import msgspec

from mm.errors import RecordingDamaged, RecordingUnusable
from mm.store.recordings.framed.form import (
    KINDS,
    PREAMBLE,
    RECORD_BYTES_MIN,
    SUFFIX,
    EndNote,
    FramedHeader,
    FramedKind,
    FramedRecord,
    begins_record,
    find_mark,
    parse,
)

PIECE_BYTES: Final = 1024 * 1024
HINT: Final = "nothing was skipped or changed: copy the file again, or leave out what lies behind that byte"


class _Blank(RecordingUnusable):
    # A crash came before the first record: there is nothing, and nothing is missing.
    pass


class FramedSegment:
    """One segment, read from its beginning; iterate once.

    Fields: path; header; records: read so far; last_ns: local time of the newest; end: of a segment that was
    closed in good order, None before it was read; torn_bytes: behind the last whole record, known at the end.
    """

    def __init__(self, path: Path) -> None:
        """Read the header. Raises: RecordingUnusable if there is none; RecordingDamaged."""
        self.path = path
        self.records = self.last_ns = self.torn_bytes = 0
        self.end: EndNote | None = None
        try:
            with path.open("rb") as file:
                first = file.read(len(PREAMBLE) + PIECE_BYTES)
        except OSError as error:
            raise RecordingUnusable(f"{path}: cannot be read: {error.strerror or error}") from None
        self._check_preamble(first)
        found = parse(first, len(PREAMBLE))
        if not isinstance(found, FramedRecord) or found.kind != FramedKind.HEADER:
            behind = first[len(PREAMBLE) :]
            if not isinstance(found, FramedRecord) and (
                begins_record(behind) or begins_record(behind.rstrip(b"\0"))
            ):
                raise _Blank(f"{path}: torn before its first record: nothing was recorded")
            self._refuse("the segment does not open with its header", len(PREAMBLE))
        try:
            self.header = msgspec.msgpack.decode(found.payload, type=FramedHeader)
        except msgspec.DecodeError as error:
            raise RecordingUnusable(
                f"{path}: byte {found.offset}: its header is not one that this mm reads: {error}",
                hint="read it with the version of mm that wrote it",
            ) from None

    def __iter__(self) -> Iterator[FramedRecord]:
        """Yield every record behind the header. Raises: RecordingDamaged where it cannot be read on."""
        with self.path.open("rb") as file:
            file.seek(len(PREAMBLE))
            for found in self._parsed(file):
                if self.end is not None:
                    self._refuse("something follows the end of the segment", found.offset)
                if found.ts_ns < self.last_ns:
                    back_ns = self.last_ns - found.ts_ns
                    self._refuse(f"local time goes back by {back_ns} ns", found.offset)
                self.last_ns = found.ts_ns
                if found.kind == FramedKind.HEADER:
                    if self.records or found.offset != len(PREAMBLE):
                        self._refuse("a second header", found.offset)
                    continue
                self.records += 1
                if found.kind == FramedKind.END:
                    self.end = msgspec.msgpack.decode(found.payload, type=EndNote)
                yield found

    def _parsed(self, file: IO[bytes]) -> Iterator[FramedRecord]:
        content, base, at = b"", len(PREAMBLE), 0
        while True:
            found = parse(content, at, base)
            if isinstance(found, FramedRecord):
                at += found.size
                yield found
                continue
            piece = file.read(max(PIECE_BYTES, found))
            if not piece and len(content) == at:
                return
            base, content, at = base + at, content[at:] + piece, 0
            if not piece or found == 0:
                # Either the file ends here, or no record begins here however much follows; but a writer may
                # have gone on since it was looked at.
                size = os.fstat(file.fileno()).st_size
                content = self._read_again(file, base, found)
                if isinstance(parse(content, 0), FramedRecord):
                    continue
                self._judge_rest(file, base, size)
                return

    @staticmethod
    def _read_again(file: IO[bytes], base: int, needed: int) -> bytes:
        file.seek(base)
        return file.read(max(PIECE_BYTES, needed))

    # Args: size: of the file before its rest was read again: what lies in it by then is not being written.
    def _judge_rest(self, file: IO[bytes], offset: int, size: int) -> None:
        with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as view:
            later = _later_record(view, offset)
            rest = view[offset : offset + PIECE_BYTES]
            is_zeros = later < 0 and not _has_content(view, offset)
            begun = begins_record(view[offset:]) if later < 0 and len(rest) < PIECE_BYTES else False
        if later >= 0:
            self._refuse(f"no whole record, although one follows at byte {later}", offset)
        if self.end is not None:
            self._refuse("something follows the end of the segment", offset)
        if not is_zeros and not begun and not begins_record(rest.rstrip(b"\0")):
            self._refuse(
                "neither a record nor the beginning of one, which is all that a crash leaves", offset
            )
        self.torn_bytes = size - offset

    def _check_preamble(self, first: bytes) -> None:
        got = first[: len(PREAMBLE)]
        if got == PREAMBLE:
            return
        if got[:4] == PREAMBLE[:4] and got[4:].isdigit() and len(got) == len(PREAMBLE):
            raise RecordingUnusable(
                f"{self.path}: form {got.decode()}, this mm reads {PREAMBLE.decode()}",
                hint="read it with the version of mm that wrote it; nothing was changed",
            )
        if PREAMBLE.startswith(got.rstrip(b"\0")) and not first.strip(PREAMBLE + b"\0"):
            raise _Blank(f"{self.path}: empty: nothing was recorded")
        raise RecordingUnusable(f"{self.path}: not a segment of mm record", hint="expected a file *.mmr")

    def _refuse(self, found: str, offset: int) -> NoReturn:
        raise RecordingDamaged(
            f"{self.path}: damaged at byte {offset}: {found}", path=str(self.path), offset=offset, hint=HINT
        )


class FramedRecording:
    """The segments of one or several recordings of the same symbols, in the order of their time.

    Fields: segments: their files. headers: of each. blank: files that a crash left before their first record.
    dropped: names of recordings whose first segments are gone. ended_ns: local time of the newest record of
    each recording that another one follows, by its name.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        """Look at the headers, and where one recording follows another at the end of the first.

        Args: paths: segments, or directories that hold them. Raises: RecordingUnusable if there is none, if
        symbols or grids differ, if a segment is missing between two, or if recordings overlap.
        """
        found, blank, reason = [], [], None
        for path in segment_files(paths):
            try:
                found.append((FramedSegment(path).header, path))
            except _Blank as error:
                blank.append(path)
                reason = error
        if not found and reason is not None:
            raise reason
        self.blank = tuple(blank)
        found.sort(key=lambda one: (one[0].began_ns, one[0].recording, one[0].segment))
        self.segments = tuple(path for _, path in found)
        self.headers = tuple(header for header, _ in found)
        self.ended_ns: dict[str, int] = {}
        self.dropped = self._checked()

    def _checked(self) -> tuple[str, ...]:
        dropped, before = [], None
        for place, (header, path) in enumerate(zip(self.headers, self.segments, strict=True)):
            if before is None or header.recording != before.recording:
                if header.segment > 1:
                    dropped.append(header.recording)
                if before is not None:
                    ended_ns = newest_ns(self.segments[place - 1])
                    if header.began_ns < ended_ns:
                        raise RecordingUnusable(
                            f"{path}: begins before {before.recording} ends: they overlap"
                        )
                    self.ended_ns[before.recording] = ended_ns
            elif header.segment != before.segment + 1:
                raise RecordingUnusable(
                    f"{path}: segment {header.segment} follows segment {before.segment}:"
                    " one is missing or twice",
                    hint="name the directory as mm record left it, or what is whole by itself",
                )
            if before is not None and _grids(header) != _grids(before):
                raise RecordingUnusable(
                    f"{path}: of {', '.join(header.symbols)} after {', '.join(before.symbols)}, or on another"
                    " grid of prices or sizes",
                    hint="name recordings of the same symbols and grids together, others by themselves",
                )
            before = header
        return tuple(dropped)


def newest_ns(path: Path) -> int:
    """Return the local time of a segment's newest whole record, found from its end.

    What is not right before it is found when it is read. Raises: RecordingUnusable if it has none.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        back = PIECE_BYTES
        while True:
            begin = max(0, size - back)
            file.seek(begin)
            found = _newest(file.read(size - begin))
            if found:
                return found
            if not begin:
                raise RecordingUnusable(f"{path}: holds no whole record")
            back *= 4


def _newest(content: bytes) -> int:
    found, at = 0, find_mark(content, 0)
    while at >= 0:
        record = parse(content, at)
        if isinstance(record, FramedRecord):
            found = record.ts_ns
        at = find_mark(content, at + (record.size if isinstance(record, FramedRecord) else 1))
    return found


def segment_files(paths: Sequence[Path]) -> list[Path]:
    """Return the segments that are named, by themselves or by their directories; raises RecordingUnusable."""
    files: list[Path] = []
    for path in paths:
        inside = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
        if not inside:
            raise RecordingUnusable(f"{path}: holds no segment (*{SUFFIX}) of mm record")
        files += inside
    if not files:
        raise RecordingUnusable("no recording was named")
    seen: set[Path] = set()
    for path in map(Path.resolve, files):
        if path in seen:
            raise RecordingUnusable(f"{path}: is named twice", hint="name each recording once")
        seen.add(path)
    return files


def record_offsets(path: Path, numbers: Collection[int]) -> dict[int, int]:
    """Return where records of a segment begin, in bytes, by their numbers from 1, as far as it is whole."""
    found: dict[int, int] = {}
    with suppress(RecordingDamaged, RecordingUnusable):
        for number, one in enumerate(FramedSegment(path), start=1):
            if number in numbers:
                found[number] = one.offset
                if len(found) == len(numbers):
                    break
    return found


def is_framed(path: Path) -> bool:
    """Return whether this is a segment of `mm record`, or a directory that holds one."""
    if path.is_dir():
        return next(path.glob(f"*{SUFFIX}"), None) is not None
    try:
        with path.open("rb") as file:
            return file.read(4) == PREAMBLE[:4]
    except OSError:
        return False


def _grids(header: FramedHeader) -> list[tuple[str, int, int, int, int]]:
    return [
        (one.symbol, one.tick_atoms, one.lot_atoms, one.base_scale, one.quote_scale)
        for one in header.instruments
    ]


def _later_record(view: mmap.mmap, offset: int) -> int:
    size = len(view)
    at = find_mark(view, offset + 1)
    while at >= 0:
        needed = parse(view[at : at + RECORD_BYTES_MIN], 0)
        if isinstance(needed, int) and 0 < needed <= size - at:
            needed = parse(view[at : at + needed], 0)
        if isinstance(needed, FramedRecord) and needed.kind in KINDS:
            return at
        at = find_mark(view, at + 1)
    return -1


def _has_content(view: mmap.mmap, offset: int) -> bool:
    return any(view[at : at + PIECE_BYTES].strip(b"\0") for at in range(offset, len(view), PIECE_BYTES))
