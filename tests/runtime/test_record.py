"""The loop of `mm record`: what it asks for and when, what it writes down, and how it ends."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from mm.domain.commands import Connect, MeasureClock, SyncBook, VenueCommand
from mm.domain.events import (
    AnyEvent,
    BookLost,
    BookSnapshot,
    ClockMeasured,
    RateUsed,
    RequestFailed,
    Stream,
    StreamDown,
    StreamUp,
    Throttled,
)
from mm.runtime.record import Recorder, RecordRun, record
from mm.store.recordings.framed.form import ClockNote, FailedNote, FramedKind, FramedRecord, answer_of
from mm.store.recordings.framed.reader import FramedRecording, FramedSegment
from mm.store.recordings.framed.writer import FramedEnd, FramedLimits, FramedWriter
from tests.builders.framed import BEGAN_NS, a_header

S = 1_000_000_000
BTC = "BTC/USDT"


class Clock:
    """A clock that is moved by hand, or by each look at it."""

    scale = 1_000.0

    def __init__(self, step_ns: int = 0) -> None:
        """Stand at the beginning."""
        self.ns, self.step_ns = BEGAN_NS, step_ns

    def now_ns(self) -> int:
        """Return the time."""
        self.ns += self.step_ns
        return self.ns


class Asked:
    """A venue that remembers what it was asked for."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.connection = 0
        self.commands: list[VenueCommand] = []

    def submit(self, command: VenueCommand) -> None:
        """Remember."""
        self.connection += isinstance(command, Connect)
        self.commands.append(command)

    def taken(self) -> list[str]:
        """The names of what was asked for since the last look."""
        names = [type(command).__name__ for command in self.commands]
        self.commands.clear()
        return names


class Room:
    """A recorder with its clock, its venue and its writer."""

    def __init__(self, folder: Path, symbols: tuple[str, ...] = (BTC,)) -> None:
        """Begin."""
        self.folder = folder
        self.clock, self.venue = Clock(), Asked()
        self.writer = FramedWriter(folder, a_header(), FramedLimits(free_bytes_min=0))
        self.writer.start()
        self.recorder = Recorder(symbols, self.writer, self.clock)

    def at(self, seconds: float) -> list[str]:
        """Move to a time and return what is asked for then."""
        self.clock.ns = BEGAN_NS + int(seconds * S)
        self.recorder.ask(self.venue)
        return self.venue.taken()

    def tell(self, *events: AnyEvent) -> None:
        """Let the adapter tell."""
        for event in events:
            self.recorder(event)

    def records(self) -> list[FramedRecord]:
        """Close it and return what was written."""
        self.writer.close("done")
        return [found for path in FramedRecording([self.folder]).segments for found in FramedSegment(path)]


UP = StreamUp(ts_ns=1, stream=Stream.MARKET)
DOWN = StreamDown(ts_ns=1, stream=Stream.MARKET, reason="closed by the venue")
BOOK = BookSnapshot(ts_ns=1, symbol=BTC, seq=1, bids=(), asks=())
LOST = BookLost(ts_ns=1, symbol=BTC, reason="gap")
NO_BOOK = RequestFailed(ts_ns=1, what="SyncBook", subject=BTC, reason="no answer in time")
MEASURED = ClockMeasured(ts_ns=1, offset_ns=77, round_trip_ns=5)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """One symbol."""
    return Room(tmp_path)


def test_it_connects_at_once_and_asks_for_books_behind_the_changes_that_they_join(room: Room) -> None:
    """A second after the streams stand, again every ten minutes; the clock at once, then every minute."""
    assert room.at(0) == ["Connect"]
    assert room.at(0.5) == []
    room.tell(UP)
    assert room.at(0.5) == ["MeasureClock"]
    room.tell(MEASURED)
    assert (room.recorder.is_up, room.recorder.counts.offset_ns) == (True, 77)
    assert room.at(1.4) == []
    assert room.at(1.5) == ["SyncBook"]
    assert room.at(2) == []
    room.tell(BOOK)
    assert room.recorder.in_sync == {BTC}
    assert room.at(60.4) == []
    assert room.at(60.5) == ["MeasureClock"]
    room.tell(MEASURED)
    assert room.at(601.9) == ["MeasureClock"]
    assert room.at(602) == ["SyncBook"]
    assert room.recorder.counts.gaps == 0


