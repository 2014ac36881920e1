"""How the segments of a recording end: closed in good order, or cut off, and where.

Reads only. Must never take a segment that was cut off for one that is whole: all that a file can say of what
it lost is that its closing record is not there. Invariant: a recording that `mm record` ended by itself, or
was asked to end, has nothing to tell here.
"""

from itertools import pairwise
from typing import NamedTuple

from mm.store.recordings.framed.reader import FramedRecording, FramedSegment


class TornEnd(NamedTuple):
    """A segment that is not the end of its recording, as it should be. Fields: file; records: whole ones,
    behind the header; ts_ns: local time of the last; words: what is to be said of it.
    """

    file: str
    records: int
    ts_ns: int
    words: str


def torn_ends(recording: FramedRecording) -> list[TornEnd]:
    """Return where a recording was cut off, in order; raises RecordingDamaged where it cannot be read."""
    found = []
    for path, (header, after) in zip(recording.segments, pairwise((*recording.headers, None)), strict=True):
        assert header is not None
        segment = FramedSegment(path)
        for _ in segment:
            pass
        goes_on = after is not None and after.recording == header.recording
        byte = path.stat().st_size - segment.torn_bytes
        if segment.end is None:
            words = _cut_off(byte, segment.torn_bytes, goes_on=goes_on)
        elif not segment.end.is_last and not goes_on:
            words = "its closing record says that another segment follows, and there is none"
        else:
            continue
        found.append(TornEnd(str(path), segment.records, segment.last_ns, words))
    return found


def _cut_off(byte: int, torn_bytes: int, *, goes_on: bool) -> str:
    if goes_on:
        why = "although another segment follows: the file was cut off"
    else:
        why = "its mm record was killed, is still writing, or the file was cut off"
    torn = f", behind them {torn_bytes} bytes of one that is not whole" if torn_bytes else ""
    return f"its records end at byte {byte}{torn}, without the one that closes a segment: {why}"
