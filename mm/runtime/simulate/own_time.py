"""The clocks of the simulated machine: a wall clock that people and NTP set, and a counter that never jumps.

The world has one true time, the venue's. A process anchors the product's own clock when it starts, so a life
may live hours before or after the venue, and every life somewhere else. What reaches the engine is stamped in
its time; what checks look at is the true one. Invariant: without a jump both are the same to the nanosecond.
"""

from typing import Final, Protocol

import msgspec

from mm.domain.events import AnyEvent, BalancesListed, FillsListed, OrdersListed, Throttled
from mm.runtime.clock import AnchoredClock
from mm.runtime.simulate.faults import Luck

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
JUMPS_MS: Final = ((500, MINUTE_MS), (MINUTE_MS, HOUR_MS), (HOUR_MS, 12 * HOUR_MS))
"""How far a jump goes, shortest and longest: corrected, mistaken, a time zone or a dead battery."""

OFF_NS_MAX: Final = 48 * HOUR_MS * 1_000_000
"""Further from the truth no wall clock ever is here."""


class TrueTime(Protocol):
    """Where the truth is. Fields: now_ns: the venue's time."""

    now_ns: int


class Wall:
    """The machine's clock. Fields: off_ns: how far it is ahead of the venue's, negative if behind."""

    def __init__(self, true: TrueTime) -> None:
        """Begin right."""
        self.off_ns = 0
        self._true = true

    def now_ns(self) -> int:
        """Return what it shows."""
        return self._true.now_ns + self.off_ns

    def counter_ns(self) -> int:
        """Return the counter beside it, which nobody can set."""
        return self._true.now_ns

    def jump(self, luck: Luck) -> bool:
        """Set it forwards or backwards, mostly by little; return True."""
        draw = luck.random.random
        by_ns = luck.between(*JUMPS_MS[int(draw() * len(JUMPS_MS))])
        off_ns = self.off_ns + (by_ns if draw() < 0.5 else -by_ns)
        self.off_ns = off_ns if abs(off_ns) <= OFF_NS_MAX else 0
        return True


class OwnTime:
    """The clock of one process: the product's, over the machine's."""

    def __init__(self, wall: Wall) -> None:
        """Anchor it now."""
        self._wall = wall
        self._clock = AnchoredClock(wall_ns=wall.now_ns, counter_ns=wall.counter_ns)

    @property
    def ahead_ns(self) -> int:
        """How far it is ahead of the venue's."""
        return self._clock.now_ns() - self._wall.counter_ns()

    def own(self, event: AnyEvent) -> AnyEvent:
        """Return an event of the true time as this process sees it; times of the venue stay as they are."""
        ahead_ns = self.ahead_ns
        if not ahead_ns:
            return event
        changes = {"ts_ns": event.ts_ns + ahead_ns}
        if isinstance(event, OrdersListed | FillsListed | BalancesListed):
            changes["asked_ns"] = event.asked_ns + ahead_ns
        elif isinstance(event, Throttled):
            changes["until_ns"] = event.until_ns + ahead_ns
        return msgspec.structs.replace(event, **changes)
