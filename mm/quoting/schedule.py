"""What holds when: windows of the week, and an inventory that is wanted at each moment.

All times are UTC, milliseconds of the day or since 1970. A window begins on each of its days and may pass
midnight. A path is what the inventory is to be: linear between points of the day, from the last one to the
first of the next day too; or from one amount to another between two moments (TWAP), resting before and after.

Pure. Invariant: what is said depends on the moment alone; the next opening is never in the past.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar, Final, NamedTuple

from annotated_types import Ge, Gt, Le, Len, Lt

from mm.domain.units import NS_PER_MS
from mm.quoting.about import BPS_MAX, DAY_MS, About, Bps

EPOCH_WEEKDAY: Final = 3
"""1970 began on a Thursday, the fourth day from Monday."""

DAYS: Final = 7


class Weekday(StrEnum):
    """A day of the week."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


WEEK: Final = tuple(Weekday)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A time of the week in which quoting is on, and what is different in it; None is as outside of it."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    start_ms: Annotated[int, Ge(0), Lt(DAY_MS), About("Begin, milliseconds after midnight UTC.")]
    end_ms: Annotated[int, Gt(0), Le(DAY_MS), About("End; at or before start_ms it is that of the next day.")]
    days: Annotated[tuple[Weekday, ...], Len(1, DAYS), About("Days on which it begins.")] = WEEK
    spread_bps: Annotated[Bps | None, Gt(0), Lt(2 * BPS_MAX), About("Width from bid to ask in it.")] = None
    inventory_skew_bps: Annotated[Bps | None, Ge(0), Lt(BPS_MAX), About("Lean in it.")] = None
    amount_ratio: Annotated[float, Gt(0), Le(1000), About("Sizes in it, as a multiple of the others.")] = 1.0

    def holds(self, at_ms: int) -> bool:
        """Return whether it is open at a moment, milliseconds since 1970."""
        day, time_ms = divmod(at_ms, DAY_MS)
        end_ms = self.end_ms if self.end_ms > self.start_ms else self.end_ms + DAY_MS
        began_today = self._begins_on(day) and self.start_ms <= time_ms < end_ms
        return began_today or (self._begins_on(day - 1) and time_ms + DAY_MS < end_ms)

    def opens_ms(self, at_ms: int) -> int:
        """Return when it begins next after a moment, milliseconds since 1970."""
        today = at_ms // DAY_MS
        starts = (
            day * DAY_MS + self.start_ms for day in range(today, today + DAYS + 1) if self._begins_on(day)
        )
        return next(start for start in starts if start > at_ms)

    def _begins_on(self, day: int) -> bool:
        return weekday(day) in self.days


def weekday(day: int) -> Weekday:
    """Return the day of the week. Args: day: days since 1970-01-01."""
    return WEEK[(day + EPOCH_WEEKDAY) % DAYS]


def moment_text(at_ms: int) -> str:
    """Return a moment within a week as text: "Mon 08:00:00 UTC"; milliseconds are cut off."""
    day, time_ms = divmod(at_ms, DAY_MS)
    minutes, seconds = divmod(time_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{weekday(day).capitalize()} {hours:02}:{minutes:02}:{seconds:02} UTC"


class Point(NamedTuple):
    """What the inventory is to be at a moment. Fields: at_ms: time; lots: may be a fraction."""

    at_ms: int
    lots: float


class Path(NamedTuple):
    """The inventory that is wanted. Fields: points: times ascending; none: 0. repeats: each day anew."""

    points: tuple[Point, ...] = ()
    repeats: bool = False

    def at(self, ts_ns: int) -> float:
        """Return it in lots at a moment, nanoseconds since 1970."""
        points = self.points
        if not points:
            return 0.0
        at_ms = ts_ns / NS_PER_MS
        if self.repeats:
            at_ms = ts_ns % (DAY_MS * NS_PER_MS) / NS_PER_MS
            first, last = points[0], points[-1]
            points = (
                last._replace(at_ms=last.at_ms - DAY_MS),
                *points,
                first._replace(at_ms=first.at_ms + DAY_MS),
            )
        return _between(points, at_ms)


def _between(points: Sequence[Point], at_ms: float) -> float:
    before = points[0]
    for after in points:
        if at_ms < after.at_ms:
            if after is points[0]:
                return after.lots
            share = (at_ms - before.at_ms) / (after.at_ms - before.at_ms)
            return before.lots + share * (after.lots - before.lots)
        before = after
    return before.lots
