"""The writer of `mm record`: in order, in segments, inside its bounds, and never past a full disk."""

import threading
from pathlib import Path

import msgspec
import pytest

from mm.errors import RecordingFailed
from mm.store.recordings.framed.form import ClockNote, EndNote, FramedKind, FramedRecord
from mm.store.recordings.framed.reader import FramedRecording, FramedSegment
from mm.store.recordings.framed.writer import (
    MIB,
    FramedEnd,
    FramedLimits,
    FramedWriter,
    RecordingDisk,
    recording_name,
)
from tests.builders.framed import BEGAN_NS, a_header
from tests.builders.processes import until

S = 1_000_000_000
NO_FLOOR = {"free_bytes_min": 0}


def a_writer(folder: Path, disk: RecordingDisk | None = None, **limits: object) -> FramedWriter:
    """A writer into `folder` that has begun."""
    chosen = FramedLimits(**(NO_FLOOR | limits))  # type: ignore[arg-type]  # the caller names the fields
    writer = FramedWriter(folder, a_header(), chosen, disk)
    writer.start()
    return writer


def put(writer: FramedWriter, count: int, *, size: int = 100, step_ns: int = 1_000, begin: int = 0) -> None:
    """Hand frames over, numbered."""
    for number in range(begin, begin + count):
        payload = (b"%08d" % number).ljust(size, b"x")
        writer.append(FramedKind.FRAME, 1, BEGAN_NS + number * step_ns, payload)


def numbers(folder: Path) -> list[int]:
    """The numbers of the frames that are there."""
    found: list[FramedRecord] = []
    for path in FramedRecording([folder]).segments:
        found += [record for record in FramedSegment(path) if record.kind == FramedKind.FRAME]
    return [int(record.payload[:8]) for record in found]


def test_all_that_is_handed_over_is_there_in_order(tmp_path: Path) -> None:
    """And closed in good order; the directory is made."""
    folder = tmp_path / "a" / "b"
    writer = a_writer(folder)
    put(writer, 5_000)
    writer.close("done")
    assert numbers(folder) == list(range(5_000))
    (path,) = folder.iterdir()
    segment = FramedSegment(path)
    list(segment)
    assert segment.end is not None
    assert (segment.end.reason, segment.end.is_last, segment.end.records) == ("done", True, 5_000)
    assert (writer.end, writer.waiting_bytes) == (FramedEnd.CLOSED, 0)
    assert writer.totals.bytes == writer.totals.synced_bytes == path.stat().st_size
    put(writer, 1)  # after the end it goes nowhere
    assert writer.totals.records == 5_000


def test_segments_follow_each_other_by_size_and_by_time(tmp_path: Path) -> None:
    """Each is whole by itself, bears its number and the clock as last measured."""
    writer = a_writer(tmp_path, segment_bytes=20_000, segment_ns=10 * S)
    writer.append(FramedKind.CLOCK, 0, BEGAN_NS, _clock(77))
    put(writer, 1_000)
    writer.append(FramedKind.FRAME, 1, BEGAN_NS + 20 * S, b"00001000")
    writer.close("done")
    recording = FramedRecording([tmp_path])
    assert [header.segment for header in recording.headers] == list(range(1, writer.totals.segment + 1))
    assert writer.totals.segment >= 7
    assert numbers(tmp_path) == list(range(1_001))
    assert all(path.stat().st_size <= 20_000 + 4_096 for path in recording.segments)
    assert (recording.headers[0].offset_ns, recording.headers[1].offset_ns) == (0, 77)
    ends = [FramedSegment(path) for path in recording.segments]
    assert [end.is_last for end in map(_end, ends)] == [False] * (len(ends) - 1) + [True]


def test_at_its_bound_a_recording_ends_in_good_order(tmp_path: Path) -> None:
    """Not a byte more than was asked for, nothing missing before that."""
    writer = a_writer(tmp_path, max_bytes=100_000)
    put(writer, 2_000)
    until(lambda: writer.end)
    writer.close("done")
    kept = numbers(tmp_path)
    assert writer.end is FramedEnd.FULL
    assert kept == list(range(len(kept)))
    assert 500 < len(kept) < 2_000
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert 80_000 < size <= 100_000
    last = FramedSegment(FramedRecording([tmp_path]).segments[-1])
    assert "reached its bound of 100000 bytes" in _end(last).reason


def test_only_when_asked_the_oldest_go(tmp_path: Path) -> None:
    """The newest stay, inside the bound; what is left can be read."""
    writer = a_writer(tmp_path, max_bytes=100_000, drops_oldest=True)
    put(writer, 5_000)
    writer.close("done")
    kept = numbers(tmp_path)
    assert kept == list(range(kept[0], 5_000))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 100_000
    assert writer.totals.dropped > 10
    assert FramedRecording([tmp_path]).dropped == (writer.header.recording,)


