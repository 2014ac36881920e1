"""The way out when the core itself is broken: list, cancel what bears our mark, list again until it is gone.

Knows nothing of sessions, strategies or limits; it can only cancel. Invariant: a symbol is clean by a listing
that was asked for when nothing of ours could be on its way to the venue any more.
"""

from collections.abc import Callable, Sequence
from typing import Final

from mm.domain.commands import Cancel, ListOrders, VenueCommand
from mm.domain.events import Advanced, AnyEvent, OrdersListed, Throttled
from mm.domain.ids import OrderIds
from mm.domain.units import NS_PER_S

FLIGHT_NS: Final = 10 * NS_PER_S
"""For so long a placement may be on its way: the venue's window for a request, and the time of an answer."""


class EmergencyExit:
    """Takes all orders of ours off the venue."""

    def __init__(
        self,
        symbols: Sequence[str],
        ids: OrderIds,
        submit: Callable[[VenueCommand], None],
        *,
        placed_ns: int,
        epoch: int,
    ) -> None:
        """Keep where to look, how to tell ours, how to send.

        Args: placed_ns: of the last placement; epoch: of this life: orders of a later one are not ours.
        """
        self._ids = ids
        self._epoch = epoch
        self._submit = submit
        self._quiet_ns = placed_ns + FLIGHT_NS if placed_ns else 0
        self._banned_until_ns = 0
        self._left = dict.fromkeys(symbols, True)

    @property
    def clean(self) -> bool:
        """Whether the venue has shown nothing of ours on any symbol."""
        return not any(self._left.values())

    def begin(self, now_ns: int, *, banned_until_ns: int) -> None:
        """List every symbol; nothing before the end of a ban that the core knew of (0: none)."""
        self._banned_until_ns = banned_until_ns
        self._list(now_ns)

    def _list(self, now_ns: int) -> None:
        if now_ns < self._banned_until_ns:
            return
        for symbol, left in self._left.items():
            if left:
                self._submit(ListOrders(symbol=symbol))

    def on_event(self, event: AnyEvent) -> None:
        """Act on listings, bans and the passing of time; everything else is past caring about."""
        if isinstance(event, OrdersListed) and event.symbol in self._left:
            ours = [order for order in event.orders if self._is_ours(order.cid)]
            self._left[event.symbol] = bool(ours) or event.asked_ns < self._quiet_ns
            if event.ts_ns >= self._banned_until_ns:
                for order in ours:
                    self._submit(Cancel(cid=order.cid, symbol=event.symbol))
        elif isinstance(event, Throttled) and event.banned:
            self._banned_until_ns = max(self._banned_until_ns, event.until_ns)
        elif isinstance(event, Advanced):
            self._list(event.ts_ns)

    def _is_ours(self, cid: str) -> bool:
        decoded = self._ids.decode(cid)
        return decoded is not None and decoded.epoch <= self._epoch
