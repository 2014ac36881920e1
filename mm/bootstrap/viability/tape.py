"""Reads recordings into a tape: raw frames here, normalised Parquet in `viability_parquet`.

Best prices are the venue's own tickers; a recording without any is told by its book, rebuilt. Must never
guess: what cannot be read is an error with its place. Invariant: a tape is of one symbol of one market.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from mm.bootstrap.viability.heard import Heard, TapeWriter
from mm.domain.book import Book, Level
from mm.domain.units import SCALE_MIN, atoms_from_text
from mm.errors import RecordingDamaged, RecordingUnusable
from mm.store.recordings.raw.joiner import Joiner, Lost
from mm.store.recordings.raw.lines import content_bytes
from mm.store.recordings.raw.reader import Entry, records
from mm.store.recordings.raw.records import BookTicker, DepthDiff, Market, Row, Snapshot, TradePrint

TELL_EVERY: Final = 4_096
"""Lines from one word about the progress to the next."""

PARQUET_MAGIC: Final = b"PAR1"

Progress = Callable[[int], object]
"""Told how many bytes of the content are read."""


def read_tape(files: Sequence[Path], progress: Progress) -> Heard:
    """Read recordings of one market, in order of time.

    Raises: RecordingDamaged, RecordingUnusable, ConfigError (Parquet without the research extra).
    """
    are_parquet = [_is_parquet(path) for path in files]
    if any(are_parquet):
        if not all(are_parquet):
            raise RecordingUnusable(
                "raw recordings and Parquet cannot be read as one", hint="name files of one kind"
            )
        from mm.bootstrap.viability.parquet import read_parquet  # noqa: PLC0415 - needs the research extra

        return read_parquet(files)
    return _read_raw(files, progress)


def _is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == PARQUET_MAGIC
    except OSError:
        return False  # the reader of raw files tells what is wrong


def _read_raw(files: Sequence[Path], progress: Progress) -> Heard:
    reading = _Reading()
    done, before, last = 0, 0, files[0]
    for count, entry in enumerate(records(files, takes_inverse=True)):
        if entry.path != last:
            before, last = before + content_bytes([last]), entry.path
        try:
            reading.take(entry)
        except ValueError as error:
            record = entry.record
            raise RecordingDamaged.at(
                entry.path, line=record.line, offset=record.offset, reason=str(error)
            ) from None
        if count % TELL_EVERY == 0:
            done = before + entry.record.offset
            progress(done)
    progress(content_bytes(files))
    return Heard(
        tape=reading.writer.tape(),
        name=" ".join(path.name for path in files),
        symbol=reading.symbol.upper(),
        market=reading.market,
    )


class _Reading:
    # What is kept while raw records come: the columns, and a book as long as no ticker came.
    def __init__(self) -> None:
        self.writer = TapeWriter()
        self.symbol, self.market = "", Market.SPOT
        self._book, self._joiner = Book(), Joiner()

    def take(self, entry: Entry) -> None:
        record, writer = entry.record, self.writer
        self.symbol = self.symbol or record.symbol
        self.market = record.market or self.market
        match record:
            case BookTicker():
                if not writer.has_ticker:
                    writer.has_ticker = True
                    writer.forget_tops()
                writer.top(record.local_ns, _pair(record.bid), _pair(record.ask), venue=max(0, record.txn_ms))
            case TradePrint():
                if _is_no_trade(record.data):
                    return
                writer.trade(
                    record.local_ns,
                    *_pair((record.price, record.size)),
                    aggressor=-1 if record.buyer_is_maker else 1,
                    order=record.trade_ms,
                )
            case DepthDiff() | Snapshot():
                if not writer.has_ticker:
                    self._rebuild(record)
            case _:
                return

    def _rebuild(self, record: DepthDiff | Snapshot) -> None:
        book = self._book
        for step in self._joiner.on(record):
            if isinstance(step, Lost):
                self._book = book = Book()
                continue
            levels = [Level(*_pair(row)) for row in step.bids], [Level(*_pair(row)) for row in step.asks]
            if isinstance(step, Snapshot):
                book.apply_snapshot(record.local_ns, step.last, *levels)
            else:
                book.apply_delta(record.local_ns, step.last, *levels)
        if self._joiner.seq is not None:
            bids, asks = book.bids(1, {}), book.asks(1, {})
            nothing = Level(0, 0)
            self.writer.top(record.local_ns, (*bids, nothing)[0], (*asks, nothing)[0])


def _is_no_trade(data: bytes) -> bool:
    # Futures report what the insurance fund takes over, and nothings, among the trades: "X" tells them.
    return b'"X":"' in data and b'"X":"MARKET"' not in data


def _pair(row: Row) -> tuple[int, int]:
    return atoms_from_text(row[0], SCALE_MIN), atoms_from_text(row[1], SCALE_MIN)
