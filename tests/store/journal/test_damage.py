"""Damage is found wherever it is, named with its file and its byte, and never skipped."""

import os
import shutil
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.errors import JournalCorrupt, JournalForeign
from mm.store.journal.entries import EVENT, MISSING, Family, Kind
from mm.store.journal.frames import HEAD, PREAMBLE, Frame, parse
from mm.store.journal.journal import Journal
from mm.store.journal.layout import segment_path
from mm.store.journal.reader import read
from mm.store.journal.verify import Report, verify
from mm.store.paths import private_directory
from tests.builders.journals import RUN, all_of, files, last_segment, mixed, moment, write


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal of a run that was closed in good order, of several segments."""
    write(tmp_path / "j", mixed(90))
    assert verify(tmp_path / "j").is_whole
    return tmp_path / "j"


def damaged(directory: Path, path: Path, changed: bytes) -> Report:
    """What is said of the journal while one of its files holds something else."""
    before = path.read_bytes()
    path.write_bytes(changed)
    try:
        return verify(directory)
    finally:
        path.write_bytes(before)


def frames_of(path: Path) -> list[tuple[int, Frame]]:
    """The frames of a segment with their places."""
    content, at, found = path.read_bytes(), len(PREAMBLE), []
    while at < len(content):
        frame = parse(content, at)
        assert isinstance(frame, Frame)
        found.append((at, frame))
        at += frame.size
    return found


@pytest.mark.parametrize("pace", [7, pytest.param(1, marks=pytest.mark.proof)])
def test_every_byte_counts(tmp_path: Path, pace: int) -> None:
    """Of a small journal, each byte of each file changed: found each time, and nothing invented."""
    write(tmp_path / "j", mixed(24))
    whole = {record.seq: record.payload for record in all_of(tmp_path / "j")}
    for path in files(tmp_path / "j"):
        content = path.read_bytes()
        for at in range(0, len(content), pace):
            path.write_bytes(content[:at] + bytes((content[at] ^ (1 << at % 8),)) + content[at + 1 :])
            problem, foreign = None, None
            try:
                for record in read(tmp_path / "j"):
                    assert not record.payload or whole[record.seq] == record.payload
            except JournalCorrupt as error:
                problem = error
            except JournalForeign as error:
                foreign = (error.path, error.offset)
            else:
                pytest.fail(f"{path}: byte {at} was changed unseen")
            if foreign is not None:
                assert foreign == (str(path), 0)
            elif problem is not None and problem.path == str(path):
                assert problem.offset <= at
        path.write_bytes(content)
    assert verify(tmp_path / "j").is_whole


@given(data=st.data())
def test_no_change_goes_unseen(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Bytes overwritten, cut out, put in or exchanged anywhere: the journal is no longer whole."""
    directory = tmp_path_factory.getbasetemp() / "unseen"
    if not directory.exists():
        write(directory, mixed(60))
    path = data.draw(st.sampled_from(files(directory)))
    content = path.read_bytes()
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 300)))
    put = data.draw(st.binary(max_size=300))
    changed = content[:start] + put + content[end:]

    report = damaged(directory, path, changed)

    assert report.is_whole == (changed == content)


def test_a_record_taken_out_is_found(journal: Path) -> None:
    """Though every CRC that is left is right."""
    for path in files(journal):
        for at, frame in frames_of(path):
            content = path.read_bytes()
            report = damaged(journal, path, content[:at] + content[at + frame.size :])
            assert not report.is_whole
            last = path == last_segment(journal, Family.OWN)
            assert report.problem or (last and not report.closed)


def test_two_records_that_changed_places_are_found(journal: Path) -> None:
    """Neighbours in a file, exchanged."""
    for path in files(journal):
        old = path.read_bytes()
        for (at, one), (middle, two) in pairwise(frames_of(path)):
            assert middle == at + one.size
            end = middle + two.size
            assert damaged(journal, path, old[:at] + old[middle:end] + old[at:middle] + old[end:]).problem


def test_a_record_written_twice_is_found(journal: Path) -> None:
    """In its own file and in the other family's."""
    path = files(journal)[0]
    at, frame = frames_of(path)[1]

    old = path.read_bytes()
    report = damaged(journal, path, old[: at + frame.size] + old[at:])

    assert f"record {frame.seq} follows record {frame.seq}" in report.problem
    assert (report.path, report.offset) == (str(path), at + frame.size)


def test_a_rewritten_record_is_found_by_the_chain(journal: Path) -> None:
    """Somebody changed a record and mended its CRC."""
    path = segment_path(journal, Family.OWN, 1)
    at, frame = frames_of(path)[1]

    old = path.read_bytes()
    body = bytearray(old[at : at + frame.size - 4])
    body[HEAD.size - 8] ^= 1
    forged = old[:at] + bytes(body) + crc32(body).to_bytes(4, "little") + old[at + frame.size :]

    assert "the hash chain does not fit" in damaged(journal, path, forged).problem


