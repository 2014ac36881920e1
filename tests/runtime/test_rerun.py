"""A recorded run again: the same to the byte, and every way in which it would not be is found."""

from collections.abc import Sequence

import msgspec
import pytest

from mm.domain.commands import AnyCommand, Place
from mm.domain.estate import Estate
from mm.domain.events import AnyEvent, ConfigApplied, OrderAcked
from mm.engine.engine import Engine
from mm.engine.estate import estate_of
from mm.engine.setup import NewSetup
from mm.runtime.live import HALT_NOTE
from mm.runtime.rerun import Rerun, RerunResult
from mm.runtime.simulate.ladder import Ladder
from mm.store.journal.codec import encode
from mm.store.journal.entries import (
    CHECKPOINT,
    COMMAND,
    CONFIG,
    EVENT,
    NOTE,
    OUTCOME,
    ConfigVersion,
    OperatorNote,
    Record,
)
from tests.builders.engine_rig import make_session
from tests.builders.fake_venue import FakeVenue
from tests.builders.live_runs import LiveRun
from tests.builders.virtual_time import VirtualClock


class Memory:
    """A recorder that keeps the records. Fields: records."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def on_event(self, event: AnyEvent, *, outside: bool) -> None:
        """Keep an event."""
        kind = EVENT if outside else OUTCOME
        self.records.append(Record(len(self.records) + 1, event.ts_ns, kind, event, encode(event)))

    def on_commands(self, ts_ns: int, commands: Sequence[AnyCommand]) -> None:
        """Keep commands."""
        for command in commands:
            self.records.append(Record(len(self.records) + 1, ts_ns, COMMAND, command, encode(command)))

    def on_config(self, ts_ns: int, version: ConfigVersion) -> None:
        """Keep a configuration."""
        self.records.append(Record(len(self.records) + 1, ts_ns, CONFIG, version, encode(version)))

    def on_note(self, ts_ns: int, text: str) -> None:
        """Keep a note."""
        note = OperatorNote(who="mm", text=text)
        self.records.append(Record(len(self.records) + 1, ts_ns, NOTE, note, encode(note)))


@pytest.fixture
def recorded() -> tuple[LiveRun, list[Record]]:
    """A run of half a minute, and its record."""
    memory = Memory()
    run = LiveRun(latency_s=0.003, recorder=memory)
    assert run.go(duration_s=30).clean
    return run, memory.records


def repeated(run: LiveRun, records: Sequence[Record]) -> RerunResult:
    """Repeat `records` on a new engine of the run's setup."""
    engine = Engine(run.engine.state.setup)
    silent = FakeVenue(VirtualClock())
    silent.submit = lambda command: None  # type: ignore[method-assign] # whatever it answered is recorded

    def prepare(event: ConfigApplied, version: ConfigVersion) -> None:
        setup = run.engine.state.setup
        engine.prepare(event.revision, NewSetup(sessions=setup.sessions, deadlines=setup.deadlines))

    return Rerun(engine, silent, prepare).run(records)


def test_a_run_comes_out_the_same(recorded: tuple[LiveRun, list[Record]]) -> None:
    """Every command, in order, to the byte; reports count as commands."""
    run, records = recorded
    result = repeated(run, records)

    assert result.difference is None
    assert result.commands == sum(record.kind == COMMAND for record in records) > 20
    assert result.events == sum(record.kind == EVENT for record in records)
    assert result.last_ts_ns == records[-1].ts_ns


def test_an_event_that_is_missing_is_found(recorded: tuple[LiveRun, list[Record]]) -> None:
    """Without one acknowledgement the order is doubted, and what follows differs."""
    run, records = recorded
    acks = [place for place, record in enumerate(records) if isinstance(record.entry, OrderAcked)]
    result = repeated(run, [*records[: acks[0]], *records[acks[0] + 1 :]])

    assert result.difference is not None
    assert result.difference.recorded != result.difference.computed


def test_a_command_that_was_changed_is_told_with_its_record(recorded: tuple[LiveRun, list[Record]]) -> None:
    """The first difference: its number, its record, both in words."""
    run, records = recorded
    place = next(place for place, record in enumerate(records) if isinstance(record.entry, Place))
    entry = records[place].entry
    assert isinstance(entry, Place)
    other = msgspec.structs.replace(entry, price_ticks=entry.price_ticks + 1)
    changed = msgspec.structs.replace(records[place], entry=other, payload=encode(other))
    result = repeated(run, [*records[:place], changed, *records[place + 1 :]])

    difference = result.difference
    assert difference is not None
    assert difference.seq == place + 1
    assert difference.number == sum(record.kind == COMMAND for record in records[: place + 1])
    assert str(entry.price_ticks) in difference.computed
    assert str(other.price_ticks) in difference.recorded


