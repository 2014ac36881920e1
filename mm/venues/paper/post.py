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

    @property
    def next_due_ns(self) -> int | None:
        """When the next thing happens; None if nothing is under way."""
        heap, stream = self._heap, self._stream
        if not heap:
            return stream[0][0] if stream else None
        return min(heap[0][0], stream[0][0]) if stream else heap[0][0]

    def send(self, sent: Sent) -> None:
        """Let a request take effect at its time."""
        heappush(self._heap, (sent.effect_ns, self._next(), sent, ()))

    def answer(self, events: Sequence[AnyEvent], due_ns: int) -> None:
        """Hand out the answer to a request at `due_ns`."""
        heappush(self._heap, (due_ns, self._next(), None, events))

    def report(self, events: Sequence[AnyEvent], due_ns: int) -> None:
        """Let the user stream tell `events` at `due_ns`, not before what it has to tell earlier."""
        if self._stream:
            due_ns = max(due_ns, self._stream[-1][0])
        for event in events:
            self._stream.append((due_ns, self._next(), event))

    def hurry(self, ts_ns: int) -> list[AnyEvent]:
        """Return everything that the user stream has not told yet: it is told now."""
        told = [_at(event, ts_ns) for _, _, event in self._stream]
        self._stream.clear()
        return told

    def drop_reports(self) -> None:
        """Forget what the user stream has not told yet: its connection is given up."""
        self._stream.clear()

    def pop_due(self, ts_ns: int) -> tuple[Sent | None, Sequence[AnyEvent]] | None:
        """Take the next thing that is due by `ts_ns`, a request or events; None if nothing is."""
        heap, stream = self._heap, self._stream
        if stream and stream[0][0] <= ts_ns and not (heap and heap[0][:2] < stream[0][:2]):
            due_ns, _, event = stream.popleft()
            return None, (_at(event, due_ns),)
        if heap and heap[0][0] <= ts_ns:
            _, _, sent, events = heappop(heap)
            return sent, events
        return None

    def _next(self) -> int:
        self._number += 1
        return self._number


def _at(event: AnyEvent, ts_ns: int) -> AnyEvent:
    # It bears the time of its cause until it is known when it is told.
    return event if event.ts_ns == ts_ns else msgspec.structs.replace(event, ts_ns=ts_ns)
