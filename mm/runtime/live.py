"""The live loop: events in, one step at a time, commands out; the operating system's timer only advances it.

The runtime is the only caller of `Engine.step`. It decides nothing. Before every placement it reads the halt
word, which others may set while the core does not know: then nothing is placed. Whatever breaks inside the
core, or in an observer that has to write down what the core says, ends trading: the loop stops calling the
core and takes every order of ours off the venue by listing.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import structlog

from mm.domain.commands import AnyCommand, Place, Report, VenueCommand
from mm.domain.events import (
    Advanced,
    AnyEvent,
    Operation,
    OperatorAsked,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
)
from mm.domain.units import NS_PER_S
from mm.engine.engine import Engine
from mm.engine.session import SessionState
from mm.errors import JournalFailed, MMError
from mm.observe.analyst import Analyst
from mm.observe.counts import Counts
from mm.observe.history import History
from mm.ports import SimulatedVenue, Venue
from mm.runtime.emergency import EmergencyExit
from mm.runtime.event_time import EventTime
from mm.runtime.pulse import Pulse
from mm.runtime.recorder import NoRecorder, Recorder
from mm.store.heartbeat import Halt
from mm.store.journal.entries import ConfigVersion

log = structlog.get_logger(__name__)

STOP_PATIENCE_S: Final = 90.0
"""How long an orderly stop may take: longer than an unknown order needs to be proven dead."""

INSIST_AFTER_S: Final = 2
"""From so long after the first request on, a second one ends a run without the venue's word."""

HALT_NOTE: Final = "halt: "
"""How the note begins that tells why the core is not called any more; its code follows."""

NOTE_LENGTH_MAX: Final = 500

LOOK_AGAIN_S: Final = 1.0
"""Pause between two listings once the core is broken."""

CANCELS_FIRST_S: Final = 0.25
"""Once the core is broken, others are told after so long: they write it down, and may wait for a disk that is
what broke. Until then the halt word says it, which outlives this process.
"""


class Clock(Protocol):
    """Tells the core's time. Fields: scale: its seconds per second of the wall."""

    scale: float

    def now_ns(self) -> int:
        """Return monotonic nanoseconds anchored to UTC."""
        ...


class Observer(Protocol):
    """Sees every report of the engine at once, before anything of the same step is sent."""

    def __call__(self, report: Report) -> None:
        """Take in one report; must not block for long. What it raises ends trading."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended. Fields: reason: in words; clean: the venue showed that no order of ours is left."""

    reason: str
    clean: bool
    halted: bool


