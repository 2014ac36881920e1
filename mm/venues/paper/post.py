"""What is under way between us and the paper venue, in event time: requests out, answers and reports back.

Must never look at a clock. Invariants: the user stream tells things in the order in which they happened, so a
fill that is told now brings everything along that it has not told yet; what is due at one time comes in the
order in which it was put in.
"""

from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple

import msgspec

from mm.domain.commands import Connect
from mm.domain.events import AnyEvent
from mm.domain.units import NEVER_NS
from mm.venues.paper.outcomes import Request


class Sent(NamedTuple):
    """A request under way, all times in ns. Fields: asked: sent; effect: carried out; heard: answered."""

    command: Request | Connect
    asked_ns: int
    effect_ns: int
    heard_ns: int


class Post:
    """Everything that is under way."""

    def __init__(self) -> None:
        """Begin with nothing under way."""
        self._heap: list[tuple[int, int, Sent | None, Sequence[AnyEvent]]] = []
        self._stream: deque[tuple[int, int, AnyEvent]] = deque()
        self._number = 0
        # Time and number of the first of each: asked far more often than they change.
        self._heap_ns = self._stream_ns = NEVER_NS
        self._heap_number = self._stream_number = 0

    @property
    def next_due_ns(self) -> int | None:
        """When the next thing happens; None if nothing is under way."""
        due_ns = min(self._heap_ns, self._stream_ns)
        return due_ns if due_ns < NEVER_NS else None

    def send(self, sent: Sent) -> None:
        """Let a request take effect at its time."""
        self._number += 1
        heappush(self._heap, (sent.effect_ns, self._number, sent, ()))
        self._look_at_heap()

    def answer(self, events: Sequence[AnyEvent], due_ns: int) -> None:
        """Hand out the answer to a request at `due_ns`."""
        self._number += 1
        heappush(self._heap, (due_ns, self._number, None, events))
        self._look_at_heap()

    def report(self, events: Sequence[AnyEvent], due_ns: int) -> None:
        """Let the user stream tell `events` at `due_ns`, not before what it has to tell earlier."""
        if self._stream:
            due_ns = max(due_ns, self._stream[-1][0])
        for event in events:
            self._number += 1
            self._stream.append((due_ns, self._number, event))
        self._look_at_stream()

    def hurry(self, ts_ns: int) -> list[AnyEvent]:
        """Return everything that the user stream has not told yet: it is told now."""
        told = [_at(event, ts_ns) for _, _, event in self._stream]
        self.drop_reports()
        return told

    def drop_reports(self) -> None:
        """Forget what the user stream has not told yet: its connection is given up."""
        self._stream.clear()
        self._look_at_stream()

    def pop_due(self, ts_ns: int) -> tuple[Sent | None, Sequence[AnyEvent]] | None:
        """Take the next thing that is due by `ts_ns`, a request or events; None if nothing is."""
        heap_ns, stream_ns = self._heap_ns, self._stream_ns
        if stream_ns <= ts_ns and (stream_ns, self._stream_number) < (heap_ns, self._heap_number):
            event = self._stream.popleft()[2]
            self._look_at_stream()
            return None, (_at(event, stream_ns),)
        if heap_ns <= ts_ns:
            _, _, sent, events = heappop(self._heap)
            self._look_at_heap()
            return sent, events
        return None

    def _look_at_heap(self) -> None:
        if self._heap:
            self._heap_ns, self._heap_number, _, _ = self._heap[0]
        else:
            self._heap_ns = NEVER_NS

    def _look_at_stream(self) -> None:
        if self._stream:
            self._stream_ns, self._stream_number, _ = self._stream[0]
        else:
            self._stream_ns = NEVER_NS


def _at(event: AnyEvent, ts_ns: int) -> AnyEvent:
    # It bears the time at which it would have been told if nothing else had to be told before or after it.
    return event if event.ts_ns == ts_ns else msgspec.structs.replace(event, ts_ns=ts_ns)
