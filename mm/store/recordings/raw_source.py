"""Raw files of Binance (spot, USD-M, COIN-M) as a source: read from their text every time, nothing kept.

Must never hand out what has not been read whole once: opening reads the files to their end. Invariant: the
rows depend on the files' content, the pair and the grid alone.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from mm.domain.instrument import Instrument
from mm.domain.tape import Chunk
from mm.errors import RecordingDamaged
from mm.store.recordings.detailed import Detailed, DetailedWriter
from mm.store.recordings.facts import Facts
from mm.store.recordings.grid import decided
from mm.store.recordings.marks import Marks, marked_of
from mm.store.recordings.pair import VENUES, instrument_of
from mm.store.recordings.raw.reader import Entry, records
from mm.store.recordings.raw.records import MarkUpdate
from mm.store.recordings.raw.scan import RecordingInfo, scan
from mm.store.recordings.source import OPENING_NS, UNJOINED, SourceGap, check_span
from mm.store.recordings.weave import Cut, Weaver

_PIECE_BYTES: Final = 1024 * 1024


class RawSource:
    """Files of one market, in the order of their time. Implements `Source`.

    Fields: paths; info: what one pass told; doubts: of the grid that it found; others: frames that are no
    rows, by the name of their stream, as far as it was read last; lines: of each frame that was read last
    with details, by its number: the file, by its place in `paths`, and the line.
    """

    controls = False

    def __init__(
        self, paths: Sequence[Path], facts: Facts, progress: Callable[[Entry], object] | None = None
    ) -> None:
        """Read the files to their end. Raises: RecordingDamaged, RecordingUnusable, ConfigError."""
        self.paths = tuple(paths)
        self._marks = Marks()
        self.info: RecordingInfo = scan(paths, takes_inverse=True, progress=self._noting(progress))
        self.venue = facts.venue or VENUES[self.info.market]
        self.instruments: tuple[Instrument, ...] = (instrument_of(self.info, facts),)
        self.symbols = (self.instruments[0].symbol,)
        self.doubts = decided(self.info.doubts, facts)
        self.first_ns, self.last_ns = self.info.first_ns, self.info.last_ns
        self.rows = 0
        self.others: dict[str, int] = {}
        self.lines: list[array[int]] = [array("q"), array("q")]

    @property
    def name(self) -> str:
        """What it is, for people."""
        return f"{', '.join(path.name for path in self.paths)} ({self.info.market.value})"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the files' bytes and of the instrument."""
        total = sha256(msgspec.json.encode(self.instruments[0]))
        for path in self.paths:
            total.update(bytes.fromhex(file_digest(path)))
        return total.hexdigest()

    @property
    def gaps(self) -> tuple[SourceGap, ...]:
        """Where changes are missing, the first hundred, and a long beginning without a book."""
        return (*self._opening(), *self._missing())

    def marks(self) -> dict[str, Marks]:
        """Return the mark prices by symbol: those of contracts, where they were recorded."""
        return {self.symbols[0]: self._marks} if self._marks else {}

    # They are few, and the one pass over the files has seen them.
    def _noting(self, progress: Callable[[Entry], object] | None) -> Callable[[Entry], object]:
        def note(entry: Entry) -> None:
            if isinstance(entry.record, MarkUpdate):
                self._marks.add(marked_of(entry.record))
            if progress is not None:
                progress(entry)

        return note

    def _opening(self) -> tuple[SourceGap, ...]:
        info = self.info
        if not info.diffs or not info.book_ns or info.book_ns - info.first_ns <= OPENING_NS:
            return ()
        return (
            SourceGap(
                symbol=self.symbols[0],
                from_ns=info.first_ns,
                to_ns=info.first_ns,
                until_ns=info.book_ns,
                place=f"{self.paths[0]}: line 1",
                reason=UNJOINED,
            ),
        )

    def _missing(self) -> tuple[SourceGap, ...]:
        return tuple(
            SourceGap(
                symbol=self.symbols[0],
                from_ns=gap.since_ns,
                to_ns=gap.local_ns,
                until_ns=gap.until_ns,
                place=gap.place,
                reason=f"gap: expected change {gap.expected}, got {gap.found}",
            )
            for gap in self.info.gaps
        )

    def chunks(self, from_ns: int = 0, to_ns: int = 0) -> Iterator[Chunk]:
        """Yield the rows; see `Source.chunks`."""
        check_span(self, from_ns, to_ns)
        for detailed in self._read(from_ns, to_ns, details=False):
            yield detailed.chunk

    def detailed(self) -> Iterator[Detailed]:
        """Yield everything that the files hold, in order; see `Detailed`."""
        return self._read(0, 0, details=True)

    def _read(self, from_ns: int, to_ns: int, *, details: bool) -> Iterator[Detailed]:
        writer = DetailedWriter(self.symbols, details=details)
        weaver = Weaver(self.instruments[0], writer)
        self.others, cut = weaver.others, Cut(writer, from_ns)
        self.lines = [array("q"), array("q")]
        places = {path: number for number, path in enumerate(self.paths)}
        for frame, entry in enumerate(records(self.paths, takes_inverse=True)):
            record = entry.record
            if to_ns and record.local_ns >= to_ns:
                break
            full = cut.before(record.local_ns, (weaver,))
            if full is not None:
                yield full
            if details:
                self.lines[0].append(places[entry.path])
                self.lines[1].append(record.line)
            try:
                weaver.take(record, frame)
            except ValueError as error:
                raise RecordingDamaged.at(
                    entry.path, line=record.line, offset=record.offset, reason=str(error)
                ) from None
        if len(writer):
            yield writer.take()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal; raises OSError."""
    total = sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            total.update(piece)
    return total.hexdigest()
