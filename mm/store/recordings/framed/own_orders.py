"""Order reports of a recorded account: when each was heard, and when it happened by the receiver's clock.

Reads what `mm record --account` wrote. Must never guess: a report that cannot be read counts as lost, as what
a stream that was down would have told. Invariant: a report happened before it was heard, whatever the clocks
say.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from mm.domain.units import NS_PER_MS
from mm.store.recordings.framed.form import ClockNote, FramedKind, FramedRecord
from mm.store.recordings.framed.own import REPORT, UNREADABLE, own_kind
from mm.store.recordings.framed.reader import FramedRecording, FramedSegment


class OwnReport(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One step of an order, with the venue's words.

    Fields:
        ts_ns: local time at which it was heard; happened_ns: local time before which it did not happen.
        symbol: as the venue calls it. order_id: the venue's. execution: what happened, "NEW"; status: of the
        order since. order_type, time_in_force, side, price, size: of the order. last_size, trade_id,
        is_maker: of an execution.
    """

    symbol: str = msgspec.field(name="s")
    order_id: int = msgspec.field(name="i")
    execution: str = msgspec.field(name="x")
    status: str = msgspec.field(name="X")
    order_type: str = msgspec.field(name="o")
    time_in_force: str = msgspec.field(name="f")
    side: str = msgspec.field(name="S")
    price: str = msgspec.field(name="p")
    size: str = msgspec.field(name="q")
    last_size: str = msgspec.field(name="l")
    trade_id: int = msgspec.field(name="t")
    is_maker: bool = msgspec.field(name="m")
    venue_ms: int = msgspec.field(name="T")
    ts_ns: int = msgspec.field(name=" heard", default=0)
    happened_ns: int = msgspec.field(name=" happened", default=0)


class OwnLost(NamedTuple):
    """From here on orders may have changed unheard. Fields: ts_ns: local time."""

    ts_ns: int


class OwnEnd(NamedTuple):
    """A recording ends. Fields: ts_ns: local time of its newest record."""

    ts_ns: int


class _Wrapped(msgspec.Struct, gc=False):
    event: OwnReport | None = None
    data: OwnReport | None = None


_wrapped: Final = msgspec.json.Decoder(_Wrapped)
_bare: Final = msgspec.json.Decoder(OwnReport)

OwnStep = OwnReport | OwnLost | OwnEnd


def own_orders(recording: FramedRecording) -> Iterator[OwnStep]:
    """Yield what was heard of orders, in order; raises RecordingDamaged where it cannot be read on."""
    name, reading = "", _Reading()
    for header, path in zip(recording.headers, recording.segments, strict=True):
        if name and header.recording != name:
            yield OwnEnd(reading.last_ns)
        if header.recording != name:
            name = header.recording
            reading = _Reading(header.opened_ns)
            reading.measured(header.offset_ns, header.round_trip_ns)
        for found in FramedSegment(path):
            step = reading.take(found)
            if step is not None:
                yield step
    yield OwnEnd(reading.last_ns)


class _Reading:
    def __init__(self, ts_ns: int = 0) -> None:
        self.last_ns = ts_ns
        self._offset_ns = self._round_trip_ns = 0

    # The quickest measure is the least wrong; a round trip of 0 is none.
    def measured(self, offset_ns: int, round_trip_ns: int) -> None:
        if round_trip_ns and (not self._round_trip_ns or round_trip_ns < self._round_trip_ns):
            self._offset_ns, self._round_trip_ns = offset_ns, round_trip_ns

    def take(self, found: FramedRecord) -> OwnStep | None:
        self.last_ns = found.ts_ns
        if found.kind == FramedKind.OWN:
            return self._own(found)
        if found.kind == FramedKind.OWN_DOWN:
            return OwnLost(found.ts_ns)
        if found.kind == FramedKind.CLOCK:
            note = msgspec.msgpack.decode(found.payload, type=ClockNote)
            self.measured(note.offset_ns, note.round_trip_ns)
        return None

    def _own(self, found: FramedRecord) -> OwnStep | None:
        kind = own_kind(found.payload)
        if kind == UNREADABLE:
            return OwnLost(found.ts_ns)
        if kind != REPORT:
            return None
        try:
            wrapped = _wrapped.decode(found.payload)
            report = wrapped.event or wrapped.data or _bare.decode(found.payload)
        except msgspec.DecodeError:
            return OwnLost(found.ts_ns)
        return msgspec.structs.replace(
            report, ts_ns=found.ts_ns, happened_ns=min(found.ts_ns, self._local_ns(report.venue_ms))
        )

    # The venue cuts its times to the millisecond: it did not happen before that. Half the round trip is what
    # a measure of the clock can be wrong by; without any measure nothing is known but when it was heard.
    def _local_ns(self, venue_ms: int) -> int:
        if not self._round_trip_ns:
            return self.last_ns
        return venue_ms * NS_PER_MS - self._offset_ns - self._round_trip_ns // 2
