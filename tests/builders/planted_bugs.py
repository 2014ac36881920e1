"""Mistakes that are easily made in a trading engine, planted one at a time, and a run in which each shows.

The simulation is worth something only if it finds these. Each is a few lines put over a function of the real
engine, journal or recovery while a test runs; its plan makes what it gets wrong frequent. The bugs stand in
the files beside this one, by what they are about.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest

from mm.runtime.simulate.checks import Broken
from mm.runtime.simulate.faults import NONE, Faults
from mm.runtime.simulate.ladder import Ladder
from mm.runtime.simulate.plan import Plan
from mm.runtime.simulate.world import MEMORY, World

SECOND_NS: Final = 1_000_000_000
STEPS_MAX: Final = 20_000
"""Within so many steps each has to be found."""

Patch = Callable[[pytest.MonkeyPatch], None]

BUSY: Final = Ladder(levels=2, half_spread_ticks=2, step_ticks=2, size_lots=20, tolerance_ticks=0)
"""Moves often and fills its band with three orders."""

SLOW: Final = replace(NONE, latency_ms=300)
LOSSES: Final = replace(NONE, place_slow=0.3, place_unanswered=0.2, place_unknown=0.2)
RACES: Final = replace(SLOW, report_late=0.3, cancel_unsaid=0.3)
LIES: Final = replace(RACES, cancel_understated=0.5)
CRASHES: Final = replace(NONE, crash=0.02)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """One planted mistake.

    Fields: name: what is wrong, in words; plant: puts it in; faults, fields: of the plan that shows it;
    found_as: the invariants of which one has to break.
    """

    name: str
    plant: Patch
    found_as: tuple[str, ...]
    faults: Faults = NONE
    fields: tuple[tuple[str, Any], ...] = ()

    def plan(self, seed: int) -> Plan:
        """Return the plan of a seed."""
        drawn: dict[str, Any] = {
            "fault_ns": 20 * SECOND_NS,
            "heal_ns": 30 * SECOND_NS,
            "rest_ns": 25 * SECOND_NS,
            "strategy": BUSY,
        }
        return Plan(seed=seed, faults=self.faults, **(drawn | dict(self.fields)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How a mistake showed. Fields: steps: of all runs up to then; invariant, text: what broke."""

    name: str
    seed: int
    steps: int
    invariant: str
    text: str


def run(plan: Plan) -> tuple[int, Broken | None]:
    """Run a plan; return its steps and what broke, None if nothing did."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as directory:
        world = World(plan, Path(directory))
        try:
            world.run()
        except Broken as broken:
            return world.steps, broken
        return world.steps, None


def hunt(bug: Bug) -> Found | None:
    """Run the plans of the bug that is planted until one shows it; None if none does in time."""
    steps = seed = 0
    while steps < STEPS_MAX:
        taken, broken = run(bug.plan(seed))
        steps += taken
        if broken is not None and steps <= STEPS_MAX:
            return Found(name=bug.name, seed=seed, steps=steps, invariant=broken.invariant, text=str(broken))
        seed += 1
    return None
