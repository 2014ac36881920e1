"""A deployment that is killed again and again, at moments drawn from a seed; its exchange lives on."""

import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mm.errors import EXIT_HALTED
from tests.builders.crash_case import Case, heal
from tests.builders.crash_judge import Verdict, judged
from tests.builders.crash_nursery import LifeOver, Nursery
from tests.builders.crash_room import Room, room
from tests.builders.crash_scenarios import BUSY, proofs, until_quotes
from tests.builders.crash_truth import used_weight

START_S: Final = (0.2, 3.0)
"""A third of the lives is killed so long after their start: in the middle of their recovery."""

TRADING_S: Final = (0.0, 2.5)
"""The others are killed so long after they began to quote."""

WEIGHT_MAX: Final = 2_400
"""Of the venue's 6,000 a minute. Lives of seconds use them up; the next would wait for the end of the minute
and say so. What is measured here is another thing: nothing is started before there is room."""

SLOW_S: Final = 5.0

LOOKS: Final = 65
"""Once a second, because a look costs weight as well: for a little more than a minute."""

LOOK_EVERY: Final = 10
"""Lives between two looks at the venue's memory, which is bounded."""


@dataclass(kw_only=True)
class Barrage:
    """What came of it.

    Fields: recoveries_s: from a process's start to its first quote; proofs_s: of those that first had to
    prove that an order never came; slow: what those said that took long without that; killed: lives,
    killed_early before they quoted; halts: starts that the product refused to trade at, until the halt was
    lifted; verdict.
    """

    recoveries_s: list[float] = field(default_factory=list)
    proofs_s: list[float] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    killed: int = 0
    killed_early: int = 0
    halts: int = 0
    verdict: Verdict = field(default_factory=Verdict)

    def quantile_s(self, ratio: float) -> float:
        """Return a quantile of the recoveries, the nearest one above."""
        ranked = sorted(self.recoveries_s)
        return ranked[min(len(ranked) - 1, int(len(ranked) * ratio))]


def barrage(nursery: Nursery, folder: Path, *, kills: int, seed: int) -> Barrage:
    """Kill a bot `kills` times while it trades on a busy market, let it go on, stop it, and judge it all."""
    found, dice = Barrage(), random.Random(seed)
    with room(nursery, folder, style=BUSY) as place:
        while found.killed < kills:
            _one_life(place, found, dice)
            if found.killed % LOOK_EVERY == 0:
                place.gathered.look()
        case = Case(scenario="barrage", hurt=None)
        books = heal(place, case)
        found.verdict = judged(place, books, repeated=False)
    return found


def _wait_for_room(place: Room) -> None:
    for _ in range(LOOKS):
        if used_weight(place.url) < WEIGHT_MAX:
            return
        time.sleep(1.0)
    raise AssertionError("the venue's minute does not end")


def _one_life(place: Room, found: Barrage, dice: random.Random) -> None:
    if place.latched:
        found.halts += 1
        place.lift()
    early = dice.random() < 1 / 3
    wait_s = dice.uniform(*(START_S if early else TRADING_S))
    _wait_for_room(place)
    life = place.start_anew()
    try:
        if not early:
            until_quotes(place, life)
            took_s = time.time() - life.began_s
            (found.proofs_s if proofs(life) else found.recoveries_s).append(took_s)
            if took_s > SLOW_S and not proofs(life):
                found.slow.append(life.said())
        if life.lives_on(wait_s):
            life.kill()
            found.killed += 1
            found.killed_early += early
            return
    except LifeOver:
        pass
    assert life.code == EXIT_HALTED, f"a life ended with {life.code}: {life.said()}"
    assert place.latched, f"it halted, and nothing holds it: {life.said()}"
