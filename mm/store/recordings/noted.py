"""Gaps of a source that are known only when it is read: noted as its chunks go by.

Must never change what it hands on. Invariant: after a reading each lost book in it is noted once.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from mm.domain.events import BookLost
from mm.domain.tape import DELTA, KEYFRAME, OTHER, SNAPSHOT, WINDOW_ROWS, Chunk
from mm.store.recordings.detailed import Detailed
from mm.store.recordings.source import SourceGap

_CHANGES: Final = (SNAPSHOT, DELTA)


class GapNotes:
    """The gaps of one reading. Fields: gaps: noted so far; where no whole book came yet, `until_ns` is 0."""

    def __init__(self, name: str) -> None:
        """Begin without gaps. Args: name: of the source, as their place."""
        self.gaps: tuple[SourceGap, ...] = ()
        self._name = name
        self._noted: list[SourceGap] = []
        self._open: dict[str, list[int]] = {}
        self._changed_ns: dict[str, int] = {}

    def through(self, told: Iterator[Detailed]) -> Iterator[Detailed]:
        """Hand the chunks of a reading on; what an earlier one noted is forgotten."""
        self.gaps, self._noted, self._open, self._changed_ns = (), [], {}, {}
        for detailed in told:
            chunk = detailed.chunk
            if self._open or any(isinstance(event, BookLost) for event in chunk.others):
                self._look(chunk)
                self.gaps = tuple(self._noted)
            else:
                self._changed_ns |= _last_changes(chunk)
            yield detailed

    def _look(self, chunk: Chunk) -> None:
        columns = chunk.columns
        rows = zip(
            *(column.tolist() for column in (columns.ts_ns, columns.kind, columns.market, columns.seq)),
            strict=True,
        )
        for ts_ns, kind, market, seq in rows:
            if kind == OTHER:
                event = chunk.others[seq]
                if isinstance(event, BookLost):
                    self._open.setdefault(event.symbol, []).append(len(self._noted))
                    self._noted.append(self._gap(event, self._changed_ns.get(event.symbol, ts_ns)))
                continue
            if kind in (SNAPSHOT, KEYFRAME):
                self._end(chunk.symbols[market], ts_ns)
            if kind in _CHANGES:
                self._changed_ns[chunk.symbols[market]] = ts_ns

    def _gap(self, event: BookLost, from_ns: int) -> SourceGap:
        return SourceGap(
            symbol=event.symbol,
            from_ns=from_ns,
            to_ns=event.ts_ns,
            until_ns=0,
            place=self._name,
            reason=event.reason,
        )

    def _end(self, symbol: str, ts_ns: int) -> None:
        for at in self._open.pop(symbol, ()):
            self._noted[at] = replace(self._noted[at], until_ns=ts_ns)


# Local time of the last change of each book in a chunk, from its end on: mostly it stands near there.
def _last_changes(chunk: Chunk) -> dict[str, int]:
    found: dict[str, int] = {}
    columns, end = chunk.columns, chunk.rows
    while end > 0 and len(found) < len(chunk.symbols):
        part = slice(max(0, end - WINDOW_ROWS), end)
        rows = zip(
            *(one[part].tolist() for one in (columns.ts_ns, columns.kind, columns.market)), strict=True
        )
        window = {chunk.symbols[market]: ts_ns for ts_ns, kind, market in rows if kind in _CHANGES}
        found = window | found
        end -= WINDOW_ROWS
    return found
