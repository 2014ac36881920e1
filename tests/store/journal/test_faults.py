"""A disk that fails ends the journal at once, says so, and leaves what can be recovered."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mm.errors import EXIT_CONFIG, JournalFailed
from mm.store.journal.entries import COMMAND, EVENT, MISSING, Family
from mm.store.journal.journal import Journal
from mm.store.journal.syncing import JournalSettings, SyncPolicy
from mm.store.journal.verify import verify
from tests.builders.journals import (
    RUN,
    SMALL,
    BrokenDisk,
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
from tests.builders.processes import until

WRITER = """
import sys
from pathlib import Path
from tests.builders.journals import SMALL, RUN, cancel, moment, top
from mm.store.journal.journal import Journal
from mm.store.journal.entries import COMMAND, EVENT
journal = Journal.open(Path(sys.argv[1]), RUN, settings=SMALL)
while True:
    n = journal.next_seq
    journal.append(EVENT, n, top(n))
    journal.append(EVENT, n, moment(n))
    journal.append_commands(n, [cancel(n), cancel(n + 1)])
    sys.stdout.write(f"{journal.next_seq - 1}\\n")
    sys.stdout.flush()
    if n % 5 == 0:
        journal.sync()
"""
LIMITED = """
import resource, sys
from pathlib import Path
from tests.builders.journals import RUN, mixed
from mm.errors import JournalFailed
from mm.store.journal.journal import Journal
journal = Journal.open(Path(sys.argv[1]), RUN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, 3_000))
written = 0
try:
    for kind, entry in mixed(500):
        journal.append(kind, 1, entry)
        written += 1
except JournalFailed as error:
    print(written, error)
try:
    journal.append(kind, 1, entry)
except JournalFailed as error:
    print("again", error)
journal.close()
"""


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("operation", ["write", "sync", "sync_directory", "create"])
def test_the_first_error_ends_the_journal(tmp_path: Path, operation: str, number: int) -> None:
    """At each single operation: once JournalFailed with the cause, then at once without touching the disk."""
    after = 0
    while True:
        directory = tmp_path / str(after)
        disk = BrokenDisk(operation, after, number)
        journal, said = None, JournalFailed("")
        try:
            journal = Journal.open(directory, RUN, settings=SMALL, disk=disk)
            append(journal, mixed(60), sync_every=2)
            journal.close()
        except JournalFailed as error:
            said = error
        if not disk.failed:
            break
        assert os.strerror(number) in str(said)
        assert said.exit_code == EXIT_CONFIG
        _is_over(journal, disk)
        _is_recoverable(directory)
        after += 1
    assert after > 3 or operation == "create"


def _is_over(journal: Journal | None, disk: BrokenDisk) -> None:
    assert disk.failed == 1
    if journal is None:
        return
    before = {path: path.stat().st_size for path in files(journal.directory)}
    for call in (
        lambda: journal.append(EVENT, 1, moment(1)),
        lambda: journal.append_commands(1, [cancel(1)]),
        journal.sync,
        journal.begin_sync,
    ):
        with pytest.raises(JournalFailed, match="takes nothing more"):
            call()
    journal.close()
    assert disk.failed == 1
    assert before == {path: path.stat().st_size for path in files(journal.directory)}


def _is_recoverable(directory: Path) -> None:
    if not files(directory) or verify(directory).run is None:
        return
    report = verify(directory)
    assert report.is_sound, report.problem
    entries = mixed(60)
    seen = [record for record in all_of(directory) if record.kind is not MISSING]
    assert [(record.kind, record.entry) for record in seen] == entries[: len(seen)]
    with Journal.resume(directory, disk=Hasty()) as resumed:
        resumed.append(COMMAND, 1, cancel(1))
    assert verify(directory).is_whole


@pytest.mark.parametrize("policy", SyncPolicy)
def test_a_command_whose_writing_failed_is_not_to_be_sent(tmp_path: Path, policy: SyncPolicy) -> None:
    """The append raises: whoever wanted to send it never gets past it."""
    operation = "sync" if policy is SyncPolicy.STRICT else "write"
    disk = BrokenDisk(operation, 2, errno.ENOSPC)
    journal = Journal.open(tmp_path / "j", RUN, settings=JournalSettings(policy=policy), disk=disk)
    journal.append(EVENT, 1, moment(1))

    with pytest.raises(JournalFailed, match="No space left"):
        journal.append(COMMAND, 1, cancel(1))
    assert journal.failure
    assert journal.durable_seq == 0


def test_a_sync_that_failed_in_a_thread_ends_the_journal(tmp_path: Path) -> None:
    """The thread itself never raises; whoever finishes the sync does."""
    disk = BrokenDisk("sync", 2, errno.EIO)
    journal = Journal.open(tmp_path / "j", RUN, disk=disk)
    append(journal, [(EVENT, top(1)), (COMMAND, cancel(2))])
    job = journal.begin_sync()
    assert job is not None

    job.run()
    assert job.error is not None
    with pytest.raises(JournalFailed, match="Input/output error"):
        journal.finish_sync(job)
    assert journal.durable_seq == 0
    with pytest.raises(JournalFailed):
        journal.append(EVENT, 1, moment(1))
    journal.finish_sync(job)


@pytest.mark.parametrize("operation", ["reopen", "write", "sync", "create", "remove"])
def test_a_recovery_that_fails_can_be_tried_again(tmp_path: Path, operation: str) -> None:
    """Recovery may die at any point of itself."""
    entries = mixed(40)
    write(tmp_path / "j", entries, close=False)
    for family in Family:
        path = last_segment(tmp_path / "j", family)
        path.write_bytes(path.read_bytes() + b"torn")
    for after in range(4):
        disk = BrokenDisk(operation, after)
        try:
            Journal.resume(tmp_path / "j", disk=disk).close()
        except JournalFailed:
            assert disk.failed == 1
        assert verify(tmp_path / "j").is_sound

    Journal.resume(tmp_path / "j", disk=Hasty()).close()
    assert verify(tmp_path / "j").is_whole
    seen = [record for record in all_of(tmp_path / "j") if record.kind is not MISSING]
    assert [(record.kind, record.entry) for record in seen] == entries


def test_a_file_that_may_not_grow_ends_the_journal(tmp_path: Path) -> None:
    """A real limit of the kernel, in a process of its own."""
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "j")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    first, again = done.stdout.splitlines()
    assert "File too large" in first
    assert again.startswith("again")
    report = verify(tmp_path / "j")
    assert report.is_sound
    assert 0 < report.last_seq <= int(first.split()[0])
    assert [(record.kind, record.entry) for record in all_of(tmp_path / "j")] == mixed(report.last_seq)


@pytest.mark.parametrize("lines", [1, 3, 40, 200])
def test_a_killed_writer_leaves_all_that_it_said_it_had_written(tmp_path: Path, lines: int) -> None:
    """kill -9 at any moment: every command that an append returned for is there, nothing is damaged."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "j")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        said += process.stdout.readlines()
        process.wait()
    numbers = [int(line) for line in said if line.endswith("\n") and line.strip()]
    assert until(lambda: process.returncode is not None)

    report = verify(tmp_path / "j")
    assert report.is_sound, report.problem
    assert report.last_seq >= numbers[-1]
    commands = [record.seq for record in all_of(tmp_path / "j") if record.kind is COMMAND]
    assert commands[: 2 * len(numbers)] == [seq for last in numbers for seq in (last - 1, last)]
    with Journal.resume(tmp_path / "j") as resumed:
        resumed.append(EVENT, 1, top(1))
    assert verify(tmp_path / "j").is_whole
