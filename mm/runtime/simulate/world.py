"""The simulated world: one process of ours, one venue, one clock, one seed that everything follows from.

Virtual time: the loop jumps to whatever is due next, the engine's timer or something on its way. A run has
three parts: faults, healing (all faults off; the bot must quote again or be halted for a stated reason), rest
(an orderly stop; the books must agree to the last lot). Every command is judged before it is carried out.
"""

import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from hashlib import sha256
from heapq import heappop, heappush
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from mm.domain.commands import AnyCommand, Report, VenueCommand
from mm.domain.events import (
    Advanced,
    AnyEvent,
    BookDelta,
    ConfigApplied,
    Operation,
    OperatorAsked,
    PublicTrade,
    RateUsed,
    TopOfBook,
)
from mm.engine.engine import Engine
from mm.engine.setup import NewSetup
from mm.errors import JournalFailed
from mm.runtime.simulate.checks import Broken, Checks
from mm.runtime.simulate.checks_exposure import Exposure
from mm.runtime.simulate.checks_life import Liveness
from mm.runtime.simulate.coverage import Rows, watch
from mm.runtime.simulate.disk import SimDisk
from mm.runtime.simulate.faults import NONE, Faults, Luck
from mm.runtime.simulate.hazards import Hazards
from mm.runtime.simulate.instruments import FIRST, SECOND
from mm.runtime.simulate.liar import Liar
from mm.runtime.simulate.lives import Died, Fuse, Life
from mm.runtime.simulate.machine import Machine, Run
from mm.runtime.simulate.mischief import Mischief
from mm.runtime.simulate.orphans import leave_orphans
from mm.runtime.simulate.people import People
from mm.runtime.simulate.plan import SECOND_NS, START_NS, TICK_NS, Outcome, Plan, plan_of
from mm.runtime.simulate.spoilt_lease import Refused
from mm.runtime.simulate.strangers import Strangers, crowd_of
from mm.runtime.simulate.truth import Truth
from mm.runtime.simulate.wire import REQUEST_LIFE_NS, Wire, secret_of
from mm.store.journal.entries import ConfigVersion

__all__ = ["Outcome", "Plan", "World", "plan_of", "simulate"]

CALM_TICK_NS: Final = SECOND_NS
"""The market's pace while our process stands still for long."""

TRAIL: Final = 30
"""So many of the latest events and commands are kept, to tell the story of a run that broke."""

QUIET: Final = (Advanced, BookDelta, PublicTrade, RateUsed, TopOfBook)
"""Events that are no part of a story: they come all the time."""

Noted = tuple[int, AnyEvent | AnyCommand | str]

AWKWARD_MS: Final = {"order.unknown": 20_000, "order.dead": 500}
"""Reports of orders whose outcome is open or was inferred, and how long after them the process may die."""

START_PATIENCE_NS: Final = 20 * SECOND_NS

MEMORY: Final = Path("/dev/shm")
"""A directory in memory, where there is one."""


