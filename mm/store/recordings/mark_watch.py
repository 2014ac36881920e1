"""Looks at the marks of a market while its messages go by: how many, how old, which funding times they tell.

Must never judge a market that has none: a spot market cannot. Invariant: each finding is told once, where it
ends.
"""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from mm.domain.units import NS_PER_S
from mm.store.recordings.detailed import MARK
from mm.store.recordings.located import Located, Place
from mm.store.recordings.marks import FundingClock, FundingSeen, Marked

SILENT_NS: Final = 60 * NS_PER_S
"""Longer than this without a mark, while the recording goes on, is told."""

INTERVAL_MS: Final = 3_600_000
"""The shortest time between two fundings that venues have."""


class MarkFault(NamedTuple):
    """Something wrong. Fields: place; ts_ns: local time; words; is_funding: a funding time lacks its mark."""

    place: Place
    ts_ns: int
    words: str
    is_funding: bool


class MarkWatch:
    """Takes the messages of one market.

    Fields: count: of marks; silence_ns: the longest time without one after the first message; funding: times
    that were passed.
    """

    def __init__(self) -> None:
        """Begin before the first message."""
        self.count = self.silence_ns = 0
        self.funding: list[FundingSeen] = []
        self._clock = FundingClock()
        self._place: Place = ("", 0)
        self._since_ns = 0

    def take(self, told: Located) -> list[MarkFault]:
        """Return what is wrong with a message, or was before it."""
        ts_ns, kind, _, _, price, rate, _, _, _ = told.rows[0]
        self._since_ns = self._since_ns or ts_ns
        if kind != MARK:
            return []
        mark = Marked(ts_ns, told.event_ms, price, rate, told.txn_ms)
        found = self._silent(told.place, ts_ns)
        passed = self._clock.take(mark)
        if passed is not None:
            found += self._passed(passed, told.place, mark)
        if not price:
            found.append(MarkFault(told.place, ts_ns, "the mark price is 0", is_funding=False))
        self.count += 1
        self._place, self._since_ns = told.place, ts_ns
        return found

    def end(self, last_ns: int) -> list[MarkFault]:
        """Return what is wrong up to the end of the data. Args: last_ns: local time of it."""
        if not self.count:
            return []
        found = self._silent(self._place, last_ns)
        passed = self._clock.end(last_ns)
        return found if passed is None else [*found, *self._passed(passed, self._place, None)]

    def _silent(self, place: Place, ts_ns: int) -> list[MarkFault]:
        silent_ns = ts_ns - self._since_ns
        self.silence_ns = max(self.silence_ns, silent_ns)
        if silent_ns <= SILENT_NS:
            return []
        words = f"no mark price for {silent_ns / NS_PER_S:.3f} s"
        return [MarkFault(place, self._since_ns, words, is_funding=False)]

    def _passed(self, passed: FundingSeen, place: Place, mark: Marked | None) -> list[MarkFault]:
        self.funding.append(passed)
        found, when = [], moment(passed.venue_ms)
        if passed.is_stale:
            words = f"{when} passed without a mark: the last one was {passed.stale_ms / 1_000:.3f} s old"
            found.append(MarkFault(place, passed.ts_ns, words, is_funding=True))
        if mark is not None and mark.event_ms - passed.venue_ms >= INTERVAL_MS:
            words = f"from {when} to {moment(mark.event_ms)} no funding time is known"
            found.append(MarkFault(place, passed.ts_ns, words, is_funding=True))
        return found


def moment(venue_ms: int) -> str:
    """Return a time of the venue's clock for people, UTC."""
    return f"{datetime.fromtimestamp(venue_ms // 1_000, UTC):%Y-%m-%dT%H:%M:%S}Z"
