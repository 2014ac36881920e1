"""Finds the newest checkpoint of a run and what our own family holds behind it: all that a later life reads.

Reads the newest segments alone, as many as it takes to find a checkpoint; those are checked whole (CRC,
numbers, chain), of older ones that they are there and joined to each other. Invariant: what is returned is an
exact prefix of what was written; only a torn end is passed over, all else that is not right is an error.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mm.errors import JournalCorrupt, StateCorrupt
from mm.store.journal.ended import cut_off, has_ended
from mm.store.journal.entries import CHECKPOINT, Family, Kind, Record, RunHeader, SegmentHeader
from mm.store.journal.family import FamilyReader
from mm.store.journal.frames import END_BLOCK, Frame
from mm.store.journal.gaps import has_end
from mm.store.journal.layout import segment_path, segments
from mm.store.journal.reader import require_own
from mm.store.journal.sealed import last_block
from mm.store.journal.segment import HINT, SegmentReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The end of a run.

    Fields: run: None if not even a header is whole; checkpoint: the newest, None if there is none; looked_at:
    records that were read, what lies blocks before was held against the chain; last_seq, last_ts_ns: of the
    newest record of our own, 0 without one; torn_bytes: behind it, as a crash leaves them; closed: the run's
    end was written in good order.
    """

    run: RunHeader | None
    checkpoint: Record | None
    looked_at: int
    last_seq: int
    last_ts_ns: int
    torn_bytes: int
    closed: bool
    _behind: tuple["_Place", ...] = ()

    @property
    def behind(self) -> int:
        """How many records lie behind the checkpoint."""
        return len(self._behind)

    def records(self) -> Iterator[Record]:
        """Yield the records behind the checkpoint. Raises: JournalForeign if one is not read here."""
        for place in self._behind:
            yield place.record()

    def damage(self, seq: int, found: str) -> JournalCorrupt:
        """Return the error that names the place of a record behind the checkpoint, by its number."""
        place = next(place for place in self._behind if place.frame.seq == seq)
        return place.segment.damage(f"record {seq} {found}", place.offset)


class _Place(NamedTuple):
    frame: Frame
    segment: SegmentReader
    offset: int

    def record(self) -> Record:
        # A segment that is closed still decodes: only reading needs the file.
        found = self.frame
        entry = self.segment.decode(found, self.offset)
        return Record(found.seq, found.ts_ns, Kind(found.kind), entry, found.payload)


def latest(directory: Path) -> Latest:
    """Return the newest checkpoint of the journal in `directory` and what follows it.

    Raises: JournalCorrupt where something is damaged as no crash damages it, or where the journal has no end
    and the state beside it says that it had one; JournalForeign; StateCorrupt if there is no journal, or it
    or that state cannot be read.
    """
    has_had_end = has_ended(directory)
    present = segments(directory, Family.OWN)
    if not present and has_had_end:
        raise cut_off(directory)
    if not present:
        raise StateCorrupt(f"{directory}: holds no journal")
    headers = joined(directory)
    if headers:
        require_own(directory, headers[0].run)
    # Of a journal that has no checkpoints at all, as older versions wrote it, nothing is looked for.
    has_any = bool(headers) and "Estate" in headers[-1].types
    back = 1
    while True:
        place = max(0, len(headers) - back)
        found = _read(directory, headers[place].first_seq if place else 1)
        if found.checkpoint is not None or not place or not has_any:
            break
        back *= 2
    if has_had_end and not found.closed:
        path = segment_path(directory, Family.OWN, present[-1])
        raise cut_off(directory, path, path.stat().st_size)
    return found


def joined(directory: Path) -> list[SegmentHeader]:
    """Return the headers of our own family's segments: each is there, ended, and the next goes on from it.

    Raises: JournalCorrupt where that is not so; JournalForeign; StateCorrupt where one cannot be read.
    """
    headers = _headers(directory, segments(directory, Family.OWN))
    for number, header in enumerate(headers[1:], start=1):
        path = segment_path(directory, Family.OWN, number)
        try:
            last, size = last_block(path), path.stat().st_size
        except OSError as error:
            raise StateCorrupt(f"{path}: cannot be read: {error.strerror}") from None
        if last is None or last[1].ends == END_BLOCK:
            raise _damage(directory, number, "the segment has no end, and another follows", size)
        if last[1].digest != header.previous:
            raise _damage(directory, number + 1, "the hash chain does not fit the segment before")
        if header.run.run_id != headers[0].run.run_id:
            raise _damage(directory, number + 1, f"a segment of another run, {header.run.run_id}")
    return headers


def _headers(directory: Path, present: list[int]) -> list[SegmentHeader]:
    # The last one may have been cut off before it was whole.
    found = []
    for place, number in enumerate(present, start=1):
        if number != place:
            raise _damage(directory, place, "the segment is missing")
        segment = SegmentReader(segment_path(directory, Family.OWN, number), Family.OWN, number)
        try:
            segment.read_header()
        finally:
            segment.close()
        if segment.header is not None:
            found.append(segment.header)
        elif number != present[-1]:
            raise _damage(directory, number, "no whole header, and another segment follows")
    return found


def _read(directory: Path, from_seq: int) -> Latest:
    own = FamilyReader(directory, Family.OWN, from_seq=from_seq, before_last=CHECKPOINT)
    checkpoint: _Place | None = None
    behind: list[_Place] = []
    looked_at, last_seq, last_ts_ns = 0, 0, 0
    try:
        while (head := own.peek()) is not None:
            segment = own.segment
            assert segment is not None  # what was peeked at lies in it
            own.take()
            looked_at += 1
            last_seq, last_ts_ns = head.seq, head.ts_ns
            if head.kind == CHECKPOINT:
                checkpoint = _Place(head, segment, segment.offset - head.size)
                behind = []
            elif checkpoint is not None:
                behind.append(_Place(head, segment, segment.offset - head.size))
        torn_bytes = own.torn_bytes
    finally:
        own.close()
    return Latest(
        run=own.run,
        checkpoint=None if checkpoint is None else checkpoint.record(),
        looked_at=looked_at,
        last_seq=last_seq,
        last_ts_ns=last_ts_ns,
        torn_bytes=torn_bytes,
        closed=has_end(directory),
        _behind=tuple(behind),
    )


def _damage(directory: Path, number: int, found: str, offset: int = 0) -> JournalCorrupt:
    path = segment_path(directory, Family.OWN, number)
    where = f"byte {offset}: " if path.exists() else ""
    return JournalCorrupt(f"{path}: {where}{found}", path=str(path), offset=offset, hint=HINT)
