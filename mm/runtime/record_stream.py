"""A stream that is recorded: connected again and again, its silence kept, its segments noticed.

What the recorders of a market and of an account share. Must never ask a venue for anything while it asked
for silence.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from mm.domain.commands import Connect, VenueCommand
from mm.domain.events import RequestFailed, Stream, Throttled
from mm.domain.units import NS_PER_S
from mm.store.recordings.framed.form import FailedNote, FramedKind
from mm.store.recordings.framed.writer import FramedWriter

ANSWER_NS: Final = 10 * NS_PER_S
"""After this a snapshot that did not come is asked for again."""

RETRY_NS: Final = NS_PER_S
RETRY_NS_MAX: Final = 30 * NS_PER_S
"""How long is waited before a connection or a snapshot is asked for again: twice as long with each failure.
"""


class RecordedVenue(Protocol):
    """What the recorder asks of an adapter. Fields: connection: attempts to connect so far."""

    connection: int

    def submit(self, command: VenueCommand) -> None:
        """Send a command; returns at once."""
        ...


class RecordClock(Protocol):
    """The time of what is recorded. Fields: scale: its seconds per second of the wall."""

    scale: float

    def now_ns(self) -> int:
        """Return the time."""
        ...


@dataclass(slots=True)
class Due:
    """When something is to be asked for. Fields: at_ns; failures: in a row."""

    at_ns: int
    failures: int = 0

    def asked(self, now_ns: int) -> None:
        """It was: if nothing comes, it is asked for again."""
        self.at_ns = now_ns + ANSWER_NS

    def failed(self, now_ns: int) -> None:
        """It brought nothing: it is asked for again, later each time."""
        self.at_ns = now_ns + min(RETRY_NS << min(self.failures, 10), RETRY_NS_MAX)
        self.failures += 1


class RecordedStream:
    """Keeps one stream of a venue connected. Fields: is_up: it is."""

    def __init__(self, stream: Stream, writer: FramedWriter, clock: RecordClock) -> None:
        """Begin unconnected."""
        self.is_up = False
        self._stream, self._writer, self._clock = stream, writer, clock
        self._connect: Due | None = Due(clock.now_ns())
        self._connection = 0
        self._silent_until_ns = 0
        self._segment = 1

    def _may_ask(self, venue: RecordedVenue, now_ns: int) -> bool:
        # Connects where that is due.
        if now_ns < self._silent_until_ns:
            return False
        if self._connect is not None and now_ns >= self._connect.at_ns:
            self._connect.asked(now_ns)
            venue.submit(Connect(stream=self._stream))
            self._connection = venue.connection
        return True

    def _is_new_segment(self) -> bool:
        # Told once: what a segment begins with is asked for then.
        segment = self._writer.totals.segment
        is_new, self._segment = segment != self._segment, segment
        return is_new

    def _stands(self, kind: FramedKind, now_ns: int) -> None:
        self.is_up, self._connect = True, None
        self._writer.append(kind, self._connection, now_ns, b"")

    def _ended(self, kind: FramedKind, now_ns: int, reason: str) -> None:
        self._writer.append(kind, self._connection, now_ns, reason.encode())
        if self._connect is None:
            self._connect = Due(now_ns)
        else:
            self._connect.failed(now_ns)
        self.is_up = False

    def _on_throttled(self, event: Throttled) -> None:
        self._silent_until_ns = max(self._silent_until_ns, event.until_ns)

    def _note_failed(self, connection: int, now_ns: int, event: RequestFailed) -> None:
        note = FailedNote(what=event.what, subject=event.subject, reason=event.reason[:500])
        self._note(FramedKind.FAILED, connection, now_ns, note)

    def _note(self, kind: FramedKind, connection: int, now_ns: int, note: msgspec.Struct) -> None:
        self._writer.append(kind, connection, now_ns, msgspec.msgpack.encode(note))
