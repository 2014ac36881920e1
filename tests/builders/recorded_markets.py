"""Recorded markets as events, and the mids of their raw frames by a way that knows nothing of our books."""

import gzip
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

from mm.domain.book import Book, Level
from mm.domain.events import AnyEvent, BookDelta, BookLost, BookSnapshot, PublicTrade, TopOfBook
from mm.domain.instrument import Instrument, InstrumentSpec, make_instrument
from mm.domain.sides import BUY, SELL
from mm.domain.watched import split_name
from mm.store.recordings.raw.joiner import Joiner, Lost
from mm.store.recordings.raw.reader import records
from mm.store.recordings.raw.records import BookTicker, DepthDiff, Record, Row, Snapshot, TradePrint

DEPTH_LEVELS: Final = 1_000


@dataclass
class RecordedMarket:
    """One recorded market. Fields: path: of its raw frames; instrument: its symbol is as it is seen here."""

    path: Path
    instrument: Instrument
    book: Book = field(default_factory=Book)
    _joiner: Joiner = field(default_factory=Joiner)

    def events(self) -> Iterator[AnyEvent]:
        """Yield what its frames say, in the order in which they were received."""
        for entry in records([self.path]):
            yield from self._events(entry.record)

    def snapshot(self, ts_ns: int) -> BookSnapshot | None:
        """Return the book as far as the frames told it by now, None before their snapshot."""
        if not self.book.seq:
            return None
        bids, asks = self.book.bids(DEPTH_LEVELS, {}), self.book.asks(DEPTH_LEVELS, {})
        return BookSnapshot(
            ts_ns=ts_ns, symbol=self.instrument.symbol, seq=self.book.seq, bids=bids, asks=asks
        )

    def _events(self, record: Record) -> Iterator[AnyEvent]:
        ts_ns, symbol = record.local_ns, self.instrument.symbol
        match record:
            case TradePrint():
                price, size = self._pair((record.price, record.size))
                side = SELL if record.buyer_is_maker else BUY
                yield PublicTrade(
                    ts_ns=ts_ns,
                    symbol=symbol,
                    trade_id=record.trade_id,
                    price_ticks=price,
                    size_atoms=size,
                    aggressor=side,
                    venue_ms=record.trade_ms,
                )
            case BookTicker():
                bid, ask = self._pair(record.bid), self._pair(record.ask)
                yield TopOfBook(ts_ns=ts_ns, symbol=symbol, seq=record.last, bid=bid, ask=ask)
            case DepthDiff() | Snapshot():
                for step in self._joiner.on(record):
                    yield self._book_event(ts_ns, step)
            case _:
                pass

    def _book_event(self, ts_ns: int, step: Snapshot | DepthDiff | Lost) -> AnyEvent:
        symbol = self.instrument.symbol
        if isinstance(step, Lost):
            self.book = Book()
            return BookLost(ts_ns=ts_ns, symbol=symbol, reason="a frame is missing")
        bids, asks = (tuple(map(self._pair, side)) for side in (step.bids, step.asks))
        if isinstance(step, Snapshot):
            self.book.apply_snapshot(ts_ns, step.last, bids, asks)
            return BookSnapshot(ts_ns=ts_ns, symbol=symbol, seq=step.last, bids=bids, asks=asks)
        self.book.apply_delta(ts_ns, step.last, bids, asks)
        return BookDelta(
            ts_ns=ts_ns, symbol=symbol, seq=step.last, venue_ms=step.venue_ms, bids=bids, asks=asks
        )

    def _pair(self, row: Row) -> Level:
        return Level(self.instrument.price_ticks(row[0]), self.instrument.size_atoms(row[1]))


def recorded_instrument(symbol: str, *, tick: str, lot: str) -> Instrument:
    """Return what was recorded. Args: symbol: with the venue's name before it where it is only watched."""
    base, quote = split_name(symbol)[1].split("/")
    spec = InstrumentSpec(
        symbol=symbol,
        venue_symbol=base + quote,
        base=base,
        quote=quote,
        tick_size=Decimal(tick),
        lot_size=Decimal(lot),
        size_min=Decimal(lot),
        notional_min=Decimal(5),
    )
    return make_instrument(spec)


class RawMids:
    """The mid at each time by the frames alone: knows nothing of our books."""

    def __init__(self, path: Path) -> None:
        """Read the frames: which number was heard when, and the best prices at each number."""
        self._times: list[int] = []
        self._heard: list[int] = []
        self._numbers: list[int] = []
        self._mids: list[float] = []
        with gzip.open(path, "rt") as file:
            for line in file:
                at, text = line.split(" ", 1)
                frame = json.loads(text)
                data = frame.get("data", frame)
                number = data.get("u", data.get("lastUpdateId"))
                if number is None:
                    continue
                self._times.append(int(at))
                self._heard.append(max(number, self._heard[-1] if self._heard else 0))
                if isinstance(data.get("b"), str):
                    self._numbers.append(number)
                    self._mids.append((float(data["b"]) + float(data["a"])) / 2)

    def at(self, ts_ns: int, *, before: bool = False) -> float:
        """Return the mid at a time. Args: before: what is heard at that very time is not yet known."""
        place = bisect_left(self._times, ts_ns) if before else bisect_right(self._times, ts_ns)
        return self._mids[bisect_right(self._numbers, self._heard[place - 1]) - 1]
