"""Holds the files of a store against what its manifests say of them: rows, messages, times.

Reads single columns, in DuckDB, no row in Python. Must never trust a total that it did not count. Invariant:
a file whose checksum is wrong is not looked at. Import this module late: it needs NumPy.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from mm.domain.events import AnyEvent, BookLost
from mm.domain.tape import KEYFRAME, OTHER, SNAPSHOT
from mm.store.recordings.detailed import KEPT
from mm.store.recordings.parquet.layout import MANIFEST_NAME, Manifest, Part, Span, manifest_of
from mm.store.recordings.parquet.writer import kind_name
from mm.store.recordings.parquet_files import ParquetFile

_TOTALS = (
    "rows",
    "messages",
    "counts",
    "first_ns",
    "last_ns",
    "first_venue_ms",
    "last_venue_ms",
    "gap_count",
)


class Mismatch(NamedTuple):
    """A number of a manifest that is not that of the rows. Fields: file: it is said of; ts_ns; detail."""

    file: str
    ts_ns: int
    detail: str


def mismatches(directory: Path, manifest: Manifest) -> Iterator[Mismatch]:
    """Yield what a manifest says otherwise than its files; raises RecordingUnusable if one cannot be read."""
    path = str(directory / MANIFEST_NAME)
    for span in manifest.spans:
        counts: dict[str, int] = {}
        for part in span.parts:
            yield from _of_part(directory / part.name, part, counts)
        yield from _of_span(directory, span, counts)
    whole = manifest_of(
        manifest.venue, manifest.day, manifest.instrument, manifest.spans, controls=manifest.controls
    )
    said = {name: getattr(manifest, name) for name in _TOTALS}
    found = {name: getattr(whole, name) for name in _TOTALS}
    yield from _differing(path, manifest.first_ns, said, found)


def _of_part(path: Path, part: Part, counts: dict[str, int]) -> Iterator[Mismatch]:
    file = ParquetFile(path)
    kinds = file.grouped("kind", "count(*)", "count(*) filter (last <> 0)", "min(ts_ns)", "max(ts_ns)")
    file.close()
    rows = {kind: values[0] for kind, values in kinds.items()}
    firsts = {kind: values[2] for kind, values in kinds.items()}
    for kind, values in kinds.items():
        counts[kind_name(kind)] = counts.get(kind_name(kind), 0) + values[1]
    kept = sum(count for kind, count in rows.items() if kind > KEPT)
    found = {
        "rows": sum(rows.values()) - kept,
        "kept": kept,
        "others": rows.get(OTHER, 0),
        "keyframe_ns": firsts.get(KEYFRAME, 0),
        "snapshot_ns": firsts.get(SNAPSHOT, 0),
        "first_ns": min(firsts.values(), default=0),
        "last_ns": max((values[3] for values in kinds.values()), default=0),
    }
    yield from _differing(str(path), part.first_ns, {name: getattr(part, name) for name in found}, found)


def _of_span(directory: Path, span: Span, counts: dict[str, int]) -> Iterator[Mismatch]:
    beside = sum(count for name, count in counts.items() if name.startswith("kept_") or name == "mark")
    found: dict[str, object] = {
        "rows": sum(part.rows for part in span.parts),
        "messages": sum(counts.values()) - beside,
        "counts": counts,
        "first_ns": span.parts[0].first_ns,
        "last_ns": span.parts[-1].last_ns,
        "gap_count": _lost_books(directory, span),
    }
    said = {name: getattr(span, name) for name in found}
    place = f"{directory / MANIFEST_NAME} (import {span.import_id[:12]})"
    yield from _differing(place, span.first_ns, said, found)


def _lost_books(directory: Path, span: Span) -> int:
    if not span.others_name:
        return 0
    content = (directory / span.others_name).read_bytes()
    events = msgspec.json.Decoder(AnyEvent).decode_lines(content)
    return sum(isinstance(event, BookLost) for event in events)


def _differing(
    file: str, ts_ns: int, said: dict[str, object], found: dict[str, object] | dict[str, int]
) -> Iterator[Mismatch]:
    for name, value in found.items():
        if said[name] != value:
            yield Mismatch(file, ts_ns, f"the manifest says {name} {said[name]}, its rows say {value}")
