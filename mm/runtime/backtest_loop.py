"""The plain loop over a recording, one message at a time through the engine: the reference of every other.

A loop takes chunks of a tape to the steps of a backtest. Whatever another loop saves, it has to leave the
same steps: the same commands at the same times, the same fills, the same figures. Reads no clock.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from mm.domain.events import AnyEvent, BookLost, BookSnapshot, ConfigApplied, Stream, StreamDown
from mm.domain.tape import KEYFRAME, ORDER, OTHER, SNAPSHOT, Chunk, Row, event_of, messages
from mm.runtime.backtest_steps import Steps

LOOK_EVERY: Final = 1_000
"""Messages between two questions whether to go on."""

RARE: Final = frozenset((KEYFRAME, SNAPSHOT, OTHER))
"""Kinds of messages that are no change, top or print."""

Goes = Callable[[int, int], bool]
"""Takes the time reached and the rows done in all; returns whether to go on."""


class Loop(Protocol):
    """What takes a recording to the steps of a backtest.

    Fields: name: "reference", "interpreted" or "compiled"; rows, messages: taken in so far.
    """

    name: str
    rows: int

    @property
    def messages(self) -> int:
        """How many were taken so far."""
        ...

    def take(self, chunk: Chunk, goes_on: Goes) -> bool:
        """Let everything in a chunk happen; afterwards engine and analyst are up to date.

        Args: goes_on: asked now and then, at the edge of a message; where it says no, nothing of the chunk
        that comes later happens. Returns: False if it said so.
        """
        ...


class PlainLoop:
    """The reference; see `Loop`."""

    def __init__(self, steps: Steps) -> None:
        """Drive `steps`, which have begun."""
        self.name = "reference"
        self.rows = self.messages = 0
        self._steps = steps

    def take(self, chunk: Chunk, goes_on: Goes) -> bool:
        """Let everything in a chunk happen, message by message."""
        on_event = self._steps.on_event
        for message in messages(chunk):
            kind = message[0][1]
            if kind >= ORDER:
                take_orders(self._steps, chunk, message)
            elif kind in RARE:
                take_rare(self._steps, kind, event_of(chunk, message))
            else:
                on_event(event_of(chunk, message))
            self.rows += len(message)
            self.messages += 1
            if not self.messages % LOOK_EVERY and not goes_on(message[0][0], self.rows):
                return False
        return True


def take_rare(steps: Steps, kind: int, event: AnyEvent) -> None:
    """Let a message happen that is no change, top or print: a whole book, or an event that is no row.

    A keyframe is heard by whoever waits for a book, and by nobody else. Where the recorded venue answers by
    itself, of the other events only those count that say what could not be seen: the rest was told to a run
    that is not this one.
    """
    recorded = steps.recorded
    # Time goes on whoever hears of it; and whoever asks for a book until then waits for this one already.
    steps.advance(event.ts_ns)
    if isinstance(event, BookSnapshot):
        is_waited_for = recorded.on_whole_book(event)
        if kind == SNAPSHOT or is_waited_for:
            steps.on_event(event)
    elif not recorded.answers:
        if isinstance(event, ConfigApplied):
            steps.prepare(event)
        steps.on_event(event)
    elif isinstance(event, BookLost) or (isinstance(event, StreamDown) and event.stream is Stream.MARKET):
        steps.on_event(event)


def take_orders(steps: Steps, chunk: Chunk, message: Sequence[Row]) -> None:
    """Let single orders of a market be seen by whoever follows them; to all others nothing happens."""
    told = steps.orders.get(chunk.symbols[message[0][2]])
    if told is not None:
        steps.advance(message[0][0])
        told.on_orders(message)
