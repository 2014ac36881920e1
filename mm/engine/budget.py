"""What may still be sent: the venue's limits of orders and weight, counted by us before the venue counts.

Rolling windows, so idle time is credit. A share of the weight is a lane that only cancels and the listings
that confirm them may use, and as much again is kept from placements for the requests that find out what
became of earlier ones. A cancel is never refused except while the venue has banned us, when a request would
only prolong the ban. Header events add what others used with the same key, an earlier life among them.
"""

from collections import deque
from copy import copy
from typing import Final, Self

from mm.domain.capabilities import Capabilities
from mm.domain.units import NS_PER_S

ORDER_WINDOW_NS: Final = 10 * NS_PER_S
WEIGHT_WINDOW_NS: Final = 60 * NS_PER_S

USABLE_RATIO_PERCENT: Final = 90
"""Share of the venue's limits that we use at all: both sides count with different clocks."""

CANCEL_LANE_PERCENT: Final = 20
"""Share of the usable weight that is kept for cancels, and again for reads."""


class _Window:
    # A rolling sum of amounts over a span of time, plus what the venue last counted beyond ours: an earlier
    # life's, or somebody else's. Its next word about that replaces the one before.

    def __init__(self, span_ns: int) -> None:
        self._span_ns = span_ns
        self._spent: deque[tuple[int, int]] = deque()
        self._sum = 0
        self._excess = 0
        self._excess_ns = 0

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        # What was spent is numbers: a busy minute has thousands of them.
        made = copy(self)
        made._spent = self._spent.copy()
        return made

    def used(self, now_ns: int) -> int:
        horizon_ns = now_ns - self._span_ns
        while self._spent and self._spent[0][0] <= horizon_ns:
            self._sum -= self._spent.popleft()[1]
        if self._excess and self._excess_ns <= horizon_ns:
            self._excess = 0
        return self._sum + self._excess

    def spend(self, now_ns: int, amount: int) -> None:
        # What is over is forgotten here as well: nobody asks how much was used before a cancel.
        self.used(now_ns)
        self._spent.append((now_ns, amount))
        self._sum += amount

    def lately(self, now_ns: int) -> tuple[tuple[int, int], ...]:
        # What counts, by the moment it was spent at, oldest first.
        self.used(now_ns)
        sums: dict[int, int] = {}
        for spent_ns, amount in self._spent:
            sums[spent_ns] = sums.get(spent_ns, 0) + amount
        return tuple(sums.items())

    def count_from(self, now_ns: int) -> None:
        # Without a look at when it was spent: nothing is over yet.
        if self._spent:
            self._spent = deque(((now_ns, self._sum),))

    def correct(self, now_ns: int, amount: int) -> None:
        if amount < 0:
            return
        self._excess = 0
        self._excess = max(0, amount - self.used(now_ns))
        self._excess_ns = now_ns


class Budget:
    """Order and weight budget of one account.

    Fields: held_until_ns: no placement and no reading request before that; banned_until_ns: nothing at all.
    """

    def __init__(self, caps: Capabilities) -> None:
        """Start with an unused budget."""
        self.caps = caps
        self.held_until_ns = 0
        self.banned_until_ns = 0
        self._orders = _Window(ORDER_WINDOW_NS)
        self._minute = _Window(WEIGHT_WINDOW_NS)
        self._weight = _Window(WEIGHT_WINDOW_NS)
        self._orders_max = caps.orders_per_10s * USABLE_RATIO_PERCENT // 100
        self._weight_max = caps.weight_per_minute * USABLE_RATIO_PERCENT // 100
        self._lane = self._weight_max * CANCEL_LANE_PERCENT // 100

    def placed_minute(self, now_ns: int) -> int:
        """Return the placements of the last 60 s, those of earlier lives that were recalled among them."""
        return self._minute.used(now_ns)

    def placed_lately(self, now_ns: int) -> tuple[tuple[int, int], ...]:
        """Return the placements of the last 60 s as (ns, how many), oldest first."""
        return self._minute.lately(now_ns)

    def recall(self, placed: tuple[tuple[int, int], ...]) -> None:
        """Count placements of the minute that were sent before; of an earlier life, say. Oldest first."""
        for placed_ns, number in placed:
            self._minute.spend(placed_ns, number)

    def begin(self, now_ns: int) -> None:
        """Count what was recalled as placed now, when a life begins.

        The clock may have been set since, forwards as well: how long ago it was, nobody can say by one clock.
        """
        self._minute.count_from(now_ns)

    def spent(self, now_ns: int) -> tuple[tuple[str, str], ...]:
        """Return what is used and what placements may use, as pairs for people; times are left, ns."""
        return (
            ("orders_10s", str(self._orders.used(now_ns))),
            ("orders_max", str(self._orders_max)),
            ("weight_minute", str(self._weight.used(now_ns))),
            ("weight_max", str(self._weight_max - 2 * self._lane)),
            ("held_for_ns", str(max(0, self.held_until_ns - now_ns))),
            ("banned_for_ns", str(max(0, self.banned_until_ns - now_ns))),
        )

    def take_place(self, now_ns: int) -> bool:
        """Take the budget of one placement; return whether it was there."""
        if self._orders.used(now_ns) >= self._orders_max:
            return False
        if self._weight.used(now_ns) + self.caps.weight_place > self._weight_max - 2 * self._lane:
            return False
        if not self.take(now_ns, self.caps.weight_place):
            return False
        self._orders.spend(now_ns, 1)
        self._minute.spend(now_ns, 1)
        return True

    def take(self, now_ns: int, weight: int) -> bool:
        """Take the budget of a request that is no cancel; return whether it was there."""
        if now_ns < self.held_until_ns or now_ns < self.banned_until_ns:
            return False
        if self._weight.used(now_ns) + weight > self._weight_max - self._lane:
            return False
        self._weight.spend(now_ns, weight)
        return True

    def reads(self, now_ns: int) -> bool:
        """Return whether there is weight for the dearest of the listings, pauses and bans aside."""
        caps = self.caps
        weight = max(caps.weight_orders, caps.weight_fills, caps.weight_balances)
        return self._weight.used(now_ns) + weight <= self._weight_max - self._lane

    def take_cancel(self, now_ns: int) -> bool:
        """Take the budget of one cancel; False only while banned."""
        if now_ns < self.banned_until_ns:
            return False
        self._weight.spend(now_ns, self.caps.weight_cancel)
        return True

    def take_listing(self, now_ns: int) -> bool:
        """Take the budget of a listing of open orders; return whether it was there.

        It confirms cancels, so it may use their lane, and only a ban holds it up besides the limit itself.
        """
        weight = self.caps.weight_orders
        if now_ns < self.banned_until_ns or self._weight.used(now_ns) + weight > self._weight_max:
            return False
        self._weight.spend(now_ns, weight)
        return True

    def throttle(self, until_ns: int, *, banned: bool) -> None:
        """Note that the venue limits us until `until_ns`."""
        self.held_until_ns = max(self.held_until_ns, until_ns)
        if banned:
            self.banned_until_ns = max(self.banned_until_ns, until_ns)

    def correct(self, now_ns: int, *, weight: int, orders: int) -> None:
        """Bring our counts up to the venue's own (-1: it did not say); never below what we spent."""
        self._weight.correct(now_ns, weight)
        self._orders.correct(now_ns, orders)
