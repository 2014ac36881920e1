"""Every planted mistake is found in time, by the name of what it breaks; without it the same run passes.

The second half of that takes as long again and is part of the proof.
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.builders import (
    planted_bugs_account,
    planted_bugs_behaviour,
    planted_bugs_limits,
    planted_bugs_lives,
    planted_bugs_machine,
    planted_bugs_orders,
)
from tests.builders.planted_bugs import STEPS_MAX, Bug, Found, hunt, run

BUGS = (
    *planted_bugs_account.BUGS,
    *planted_bugs_orders.BUGS,
    *planted_bugs_limits.BUGS,
    *planted_bugs_lives.BUGS,
    *planted_bugs_machine.BUGS,
    *planted_bugs_behaviour.BUGS,
)

TABLE = "MM_PLANTED_BUGS"
"""Names a file that gets a line of JSON for each mistake that was found: seed, steps, invariant."""


RARE = (
    "numbers of orders come from the process",
    "the place in the history follows the stream",
    "trades of all symbols share their numbers",
    "a fill that is reported twice counts twice",
    "only placements are counted",
    "an overfill is ignored",
)
"""Takes more than a few hundred steps to show: looked for in the long tier."""


def _tier(bug: Bug) -> Any:
    marks = (pytest.mark.proof,) if bug.name in RARE else ()
    return pytest.param(bug, id=bug.name.replace(" ", "-"), marks=marks)


@pytest.mark.parametrize("bug", [_tier(bug) for bug in BUGS])
def test_a_planted_mistake_is_found(
    bug: Bug, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    """Within 20 000 steps."""
    with monkeypatch.context() as patch:
        bug.plant(patch)
        found = hunt(bug)
    assert found is not None, f"{bug.name} was not found within {STEPS_MAX} steps"
    record_property("found", json.dumps(asdict(found)))
    _write_down(found)
    assert found.invariant in bug.found_as, found.text


ACCUSED = ("a life starts before it has looked around",)
"""Without it the judge once broke a run: of those the control is no proof."""


def _control(bug: Bug) -> Any:
    marks = () if bug.name in ACCUSED else (pytest.mark.proof,)
    return pytest.param(bug, id=bug.name.replace(" ", "-"), marks=marks)


@pytest.mark.parametrize("bug", [_control(bug) for bug in BUGS])
def test_without_the_mistake_the_same_runs_pass(bug: Bug) -> None:
    """What was found was the mistake, not the plan."""
    for seed in range(3):
        assert run(bug.plan(seed))[1] is None


def test_what_is_left_to_the_long_tier_is_there() -> None:
    """A name that no mistake has would leave it in neither."""
    assert {*RARE, *ACCUSED} <= {bug.name for bug in BUGS}


def test_there_are_at_least_twenty_five_and_each_has_a_name_of_its_own() -> None:
    """A mistake that is left out of the list is not looked for."""
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 25


def test_the_mistakes_break_most_of_the_invariants() -> None:
    """What no mistake breaks, nobody knows to be looked at."""
    broken = {name for bug in BUGS for name in bug.found_as}
    assert {f"I{number}" for number in range(1, 21)} <= broken


def _write_down(found: Found) -> None:
    if os.environ.get(TABLE):
        with Path(os.environ[TABLE]).open("a") as table:
            table.write(json.dumps(asdict(found)) + "\n")
