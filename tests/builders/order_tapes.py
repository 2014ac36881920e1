"""Generated markets of single orders (level 3): what a venue that matches by price and time tells of them.

Every change has a moment of its own. A taker is told by its trades, one per price, then by what each order
that it hit traded, then by what became of that order: all at one moment, in this order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from mm.domain.book import Level
from mm.domain.events import BookDelta, BookSnapshot, PublicTrade
from mm.domain.sides import BUY, SELL, Side
from mm.domain.tape import ORDERS, Chunk, OrderRow, TapeWriter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TRADE, CLEAR, ADD, CANCEL, MODIFY, FILL = 2, 3, 10, 11, 12, 13
BASE_NS: Final = 1_700_000_000_000_000_000
MIDDLE: Final = 6_000_000
TICK, LOT = 0.01, 0.00001
FAR: Final = 2**62
_FLAGS = (1 << 31) | (1 << 30)


@dataclass(frozen=True)
class Told:
    """A row. Fields: kind: as in the files; side: 1, -1, 0; price in ticks; size in lots."""

    kind: int
    ts_ns: int
    side: int
    price: int = 0
    lots: int = 0
    order_id: int = 0


@dataclass
class Resting:
    """An order of the market."""

    order_id: int
    side: Side
    price: int
    lots: int


class OrderMarket:
    """Makes rows. Fields: orders: that rest, the oldest first."""

    def __init__(self, seed: int, *, levels: int = 4, gap_ns: int = 3_000_000) -> None:
        """Begin without orders. Args: gap_ns: between two moments, on average."""
        self.random = Random(f"{seed}/orders")
        self.orders: list[Resting] = []
        self._levels, self._gap_ns = levels, gap_ns
        self._ts_ns, self._id = BASE_NS, 0
        self._acts = {"cancel": self._cancel, "modify": self._modify, "trade": self._trade}

    def opening(self) -> list[Told]:
        """Return the rows of a whole book."""
        rows = [Told(CLEAR, self._ts_ns, 0)]
        for side in (BUY, SELL):
            for away in range(self._levels):
                price = MIDDLE - side.sign * (1 + away)
                rows += [self._add(side, price) for _ in range(self.random.randint(1, 4))]
        return rows

    def rows(self, count: int) -> Iterator[Told]:
        """Yield a whole book, then the rows of `count` moments."""
        yield from self.opening()
        for _ in range(count):
            yield from self.moment()

    def moment(self) -> list[Told]:
        """Return the rows of the next moment."""
        self._ts_ns += self.random.randint(self._gap_ns // 2, self._gap_ns * 3 // 2)
        act = self.random.choices(("add", "cancel", "modify", "trade"), (40, 25, 15, 20))[0]
        if act == "add" or len(self.orders) < 4 * self._levels:
            side = self.random.choice((BUY, SELL))
            return [self._add(side, self._price(side))]
        return self._acts[act]()

    def best(self, side: Side) -> int:
        """Return the best price of a side, 0 without one."""
        prices = [order.price for order in self.orders if order.side is side]
        return max(prices, key=lambda price: price * side.sign, default=0)

    def _add(self, side: Side, price: int) -> Told:
        self._id += 1
        order = Resting(self._id, side, price, self.random.randint(1, 40))
        self.orders.append(order)
        return self._row(ADD, order)

    def _price(self, side: Side) -> int:
        other = self.best(side.opposite)
        best = self.best(side) or other - side.sign * 2
        wide = abs(other - best) if other else 0
        if wide > 3 and self.random.random() < 0.5:
            return best + side.sign * self.random.randint(1, wide // 2)
        price = best - side.sign * self.random.choice((-1, 0, 0, 0, 0, 1, 2, 3))
        return price if not other or (other - price) * side.sign > 0 else best

    def _cancel(self) -> list[Told]:
        order = self._near()
        self.orders.remove(order)
        return [self._row(CANCEL, order)]

    def _modify(self) -> list[Told]:
        order = self._near()
        how = self.random.random()
        if how < 0.5 and order.lots > 1:
            order.lots -= self.random.randint(1, order.lots - 1)
            return [self._row(MODIFY, order)]
        self.orders.remove(order)
        price = self._price(order.side)
        if how < 0.8 or price == order.price:
            order.lots += self.random.randint(1, 10)
        else:
            order.price = price
        self.orders.append(order)
        return [self._row(MODIFY, order)]

    def _trade(self) -> list[Told]:
        side = self.random.choice((BUY, SELL))
        queue = sorted(
            [order for order in self.orders if order.side is side], key=lambda one: -one.price * side.sign
        )
        left = self.random.choice((1, 3, 10, 25, 60, 120))
        hit: list[tuple[Resting, int]] = []
        for order in queue[: -2 * self._levels]:
            if left:
                hit.append((order, min(left, order.lots)))
                left -= hit[-1][1]
        trades: dict[int, int] = {}
        for order, lots in hit:
            trades[order.price] = trades.get(order.price, 0) + lots
        rows = [Told(TRADE, self._ts_ns, -side.sign, price, lots) for price, lots in trades.items()]
        rows += [Told(FILL, self._ts_ns, side.sign, order.price, lots, order.order_id) for order, lots in hit]
        for order, lots in hit:
            order.lots -= lots
            if order.lots:
                rows.append(self._row(MODIFY, order))
            else:
                self.orders.remove(order)
                rows.append(self._row(CANCEL, order))
        return rows

    # Mostly at the best prices, where queues matter.
    def _near(self) -> Resting:
        side = self.random.choice((BUY, SELL))
        best = self.best(side)
        near = [one for one in self.orders if one.side is side and abs(one.price - best) < 2]
        crowd = near if len(near) > 2 else self.orders
        return self.random.choice(crowd)

    def _row(self, kind: int, order: Resting) -> Told:
        return Told(kind, self._ts_ns, order.side.sign, order.price, order.lots, order.order_id)


class TapeMaker:
    """Makes rows of a tape of the rows of single orders: who changed, then what the levels became."""

    def __init__(self, symbols: tuple[str, ...], *, lot_atoms: int = 1) -> None:
        """Begin without orders; the market is the last of `symbols`. Fields: writer: holds the rows."""
        self.writer = TapeWriter(symbols)
        self._symbol, self._lot = symbols[-1], lot_atoms
        self._orders: dict[int, tuple[Side, int, int]] = {}
        self._seq = self._trade_id = 0

    def add(self, moment: Sequence[Told]) -> None:
        """Take in the rows of one moment."""
        for row in moment:
            if row.kind == TRADE:
                self._trade(row)
        changes = [row for row in moment if row.kind not in (TRADE, FILL, CLEAR)]
        if not changes:
            return
        is_whole, told = any(row.kind == CLEAR for row in moment), list[OrderRow]()
        for row in changes:
            side = BUY if row.side > 0 else SELL
            old = self._orders.get(row.order_id, (side, row.price, 0))
            if old[1] != row.price:
                told.append((row.side, old[1], 0, row.order_id))
            size = 0 if row.kind == CANCEL else row.lots * self._lot
            told.append((row.side, row.price, size, row.order_id))
            if old[1] != row.price or not size or size > old[2]:
                self._orders.pop(row.order_id, None)
            if size:
                self._orders[row.order_id] = (side, row.price, size)
        ts_ns = moment[0].ts_ns
        self.writer.add_orders(ts_ns, self._symbol, told, whole=is_whole)
        self.writer.add(self._book(ts_ns, {(row[0], row[1]) for row in told}, is_whole=is_whole))

    def keyframe(self, ts_ns: int) -> None:
        """Write everything down as it stands."""
        levels = {(side.sign, price) for side, price, _ in self._orders.values()}
        book = self._book(ts_ns, levels, is_whole=True)
        assert isinstance(book, BookSnapshot)
        self.writer.add_keyframe(book)
        told = [(side.sign, price, size, number) for number, (side, price, size) in self._orders.items()]
        self.writer.add_orders(ts_ns, self._symbol, told, whole=True, kind=ORDERS)

    def _trade(self, row: Told) -> None:
        self._trade_id += 1
        self.writer.add(
            PublicTrade(
                ts_ns=row.ts_ns,
                symbol=self._symbol,
                trade_id=self._trade_id,
                price_ticks=row.price,
                size_atoms=row.lots * self._lot,
                aggressor=BUY if row.side > 0 else SELL,
            )
        )

    def _book(self, ts_ns: int, levels: set[tuple[int, int]], *, is_whole: bool) -> BookSnapshot | BookDelta:
        self._seq += not is_whole or not self._seq
        told: dict[int, list[Level]] = {1: [], -1: []}
        for sign, price in sorted(levels):
            orders = self._orders.values()
            size = sum(size for side, ticks, size in orders if (side.sign, ticks) == (sign, price))
            told[sign].append(Level(price, size))
        bids, asks = tuple(told[1]), tuple(told[-1])
        if is_whole:
            return BookSnapshot(ts_ns=ts_ns, symbol=self._symbol, seq=self._seq, bids=bids, asks=asks)
        return BookDelta(ts_ns=ts_ns, symbol=self._symbol, seq=self._seq, venue_ms=0, bids=bids, asks=asks)


def order_chunk(seed: int, moments: int, *, lot_atoms: int = 1, keyframes: float = 0.0) -> Chunk:
    """Return the tape of a generated market. Args: keyframes: in front of this part of the moments."""
    market, maker = OrderMarket(seed), TapeMaker(("ETH/USDT", "BTC/USDT"), lot_atoms=lot_atoms)
    maker.add(market.opening())
    for _ in range(moments):
        rows = market.moment()
        if rows and market.random.random() < keyframes:
            maker.keyframe(rows[0].ts_ns)
        maker.add(rows)
    return maker.writer.take()


def events_of(rows: Sequence[Told], dtype: "np.dtype[np.void]") -> "NDArray[np.void]":
    """Return rows as those of a file. Args: dtype: of a row."""
    import numpy as np

    events = np.zeros(len(rows), dtype)
    for event, row in zip(events, rows, strict=True):
        side = (1 << 29) if row.side > 0 else (1 << 28) if row.side < 0 else 0
        event["ev"] = row.kind | _FLAGS | side
        event["exch_ts"], event["local_ts"] = row.ts_ns - 1_000_000, row.ts_ns
        event["px"], event["qty"] = row.price * TICK, round(row.lots * LOT, 5)
        event["order_id"] = row.order_id
    return events


def first_orders() -> list[Told]:
    """Return the rows of a small book: three bids at two prices, and an ask whose number is the highest."""
    rows = ((ADD, 1, 100, 5, 1), (ADD, 1, 100, 3, 2), (ADD, 1, 99, 7, 3), (ADD, -1, 102, 4, 2**64 - 1))
    return [
        Told(CLEAR, BASE_NS, 0, 0, 0, 0),
        *(Told(kind, BASE_NS, side, price, lots, number) for kind, side, price, lots, number in rows),
    ]


def write_orders(path: Path, rows: Sequence[Told]) -> Path:
    """Write rows as a file of hftbacktest; return its path."""
    import numpy as np

    from mm.store.recordings.foreign.npz_form import EVENT_DTYPE

    np.savez(path, data=events_of(rows, EVENT_DTYPE))
    return path
