"""Joins the recorded snapshot with the recorded changes by the venue's rule, so that a book can be rebuilt.

Changes at or before the snapshot are dropped, the first one applied reaches into it (first <= last + 1), each
following one begins where the one before ended. Invariant: a change is handed out only if every earlier one
since the snapshot was; where one is missing the book is lost until the next snapshot.
"""

from collections import deque
from typing import Final, NamedTuple, TypeAlias

from mm.store.recordings.raw.records import DepthDiff, Snapshot

KEPT_MAX: Final = 4_096
"""Changes kept before a snapshot comes; older ones fall out, no snapshot is that late."""


class Lost(NamedTuple):
    """A change is missing. Fields: expected: number of the change that should come; found: what came."""

    expected: int
    found: int


Step: TypeAlias = Snapshot | DepthDiff | Lost
"""What to do with a book: replace it, change it, or believe it no longer."""


class Joiner:
    """The state of one recorded book. Fields: seq: number of the last change handed out, None: no book."""

    __slots__ = ("_joined", "_kept", "_last", "seq")

    def __init__(self) -> None:
        """Begin without a book."""
        self.seq: int | None = None
        self._joined = False  # whether a change has followed the snapshot: from then on, no overlap
        self._last: int | None = None  # number of the last change of the stream, whatever the book
        self._kept: deque[DepthDiff] = deque(maxlen=KEPT_MAX)

    def on(self, record: DepthDiff | Snapshot) -> tuple[Step, ...]:
        """Return the steps that a record of the book brings."""
        return self.on_diff(record) if isinstance(record, DepthDiff) else self.on_snapshot(record)

    def on_diff(self, diff: DepthDiff) -> tuple[Step, ...]:
        """Return the steps that a change brings: itself, the loss of the book, or nothing."""
        expected = diff.first if self._last is None else self._last + 1
        self._last = diff.last
        if diff.first != expected:
            self._kept.clear()
            return self._lose(expected, diff)
        if self.seq is None:
            self._kept.append(diff)
            return ()
        if not self._joined and diff.last <= self.seq:
            return ()
        if not self._joined and diff.first > self.seq + 1:
            return self._lose(self.seq + 1, diff)
        self._joined = True
        self.seq = diff.last
        return (diff,)

    def on_snapshot(self, snapshot: Snapshot) -> tuple[Step, ...]:
        """Return the steps that a snapshot brings: itself and what followed it, or that it does not join."""
        if self.seq is not None and snapshot.last <= self.seq:
            return ()  # an older picture of a book that is right
        following = [diff for diff in self._kept if diff.last > snapshot.last]
        if following and following[0].first > snapshot.last + 1:
            return self._lose(snapshot.last + 1, following[0])
        self._kept.clear()
        self._joined = bool(following)
        self.seq = following[-1].last if following else snapshot.last
        return (snapshot, *following)

    def _lose(self, expected: int, diff: DepthDiff) -> tuple[Step, ...]:
        self.seq, self._joined = None, False
        if not self._kept:
            self._kept.append(diff)
        return (Lost(expected, diff.first),)
