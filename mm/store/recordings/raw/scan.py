"""One pass over a recording: is it whole, what does it hold, which grid do its numbers lie on.

The pass reads every byte as the replay will, so that a recording that passes can be served to its end.
Must never repair or skip: damage is raised, a gap is counted with its place.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from mm.domain.units import NS_PER_MS
from mm.errors import RecordingDamaged
from mm.store.recordings.facts import Facts
from mm.store.recordings.grid import Grid, GridDoubt, GridStep, doubts_of
from mm.store.recordings.raw.joiner import Joiner, Lost, Step
from mm.store.recordings.raw.reader import Entry, records
from mm.store.recordings.raw.records import (
    BookTicker,
    DepthDiff,
    Market,
    MarkUpdate,
    Other,
    Snapshot,
    TradePrint,
)

GAPS_MAX: Final = 100
"""Gaps that are told with their place; all are counted."""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Changes of the book that are missing.

    Fields: place: file, line, byte; local_ns: when that was seen; expected, found: numbers; since_ns: of
    the last change before it; until_ns: of the next snapshot that joins, 0 if none comes.
    """

    place: str
    local_ns: int
    expected: int
    found: int
    since_ns: int
    until_ns: int = 0


class RecordingInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording holds.

    Fields:
        files; symbol: the venue's, upper case; market.
        frames: lines in all, of which snapshots, diffs, trades, tickers, others.
        first_ns, last_ns: local times. first_venue_ms, last_venue_ms: the venue's, -1 if never told.
        shift_ns: what to add to local time so that no frame comes before the venue says it made it; the
            venue's time less the receiver's at the fastest delivery.
        tick_size, lot_size: greatest common divisors of all prices and of the sizes traded, as text; "" if
            none was seen. Sizes in a book can be off the lot.
        price_max: the highest price anywhere, as text; "0" if there is none.
        gaps: the first GAPS_MAX; gap_count: all. has_snapshot: whether a book can ever be rebuilt.
        book_ns: local time of the first book, 0 if there is none.
        doubts: of the grids, where few numbers make them as fine as they are; price_steps, size_steps: the
            numbers that made them.
    """

    files: tuple[str, ...]
    symbol: str
    market: Market
    frames: int
    snapshots: int
    diffs: int
    trades: int
    tickers: int
    others: int
    first_ns: int
    last_ns: int
    first_venue_ms: int
    last_venue_ms: int
    shift_ns: int
    tick_size: str
    lot_size: str
    price_max: str
    gaps: tuple[Gap, ...]
    gap_count: int
    has_snapshot: bool
    book_ns: int = 0
    doubts: tuple[GridDoubt, ...] = ()
    price_steps: tuple[GridStep, ...] = ()
    size_steps: tuple[GridStep, ...] = ()


def scan(
    files: Sequence[Path], *, takes_inverse: bool = False, progress: Callable[[Entry], object] | None = None
) -> RecordingInfo:
    """Read the files to the end and return what they hold.

    Args: takes_inverse: as in `reader.records`; progress: is told of every entry.
    Raises: RecordingDamaged with file, line and byte; RecordingUnusable (`mm.store.recordings.raw.reader`).
    """
    seen = _Seen()
    for entry in records(files, takes_inverse=takes_inverse):
        if progress is not None:
            progress(entry)
        try:
            seen.add(entry)
        except ValueError as error:
            record = entry.record
            raise RecordingDamaged.at(
                entry.path, line=record.line, offset=record.offset, reason=str(error)
            ) from None
    return seen.info(files)


class _Seen:
    def __init__(self) -> None:
        self.counts = dict.fromkeys((Snapshot, DepthDiff, TradePrint, BookTicker, MarkUpdate, Other), 0)
        self.symbol, self.market = "", Market.SPOT
        self.first_ns = self.last_ns = 0
        self.first_ms = self.last_ms = -1
        self.shift_ns: int | None = None
        self.prices, self.sizes = Grid(widens=False), Grid(widens=False)
        self.joiner, self.has_book = Joiner(), False
        self.gaps: list[Gap] = []
        self.gap_count = self.open_from = self.book_ns = 0
        self.changed_ns = 0

    def add(self, entry: Entry) -> None:
        record = entry.record
        if not any(self.counts.values()):
            self.first_ns = record.local_ns
        self.counts[type(record)] += 1
        self.last_ns = record.local_ns
        self.symbol = record.symbol or self.symbol
        self.market = record.market or self.market
        if record.venue_ms >= 0 and not isinstance(record, Snapshot | Other):
            self._time(record.venue_ms, record.local_ns)
        place = str(entry.path), record.line
        match record:
            case Snapshot() | DepthDiff():
                for price, _ in (*record.bids, *record.asks):
                    self.prices.add(price, place)
                self._joined(entry, self.joiner.on(record))
            case TradePrint():
                self.prices.add(record.price, place)
                self.sizes.add(record.size, place)
            case BookTicker():
                self.prices.add(record.bid[0], place)
                self.prices.add(record.ask[0], place)
            case Other():
                pass

    def info(self, files: Sequence[Path]) -> RecordingInfo:
        return RecordingInfo(
            files=tuple(map(str, files)),
            symbol=self.symbol.upper(),
            market=self.market,
            frames=sum(self.counts.values()),
            snapshots=self.counts[Snapshot],
            diffs=self.counts[DepthDiff],
            trades=self.counts[TradePrint],
            tickers=self.counts[BookTicker],
            others=self.counts[Other] + self.counts[MarkUpdate],
            first_ns=self.first_ns,
            last_ns=self.last_ns,
            first_venue_ms=self.first_ms,
            last_venue_ms=self.last_ms,
            shift_ns=self.shift_ns or 0,
            tick_size=self.prices.step,
            lot_size=self.sizes.step,
            price_max=self.prices.most,
            gaps=tuple(self.gaps),
            gap_count=self.gap_count,
            has_snapshot=self.has_book,
            book_ns=self.book_ns,
            doubts=doubts_of(self.prices, self.sizes, Facts()),
            price_steps=self.prices.steps,
            size_steps=self.sizes.steps,
        )

    def _time(self, venue_ms: int, local_ns: int) -> None:
        if self.first_ms < 0:
            self.first_ms = venue_ms
        self.last_ms = venue_ms
        ahead_ns = venue_ms * NS_PER_MS - local_ns
        if self.shift_ns is None or ahead_ns > self.shift_ns:
            self.shift_ns = ahead_ns

    # A whole book ends all gaps before it.
    def _whole(self, local_ns: int) -> None:
        self.book_ns = self.book_ns or local_ns
        for at in range(self.open_from, len(self.gaps)):
            self.gaps[at] = msgspec.structs.replace(self.gaps[at], until_ns=local_ns)
        self.open_from = len(self.gaps)

    def _joined(self, entry: Entry, steps: tuple[Step, ...]) -> None:
        before_ns, self.changed_ns = self.changed_ns, entry.record.local_ns
        for step in steps:
            if isinstance(step, Snapshot):
                self.has_book = True
                self._whole(entry.record.local_ns)
            elif isinstance(step, Lost):
                self.gap_count += 1
                if len(self.gaps) < GAPS_MAX:
                    self.gaps.append(
                        Gap(
                            place=entry.place,
                            local_ns=entry.record.local_ns,
                            expected=step.expected,
                            found=step.found,
                            since_ns=before_ns or entry.record.local_ns,
                        )
                    )
