"""One process of ours in the simulation: the engine and what stands around it, in the order of the live loop.

It may die at any instruction that matters: before an event is written down, after that, before and between
the sends, while it starts. What it kept in memory is gone then. Invariant: what is carried out was written
down before, as in `mm/runtime/live.py`.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from mm.domain.commands import AnyCommand, Place, Report, VenueCommand
from mm.domain.events import AnyEvent, ConfigApplied
from mm.engine.engine import Engine
from mm.engine.estate import estate_of
from mm.engine.session import SessionState
from mm.engine.setup import EngineSetup, NewSetup
from mm.errors import JournalFailed
from mm.observe.latch import QUARANTINED
from mm.runtime.emergency import EmergencyExit
from mm.runtime.keeper import Keeper
from mm.runtime.simulate.checks import Broken, Checks
from mm.runtime.simulate.own_time import OwnTime
from mm.runtime.simulate.recording import SimRecorder
from mm.store.journal.entries import ConfigVersion

LOOK_AGAIN_NS: Final = 1_000_000_000
"""Pause between two listings once nothing can be written down."""

PATIENCE_NS: Final = 90_000_000_000
"""After this a process that is on its way out ends, whatever the venue says."""


class Died(Exception):
    """The process is gone. Fields: where: at which point; machine: the machine with it."""

    def __init__(self, where: str, *, machine: bool) -> None:
        """Keep both."""
        super().__init__(where)
        self.where = where
        self.machine = machine


class Fuse:
    """Lets the process die at a point that is drawn beforehand. Fields: left: points to go, -1: it lives."""

    def __init__(self) -> None:
        """Begin without one lit."""
        self.left = -1
        self.machine = False

    def light(self, points: int, *, machine: bool) -> None:
        """Let it die after so many points more."""
        if self.left < 0:
            self.left, self.machine = points, machine

    def burn(self, where: str) -> None:
        """Pass a point; raises Died if it is the one."""
        if self.left < 0:
            return
        self.left -= 1
        if self.left < 0:
            raise Died(where, machine=self.machine)


class Kept:
    """What the state file of a data directory keeps, as `mm.store.runstate` does.

    Fields: epoch: of the newest life; latch: why trading is off, ""; targets: by session; estate_run: whose
    journal holds what the next life takes over, ""; rest_run: whose says what an orderly end left, ""; ended:
    whether the newest life said goodbye.
    """

    def __init__(self, *, epoch: int, latch: str) -> None:
        """Begin a directory."""
        self.epoch = epoch
        self.latched = latch
        self.targets: dict[str, int] = {}
        self.estate_run = ""
        self.rest_run = ""
        self.ended = True

    def latch(self, code: str, reason: str, ts_ns: int) -> None:
        """Note that trading is latched off. What a start finds out takes the place of no earlier cause."""
        assert reason or ts_ns
        self.latched = self.latched or code if code == QUARANTINED else code

    def clear_latch(self, reason: str, who: str) -> object:
        """Note that an operator lifted the latch."""
        self.latched = ""
        return reason, who

    def set_target_lots(self, session: str, target_lots: int) -> None:
        """Note the holding at which a session's inventory is 0."""
        self.targets[session] = target_lots


class Surroundings(Protocol):
    """What a process needs of the simulation. Fields: now_ns; checks; fuse."""

    now_ns: int
    checks: Checks
    fuse: Fuse

    def sent(self, command: VenueCommand) -> None:
        """Carry a command out."""

    def said(self, commands: Sequence[AnyCommand]) -> None:
        """Take note of what a step asked for."""

    def reported(self, report: Report) -> None:
        """Let people hear of a report."""