def test_what_brings_no_answer_is_asked_for_again(room: Room) -> None:
    """After ten seconds, whatever happened to it."""
    assert room.at(0) == ["Connect"]
    assert room.at(9.9) == []
    assert room.at(10) == ["Connect"]
    room.tell(UP)
    assert room.at(10) == ["MeasureClock"]
    assert room.at(11) == ["SyncBook"]
    assert room.at(21) == ["MeasureClock", "SyncBook"]


def test_the_quickest_measure_of_the_clock_counts(room: Room) -> None:
    """It can be wrong by half its round trip at most; a slower one later changes nothing."""
    for offset_ns, round_trip_ns in ((900, 50), (77, 5), (400, 20), (80, 5)):
        room.tell(ClockMeasured(ts_ns=1, offset_ns=offset_ns, round_trip_ns=round_trip_ns))
    counts = room.recorder.counts
    assert (counts.measures, counts.offset_ns, counts.round_trip_ns) == (4, 77, 5)


def test_a_connection_that_ends_is_made_again_with_growing_pauses(room: Room) -> None:
    """At once the first time: it stood; the books that were known are lost."""
    room.at(0)
    room.tell(UP, BOOK, DOWN)
    assert (room.recorder.counts.gaps, room.recorder.in_sync, room.recorder.is_up) == (1, set(), False)
    assert room.at(0.1) == ["Connect"]
    pauses, now = [], 0.1
    for _ in range(8):
        room.tell(DOWN)
        begin = now
        while "Connect" not in room.at(now):
            now += 0.5
        pauses.append(round(now - begin, 1))
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    room.tell(UP)
    assert room.recorder.counts.connections == 2


def test_a_book_that_is_lost_is_a_gap_and_is_asked_for_again(room: Room) -> None:
    """A snapshot that does not join, or does not come, is refused; pauses grow, and end with the book."""
    room.at(0)
    room.tell(UP, MEASURED)
    room.at(1)
    room.tell(BOOK, LOST)
    assert (room.recorder.counts.gaps, room.recorder.counts.refused) == (1, 0)
    assert room.at(1.9) == []
    assert room.at(2) == ["SyncBook"]
    room.tell(LOST)
    assert room.at(3.9) == []
    assert room.at(4) == ["SyncBook"]
    room.tell(NO_BOOK)
    assert (room.recorder.counts.gaps, room.recorder.counts.refused) == (1, 2)
    assert room.at(7.9) == []
    assert room.at(8) == ["SyncBook"]
    room.tell(BOOK, LOST)
    assert room.at(9) == ["SyncBook"]


def test_a_clock_that_is_not_told_is_asked_for_again(room: Room) -> None:
    """After a second; failures of what nobody asked for change nothing."""
    room.at(0)
    room.tell(RequestFailed(ts_ns=1, what="MeasureClock", subject="", reason="nobody asked"), UP)
    assert room.at(0) == ["MeasureClock"]
    room.tell(RequestFailed(ts_ns=1, what="MeasureClock", subject="", reason="no"))
    room.tell(
        RequestFailed(ts_ns=1, what="Other", subject="ETH/USDT", reason="no"),
        RateUsed(ts_ns=1, weight=1, orders=-1),
    )
    assert room.at(0.9) == []
    assert room.at(1) == ["MeasureClock", "SyncBook"]


def test_a_venue_that_limits_us_is_left_alone(room: Room) -> None:
    """Nothing is sent before the time that it named."""
    room.at(0)
    room.tell(UP, Throttled(ts_ns=1, until_ns=BEGAN_NS + 30 * S, banned=False))
    assert room.at(29.9) == []
    assert room.at(30) == ["MeasureClock", "SyncBook"]


