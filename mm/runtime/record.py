"""The loop of a recorder: keeps a venue's market streams connected, and hands all that comes to a writer.

Every text goes to the writer before anything reads it; the adapter's own events only say when a snapshot, a
new connection or a measure of the clock is due. Must never trade, hold a record back or drop one: where the
writer ends, the recording ends. Invariant: after each connection, each loss and each beginning of a segment a
snapshot of every book is asked for, behind the changes that it has to join. The clock of a venue is measured
while its streams stand: one that plays a recording has no time before somebody listens.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from mm.domain.commands import MeasureClock, SyncBook
from mm.domain.events import (
    AnyEvent,
    BookLost,
    BookSnapshot,
    ClockMeasured,
    RequestFailed,
    Stream,
    StreamDown,
    StreamUp,
    Throttled,
)
from mm.domain.units import NS_PER_S
from mm.runtime.record_stream import Due, RecordClock, RecordedStream, RecordedVenue
from mm.store.recordings.framed.form import ClockNote, FramedKind, answer_payload
from mm.store.recordings.framed.writer import FramedWriter

PAUSE_S: Final = 0.05
"""How often it is looked what is due, in seconds of the wall."""

SNAPSHOT_AFTER_NS: Final = NS_PER_S
"""How long a new connection gathers changes before the snapshot is asked for that they have to join."""

SNAPSHOT_EVERY_NS: Final = 600 * NS_PER_S
CLOCK_EVERY_NS: Final = 60 * NS_PER_S
LAST_CLOCK_S: Final = 1.0
"""How long the last measure of the clock is waited for, in seconds of the wall."""


@dataclass(slots=True)
class RecordCounts:
    """What was heard so far.

    Fields: frames, frame_bytes: of the streams; answers, answer_bytes: of requests; snapshots: books that
    joined; gaps: books that were lost after they had joined; connections: that stood; refused: snapshots that
    did not come or did not join; measures: of the clock; offset_ns: the venue's clock minus ours by the one
    with the smallest round trip, None before the first; round_trip_ns: of that one.
    """

    frames: int = 0
    frame_bytes: int = 0
    answers: int = 0
    answer_bytes: int = 0
    snapshots: int = 0
    gaps: int = 0
    connections: int = 0
    refused: int = 0
    measures: int = 0
    offset_ns: int | None = None
    round_trip_ns: int = 0

    def measured(self, offset_ns: int, round_trip_ns: int) -> None:
        """Take in a measure of the clock: the quicker it was, the less it can be wrong."""
        self.measures += 1
        if self.offset_ns is None or round_trip_ns < self.round_trip_ns:
            self.offset_ns, self.round_trip_ns = offset_ns, round_trip_ns


class Recorder(RecordedStream):
    """Hears a venue and keeps it going. Is the ear and the sink of an adapter.

    Fields: counts; is_up: the streams are connected; in_sync: symbols whose book is known to the adapter.
    """

    def __init__(self, symbols: Sequence[str], writer: FramedWriter, clock: RecordClock) -> None:
        """Begin unconnected. Args: symbols: unified names."""
        super().__init__(Stream.MARKET, writer, clock)
        self.counts = RecordCounts()
        self.in_sync: set[str] = set()
        now_ns = clock.now_ns()
        self._measure = Due(now_ns)
        self._books = {symbol: Due(now_ns) for symbol in symbols}

    # ---- the ear

    def on_frame(self, connection: int, text: str) -> None:
        """A text of a market stream came."""
        payload = text.encode()
        if self._writer.append(FramedKind.FRAME, connection, self._clock.now_ns(), payload):
            self.counts.frames += 1
            self.counts.frame_bytes += len(payload)

    def on_body(self, request: str, body: str) -> None:
        """An answer came."""
        body_bytes = body.encode()
        payload = answer_payload(request[:2_000], body_bytes)
        if self._writer.append(FramedKind.ANSWER, self._connection, self._clock.now_ns(), payload):
            self.counts.answers += 1
            self.counts.answer_bytes += len(body_bytes)

    # ---- the sink

    def __call__(self, event: AnyEvent) -> None:
        """Take an event of the adapter."""
        now_ns = self._clock.now_ns()
        match event:
            case StreamUp():
                self._on_up(now_ns)
            case StreamDown():
                self._on_down(now_ns, event.reason)
            case BookSnapshot():
                self.counts.snapshots += 1
                self.in_sync.add(event.symbol)
                self._books[event.symbol] = Due(now_ns + SNAPSHOT_EVERY_NS)
            case BookLost():
                self._on_lost(now_ns, event.symbol)
            case ClockMeasured():
                self.counts.measured(event.offset_ns, event.round_trip_ns)
                note = ClockNote(offset_ns=event.offset_ns, round_trip_ns=event.round_trip_ns)
                self._note(FramedKind.CLOCK, self._connection, now_ns, note)
                self._measure = Due(now_ns + CLOCK_EVERY_NS)
            case RequestFailed():
                self._on_failed(now_ns, event)
            case Throttled():
                self._on_throttled(event)
            case _:
                return

    def ask(self, venue: RecordedVenue) -> None:
        """Ask the venue for what is due."""
        now_ns = self._clock.now_ns()
        if not self._may_ask(venue, now_ns):
            return
        if self.is_up and now_ns >= self._measure.at_ns:
            self._measure.asked(now_ns)
            venue.submit(MeasureClock())
        if self._is_new_segment():
            for due in self._books.values():
                due.at_ns = min(due.at_ns, now_ns)
        if self.is_up:
            for symbol, due in self._books.items():
                if now_ns >= due.at_ns:
                    due.asked(now_ns)
                    venue.submit(SyncBook(symbol=symbol))

    def _on_up(self, now_ns: int) -> None:
        self._stands(FramedKind.UP, now_ns)
        self.counts.connections += 1
        self._measure = Due(now_ns)
        for symbol in self._books:
            self._books[symbol] = Due(now_ns + SNAPSHOT_AFTER_NS)

    def _on_down(self, now_ns: int, reason: str) -> None:
        self._ended(FramedKind.DOWN, now_ns, reason)
        self.counts.gaps += len(self.in_sync)
        self.in_sync.clear()

    def _on_lost(self, now_ns: int, symbol: str) -> None:
        if symbol in self.in_sync:
            self.in_sync.discard(symbol)
            self.counts.gaps += 1
        elif self.is_up:
            self.counts.refused += 1
        self._books[symbol].failed(now_ns)

    def _on_failed(self, now_ns: int, event: RequestFailed) -> None:
        self._note_failed(self._connection, now_ns, event)
        if event.what == "MeasureClock":
            self._measure.failed(now_ns)
        elif event.subject in self._books:
            self.counts.refused += 1
            self._books[event.subject].failed(now_ns)


def _nothing() -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRun:
    """How long is recorded.

    Fields: clock; for_ns: of its time, 0: until stopped; stop: set to end it; told: called again and again;
    beside: asks for what is due of anything that is recorded beside the market.
    """

    clock: RecordClock
    for_ns: int
    stop: asyncio.Event
    told: Callable[[], object]
    beside: Callable[[], object] = _nothing


async def record(run: RecordRun, venue: RecordedVenue, recorder: Recorder, writer: FramedWriter) -> str:
    """Keep the venue going until the time is over, a stop is asked for, or the writer ends.

    Returns why it ended: "done", "stopped", or "" if the writer has said it.
    """
    clock = run.clock
    end_ns = clock.now_ns() + run.for_ns
    while writer.end is None:
        left_ns = end_ns - clock.now_ns()
        ended = "stopped" if run.stop.is_set() else "done" if run.for_ns and left_ns <= 0 else ""
        if ended:
            await _measure_last(venue, recorder)
            return ended
        recorder.ask(venue)
        run.beside()
        run.told()
        pause_s = min(PAUSE_S, left_ns / NS_PER_S / clock.scale) if run.for_ns else PAUSE_S
        try:
            async with asyncio.timeout(pause_s):
                await run.stop.wait()
        except TimeoutError:
            continue
    return ""


async def _measure_last(venue: RecordedVenue, recorder: Recorder) -> None:
    before, loop = recorder.counts.measures, asyncio.get_running_loop()
    if not recorder.is_up:
        return
    venue.submit(MeasureClock())
    end_s = loop.time() + LAST_CLOCK_S
    # What it waits for comes through the recorder, from a task of the adapter, as all that is recorded.
    while recorder.counts.measures == before and loop.time() < end_s:  # noqa: ASYNC110 - as said above
        await asyncio.sleep(PAUSE_S / 10)
