"""The steps of a backtest: what every loop over a recording does with an event, a timer and a command.

The plain loop and the compiled one share it, so that both write the same journal, measure the same and have
the same digest. Reads no clock. Invariants: a step is never begun inside another one; what the recorded venue
answers at once is the next step, at the same time.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Protocol

from mm.domain.commands import AnyCommand, Report
from mm.domain.events import AnyEvent, ConfigApplied, Operation, OperatorAsked
from mm.domain.tape import Row
from mm.domain.units import NS_PER_S
from mm.engine.engine import Engine
from mm.engine.session import SessionState
from mm.observe.analyst import Analyst
from mm.ports import SimulatedVenue
from mm.runtime.event_time import EventTime
from mm.runtime.recorder import Recorder
from mm.store.journal.codec import encode
from mm.venues.recorded import Recorded

PATIENCE_NS = 90 * NS_PER_S
"""How long an orderly stop may take, in the time of the data: as live."""


class Hears(Protocol):
    """Hears of every step that the engine took by an event, as `Analyst.on_step` does."""

    def __call__(self, event: AnyEvent, commands: Sequence[AnyCommand], /) -> Sequence[Report]:
        """Take a step in; return what somebody has to be told."""
        ...


class SeesOrders(Protocol):
    """Sees the single orders of a recorded market (`mm.venues.paper.market.PaperMarket`)."""

    def on_orders(self, message: Sequence[Row], /) -> None:
        """See a message of `TapeKind.ORDER` or `TapeKind.ORDERS`."""
        ...


class Said:
    """Digest of what a run did: SHA-256 over every command and outcome, in order, with its time.

    A journal's records of those kinds give the same digest as the run that wrote them. Fields: commands,
    outcomes: counts so far.
    """

    def __init__(self) -> None:
        """Begin with nothing said."""
        self.commands = self.outcomes = 0
        self._digest = sha256()

    @property
    def digest(self) -> str:
        """Of all so far, hexadecimal."""
        return self._digest.hexdigest()

    def outcome(self, encoded: bytes) -> None:
        """Take in an event that was computed, which bears its time. Args: encoded: as the journal has it."""
        self.outcomes += 1
        self._digest.update(encoded)

    def command(self, ts_ns: int, encoded: bytes) -> None:
        """Take in a command that the engine gave at `ts_ns`. Args: encoded: as the journal has it."""
        self.commands += 1
        self._digest.update(ts_ns.to_bytes(8, "big"))
        self._digest.update(encoded)


class Steps:
    """The engine of a backtest with all that hears of it.

    Fields:
        engine, venue, recorded, analyst: as given. event_time: merges outcomes and timers with the data.
        hears: takes every step by an event in; the analyst's `on_step`, until somebody replaces it.
        prepare: makes the engine ready for a change of the config that the recorded run took.
        orders: by symbol, who is told of the single orders of a recorded market; nobody else is.
        said: digest and counts of what it did so far. reasons: why each session did (not) quote when the stop
        came, by its name; empty before.
    """

    def __init__(
        self,
        engine: Engine,
        venue: SimulatedVenue,
        recorded: Recorded,
        *,
        analyst: Analyst | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        """Keep the parts; nothing happens before `begin`. Args: recorder: takes the run down."""
        self.engine = engine
        self.venue = venue
        self.recorded = recorded
        self.analyst = analyst or Analyst(engine.state)
        self.hears: Hears = self.analyst.on_step
        self.prepare: Callable[[ConfigApplied], object] = _unprepared
        self.orders: Mapping[str, SeesOrders] = {}
        self.said = Said()
        self.reasons: dict[str, str] = {}
        self._recorder = recorder
        self._answers: deque[AnyEvent] = deque()
        self.event_time = EventTime(
            venue, next_timer_ns=self._next_timer_ns, computed=self._on_computed, outside=self._on_outside
        )

    @property
    def fills(self) -> int:
        """Own executions so far."""
        return sum(session.position.fills for session in self.engine.state.sessions)

    @property
    def decisions(self) -> int:
        """How often a strategy was asked so far."""
        return sum(session.decisions for session in self.engine.state.sessions)

    def sink(self, event: AnyEvent) -> None:
        """Take in what the recorded venue answers; it is the step after the one under way."""
        self._answers.append(event)

    def on_event(self, event: AnyEvent) -> None:
        """Let everything happen that is due by the event's time, then the event."""
        self.event_time.on_event(event)

    def advance(self, ts_ns: int) -> None:
        """Let everything happen that is due up to and including `ts_ns`."""
        self.event_time.advance(ts_ns)

    def carry_out(self, commands: Sequence[AnyCommand]) -> None:
        """Write down what the engine asks for, and send it; what is answered at once is heard at once.

        For steps that were no event: what the engine asks for after it was brought up to date. The analyst
        hears of those by its own ways.
        """
        self._note(commands)
        self._send(commands)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be done: every session has completed, or a halt is confirmed."""
        state = self.engine.state
        if state.halt_code:
            return state.halt_confirmed and not any(session.flatten for session in state.sessions)
        return all(session.state is SessionState.COMPLETED for session in state.sessions)

    def stop(self, reason: str, ts_ns: int) -> None:
        """Ask for an orderly stop at `ts_ns`, and let time pass until no order is left or patience ends."""
        self.advance(ts_ns)
        now_ns = max(ts_ns, self.engine.state.now_ns)
        self.reasons = {session.name: session.reason for session in self.engine.state.sessions}
        if self.is_over:
            return
        if not self.engine.state.halt_code:
            asked = OperatorAsked(
                ts_ns=now_ns, operation=Operation.STOP, session="", reason=reason, who="backtest"
            )
            self.on_event(asked)
        while not self.is_over:
            due_ns = self.event_time.next_due_ns
            if due_ns is None or due_ns > now_ns + PATIENCE_NS:
                return
            self.advance(due_ns)

    def _next_timer_ns(self) -> int | None:
        return self.engine.next_due_ns

    def _on_outside(self, event: AnyEvent) -> None:
        self._step(event, outside=True)

    def _on_computed(self, event: AnyEvent) -> None:
        self.said.outcome(encode(event))
        self._step(event, outside=False)

    def _step(self, event: AnyEvent, *, outside: bool) -> None:
        if self._recorder is not None:
            self._recorder.on_event(event, outside=outside)
        commands = self.engine.step(event)
        if commands:
            self._note(commands)
        self.hears(event, commands)
        if commands:
            self._send(commands)

    def _note(self, commands: Sequence[AnyCommand]) -> None:
        now_ns = self.engine.state.now_ns
        if self._recorder is not None:
            self._recorder.on_commands(now_ns, commands)
        for command in commands:
            self.said.command(now_ns, encode(command))

    def _send(self, commands: Sequence[AnyCommand]) -> None:
        self.recorded.now_ns = self.engine.state.now_ns
        submit = self.venue.submit
        for command in commands:
            if not isinstance(command, Report):
                submit(command)
        while self._answers:
            self._step(self._answers.popleft(), outside=True)


def _unprepared(event: ConfigApplied) -> object:
    raise AssertionError(f"revision {event.revision} of the config comes to an engine that does not know it")
