"""All orders of the account: live ones by id, exposure sums per session, and which fills are known.

Fills are deduplicated by (symbol, trade id, side) whatever the state of the order. The table is bounded:
ended orders and trade ids are forgotten oldest first, long after the venue can still report them.
"""

from copy import copy, deepcopy
from typing import Final, Self

from mm.domain.orders import Order, OrderState, Trigger
from mm.domain.sides import Side

ENDED_MAX: Final = 20_000
"""Ended orders that are still known by id."""

TRADES_MAX: Final = 500_000
"""Trade ids per account that are still known; a duplicate may come 40 minutes late."""


class OrderTable:
    """Every order that may exist.

    Fields: live: orders not proven dead, by id, in order of placement. version: changes whenever what could
    still fill changes; changes: whenever anything about an order does.
    """

    def __init__(self) -> None:
        """Start without orders."""
        self.live: dict[str, Order] = {}
        self.version = 0
        self.changes = 0
        self._ended: dict[str, Order] = {}
        self._trades: dict[tuple[str, int, Side], None] = {}
        self._open_lots: dict[tuple[int, Side], int] = {}

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Return a table of its own. Only the orders that have ended are the same objects, because a long
        life has a great many of them: the copy may end orders, but not be told of what fills after that.
        """
        made = copy(self)
        made.live = deepcopy(self.live, memo)
        made._ended = dict(self._ended)
        made._trades = dict(self._trades)
        made._open_lots = dict(self._open_lots)
        return made

    def add(self, order: Order) -> None:
        """Take in a new order; its size counts as exposure at once."""
        assert order.cid not in self.live
        assert order.cid not in self._ended
        self.live[order.cid] = order
        self.changes += 1
        self._count(order, order.left_lots)

    def get(self, cid: str) -> Order | None:
        """Return the order of that id, live or ended, or None if it was never ours in this life."""
        return self.live.get(cid) or self._ended.get(cid)

    def of_session(self, session: int) -> list[Order]:
        """Return the live orders of a session in order of placement."""
        return [order for order in self.live.values() if order.session == session]

    def open_lots(self, session: int, side: Side) -> int:
        """Return what could still fill on one side of a session, lots."""
        return self._open_lots.get((session, side), 0)

    def fire(self, order: Order, trigger: Trigger, ts_ns: int) -> bool:
        """Apply a trigger other than a fill to `order`; return whether its state changed."""
        was_live, before = order.is_live, order.left_lots
        if not order.fire(trigger, ts_ns):
            return False
        self.changes += 1
        if was_live is not order.is_live:
            self._settle(order, before if was_live else 0)
        return True

    def knows_trade(self, symbol: str, trade_id: int, side: Side) -> bool:
        """Return whether this execution was applied before; a trade with ourselves has one on each side."""
        return (symbol, trade_id, side) in self._trades

    def remember_trade(self, symbol: str, trade_id: int, side: Side) -> None:
        """Note an execution as applied."""
        self._trades[symbol, trade_id, side] = None
        if len(self._trades) > TRADES_MAX:
            del self._trades[next(iter(self._trades))]

    def fill(self, order: Order, size_lots: int, ts_ns: int) -> bool:
        """Apply an execution of `size_lots` > 0; return whether the order is now filled beyond its size."""
        assert size_lots > 0
        before = order.left_lots if order.is_live else 0
        order.take(size_lots)
        self.changes += 1
        full = order.cum_lots >= order.size_lots
        order.fire(Trigger.FILL_ALL if full else Trigger.FILL, ts_ns)
        self._settle(order, before)
        return order.cum_lots > order.size_lots

    def uncertain(self) -> list[Order]:
        """Return the orders whose fate only the venue's evidence can tell."""
        states = (OrderState.UNKNOWN, OrderState.UNKNOWN_CANCEL)
        return [order for order in self.live.values() if order.state in states]

    def _settle(self, order: Order, before_lots: int) -> None:
        after = order.left_lots if order.is_live else 0
        self._count(order, after - before_lots)
        if order.is_live:
            if order.cid not in self.live:
                del self._ended[order.cid]
                self.live[order.cid] = order
        elif order.cid in self.live:
            del self.live[order.cid]
            self._ended[order.cid] = order
            if len(self._ended) > ENDED_MAX:
                del self._ended[next(iter(self._ended))]

    def _count(self, order: Order, change_lots: int) -> None:
        if not change_lots:
            return
        self.version += 1
        key = (order.session, order.side)
        self._open_lots[key] = self._open_lots.get(key, 0) + change_lots
