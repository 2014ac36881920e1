"""Mistakes in the product itself, in processes that are killed: the judge of crashes finds each of them.

The same story without the mistake is judged well, so that it is the mistake that is found. What the
simulation plants in its stand-ins for the disk and the start is planted here where the product does it.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.builders.crash_hurt import Hurt, Kind, Operation, Place
from tests.builders.crash_judge import judged
from tests.builders.crash_nursery import LifeOver, Nursery, nursery
from tests.builders.crash_planted import BUGS
from tests.builders.crash_room import Room, room
from tests.builders.crash_scenarios import BUSY, STEADY_S, filled, is_active, until_quotes
from tests.builders.crash_switch import by_command

STARTS: Final = 3
ENDS_S: Final = 60.0
"""A life that is not to trade ends by itself within this, when the venue has shown that nothing is left."""

KILLED_AT: Final = (14, 15, 16, 21, 26, 33)
"""Sends, of which some follow the first order of a step and come before the next event."""

ROUNDS: Final = 4
"""So often a story is told, if it has to be: where a life is killed in it differs a little each time."""

Story = Callable[[Room], None]


def halted_and_started_again(place: Room) -> None:
    """A life is halted and killed, and nobody lifts the halt before the next start.

    Asked on the socket alone: the command leaves a file as well, which would hold the next life by itself.
    """
    life = place.start()
    until_quotes(place, life)
    by_command(place, life)
    life.wait_until(lambda: place.latched)
    life.kill()
    placed = place.counters()["orders_placed"]
    for _ in range(STARTS):
        # The watchdog of the dead holds the directory while it writes down what happened.
        life = place.start()
        with contextlib.suppress(LifeOver):
            life.wait_for(is_active, deadline_s=ENDS_S)
            life.wait_until(lambda: place.counters()["orders_placed"] > placed)
        life.kill()


def killed_and_started_again(place: Room) -> None:
    """A life is killed while it trades; the next one trades too."""
    for _ in range(2):
        life = place.start()
        with contextlib.suppress(LifeOver):
            life.wait_for(is_active)
            life.lives_on(STEADY_S)
        life.kill()


def killed_at_sends(place: Room) -> None:
    """Lives are killed in the middle of sending what they decided."""
    for number in KILLED_AT:
        hurt = Hurt(operation=Operation.SEND, place=Place.NET, nth=number, kind=Kind.KILL)
        life = place.start(hurt=hurt)
        with contextlib.suppress(LifeOver):
            filled(place, life)
        life.kill()


STORIES: Final[dict[str, tuple[Story, str]]] = {
    "commands are written down after they left": (killed_at_sends, "no intent"),
    "a restart lifts the halt": (halted_and_started_again, "I7"),
    "a restart keeps its number": (killed_and_started_again, "I18"),
}
"""Each mistake with the story that shows it, and how the judge names it."""


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """One nursery for the file."""
    with nursery(tmp_path_factory.mktemp("lives")) as made:
        yield made


def faults(lives: Nursery, folder: Path, story: Story, planted: str) -> list[str]:
    """Let a story happen and return what the judge finds, orders that nobody took off aside."""
    style = replace(BUSY, brisk=True, planted=planted)
    with room(lives, folder, style=style) as place:
        story(place)
        found = judged(place).faults
    # Every story ends in the middle: what is left open, and filled since, belongs to it.
    return [fault for fault in found if not fault.startswith(("orphans", "lost fill"))]


def test_each_mistake_has_its_story() -> None:
    """None is planted that nobody looks for."""
    assert set(STORIES) == set(BUGS)


@pytest.mark.proof
@pytest.mark.parametrize("name", list(STORIES))
def test_a_mistake_in_the_product_is_found(
    lives: Nursery, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """By its name; and nothing is found where it is not."""
    story, said = STORIES[name]
    assert not faults(lives, tmp_path / "well", story, "")
    found: list[str] = []
    for number in range(ROUNDS):
        found = faults(lives, tmp_path / f"ill-{number}", story, name)
        if any(fault.startswith(said) for fault in found):
            break
    with capsys.disabled():
        sys.stdout.write(f"\n{name}: {found[:3]}\n")
    assert any(fault.startswith(said) for fault in found), found
