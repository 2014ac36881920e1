"""Which hooks of a market's signals have to be called: those that a signal's class overrides, no others.

Made anew whenever the signals of a market change. A market without signals has empty tuples: an event asks
whether there is anybody to tell, and pays for nothing else.
"""

from collections.abc import Iterable

from mm.domain.orders import Order, OrderState
from mm.domain.view import OwnQuote
from mm.signals.base import Signal


class Hooks:
    """Who wants to hear what. Fields: as the hooks of `Signal`, bound, in the order of the signals."""

    __slots__ = ("on_lost", "on_mid", "on_own_fill", "on_own_quotes", "on_top", "on_tops", "on_trade")

    def __init__(self, signals: Iterable[Signal]) -> None:
        """Find out who overrides what."""
        told = list(signals)
        base = Signal
        self.on_mid = tuple(one.on_mid for one in told if type(one).on_mid is not base.on_mid)
        self.on_lost = tuple(one.on_lost for one in told if type(one).on_lost is not base.on_lost)
        self.on_top = tuple(one.on_top for one in told if type(one).on_top is not base.on_top)
        # The same signals, for several tops in a row.
        self.on_tops = tuple(one.on_tops for one in told if type(one).on_top is not base.on_top)
        self.on_trade = tuple(one.on_trade for one in told if type(one).on_trade is not base.on_trade)
        self.on_own_fill = tuple(
            one.on_own_fill for one in told if type(one).on_own_fill is not base.on_own_fill
        )
        self.on_own_quotes = tuple(
            one.on_own_quotes for one in told if type(one).on_own_quotes is not base.on_own_quotes
        )


def tell_mid(hooks: Hooks, ts_ns: int, mid_half_ticks: int) -> None:
    """Tell of a new mid, or of its end. Args: mid_half_ticks: 0 = the book is lost, or has one side."""
    if mid_half_ticks:
        for on_mid in hooks.on_mid:
            on_mid(ts_ns, mid_half_ticks)
    else:
        for on_lost in hooks.on_lost:
            on_lost(ts_ns)


def tell_top(hooks: Hooks, ts_ns: int, bid: tuple[int, int], ask: tuple[int, int]) -> None:
    """Tell of new best levels, own size taken out. Args: bid, ask: price in ticks and size in base atoms."""
    for on_top in hooks.on_top:
        on_top(ts_ns, *bid, *ask)


def tell_own_quotes(hooks: Hooks, ts_ns: int, symbol: str, live: Iterable[Order]) -> None:
    """Tell of the account's live orders on a symbol. Args: live: orders of all symbols."""
    own = tuple(
        [
            OwnQuote(
                one.side,
                one.level,
                one.price_ticks,
                one.left_lots,
                one.placed_ns,
                one.state is OrderState.WORKING,
            )
            for one in live
            if one.symbol == symbol
        ]
    )
    for on_own_quotes in hooks.on_own_quotes:
        on_own_quotes(ts_ns, own)
