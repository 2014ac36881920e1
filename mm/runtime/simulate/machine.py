"""The machine that our process runs on: its directory, its disk, and one life after the other.

A start is the product's: what the last life left is read from its journal, an epoch is given out, a journal
is begun, an engine is built. Each of these steps can be the last one. Invariant: an epoch is given out once.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Final, cast

from mm.domain.capabilities import Capabilities
from mm.domain.commands import VenueCommand
from mm.domain.estate import Estate
from mm.domain.events import AnyEvent, ConfigApplied
from mm.domain.instrument import Instrument
from mm.engine.engine import Engine
from mm.engine.estate import estate_of
from mm.engine.setup import EngineSetup, NewSetup, OnExternal, SessionSetup
from mm.risk.rules import RiskLimits, make_rules
from mm.runtime.recover import Recovered, estate_from
from mm.runtime.rerun import Rerun, RerunResult
from mm.runtime.simulate.checks import Broken
from mm.runtime.simulate.coverage import Rows, watch_state
from mm.runtime.simulate.disk import SimDisk
from mm.runtime.simulate.faults import Luck
from mm.runtime.simulate.instruments import EPOCH, IDS
from mm.runtime.simulate.lives import Fuse, Kept, Life, Surroundings
from mm.runtime.simulate.own_time import OwnTime, TrueTime, Wall
from mm.runtime.simulate.plan import BAND_LOTS, DEADLINES, Plan
from mm.runtime.simulate.recording import SimRecorder
from mm.runtime.simulate.spoilt_journal import SpoiltJournal
from mm.runtime.simulate.spoilt_lease import SpoiltLease
from mm.runtime.simulate.wire import REQUEST_LIFE_NS
from mm.runtime.takeover import Judged, Taken, take_over
from mm.store.journal.entries import ConfigVersion, RunHeader
from mm.store.journal.layout import journal_directory, run_id
from mm.store.journal.reader import read
from mm.store.journal.verify import verify
from mm.strategies.base import Strategy, watches_of

REFERENCE_NS: Final = 30_000_000_000
"""Span of the median that prices are judged by."""

GROUPS_NS: Final = (10_000_000, 50_000_000, 200_000_000)
SEGMENTS_BYTES: Final = (20_000, 300_000, 64_000_000)
"""How a run's journal is synced and cut, one of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a person wrote. Fields: revision: from 0; band_lots, limits: of every session."""

    revision: int
    band_lots: int
    limits: RiskLimits

    @property
    def text(self) -> str:
        """Its words."""
        return f"revision = {self.revision}\nband_lots = {self.band_lots}\nlimits = {self.limits}\n"

    @property
    def digest(self) -> str:
        """SHA-256 of the words, hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A life that left a journal. Fields: ended: in good order; configs: that came while it ran."""

    name: str
    setup: EngineSetup
    journal: Path
    ended: bool
    configs: dict[int, NewSetup]