def test_segments_older_than_wanted_go(tmp_path: Path) -> None:
    """By the time of their newest record."""
    writer = a_writer(tmp_path, segment_ns=S, keep_ns=3 * S)
    put(writer, 100, step_ns=S // 10)
    writer.close("done")
    assert numbers(tmp_path) == list(range(60, 100))


class SmallDisk(RecordingDisk):
    """A disk with so much free."""

    def __init__(self, free: int) -> None:
        """Begin."""
        self.free = free

    def free_bytes(self, directory: Path) -> int:
        """What is left."""
        return self.free

    def write(self, file: int, content: bytes) -> None:
        """It gets less."""
        self.free -= len(content)
        super().write(file, content)


def test_it_ends_before_the_disk_is_full(tmp_path: Path) -> None:
    """With the floor kept, the segment closed, and a word that says how much is left."""
    disk = SmallDisk(200_000)
    writer = a_writer(tmp_path, disk, free_bytes_min=100_000)
    for begin in range(0, 4_000, 100):
        put(writer, 100, begin=begin)
        until(lambda: not writer.waiting_bytes or writer.end)
    writer.close("done")
    assert writer.end is FramedEnd.NO_SPACE
    assert "100000 are to be left" in writer.reason
    assert disk.free > 100_000 - 4_096
    kept = numbers(tmp_path)
    assert kept == list(range(len(kept)))
    with pytest.raises(RecordingFailed, match="are to be left"):
        a_writer(tmp_path / "other", SmallDisk(50_000), free_bytes_min=100_000)


class StuckDisk(RecordingDisk):
    """A disk that takes nothing until it is let go."""

    def __init__(self) -> None:
        """Begin stuck, behind the first header."""
        self.free = threading.Event()
        self.stuck = threading.Event()
        self._written = 0

    def write(self, file: int, content: bytes) -> None:
        """Wait, but for the header."""
        self._written += 1
        if self._written > 1:
            self.stuck.set()
            assert self.free.wait(20)
        super().write(file, content)


def test_a_slow_disk_never_stalls_who_hands_over(tmp_path: Path) -> None:
    """What waits is bounded; beyond that the recording ends, and nothing before its end is missing."""
    disk = StuckDisk()
    writer = a_writer(tmp_path, disk, queue_bytes=50_000)
    put(writer, 1)
    assert disk.stuck.wait(20)
    put(writer, 1_000, begin=1)  # returns although nothing is written
    assert writer.end is FramedEnd.BEHIND
    assert "the disk takes less than what comes in" in writer.reason
    assert writer.waiting_bytes <= 50_000
    disk.free.set()
    writer.close("done")
    kept = numbers(tmp_path)
    assert kept == list(range(len(kept)))
    assert 300 < len(kept) < 1_000
    assert "takes less" in _end(FramedSegment(next(tmp_path.iterdir()))).reason


def test_a_close_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that hangs ends the recording with a word."""
    monkeypatch.setattr("mm.store.recordings.framed.writer.CLOSE_S", 0.05)
    disk = StuckDisk()
    writer = a_writer(tmp_path, disk)
    put(writer, 1)
    assert disk.stuck.wait(20)
    writer.close("done")
    assert writer.end is FramedEnd.FAILED
    assert "did not answer" in writer.reason
    disk.free.set()


class BadDisk(RecordingDisk):
    """A disk that fails after so many writes."""

    def __init__(self, after: int) -> None:
        """Begin."""
        self._left = after

    def write(self, file: int, content: bytes) -> None:
        """Fail in the middle of what is written."""
        self._left -= 1
        if self._left < 0:
            super().write(file, content[: len(content) // 2])
            raise OSError(5, "Input/output error")
        super().write(file, content)


def test_a_disk_that_fails_ends_the_recording_and_leaves_a_torn_end(tmp_path: Path) -> None:
    """It is said why, and what came before is read."""
    writer = a_writer(tmp_path, BadDisk(2))
    put(writer, 10)
    until(lambda: writer.totals.records == 10 and not writer.waiting_bytes)
    put(writer, 10, begin=10)
    until(lambda: writer.end)
    put(writer, 10, begin=20)
    writer.close("done")
    assert writer.end is FramedEnd.FAILED
    assert "Input/output error" in writer.reason
    kept = numbers(tmp_path)
    assert kept == list(range(len(kept)))
    assert 1 <= len(kept) < 20


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """Neither a segment of the same name, nor where nothing may be written."""
    a_writer(tmp_path).close("done")
    before = [path.read_bytes() for path in tmp_path.iterdir()]
    with pytest.raises(RecordingFailed, match="File exists"):
        a_writer(tmp_path)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == before
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(RecordingFailed, match="cannot be written to"):
        a_writer(file)
    FramedWriter(tmp_path, a_header(), FramedLimits()).close("never began")


def test_a_recording_is_named_after_its_venue_and_its_time() -> None:
    """UTC, to the millisecond, so that names sort by time."""
    assert recording_name("binance", BEGAN_NS + 7_000_000) == "binance-20240808T235410.007Z"
    assert FramedLimits().free_bytes_min == 512 * MIB


def _end(segment: FramedSegment) -> EndNote:
    list(segment)
    assert segment.end is not None
    return segment.end


def _clock(offset_ns: int) -> bytes:
    return msgspec.msgpack.encode(ClockNote(offset_ns=offset_ns, round_trip_ns=1))
