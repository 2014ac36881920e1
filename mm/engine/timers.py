"""Deadlines of the engine: a heap of named timers in the core's time.

The operating system's timer only says "advance to now"; what was due by then is delivered here, in order of
due time, ties in order of setting. A timer is named; setting it again moves it.
"""

from heapq import heapify, heappop, heappush
from typing import Final

TimerKey = tuple[str, str]
"""(kind, subject): what is due, and for which session, symbol or stream."""

HEAP_SLACK: Final = 256
"""So many outdated entries may lie in the heap beside the live ones before it is cleared of them."""


class Timers:
    """A heap of named timers; each name is set at most once."""

    def __init__(self) -> None:
        """Start without timers."""
        self._heap: list[tuple[int, int, TimerKey]] = []
        # Numbers of the settings that hold; and the latest of each name, whether it holds or not. Numbers are
        # looked up several times as fast as names.
        self._live: dict[int, None] = {}
        self._latest: dict[TimerKey, int] = {}
        self._sequence = 0
        # When the first is due, asked far more often than it changes; not known after a change.
        self._due_ns: int | None = None
        self._is_known = True

    def set(self, key: TimerKey, due_ns: int) -> None:
        """Set or move the timer `key` to `due_ns`."""
        self._forget(key)
        self._sequence += 1
        self._latest[key] = self._sequence
        self._live[self._sequence] = None
        heap = self._heap
        heappush(heap, (due_ns, self._sequence, key))
        # A timer that is moved leaves its old entry behind; they may not pile up until they would be due.
        if len(heap) > HEAP_SLACK + 2 * len(self._live):
            self._heap = [entry for entry in heap if entry[1] in self._live]
            heapify(self._heap)

    def cancel(self, key: TimerKey) -> None:
        """Forget the timer `key` if it is set."""
        self._forget(key)

    def is_set(self, key: TimerKey) -> bool:
        """Return whether the timer `key` is set."""
        return self._latest.get(key, 0) in self._live

    @property
    def next_due_ns(self) -> int | None:
        """The due time of the next timer, None if none is set."""
        if not self._is_known:
            self._due_ns, self._is_known = self._first_ns(), True
        return self._due_ns

    def pop_due(self, now_ns: int) -> tuple[int, TimerKey] | None:
        """Take the next timer that is due at or before `now_ns`: (its due time, its key), or None."""
        due_ns = self.next_due_ns
        if due_ns is None or due_ns > now_ns:
            return None
        _, sequence, key = heappop(self._heap)
        del self._live[sequence]
        self._is_known = False
        return due_ns, key

    def _forget(self, key: TimerKey) -> None:
        self._live.pop(self._latest.get(key, 0), None)
        self._is_known = False

    def _first_ns(self) -> int | None:
        # What was moved or cancelled before the first that is set goes.
        heap, live = self._heap, self._live
        while heap:
            due_ns, sequence, _ = heap[0]
            if sequence in live:
                return due_ns
            heappop(heap)
        return None
