"""A recorded run on paper again: outcomes have to be the same too, and a record that was torn off counts."""

from collections.abc import Sequence

import msgspec
import pytest

from mm.domain.commands import AnyCommand
from mm.domain.events import AnyEvent, ConfigApplied, OrderFilled
from mm.engine.engine import Engine
from mm.runtime.rerun import Rerun, RerunResult
from mm.store.journal.codec import encode
from mm.store.journal.entries import (
    COMMAND,
    CONFIG,
    EVENT,
    MISSING,
    NOTE,
    OUTCOME,
    Cause,
    ConfigVersion,
    Family,
    Missing,
    OperatorNote,
    Record,
)
from tests.builders.paper_rig import SECOND_NS, paper_parts, paper_run

Records = list[Record]


class Breaking(Engine):
    """An engine with a defect. Fields: breaks_ns: from this time on it raises."""

    breaks_ns = 2**63

    def step(self, event: AnyEvent) -> Sequence[AnyCommand]:
        """Step, while it works."""
        if event.ts_ns >= self.breaks_ns:
            raise ArithmeticError("the core is broken")
        return super().step(event)


@pytest.fixture
async def records() -> Records:
    """What was recorded of ten seconds on paper."""
    run = await paper_run(seed=5)
    run.run(10 * SECOND_NS)
    return run.records


async def repeated(records: Records, *, closed: bool = True, breaks_ns: int = 2**63) -> RerunResult:
    """Repeat records on a new engine and a new venue."""
    _, venue, engine = await paper_parts(seed=5)
    broken = Breaking(engine.state.setup)
    broken.breaks_ns = breaks_ns
    return Rerun(broken, venue, unprepared).run(records, closed=closed)


def unprepared(event: ConfigApplied, version: ConfigVersion) -> None:
    """No config is applied in these runs."""
    raise AssertionError(f"prepared for {event!r} by {version!r}")


def places(records: Records, kind: int) -> list[int]:
    """Return where records of a kind are."""
    return [at for at, record in enumerate(records) if record.kind == kind]


def changed(records: Records, at: int, entry: AnyEvent) -> Records:
    """Return the records with another entry at one place."""
    record = msgspec.structs.replace(records[at], entry=entry, payload=encode(entry))
    return [*records[:at], record, *records[at + 1 :]]


async def test_outcomes_are_computed_anew_and_come_out_the_same(records: Records) -> None:
    """Every answer, fill and timer to the byte, and every command."""
    result = await repeated(records)

    assert result.difference is None
    assert result.broke == ""
    assert result.events == len(places(records, EVENT))
    assert result.outcomes == len(places(records, OUTCOME)) > 20
    assert result.commands == len(places(records, COMMAND)) > 20
    assert result.last_ts_ns == records[-1].ts_ns


async def test_a_fill_that_would_not_happen_again_is_a_difference(records: Records) -> None:
    """Even the last one, after which nothing else was decided."""
    at = max(place for place in places(records, OUTCOME) if isinstance(records[place].entry, OrderFilled))
    fill = records[at].entry
    assert isinstance(fill, OrderFilled)
    result = await repeated(changed(records, at, msgspec.structs.replace(fill, size_lots=fill.size_lots + 1)))

    assert result.difference is not None
    assert result.difference.seq == records[at].seq
    assert f"size_lots={fill.size_lots + 1}" in result.difference.recorded
    assert f"size_lots={fill.size_lots}," in result.difference.computed
    assert result.difference.number == sum(place < at for place in places(records, COMMAND)) + 1


@pytest.mark.parametrize("kind", [OUTCOME, COMMAND])
@pytest.mark.parametrize("closed", [True, False])
async def test_what_is_missing_or_too_much_in_the_middle_is_a_difference(
    records: Records, kind: int, *, closed: bool
) -> None:
    """Whether the record was closed or torn off: later events say that it was complete there."""
    for at in places(records, kind)[3:40:9]:
        missing = await repeated([*records[:at], *records[at + 1 :]], closed=closed)
        twice = await repeated([*records[: at + 1], *records[at:]], closed=closed)
        assert missing.difference is not None
        assert twice.difference is not None


async def test_a_record_that_was_torn_off_anywhere_is_the_same_as_far_as_it_goes(records: Records) -> None:
    """A crash leaves outcomes without the event that let time pass, and events without their commands."""
    uneven = 0
    for length in range(150, 230):
        torn = await repeated(records[:length], closed=False)
        assert torn.difference is None
        uneven += (await repeated(records[:length])).difference is not None
    assert uneven > 0


async def test_what_follows_a_hole_is_not_repeated(records: Records) -> None:
    """The record ends there, whatever else was found."""
    hole = Missing(family=Family.MARKET, cause=Cause.TORN, segment=1, first_seq=1, last_seq=2)
    at = places(records, EVENT)[40]
    result = await repeated(
        [*records[:at], Record(0, 0, MISSING, hole, b""), *records[at + 1 :]], closed=False
    )

    assert result.difference is None
    assert result.events == 40


async def test_an_event_says_that_the_record_was_complete_before_it(records: Records) -> None:
    """A command that is missing right before the last event of a torn record is no part of the tear."""
    at = next(place for place in places(records, COMMAND)[9:] if records[place + 1].kind == EVENT)
    difference = (await repeated([*records[:at], records[at + 1]], closed=False)).difference

    assert difference is not None
    assert (difference.recorded, difference.seq, difference.computed) == ("", 0, repr(records[at].entry))


async def test_a_config_is_prepared_for_its_own_event_alone(records: Records) -> None:
    """A text that was recorded and never applied changes nothing."""
    version = ConfigVersion(digest="d", text="no config at all", who="me")
    told = Record(0, records[50].ts_ns, CONFIG, version, b"")
    assert (await repeated([*records[:50], told, *records[50:]])).difference is None


async def test_notes_are_passed_over(records: Records) -> None:
    """They are words for people."""
    note = Record(0, records[50].ts_ns, NOTE, OperatorNote(who="me", text="hello"), b"")
    assert (await repeated([*records[:50], note, *records[50:]])).difference is None


async def test_a_core_that_breaks_as_it_did_is_no_difference(records: Records) -> None:
    """Nothing follows in the record either; where it went on, that is the difference."""
    at = places(records, EVENT)[-30]
    breaks_ns = records[at].ts_ns
    before = next(place for place in range(at + 1) if records[place].ts_ns >= breaks_ns)
    until = next(place for place in places(records, EVENT) if place >= before)
    same = await repeated([*records[:before], records[until]], breaks_ns=breaks_ns)
    other = await repeated(records, breaks_ns=breaks_ns)

    later = places(records, EVENT)[-1]
    went_on = await repeated([*records[:before], records[until], records[later]], breaks_ns=breaks_ns)

    assert same.difference is None
    assert went_on.difference is not None
    assert went_on.difference.recorded == repr(records[later].entry)
    assert same.broke == other.broke == "ArithmeticError: the core is broken"
    assert other.difference is not None
    assert other.difference.computed == other.broke
