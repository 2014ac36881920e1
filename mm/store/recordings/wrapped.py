"""A recording that stands for another one: what it does not change is told as by the source beneath.

Must never hold rows of its own. Invariant: as it is here, it is the source beneath in everything.
"""

from collections.abc import Iterator

from mm.domain.instrument import Instrument
from mm.domain.tape import Chunk
from mm.store.recordings.marks import Marks, marks_of, venue_of
from mm.store.recordings.orders import order_symbols_of
from mm.store.recordings.remarks import remarks_of
from mm.store.recordings.source import Source, SourceGap


class WrappedSource:
    """A source over another one. Implements `Source`. Fields: source: the one beneath."""

    def __init__(self, source: Source) -> None:
        """Stand for `source`."""
        self.source = source
        self.name, self.venue, self.symbols = source.name, source.venue, source.symbols
        self.instruments: tuple[Instrument, ...] = source.instruments
        self.first_ns, self.last_ns, self.rows = source.first_ns, source.last_ns, source.rows
        self.controls = source.controls

    @property
    def digest(self) -> str:
        """That of the source beneath."""
        return self.source.digest

    @property
    def gaps(self) -> tuple[SourceGap, ...]:
        """Those of the source beneath."""
        return self.source.gaps

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the source beneath has to say."""
        return remarks_of(self.source)

    def marks(self) -> dict[str, Marks]:
        """Return those of the source beneath."""
        return marks_of(self.source)

    def venue_of(self, symbol: str) -> str:
        """Return where a symbol was recorded."""
        return venue_of(self.source, symbol)

    @property
    def order_symbols(self) -> tuple[str, ...]:
        """The symbols whose single orders are told."""
        return order_symbols_of(self.source)

    def chunks(self, from_ns: int = 0, to_ns: int = 0) -> Iterator[Chunk]:
        """Yield the rows; see `Source.chunks`."""
        yield from self.source.chunks(from_ns, to_ns)
