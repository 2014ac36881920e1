"""Rows of a market: what goes in as events comes out as the same events, whatever the columns are made of."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain import tape
from mm.domain.book import Level
from mm.domain.events import (
    AnyEvent,
    BookDelta,
    BookLost,
    BookSnapshot,
    PublicTrade,
    Stream,
    StreamUp,
    TopOfBook,
)
from mm.domain.sides import BUY, SELL
from mm.domain.tape import (
    KEYFRAME,
    ORDER,
    ORDERS,
    OTHER,
    Chunk,
    TapeWriter,
    event_of,
    events,
    messages,
    rows,
)

SYMBOLS = ("AAA/BBB", "CCC/BBB")

whole = st.integers(min_value=0, max_value=2**62)
names = st.sampled_from(SYMBOLS)
levels = st.lists(st.builds(Level, whole, whole), max_size=4).map(tuple)
kinds = st.one_of(
    st.builds(BookSnapshot, ts_ns=whole, symbol=names, seq=whole, bids=levels, asks=levels),
    st.builds(BookDelta, ts_ns=whole, symbol=names, seq=whole, venue_ms=whole, bids=levels, asks=levels),
    st.builds(
        TopOfBook,
        ts_ns=whole,
        symbol=names,
        seq=whole,
        bid=st.builds(Level, whole, whole),
        ask=st.builds(Level, whole, whole),
    ),
    st.builds(
        PublicTrade,
        ts_ns=whole,
        symbol=names,
        trade_id=whole,
        price_ticks=whole,
        size_atoms=whole,
        aggressor=st.sampled_from((BUY, SELL)),
        venue_ms=whole,
    ),
    st.builds(BookLost, ts_ns=whole, symbol=names, reason=st.text(max_size=5)),
    st.builds(StreamUp, ts_ns=whole, stream=st.sampled_from(Stream)),
)


def written(told: list[AnyEvent]) -> Chunk:
    """Return the rows of events."""
    writer = TapeWriter(SYMBOLS)
    for event in told:
        writer.add(event)
    waiting = len(writer)
    chunk = writer.take()
    assert (waiting, len(writer)) == (chunk.rows, 0)
    return chunk


@given(told=st.lists(kinds, max_size=12))
@settings(max_examples=60)
def test_events_come_back_as_they_were_written(told: list[AnyEvent]) -> None:
    """Whole books, changes, tops, prints and what is no row."""
    assert list(events(written(told))) == told


@given(told=st.lists(kinds, min_size=1, max_size=12))
def test_a_message_ends_where_its_last_row_says_and_stands_together(told: list[AnyEvent]) -> None:
    """One end per event; rows of a message share time, kind, market and number."""
    chunk = written(told)
    ends = [row[8] for row in rows(chunk)]
    assert sum(ends) == len(told)
    assert ends[-1] == 1
    heads: list[tuple[int, ...]] = []
    for row in rows(chunk):
        heads.append((row[0], row[1], row[2], row[6], row[7]))
        if row[8]:
            assert len(dict.fromkeys(heads)) == 1
            heads = []


def test_rows_are_read_in_windows_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that reaches over the end of a window is one event."""
    monkeypatch.setattr(tape, "WINDOW_ROWS", 3)
    told: list[AnyEvent] = [
        BookDelta(
            ts_ns=number,
            symbol=SYMBOLS[1],
            seq=number,
            venue_ms=7,
            bids=(Level(5, 1), Level(4, 2)),
            asks=(Level(6, 3), Level(7, 0)),
        )
        for number in range(5)
    ]
    chunk = written(told)
    assert list(events(chunk)) == told
    assert list(events(chunk, 4, 12)) == told[1:3]


def test_columns_of_another_library_give_integers_of_python() -> None:
    """What the engine gets is `int`, whatever holds the rows."""
    numpy = pytest.importorskip("numpy")
    trade = PublicTrade(
        ts_ns=1, symbol=SYMBOLS[0], trade_id=2, price_ticks=3, size_atoms=4, aggressor=SELL, venue_ms=5
    )
    chunk = written([trade])
    columns = tape.Columns(*(numpy.asarray(column, dtype=numpy.int64) for column in chunk.columns))
    (event,) = events(chunk._replace(columns=columns))
    assert event == trade
    assert isinstance(event, PublicTrade)
    assert type(event.price_ticks) is int


def test_an_event_of_a_market_that_was_not_named_is_refused() -> None:
    """Nobody could tell whose it is."""
    with pytest.raises(KeyError):
        TapeWriter(SYMBOLS).add(TopOfBook(ts_ns=1, symbol="X/Y", seq=1, bid=Level(1, 1), ask=Level(2, 1)))


def test_what_is_no_row_is_found_by_its_place() -> None:
    """Its number is where it stands among the others."""
    chunk = Chunk(SYMBOLS, written([]).columns, (StreamUp(ts_ns=3, stream=Stream.USER),))
    assert event_of(chunk, [(3, OTHER, 0, 0, 0, 0, 0, 0, 1)]) is chunk.others[0]


def test_a_keyframe_is_a_book_for_whoever_begins_there_and_no_event() -> None:
    """Who has the book is not told of it a second time."""
    book = BookSnapshot(ts_ns=4, symbol=SYMBOLS[1], seq=9, bids=(Level(5, 1),), asks=())
    writer = TapeWriter(SYMBOLS)
    writer.add_keyframe(book)
    writer.add(book)
    chunk = writer.take()
    assert list(events(chunk)) == [book]
    keyframe, told = messages(chunk)
    assert keyframe[0][1] == KEYFRAME
    assert event_of(chunk, keyframe) == event_of(chunk, told) == book


def test_single_orders_are_rows_and_no_events() -> None:
    """A row each with its id; a row of side 0 first where all before them are gone."""
    writer = TapeWriter(SYMBOLS)
    book = BookSnapshot(ts_ns=5, symbol=SYMBOLS[1], seq=1, bids=(Level(9, 4),), asks=())
    writer.add_orders(5, SYMBOLS[1], [(1, 9, 4, 77)], whole=True)
    writer.add(book)
    writer.add_orders(6, SYMBOLS[1], [(1, 9, 0, 77), (-1, 11, 2, -3)])
    writer.add_orders(7, SYMBOLS[1], [], whole=True, kind=ORDERS)
    chunk = writer.take()
    assert list(rows(chunk)) == [
        (5, ORDER, 1, 0, 0, 0, 0, 0, 0),
        (5, ORDER, 1, 1, 9, 4, 77, 0, 1),
        (5, tape.SNAPSHOT, 1, 1, 9, 4, 1, 0, 1),
        (6, ORDER, 1, 1, 9, 0, 77, 0, 0),
        (6, ORDER, 1, -1, 11, 2, -3, 0, 1),
        (7, ORDERS, 1, 0, 0, 0, 0, 0, 1),
    ]
    assert [len(message) for message in messages(chunk)] == [2, 1, 2, 1]
    assert list(events(chunk)) == [book]
    with pytest.raises(KeyError):
        writer.add_orders(8, "none", [])
