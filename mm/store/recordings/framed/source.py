"""A recording of `mm record` as a source: decoded, joined and woven by the same code as raw files.

A connection that ended takes the book with it: what it said last cannot be vouched for until the next
snapshot joins. Must never read on behind damage. Invariant: frames of a connection are used only while none
newer has spoken.
"""

from array import array
from collections.abc import Iterator, Sequence
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Final

from mm.domain.instrument import Instrument
from mm.domain.tape import ENDS, Chunk
from mm.errors import ConfigError, RecordingDamaged, RecordingUnusable
from mm.store.recordings.detailed import Detailed, DetailedWriter
from mm.store.recordings.facts import Facts
from mm.store.recordings.framed.decode import framed_record
from mm.store.recordings.framed.form import OWN_KINDS, FramedKind, FramedRecord
from mm.store.recordings.framed.reader import FramedRecording, FramedSegment
from mm.store.recordings.marks import Marks, marked_of
from mm.store.recordings.noted import GapNotes
from mm.store.recordings.raw.records import MarkUpdate, Other, Record
from mm.store.recordings.source import KEYFRAME_NS, Source, SourceGap, check_facts, check_span
from mm.store.recordings.weave import Cut, Weaver

DIGEST_BYTES: Final = 1024 * 1024
_MARK: Final = b'"markPriceUpdate"'

ACCOUNT: Final = "the account's stream"
"""What stands for the stream of texts that tell of the account that was recorded too."""


