"""The kill switch with fifty orders open, on all its ways, timed by the venue's own log of requests."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from mm.errors import EXIT_HALTED
from tests.builders.crash_judge import judged
from tests.builders.crash_nursery import Nursery, nursery
from tests.builders.crash_room import room
from tests.builders.crash_switch import MANY, WAYS, by_freeze, by_kill, pulled_ms, rearm, until_fifty

ROUNDS: Final = 20
LAST_CANCEL_MS_MAX: Final = 100.0
WATCHDOG_MS_MAX: Final = 3_000.0
BUSY_MACHINE: Final = 10.0
"""In the gate other tests run beside this one: what is judged there is that it works, not how fast."""


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """One nursery for the file."""
    with nursery(tmp_path_factory.mktemp("lives")) as made:
        yield made


def test_a_pulled_switch_cancels_all_fifty_orders(lives: Nursery, tmp_path: Path) -> None:
    """By command; the venue shows nothing left, and nothing was lost."""
    with room(lives, tmp_path, style=MANY) as place:
        life = place.start()
        until_fifty(place, life)
        assert pulled_ms(place, life, WAYS["command"]) < LAST_CANCEL_MS_MAX * BUSY_MACHINE
        life.send(signal.SIGTERM)
        assert life.wait() == EXIT_HALTED
        assert not judged(place).faults


@pytest.mark.proof
@pytest.mark.parametrize("way", sorted(WAYS))
def test_the_last_cancel_leaves_within_a_tenth_of_a_second(
    lives: Nursery, tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    """In 99 of 100 cases; the halt holds each time until it is lifted."""
    took_ms = []
    with room(lives, tmp_path, style=MANY) as place:
        life = place.start()
        until_fifty(place, life)
        for _ in range(ROUNDS):
            took_ms.append(pulled_ms(place, life, WAYS[way]))
            rearm(place, life)
        life.send(signal.SIGTERM)
        assert life.wait() == 0
        assert not judged(place).faults
    ranked = sorted(took_ms)
    with capsys.disabled():
        median_ms = ranked[ROUNDS // 2]
        sys.stdout.write(f"\nkill switch by {way}: p50 {median_ms:.1f} ms, worst {ranked[-1]:.1f} ms\n")
    assert ranked[-1] < LAST_CANCEL_MS_MAX


@pytest.mark.proof
@pytest.mark.parametrize("pull", [by_kill, by_freeze])
def test_the_watchdog_cancels_for_a_trader_that_is_silent(
    lives: Nursery, tmp_path: Path, capsys: pytest.CaptureFixture[str], pull: object
) -> None:
    """Dead or frozen: within three seconds, two of which it waits; what comes after is recovered."""
    chosen = by_kill if pull is by_kill else by_freeze
    with room(lives, tmp_path, style=MANY) as place:
        life = place.start()
        until_fifty(place, life)
        took_ms = pulled_ms(place, life, chosen)
        with capsys.disabled():
            sys.stdout.write(f"\nwatchdog, {chosen.__name__}: last cancel after {took_ms:.0f} ms\n")
        assert took_ms < WATCHDOG_MS_MAX
        life.kill()
        assert not judged(place).faults
