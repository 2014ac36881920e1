"""The words that trader, watchdog and `mm halt` share: a small file of 64-bit numbers, mapped into each.

It holds the trader's sign of life, the halt word, and how far the watchdog is. Every word is one aligned
8-byte number, read and written with a single move: a reader sees the old or the new number and never half of
each, and no two words have to be seen together. Each word has one writer but the halt word, which anyone sets
and only the trader clears, when an operator lifts the halt. A new life makes a new file under the same name:
who outlives it keeps the words of its own. Must never wait, lock, or decide anything.
"""

import contextlib
import mmap
import os
import stat
import time
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple, Self

from mm.errors import NotRunning, StateCorrupt
from mm.store.paths import private_directory

HEARTBEAT_NAME: Final = "heartbeat"
HALT_NAME: Final = "HALT"
"""A file of this name in the data directory halts whoever trades there; it holds the reason."""

WORDS: Final = 32
BYTES: Final = 8 * WORDS
MAGIC: Final = int.from_bytes(b"mm-beat\x01", "big")
"""What the first word is: a name and the version of this layout."""

REASON_LENGTH_MAX: Final = 500


class Word(IntEnum):
    """Where each number stands."""

    MAGIC = 0
    HALT = 1
    HALT_NS = 2
    TRADER_PID = 3
    TRADER_STARTED = 4
    TRADER_BEAT_NS = 5
    TRADER_PHASE = 6
    WATCHDOG_PID = 7
    WATCHDOG_BEAT_NS = 8
    WATCHDOG_STATE = 9
    WATCHDOG_OPEN = 10
    WATCHDOG_CANCELS = 11
    WATCHDOG_SENT_NS = 12
    WATCHDOG_FIRED_NS = 13


class Halt(IntEnum):
    """What the halt word says: why nothing may be placed any more, 0 as long as it may."""

    NONE = 0
    OPERATOR = 1
    SIGNAL = 2
    FILE = 3
    SILENT = 4
    DIED = 5
    BROKEN = 6
    GONE = 7

    @property
    def code(self) -> str:
        """The stable dotted name, as latches and logs have it."""
        return _CODES[self]

    @property
    def latches(self) -> bool:
        """Whether it takes an operator to lift it: a process that died is for its next life to recover."""
        return self not in (Halt.NONE, Halt.DIED)


_CODES: Final = {
    Halt.NONE: "",
    Halt.OPERATOR: "operator",
    Halt.SIGNAL: "halt.signal",
    Halt.FILE: "halt.file",
    Halt.SILENT: "watchdog.silent",
    Halt.DIED: "trader.died",
    Halt.BROKEN: "halt.broken",
    Halt.GONE: "data_dir.gone",
}


class Phase(IntEnum):
    """Where the trader is. Before and after trading its silence means nothing; once it ended, nor its death.

    ENDED: it had the venue's word that nothing of ours is left.
    """

    QUIET = 0
    TRADING = 1
    ENDED = 2


class Watch(IntEnum):
    """Where the watchdog is. CONFIRMED: the venue showed nothing of ours. FAILED: orders may remain."""

    NONE = 0
    WATCHING = 1
    FIRED = 2
    CONFIRMED = 3
    FAILED = 4


class Heartbeat:
    """The shared words, mapped. Fields: words: the numbers by their place, for whoever has to be fast."""

    def __init__(self, mapped: mmap.mmap) -> None:
        """For `create` and `open`; use those."""
        self._mapped = mapped
        self.words = memoryview(mapped).cast("Q")

    @classmethod
    def create(cls, data_dir: Path, *, pid: int = 0) -> Self:
        """Make the words of a new life of the trader `pid` (this process if 0), in place of older ones.

        Only the holder of the directory's lock may. Raises: StateCorrupt if the file cannot be made.
        """
        path = private_directory(data_dir) / HEARTBEAT_NAME
        draft = path.with_suffix(".new")
        pid = pid or os.getpid()
        try:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            file = os.open(draft, flags, 0o600)
            try:
                # Written, not only made longer: on a full disk a hole ends the process at the first touch.
                os.write(file, bytes(BYTES))
                made = cls(mmap.mmap(file, BYTES))
            finally:
                os.close(file)
            made.words[Word.TRADER_PID] = pid
            made.words[Word.TRADER_STARTED] = started_ticks(pid)
            made.words[Word.MAGIC] = MAGIC
            made.beat()
            draft.replace(path)
        except (OSError, ValueError) as error:
            raise StateCorrupt(
                f"{path}: cannot be made: {getattr(error, 'strerror', None) or error}",
                hint="free disk space, check the permissions",
            ) from None
        return made

    @classmethod
    def open(cls, data_dir: Path) -> Self:
        """Map the words of the newest life.

        Raises: NotRunning if there are none; StateCorrupt if they are another's or no such words.
        """
        path = data_dir / HEARTBEAT_NAME
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            raise NotRunning(f"{path}: not there: no daemon has run there") from None
        except OSError as error:
            raise StateCorrupt(f"{path}: cannot be opened: {error.strerror}") from None
        try:
            info = os.fstat(file)
            if not stat.S_ISREG(info.st_mode) or info.st_size != BYTES or info.st_uid != os.getuid():
                raise StateCorrupt(f"{path}: not the words of a daemon of yours")
            found = cls(mmap.mmap(file, BYTES))
        except (OSError, ValueError) as error:
            raise StateCorrupt(f"{path}: cannot be mapped: {error}") from None
        finally:
            os.close(file)
        if found.words[Word.MAGIC] != MAGIC:
            found.close()
            raise StateCorrupt(f"{path}: of another version of mm", hint="use the mm that runs the daemon")
        return found

    @classmethod
    def private(cls) -> Self:
        """Return words that nobody else sees, for runs without a data directory."""
        return cls(mmap.mmap(-1, BYTES))

    def beat(self) -> None:
        """Say that the trader's loop runs; nothing but that loop may call this."""
        self.words[Word.TRADER_BEAT_NS] = time.monotonic_ns()

    @property
    def halt(self) -> Halt:
        """What the halt word says."""
        return Halt(self.words[Word.HALT])

    def set_halt(self, cause: Halt) -> None:
        """Forbid every placement from now on; the first cause stays."""
        if not self.words[Word.HALT]:
            self.words[Word.HALT_NS] = time.time_ns()
            self.words[Word.HALT] = cause

    def clear_halt(self) -> None:
        """Allow placements again: for the trader whose operator lifted the halt, or who has its lock."""
        self.words[Word.HALT] = Halt.NONE

    @property
    def phase(self) -> Phase:
        """Where the trader is."""
        return Phase(self.words[Word.TRADER_PHASE])

    @phase.setter
    def phase(self, phase: Phase) -> None:
        self.words[Word.TRADER_PHASE] = phase

    @property
    def watch(self) -> Watch:
        """Where the watchdog is."""
        return Watch(self.words[Word.WATCHDOG_STATE])

    def close(self) -> None:
        """Unmap; may be called twice."""
        self.words.release()
        self._mapped.close()


