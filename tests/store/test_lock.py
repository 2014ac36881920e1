"""One process per data directory."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mm.errors import EXIT_CONFIG, AlreadyRunning, StateCorrupt
from mm.store.lock import DirectoryLock, holder
from mm.store.paths import LOCK_NAME

HOLD = (
    "import sys, pathlib; from mm.store.lock import DirectoryLock\n"
    "lock = DirectoryLock(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
)


def test_a_second_holder_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    """The message says who, the hint what to do."""
    with DirectoryLock(tmp_path):
        with pytest.raises(AlreadyRunning, match=f"pid {os.getpid()}") as caught:
            DirectoryLock(tmp_path)
        assert holder(tmp_path) == os.getpid()

    assert caught.value.exit_code == EXIT_CONFIG
    assert "mm stop" in caught.value.hint


def test_a_released_directory_can_be_held_again(tmp_path: Path) -> None:
    """Releasing twice is harmless; the file that stays means nothing."""
    lock = DirectoryLock(tmp_path)
    lock.release()
    lock.release()

    assert holder(tmp_path) is None
    with DirectoryLock(tmp_path):
        assert holder(tmp_path) == os.getpid()


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    """The kernel drops it with the process, whatever the file says."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert holder(tmp_path) == process.pid
        with pytest.raises(AlreadyRunning, match=str(process.pid)):
            DirectoryLock(tmp_path)
        process.kill()
        process.wait()

    assert holder(tmp_path) is None
    DirectoryLock(tmp_path).release()


def test_asking_who_holds_changes_nothing(tmp_path: Path) -> None:
    """A directory that was never held stays as it is."""
    assert holder(tmp_path / "absent") is None
    assert holder(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_holder_that_wrote_no_number_is_still_a_holder(tmp_path: Path) -> None:
    """The lock counts, not the text."""
    with DirectoryLock(tmp_path):
        (tmp_path / LOCK_NAME).write_text("?")

        assert holder(tmp_path) == 0
        with pytest.raises(AlreadyRunning, match=r"another process$"):
            DirectoryLock(tmp_path)


def test_a_disk_that_is_full_keeps_nobody_from_holding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number is not written, the lock is held: whoever latches a halt for a dead trader needs it."""

    def full(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with DirectoryLock(tmp_path):
        assert holder(tmp_path) == 0
        with pytest.raises(AlreadyRunning, match=r"another process$"):
            DirectoryLock(tmp_path)
    assert holder(tmp_path) is None


def test_a_link_in_place_of_the_lock_is_refused(tmp_path: Path) -> None:
    """A link could lead anywhere."""
    (tmp_path / LOCK_NAME).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StateCorrupt, match="cannot be opened"):
        DirectoryLock(tmp_path)
    with pytest.raises(StateCorrupt, match="cannot be read"):
        holder(tmp_path)
