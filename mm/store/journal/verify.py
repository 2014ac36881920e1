"""Checks a whole journal and says what is in it, what is not, and where the first problem lies.

Reads only: nothing is repaired, and a journal may be verified while it is written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mm.errors import JournalCorrupt, JournalForeign, StateCorrupt
from mm.store.journal.entries import Kind, Missing, RunHeader
from mm.store.journal.family import Tally
from mm.store.journal.reader import read

PROGRESS_RECORDS: Final = 8_192
"""So many records are read between two words about how far it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a journal holds, up to its end or to the first problem.

    Fields: run: None if nothing whole was ever written; records: read well, per kind in `counts`; segments:
    opened; first_ts_ns, last_ts_ns: 0 without records; torn_bytes: behind the last whole records, as a crash
    leaves them; closed: the end was written in good order; missing: records known not to be there; problem:
    the first one in words, "" if there is none; path, offset: where it lies, "" and -1 if it has no place;
    hint: what can be done about it; parts: what was read of each segment.
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
    hint: str
    parts: tuple[Tally, ...]

    @property
    def is_sound(self) -> bool:
        """Whether there is no problem; a torn end is none, a crash leaves one."""
        return not self.problem

    @property
    def is_whole(self) -> bool:
        """Whether it is sound and was closed in good order: not a byte of it is in doubt."""
        return self.is_sound and self.closed and not self.torn_bytes


def verify(directory: Path, *, progress: Callable[[int], object] = lambda _: None) -> Report:
    """Check all of the journal in `directory`: CRCs, numbers, the chain, that every record can be read.

    Args: progress: is told now and then how many bytes were read.
    """
    reading = read(directory)
    problem, path, offset, hint = "", "", -1, ""
    try:
        for number, _ in enumerate(reading):
            if number % PROGRESS_RECORDS == 0:
                progress(sum(part.bytes for part in reading.tallies))
    except (JournalCorrupt, JournalForeign) as error:
        problem, path, offset, hint = str(error), error.path, error.offset, error.hint
    except StateCorrupt as error:
        problem, hint = str(error), error.hint
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
        hint=hint,
        parts=reading.tallies,
    )
