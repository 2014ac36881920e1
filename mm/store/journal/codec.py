"""Entries to bytes and back: msgpack of the tagged structs, with an explicit version for each type.

A change in the fields of a type asks for a new version here (a test compares). A segment names the versions
that it was written with; a record whose version is not read here is an error in words, never a guess.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from mm.domain.commands import AnyCommand
from mm.domain.estate import Estate
from mm.domain.events import AnyEvent
from mm.errors import JournalForeign
from mm.store.journal.entries import ConfigVersion, Entry, Kind, Missing, OperatorNote, SegmentHeader

READS: Final[dict[str, tuple[int, ...]]] = {
    "AccessDenied": (1,),
    "AckMismatch": (1,),
    "Advanced": (1,),
    "BalanceChanged": (1, 2),
    "BalancesListed": (1,),
    "BookDelta": (1,),
    "BookLost": (1,),
    "BookSnapshot": (1,),
    "Cancel": (1,),
    "CancelRejected": (1,),
    "CancelUnknown": (1,),
    "ClockDoubted": (1,),
    "ClockMeasured": (1,),
    "ConfigApplied": (1,),
    "ConfigVersion": (1,),
    "Connect": (1, 2),
    "Estate": (1, 2, 3, 4),
    "FillsListed": (1,),
    "ListBalances": (1,),
    "ListFills": (1,),
    "ListOrders": (1,),
    "MeasureClock": (1,),
    "Missing": (1,),
    "OperatorAsked": (1,),
    "OperatorNote": (1,),
    "OrderAcked": (1,),
    "OrderCanceled": (1,),
    "OrderExpired": (1,),
    "OrderFilled": (1,),
    "OrderNotFound": (1,),
    "OrderRejected": (1,),
    "OrderSeen": (1,),
    "OrdersListed": (1,),
    "Place": (1,),
    "PlaceUnknown": (1,),
    "PublicTrade": (1, 2),
    "Query": (1,),
    "RateUsed": (1,),
    "Report": (1,),
    "RequestFailed": (1,),
    "SegmentHeader": (1,),
    "StreamDown": (1, 2),
    "StreamUp": (1, 2),
    "SyncBook": (1,),
    "Throttled": (1, 2),
    "TopOfBook": (1,),
}
"""Versions of each type that are read as they are, oldest first; the last is the one that is written.

A field that was added with a default keeps the older versions; any other change drops them.
"""

WRITES: Final[dict[str, int]] = {name: versions[-1] for name, versions in READS.items()}
"""The version of each type that is written."""

_TAG_AT: Final = 7
_WAY_FORWARD: Final = "read it with the version of mm that wrote it; nothing was changed"


class _Tagged(msgspec.Struct, gc=False):
    # The name of the type alone; all else is passed over.
    type: str


_ENCODER: Final = msgspec.msgpack.Encoder()
_TAG: Final = msgspec.msgpack.Decoder(_Tagged)
_HEADER: Final = msgspec.msgpack.Decoder(SegmentHeader)
_EVENT: Final[msgspec.msgpack.Decoder[Entry]] = msgspec.msgpack.Decoder(AnyEvent)
_DECODERS: Final[dict[int, msgspec.msgpack.Decoder[Entry]]] = {
    Kind.EVENT: _EVENT,
    Kind.OUTCOME: _EVENT,
    Kind.COMMAND: msgspec.msgpack.Decoder(AnyCommand),
    Kind.CONFIG: msgspec.msgpack.Decoder(ConfigVersion),
    Kind.NOTE: msgspec.msgpack.Decoder(OperatorNote),
    Kind.MISSING: msgspec.msgpack.Decoder(Missing),
    Kind.CHECKPOINT: msgspec.msgpack.Decoder(Estate),
}

encode: Final = _ENCODER.encode
"""Return the bytes of an entry; equal entries give equal bytes. Raises: OverflowError beyond 64 bits."""


class Codec:
    """Decodes the records of one segment.

    Fields: unread: types of it that this version of mm does not read, with the version they were written in.
    """

    def __init__(self, types: Mapping[str, int], place: str) -> None:
        """Keep what the segment says of its types. Args: place: the file, for messages."""
        self.unread = {name: version for name, version in types.items() if version not in READS.get(name, ())}
        self._place = place

    def decode(self, kind: int, payload: bytes, offset: int) -> Entry:
        """Return the entry of a record at `offset`.

        Raises: JournalForeign if its type, its version or its fields are not those that are read here.
        """
        if self.unread:
            self._check_version(payload, offset)
        decoder = _DECODERS.get(kind)
        if decoder is None:
            raise self._foreign(f"a record of kind {kind}, which is unknown here", offset)
        try:
            return decoder.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._foreign(f"a record whose fields are not read here: {error}", offset) from None

    def _check_version(self, payload: bytes, offset: int) -> None:
        try:
            name = _TAG.decode(payload).type
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._foreign(f"a record without a type: {error}", offset) from None
        if name not in self.unread:
            return
        known = ", ".join(map(str, READS.get(name, ()))) or "none"
        raise self._foreign(f"a record {name} of version {self.unread[name]}; this mm reads: {known}", offset)

    def _foreign(self, found: str, offset: int) -> JournalForeign:
        return _foreign(self._place, offset, found)


def decode_header(payload: bytes, place: str, *, offset: int = 0) -> SegmentHeader:
    """Return the header of a segment, which lies at `offset`.

    Raises: JournalForeign if it is not one that is read here.
    """
    try:
        return _HEADER.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _foreign(place, offset, f"a header that is not read here: {error}") from None


def tag_of(payload: bytes) -> bytes:
    """Return the name of the type of a record, as its payload says it, without decoding the rest."""
    # A tagged struct is a map whose first key is "type"; names are shorter than 32 characters.
    return payload[_TAG_AT : _TAG_AT + (payload[_TAG_AT - 1] & 31)]


def _foreign(place: str, offset: int, found: str) -> JournalForeign:
    return JournalForeign(f"{place}: byte {offset}: {found}", path=place, offset=offset, hint=_WAY_FORWARD)
