"""Makes the projection of a data directory from the journals of all its runs.

Only journals are read, and only the projection's file is written. Invariants: made twice of the same journals
it has the same content; a damaged journal changes nothing, unless it is to be left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from mm.bootstrap.records.run_facts import facts_of, family_bytes
from mm.errors import StateCorrupt
from mm.store.journal.ended import has_ended
from mm.store.journal.entries import Family, RunHeader
from mm.store.journal.layout import RunPlace, no_run, runs, segments
from mm.store.journal.reader import Reading, read
from mm.store.projection.facts import RunFacts, utc_text
from mm.store.projection.file import FILE_NAME, Draft, content_digest, is_current
from mm.store.projection.fold import Fold

PROGRESS_RECORDS: Final = 8_192

Progress = Callable[[int], object]
"""Is told how many bytes of journals were dealt with."""


@dataclass(slots=True, kw_only=True)
class Rebuilt:
    """How a projection was made.

    Fields: read, kept: runs; left_out: those that are damaged, with what was found; records: read; tables:
    rows of each; digest: of the content.
    """

    path: Path
    read: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    records: int = 0
    tables: dict[str, int] = field(default_factory=dict)
    digest: str = ""


def after(before: int, progress: Progress) -> Progress:
    """Return what tells `progress` of bytes that are counted anew, `before` of them having been told."""
    return lambda read_bytes: progress(before + read_bytes)


def journal_bytes(places: Sequence[RunPlace]) -> int:
    """Return the size of all segments of some runs."""
    return sum(family_bytes(place.journal, family) for place in places for family in Family)


def rebuild(
    data_dir: Path,
    *,
    whole: bool = False,
    skip_damaged: bool = False,
    progress: Progress = lambda _: None,
) -> Rebuilt:
    """Make the projection of a data directory; a run that is still written is read up to where it is.

    Args: whole: read every run anew, also those that are in the old projection and did not grow since.
        skip_damaged: leave damaged runs out.
    Raises: StateCorrupt if there is no run, or a journal is damaged or cut off; AlreadyRunning.
    """
    places = list(reversed(runs(data_dir)))
    if not places:
        raise no_run(data_dir)
    made = Rebuilt(path=data_dir / FILE_NAME)
    with Draft(made.path, keep=not whole and is_current(made.path)) as draft:
        known = draft.sizes()
        for gone in known.keys() - {place.run_id for place in places}:
            draft.forget(gone)
        done = 0
        for place in places:
            own_bytes = family_bytes(place.journal, Family.OWN)
            if known.get(place.run_id) == own_bytes:
                made.kept.append(place.run_id)
            else:
                draft.forget(place.run_id)
                source = _Source(place, own_bytes, after(done, progress))
                try:
                    made.records += source.into(draft)
                    made.read.append(place.run_id)
                except StateCorrupt as error:
                    if not skip_damaged:
                        raise
                    draft.forget(place.run_id)
                    made.left_out[place.run_id] = str(error)
            done += journal_bytes([place])
            progress(done)
        made.tables = draft.counts()
        draft.publish()
    made.digest = content_digest(made.path)
    return made


@dataclass(frozen=True, slots=True)
class _Source:
    # One run that is read.
    place: RunPlace
    own_bytes: int
    progress: Progress

    def into(self, draft: Draft) -> int:
        # A start that was cut off before its journal was there left nothing to read.
        if not segments(self.place.journal, Family.OWN) and not has_ended(self.place.journal):
            return 0
        reading = read(self.place.journal)
        fold: Fold | None = None
        for number, record in enumerate(reading):
            if fold is None:
                assert reading.run is not None  # a record has a header before it
                fold = Fold(facts_of(reading.run))
            for table, row in fold.take(record):
                draft.add(table, row)
            if number % PROGRESS_RECORDS == 0:
                self.progress(sum(part.bytes for part in reading.tallies))
        if reading.run is None:
            return 0
        facts = facts_of(reading.run)
        for table, row in (fold or Fold(facts)).rest():
            draft.add(table, row)
        draft.add("configs", _first_config(facts, reading.run))
        draft.add("runs", self._row(facts, reading.run, reading))
        return sum(reading.counts.values())

    def _row(self, facts: RunFacts, header: RunHeader, reading: Reading) -> dict[str, object]:
        return {
            "run_id": header.run_id,
            "epoch": header.epoch,
            "mode": facts.mode,
            "code_version": header.code_version,
            "config_digest": header.config_digest,
            "began_utc": utc_text(header.began_ns),
            "ended_utc": utc_text(reading.last_ts_ns) if reading.closed else "",
            "began_ns": header.began_ns,
            "first_ts_ns": reading.first_ts_ns,
            "last_ts_ns": reading.last_ts_ns,
            "last_seq": reading.last_seq,
            "records": sum(reading.counts.values()),
            "own_bytes": self.own_bytes,
            "torn_bytes": reading.torn_bytes,
            "closed": reading.closed,
            "missing": msgspec.json.encode(reading.missing).decode(),
        }


def _first_config(facts: RunFacts, header: RunHeader) -> dict[str, object]:
    return {
        "run_id": header.run_id,
        "seq": 0,
        "ts_ns": header.began_ns,
        "time_utc": utc_text(header.began_ns),
        "digest": header.config_digest,
        "who": "start",
        "text": facts.config_text,
        "revision": facts.revision,
        "applied_ns": header.began_ns,
    }
