"""What a record of `mm record` says, in the nouns of a recording. The same decoder as for raw files reads it.

A local exchange wraps its frames with the name of their stream, the venue's plain socket does not: those are
given the name that they would have. Must never guess beyond that. Invariant: what is not understood is named,
never dropped in silence.
"""

from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from mm.store.recordings.framed.form import FramedKind, FramedRecord, answer_of
from mm.store.recordings.raw.decode import record_of
from mm.store.recordings.raw.lines import Line
from mm.store.recordings.raw.records import Other, Record

DEPTH_PATH_END: Final = "/depth"
"""How the path ends under which a venue of this family answers with the whole book."""

UNREADABLE: Final = "unreadable"
"""What stands for the stream of a frame that cannot be read; the adapter gave its connection up then."""

_SNAPSHOT_START: Final = b'{"lastUpdateId"'


class _Peek(msgspec.Struct, gc=False):
    # As much of a frame as tells whether it is wrapped, and of which stream it is.
    stream: str = ""
    kind: str = msgspec.field(name="e", default="")
    symbol: str = msgspec.field(name="s", default="")
    bid_size: str = msgspec.field(name="B", default="")
    last: int = msgspec.field(name="u", default=-1)


_peek: Final = msgspec.json.Decoder(_Peek)


def framed_record(found: FramedRecord, number: int) -> Record | None:
    """Return what a FRAME or ANSWER holds; None for what tells nothing of a market.

    Args: number: of the record in its file, from 1.
    """
    try:
        if found.kind == FramedKind.FRAME:
            return _frame(found, number)
        if found.kind == FramedKind.ANSWER:
            return _answer(found, number)
    except (ValueError, msgspec.DecodeError):
        return _other(found, number, UNREADABLE)
    return None


def _frame(found: FramedRecord, number: int) -> Record:
    peek = _peek.decode(found.payload)
    if peek.stream:
        return record_of(_line(found, number, found.payload))
    channel = _channel(peek)
    if not channel:
        return _other(found, number, peek.kind or "answers")
    stream = f"{peek.symbol.lower()}@{channel}".encode()
    return record_of(_line(found, number, b'{"stream":"%b","data":%b}' % (stream, found.payload)))


def _channel(peek: _Peek) -> str:
    if not peek.symbol:
        return ""
    if peek.kind == "depthUpdate":
        return "depth"
    if peek.kind == "trade":
        return "trade"
    if peek.kind == "markPriceUpdate":
        return "markPrice"
    return "bookTicker" if peek.kind in ("", "bookTicker") and peek.bid_size and peek.last >= 0 else ""


def _answer(found: FramedRecord, number: int) -> Record | None:
    request, body = answer_of(found.payload)
    parts = urlsplit(request)
    if not parts.path.endswith(DEPTH_PATH_END) or not body.startswith(_SNAPSHOT_START):
        return None
    record = record_of(_line(found, number, body))
    record.symbol = record.symbol or parse_qs(parts.query).get("symbol", [""])[0]
    return record


def _line(found: FramedRecord, number: int, text: bytes) -> Line:
    return Line(number, found.offset, b"%d %b" % (found.ts_ns, text))


def _other(found: FramedRecord, number: int, stream: str) -> Other:
    return Other(local_ns=found.ts_ns, line=number, offset=found.offset, data=found.payload, stream=stream)
