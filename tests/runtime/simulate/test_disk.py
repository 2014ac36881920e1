"""The simulated disk against a naive model, and what a journal on it survives; see `simulate/disk.py`."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.events import Advanced, BookLost
from mm.errors import JournalFailed
from mm.runtime.simulate.disk import SimDisk
from mm.store.journal.entries import EVENT, RunHeader
from mm.store.journal.journal import Journal
from mm.store.journal.reader import read
from mm.store.journal.verify import verify

FOLDER = Path("anywhere")
HEADER = RunHeader(
    run_id="20260101T000000Z-000001",
    epoch=1,
    code_version="test",
    began_ns=1,
    config_digest="",
    config_text="",
)

OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(("write", "sync", "name", "process", "machine")),
        st.integers(0, 2),
        st.binary(min_size=1, max_size=9),
    ),
    max_size=40,
)


class Naive:
    """Two byte strings per file: what the kernel has, and what is on the disk for certain."""

    def __init__(self) -> None:
        """Begin with three empty files."""
        self.kernel = [b"", b"", b""]
        self.durable = [b"", b"", b""]


@settings(max_examples=60, deadline=None)
@given(OPERATIONS, st.integers(0, 9))
def test_a_file_keeps_what_was_synced_and_a_prefix_of_the_rest(
    operations: list[tuple[str, int, bytes]], seed: int
) -> None:
    """Whatever is written, synced and lost in whatever order."""
    disk, naive = SimDisk(Random(seed)), Naive()
    paths = [FOLDER / str(number) for number in range(3)]
    handles = [disk.create(path) for path in paths]
    disk.sync_directory(FOLDER)
    for operation, number, content in operations:
        if operation == "write":
            disk.write(handles[number], content)
            naive.kernel[number] += content
        elif operation == "sync":
            disk.sync(handles[number])
            naive.durable[number] = naive.kernel[number]
        elif operation == "name":
            disk.sync_directory(FOLDER)
        else:
            disk.die(machine=operation == "machine")
            for index, path in enumerate(paths):
                found, durable = disk.contents()[path]
                assert found.startswith(naive.durable[index])
                assert naive.kernel[index].startswith(found)
                if operation == "process":
                    assert found == naive.kernel[index]
                else:
                    assert durable == len(found)
                    naive.kernel[index] = naive.durable[index] = found
            handles = [disk.reopen(path, len(disk.contents()[path][0])) for path in paths]


@pytest.mark.parametrize("trouble", ["full", "write_error", "sync_error"])
def test_a_failed_operation_raises_and_ends_a_journal(tmp_path: Path, trouble: str) -> None:
    """What the disk refuses is told at once, and nothing is taken afterwards."""
    disk = SimDisk(Random(1))
    journal = Journal.open(tmp_path / "journal", HEADER, disk=disk)
    journal.append(EVENT, 1, Advanced(ts_ns=1))
    setattr(disk, trouble, True)
    with pytest.raises(JournalFailed):
        journal.sync()
    disk.heal()
    with pytest.raises(JournalFailed):
        journal.append(EVENT, 2, Advanced(ts_ns=2))
    assert disk.broken == 1


@pytest.mark.parametrize("seed", range(12))
def test_power_that_fails_loses_only_the_unsynced_end_of_a_journal(tmp_path: Path, seed: int) -> None:
    """What was synced is read back, what was not is a torn end at most, and the rest is verified."""
    disk = SimDisk(Random(seed))
    journal = Journal.open(tmp_path / "journal", HEADER, disk=disk)
    for number in range(1, 40):
        journal.append(EVENT, number, Advanced(ts_ns=number))
        if number == 20:
            journal.sync()
    journal.write()
    disk.die(machine=True)
    disk.settle()
    report = verify(tmp_path / "journal")
    assert report.is_sound
    assert 20 <= report.last_seq <= 39
    assert [record.seq for record in read(tmp_path / "journal")] == list(range(1, report.last_seq + 1))


def test_a_process_that_dies_loses_nothing_that_was_written(tmp_path: Path) -> None:
    """The kernel has it."""
    disk = SimDisk(Random(1))
    journal = Journal.open(tmp_path / "journal", HEADER, disk=disk)
    for number in range(1, 10):
        journal.append(EVENT, number, Advanced(ts_ns=number))
    journal.write()
    assert disk.die(machine=False) == 0
    disk.settle()
    assert verify(tmp_path / "journal").last_seq == 9


def test_files_lie_in_the_real_directory_as_they_are_after_each_settling(tmp_path: Path) -> None:
    """What was added since is added there, what was cut is cut there."""
    disk = SimDisk(Random(3))
    path = tmp_path / "file"
    handle = disk.create(path)
    for part in (b"one", b"two"):
        disk.write(handle, part)
        disk.settle()
        assert path.read_bytes() == disk.contents()[path][0]
    disk.close(handle)
    disk.reopen(path, 2)
    disk.settle()
    assert path.read_bytes() == b"on"
    disk.remove(path)
    assert not path.exists()
    assert disk.contents() == {}


def test_a_record_that_is_torn_does_not_count_though_its_text_is_there(tmp_path: Path) -> None:
    """A reader will not take it: what it said is lost with the power (seed 2019)."""
    disk = SimDisk(Random(1))
    journal = Journal.open(tmp_path / "journal", HEADER, disk=disk)
    journal.append(EVENT, 1, BookLost(ts_ns=1, symbol="AAA/BBB", reason="a reason"))
    journal.write()
    assert b"a reason" in disk.records()
    path = max(disk.contents(), key=lambda one: b"a reason" in disk.contents()[one][0])
    content = disk.contents()[path][0]
    disk.reopen(path, content.find(b"a reason") + len(b"a reason"))
    assert b"a reason" not in disk.records()
    assert b"test" in disk.records()
