"""Many messages at once: what the engine takes in after somebody else has applied them to its books.

Whoever fast-forwards a market stops before everything that asks for more than this: what fills an own order,
a timer, a lost or a new book, the first news after a silence. What is left of a message is a mid, a top or a
trade to be told, by the very functions that single messages use. Must never apply a message itself.
Invariant: afterwards the state is that which a step for each of the messages would have left; but a signal
that raises ends trading at the end of the glide, where a step would have ended it at once.
"""

from collections.abc import Sequence

from mm.domain.seen import SeenTop, SeenTrade
from mm.domain.sides import BUY, SELL
from mm.engine.halt import on_broken_signal
from mm.engine.market import Market
from mm.engine.market_events import on_mid
from mm.engine.state import EngineState

__all__ = ["Glided", "SeenTop", "SeenTrade", "take_in"]


class Glided:
    """What was applied to one market's book since the engine last heard of it.

    Fields: tops: each change of the best prices, and of the sizes there if a signal wants to hear of tops;
    trades: every print; both in order. heard_ns, venue_ms, stands: as of `Market`, after all of it. Nothing
    of it changes after it was made.
    """

    __slots__ = ("heard_ns", "stands", "symbol", "tops", "trades", "venue_ms")

    def __init__(  # noqa: PLR0913, PLR0917 - as many as there are fields: naming them costs as much as all
        self,
        symbol: str,
        tops: Sequence[SeenTop],
        trades: Sequence[SeenTrade],
        heard_ns: int,
        venue_ms: int,
        stands: bool,
    ) -> None:
        """Tell of this."""
        self.symbol = symbol
        self.tops = tops
        self.trades = trades
        self.heard_ns = heard_ns
        self.venue_ms = venue_ms
        self.stands = stands


def take_in(state: EngineState, glided: Glided) -> None:
    """Tell of everything that was applied to a market's book, each at its own time."""
    market = state.books[glided.symbol]
    tops, trades, told = glided.tops, glided.trades, 0
    if trades:
        market.last_trade_ticks = trades[-1][2]
        if market.hooks.on_trade:
            for trade in trades:
                begin = told
                while told < len(tops) and tops[told][0] < trade[0]:
                    told += 1
                _see(state, market, tops[begin:told])
                _tell_trade(state, market, trade)
    _see(state, market, tops[told:] if told else tops)
    market.heard_ns, market.venue_ms, market.stands = glided.heard_ns, glided.venue_ms, glided.stands


# Tops of which only the sizes differ are told together: they are most.
def _see(state: EngineState, market: Market, tops: Sequence[SeenTop]) -> None:
    begin = 0
    for at, top in enumerate(tops):
        if top[6] != market.mid_half_ticks:
            _see_sizes(state, market, tops[begin:at])
            _see_move(state, market, top)
            begin = at + 1
    _see_sizes(state, market, tops[begin:] if begin else tops)


def _see_sizes(state: EngineState, market: Market, tops: Sequence[SeenTop]) -> None:
    if tops:
        try:
            market.see_sizes(tops)
        except Exception as error:  # noqa: BLE001 - fail closed: what a broken signal says cannot be quoted on
            on_broken_signal(state, error)


def _see_move(state: EngineState, market: Market, top: SeenTop) -> None:
    try:
        market.see(top)
    except Exception as error:  # noqa: BLE001 - fail closed: what a broken signal says cannot be quoted on
        on_broken_signal(state, error)
    on_mid(state, market, top[1])


def _tell_trade(state: EngineState, market: Market, trade: SeenTrade) -> None:
    _, ts_ns, price_ticks, size_atoms, sign, venue_ms, _ = trade
    aggressor = BUY if sign > 0 else SELL
    try:
        for on_trade in market.hooks.on_trade:
            on_trade(ts_ns, price_ticks, size_atoms, aggressor, venue_ms)
    except Exception as error:  # noqa: BLE001 - fail closed: what a broken signal says cannot be quoted on
        on_broken_signal(state, error)
