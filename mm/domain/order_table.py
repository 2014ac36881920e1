"""All orders of the account: live ones by id, exposure sums per session, and which fills are known.

Fills are deduplicated by (symbol, trade id, side) whatever the state of the order. The table is bounded:
ended orders and trade ids are forgotten oldest first, long after the venue can still report them.
"""

from collections import OrderedDict, deque
from copy import copy, deepcopy
from typing import Final, Self

from mm.domain.orders import UNCERTAIN, Order, OrderState, Trigger
from mm.domain.sides import Side

ENDED_MAX: Final = 10_000
"""Ended orders that are still known by id: more than end, at the most that a venue lets us place, in the
quarter of an hour that listings of fills go back. A fill of one that is forgotten is booked by its id.
"""

TRADES_MAX: Final = 500_000
"""Trade ids per account that are still known, however young."""

TRADES_KEPT_NS: Final = 6 * 3_600_000_000_000
"""So long a trade id is known at least, unless there are too many: a duplicate may come 40 minutes late. It
stays for longer while a listing of fills could still show it.
"""

RECENT_MAX: Final = 100_000
"""Trade ids per symbol that are handed on to the next life; far more than come between two of its marks."""

_UNKNOWN: Final = OrderState.UNKNOWN
_UNKNOWN_CANCEL: Final = OrderState.UNKNOWN_CANCEL


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
        # Ordered: to forget the oldest takes as long with many as with few, which is not so of a plain dict.
        self._ended: OrderedDict[str, Order] = OrderedDict()
        # When each was told, and in which order: the oldest of a dict is found by walking over all gaps.
        self._trades: dict[tuple[str, int, Side], int] = {}
        self._trades_told: deque[tuple[str, int, Side]] = deque()
        self._open_lots: dict[tuple[int, Side], int] = {}
        self._uncertain = 0
        # What the next life has to know: by symbol a mark below which it need not, and the trades from there.
        self._marks: dict[str, int] = {}
        self._recent: dict[str, dict[tuple[int, Side], None]] = {}
        # What an earlier life has seen to: by symbol, every trade below is known.
        self._floors: dict[str, int] = {}

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Return a table of its own. Only the orders that have ended are the same objects, because a long
        life has a great many of them: the copy may end orders, but not be told of what fills after that.
        """
        made = copy(self)
        made.live = deepcopy(self.live, memo)
        made._ended = self._ended.copy()
        made._trades = dict(self._trades)
        made._trades_told = self._trades_told.copy()
        made._open_lots = dict(self._open_lots)
        made._marks = dict(self._marks)
        made._recent = {symbol: dict(trades) for symbol, trades in self._recent.items()}
        return made

    def tentative(self) -> Self:
        """Return a table to try one decision on: orders may be placed and cancelled in it, but none may end
        and no fill be told, because the history of a long life is shared, not copied.
        """
        made = copy(self)
        made.live = {cid: copy(order) for cid, order in self.live.items()}
        made._open_lots = dict(self._open_lots)
        return made

    def add(self, order: Order) -> None:
        """Take in a new order; its size counts as exposure at once."""
        assert order.cid not in self.live
        assert order.cid not in self._ended
        self.live[order.cid] = order
        self.changes += 1
        self._recount(OrderState.SENT, order.state)
        self._count(order, order.left_lots)

    def withdraw(self, cid: str) -> None:
        """Take back an order that was added but never left; it was no exposure at any time."""
        order = self.live.pop(cid)
        assert order.state is OrderState.SENT
        self.changes += 1
        self._count(order, -order.left_lots)

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
        was_live, before, known = order.is_live, order.left_lots, order.state
        if not order.fire(trigger, ts_ns):
            return False
        self.changes += 1
        self._recount(known, order.state)
        if was_live is not order.is_live:
            self._settle(order, before if was_live else 0)
        return True

    def knows_trade(self, symbol: str, trade_id: int, side: Side) -> bool:
        """Return whether this execution was applied before; a trade with ourselves has one on each side."""
        return (symbol, trade_id, side) in self._trades or trade_id < self._floors.get(symbol, trade_id)

    def remember_trade(self, symbol: str, trade_id: int, side: Side, ts_ns: int) -> None:
        """Note an execution as applied, at `ts_ns`; what nobody can report any more is forgotten."""
        key = (symbol, trade_id, side)
        if key not in self._trades:
            self._trades[key] = ts_ns
            told = self._trades_told
            told.append(key)
            while len(told) > TRADES_MAX or self._is_past(told[0], ts_ns):
                del self._trades[told.popleft()]
        if trade_id < self.mark_of(symbol):
            return
        recent = self._recent.get(symbol)
        if recent is None:
            recent = self._recent[symbol] = {}
        recent[trade_id, side] = None
        if len(recent) > RECENT_MAX:
            # Never in practice: no listing of fills was complete for so long. Rather than count one of them
            # twice, the next life takes all that is older for known. A tenth at once: it is a long walk.
            oldest = sorted(recent)[RECENT_MAX // 10]
            self.mark_trades(symbol, oldest[0] + 1)

    def _is_past(self, trade: tuple[str, int, Side], now_ns: int) -> bool:
        # Listings begin at the mark: what is older comes, if it comes, from a stream that is late.
        return now_ns - self._trades[trade] > TRADES_KEPT_NS and trade[1] < self.mark_of(trade[0])

    def inherit_floor(self, symbol: str, floor: int) -> None:
        """Take every trade of `symbol` below `floor` for known: an earlier life has seen to them."""
        self._floors[symbol] = max(floor, self._floors.get(symbol, 0))
        self.mark_trades(symbol, floor)

    def mark_trades(self, symbol: str, mark: int) -> None:
        """Move the mark of a symbol up: the next life need not know single trades below it."""
        if mark <= self._marks.get(symbol, -1):
            return
        self._marks[symbol] = mark
        recent = self._recent.get(symbol)
        if recent:
            self._recent[symbol] = {key: None for key in recent if key[0] >= mark}

    def mark_of(self, symbol: str) -> int:
        """Return the mark of a symbol, -1 if it never had one."""
        return self._marks.get(symbol, -1)

    def recent_trades(self, symbol: str) -> tuple[tuple[int, Side], ...]:
        """Return the known trades of a symbol from its mark on, in order of trade id."""
        return tuple(sorted(self._recent.get(symbol, ())))

    def fill(self, order: Order, size_lots: int, ts_ns: int) -> bool:
        """Apply an execution of `size_lots` > 0; return whether the order is now filled beyond its size."""
        assert size_lots > 0
        before, known = order.left_lots if order.is_live else 0, order.state
        order.take(size_lots)
        self.changes += 1
        full = order.cum_lots >= order.size_lots
        order.fire(Trigger.FILL_ALL if full else Trigger.FILL, ts_ns)
        self._recount(known, order.state)
        self._settle(order, before)
        return order.cum_lots > order.size_lots

    def uncertain(self) -> list[Order]:
        """Return the orders whose fate only the venue's evidence can tell."""
        return [order for order in self.live.values() if order.state in UNCERTAIN] if self._uncertain else []

    @property
    def uncertain_count(self) -> int:
        """How many orders `uncertain` holds."""
        return self._uncertain

    def _recount(self, before: OrderState, after: OrderState) -> None:
        # By identity: this runs for every change of every order.
        if after is _UNKNOWN or after is _UNKNOWN_CANCEL:
            self._uncertain += 1
        if before is _UNKNOWN or before is _UNKNOWN_CANCEL:
            self._uncertain -= 1

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
                self._ended.popitem(last=False)

    def _count(self, order: Order, change_lots: int) -> None:
        if not change_lots:
            return
        self.version += 1
        key = (order.session, order.side)
        self._open_lots[key] = self._open_lots.get(key, 0) + change_lots
