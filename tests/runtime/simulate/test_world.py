"""The engine against a venue with faults, judged by the venue's truth; see `builders/engine_world.py`."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.builders.engine_bugs import BUGS, BUSY, LIES, Bug
from tests.builders.engine_checks import Broken
from tests.builders.engine_world import SECOND_NS, Plan, plan_of, simulate

ROOT = Path(__file__).resolve().parents[3]
SHORT: Final[dict[str, Any]] = {
    "fault_ns": 30 * SECOND_NS,
    "heal_ns": 40 * SECOND_NS,
    "rest_ns": 25 * SECOND_NS,
}
FIXED_SEED = 4
SEEDS_PER_TEST = 50

PROGRAM = f"""
from tests.builders.engine_world import plan_of, simulate
outcome = simulate(plan_of({FIXED_SEED}))
print(outcome.stream, outcome.digest, outcome.steps, outcome.places, outcome.fills)
"""


@pytest.mark.parametrize("seed", range(24))
def test_every_invariant_holds_under_the_faults_of_a_seed(seed: int) -> None:
    """Exposure, self-trade, fills, orphans, halts, budgets and liveness, at every instant and at the end."""
    outcome = simulate(plan_of(seed, **SHORT))
    assert outcome.steps > 1_000


@pytest.mark.proof
@pytest.mark.parametrize("first", range(0, 4_000, SEEDS_PER_TEST))
def test_every_invariant_holds_under_the_faults_of_many_seeds(first: int) -> None:
    """As above, longer, and many more of them."""
    for seed in range(first, first + SEEDS_PER_TEST):
        simulate(plan_of(seed))


def test_fills_after_an_end_that_did_not_state_them_are_all_counted() -> None:
    """The books agree in the end although the venue's word about the end was wrong half of the time."""
    outcomes = [simulate(Plan(seed=seed, faults=LIES, strategy=BUSY, **SHORT)) for seed in range(3)]
    assert sum(outcome.reports.get("fill.late", 0) for outcome in outcomes) > 3


def test_without_faults_the_bot_quotes_and_trades() -> None:
    """The checks are not true because nothing happens."""
    outcome = simulate(plan_of(0, **SHORT))
    assert outcome.places > 100
    assert outcome.fills > 5
    assert set(outcome.state.split(",")) == {"active"}
    assert "halt" not in outcome.reports


@pytest.mark.parametrize("seed", [7, FIXED_SEED])
def test_the_same_seed_gives_the_same_commands_and_the_same_state(seed: int) -> None:
    """To the byte, in one process."""
    first, second = simulate(plan_of(seed, **SHORT)), simulate(plan_of(seed, **SHORT))
    assert first == second


def test_different_seeds_give_different_commands() -> None:
    """The hash of the commands covers what happens."""
    streams = {simulate(plan_of(seed, **SHORT)).stream for seed in (1, 2)}
    assert len(streams) == 2


def test_two_processes_with_different_hash_seeds_send_the_same_bytes() -> None:
    """No order of a set or a dict of objects, no id, no hash gets into a decision."""
    said = []
    for hash_seed in ("0", "1"):
        environment = dict(os.environ, PYTHONHASHSEED=hash_seed)
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        said.append(run.stdout)
    assert said[0] == said[1]
    assert len(said[0].split()) == 5


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name.replace(" ", "-"))
def test_a_planted_mistake_is_found_and_the_engine_without_it_passes(
    bug: Bug, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checks find each classic mistake within a few runs, under the name of what it breaks."""
    found: tuple[int, Broken] | None = None
    with monkeypatch.context() as patch:
        bug.plant(patch)
        for seed in range(12):
            try:
                simulate(bug.plan(seed))
            except Broken as broken:
                found = seed, broken
                break
    assert found is not None, f"{bug.name} was not found in 12 runs"
    assert found[1].invariant in bug.found_as
    simulate(bug.plan(found[0]))
