"""Every call of every scenario once: killed there, failed there. Long; each says how much it covered.

Can be done in parts: `MM_SWEEP_SHARD=2/5` runs the second fifth of each, `MM_SWEEP_RECORD=FILE` keeps what
went well and does not run it again; one scenario or kind is chosen by its name with `-k`.
"""

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
from tests.builders.crash_shards import Record, Shard, Swept, sweep
from tests.builders.crash_sweep import brisk, points, run_cases, told

TRACED: Final = (2, 5, 9, 14, 20, 30, 45, 70)
"""Calls at which the tracer kills, of each operation: the same stories with the product's own event loop."""

MISSED_PERCENT: Final = 15
MISSED_MAX: Final = 3
"""Points of a share that may not be reached."""

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """One nursery for the file."""
    with nursery(tmp_path_factory.mktemp("lives")) as made:
        yield made


def say(capsys: pytest.CaptureFixture[str], kind: Kind, dry: Case, swept: Swept) -> None:
    """Tell a person what was covered."""
    calls = Counter(case.hurt.operation for case in swept.cases if case.hurt is not None)
    ends = Counter(code for case in swept.cases for code in case.codes)
    slowest_s = max((case.recovery_s for case in swept.cases), default=0.0)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{dry.scenario}, {kind}: {swept.covered} points covered of {swept.there} there"
            f" ({swept.share} in this share, {swept.before} of them before); {dict(calls)};"
            f" ended {dict(ends)}; slowest recovery {slowest_s:.1f} s\n"
        )


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("name", [scenario.name for scenario in SCENARIOS])
def test_hurt_at_every_call(
    lives: Nursery, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, kind: Kind
) -> None:
    """Nothing is lost, doubled or left, wherever it dies or its disk fails; it ends by an exit code that says
    how, goes on, and says what the venue says.
    """
    dry = run_case(lives, tmp_path / "dry", brisk(name), None)
    assert not told([dry])
    hurts = points(dry, kind)
    record, shard = Record.from_environ(), Shard.from_environ()
    swept = sweep(lives, tmp_path / "points", brisk(name), hurts, shard=shard, record=record)
    say(capsys, kind, dry, swept)
    assert not told(swept.cases)
    # Calls that follow the market come as often as it moves: of those the last few may be missed.
    missed = swept.share - swept.covered
    assert missed <= max(MISSED_MAX, swept.share * MISSED_PERCENT // 100), f"{missed} points were not reached"


@pytest.mark.parametrize("operation", [Operation.WRITE, Operation.SYNC, Operation.RENAME])
def test_killed_by_a_tracer_at_the_system_call(lives: Nursery, tmp_path: Path, operation: Operation) -> None:
    """The product as it is, started as users do; where no tracer may run, the injector takes its place."""
    scenario = BY_NAME["fills under load"]
    hurts = [Hurt(operation=operation, place=Place.ANY, nth=nth, kind=Kind.KILL) for nth in TRACED]
    assert not told(run_cases(lives, tmp_path, [(scenario, hurt) for hurt in hurts], workers=2))
