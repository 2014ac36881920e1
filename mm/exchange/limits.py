"""The venue's rate limits: request weight per minute, orders per ten seconds and per day, and the ban.

Windows are those of the clock (a minute starts at second 0), as the venue counts. Ignoring a refusal often
enough is answered by a ban; a banned caller is refused whatever it asks.
"""

from typing import Final

from mm.domain.units import NS_PER_MS, NS_PER_S, ceil_div
from mm.exchange.errors import BANNED, TOO_MANY_ORDERS, TOO_MUCH_WEIGHT, refused

_MINUTE_NS: Final = 60 * NS_PER_S
_TEN_SECONDS_NS: Final = 10 * NS_PER_S
_DAY_NS: Final = 86_400 * NS_PER_S
_BAN_NS: Final = 120 * NS_PER_S
_WARNINGS_MAX: Final = 20


class Window:
    """A counter that starts again with every new window of the clock."""

    def __init__(self, *, length_ns: int, limit: int) -> None:
        """Count up to `limit` in windows of `length_ns`."""
        self.length_ns = length_ns
        self.limit = limit
        self.used = 0
        self._index = -1

    def roll(self, now_ns: int) -> None:
        """Forget what was counted in an earlier window."""
        index = now_ns // self.length_ns
        if index != self._index:
            self._index = index
            self.used = 0

    def left_s(self, now_ns: int) -> int:
        """Return the seconds until the window ends, rounded up, at least 1."""
        return ceil_div(self.length_ns - now_ns % self.length_ns, NS_PER_S)


class Limits:
    """What one caller has used. The local exchange has one caller."""

    def __init__(self, *, weight_per_minute: int, orders_per_10s: int, orders_per_day: int) -> None:
        """Start with nothing used."""
        self.weight = Window(length_ns=_MINUTE_NS, limit=weight_per_minute)
        self.orders_10s = Window(length_ns=_TEN_SECONDS_NS, limit=orders_per_10s)
        self.orders_day = Window(length_ns=_DAY_NS, limit=orders_per_day)
        self._warnings = 0
        self._banned_until_ns = 0

    def charge(self, weight: int, now_ns: int) -> None:
        """Count a request; raises VenueRefused (-1003) if there is no room for it or a ban holds."""
        if now_ns < self._banned_until_ns:
            raise refused(BANNED, self._banned_until_ns // NS_PER_MS)
        self.weight.roll(now_ns)
        if self.weight.used + weight <= self.weight.limit:
            self.weight.used += weight
            return
        self._warnings += 1
        if self._warnings > _WARNINGS_MAX:
            self._warnings = 0
            self._banned_until_ns = now_ns + _BAN_NS
            raise refused(BANNED, self._banned_until_ns // NS_PER_MS)
        raise refused(TOO_MUCH_WEIGHT, self.weight.limit)

    def charge_order(self, now_ns: int) -> None:
        """Count a new order; raises VenueRefused (-1015) if there is no room for it."""
        for window, name in ((self.orders_10s, "10 SECOND"), (self.orders_day, "1 DAY")):
            window.roll(now_ns)
            if window.used >= window.limit:
                raise refused(TOO_MANY_ORDERS, window.limit, name)
        self.orders_10s.used += 1
        self.orders_day.used += 1

    def retry_after_s(self, now_ns: int, code: int) -> int:
        """Return how many seconds a caller that was refused with `code` has to wait."""
        if code == TOO_MANY_ORDERS.code:
            is_day = self.orders_day.used >= self.orders_day.limit
            return (self.orders_day if is_day else self.orders_10s).left_s(now_ns)
        if now_ns < self._banned_until_ns:
            return ceil_div(self._banned_until_ns - now_ns, NS_PER_S)
        return self.weight.left_s(now_ns)

    def headers(self, now_ns: int, *, with_orders: bool) -> dict[str, str]:
        """Return the usage headers of an answer; order counts only with answers to new orders."""
        self._roll(now_ns)
        used = str(self.weight.used)
        headers = {"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used}
        if with_orders:
            headers["X-MBX-ORDER-COUNT-10S"] = str(self.orders_10s.used)
            headers["X-MBX-ORDER-COUNT-1D"] = str(self.orders_day.used)
        return headers

    def rows(self) -> list[dict[str, object]]:
        """Return the limits as `exchangeInfo` lists them."""
        return [
            _row("REQUEST_WEIGHT", "MINUTE", 1, self.weight),
            _row("ORDERS", "SECOND", 10, self.orders_10s),
            _row("ORDERS", "DAY", 1, self.orders_day),
        ]

    def counted_rows(self, now_ns: int) -> list[dict[str, object]]:
        """Return the limits with what is used, as answers of the WebSocket API carry them."""
        self._roll(now_ns)
        windows = (self.weight, self.orders_10s, self.orders_day)
        return [{**row, "count": window.used} for row, window in zip(self.rows(), windows, strict=True)]

    def order_rows(self, now_ns: int) -> list[dict[str, object]]:
        """Return the limits of new orders with what is used."""
        return self.counted_rows(now_ns)[1:]

    def _roll(self, now_ns: int) -> None:
        for window in (self.weight, self.orders_10s, self.orders_day):
            window.roll(now_ns)


def _row(kind: str, interval: str, number: int, window: Window) -> dict[str, object]:
    return {
        "rateLimitType": kind,
        "interval": interval,
        "intervalNum": number,
        "limit": window.limit,
    }
