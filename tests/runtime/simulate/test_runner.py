"""Many seeds together: sums, digest, failures told and shortened; see `simulate/runner.py`, `story.py`."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from mm.domain import orders
from mm.domain.orders import OrderState, Trigger
from mm.runtime.simulate.faults import KINDS, NONE, SLOW_TRIPS, switched_on
from mm.runtime.simulate.plan import plan_of
from mm.runtime.simulate.runner import ROWS_EXPECTED_STEPS, Order, Total, run_seed, running
from mm.runtime.simulate.story import failure_of, only, shortest, weakened
from mm.runtime.simulate.world import QUIET, TRAIL, run_world

ROOT: Final = Path(__file__).resolve().parents[3]
STEPS: Final = 600
FEW: Final = 200

PROGRAM = f"""
from mm.runtime.simulate.runner import Order, Total, running
order = Order(seeds=2, steps={FEW}, first=1)
total = Total(order=order)
with running(order) as all_done:
    for done in all_done:
        total.add(done)
print(total.digest)
"""


def run(order: Order) -> Total:
    """Return what an order amounts to."""
    total = Total(order=order)
    with running(order) as all_done:
        for done in all_done:
            total.add(done)
    return total


def test_the_digest_is_the_same_in_processes_with_other_hash_seeds_and_in_several_at_once() -> None:
    """Every command and every end, whoever ran them."""
    order = Order(seeds=2, steps=FEW, first=1)
    one, two = run(order), run(Order(seeds=2, steps=FEW, first=1, jobs=2))
    said = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env=dict(os.environ, PYTHONHASHSEED=hash_seed),
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout.strip()
        for hash_seed in ("1",)
    ]
    assert {one.digest, two.digest, *said} == {one.digest}
    assert one.fields()["fault_kinds"] == two.fields()["fault_kinds"]


def test_other_seeds_give_another_digest() -> None:
    """It covers what happens."""
    digests = {run(Order(seeds=1, steps=200, first=seed, profile="calm")).digest for seed in (1, 2)}
    assert len(digests) == 2


def test_figures_are_added_up() -> None:
    """Steps, lives, faults, rows of the table."""
    order = Order(seeds=2, steps=STEPS, first=1)
    done = [run_seed(seed, order=order) for seed in (1, 2)]
    total = Total(order=order)
    for one in done:
        total.add(one)
    fields = total.fields()
    assert fields["steps"] == sum(one.steps for one in done)
    assert fields["seeds"] == 2
    counted = sum(sum(one.outcome.faults.values()) for one in done if one.outcome)
    assert fields["faults"] == sum(total.kinds.values())
    assert total.faults + total.slow_trips == counted
    assert 0 < total.rows.visited < total.rows.total
    assert total.is_good


@pytest.mark.proof
@pytest.mark.parametrize("first", [1, 1_001])
def test_a_large_run_visits_every_row_has_every_fault_and_breaks_nothing(first: int) -> None:
    """As `mm simulate --seeds 60 --steps 5000` does."""
    total = run(Order(seeds=60, steps=5_000, first=first, jobs=2))
    assert total.rows.missing() == ()
    assert [kind for kind in KINDS if not total.kinds.get(kind)] == [SLOW_TRIPS]
    assert total.slow_trips > 0
    assert total.broken == {}


def test_unvisited_rows_are_a_failure_only_where_all_of_them_can_be_expected() -> None:
    """Of a large run with all faults on that was not broken off."""
    large = Order(seeds=60, steps=ROWS_EXPECTED_STEPS // 60)
    assert Total(order=large).lacks_rows
    assert not Total(order=large).is_good
    assert not Total(order=large, is_cut=True).lacks_rows
    assert not Total(order=Order(seeds=60, steps=5_000, profile="network")).lacks_rows
    assert not Total(order=Order(seeds=1, steps=5_000)).lacks_rows


def test_what_comes_all_the_time_does_not_push_the_story_out() -> None:
    """A run that ends in silence still tells the last things that happened before it."""
    world, broken = run_world(plan_of(3, steps=400, profile="calm"))
    assert broken is None
    assert len(world.trail) == TRAIL
    assert not any(isinstance(noted, QUIET) for _, noted in world.trail)


def test_a_seed_that_broke_counts_with_all_that_happened_in_it() -> None:
    """Its faults and rows are of the sum, and its name is told."""
    sums = Total(order=Order(seeds=2, steps=200))
    good = run_seed(1, order=sums.order)
    for done in (good, replace(good, seed=7, outcome=None, broken="I5")):
        sums.add(done)
    assert sums.broken == {7: "I5"}
    assert sums.failed == 7
    assert not sums.is_good
    assert (sums.lives, sums.faults + sums.slow_trips) == (2 * good.lives, 2 * sum(good.faults.values()))
    assert sums.looks == {name: (2 * due, 2 * away) for name, (due, away) in good.looks.items()}
    fields = sums.fields()
    assert (fields["violations"], fields["violated"]) == (1, {"I5": 1})
    assert fields["broken"] == [{"seed": 7, "invariant": "I5"}]


def test_a_run_without_a_failure_has_no_story() -> None:
    """Nothing is looked for."""
    assert failure_of(Order(seeds=1, steps=200, profile="calm").plan(1)) is None
    assert Total(order=Order(seeds=1, steps=200)).failure() is None


def test_a_failure_is_told_and_shortened_to_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer steps, fewer kinds of faults, the same invariant; the command shows it again."""
    monkeypatch.setitem(orders.TABLE, (OrderState.SENT, Trigger.LOST), OrderState.REJECTED)
    found = None
    for seed in range(1, 40):
        found = failure_of(Order(seeds=1, steps=900, profile="network").plan(seed))
        if found is not None:
            break
    assert found is not None
    small = shortest(found, tries_max=12)
    assert small.invariant == found.invariant
    assert small.plan.steps <= found.plan.steps
    assert len(switched_on(small.plan.faults)) < len(switched_on(found.plan.faults))
    assert small.history
    assert f"--first {found.plan.seed} " in small.command
    words = small.command.split()
    again = Order(
        seeds=1,
        steps=int(words[words.index("--steps") + 1]),
        profile=words[words.index("--profile") + 1],
        only=tuple(words[words.index("--only") + 1].split(",")),
        strength=int(words[words.index("--strength") + 1]) if "--strength" in words else 100,
    )
    _, broken = run_world(again.plan(found.plan.seed))
    assert broken is not None
    assert broken.invariant == found.invariant


