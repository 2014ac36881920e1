"""Checks a whole journal and says what is in it, what is not, and where the first problem lies.

Reads only: nothing is repaired, and a journal may be verified while it is written.
"""

from dataclasses import dataclass
from pathlib import Path

from mm.errors import JournalCorrupt, StateCorrupt
from mm.store.journal.entries import Kind, Missing, RunHeader
from mm.store.journal.reader import read


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a journal holds, up to its end or to the first problem.

    Fields: run: None if nothing whole was ever written; records: read well, per kind in `counts`; segments:
    opened; first_ts_ns, last_ts_ns: 0 without records; torn_bytes: behind the last whole records, as a crash
    leaves them; closed: the end was written in good order; missing: records known not to be there; problem:
    the first one in words, "" if there is none; path, offset: where it lies, "" and -1 if it has no place.
    """

    run: RunHeader | None
    records: int
    counts: dict[Kind, int]
    segments: int
    first_ts_ns: int
    last_ts_ns: int
    last_seq: int
    torn_bytes: int
    closed: bool
    missing: tuple[Missing, ...]
    problem: str
    path: str
    offset: int

    @property
    def is_sound(self) -> bool:
        """Whether there is no problem; a torn end is none, a crash leaves one."""
        return not self.problem

    @property
    def is_whole(self) -> bool:
        """Whether it is sound and was closed in good order: not a byte of it is in doubt."""
        return self.is_sound and self.closed and not self.torn_bytes


def verify(directory: Path) -> Report:
    """Check all of the journal in `directory`: CRCs, numbers, the chain, that every record can be read."""
    reading = read(directory)
    problem, path, offset = "", "", -1
    try:
        for _ in reading:
            continue
    except JournalCorrupt as error:
        problem, path, offset = str(error), error.path, error.offset
    except StateCorrupt as error:
        problem = str(error)
    return Report(
        run=reading.run,
        records=sum(reading.counts.values()),
        counts=reading.counts,
        segments=reading.segments,
        first_ts_ns=reading.first_ts_ns,
        last_ts_ns=reading.last_ts_ns,
        last_seq=reading.last_seq,
        torn_bytes=reading.torn_bytes,
        closed=reading.closed,
        missing=tuple(reading.missing),
        problem=problem,
        path=path,
        offset=offset,
    )
