"""The journal of a run as a source: what came from outside, in the order and at the times it came.

What a simulated venue computed and what the core asked for are left out, so are outcomes of own orders at a
real venue: whoever replays makes his own. Must never fill a hole: where records are missing, a book is lost.
"""

import tomllib
from collections.abc import Iterator
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final, cast

import msgspec

from mm.domain.events import (
    AnyEvent,
    BalanceChanged,
    BalancesListed,
    BookDelta,
    BookLost,
    BookSnapshot,
    ClockMeasured,
    FillsListed,
    OrderEvent,
    OrdersListed,
    PublicTrade,
    RateUsed,
    Stream,
    StreamDown,
    StreamUp,
    Throttled,
    TopOfBook,
)
from mm.domain.instrument import Instrument
from mm.domain.sides import BUY
from mm.domain.tape import DELTA, KEYFRAME, SNAPSHOT, TOP, TRADE, Chunk
from mm.errors import JournalForeign, RecordingUnusable
from mm.store.journal.entries import EVENT, MISSING, Missing, Record, RunHeader
from mm.store.journal.layout import JOURNAL_NAME
from mm.store.journal.reader import read
from mm.store.recordings.depth import Depth
from mm.store.recordings.detailed import DetailedWriter, Head
from mm.store.recordings.source import SourceGap, check_span
from mm.store.recordings.weave import Cut

_OWN: Final = (OrderEvent, OrdersListed, FillsListed, BalancesListed, BalanceChanged, RateUsed, Throttled)
"""What a real venue tells of the account that traded."""

_HOLE: Final = "records of the run are missing"


class _Recipe(msgspec.Struct):
    # What is used of a recipe: `mm.bootstrap.recipe` writes it.
    text: str
    instruments: tuple[Instrument, ...]
    watched: tuple[Instrument, ...] = ()


class JournalSource:
    """One run. Implements `Source`. Fields: run: what the journal's header says."""

    rows = 0
    controls = True
    gaps: tuple[SourceGap, ...] = ()

    def __init__(self, directory: Path) -> None:
        """Read the journal once. Args: directory: of the run.

        Raises: JournalCorrupt, JournalForeign, StateCorrupt; RecordingUnusable if nothing is in it.
        """
        self._journal = directory / JOURNAL_NAME
        reading = read(self._journal, kinds=())
        for _ in reading:
            pass
        if reading.run is None or not reading.last_ts_ns:
            raise RecordingUnusable(f"{directory}: nothing was recorded there")
        self.run: RunHeader = reading.run
        self.first_ns, self.last_ns = reading.first_ts_ns, reading.last_ts_ns
        recipe = _recipe(self.run)
        known = {one.symbol: one for one in (*recipe.instruments, *recipe.watched)}
        self.instruments: tuple[Instrument, ...] = tuple(known.values())
        self.symbols = tuple(known)
        self.name = f"run {self.run.run_id}"
        self.venue = ""
        self._takes_own = _mode_of(recipe) == "paper"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the journal's files."""
        total = sha256()
        for path in sorted(self._journal.rglob("*")):
            if path.is_file():
                total.update(f"{path.relative_to(self._journal)} ".encode())
                total.update(path.read_bytes())
        return total.hexdigest()

    def chunks(self, from_ns: int = 0, to_ns: int = 0) -> Iterator[Chunk]:
        """Yield the rows; see `Source.chunks`. What holds at the beginning is told there again."""
        check_span(self, from_ns, to_ns)
        taker = _Taker(self.symbols)
        cut = Cut(taker.writer, from_ns, taker.tell_standing)
        for record in read(self._journal, kinds=(EVENT, MISSING)):
            if isinstance(record.entry, _OWN) and not self._takes_own:
                continue
            ts_ns = max(taker.last_ns, getattr(record.entry, "ts_ns", record.ts_ns))
            if to_ns and ts_ns >= to_ns:
                break
            full = cut.before(ts_ns, taker.followers)
            if full is not None:
                yield full.chunk
            taker.take(record, ts_ns)
        if len(taker.writer):
            yield taker.writer.take().chunk


