"""Runs a recorded run again, without a clock, and compares every command with the recorded one.

Only what came from outside is taken from the record: outcomes of a simulated venue, timers, decisions are
computed anew. Equal commands to the byte mean that the run was a function of what it saw. Reads no clock.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mm.domain.commands import AnyCommand, Report
from mm.domain.events import AnyEvent, ConfigApplied
from mm.engine.engine import Engine
from mm.ports import SimulatedVenue, Venue
from mm.runtime.event_time import EventTime
from mm.store.journal.codec import encode
from mm.store.journal.entries import ConfigVersion, Kind, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where two runs part.

    Fields: number: of the command, from 1; seq: of its record, 0 where the record has none; ts_ns: when;
    recorded, computed: the commands in words, "" where there is none.
    """

    number: int
    seq: int
    ts_ns: int
    recorded: str
    computed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RerunResult:
    """How a repetition went. Fields: events: taken from the record; commands: that were the same; difference:
    the first one, None if there is none; last_ts_ns: of the record.
    """

    events: int
    commands: int
    difference: Difference | None
    last_ts_ns: int


class Rerun:
    """One repetition of a run."""

    def __init__(
        self,
        engine: Engine,
        venue: Venue,
        prepare: Callable[[ConfigApplied, ConfigVersion], None],
    ) -> None:
        """Repeat on a new engine and a venue that has not begun; nothing may come out of either by itself.

        Args: prepare: makes the engine ready for an event that applies the configuration recorded before it.
        """
        self._engine = engine
        self._venue = venue
        self._prepare = prepare
        self._config: ConfigVersion | None = None
        self._computed: deque[tuple[int, AnyCommand]] = deque()
        self._recorded: deque[Record] = deque()
        self._same = 0
        self._event_time = (
            EventTime(venue, next_timer_ns=self._next_timer_ns, computed=self._step, outside=self._step)
            if isinstance(venue, SimulatedVenue)
            else None
        )

    def run(self, records: Iterable[Record]) -> RerunResult:
        """Repeat what is recorded, up to its end or to the first difference."""
        events, last_ts_ns = 0, 0
        difference: Difference | None = None
        for record in records:
            last_ts_ns = record.ts_ns
            if record.kind is Kind.EVENT:
                events += 1
                if isinstance(record.entry, ConfigApplied) and self._config is not None:
                    self._prepare(record.entry, self._config)
                self._on_outside(record.entry)  # type: ignore[arg-type] # the kind says what the entry is
            elif record.kind is Kind.COMMAND:
                self._recorded.append(record)
            elif isinstance(record.entry, ConfigVersion):
                self._config = record.entry
            difference = self._compare()
            if difference is not None:
                break
        return RerunResult(
            events=events,
            commands=self._same,
            difference=difference or self._left_over(),
            last_ts_ns=last_ts_ns,
        )

    def _on_outside(self, event: AnyEvent) -> None:
        if self._event_time is not None:
            self._event_time.on_event(event)
        else:
            self._step(event)

    def _next_timer_ns(self) -> int | None:
        return self._engine.next_due_ns

    def _step(self, event: AnyEvent) -> None:
        commands = self._engine.step(event)
        now_ns = self._engine.state.now_ns
        self._computed.extend((now_ns, command) for command in commands)
        for command in commands:
            if not isinstance(command, Report):
                self._venue.submit(command)

    def _compare(self) -> Difference | None:
        # Commands follow the event that causes them in the record: what is computed comes first or together.
        while self._computed and self._recorded:
            (ts_ns, command), record = self._computed.popleft(), self._recorded.popleft()
            if encode(command) != record.payload:
                return Difference(
                    number=self._same + 1,
                    seq=record.seq,
                    ts_ns=ts_ns,
                    recorded=_words(record.entry),
                    computed=_words(command),
                )
            self._same += 1
        return None

    def _left_over(self) -> Difference | None:
        if self._recorded:
            record = self._recorded[0]
            return Difference(
                number=self._same + 1,
                seq=record.seq,
                ts_ns=record.ts_ns,
                recorded=_words(record.entry),
                computed="",
            )
        if self._computed:
            ts_ns, command = self._computed[0]
            return Difference(
                number=self._same + 1, seq=0, ts_ns=ts_ns, recorded="", computed=_words(command)
            )
        return None


def _words(entry: object) -> str:
    return repr(entry)
