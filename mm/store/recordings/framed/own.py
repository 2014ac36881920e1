"""What a recording of `mm record` holds of an account: how many texts of which kind, and where any may miss.

Reads the records and makes no rows: a market's tape knows no account. Must never take a stream that was never
heard for one that had nothing to say. Invariant: each stretch in which the recording went on and the stream
of the account did not is one hole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from mm.domain.units import NS_PER_S
from mm.store.recordings.framed.form import FramedKind, FramedRecord, answer_of
from mm.store.recordings.framed.reader import FramedRecording, FramedSegment, is_framed

REPORT: Final = "executionReport"
BALANCES: Final = "outboundAccountPosition"
ANSWER: Final = "answer"
"""In place of the kind of an event: the venue's answer to the subscription."""

UNREADABLE: Final = "unreadable"
LISTING_PATHS: Final = ("/openOrders", "/account")
"""How the paths end under which the open orders and the balances of an account were asked for."""

NAMES: Final = {REPORT: "order reports", BALANCES: "balance changes"}
"""Kinds of events, for people."""

SEAM: Final = "another recording begins"


class _Event(msgspec.Struct, gc=False):
    kind: str = msgspec.field(name="e", default="")


class _Text(msgspec.Struct, gc=False):
    kind: str = msgspec.field(name="e", default="")
    event: _Event | None = None
    data: _Event | None = None


_text: Final = msgspec.json.Decoder(_Text)


def own_kind(payload: bytes) -> str:
    """Return the kind of event that a text of the account's stream is, ANSWER or UNREADABLE."""
    try:
        text = _text.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return UNREADABLE
    event = text.event or text.data
    return (event.kind if event is not None else text.kind) or ANSWER


def kind_words(kinds: Mapping[str, int]) -> str:
    """Return how many texts there are of which kind, for people."""
    told = [f"{kinds.get(kind, 0)} {name}" for kind, name in NAMES.items()]
    others = sorted(kinds.keys() - NAMES.keys() - {ANSWER})
    told += [f"{kinds[kind]} of {kind}" for kind in others]
    return ", ".join(told)


class OwnHole(NamedTuple):
    """A stretch without the account's stream. Fields: file, row: where it begins; from_ns, to_ns: local
    times, to_ns where it ends or the recording does; reason: in words.
    """

    file: str
    row: int
    from_ns: int
    to_ns: int
    reason: str

    @property
    def words(self) -> str:
        """How long it was, and why."""
        gone_s = (self.to_ns - self.from_ns) / NS_PER_S
        return f"the account's stream was gone for {gone_s:.3f} s: {self.reason}"


@dataclass(slots=True, kw_only=True)
class OwnFacts:
    """What was found. Fields: kinds: texts by kind of event; listings: answers with open orders or balances;
    connections: that stood; holes.
    """

    kinds: dict[str, int] = field(default_factory=dict)
    listings: int = 0
    connections: int = 0
    holes: list[OwnHole] = field(default_factory=list)

    @property
    def texts(self) -> int:
        """All of them."""
        return sum(self.kinds.values())

    def as_dict(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "texts": self.texts,
            "kinds": dict(self.kinds),
            "listings": self.listings,
            "connections": self.connections,
            "holes": [hole._asdict() for hole in self.holes],
        }

    @property
    def words(self) -> str:
        """All of it, for people."""
        holes = len(self.holes)
        lost = f"{holes} hole{'' if holes == 1 else 's'}" if holes else "no hole"
        return f"{kind_words(self.kinds)}; {self.listings} listings; {lost}"


def own_facts(paths: Sequence[Path]) -> OwnFacts | None:
    """Return what recordings hold of an account, None if it was not recorded in any of them.

    Args: paths: of recordings in whatever form; those of other forms hold no account.
    Raises: RecordingUnusable, RecordingDamaged as any reading does.
    """
    framed = [path for path in paths if is_framed(path)]
    if not framed:
        return None
    recording = FramedRecording(framed)
    if not any(header.has_account for header in recording.headers):
        return None
    reading = _Reading()
    name = ""
    for header, path in zip(recording.headers, recording.segments, strict=True):
        if not header.has_account:
            continue
        if header.recording != name:
            reading.begin(str(path), header.opened_ns, is_whole=header.segment == 1)
            name = header.recording
        for number, found in enumerate(FramedSegment(path), start=1):
            reading.take(str(path), number, found)
    return reading.end()


class _Reading:
    def __init__(self) -> None:
        self._facts = OwnFacts()
        self._gone: OwnHole | None = None
        self._last_ns = 0
        self._has_stood = True

    # Args: is_whole: its first segment is there; where it is gone, whether the stream stood is not known.
    def begin(self, file: str, ts_ns: int, *, is_whole: bool) -> None:
        if self._last_ns and self._gone is None:
            self._gone = OwnHole(file, 0, self._last_ns, 0, SEAM)
        self._has_stood = not is_whole
        self._last_ns = ts_ns
        self._began_ns = ts_ns

    def take(self, file: str, number: int, found: FramedRecord) -> None:
        facts = self._facts
        self._last_ns = found.ts_ns
        if found.kind == FramedKind.OWN:
            kind = own_kind(found.payload)
            facts.kinds[kind] = facts.kinds.get(kind, 0) + 1
        elif found.kind == FramedKind.OWN_UP:
            facts.connections += 1
            self._has_stood = True
            self._close(found.ts_ns)
        elif found.kind == FramedKind.OWN_DOWN and self._gone is None:
            # An attempt that failed before any stood: it was missing from the beginning.
            from_ns = found.ts_ns if self._has_stood else self._began_ns
            self._gone = OwnHole(file, number, from_ns, 0, found.payload.decode(errors="replace"))
        elif found.kind == FramedKind.ANSWER and self._is_listing(found.payload):
            facts.listings += 1

    def end(self) -> OwnFacts:
        self._close(self._last_ns)
        return self._facts

    def _close(self, ts_ns: int) -> None:
        if self._gone is not None:
            self._facts.holes.append(self._gone._replace(to_ns=ts_ns))
            self._gone = None

    @staticmethod
    def _is_listing(payload: bytes) -> bool:
        try:
            request, _ = answer_of(payload)
        except ValueError:
            return False
        return request.partition("?")[0].endswith(LISTING_PATHS)