class LiveRuntime:
    """Runs one engine on one venue.

    Fields: history: what happened lately. analyst: measures the sessions. counts: what it did, for metrics.
    began_ns: the core's time when `run` began, 0 before. failure: "" or what broke: then the core is not
    called any more. pulse: the sign of life and the halt word; to be replaced before `run` where others share
    it.
    """

    def __init__(
        self,
        engine: Engine,
        venue: Venue,
        clock: Clock,
        observers: Sequence[Observer] = (),
        recorder: Recorder | None = None,
    ) -> None:
        """Keep the parts; nothing happens before `run`. Args: recorder: takes the run down, if any does."""
        self.engine = engine
        self.history = History()
        self.analyst = Analyst(engine.state)
        self.counts = Counts(engine.state)
        self.began_ns = 0
        self.failure = ""
        self.pulse = Pulse.alone()
        self._venue = venue
        self._clock = clock
        self._observers = tuple(observers)
        self._recorder = recorder or NoRecorder()
        self._pending: deque[AnyEvent] = deque()
        self._draining = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_ns = 0
        self._done = asyncio.Event()
        self._placed_ns = 0
        self._patience: asyncio.TimerHandle | None = None
        self._broken: EmergencyExit | None = None
        self._untold: Callable[[], None] | None = None
        self._stop_reason = ""
        self._insisted_ns = 0
        # Where the venue is simulated in this process, all that happens is put in the order of its time.
        self._event_time = (
            EventTime(
                venue, next_timer_ns=self._next_timer_ns, computed=self._on_computed, outside=self._on_outside
            )
            if isinstance(venue, SimulatedVenue)
            else None
        )

    async def run(self, duration_ns: int = 0) -> Outcome:
        """Trade until stopped; return when the venue is clean or patience ends.

        Args: duration_ns: how long, in the core's time; 0 = until stopped.
        """
        end = None
        self.began_ns = self._clock.now_ns()
        try:
            await self._venue.start(self.sink)
            self.sink(Advanced(ts_ns=self._clock.now_ns()))
            if duration_ns:
                end = self._later(duration_ns / NS_PER_S, lambda: self.stop("duration"))
            await self._done.wait()
        finally:
            for handle in (end, self._timer, self._patience):
                if handle is not None:
                    handle.cancel()
            self._tell_what_broke()
            await self._venue.close()
        return self._outcome()

    def now_ns(self) -> int:
        """Return the core's time."""
        return self._clock.now_ns()

    @property
    def is_ending(self) -> bool:
        """Whether the run is on its way out: a stop was asked for, or something broke."""
        return bool(self._stop_reason or self.failure)

    def queue_ahead(self) -> Mapping[str, int]:
        """Return how much is estimated to trade before each open order, base atoms by client order id."""
        return self._venue.queue_ahead() if isinstance(self._venue, SimulatedVenue) else {}

    def stop(self, reason: str, *, who: str = "runtime") -> None:
        """Ask for an orderly stop: orders cancelled, confirmed by the venue, then the end.

        Args: who: asks for it, and from where.
        """
        if not self._stop_reason:
            self._stop_reason = reason
            self._bound_the_end()
        self.operate(Operation.STOP, reason=reason, who=who)

    def insist(self, reason: str) -> None:
        """Ask for a stop as a signal does: asked again after a while, the run ends now and is not clean.

        Twice at once is one request: what wraps a command may pass a signal on that came to both.
        """
        now_ns = self._clock.now_ns()
        if self._insisted_ns and now_ns - self._insisted_ns > INSIST_AFTER_S * NS_PER_S:
            log.warning("stop.given_up", hint="orders may remain at the venue; the next start cancels them")
            self._done.set()
        self._insisted_ns = self._insisted_ns or now_ns
        self.stop(reason, who=f"signal {reason}")

    def operate(self, operation: Operation, *, session: str = "", reason: str = "", who: str = "") -> None:
        """Hand an operator's request to the engine."""
        self.sink(
            OperatorAsked(
                ts_ns=self._clock.now_ns(), operation=operation, session=session, reason=reason, who=who
            )
        )

    def heed_halt(self) -> None:
        """Hand a halt that others asked for by the halt word or the file HALT to the engine, once."""
        asked = self.pulse.look()
        if asked is not None:
            log.critical("halt.asked", reason=asked.reason, who=asked.who)
            self.operate(Operation.HALT, reason=asked.reason, who=asked.who)

    def record_config(self, version: ConfigVersion) -> None:
        """Write down a configuration that is about to be applied; raises JournalFailed."""
        self._recorder.on_config(self._clock.now_ns(), version)

    def sink(self, event: AnyEvent) -> None:
        """Take in an event; steps are never nested, whoever calls."""
        self._pending.append(event)
        if self._draining:
            return
        self._draining = True
        try:
            while self._pending:
                self._feed(self._pending.popleft())
        finally:
            self._draining = False
        self.pulse.tick()
        self._schedule()
        self._check_end()

    def _feed(self, event: AnyEvent) -> None:
        if self._event_time is not None:
            self._event_time.on_event(event)
        else:
            self._on_outside(event)

    def _on_outside(self, event: AnyEvent) -> None:
        self._step(event, outside=True)

    def _on_computed(self, event: AnyEvent) -> None:
        self._step(event, outside=False)

    def _step(self, event: AnyEvent, *, outside: bool) -> None:
        if self._broken is not None:
            self._broken.on_event(event)
            return
        fresh = isinstance(event, OrderFilled) and not self._knows(event)
        ending = self.engine.state.orders.live.get(event.cid) if isinstance(event, OrderCanceled) else None
        try:
            self._recorder.on_event(event, outside=outside)
            commands = self.engine.step(event)
            self._recorder.on_commands(self.engine.state.now_ns, commands)
        except JournalFailed as error:
            self._break("journal.failed", error)
            return
        except Exception as error:  # noqa: BLE001 - the top of the loop: the core is broken, trading ends
            self._break("engine.failed", error)
            return
        self.history.on_commands(commands)
        ended = ending if ending is not None and not ending.is_live else None
        self.history.canceled += ended is not None
        self.counts.on_step(event, commands, fresh=fresh, ended=ended)
        if fresh and isinstance(event, OrderFilled):
            self._note_fill(event, commands)
        try:
            self._carry_out(commands)
            for alarm in self.analyst.on_step(event, commands):
                self._tell_alarm(alarm)
        except Exception as error:  # noqa: BLE001 - the top of the loop: what cannot be told is not done either
            self._break("runtime.failed", error)

    def _carry_out(self, commands: Sequence[AnyCommand]) -> None:
        # Facts are told (and a halt is written down) before anything of the same step leaves: no power
        # failure takes back a halt whose cancels have left. For a disk that takes long the watchdog acts.
        for command in commands:
            if isinstance(command, Report):
                for observer in self._observers:
                    observer(command)
        for command in commands:
            if isinstance(command, Place):
                if self.pulse.forbids and self._event_time is None:
                    self._withhold(command)
                    continue
                self._placed_ns = self._clock.now_ns()
            if not isinstance(command, Report):
                self._venue.submit(command)

    def _tell_alarm(self, alarm: Report) -> None:
        self.history.on_commands((alarm,))
        for observer in self._observers:
            observer(alarm)

    # On paper nothing leaves this process: there the halt alone, an event like others, can be repeated.
    def _withhold(self, place: Place) -> None:
        self.heed_halt()
        now_ns = self._clock.now_ns()
        self.sink(
            OrderRejected(ts_ns=now_ns, cid=place.cid, code=0, reason="never sent: the halt word is set")
        )

    def _knows(self, event: OrderFilled) -> bool:
        return self.engine.state.orders.knows_trade(event.symbol, event.trade_id, event.side)

    def _note_fill(self, event: OrderFilled, commands: Sequence[AnyCommand]) -> None:
        order = self.engine.state.orders.get(event.cid)
        if order is not None:
            self.history.on_fill(event, self.engine.state.sessions[order.session].name)
            return
        for command in commands:
            if isinstance(command, Report) and command.code == "fill.earlier_life":
                self.history.on_fill(event, command.session)

    def _break(self, failure: str, error: Exception) -> None:
        hint = error.hint if isinstance(error, MMError) else ""
        log.critical(failure, error=type(error).__name__, detail=str(error), hint=hint)
        state = self.engine.state
        self.failure = failure
        self.pulse.forbid(Halt.BROKEN)
        self._broken = EmergencyExit(
            tuple(state.markets),
            state.setup.ids,
            self._submit,
            placed_ns=self._placed_ns,
            epoch=state.setup.epoch,
        )
        self._bound_the_end()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._broken.begin(self._clock.now_ns(), banned_until_ns=state.budget.banned_until_ns)
        report = Report(ts_ns=state.now_ns, code="halt", session="", facts=(("reason", failure),))
        note = f"{HALT_NOTE}{failure}: {type(error).__name__}: {error}"
        self._untold = partial(self._tell, report, note[:NOTE_LENGTH_MAX])
        self._later(CANCELS_FIRST_S, self._tell_what_broke)

    def _tell_what_broke(self) -> None:
        untold, self._untold = self._untold, None
        if untold is not None:
            untold()

    def _tell(self, report: Report, note: str) -> None:
        for observer in self._observers:
            try:
                observer(report)
            except Exception as again:  # noqa: BLE001 - orders come off the venue whoever cannot be told
                log.critical("observer.failed", error=type(again).__name__, detail=str(again))
        # What the journal does not take, the latch says.
        with suppress(JournalFailed):
            self._recorder.on_note(report.ts_ns, note)

    def _submit(self, command: VenueCommand) -> None:
        try:
            self._venue.submit(command)
        except Exception as error:  # noqa: BLE001 - the way out goes on with what still works
            log.critical("submit.failed", error=type(error).__name__, detail=str(error))

    def _bound_the_end(self) -> None:
        if self._patience is None:
            self._patience = self._later(STOP_PATIENCE_S, self._done.set)

    def _later(self, delay_s: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        # Delays are in the core's time, which may run faster than the loop's.
        return asyncio.get_running_loop().call_later(delay_s / self._clock.scale, call)

    def _next_timer_ns(self) -> int | None:
        return None if self._broken is not None else self.engine.next_due_ns

    def _schedule(self) -> None:
        if self._broken is not None:
            # News of the market may not put it off.
            if self._timer is None:
                self._timer = self._later(LOOK_AGAIN_S, self._tick)
            return
        due_ns = self._event_time.next_due_ns if self._event_time is not None else self.engine.next_due_ns
        if due_ns is None or (self._timer is not None and self._timer_due_ns == due_ns):
            return
        if self._timer is not None:
            self._timer.cancel()
        delay_s = max(0, due_ns - self._clock.now_ns()) / NS_PER_S
        self._timer_due_ns = due_ns
        self._timer = self._later(delay_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.sink(Advanced(ts_ns=self._clock.now_ns()))

    def _check_end(self) -> None:
        if self._broken is not None:
            if self._broken.clean:
                self._done.set()
            return
        if self._stop_reason and self._is_settled():
            self._done.set()
        elif all(s.state is SessionState.COMPLETED for s in self.engine.state.sessions):
            self._stop_reason = self._stop_reason or "stopped"
            self._done.set()

    def _is_settled(self) -> bool:
        state = self.engine.state
        if state.halt_code:
            return state.halt_confirmed and not any(session.flatten for session in state.sessions)
        return all(session.state is SessionState.COMPLETED for session in state.sessions)

    def _outcome(self) -> Outcome:
        if self._broken is not None:
            return Outcome(reason=f"halted: {self.failure}", clean=self._broken.clean, halted=True)
        halt_code = self.engine.state.halt_code
        reason = f"halted: {halt_code}" if halt_code else self._stop_reason
        return Outcome(reason=reason, clean=self._is_settled(), halted=bool(halt_code))
