"""The form of `mm record`: what was written is read, a torn end is cut off, damage is told with its byte."""

from pathlib import Path
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.errors import RecordingDamaged, RecordingUnusable
from mm.store.recordings.framed import reader
from mm.store.recordings.framed.form import (
    PAYLOAD_BYTES_MAX,
    PREAMBLE,
    RECORD_BYTES_MIN,
    FramedKind,
    FramedRecord,
    answer_of,
    answer_payload,
    parse,
    record_bytes,
)
from mm.store.recordings.framed.reader import (
    FramedRecording,
    FramedSegment,
    is_framed,
    newest_ns,
    segment_files,
)
from tests.builders.framed import BEGAN_NS, FramedTape, a_header
from tests.builders.instruments import make_test_instrument
from tests.builders.recordings import ordinary


def read(path: Path) -> tuple[FramedSegment, list[FramedRecord]]:
    """A segment and its records."""
    segment = FramedSegment(path)
    return segment, list(segment)


def a_tape(count: int = 5) -> FramedTape:
    """A segment with a few frames, not closed."""
    tape = FramedTape()
    for number in range(count):
        tape.frame(b'{"n":%d}' % number)
    return tape


@given(
    st.lists(
        st.tuples(st.sampled_from(FramedKind), st.integers(0, 2**32 - 1), st.binary(max_size=200)), max_size=8
    )
)
def test_a_record_that_is_parsed_is_what_was_written(records: list[tuple[FramedKind, int, bytes]]) -> None:
    """Whatever its bytes are, its own marks among them."""
    content = b"".join(record_bytes(kind, number, 7, payload) for kind, number, payload in records)
    at = 0
    for kind, number, payload in records:
        found = parse(content, at)
        assert isinstance(found, FramedRecord)
        assert found[:5] == (kind, number, 7, payload, at)
        at += found.size
    assert parse(content, at) == RECORD_BYTES_MIN - 4


def test_a_payload_beyond_the_bound_is_refused() -> None:
    """A length that large would be taken for damage."""
    with pytest.raises(ValueError, match="at most"):
        record_bytes(FramedKind.FRAME, 1, 1, bytes(PAYLOAD_BYTES_MAX + 1))


