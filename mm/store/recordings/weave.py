"""Makes the rows of a tape of the records of a market: joined, in integers, a keyframe with every minute.

The same for every form whose records are frames of the venue. Must never invent a change: where one is
missing a lost book stands, and nothing of the book follows before the next snapshot. Invariant: what
`DetailedWriter` holds after a record is all that the records so far bring.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol, TypeAlias

from mm.domain.book import Level
from mm.domain.events import BookLost
from mm.domain.instrument import Instrument
from mm.domain.tape import DELTA, KEYFRAME, SNAPSHOT, TOP, TRADE
from mm.store.recordings.depth import Depth
from mm.store.recordings.detailed import (
    KEPT_DELTA,
    KEPT_SNAPSHOT,
    KEPT_TRADE,
    MARK,
    Detailed,
    DetailedWriter,
    Head,
)
from mm.store.recordings.marks import mark_numbers
from mm.store.recordings.raw.joiner import Joiner, Lost
from mm.store.recordings.raw.records import (
    BookTicker,
    DepthDiff,
    MarkUpdate,
    Other,
    Record,
    Row,
    Snapshot,
    TradePrint,
)
from mm.store.recordings.source import CHUNK_ROWS, KEYFRAME_NS

_PRICES_KNOWN_MAX: Final = 200_000

_Numbered: TypeAlias = DepthDiff | Snapshot | BookTicker | TradePrint


class Keyed(Protocol):
    """A market that can tell its whole book."""

    def keyframe(self, ts_ns: int) -> None:
        """Write the book down as it stands, if there is one."""


class Cut:
    """Where a tape is cut: keyframes with every minute, chunks, and the beginning that was asked for."""

    def __init__(
        self, writer: DetailedWriter, from_ns: int, begun: Callable[[int], object] = lambda _: None
    ) -> None:
        """Begin.

        Args: from_ns: local time; what stands before the last keyframe at or before it goes. begun: is told
        of each time at which reading may begin, before the keyframes of that time.
        """
        self._begun = begun
        self._writer = writer
        self._from_ns = from_ns
        self._minute = -1

    def before(self, ts_ns: int, markets: Iterable["Keyed"]) -> Detailed | None:
        """Write keyframes if a message of that time is the first of its minute, before it is written.

        Returns the rows so far if they are a chunk.
        """
        minute = ts_ns // KEYFRAME_NS
        if minute == self._minute:
            is_full = len(self._writer) >= 2 * CHUNK_ROWS and ts_ns > self._from_ns
            return self._writer.take() if is_full else None
        self._minute, taken = minute, None
        if ts_ns <= self._from_ns:
            self._writer.take()
            self._begun(ts_ns)
        elif len(self._writer) >= CHUNK_ROWS:
            taken = self._writer.take()
        for market in markets:
            market.keyframe(ts_ns)
        return taken


class Weaver:
    """Takes the records of one market in order of time.

    Fields: writer: holds the rows; depth: the book as they leave it; others: how many frames were no rows, by
    the name of their stream.
    """

    def __init__(self, instrument: Instrument, writer: DetailedWriter) -> None:
        """Begin without a book. Args: writer: may take several markets, the instrument's among them."""
        self.writer = writer
        self.depth = Depth()
        self.others: dict[str, int] = {}
        self._instrument = instrument
        self._market = writer.symbols.index(instrument.symbol)
        self._joiner = Joiner()
        self._known: dict[str, int] = {}

    def keyframe(self, ts_ns: int) -> None:
        """Write the book down as it stands, if there is one."""
        if self.depth.seq >= 0:
            head = Head(ts_ns=ts_ns, kind=KEYFRAME, seq=self.depth.seq)
            self.writer.add(head, *self.depth.levels(), market=self._market)

    def take(self, record: Record, frame: int) -> None:
        """Write what a record brings.

        Args: frame: its number. Raises: ValueError if a price is off the grid or a number too large.
        """
        match record:
            case DepthDiff() | Snapshot():
                self._depth(record, frame)
            case BookTicker():
                bid, ask = self._levels([record.bid, record.ask])
                head = self._head(record, TOP, record.last, frame)
                self.writer.add(head, (bid,), (ask,), market=self._market)
            case TradePrint():
                self._trade(record, frame)
            case MarkUpdate():
                price, rate = mark_numbers(record)
                head = self._head(record, MARK, 0, frame)._replace(txn_ms=record.next_ms)
                self.writer.add_mark(head, price, rate, market=self._market)
            case Other():
                self.others[record.stream] = self.others.get(record.stream, 0) + 1

    def lose(self, ts_ns: int, reason: str) -> None:
        """Believe the book no longer, whatever the numbers say: a connection ended."""
        self._joiner = Joiner()
        self._tell_lost(ts_ns, reason)

    def _trade(self, record: TradePrint, frame: int) -> None:
        levels = self._levels([(record.price, record.size)])
        bids, asks = ((), levels) if record.buyer_is_maker else (levels, ())
        kind = TRADE if record.is_trade and levels[0].size_atoms else KEPT_TRADE
        head = self._head(record, kind, record.trade_id, frame)._replace(venue_ms=record.trade_ms)
        self.writer.add(head, bids, asks, market=self._market)

    def _depth(self, record: DepthDiff | Snapshot, frame: int) -> None:
        steps = self._joiner.on(record)
        if record not in steps:
            kind = KEPT_DELTA if isinstance(record, DepthDiff) else KEPT_SNAPSHOT
            levels = self._levels(record.bids), self._levels(record.asks)
            self.writer.add(self._head(record, kind, record.last, frame), *levels, market=self._market)
        for step in steps:
            if isinstance(step, Lost):
                reason = f"gap: expected change {step.expected}, got {step.found}"
                self._tell_lost(record.local_ns, reason)
                continue
            bids, asks = self._levels(step.bids), self._levels(step.asks)
            is_repeated = step is not record
            if isinstance(step, Snapshot):
                self.depth.replace(step.last, bids, asks)
                head = self._head(step, SNAPSHOT, step.last, frame)._replace(venue_ms=0)
            else:
                self.depth.change(step.last, bids, asks)
                head = self._head(step, DELTA, step.last, frame)
            if is_repeated:
                head = Head(record.local_ns, head.kind, head.seq, head.venue_ms)
            self.writer.add(head, bids, asks, market=self._market)

    def _tell_lost(self, ts_ns: int, reason: str) -> None:
        self.depth.lose()
        self.writer.add_other(BookLost(ts_ns=ts_ns, symbol=self._instrument.symbol, reason=reason))

    @staticmethod
    def _head(
        record: DepthDiff | Snapshot | BookTicker | TradePrint | MarkUpdate, kind: int, seq: int, frame: int
    ) -> Head:
        diff = record if isinstance(record, DepthDiff) else None
        return Head(
            ts_ns=record.local_ns,
            kind=kind,
            seq=seq,
            venue_ms=0 if diff is None else diff.venue_ms,
            event_ms=max(0, record.venue_ms),
            txn_ms=max(0, record.txn_ms),
            first=-1 if diff is None else diff.told_first,
            previous=-1 if diff is None else diff.told_previous,
            frame=frame,
        )

    # Prices come again and again, mostly those near the touch.
    def _levels(self, rows: Sequence[Row]) -> list[Level]:
        known, size_atoms = self._known, self._instrument.size_atoms
        levels = []
        for price, size in rows:
            ticks = known.get(price)
            if ticks is None:
                if len(known) >= _PRICES_KNOWN_MAX:
                    known.clear()
                ticks = known[price] = self._instrument.price_ticks(price)
            levels.append(Level(ticks, size_atoms(size)))
        return levels
