"""Rows of single orders (level 3) of hftbacktest's files as messages: who changed, and what levels became.

The orders are kept by their ids while the rows go by. Rows of one moment (both clocks the same) are told as
its trades, then its orders (`TapeKind.ORDER`, ids as signed integers of 64 bits), then the levels that they
make. Engines and estimated queues see levels alone, as on a venue's public stream; whoever follows queues
sees who changed before the level does, and a trade before both. Must never pass over a row that cannot be:
that is an error with its row. Invariant: a level is the sum of the orders at its price.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from mm.domain.tape import DELTA, SNAPSHOT, TRADE, OrderRow
from mm.errors import RecordingDamaged
from mm.store.recordings.foreign.base import LOST, NUMBER_HERE, ForeignMessage
from mm.store.recordings.foreign.npz_form import (
    ADD_ORDER_EVENT,
    CANCEL_ORDER_EVENT,
    DEPTH_CLEAR_EVENT,
    FILL_EVENT,
    GONE_AGAIN_EVENT,
    LOST_HERE,
    MODIFY_ORDER_EVENT,
    TRADE_EVENT,
    NpzFile,
    NpzRow,
    venue_ms_of,
)

_ID_HALF: Final = 1 << 63


class _Known:
    # An order that is there. Fields: fillable: what of it may trade before it is told anew; key: its id as a
    # tape holds it.
    __slots__ = ("fillable", "key", "price", "side", "size")

    def __init__(self, key: int, side: int, price: int, size: int) -> None:
        self.key, self.side, self.price = key, side, price
        self.size = self.fillable = size

    def row(self) -> OrderRow:
        return self.side, self.price, self.size, self.key


# Files of ours tell each message apart by its number; two may have one moment.
def _message_of(row: NpzRow) -> tuple[int | float, ...]:
    return row.local_ns, row.exch_ns, row.ival, row.fval, row.kind == TRADE_EVENT


def _moment_of(row: NpzRow) -> tuple[int | float, ...]:
    return row.local_ns, row.exch_ns


def _number(file: NpzFile, row: NpzRow) -> int:
    return NUMBER_HERE if file.facts is None else row.ival


def _from_the_touch(level: tuple[int, int]) -> int:
    side, price = level
    return -side * price


def _key_of(order_id: int) -> int:
    return order_id - 2 * _ID_HALF if order_id >= _ID_HALF else order_id


class OrderKeeper:
    """The orders of one market, from the first row of the first file on."""

    def __init__(self, *, fills_print: bool) -> None:
        """Begin without orders. Args: fills_print: no trades are told: what traded of an order is one."""
        self._fills_print = fills_print
        self._orders: dict[int, _Known] = {}
        self._levels: dict[tuple[int, int], int] = {}
        self._is_whole = True
        self._lost: Iterator[str] = iter(())
        # Of one moment: orders as they stand then, and the levels that they touched.
        self._told: list[OrderRow] = []
        self._touched: dict[tuple[int, int], None] = {}

    def messages(self, file: NpzFile, number: int, rows: Iterator[NpzRow]) -> Iterator[ForeignMessage]:
        """Yield what a file tells, moment by moment. Args: number: of the file, from 0. Raises:
        RecordingDamaged.
        """
        self._lost = iter(() if file.facts is None else file.facts.lost)
        moment_of = _moment_of if file.facts is None else _message_of
        for _, moment in groupby(rows, key=moment_of):
            yield from self._moment(file, number, list(moment))

    def _moment(self, file: NpzFile, number: int, rows: Sequence[NpzRow]) -> Iterator[ForeignMessage]:
        self._told, self._touched = [], {}
        for row in rows:
            if row.kind == TRADE_EVENT:
                yield self._trade(file, row, number)
            elif row.kind == FILL_EVENT:
                order = self._fill(file, row)
                if self._fills_print:
                    yield self._trade(file, row._replace(side=-order.side, price=order.price), number)
            else:
                self._change(file, row)
        changed = [row for row in rows if row.kind not in (TRADE_EVENT, FILL_EVENT)]
        if changed and file.facts is not None and changed[0].fval == LOST_HERE:
            yield ForeignMessage(changed[0].local_ns, LOST, reason=next(self._lost, "lost"))
        elif changed:
            yield self._book(file, changed[0], number)

    def _trade(self, file: NpzFile, row: NpzRow, number: int) -> ForeignMessage:
        level = ((row.price, row.size),)
        # Who took is not told of all trades: where asks are it was a buyer.
        is_buy = row.side > 0 or (not row.side and (-1, row.price) in self._levels)
        return ForeignMessage(
            row.local_ns,
            TRADE,
            level if is_buy else (),
            () if is_buy else level,
            _number(file, row),
            venue_ms_of(row, file.facts),
            file=number,
            row=row.number,
        )

    def _book(self, file: NpzFile, first: NpzRow, number: int) -> ForeignMessage:
        is_whole, self._is_whole = self._is_whole, False
        levels = sorted(self._levels, key=_from_the_touch) if is_whole else self._touched
        bids, asks = (
            tuple((price, self._levels.get((side, price), 0)) for side, price in levels if side == wanted)
            for wanted in (1, -1)
        )
        return ForeignMessage(
            first.local_ns,
            SNAPSHOT if is_whole else DELTA,
            bids,
            asks,
            _number(file, first),
            venue_ms_of(first, file.facts),
            orders=tuple(self._told) if file.facts is not None or not is_whole else self._standing(),
            file=number,
            row=first.number,
        )

    def _standing(self) -> tuple[OrderRow, ...]:
        return tuple(order.row() for order in self._orders.values())

    # ---- one row

    def _fill(self, file: NpzFile, row: NpzRow) -> _Known:
        order = self._known(file, row, "a trade")
        if row.size > order.fillable:
            raise file.damage(
                row.number,
                f"a trade of order {row.order_id} is of {row.size} atoms, {order.fillable} of it are left",
            )
        order.fillable -= row.size
        return order

    def _change(self, file: NpzFile, row: NpzRow) -> None:
        if row.kind == DEPTH_CLEAR_EVENT:
            self._clear(row.side)
        elif row.kind == ADD_ORDER_EVENT:
            self._add(file, row)
        elif row.kind == GONE_AGAIN_EVENT:
            self._touched[row.side, row.price] = None
            self._told.append((row.side, row.price, 0, _key_of(row.order_id)))
        elif row.kind == CANCEL_ORDER_EVENT:
            self._set(self._known(file, row, "a cancellation"), row.order_id, 0)
            del self._orders[row.order_id]
        else:
            assert row.kind == MODIFY_ORDER_EVENT
            self._modify(file, row)

    def _add(self, file: NpzFile, row: NpzRow) -> None:
        if row.order_id in self._orders:
            raise file.damage(row.number, f"order {row.order_id} is added, and is there already")
        if not row.side:
            raise file.damage(row.number, f"order {row.order_id} is added on no side")
        if not (row.size and row.price):
            what = "size" if row.price else "price"
            raise file.damage(row.number, f"order {row.order_id} is added with a {what} of 0")
        order = self._orders[row.order_id] = _Known(_key_of(row.order_id), row.side, row.price, 0)
        self._set(order, row.order_id, row.size)

    def _modify(self, file: NpzFile, row: NpzRow) -> None:
        order = self._known(file, row, "a change")
        if not row.price:
            raise file.damage(row.number, f"order {row.order_id} is changed to a price of 0")
        if row.price != order.price:
            self._set(order, row.order_id, 0)
            order.price = row.price
        self._set(order, row.order_id, row.size)

    def _known(self, file: NpzFile, row: NpzRow, what: str) -> _Known:
        order = self._orders.get(row.order_id)
        if order is None:
            raise RecordingDamaged(
                f"{file.path}: row {row.number}: {what} of order {row.order_id}, which is not there",
                path=str(file.path),
                line=row.number,
                hint="the file begins after its orders did: name the one with all orders before it",
            )
        if row.side and row.side != order.side:
            raise file.damage(
                row.number, f"{what} of order {row.order_id} is told of the side that it is not on"
            )
        return order

    # Whoever gets more, or comes from another price, is behind all others.
    def _set(self, order: _Known, order_id: int, size: int) -> None:
        level = order.side, order.price
        total = self._levels.get(level, 0) - order.size + size
        if total:
            self._levels[level] = total
        else:
            self._levels.pop(level, None)
        if size > order.size:
            self._orders[order_id] = self._orders.pop(order_id)
        order.size = order.fillable = size
        self._touched[level] = None
        self._told.append(order.row())

    def _clear(self, side: int) -> None:
        gone = [(known, order) for known, order in self._orders.items() if not side or order.side == side]
        for order_id, order in gone:
            self._set(order, order_id, 0)
            del self._orders[order_id]
        if not side:
            self._is_whole = True
            self._told.clear()
