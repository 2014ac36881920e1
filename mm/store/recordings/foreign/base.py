"""Recordings in the forms of others, whose changes bear no numbers: a base for the sources that read them.

What such a file tells as a whole book is a snapshot, what it tells of single levels a change; both are
numbered here, in their order. Must never believe a book that began with changes: before the first whole one
nothing of the book is told. Invariant: the same files give the same rows and numbers each time.
"""

from abc import abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from mm.domain.book import Level
from mm.domain.events import BookLost
from mm.domain.instrument import Instrument
from mm.domain.tape import DELTA, NO_ORDER, ORDER, ORDERS, SNAPSHOT, TOP, TRADE, Chunk, OrderRow
from mm.store.recordings.detailed import KEPT_DELTA, KEPT_TRADE, Detailed, DetailedWriter, Head
from mm.store.recordings.facts import Facts
from mm.store.recordings.grid import Grid, GridDoubt, doubts_of
from mm.store.recordings.noted import GapNotes
from mm.store.recordings.orders import OrderQueue
from mm.store.recordings.pair import VENUES, instrument_of
from mm.store.recordings.raw.records import Market
from mm.store.recordings.raw.scan import RecordingInfo
from mm.store.recordings.raw_source import file_digest
from mm.store.recordings.source import SourceGap, check_span
from mm.store.recordings.weave import Cut, Weaver

LOST: Final = -1
"""The kind of a message that says that the book is gone."""

CLEARED: Final = -2
"""The kind of a message that first takes all levels up to a price away, then sets the levels it holds."""

NUMBER_HERE: Final = -1
"""The number of a message whose file gives it none."""

_TEXTS_KNOWN_MAX: Final = 200_000
_SEPARATORS: Final = str.maketrans("", "", "-_/:")


class ForeignMessage(NamedTuple):
    """What happened at one moment, in ticks and atoms.

    Fields: ts_ns: local time; kind: SNAPSHOT, DELTA, TOP, TRADE, CLEARED or LOST; bids, asks: levels; the one
    of a trade is a bid if the buyer took; seq: the file's number of it, or NUMBER_HERE; venue_ms: 0: not
    told. cut_bid_ticks: with CLEARED, bids from the best down to it are gone first, None: none are;
    cut_ask_ticks. reason: of a lost book. orders: of a SNAPSHOT or DELTA of single orders, those that made
    it, each as it stands then; with SNAPSHOT all that there are. file, row: where it begins, row 0: not told.
    """

    ts_ns: int
    kind: int
    bids: Sequence[tuple[int, int]] = ()
    asks: Sequence[tuple[int, int]] = ()
    seq: int = NUMBER_HERE
    venue_ms: int = 0
    cut_bid_ticks: int | None = None
    cut_ask_ticks: int | None = None
    reason: str = ""
    orders: Sequence[OrderRow] | None = None
    file: int = 0
    row: int = 0


