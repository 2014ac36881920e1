"""CSV files of Tardis.dev as a source: incremental_book_L2, trades, quotes and book_ticker, plain or gzip.

Files are told apart by their columns and merged by local time; at one time trades come before changes of the
book, because those already lack what was traded. A row of the book that is part of a snapshot after one that
is not begins a new book. Must never skip a row that cannot be read: it is an error with its line. Times are
in microseconds.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from heapq import merge
from pathlib import Path
from typing import Final, NamedTuple

from mm.domain.book import Level
from mm.domain.tape import DELTA, SNAPSHOT, TOP, TRADE
from mm.errors import RecordingDamaged, RecordingUnusable
from mm.store.recordings.facts import Facts
from mm.store.recordings.foreign.base import (
    NUMBER_HERE,
    ForeignMessage,
    ForeignSeen,
    ForeignSource,
    LevelReader,
)
from mm.store.recordings.raw.lines import Line, lines
from mm.store.recordings.raw.records import Market
from mm.store.recordings.source import Source

_US: Final = 1_000
_DIGITS_OF_TIME: Final = 16
_FIRST: Final = b"exchange,symbol,timestamp,local_timestamp,"
"""How the first line of each of these files begins."""

_TICKS_MAX: Final = 2**63 - 1


class TardisKind(IntEnum):
    """What a file holds; at one local time they come in this order."""

    TRADES = 0
    BOOK = 1
    QUOTES = 2


_COLUMNS: Final = {
    TardisKind.BOOK: ("is_snapshot", "side", "price", "amount"),
    TardisKind.TRADES: ("id", "side", "price", "amount"),
    TardisKind.QUOTES: ("ask_amount", "ask_price", "bid_price", "bid_amount"),
}
"""Behind exchange, symbol, timestamp and local_timestamp."""

_MARKETS: Final = {
    "binance-futures": Market.LINEAR,
    "binance-delivery": Market.INVERSE,
}


class TardisRow(NamedTuple):
    """One row. Fields: line; ts_ns: local time; venue_ms; cells: those behind the four first columns."""

    line: Line
    ts_ns: int
    venue_ms: int
    cells: tuple[str, str, str, str]


def is_tardis(path: Path) -> bool:
    """Return whether a file begins as those of Tardis.dev do; one that cannot be read does not."""
    try:
        return next(iter(lines(path))).text.startswith(_FIRST)
    except (StopIteration, RecordingDamaged, RecordingUnusable):
        return False


class TardisFile:
    """One file. Fields: path; kind; exchange, symbol: of its first row, "" without rows."""

    def __init__(self, path: Path) -> None:
        """Read its first lines. Raises: RecordingUnusable, RecordingDamaged."""
        self.path = path
        self.kind, self._width, self._places = self._read_columns()
        self._is_plain = self._places == list(range(self._width))
        self._times = "", ""
        self._ts_ns = self._venue_ms = 0
        self.exchange = self.symbol = ""
        next(self.rows(), None)

    def _read_columns(self) -> tuple[TardisKind, int, list[int]]:
        first = next(iter(lines(self.path)), None)
        if first is None:
            raise RecordingUnusable(
                f"{self.path}: empty", hint="so a day without data is served: leave the file out"
            )
        names = first.text.decode(errors="replace").strip().split(",")
        shared = _FIRST.decode().rstrip(",").split(",")
        for kind, wanted in _COLUMNS.items():
            if set(wanted) <= set(names) and set(shared) <= set(names):
                return kind, len(names), [names.index(name) for name in (*shared, *wanted)]
        expected = "; ".join(",".join((*shared, *wanted)) for wanted in _COLUMNS.values())
        raise RecordingUnusable(
            f"{self.path}: its columns are {','.join(names)[:200]}", hint=f"expected one of: {expected}"
        )

    def rows(self) -> Iterator[TardisRow]:
        """Yield the rows, in order. Raises: RecordingDamaged with the line, RecordingUnusable."""
        found = iter(lines(self.path))
        next(found, None)
        last_ns = 0
        for line in found:
            try:
                row = self._row(line)
            except ValueError as error:
                raise self.damage(line, error) from None
            if row.ts_ns < last_ns:
                raise RecordingUnusable(
                    f"{self.path}: line {line.number}: local time goes back by {last_ns - row.ts_ns} ns",
                    hint="sort the file by local_timestamp",
                )
            last_ns = row.ts_ns
            yield row

    def damage(self, line: Line, error: ValueError) -> RecordingDamaged:
        """Return the error of a line."""
        return RecordingDamaged.at(self.path, line=line.number, offset=line.offset, reason=str(error))

    def _row(self, line: Line) -> TardisRow:
        cells = line.text.rstrip(b"\r").decode().split(",")
        if len(cells) != self._width:
            raise ValueError(f"a row has {len(cells)} cells, expected {self._width}")
        if not self._is_plain:
            cells = [cells[place] for place in self._places]
        exchange, symbol, venue_us, local_us, first, second, third, fourth = cells
        if not self.symbol:
            self.exchange, self.symbol = exchange, symbol
        if symbol != self.symbol or exchange != self.exchange:
            raise RecordingUnusable(
                f"{self.path}: line {line.number}: {exchange} {symbol} after {self.exchange} {self.symbol},"
                " expected one symbol",
                hint="split the file by symbol",
            )
        if (venue_us, local_us) != self._times:
            # The rows of a message bear the same times.
            self._ts_ns, self._venue_ms = _time_us(local_us) * _US, _time_us(venue_us) // _US
            self._times = venue_us, local_us
        return TardisRow(line, self._ts_ns, self._venue_ms, (first, second, third, fourth))


def _time_us(text: str) -> int:
    if len(text) != _DIGITS_OF_TIME or not text.isdigit() or not text.isascii():
        raise ValueError(
            f"a time was {text[:40]!r}, expected microseconds since 1970, {_DIGITS_OF_TIME} digits"
        )
    return int(text)


class TardisSource(ForeignSource):
    """Files of one market, in the order of their time for each kind."""

    def __init__(self, paths: Sequence[Path], facts: Facts) -> None:
        """Read the files to their end once. Raises: RecordingUnusable, RecordingDamaged, ConfigError."""
        self._files = [TardisFile(path) for path in paths]
        seen = self._scan()
        super().__init__(paths, seen, facts, seen.instrument(paths, facts))

    def messages(self) -> Iterator[ForeignMessage]:
        """Yield what the files tell, merged."""
        threads = [self._thread(kind) for kind in TardisKind]
        sides = _Sides()
        for message in merge(*threads, key=_time_of):
            yield sides.told(message)

    def _thread(self, kind: TardisKind) -> Iterator[ForeignMessage]:
        level_of = LevelReader(self.instruments[0])
        make = {TardisKind.TRADES: _trades, TardisKind.BOOK: _book, TardisKind.QUOTES: _quotes}[kind]
        for file in self._files:
            if file.kind is kind:
                yield from make(file, level_of)

    def _scan(self) -> ForeignSeen:
        seen = ForeignSeen()
        last: dict[TardisKind, tuple[Path, int]] = {}
        for file in self._files:
            before = last.get(file.kind)
            is_first = True
            for row in file.rows():
                if is_first and before is not None and row.ts_ns < before[1]:
                    raise RecordingUnusable(
                        f"{file.path} begins before {before[0]} ends: files overlap or are out of order",
                        hint="name the files of one kind in the order of their time",
                    )
                is_first = False
                try:
                    _count(seen, file, row)
                except ValueError as error:
                    raise file.damage(row.line, error) from None
                last[file.kind] = (file.path, row.ts_ns)
            self._check_market(seen, file)
        if not seen.rows:
            raise RecordingUnusable(f"{self._files[0].path}: holds no row")
        if seen.changes and not seen.snapshots:
            raise RecordingUnusable(
                f"{self._files[0].path}: holds changes of the book and no snapshot: no book can be built",
                hint="each incremental_book_L2 file begins with one: name the file from its beginning",
            )
        return seen

    @staticmethod
    def _check_market(seen: ForeignSeen, file: TardisFile) -> None:
        if not file.symbol:
            return
        market = _MARKETS.get(file.exchange, Market.SPOT)
        if seen.symbol and (file.symbol, market) != (seen.symbol, seen.market):
            raise RecordingUnusable(
                f"{file.path}: of {file.exchange} {file.symbol} after {seen.symbol}, expected one market",
                hint="open the files of each market by themselves",
            )
        seen.symbol, seen.market = file.symbol, market


def _time_of(message: ForeignMessage) -> int:
    return message.ts_ns


def _count(seen: ForeignSeen, file: TardisFile, row: TardisRow) -> None:
    kind, place = file.kind, (str(file.path), row.line.number)
    seen.first_ns = min(seen.first_ns or row.ts_ns, row.ts_ns)
    seen.last_ns = max(seen.last_ns, row.ts_ns)
    seen.rows += 1
    if kind is TardisKind.QUOTES:
        seen.tops += 1
        ask_amount, ask_price, bid_price, bid_amount = row.cells
        for grid, text in (
            (seen.prices, ask_price),
            (seen.prices, bid_price),
            (seen.depths, ask_amount),
            (seen.depths, bid_amount),
        ):
            if text:
                grid.add(text, place)
        return
    seen.prices.add(row.cells[2], place)
    if kind is TardisKind.TRADES:
        seen.trades += 1
        seen.sizes.add(row.cells[3], place)
        return
    seen.depths.add(row.cells[3], place)
    if _flag(row.cells[0]):
        seen.snapshots += 1
    else:
        seen.changes += 1


def _flag(text: str) -> bool:
    if text in ("true", "false"):
        return text == "true"
    raise ValueError(f"is_snapshot was {text[:40]!r}, expected true or false")


def _trades(file: TardisFile, level_of: LevelReader) -> Iterator[ForeignMessage]:
    for row in file.rows():
        number, side, price, amount = row.cells
        try:
            if side not in ("buy", "sell", "unknown", ""):
                raise ValueError(f"side was {side[:40]!r}, expected buy, sell or unknown")
            level = (level_of(price, amount),)
        except ValueError as error:
            raise file.damage(row.line, error) from None
        is_number = number.isascii() and number.isdigit() and int(number) <= _TICKS_MAX
        yield ForeignMessage(
            ts_ns=row.ts_ns,
            kind=TRADE,
            bids=level if side != "sell" else (),
            asks=level if side != "buy" else (),  # of both sides where it is not known: `_Sides` decides
            seq=int(number) if is_number else NUMBER_HERE,
            venue_ms=row.venue_ms,
        )


# Rows of one local time are one message of the venue; those of a snapshot begin a new book.
def _book(file: TardisFile, level_of: LevelReader) -> Iterator[ForeignMessage]:
    was_snapshot = False
    pending: ForeignMessage | None = None
    bids: list[Level] = []
    asks: list[Level] = []
    for row in file.rows():
        try:
            is_snapshot = _flag(row.cells[0])
            side = row.cells[1]
            if side not in ("bid", "ask", "buy", "sell"):
                raise ValueError(f"side was {side[:40]!r}, expected bid or ask")
            level = level_of(row.cells[2], row.cells[3])
        except ValueError as error:
            raise file.damage(row.line, error) from None
        if pending is None or pending.ts_ns != row.ts_ns or is_snapshot != was_snapshot:
            if pending is not None:
                yield pending._replace(bids=tuple(bids), asks=tuple(asks))
            begins = is_snapshot and not was_snapshot
            pending = ForeignMessage(row.ts_ns, SNAPSHOT if begins else DELTA, venue_ms=row.venue_ms)
            bids, asks = [], []
            was_snapshot = is_snapshot
        (bids if side in ("bid", "buy") else asks).append(level)
    if pending is not None:
        yield pending._replace(bids=tuple(bids), asks=tuple(asks))


def _quotes(file: TardisFile, level_of: LevelReader) -> Iterator[ForeignMessage]:
    for row in file.rows():
        ask_amount, ask_price, bid_price, bid_amount = row.cells
        try:
            bid = level_of(bid_price or "0", bid_amount or "0")
            ask = level_of(ask_price or "0", ask_amount or "0")
        except ValueError as error:
            raise file.damage(row.line, error) from None
        yield ForeignMessage(row.ts_ns, TOP, (bid,), (ask,), venue_ms=row.venue_ms)


class _Sides:
    # Who took in a trade whose side is not told: by the best prices told last, else as in the trade before.
    def __init__(self) -> None:
        self._bid_ticks = self._ask_ticks = 0
        self._was_buyer = True

    def told(self, message: ForeignMessage) -> ForeignMessage:
        if message.kind == TOP:
            self._bid_ticks, self._ask_ticks = message.bids[0][0], message.asks[0][0]
        if message.kind != TRADE:
            return message
        if message.bids and message.asks:
            price_ticks = message.bids[0][0]
            if self._ask_ticks and price_ticks >= self._ask_ticks:
                self._was_buyer = True
            elif self._bid_ticks and price_ticks <= self._bid_ticks:
                self._was_buyer = False
            return message._replace(asks=()) if self._was_buyer else message._replace(bids=())
        self._was_buyer = bool(message.bids)
        return message


def tardis_sources(paths: Sequence[Path], facts: Facts) -> list[Source]:
    """Return files of Tardis.dev as sources, one for each exchange and symbol, in the order of their files.

    Raises: RecordingUnusable, RecordingDamaged, ConfigError.
    """
    groups: dict[tuple[str, str], list[Path]] = {}
    for path in paths:
        file = TardisFile(path)
        groups.setdefault((file.exchange, file.symbol), []).append(path)
    return [TardisSource(group, facts) for group in groups.values()]
