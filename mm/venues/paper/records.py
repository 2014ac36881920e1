"""What the paper venue remembers of one symbol: orders with their steps, fills, tape, totals.

Fed with the world's facts in order and bounded. Invariant: an open order is never forgotten; of closed ones
the oldest go first, long after the engine can ask for them.
"""

from collections import deque
from typing import Final

from mm.sim.orders import Execution, Order, OrderStatus
from mm.sim.reports import OrderReport, Trade
from mm.venues.paper.truth import PaperCounters, PaperOrder, PaperStep, PaperTrade

ORDERS_MAX: Final = 20_000
"""Closed orders that are still known."""

FILLS_MAX: Final = 20_000
"""Fills and trades that are still known: a listing goes back a quarter of an hour, the limit of placements
would let through 9 000 orders meanwhile.
"""


_NEW: Final = Execution.NEW
_CANCELED: Final = Execution.CANCELED
# As constants for the reason given in `sides.py`.


class _Record:
    __slots__ = ("order", "steps")

    def __init__(self, order: Order) -> None:
        self.order = order
        self.steps: list[tuple[int, OrderStatus, int]] = []


class Records:
    """Orders, fills and tape of one symbol. Fields: fills: reports of them, oldest first."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self.fills: deque[OrderReport] = deque(maxlen=FILLS_MAX)
        self._orders: dict[int, _Record] = {}
        self._by_cid: dict[str, int] = {}
        self._closed: deque[int] = deque()
        self._tape: deque[PaperTrade] = deque(maxlen=FILLS_MAX)
        self._placed = self._cancelled = self._fills = self._self_trades = 0
        self._first_fill_ns: int | None = None

    def on_report(self, report: OrderReport) -> None:
        """Remember one step of an order; it comes as it stood then."""
        order = report.order
        record = self._orders.get(order.order_id)
        if record is None:
            record = self._orders[order.order_id] = _Record(order)
            self._by_cid[order.client_id] = order.order_id
        record.order = order
        record.steps.append((report.ts_ns, order.status, order.filled_lots))
        self._placed += report.execution is _NEW
        self._cancelled += report.execution is _CANCELED
        if report.match is not None:
            self.fills.append(report)
            self._fills += 1
            self._first_fill_ns = self._first_fill_ns or report.ts_ns
        if not order.is_open:
            self._closed.append(order.order_id)
            if len(self._closed) > ORDERS_MAX:
                self._forget(self._closed.popleft())

    def on_trade(self, trade: Trade) -> None:
        """Remember a trade of ours with its owners."""
        self._self_trades += trade.maker_owner == trade.taker_owner
        self._tape.append(
            PaperTrade(
                trade_id=trade.trade_id,
                ts_ns=trade.ts_ns,
                price_ticks=trade.price_ticks,
                size_lots=trade.size_lots,
                maker_owner=trade.maker_owner,
                taker_owner=trade.taker_owner,
            )
        )

    def find(self, cid: str) -> Order | None:
        """Return the order of that client id as it stood last, open or closed; None if it is not known."""
        order_id = self._by_cid.get(cid)
        return None if order_id is None else self._orders[order_id].order

    def orders(self) -> tuple[PaperOrder, ...]:
        """Return every order that is known, in order of placement."""
        return tuple(
            PaperOrder(
                order_id=order_id,
                client_id=record.order.client_id,
                side=record.order.side.name,
                price_ticks=record.order.price_ticks,
                size_lots=record.order.size_lots,
                time_in_force=record.order.time_in_force.value,
                history=tuple(PaperStep(ts_ns, status.value, lots) for ts_ns, status, lots in record.steps),
            )
            for order_id, record in self._orders.items()
        )

    def tape(self) -> tuple[PaperTrade, ...]:
        """Return our trades, oldest first."""
        return tuple(self._tape)

    def counters(self, *, open_orders: int) -> PaperCounters:
        """Return the totals."""
        return PaperCounters(
            orders_placed=self._placed,
            orders_cancelled=self._cancelled,
            fills=self._fills,
            self_trades=self._self_trades,
            first_fill_ns=self._first_fill_ns,
            open_orders=open_orders,
        )

    def _forget(self, order_id: int) -> None:
        record = self._orders.pop(order_id)
        if self._by_cid.get(record.order.client_id) == order_id:
            del self._by_cid[record.order.client_id]
