"""The part of `mm record` that hears an account: what it asks for and when, and what it writes down."""

from pathlib import Path

import msgspec
import pytest

from mm.domain.commands import Connect, ListBalances, ListOrders, VenueCommand
from mm.domain.events import (
    AnyEvent,
    BalancesListed,
    OrdersListed,
    RateUsed,
    RequestFailed,
    Stream,
    StreamDown,
    StreamUp,
    Throttled,
)
from mm.runtime.record_account import AccountRecorder
from mm.store.recordings.framed.form import FailedNote, FramedKind, FramedRecord, answer_of
from mm.store.recordings.framed.reader import FramedRecording, FramedSegment
from mm.store.recordings.framed.writer import FramedLimits, FramedWriter
from tests.builders.framed import BEGAN_NS, a_header

S = 1_000_000_000
BTC = "BTC/USDT"
UP = StreamUp(ts_ns=1, stream=Stream.USER)
DOWN = StreamDown(ts_ns=1, stream=Stream.USER, reason="closed by the venue")
ORDERS = OrdersListed(ts_ns=1, symbol=BTC, asked_ns=1, orders=())
BALANCES = BalancesListed(ts_ns=1, asked_ns=1, balances=())
NO_ORDERS = RequestFailed(ts_ns=1, what="ListOrders", subject=BTC, reason="no answer in time")
REPORT = '{"subscriptionId":0,"event":{"e":"executionReport","c":"Grüße"}}'


class Clock:
    """A clock that is moved by hand."""

    scale = 1.0

    def __init__(self) -> None:
        """Stand at the beginning."""
        self.ns = BEGAN_NS

    def now_ns(self) -> int:
        """Return the time."""
        return self.ns


class Room:
    """A recorder with its clock and its writer; is the venue that remembers what it was asked for."""

    def __init__(self, folder: Path) -> None:
        """Begin."""
        self.connection = 0
        self.asked: list[str] = []
        self.folder, self.clock = folder, Clock()
        self.writer = FramedWriter(folder, a_header(has_account=True), FramedLimits(free_bytes_min=0))
        self.writer.start()
        self.recorder = AccountRecorder((BTC,), self.writer, self.clock)

    def submit(self, command: VenueCommand) -> None:
        """Remember."""
        assert isinstance(command, ListBalances | ListOrders | Connect)
        assert not isinstance(command, Connect) or command.stream is Stream.USER
        self.connection += isinstance(command, Connect)
        self.asked.append(type(command).__name__)

    def at(self, seconds: float) -> list[str]:
        """Move to a time and return what is asked for then."""
        self.clock.ns = BEGAN_NS + int(seconds * S)
        self.asked.clear()
        self.recorder.ask(self)
        return list(self.asked)

    def tell(self, *events: AnyEvent) -> None:
        """Let what listens tell."""
        for event in events:
            self.recorder(event)

    def records(self) -> list[FramedRecord]:
        """Close it and return what was written."""
        self.writer.close("done")
        return [found for path in FramedRecording([self.folder]).segments for found in FramedSegment(path)]


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """One symbol."""
    return Room(tmp_path)


def test_what_is_there_is_asked_for_with_each_connection(room: Room) -> None:
    """Balances and open orders once the stream stands, so that nothing happens between; then no more."""
    assert room.at(0) == ["Connect"]
    assert room.at(0.1) == []
    room.tell(UP)
    assert room.recorder.is_up
    assert room.at(0.2) == ["ListBalances", "ListOrders"]
    assert room.at(0.3) == []
    room.tell(BALANCES, ORDERS)
    assert room.at(3_600) == []
    room.tell(DOWN)
    assert room.at(3_600) == ["Connect"]
    room.tell(UP)
    assert room.at(3_600) == ["ListBalances", "ListOrders"]
    counts = room.recorder.counts
    assert (counts.connections, counts.lost, counts.refused) == (2, 1, 0)


def test_a_listing_that_fails_is_asked_for_again(room: Room) -> None:
    """By itself, later each time; failures of what nobody asked for change nothing."""
    room.at(0)
    room.tell(UP)
    room.at(0)
    room.tell(BALANCES, NO_ORDERS, RequestFailed(ts_ns=1, what="a text", subject="", reason="left out"))
    assert room.at(0.9) == []
    assert room.at(1) == ["ListOrders"]
    room.tell(NO_ORDERS)
    assert room.at(2.9) == []
    assert room.at(3) == ["ListOrders"]
    assert room.at(13) == ["ListOrders"]
    room.tell(ORDERS, NO_ORDERS)
    assert room.at(100) == []
    assert room.recorder.counts.refused == 2


def test_each_segment_begins_with_what_is_there(room: Room) -> None:
    """So that the ones before it may go."""
    room.at(0)
    room.tell(UP)
    room.at(0)
    room.tell(BALANCES, ORDERS)
    room.writer.totals.segment = 2
    assert room.at(5) == ["ListBalances", "ListOrders"]
    room.tell(BALANCES)
    room.writer.totals.segment = 3
    assert sorted(room.at(6)) == ["ListBalances", "ListOrders"]
    room.writer.totals.segment = 1


def test_a_stream_that_does_not_come_is_dialled_with_growing_pauses(room: Room) -> None:
    """At once where it stood; nothing is listed while it is down."""
    room.at(0)
    room.tell(DOWN)
    assert room.at(0.5) == []
    assert room.at(1) == ["Connect"]
    room.tell(DOWN)
    assert room.at(2.9) == []
    assert room.at(3) == ["Connect"]
    assert room.at(13) == ["Connect"]
    room.tell(UP, DOWN)
    assert room.at(13) == ["Connect"]
    assert (room.recorder.is_up, room.recorder.counts.refused, room.recorder.counts.lost) == (False, 2, 1)


def test_a_venue_that_limits_us_is_left_alone(room: Room) -> None:
    """Nothing is sent before the time that it named."""
    room.tell(
        Throttled(ts_ns=1, until_ns=BEGAN_NS + 30 * S, banned=False), RateUsed(ts_ns=1, weight=1, orders=1)
    )
    assert room.at(29.9) == []
    assert room.at(30) == ["Connect"]


def test_everything_is_written_down_as_it_came(room: Room) -> None:
    """Texts byte for byte, with their connection; listings of none: no market takes them for its own."""
    room.at(0)
    room.recorder.on_body("/api/v3/account", '{"uid":1}')
    room.tell(UP)
    room.recorder.on_own(1, REPORT)
    room.recorder.on_own(1, "cut {")
    room.tell(NO_ORDERS, DOWN)
    records = room.records()
    kinds = [FramedKind(found.kind).name for found in records]
    assert kinds == ["ANSWER", "OWN_UP", "OWN", "OWN", "FAILED", "OWN_DOWN", "END"]
    assert [found.connection for found in records] == [0, 1, 1, 1, 0, 1, 0]
    assert answer_of(records[0].payload) == ("/api/v3/account", b'{"uid":1}')
    assert records[2].payload == REPORT.encode()
    assert msgspec.msgpack.decode(records[4].payload, type=FailedNote).what == "ListOrders"
    assert records[5].payload == b"closed by the venue"
    counts = room.recorder.counts
    assert counts.as_dict() == {
        "texts": 2,
        "text_bytes": len(REPORT.encode()) + 5,
        "kinds": {"executionReport": 1, "unreadable": 1},
        "listings": 1,
        "connections": 1,
        "lost": 1,
        "refused": 1,
    }
    room.recorder.on_own(1, REPORT)
    room.recorder.on_body("/api/v3/account", "{}")
    assert (counts.texts, counts.listings) == (2, 1)