class _Follower:
    # The depth of one symbol, for its keyframes.
    def __init__(self, symbol: str, market: int, writer: DetailedWriter) -> None:
        self.symbol = symbol
        self.market = market
        self.depth = Depth()
        self._writer = writer

    def keyframe(self, ts_ns: int) -> None:
        if self.depth.seq >= 0:
            head = Head(ts_ns=ts_ns, kind=KEYFRAME, seq=self.depth.seq)
            self._writer.add(head, *self.depth.levels(), market=self.market)


class _Taker:
    # Takes records in; remembers what stands.
    def __init__(self, symbols: tuple[str, ...]) -> None:
        self.writer = DetailedWriter(symbols, details=False)
        self.followers = [_Follower(symbol, at, self.writer) for at, symbol in enumerate(symbols)]
        self.last_ns = 0
        self._by_symbol = {one.symbol: one for one in self.followers}
        self._standing: dict[str, AnyEvent] = {}

    def tell_standing(self, ts_ns: int) -> None:
        for event in self._standing.values():
            self.writer.add_other(msgspec.structs.replace(event, ts_ns=ts_ns))

    def take(self, record: Record, ts_ns: int) -> None:
        self.last_ns = ts_ns
        match record.entry:
            case Missing():
                for follower in self.followers:
                    self._lose(follower, BookLost(ts_ns=ts_ns, symbol=follower.symbol, reason=_HOLE))
            case BookLost(symbol=symbol) as lost if symbol in self._by_symbol:
                self._lose(self._by_symbol[symbol], lost)
            case (BookSnapshot() | BookDelta() | TopOfBook() | PublicTrade()) as event:
                if event.symbol in self._by_symbol:
                    self._market_event(self._by_symbol[event.symbol], event)
            case StreamUp() | StreamDown() | ClockMeasured() as event:
                self._stand(event)
                self.writer.add_other(event)
            case event:
                self.writer.add_other(cast("AnyEvent", event))

    def _lose(self, follower: _Follower, event: BookLost) -> None:
        follower.depth.lose()
        self.writer.add_other(event)

    def _stand(self, event: StreamUp | StreamDown | ClockMeasured) -> None:
        if isinstance(event, ClockMeasured):
            self._standing["clock"] = event
            return
        self._standing[f"{event.stream} {event.venue}"] = event
        if isinstance(event, StreamDown) and event.stream is Stream.MARKET:
            for follower in self.followers:
                if follower.symbol.rpartition(":")[0] == event.venue:
                    follower.depth.lose()

    def _market_event(
        self, follower: _Follower, event: BookSnapshot | BookDelta | TopOfBook | PublicTrade
    ) -> None:
        depth, add = follower.depth, self.writer.add
        match event:
            case BookSnapshot():
                if event.seq >= depth.seq:
                    depth.replace(event.seq, event.bids, event.asks)
                add(Head(event.ts_ns, SNAPSHOT, event.seq), event.bids, event.asks, market=follower.market)
            case BookDelta():
                if event.seq > depth.seq:
                    depth.change(event.seq, event.bids, event.asks)
                head = Head(event.ts_ns, DELTA, event.seq, event.venue_ms)
                add(head, event.bids, event.asks, market=follower.market)
            case TopOfBook():
                add(Head(event.ts_ns, TOP, event.seq), (event.bid,), (event.ask,), market=follower.market)
            case PublicTrade():
                levels = ((event.price_ticks, event.size_atoms),)
                bids, asks = (levels, ()) if event.aggressor is BUY else ((), levels)
                head = Head(event.ts_ns, TRADE, event.trade_id, event.venue_ms)
                add(head, bids, asks, market=follower.market)


def _recipe(run: RunHeader) -> _Recipe:
    try:
        return msgspec.json.decode(run.config_text, type=_Recipe)
    except msgspec.DecodeError as error:
        raise JournalForeign(f"the journal does not say what its run was made of: {error}") from None


def _mode_of(recipe: _Recipe) -> str:
    try:
        return str(tomllib.loads(recipe.text).get("mode", ""))
    except tomllib.TOMLDecodeError as error:
        raise JournalForeign(f"the journal's configuration cannot be read: {error}") from None