@pytest.mark.parametrize("family", Family)
def test_a_segment_that_is_missing_is_found(journal: Path, family: Family) -> None:
    """In the middle or at the end, of either family, as long as nothing says that it was dropped."""
    for path in sorted((journal / family).iterdir()):
        content = path.read_bytes()
        path.unlink()
        report = verify(journal)
        assert report.problem or not report.closed, path
        path.write_bytes(content)
    assert verify(journal).is_whole


def test_a_segment_of_another_run_is_found(tmp_path: Path) -> None:
    """A file that was copied over is not this run's."""
    write(tmp_path / "j", mixed(90))
    write(tmp_path / "k", mixed(91)[1:])
    shutil.copy(segment_path(tmp_path / "k", Family.OWN, 2), segment_path(tmp_path / "j", Family.OWN, 2))

    assert verify(tmp_path / "j").problem


def test_a_segment_under_another_name_is_found(journal: Path) -> None:
    """Its header says which one it is."""
    one, two = (segment_path(journal, Family.OWN, number) for number in (1, 2))
    content = one.read_bytes(), two.read_bytes()
    one.write_bytes(content[1])
    two.write_bytes(content[0])

    assert "this is segment 2 of the own family" in verify(journal).problem
    with pytest.raises(JournalCorrupt) as caught:
        all_of(journal)
    assert caught.value.path == str(one)


def test_a_newer_format_is_foreign_and_not_damaged(journal: Path) -> None:
    """It is refused by its first bytes, with a way forward."""
    path = segment_path(journal, Family.OWN, 1)

    report = damaged(journal, path, b"mmj-0002" + path.read_bytes()[8:])
    path.write_bytes(b"mmj-0002" + path.read_bytes()[8:])

    assert "format mmj-0002, this mm reads mmj-0001" in report.problem
    with pytest.raises(JournalForeign) as caught:
        all_of(journal)
    assert "version of mm that wrote it" in caught.value.hint


def test_something_else_under_the_name_of_a_segment_is_no_journal(journal: Path) -> None:
    """A foreign file before others of the journal is damage; a directory cannot be read at all, nor a pipe,
    which would have a reader wait for ever."""
    path = segment_path(journal, Family.OWN, 1)
    assert "byte 0: no whole record" in damaged(journal, path, b"\x1f\x8b" + bytes(500)).problem
    path.unlink()
    path.mkdir()
    assert verify(journal).problem
    path.rmdir()
    path.symlink_to(segment_path(journal, Family.OWN, 2))
    assert "cannot be read" in verify(journal).problem
    path.unlink()
    os.mkfifo(path)
    assert "cannot be read" in verify(journal).problem


def test_what_follows_the_end_of_a_closed_run_is_found(journal: Path) -> None:
    """Nothing is ever written behind a seal."""
    for family in Family:
        path = last_segment(journal, family)
        old = path.read_bytes()
        report = damaged(journal, path, old + b"\0")
        assert "something follows the end" in report.problem
        at, frame = frames_of(path)[-2]
        report = damaged(journal, path, old + old[at : at + frame.size])
        assert "something follows the end" in report.problem


def test_damage_in_the_middle_of_the_last_segment_is_not_its_end(tmp_path: Path) -> None:
    """Whole records follow: a crash tears off the end and nothing else, so this is refused, also to go on."""
    write(tmp_path / "j", mixed(90), close=False)
    path = last_segment(tmp_path / "j", Family.OWN)
    at, frame = frames_of(path)[-3]
    content = path.read_bytes()
    path.write_bytes(content[: at + 30] + b"?" + content[at + 31 :])

    report = verify(tmp_path / "j")
    assert "no whole record, although others follow" in report.problem
    assert (report.path, report.offset) == (str(path), at)
    with pytest.raises(JournalCorrupt):
        Journal.resume(tmp_path / "j")
    assert path.read_bytes() == content[: at + 30] + b"?" + content[at + 31 :]
    assert frame.kind != MISSING


