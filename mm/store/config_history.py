"""Every config that was in force, kept in `DATA_DIR/config`: the text of each, and who brought it when.

`NNNN.toml` is the text of a revision, `history.jsonl` has a line for each that was handed to a run. Both are
on the disk before the engine hears of the revision, so that no crash in between puts it in another's name.
Invariant: a number is given out once, and a line that a crash cut off hides no other.
"""

import contextlib
import hashlib
import os
import re
from pathlib import Path
from typing import Final

import msgspec

from mm.errors import NotRunning, StateCorrupt
from mm.store.paths import private_directory
from mm.store.textfile import new_file

FOLDER: Final = "config"
LINES_NAME: Final = "history.jsonl"

LINES_BYTES_MAX: Final = 4_000_000
"""So much of the end of the history is read; what lies before it is old."""

_TEXT_NAME: Final = re.compile(r"(\d{4,9})\.toml")


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """One config that was brought.

    Fields: revision: from 1; time: UTC, RFC 3339; who; origin: "start", "cli", "hup" or "file"; digest:
    SHA-256 of the text, hex; path: of the file; changed: the keys.
    """

    revision: int
    time: str
    who: str
    origin: str
    digest: str
    path: str
    changed: tuple[str, ...] = ()


def text_digest(text: str) -> str:
    """Return the digest of a config's text."""
    return hashlib.sha256(text.encode()).hexdigest()


class ConfigHistory:
    """The history in one data directory; nothing is made before something is kept."""

    def __init__(self, data_dir: Path) -> None:
        """Look into `data_dir`."""
        self._folder = data_dir / FOLDER

    def revisions(self) -> list[Revision]:
        """Return what was applied, oldest first; a line that cannot be read is left out."""
        found = []
        for line in self._lines():
            with contextlib.suppress(msgspec.MsgspecError):
                found.append(msgspec.json.decode(line, type=Revision))
        return found

    def newest(self) -> Revision | None:
        """Return what was applied last, None in a directory without a history."""
        found = self.revisions()
        return found[-1] if found else None

    def text(self, revision: int) -> str:
        """Return the text of a revision.

        Raises: NotRunning if there is none of that number; StateCorrupt if it cannot be read.
        """
        try:
            return self._file(revision).read_bytes().decode()
        except FileNotFoundError:
            known = ", ".join(str(one.revision) for one in self.revisions()[-10:])
            raise NotRunning(
                f"there is no revision {revision}", hint=f"revisions: {known or 'none yet'}"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise StateCorrupt(f"{self._file(revision)}: cannot be read: {error}") from None

    def keep(self, text: str) -> int:
        """Write the text of a revision that is about to be applied and return its number.

        Raises: StateCorrupt if it cannot be written.
        """
        private_directory(self._folder)
        revision = max((0, *self._numbers(), *(one.revision for one in self.revisions()))) + 1
        try:
            new_file(self._file(revision), text.encode())
        except OSError as error:
            raise StateCorrupt(f"{self._file(revision)}: cannot be written: {error.strerror}") from None
        return revision

    def note(self, revision: Revision) -> None:
        """Note that a revision is handed to a run; raises StateCorrupt if that cannot be written."""
        path = private_directory(self._folder) / LINES_NAME
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            with os.fdopen(os.open(path, flags, 0o600), "rb+", buffering=0) as file:
                size = file.seek(0, os.SEEK_END)
                cut_off = bool(size) and os.pread(file.fileno(), 1, size - 1) != b"\n"
                file.write((b"\n" if cut_off else b"") + msgspec.json.encode(revision) + b"\n")
                os.fsync(file.fileno())
        except OSError as error:
            raise StateCorrupt(f"{path}: cannot be written: {error.strerror}") from None

    def _file(self, revision: int) -> Path:
        return self._folder / f"{revision:04d}.toml"

    def _numbers(self) -> list[int]:
        matches = [_TEXT_NAME.fullmatch(path.name) for path in self._folder.iterdir()]
        return [int(match[1]) for match in matches if match is not None]

    def _lines(self) -> list[bytes]:
        try:
            with (self._folder / LINES_NAME).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - LINES_BYTES_MAX))
                return file.read().split(b"\n")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StateCorrupt(f"{self._folder / LINES_NAME}: cannot be read: {error.strerror}") from None