class LeftHalt(NamedTuple):
    """A halt that the words of an earlier life tell of. Fields: code: see `Halt.code`; since_ns: UTC."""

    code: str
    since_ns: int


def left_halt(data_dir: Path) -> LeftHalt | None:
    """Return the halt that takes an operator to lift and that the words of the newest life still say.

    None if they say none, or there are no words that can be read: whoever lifts a halt takes them back.
    """
    try:
        left = Heartbeat.open(data_dir)
    except (NotRunning, StateCorrupt):
        return None
    try:
        said, since_ns = left.words[Word.HALT], left.words[Word.HALT_NS]
    finally:
        left.close()
    if said not in _CODES or not Halt(said).latches:
        return None
    return LeftHalt(Halt(said).code, since_ns)


def lift_left_halt(data_dir: Path) -> None:
    """Take back what the words of the newest life say; the directory's lock is held.

    No clock tells whether a halt was lifted after it was asked for: clocks are set. Raises: NotRunning or
    StateCorrupt if there are no words that can be read.
    """
    left = Heartbeat.open(data_dir)
    try:
        left.clear_halt()
    finally:
        left.close()


def started_ticks(pid: int) -> int:
    """Return when the process started, in clock ticks since boot; 0 if it is gone or nothing tells.

    With the pid it names a process for ever: pids are used again.
    """
    try:
        line = Path(f"/proc/{pid}/stat").read_bytes()
        # The name before it may hold anything, but nothing after the last bracket does.
        return int(line[line.rindex(b")") + 2 :].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


class HaltAsked(NamedTuple):
    """What the file HALT says. Fields: reason: never empty; who: wrote it, "file" if it does not say."""

    reason: str
    who: str


def halt_asked(data_dir: Path) -> HaltAsked | None:
    """Return what the file HALT says, None if there is no such file.

    Its first line is the reason, a second one says who asked: `by NAME`. One that cannot be read halts as
    well as any other.
    """
    path = data_dir / HALT_NAME
    if not os.path.lexists(path):
        return None
    content = ""
    with contextlib.suppress(OSError):
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            content = os.read(file, 4 * REASON_LENGTH_MAX).decode(errors="replace")
        finally:
            os.close(file)
    reason, _, rest = content.strip().partition("\n")
    who = rest.removeprefix("by ") if rest.startswith("by ") else ""
    return HaltAsked(_line(reason) or f"the file {HALT_NAME} is there", _line(who) or "file")


def _line(text: str) -> str:
    kept = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(kept.split())[:REASON_LENGTH_MAX]


def ask_halt(data_dir: Path, reason: str, who: str) -> None:
    """Write the file HALT, whole or not at all. Raises: StateCorrupt if the disk does not take it."""
    path = data_dir / HALT_NAME
    draft = path.with_name(f"{HALT_NAME}.{os.getpid()}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        file = os.open(draft, flags, 0o600)
        try:
            os.write(file, f"{_line(reason)}\nby {_line(who)}\n".encode())
        finally:
            os.close(file)
        draft.replace(path)
    except OSError as error:
        raise StateCorrupt(f"{path}: cannot be written: {error.strerror}") from None


def unask_halt(data_dir: Path) -> None:
    """Remove the file HALT if it is there. Raises: StateCorrupt if it cannot be removed."""
    path = data_dir / HALT_NAME
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StateCorrupt(
            f"{path}: cannot be removed: {error.strerror}", hint="remove it by hand: it halts"
        ) from None
