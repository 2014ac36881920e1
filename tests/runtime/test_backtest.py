"""The loop of a backtest over tapes made here: where it begins, what reaches the engine, how it ends."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random

import pytest

from mm.domain.commands import Cancel
from mm.domain.events import (
    Advanced,
    AnyEvent,
    BookDelta,
    BookLost,
    BookSnapshot,
    ConfigApplied,
    OperatorAsked,
    Stream,
    StreamDown,
    StreamUp,
)
from mm.domain.instrument import Instrument
from mm.domain.tape import KEYFRAME, Chunk, TapeWriter, events, messages
from mm.engine.engine import Engine
from mm.engine.session import SessionState
from mm.engine.setup import DEFAULT_DEADLINES, EngineSetup, NewSetup
from mm.errors import RecordingUnusable
from mm.risk.rules import make_rules
from mm.runtime.backtest import Backtest, Span, begun_at
from mm.runtime.backtest_loop import LOOK_EVERY
from mm.runtime.backtest_steps import Said, Steps
from mm.runtime.simulate.plan import LIMITS
from mm.store.journal.codec import encode
from mm.store.recordings.source import SourceGap
from mm.strategies.pure_market_making import PureMarketMaking
from mm.venues.paper import PaperVenue
from mm.venues.recorded import Recorded
from tests.builders.engine_rig import EPOCH, IDS, START_NS, make_session
from tests.builders.instruments import INSTRUMENT
from tests.builders.paper_market import PublicMarket
from tests.builders.paper_rig import CLOSE, SECOND_NS, paper_settings

SYMBOL = INSTRUMENT.symbol


@dataclass
class Tape:
    """A source of chunks in memory. Implements `Source`."""

    made: list[Chunk]
    controls: bool = False
    name: str = "tape"
    venue: str = ""
    symbols: tuple[str, ...] = (SYMBOL,)
    instruments: tuple[Instrument, ...] = (INSTRUMENT,)
    first_ns: int = START_NS
    last_ns: int = START_NS + 60 * SECOND_NS
    rows: int = 0
    digest: str = ""
    gaps: tuple[SourceGap, ...] = field(default=())

    def chunks(self, from_ns: int = 0, to_ns: int = 0) -> Iterator[Chunk]:
        """Yield all of them, whatever is asked for: as if there were one keyframe, at the begin."""
        assert not to_ns
        yield from self.made


def generated(seconds: int, *, seed: int = 1, rows: int = 400) -> list[Chunk]:
    """Return the chunks of a generated market that is connected from its begin on."""
    market, writer, made = PublicMarket(INSTRUMENT, seed=seed), TapeWriter((SYMBOL,)), []
    market.now_ns = START_NS
    market.at(0, market._up)
    for event in market._snapshot():
        writer.add(event)
    while (due_ns := market.next_ns) is not None and due_ns < START_NS + seconds * SECOND_NS:
        for event in market.take():
            if not isinstance(event, StreamUp):
                writer.add(event)
        if len(writer) > rows:
            made.append(writer.take())
    return [*made, writer.take()]


def steps_of(*, answers: bool = True) -> Steps:
    """Return the steps of a bot that quotes close."""
    recorded = Recorded((INSTRUMENT,), answers=answers)
    venue = PaperVenue(recorded, paper_settings(compares=False))

    async def begin() -> Engine:
        (traded,) = await venue.instruments((SYMBOL,))
        session = make_session(
            PureMarketMaking(CLOSE, traded), rules=make_rules(LIMITS), instrument=traded, band_lots_max=200
        )
        return Engine(EngineSetup(ids=IDS, epoch=EPOCH, caps=venue.caps, sessions=(session,)))

    steps = Steps(asyncio.run(begin()), venue, recorded)
    asyncio.run(venue.start(steps.sink))
    return steps


def test_a_tape_is_traded_to_its_end_and_stopped_in_order() -> None:
    """It is quoted and filled; afterwards no order is left, every session has completed, all is counted."""
    chunks, steps = generated(30), steps_of()
    ran = Backtest(steps, Tape(chunks)).run()
    assert steps.fills > 10
    assert steps.decisions > steps.fills
    assert (ran.rows, ran.partial) == (sum(chunk.rows for chunk in chunks), "")
    assert ran.messages == sum(1 for chunk in chunks for _ in messages(chunk))
    assert (ran.began_ns, ran.ended_ns) == (START_NS, list(events(chunks[-1]))[-1].ts_ns)
    state = steps.engine.state
    assert [session.state for session in state.sessions] == [SessionState.COMPLETED]
    assert not state.orders.live
    figures = steps.analyst.figures("main")
    assert figures is not None
    assert figures["pnl"]["residue_is_zero"]  # type: ignore[index]  # a table of it


def test_how_a_tape_is_cut_changes_nothing() -> None:
    """Chunks of 40 and of 4,000 rows: the same digest."""
    digests = []
    for rows in (40, 4_000):
        steps = steps_of()
        Backtest(steps, Tape(generated(20, rows=rows))).run()
        digests.append(steps.said.digest)
    assert digests[0] == digests[1]


@pytest.mark.parametrize("seed", range(8))
def test_to_begin_later_is_to_begin_with_the_book_of_then(seed: int) -> None:
    """Rows from the time on are untouched, and the keyframe before them is what a full replay has there."""
    random = Random(seed)
    chunks = generated(10, seed=seed, rows=random.choice((30, 300, 3_000)))
    from_ns = START_NS + random.randrange(1, 9 * SECOND_NS)
    begun = list(begun_at(iter(chunks), from_ns))
    kept = [event for chunk in begun for event in events(chunk)]
    assert kept == [event for chunk in chunks for event in events(chunk) if event.ts_ns >= from_ns]
    assert (begun[0].columns.kind.tolist()[0], begun[0].columns.ts_ns.tolist()[0]) == (KEYFRAME, from_ns)
    whole, later = steps_of(), steps_of()
    Backtest(whole, Tape(chunks)).run()
    Backtest(later, Tape(chunks)).run(Span(from_ns=from_ns))
    books = [steps.engine.state.markets[SYMBOL].book for steps in (whole, later)]
    assert books[0].bids(9, {}) == books[1].bids(9, {})
    assert books[0].asks(9, {}) == books[1].asks(9, {})
    assert later.engine.state.started_ns == from_ns


def test_a_book_that_was_lost_before_the_begin_is_not_made_up() -> None:
    """Then no keyframe is told; the next whole book of the recording is."""
    writer = TapeWriter((SYMBOL,))
    (book,) = PublicMarket(INSTRUMENT)._snapshot()
    assert isinstance(book, BookSnapshot)
    at = [START_NS + second * SECOND_NS for second in range(4)]
    writer.add(BookSnapshot(ts_ns=at[0], symbol=SYMBOL, seq=1, bids=book.bids, asks=book.asks))
    writer.add(BookLost(ts_ns=at[1], symbol=SYMBOL, reason="gap"))
    writer.add(BookDelta(ts_ns=at[2], symbol=SYMBOL, seq=3, venue_ms=0, bids=(), asks=()))
    chunk = writer.take()
    assert [list(events(one)) for one in begun_at(iter([chunk]), at[2])] == [list(events(chunk))[2:]]


def test_nothing_in_the_span_is_an_error() -> None:
    """A tape that ends before it."""
    with pytest.raises(RecordingUnusable, match="tape: no row between"):
        Backtest(steps_of(), Tape(generated(5))).run(Span(from_ns=START_NS + 90 * SECOND_NS))


def test_whoever_breaks_it_off_gets_what_there_is_and_no_order_is_left() -> None:
    """Asked every thousand messages; the rows until then, the reason, an orderly stop."""
    asked: list[tuple[int, int]] = []
    steps = steps_of()
    ran = Backtest(steps, Tape(generated(60, rows=10_000))).run(
        progress=lambda ts_ns, rows: asked.append((ts_ns, rows)), should_stop=lambda: len(asked) == 2
    )
    assert (ran.partial, ran.messages, len(asked)) == ("interrupted", 2 * LOOK_EVERY, 2)
    assert (ran.ended_ns, ran.rows) == asked[-1]
    assert not steps.engine.state.orders.live


def test_a_break_at_the_edge_of_a_chunk_is_one_too() -> None:
    """Where a chunk has fewer messages than that."""
    ran = Backtest(steps_of(), Tape(generated(5, rows=50))).run(should_stop=lambda: True)
    assert (ran.partial, ran.rows < 200) == ("interrupted", True)


def test_what_was_told_to_another_run_is_not_told_to_this_one() -> None:
    """With a venue that answers by itself: no stream that came up; what went down or was lost is told."""
    writer = TapeWriter((SYMBOL,))
    market = PublicMarket(INSTRUMENT)
    market.now_ns = ts_ns = START_NS
    (book,) = market._snapshot()
    writer.add(book)
    others: list[AnyEvent] = [
        StreamUp(ts_ns=ts_ns, stream=Stream.MARKET),
        Advanced(ts_ns=ts_ns),
        BookLost(ts_ns=ts_ns, symbol=SYMBOL, reason="gap"),
        StreamDown(ts_ns=ts_ns, stream=Stream.USER, reason="x"),
        StreamDown(ts_ns=ts_ns, stream=Stream.MARKET, reason="x"),
    ]
    for event in others:
        writer.add(event)
    steps, heard = steps_of(), []

    def hears(event: AnyEvent, commands: object) -> tuple[()]:
        heard.append(event)
        return ()

    steps.hears = hears
    Backtest(steps, Tape([writer.take()])).run()
    told = [event for event in heard if any(event is one for one in others)]
    assert told == [others[2], others[4]]


def test_a_run_s_own_record_is_told_whole() -> None:
    """Streams, operators, a change of the config, for which the engine is made ready first."""
    writer, prepared = TapeWriter((SYMBOL,)), []
    for event in (
        Advanced(ts_ns=START_NS),
        StreamUp(ts_ns=START_NS + 1, stream=Stream.MARKET),
        ConfigApplied(ts_ns=START_NS + 2, revision=2, digest="d", who="test"),
    ):
        writer.add(event)
    steps = steps_of(answers=False)

    def prepare(event: ConfigApplied) -> None:
        prepared.append(event.revision)
        session = steps.engine.state.sessions[0]
        steps.engine.prepare(event.revision, NewSetup(sessions=(session.setup,), deadlines=DEFAULT_DEADLINES))

    steps.prepare = prepare
    Backtest(steps, Tape([writer.take()], controls=True)).run()
    assert prepared == [2]
    assert steps.engine.state.started_ns == START_NS


def test_the_digest_is_of_commands_outcomes_and_their_times() -> None:
    """Another time or order gives another one; equal ones the same."""
    first = encode(Cancel(cid="a", symbol="s"))
    second = encode(Advanced(ts_ns=5))

    def digest(*, ts_ns: int, swapped: bool = False) -> str:
        said = Said()
        for step in reversed((0, 1)) if swapped else (0, 1):
            if step:
                said.outcome(second)
            else:
                said.command(ts_ns, first)
        assert (said.commands, said.outcomes) == (1, 1)
        return said.digest

    assert digest(ts_ns=1) == sha256((1).to_bytes(8, "big") + first + second).hexdigest()
    assert len({digest(ts_ns=1), digest(ts_ns=2), digest(ts_ns=1, swapped=True)}) == 3


def test_an_operator_is_asked_for_by_the_backtest_itself() -> None:
    """The stop at the end is one of its events, after the data."""
    steps, heard = steps_of(), []
    take = steps.hears

    def hears(event: AnyEvent, commands: object) -> object:
        heard.append(event)
        return take(event, commands)  # type: ignore[arg-type]  # as it came

    steps.hears = hears  # type: ignore[assignment]  # returns what it got
    Backtest(steps, Tape(generated(5))).run()
    (asked,) = [event for event in heard if isinstance(event, OperatorAsked)]
    assert (asked.who, asked.reason) == ("backtest", "end of data")
