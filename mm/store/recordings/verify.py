"""Checks recordings whole and says what is wrong, and where.

Reads only. Must never stop at the first thing that is wrong, unless what follows cannot be read. Invariant:
no finding means that every byte was read, every number followed the one before, and nothing was out of order.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec

from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.errors import MMError, RecordingDamaged, RecordingUnusable, StateCorrupt
from mm.store.recordings.candles.klines_file import check_klines, disorder, klines
from mm.store.recordings.extra import require_research
from mm.store.recordings.facts import Facts
from mm.store.recordings.findings import Fault, Finding, Findings, MarketChecks
from mm.store.recordings.framed.ends import torn_ends
from mm.store.recordings.framed.form import SUFFIX
from mm.store.recordings.framed.own import OwnFacts, own_facts
from mm.store.recordings.framed.reader import FramedRecording, is_framed, record_offsets
from mm.store.recordings.located import located
from mm.store.recordings.opening import opened_each, require_once
from mm.store.recordings.parquet.layout import (
    MANIFEST_NAME,
    partitions,
    read_manifest,
    unlisted,
    unlisted_words,
)
from mm.store.recordings.raw.lines import Line, lines
from mm.store.recordings.raw_source import file_digest
from mm.store.recordings.source import Opening, Source
from mm.store.recordings.totals import Totals

TELL_EVERY: Final = 4_096
"""Messages from one word about the progress to the next."""

_NUMBERED: Final = ("binance", "binanceusdm", "binancecoinm")
_TIMES: Final = (b"open_time_ms", b"open_time_s", b"open_time")
_WORDS: Final = {"binance": "spot", "binanceusdm": "usdm", "binancecoinm": "coinm"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a check came to.

    Fields: name: what was read; totals: of all its markets; candles: that were held against the trades of a
    recording; candles_read: those in files of candles; findings: listed; counts: of all findings, by kind;
    first_ns, last_ns: local times, 0 if nothing could be read; account: what is there of one, None if none
    was recorded.
    """

    name: str
    totals: Totals
    candles: int
    candles_read: int
    findings: tuple[Finding, ...]
    counts: dict[Fault, int]
    first_ns: int
    last_ns: int
    account: OwnFacts | None = None

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not self.counts


def verify(
    paths: Sequence[Path], facts: Facts, progress: Callable[[int, int], object] = lambda _done, _all: None
) -> Verified:
    """Check recordings, files of candles, and those against the recordings that they are named with.

    Args: progress: is told how much of the local time is read, and of how much, in ns.
    Raises: ConfigError if Parquet cannot be read here, or the facts do not fit; UsageError if a path is named
    twice.
    """
    candles = [path for path in paths if _is_candles(path)]
    findings = Findings()
    require_once(paths)
    counted = {path: _check_candles(path, findings) for path in candles}
    markets = {path: tuple(counts) for path, counts in counted.items()}
    rest = [path for path in paths if path not in candles]
    for path in rest:
        if path.is_dir():
            _check_files(path, findings)
    sources: list[Source] = []
    totals, compared = Totals(), 0
    if rest and not findings.counts:
        for path in rest:
            _check_manifests(path, findings)
        sources = _opened(rest, facts, findings)
    for source in sources:
        for doubt in getattr(source, "doubts", ()):
            findings.add(Fault.GRID, (doubt.file, doubt.row), 0, doubt.words)
        totals.add(_check_rows(source, rest[0], findings, progress))
        for path, names in markets.items():
            compared += _compare(source, path, names, findings)
    for path in rest:
        for day in unlisted(path) if path.is_dir() else ():
            findings.add(Fault.MANIFEST, (str(day), 0), 0, unlisted_words(day))
    if sources:
        _check_ends(rest, findings)
    account = _check_account(rest, findings) if sources else None
    times = [_span(source) for source in sources]
    return Verified(
        name="; ".join([source.name for source in sources] or [str(path) for path in paths]),
        totals=totals,
        candles=compared,
        candles_read=sum(sum(counts.values()) for counts in counted.values()),
        findings=_with_bytes(findings.listed),
        counts=findings.counts,
        first_ns=min((first_ns for first_ns, _ in times if first_ns), default=0),
        last_ns=max((last_ns for _, last_ns in times), default=0),
        account=account,
    )


