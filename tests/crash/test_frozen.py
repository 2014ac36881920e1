"""Processes that stand still, and two that die at once: what nobody asked for and every machine does."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from mm.errors import EXIT_HALTED, EXIT_UNREACHABLE
from tests.builders.crash_case import Case, heal
from tests.builders.crash_judge import judged
from tests.builders.crash_nursery import Life, LifeOver, Nursery, nursery
from tests.builders.crash_room import room
from tests.builders.crash_scenarios import BUSY, filled, until_quotes

FROZEN_S: Final = 5.0
"""Longer than the watchdog waits for a sign of life."""

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """One nursery for the file."""
    with nursery(tmp_path_factory.mktemp("lives")) as made:
        yield made


def gone_on(life: Life) -> None:
    """Let a life that was frozen find out; it may halt, and it may have ended."""
    try:
        life.lives_on(3.0)
    except LifeOver:
        assert life.code == EXIT_HALTED
    life.kill()


def test_a_trader_that_stood_still_trades_on_nothing_old(lives: Nursery, tmp_path: Path) -> None:
    """The market moved for five seconds; it wakes up, and neither limits nor books are off."""
    case = Case(scenario="frozen trader", hurt=None)
    with room(lives, tmp_path, style=BUSY) as place:
        life = place.start()
        filled(place, life)
        life.send(signal.SIGSTOP)
        life.wait_until(lambda: not place.counters()["open_orders"], deadline_s=FROZEN_S)
        placed = place.counters()["orders_placed"]
        life.lives_on(1.0)
        assert place.counters()["orders_placed"] == placed
        life.send(signal.SIGCONT)
        gone_on(life)
        books = heal(place, case)
        assert not judged(place, books).faults


def test_a_venue_that_stood_still_is_waited_for(lives: Nursery, tmp_path: Path) -> None:
    """Its answers come five seconds late, all at once; requests that it never answered are found out."""
    case = Case(scenario="frozen venue", hurt=None)
    with room(lives, tmp_path, style=BUSY) as place:
        life = place.start()
        filled(place, life)
        place.exchange.send(signal.SIGSTOP)
        life.lives_on(FROZEN_S)
        place.exchange.send(signal.SIGCONT)
        gone_on(life)
        books = heal(place, case)
        assert not judged(place, books).faults


def test_a_trader_that_dies_while_the_venue_is_silent(lives: Nursery, tmp_path: Path) -> None:
    """What was under way arrives when the venue wakes up; a start before that is refused, not a guess."""
    case = Case(scenario="both", hurt=None)
    with room(lives, tmp_path, style=BUSY) as place:
        life = place.start()
        until_quotes(place, life)
        place.exchange.send(signal.SIGSTOP)
        life.lives_on(0.6)
        life.kill()
        early = place.nursery.start(*place.arguments(), environ=place.environ)
        assert early.wait() == EXIT_UNREACHABLE
        place.exchange.send(signal.SIGCONT)
        books = heal(place, case)
        assert not judged(place, books).faults