class Machine:
    """Where the process lives.

    Fields: disk; kept: the state file; config: that a start reads; setups: what each run was built from;
    starts: lives begun; lost_bytes: by power failures; rows: of the
    order table that recoveries fired; lease: of the account, None in a run in which nothing happens to it;
    wall: its clock; spoilt: what was done to the journal that the next start reads; taken: what the newest
    start made of the one before it; gives_up: a person gives up what that held.
    """

    def __init__(self, plan: Plan, directory: Path, instruments: tuple[Instrument, ...], fuse: Fuse) -> None:
        """Set up an empty machine on a real, private, empty directory."""
        random = Random(f"{plan.seed}/machine")
        self.plan = plan
        self.disk = SimDisk(random)
        self.kept = Kept(epoch=EPOCH - 1, latch=plan.latched)
        self.config = Config(revision=0, band_lots=BAND_LOTS, limits=plan.limits)
        self.setups: dict[str, EngineSetup] = {}
        self.starts = 0
        self.lost_bytes = 0
        self.rows = Rows()
        self.wall: Wall | None = None
        self.lease: SpoiltLease | None = None
        self.spoilt: SpoiltJournal | None = None
        self.taken = Taken()
        self.gives_up = False
        self._directory = directory
        self._instruments = instruments
        self._fuse = fuse
        self._inherits = bool(plan.orphans)
        self._group_ns = random.choice(GROUPS_NS)
        self._segment_bytes = random.choice(SEGMENTS_BYTES)

    def go_wrong(self, true: TrueTime) -> None:
        """Set up what the faults of the plan need. Args: true: knows the venue's time."""
        faults = self.plan.faults
        if faults.clock_jumps:
            self.wall = Wall(true)
        if faults.lease_unreadable:
            wall = self.wall or Wall(true)
            random = Random(f"{self.plan.seed}/lease")
            self.lease = SpoiltLease(self._directory, random, wall.now_ns)

    # ---- lives

    def start(self, world: Surroundings, began: Callable[[Life], None]) -> Life:
        """Begin the next life; raises Died, JournalFailed, Refused.

        Args: began: is told of it before it does anything.
        """
        self._fuse.burn("while it starts")
        lease = self.lease.take() if self.lease is not None else None
        time = OwnTime(self.wall) if self.wall is not None else None
        now_ns = world.now_ns if time is None else world.now_ns + time.ahead_ns
        estate = self._estate(now_ns)
        self._fuse.burn("after what was left is read")
        kept = self.kept
        kept.epoch = lease.next_number(above=kept.epoch) if lease is not None else kept.epoch + 1
        if lease is not None:
            self._fuse.burn("between the state's number and the lease's")
            lease.note(kept.epoch)
        inherits = self._inherits or not kept.ended or bool(kept.estate_run)
        kept.ended = False
        self._inherits = True
        name = run_id(now_ns, kept.epoch)
        setup = self._setup(kept.epoch, estate, inherits=inherits)
        self.setups[name] = setup
        recorder = self._record(name, now_ns)
        life = Life(world, setup, recorder, kept)
        life.time = time
        self.starts += 1
        began(life)
        self._fuse.burn("before the first checkpoint")
        recorder.checkpoint(now_ns, estate_of(life.engine.state))
        if not self.taken.quarantined:
            kept.estate_run, kept.rest_run = name, ""
            self.spoilt = None
        self._fuse.burn("after the first checkpoint")
        return life

    def end(self, life: Life) -> Run:
        """End a life in good order; raises JournalFailed."""
        life.close()
        self.kept.ended = True
        if not self.taken.quarantined:
            self.kept.rest_run = self.kept.estate_run or self.kept.rest_run
            self.kept.estate_run = ""
        self._inherits = False
        self._let_go()
        return self._left(life, ended=True)

    def die(self, life: Life | None, *, machine: bool) -> Run | None:
        """Let what is in memory go; what the disk keeps is what it keeps."""
        self._let_go()
        self.lost_bytes += self.disk.die(machine=machine)
        return None if life is None else self._left(life, ended=False)

    def _left(self, life: Life, *, ended: bool) -> Run:
        journal = life.recorder.journal
        name = journal.parent.name
        return Run(name=name, setup=life.setup, journal=journal, ended=ended, configs=life.configs)

    def _let_go(self) -> None:
        if self.lease is not None:
            self.lease.release()

    def set_clock(self, luck: Luck) -> bool:
        """Let the wall clock jump; return whether there is one."""
        return self.wall is not None and self.wall.jump(luck)

    def damage(self) -> bool:
        """Damage the journal that the next start reads; return whether there is one that was right."""
        if not self.kept.estate_run or self.spoilt is not None:
            return False
        random = Random(f"{self.plan.seed}/damage/{self.kept.epoch}")
        spoilt = SpoiltJournal(self.disk, journal_directory(self._directory, self.kept.estate_run), random)
        self.spoilt = spoilt if spoilt.what else None
        return self.spoilt is not None

    def _estate(self, now_ns: int) -> Estate | None:
        kept = self.kept
        judged = Judged(latched=kept.latched, now_ns=now_ns, rebuild=self.gives_up)
        self.taken = taken = take_over(kept, self._read, judged)
        self.gives_up = False
        self._judge_taken(taken)
        return taken.rest if taken.recovered is None else taken.recovered.estate

    def _read(self, run: str) -> Recovered | None:
        self.disk.settle()
        return estate_from(
            journal_directory(self._directory, run),
            lambda header: self.setups[header.run_id],
            lambda fold: watch_state(fold.state, self.rows),
        )

    # By what was really done to the files: what is right is taken over, what is not is left as it is, halts
    # trading, and is given up by a person alone.
    def _judge_taken(self, taken: Taken) -> None:
        spoilt, kept = self.spoilt, self.kept
        if spoilt is None:
            due = taken.recovered if kept.estate_run else taken.rest
            if due is None and (kept.estate_run or kept.rest_run):
                wrong = taken.quarantined or taken.given_up or taken.forgotten
                raise Broken("D4", f"a journal that nothing happened to: {wrong}")
            return
        if taken.recovered is not None:
            raise Broken("D6", f"a damaged journal was taken over: {spoilt.what}")
        if taken.quarantined and not self.kept.latched:
            raise Broken("D6", f"trading goes on over a damaged journal: {spoilt.what}")
        if not spoilt.is_untouched:
            raise Broken("D6", f"a damaged journal was written to: {spoilt.what}")

    def _record(self, name: str, now_ns: int) -> SimRecorder:
        header = RunHeader(
            run_id=name,
            epoch=self.kept.epoch,
            code_version="simulated",
            began_ns=now_ns,
            config_digest=self.config.digest,
            config_text=self.config.text,
        )
        journal = journal_directory(self._directory, name)
        return SimRecorder(
            journal, header, self.disk, group_ns=self._group_ns, segment_bytes=self._segment_bytes
        )

    # ---- setups

    def sessions(self) -> tuple[SessionSetup, ...]:
        """Return what the config makes of every session."""
        plan, config, instruments = self.plan, self.config, self._instruments
        targets = self.kept.targets
        if plan.subject is not None:
            # A tighter config takes its share of the subject's own limit, at most half of it.
            share = min(BAND_LOTS, max(config.band_lots, BAND_LOTS // 2))
            return tuple(
                replace(
                    one,
                    target_lots=targets.get(one.name, one.target_lots),
                    band_lots_max=-(-one.band_lots_max * share // BAND_LOTS),
                )
                for one in plan.subject.sessions
            )
        # A plan may hold any object that is one.
        strategy = cast("Strategy[object]", plan.strategy)
        return tuple(
            SessionSetup(
                name=f"s{index}",
                strategy=strategy,
                rules=make_rules(config.limits),
                instrument=instruments[index % len(instruments)],
                band_lots_max=config.band_lots,
                band_ratio_ppm=10**9,
                slippage_ppm=10_000,
                target_lots=targets.get(f"s{index}"),
            )
            for index in range(plan.sessions)
        )

    def _setup(self, epoch: int, estate: Estate | None, *, inherits: bool) -> EngineSetup:
        subject = self.plan.subject
        own_caps = Capabilities(
            orders_per_10s=100,
            weight_per_minute=self.plan.weight_per_minute,
            absence_proof_ns=3 * REQUEST_LIFE_NS,
        )
        sessions = self.sessions()
        return EngineSetup(
            ids=IDS,
            epoch=epoch,
            caps=own_caps if subject is None else subject.caps,
            sessions=sessions,
            # What is only watched is not simulated: the market that is quoted on stands in for it.
            stand_ins=tuple(
                (watch.symbol, one.instrument.symbol)
                for one in sessions
                for watch in watches_of(one.strategy)
            ),
            deadlines=DEADLINES if subject is None else subject.deadlines,
            latched=self.kept.latched,
            inherits=inherits,
            revision=self.config.revision,
            estate=estate,
            reference_window_ns=REFERENCE_NS if subject is None else subject.reference_window_ns,
            on_external=OnExternal.PAUSE if subject is None else subject.on_external,
        )

    # ---- what is left on the disk

    def judge(self, run: Run) -> None:
        """Verify the journal of a life that is over."""
        self.disk.settle()
        report = verify(run.journal)
        if not report.is_sound:
            raise Broken("I16", f"the journal of {run.name} is damaged: {report.problem}")
        if run.ended and not report.is_whole:
            raise Broken("I16", f"the journal of {run.name} was closed and is not whole")

    def rerun(self, run: Run) -> RerunResult:
        """Run a life that is over again from its journal."""
        engine = Engine(run.setup)

        def prepare(event: ConfigApplied, version: ConfigVersion) -> None:
            assert event.digest == version.digest
            engine.prepare(event.revision, run.configs[event.revision])

        return Rerun(engine, _Silent(run.setup.caps), prepare).run(read(run.journal), closed=run.ended)


class _Silent:
    # Stands where the venue was: whatever it told is in the record.

    def __init__(self, caps: Capabilities) -> None:
        self.caps = caps

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        raise AssertionError(f"a repetition asked for {symbols}")

    async def start(self, sink: Callable[[AnyEvent], None]) -> None:
        raise AssertionError(f"a repetition listens: {sink}")

    def submit(self, command: VenueCommand) -> None:
        assert command is not None

    async def close(self) -> None:
        return
