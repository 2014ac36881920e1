"""Recordings of made-up markets for stores: files, sources, rows, and a source of events as they are."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mm.domain.book import Level
from mm.domain.events import (
    AnyEvent,
    BookDelta,
    BookLost,
    BookSnapshot,
    ClockMeasured,
    PublicTrade,
    TopOfBook,
)
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.domain.tape import Chunk, Row, TapeWriter, rows
from mm.store.recordings.parquet.writer import Stored, store
from mm.store.recordings.source import Source, SourceGap
from tests.builders.instruments import INSTRUMENT


def told(_ts_ns: int) -> None:
    """Hear how far it is, and do nothing."""


def put(source: Source, into: Path, *files: Path) -> Stored:
    """Store a source."""
    return store(source, into, files, told)


def rows_of(source: Source, from_ns: int = 0, to_ns: int = 0) -> list[Row]:
    """All rows of a source."""
    return [row for chunk in source.chunks(from_ns, to_ns) for row in rows(chunk)]


def market_events(rounds: int, *, begins_ns: int = 10**18, step_ns: int = 10**8) -> list[AnyEvent]:
    """A market with every kind of event: a book, changes, best prices, prints, a clock, a lost book."""
    symbol, made, seq = INSTRUMENT.symbol, list[AnyEvent](), 100

    def now_ns() -> int:
        return begins_ns + len(made) * step_ns

    def whole() -> BookSnapshot:
        levels = (
            tuple(Level(9_000 - at, 10**8) for at in range(3)),
            tuple(Level(9_002 + at, 10**8) for at in range(3)),
        )
        return BookSnapshot(ts_ns=now_ns(), symbol=symbol, seq=seq, bids=levels[0], asks=levels[1])

    made.append(whole())
    for number in range(rounds):
        seq += 1
        bids, ms = (Level(8_990, number % 7 * 10**7),), now_ns() // 10**6
        made.append(BookDelta(ts_ns=now_ns(), symbol=symbol, seq=seq, venue_ms=ms, bids=bids, asks=()))
        bid, ask = Level(9_000, 10**8 + number), Level(9_002, 10**8)
        made.append(TopOfBook(ts_ns=now_ns(), symbol=symbol, seq=seq, bid=bid, ask=ask))
        side = Side.BUY if number % 3 else Side.SELL
        price = 9_002 if number % 3 else 9_000
        made.append(
            PublicTrade(
                ts_ns=now_ns(),
                symbol=symbol,
                trade_id=500 + number,
                price_ticks=price,
                size_atoms=5,
                aggressor=side,
                venue_ms=now_ns() // 10**6,
            )
        )
        if number % 10 == 9:
            made.append(ClockMeasured(ts_ns=now_ns(), offset_ns=number, round_trip_ns=5))
            made.append(BookLost(ts_ns=now_ns(), symbol=symbol, reason="the connection ended"))
            made.append(whole())
    return made


class EventSource:
    """Events as a source, a chunk for each group. Implements `Source`."""

    controls = False
    gaps: tuple[SourceGap, ...] = ()

    def __init__(
        self, *groups: Sequence[AnyEvent], instrument: Instrument = INSTRUMENT, venue: str = "binance"
    ) -> None:
        """Keep the events."""
        self.groups = groups
        self.instruments: tuple[Instrument, ...] = (instrument,)
        self.symbols = (instrument.symbol,)
        self.name, self.venue = "events", venue
        self.digest = str(hash_of(groups))
        self.first_ns, self.last_ns = groups[0][0].ts_ns, groups[-1][-1].ts_ns
        self.rows = 0

    def chunks(self, from_ns: int = 0, to_ns: int = 0) -> Iterator[Chunk]:
        """Yield a chunk for each group; the times are not looked at."""
        for group in self.groups:
            writer = TapeWriter(self.symbols)
            for event in group:
                writer.add(event)
            yield writer.take()


def hash_of(groups: Sequence[Sequence[AnyEvent]]) -> str:
    """What tells groups of events apart."""
    return repr(groups)
