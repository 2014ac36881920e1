"""Incidents that cost others money, by name, played against a bot: what happened, what it did and risked.

Each is a short run with the conditions of the incident and everything else calm. It passes if no invariant
broke and the bot did what the incident asks for. The source of each is named in its story: repository and
issue, or the public record. Subjects: the simulation's own bot, or a user's, see `subject.py`.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from mm.domain.commands import AnyCommand, Place, Report
from mm.domain.events import AnyEvent, ConfigApplied
from mm.engine.setup import NewSetup, SessionSetup
from mm.runtime.simulate.checks import Broken
from mm.runtime.simulate.checks_exposure import Exposure
from mm.runtime.simulate.faults import NONE, Faults
from mm.runtime.simulate.ladder import Ladder
from mm.runtime.simulate.plan import SECOND_NS, START_NS, Plan
from mm.runtime.simulate.subject import Subject
from mm.runtime.simulate.world import MEMORY, World
from mm.store.journal.entries import ConfigVersion

MS: Final = 1_000_000
BEGINS_S: Final = 8.0
"""When the incident begins: the bot is quoting by then."""

TOLD: Final = (
    "halt",
    "halt.confirmed",
    "halt.unconfirmed",
    "unhalt",
    "fenced",
    "recovered",
    "order.unknown",
    "order.dead",
    "order.inherited",
    "order.mismatch",
    "order.undead",
    "order.fills_missing",
    "fill.late",
    "fill.earlier_life",
    "fill.foreign",
    "balance.external",
    "book.lost",
    "stream.down",
    "stream.suspect",
    "session.held",
    "session.state",
    "config.applied",
    "order.over_limit",
    "order.denied",
    "venue.throttled",
)
"""Reports that tell what the bot did."""

PULLS: Final = ("halt", "book.lost", "stream.down", "stream.suspect")
"""Reports after which no order of ours may stay, where a scenario expects them."""

TOLD_MAX: Final = 40

BUSY: Final = Ladder(levels=2, half_spread_ticks=2, step_ticks=2, size_lots=20, tolerance_ticks=0)
"""The simulation's own bot here: it moves often and fills its limit with three orders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing that the bot reported. Fields: at_ms: since the incident began; text: in words."""

    at_ms: int
    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult:
    """How a scenario went.

    Fields: passed; title, story: of the scenario; deeds: what the bot reported from the incident on, in
    order; worst_lots: largest exposure by the venue's truth, worst_ppm: the same as a share of the limit;
    all_cancelled_ms: from the halt, or from what the quotes had to be pulled for, until no order of ours was
    left, None where nothing had to go or something never went; places, fills: from the incident on;
    violations: of invariants, and what was to be done and was not.
    """

    name: str
    title: str
    story: str
    passed: bool
    deeds: tuple[Deed, ...]
    worst_lots: int
    worst_ppm: int
    all_cancelled_ms: int | None
    places: int
    fills: int
    violations: tuple[str, ...]


