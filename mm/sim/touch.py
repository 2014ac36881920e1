"""The wishful fill model, kept only to be compared with: an order is filled whole when the market touches it.

No queue, no latency, no volume: an order counts from the moment that it is sent until the moment that its
cancellation is sent, and all of it is filled as soon as the opposite best is at its price or better, or a
print is at its price or through it. Nothing trades on this. Invariants: lots filled here never exceed the
order's size; every lot that one model has and the other has not is either phantom or missed.
"""

from typing import NamedTuple

import msgspec

from mm.domain.sides import BUY, Side


class TouchOrder(msgspec.Struct, kw_only=True):
    """One order in both models.

    Fields:
        is_watched: whether it still counts here: sent, its cancellation not sent, not filled here.
        touch_lots: filled here, all at once. honest_lots: filled by the honest model so far.
    """

    key: str
    side: Side
    price_ticks: int
    size_lots: int
    is_watched: bool = True
    touch_lots: int = 0
    honest_lots: int = 0

    @property
    def phantom_lots(self) -> int:
        """Lots that were filled here alone."""
        return max(0, self.touch_lots - self.honest_lots)

    @property
    def missed_lots(self) -> int:
        """Lots that the honest model alone has filled."""
        return max(0, self.honest_lots - self.touch_lots)


class TouchTotals(NamedTuple):
    """Both models over all orders, ended or not, as they stand.

    Fields: *_fills count orders: filled here; filled at all by the honest model; filled here and not at all
    there (phantom); filled there and not here (missed). *_lots count lots.
    """

    touch_fills: int = 0
    touch_lots: int = 0
    honest_fills: int = 0
    honest_lots: int = 0
    phantom_fills: int = 0
    phantom_lots: int = 0
    missed_fills: int = 0
    missed_lots: int = 0


class TouchModel:
    """What the wishful model would have filled beside what the honest one did. Orders have keys of ours."""

    def __init__(self) -> None:
        """Start without orders; nothing is known of the market."""
        self._orders: dict[str, TouchOrder] = {}
        self._bid_ticks = 0
        self._ask_ticks = 0
        self._ended = TouchTotals()

    def placed(self, key: str, side: Side, *, price_ticks: int, size_lots: int) -> None:
        """Follow an order from now, the moment that it is sent. Raises: ValueError if the key is known."""
        if key in self._orders:
            raise ValueError(f"order {key}: already followed")
        order = TouchOrder(key=key, side=side, price_ticks=price_ticks, size_lots=size_lots)
        self._orders[key] = order
        self._fill_touched(order)

    def cancelled(self, key: str) -> None:
        """Stop counting an order, now that its cancellation is sent; KeyError if unknown."""
        self._orders[key].is_watched = False

    def amended(self, key: str, size_lots: int) -> None:
        """Take the new size of an order from now, the moment that it is sent; KeyError if unknown."""
        self._orders[key].size_lots = size_lots

    def honest(self, key: str, size_lots: int) -> None:
        """See the honest model fill so many lots of an order; KeyError if unknown."""
        self._orders[key].honest_lots += size_lots

    def ended(self, key: str) -> TouchOrder:
        """Return an order of which nothing will be heard any more, and keep only its share of the totals."""
        order = self._orders.pop(key)
        self._ended = _sum(self._ended, order)
        return order

    def on_best(self, bid_ticks: int, ask_ticks: int) -> None:
        """See the displayed best prices, own size not among them (0: that side is empty)."""
        if (bid_ticks, ask_ticks) != (self._bid_ticks, self._ask_ticks):
            self._bid_ticks, self._ask_ticks = bid_ticks, ask_ticks
            for order in self._orders.values():
                self._fill_touched(order)

    def on_trade(self, price_ticks: int, aggressor: Side) -> None:
        """See a print: it fills everything that it hits, whatever its size."""
        for order in self._orders.values():
            if order.side is not aggressor and (order.price_ticks - price_ticks) * order.side.sign >= 0:
                _fill(order)

    def orders(self) -> tuple[TouchOrder, ...]:
        """Return the orders that have not ended, oldest first. They are live: do not change them."""
        return tuple(self._orders.values())

    def totals(self) -> TouchTotals:
        """Return both models over all orders so far."""
        totals = self._ended
        for order in self._orders.values():
            totals = _sum(totals, order)
        return totals

    def _fill_touched(self, order: TouchOrder) -> None:
        opposite = self._ask_ticks if order.side is BUY else self._bid_ticks
        if opposite and (order.price_ticks - opposite) * order.side.sign >= 0:
            _fill(order)


def _fill(order: TouchOrder) -> None:
    if order.is_watched:
        order.touch_lots = order.size_lots
        order.is_watched = False


def _sum(totals: TouchTotals, order: TouchOrder) -> TouchTotals:
    touched, honest = order.touch_lots > 0, order.honest_lots > 0
    return TouchTotals(
        touch_fills=totals.touch_fills + touched,
        touch_lots=totals.touch_lots + order.touch_lots,
        honest_fills=totals.honest_fills + honest,
        honest_lots=totals.honest_lots + order.honest_lots,
        phantom_fills=totals.phantom_fills + (touched and not honest),
        phantom_lots=totals.phantom_lots + order.phantom_lots,
        missed_fills=totals.missed_fills + (honest and not touched),
        missed_lots=totals.missed_lots + order.missed_lots,
    )
