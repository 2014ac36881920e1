"""What the venue remembers: the client's orders and fills, the tape with both owners, prevented matches.

Fed with the world's facts in order, bounded everywhere, and the only source of queries and of the truth door.
Invariant: an open order is never forgotten; of closed ones the oldest go first.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from mm.sim.orders import Execution, Order
from mm.sim.reports import Match, OrderReport, Prevented, Replaced, Trade


@dataclass(frozen=True)
class Amendment:
    """One time that an order was made smaller. Fields: report: the order after it, and what it was before."""

    execution_id: int
    report: OrderReport
    replaced: Replaced


@dataclass
class OrderRecord:
    """One order of the client.

    Fields: order: as it stood last; steps: every report of it; met: the matches prevented while it was the
    taker; amendments: oldest first; cancel_id: id of the request that cancelled it.
    """

    order: Order
    steps: list[OrderReport] = field(default_factory=list)
    met: list[Prevented] = field(default_factory=list)
    amendments: list[Amendment] = field(default_factory=list)
    cancel_id: str = ""

    @property
    def matches(self) -> list[Match]:
        """Return its fills, oldest first."""
        return [step.match for step in self.steps if step.match is not None]

    @property
    def prevented(self) -> Prevented | None:
        """Return the last prevented match by which it lost some of its size, or None."""
        return next((step.prevented for step in reversed(self.steps) if step.prevented), None)


@dataclass(frozen=True)
class FillRecord:
    """One fill of the client. Fields: report: the order as it stood after it."""

    report: OrderReport
    match: Match


@dataclass
class Counters:
    """Totals since the start; never bounded."""

    orders_placed: int = 0
    orders_amended: int = 0
    orders_cancelled: int = 0
    orders_rejected: int = 0
    cancels_rejected: int = 0
    fills: int = 0
    trades: int = 0
    self_trades: int = 0
    prevented_matches: int = 0
    first_order_ns: int = 0
    first_fill_ns: int = 0


class Records:
    """Orders, fills, tape and counters. Fields: execution_id: number of the last report of an order."""

    def __init__(self, *, orders_max: int, tape_max: int) -> None:
        """Remember up to `orders_max` closed orders and `tape_max` trades, fills and prevented matches."""
        self._orders_max = orders_max
        self._closed: deque[int] = deque()
        self._last_by_client_id: dict[str, int] = {}
        self.orders: dict[int, OrderRecord] = {}
        self.fills: deque[FillRecord] = deque(maxlen=tape_max)
        self.tape: deque[Trade] = deque(maxlen=tape_max)
        self.prevented: deque[Prevented] = deque(maxlen=tape_max)
        self.counters = Counters()
        self.execution_id = 0

    def on_report(self, report: OrderReport) -> None:
        """Remember one step of one of the client's orders; of a rejected one nothing but the number."""
        self.execution_id += 1
        order = report.order
        if report.execution is Execution.REJECTED:
            return
        record = self.orders.get(order.order_id)
        if record is None:
            record = self.orders[order.order_id] = OrderRecord(order)
            self._last_by_client_id[order.client_id] = order.order_id
        record.order = order
        record.steps.append(report)
        self._count(report, record)
        if report.replaced is not None:
            self._rename(record, report, report.replaced)
        if not order.is_open:
            self._closed.append(order.order_id)
            self._forget()

    def on_trade(self, trade: Trade) -> None:
        """Remember a public trade with its owners."""
        self.tape.append(trade)
        self.counters.trades += 1
        self.counters.self_trades += trade.maker_owner == trade.taker_owner

    def on_prevented(self, prevented: Prevented) -> None:
        """Remember a prevented match."""
        self.prevented.append(prevented)
        taker = self.orders.get(prevented.taker_order_id)
        if taker is not None:
            taker.met.append(prevented)
        self.counters.prevented_matches += 1

    def find(self, *, order_id: int | None, client_id: str | None) -> OrderRecord | None:
        """Return the record by the venue's id, or else the latest with that client id."""
        if order_id is None and client_id is not None:
            order_id = self._last_by_client_id.get(client_id)
        record = None if order_id is None else self.orders.get(order_id)
        if record is not None and client_id is not None and record.order.client_id != client_id:
            return None
        return record

    def open(self) -> Iterator[OrderRecord]:
        """Return the open orders, oldest first."""
        return (record for record in self.orders.values() if record.order.is_open)

    def _rename(self, record: OrderRecord, report: OrderReport, replaced: Replaced) -> None:
        record.amendments.append(Amendment(execution_id=self.execution_id, report=report, replaced=replaced))
        self._last_by_client_id.pop(replaced.client_id, None)  # open ids are unique: it was this order's
        self._last_by_client_id[record.order.client_id] = record.order.order_id

    def _count(self, report: OrderReport, record: OrderRecord) -> None:
        counters = self.counters
        if report.execution is Execution.NEW:
            counters.orders_placed += 1
            counters.first_order_ns = counters.first_order_ns or report.ts_ns
        elif report.execution is Execution.CANCELED:
            counters.orders_cancelled += 1
            record.cancel_id = report.cancel_id
        elif report.execution is Execution.REPLACED:
            counters.orders_amended += 1
        elif report.match is not None:
            counters.fills += 1
            counters.first_fill_ns = counters.first_fill_ns or report.ts_ns
            self.fills.append(FillRecord(report=report, match=report.match))

    def _forget(self) -> None:
        while len(self._closed) > self._orders_max:
            gone = self.orders.pop(self._closed.popleft()).order
            if self._last_by_client_id.get(gone.client_id) == gone.order_id:
                del self._last_by_client_id[gone.client_id]
