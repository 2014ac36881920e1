"""Generated markets of single orders carried out on an observed book, with own orders that come and go."""

from collections.abc import Iterator
from random import Random
from typing import Final

import msgspec

from mm.domain.book import Level
from mm.domain.sides import BUY, SELL, Side
from mm.domain.units import PPM
from mm.sim.fifo import OrderChange
from mm.sim.observed import ObservedBook
from mm.sim.orders import Order, OrderType
from mm.sim.queue import QueueModel
from tests.builders.naive_orders import NaiveOrders
from tests.builders.observed import OWNER, Ear
from tests.builders.order_tapes import ADD, BASE_NS, CLEAR, FILL, MODIFY, TRADE, OrderMarket, Told
from tests.builders.sim import make_order, make_pair

LOT: Final = 8
"""Atoms of a lot: sizes of the market, which are atoms here, are off it mostly."""


class OrderRun:
    """A book that follows single orders, and the naive one beside it.

    Fields: ear: what the book told; printed: its fills by prints; placed: all own orders by id; told: the
    rows of the last moment; did: what was done with own orders before it, in words.
    """

    def __init__(
        self, seed: int, *, model: QueueModel = QueueModel.L3, participation_ppm: int = PPM, own: bool = True
    ) -> None:
        """Show a first book. Args: own: whether own orders are placed."""
        self.market = OrderMarket(seed)
        self.ear = Ear()
        self.book = ObservedBook(
            self.ear,
            instrument=msgspec.structs.replace(make_pair(), lot_atoms=LOT),
            fund=lambda order: None,
            queue=model,
            participation_ppm=participation_ppm,
        )
        self.naive = NaiveOrders(lot_atoms=LOT, participation_ppm=participation_ppm)
        self.placed: dict[int, Order] = {}
        self.ts_ns = BASE_NS
        self.told: list[Told] = []
        self.printed: list[tuple[int, int, int]] = []
        self.did = ""
        self._own, self._random = own, Random(f"{seed}/own")
        self._at: dict[int, tuple[Side, int]] = {}
        self._levels: set[tuple[Side, int]] = set()
        self._see(self.market.opening())

    def steps(self, count: int) -> Iterator[None]:
        """Let moments pass; before each, something may be done with own orders."""
        for _ in range(count):
            self.did = ""
            if self._own and self._random.random() < 0.4:
                self._act()
                yield
            self.did = ""
            self._see(self.market.moment())
            yield

    # ---- own orders

    def _act(self) -> None:
        self.did = "nothing"
        how = self._random.random()
        resting = list(self.book.orders.values())
        if resting and how < 0.2:
            order = self._random.choice(resting)
            self.did = "cancel"
            self.book.cancel(order.order_id, self.ts_ns)
            self.naive.cancel(order.order_id)
        elif resting and how < 0.3:
            order = self._random.choice(resting)
            if order.left_lots > 1:
                self.did = "amend"
                self.book.amend(order.order_id, order.size_lots - 1, self.ts_ns)
                self.naive.amend(order.order_id, 1)
        else:
            side = self._random.choice((BUY, SELL))
            away = self._random.choice((-1, 0, 0, 0, 0, 1, 2))
            self.place(side, self.market.best(side) - away * side.sign, self._random.randint(1, 4))

    def place(self, side: Side, price_ticks: int, lots: int) -> Order | None:
        """Let a post-only order rest; None if it would take."""
        if self.book.would_take(side, price_ticks):
            return None
        self.did = "place"
        order = make_order(
            len(self.placed) + 1, OWNER, side, price_ticks, lots, order_type=OrderType.LIMIT_MAKER
        )
        self.placed[order.order_id] = order
        self.book.place(order, self.ts_ns)
        self.naive.place(order.order_id, side, price_ticks, lots)
        return order

    # ---- the market

    def _see(self, rows: list[Told]) -> None:
        self.told = rows
        if rows:
            self.ts_ns = rows[0].ts_ns
        for row in rows:
            if row.kind == TRADE:
                side = BUY if row.side < 0 else SELL
                known = len(self.ear.fills)
                self.book.on_trade(row.price, row.lots, side.opposite, self.ts_ns)
                self.printed += [fill[:3] for fill in self.ear.fills[known:]]
                self.naive.print(side, row.price, row.lots)
        changes = [change for row in rows for change in self._changes(row)]
        is_whole = any(row.kind == CLEAR for row in rows)
        if changes:
            self.book.on_orders(changes, whole=is_whole)
            for change in changes:
                self.naive.change(change.order_id, change.side, change.price_ticks, change.size_atoms)
            self._show({(one.side, one.price_ticks) for one in changes}, is_whole=is_whole)
        # What the displayed market crosses is filled without a queue.
        self.naive.left({number: order.left_lots for number, order in self.placed.items()})

    def _changes(self, row: Told) -> list[OrderChange]:
        if row.kind in (TRADE, FILL, CLEAR):
            return []
        side = BUY if row.side > 0 else SELL
        size = row.lots if row.kind in (ADD, MODIFY) else 0
        old = self._at.get(row.order_id, (side, row.price))
        self._at[row.order_id] = side, row.price
        gone = [OrderChange(row.order_id, *old, 0)] if old != (side, row.price) else []
        return [*gone, OrderChange(row.order_id, side, row.price, size)]

    def _show(self, touched: set[tuple[Side, int]], *, is_whole: bool) -> None:
        levels: dict[Side, list[Level]] = {BUY: [], SELL: []}
        for side, price in sorted(touched):
            size = sum(
                order.lots for order in self.market.orders if (order.side, order.price) == (side, price)
            )
            levels[side].append(Level(price, size))
        if is_whole:
            self.book.on_snapshot(levels[BUY], levels[SELL], ts_ns=self.ts_ns)
        else:
            self.book.on_depth(levels[BUY], levels[SELL], ts_ns=self.ts_ns)
