"""Looks at the end of a journal whose writer is gone: where to go on, and what a crash tore off.

Reads only; `Journal.resume` acts on it. Damage that no crash leaves is an error.
"""

from dataclasses import dataclass
from pathlib import Path

from mm.errors import JournalCorrupt
from mm.store.journal.appender import Tail
from mm.store.journal.entries import Cause, Family, Missing, RunHeader
from mm.store.journal.frames import END_BLOCK, NO_DIGEST
from mm.store.journal.gaps import declared
from mm.store.journal.layout import segment_path, segments
from mm.store.journal.reader import read
from mm.store.journal.segment import SegmentReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What is left of a run.

    Fields: own, market: where their families end; missing: what was torn off, to be noted; empty: segments
    that hold not even a header; last_seq, last_ts_ns: of the newest record.
    """

    run: RunHeader
    own: Tail
    market: Tail
    missing: tuple[Missing, ...]
    empty: tuple[Path, ...]
    last_seq: int
    last_ts_ns: int

    @property
    def torn_bytes(self) -> int:
        """Bytes that are cut, of both families."""
        return sum(missing.cut_bytes for missing in self.missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    tail: Tail
    run: RunHeader | None
    empty: tuple[Path, ...]
    cut_bytes: int


def recovered(directory: Path) -> Recovery:
    """Return what is left of the run in `directory`.

    Raises: JournalCorrupt, also if not even one header is whole; JournalForeign; StateCorrupt.
    """
    own, market = _end(directory, Family.OWN), _end(directory, Family.MARKET)
    if own.run is None:
        raise JournalCorrupt(
            f"{directory}: holds no whole header: nothing was ever recorded in it",
            path=str(directory),
            hint="remove the directory",
        )
    newest = max(own.tail, market.tail, key=lambda tail: tail.last_seq)
    gaps = _gaps(directory, own.tail, market.tail)
    missing = []
    for family, end in ((Family.OWN, own), (Family.MARKET, market)):
        gap = gaps.get(family)
        if gap is None and not end.cut_bytes:
            continue
        missing.append(
            Missing(
                family=family,
                cause=Cause.TORN,
                segment=end.tail.segment,
                first_seq=gap.first_seq if gap else end.tail.last_seq + 1,
                last_seq=_last_torn(family, gap, newest.last_seq) if gap else end.tail.last_seq,
                cut_bytes=end.cut_bytes,
            )
        )
    return Recovery(
        run=own.run,
        own=own.tail,
        market=market.tail,
        missing=tuple(missing),
        empty=own.empty + market.empty,
        last_seq=newest.last_seq,
        last_ts_ns=newest.last_ts_ns,
    )


def _last_torn(family: Family, gap: Missing, newest_seq: int) -> int:
    # Reading ends where our own family does: what the market has behind that is told of as a whole.
    return newest_seq if family is Family.OWN else gap.last_seq


def _gaps(directory: Path, own: Tail, market: Tail) -> dict[Family, Missing]:
    # Up to the lower end both families go on; what is not there behind it is known by reading.
    reading = read(directory, kinds=(), from_seq=min(own.last_seq, market.last_seq) + 1)
    for _ in reading:
        continue
    gaps = {missing.family: missing for missing in reading.missing if missing.cause is Cause.TORN}
    told_seq = max([reading.last_seq, *(missing.last_seq for missing in reading.missing)])
    newest_seq = max(own.last_seq, market.last_seq)
    if told_seq < newest_seq:
        # Nothing of them is there; a segment that begins behind them says that they were. Power that fails
        # while a segment is ended leaves that.
        family = Family.OWN if own.last_seq < market.last_seq else Family.MARKET
        first_seq = gaps[family].first_seq if family in gaps else told_seq + 1
        gaps[family] = Missing(
            family=family, cause=Cause.TORN, segment=0, first_seq=first_seq, last_seq=newest_seq
        )
    return gaps


def _end(directory: Path, family: Family) -> _End:
    empty: list[Path] = []
    cut_bytes = 0
    for number in reversed(segments(directory, family)):
        path = segment_path(directory, family, number)
        segment = SegmentReader(path, family, number)
        try:
            while segment.next() or segment.at_end(last=True):
                continue
            cut_bytes += segment.torn_bytes
            if segment.header is None:
                empty.append(path)
                continue
            if empty and segment.ends == END_BLOCK:
                raise segment.damage("the segment has no end, and another follows")
            return _End(
                tail=_tail(segment, number), run=segment.header.run, empty=tuple(empty), cut_bytes=cut_bytes
            )
        finally:
            segment.close()
    return _End(tail=_dropped_tail(directory, family), run=None, empty=tuple(empty), cut_bytes=cut_bytes)


def _tail(segment: SegmentReader, number: int) -> Tail:
    segment.settle()
    return Tail(
        segment=number,
        path=segment.path,
        size=segment.offset,
        last_seq=segment.last_seq,
        last_ts_ns=segment.last_ts_ns,
        end_digest=segment.digest,
        running=segment.hasher if segment.ends == END_BLOCK else None,
    )


def _dropped_tail(directory: Path, family: Family) -> Tail:
    # Of a family whose every segment was dropped, the newest one's end is in our own records.
    known = declared(directory) if family is Family.MARKET else ()
    dropped = [missing for missing in known if missing.cause is Cause.DROPPED]
    newest = max(dropped, key=lambda missing: missing.segment, default=None)
    return Tail(
        segment=newest.segment if newest else 0,
        path=segment_path(directory, family, newest.segment if newest else 1),
        size=0,
        last_seq=newest.last_seq if newest else 0,
        last_ts_ns=0,
        end_digest=newest.end_digest if newest else NO_DIGEST,
        running=None,
    )
