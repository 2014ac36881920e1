"""Every call of every scenario once: killed there, failed there. Long; each says how much it covered."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.builders.crash_case import Case, run_case
from tests.builders.crash_hurt import Hurt, Kind, Operation, Place
from tests.builders.crash_nursery import Nursery, nursery
from tests.builders.crash_scenarios import BY_NAME, SCENARIOS
from tests.builders.crash_sweep import errors, kills, run_cases, told

ERRORS_PER_CLASS: Final = 6
"""A disk that fails is waited for to the end of what may be under way: ten seconds each."""

TRACED: Final = (2, 5, 9, 14, 20, 30, 45, 70)
"""Calls at which the tracer kills, of each operation: the same stories with the product's own event loop."""

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """One nursery for the file."""
    with nursery(tmp_path_factory.mktemp("lives")) as made:
        yield made


def say(capsys: pytest.CaptureFixture[str], dry: Case, cases: list[Case]) -> None:
    """Tell a person what was covered."""
    reached = sum(case.reached for case in cases)
    calls = Counter(case.hurt.operation for case in cases if case.hurt is not None)
    ends = Counter(code for case in cases for code in case.codes)
    slowest_s = max(case.recovery_s for case in cases)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{dry.scenario}: {len(cases)} points, {reached} reached; {dict(calls)}; ended {dict(ends)};"
            f" slowest recovery {slowest_s:.1f} s\n"
        )


@pytest.mark.parametrize("name", [scenario.name for scenario in SCENARIOS])
def test_killed_at_every_call(
    lives: Nursery, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Nothing is lost, doubled or left, wherever it dies; it goes on and says what the venue says."""
    dry = run_case(lives, tmp_path / "dry", BY_NAME[name], None)
    assert not told([dry])
    cases = run_cases(lives, tmp_path, [(BY_NAME[name], hurt) for hurt in kills(dry)])
    say(capsys, dry, cases)
    assert not told(cases)


@pytest.mark.parametrize(
    "name",
    ["start over a crashed life", "fills under load", "config reload", "segment rotation", "strict journal"],
)
def test_a_disk_that_fails_or_is_full(
    lives: Nursery, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """It ends by itself, by an exit code that says how, without an order left; then it goes on."""
    dry = run_case(lives, tmp_path / "dry", BY_NAME[name], None)
    assert not told([dry])
    asked = [(BY_NAME[name], hurt) for hurt in errors(dry, ERRORS_PER_CLASS)]
    cases = run_cases(lives, tmp_path, asked)
    say(capsys, dry, cases)
    assert not told(cases)


@pytest.mark.parametrize("operation", [Operation.WRITE, Operation.SYNC, Operation.RENAME])
def test_killed_by_a_tracer_at_the_system_call(lives: Nursery, tmp_path: Path, operation: Operation) -> None:
    """The product as it is, started as users do; where no tracer may run, the injector takes its place."""
    scenario = BY_NAME["fills under load"]
    hurts = [Hurt(operation=operation, place=Place.ANY, nth=nth, kind=Kind.KILL) for nth in TRACED]
    assert not told(run_cases(lives, tmp_path, [(scenario, hurt) for hurt in hurts], workers=2))
