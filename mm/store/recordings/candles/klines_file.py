"""A venue's own candles (CSV), their holes, and the comparison with those of the trades of a recording.

Numbers stay texts as they were written and are compared as integers of the instrument's scales. Must never
call two numbers the same that differ in any digit. Invariant: a candle that is not whole here is compared
with none.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from mm.domain.instrument import Instrument
from mm.domain.units import text_from_atoms
from mm.errors import RecordingDamaged, RecordingUnusable
from mm.store.recordings.candles.klines import MINUTE_MS, Candle, Candles, prints
from mm.store.recordings.raw.lines import Line, lines
from mm.store.recordings.source import Source


class Kline(NamedTuple):
    """A candle as a venue wrote it. Fields: line: of its file; the rest texts, "" where it does not tell."""

    line: int
    open_ms: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    quote_volume: str = ""
    trades: str = ""
    taker_buy_volume: str = ""
    taker_buy_quote_volume: str = ""
    first_trade_id: str = ""
    last_trade_id: str = ""
    complete: str = ""


_PLAIN: Final = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "trades",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "ignore",
)
"""The columns of the venue's own files, which may come without a line that names them."""

_TIMES: Final = {"open_time_ms": 1, "open_time_s": -1_000, "open_time": 0}
_NAMES: Final = {"count": "trades", "taker_buy_base_volume": "taker_buy_volume"}
_DECIMALS_MAX: Final = 40
_NEEDED: Final = ("open", "high", "low", "close", "volume")


def read_klines(path: Path, *, market: str = "") -> list[Kline]:
    """Return the candles of a CSV file, plain or gzip, in its order.

    Args: market: which ones, of a file with several in a column `market`.
    Raises: RecordingUnusable if it is no such file or holds several markets and none is named;
    RecordingDamaged with the line.
    """
    rows = list(klines(path))
    found = [kline for its, kline in rows if its == market or not market]
    markets = dict.fromkeys(its for its, _ in rows)
    if not market and len(markets) > 1:
        raise RecordingUnusable(
            f"{path}: candles of {', '.join(sorted(markets))}, expected one market", hint="name one of them"
        )
    if not found:
        raise RecordingUnusable(f"{path}: holds no candle{f' of {market}' if market else ''}")
    return found


def klines(path: Path) -> Iterator[tuple[str, Kline]]:
    """Yield each candle of a CSV file with its market, "" where the file names none.

    Raises: RecordingUnusable if it is no such file; RecordingDamaged with the line.
    """
    names: list[str] = []
    for line in lines(path):
        cells = line.text.decode(errors="replace").strip().split(",")
        if not names:
            names = _names(path, cells)
            if not cells[0].isdigit():
                continue
        try:
            kline = _kline(line, names, cells)
        except ValueError as error:
            raise RecordingDamaged.at(path, line=line.number, offset=line.offset, reason=str(error)) from None
        yield cells[names.index("market")] if "market" in names else "", kline


def disorder(kline: Kline) -> str:
    """Return what is wrong with the order of a candle's prices, "" if it can be true or tells none."""
    told = (kline.low, kline.open, kline.close, kline.high)
    if not all(told):
        return ""
    low, opened, closed, high = map(Decimal, told)
    if 0 < low <= min(opened, closed) <= max(opened, closed) <= high:
        return ""
    return f"low {low}, open {opened}, close {closed} and high {high} are no candle"


def _names(path: Path, cells: list[str]) -> list[str]:
    if cells[0].isdigit():
        if len(cells) != len(_PLAIN):
            raise RecordingUnusable(
                f"{path}: {len(cells)} columns without names, expected {len(_PLAIN)}: {','.join(_PLAIN)}"
            )
        return list(_PLAIN)
    names = [_NAMES.get(cell, cell) for cell in cells]
    if not set(_NEEDED) <= set(names) or not set(_TIMES) & set(names):
        raise RecordingUnusable(
            f"{path}: its columns are {','.join(names)[:200]}",
            hint=f"expected open_time_ms (or open_time, open_time_s),{','.join(_NEEDED)}",
        )
    return names


def _kline(line: Line, names: list[str], cells: list[str]) -> Kline:
    if len(cells) != len(names):
        raise ValueError(f"a row has {len(cells)} cells, expected {len(names)}")
    told = dict(zip(names, cells, strict=True))
    column = next(name for name in _TIMES if name in told)
    if not told[column].isdigit():
        raise ValueError(f"{column} was {told[column][:40]!r}, expected a whole number")
    fields = {name: told[name] for name in Kline._fields[2:] if name in told}
    for name, text in fields.items():
        if name != "complete" and text:
            _wide_atoms(text, _DECIMALS_MAX)
    return Kline(line.number, _open_ms(column, int(told[column])), **fields)


def _open_ms(column: str, number: int) -> int:
    if column == "open_time_s":
        return number * 1_000
    return number // 1_000 if number >= 10**15 else number  # files of newer years are in microseconds


