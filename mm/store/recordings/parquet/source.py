"""A store of recordings as a source: its files in order, a file at a time, checked before they are believed.

Must never join what was not recorded together: between two imports a book is lost. Invariant: the rows of one
market on one grid. Import this module late: it needs NumPy.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from mm.domain.events import AnyEvent, BookLost
from mm.domain.instrument import Instrument
from mm.domain.tape import KEYFRAME, ORDER, OTHER, SEAM, SNAPSHOT, Chunk, TapeKind
from mm.errors import RecordingDamaged, RecordingUnusable
from mm.store.recordings.blocks import KIND, LAST, NAMES, SEQ, TS_NS, joined, new_block, take_marks
from mm.store.recordings.detailed import KEPT, Detailed
from mm.store.recordings.marks import Marks
from mm.store.recordings.parquet.layout import (
    DAY_NS,
    Manifest,
    Part,
    Span,
    partitions,
    read_manifest,
    same_grid,
    unlisted,
    unlisted_words,
)
from mm.store.recordings.parquet_files import ParquetFile
from mm.store.recordings.raw_source import file_digest
from mm.store.recordings.source import DAYS_GONE, OPENING_NS, UNJOINED, Source, SourceGap, check_span

if TYPE_CHECKING:
    from mm.store.recordings.parquet_files import Integers

_TAPE: Final = {name: f"{name}::bigint" for name in NAMES[:9] if name != "market"}
_ALL: Final = {name: f"{name}::bigint" for name in NAMES if name != "market"}
_ORDERS: Final = {TapeKind.ORDER.name.lower(), TapeKind.ORDERS.name.lower()}
_HINT: Final = "import it again into another directory; mm data verify says what else is damaged"


class _Place(NamedTuple):
    # A part with where it stands.
    directory: Path
    span: Span
    part: Part

    @property
    def path(self) -> Path:
        return self.directory / self.part.name


class StoreSource:
    """The partitions of one market, in the order of their days. Implements `Source`.

    Fields: manifests: by the directory of each partition; remarks: on days that are there and are not read.
    """

    def __init__(self, directories: Sequence[Path], left: tuple[Path, ...] = ()) -> None:
        """Read the manifests.

        Args: left: days of it that cannot be read. Raises: RecordingUnusable if they are of several grids.
        """
        found = [(directory, read_manifest(directory)) for directory in directories]
        self.manifests: dict[Path, Manifest] = {path: one for path, one in found if one is not None}
        ordered = sorted(self.manifests, key=lambda path: self.manifests[path].first_ns)
        first = self.manifests[ordered[0]]
        for path in ordered[1:]:
            other = self.manifests[path]
            if not same_grid(first.instrument, other.instrument):
                raise RecordingUnusable(
                    f"{path}: tick {other.tick_size}, lot {other.lot_size} after tick {first.tick_size},"
                    f" lot {first.lot_size} in {ordered[0]}",
                    hint="days of one tick size can be read as one: name their partitions",
                )
        self.remarks = tuple(f"{day}: {unlisted_words(day)}" for day in left)
        self.instruments: tuple[Instrument, ...] = (first.instrument,)
        self.symbols = (first.symbol,)
        self.venue, self.controls = first.venue, first.controls
        self._places = [
            _Place(path, span, part)
            for path in ordered
            for span in self.manifests[path].spans
            for part in span.parts
        ]
        self.rows = sum(place.part.rows for place in self._places)
        self.first_ns = self._places[0].part.first_ns
        self.last_ns = self._places[-1].part.last_ns
        self._others: tuple[Path, tuple[AnyEvent, ...]] | None = None

    @property
    def name(self) -> str:
        """What it is, for people."""
        days = [manifest.day for manifest in self.manifests.values()]
        span = min(days) if len(days) == 1 else f"{min(days)} to {max(days)}"
        return f"{self.venue} {self.symbols[0]} {span}"

    @property
    def order_symbols(self) -> tuple[str, ...]:
        """The symbol, if every import told its single orders."""
        spans = {place.span.import_id: place.span for place in self._places}.values()
        return self.symbols if all(_ORDERS & span.counts.keys() for span in spans) else ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of those of the files and of the instrument."""
        said = [place.part.sha256 for place in self._places]
        said += [place.span.others_sha256 for place in self._places]
        return sha256(msgspec.json.encode((self.instruments[0], said))).hexdigest()

    @property
    def gaps(self) -> tuple[SourceGap, ...]:
        """Gaps that the manifests tell, those between two imports, and a long beginning without a book."""
        found: list[SourceGap] = []
        before: _Place | None = None
        for number, place in enumerate(self._places):
            if before is None:
                found += self._opening(place)
            elif why := _parts_ways(before, place):
                found.append(self._gap(place, 0, (before.part.last_ns, place.part.first_ns), number, why))
            before = place
            for gap in place.span.gaps:
                if gap.part == place.part.name:
                    made = self._gap(place, gap.row, (gap.since_ns, gap.ts_ns), number + 1, gap.reason)
                    found.append(replace(made, until_ns=gap.until_ns) if gap.until_ns else made)
        return tuple(found)

    def _opening(self, place: _Place) -> list[SourceGap]:
        begins_ns, book_ns = place.part.first_ns, self._book_from(0)
        # Where there is never a book nothing is lost: whoever plays it is told that there is none.
        if "kept_delta" not in place.span.counts or not book_ns or book_ns - begins_ns <= OPENING_NS:
            return []
        return [self._gap(place, 0, (begins_ns, begins_ns), 0, UNJOINED)]

    # Args: from_part: where the next whole book is looked for.
    def _gap(self, place: _Place, row: int, times: tuple[int, int], from_part: int, reason: str) -> SourceGap:
        return SourceGap(
            symbol=self.symbols[0],
            from_ns=times[0],
            to_ns=times[1],
            until_ns=self._book_from(from_part),
            place=f"{place.path}: row {row}",
            reason=reason,
        )

    # Local time of the first whole book in the parts from a number on, 0 if there is none.
    def _book_from(self, number: int) -> int:
        times = (
            ts_ns
            for place in self._places[number:]
            for ts_ns in sorted((place.part.keyframe_ns, place.part.snapshot_ns))
            if ts_ns
        )
        return next(times, 0)

    def chunks(self, from_ns: int = 0, to_ns: int = 0) -> Iterator[Chunk]:
        """Yield the rows; see `Source.chunks`."""
        check_span(self, from_ns, to_ns)
        first = self._first_place(from_ns)
        before: _Place | None = None
        for number, place in enumerate(self._places[first:]):
            if to_ns and place.part.first_ns >= to_ns:
                return
            if why := _parts_ways(before, place):
                yield self._lost(place, why).chunk
            before = place
            block, others = self._read(place, _TAPE)
            if from_ns and not number:
                block = block[:, _begin(block, from_ns) :]
            if to_ns and place.part.last_ns >= to_ns:
                block = block[:, : int(np.searchsorted(block[TS_NS], to_ns))]
            if block.shape[1]:
                yield _with_others(self.symbols, block, others).chunk

    def detailed(self) -> Iterator[Detailed]:
        """Yield everything that was imported, in order; see `Detailed`."""
        for _, detailed in self.parts():
            yield detailed

    def parts(self) -> Iterator[tuple[Path, Detailed]]:
        """Yield every file with all that it holds, kept rows too; before another import, a lost book."""
        before: _Place | None = None
        for place in self._places:
            if why := _parts_ways(before, place):
                yield place.path, self._lost(place, why)
            before = place
            block, others = self._read(place, _ALL)
            yield place.path, _with_others(self.symbols, block, others)

    def marks(self) -> dict[str, Marks]:
        """Return the mark prices by symbol, where they were imported. Raises: RecordingDamaged."""
        found = Marks()
        for place in self._places:
            if "mark" in place.span.counts and place.part.kept:
                take_marks(self._read(place, _ALL)[0], found)
        return {self.symbols[0]: found} if found else {}

    # The last file that holds a keyframe of that time or before; a store without any has snapshots at best.
    def _first_place(self, from_ns: int) -> int:
        parts = [place.part for place in self._places]
        for times in ([part.keyframe_ns for part in parts], [part.snapshot_ns for part in parts]):
            known = [at for at, ts_ns in enumerate(times) if 0 < ts_ns <= from_ns]
            if known:
                return known[-1]
        return 0

    def _read(self, place: _Place, columns: dict[str, str]) -> tuple["Integers", tuple[AnyEvent, ...]]:
        path, part = place.path, place.part
        try:
            is_whole = file_digest(path) == part.sha256
        except OSError as error:
            raise RecordingDamaged(
                f"{path}: cannot be read: {error.strerror or error}", path=str(path), hint=_HINT
            ) from None
        if not is_whole:
            raise RecordingDamaged(
                f"{path}: damaged: its SHA-256 is not that of its manifest", path=str(path), hint=_HINT
            )
        file = ParquetFile(path)
        found = file.window(0, file.count, columns)
        file.close()
        block = new_block(file.count)
        for line, name in enumerate(NAMES):
            if name in columns:
                block[line] = found[name]
        if columns is _TAPE and part.kept:
            block = np.ascontiguousarray(block[:, block[KIND] < KEPT])
        return block, self._events(place) if part.others else ()

    def _events(self, place: _Place) -> tuple[AnyEvent, ...]:
        path = place.directory / place.span.others_name
        if self._others is None or self._others[0] != path:
            try:
                content = path.read_bytes()
            except OSError as error:
                raise RecordingDamaged(
                    f"{path}: cannot be read: {error.strerror or error}", path=str(path), hint=_HINT
                ) from None
            if sha256(content).hexdigest() != place.span.others_sha256:
                raise RecordingDamaged(
                    f"{path}: damaged: its SHA-256 is not that of its manifest", path=str(path), hint=_HINT
                )
            events = msgspec.json.Decoder(AnyEvent).decode_lines(content)
            self._others = path, tuple(events)
        return self._others[1]

    def _lost(self, place: _Place, reason: str) -> Detailed:
        row = new_block(1)
        row[TS_NS], row[KIND], row[LAST] = place.part.first_ns, OTHER, 1
        lost = BookLost(ts_ns=place.part.first_ns, symbol=self.symbols[0], reason=reason)
        return joined(self.symbols, [row], (lost,))