# Of a record the byte is told too: no editor counts records.
def _with_bytes(listed: Sequence[Finding]) -> tuple[Finding, ...]:
    rows: dict[str, set[int]] = {}
    for one in listed:
        if one.row and one.file.endswith(SUFFIX):
            rows.setdefault(one.file, set()).add(one.row)
    offsets = {file: record_offsets(Path(file), numbers) for file, numbers in rows.items()}
    return tuple(
        msgspec.structs.replace(one, byte=offsets.get(one.file, {}).get(one.row, -1)) for one in listed
    )


def _opened(paths: Sequence[Path], facts: Facts, findings: Findings) -> list[Source]:
    try:
        return opened_each(Opening(paths=tuple(paths), facts=facts))
    except (RecordingDamaged, RecordingUnusable, StateCorrupt) as error:
        _damage(findings, paths[0], 0, error)
        return []


def _damage(findings: Findings, path: Path, ts_ns: int, error: MMError) -> None:
    place = getattr(error, "path", "") or str(path), getattr(error, "line", 0)
    findings.add(Fault.DAMAGED, place, ts_ns, _without(place[0], error))


# Most errors open with their file, which stands before a finding already.
def _without(path: str, error: Exception) -> str:
    return str(error).removeprefix(f"{path}: ")


def _check_rows(
    source: Source, path: Path, findings: Findings, progress: Callable[[int, int], object]
) -> Totals:
    checks = MarketChecks(findings, counts_trades=source.venue in _NUMBERED)
    last_ns = 0
    try:
        whole_ns = source.last_ns - source.first_ns
        for count, told in enumerate(located(source)):
            last_ns = told.rows[0][0]
            checks.take(told)
            if count % TELL_EVERY == 0:
                progress(last_ns - source.first_ns, whole_ns)
        progress(whole_ns, whole_ns)
    except (RecordingDamaged, RecordingUnusable, StateCorrupt) as error:
        _damage(findings, path, last_ns, error)
    checks.end()
    return checks.totals


# Where damage hides its ends, a source has none.
def _span(source: Source) -> tuple[int, int]:
    with suppress(RecordingDamaged, RecordingUnusable, StateCorrupt):
        return source.first_ns, source.last_ns
    return 0, 0


# Damage was found with the rows already, here and below.
def _check_ends(paths: Sequence[Path], findings: Findings) -> None:
    framed = [path for path in paths if is_framed(path)]
    with suppress(RecordingDamaged, RecordingUnusable):
        for torn in torn_ends(FramedRecording(framed)) if framed else ():
            findings.add(Fault.TORN, (torn.file, torn.records), torn.ts_ns, torn.words)


def _check_account(paths: Sequence[Path], findings: Findings) -> OwnFacts | None:
    with suppress(RecordingDamaged, RecordingUnusable):
        account = own_facts(paths)
        for hole in account.holes if account is not None else ():
            findings.add(Fault.ACCOUNT_HOLE, (hole.file, hole.row), hole.from_ns, hole.words)
        return account
    return None


# What the manifests of a store say of their files.
def _check_files(path: Path, findings: Findings) -> None:
    for directory in partitions(path):
        try:
            manifest = read_manifest(directory)
        except RecordingUnusable as error:
            name = str(directory / MANIFEST_NAME)
            findings.add(Fault.DAMAGED, (name, 0), 0, _without(name, error))
            continue
        for span in () if manifest is None else manifest.spans:
            for part in span.parts:
                _check_digest(directory / part.name, part.sha256, part.first_ns, findings)
            if span.others_name:
                _check_digest(directory / span.others_name, span.others_sha256, span.first_ns, findings)


