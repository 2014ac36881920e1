"""The engine against a venue with faults, judged by the venue's truth; see `mm/runtime/simulate/world.py`."""

from dataclasses import replace
from typing import Any, Final

import pytest

from mm.runtime.simulate.faults import NONE
from mm.runtime.simulate.ladder import Ladder
from mm.runtime.simulate.plan import SECOND_NS, Plan, plan_of
from mm.runtime.simulate.world import simulate

SHORT: Final[dict[str, Any]] = {
    "fault_ns": 30 * SECOND_NS,
    "heal_ns": 45 * SECOND_NS,
    "rest_ns": 25 * SECOND_NS,
}
BUSY: Final = Ladder(levels=2, half_spread_ticks=2, step_ticks=2, size_lots=20, tolerance_ticks=0)
LIES: Final = replace(NONE, latency_ms=300, report_late=0.3, cancel_unsaid=0.3, cancel_understated=0.5)
FIXED_SEED = 4
SEEDS_PER_TEST = 50


@pytest.mark.parametrize("seed", range(1, 6))
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
    assert sum(outcome.reports.get("fill.late", 0) for outcome in outcomes) > 1


def test_without_faults_the_bot_quotes_and_trades() -> None:
    """The checks are not true because nothing happens."""
    outcome = simulate(plan_of(0, **SHORT, reruns=True))
    assert outcome.places > 100
    assert outcome.fills > 5
    assert set(outcome.state.split(",")) == {"active"}
    assert "halt" not in outcome.reports
    assert outcome.faults == {}
    assert (outcome.lives, outcome.crashes) == (1, 0)


def test_the_faults_last_for_as_many_steps_as_were_asked_for() -> None:
    """Whatever time that takes; healing and rest come on top."""
    few = simulate(plan_of(FIXED_SEED, **SHORT, steps=300))
    many = simulate(plan_of(FIXED_SEED, **SHORT, steps=900))
    assert 300 < few.steps < many.steps
    assert many.steps > 900


@pytest.mark.parametrize("seed", [FIXED_SEED])
def test_the_same_seed_gives_the_same_commands_and_the_same_state(seed: int) -> None:
    """To the byte, in one process."""
    first, second = (simulate(plan_of(seed, **SHORT, steps=800)) for _ in range(2))
    assert first == second


def test_different_seeds_give_different_commands() -> None:
    """The hash of the commands covers what happens."""
    streams = {simulate(plan_of(seed, **SHORT, steps=300)).stream for seed in (1, 2)}
    assert len(streams) == 2
