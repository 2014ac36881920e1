"""A process that may die anywhere, and what the next one finds; see `simulate/lives.py` and `machine.py`."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from mm.runtime.simulate.faults import NONE, with_intensities
from mm.runtime.simulate.ladder import Ladder
from mm.runtime.simulate.lives import Died, Fuse
from mm.runtime.simulate.plan import SECOND_NS, Plan
from mm.runtime.simulate.world import MEMORY, World, simulate

BUSY: Final = Ladder(levels=2, half_spread_ticks=2, step_ticks=2, size_lots=20, tolerance_ticks=0)
SHORT: Final[dict[str, Any]] = {"steps": 1_500, "heal_ns": 45 * SECOND_NS, "rest_ns": 25 * SECOND_NS}


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that is private to its owner."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as made:
        yield Path(made)


def test_a_fuse_burns_down_once() -> None:
    """At the point that was drawn, and not again."""
    fuse = Fuse()
    fuse.burn("unlit")
    fuse.light(2, machine=True)
    fuse.light(0, machine=False)
    fuse.burn("first")
    fuse.burn("second")
    with pytest.raises(Died) as died:
        fuse.burn("third")
    assert (died.value.where, died.value.machine) == ("third", True)
    fuse.burn("gone")


def test_a_process_dies_at_every_point_and_the_next_one_goes_on(directory: Path) -> None:
    """Around the writing of an event, between two sends, while it starts, more than once in a row."""
    faults = with_intensities(NONE, {"crash": 0.04, "power_loss": 0.02, "nested": 0.8})
    world = World(Plan(seed=5, faults=faults, strategy=BUSY, **SHORT | {"steps": 2_500}), directory)
    outcome = world.run()
    where = {noted for _, noted in world.deaths}
    assert where >= {
        "before the event is written down",
        "before the step",
        "before the first send",
        "before a send",
        "while it starts",
        "after what was left is read",
        "before the first checkpoint",
        "after the first checkpoint",
    }
    assert outcome.crashes > 10
    assert outcome.lives > 5
    assert outcome.fills > 3


def test_a_journal_that_takes_nothing_more_ends_trading_by_the_way_out(directory: Path) -> None:
    """Everything of ours comes off the venue by listing, the halt is latched, an operator has to lift it."""
    faults = with_intensities(NONE, {"disk_write_error": 0.03})
    world = World(Plan(seed=2, faults=faults, strategy=BUSY, **SHORT), directory)
    outcome = world.run()
    assert outcome.faults["disk_write_error"] > 0
    assert outcome.lives > 1
    assert world.disk.broken > 0
    assert outcome.reports["halt"] > 0
    assert outcome.reports["unhalt"] > 0


def test_power_that_fails_loses_bytes_and_no_money(directory: Path) -> None:
    """The run passes all checks although records are gone."""
    faults = with_intensities(NONE, {"power_loss": 0.03})
    world = World(Plan(seed=4, faults=faults, strategy=BUSY, reruns=True, **SHORT), directory)
    outcome = world.run()
    assert outcome.crashes > 3
    assert world.machine.lost_bytes > 0
    assert world.truth.conserves()


def test_a_latch_survives_the_death_of_its_process(directory: Path) -> None:
    """A start on a latched directory is halted until somebody lifts it."""
    world = World(Plan(seed=1, faults=NONE, latched="an earlier life", **SHORT), directory)
    assert world.engine.state.halt_code == "an earlier life"
    outcome = world.run()
    assert outcome.reports["unhalt"] == 1
    assert outcome.state == "active"


@pytest.mark.parametrize("seed", range(1, 4))
def test_every_life_is_repeated_from_its_journal_without_a_difference(seed: int) -> None:
    """Whatever ended it."""
    faults = with_intensities(
        NONE,
        {"crash": 0.04, "stop": 0.003, "reload_tighter": 0.01, "reload_looser": 0.01, "report_late": 0.2},
    )
    outcome = simulate(Plan(seed=seed, faults=faults, strategy=BUSY, reruns=True, **SHORT))
    assert outcome.lives > 1
