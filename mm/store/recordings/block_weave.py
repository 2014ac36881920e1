"""Joins blocks of messages as they were received into blocks of a tape, as `weave` does record by record.

Only messages that need a decision are looked at: changes and snapshots of the book, and the first of each
minute; what lies between goes through as it is. Must never come to other rows than `weave`. Import this
module late: it needs NumPy.
"""

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from mm.domain.events import AnyEvent, BookLost
from mm.domain.tape import DELTA, OTHER, SNAPSHOT
from mm.store.recordings.blocks import (
    EVENT_MS,
    FIRST,
    FRAME,
    KIND,
    LAST,
    PREVIOUS,
    SEQ,
    TS_NS,
    TXN_MS,
    BlockDepth,
    joined,
    new_block,
    tape_rows,
)
from mm.store.recordings.detailed import KEPT, MADE_HERE, Detailed
from mm.store.recordings.raw.joiner import KEPT_MAX, Joiner, Lost
from mm.store.recordings.raw.records import DepthDiff, Snapshot
from mm.store.recordings.source import CHUNK_ROWS, KEYFRAME_NS

if TYPE_CHECKING:
    from mm.store.recordings.parquet_files import Integers

_REPEATED: Final = (EVENT_MS, TXN_MS)


class _Message(NamedTuple):
    # Where a message stands in its block, and what its first row says.
    begin: int
    end: int
    kind: int
    ts_ns: int
    seq: int
    first: int
    previous: int
    is_new_minute: bool


class BlockWeaver:
    """One market's messages become its tape."""

    def __init__(self, symbol: str, *, from_ns: int = 0, details: bool) -> None:
        """Begin without a book. Args: from_ns, details: as in `weave.Cut` and `DetailedWriter`."""
        self._symbol = symbol
        self._from_ns = from_ns
        self._details = details
        self._joiner = Joiner()
        self._depth = BlockDepth()
        self._minute = -1
        self._waiting: deque[tuple[int, Integers]] = deque(maxlen=KEPT_MAX)
        self._begin()

    def take(self, block: "Integers") -> Iterator[Detailed]:
        """Take messages in, in the order of receipt; yield what is a chunk by then.

        Args: block: changes and snapshots as they were received, `first` and `previous` as the venue told.
        """
        done = 0
        for message in self._of_interest(block):
            if message.is_new_minute:
                self._pass(block[:, done : message.begin])
                done = message.begin
                if message.ts_ns > self._from_ns and self._rows >= CHUNK_ROWS:
                    yield self._taken()
                self._turn(message.ts_ns)
            if message.kind not in (SNAPSHOT, DELTA):
                continue
            record = _record_of(message)
            steps = self._joiner.on(record)
            if len(steps) == 1 and steps[0] is record and isinstance(record, DepthDiff):
                continue
            self._pass(block[:, done : message.begin])
            done = message.end
            self._apply(record, steps, block[:, message.begin : message.end])
        self._pass(block[:, done:])
        if self._rows >= 2 * CHUNK_ROWS and block[TS_NS, -1] > self._from_ns:
            yield self._taken()

    def end(self) -> Iterator[Detailed]:
        """Yield what is left."""
        if self._rows:
            yield self._taken()

    def _begin(self) -> None:
        self._out: list[Integers] = []
        self._others: list[AnyEvent] = []
        self._rows = 0

    def _taken(self) -> Detailed:
        made = joined((self._symbol,), self._out, self._others)
        self._begin()
        return made

    def _pass(self, block: "Integers") -> None:
        self._depth.take(block)
        self._emit(block)

    def _emit(self, block: "Integers") -> None:
        rows = block if self._details else tape_rows(block)
        if rows.shape[1]:
            self._out.append(rows)
            self._rows += rows.shape[1]

    def _turn(self, ts_ns: int) -> None:
        if ts_ns <= self._from_ns:
            self._begin()
        keyframe = self._depth.keyframe(ts_ns)
        if keyframe is not None:
            self._emit(keyframe)

    def _apply(
        self, record: DepthDiff | Snapshot, steps: "tuple[Snapshot | DepthDiff | Lost, ...]", rows: "Integers"
    ) -> None:
        if record not in steps:
            kept = rows.copy()
            kept[KIND] += KEPT
            self._emit(kept)
            if isinstance(record, DepthDiff):
                self._waiting.append((record.last, rows.copy()))
        for step in steps:
            if isinstance(step, Lost):
                self._lose(record.local_ns, step)
            elif step is record:
                self._depth.replace(rows)
                self._emit(rows)
            else:
                self._repeat(step.last, record.local_ns)
        if isinstance(record, Snapshot) and record in steps:
            self._waiting.clear()

    # A change that waited for its snapshot counts from that moment on.
    def _repeat(self, last: int, ts_ns: int) -> None:
        rows = next(rows for number, rows in self._waiting if number == last)
        rows[TS_NS], rows[FRAME], rows[FIRST], rows[PREVIOUS] = ts_ns, MADE_HERE, -1, -1
        for line in _REPEATED:
            rows[line] = 0
        self._pass(rows)

    def _lose(self, ts_ns: int, lost: Lost) -> None:
        self._depth.lose()
        row = new_block(1)
        row[TS_NS], row[KIND], row[SEQ], row[LAST] = ts_ns, OTHER, len(self._others), 1
        reason = f"gap: expected change {lost.expected}, got {lost.found}"
        self._others.append(BookLost(ts_ns=ts_ns, symbol=self._symbol, reason=reason))
        self._emit(row)

    def _of_interest(self, block: "Integers") -> Iterator[_Message]:
        ends = np.flatnonzero(block[LAST]) + 1
        begins = np.concatenate(([0], ends[:-1]))
        kinds, times = block[KIND, begins], block[TS_NS, begins]
        minutes = times // KEYFRAME_NS
        before = np.concatenate(([self._minute], minutes[:-1]))
        if len(minutes):
            self._minute = int(minutes[-1])
        is_new = minutes != before
        chosen = np.flatnonzero(is_new | (kinds == SNAPSHOT) | (kinds == DELTA))
        at = begins[chosen]
        facts = (
            at,
            ends[chosen],
            kinds[chosen],
            times[chosen],
            block[SEQ, at],
            block[FIRST, at],
            block[PREVIOUS, at],
            is_new[chosen],
        )
        for values in zip(*(fact.tolist() for fact in facts), strict=True):
            yield _Message(*values)


def _record_of(message: _Message) -> DepthDiff | Snapshot:
    if message.kind == SNAPSHOT:
        return Snapshot(
            local_ns=message.ts_ns, line=0, offset=0, data=b"", last=message.seq, bids=[], asks=[]
        )
    return DepthDiff(
        local_ns=message.ts_ns,
        line=message.begin,
        offset=0,
        data=b"",
        stream="",
        first=message.first if message.previous < 0 else message.previous + 1,
        last=message.seq,
        bids=[],
        asks=[],
    )
