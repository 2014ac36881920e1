"""Several recordings as one: their rows in the order of local time.

At one time the message of the source named first comes first. Must never tear a message: all its rows are of
one source and one time. Invariant: what each source tells is told whole and in its own order.
"""

from array import array
from collections.abc import Iterator, Sequence
from hashlib import sha256
from heapq import merge
from typing import Final, cast

from mm.domain.events import AnyEvent
from mm.domain.instrument import Instrument
from mm.domain.tape import OTHER, Chunk, Columns, Row, messages
from mm.errors import RecordingUnusable
from mm.store.recordings.marks import Marks, marks_of, venue_of
from mm.store.recordings.orders import order_symbols_of
from mm.store.recordings.remarks import remarks_of
from mm.store.recordings.source import CHUNK_ROWS, Source, SourceGap, check_span

_MARKET: Final = Columns._fields.index("market")
_SEQ: Final = Columns._fields.index("seq")


def merged(sources: Sequence[Source], symbols: tuple[str, ...]) -> Source:
    """Return one source of several, with the symbols asked for in that order.

    Raises: RecordingUnusable if a symbol is there twice, or a run's journal is to be merged with another.
    """
    (first, *others) = sources
    if not others and first.symbols == symbols:
        return first
    there = [symbol for source in sources for symbol in source.symbols]
    twice = next((symbol for symbol in there if there.count(symbol) > 1), None)
    if twice is not None:
        names = [source.name for source in sources if twice in source.symbols]
        raise RecordingUnusable(
            f"{twice} is there twice: {'; '.join(names)}",
            hint="name recordings of one market per symbol; files of one market in order of time",
        )
    if others and any(source.controls for source in sources):
        raise RecordingUnusable("a run's journal cannot be merged with another recording")
    return MergedSource(sources, symbols)


class MergedSource:
    """The rows of several sources. Implements `Source`."""

    def __init__(self, sources: Sequence[Source], symbols: tuple[str, ...]) -> None:
        """Begin. Args: symbols: those that are handed out."""
        self._sources = tuple(sources)
        self.symbols = symbols
        known = {one.symbol: one for source in sources for one in source.instruments}
        self.instruments: tuple[Instrument, ...] = tuple(known[symbol] for symbol in symbols)
        self.name = "; ".join(source.name for source in sources)
        self.venue = " ".join(dict.fromkeys(source.venue for source in sources))
        self.first_ns = min(source.first_ns for source in sources)
        self.last_ns = max(source.last_ns for source in sources)
        self.rows = sum(source.rows for source in sources) if all(one.rows for one in sources) else 0
        self.controls = sources[0].controls

    @property
    def digest(self) -> str:
        """SHA-256 of those of the sources, and of the symbols chosen."""
        said = [*self.symbols, *(source.digest for source in self._sources)]
        return sha256("\n".join(said).encode()).hexdigest()

    @property
    def gaps(self) -> tuple[SourceGap, ...]:
        """Those of all symbols chosen, in order of time."""
        found = [gap for source in self._sources for gap in source.gaps if gap.symbol in self.symbols]
        return tuple(sorted(found, key=lambda gap: gap.to_ns))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What those of the symbols chosen have to say."""
        chosen = [one for one in self._sources if set(one.symbols) & set(self.symbols)]
        return tuple(words for source in chosen for words in remarks_of(source))

    def marks(self) -> dict[str, Marks]:
        """Return the mark prices of the symbols chosen."""
        found = {symbol: marks for source in self._sources for symbol, marks in marks_of(source).items()}
        return {symbol: found[symbol] for symbol in self.symbols if symbol in found}

    def venue_of(self, symbol: str) -> str:
        """Return where a symbol was recorded."""
        return next(venue_of(one, symbol) for one in self._sources if symbol in one.symbols)

    @property
    def order_symbols(self) -> tuple[str, ...]:
        """Those of the symbols chosen whose single orders are told."""
        told = [symbol for source in self._sources for symbol in order_symbols_of(source)]
        return tuple(symbol for symbol in self.symbols if symbol in told)

    def chunks(self, from_ns: int = 0, to_ns: int = 0) -> Iterator[Chunk]:
        """Yield the rows; see `Source.chunks`."""
        check_span(self, from_ns, to_ns)
        open_ones = [
            source
            for source in self._sources
            if from_ns <= source.last_ns and (not to_ns or to_ns > source.first_ns)
        ]
        told = (self._messages(source, from_ns, to_ns) for source in open_ones)
        columns: list[array[int]] = _empty()
        others: list[AnyEvent] = []
        for message, other in merge(*told, key=lambda one: one[0][0][0]):
            if other is not None:
                message = [_with(message[0], _SEQ, len(others))]  # noqa: PLW2901 - the same, renumbered
                others.append(other)
            for row in message:
                for column, value in zip(columns, row, strict=True):
                    column.append(value)
            if len(columns[0]) >= CHUNK_ROWS:
                yield Chunk(self.symbols, Columns(*columns), tuple(others))
                columns, others = _empty(), []
        if columns[0]:
            yield Chunk(self.symbols, Columns(*columns), tuple(others))

    # The messages of one source with the markets renumbered; those of other symbols are left out.
    def _messages(
        self, source: Source, from_ns: int, to_ns: int
    ) -> Iterator[tuple[list[Row], AnyEvent | None]]:
        places = [self.symbols.index(one) if one in self.symbols else -1 for one in source.symbols]
        for chunk in source.chunks(from_ns, to_ns):
            for message in messages(chunk):
                head = message[0]
                if head[1] == OTHER:
                    event = chunk.others[head[_SEQ]]
                    if getattr(event, "symbol", self.symbols[0]) in self.symbols:
                        yield message, event
                    continue
                place = places[head[_MARKET]]
                if place == head[_MARKET]:
                    yield message, None
                elif place >= 0:
                    yield [_with(row, _MARKET, place) for row in message], None


def _with(row: Row, column: int, value: int) -> Row:
    return cast("Row", (*row[:column], value, *row[column + 1 :]))


def _empty() -> list["array[int]"]:
    return [array("q") for _ in Columns._fields]
