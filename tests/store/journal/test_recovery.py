"""What a crash leaves is read up to its last whole record, cut, noted, and gone on with."""

import shutil
from pathlib import Path

import pytest

from mm.errors import JournalCorrupt, JournalForeign
from mm.store.journal import reader
from mm.store.journal.codec import encode
from mm.store.journal.entries import COMMAND, EVENT, MISSING, Cause, Family, Kind, Missing
from mm.store.journal.frames import FRAME_BYTES_MIN, PREAMBLE, Frame, frame, parse
from mm.store.journal.gaps import closed_at
from mm.store.journal.journal import Journal
from mm.store.journal.latest import latest
from mm.store.journal.layout import segment_path, segments
from mm.store.journal.reader import read
from mm.store.journal.verify import verify
from tests.builders.journals import (
    RUN,
    SMALL,
    Hasty,
    all_of,
    append,
    cancel,
    files,
    last_segment,
    mixed,
    moment,
    top,
    write,
)


def whole_records(directory: Path) -> list[int]:
    """The numbers of all records that are whole in the files, naively read."""
    found: list[int] = []
    for path in files(directory):
        content, at = path.read_bytes(), len(PREAMBLE)
        while at < len(content) and isinstance(one := parse(content, at), Frame):
            at += one.size
            if one.kind not in (Kind.HEADER, Kind.BLOCK, Kind.MISSING):
                found.append(one.seq)
    return sorted(found)


def went_on(directory: Path) -> Journal:
    """Resume, append two records and close: all that was whole is there, and the journal is whole again."""
    before = whole_records(directory)
    journal = Journal.resume(directory, settings=SMALL, disk=Hasty())
    first = journal.next_seq
    append(journal, [(EVENT, top(1)), (COMMAND, cancel(2))])
    journal.close()
    assert [record.seq for record in all_of(directory) if record.kind is not MISSING] == [
        *before,
        first,
        first + 1,
    ]
    assert verify(directory).is_whole
    return journal


@pytest.mark.parametrize("family", Family)
def test_cut_at_any_byte_the_last_segment_is_read_to_its_last_whole_record(
    tmp_path: Path, family: Family
) -> None:
    """Every length from nothing to all: what is whole is there, the rest is told, and the run can go on."""
    write(tmp_path / "j", mixed(48), close=False)
    assert len(segments(tmp_path / "j", family)) > 1
    path = last_segment(tmp_path / "j", family)
    content = path.read_bytes()
    everything = {record.seq: record for record in all_of(tmp_path / "j")}
    for size in range(len(content)):
        path.write_bytes(content[:size])

        report = read(tmp_path / "j")
        kept = [record for record in report if record.payload]

        assert not report.closed
        assert kept == [everything[record.seq] for record in kept]
        whole = whole_records(tmp_path / "j")
        # Behind a hole of our own nothing of the market is told: nothing came of it.
        assert [record.seq for record in kept] == (
            whole if family is Family.MARKET else [seq for seq in whole if seq <= kept[-1].seq]
        )
        assert bool(report.torn_bytes) == (size != 0 and not _ends_with_a_frame(path))
        assert bool(report.missing) <= (len(kept) < len(everything))
        if size % 29 == 0:
            copy = tmp_path / "copy"
            shutil.copytree(tmp_path / "j", copy)
            journal = went_on(copy)
            assert journal.recovery is not None
            assert journal.recovery.torn_bytes == report.torn_bytes
            shutil.rmtree(copy)


def test_power_that_fails_while_a_segment_is_ended_leaves_a_run_that_can_go_on(tmp_path: Path) -> None:
    """The new segment's header is on the disk and says what came before it; of our own the end is not."""
    journal = Journal.open(tmp_path / "j", RUN, settings=SMALL, disk=Hasty())
    append(journal, [(EVENT, top(number)) for number in range(1, 80)], sync_every=1_000)
    journal.append(COMMAND, 1_080, cancel(80))
    lost = last_segment(tmp_path / "j", Family.OWN)
    size = lost.stat().st_size - len(encode(cancel(80))) - FRAME_BYTES_MIN
    journal.sync()
    assert segments(tmp_path / "j", Family.MARKET) == [1, 2]
    lost.write_bytes(lost.read_bytes()[: size + 5])

    journal = went_on(tmp_path / "j")

    assert journal.recovery is not None
    assert [(one.family, one.first_seq, one.last_seq) for one in journal.recovery.missing] == [
        (Family.OWN, 80, 80)
    ]


def _ends_with_a_frame(path: Path) -> bool:
    content, at = path.read_bytes(), len(PREAMBLE)
    while at < len(content) and isinstance(frame := parse(content, at), Frame):
        at += frame.size
    # A segment is nothing without its header.
    return at == len(content) and at > len(PREAMBLE)


