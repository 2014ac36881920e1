"""A market as rows of integers: what recordings, backtests and the kernel hand to each other.

A message of a market is one or more rows that stand together; `events` makes the engine's events of them and
`TapeWriter` the rows of events, without loss. Holds no prices in decimals, no files and no arrays of others:
a column is anything like `Column`. Invariants: rows are in the order in which
they were received; the rows of a message have one time, kind and market, one number unless they are orders,
and `last` at its end alone.
"""

from array import array
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Final, NamedTuple, Protocol, TypeAlias

from mm.domain.book import Level
from mm.domain.events import AnyEvent, BookDelta, BookSnapshot, PublicTrade, TopOfBook
from mm.domain.sides import BUY, SELL

WINDOW_ROWS: Final = 65_536
"""Rows of a chunk that are made into numbers of Python at once."""


SEAM: Final = "not recorded together with what came before"
ENDS: Final = "the recording before it ends"
ANEW: Final = (SEAM, ENDS)
"""Why a book is lost where another import or recording begins, whose prints may be numbered anew."""


class TapeKind(IntEnum):
    """What a row is part of; the numbers are in files and never change.

    SNAPSHOT: a whole book, a row per level. DELTA: absolute sizes of changed levels (0: gone), a row per
    level. Either without levels is one row of side 0. TOP: the best bid and ask, a row each, price 0 for an
    empty side. TRADE: one print. OTHER: an event that is no row: `seq` is its place in `Chunk.others`.
    KEYFRAME: a whole book as it stands there, so that reading can begin at it; who has the book is not told.
    ORDER: who changed, where a recording knows single orders: a row per order, as it stands after the change
    (size 0: gone), its id in `seq`; one that became larger or comes from another price, where a row before
    says that it is gone, is behind all others at its price.
    A row of side 0 comes first where all orders before it are gone. What a message of orders does to levels
    is told by the SNAPSHOT or DELTA of the same time behind it; prints of that time come before both.
    ORDERS: every order as it stands there, in the order of their queues, behind the row of side 0 and behind
    the KEYFRAME of the same time. Neither is an event: no engine hears of single orders.
    """

    SNAPSHOT = 1
    DELTA = 2
    TOP = 3
    TRADE = 4
    OTHER = 5
    KEYFRAME = 6
    ORDER = 7
    ORDERS = 8


SNAPSHOT: Final = int(TapeKind.SNAPSHOT)
DELTA: Final = int(TapeKind.DELTA)
TOP: Final = int(TapeKind.TOP)
TRADE: Final = int(TapeKind.TRADE)
OTHER: Final = int(TapeKind.OTHER)
KEYFRAME: Final = int(TapeKind.KEYFRAME)
ORDER: Final = int(TapeKind.ORDER)
ORDERS: Final = int(TapeKind.ORDERS)
"""The kinds as plain integers, for compiled code and for loops over rows."""


class Column(Protocol):
    """Integers of 64 bits in a row: an `array("q")`, or one of NumPy's; either has a buffer, and nobody
    lengthens one that was handed on.
    """

    def __len__(self) -> int:
        """Return how many there are."""

    def __getitem__(self, index: "slice[int, int, int | None]", /) -> "Column":
        """Return a part, as it is or as a copy."""

    def tolist(self) -> list[int]:
        """Return them as Python's integers."""


class Columns(NamedTuple):
    """The rows, a column per fact; all are of one length.

    Fields:
        ts_ns: local time of receipt, never falling. kind: a `TapeKind`. market: index of its symbol.
        side: 1 for a bid or a buyer who took, -1 for an ask or a seller who took, 0 for no level.
        price_ticks; size_atoms: displayed or traded, base atoms.
        seq: the venue's number: of the last change in a snapshot, delta or top, of the trade; an order's id.
        venue_ms: the venue's time, 0 where it tells none. last: 1 on the last row of a message, else 0.
    """

    ts_ns: Column
    kind: Column
    market: Column
    side: Column
    price_ticks: Column
    size_atoms: Column
    seq: Column
    venue_ms: Column
    last: Column


class Chunk(NamedTuple):
    """Rows that are in memory together; they begin and end with whole messages.

    Fields: symbols: by the index in `market`, unified names. others: events that are no rows, in order.
    """

    symbols: tuple[str, ...]
    columns: Columns
    others: tuple[AnyEvent, ...] = ()

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.columns.ts_ns)


Row: TypeAlias = tuple[int, int, int, int, int, int, int, int, int]
"""One row, in the order of `Columns`."""

OrderRow: TypeAlias = tuple[int, int, int, int]
"""One order of a market: side as in `Columns`, price in ticks, size left in base atoms, id."""

NO_ORDER: Final[OrderRow] = (0, 0, 0, 0)
"""Stands first in a message of orders where all before it are gone."""


