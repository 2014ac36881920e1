"""Runs a recorded run again, without a clock, and compares all that it did with the record.

Only what came from outside is taken from the record: outcomes of a simulated venue, timers, decisions are
computed anew, and each has to equal the recorded one to the byte; so has every checkpoint, which says what
the run would have left there. Equal means that the run was a function of what it saw. Of a record that was
torn off, what is there is compared. Reads no clock.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mm.domain.commands import AnyCommand, Report
from mm.domain.estate import Estate
from mm.domain.events import AnyEvent, ConfigApplied
from mm.engine.engine import Engine
from mm.engine.estate import estate_of
from mm.ports import SimulatedVenue, Venue
from mm.runtime.event_time import EventTime
from mm.store.journal.codec import encode
from mm.store.journal.entries import ConfigVersion, Kind, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where two runs part.

    Fields: number: of the first command that is not the same, or follows, from 1; seq: of its record, 0 where
    the record has none; ts_ns: when; recorded, computed: what was done in words, "" where there is nothing.
    """

    number: int
    seq: int
    ts_ns: int
    recorded: str
    computed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RerunResult:
    """How a repetition went. Fields: events: taken from the record; commands, outcomes: that were the same,
    outcomes being what a simulated venue answered and timers; difference: the first one, None if there is
    none; broke: the error in which the core ended here and then, "" if it did not; last_ts_ns: of the record;
    checkpoints: that were the same.
    """

    events: int
    commands: int
    outcomes: int
    difference: Difference | None
    broke: str
    last_ts_ns: int
    checkpoints: int = 0


class Rerun:
    """One repetition of a run.

    Fields: heard: is told of each step that the engine took, if anybody is. venue: as given.
    """

    def __init__(
        self,
        engine: Engine,
        venue: Venue,
        prepare: Callable[[ConfigApplied, ConfigVersion], None],
    ) -> None:
        """Repeat on a new engine and a venue that has not begun; nothing may come out of either by itself.

        Args: prepare: makes the engine ready for an event that applies the configuration recorded before it.
        """
        self.heard: Callable[[AnyEvent, Sequence[AnyCommand]], object] | None = None
        self._engine = engine
        self.venue = venue
        self._prepare = prepare
        self._config: ConfigVersion | None = None
        self._computed: deque[tuple[int, Kind, AnyEvent | AnyCommand]] = deque()
        self._recorded: deque[Record] = deque()
        self._same = {Kind.COMMAND: 0, Kind.OUTCOME: 0}
        self._uneven: Difference | None = None
        self._checkpoint: Record | None = None
        self._checkpoints = 0
        self._broke = ""
        self._event_time = (
            EventTime(
                venue, next_timer_ns=self._next_timer_ns, computed=self._on_computed, outside=self._on_turn
            )
            if isinstance(venue, SimulatedVenue)
            else None
        )

    def run(self, records: Iterable[Record], *, closed: bool = True) -> RerunResult:
        """Repeat what is recorded, up to its end, to a hole in it, or to the first difference.

        Args: closed: the record was closed in good order. Of one that was not, what the last event caused may
            be missing, and so may the event that caused what comes last.
        """
        events, last_ts_ns = 0, 0
        difference: Difference | None = None
        for record in records:
            if record.kind is Kind.MISSING:
                break
            last_ts_ns = record.ts_ns
            events += record.kind is Kind.EVENT
            difference = self._take(record)
            if difference is not None:
                break
        if difference is None and closed:
            difference = self._left_over() or self._compare_checkpoint()
        return RerunResult(
            events=events,
            commands=self._same[Kind.COMMAND],
            outcomes=self._same[Kind.OUTCOME],
            difference=difference,
            broke=self._broke,
            last_ts_ns=last_ts_ns,
            checkpoints=self._checkpoints,
        )

    def _take(self, record: Record) -> Difference | None:
        if record.kind in self._same:
            self._recorded.append(record)
            return self._compare()
        if isinstance(record.entry, ConfigVersion):
            self._config = record.entry
        if record.kind is Kind.CHECKPOINT:
            self._checkpoint = record
        if record.kind is not Kind.EVENT:
            return None
        if self._broke:
            return self._left_over() or self._difference(record, record.ts_ns, self._broke)
        try:
            self._on_outside(record.entry)  # type: ignore[arg-type] # the kind says what the entry is
        except Exception as error:  # noqa: BLE001 - the core breaks, as it may have done then: nothing follows
            self._broke = f"{type(error).__name__}: {error}"
        difference = self._uneven or self._compare()
        return self._left_over() if difference is None and self._recorded else difference

    def _on_outside(self, event: AnyEvent) -> None:
        if isinstance(event, ConfigApplied) and self._config is not None:
            self._prepare(event, self._config)
        if self._event_time is not None:
            self._event_time.on_event(event)
        else:
            self._on_turn(event)

    def _next_timer_ns(self) -> int | None:
        return self._engine.next_due_ns

    def _on_computed(self, event: AnyEvent) -> None:
        self._computed.append((event.ts_ns, Kind.OUTCOME, event))
        self._step(event)

    # What comes due before an event is recorded before it, its commands after it: when it is its turn both
    # sides are even.
    def _on_turn(self, event: AnyEvent) -> None:
        self._uneven = self._compare() or self._left_over() or self._compare_checkpoint()
        self._step(event)

    def _step(self, event: AnyEvent) -> None:
        commands = self._engine.step(event)
        now_ns = self._engine.state.now_ns
        self._computed.extend((now_ns, Kind.COMMAND, command) for command in commands)
        if self.heard is not None:
            self.heard(event, commands)
        for command in commands:
            if not isinstance(command, Report):
                self.venue.submit(command)

    def _compare(self) -> Difference | None:
        while self._computed and self._recorded:
            (ts_ns, kind, entry), record = self._computed.popleft(), self._recorded.popleft()
            if kind is not record.kind or encode(entry) != record.payload:
                return self._difference(record, ts_ns, _words(entry))
            self._same[kind] += 1
        return None

    # A checkpoint lies before an event, where all that came before it is done.
    def _compare_checkpoint(self) -> Difference | None:
        record, self._checkpoint = self._checkpoint, None
        if record is None:
            return None
        recorded, computed = record.entry, estate_of(self._engine.state)
        assert isinstance(recorded, Estate)  # the codec has one type for the kind
        if encode(computed) == record.payload:
            self._checkpoints += 1
            return None
        return Difference(
            number=self._same[Kind.COMMAND] + 1,
            seq=record.seq,
            ts_ns=record.ts_ns,
            recorded=_unlike(recorded, computed),
            computed=_unlike(computed, recorded),
        )

    def _left_over(self) -> Difference | None:
        if self._recorded:
            record = self._recorded[0]
            return self._difference(record, record.ts_ns, self._broke)
        if self._computed:
            ts_ns, _, entry = self._computed[0]
            return self._difference(None, ts_ns, _words(entry))
        return None

    def _difference(self, record: Record | None, ts_ns: int, computed: str) -> Difference:
        return Difference(
            number=self._same[Kind.COMMAND] + 1,
            seq=0 if record is None else record.seq,
            ts_ns=ts_ns,
            recorded="" if record is None else _words(record.entry),
            computed=computed,
        )


def _words(entry: object) -> str:
    return repr(entry)


def _unlike(estate: Estate, other: Estate) -> str:
    # What a checkpoint says that the other one does not, in words: whole ones have hundreds of trades.
    said = [
        f"{name}: {getattr(estate, name)!r}"
        for name in estate.__struct_fields__
        if getattr(estate, name) != getattr(other, name)
    ]
    return f"checkpoint with {'; '.join(said)}"
