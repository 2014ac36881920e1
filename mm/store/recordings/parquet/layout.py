"""How a store of recordings lies on the disk, and what a partition says about itself in its manifest.

DIR/venue=V/symbol=BASE-QUOTE/day=YYYY-MM-DD/ holds manifest.json and the files that it names; the day is that
of local time, UTC. A file that no manifest names is left from an import that ended early, and means nothing.
Must never be written to but by adding. Invariant: the spans of a partition do not overlap.
"""

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_S, short_text
from mm.errors import RecordingUnusable
from mm.store.textfile import new_file

MANIFEST_NAME: Final = "manifest.json"
FORM: Final = 1
"""Version of what is described here and of the columns of the files."""

PART_SUFFIX: Final = ".parquet"
_DAY: Final = "day="

DAY_NS: Final = 86_400 * NS_PER_S


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was imported. Fields: name without its directory; bytes; sha256 in hexadecimal."""

    name: str
    bytes: int
    sha256: str


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A file of rows. Fields: rows: of the tape; kept: others beside them; others: of its rows, events that
    are none; keyframe_ns, snapshot_ns: of the first one in it, 0: none; first_ns, last_ns: local times.
    """

    name: str
    rows: int
    kept: int
    others: int
    keyframe_ns: int
    snapshot_ns: int
    first_ns: int
    last_ns: int
    bytes: int
    sha256: str


class ManifestGap(msgspec.Struct, frozen=True, kw_only=True):
    """A lost book. Fields: part, row: where; ts_ns: local time; since_ns: of the last change before it;
    reason: in words; until_ns: of the next whole book in this partition, 0: there is none, or it was not
    looked for.
    """

    part: str
    row: int
    ts_ns: int
    since_ns: int
    reason: str
    until_ns: int = 0


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """What one import put into one partition.

    Fields:
        import_id: the same for what was imported together, in all partitions; from what was read.
        ends: whether the import ended here; continues: whether it began in an earlier partition.
        sources; first_ns, last_ns: local times; first_venue_ms, last_venue_ms: the venue's, 0: none.
        rows: of the tape, keyframes among them; messages, counts: per kind, those of rows and kept ones.
        others_name, others_sha256: file with the events that are no rows, a line of JSON each; "" if none.
        left_out: frames that could not be held, by the name of their stream: they are in the sources alone.
    """

    import_id: str
    ends: bool
    continues: bool
    sources: tuple[SourceFile, ...]
    first_ns: int
    last_ns: int
    first_venue_ms: int
    last_venue_ms: int
    rows: int
    messages: int
    counts: dict[str, int]
    gaps: tuple[ManifestGap, ...]
    gap_count: int
    parts: tuple[Part, ...]
    others_name: str = ""
    others_sha256: str = ""
    left_out: dict[str, int] = {}


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a partition holds. Fields: form: FORM; controls: as in `Source`; tick_size, lot_size: as text, for
    people; the totals are those of the spans; spans: in the order of time.
    """

    form: int
    venue: str
    symbol: str
    day: str
    instrument: Instrument
    tick_size: str
    lot_size: str
    controls: bool
    rows: int
    messages: int
    counts: dict[str, int]
    first_ns: int
    last_ns: int
    first_venue_ms: int
    last_venue_ms: int
    gap_count: int
    spans: tuple[Span, ...]


class _Form(msgspec.Struct):
    form: int = 0


def day_of(ts_ns: int) -> str:
    """Return the day of a local time, UTC, as YYYY-MM-DD."""
    return datetime.fromtimestamp(ts_ns // NS_PER_S, tz=UTC).date().isoformat()


def partition(store: Path, venue: str, symbol: str, day: str) -> Path:
    """Return the directory of a partition; nothing is made."""
    return store / f"venue={venue}" / f"symbol={symbol.replace('/', '-')}" / f"day={day}"


def partitions(path: Path) -> list[Path]:
    """Return the partitions in a store or below any directory of it, sorted by their names."""
    return sorted(found.parent for found in path.rglob(MANIFEST_NAME))


def unlisted(path: Path) -> list[Path]:
    """Return the days in a store, or below any directory of it, that hold rows and no manifest: nothing of
    them is read. Sorted by their names.
    """
    days = {found.parent for found in path.rglob(f"*{PART_SUFFIX}") if found.parent.name.startswith(_DAY)}
    return sorted(day for day in days if not (day / MANIFEST_NAME).exists())


def unlisted_words(directory: Path) -> str:
    """Return what is to be said of such a day, without its name."""
    count = sum(1 for _ in directory.glob(f"*{PART_SUFFIX}"))
    files = "1 Parquet file" if count == 1 else f"{count} Parquet files"
    return (
        f"{files} and no {MANIFEST_NAME}, so nothing of this day is read: the manifest is gone, or its import"
        " ended early and goes on when it is asked for again"
    )


def read_manifest(directory: Path) -> Manifest | None:
    """Return what a partition says of itself, None if nothing is there.

    Raises: RecordingUnusable if it cannot be read or is of another form.
    """
    path = directory / MANIFEST_NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RecordingUnusable(f"{path}: cannot be read: {error.strerror or error}") from None
    try:
        form = msgspec.json.decode(content, type=_Form).form
        if form != FORM:
            raise RecordingUnusable(
                f"{path}: is of form {form}, this mm reads {FORM}", hint="import the recordings again"
            )
        return msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise RecordingUnusable(
            f"{path}: damaged: {error}", hint="import the recordings again into another directory"
        ) from None


def manifest_of(
    venue: str, day: str, instrument: Instrument, spans: tuple[Span, ...], *, controls: bool
) -> Manifest:
    """Return the manifest of a partition with these spans, at least one, put in the order of time."""
    ordered = tuple(sorted(spans, key=lambda span: span.first_ns))
    counts: dict[str, int] = {}
    for span in ordered:
        for kind, count in span.counts.items():
            counts[kind] = counts.get(kind, 0) + count
    return Manifest(
        form=FORM,
        venue=venue,
        symbol=instrument.symbol,
        day=day,
        instrument=instrument,
        tick_size=short_text(instrument.tick_atoms, instrument.quote_scale),
        lot_size=short_text(instrument.lot_atoms, instrument.base_scale),
        controls=controls,
        rows=sum(span.rows for span in ordered),
        messages=sum(span.messages for span in ordered),
        counts=counts,
        first_ns=ordered[0].first_ns,
        last_ns=ordered[-1].last_ns,
        first_venue_ms=ordered[0].first_venue_ms,
        last_venue_ms=ordered[-1].last_venue_ms,
        gap_count=sum(span.gap_count for span in ordered),
        spans=ordered,
    )


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Put a manifest in place, whole or not at all. Raises: RecordingUnusable if it cannot be written."""
    path = directory / MANIFEST_NAME
    try:
        new_file(path, msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
    except OSError as error:
        with contextlib.suppress(OSError):
            path.with_name(f".{path.name}.tmp").unlink()
        raise RecordingUnusable(f"{path}: cannot be written: {error.strerror or error}") from None


def same_grid(one: Instrument, other: Instrument) -> bool:
    """Return whether ticks, lots and atoms of two instruments mean the same."""
    return _grid(one) == _grid(other)


def _grid(instrument: Instrument) -> tuple[object, ...]:
    return (
        instrument.symbol,
        instrument.base_scale,
        instrument.quote_scale,
        instrument.tick_atoms,
        instrument.lot_atoms,
    )
