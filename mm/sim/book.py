"""A price-time matching book for one symbol, in ticks and lots.

It matches, rests, shrinks, cancels and prevents self-trades; it knows nothing of money, accounts, filters or
time other than the `ts_ns` it is given. Invariants: the book is never crossed after a call; among orders of
one price the older trades first; the lots of a level are the sum of its orders; `update_id` grows by one with
every change of a level, and each change is told to the listener once.
"""

from bisect import bisect_left, insort
from typing import Protocol

from mm.domain.sides import Side
from mm.sim.matches import prevent, reaches, trade
from mm.sim.orders import (
    Fill,
    Order,
    OrderStatus,
    OrderType,
    Prevention,
    StpMode,
    TimeInForce,
)


class BookListener(Protocol):
    """Who is told, synchronously and in order, what happens inside a call to the book."""

    def on_fill(self, fill: Fill) -> None:
        """Two orders matched; both already count it."""

    def on_prevention(self, prevention: Prevention) -> None:
        """Two orders of one owner met and at least one lost what it could have traded."""

    def on_level(self, side: Side, price_ticks: int, size_lots: int, update_id: int) -> None:
        """The lots resting at a price are now `size_lots` (0: the level is gone)."""


class Book(Protocol):
    """What takes orders and matches them, whoever the counterparties are.

    It is made with a `BookListener`, which it tells every fill and every prevented match inside the call that
    causes it. It never asks about money: whoever calls `place` has checked that the order can be paid.
    Fields: orders: what rests, by order id, oldest first. update_id: number of the last change of a level.
    """

    orders: dict[int, Order]
    update_id: int

    @property
    def is_open(self) -> bool:
        """Whether orders may be placed; cancelling and amending is possible at all times."""
        ...

    def top(self, side: Side) -> tuple[int, int]:
        """Return price and lots of the best level that the orders of this book display; (0, 0): none."""

    def depth(self, side: Side, limit: int) -> list[tuple[int, int]]:
        """Return up to `limit` levels that the orders of this book display, as (ticks, lots), best first."""

    def best_ticks(self, side: Side) -> int | None:
        """Return the best price at which a taker of the other side would trade; None if there is none."""

    def would_take(self, side: Side, price_ticks: int) -> bool:
        """Return whether a limit order of this side and price would trade at once."""

    def lots_within(self, side: Side, limit_ticks: int) -> int:
        """Return the lots that a taker of `side` finds at `limit_ticks` or better."""

    def takable(self, taker: Order) -> tuple[int, int]:
        """Return (lots, sum of lots x ticks) that `taker` would trade now, self-trade prevention included."""

    def place(self, order: Order, ts_ns: int) -> None:
        """Match `order` and let its remainder rest or expire, as its type and time in force say."""

    def cancel(self, order_id: int, ts_ns: int) -> Order:
        """Take a resting order out; raises KeyError if it does not rest here."""

    def amend(self, order_id: int, size_lots: int, ts_ns: int) -> Order:
        """Make a resting order smaller; it keeps its place in the queue. Raises KeyError if it does not rest.

        Args: size_lots: of the whole order: less than now, more than it has traded or lost by prevention.
        """


class _Level:
    __slots__ = ("lots", "orders")

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.lots = 0


class _Ladder:
    # Prices are kept as keys that grow towards the best price, so that the best is always the last element
    # of a sorted list: popping it costs nothing and one code serves both sides.
    __slots__ = ("keys", "levels", "sign")

    def __init__(self, side: Side) -> None:
        self.sign = side.sign
        self.keys: list[int] = []
        self.levels: dict[int, _Level] = {}

    def level_at(self, key: int) -> _Level:
        level = self.levels.get(key)
        if level is None:
            level = self.levels[key] = _Level()
            insort(self.keys, key)
        return level

    def drop(self, key: int) -> None:
        del self.levels[key]
        if self.keys[-1] == key:
            self.keys.pop()
        else:
            del self.keys[bisect_left(self.keys, key)]