def test_kinds_and_strength_can_be_taken_away() -> None:
    """What is left is as it was drawn."""
    plan = Order(seeds=1, steps=500).plan(1)
    kinds = switched_on(plan.faults)
    assert switched_on(only(plan, kinds[:2]).faults) == kinds[:2]
    assert only(plan, ()).faults == NONE
    chances = [kind for kind in kinds if not kind.endswith("_ms")]
    half = weakened(plan, 50)
    assert half.strength == 50
    assert all(
        getattr(half.faults, kind) == pytest.approx(getattr(plan.faults, kind) / 2) for kind in chances
    )


def test_a_slow_trip_is_no_fault_and_is_told_beside_them() -> None:
    """Faults are what was drawn to happen; that a way took long is stated apart."""
    order = Order(seeds=1, steps=200, profile="calm")
    calm = run_seed(1, order=order)
    sums = Total(order=order)
    sums.add(replace(calm, faults={SLOW_TRIPS: 40, "report_lost": 2}))
    fields = sums.fields()
    assert (fields["faults"], fields["slow_trips"]) == (2, 40)
    assert fields["fault_kinds"] == {"report_lost": 2}


def test_what_checks_could_not_judge_is_told_with_its_share() -> None:
    """By name, with how many were due; of a calm seed no exposure is passed over."""
    order = Order(seeds=1, steps=200, profile="calm")
    calm = run_seed(1, order=order)
    assert calm.looks["I1"][0] > 0
    assert calm.looks["I1"][1] == calm.looks["I1 over a limit"][1] == 0
    sums = Total(order=order)
    for looks in ({"I1": (30, 3)}, {"I1": (10, 0), "I3 fill counts": (2, 2)}):
        sums.add(replace(calm, looks=looks))
    assert sums.fields()["looked_away"] == {
        "I1": {"due": 40, "away": 3, "ratio": 0.075},
        "I3 fill counts": {"due": 2, "away": 2, "ratio": 1.0},
    }
