"""The public venue of a recording: what it answers by itself, and what it leaves to the recording."""

import asyncio

import pytest

from mm.domain.commands import Connect, ListBalances, MeasureClock, SyncBook
from mm.domain.events import AnyEvent, BookSnapshot, ClockMeasured, Stream, StreamUp
from mm.errors import ConfigError, ProtocolViolation
from mm.venues.recorded import CAPS, Recorded
from tests.builders.instruments import INSTRUMENT

SYMBOL = INSTRUMENT.symbol
BOOK = BookSnapshot(ts_ns=5, symbol=SYMBOL, seq=1, bids=(), asks=())


def begun(*, answers: bool = True) -> tuple[Recorded, list[AnyEvent]]:
    """Return a venue that was started, and where its answers go."""
    venue = Recorded((INSTRUMENT,), answers=answers)
    told: list[AnyEvent] = []
    asyncio.run(venue.start(told.append))
    venue.now_ns = 7
    return venue, told


def test_connections_and_clocks_are_answered_at_once() -> None:
    """Each market stream is up at the time of the request, another venue's by name; the clock is right."""
    venue, told = begun()
    for command in (Connect(stream=Stream.MARKET), Connect(stream=Stream.MARKET, venue="b"), MeasureClock()):
        venue.submit(command)
    assert told == [
        StreamUp(ts_ns=7, stream=Stream.MARKET),
        StreamUp(ts_ns=7, stream=Stream.MARKET, venue="b"),
        ClockMeasured(ts_ns=7, offset_ns=0, round_trip_ns=0),
    ]
    assert venue.caps is CAPS


def test_a_whole_book_is_told_to_who_waits_for_it() -> None:
    """The first one unasked, then one for each request; of a symbol that is not recorded there is none."""
    venue, told = begun()
    assert [venue.on_whole_book(BOOK), venue.on_whole_book(BOOK)] == [True, False]
    venue.submit(SyncBook(symbol=SYMBOL))
    venue.submit(SyncBook(symbol="X/Y"))
    assert venue.waits_for == {SYMBOL}
    assert [venue.on_whole_book(BOOK), venue.on_whole_book(BOOK)] == [True, False]
    assert told == []


def test_where_the_recording_tells_what_was_answered_nothing_is_made_up() -> None:
    """No stream comes up, no clock is measured, no book is waited for."""
    venue, told = begun(answers=False)
    for command in (Connect(stream=Stream.MARKET), MeasureClock(), SyncBook(symbol=SYMBOL)):
        venue.submit(command)
    assert (told, venue.waits_for) == ([], set())


def test_a_symbol_that_is_not_recorded_is_named_with_those_that_are() -> None:
    """To trade it or to watch it."""
    venue, _ = begun()
    for ask in (venue.instruments, venue.watch):
        assert asyncio.run(ask((SYMBOL,))) == (INSTRUMENT,)
        with pytest.raises(ConfigError, match=f"X/Y is not in the recording, which holds {SYMBOL}"):
            asyncio.run(ask((SYMBOL, "X/Y")))


def test_there_is_no_account() -> None:
    """What needs one is a violation, and so is anything before the start or after the end."""
    venue, _ = begun()
    with pytest.raises(ProtocolViolation, match="it has no account"):
        venue.submit(ListBalances())
    asyncio.run(venue.close())
    with pytest.raises(ProtocolViolation, match="before the recording was started or after"):
        venue.submit(MeasureClock())
