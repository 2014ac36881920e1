"""The venue's rate limits in event time: request weight per minute and orders per ten seconds.

Windows are those of the clock (a minute starts at second 0), as the venue counts, so that a burst at a
boundary passes here as it passes there. Invariant: what is refused is counted as weight, not as an order.
"""

from typing import Final

from mm.domain.capabilities import Capabilities
from mm.domain.units import NS_PER_S, ceil_div

TOO_MUCH_WEIGHT: Final = -1003
TOO_MANY_ORDERS: Final = -1015

_MINUTE_NS: Final = 60 * NS_PER_S
_TEN_SECONDS_NS: Final = 10 * NS_PER_S


class _Window:
    __slots__ = ("_index", "_length_ns", "limit", "used")

    def __init__(self, length_ns: int, limit: int) -> None:
        self._length_ns = length_ns
        self._index = -1
        self.limit = limit
        self.used = 0

    def roll(self, now_ns: int) -> None:
        index = now_ns // self._length_ns
        if index != self._index:
            self._index = index
            self.used = 0

    def left_ns(self, now_ns: int) -> int:
        # The venue says it in whole seconds, rounded up.
        left_s = ceil_div(self._length_ns - now_ns % self._length_ns, NS_PER_S)
        return left_s * NS_PER_S


class Limits:
    """What the account has used."""

    def __init__(self, caps: Capabilities) -> None:
        """Begin with nothing used."""
        self._weight = _Window(_MINUTE_NS, caps.weight_per_minute)
        self._orders = _Window(_TEN_SECONDS_NS, caps.orders_per_10s)

    def refusal(self, now_ns: int, *, weight: int, is_order: bool) -> int:
        """Count a request; return 0, or the venue's code if there is no room for it."""
        self._weight.roll(now_ns)
        self._orders.roll(now_ns)
        self._weight.used += weight
        if self._weight.used > self._weight.limit:
            return TOO_MUCH_WEIGHT
        if is_order:
            if self._orders.used >= self._orders.limit:
                return TOO_MANY_ORDERS
            self._orders.used += 1
        return 0

    def wait_ns(self, now_ns: int, code: int) -> int:
        """Return how long a caller that was refused with `code` has to wait, in whole seconds."""
        window = self._orders if code == TOO_MANY_ORDERS else self._weight
        return window.left_ns(now_ns)

    def text(self, code: int) -> str:
        """Return the venue's words for `code`."""
        if code == TOO_MANY_ORDERS:
            return f"Too many new orders; current limit is {self._orders.limit} orders per 10 SECOND."
        limit = self._weight.limit
        return f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE."

    @property
    def weight_used(self) -> int:
        """Weight of the minute, as of the last request."""
        return self._weight.used

    @property
    def orders_used(self) -> int:
        """Orders of the ten seconds, as of the last request."""
        return self._orders.used
