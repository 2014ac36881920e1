"""How a recording of `mm record` lies on the disk: a preamble, then records of head, payload and CRC32.

A record holds what came as it came: the text of a frame, the body of an answer, byte for byte; what we know
beside it (times, connections, clock offsets) stands in records of its own. Little endian. The CRC is zlib's:
the standard library has no CRC32C, and both find every burst of up to 32 bits. Must never interpret a payload
of the venue. Invariant: a record that parses is exactly what was written.
"""

import struct
from enum import IntEnum
from mmap import mmap
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from mm.domain.instrument import Instrument

FORMAT: Final = 1
PREAMBLE: Final = b"mmr-%04d" % FORMAT
"""The first bytes of each segment: what the file is, and the number of this format."""

SUFFIX: Final = ".mmr"
"""How the name of a segment ends."""

MARK: Final = 0xB3D5
"""The first two bytes of each record, by which whole records behind damage are found."""

HEAD: Final = struct.Struct("<HBxIIq")
"""Mark, kind, bytes of the payload, connection, local time in ns."""

CRC_BYTES: Final = 4
RECORD_BYTES_MIN: Final = HEAD.size + CRC_BYTES
PAYLOAD_BYTES_MAX: Final = 16 * 1024 * 1024
"""Longest payload: forty times the largest snapshot of a book that is asked for."""

_MARK_BYTES: Final = MARK.to_bytes(2, "little")
_LENGTH: Final = struct.Struct("<H")


class FramedKind(IntEnum):
    """What a record is; the numbers are in files and never change.

    HEADER: what is recorded, first in each segment. FRAME: a text of a market stream, as received. ANSWER: a
    request of ours and the body of its answer, as received. OWN: a text of the account's stream. CLOCK: the
    venue's clock was measured. UP, DOWN: a connection stands, or ended with a reason. FAILED: a request that
    brought no answer. END: a segment was closed in good order. OWN_UP, OWN_DOWN: as UP and DOWN, of the
    account's stream, whose connections are numbered by themselves.
    """

    HEADER = 1
    FRAME = 2
    ANSWER = 3
    OWN = 4
    CLOCK = 5
    UP = 6
    DOWN = 7
    FAILED = 8
    END = 9
    OWN_UP = 10
    OWN_DOWN = 11


KINDS: Final = frozenset(FramedKind)
OWN_KINDS: Final = frozenset({FramedKind.OWN, FramedKind.OWN_UP, FramedKind.OWN_DOWN})
"""What tells of an account and of no market."""


class FramedHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording is of. The same in each of its segments but for the last five fields.

    Fields:
        recording: its name, the same for all its segments. venue: as in the config, "binance".
        instruments: what the venue said of each symbol when it began; their symbols are unified names.
        began_ns: local time at which the recording began. written_by: version of mm.
        segment: from 1 on, without a hole while nothing was dropped; opened_ns: local time of its beginning.
        offset_ns, round_trip_ns: the venue's clock minus ours as last measured; round trip 0: never was.
        scale: seconds of the recorded time per second of the wall, for a local exchange that runs faster.
        has_account: the stream of an account is recorded beside the market.
    """

    recording: str
    venue: str
    instruments: tuple[Instrument, ...]
    began_ns: int
    written_by: str
    segment: int
    opened_ns: int
    offset_ns: int = 0
    round_trip_ns: int = 0
    scale: float = 1.0
    has_account: bool = False

    @property
    def symbols(self) -> tuple[str, ...]:
        """Unified names of what is recorded."""
        return tuple(instrument.symbol for instrument in self.instruments)


class ClockNote(msgspec.Struct, frozen=True, kw_only=True):
    """Payload of CLOCK. Fields: offset_ns: the venue's clock minus ours; round_trip_ns: of the request."""

    offset_ns: int
    round_trip_ns: int


class FailedNote(msgspec.Struct, frozen=True, kw_only=True):
    """Payload of FAILED. Fields: what: was asked; subject: of what; reason: in words."""

    what: str
    subject: str
    reason: str


class EndNote(msgspec.Struct, frozen=True, kw_only=True):
    """Payload of END. Fields: reason: why it ends; is_last: no segment of the recording follows.

    records: before this one in its segment.
    """

    reason: str
    is_last: bool
    records: int


class FramedRecord(NamedTuple):
    """One record, its CRC checked. Fields: connection: number of the attempt to connect, from 1; 0: none.

    payload: as received. offset: where it begins in its file. size: of the whole record in bytes.
    """

    kind: int
    connection: int
    ts_ns: int
    payload: bytes
    offset: int
    size: int


def record_bytes(kind: int, connection: int, ts_ns: int, payload: bytes) -> bytes:
    """Return the bytes of a record; raises ValueError if the payload is longer than PAYLOAD_BYTES_MAX."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise ValueError(f"a payload has {len(payload)} bytes, at most {PAYLOAD_BYTES_MAX} are recorded")
    body = HEAD.pack(MARK, kind, len(payload), connection, ts_ns) + payload
    return body + crc32(body).to_bytes(CRC_BYTES, "little")


def parse(content: bytes, at: int, base: int = 0) -> FramedRecord | int:
    """Return the record that begins at `at`, or how many bytes it needs; 0 if no record begins there.

    Args: base: where `content` begins in its file.
    """
    if len(content) - at < HEAD.size:
        return HEAD.size
    mark: int
    length: int
    mark, kind, length, connection, ts_ns = HEAD.unpack_from(content, at)
    if mark != MARK or length > PAYLOAD_BYTES_MAX or kind not in KINDS:
        return 0
    size = RECORD_BYTES_MIN + length
    if len(content) - at < size:
        return size
    end = at + size - CRC_BYTES
    if crc32(memoryview(content)[at:end]) != int.from_bytes(content[end : end + CRC_BYTES], "little"):
        return 0
    return FramedRecord(kind, connection, ts_ns, content[at + HEAD.size : end], base + at, size)


def find_mark(content: bytes | mmap, start: int) -> int:
    """Return where the next mark of a record begins from `start` on, -1 if there is none."""
    return content.find(_MARK_BYTES, start)


def begins_record(content: bytes) -> bool:
    """Return whether `content` is the beginning of a record that needs more bytes than there are."""
    if len(content) < len(_MARK_BYTES):
        return _MARK_BYTES.startswith(content)
    if not content.startswith(_MARK_BYTES) or (len(content) > 2 and content[2] not in KINDS):
        return False
    needed = parse(content, 0)
    return not isinstance(needed, FramedRecord) and needed > len(content)


def answer_payload(request: str, body: bytes) -> bytes:
    """Return the payload of ANSWER. Args: request: path and query, without a host, at most 65 535 bytes."""
    asked = request.encode()
    return _LENGTH.pack(len(asked)) + asked + body


def answer_of(payload: bytes) -> tuple[str, bytes]:
    """Return request and body of an ANSWER; raises ValueError if it holds none."""
    if len(payload) < _LENGTH.size:
        raise ValueError("an answer without its request")
    end = _LENGTH.size + int(_LENGTH.unpack_from(payload)[0])
    if end > len(payload):
        raise ValueError("an answer whose request is cut off")
    return payload[_LENGTH.size : end].decode(), payload[end:]