def store_sources(path: Path) -> list[Source]:
    """Return a source per market of a store, or of what lies below any directory of it."""
    groups: dict[tuple[str, str], list[Path]] = {}
    left = unlisted(path)
    for directory in partitions(path):
        manifest = read_manifest(directory)
        assert manifest is not None
        groups.setdefault((manifest.venue, manifest.symbol), []).append(directory)
    return [
        StoreSource(group, tuple(day for day in left if day.parent == group[0].parent))
        for group in groups.values()
    ]


# Why a book does not go on from one part to the next, "" if it does.
def _parts_ways(before: _Place | None, place: _Place) -> str:
    if before is None or before.span is place.span:
        return ""
    if before.span.import_id != place.span.import_id or not place.span.continues:
        return SEAM
    return DAYS_GONE if place.part.first_ns // DAY_NS - before.part.last_ns // DAY_NS > 1 else ""


# Where the book can be had that stands at a time.
def _begin(block: "Integers", from_ns: int) -> int:
    heads = np.concatenate(([True], block[LAST, :-1] != 0)) & (block[TS_NS] <= from_ns)
    for kind in (KEYFRAME, SNAPSHOT):
        found = np.flatnonzero(heads & (block[KIND] == kind))
        if len(found):
            return _with_orders(block, int(found[-1]))
    return 0


# The single orders that make a snapshot stand before it.
def _with_orders(block: "Integers", row: int) -> int:
    while row and block[KIND, row - 1] == ORDER and block[TS_NS, row - 1] == block[TS_NS, row]:
        row -= 1
    return row


# The events of a part alone, numbered from its first.
def _with_others(symbols: tuple[str, ...], block: "Integers", others: tuple[AnyEvent, ...]) -> Detailed:
    rows = np.flatnonzero(block[KIND] == OTHER)
    chosen = [others[number] for number in block[SEQ, rows].tolist()]
    block[SEQ, rows] = np.arange(len(rows))
    return joined(symbols, [block], chosen)
