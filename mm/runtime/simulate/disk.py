"""A disk in memory that knows what a power failure would leave, and that can fail at every operation.

A file is what the kernel has been given; of it, what was synced is durable. The death of a process keeps all
of the first, the death of the machine the durable part and a random part of the rest, cut anywhere. `settle`
lays the files down in a real directory, so that the product's own readers can be used on them.
Invariant: no byte that was synced is ever lost, and none that was not written appears, unless `corrupt` is
asked for it.
"""

import errno
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

from mm.store.journal.disk import Disk
from mm.store.journal.frames import PREAMBLE, Frame, parse

FIRST_HANDLE: Final = 3


class _File:
    # `durable`: bytes that are synced; `named`: the directory that holds its name is synced; `settled`: bytes
    # that lie in the real directory already.
    __slots__ = ("content", "durable", "named", "path", "settled")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content = bytearray()
        self.durable = 0
        self.named = False
        self.settled = -1


def _nobody(content: bytes) -> None:
    # Before anybody listens.
    assert content is not None


def _whole_frames(content: bytearray) -> bytes:
    whole, at = bytes(content), len(PREAMBLE)
    while isinstance(found := parse(whole, at), Frame):
        at += found.size
    return whole[:at]


class SimDisk(Disk):
    """The disk of the simulated machine.

    Fields: full: nothing more fits; write_error, sync_error: the next such operation fails, and so does every
    one after it on a file that has failed; broken: how often an operation failed; heard: is told what the
    kernel was handed.
    """

    def __init__(self, random: Random) -> None:
        """Begin empty, with nothing wrong."""
        self.full = False
        self.write_error = False
        self.sync_error = False
        self.broken = 0
        self.heard: Callable[[bytes], None] = _nobody
        self._random = random
        self._files: dict[Path, _File] = {}
        self._open: dict[int, _File] = {}
        self._next = FIRST_HANDLE

    # ---- what a journal does

    def create(self, path: Path) -> int:
        """Return a new file to append to; it is an error if it is there already."""
        if path in self._files:
            raise FileExistsError(errno.EEXIST, "File exists")
        if self.full:
            raise self._fails(errno.ENOSPC)
        self._files[path] = _File(path)
        return self._handle(self._files[path])

    def reopen(self, path: Path, size: int) -> int:
        """Return the file to append to, cut to `size` bytes."""
        file = self._files.get(path)
        if file is None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        del file.content[size:]
        file.durable = min(file.durable, size)
        file.settled = -1
        return self._handle(file)

    def write(self, file: int, content: bytes) -> None:
        """Hand `content` to the kernel; what fails leaves a part of it behind."""
        known = self._open[file]
        if self.full or self.write_error:
            known.content += content[: self._random.randrange(len(content))]
            code = errno.ENOSPC if self.full else errno.EIO
            self.write_error = False
            raise self._fails(code)
        known.content += content
        self.heard(content)

    def sync(self, file: int) -> None:
        """Make what was written durable."""
        known = self._open[file]
        if self.sync_error:
            self.sync_error = False
            raise self._fails(errno.EIO)
        known.durable = len(known.content)

    def duplicate(self, file: int) -> int:
        """Return a second handle of the same open file."""
        return self._handle(self._open[file])

    def close(self, file: int) -> None:
        """Close a file."""
        del self._open[file]

    def remove(self, path: Path) -> None:
        """Remove a file; one that is gone already is as good."""
        if self._files.pop(path, None) is not None:
            path.unlink(missing_ok=True)

    def sync_directory(self, path: Path) -> None:
        """Make the names in a directory durable."""
        if self.sync_error:
            self.sync_error = False
            raise self._fails(errno.EIO)
        for file in self._files.values():
            if file.path.parent == path:
                file.named = True

    def written_ns(self, path: Path) -> int:
        """Return 0: nothing here asks for ages."""
        assert path in self._files
        return 0

    # ---- what happens to the machine

    def heal(self) -> None:
        """End whatever is wrong."""
        self.full = self.write_error = self.sync_error = False

    def make_room(self) -> None:
        """Somebody deleted something."""
        self.full = False

    def die(self, *, machine: bool) -> int:
        """Let the process die, or the whole machine; return how many bytes were lost."""
        self._open.clear()
        if not machine:
            return 0
        lost = 0
        for path, file in list(self._files.items()):
            kept = file.durable + self._random.randint(0, len(file.content) - file.durable)
            if not file.named and not file.durable and self._random.random() < 0.5:
                del self._files[path]
                path.unlink(missing_ok=True)
                continue
            lost += len(file.content) - kept
            if kept < len(file.content):
                del file.content[kept:]
                file.settled = -1
            file.durable = kept
            file.named = True
        return lost

    def settle(self) -> None:
        """Lay the files down in the real directory as a reader would find them now."""
        for file in self._files.values():
            if file.settled == len(file.content):
                continue
            with file.path.open("r+b" if file.settled >= 0 else "wb") as real:
                real.seek(max(0, file.settled))
                real.write(file.content[max(0, file.settled) :])
            file.settled = len(file.content)

    def corrupt(self, path: Path, content: bytes | None) -> None:
        """Put other bytes where a file's were, None: no file any more. No process of ours does that."""
        file = self._files[path]
        if content is None:
            del self._files[path]
            path.unlink(missing_ok=True)
            return
        file.content = bytearray(content)
        file.durable = len(content)
        path.write_bytes(content)
        file.settled = len(content)

    def forget(self, directory: Path) -> None:
        """Take the files under a directory out of memory; they stay in the real one."""
        for path in [path for path in self._files if path.is_relative_to(directory)]:
            del self._files[path]

    def holds(self, path: Path, text: bytes, within: int) -> bool:
        """Return whether the kernel has been given `text` among the last `within` bytes of a file."""
        file = self._files.get(path)
        if file is None:
            return False
        return file.content.rfind(text, max(0, len(file.content) - within)) >= 0

    def records(self) -> bytes:
        """Return every whole record of the segments, one after the other: a torn one is as good as none."""
        return b"".join(_whole_frames(file.content) for file in self._files.values())

    def contents(self) -> dict[Path, tuple[bytes, int]]:
        """Return every file with its content and how much of it is durable."""
        return {path: (bytes(file.content), file.durable) for path, file in self._files.items()}

    def _handle(self, file: _File) -> int:
        handle, self._next = self._next, self._next + 1
        self._open[handle] = file
        return handle

    def _fails(self, code: int) -> OSError:
        self.broken += 1
        return OSError(code, {errno.ENOSPC: "No space left on device"}.get(code, "Input/output error"))
