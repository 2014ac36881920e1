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


class _Timer:
    # One name. Fields: number: of the setting that holds, 0: it is not set.
    __slots__ = ("key", "number")

    def __init__(self, key: TimerKey) -> None:
        self.key = key
        self.number = 0


class Timers:
    """A heap of named timers; each name is set at most once."""

    def __init__(self) -> None:
        """Start without timers."""
        self._heap: list[tuple[int, int, _Timer]] = []
        # Every name that was ever set: they are few.
        self._names: dict[TimerKey, _Timer] = {}
        self._numbers = self._set = 0
        # When the first is due, asked far more often than it changes; not known after a change.
        self._due_ns: int | None = None
        self._is_known = True

    def set(self, key: TimerKey, due_ns: int) -> None:
        """Set or move the timer `key` to `due_ns`."""
        timer = self._names.get(key)
        if timer is None:
            timer = self._names[key] = _Timer(key)
        if not timer.number:
            self._set += 1
        self._numbers += 1
        timer.number = self._numbers
        self._is_known = False
        heap = self._heap
        heappush(heap, (due_ns, self._numbers, timer))
        # A timer that is moved leaves its old entry behind; they may not pile up until they would be due.
        if len(heap) > HEAP_SLACK + 2 * self._set:
            self._heap = [entry for entry in heap if entry[2].number == entry[1]]
            heapify(self._heap)

    def cancel(self, key: TimerKey) -> None:
        """Forget the timer `key` if it is set."""
        timer = self._names.get(key)
        if timer is not None:
            self._end(timer)

    def is_set(self, key: TimerKey) -> bool:
        """Return whether the timer `key` is set."""
        timer = self._names.get(key)
        return timer is not None and timer.number > 0

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
        timer = heappop(self._heap)[2]
        self._end(timer)
        return due_ns, timer.key

    def _end(self, timer: _Timer) -> None:
        if timer.number:
            timer.number = 0
            self._set -= 1
            self._is_known = False

    def _first_ns(self) -> int | None:
        # What was moved or cancelled before the first that is set goes.
        heap = self._heap
        while heap:
            due_ns, number, timer = heap[0]
            if timer.number == number:
                return due_ns
            heappop(heap)
        return None