class Mismatch(NamedTuple):
    """Where a venue's candle says something else. Fields: line: of its file; name: of what; theirs; ours."""

    line: int
    open_ms: int
    name: str
    theirs: str
    ours: str


class Compared(NamedTuple):
    """What came of it. Fields: compared: candles of both that are whole here; not_whole: of both, but not
    whole here; only_theirs: in the span of the trades, and nothing traded there by ours; mismatches.
    """

    compared: int
    not_whole: int
    only_theirs: int
    mismatches: tuple[Mismatch, ...]


def compare(candles: Sequence[Candle], klines: Sequence[Kline], instrument: Instrument) -> Compared:
    """Hold a venue's candles against those of its trades, number by number, exactly."""
    ours = {candle.open_ms: candle for candle in candles}
    compared = not_whole = absent = 0
    found: list[Mismatch] = []
    for kline in klines:
        candle = ours.get(kline.open_ms)
        if candle is None:
            absent += bool(candles) and candles[0].open_ms < kline.open_ms < candles[-1].open_ms
        elif not candle.is_whole:
            not_whole += 1
        else:
            compared += 1
            found += _mismatches(candle, kline, instrument)
    return Compared(compared, not_whole, absent, tuple(found))


def _mismatches(candle: Candle, kline: Kline, one: Instrument) -> Iterator[Mismatch]:
    value_scale = one.quote_scale + one.base_scale
    for name, atoms, scale in (
        ("open", candle.open_ticks * one.tick_atoms, one.quote_scale),
        ("high", candle.high_ticks * one.tick_atoms, one.quote_scale),
        ("low", candle.low_ticks * one.tick_atoms, one.quote_scale),
        ("close", candle.close_ticks * one.tick_atoms, one.quote_scale),
        ("volume", candle.size_atoms, one.base_scale),
        ("quote_volume", candle.value * one.tick_atoms, value_scale),
        ("trades", candle.trades, 0),
        ("taker_buy_volume", candle.taken_size_atoms, one.base_scale),
        ("taker_buy_quote_volume", candle.taken_value * one.tick_atoms, value_scale),
        ("first_trade_id", candle.first_id, 0),
        ("last_trade_id", candle.last_id, 0),
    ):
        theirs: str = getattr(kline, name)
        if theirs and _same(theirs, scale) != atoms:
            yield Mismatch(kline.line, kline.open_ms, name, theirs, text_from_atoms(atoms, scale))


# What is finer than ours can be is another number.
def _same(text: str, scale: int) -> int | None:
    try:
        return _wide_atoms(text, scale)
    except ValueError:
        return None


# A sum of values has more digits than an amount of an account may have.
def _wide_atoms(text: str, scale: int) -> int:
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    if len(fraction) > scale or not (whole + fraction).isdigit():
        raise ValueError(f"value was {text[:40]!r}, expected a plain number of at most {scale} decimals")
    return int(whole + fraction.ljust(scale, "0"))


class Hole(NamedTuple):
    """Intervals without a candle. Fields: line: of the one behind; from_ms: the first; missing: how many."""

    line: int
    from_ms: int
    missing: int


def holes(klines: Sequence[Kline], interval_ms: int = MINUTE_MS) -> list[Hole]:
    """Return where a venue's candles leave intervals out, repeat one, or go back (fewer than 1 missing).

    A venue tells quiet intervals too: each one that is absent is a hole.
    """
    found = []
    for before, kline in pairwise(klines):
        expected_ms = before.open_ms + interval_ms
        if kline.open_ms != expected_ms:
            found.append(Hole(kline.line, expected_ms, (kline.open_ms - expected_ms) // interval_ms))
    return found


class KlineCheck(NamedTuple):
    """A venue's candles held against a recording. Fields: interval_ms; holes: in the file; compared; missing,
    repeated: trades of the recording by their numbers.
    """

    interval_ms: int
    holes: tuple[Hole, ...]
    compared: Compared
    missing: int
    repeated: int


def check_klines(source: Source, path: Path, *, symbol: str = "", market: str = "") -> KlineCheck:
    """Hold the candles of a file against the trades of one market of a recording, which is read whole.

    Args: symbol: unified name, "": the first; market: as in `read_klines`. Raises: as `read_klines` and
    `Source.chunks`.
    """
    klines = read_klines(path, market=market)
    steps = [after.open_ms - before.open_ms for before, after in pairwise(klines)]
    interval_ms = min((step for step in steps if step > 0), default=MINUTE_MS)
    place = source.symbols.index(symbol or source.symbols[0])
    made = Candles(interval_ms)
    candles: list[Candle] = []
    for trade in prints(source.chunks(), place):
        candles += made.add(trade)
    candles += made.close()
    return KlineCheck(
        interval_ms=interval_ms,
        holes=tuple(holes(klines, interval_ms)),
        compared=compare(candles, klines, source.instruments[place]),
        missing=made.missing,
        repeated=made.repeated,
    )
