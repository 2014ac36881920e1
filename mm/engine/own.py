"""Own live orders as the decision needs them; made anew only when an order changed.

Most market events change no order, so what is derived from orders alone is kept until one does.
"""

from mm.domain.orders import Order, OrderState
from mm.domain.sides import Side
from mm.domain.view import OwnQuote
from mm.engine.session import Session
from mm.engine.state import EngineState


class Standing:
    """What the account's live orders amount to on one symbol.

    Fields: version: of the order table it was made from. open_orders: on the symbol. bid_max_ticks,
    ask_min_ticks: nearest own prices, 0 = none. base_atoms, quote_atoms: reserved by live orders of the
    account, of the symbol's two assets.
    """

    __slots__ = ("ask_min_ticks", "base_atoms", "bid_max_ticks", "open_orders", "quote_atoms", "version")

    def __init__(self, state: EngineState, session: Session) -> None:
        """Sum up the live orders in one pass."""
        instrument = session.setup.instrument
        self.version = state.orders.version
        self.open_orders = self.bid_max_ticks = self.ask_min_ticks = 0
        self.base_atoms = self.quote_atoms = 0
        for order in state.orders.live.values():
            same = order.symbol == instrument.symbol
            traded = instrument if same else state.markets[order.symbol].instrument
            price, left = order.price_ticks, order.left_lots
            self.open_orders += same
            if order.side is Side.BUY:
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
    """A session's live orders. Fields: changes: of the order table; live: the orders; quotes: for a view."""

    __slots__ = ("changes", "live", "quotes")

    def __init__(self, state: EngineState, session: Session) -> None:
        """Collect them in order of placement."""
        self.changes = state.orders.changes
        self.live = state.orders.of_session(session.index)
        self.quotes = tuple(
            [
                OwnQuote(
                    o.side, o.level, o.price_ticks, o.left_lots, o.placed_ns, o.state is OrderState.WORKING
                )
                for o in self.live
            ]
        )


def standing(state: EngineState, session: Session) -> Standing:
    """Return what the account's live orders amount to on the session's symbol."""
    known = state.standings.get(session.index)
    if known is None or known.version != state.orders.version:
        known = state.standings[session.index] = Standing(state, session)
    return known


def live_of(state: EngineState, session: Session) -> list[Order]:
    """Return the session's live orders in order of placement; not to be changed."""
    return _own(state, session).live


def own_quotes(state: EngineState, session: Session) -> tuple[OwnQuote, ...]:
    """Return the session's live orders as a strategy sees them."""
    return _own(state, session).quotes


def _own(state: EngineState, session: Session) -> OwnOrders:
    known = state.own_orders.get(session.index)
    if known is None or known.changes != state.orders.changes:
        known = state.own_orders[session.index] = OwnOrders(state, session)
    return known
