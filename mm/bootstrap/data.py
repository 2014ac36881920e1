"""What `mm data` does: recordings into a store, checked, and from one form into another.

Holds no reading or writing of its own: it opens sources and hands them to what stores or writes them. Must
never write over anything. Invariant: what is told as done is on the disk.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from mm.errors import ConfigError, RecordingUnusable
from mm.store.recordings.extra import require_research
from mm.store.recordings.facts import Facts
from mm.store.recordings.framed.ends import TornEnd, torn_ends
from mm.store.recordings.framed.reader import FramedRecording, is_framed
from mm.store.recordings.grid import GridDoubt
from mm.store.recordings.marks import marks_of
from mm.store.recordings.opening import opened_each
from mm.store.recordings.raw.lines import content_bytes
from mm.store.recordings.source import Opening, Source

if TYPE_CHECKING:
    from mm.store.recordings.parquet.writer import Stored

Progress = Callable[[str, int, int], object]
"""Told what is done, how much of it, and of how much."""


class ConvertTo(StrEnum):
    """A form that recordings are written in. HFTBACKTEST: by single orders where they are told."""

    NORMALISED = "normalised"
    HFTBACKTEST = "hftbacktest"
    HFTBACKTEST_LEVELS = "hftbacktest-levels"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOrder:
    """What is asked for. Fields: paths: of recordings; symbols: unified names, empty: all; facts."""

    paths: tuple[Path, ...]
    symbols: tuple[str, ...] = ()
    facts: Facts = field(default_factory=Facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of one market. Fields: name: of the source; left_out: frames that cannot be rows, by name;
    doubts: of the grid, where few numbers make it.
    """

    name: str
    venue: str
    symbol: str
    stored: "Stored"
    left_out: dict[str, int]
    doubts: tuple[GridDoubt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What was written. Fields: rows: of it; frames: messages as received that it holds, 0: it holds those of
    the tape; messages: of the tape that it holds; left_out: what the form cannot hold, by name.
    """

    path: Path
    name: str
    rows: int
    frames: int
    messages: int
    left_out: dict[str, int]


def open_markets(order: DataOrder, progress: Progress) -> list[Source]:
    """Open recordings as one source per market. Raises: as `mm.store.recordings.opening.open_source`."""
    if not order.paths:
        raise RecordingUnusable("no recording was named", hint="name files, a store or a run's directory")
    whole = content_bytes([path for path in order.paths if path.is_file()])
    opening = Opening(
        paths=order.paths,
        symbols=order.symbols,
        facts=order.facts,
        progress=lambda done: progress("reading", done, whole),
    )
    return opened_each(opening)


def import_recordings(order: DataOrder, into: Path, progress: Progress) -> list[Imported]:
    """Put recordings into the store at `into`, each market into its own partitions.

    Raises: as `open_markets` and `mm.store.recordings.parquet.writer.store`; markets before that are stored.
    """
    require_research(into)
    from mm.store.recordings.parquet.writer import store  # noqa: PLC0415 - needs the extra

    made = []
    for source in open_markets(order, progress):
        stored = store(source, into, _files_of(source, order.paths), _by_time(source, "writing", progress))
        left_out = dict(getattr(source, "others", {}))
        made.append(
            Imported(
                name=source.name,
                venue=source.venue,
                symbol=source.symbols[0],
                stored=stored,
                left_out=left_out,
                doubts=tuple(getattr(source, "doubts", ())),
            )
        )
    return made


def cut_off(paths: Sequence[Path]) -> list[TornEnd]:
    """Return where recordings of `mm record` among these end otherwise than in good order.

    Raises: RecordingDamaged, RecordingUnusable where they cannot be read.
    """
    framed = [path for path in paths if is_framed(path)]
    return torn_ends(FramedRecording(framed)) if framed else []


def convert(order: DataOrder, to: ConvertTo, out: Path, progress: Progress) -> Converted:
    """Write one market into a new file of another form.

    Raises: as `open_markets`; RecordingUnusable, RecordingFailed if there are several markets or the file is
    there.
    """
    require_research(out)
    sources = open_markets(order, progress)
    if len(sources) != 1:
        names = ", ".join(f"{source.venue} {source.symbols[0]}" for source in sources)
        raise ConfigError(
            f"{len(sources)} markets are there: {names}", hint="name one: --symbol, or fewer files"
        )
    (source,) = sources
    if to is not ConvertTo.NORMALISED:
        return _as_npz(source, out, levels=to is ConvertTo.HFTBACKTEST_LEVELS)
    from mm.store.recordings.parquet.normalised_writer import write_normalised  # noqa: PLC0415 - needs the extra

    made = write_normalised(source, out, _by_time(source, "writing", progress))
    left_out = {**dict(getattr(source, "others", {})), **made.left_out}
    return Converted(
        path=out,
        name=source.name,
        rows=made.rows,
        frames=made.frames,
        messages=made.totals.messages,
        left_out=left_out,
    )


def _as_npz(source: Source, out: Path, *, levels: bool) -> Converted:
    from mm.store.recordings.foreign.npz_writer import (  # noqa: PLC0415 - needs the extra
        write_hftbacktest,
    )

    made = write_hftbacktest(source, out, levels=levels)
    marks = sum(len(found) for found in marks_of(source).values())
    told = {
        "events that are no rows": made.left_out,
        "mark prices": marks,
        "changes of single orders beside the levels": made.orders,
    }
    left_out = {name: count for name, count in told.items() if count}
    return Converted(
        path=out,
        name=source.name,
        rows=made.rows,
        frames=0,
        messages=made.messages,
        left_out=left_out,
    )


def _by_time(source: Source, what: str, progress: Progress) -> Callable[[int], object]:
    first_ns, whole_ns = source.first_ns, max(1, source.last_ns - source.first_ns)
    return lambda ts_ns: progress(what, ts_ns - first_ns, whole_ns)


def _files_of(source: Source, paths: Sequence[Path]) -> tuple[Path, ...]:
    named = getattr(source, "paths", None)
    return tuple(path for path in (paths if named is None else named) if path.is_file())
