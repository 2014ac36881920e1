"""The journal of a run as a recording: what came from outside, in order, and nothing that was made there."""

from pathlib import Path

import msgspec
import pytest

from mm.domain.book import Level
from mm.domain.events import (
    BookLost,
    BookSnapshot,
    ClockMeasured,
    ConfigApplied,
    OperatorAsked,
    OrderAcked,
    Stream,
    StreamDown,
    StreamUp,
    TopOfBook,
)
from mm.domain.tape import KEYFRAME, OTHER, events, rows
from mm.errors import JournalForeign, StateCorrupt
from mm.store.journal.entries import EVENT, OUTCOME, Entry, Kind, RunHeader
from mm.store.journal.journal import Journal
from mm.store.journal.layout import JOURNAL_NAME, journal_directory
from mm.store.journal.retention import drop_market
from mm.store.journal.syncing import JournalSettings
from mm.store.recordings.journal_source import JournalSource
from mm.store.recordings.opening import Form, form_of, open_source
from tests.builders.journals import Hasty
from tests.builders.recorded_runs import BEGAN_NS, SYMBOL, acked, header, usual, write_run
from tests.builders.stored import market_events, put, rows_of


def market(rounds: int, *, step_ns: int = 10**9) -> list[tuple[Kind, Entry]]:
    """The entries of a market that is heard."""
    up = StreamUp(ts_ns=BEGAN_NS, stream=Stream.MARKET)
    told = market_events(rounds, begins_ns=BEGAN_NS + step_ns, step_ns=step_ns)
    return [(EVENT, up), *((EVENT, event) for event in told)]


def run_of(folder: Path, entries: list[tuple[Kind, Entry]], head: RunHeader | None = None) -> JournalSource:
    """A run with these entries, as a source."""
    journal = write_run(folder, entries, head=head)
    return JournalSource(journal.parent)


def timed_run(folder: Path, entries: list[tuple[Kind, Entry]]) -> JournalSource:
    """A run whose records are of the times of its events, as a source."""
    head = header(1)
    directory = journal_directory(folder, head.run_id)
    with Journal.open(directory, head, disk=Hasty()) as journal:
        for kind, entry in entries:
            journal.append(kind, getattr(entry, "ts_ns", BEGAN_NS), entry)
    return JournalSource(directory.parent)


def test_a_run_directory_is_a_recording(tmp_path: Path) -> None:
    """It is recognised, holds its markets, and says that nothing has to be made up."""
    journal = write_run(tmp_path, market(10))
    assert form_of(journal.parent) is Form.RUN
    source = open_source([journal.parent])
    assert source.controls
    assert source.symbols == tuple(one.symbol for one in source.instruments)
    told = [event for chunk in source.chunks() for event in events(chunk)]
    assert told == [entry for _, entry in market(10)]
    assert source.digest == open_source([journal.parent]).digest


def test_what_the_run_computed_or_was_told_of_its_orders_is_left_out(tmp_path: Path) -> None:
    """Commands, notes, outcomes; what a real venue said of orders; operators and configs stay."""
    source = run_of(tmp_path, usual())
    told = [event for chunk in source.chunks() for event in events(chunk)]
    assert [type(event) for event in told] == [
        StreamUp,
        BookSnapshot,
        TopOfBook,
        OperatorAsked,
        ConfigApplied,
        OperatorAsked,
        OperatorAsked,
    ]


def test_a_paper_run_keeps_all_that_came_from_outside(tmp_path: Path) -> None:
    """Its orders' outcomes were computed, so what is there of that kind came from outside."""
    entries = [(EVENT, acked(1, 4)), (OUTCOME, acked(2, 5)), *market(3)]
    source = run_of(tmp_path, entries, header(1, text='mode = "paper"\n'))
    told = [event for chunk in source.chunks() for event in events(chunk)]
    assert [event.cid for event in told if isinstance(event, OrderAcked)] == [acked(1, 4).cid]


def test_reading_from_the_middle_begins_with_what_stands(tmp_path: Path) -> None:
    """Streams and clocks as last told, then the whole book, at that time."""
    source = timed_run(tmp_path, market(60))
    from_ns = BEGAN_NS + 150 * 10**9
    chunk = next(source.chunks(from_ns))
    told = list(events(chunk))
    kinds = [row[1] for row in rows(chunk)]
    assert isinstance(told[0], StreamUp)
    assert isinstance(told[1], ClockMeasured)
    assert kinds[2] == KEYFRAME
    assert {event.ts_ns for event in told[:2]} == {next(rows(chunk, 2))[0]}
    assert from_ns - 60 * 10**9 < told[0].ts_ns <= from_ns
    part = [row for row in rows_of(source, from_ns) if row[1] != OTHER and row[0] >= from_ns]
    assert part == [row for row in rows_of(source) if row[1] != OTHER and row[0] >= from_ns]
    to_ns = from_ns + 10**10
    assert max(row[0] for row in rows_of(source, from_ns, to_ns)) < to_ns


def test_a_book_that_is_lost_or_whose_stream_ended_has_no_keyframe(tmp_path: Path) -> None:
    """Until it comes back."""
    entries = market(3)
    down = StreamDown(ts_ns=BEGAN_NS + 20 * 10**9, stream=Stream.MARKET, reason="closed")
    bid, ask = Level(9_000, 1), Level(9_001, 1)
    later = TopOfBook(ts_ns=BEGAN_NS + 200 * 10**9, symbol=SYMBOL, seq=999, bid=bid, ask=ask)
    source = timed_run(tmp_path, [*entries, (EVENT, down), (EVENT, later)])
    assert KEYFRAME not in {row[1] for row in rows_of(source)}


def test_missing_market_data_are_a_lost_book(tmp_path: Path) -> None:
    """Dropped by retention: nobody quotes on what is not there."""
    entries = market(60, step_ns=10**6)
    journal = write_run(tmp_path, entries, settings=JournalSettings(segment_bytes=4_000, block_records=3))
    assert drop_market(journal, before_ns=10**19)
    source = JournalSource(journal.parent)
    told = [event for chunk in source.chunks() for event in events(chunk)]
    lost = [event for event in told if isinstance(event, BookLost) and "missing" in event.reason]
    assert lost
    assert {event.symbol for event in lost} == {SYMBOL}
    assert len(told) < len(entries)


def test_a_run_can_be_stored(tmp_path: Path) -> None:
    """Rows and controls come back; a store says that it is of a run."""
    source = timed_run(tmp_path, market(60))
    put(source, tmp_path / "store")
    stored = open_source([tmp_path / "store"])
    assert stored.controls
    assert rows_of(stored) == rows_of(source)


def test_a_directory_without_a_run_is_refused(tmp_path: Path) -> None:
    """And one whose head is another program's."""
    (tmp_path / JOURNAL_NAME).mkdir()
    with pytest.raises(StateCorrupt):
        open_source([tmp_path])
    journal = write_run(tmp_path, market(3))
    assert journal.is_dir()
    head = msgspec.structs.replace(header(2), config_text="x")
    with pytest.raises(JournalForeign):
        run_of(tmp_path / "other", market(3), head)
