"""The most telling moments to die at, each with a real process, an exchange that lives on, and its truth."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from mm.errors import EXIT_HALTED
from tests.builders.crash_hurt import Hurt, Kind, Operation, Place
from tests.builders.crash_nursery import Nursery, nursery
from tests.builders.crash_scenarios import BY_NAME
from tests.builders.crash_sweep import run_cases, told


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """One nursery for the file."""
    with nursery(tmp_path_factory.mktemp("lives")) as made:
        yield made


def kill(operation: Operation, place: Place, nth: int) -> Hurt:
    """Return a kill at a call."""
    return Hurt(operation=operation, place=place, nth=nth, kind=Kind.KILL)


FULL: Final = Hurt(operation=Operation.WRITE, place=Place.DISK, nth=40, kind=Kind.ENOSPC, lasting=True)

POINTS: Final = (
    ("fills under load", kill(Operation.WRITE, Place.JOURNAL, 45)),
    ("recovery, twice", kill(Operation.SEND, Place.NET, 17)),
    ("steady quoting", FULL),
)
"""At an intent; in a recovery; full disk.

A death between intent and order is not among them: the proof that the order never came takes a minute.
"""


MORE_POINTS: Final = (
    ("segment rotation", kill(Operation.SYNC, Place.JOURNAL, 25)),
    ("stop", kill(Operation.UNLINK, Place.CONTROL, 2)),
    *POINTS,
)
"""Where a segment ends, and before the last word, as well."""


@pytest.mark.parametrize("points", [POINTS, pytest.param(MORE_POINTS, marks=pytest.mark.proof)], ids=len)
def test_a_process_that_dies_or_whose_disk_is_full_loses_nothing(
    lives: Nursery, tmp_path: Path, points: tuple[tuple[str, Hurt], ...]
) -> None:
    """No lost fill, no orphan, no double order, limits held: by the venue's truth, after it has gone on."""
    cases = run_cases(lives, tmp_path, [(BY_NAME[name], hurt) for name, hurt in points], workers=len(points))
    assert not told(cases)
    assert [case.reached for case in cases] == [True] * len(cases)
    assert cases[-1].codes == [EXIT_HALTED]
