"""How records lie on the disk: a preamble, then frames of head, payload and CRC32, little endian.

The CRC covers the whole frame before it, so that no byte can change unseen. It is zlib's CRC32: the standard
library has no CRC32C, both find every burst of up to 32 bits, and damage that means harm is the chain's
business. Invariant: a frame that parses is exactly what was written.
"""

import struct
from mmap import mmap
from typing import Final, NamedTuple
from zlib import crc32

from mm.store.journal.entries import Kind

FORMAT: Final = 1
PREAMBLE: Final = b"mmj-%04d" % FORMAT
"""The first bytes of each segment: what the file is, and the number of this format."""

MARK: Final = 0xA7C1
"""The first two bytes of each frame, by which whole frames behind damage are found."""

HEAD: Final = struct.Struct("<HBxIQq")
"""Mark, kind, bytes of the payload, sequence number, core's time in ns."""

CRC_BYTES: Final = 4
FRAME_BYTES_MIN: Final = HEAD.size + CRC_BYTES
PAYLOAD_BYTES_MAX: Final = 8_000_000
DIGEST_BYTES: Final = 32
NO_DIGEST: Final = bytes(DIGEST_BYTES)
"""What stands for the end of the segment before the first one."""

END_BLOCK: Final = 0
END_SEGMENT: Final = 1
END_JOURNAL: Final = 2
"""What a block ends: nothing, its segment, or the family because the run was closed in good order."""

END_FRAME_BYTES: Final = FRAME_BYTES_MIN + DIGEST_BYTES + 1

_MARK_BYTES: Final = MARK.to_bytes(2, "little")


class Frame(NamedTuple):
    """One frame, its CRC checked. Fields: size: of the whole frame in bytes."""

    kind: int
    seq: int
    ts_ns: int
    payload: bytes
    size: int


class Block(NamedTuple):
    """A link of the chain. Fields: digest: over everything since the last one; ends: END_*."""

    digest: bytes
    ends: int


def frame(kind: int, seq: int, ts_ns: int, payload: bytes) -> bytes:
    """Return the bytes of a frame. `Journal.append` holds the same lines: it is run with every event."""
    body = HEAD.pack(MARK, kind, len(payload), seq, ts_ns) + payload
    return body + crc32(body).to_bytes(CRC_BYTES, "little")


def parse(content: bytes, at: int) -> Frame | int:
    """Return the frame that begins at `at`, or how many bytes it needs; 0 if no frame begins there."""
    if len(content) - at < HEAD.size:
        return HEAD.size
    mark: int
    length: int
    mark, kind, length, seq, ts_ns = HEAD.unpack_from(content, at)
    if mark != MARK or length > PAYLOAD_BYTES_MAX:
        return 0
    size = FRAME_BYTES_MIN + length
    if len(content) - at < size:
        return size
    end = at + size - CRC_BYTES
    if crc32(content[at:end]) != int.from_bytes(content[end : end + CRC_BYTES], "little"):
        return 0
    return Frame(kind, seq, ts_ns, content[at + HEAD.size : end], size)


def find_mark(content: bytes | mmap, start: int) -> int:
    """Return where the next mark of a frame begins from `start` on, -1 if there is none."""
    return content.find(_MARK_BYTES, start)


def blocks_before(content: mmap, at: int, kind: int) -> list[tuple[int, int]]:
    """Return begin and end of each block from `at` on that lies before the last record of `kind`.

    Heads alone are looked at, a fifth of the cost of parsing: whether the frames are whole is for the chain
    to say. Where a head does not follow the one before, nothing further is looked at.
    """
    blocks: list[tuple[int, int]] = []
    wanted, last_seq, size, unpack = 0, 0, len(content), HEAD.unpack_from
    while at + FRAME_BYTES_MIN <= size:
        mark, found, length, seq, _ = unpack(content, at)
        end = at + FRAME_BYTES_MIN + length
        if mark != MARK or end > size:
            break
        if found == Kind.BLOCK:
            blocks.append((at, end))
        elif seq <= last_seq:
            break
        elif found == kind:
            wanted = len(blocks)
        last_seq, at = seq, end
    return blocks[:wanted]


def is_other_format(preamble: bytes) -> bool:
    """Return whether these are the first bytes of a segment in another format than this one."""
    return (
        len(preamble) == len(PREAMBLE)
        and preamble[:4] == PREAMBLE[:4]
        and preamble[4:].isdigit()
        and preamble != PREAMBLE
    )


def block_payload(digest: bytes, ends: int) -> bytes:
    """Return the payload of a block."""
    return digest + bytes((ends,))


def block_of(read: Frame) -> Block | None:
    """Return the block that a frame holds, None if it holds none."""
    fits = read.kind == Kind.BLOCK and len(read.payload) == DIGEST_BYTES + 1
    return Block(read.payload[:DIGEST_BYTES], read.payload[DIGEST_BYTES]) if fits else None