class TapeWriter:
    """Makes rows of events, one after the other."""

    def __init__(self, symbols: tuple[str, ...]) -> None:
        """Begin without rows. Args: symbols: of the markets, in the order of their indices."""
        self.symbols = symbols
        self._index = {symbol: index for index, symbol in enumerate(symbols)}
        self._columns = Columns(*(array("q") for _ in Columns._fields))
        self._others: list[AnyEvent] = []

    def __len__(self) -> int:
        """Return how many rows wait to be taken."""
        return len(self._columns.ts_ns)

    def add(self, event: AnyEvent) -> None:
        """Write the rows of an event; raises KeyError if it is of a market that was not named."""
        match event:
            case BookSnapshot() | BookDelta():
                is_delta = isinstance(event, BookDelta)
                venue_ms = event.venue_ms if isinstance(event, BookDelta) else 0
                levels = [(1, *level) for level in event.bids] + [(-1, *level) for level in event.asks]
                kind = DELTA if is_delta else SNAPSHOT
                self._message(event.ts_ns, kind, event.symbol, levels or [(0, 0, 0)], event.seq, venue_ms)
            case TopOfBook():
                levels = [(1, *event.bid), (-1, *event.ask)]
                self._message(event.ts_ns, TOP, event.symbol, levels, event.seq, 0)
            case PublicTrade():
                row = [(event.aggressor.sign, event.price_ticks, event.size_atoms)]
                self._message(event.ts_ns, TRADE, event.symbol, row, event.trade_id, event.venue_ms)
            case _:
                self._row((event.ts_ns, OTHER, 0, 0, 0, 0, len(self._others), 0, 1))
                self._others.append(event)

    def add_keyframe(self, book: BookSnapshot) -> None:
        """Write the rows of a book as it stands; raises KeyError if it is of a market that was not named."""
        levels = [(1, *level) for level in book.bids] + [(-1, *level) for level in book.asks]
        self._message(book.ts_ns, KEYFRAME, book.symbol, levels or [(0, 0, 0)], book.seq, 0)

    def add_orders(
        self, ts_ns: int, symbol: str, orders: Sequence[OrderRow], *, whole: bool = False, kind: int = ORDER
    ) -> None:
        """Write a message of single orders; raises KeyError if it is of a market that was not named.

        Args: whole: all orders before it are gone; kind: ORDER or ORDERS.
        """
        told = [NO_ORDER, *orders] if whole else orders
        market, left = self._index[symbol], len(told)
        for side, price_ticks, size_atoms, order_id in told:
            left -= 1
            self._row((ts_ns, kind, market, side, price_ticks, size_atoms, order_id, 0, not left))

    def take(self) -> Chunk:
        """Return the rows so far, and begin anew."""
        chunk = Chunk(self.symbols, self._columns, tuple(self._others))
        self._columns = Columns(*(array("q") for _ in Columns._fields))
        self._others = []
        return chunk

    def _message(  # noqa: PLR0913, PLR0917 - the columns of a row
        self, ts_ns: int, kind: int, symbol: str, levels: list[tuple[int, int, int]], seq: int, venue_ms: int
    ) -> None:
        market, left = self._index[symbol], len(levels)
        for side, price_ticks, size_atoms in levels:
            left -= 1
            self._row((ts_ns, kind, market, side, price_ticks, size_atoms, seq, venue_ms, not left))

    def _row(self, row: Row) -> None:
        for column, value in zip(self._columns, row, strict=True):
            column.append(value)  # type: ignore[attr-defined]  # those made here are arrays of Python


def rows(chunk: Chunk, start: int = 0, stop: int | None = None) -> Iterator[Row]:
    """Yield the rows of a chunk from `start` up to `stop`, in order, as Python's integers."""
    end = chunk.rows if stop is None else stop
    for begin in range(start, end, WINDOW_ROWS):
        part = slice(begin, min(begin + WINDOW_ROWS, end))
        yield from zip(*(column[part].tolist() for column in chunk.columns), strict=True)


def messages(chunk: Chunk, start: int = 0, stop: int | None = None) -> Iterator[list[Row]]:
    """Yield the messages of a chunk from row `start` up to row `stop`, both at the edge of one."""
    message: list[Row] = []
    for row in rows(chunk, start, stop):
        message.append(row)
        if row[8]:
            yield message
            message = []


def events(chunk: Chunk, start: int = 0, stop: int | None = None) -> Iterator[AnyEvent]:
    """Yield the events of a chunk from row `start` up to row `stop`; keyframes and orders are left out."""
    for message in messages(chunk, start, stop):
        if message[0][1] < KEYFRAME:
            yield event_of(chunk, message)


def event_of(chunk: Chunk, message: list[Row]) -> AnyEvent:
    """Return the event that the rows of one message are; a keyframe is a snapshot. Orders are none: a bug."""
    ts_ns, kind, market, side, price_ticks, size_atoms, seq, venue_ms, _ = message[0]
    assert kind < ORDER
    if kind == OTHER:
        return chunk.others[seq]
    symbol = chunk.symbols[market]
    if kind == TRADE:
        return PublicTrade(
            ts_ns=ts_ns,
            symbol=symbol,
            trade_id=seq,
            price_ticks=price_ticks,
            size_atoms=size_atoms,
            aggressor=BUY if side > 0 else SELL,
            venue_ms=venue_ms,
        )
    bids = tuple([Level(row[4], row[5]) for row in message if row[3] > 0])
    asks = tuple([Level(row[4], row[5]) for row in message if row[3] < 0])
    if kind == TOP:
        return TopOfBook(ts_ns=ts_ns, symbol=symbol, seq=seq, bid=bids[0], ask=asks[0])
    if kind in (SNAPSHOT, KEYFRAME):
        return BookSnapshot(ts_ns=ts_ns, symbol=symbol, seq=seq, bids=bids, asks=asks)
    return BookDelta(ts_ns=ts_ns, symbol=symbol, seq=seq, venue_ms=venue_ms, bids=bids, asks=asks)
