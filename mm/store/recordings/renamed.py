"""A recording whose markets go by other names: those of another venue, as strategies that watch it call them.

Must never change what was recorded. Invariant: rows are those of the source beneath, to the last one.
"""

from collections.abc import Iterator
from dataclasses import replace

import msgspec

from mm.domain.events import AnyEvent
from mm.domain.tape import Chunk
from mm.domain.watched import joined_name, split_name
from mm.store.recordings.marks import Marks, marks_of, venue_of
from mm.store.recordings.orders import order_symbols_of
from mm.store.recordings.source import Source, SourceGap
from mm.store.recordings.wrapped import WrappedSource


class RenamedSource(WrappedSource):
    """The rows of a source under names of another venue."""

    def __init__(self, source: Source, venue: str) -> None:
        """Call ETH/USDT of `source` VENUE:ETH/USDT. Args: venue: its name in the config."""
        super().__init__(source)
        self._venue = venue
        self.name = f"{venue}: {source.name}"
        self.symbols = tuple(joined_name(venue, symbol) for symbol in source.symbols)
        self.instruments = tuple(
            msgspec.structs.replace(instrument, symbol=joined_name(venue, instrument.symbol))
            for instrument in source.instruments
        )

    @property
    def gaps(self) -> tuple[SourceGap, ...]:
        """Those of the source beneath."""
        return tuple(replace(gap, symbol=joined_name(self._venue, gap.symbol)) for gap in self.source.gaps)

    def marks(self) -> dict[str, Marks]:
        """Return those of the source beneath."""
        return {joined_name(self._venue, symbol): found for symbol, found in marks_of(self.source).items()}

    def venue_of(self, symbol: str) -> str:
        """Return where a symbol was recorded."""
        return venue_of(self.source, split_name(symbol)[1])

    @property
    def order_symbols(self) -> tuple[str, ...]:
        """Those of the source beneath whose single orders are told."""
        return tuple(joined_name(self._venue, symbol) for symbol in order_symbols_of(self.source))

    def chunks(self, from_ns: int = 0, to_ns: int = 0) -> Iterator[Chunk]:
        """Yield the rows; see `Source.chunks`."""
        for chunk in self.source.chunks(from_ns, to_ns):
            others = tuple(self._renamed(event) for event in chunk.others)
            yield Chunk(self.symbols, chunk.columns, others)

    # What tells of a stream or a throttled venue bears the name of the venue, of a book that of the symbol.
    def _renamed(self, event: AnyEvent) -> AnyEvent:
        symbol = getattr(event, "symbol", None)
        if isinstance(symbol, str):
            return msgspec.structs.replace(event, symbol=joined_name(self._venue, symbol))
        return msgspec.structs.replace(event, venue=self._venue) if hasattr(event, "venue") else event
