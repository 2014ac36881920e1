"""The way out when the core itself is broken: list, cancel what bears our mark, list again until it is gone.

Knows nothing of sessions, strategies or limits; it can only cancel.
"""

from collections.abc import Callable, Sequence

from mm.domain.commands import Cancel, ListOrders, VenueCommand
from mm.domain.events import Advanced, AnyEvent, OrdersListed
from mm.domain.ids import OrderIds


class EmergencyExit:
    """Takes all orders of ours off the venue. Fields: clean: the last listing of each symbol had none."""

    def __init__(self, symbols: Sequence[str], ids: OrderIds, submit: Callable[[VenueCommand], None]) -> None:
        """Keep where to look, how to tell ours, and how to send."""
        self._ids = ids
        self._submit = submit
        self._left = dict.fromkeys(symbols, True)

    @property
    def clean(self) -> bool:
        """Whether the venue has shown nothing of ours on any symbol."""
        return not any(self._left.values())

    def begin(self) -> None:
        """List every symbol that is not known to be clean."""
        for symbol, left in self._left.items():
            if left:
                self._submit(ListOrders(symbol=symbol))

    def on_event(self, event: AnyEvent) -> None:
        """Act on listings and on the passing of time; everything else is past caring about."""
        if isinstance(event, OrdersListed) and event.symbol in self._left:
            ours = [order for order in event.orders if self._ids.decode(order.cid) is not None]
            self._left[event.symbol] = bool(ours)
            for order in ours:
                self._submit(Cancel(cid=order.cid, symbol=event.symbol))
        elif isinstance(event, Advanced):
            self.begin()