class ForeignWeaver(Weaver):
    """Takes messages that bear no numbers.

    Fields: unjoined: changes before the first whole book; lines: file and row of each frame, where messages
    tell them.
    """

    def __init__(self, instrument: Instrument, writer: DetailedWriter) -> None:
        """Begin without a book."""
        super().__init__(instrument, writer)
        self.unjoined = 0
        self.lines: list[array[int]] = [array("q"), array("q")]
        self._orders = OrderQueue()
        self._seq = 0
        self._trade_id = 0
        self._frame = 0

    def keyframe(self, ts_ns: int) -> None:
        """Write the book down as it stands, if there is one, and its single orders, if they are told."""
        super().keyframe(ts_ns)
        if self.depth.seq >= 0 and self._orders.is_told:
            self.writer.add_orders(Head(ts_ns, ORDERS, 0), [NO_ORDER, *self._orders], market=self._market)

    def put(self, message: ForeignMessage) -> None:
        """Write what a message brings."""
        kind = message.kind
        if message.row and self.writer.has_details:
            self.lines[0].append(message.file)
            self.lines[1].append(message.row)
        if message.orders is not None:
            self._put_orders(message, message.orders)
        if kind == TRADE:
            self._put_trade(message)
        elif kind == LOST:
            self.depth.lose()
            lost = BookLost(ts_ns=message.ts_ns, symbol=self._instrument.symbol, reason=message.reason)
            self.writer.add_other(lost)
        elif kind == CLEARED:
            self._put_cleared(message)
        elif kind == SNAPSHOT:
            self.depth.replace(self._number(message), message.bids, message.asks)
            self._add(message, SNAPSHOT)
        elif kind == TOP:
            self._number(message)
            self._add(message, TOP)
        else:
            self._put_change(message)

    # Who changed stands before what that makes of the levels.
    def _put_orders(self, message: ForeignMessage, orders: Sequence[OrderRow]) -> None:
        is_whole = message.kind == SNAPSHOT
        self._orders.take(orders, is_whole=is_whole)
        rows = [NO_ORDER, *orders] if is_whole else orders
        head = Head(message.ts_ns, ORDER, 0, frame=self._frame)
        self.writer.add_orders(head, rows, market=self._market)

    def _put_change(self, message: ForeignMessage) -> None:
        seq = self._number(message)
        is_joined = self.depth.seq >= 0
        self.unjoined += not is_joined
        self.depth.change(seq, message.bids, message.asks)
        self._add(message, DELTA if is_joined else KEPT_DELTA)

    # Whoever begins anew says how far down the old levels are gone; beyond that they stay.
    def _put_cleared(self, message: ForeignMessage) -> None:
        if self.depth.seq < 0:
            self.put(message._replace(kind=SNAPSHOT))
            return
        cut_bid, cut_ask = message.cut_bid_ticks, message.cut_ask_ticks
        gone_bids = [price for price in self.depth.bids if cut_bid is not None and price >= cut_bid]
        gone_asks = [price for price in self.depth.asks if cut_ask is not None and price <= cut_ask]
        if len(gone_bids) == len(self.depth.bids) and len(gone_asks) == len(self.depth.asks):
            self.put(message._replace(kind=SNAPSHOT))
            return
        bids = {**dict.fromkeys(gone_bids, 0), **dict(message.bids)}
        asks = {**dict.fromkeys(gone_asks, 0), **dict(message.asks)}
        self._put_change(message._replace(kind=DELTA, bids=tuple(bids.items()), asks=tuple(asks.items())))

    def _put_trade(self, message: ForeignMessage) -> None:
        self._trade_id = message.seq if message.seq >= 0 else self._trade_id + 1
        (level,) = message.bids or message.asks
        head = self._head_of(message, TRADE if level[1] else KEPT_TRADE, self._trade_id)
        self.writer.add(head, message.bids, message.asks, market=self._market)

    def _number(self, message: ForeignMessage) -> int:
        self._seq = message.seq if message.seq >= 0 else self._seq + 1
        return self._seq

    def _add(self, message: ForeignMessage, kind: int) -> None:
        head = self._head_of(message, kind, self._seq)
        self.writer.add(head, message.bids, message.asks, market=self._market)

    def _head_of(self, message: ForeignMessage, kind: int, seq: int) -> Head:
        self._frame += 1
        told_ms = message.venue_ms if kind in (DELTA, TRADE) else 0
        return Head(
            ts_ns=message.ts_ns,
            kind=kind,
            seq=seq,
            venue_ms=told_ms,
            event_ms=message.venue_ms,
            frame=self._frame - 1,
        )


@dataclass(slots=True, kw_only=True)
class ForeignSeen:
    """What one pass over the files told.

    Fields: symbol: as the file writes it; market; first_ns, last_ns: local times; rows: of the files;
    snapshots, changes, trades, tops: messages; orders, fills: changes and executions of single orders;
    prices, sizes: grids; sizes: of those traded, depths: of levels, which tells the lot where nothing was
    traded.
    """

    symbol: str = ""
    market: Market = Market.SPOT
    first_ns: int = 0
    last_ns: int = 0
    rows: int = 0
    snapshots: int = 0
    changes: int = 0
    trades: int = 0
    tops: int = 0
    orders: int = 0
    fills: int = 0
    prices: Grid = field(default_factory=Grid)
    sizes: Grid = field(default_factory=Grid)
    depths: Grid = field(default_factory=Grid)

    def doubts(self, facts: Facts) -> tuple[GridDoubt, ...]:
        """Return what is to be told of the grid that was found."""
        return doubts_of(self.prices, self.sizes if self.sizes.atoms else self.depths, facts)

    def instrument(self, files: Sequence[Path], facts: Facts) -> Instrument:
        """Return the instrument of it; raises ConfigError, RecordingUnusable."""
        plain = self.symbol.upper().translate(_SEPARATORS)
        info = RecordingInfo(
            files=tuple(map(str, files)),
            symbol=plain or f"{facts.base or ''}{facts.quote or ''}",
            market=self.market,
            frames=self.rows,
            snapshots=self.snapshots,
            diffs=self.changes,
            trades=self.trades,
            tickers=self.tops,
            others=0,
            first_ns=self.first_ns,
            last_ns=self.last_ns,
            first_venue_ms=-1,
            last_venue_ms=-1,
            shift_ns=0,
            tick_size=self.prices.step,
            lot_size=self.sizes.step or self.depths.step,
            price_max=self.prices.most,
            gaps=(),
            gap_count=0,
            has_snapshot=bool(self.snapshots),
            price_steps=self.prices.steps,
            size_steps=(self.sizes if self.sizes.atoms else self.depths).steps,
        )
        return instrument_of(info, facts)