def test_what_was_torn_off_is_noted_where_the_run_goes_on(tmp_path: Path) -> None:
    """The bytes that were cut and the numbers that are known to be gone; a second recovery finds nothing."""
    journal = Journal.open(tmp_path / "j", RUN, disk=Hasty())
    append(
        journal, [(EVENT, top(1)), (EVENT, moment(2)), (EVENT, top(3)), (COMMAND, cancel(4))], sync_every=99
    )
    market = last_segment(tmp_path / "j", Family.MARKET)
    content = market.read_bytes()
    market.write_bytes(content[:-5])

    seen = all_of(tmp_path / "j")
    resumed = went_on(tmp_path / "j")

    lost = Missing(family=Family.MARKET, cause=Cause.TORN, segment=1, first_seq=3, last_seq=3)
    assert [(record.seq, record.kind, record.entry) for record in seen][2] == (3, MISSING, lost)
    assert resumed.recovery is not None
    (noted,) = resumed.recovery.missing
    assert (noted.family, noted.first_seq, noted.last_seq) == (Family.MARKET, 3, 3)
    assert noted.cut_bytes == resumed.recovery.torn_bytes > 0
    assert verify(tmp_path / "j").missing == (noted,)
    again = went_on(tmp_path / "j")
    assert again.recovery is not None
    assert again.recovery.missing == ()


def test_a_hole_of_our_own_ends_what_is_read(tmp_path: Path) -> None:
    """A writer killed between its two writes: the market is ahead, and nothing came of what it holds."""
    journal = Journal.open(tmp_path / "j", RUN, disk=Hasty())
    append(journal, [(EVENT, top(1)), (COMMAND, cancel(2)), (EVENT, top(3))], sync_every=99)
    journal.write()
    own = last_segment(tmp_path / "j", Family.OWN)
    ahead = own.read_bytes()
    append(journal, [(EVENT, moment(4)), (EVENT, top(5)), (EVENT, moment(6)), (EVENT, top(7))], sync_every=99)
    journal.write()
    own.write_bytes(ahead)

    report = verify(tmp_path / "j")

    assert [record.seq for record in all_of(tmp_path / "j")] == [1, 2, 3]
    assert report.is_sound
    assert [(one.family, one.first_seq) for one in report.missing] == [(Family.OWN, 4)]
    resumed = went_on(tmp_path / "j")
    assert resumed.recovery is not None
    assert [(one.family, one.first_seq, one.last_seq) for one in resumed.recovery.missing] == [
        (Family.OWN, 4, 7)
    ]
    assert resumed.next_seq == 11  # a note, two records, and the next


