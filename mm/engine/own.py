"""Own live orders as the decision needs them; made anew only when an order changed.

Most market events change no order, so what is derived from orders alone is kept until one does.
"""

from collections.abc import Mapping
from typing import Final

from mm.domain.order_table import OrderTable
from mm.domain.orders import OrderState
from mm.domain.sides import BUY, SELL
from mm.domain.view import OwnQuote
from mm.engine.differ import by_level
from mm.engine.market import Market
from mm.engine.session import Session

_WORKING: Final = OrderState.WORKING


class Standing:
    """What the account's live orders amount to on one symbol.

    Fields: version: of the order table it was made from. open_orders: on the symbol. bid_max_ticks,
    ask_min_ticks: nearest own prices, 0 = none. base_atoms, quote_atoms: reserved by live orders of the
    account, of the symbol's two assets. buy_lots, sell_lots: what could still fill of the session's own.
    """

    __slots__ = (
        "ask_min_ticks",
        "base_atoms",
        "bid_max_ticks",
        "buy_lots",
        "open_orders",
        "quote_atoms",
        "sell_lots",
        "version",
    )

    def __init__(self, orders: OrderTable, markets: Mapping[str, Market], session: Session) -> None:
        """Sum up the live orders in one pass. Args: markets: by symbol, of every order."""
        instrument = session.setup.instrument
        self.version = orders.version
        self.open_orders = self.bid_max_ticks = self.ask_min_ticks = 0
        self.base_atoms = self.quote_atoms = 0
        self.buy_lots = orders.open_lots(session.index, BUY)
        self.sell_lots = orders.open_lots(session.index, SELL)
        for order in orders.live.values():
            same = order.symbol == instrument.symbol
            traded = instrument if same else markets[order.symbol].instrument
            price, left = order.price_ticks, order.left_lots
            self.open_orders += same
            if order.side is BUY:
                if traded.quote == instrument.quote:
                    self.quote_atoms += price * left * traded.tick_lot_atoms
                if same and price > self.bid_max_ticks:
                    self.bid_max_ticks = price
            else:
                if traded.base == instrument.base:
                    self.base_atoms += left * traded.lot_atoms
                if same and (price < self.ask_min_ticks or not self.ask_min_ticks):
                    self.ask_min_ticks = price


class OwnOrders:
    """A session's live orders.

    Fields: changes: of the order table; live: the orders; ladders: by level; quotes: for a view.
    """

    __slots__ = ("changes", "ladders", "live", "quotes")

    def __init__(self, orders: OrderTable, session: Session) -> None:
        """Collect them in order of placement."""
        self.changes = orders.changes
        self.live = orders.of_session(session.index)
        self.ladders = by_level(self.live)
        self.quotes = tuple(
            [
                OwnQuote(o.side, o.level, o.price_ticks, o.left_lots, o.placed_ns, o.state is _WORKING)
                for o in self.live
            ]
        )