def test_an_answer_keeps_its_request_and_its_body() -> None:
    """Byte for byte; one that is cut off is none."""
    payload = answer_payload("/api/v3/depth?symbol=BTCUSDT", b'{"a":1}')
    assert answer_of(payload) == ("/api/v3/depth?symbol=BTCUSDT", b'{"a":1}')
    for cut in (b"", b"\x01", payload[:9]):
        with pytest.raises(ValueError, match="request"):
            answer_of(cut)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Header, records in order with their places, and how it was closed."""
    tape = a_tape().clock(5).end()
    segment, records = read(tape.save(tmp_path))
    assert segment.header == tape.header
    assert [found.offset for found in records] == tape.offsets
    assert [found.payload for found in records[:5]] == [b'{"n":%d}' % number for number in range(5)]
    assert segment.end is not None
    assert (segment.end.reason, segment.end.is_last, segment.end.records) == ("done", True, 6)
    assert (segment.records, segment.torn_bytes, segment.last_ns) == (7, 0, tape.ts_ns)


def test_a_file_cut_anywhere_loses_nothing_before_the_cut(tmp_path: Path) -> None:
    """Every length that a crash may leave is read as far as it goes; the file is left as it is."""
    tape = a_tape(3)
    first = tape.offsets[0]
    ends = [*tape.offsets[1:], len(tape.content)]
    for length in range(first, len(tape.content)):
        path = tmp_path / "cut.mmr"
        path.write_bytes(tape.content[:length])
        segment, records = read(path)
        whole = sum(1 for end in ends if end <= length)
        assert len(records) == whole
        assert segment.torn_bytes == length - (ends[whole - 1] if whole else first)
        assert path.stat().st_size == length


def test_a_file_cut_before_its_header_says_that_nothing_was_recorded(tmp_path: Path) -> None:
    """It is no damage: there was nothing."""
    tape = a_tape(1)
    for length in range(tape.offsets[0]):
        path = tmp_path / "cut.mmr"
        path.write_bytes(tape.content[:length])
        with pytest.raises(RecordingUnusable, match="nothing was recorded"):
            FramedSegment(path)


@pytest.mark.parametrize("zeros", [1, 40, 5_000, 1_100_000])
def test_zeros_behind_the_end_are_torn(tmp_path: Path, zeros: int) -> None:
    """Where the power went the file may be longer than what was written into it."""
    tape = a_tape(2)
    path = tmp_path / "zeros.mmr"
    path.write_bytes(tape.content + bytes(zeros))
    segment, records = read(path)
    assert (len(records), segment.torn_bytes) == (2, zeros)


def test_the_beginning_of_a_record_with_zeros_behind_it_is_torn(tmp_path: Path) -> None:
    """Its head came to the disk, not all of its payload."""
    tape = a_tape(2)
    cut = tape.content[: tape.offsets[1] + 22]
    path = tmp_path / "half.mmr"
    path.write_bytes(cut + bytes(4))
    segment, records = read(path)
    assert (len(records), segment.torn_bytes) == (1, 26)


def test_every_byte_that_changes_is_found(tmp_path: Path) -> None:
    """Behind it whole records follow: that is no crash; the place is told."""
    tape = a_tape(4)
    for at in range(tape.offsets[0], tape.offsets[2]):
        broken = bytearray(tape.content)
        broken[at] ^= 0x41
        path = tmp_path / "broken.mmr"
        path.write_bytes(broken)
        with pytest.raises(RecordingDamaged) as raised:
            read(path)
        begin = tape.offsets[1] if at >= tape.offsets[1] else tape.offsets[0]
        assert (raised.value.path, raised.value.offset) == (str(path), begin)
        assert "although one follows at byte" in str(raised.value)


def test_foreign_bytes_at_the_end_are_damage(tmp_path: Path) -> None:
    """No crash of ours leaves them; what came before them is still read."""
    tape = a_tape(2)
    path = tmp_path / "foreign.mmr"
    path.write_bytes(tape.content + b"hello")
    segment = FramedSegment(path)
    with pytest.raises(RecordingDamaged, match="all that a crash leaves") as raised:
        list(segment)
    assert (segment.records, raised.value.offset) == (2, len(tape.content))


def test_a_changed_last_record_is_damage(tmp_path: Path) -> None:
    """It is as long as it says: not torn, changed."""
    tape = a_tape(2)
    path = tmp_path / "last.mmr"
    path.write_bytes(tape.content[:-6] + b"\xff" + tape.content[-5:])
    with pytest.raises(RecordingDamaged) as raised:
        read(path)
    assert raised.value.offset == tape.offsets[1]


def test_a_segment_that_is_being_written_may_grow_while_it_is_read(tmp_path: Path) -> None:
    """What was half there and is whole now is read, with what came behind it; it is no damage."""
    tape = a_tape(3)
    path = tmp_path / "growing.mmr"
    path.write_bytes(tape.content[: tape.offsets[1] + 7])

    class Growing(FramedSegment):
        """The rest is written between two looks."""

        @staticmethod
        def _read_again(file: IO[bytes], base: int, needed: int) -> bytes:
            path.write_bytes(tape.content)
            return FramedSegment._read_again(file, base, needed)

    assert [found.offset for found in Growing(path)] == tape.offsets


def test_nothing_follows_the_end(tmp_path: Path) -> None:
    """Neither a record nor anything else."""
    tape = a_tape(1).end()
    end = len(tape.content)
    for more in (record_bytes(FramedKind.FRAME, 1, tape.ts_ns, b"{}"), b"xx", record_bytes(2, 1, 9, b"")[:9]):
        path = tmp_path / "more.mmr"
        path.write_bytes(tape.content + more)
        with pytest.raises(RecordingDamaged, match="something follows the end") as raised:
            read(path)
        assert raised.value.offset == end


def test_times_that_go_back_and_second_headers_are_damage(tmp_path: Path) -> None:
    """One monotonic clock wrote a segment, once."""
    back = FramedTape().frame(b"{}", ts_ns=BEGAN_NS + 5).frame(b"{}", ts_ns=BEGAN_NS + 3)
    with pytest.raises(RecordingDamaged, match="local time goes back by 2 ns"):
        read(back.save(tmp_path))
    twice = FramedTape().add(FramedKind.HEADER, b"")
    with pytest.raises(RecordingDamaged, match="a second header"):
        read(twice.save(tmp_path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"mmr-0002" + b"x" * 40, "form mmr-0002, this mm reads mmr-0001"),
        (b"PAR1" + b"x" * 40, "not a segment of mm record"),
        (PREAMBLE + record_bytes(FramedKind.HEADER, 0, 1, b"\x80"), "is not one that this mm reads"),
    ],
)
def test_what_is_no_segment_says_so(tmp_path: Path, content: bytes, said: str) -> None:
    """By name, and what was expected."""
    path = tmp_path / "x.mmr"
    path.write_bytes(content)
    with pytest.raises(RecordingUnusable, match=said):
        FramedSegment(path)
    path.write_bytes(PREAMBLE + record_bytes(FramedKind.FRAME, 0, 1, b"{}"))
    with pytest.raises(RecordingDamaged, match="does not open with its header"):
        FramedSegment(path)
    with pytest.raises(RecordingUnusable, match="cannot be read"):
        FramedSegment(tmp_path / "absent.mmr")


def test_segments_are_put_in_order_and_recordings_of_one_directory_follow_each_other(tmp_path: Path) -> None:
    """Whatever their names are."""
    later = {"recording": "b", "began_ns": BEGAN_NS + 10**12, "opened_ns": BEGAN_NS + 10**12}
    FramedTape(a_header(segment=2, opened_ns=BEGAN_NS + 10)).save(tmp_path, "1.mmr")
    FramedTape(a_header()).save(tmp_path, "2.mmr")
    FramedTape(a_header(**later)).save(tmp_path, "0.mmr")
    found = FramedRecording([tmp_path])
    assert [path.name for path in found.segments] == ["2.mmr", "1.mmr", "0.mmr"]
    assert found.dropped == ()
    assert (is_framed(tmp_path), is_framed(tmp_path / "0.mmr"), is_framed(tmp_path / "x")) == (
        True,
        True,
        False,
    )


def test_a_segment_that_a_crash_left_blank_hides_no_other(tmp_path: Path) -> None:
    """It was being begun; what came before it is read. By itself it says that it holds nothing."""
    whole = FramedTape(a_header()).frame(b"{}").save(tmp_path, "1.mmr")
    header, blank = FramedTape(a_header(segment=2)).content, tmp_path / "2.mmr"
    for content in (b"", b"mmr-", bytes(5_000), PREAMBLE, header[:60], header[:60] + bytes(4_000)):
        blank.write_bytes(content)
        found = FramedRecording([tmp_path])
        assert (found.segments, found.blank) == ((whole,), (blank,))
        with pytest.raises(RecordingUnusable, match="nothing was recorded"):
            FramedRecording([blank])
    blank.write_bytes(header[:60] + b"x" * 500)
    with pytest.raises(RecordingDamaged):
        FramedRecording([tmp_path])


def test_segments_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    """A hole, an overlap, another grid: each with its file. The first ones may have been dropped."""
    first = FramedTape(a_header(segment=3)).save(tmp_path, "a.mmr")
    hole = FramedTape(a_header(segment=5)).save(tmp_path, "b.mmr")
    assert FramedRecording([first]).dropped == ("binance-20240808T235410.000Z",)
    with pytest.raises(RecordingUnusable, match="segment 5 follows segment 3: one is missing or twice"):
        FramedRecording([first, hole])
    with pytest.raises(RecordingUnusable, match=r"a\.mmr: is named twice"):
        FramedRecording([first, first])
    copy = FramedTape(a_header(segment=3)).save(tmp_path, "copy.mmr")
    with pytest.raises(RecordingUnusable, match="segment 3 follows segment 3: one is missing or twice"):
        FramedRecording([first, copy])
    copy.unlink()
    early = {"recording": "z", "began_ns": BEGAN_NS + 5, "opened_ns": BEGAN_NS + 5}
    long = FramedTape(a_header(segment=4, opened_ns=BEGAN_NS + 9)).save(tmp_path, "c.mmr")
    over = FramedTape(a_header(**early)).save(tmp_path, "d.mmr")
    with pytest.raises(RecordingUnusable, match="they overlap"):
        FramedRecording([first, long, over])
    other = make_test_instrument(symbol="BTC/USDT", venue_symbol="BTCUSDT", tick_size="0.1")
    grid = FramedTape(a_header(segment=4, instruments=(other,))).save(tmp_path, "e.mmr")
    with pytest.raises(RecordingUnusable, match="on another grid"):
        FramedRecording([first, grid])


def test_a_recording_that_begins_while_another_one_is_made_is_refused(tmp_path: Path) -> None:
    """Also where that has one segment: it ends with its newest record, whatever a crash left behind that."""
    first = FramedTape(a_header()).tape(ordinary(rounds=3)).save(tmp_path, "a.mmr")
    first.write_bytes(first.read_bytes() + b"\0" * 700)
    ended_ns = [found.ts_ns for found in FramedSegment(first)][-1]
    assert newest_ns(first) == ended_ns > BEGAN_NS + 1
    for began_ns, refused in ((ended_ns - 1, True), (ended_ns, False)):
        second = FramedTape(a_header(recording="z", began_ns=began_ns, opened_ns=began_ns))
        path = second.save(tmp_path, "b.mmr")
        if refused:
            with pytest.raises(RecordingUnusable, match=r"b\.mmr: begins before .* ends: they overlap"):
                FramedRecording([first, path])
        else:
            name = a_header().recording
            assert FramedRecording([first, path]).ended_ns == {name: ended_ns}


@pytest.mark.parametrize("piece", [40, 200, 5_000])
def test_the_newest_record_is_found_from_the_end_however_long_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    """The file is read backwards until a whole one is there."""
    monkeypatch.setattr(reader, "PIECE_BYTES", 1_000_000)
    path = FramedTape(a_header()).tape(ordinary(rounds=1)).save(tmp_path, "a.mmr")
    expected = [found.ts_ns for found in FramedSegment(path)][-1]
    monkeypatch.setattr(reader, "PIECE_BYTES", piece)
    assert newest_ns(path) == expected


def test_a_place_without_segments_says_so(tmp_path: Path) -> None:
    """An empty directory, or nothing named."""
    with pytest.raises(RecordingUnusable, match="holds no segment"):
        segment_files([tmp_path])
    with pytest.raises(RecordingUnusable, match="no recording was named"):
        segment_files([])