class FramedSource:
    """One or several segments, and one or several of their markets; see `mm.store.recordings.source.Source`.

    Fields: others: how many frames were no rows in what was read last, by their stream's name; lines: of each
    frame of the chunk that was read last with details, the first of which is first_frame: the file, by its
    place in `paths`, and the record, from 1.
    """

    def __init__(self, recording: FramedRecording, symbols: tuple[str, ...] = ()) -> None:
        """Keep the segments. Args: symbols: unified names, empty: all. Raises: ConfigError for another."""
        self.recording = recording
        self.others: dict[str, int] = {}
        self.lines: list[array[int]] = [array("q"), array("q")]
        self.first_frame = 0
        known = {instrument.symbol: instrument for instrument in recording.headers[0].instruments}
        for symbol in symbols:
            if symbol not in known:
                raise ConfigError(f"{symbol} is not in {self.name}", hint=f"it holds {', '.join(known)}")
        self._notes = GapNotes(self.name)
        self._instruments = tuple(known[symbol] for symbol in symbols or known)

    @property
    def name(self) -> str:
        """What it is, for people."""
        first = self.recording.headers[0].recording
        count = len(self.recording.segments)
        return first if count == 1 else f"{first} and {count - 1} more segments"

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files of its segments, in order."""
        return self.recording.segments

    def alone(self, symbol: str) -> "FramedSource":
        """Return one of its markets as a source of its own; raises ConfigError if it does not hold it."""
        return FramedSource(self.recording, (symbol,))

    @property
    def venue(self) -> str:
        """Where it was recorded."""
        return self.recording.headers[0].venue

    @property
    def symbols(self) -> tuple[str, ...]:
        """Unified names of its markets."""
        return tuple(instrument.symbol for instrument in self._instruments)

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Of `symbols`, as the venue stated them when the recording began."""
        return self._instruments

    @cached_property
    def first_ns(self) -> int:
        """Local time of the first frame; raises RecordingUnusable if there is none."""
        for path in self.recording.segments:
            for found in FramedSegment(path):
                if found.kind in (FramedKind.FRAME, FramedKind.ANSWER):
                    return found.ts_ns
        raise RecordingUnusable(f"{self.name}: holds no frame")

    @cached_property
    def last_ns(self) -> int:
        """Local time of the last frame; raises RecordingUnusable if there is none."""
        for path in reversed(self.recording.segments):
            last_ns = 0
            for found in FramedSegment(path):
                if found.kind in (FramedKind.FRAME, FramedKind.ANSWER):
                    last_ns = found.ts_ns
            if last_ns:
                return last_ns
        raise RecordingUnusable(f"{self.name}: holds no frame")

    @property
    def rows(self) -> int:
        """0: that is known when it has been read."""
        return 0

    @property
    def controls(self) -> bool:
        """False: the streams, books and clocks of a run are its own."""
        return False

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the segments and the grids."""
        made = sha256()
        for one in self._instruments:
            grid = one.tick_atoms, one.lot_atoms, one.base_scale, one.quote_scale
            made.update(f"{one.symbol} {grid}\n".encode())
        for path in self.recording.segments:
            with path.open("rb") as file:
                while piece := file.read(DIGEST_BYTES):
                    made.update(piece)
        return made.hexdigest()

    @property
    def gaps(self) -> tuple[SourceGap, ...]:
        """Stretches between recordings, and those inside of one in the rows that were read last."""
        found = []
        for (before, header), path in zip(
            pairwise(self.recording.headers), self.recording.segments[1:], strict=True
        ):
            if header.recording != before.recording:
                found += [
                    SourceGap(
                        symbol=symbol,
                        from_ns=self.recording.ended_ns[before.recording],
                        to_ns=header.began_ns,
                        until_ns=self._whole_again(symbol, header.opened_ns),
                        place=f"{path}: byte 0",
                        reason=f"another recording begins: {header.recording}",
                    )
                    for symbol in self.symbols
                ]
        inside = [gap for gap in self._notes.gaps if gap.reason != ENDS]
        return tuple(sorted((*found, *inside), key=lambda gap: gap.to_ns))

    def _whole_again(self, symbol: str, ts_ns: int) -> int | None:
        ended = [gap for gap in self._notes.gaps if (gap.symbol, gap.reason) == (symbol, ENDS)]
        return next((gap.until_ns for gap in ended if gap.to_ns == ts_ns), None)

    def chunks(self, from_ns: int = 0, to_ns: int = 0) -> Iterator[Chunk]:
        """Yield the rows; see `Source.chunks`."""
        check_span(self, from_ns, to_ns)
        for detailed in self._notes.through(self._read(from_ns, to_ns, details=False)):
            yield detailed.chunk

    def detailed(self) -> Iterator[Detailed]:
        """Yield everything that the segments hold of the markets, in order; see `Detailed`."""
        return self._read(0, 0, details=True)

    def _read(self, from_ns: int, to_ns: int, *, details: bool) -> Iterator[Detailed]:
        loom = _Loom(self._instruments, DetailedWriter(self.symbols, details=details), self._recorded())
        self.others, cut = loom.others, Cut(loom.writer, from_ns)
        places = {path: number for number, path in enumerate(self.recording.segments)}
        self._forget_lines(loom)
        for path, number, found in self._records(from_ns, loom):
            if to_ns and found.ts_ns >= to_ns:
                break
            full = cut.before(found.ts_ns, loom.weavers)
            if full is not None:
                yield full
                self._forget_lines(loom)
            before = loom.frames
            try:
                loom.take(found, number)
            except ValueError as error:
                raise RecordingDamaged(
                    f"{path}: record {number}, byte {found.offset}: {error}",
                    path=str(path),
                    line=number,
                    offset=found.offset,
                    hint="the recording says another grid than its frames have",
                ) from None
            if details and loom.frames > before:
                self.lines[0].append(places[path])
                self.lines[1].append(number)
        if len(loom.writer):
            yield loom.writer.take()

    # A day has more frames than there is room for: places are kept of one chunk.
    def _forget_lines(self, loom: "_Loom") -> None:
        self.lines = [array("q"), array("q")]
        self.first_frame = loom.frames

    # What is recorded of markets that are not asked for is no frame that nobody knows.
    def _recorded(self) -> frozenset[str]:
        return frozenset(one.venue_symbol for one in self.recording.headers[0].instruments)

    def marks(self) -> dict[str, Marks]:
        """Return the mark prices by symbol, where they were recorded."""
        symbols = {one.venue_symbol: one.symbol for one in self._instruments}
        found: dict[str, Marks] = {}
        latest_ms: dict[str, int] = {}
        for path in self.recording.segments:
            for number, told in enumerate(FramedSegment(path), start=1):
                if told.kind != FramedKind.FRAME or _MARK not in told.payload:
                    continue
                record = framed_record(told, number)
                # A frame of a connection that was given up comes late: what it says is over.
                if isinstance(record, MarkUpdate) and record.venue_ms >= latest_ms.get(record.symbol, 0):
                    latest_ms[record.symbol] = record.venue_ms
                    if record.symbol in symbols:
                        found.setdefault(symbols[record.symbol], Marks()).add(marked_of(record))
        return found

    # From the segment before the one in which the minute of `from_ns` lies: there was a snapshot in it.
    def _records(self, from_ns: int, loom: "_Loom") -> Iterator[tuple[Path, int, FramedRecord]]:
        opened = [header.opened_ns for header in self.recording.headers]
        at = max(0, sum(1 for opened_ns in opened if opened_ns <= from_ns - KEYFRAME_NS) - 2)
        name = ""
        for header, path in zip(self.recording.headers[at:], self.recording.segments[at:], strict=True):
            if header.recording != name:
                loom.begin_recording(header.opened_ns)
                name = header.recording
            for number, found in enumerate(FramedSegment(path), start=1):
                yield path, number, found


class _Loom:
    # All markets of a recording, woven into one tape.
    def __init__(
        self, instruments: tuple[Instrument, ...], writer: DetailedWriter, recorded: frozenset[str]
    ) -> None:
        self.writer = writer
        self.frames = 0
        self._recorded = recorded
        self.others: dict[str, int] = {}
        self._markets: dict[str, Weaver] = {}
        for instrument in instruments:
            made = self._markets[instrument.venue_symbol] = Weaver(instrument, writer)
            made.others = self.others
        self.weavers = tuple(self._markets.values())
        self._connection = 0
        self._has_spoken = False  # whether anything was heard since the books were given up last

    def take(self, found: FramedRecord, number: int) -> None:
        if found.kind in OWN_KINDS:
            # Whoever replays a market makes his own orders in it.
            if found.kind == FramedKind.OWN:
                self.others[ACCOUNT] = self.others.get(ACCOUNT, 0) + 1
            return
        if found.connection > self._connection:
            self._begin_connection(found, f"connection {found.connection} takes its place")
        elif found.connection and found.connection < self._connection and found.kind == FramedKind.FRAME:
            return  # late frames of a connection that was given up
        if found.kind == FramedKind.DOWN:
            self._lose(found.ts_ns, found.payload.decode(errors="replace"))
        record = framed_record(found, number)
        if record is not None:
            self._weave(record)

    def begin_recording(self, ts_ns: int) -> None:
        self._connection = 0
        self._lose(ts_ns, ENDS)

    def _begin_connection(self, found: FramedRecord, reason: str) -> None:
        self._connection = found.connection
        self._lose(found.ts_ns, reason)

    def _lose(self, ts_ns: int, reason: str) -> None:
        if not self._has_spoken:
            return
        self._has_spoken = False
        for market in self._markets.values():
            market.lose(ts_ns, reason)

    def _weave(self, record: Record) -> None:
        market = self._markets.get(record.symbol)
        if market is None:
            if record.symbol in self._recorded:
                return
            name = record.stream if isinstance(record, Other) else f"of {record.symbol}"
            self.others[name] = self.others.get(name, 0) + 1
            return
        self._has_spoken = True
        market.take(record, self.frames)
        self.frames += 1


def framed_sources(paths: Sequence[Path], facts: Facts) -> list[Source]:
    """Return recordings of `mm record`, in files or directories, as one source.

    Args: facts: nothing of it is needed: the recording says its pair and grid. Raises: RecordingUnusable,
    RecordingDamaged; ConfigError if another grid is asked for.
    """
    recording = FramedRecording(paths)
    check_facts(str(paths[0]), recording.headers[0].instruments, facts)
    return [FramedSource(recording)]
