"""Recordings of `mm record` for tests: written record by record, without a thread and without a clock."""

from pathlib import Path

import msgspec

from mm.store.recordings.framed.form import (
    PREAMBLE,
    ClockNote,
    EndNote,
    FramedHeader,
    FramedKind,
    answer_payload,
    record_bytes,
)
from tests.builders.instruments import make_test_instrument
from tests.builders.recordings import Tape

BTC_USDT = make_test_instrument(
    symbol="BTC/USDT", venue_symbol="BTCUSDT", base="BTC", quote="USDT", tick_size="0.01", lot_size="0.00001"
)
BEGAN_NS = 1_723_161_250_000_000_000
DEPTH = "/api/v3/depth?symbol=BTCUSDT&limit=1000"


def a_header(**changes: object) -> FramedHeader:
    """Return a header, `changes` applied."""
    fields: dict[str, object] = {
        "recording": "binance-20240808T235410.000Z",
        "venue": "binance",
        "instruments": (BTC_USDT,),
        "began_ns": BEGAN_NS,
        "written_by": "0",
        "segment": 1,
        "opened_ns": BEGAN_NS,
    }
    return FramedHeader(**(fields | changes))  # type: ignore[arg-type]  # the caller names the fields


class FramedTape:
    """A segment that is written record by record. Fields: content: the file; offsets: of its records."""

    def __init__(self, header: FramedHeader | None = None) -> None:
        """Begin with a header."""
        self.header = header or a_header()
        self.content = PREAMBLE
        self.offsets: list[int] = []
        self.ts_ns = self.header.opened_ns
        self.add(FramedKind.HEADER, msgspec.msgpack.encode(self.header), ts_ns=self.ts_ns)
        self.offsets.clear()

    def add(
        self, kind: FramedKind, payload: bytes, *, connection: int = 0, ts_ns: int | None = None
    ) -> "FramedTape":
        """Add a record, a millisecond after the one before if no time is given."""
        self.ts_ns = self.ts_ns + 1_000_000 if ts_ns is None else ts_ns
        self.offsets.append(len(self.content))
        self.content += record_bytes(kind, connection, self.ts_ns, payload)
        return self

    def frame(self, text: bytes, *, connection: int = 1, ts_ns: int | None = None) -> "FramedTape":
        """Add a frame of a stream."""
        return self.add(FramedKind.FRAME, text, connection=connection, ts_ns=ts_ns)

    def answer(self, body: bytes, request: str = DEPTH, *, ts_ns: int | None = None) -> "FramedTape":
        """Add the answer to a request."""
        return self.add(FramedKind.ANSWER, answer_payload(request, body), ts_ns=ts_ns)

    def tape(self, tape: Tape, *, connection: int = 1, wrapped: bool = True) -> "FramedTape":
        """Add what a raw recording holds. Args: wrapped: with the names of the streams, as it is there."""
        self.add(FramedKind.UP, b"", connection=connection, ts_ns=_time(tape.lines[0]))
        for line in tape.lines:
            _, _, text = line.partition(b" ")
            if text.startswith(b'{"lastUpdateId"'):
                self.answer(text, ts_ns=_time(line))
            else:
                inner = (
                    text if wrapped else bytes(msgspec.json.decode(text, type=dict[str, msgspec.Raw])["data"])
                )
                self.frame(inner, connection=connection, ts_ns=_time(line))
        return self

    def clock(self, offset_ns: int) -> "FramedTape":
        """Add a measure of the venue's clock."""
        note = ClockNote(offset_ns=offset_ns, round_trip_ns=1_000_000)
        return self.add(FramedKind.CLOCK, msgspec.msgpack.encode(note))

    def end(self, *, is_last: bool = True, reason: str = "done") -> "FramedTape":
        """Close it in good order."""
        note = EndNote(reason=reason, is_last=is_last, records=len(self.offsets))
        return self.add(FramedKind.END, msgspec.msgpack.encode(note), ts_ns=self.ts_ns)

    def save(self, folder: Path, name: str = "") -> Path:
        """Write it; return its path."""
        path = folder / (name or f"{self.header.recording}-{self.header.segment:05}.mmr")
        path.write_bytes(self.content)
        return path


def _time(line: bytes) -> int:
    return int(line.partition(b" ")[0])
