"""One process per data directory: an advisory lock that the kernel drops when the process is gone.

The file stays; only the lock on it means something. Invariant: whoever holds `DirectoryLock` is the only one
who writes into the directory; whoever holds a `FileLock` the only one that may do what the file is for.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from mm.errors import AlreadyRunning, StateCorrupt
from mm.store.paths import LOCK_NAME, private_directory

_PID_BYTES_MAX: Final = 20


class FileLock:
    """A lock on a file, held from its making until `release` or the end of the process. Fields: path."""

    def __init__(self, path: Path, *, refusal: str, hint: str) -> None:
        """Take the lock, making the file if needed.

        Args: refusal: what is said if another process holds it, whose pid is added; hint: what to do then.
        Raises: AlreadyRunning; OSError if the file cannot be opened.
        """
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = _pid_in(self._file)
            os.close(self._file)
            raise AlreadyRunning(f"{refusal}{f', pid {holder}' if holder else ''}", hint=hint) from None
        # The number is for people. What counts is the lock: a halt has to be latched on a full disk too.
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock up; may be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        """Return the lock, held."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the lock up."""
        self.release()


class DirectoryLock(FileLock):
    """The lock on a data directory."""

    def __init__(self, data_dir: Path) -> None:
        """Take the lock, making the directory if needed.

        Raises: AlreadyRunning if another process holds it; StateCorrupt if the directory cannot be used.
        """
        path = private_directory(data_dir) / LOCK_NAME
        hint = "stop it with `mm stop`, or choose another data_dir"
        try:
            super().__init__(path, refusal=f"{data_dir}: held by another process", hint=hint)
        except OSError as error:
            raise StateCorrupt(f"{path}: cannot be opened: {error.strerror}") from None


def holder(data_dir: Path) -> int | None:
    """Return the pid of the process that holds the directory, 0 if it did not say, None if it is free.

    Nothing is made or changed. Raises: StateCorrupt if the lock file cannot be read.
    """
    try:
        file = os.open(data_dir / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateCorrupt(f"{data_dir / LOCK_NAME}: cannot be read: {error.strerror}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _pid_in(file)
    else:
        return None
    finally:
        os.close(file)


def _pid_in(file: int) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(os.pread(file, _PID_BYTES_MAX, 0))
    return 0
