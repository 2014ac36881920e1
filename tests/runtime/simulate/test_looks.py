"""How often checks looked away is counted beside what they found."""

from dataclasses import replace

import pytest

from mm.runtime.simulate.faults import NONE
from mm.runtime.simulate.looks import (
    EXCUSED,
    EXPOSURE,
    FILL_COUNTS,
    LOSSES,
    SESSION_LEDGERS,
    Looks,
    total_looks,
)
from mm.runtime.simulate.plan import plan_of
from mm.runtime.simulate.world import run_world


def test_judgements_are_counted_with_those_that_were_not_made() -> None:
    """By name; sums of runs are in the order of the names."""
    looks = Looks()
    for away in (False, True, False):
        looks.count("b", away=away)
    assert looks.counts == {"b": (3, 1)}
    assert list(total_looks((looks.counts, {"a": (1, 0)}, looks.counts)).items()) == [
        ("a", (1, 0)),
        ("b", (6, 2)),
    ]


@pytest.mark.parametrize("lies", [False, True])
def test_checks_look_away_only_where_the_venue_deceives(lies: bool) -> None:
    """A venue that says of living orders that they are gone leaves exposures that nobody can judge."""
    faults = replace(NONE, lie=0.5, gone_while_open=0.5) if lies else NONE
    world, broken = run_world(plan_of(5, steps=600, faults=faults, latched=""))
    assert broken is None
    counts = world.checks.scene.looks.counts
    assert set(counts) == {EXPOSURE, EXCUSED, FILL_COUNTS, LOSSES, SESSION_LEDGERS}
    due, away = counts[EXPOSURE]
    assert due > 0
    assert (away > 0) is lies
    assert counts[EXCUSED][1] <= away
    assert counts[EXCUSED][0] == due
