"""`mm journal rebuild`: the same journals, the same tables; only what is new is read."""

from pathlib import Path

import pytest

from mm.bootstrap.records.rebuild import journal_bytes, rebuild
from mm.bootstrap.records.run_facts import facts_of
from mm.errors import JournalCorrupt, JournalForeign, StateCorrupt
from mm.store.journal.entries import EVENT, Family
from mm.store.journal.journal import Journal
from mm.store.journal.layout import journal_directory, runs, segment_path
from mm.store.projection.file import FILE_NAME, rows_of
from tests.builders import recorded_runs as recorded
from tests.builders.journals import RUN, mixed


def test_every_run_becomes_rows_and_twice_the_same(tmp_path: Path) -> None:
    """Read, kept, read whole: one content."""
    recorded.write_run(tmp_path, recorded.usual())
    later = recorded.header(2, began_ns=recorded.at(10_000))
    recorded.write_run(tmp_path, recorded.usual()[2:8], head=later, close=False)

    first = rebuild(tmp_path)
    second = rebuild(tmp_path)
    third = rebuild(tmp_path, whole=True)

    names = [place.run_id for place in reversed(runs(tmp_path))]
    assert (first.read, first.kept, second.read, second.kept, third.read) == (names, [], [], names, names)
    assert first.digest == second.digest == third.digest
    assert first.tables["fills"] == 2
    rows = list(rows_of(tmp_path / FILE_NAME, "runs"))
    assert [(row["mode"], row["closed"], row["records"]) for row in rows] == [
        ("demo", True, 26),
        ("demo", False, 6),
    ]
    assert rows[0]["ended_utc"]
    assert not rows[1]["ended_utc"]
    configs = list(rows_of(tmp_path / FILE_NAME, "configs"))
    assert [(row["seq"], row["revision"]) for row in configs] == [(0, 1), (19, 2), (0, 1)]


def test_a_run_that_grows_is_read_again(tmp_path: Path) -> None:
    """While it is written: as far as it is; what was there is not there twice."""
    head = recorded.header(1)
    directory = journal_directory(tmp_path, head.run_id)
    with Journal.open(directory, head) as journal:
        for number, (kind, entry) in enumerate(recorded.usual(), start=1):
            journal.append(kind, recorded.at(number), entry)
        journal.write()
        assert rebuild(tmp_path).tables["fills"] == 2
        assert rebuild(tmp_path).read == []
        journal.append(EVENT, recorded.at(50), recorded.filled(4, 50, trade_id=102))
        journal.write()
        again = rebuild(tmp_path)
    assert (again.read, again.tables["fills"], again.tables["runs"]) == ([head.run_id], 3, 1)


def test_a_fill_that_a_later_run_lists_again_is_told_once(tmp_path: Path) -> None:
    """By the run that heard of it first."""
    recorded.write_run(tmp_path, [(EVENT, recorded.filled(1, 1, trade_id=5))])
    later = recorded.header(2, began_ns=recorded.at(10_000))
    recorded.write_run(tmp_path, [(EVENT, recorded.filled(1, 2, trade_id=5))], head=later)
    assert rebuild(tmp_path).tables["fills"] == 1
    (fill,) = rows_of(tmp_path / FILE_NAME, "fills")
    assert fill["run_id"] == recorded.header(1).run_id


def test_a_run_that_is_gone_leaves_the_tables(tmp_path: Path) -> None:
    """As if they were made anew."""
    recorded.write_run(tmp_path, recorded.usual())
    later = recorded.header(2, began_ns=recorded.at(10_000))
    gone = recorded.write_run(tmp_path, recorded.usual()[2:8], head=later)
    rebuild(tmp_path)
    for path in sorted(gone.parent.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    gone.parent.rmdir()
    kept = rebuild(tmp_path)
    assert kept.tables["runs"] == 1
    assert kept.digest == rebuild(tmp_path, whole=True).digest


def test_a_damaged_run_is_refused_or_left_out_and_nothing_is_overwritten(tmp_path: Path) -> None:
    """With the byte; the projection that was there stays, until the run is to be left out."""
    directory = recorded.write_run(tmp_path, recorded.usual())
    before = rebuild(tmp_path)
    later = recorded.header(2, began_ns=recorded.at(10_000))
    other = segment_path(recorded.write_run(tmp_path, recorded.usual()[2:8], head=later), Family.OWN, 1)
    content = bytearray(other.read_bytes())
    content[700] ^= 1
    other.write_bytes(content)

    with pytest.raises(JournalCorrupt) as caught:
        rebuild(tmp_path)
    assert (caught.value.path, caught.value.offset >= 0) == (str(other), True)
    assert len(list(rows_of(tmp_path / FILE_NAME, "runs"))) == 1
    assert other.read_bytes() == bytes(content)

    made = rebuild(tmp_path, skip_damaged=True)
    assert list(made.left_out) == [later.run_id]
    assert (made.kept, made.digest) == ([directory.parent.name], before.digest)


def test_a_journal_in_the_directory_of_another_run_is_refused(tmp_path: Path) -> None:
    """Copied, or renamed by hand."""
    directory = recorded.write_run(tmp_path, recorded.usual()).parent
    directory.rename(directory.with_name("20260102T030405Z-000009"))
    with pytest.raises(JournalForeign, match="this is the journal of run"):
        rebuild(tmp_path)


def test_a_start_that_was_cut_off_is_no_run(tmp_path: Path) -> None:
    """Nothing was ever recorded, or not even a header is whole."""
    recorded.write_run(tmp_path, recorded.usual())
    (tmp_path / "runs" / "20260102T030405Z-000002").mkdir()
    torn = segment_path(journal_directory(tmp_path, "20260102T030405Z-000003"), Family.OWN, 1)
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b"mmj-00")
    assert rebuild(tmp_path).tables["runs"] == 1
    with pytest.raises(StateCorrupt, match="no run is recorded"):
        rebuild(tmp_path / "nothing")


def test_how_far_it_is_is_told_in_bytes_of_all_journals(tmp_path: Path) -> None:
    """Ascending, to the end; runs that are kept count too."""
    recorded.write_run(tmp_path, recorded.usual())
    later = recorded.header(2, began_ns=recorded.at(10_000))
    recorded.write_run(tmp_path, recorded.usual()[2:8], head=later)
    for _ in range(2):
        told: list[int] = []
        rebuild(tmp_path, progress=told.append)
        assert told == sorted(told)
        assert told[-1] == journal_bytes(runs(tmp_path))


def test_a_journal_without_a_recipe_is_told_in_integers(tmp_path: Path) -> None:
    """What cannot be read of a run's beginnings is left out."""
    facts = facts_of(RUN)
    assert (facts.run_id, facts.sessions, facts.mode) == (RUN.run_id, (), "")
    assert facts_of(recorded.header(1, text="mode = [")).mode == ""
    assert facts_of(recorded.header(1, text="mode = 5")).mode == ""
    recorded.write_run(tmp_path, mixed(30), head=RUN)
    assert rebuild(tmp_path).records == 30
