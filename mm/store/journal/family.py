"""Reads one family of a journal: its segments in order, each joined to the one before by the hash chain.

A segment that is not there is an error, unless the journal itself says that it was dropped. Invariant: what
`take` returns has ascending numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mm.errors import JournalCorrupt
from mm.store.journal.entries import Entry, Family, Kind, Missing, RunHeader
from mm.store.journal.frames import END_BLOCK, NO_DIGEST, Frame
from mm.store.journal.layout import segment_path, segments
from mm.store.journal.segment import HINT, SegmentReader


@dataclass(slots=True)
class Tally:
    """What was read of one segment so far.

    Fields: number: of it in the family; records: taken, with the numbers and times of the first and the last,
    0 without any; bytes: up to the last whole frame; ends: END_* of its seal, END_BLOCK while it has none.
    """

    family: Family
    number: int
    path: Path
    records: int = 0
    first_seq: int = 0
    last_seq: int = 0
    first_ts_ns: int = 0
    last_ts_ns: int = 0
    bytes: int = 0
    ends: int = END_BLOCK


class FamilyReader:
    """The records of one family. Call `close` at the end.

    Fields: family; run: from the first header read, None before; count: segments opened; number: of the open
    one; last_seq: of the newest record taken; tallies: of the segments opened.
    """

    def __init__(
        self,
        directory: Path,
        family: Family,
        *,
        from_seq: int = 1,
        dropped: Callable[[int], Missing | None] = lambda _: None,
        before_last: Kind | None = None,
    ) -> None:
        """Begin with the segment that may hold `from_seq`.

        Args: dropped: returns what the journal says of a segment that is not there, None if nothing;
        before_last: what lies whole blocks before a segment's last record of that kind is held against the
        chain, and not read.
        """
        self.family = family
        self.run: RunHeader | None = None
        self.count = 0
        self.number = 0
        self.last_seq = 0
        self.tallies: list[Tally] = []
        self._directory = directory
        self._dropped = dropped
        self._before_last = before_last
        self._segment: SegmentReader | None = None
        self._checked = False
        self._digest: bytes | None = NO_DIGEST
        self._head: Frame | None = None
        self._head_offset = 0
        if from_seq > 1:
            self._skip_to(from_seq)

    def peek(self) -> Frame | None:
        """Return the next record's frame without taking it; None where nothing follows (yet).

        Raises: JournalCorrupt; JournalForeign; StateCorrupt.
        """
        while self._head is None:
            segment = self._segment
            if segment is None or segment.ends != END_BLOCK:
                if not self._open_next():
                    return None
                continue
            found = segment.next() or segment.at_end(last=not self._follows())
            self._check_joint(segment)
            if found is None and segment.ends == END_BLOCK:
                return None
            if found is not None:
                self._head, self._head_offset = found, segment.offset - found.size
        return self._head

    def take(self) -> Frame:
        """Return the frame that `peek` returned, and go on behind it."""
        assert self._head is not None
        found, self._head = self._head, None
        self.last_seq = found.seq
        tally = self.tallies[-1]
        if not tally.records:
            tally.first_seq, tally.first_ts_ns = found.seq, found.ts_ns
        tally.records += 1
        tally.last_seq, tally.last_ts_ns = found.seq, found.ts_ns
        return found

    def decode(self, found: Frame) -> Entry:
        """Return the entry of the frame that was taken last. Raises: JournalForeign."""
        assert self._segment is not None
        return self._segment.decode(found, self._head_offset)

    def damage(self, found: str) -> JournalCorrupt:
        """Return the error that names the place of the record peeked at, or the end."""
        if self._segment is None:
            folder = self._directory / self.family
            return JournalCorrupt(f"{folder}: {found}", path=str(folder), hint=HINT)
        return self._segment.damage(found, self._head_offset if self._head is not None else -1)

    @property
    def torn_bytes(self) -> int:
        """Bytes behind the last whole frame, once `peek` has returned None."""
        return self._segment.torn_bytes if self._segment is not None else 0

    @property
    def segment(self) -> SegmentReader | None:
        """The segment that is open."""
        return self._segment

    def note(self) -> None:
        """Bring the tally of the segment that is open up to date."""
        if self._segment is not None:
            self.tallies[-1].bytes = self._segment.offset
            self.tallies[-1].ends = self._segment.ends

    def close(self) -> None:
        """Close the segment that is open."""
        if self._segment is not None:
            self.note()
            self._segment.close()
            self._segment = None

    def _follows(self) -> bool:
        present = segments(self._directory, self.family)
        return bool(present) and present[-1] > self.number

    def _open_next(self) -> bool:
        while self._follows():
            number = self.number + 1
            path = segment_path(self._directory, self.family, number)
            try:
                opened = SegmentReader(path, self.family, number)
            except FileNotFoundError:
                self._pass_over(number)
                continue
            if self._segment is not None:
                self._digest = self._segment.digest
            self.close()
            self._segment, self._checked = opened, False
            self.number = number
            self.count += 1
            self.tallies.append(Tally(self.family, number, path))
            if self._before_last is not None:
                opened.skip_before_last(self._before_last)
            return True
        return False

    def _pass_over(self, number: int) -> None:
        missing = self._dropped(number)
        if missing is None:
            path = segment_path(self._directory, self.family, number)
            raise JournalCorrupt(
                f"{path}: the segment is missing, and the journal does not say that it was dropped",
                path=str(path),
                hint=HINT,
            )
        if self._segment is not None:
            self._digest = self._segment.digest
        self.close()
        self.number, self._digest = number, missing.end_digest

    def _check_joint(self, segment: SegmentReader) -> None:
        header = segment.header
        if self._checked or header is None:
            return
        if self._digest is not None and header.previous != self._digest:
            raise segment.damage("the hash chain does not fit the segment before", 0)
        if self.run is not None and header.run.run_id != self.run.run_id:
            raise segment.damage(f"a segment of another run, {header.run.run_id}", 0)
        self.run = self.run or header.run
        self._checked = True

    def _skip_to(self, from_seq: int) -> None:
        for number in reversed(segments(self._directory, self.family)):
            try:
                segment = SegmentReader(
                    segment_path(self._directory, self.family, number), self.family, number
                )
            except FileNotFoundError:
                continue
            segment.read_header()
            header = segment.header
            segment.close()
            if header is not None and header.first_seq <= from_seq:
                self.number = number - 1
                self._digest = None if number > 1 else NO_DIGEST
                return
