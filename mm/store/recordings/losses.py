"""Stretches of a recording without a book that can be believed, message by message.

Must never join over such a stretch: it lasts until a whole book is told again. Invariant: each lost book of
the rows is told once, with how long it lasted.
"""

from typing import NamedTuple

from mm.domain.events import BookLost
from mm.domain.tape import DELTA, KEYFRAME, OTHER, SNAPSHOT
from mm.domain.units import NS_PER_S
from mm.store.recordings.detailed import KEPT_DELTA
from mm.store.recordings.located import Located, Place
from mm.store.recordings.source import OPENING_NS, UNJOINED


class Loss(NamedTuple):
    """One stretch.

    Fields: place, ts_ns: where it is seen, local time; since_ns: of the last change before it, with which it
    begins; until_ns: of the next whole book, 0 if none comes; last_ns: up to where that was looked for;
    reason; is_opening: there was no book before it.
    """

    place: Place
    ts_ns: int
    since_ns: int
    until_ns: int
    last_ns: int
    reason: str
    is_opening: bool

    @property
    def words(self) -> str:
        """Why, and how long."""
        lasted_s = ((self.until_ns or self.last_ns) - self.since_ns) / NS_PER_S
        end = "" if self.until_ns else ", to the end of the data"
        return f"{self.reason}; no book for {lasted_s:.3f} s{end}"


class Losses:
    """Takes the messages of one market."""

    def __init__(self) -> None:
        """Begin without a book."""
        self._open: list[Loss] = []
        self._is_new = True
        self._changed_ns = 0

    def take(self, told: Located) -> list[Loss]:
        """Return the stretches that end with a message."""
        ts_ns, kind = told.rows[0][0], told.rows[0][1]
        if kind == OTHER:
            if isinstance(told.other, BookLost):
                lost_ns = told.other.ts_ns
                since_ns = self._changed_ns or lost_ns
                self._open.append(Loss(told.place, lost_ns, since_ns, 0, 0, told.other.reason, False))
        elif kind == KEPT_DELTA and self._is_new and not self._open:
            self._open.append(Loss(told.place, ts_ns, ts_ns, 0, 0, UNJOINED, True))
        elif kind in (SNAPSHOT, KEYFRAME, DELTA):
            self._changed_ns = ts_ns if kind != KEYFRAME else self._changed_ns
            if kind != DELTA:
                self._is_new = False
                return self._closed(ts_ns, ts_ns)
        return []

    def end(self, last_ns: int) -> list[Loss]:
        """Return the stretches that last to the end of the data, whose last message was then."""
        return self._closed(0, last_ns)

    # A stream is listened to before the snapshot comes that joins it: a short beginning is none.
    def _closed(self, until_ns: int, last_ns: int) -> list[Loss]:
        if not self._open:
            return []
        ended = [one._replace(until_ns=until_ns, last_ns=last_ns) for one in self._open]
        self._open.clear()
        return [
            one
            for one in ended
            if not one.is_opening or not one.until_ns or one.until_ns - one.ts_ns > OPENING_NS
        ]