class Life:
    """One process.

    Fields: engine; setup: it was built from; recorder; failure: "" or why nothing is traded any more; done:
    it has nothing left to do; time: its clock, None where that is the venue's.
    """

    def __init__(self, world: Surroundings, setup: EngineSetup, recorder: SimRecorder, kept: Kept) -> None:
        """Build the engine; nothing happens before the first step."""
        self.engine = Engine(setup)
        self.setup = setup
        self.recorder = recorder
        self.failure = ""
        self.configs: dict[int, NewSetup] = {}
        self.time: OwnTime | None = None
        self._world = world
        self._keeper = Keeper(kept)
        self._broken: EmergencyExit | None = None
        self._broken_ns = 0
        self._look_ns = 0
        self._placed_ns = 0

    @property
    def ahead_ns(self) -> int:
        """How far its clock is ahead of the venue's."""
        return 0 if self.time is None else self.time.ahead_ns

    @property
    def next_due_ns(self) -> int | None:
        """When time alone makes something due, by the venue's clock."""
        if self._broken is not None:
            return self._look_ns
        due_ns = self.engine.next_due_ns
        return due_ns if due_ns is None or self.time is None else due_ns - self.time.ahead_ns

    @property
    def is_done(self) -> bool:
        """Whether the process would end by itself now."""
        if self._broken is not None:
            return self._broken.clean or self._world.now_ns - self._broken_ns > PATIENCE_NS
        return all(session.state is SessionState.COMPLETED for session in self.engine.state.sessions)

    @property
    def is_settled(self) -> bool:
        """Whether a halt is through: nothing of ours is left, and no position is being left."""
        state = self.engine.state
        return not self.failure and state.halt_confirmed and not any(one.flatten for one in state.sessions)

    def step(self, event: AnyEvent) -> None:
        """Take one event in and carry out what follows from it; raises Died, Broken."""
        world = self._world
        checks, burn = world.checks, world.fuse.burn
        checks.on_event(event)
        if self.time is not None:
            event = self.time.own(event)
        if self._broken is not None:
            self._on_the_way_out(event)
            return
        burn("before the event is written down")
        try:
            self.recorder.on_event(event)
            burn("before the step")
            commands = self._decide(event)
            now_ns = self.engine.state.now_ns
            self.recorder.on_commands(now_ns, commands)
        except JournalFailed:
            self._break("journal.failed")
            return
        burn("before the first send")
        if commands:
            self._carry_out(now_ns if self.time is None else world.now_ns, commands)
            checks.on_truth()
        checks.on_step(world.now_ns)

    def apply(self, version: ConfigVersion, event: ConfigApplied, new: NewSetup) -> None:
        """Bring a config into force, as a reload does."""
        if self._broken is not None:
            return
        try:
            self.recorder.on_config(event.ts_ns + self.ahead_ns, version)
        except JournalFailed:
            self._break("journal.failed")
            return
        self.configs[event.revision] = new
        self.engine.prepare(event.revision, new)
        self._world.checks.on_config(new.sessions)
        self.step(event)

    def keep_up(self, now_ns: int) -> None:
        """Write a checkpoint if one is due."""
        if self._broken is None:
            try:
                self.recorder.keep_up(now_ns + self.ahead_ns, lambda: estate_of(self.engine.state))
            except JournalFailed:
                self._break("journal.failed")

    def close(self) -> None:
        """End in good order; raises JournalFailed."""
        state = self.engine.state
        self.recorder.checkpoint(state.now_ns, estate_of(state))
        self.recorder.close()

    def _decide(self, event: AnyEvent) -> Sequence[AnyCommand]:
        try:
            return self.engine.step(event)
        except Broken:
            raise
        except Exception as error:
            raise Broken("no exception", f"{type(error).__name__}: {error} at {event}") from error

    def _carry_out(self, now_ns: int, commands: Sequence[AnyCommand]) -> None:
        # Facts are told (and a halt is written down) before anything of the same step leaves.
        world = self._world
        world.said(commands)
        for command in commands:
            if isinstance(command, Report):
                world.checks.on_command(now_ns, command)
                self._keeper(command)
                world.reported(command)
        for command in commands:
            if not isinstance(command, Report):
                world.fuse.burn("before a send")
                if isinstance(command, Place):
                    self._placed_ns = world.now_ns + self.ahead_ns
                world.checks.on_command(now_ns, command)
                world.sent(command)

    def _break(self, failure: str) -> None:
        state, world = self.engine.state, self._world
        self.failure = failure
        self._broken = EmergencyExit(
            tuple(state.markets),
            state.setup.ids,
            self._send_on_the_way_out,
            placed_ns=self._placed_ns,
            epoch=state.setup.epoch,
        )
        report = Report(ts_ns=world.now_ns, code="halt", session="", facts=(("reason", failure),))
        world.checks.on_command(world.now_ns, report)
        self._keeper(report)
        self._broken_ns = world.now_ns
        self._look_ns = world.now_ns + LOOK_AGAIN_NS
        self._broken.begin(world.now_ns + self.ahead_ns, banned_until_ns=state.budget.banned_until_ns)

    def _on_the_way_out(self, event: AnyEvent) -> None:
        assert self._broken is not None
        if self._world.now_ns >= self._look_ns:
            self._look_ns = self._world.now_ns + LOOK_AGAIN_NS
        self._world.fuse.burn("on the way out")
        self._broken.on_event(event)

    def _send_on_the_way_out(self, command: VenueCommand) -> None:
        self._world.checks.on_command(self._world.now_ns, command)
        self._world.sent(command)
