"""A recording under the name of another venue: same rows, other names."""

from collections.abc import Iterator
from pathlib import Path

from mm.domain.events import BookLost, Stream, StreamDown
from mm.domain.instrument import Instrument
from mm.domain.tape import Chunk, TapeWriter, events, rows
from mm.store.recordings.opening import open_source
from mm.store.recordings.renamed import RenamedSource
from mm.store.recordings.source import SourceGap
from tests.builders.backtests import config, lived
from tests.builders.instruments import INSTRUMENT


def test_every_name_is_of_the_other_venue_and_no_row_changes(tmp_path: Path) -> None:
    """Symbols, instruments; digest and times are those of what is beneath."""
    beneath = open_source([lived(tmp_path / "data", config(tmp_path), seconds=10)])
    source = RenamedSource(beneath, "far")
    assert source.symbols == (f"far:{INSTRUMENT.symbol}",)
    assert source.instruments[0].symbol == source.symbols[0]
    assert (source.digest, source.first_ns, source.last_ns) == (
        beneath.digest,
        beneath.first_ns,
        beneath.last_ns,
    )
    told = [(list(rows(chunk)), chunk.symbols) for chunk in source.chunks()]
    assert told == [(list(rows(chunk)), source.symbols) for chunk in beneath.chunks()]


class Little:
    """A source of one chunk. Implements what of `Source` is asked for here."""

    name, venue, symbols = "little", "x", ("A/B",)
    instruments: tuple[Instrument, ...] = ()
    first_ns = last_ns = rows = 0
    controls = False
    digest = "d"
    gaps = (SourceGap(symbol="A/B", from_ns=1, to_ns=2, place="p", reason="r"),)

    def chunks(self, from_ns: int = 0, to_ns: int = 0) -> Iterator[Chunk]:
        """Yield a lost book and a stream that ended."""
        assert (from_ns, to_ns) == (3, 4)
        writer = TapeWriter(self.symbols)
        writer.add(BookLost(ts_ns=3, symbol="A/B", reason="gap"))
        writer.add(StreamDown(ts_ns=3, stream=Stream.MARKET, reason="end"))
        yield writer.take()


def test_what_is_no_row_is_of_the_other_venue_too() -> None:
    """Lost books by their symbol, streams by their venue, gaps by theirs."""
    source = RenamedSource(Little(), "far")
    (chunk,) = source.chunks(3, 4)
    assert isinstance(chunk, Chunk)
    assert list(events(chunk)) == [
        BookLost(ts_ns=3, symbol="far:A/B", reason="gap"),
        StreamDown(ts_ns=3, stream=Stream.MARKET, reason="end", venue="far"),
    ]
    assert [gap.symbol for gap in source.gaps] == ["far:A/B"]