def test_commands_beyond_the_record_and_records_beyond_the_run_are_differences(
    recorded: tuple[LiveRun, list[Record]],
) -> None:
    """A record that ends before its commands, or goes on after the last one."""
    run, records = recorded
    last = max(place for place, record in enumerate(records) if record.kind == COMMAND)
    short = repeated(run, records[:last] + records[last + 1 :])
    long = repeated(run, [*records, records[last]])

    assert short.difference is not None
    assert (short.difference.recorded, short.difference.seq) == ("", 0)
    assert long.difference is not None
    assert long.difference.computed == ""


def test_a_config_that_was_applied_is_prepared_before_its_event(
    recorded: tuple[LiveRun, list[Record]],
) -> None:
    """The text is recorded first, then the event: the engine is ready for it."""
    run, records = recorded
    ts_ns = records[-1].ts_ns
    version = ConfigVersion(digest="d", text="t", who="me")
    applied = ConfigApplied(ts_ns=ts_ns, revision=7, digest="d", who="me")
    told = [Record(0, ts_ns, CONFIG, version, b""), Record(0, ts_ns, EVENT, applied, b"")]
    result = repeated(run, [*records, *told])

    assert result.difference is not None  # the record does not hold the report of it
    assert "config.applied" in result.difference.computed


def test_a_setup_that_differs_is_found(recorded: tuple[LiveRun, list[Record]]) -> None:
    """Another ladder, another command: the record tells what ran, not what runs now."""
    run, records = recorded
    other = LiveRun(make_session(Ladder(half_spread_ticks=5)))
    assert repeated(other, records).difference is not None
    assert run.engine.state.setup.epoch == other.engine.state.setup.epoch


def with_checkpoints(run: LiveRun, records: Sequence[Record]) -> list[Record]:
    """Put a checkpoint before the first event and before the last, and one at the end, as they would be."""
    engine = Engine(run.engine.state.setup)
    events = [place for place, record in enumerate(records) if record.kind is EVENT]
    made: list[Record] = []
    for place, record in enumerate(records):
        if place in (events[0], events[-1]):
            made.append(checkpoint_of(engine, record))
        made.append(record)
        if isinstance(record.entry, AnyEvent):
            engine.step(record.entry)
    return [*made, checkpoint_of(engine, records[-1])]


def checkpoint_of(engine: Engine, beside: Record) -> Record:
    """What the engine leaves, as a record."""
    left = estate_of(engine.state)
    return Record(beside.seq, beside.ts_ns, CHECKPOINT, left, encode(left))


def test_checkpoints_are_compared_as_well(recorded: tuple[LiveRun, list[Record]]) -> None:
    """At their very places: before an event nothing of it is in them."""
    run, records = recorded
    result = repeated(run, with_checkpoints(run, records))

    assert result.difference is None
    assert result.checkpoints == 3


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_checkpoint_that_was_changed_is_told_in_words(
    recorded: tuple[LiveRun, list[Record]], which: int
) -> None:
    """What it says that is not so, beside what is."""
    run, records = recorded
    made = with_checkpoints(run, records)
    place = [place for place, record in enumerate(made) if record.kind is CHECKPOINT][which]
    left = made[place].entry
    assert isinstance(left, Estate)
    wrong = msgspec.structs.replace(left, sequence=left.sequence + 1)
    made[place] = msgspec.structs.replace(made[place], entry=wrong, payload=encode(wrong))

    result = repeated(run, made)

    assert result.difference is not None
    assert result.difference.recorded == f"checkpoint with sequence: {left.sequence + 1}"
    assert result.difference.computed == f"checkpoint with sequence: {left.sequence}"
    assert result.checkpoints == which


def test_a_core_that_breaks_leaves_a_note_and_repeats_to_there() -> None:
    """It cannot say itself that it broke: the runtime does, in the record, and the latch has its reason."""
    memory = Memory()
    run = LiveRun(latency_s=0.003, recorder=memory)
    run.at(5, lambda: setattr(run.engine, "breaks_at", lambda event: True))
    outcome = run.go(duration_s=30)
    assert outcome.reason == "halted: engine.failed"
    notes = [record.entry for record in memory.records if record.kind is NOTE]
    assert notes == [
        OperatorNote(who="mm", text=f"{HALT_NOTE}engine.failed: ArithmeticError: the core is broken")
    ]