class Stage(World):
    """A world that is watched from the beginning of the incident on.

    Fields: deeds; codes: how often each report came; places, fills_before; gone_ns: when no order of ours was
    left, 0: not yet; pulls: reports after which no order may stay; pulled_ns, cleared_ns: when the first of
    them came, and when none was left after it; refused_places: those of a time in which the venue refused
    every one.
    """

    def __init__(self, plan: Plan, directory: Path) -> None:
        """Build the world."""
        self.deeds: list[Deed] = []
        self.pulls: tuple[str, ...] = ()
        self.codes: dict[str, int] = {}
        self.placed_since = 0
        self.fills_before = 0
        self.gone_ns = 0
        self.pulled_ns = self.cleared_ns = 0
        self.refused_places = 0
        super().__init__(plan, directory)

    @property
    def began_ns(self) -> int:
        """When the incident begins."""
        return START_NS + int(BEGINS_S * SECOND_NS)

    def at(self, seconds: float, act: Callable[[], object]) -> None:
        """Do something so long after the incident began."""

        def do() -> None:
            act()

        self.after(self.began_ns + int(seconds * SECOND_NS) - self.now_ns, do)

    def strike(self, **intensities: float) -> None:
        """Let these faults be in force from now on."""
        self._use(replace(NONE, **intensities))  # type: ignore[arg-type]  # names and types are those of the faults

    def bring_sessions(self, change: Callable[[SessionSetup], SessionSetup]) -> None:
        """Bring a config into force in which every session is changed."""
        config = self.machine.config = replace(self.machine.config, revision=self.machine.config.revision + 1)
        sessions = tuple(change(one) for one in self.machine.sessions())
        version = ConfigVersion(digest=config.digest, text=config.text, who="world")
        event = ConfigApplied(ts_ns=self.now_ns, revision=config.revision, digest=config.digest, who="world")
        self.bring(version, event, NewSetup(sessions=sessions, deadlines=self.engine.state.setup.deadlines))

    def said(self, commands: Sequence[AnyCommand]) -> None:
        """Take note of what a step asks for."""
        super().said(commands)
        if self.now_ns < self.began_ns:
            self.fills_before = len(self.truth.fills)
            return
        for command in commands:
            if isinstance(command, Place):
                self.placed_since += 1
            elif isinstance(command, Report):
                self._hear(command)

    def _hear(self, report: Report) -> None:
        self.codes[report.code] = self.codes.get(report.code, 0) + 1
        if report.code in self.pulls and not self.pulled_ns:
            self.pulled_ns = self.now_ns
        if report.code in TOLD and len(self.deeds) < TOLD_MAX:
            facts = ", ".join(f"{name} {text}" for name, text in report.facts[:4])
            at_ms = (self.now_ns - self.began_ns) // MS
            self.deeds.append(Deed(at_ms=at_ms, code=report.code, text=facts))

    def _step(self, event: AnyEvent) -> None:
        super()._step(event)
        if self.life is not None and self.life.failure and not self.pulled_ns:
            self.pulled_ns = self.now_ns
        if self.pulled_ns and not self.cleared_ns and not self.checks.scene.own():
            self.cleared_ns = self.now_ns
        if not self.gone_ns and self.now_ns > self.began_ns and not self.checks.scene.own():
            self.gone_ns = self.now_ns


Script = Callable[[Stage], None]
Wish = Callable[[Stage], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One incident.

    Fields: name; title; story: what happened, in a sentence, with its source; script: sets the incident up;
    expects: what has to be reported from its beginning on; wish: returns what else went wrong, "" if nothing;
    faults: in force from the start; plan: fields of it that differ.
    """

    name: str
    title: str
    story: str
    script: Script
    expects: tuple[str, ...] = ()
    wish: Wish = field(default=lambda _: "")
    faults: Faults = NONE
    plan: tuple[tuple[str, object], ...] = ()

    def make_plan(self, subject: Subject | None, seed: int) -> Plan:
        """Return the plan of a run."""
        longer = subject is not None
        made = Plan(
            seed=seed,
            faults=self.faults,
            fault_ns=28 * SECOND_NS,
            heal_ns=(120 if longer else 22) * SECOND_NS,
            rest_ns=(100 if longer else 20) * SECOND_NS,
            strategy=BUSY,
            subject=subject,
        )
        return replace(made, **dict(self.plan))  # type: ignore[arg-type]  # the scenario knows the fields it names


def play(
    scenario: Scenario,
    subject: Subject | None = None,
    seed: int = 1,
    *,
    stage_of: Callable[[Plan, Path], Stage] = Stage,
) -> ScenarioResult:
    """Run a scenario and return how it went.

    Args: subject: whose bot, None: the simulation's own; stage_of: makes the world, one that is watched more
    closely perhaps.
    """
    violations: list[str] = []
    with tempfile.TemporaryDirectory(
        prefix="mm-drill-", dir=MEMORY if MEMORY.is_dir() else None
    ) as directory:
        stage = stage_of(scenario.make_plan(subject, seed), Path(directory))
        stage.pulls = tuple(code for code in scenario.expects if code in PULLS)
        scenario.script(stage)
        try:
            stage.run()
        except Broken as broken:
            violations.append(str(broken))
    violations += [f"no report of {code}" for code in scenario.expects if code not in stage.codes]
    wish = scenario.wish(stage)
    if wish:
        violations.append(wish)
    exposure = stage.checks.of(Exposure)
    return ScenarioResult(
        name=scenario.name,
        title=scenario.title,
        story=scenario.story,
        passed=not violations,
        deeds=tuple(stage.deeds),
        worst_lots=exposure.worst_lots,
        worst_ppm=exposure.worst_ppm,
        all_cancelled_ms=(stage.cleared_ns - stage.pulled_ns) // MS if stage.cleared_ns else None,
        places=stage.placed_since,
        fills=len(stage.truth.fills) - stage.fills_before,
        violations=tuple(violations),
    )