class MatchingBook:
    """The order book of one symbol."""

    def __init__(self, listener: BookListener) -> None:
        """Open an empty book that tells `listener` everything."""
        self._listener = listener
        self._ladders = {Side.BUY: _Ladder(Side.BUY), Side.SELL: _Ladder(Side.SELL)}
        self.orders: dict[int, Order] = {}
        self.is_open = True
        self.update_id = 0
        self.trade_id = 0
        self.prevention_id = 0

    def best_ticks(self, side: Side) -> int | None:
        """Return the best price of the orders resting on `side`; None if there are none."""
        ladder = self._ladders[side]
        return ladder.keys[-1] * ladder.sign if ladder.keys else None

    def top(self, side: Side) -> tuple[int, int]:
        """Return price and lots of the best level of `side`; (0, 0) if there is none."""
        ladder = self._ladders[side]
        if not ladder.keys:
            return (0, 0)
        return (ladder.keys[-1] * ladder.sign, ladder.levels[ladder.keys[-1]].lots)

    def depth(self, side: Side, limit: int) -> list[tuple[int, int]]:
        """Return up to `limit` levels of `side` as (price_ticks, size_lots), best first."""
        ladder = self._ladders[side]
        return [(key * ladder.sign, ladder.levels[key].lots) for key in reversed(ladder.keys[-limit:])]

    def would_take(self, side: Side, price_ticks: int) -> bool:
        """Return whether a limit order of this side and price would trade at once."""
        best = self.best_ticks(side.opposite)
        return best is not None and (best - price_ticks) * side.sign <= 0

    def lots_within(self, side: Side, limit_ticks: int) -> int:
        """Return the lots that a taker of `side` finds at `limit_ticks` or better."""
        ladder = self._ladders[side.opposite]
        total = 0
        for key in reversed(ladder.keys):
            if (key * ladder.sign - limit_ticks) * side.sign > 0:
                break
            total += ladder.levels[key].lots
        return total

    def takable(self, taker: Order) -> tuple[int, int]:
        """Return (lots, sum of lots x ticks) that `taker` would trade now, self-trade prevention included."""
        ladder = self._ladders[taker.side.opposite]
        lots, lot_ticks, left_lots = 0, 0, taker.left_lots
        for key in reversed(ladder.keys):
            price_ticks = key * ladder.sign
            if not reaches(taker, price_ticks):
                break
            for maker in ladder.levels[key].orders.values():
                met_lots = min(maker.left_lots, left_lots)
                if _is_prevented(taker, maker):
                    if taker.stp_mode is StpMode.EXPIRE_MAKER:
                        continue
                    if taker.stp_mode is not StpMode.DECREMENT:
                        return lots, lot_ticks
                else:
                    lots += met_lots
                    lot_ticks += met_lots * price_ticks
                left_lots -= met_lots
                if not left_lots:
                    return lots, lot_ticks
        return lots, lot_ticks

    def place(self, order: Order, ts_ns: int) -> None:
        """Match `order` and let its remainder rest or expire, as its type and time in force say.

        A LIMIT_MAKER that would take is a bug of the caller: it has to be refused before.
        """
        assert order.left_lots > 0
        if order.order_type is OrderType.LIMIT_MAKER:
            assert not self.would_take(order.side, order.price_ticks)
        elif order.time_in_force is not TimeInForce.FOK or self.takable(order)[0] == order.left_lots:
            self._match(order, ts_ns)
        if not order.is_open:
            return
        if order.order_type is OrderType.MARKET or order.time_in_force is not TimeInForce.GTC:
            order.status = OrderStatus.EXPIRED
            order.updated_ns = ts_ns
            return
        self._rest(order)

    def cancel(self, order_id: int, ts_ns: int) -> Order:
        """Take a resting order out of the book; raises KeyError if it does not rest here."""
        order = self.orders[order_id]
        self._remove(order)
        order.status = OrderStatus.CANCELED
        order.updated_ns = ts_ns
        return order

    def amend(self, order_id: int, size_lots: int, ts_ns: int) -> Order:
        """Make a resting order smaller where it stands; raises KeyError if it does not rest here.

        A size that is not smaller, or that leaves nothing to trade, is a bug of the caller.
        """
        order = self.orders[order_id]
        less_lots = order.size_lots - size_lots
        assert 0 < less_lots < order.left_lots
        order.size_lots = size_lots
        order.updated_ns = ts_ns
        self._shrink(order, less_lots)
        return order

    def _match(self, taker: Order, ts_ns: int) -> None:
        ladder = self._ladders[taker.side.opposite]
        while taker.is_open and ladder.keys:
            key = ladder.keys[-1]
            if not reaches(taker, key * ladder.sign):
                return
            maker = next(iter(ladder.levels[key].orders.values()))
            if _is_prevented(taker, maker):
                self._prevent(taker, maker, ts_ns)
            else:
                self._trade(taker, maker, ts_ns)

    def _trade(self, taker: Order, maker: Order, ts_ns: int) -> None:
        lots = min(taker.left_lots, maker.left_lots)
        self.trade_id += 1
        self._listener.on_fill(trade(maker, taker, lots=lots, trade_id=self.trade_id, ts_ns=ts_ns))
        self._shrink(maker, lots)

    def _prevent(self, taker: Order, maker: Order, ts_ns: int) -> None:
        self.prevention_id += 1
        prevention = prevent(maker, taker, prevention_id=self.prevention_id, ts_ns=ts_ns)
        self._listener.on_prevention(prevention)
        if prevention.maker_lots:
            self._shrink(maker, prevention.maker_lots)

    def _rest(self, order: Order) -> None:
        ladder = self._ladders[order.side]
        level = ladder.level_at(order.price_ticks * ladder.sign)
        level.orders[order.order_id] = order
        level.lots += order.left_lots
        self.orders[order.order_id] = order
        self._changed(order.side, order.price_ticks, level.lots)

    def _remove(self, order: Order) -> None:
        ladder = self._ladders[order.side]
        key = order.price_ticks * ladder.sign
        level = ladder.levels[key]
        del level.orders[order.order_id]
        del self.orders[order.order_id]
        level.lots -= order.left_lots
        if not level.orders:
            ladder.drop(key)
        self._changed(order.side, order.price_ticks, level.lots)

    # The order has already lost `lots` by a trade, a prevented one or an amendment; the level has not.
    def _shrink(self, maker: Order, lots: int) -> None:
        ladder = self._ladders[maker.side]
        key = maker.price_ticks * ladder.sign
        level = ladder.levels[key]
        level.lots -= lots
        if not maker.left_lots:
            del level.orders[maker.order_id]
            del self.orders[maker.order_id]
            if not level.orders:
                ladder.drop(key)
        self._changed(maker.side, maker.price_ticks, level.lots)

    def _changed(self, side: Side, price_ticks: int, size_lots: int) -> None:
        self.update_id += 1
        self._listener.on_level(side, price_ticks, size_lots, self.update_id)


def _is_prevented(taker: Order, maker: Order) -> bool:
    return maker.owner == taker.owner and taker.stp_mode is not StpMode.NONE
