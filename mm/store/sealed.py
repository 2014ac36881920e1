"""Files of one object beside its digest, as JSON: `{"NAME": {"version": 1, ...}, "digest": "SHA-256"}`.

One is read whole or not at all: what was damaged, edited, is something else or was written by a newer mm is
an error in words, never a guess.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from mm.errors import StateCorrupt
from mm.store.textfile import new_file

T = TypeVar("T", bound=msgspec.Struct)


class _Version(msgspec.Struct, frozen=True, kw_only=True):
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedForm(Generic[T]):
    """What such files are like.

    Fields: kind: of the object, with a field `version`; name: under which it stands in the file; version: the
    newest that is known; bytes_max: of a file; what: what it is no file of, in words; anew: what helps.
    """

    kind: type[T]
    name: str
    version: int
    bytes_max: int
    what: str
    anew: str

    def write(self, path: Path, value: T) -> None:
        """Write an object, whole or not at all; what was there is replaced. Raises: StateCorrupt."""
        try:
            body = msgspec.json.encode(value)
            new_file(path, msgspec.json.encode({self.name: msgspec.Raw(body), "digest": _digest(body)}))
        except (OSError, OverflowError) as error:
            raise StateCorrupt(f"{path}: cannot be written: {error}") from None

    def read(self, path: Path) -> T:
        """Return the object of a file. Raises: StateCorrupt; FileNotFoundError if there is none."""
        content = self._content(path)
        try:
            found = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
            if sorted(found) != sorted((self.name, "digest")):
                raise ValueError(f"its keys are {', '.join(sorted(found)) or 'none'}")
            body = bytes(found[self.name])
            version = msgspec.json.decode(body, type=_Version).version
            if version > self.version:
                told = f"written by a newer mm (version {version}, this one reads {self.version})"
                raise StateCorrupt(f"{path}: {told}", hint=self.anew)
            if msgspec.json.decode(found["digest"], type=str) != _digest(body):
                raise StateCorrupt(f"{path}: damaged or edited: its digest does not fit", hint=self.anew)
            return msgspec.json.decode(body, type=self.kind)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise StateCorrupt(f"{path}: not {self.what}: {error}", hint=self.anew) from None

    def _content(self, path: Path) -> bytes:
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(file, "rb") as opened:
                content = opened.read(self.bytes_max + 1)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StateCorrupt(f"{path}: cannot be read: {error.strerror}") from None
        if len(content) > self.bytes_max:
            raise StateCorrupt(f"{path}: larger than {self.bytes_max} bytes", hint=self.anew)
        return content


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
