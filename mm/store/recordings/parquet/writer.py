"""Puts a source into a store: a partition per day, files of rows, then the manifest that makes them count.

Must never replace or change what is there: the same again is told, other content for the same time refused.
Invariants: a manifest names whole files only; of an import that ended early the days with a manifest are
whole. Import this module late: it needs NumPy.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
import numpy as np

from mm.domain.events import AnyEvent, BookLost
from mm.domain.tape import DELTA, KEYFRAME, OTHER, SNAPSHOT, Chunk, TapeKind
from mm.errors import RecordingUnusable
from mm.store.lock import FileLock
from mm.store.recordings.blocks import (
    EVENT_MS,
    FRAME,
    KIND,
    LAST,
    NAMES,
    SEQ,
    TS_NS,
    block_of,
    plain_block,
)
from mm.store.recordings.detailed import KEPT, MADE_HERE, MARK, Detailed
from mm.store.recordings.parquet.layout import (
    DAY_NS,
    FORM,
    ManifestGap,
    Part,
    SourceFile,
    Span,
    day_of,
    manifest_of,
    partition,
    read_manifest,
    same_grid,
    write_manifest,
)
from mm.store.recordings.parquet_files import write_parquet
from mm.store.recordings.raw_source import file_digest
from mm.store.recordings.source import Source
from mm.store.recordings.totals import Totals

if TYPE_CHECKING:
    from mm.store.recordings.parquet_files import Integers

GAPS_MAX: Final = 1_000
"""Gaps that a span tells with their place; all are counted."""

LOCK_NAME: Final = ".import.lock"
"""Held while an import writes into a store."""

_SMALL: Final = ("kind", "side", "last")
TYPES: Final = {name: f"{name}::tinyint" if name in _SMALL else name for name in NAMES if name != "market"}
"""The columns of a file; its market is that of the partition."""


class Tells(Protocol):
    """A source that tells more than the rows of a tape."""

    def detailed(self) -> Iterator[Detailed]:
        """Yield everything that it holds; see `Detailed`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What came of an import. Fields: directories: of the partitions, those that were there already in
    `known`; rows: that were written; totals: of messages, likewise.
    """

    import_id: str
    directories: tuple[Path, ...]
    known: tuple[Path, ...]
    rows: int
    totals: Totals


def store(source: Source, into: Path, sources: tuple[Path, ...], progress: Callable[[int], object]) -> Stored:
    """Put a source of one market into the store at `into`.

    Args: sources: the files it was made of; progress: is told up to which local time it is done.
    Raises: RecordingUnusable if other content is there for the same time or on another grid, or it cannot be
    written; what the source raises.
    """
    if len(source.symbols) != 1:
        raise RecordingUnusable(
            f"{source.name}: holds {', '.join(source.symbols)}", hint="import one symbol at a time: --symbol"
        )
    with _alone(into):
        return _store(source, into, sources, progress)


def _store(
    source: Source, into: Path, sources: tuple[Path, ...], progress: Callable[[int], object]
) -> Stored:
    writing = _Writing(source, into, sources)
    if writing.is_complete():
        return writing.stored()
    frames = 0
    tells = getattr(source, "detailed", None)
    chunks: Iterator[Detailed | Chunk] = source.chunks() if tells is None else tells()
    for chunk in chunks:
        if isinstance(chunk, Detailed):
            block, others = block_of(chunk), chunk.chunk.others
        else:
            block, others = plain_block(chunk, frames), chunk.others
            frames = max(frames, int(block[NAMES.index("frame")].max(initial=-1)) + 1)
        writing.take(block, others)
        progress(int(block[TS_NS, -1]))
    writing.end()
    return writing.stored()


# Two imports at once would each leave out what the other adds to a manifest.
@contextlib.contextmanager
def _alone(into: Path) -> Iterator[None]:
    path = into / LOCK_NAME
    try:
        into.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, refusal=f"{into}: another import writes there", hint="wait until it has ended")
    except OSError as error:
        raise RecordingUnusable(f"{path}: cannot be written: {error.strerror or error}") from None
    with lock:
        yield


@dataclass(slots=True)
class _Day:
    # What a partition gets from this import, as far as it is written.
    directory: Path
    day: str
    continues: bool
    is_there: bool = False  # an import of the same content that was broken off had finished it
    parts: list[Part] = field(default_factory=list)
    others: list[AnyEvent] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    gaps: list[ManifestGap] = field(default_factory=list)
    gap_count: int = 0
    ended: int = 0  # how many of the gaps a whole book has ended
    messages: int = 0
    totals: Totals = field(default_factory=Totals)
    first_venue_ms: int = 0
    last_venue_ms: int = 0


class _Writing:
    def __init__(self, source: Source, into: Path, sources: tuple[Path, ...]) -> None:
        self._source, self._into = source, into
        self._venue = source.venue or "unknown"
        self._instrument = source.instruments[0]
        self._sources = tuple(
            SourceFile(name=path.name, bytes=path.stat().st_size, sha256=file_digest(path))
            for path in sources
            if path.is_file()
        )
        said = f"{FORM} {self._venue} {source.digest}"
        self._import_id = sha256(said.encode()).hexdigest()
        self._day: _Day | None = None
        self._made: list[Path] = []
        self._known: list[Path] = []
        self._rows = 0
        self._totals = Totals()
        self._changed_ns = 0

    def stored(self) -> Stored:
        return Stored(
            import_id=self._import_id,
            directories=tuple(self._made + self._known),
            known=tuple(self._known),
            rows=self._rows,
            totals=self._totals,
        )

    # Whether all of it is there: its last day is, and days are written in order.
    def is_complete(self) -> bool:
        folder = partition(self._into, self._venue, self._instrument.symbol, "").parent
        found: list[tuple[Path, Span]] = []
        for directory in sorted(folder.glob("day=*")):
            manifest = read_manifest(directory)
            spans = () if manifest is None else manifest.spans
            found.extend((directory, span) for span in spans if span.import_id == self._import_id)
        if not any(span.ends for _, span in found):
            return False
        self._known = [directory for directory, _ in found]
        return True

    def take(self, block: "Integers", others: tuple[AnyEvent, ...]) -> None:
        begin = 0
        while begin < block.shape[1]:
            ts_ns = int(block[TS_NS, begin])
            end = int(np.searchsorted(block[TS_NS], (ts_ns // DAY_NS + 1) * DAY_NS))
            day = day_of(ts_ns)
            if self._day is None or self._day.day != day:
                self._finish(ends=False)
                directory = partition(self._into, self._venue, self._instrument.symbol, day)
                self._day = _Day(directory, day, continues=bool(self._made or self._known))
                there = self._refuse_overlap(self._day, ts_ns, ts_ns)
                self._day.is_there = any(one.import_id == self._import_id for one in there)
            if not self._day.is_there:
                # What a manifest holds the digests of is never written again, were it to the same rows.
                self._part(self._day, block[:, begin:end], others)
            self._note_change(block[:, begin:end])
            begin = end

    def end(self) -> None:
        self._finish(ends=True)

    def _part(self, day: _Day, block: "Integers", others: tuple[AnyEvent, ...]) -> None:
        block = np.ascontiguousarray(block)
        is_other = block[KIND] == OTHER
        name = f"{self._import_id[:12]}-{len(day.parts):05d}.parquet"
        is_depth = _is_depth(block)
        for row in np.flatnonzero(is_other).tolist():
            before = np.flatnonzero(is_depth[:row])
            since_ns = int(block[TS_NS, before[-1]]) if len(before) else self._changed_ns
            event = others[int(block[SEQ, row])]
            self._other(day, event, (name, row), since_ns or event.ts_ns)
            block[SEQ, row] = len(day.others) - 1
        self._count(day, block)
        self._end_gaps(day, block, name)
        path = day.directory / name
        self._write(path, block)
        kept = int((block[KIND] > KEPT).sum())
        part = Part(
            name=name,
            rows=block.shape[1] - kept,
            kept=kept,
            others=int(is_other.sum()),
            keyframe_ns=_first_of(block, KEYFRAME),
            snapshot_ns=_first_of(block, SNAPSHOT),
            first_ns=int(block[TS_NS, 0]),
            last_ns=int(block[TS_NS, -1]),
            bytes=path.stat().st_size,
            sha256=file_digest(path),
        )
        day.parts.append(part)

    def _note_change(self, block: "Integers") -> None:
        changes = np.flatnonzero(_is_depth(block))
        if len(changes):
            self._changed_ns = int(block[TS_NS, changes[-1]])

    def _write(self, path: Path, block: "Integers") -> None:
        temporary = path.with_name(f".{path.name}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_parquet(temporary, dict(zip(NAMES, block, strict=True)), TYPES, {"mm.form": str(FORM)})
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError as error:
            raise RecordingUnusable(f"{path}: cannot be written: {error.strerror or error}") from None
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()

    @staticmethod
    def _other(day: _Day, event: AnyEvent, where: tuple[str, int], since_ns: int) -> None:
        day.others.append(event)
        if isinstance(event, BookLost):
            day.gap_count += 1
            if len(day.gaps) < GAPS_MAX:
                part, row = where
                day.gaps.append(
                    ManifestGap(part=part, row=row, ts_ns=event.ts_ns, since_ns=since_ns, reason=event.reason)
                )

    @staticmethod
    def _end_gaps(day: _Day, block: "Integers", name: str) -> None:
        if day.ended == len(day.gaps):
            return
        whole = np.flatnonzero((block[KIND] == KEYFRAME) | (block[KIND] == SNAPSHOT))
        for at in range(day.ended, len(day.gaps)):
            gap = day.gaps[at]
            behind = whole[whole > gap.row] if gap.part == name else whole
            if not len(behind):
                return
            until_ns = int(block[TS_NS, behind[0]])
            day.gaps[at] = msgspec.structs.replace(gap, until_ns=until_ns)
            day.ended = at + 1

    @staticmethod
    def _count(day: _Day, block: "Integers") -> None:
        ends = block[:, block[LAST] != 0]
        kinds = np.bincount(ends[KIND])
        day.totals.add(totals_of(ends))
        for kind in np.flatnonzero(kinds).tolist():
            name = kind_name(kind)
            day.counts[name] = day.counts.get(name, 0) + int(kinds[kind])
        day.messages += int(kinds[: KEPT + 1].sum())
        told = block[EVENT_MS, block[EVENT_MS] > 0]
        if len(told):
            day.first_venue_ms = day.first_venue_ms or int(told[0])
            day.last_venue_ms = int(told[-1])

    def _finish(self, *, ends: bool) -> None:
        day = self._day
        if day is None:
            return
        if day.is_there:
            self._known.append(day.directory)
            return
        name, digest = self._write_others(day)
        span = Span(
            import_id=self._import_id,
            ends=ends,
            continues=day.continues,
            sources=self._sources,
            first_ns=day.parts[0].first_ns,
            last_ns=day.parts[-1].last_ns,
            first_venue_ms=day.first_venue_ms,
            last_venue_ms=day.last_venue_ms,
            rows=sum(part.rows for part in day.parts),
            messages=day.messages,
            counts=day.counts,
            gaps=tuple(day.gaps),
            gap_count=day.gap_count,
            parts=tuple(day.parts),
            others_name=name,
            others_sha256=digest,
            left_out=dict(getattr(self._source, "others", {})) if ends else {},
        )
        self._add(day, span)

    def _add(self, day: _Day, span: Span) -> None:
        others = self._refuse_overlap(day, span.first_ns, span.last_ns)
        if any(one.import_id == span.import_id for one in others):
            self._known.append(day.directory)
            return
        manifest = manifest_of(
            self._venue, day.day, self._instrument, (*others, span), controls=self._source.controls
        )
        write_manifest(day.directory, manifest)
        self._made.append(day.directory)
        self._rows += span.rows
        self._totals.add(day.totals)

    # The spans that are there, if there is room for one of that time on that grid, or it is there already.
    def _refuse_overlap(self, day: _Day, first_ns: int, last_ns: int) -> tuple[Span, ...]:
        manifest = read_manifest(day.directory)
        if manifest is None:
            return ()
        if any(span.import_id == self._import_id for span in manifest.spans):
            return manifest.spans
        if not same_grid(manifest.instrument, self._instrument):
            raise RecordingUnusable(
                f"{day.directory}: is on another grid: tick {manifest.tick_size}, lot {manifest.lot_size};"
                f" {self._source.name}: tick {self._instrument.price_text(1)},"
                f" lot {self._instrument.size_text(1)}",
                hint="say the grid with --tick and --lot or --info, or import into another directory",
            )
        for span in manifest.spans:
            if first_ns <= span.last_ns and span.first_ns <= last_ns:
                files = ", ".join(one.name for one in span.sources)
                raise RecordingUnusable(
                    f"{day.directory}: other content is there from {span.first_ns} to {span.last_ns} ns"
                    f" ({files}); {self._source.name} overlaps it from {max(first_ns, span.first_ns)} ns",
                    hint="nothing is written over: import into another directory",
                )
        return manifest.spans

    def _write_others(self, day: _Day) -> tuple[str, str]:
        if not day.others:
            return "", ""
        name = f"{self._import_id[:12]}-others.jsonl"
        content = msgspec.json.Encoder().encode_lines(day.others)
        path = day.directory / name
        temporary = path.with_name(f".{name}.tmp")
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError as error:
            raise RecordingUnusable(f"{path}: cannot be written: {error.strerror or error}") from None
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
        return name, sha256(content).hexdigest()


def totals_of(ends: "Integers") -> Totals:
    """Return what a block holds. Args: ends: the last row of each message."""
    made, is_here = Totals(), ends[FRAME] == MADE_HERE
    for frame, rows in ((MADE_HERE, is_here), (0, ~is_here)):
        for kind, count in enumerate(np.bincount(ends[KIND, rows]).tolist()):
            made.count(kind, frame, count)
    return made


def _is_depth(block: "Integers") -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    return np.isin(block[KIND], (DELTA, SNAPSHOT))


def _first_of(block: "Integers", kind: int) -> int:
    found = np.flatnonzero(block[KIND] == kind)
    return int(block[TS_NS, found[0]]) if len(found) else 0


def kind_name(kind: int) -> str:
    """Return the name of a kind of row, those that are kept beside the tape among them."""
    if kind == MARK:
        return "mark"
    return f"kept_{TapeKind(kind - KEPT).name.lower()}" if kind > KEPT else TapeKind(kind).name.lower()
