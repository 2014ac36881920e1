"""Rows of hftbacktest's files for single orders (level 3), from a tape that tells them.

Levels are left out: whoever reads the orders makes them anew. A tape says how an order stands after a change;
here it is added, changed or cancelled. What traded of an order is not in a tape: it is worked out from prints
and orders that became smaller at one moment, those in front first, so that a simulator that fills by such
rows can. Must never write a row that cannot be read back. Invariant: what is read back are the rows that were
written, each with its number and both times.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from mm.domain.events import BookLost
from mm.domain.instrument import Instrument
from mm.domain.tape import DELTA, KEYFRAME, ORDER, ORDERS, OTHER, SNAPSHOT, TRADE, Chunk, Row, messages
from mm.domain.units import NS_PER_MS
from mm.errors import RecordingUnusable
from mm.store.recordings.foreign.npz_form import (
    ADD_ORDER_EVENT,
    BUY_EVENT,
    CANCEL_ORDER_EVENT,
    DEPTH_CLEAR_EVENT,
    EVENT_DTYPE,
    EXCH_EVENT,
    FILL_EVENT,
    GONE_AGAIN_EVENT,
    LOCAL_EVENT,
    LOST_HERE,
    MODIFY_ORDER_EVENT,
    NO_TIME,
    SELL_EVENT,
    TRADE_EVENT,
    UNTIMED,
    doubles_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIDES: Final = {1: BUY_EVENT, 0: 0, -1: SELL_EVENT}
_IDS: Final = 1 << 64


class _Standing:
    # An order that is there. Fields: place: who came, or became larger, later has a higher one.
    __slots__ = ("place", "price", "side", "size")

    def __init__(self, side: int, price: int, size: int, place: int) -> None:
        self.side, self.price, self.size, self.place = side, price, size, place


class _Print:
    # A trade. Fields: side: of the orders that it hit; left: what no order has been found for.
    __slots__ = ("left", "price", "side")

    def __init__(self, side: int, price: int, left: int) -> None:
        self.side, self.price, self.left = side, price, left


class OrderRows:
    """The rows of one market, in the order of local time; `exch_ts` is the venue's, NO_TIME without one.

    Fields: parts; lost: reasons of lost books; count: of rows; messages: of the tape; left_out: events that
    are no rows; orders: changes of single orders that are left out, none.
    """

    orders = 0

    def __init__(self, instrument: Instrument, market: int) -> None:
        """Begin without orders. Args: market: its index in the chunks."""
        self.parts: list[NDArray[np.void]] = []
        self.lost: list[str] = []
        self.count = self.messages = self.left_out = 0
        self._instrument, self._market = instrument, market
        self._orders: dict[int, _Standing] = {}
        self._has_book = False
        self._places = 0
        self._moment = (0, 0)
        self._prints: list[_Print] = []
        self._told: list[Row] = []
        self._whole_seq = 0
        # Of the rows since the last part: ev, exch_ts, local_ts, price, size, order_id, ival, fval.
        self._rows: list[tuple[int, int, int, int, int, int, int, float]] = []
        self._head = (0, 0, 0, UNTIMED)

    def take(self, chunk: Chunk) -> None:
        """Write the rows of a chunk. Raises: RecordingUnusable where levels are told without their orders."""
        for message in messages(chunk):
            kind, market = message[0][1:3]
            if kind == OTHER:
                self._other(chunk, message[0])
            elif market == self._market:
                self._message(kind, message)
        self._close_part()

    def ended(self) -> "NDArray[np.void]":
        """Return all rows, once."""
        return np.concatenate(self.parts)

    # ---- messages

    def _message(self, kind: int, message: list[Row]) -> None:
        ts_ns, _, _, side, price, size, seq, venue_ms, _ = message[0]
        if kind == ORDER:
            self._told = message
        elif kind in (SNAPSHOT, DELTA):
            self._book(message[0])
        elif kind == TRADE:
            self._at(ts_ns, seq, venue_ms)
            self._prints.append(_Print(-side, price, size))
            self._row(TRADE_EVENT, side, price, size)
        elif kind == KEYFRAME:
            self._whole_seq = seq
            return
        elif kind == ORDERS:
            if not self._has_book:
                self._at(ts_ns, self._whole_seq, 0)
                self._whole(message[1:])
            return
        else:
            self.left_out += 1
            return
        self.messages += 1

    # The orders of a message wait for the levels behind them, which bear its number and the venue's time.
    def _book(self, level: Row) -> None:
        ts_ns, kind, _, _, _, _, seq, venue_ms, _ = level
        told, self._told = self._told, []
        self._at(ts_ns, seq, venue_ms)
        if not told and kind == DELTA and not level[3]:
            self._nothing(ts_ns)
        elif not told or told[0][0] != ts_ns:
            raise self._orderless(ts_ns)
        elif not told[0][3]:
            self._whole(told[1:])
        else:
            self._fills(told)
            self._changes(told)

    # A side was cleared on which nobody stood.
    def _nothing(self, ts_ns: int) -> None:
        taken = [order.side for order in self._orders.values()]
        empty = next((side for side in (1, -1) if side not in taken), 0)
        if not empty:
            raise self._orderless(ts_ns)
        self._row(DEPTH_CLEAR_EVENT, empty, 0, 0)

    def _orderless(self, ts_ns: int) -> RecordingUnusable:
        return RecordingUnusable(
            f"{self._instrument.symbol}: levels at {ts_ns} ns without the orders that made them",
            hint="this market is not one of single orders all along: --to hftbacktest-levels",
        )

    def _other(self, chunk: Chunk, row: Row) -> None:
        event = chunk.others[row[6]]
        if not isinstance(event, BookLost) or chunk.symbols.index(event.symbol) != self._market:
            self.left_out += 1
            return
        self.lost.append(event.reason)
        self.messages += 1
        self._at(event.ts_ns, len(self.lost), 0)
        self._clear(LOST_HERE)
        self._has_book = False

    # ---- orders

    def _clear(self, mark: float) -> None:
        self._head = (*self._head[:3], mark)
        self._row(DEPTH_CLEAR_EVENT, 0, 0, 0)
        self._orders.clear()

    def _whole(self, told: Iterable[Row]) -> None:
        self._has_book = True
        self._clear(self._head[3])
        self._changes(told)

    def _changes(self, told: Iterable[Row]) -> None:
        gone: Row | None = None
        for row in told:
            _, _, _, side, price, size, order_id, _, _ = row
            moved = (
                gone is not None and (gone[6], gone[3]) == (order_id, side) and gone[4] != price and size > 0
            )
            if gone is not None and not moved:
                self._cancel(gone)
            gone = None
            known = self._orders.get(order_id)
            if known is None:
                self._add_or_gone(row)
            elif not moved and (not size or known.side != side):
                gone = row if not size else None
                if size:
                    self._cancel(row)
                    self._add_or_gone(row)
            else:
                self._row(MODIFY_ORDER_EVENT, side, price, size, order_id)
                self._stand(order_id, side, price, size)
        if gone is not None:
            self._cancel(gone)

    def _add_or_gone(self, row: Row) -> None:
        _, _, _, side, price, size, order_id, _, _ = row
        if size:
            self._row(ADD_ORDER_EVENT, side, price, size, order_id)
            self._stand(order_id, side, price, size)
        else:
            self._row(GONE_AGAIN_EVENT, side, price, 0, order_id)

    def _cancel(self, row: Row) -> None:
        order_id = row[6]
        order = self._orders.pop(order_id)
        self._row(CANCEL_ORDER_EVENT, order.side, order.price, order.size, order_id)

    def _stand(self, order_id: int, side: int, price: int, size: int) -> None:
        known = self._orders.get(order_id)
        self._places += 1
        if known is None or known.price != price or size > known.size:
            self._orders[order_id] = _Standing(side, price, size, self._places)
        else:
            known.size = size

    # What prints of this moment took of its orders, the first in the queue first.
    def _fills(self, told: Sequence[Row]) -> None:
        if not self._prints:
            return
        hit: list[tuple[int, _Standing]] = []
        less: dict[int, int] = {}
        for order_id, row in {row[6]: row for row in told}.items():
            order = self._orders.get(order_id)
            if order is not None and row[4] == order.price and row[5] < order.size:
                hit.append((order_id, order))
                less[order_id] = order.size - row[5]
        hit.sort(key=lambda one: one[1].place)
        for one in self._prints:
            for order_id, order in hit:
                part = min(one.left, less[order_id])
                if part and (one.side, one.price) == (order.side, order.price):
                    one.left -= part
                    less[order_id] -= part
                    self._row(FILL_EVENT, order.side, order.price, part, order_id)

    # ---- rows

    def _at(self, ts_ns: int, seq: int, venue_ms: int) -> None:
        if self._moment != (ts_ns, venue_ms):
            self._moment = (ts_ns, venue_ms)
            self._prints = []
        exch_ns = venue_ms * NS_PER_MS if venue_ms > 0 else NO_TIME
        self._head = (exch_ns, ts_ns, seq, 0.0 if venue_ms > 0 else UNTIMED)

    def _row(self, kind: int, side: int, price: int, size: int, order_id: int = 0) -> None:
        exch_ns, ts_ns, seq, mark = self._head
        event = kind | _SIDES[side] | LOCAL_EVENT | EXCH_EVENT
        self._rows.append((event, exch_ns, ts_ns, price, size, order_id % _IDS, seq, mark))

    def _close_part(self) -> None:
        if not self._rows:
            return
        one = self._instrument
        ev, exch_ts, local_ts, price, size, order_id, ival, fval = zip(*self._rows, strict=True)
        rows = np.zeros(len(self._rows), dtype=EVENT_DTYPE)
        rows["ev"], rows["exch_ts"], rows["local_ts"] = ev, exch_ts, local_ts
        ticks, atoms = (np.array(column, dtype=np.int64) for column in (price, size))
        rows["px"] = doubles_of(ticks * one.tick_atoms, one.quote_scale, one.symbol)
        rows["qty"] = doubles_of(atoms, one.base_scale, one.symbol)
        rows["order_id"] = np.array(order_id, dtype=np.uint64)
        rows["ival"], rows["fval"] = ival, fval
        self.parts.append(rows)
        self.count += len(rows)
        self._rows = []
