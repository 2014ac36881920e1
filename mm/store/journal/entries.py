"""What a record of a journal can be: the kinds, the families, and the entries that only a journal holds.

Events and commands come from the domain. The structs here are written too: each has its row in the codec.
"""

from enum import IntEnum, StrEnum
from typing import Final, TypeAlias

import msgspec

from mm.domain.commands import AnyCommand
from mm.domain.estate import Estate
from mm.domain.events import AnyEvent, BookDelta, BookSnapshot, PublicTrade, TopOfBook


class Kind(IntEnum):
    """What a frame holds. The numbers are on the disk and never change.

    EVENT: from outside; OUTCOME: an event that a simulated venue computed; COMMAND: what the engine asked
    for; CONFIG: the configuration that holds from here on; NOTE: an operator's words; MISSING: records that
    are not there, dropped on purpose or torn off by a crash; CHECKPOINT: what the run would leave if it ended
    here, so that a later life reads no further back. HEADER and BLOCK are the file's own.
    """

    HEADER = 0
    EVENT = 1
    OUTCOME = 2
    COMMAND = 3
    CONFIG = 4
    NOTE = 5
    MISSING = 6
    BLOCK = 7
    CHECKPOINT = 8


EVENT: Final = Kind.EVENT
OUTCOME: Final = Kind.OUTCOME
COMMAND: Final = Kind.COMMAND
CONFIG: Final = Kind.CONFIG
NOTE: Final = Kind.NOTE
MISSING: Final = Kind.MISSING
CHECKPOINT: Final = Kind.CHECKPOINT
"""The kinds of records as plain constants, for code that runs with every event."""


class Family(StrEnum):
    """Which files a record lies in: the market's are dropped after days, our own never."""

    OWN = "own"
    MARKET = "market"


MARKET_TYPES: Final[frozenset[type]] = frozenset({BookDelta, BookSnapshot, PublicTrade, TopOfBook})
"""The types of events that go to the market family."""


class ConfigVersion(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """The configuration that holds from here on. Fields: digest and text of it; who: asked for it."""

    digest: str
    text: str
    who: str


class OperatorNote(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Something for the record. Fields: who: wrote it; text: free words, no secrets."""

    who: str
    text: str


class Cause(StrEnum):
    """Why records are not there: dropped by retention, or torn off by a crash."""

    DROPPED = "dropped"
    TORN = "torn"


class Missing(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Records of one family between two numbers are not in the journal, and that is known.

    Fields: segment: the file that held them, 0 if unknown; first_seq, last_seq: inclusive, last below first
    when no number is known to be missing; cut_bytes: of a torn end; end_digest: of the chain at the end of a
    dropped segment, so that the chain goes on behind it.
    """

    family: Family
    cause: Cause
    segment: int
    first_seq: int
    last_seq: int
    cut_bytes: int = 0
    end_digest: bytes = b""


class RunHeader(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a run is, written at the head of each of its segments.

    Fields: run_id: as in `layout`; epoch: the number of the life; code_version: of mm; began_ns: the core's
    time of the start; config_digest, config_text: the configuration it began with, without secrets.
    """

    run_id: str
    epoch: int
    code_version: str
    began_ns: int
    config_digest: str
    config_text: str


class SegmentHeader(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """The first frame of a segment.

    Fields: segment: its number in the family, from 1; first_seq: no record in it has a lower number;
    previous: the chain's digest at the end of the segment before; types: versions it was written with.
    """

    run: RunHeader
    family: Family
    segment: int
    first_seq: int
    previous: bytes
    types: dict[str, int]


Entry: TypeAlias = AnyEvent | AnyCommand | ConfigVersion | OperatorNote | Missing | Estate
"""Everything that a record can hold."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record as it is read.

    Fields: seq: its number, from 1 and without gaps over the whole run; ts_ns: the core's time; payload: the
    bytes of `entry` on the disk.
    """

    seq: int
    ts_ns: int
    kind: Kind
    entry: Entry
    payload: bytes
