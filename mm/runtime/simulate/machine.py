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
from mm.runtime.recover import estate_from
from mm.runtime.rerun import Rerun, RerunResult
from mm.runtime.simulate.checks import Broken
from mm.runtime.simulate.coverage import Rows, watch_state
from mm.runtime.simulate.disk import SimDisk
from mm.runtime.simulate.instruments import EPOCH, IDS
from mm.runtime.simulate.lives import Fuse, Kept, Life, Surroundings
from mm.runtime.simulate.plan import BAND_LOTS, DEADLINES, Plan
from mm.runtime.simulate.recording import SimRecorder
from mm.runtime.simulate.wire import REQUEST_LIFE_NS
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
    order table that recoveries fired.
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
        self._directory = directory
        self._instruments = instruments
        self._fuse = fuse
        self._inherits = bool(plan.orphans)
        self._group_ns = random.choice(GROUPS_NS)
        self._segment_bytes = random.choice(SEGMENTS_BYTES)

    # ---- lives

    def start(self, world: Surroundings, began: Callable[[Life], None]) -> Life:
        """Begin the next life; raises Died, JournalFailed.

        Args: began: is told of it before it does anything.
        """
        self._fuse.burn("while it starts")
        estate = self._estate()
        self._fuse.burn("after what was left is read")
        kept, now_ns = self.kept, world.now_ns
        kept.epoch += 1
        inherits = self._inherits or not kept.ended or estate is not None
        kept.ended = False
        self._inherits = True
        name = run_id(now_ns, kept.epoch)
        setup = self._setup(kept.epoch, estate, inherits=inherits)
        self.setups[name] = setup
        recorder = self._record(name, now_ns)
        life = Life(world, setup, recorder, kept)
        self.starts += 1
        began(life)
        self._fuse.burn("before the first checkpoint")
        recorder.checkpoint(now_ns, estate_of(life.engine.state))
        kept.estate_run = name
        self._fuse.burn("after the first checkpoint")
        return life

    def end(self, life: Life) -> Run:
        """End a life in good order; raises JournalFailed."""
        life.close()
        self.kept.ended = True
        self.kept.estate_run = ""
        self._inherits = False
        return self._left(life, ended=True)

    def die(self, life: Life | None, *, machine: bool) -> Run | None:
        """Let what is in memory go; what the disk keeps is what it keeps."""
        self.lost_bytes += self.disk.die(machine=machine)
        return None if life is None else self._left(life, ended=False)

    def _left(self, life: Life, *, ended: bool) -> Run:
        journal = life.recorder.journal
        name = journal.parent.name
        return Run(name=name, setup=life.setup, journal=journal, ended=ended, configs=life.configs)

    def _estate(self) -> Estate | None:
        name = self.kept.estate_run
        if not name:
            return None
        self.disk.settle()
        found = estate_from(
            journal_directory(self._directory, name),
            lambda header: self.setups[header.run_id],
            lambda fold: watch_state(fold.state, self.rows),
        )
        if found is None:
            raise Broken("D4", f"the journal of {name} holds no checkpoint, which was on the disk")
        return found.estate

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
