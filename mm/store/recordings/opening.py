"""Tells the forms of recordings apart by what the files hold, and opens each as a source.

Must never judge a file by its name where its content tells. Invariant: a source that is returned holds the
symbols that were asked for, in that order, and no others.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from mm.errors import ConfigError, RecordingUnusable, UsageError
from mm.store.journal.layout import JOURNAL_NAME
from mm.store.recordings.extra import require_research
from mm.store.recordings.facts import Facts
from mm.store.recordings.foreign.npz import is_npz
from mm.store.recordings.foreign.tardis_csv import is_tardis
from mm.store.recordings.framed.form import PREAMBLE, SUFFIX
from mm.store.recordings.framed.source import FramedSource, framed_sources
from mm.store.recordings.merged import merged
from mm.store.recordings.parquet.layout import MANIFEST_NAME
from mm.store.recordings.raw.lines import content_bytes
from mm.store.recordings.raw.reader import Entry, records
from mm.store.recordings.raw.records import Market
from mm.store.recordings.source import Opening, Source, check_facts

PARQUET_MAGIC: Final = b"PAR1"
_TELL_EVERY: Final = 4_096
_MAGIC_BYTES: Final = len(PREAMBLE)


class Form(StrEnum):
    """What a path holds."""

    STORE = "store"
    RUN = "run"
    PARQUET = "parquet"
    FRAMED = "framed"
    NPZ = "hftbacktest"
    TARDIS = "tardis"
    RAW = "raw"


def form_of(path: Path) -> Form:
    """Return the form of what lies at a path; raises RecordingUnusable if nothing known lies there."""
    try:
        if path.is_dir():
            return _form_of_directory(path)
        with path.open("rb") as file:
            first = file.read(_MAGIC_BYTES)
    except OSError as error:
        raise RecordingUnusable(
            f"{path}: cannot be read: {error.strerror or error}", hint="name a recording"
        ) from None
    if first.startswith(PARQUET_MAGIC):
        return Form.PARQUET
    if first.startswith(PREAMBLE[:4]) or path.suffix == SUFFIX:
        return Form.FRAMED
    if is_npz(path):
        return Form.NPZ
    return Form.TARDIS if is_tardis(path) else Form.RAW


def _form_of_directory(path: Path) -> Form:
    if (path / JOURNAL_NAME).is_dir():
        return Form.RUN
    if next(path.rglob(MANIFEST_NAME), None) is not None:
        return Form.STORE
    if next(path.glob(f"*{SUFFIX}"), None) is not None:
        return Form.FRAMED
    raise RecordingUnusable(
        f"{path}: neither a store of recordings, nor what mm record left, nor the directory of a run",
        hint="mm data import FILES --into DIR makes a store",
    )


def open_source(
    paths: Sequence[Path], *, symbol: str | Sequence[str] | None = None, facts: Facts | None = None
) -> Source:
    """Open recordings, told apart by what they hold: a store (the directory that `mm data import` fills, or
    one partition of it), normalised Parquet files, raw files of Binance, framed files of `mm record`, npz of
    hftbacktest, CSV of Tardis.dev, or the directory of a run, whose journal is a recording.

    Files of one market follow each other in the order given; several markets are merged by local time.
    Args: symbol: unified name, or several; None: all that are there.
    Raises: RecordingUnusable, RecordingDamaged, StateCorrupt; ConfigError without the extra that Parquet
    needs, or if a symbol is not there.
    """
    if not paths:
        raise RecordingUnusable("no recording was named", hint="name files, a store or a run's directory")
    wanted = () if symbol is None else (symbol,) if isinstance(symbol, str) else tuple(symbol)
    opening = Opening(paths=tuple(paths), symbols=wanted, facts=facts or Facts())
    return _chosen(_found(opening), wanted)


def opened_each(opening: Opening) -> list[Source]:
    """Open what was asked for as one source per market, also where markets have symbols of one name.

    Raises: as `open_source`.
    """
    found = _found(opening)
    wanted = opening.symbols
    if wanted:
        _check_there(found, wanted)
    return [
        _alone(source, symbol)
        for source in found
        for symbol in source.symbols
        if not wanted or symbol in wanted
    ]


# A source that can tell one of its markets by itself does that with all details.
def _alone(source: Source, symbol: str) -> Source:
    if len(source.symbols) > 1 and isinstance(source, FramedSource):
        return source.alone(symbol)
    return merged([source], (symbol,))


def require_once(paths: Sequence[Path]) -> None:
    """Raise UsageError if one of these is there twice."""
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            raise UsageError(f"{path} is named twice", hint="name each recording once")
        seen.add(path.resolve())


def _found(opening: Opening) -> list[Source]:
    require_once(opening.paths)
    forms = [form_of(path) for path in opening.paths]
    found: list[Source] = []
    for form in dict.fromkeys(forms):
        paths = [path for path, its in zip(opening.paths, forms, strict=True) if its is form]
        if form is Form.RAW:
            found.extend(_raw(paths, opening.facts, opening.progress))
        else:
            found.extend(_OPENERS[form](paths, opening.facts))
    return found


# Sources of one market each where their form allows that; a run or a recording may hold several.
def _chosen(found: Sequence[Source], symbols: tuple[str, ...]) -> Source:
    there = _check_there(found, symbols)
    wanted = [source for source in found if not symbols or set(source.symbols) & set(symbols)]
    return merged(wanted, symbols or tuple(there))


def _check_there(found: Sequence[Source], symbols: tuple[str, ...]) -> list[str]:
    there = [symbol for source in found for symbol in source.symbols]
    absent = [symbol for symbol in symbols if symbol not in there]
    if absent:
        raise ConfigError(
            f"{', '.join(source.name for source in found)}: no {absent[0]} there, but {', '.join(there)}",
            hint="name one of these",
        )
    return there


def _raw(paths: Sequence[Path], facts: Facts, progress: Callable[[int], object] | None) -> list[Source]:
    from mm.store.recordings.raw_source import RawSource  # noqa: PLC0415 - only what is asked for

    groups: dict[tuple[str, Market | None], list[Path]] = {}
    for path in paths:
        groups.setdefault(_market_of(path), []).append(path)
    told, done, found = progress or (lambda _: None), 0, list[Source]()
    for group in groups.values():
        found.append(RawSource(group, facts, _after(group, done, told)))
        done += content_bytes(group)
    return found


# Bytes of all files read so far, by where the last entry stands.
def _after(
    paths: Sequence[Path], before: int, progress: Callable[[int], object]
) -> Callable[[Entry], object]:
    begins, count = {}, 0
    for path in paths:
        begins[path] = before
        before += content_bytes([path])

    def tell(entry: Entry) -> None:
        nonlocal count
        count += 1
        if count % _TELL_EVERY == 0:
            progress(begins[entry.path] + entry.record.offset)

    return tell


# A look at the beginning: files of one market follow each other, those of another are another source.
def _market_of(path: Path) -> tuple[str, Market | None]:
    symbol, market = "", None
    for entry in records([path], takes_inverse=True):
        symbol = symbol or entry.record.symbol
        market = market or entry.record.market
        if symbol and market is not None:
            break
    return symbol, market


def _runs(paths: Sequence[Path], facts: Facts) -> list[Source]:
    from mm.store.recordings.journal_source import JournalSource  # noqa: PLC0415 - only what is asked for

    return [_as_said(JournalSource(path), path, facts) for path in paths]


def _as_said(source: Source, path: Path, facts: Facts) -> Source:
    check_facts(str(path), source.instruments, facts)
    return source


def _parquet(paths: Sequence[Path], facts: Facts) -> list[Source]:
    require_research(paths[0])
    from mm.store.recordings.parquet.normalised_source import normalised_sources  # noqa: PLC0415 - needs the extra

    return normalised_sources(paths, facts)


def _stores(paths: Sequence[Path], facts: Facts) -> list[Source]:
    require_research(paths[0])
    from mm.store.recordings.parquet.source import store_sources  # noqa: PLC0415 - needs the extra

    return [_as_said(source, path, facts) for path in paths for source in store_sources(path)]


def _npz(paths: Sequence[Path], facts: Facts) -> list[Source]:
    from mm.store.recordings.foreign.npz import hftbacktest_sources  # noqa: PLC0415 - of this form

    return hftbacktest_sources(paths, facts)


def _tardis(paths: Sequence[Path], facts: Facts) -> list[Source]:
    from mm.store.recordings.foreign.tardis_csv import tardis_sources  # noqa: PLC0415 - only what is asked for

    return tardis_sources(paths, facts)


_OPENERS: Final[dict[Form, Callable[[Sequence[Path], Facts], list[Source]]]] = {
    Form.STORE: _stores,
    Form.RUN: _runs,
    Form.PARQUET: _parquet,
    Form.FRAMED: framed_sources,
    Form.NPZ: _npz,
    Form.TARDIS: _tardis,
}