class World:
    """One run.

    Fields: truth, wire: of the venue; machine: ours; life: the process, None while there is none; engine: of
    the newest one; checks: everything that must hold; luck: what decides about faults; now_ns; steps;
    outcome: None before the end.
    """

    def __init__(self, plan: Plan, directory: Path) -> None:
        """Build everything; nothing happens before `run`. Args: directory: real, private, empty."""
        self.plan = plan
        self.now_ns = START_NS
        self.steps = 0
        self.crashes = 0
        self.deaths: list[tuple[int, str]] = []
        self.fuse = Fuse()
        self.luck = Luck(Random(f"{plan.seed}/luck"))
        self.rows = Rows()
        self.life: Life | None = None
        self.outcome: Outcome | None = None
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._hash = sha256()
        self._asleep_until_ns = 0
        self._queued: list[tuple[int, AnyEvent, int]] = []
        self._resting = False
        self.trail: deque[Noted] = deque(maxlen=TRAIL)
        self._random = Random(f"{plan.seed}/market")
        subject = plan.subject
        instruments = (FIRST, SECOND)[: plan.symbols] if subject is None else subject.instruments
        own = {"BBB": 10**15 // plan.shrunk, **{one.base: 10**12 // plan.shrunk for one in instruments}}
        self.truth = Truth(instruments, own if subject is None else dict(subject.holdings))
        self.strangers = {
            symbol: Strangers(self.truth, market, Random(f"{plan.seed}/{symbol}"), crowd_of(plan, symbol))
            for symbol, market in self.truth.markets.items()
        }
        self.wire = Wire(self, self.truth, self.luck, secret=secret_of(plan.seed))
        self.machine = Machine(plan, directory, instruments, self.fuse)
        self.machine.rows = self.rows
        self.machine.go_wrong(self)
        self.people = People(self, plan.sessions)
        self.hazards = Hazards(self, plan.seed)
        self._mischief = Mischief(self)
        leave_orphans(plan, self.truth, instruments[0])
        written: list[bytes] = []
        self.disk.heard = written.append
        self.machine.start(self, self._began)
        for content in written:
            self.checks.on_written(content)
        self.liar = Liar(self, self.wire, self.rows, self.checks.scene)

    @property
    def disk(self) -> SimDisk:
        """The machine's disk."""
        return self.machine.disk

    # ---- lives

    def _began(self, life: Life) -> None:
        first = not hasattr(self, "checks")
        self.engine: Engine = life.engine
        watch(life.engine, self.rows)
        if first:
            self.checks = Checks(life.setup, self.truth, self.wire, life.engine)
            self.checks.plant_secrets((self.wire.secret,))
            self.checks.bounds_exposure = not self.plan.faults.cancel_understated
            self.wire.reads.weight_used = self.checks.weight_used
            self.disk.heard = self.checks.on_written
        else:
            self.checks.scene.taken = self.machine.taken
            self.checks.begin_life(life.setup, life.engine)
        self.checks.scene.ahead_ns = life.ahead_ns
        self.life = life
        self.trail.append((self.now_ns, f"life {life.setup.epoch} begins"))

    def _start(self) -> None:
        # Again and again until it stands: a start that fails is one that a supervisor repeats.
        if self.life is not None or self._resting:
            return
        self.hazards.before_start()
        if self.luck.hits("nested"):
            self.fuse.light(int(self.luck.random.random() * 8), machine=self.luck.random.random() < 0.3)
        try:
            self.machine.start(self, self._began)
        except JournalFailed:
            self._gone(machine=False, clean=False)
            return
        except Refused:
            self.hazards.refused(self._start)
            return
        # What the venue counts within its minute stands in its answers to what a start asks first.
        self.deliver(self.wire.reads.rate_used(self.now_ns))
        self.deliver(Advanced(ts_ns=self.now_ns))

    def _died(self, died: Died) -> None:
        self.luck.count("power_loss" if died.machine else "crash")
        self.trail.append((self.now_ns, f"the {'machine' if died.machine else 'process'} dies {died.where}"))
        self.crashes += 1
        self.deaths.append((self.now_ns, died.where))
        self._gone(machine=died.machine, clean=False)

    def _gone(self, *, machine: bool, clean: bool) -> None:
        life, self.life = self.life, None
        self.wire.crash(machine=machine)
        self.liar.confess()
        self._queued.clear()
        self._asleep_until_ns = 0
        if not clean:
            run = self.machine.die(life, machine=machine)
            if machine:
                self._note_lost()
            if run is not None:
                self._judge(run)
        low_ms, high_ms = (REQUEST_LIFE_NS // 10**6, 15_000) if machine else (50, 3_000)
        if self.luck.faults is NONE:
            high_ms = low_ms
        self.after(self.luck.between(low_ms, high_ms), self._start)

    def _note_lost(self) -> None:
        # What the next life cannot know of: the record of it was not on the disk when the power went.
        scene, told = self.checks.scene, self.disk.records()
        if scene.lost_bytes != self.machine.lost_bytes:
            scene.lost_bytes = self.machine.lost_bytes
            scene.forgotten.update(cid for _, cid in scene.recent if cid.encode() not in told)
        for cid in self.truth.live:
            if cid in scene.placed and cid.encode() not in told:
                scene.lost.add(cid)

    def _judge(self, run: Run) -> None:
        plan = self.plan
        if run.ended or plan.reruns or run.setup.epoch % plan.verify_every == 0:
            self.machine.judge(run)
        if plan.reruns:
            self.checks.on_rerun(self.machine.rerun(run))
        if run.ended:
            self.disk.forget(run.journal)

    def replace_process(self) -> None:
        """End the process, however it is, and begin another."""
        if self.life is not None and not self._resting:
            self._died(Died("replaced", machine=False))

    def stop_process(self) -> None:
        """End the process in good order if the venue has shown nothing of ours, and begin another."""
        life = self.life
        if life is not None and life.is_settled and not self._resting:
            self._end(life)

    def _end_if_done(self) -> None:
        life = self.life
        if life is None or not life.is_done or self._resting:
            return
        if life.failure:
            self._gone(machine=False, clean=False)
        else:
            self._end(life)

    def _end(self, life: Life) -> None:
        try:
            run = self.machine.end(life)
        except JournalFailed:
            self._gone(machine=False, clean=False)
            return
        self._judge(run)
        self._gone(machine=False, clean=True)

    # ---- the clock

    def after(self, delay_ns: int, act: Callable[[], None]) -> None:
        """Do something later."""
        self._order += 1
        heappush(self._heap, (self.now_ns + max(0, delay_ns), self._order, act))

    def run(self) -> Outcome:
        """Run all three parts and return how it went; raises Broken."""
        plan = self.plan
        self._use(plan.faults)
        for index, symbol in enumerate(self.truth.markets):
            self.after(index * 7_000_000, self._ticking(symbol))
        for _ in range(plan.crashes):
            self.after(self._random.randrange(plan.fault_ns), lambda: self.fuse.light(0, machine=False))
        self._act(lambda: self.deliver(Advanced(ts_ns=self.now_ns)))
        self._until(START_NS + plan.fault_ns, plan.steps)
        self._heal()
        self._until(self.now_ns + plan.heal_ns)
        self._wait_until_steady()
        self.checks.is_alive(self.now_ns)
        state = ",".join(session.state for session in self.engine.state.sessions)
        self._resting = True
        self.people.attending = False
        self._act(lambda: self._say(Operation.STOP))
        self._until(self.now_ns + plan.rest_ns)
        self.checks.at_rest()
        self._close()
        self.outcome = self._outcome(state)
        return self.outcome

    def _wait_until_steady(self) -> None:
        # A process may just have been stopped in order, to begin anew, or a halt been lifted.
        end_ns = self.now_ns + START_PATIENCE_NS + 2 * self.checks.scene.reconciled_ns
        liveness = self.checks.of(Liveness)
        while (self.life is None or not liveness.is_steady()) and self.now_ns < end_ns:
            self._until(self.now_ns + SECOND_NS)

    def _outcome(self, state: str) -> Outcome:
        return Outcome(
            steps=self.steps,
            places=len(self.checks.placed),
            fills=len(self.truth.fills),
            stream=self._hash.hexdigest(),
            digest=self.engine.digest(),
            reports=self.checks.reports,
            state=state,
            lives=self.machine.starts,
            crashes=self.crashes,
            faults=dict(sorted(self.luck.counts.items())),
            rows=self.rows.by_name(),
            worst_ppm=self.checks.of(Exposure).worst_ppm,
        )

    def _close(self) -> None:
        life = self.life
        if not self.truth.conserves():
            raise Broken("I4", "money was made or lost at the venue")
        if life is None:
            raise Broken("I13", "no process stood at the end")
        self._judge(self.machine.end(life))

    def _until(self, end_ns: int, steps: int = 0) -> None:
        heap = self._heap
        while not steps or self.steps < steps:
            first_ns = heap[0][0]
            due_ns = self._due_ns(first_ns)
            if not steps and min(due_ns, first_ns) > end_ns:
                self.now_ns = end_ns
                return
            if due_ns < first_ns or (due_ns == first_ns and self.life is not None):
                self.now_ns = max(self.now_ns, due_ns)
                self._act(self._advance)
            else:
                self.now_ns, _, act = heappop(heap)
                self._act(act)

    def _due_ns(self, otherwise_ns: int) -> int:
        life = self.life
        due_ns = None if life is None else life.next_due_ns
        return otherwise_ns + 1 if due_ns is None else max(due_ns, self._asleep_until_ns)

    def _act(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Died as died:
            self._died(died)

    def _advance(self) -> None:
        if self._queued:
            self._wake()
        self._step(Advanced(ts_ns=self.now_ns))
        life = self.life
        if life is not None:
            life.keep_up(self.now_ns)
            self._end_if_done()

    def _use(self, faults: Faults) -> None:
        self.luck.faults = faults
        self._mischief.follow(faults)

    def _heal(self) -> None:
        # After the last fault an operator sets everything going again, as often as it takes.
        self._use(NONE)
        self.fuse.left = -1
        self.wire.heal()
        self.liar.confess()
        self.disk.heal()
        self.hazards.mend()
        self._asleep_until_ns = min(self._asleep_until_ns, self.now_ns)
        for strangers in self.strangers.values():
            strangers.come_back()
        self.people.hurry()

    # ---- the process

    def deliver(self, event: AnyEvent) -> None:
        """Hand an event to the process, stamped with the time at which it takes it."""
        if self.life is None:
            return
        if self.now_ns < self._asleep_until_ns or self._queued:
            self._queued.append((self.now_ns, event, self.wire.streams.asked_for(event)))
            if self.now_ns >= self._asleep_until_ns:
                self._wake()
            return
        self._step(msgspec.structs.replace(event, ts_ns=self.now_ns))

    def _wake(self) -> None:
        # What waited in the sockets comes at once, in its order.
        queued, self._queued = self._queued, []
        scene = self.checks.scene
        try:
            for scene.reached_ns, event, asked in queued:
                # A book that was asked for before the process stood still is none that it asked for since.
                if asked == self.wire.streams.asked_for(event):
                    self._step(msgspec.structs.replace(event, ts_ns=self.now_ns))
        finally:
            scene.reached_ns = 0

    def _step(self, event: AnyEvent) -> None:
        if self.life is not None:
            self.steps += 1
            if not isinstance(event, QUIET):
                self.trail.append((self.now_ns, event))
            self.life.step(event)

    def said(self, commands: Sequence[AnyCommand]) -> None:
        """Count what a step asked for into the digest."""
        for command in commands:
            self.trail.append((self.now_ns, command))
            self._hash.update(msgspec.msgpack.encode(command))

    def sent(self, command: VenueCommand) -> None:
        """Carry a command out."""
        self.wire.submit(command)

    def reported(self, report: Report) -> None:
        """Call an operator where trading stopped; die where that is most awkward, perhaps."""
        if report.code == "order.dead":
            self.liar.gave_up(dict(report.facts)["cid"])
        within_ms = AWKWARD_MS.get(report.code)
        if within_ms is not None and self.luck.hits("ill_timed"):
            points = int(self.luck.random.random() * 4)
            self.after(self.luck.between(0, within_ms), lambda: self.fuse.light(points, machine=False))
        if report.code == "halt" or (
            report.code == "session.state" and ("state", "active") not in report.facts
        ):
            self.people.call()

    def truth_changed(self) -> None:
        """Look at what changed at the venue."""
        self.checks.on_truth()

    def suspend(self, for_ns: int) -> bool:
        """Let the process stand still; return whether there is one."""
        if self.life is None or self._asleep_until_ns > self.now_ns:
            return False
        self._asleep_until_ns = self.now_ns + for_ns
        return True

    def slow_disk(self, for_ns: int) -> bool:
        """Let the next sync take so long; return whether anybody syncs."""
        if self.life is None:
            return False
        self.life.recorder.slow_ns = for_ns
        return True

    # ---- people

    def ask(self, event: OperatorAsked) -> bool:
        """Ask the process; return whether there is one that hears."""
        if self.life is None or self.now_ns < self._asleep_until_ns:
            return False
        if event.operation is Operation.UNHALT and self.machine.taken.quarantined:
            # A process that began halted ends by itself: there is none to lift that halt in.
            return False
        self.deliver(event)
        return True

    def _say(self, operation: Operation) -> None:
        self.people.ask(operation)

    def bring(self, version: ConfigVersion, event: ConfigApplied, new: NewSetup) -> bool:
        """Bring a config into force; return whether there is a process that hears."""
        if self.life is None or self.now_ns < self._asleep_until_ns:
            return False
        self.steps += 1
        self.trail.append((self.now_ns, event))
        self.life.apply(version, event, new)
        return True

    def money_moved(self, asset: str, atoms: int) -> None:
        """Take note of a deposit, or of a withdrawal (negative)."""
        self.checks.on_external(asset, atoms)

    # ---- the market

    def _ticking(self, symbol: str) -> Callable[[], None]:
        return lambda: self._tick(symbol)

    def _tick(self, symbol: str) -> None:
        calm = self._asleep_until_ns - self.now_ns > 40 * SECOND_NS
        pace_ns = CALM_TICK_NS if calm else TICK_NS + (int(self._random.random() * 101) - 40) * 1_000_000
        self.after(pace_ns, self._ticking(symbol))
        self.strangers[symbol].step(self.now_ns)
        self.checks.on_truth()
        self.wire.news.tell()
        self.wire.streams.publish(symbol)
        self._mischief.tick(symbol)
        if self.life is not None and self.now_ns >= self._asleep_until_ns:
            self.liar.tick(self.checks.placed, self.engine.state.orders)


def simulate(plan: Plan) -> Outcome:
    """Run a plan; raises Broken, with the seed in its text, if an invariant does not hold."""
    world, broken = run_world(plan)
    if broken is not None:
        raise broken
    assert world.outcome is not None
    return world.outcome


def run_world(plan: Plan) -> tuple[World, Broken | None]:
    """Run a plan; return the world as it is then, and what broke, None if nothing did."""
    parent = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="mm-simulate-", dir=parent) as directory:
        world = World(plan, Path(directory))
        try:
            world.run()
        except Broken as broken:
            at_s = (world.now_ns - START_NS) / SECOND_NS
            text = str(broken).removeprefix(f"{broken.invariant}: ")
            told = Broken(broken.invariant, f"{text} (seed {plan.seed}, step {world.steps}, at {at_s:.3f} s)")
            return world, told.with_traceback(broken.__traceback__)
        return world, None
