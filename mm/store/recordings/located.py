"""The messages of a source with the place of each: file and row, as a person finds it there.

A row is a line in text, a record of `mm record` and a row of a file of single orders, counted from 1, and a
row of a Parquet file, counted from 0. Must never hold more
than a chunk. Invariant: every message of the source is told once, in order, those beside the tape too.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from mm.domain.events import AnyEvent
from mm.domain.tape import OTHER, WINDOW_ROWS, Chunk, Column, Row
from mm.store.recordings.detailed import MADE_HERE, Detailed, Details
from mm.store.recordings.foreign.base import ForeignSource
from mm.store.recordings.framed.source import FramedSource
from mm.store.recordings.raw_source import RawSource
from mm.store.recordings.source import Source

Place: TypeAlias = tuple[str, int]
"""File and row."""

_SEQ: Final = 6
_EVENT_MS, _TXN_MS = 0, 1
_FRAME: Final = len(Details._fields) - 1


class Located(NamedTuple):
    """One message. Fields: rows: as in a tape; event_ms: the venue's time of it, 0: none; frame, txn_ms: as
    in `Details`; place; other: the event that it is, if it is no row.
    """

    rows: list[Row]
    event_ms: int
    frame: int
    place: Place
    other: AnyEvent | None
    txn_ms: int


def located(source: Source) -> Iterator[Located]:
    """Yield the messages of a source. Raises: what the source raises."""
    if isinstance(source, RawSource | FramedSource) or (
        isinstance(source, ForeignSource) and source.order_symbols
    ):
        yield from _by_lines(source)
        return
    parts = getattr(source, "parts", None)
    if parts is not None:
        for path, detailed in parts():
            yield from _told(detailed, _rows_of(str(path)))
        return
    tells, before = getattr(source, "detailed", None), 0
    if tells is None:
        for chunk in source.chunks():
            yield from _told(_plain(chunk), _rows_of(source.name, before))
            before += chunk.rows
        return
    for detailed in tells():
        yield from _told(detailed, _rows_of(source.name, before))
        before += sum(1 for frame in detailed.details.frame.tolist() if frame != MADE_HERE)


def _by_lines(source: RawSource | ForeignSource | FramedSource) -> Iterator[Located]:
    files, numbers, first = [str(path) for path in source.paths], source.lines, 0
    last = (files[0], 1)

    def place(_row: int, frame: int) -> Place:
        nonlocal last
        if frame != MADE_HERE:
            last = files[numbers[0][frame - first]], numbers[1][frame - first]
        return last

    for detailed in source.detailed():
        numbers = source.lines
        first = source.first_frame if isinstance(source, FramedSource) else 0
        yield from _told(detailed, place)


def _rows_of(name: str, before: int = 0) -> Callable[[int, int], Place]:
    return lambda row, _frame: (name, before + row)


def _plain(chunk: Chunk) -> Detailed:
    columns = chunk.columns
    nothing = columns.seq
    return Detailed(chunk, Details(columns.venue_ms, nothing, nothing, nothing, columns.kind))


# Rows that were made here are no rows of a file that others wrote.
def _told(detailed: Detailed, place: Callable[[int, int], Place]) -> Iterator[Located]:
    chunk, details = detailed
    columns: Sequence[Column] = (
        *chunk.columns,
        details[_EVENT_MS],
        details[_TXN_MS],
        details[_FRAME],
    )
    message: list[Row] = []
    begin = 0
    for start in range(0, chunk.rows, WINDOW_ROWS):
        part = slice(start, start + WINDOW_ROWS)
        window = zip(*(column[part].tolist() for column in columns), strict=True)
        for number, (*row, event_ms, txn_ms, frame) in enumerate(window, start):
            message.append(tuple(row))
            if not row[-1]:
                continue
            other = chunk.others[row[_SEQ]] if row[1] == OTHER else None
            yield Located(message, event_ms, frame, place(begin, frame), other, txn_ms)
            message, begin = [], number + 1