# Their totals are what reports, bounds and the beginning of a reading rest on.
def _check_manifests(path: Path, findings: Findings) -> None:
    directories = partitions(path) if path.is_dir() else []
    if not directories:
        return
    require_research(path)
    from mm.store.recordings.parquet.counts import mismatches  # noqa: PLC0415 - needs the extra

    for directory in directories:
        manifest = read_manifest(directory)
        if manifest is None:
            continue
        try:
            for one in mismatches(directory, manifest):
                findings.add(Fault.MANIFEST, (one.file, 0), one.ts_ns, one.detail)
        except RecordingUnusable as error:
            _damage(findings, directory, 0, error)


def _check_digest(path: Path, expected: str, ts_ns: int, findings: Findings) -> None:
    try:
        found = file_digest(path)
    except OSError as error:
        findings.add(Fault.DAMAGED, (str(path), 0), ts_ns, f"cannot be read: {error.strerror or error}")
        return
    if found != expected:
        detail = f"its SHA-256 is {found[:16]}..., its manifest says {expected[:16]}..."
        findings.add(Fault.CHECKSUM, (str(path), 0), ts_ns, detail)


def _is_candles(path: Path) -> bool:
    with suppress(RecordingDamaged, RecordingUnusable, StopIteration):
        return not path.is_dir() and _names_times(next(iter(lines(path))))
    return False


def _names_times(head: Line) -> bool:
    names = head.text.strip().split(b",")
    return any(name in names for name in _TIMES)


# Candles of one market stand one after the other; the shortest distance is their length.
# Returns how many of each market the file has, "" if it does not name them.
def _check_candles(path: Path, findings: Findings) -> dict[str, int]:
    times: dict[str, list[tuple[int, int]]] = {}
    try:
        for market, kline in klines(path):
            ts_ns = kline.open_ms * NS_PER_MS
            times.setdefault(market, []).append((ts_ns, kline.line))
            if wrong := disorder(kline):
                findings.add(Fault.PRICE, (str(path), kline.line), ts_ns, wrong)
    except (RecordingDamaged, RecordingUnusable) as error:
        findings.add(Fault.DAMAGED, (str(path), getattr(error, "line", 0)), 0, _without(str(path), error))
        return {}
    for market, found in times.items():
        _check_holes(path, market, found, findings)
    return {market: len(found) for market, found in times.items()}


# Candles of this market, by name where the file tells one, have to be those that its trades make.
def _compare(source: Source, path: Path, markets: Sequence[str], findings: Findings) -> int:
    symbol, word = source.instruments[0].venue_symbol, _WORDS.get(source.venue, source.venue)
    count = 0
    for market in markets:
        if market and not (market.endswith(symbol) and word in market):
            continue
        try:
            compared = check_klines(source, path, market=market).compared
        except (RecordingDamaged, RecordingUnusable) as error:
            _damage(findings, path, 0, error)
            return count
        count += compared.compared
        for one in compared.mismatches:
            detail = f"its {one.name} is {one.theirs}, the trades make {one.ours}"
            findings.add(Fault.CANDLE_DIFFERS, (str(path), one.line), one.open_ms * NS_PER_MS, detail)
    return count


def _check_holes(path: Path, market: str, found: list[tuple[int, int]], findings: Findings) -> None:
    steps = [after[0] - before[0] for before, after in pairwise(found)]
    length = min((step for step in steps if step > 0), default=0)
    for step, (ts_ns, row) in zip(steps, found[1:], strict=True):
        place = str(path), row
        name = f" of {market}" if market else ""
        if step <= 0:
            fault = Fault.DUPLICATE if step == 0 else Fault.LOCAL_TIME_BACK
            findings.add(fault, place, ts_ns, f"a candle{name} begins {-step // NS_PER_S} s before the last")
        elif step != length:
            missing = step // length - 1
            findings.add(
                Fault.CANDLE_HOLE,
                place,
                ts_ns,
                f"{missing} candles{name} of {length // NS_PER_S} s are missing",
            )