def test_each_segment_begins_with_books(room: Room) -> None:
    """So that the ones before it may go."""
    room.at(0)
    room.tell(UP)
    room.at(0)
    room.tell(BOOK, MEASURED)
    assert room.at(5) == []
    room.writer.totals.segment = 2
    assert room.at(5.1) == ["SyncBook"]
    assert room.at(5.2) == []
    room.writer.totals.segment = 1


def test_everything_is_written_down_as_it_came(room: Room) -> None:
    """Texts byte for byte, with their connection and their time; what we know beside them."""
    room.at(0)
    room.recorder.on_body("/api/v3/time", '{"serverTime":1}')
    room.recorder.on_frame(1, '{"e":"x","s":"Grüße"}')
    room.clock.ns += 5
    room.tell(UP, MEASURED, NO_BOOK, DOWN)
    records = room.records()
    kinds = [FramedKind(found.kind).name for found in records]
    assert kinds == ["ANSWER", "FRAME", "UP", "CLOCK", "FAILED", "DOWN", "END"]
    assert answer_of(records[0].payload) == ("/api/v3/time", b'{"serverTime":1}')
    assert records[1].payload == '{"e":"x","s":"Grüße"}'.encode()
    assert [found.connection for found in records[:-1]] == [1] * 6
    assert [found.ts_ns - BEGAN_NS for found in records] == [0, 0, 5, 5, 5, 5, 5]
    assert msgspec.msgpack.decode(records[3].payload, type=ClockNote).offset_ns == 77
    assert msgspec.msgpack.decode(records[4].payload, type=FailedNote).what == "SyncBook"
    assert records[5].payload == b"closed by the venue"
    counts = room.recorder.counts
    assert (counts.frames, counts.frame_bytes, counts.answers) == (1, len(records[1].payload), 1)


async def test_it_ends_when_its_time_is_over(room: Room) -> None:
    """By the clock of what is recorded."""
    room.clock.step_ns = S
    told: list[int] = []
    ended = await _recorded(room, for_ns=20 * S, told=lambda: told.append(1))
    assert ended == "done"
    assert 2 < len(told) < 20
    assert "Connect" in room.venue.taken()


async def test_it_ends_when_it_is_stopped_or_nothing_more_is_written(room: Room) -> None:
    """The writer says why by itself."""
    stop = asyncio.Event()
    assert await _recorded(room, stop=stop, told=stop.set) == "stopped"

    def fail() -> None:
        room.writer.end = FramedEnd.FULL

    assert await _recorded(room, told=fail) == ""


async def test_the_clock_is_measured_once_more_at_the_end(room: Room) -> None:
    """While the streams stand; an answer that does not come holds nobody up for long."""
    room.clock.step_ns = S
    room.tell(UP)
    asked: list[str] = []

    def told() -> None:
        asked.extend(room.venue.taken())

    assert await _recorded(room, for_ns=20 * S, told=told) == "done"
    assert asked.count("MeasureClock") >= 1
    assert room.venue.taken() == ["MeasureClock"]


async def _recorded(
    room: Room, *, told: Callable[[], object], for_ns: int = 0, stop: asyncio.Event | None = None
) -> str:
    run = RecordRun(clock=room.clock, for_ns=for_ns, stop=stop or asyncio.Event(), told=told)
    async with asyncio.timeout(60):
        return await record(run, room.venue, room.recorder, room.writer)


def test_syncs_are_for_every_symbol(tmp_path: Path) -> None:
    """Each has its own book."""
    room = Room(tmp_path, (BTC, "ETH/USDT"))
    room.at(0)
    room.tell(UP)
    room.clock.ns += S
    room.recorder.ask(room.venue)
    synced = [command.symbol for command in room.venue.commands if isinstance(command, SyncBook)]
    assert synced == [BTC, "ETH/USDT"]
    assert not any(isinstance(command, MeasureClock) for command in room.venue.commands[2:])
