"""Random markets carried out on an observed book, alone or beside the naive one."""

import msgspec

from mm.domain.book import Level
from mm.domain.sides import Side
from mm.domain.units import PPM
from mm.sim.observed import ObservedBook
from mm.sim.orders import Order, OrderType, StpMode, TimeInForce
from mm.sim.queue import CUSTOMARY_POWERS, QueueModel
from tests.builders.naive_queue import NaiveQueue
from tests.builders.observed import Ear
from tests.builders.random_market import LOT, Step
from tests.builders.sim import START_NS, make_order, make_pair


class ObservedRun:
    """An observed book that steps are carried out on, and the naive one beside it if there is to be one.

    Fields: ear: what the book told; placed: all orders by id.
    """

    def __init__(self, model: QueueModel, *, has_naive: bool = False, participation_ppm: int = PPM) -> None:
        """Open a book that believes nothing yet."""
        pair = msgspec.structs.replace(make_pair(), lot_atoms=LOT)
        shape = CUSTOMARY_POWERS.get(model, 10.0**pair.base_scale)
        self.ear = Ear()
        self.book = ObservedBook(
            self.ear,
            instrument=pair,
            fund=lambda order: None,
            queue=model,
            participation_ppm=participation_ppm,
        )
        self.naive = (
            NaiveQueue(lot_atoms=LOT, shape=shape, model=model, participation_ppm=participation_ppm)
            if has_naive
            else None
        )
        self.placed: dict[int, Order] = {}
        self.ts_ns = START_NS
        self._seq = 1

    def open(self, bids: list[Level], asks: list[Level]) -> None:
        """Show a first snapshot."""
        self._snapshot(bids, asks, 0)

    def run(self, step: Step) -> None:
        """Carry a step out; orders that would be refused are not placed."""
        kind, gap_ns, args = step
        self.ts_ns += gap_ns
        getattr(self, f"_{kind}")(*args)

    def _snapshot(self, bids: list[Level], asks: list[Level], ahead: int) -> None:
        seq = self._number(ahead)
        self.book.on_snapshot(bids, asks, ts_ns=self.ts_ns, seq=seq)
        if self.naive:
            self.naive.snapshot(bids, asks, seq)

    def _depth(self, bids: list[Level], asks: list[Level], ahead: int) -> None:
        seq = self._number(ahead)
        self.book.on_depth(bids, asks, ts_ns=self.ts_ns, seq=seq)
        if self.naive:
            self.naive.depth(bids, asks, seq, self.ts_ns)

    def _top(self, bid: Level, ask: Level, ahead: int) -> None:
        seq = self._number(ahead)
        self.book.on_top(bid, ask, ts_ns=self.ts_ns, seq=seq)
        if self.naive:
            self.naive.top(bid, ask, seq, self.ts_ns)

    def _trade(self, price: int, size: int, aggressor: Side) -> None:
        self.book.on_trade(price, size, aggressor, self.ts_ns)
        if self.naive:
            self.naive.print(price, size, aggressor, self.ts_ns)

    def _order(
        self, side: Side, price: int, lots: int, kind: tuple[OrderType, TimeInForce], mode: StpMode
    ) -> None:
        order_type, time_in_force = kind
        is_refused = order_type is OrderType.LIMIT_MAKER and self.book.would_take(side, price)
        if not self.book.is_open or is_refused:
            return
        order_id = len(self.placed) + 1
        fields = {"order_type": order_type, "time_in_force": time_in_force, "stp_mode": mode}
        ours, theirs = (make_order(order_id, "us", side, price, lots, **fields) for _ in range(2))
        self.placed[order_id] = ours
        expected = self.book.takable(ours)
        self.book.place(ours, self.ts_ns)
        traded = [(ticks, lots) for filled_id, ticks, lots, _ in self.ear.fills if filled_id == order_id]
        if time_in_force is not TimeInForce.FOK:
            assert expected == (sum(lots for _, lots in traded), sum(ticks * lots for ticks, lots in traded))
        if self.naive:
            self.naive.place(theirs, self.ts_ns)

    def _cancel(self, index: int) -> None:
        if index < len(self.book.orders):
            order_id = list(self.book.orders)[index]
            self.book.cancel(order_id, self.ts_ns)
            if self.naive:
                self.naive.cancel(order_id)

    def _amend(self, index: int) -> None:
        orders = [order for order in self.book.orders.values() if order.left_lots > 1]
        if index < len(orders):
            order = orders[index]
            self.book.amend(order.order_id, order.size_lots - 1, self.ts_ns)
            if self.naive:
                self.naive.amend(order.order_id, 1)

    def _lost(self) -> None:
        self.book.lost()
        if self.naive:
            self.naive.believed = False

    def _number(self, ahead: int) -> int:
        number = max(1, self._seq + ahead)
        self._seq = max(self._seq, number)
        return number