class ForeignSource:
    """A base for sources of files of others. Implements `Source`.

    Fields: paths; seen: what one pass told; doubts: of the grid that it found, none of one that the files
    name; unjoined: changes before the first whole book, as read last; lines: file (its place in `paths`) and
    row of each frame, as far as it was read last with its details and where messages tell them.
    """

    controls = False
    rows = 0

    def __init__(
        self, paths: Sequence[Path], seen: ForeignSeen, facts: Facts, instrument: Instrument
    ) -> None:
        """Keep what the pass told."""
        self.paths = tuple(paths)
        self.seen = seen
        self.venue = facts.venue or VENUES[seen.market]
        self.instruments: tuple[Instrument, ...] = (instrument,)
        self.symbols = (instrument.symbol,)
        self.first_ns, self.last_ns = seen.first_ns, seen.last_ns
        self.doubts = seen.doubts(facts)
        self.unjoined = 0
        self.lines: list[array[int]] = [array("q"), array("q")]
        self._notes = GapNotes(self.name)

    @property
    def gaps(self) -> tuple[SourceGap, ...]:
        """Those of the rows that were read last."""
        return self._notes.gaps

    @property
    def name(self) -> str:
        """What it is, for people."""
        return ", ".join(path.name for path in self.paths)

    @property
    def order_symbols(self) -> tuple[str, ...]:
        """The symbol, if its single orders are told."""
        return self.symbols if self.seen.orders else ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the files' bytes and of the instrument."""
        total = sha256(msgspec.json.encode(self.instruments[0]))
        for path in self.paths:
            total.update(bytes.fromhex(file_digest(path)))
        return total.hexdigest()

    def chunks(self, from_ns: int = 0, to_ns: int = 0) -> Iterator[Chunk]:
        """Yield the rows; see `Source.chunks`."""
        check_span(self, from_ns, to_ns)
        for detailed in self._notes.through(self._read(from_ns, to_ns, details=False)):
            yield detailed.chunk

    def detailed(self) -> Iterator[Detailed]:
        """Yield everything that the files hold, in order; see `Detailed`."""
        return self._read(0, 0, details=True)

    @abstractmethod
    def messages(self) -> Iterable[ForeignMessage]:
        """Yield what the files tell, in the order of local time."""

    def _read(self, from_ns: int, to_ns: int, *, details: bool) -> Iterator[Detailed]:
        writer = DetailedWriter(self.symbols, details=details)
        weaver = ForeignWeaver(self.instruments[0], writer)
        self.lines = weaver.lines
        cut = Cut(writer, from_ns)
        for message in self.messages():
            if to_ns and message.ts_ns >= to_ns:
                break
            full = cut.before(message.ts_ns, (weaver,))
            if full is not None:
                yield full
            weaver.put(message)
        self.unjoined = weaver.unjoined
        if len(writer):
            yield writer.take()


class LevelReader:
    """Makes levels of decimal texts. Prices come again and again: those that were read are remembered."""

    def __init__(self, instrument: Instrument) -> None:
        """Begin. Args: instrument: its grid is what prices have to lie on."""
        self._instrument = instrument
        self._known: dict[str, int] = {}

    def __call__(self, price: str, size: str) -> Level:
        """Return a level; raises ValueError if its price is off the grid, or a number below zero."""
        ticks = self._known.get(price)
        if ticks is None:
            if len(self._known) >= _TEXTS_KNOWN_MAX:
                self._known.clear()
            ticks = self._instrument.price_ticks(price)
            if ticks < 0:
                raise ValueError(f"price was {price}, expected nothing below zero")
            self._known[price] = ticks
        atoms = self._instrument.size_atoms(size)
        if atoms < 0:
            raise ValueError(f"size was {size}, expected nothing below zero")
        return Level(ticks, atoms)