def test_a_run_that_is_closed_while_its_end_is_looked_for_is_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written between the last record and the look at the end is not missed."""
    journal = Journal.open(tmp_path / "j", RUN, disk=Hasty())
    append(journal, [(EVENT, top(1)), (EVENT, moment(1))])
    journal.write()

    def closing(directory: Path, family: Family = Family.OWN) -> int | None:
        if not journal.failure:
            append(journal, [(EVENT, top(2)), (EVENT, moment(2))])
            journal.close()
        return closed_at(directory, family)

    monkeypatch.setattr(reader, "closed_at", closing)
    reading = read(tmp_path / "j")
    assert [record.seq for record in reading] == [1, 2, 3, 4]
    assert reading.closed


def test_a_number_that_both_families_hold_is_damage(tmp_path: Path) -> None:
    """Each file is whole by itself; together they are no record of one run."""
    write(tmp_path / "one", [(EVENT, moment(1)), (EVENT, top(2))], close=False)
    write(tmp_path / "two", [(EVENT, moment(1)), (EVENT, moment(2))], close=False)
    shutil.copy(last_segment(tmp_path / "one", Family.MARKET), last_segment(tmp_path / "two", Family.MARKET))
    with pytest.raises(JournalCorrupt, match="record 2 is there twice"):
        all_of(tmp_path / "two")


def beginning_of_a_frame() -> bytes:
    """What a write that was cut off leaves."""
    return frame(Kind.EVENT, 99, 99, b"x" * 200)[:60]


@pytest.mark.parametrize("content", [bytes(5), bytes(10_000)], ids=["few zeros", "many zeros"])
@pytest.mark.parametrize("begun", [b"", beginning_of_a_frame()], ids=["nothing", "a beginning"])
def test_what_a_crash_leaves_behind_the_end_is_cut(tmp_path: Path, begun: bytes, content: bytes) -> None:
    """The beginning of a record, zeros where the power went before the data came, or both."""
    tail = begun + content
    write(tmp_path / "j", mixed(30), close=False)
    for family in Family:
        path = last_segment(tmp_path / "j", family)
        path.write_bytes(path.read_bytes() + tail)

    assert verify(tmp_path / "j").torn_bytes == 2 * len(tail)
    resumed = went_on(tmp_path / "j")
    assert resumed.recovery is not None
    assert resumed.recovery.torn_bytes == 2 * len(tail)
    assert [one.first_seq - one.last_seq for one in resumed.recovery.missing] == [1, 1]  # no record is


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize(
    "tail", [b"\xc1\xa7" * 50, bytes(range(256)), b"x" * 5_000], ids=["marks", "bytes", "letters"]
)
def test_what_no_crash_leaves_behind_the_end_is_damage(tmp_path: Path, tail: bytes, family: Family) -> None:
    """It is told with its byte, and nothing is cut."""
    write(tmp_path / "j", mixed(30), close=False)
    path = last_segment(tmp_path / "j", family)
    whole = path.read_bytes()
    path.write_bytes(whole + tail)

    report = verify(tmp_path / "j")
    assert "neither a record nor the beginning of one" in report.problem
    assert (report.path, report.offset) == (str(path), len(whole))
    with pytest.raises(JournalCorrupt):
        went_on(tmp_path / "j")
    assert path.read_bytes() == whole + tail


def test_a_byte_flipped_in_the_last_record_of_a_killed_run_is_damage(tmp_path: Path) -> None:
    """A kill cuts; it does not change what was written."""
    write(tmp_path / "j", mixed(30), close=False)
    path = last_segment(tmp_path / "j", Family.OWN)
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    assert "neither a record" in verify(tmp_path / "j").problem


def test_a_journal_in_the_directory_of_another_run_is_foreign(tmp_path: Path) -> None:
    """Whole as it is: it tells of another life, perhaps of another account."""
    own = tmp_path / "runs" / RUN.run_id / "journal"
    write(own, mixed(10))
    assert verify(own).is_sound
    other = tmp_path / "runs" / "20300101T000000Z-000099"
    own.parent.rename(other)
    report = verify(other / "journal")
    assert f"this is the journal of run {RUN.run_id}" in report.problem
    with pytest.raises(JournalForeign, match="this is the journal of run"):
        latest(other / "journal")


def test_a_run_that_was_closed_can_be_gone_on_with(tmp_path: Path) -> None:
    """Nothing is cut, nothing is noted; again and again."""
    write(tmp_path / "j", mixed(50))
    for _ in range(3):
        resumed = went_on(tmp_path / "j")
        assert resumed.recovery is not None
        assert (resumed.recovery.missing, resumed.recovery.empty) == ((), ())
        assert resumed.run == RUN


def test_a_crash_at_the_birth_of_a_segment_is_recovered(tmp_path: Path) -> None:
    """The new file has no whole header yet, or there is no new file: the sealed one before it is the end."""
    write(tmp_path / "j", mixed(60), close=False)
    for family in Family:
        for content in (None, b"", PREAMBLE, PREAMBLE + bytes(40)):
            copy = tmp_path / "copy"
            shutil.copytree(tmp_path / "j", copy)
            newest = segments(copy, family)[-1]
            path = segment_path(copy, family, newest)
            path.unlink()
            if content is not None:
                path.write_bytes(content)
            report = verify(copy)
            assert report.is_sound
            went_on(copy)
            shutil.rmtree(copy)


def test_a_directory_in_which_nothing_was_recorded_is_refused(tmp_path: Path) -> None:
    """Not one header is whole: there is no run to go on with; the hint says what to do."""
    Journal.open(tmp_path / "j", RUN, disk=Hasty())
    segment_path(tmp_path / "j", Family.OWN, 1).write_bytes(PREAMBLE[:3])

    assert verify(tmp_path / "j").records == 0
    with pytest.raises(JournalCorrupt, match="nothing was ever recorded") as caught:
        Journal.resume(tmp_path / "j")
    assert caught.value.hint == "remove the directory"


def test_a_segment_cut_before_another_is_no_crash(tmp_path: Path) -> None:
    """Each segment is sealed on the disk before the next is begun."""
    write(tmp_path / "j", mixed(60), close=False)
    for family in Family:
        copy = tmp_path / "copy"
        shutil.copytree(tmp_path / "j", copy)
        newest = segments(copy, family)[-1]
        path = segment_path(copy, family, newest - 1)
        path.write_bytes(path.read_bytes()[:-70])
        segment_path(copy, family, newest).write_bytes(b"")
        assert verify(copy).problem
        with pytest.raises(JournalCorrupt):
            Journal.resume(copy)
        shutil.rmtree(copy)


def test_a_market_that_was_lost_whole_costs_no_more_than_reading(tmp_path: Path) -> None:
    """Every record of ours follows a hole: the journal is not searched for an explanation each time."""
    journal = Journal.open(tmp_path / "j", RUN, disk=Hasty())
    append(journal, [(EVENT, top(1)), (EVENT, moment(1))] * 3_000, sync_every=10**6)
    journal.write()
    market = last_segment(tmp_path / "j", Family.MARKET)
    market.write_bytes(market.read_bytes()[:1_500])

    reading = read(tmp_path / "j")
    records = list(reading)

    (torn,) = reading.missing
    assert (torn.family, torn.cause, torn.last_seq) == (Family.MARKET, Cause.TORN, 5_999)
    assert sum(record.kind is MISSING for record in records) == 1
    assert len([record for record in records if record.entry == moment(1)]) == 3_000
