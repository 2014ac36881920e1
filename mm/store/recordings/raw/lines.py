"""The lines of a recorded file, plain or gzip, with where each begins. Bounded memory, one pass, no seeking.

Invariant: every byte before a damage is delivered, the damage is raised exactly once, and nothing follows.
Offsets count the decompressed content from 0, lines from 1.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final, NamedTuple

from mm.errors import RecordingDamaged, RecordingUnusable

LINE_BYTES_MAX: Final = 16 * 1024 * 1024
"""Longest line that is read; a snapshot of 5000 levels a side has 0.4 MB."""

_CHUNK_BYTES: Final = 64 * 1024
_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31  # zlib's number for "a gzip header, the largest window"


class Line(NamedTuple):
    """One line without its end. Fields: number from 1; offset: where it begins, decompressed."""

    number: int
    offset: int
    text: bytes


class _Broken(Exception):
    # The compressed stream ends or is wrong here; what came before it has been delivered. A sum that does not
    # match says no more than that something before it is wrong.
    def __init__(self, reason: str, *, is_before: bool = False) -> None:
        super().__init__(reason)
        self.is_before = is_before


def lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a file that are not empty, each whole.

    Raises: RecordingUnusable if the file cannot be opened; RecordingDamaged where it cannot be read on.
    """
    number, offset, rest = 1, 0, b""
    try:
        for piece in _pieces(path):
            *whole, rest = (rest + piece).split(b"\n")
            for text in whole:
                if text.strip():
                    yield Line(number, offset, text)
                number += 1
                offset += len(text) + 1
            if len(rest) > LINE_BYTES_MAX:
                raise RecordingDamaged.at(
                    path, line=number, offset=offset, reason=f"a line is longer than {LINE_BYTES_MAX} bytes"
                )
    except _Broken as broken:
        raise RecordingDamaged.at(
            path, line=number, offset=offset + len(rest), reason=str(broken), is_before=broken.is_before
        ) from None
    except OSError as error:
        raise RecordingUnusable(
            f"{path}: cannot be read: {error.strerror or error}", hint="name a recorded file"
        ) from None
    if rest.strip():
        yield Line(number, offset, rest)


def content_bytes(files: Sequence[Path]) -> int:
    """Return about how many bytes the files hold, for a progress bar; 0 for what cannot be looked at."""
    return sum(map(_content_bytes, files))


def _content_bytes(path: Path) -> int:
    try:
        with path.open("rb") as file:
            is_gzip = file.read(2) == b"\x1f\x8b"
            size = file.seek(0, 2)
            if not is_gzip or size < 4:
                return size
            file.seek(-4, 2)
            # The last member's size: wrong only where files were appended or are beyond 4 GiB.
            return int(struct.unpack("<I", file.read(4))[0])
    except OSError:
        return 0


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        first = file.read(_CHUNK_BYTES)
        yield from _inflated(file, first) if first.startswith(_GZIP_MAGIC) else _plain(file, first)


def _plain(file: IO[bytes], chunk: bytes) -> Iterator[bytes]:
    while chunk:
        yield chunk
        chunk = file.read(_CHUNK_BYTES)


def _inflated(file: IO[bytes], chunk: bytes) -> Iterator[bytes]:
    decoder = zlib.decompressobj(_GZIP_WINDOW)
    while chunk:
        before = decoder.copy()
        try:
            piece = decoder.decompress(chunk)
        except zlib.error as error:
            yield _as_far_as_possible(before, chunk)
            reason = _reason(error)
            is_before = reason.endswith("check")
            where = "here or before" if is_before else "here"
            raise _Broken(f"the compressed data is damaged {where} ({reason})", is_before=is_before) from None
        yield piece
        chunk = decoder.unused_data
        if decoder.eof:
            # Files are put together by appending one gzip to another; zeros behind the last are padding.
            chunk = (chunk or file.read(_CHUNK_BYTES)).lstrip(b"\0")
            if chunk and not _GZIP_MAGIC.startswith(chunk[:2]):
                raise _Broken("something follows the end of the compressed data")
            if chunk:
                decoder = zlib.decompressobj(_GZIP_WINDOW)
        if not chunk:
            chunk = file.read(_CHUNK_BYTES)
    if not decoder.eof:
        raise _Broken("the compressed data ends too early: the file is truncated")


# A chunk that fails as a whole still holds good bytes; one at a time, they come out.
def _as_far_as_possible(decoder: "zlib._Decompress", chunk: bytes) -> bytes:
    good = b""
    try:
        for index in range(len(chunk)):
            good += decoder.decompress(chunk[index : index + 1])
    except zlib.error:
        return good
    return good


def _reason(error: zlib.error) -> str:
    return str(error).rpartition(": ")[2]
