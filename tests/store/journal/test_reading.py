"""Reading a part of a journal, and what is told on the way."""

from pathlib import Path

from mm.domain.commands import Cancel
from mm.domain.events import TopOfBook
from mm.store.journal.codec import encode, tag_of
from mm.store.journal.entries import COMMAND, EVENT, NOTE, Family, OperatorNote
from mm.store.journal.frames import END_JOURNAL, END_SEGMENT
from mm.store.journal.journal import Journal
from mm.store.journal.reader import read
from mm.store.journal.verify import PROGRESS_RECORDS, verify
from tests.builders.journals import RUN, Hasty, all_of, files, mixed, moment, write


def test_the_name_of_a_type_is_read_without_the_rest(tmp_path: Path) -> None:
    """Of every record that there is."""
    write(tmp_path / "j", mixed(40))
    for record in all_of(tmp_path / "j"):
        assert tag_of(encode(record.entry)) == type(record.entry).__name__.encode()


def test_records_of_some_types_are_read_and_the_others_checked(tmp_path: Path) -> None:
    """Of either family; with kinds, both have to fit."""
    write(tmp_path / "j", mixed(40))
    whole = all_of(tmp_path / "j")
    for types in ((TopOfBook,), (Cancel, OperatorNote), ()):
        reading = read(tmp_path / "j", types=types)
        assert list(reading) == [record for record in whole if isinstance(record.entry, types)]
        assert sum(reading.counts.values()) == 40
    both = read(tmp_path / "j", kinds=(NOTE,), types=(Cancel, OperatorNote))
    assert {record.kind for record in both} == {NOTE}
    assert {record.kind for record in read(tmp_path / "j", kinds=(COMMAND,), types=(Cancel,))} == {COMMAND}


def test_what_was_read_of_each_segment_is_told(tmp_path: Path) -> None:
    """Numbers, times and bytes add up to the journal's."""
    write(tmp_path / "j", mixed(60))
    report = verify(tmp_path / "j")
    assert [str(part.path) for part in report.parts] == sorted(
        map(str, files(tmp_path / "j")), key=lambda name: ("market" in name, name)
    )
    assert sum(part.records for part in report.parts) == report.records == 60
    assert all(part.bytes == part.path.stat().st_size for part in report.parts)
    for family in Family:
        parts = [part for part in report.parts if part.family is family]
        assert [part.ends for part in parts] == [END_SEGMENT] * (len(parts) - 1) + [END_JOURNAL]
        assert [part.number for part in parts] == list(range(1, len(parts) + 1))
        spans = [(part.first_seq, part.last_seq, part.first_ts_ns, part.last_ts_ns) for part in parts]
        assert spans == sorted(spans)
        assert all(part.first_ts_ns == 1_000 + part.first_seq for part in parts)


def test_how_far_a_check_is_is_told_in_bytes(tmp_path: Path) -> None:
    """Now and then, never going back."""
    journal = Journal.open(tmp_path / "j", RUN, disk=Hasty())
    for number in range(2 * PROGRESS_RECORDS + 5):
        journal.append(EVENT, 1_000 + number, moment(number))
    journal.close()
    told: list[int] = []
    assert verify(tmp_path / "j", progress=told.append).is_whole
    assert len(told) == 3
    assert told == sorted(told)
    assert told[-1] <= sum(path.stat().st_size for path in files(tmp_path / "j"))
