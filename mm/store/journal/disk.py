"""The file operations of a journal, each in one place, so that faults can be put in their way.

No operation retries: after a failed write or sync nobody knows what is on the disk, and the journal ends.
"""

import os
from pathlib import Path
from typing import Final

_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW


class Disk:
    """The real disk. Tests and simulations override single operations; each raises OSError."""

    def create(self, path: Path) -> int:
        """Return a new file to append to, private to its owner; it is an error if it is there already."""
        return os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)

    def reopen(self, path: Path, size: int) -> int:
        """Return the file to append to, cut to `size` bytes."""
        file = os.open(path, _FLAGS)
        os.ftruncate(file, size)
        return file

    def write(self, file: int, content: bytes) -> None:
        """Hand all of `content` to the kernel."""
        written = os.write(file, content)
        while written < len(content):
            written += os.write(file, content[written:])

    def sync(self, file: int) -> None:
        """Return when what was written is on the disk."""
        os.fdatasync(file)

    def duplicate(self, file: int) -> int:
        """Return a second handle of the same open file."""
        return os.dup(file)

    def close(self, file: int) -> None:
        """Close a file."""
        os.close(file)

    def remove(self, path: Path) -> None:
        """Remove a file; one that is gone already is as good."""
        path.unlink(missing_ok=True)

    def sync_directory(self, path: Path) -> None:
        """Return when the names in a directory are on the disk."""
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def written_ns(self, path: Path) -> int:
        """Return when a file was written last, UTC."""
        return path.stat().st_mtime_ns
