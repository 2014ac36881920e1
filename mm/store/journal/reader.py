"""Reads a journal: both families merged by their one sequence, everything checked on the way.

Records that are not there are told as records of kind MISSING where they are known to be missing (dropped on
purpose, or torn off by a crash), and are an error anywhere else. A journal may be read while it is written:
reading ends where the writer is. Memory is bounded by a chunk per family.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import msgspec

from mm.errors import JournalForeign, StateCorrupt
from mm.store.journal.codec import tag_of
from mm.store.journal.ended import cut_off, has_ended
from mm.store.journal.entries import (
    CHECKPOINT,
    COMMAND,
    CONFIG,
    EVENT,
    MISSING,
    NOTE,
    OUTCOME,
    Cause,
    Family,
    Kind,
    Missing,
    Record,
    RunHeader,
)
from mm.store.journal.family import FamilyReader, Tally
from mm.store.journal.frames import END_BLOCK, END_JOURNAL, Frame
from mm.store.journal.gaps import Declared, closed_at, has_end
from mm.store.journal.layout import belongs_to, segment_path, segments

_KINDS: Final[dict[int, Kind]] = {
    kind: kind for kind in (EVENT, OUTCOME, COMMAND, CONFIG, NOTE, MISSING, CHECKPOINT)
}


class Reading:
    """A journal that is being read; iterate once.

    Fields, all as far as it was read: segments: opened; missing: what is not there; first_ts_ns, last_ts_ns:
    of the records, 0 before the first; last_seq; counts: of all records per kind. Known at the end:
    torn_bytes: behind the last whole frames; closed: whether the run's end was written in good order. tags:
    names of the types to return, None for all.
    """

    def __init__(
        self, directory: Path, *, kinds: Collection[Kind] | None, from_seq: int, own_only: bool
    ) -> None:
        """For `read`; use that."""
        self.segments = 0
        self.missing: list[Missing] = []
        self.first_ts_ns = 0
        self.last_ts_ns = 0
        self.last_seq = max(from_seq, 1) - 1
        self.counts: dict[Kind, int] = {}
        self.torn_bytes = 0
        self.closed = False
        self.tags: frozenset[bytes] | None = None
        self._directory = directory
        self._is_own = False
        self._ahead: Missing | None = None
        self._torn: Missing | None = None
        self._from_seq = from_seq
        self._own_only = own_only
        self._wanted = frozenset(Kind if kinds is None else kinds)
        self._tells_missing = not self._wanted.isdisjoint((EVENT, MISSING))
        self._declared = Declared(directory)
        self._own = FamilyReader(directory, Family.OWN, from_seq=from_seq)
        self._market = FamilyReader(
            directory, Family.MARKET, from_seq=from_seq, dropped=self._declared.dropped_segment
        )

    @property
    def run(self) -> RunHeader | None:
        """What the headers say, None before the first record."""
        return self._own.run or self._market.run

    @property
    def tallies(self) -> tuple[Tally, ...]:
        """What was read of each segment so far, our own first."""
        for family in (self._own, self._market):
            family.note()
        return (*self._own.tallies, *self._market.tallies)

    def __iter__(self) -> Iterator[Record]:
        """Yield the records in their order.

        Raises: JournalCorrupt, also where it has no end and the state beside it says that it had one;
        JournalForeign; StateCorrupt if there is no journal, or it or that state cannot be read.
        """
        has_had_end = has_ended(self._directory)
        try:
            if has_had_end and not segments(self._directory, Family.OWN):
                raise cut_off(self._directory)
            yield from self._records()
            closed_seq = closed_at(self._directory)
            ended_seq = None if self._own_only else closed_at(self._directory, Family.MARKET)
            if (closed_seq or 0) > self.last_seq or (closed_seq is None and ended_seq is not None):
                # It was closed since the last look; nothing is written after that.
                yield from self._records()
                closed_seq = closed_at(self._directory)
            self._end(closed_seq)
            if closed_seq is None and ended_seq is not None:
                self._check_cut(ended_seq)
            own = self._own.segment
            if has_had_end and own is not None and not self.closed:
                raise cut_off(self._directory, own.path, own.offset)
        finally:
            self.segments = self._own.count + self._market.count
            self._own.close()
            self._market.close()

    def _records(self) -> Iterator[Record]:
        if not segments(self._directory, Family.OWN):
            raise StateCorrupt(f"{self._directory}: holds no journal")
        while (family := self._next()) is not None:
            head = family.peek()
            assert head is not None
            if self.run is not None and not self._is_own:
                require_own(self._directory, self.run)
                self._is_own = True
            if head.seq < self._from_seq:
                family.take()
                continue
            if head.seq <= self.last_seq:
                raise family.damage(f"record {head.seq} is there twice")
            if head.seq > self.last_seq + 1 and not self._own_only:
                found = self._gap(head, family)
                if found is None:
                    if self._ahead is not None:
                        return
                    continue
                for missing in found:
                    if self._tells_missing:
                        yield Record(self.last_seq + 1, head.ts_ns, MISSING, missing, b"")
            family.take()
            self._count(head)
            if head.kind not in self._wanted and head.kind != MISSING:
                continue
            if self.tags is not None and head.kind != MISSING and tag_of(head.payload) not in self.tags:
                continue
            entry = family.decode(head)
            if isinstance(entry, Missing):
                self._tell(entry)
            if head.kind in self._wanted:
                yield Record(head.seq, head.ts_ns, _KINDS[head.kind], entry, head.payload)

    def _next(self) -> FamilyReader | None:
        own = self._own.peek()
        if self._own_only:
            return self._own if own is not None else None
        market = self._market.peek()
        if own is None:
            return self._market if market is not None else None
        return self._own if market is None or own.seq < market.seq else self._market

    def _gap(self, head: Frame, family: FamilyReader) -> list[Missing] | None:
        # What explains that the records before `head` are not there, as far as it is news. None: they have
        # come since, or (then `_ahead` says so) the reading ends here.
        self._ahead = None
        first, last = self.last_seq + 1, head.seq - 1
        other = self._market if family is self._own else self._own
        # In this order: what was closed before the last look is complete at the last look.
        is_closed = closed_at(self._directory) is not None
        next_one = other.peek()
        if next_one is not None and next_one.seq < head.seq:
            return None
        # An end that was torn once is not looked up again for each hole that it left.
        found = None if self._torn is not None else self._declared.covering(first, last)
        if found is None:
            if next_one is not None or is_closed:
                raise family.damage(f"records {first} to {last} are missing before record {head.seq}")
            found = [_torn(other, first, last)]
            if other is self._own:
                # The market's frames are written before our own of the same moment: a writer that was
                # killed, or is about to go on, leaves some whose neighbours are not there (yet). Nothing came
                # of them.
                self._ahead = found[0]
                return None
            self._torn = found[0]
        return [missing for missing in found if self._tell(missing)]

    def _tell(self, missing: Missing) -> bool:
        # Whether it is news. A torn end is told once, and grows.
        for place, known in enumerate(self.missing):
            if known == missing:
                return False
            both_torn = known.cause is Cause.TORN and missing.cause is Cause.TORN
            if both_torn and known.segment == missing.segment and known.family is missing.family:
                self.missing[place] = msgspec.structs.replace(known, last_seq=missing.last_seq)
                return False
        self.missing.append(missing)
        return True

    def _count(self, head: Frame) -> None:
        self.first_ts_ns = self.first_ts_ns or head.ts_ns
        self.last_ts_ns = head.ts_ns
        self.last_seq = head.seq
        kind = _KINDS[head.kind]
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def _end(self, closed_seq: int | None) -> None:
        self.closed = closed_seq is not None or has_end(self._directory)
        if self._ahead is not None and self._ahead.first_seq > self.last_seq:
            self._tell(self._ahead)
        ended = [family for family in (self._own, self._market) if family.peek() is None]
        self.torn_bytes = sum(family.torn_bytes for family in ended)
        if self._own.run is None and self._market.run is not None:
            # Ours is on the disk before the market's is begun.
            raise self._own.damage("no whole header, although the market's files have one")
        if closed_seq is None or self._own_only:
            return
        if closed_seq > self.last_seq:
            raise self._market.damage(f"records {self.last_seq + 1} to {closed_seq} are missing at the end")
        market = self._market.segment
        if market is not None and market.ends == END_BLOCK:
            raise market.damage("the segment has no end, although the run was closed in good order")

    def _check_cut(self, ended_seq: int) -> None:
        # The market's end says that the run was closed in good order, and when that was written all of our
        # own was on the disk but its end: a crash in between leaves the beginning of that, and nothing else.
        own = self._own.segment
        if own is None or any(part.ends == END_JOURNAL for part in self._own.tallies[:-1]):
            # Somebody went on with it after that.
            return
        if self._ahead is not None or ended_seq > self.last_seq or own.ends != END_BLOCK:
            last = "" if ended_seq <= self.last_seq else f" to {ended_seq}"
            raise own.damage(
                f"the run was closed in good order, but records from {self.last_seq + 1}{last} on are missing"
            )
        if not own.is_cut_within_end(self.last_seq):
            raise own.damage("the run was closed in good order, but its end is damaged")


def read(
    directory: Path,
    *,
    kinds: Collection[Kind] | None = None,
    types: Collection[type] | None = None,
    from_seq: int = 1,
    own_only: bool = False,
) -> Reading:
    """Return the records of a journal, to be iterated once.

    Args: kinds: to return, None for all; the others are checked all the same. A gap is told as a record of
    kind MISSING (its payload empty) if EVENT or MISSING is asked for. types: of entries to return, None for
    all; the others are not decoded. from_seq: the first number; earlier segments are not looked at. own_only:
    the market's files are not looked at, whatever became of them; gaps in the numbers are then not told.
    """
    reading = Reading(directory, kinds=kinds, from_seq=from_seq, own_only=own_only)
    if types is not None:
        reading.tags = frozenset(one.__name__.encode() for one in types)
    return reading


def require_own(directory: Path, run: RunHeader) -> None:
    """Check that a journal lies in the directory of its run. Raises: JournalForeign if it is another's."""
    named = belongs_to(directory)
    if named and named != run.run_id:
        path = segment_path(directory, Family.OWN, 1)
        raise JournalForeign(
            f"{path}: byte 0: this is the journal of run {run.run_id}",
            path=str(path),
            offset=0,
            hint="nothing was changed: move it back to where it belongs, and restore this run's own",
        )


def _torn(family: FamilyReader, first_seq: int, last_seq: int) -> Missing:
    return Missing(
        family=family.family,
        cause=Cause.TORN,
        segment=family.number,
        first_seq=first_seq,
        last_seq=last_seq,
    )
