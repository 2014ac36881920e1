"""A recorded run again: the same to the byte, and every way in which it would not be is found."""

from collections.abc import Sequence

import msgspec
import pytest

from mm.domain.commands import AnyCommand, Place
from mm.domain.events import AnyEvent, ConfigApplied, OrderAcked
from mm.engine.engine import Engine
from mm.engine.setup import NewSetup
from mm.runtime.rerun import Rerun, RerunResult
from mm.store.journal.codec import encode
from mm.store.journal.entries import COMMAND, CONFIG, EVENT, OUTCOME, ConfigVersion, Record
from tests.builders.engine_ladder import Ladder
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