def test_a_reader_that_stops_early_leaves_no_file_open(journal: Path) -> None:
    """Also when what is read is damaged."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for record in read(journal):
        assert record.kind is not None
        break
    segment_path(journal, Family.OWN, 2).write_bytes(b"nothing")
    assert verify(journal).problem
    with Journal.open(journal.parent / "k", RUN) as other:
        other.append(EVENT, 1, moment(1))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_closed_journal_that_was_cut_is_found(tmp_path: Path) -> None:
    """At every byte of the last segments; only behind all records it may be a crash, as it was closed."""
    write(tmp_path / "j", mixed(24))
    for family in Family:
        path = last_segment(tmp_path / "j", family)
        content = path.read_bytes()
        records = [at + frame.size for at, frame in frames_of(path) if frame.kind != Kind.BLOCK]
        for at in {*range(0, records[-1], 5), *range(records[-1] - 1, len(content))}:
            report = damaged(tmp_path / "j", path, content[:at])
            assert not report.is_whole
            assert report.problem or (family is Family.OWN and at >= records[-1] and report.records == 24)


def test_a_sealed_segment_that_was_cut_is_found(tmp_path: Path) -> None:
    """At any byte of those before the last, of a run that crashed too."""
    write(tmp_path / "j", mixed(60), close=False)
    for family in Family:
        path = segment_path(tmp_path / "j", family, 1)
        content = path.read_bytes()
        assert path != last_segment(tmp_path / "j", family)
        edges = {at for at, _ in frames_of(path)}
        for at in sorted(edges | set(range(0, len(content), 7)) | {len(content) - 1}):
            assert damaged(tmp_path / "j", path, content[:at]).problem, at


def test_a_crashed_journal_that_was_cut_is_read_up_to_there(tmp_path: Path) -> None:
    """At every byte of its last segment: what is whole is read, in its order, and nothing is made up."""
    write(tmp_path / "j", mixed(24), close=False)
    whole = [record.payload for record in all_of(tmp_path / "j")]
    path = last_segment(tmp_path / "j", Family.OWN)
    content = path.read_bytes()
    for at in range(len(content), -1, -1):
        path.write_bytes(content[:at])
        records = [record for record in all_of(tmp_path / "j") if record.payload]
        assert [whole[record.seq - 1] for record in records] == [record.payload for record in records]
        numbers = [record.seq for record in records]
        assert numbers == sorted(set(numbers))
    path.write_bytes(content)


@pytest.mark.parametrize("family", Family)
def test_a_segment_that_is_there_twice_is_found(journal: Path, family: Family) -> None:
    """As the next one, and in the place of another."""
    number = int(last_segment(journal, family).stem)
    again = segment_path(journal, family, number + 1)
    shutil.copy(segment_path(journal, family, 1), again)
    assert "this is segment 1 of the" in verify(journal).problem
    again.unlink()
    other = segment_path(journal, family, 2)
    assert damaged(journal, other, segment_path(journal, family, 1).read_bytes()).problem


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04" + bytes(60), b"x", b"#!/bin/sh\n" * 90], ids=["zip", "x", "sh"]
)
def test_a_foreign_file_alone_is_refused_and_left(tmp_path: Path, content: bytes) -> None:
    """Where nothing else of the journal is: it is not taken for a beginning that was cut off."""
    path = segment_path(tmp_path / "j", Family.OWN, 1)
    private_directory(path.parent)
    path.write_bytes(content)

    report = verify(tmp_path / "j")

    assert "byte 0: this is no segment of a journal" in report.problem
    assert (report.path, report.offset) == (str(path), 0)
    assert report.hint
    with pytest.raises(JournalForeign):
        Journal.resume(tmp_path / "j")
    assert path.read_bytes() == content


def test_own_segments_cut_off_a_closed_journal_are_found(journal: Path) -> None:
    """Whole segments at its end, as many as there are: the market's end says that there was more."""
    for path in reversed(sorted((journal / Family.OWN).iterdir())[1:]):
        path.unlink()
        assert "the run was closed in good order" in verify(journal).problem


def test_a_run_that_died_while_it_was_closed_is_sound(tmp_path: Path) -> None:
    """The market's end is written, our own is not, or the beginning of it."""
    write(tmp_path / "j", mixed(24))
    path = last_segment(tmp_path / "j", Family.OWN)
    content, (end, _) = path.read_bytes(), frames_of(path)[-1]
    for at in range(end, len(content)):
        report = damaged(tmp_path / "j", path, content[:at])
        assert (report.problem, report.closed, report.torn_bytes) == ("", False, at - end)
        assert report.records == 24


def test_a_forged_record_that_is_no_text_is_refused_with_its_byte(tmp_path: Path) -> None:
    """Somebody mended the CRC of bytes that no name or word can be."""
    write(tmp_path / "j", mixed(24))
    for path in files(tmp_path / "j"):
        content = path.read_bytes()
        for at, frame in frames_of(path)[:-1]:
            for inside in range(0, len(frame.payload), 7):
                body = bytearray(content[at : at + frame.size - 4])
                body[HEAD.size + inside] ^= 0x80
                crc = crc32(body).to_bytes(4, "little")
                report = damaged(tmp_path / "j", path, content[:at] + body + crc + content[at + frame.size :])
                assert report.problem
