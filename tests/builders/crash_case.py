"""One case: a scenario whose life is hurt at one call, gone on with until it trades, stopped and judged."""

import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

from mm.errors import EXIT_CONFIG, EXIT_HALTED, EXIT_OK, EXIT_ORDERS_MAY_REMAIN, EXIT_UNREACHABLE
from tests.builders.crash_hurt import Hurt, Kind, Operation, Place
from tests.builders.crash_judge import Books, judged
from tests.builders.crash_nursery import Life, LifeOver, Nursery
from tests.builders.crash_room import SESSION, Room, room
from tests.builders.crash_scenarios import Scenario, is_active
from tests.builders.crash_tracer import tracer, tracer_works

ATTEMPTS: Final = 4
"""How often a deployment may have to be started until it trades again: a crash loop halts the next start."""

HURT_END_S: Final = 30.0
"""A life whose disk failed has to end by itself within this."""

KILLED: Final = -9

NOTHING_STARTED: Final = (EXIT_CONFIG, EXIT_UNREACHABLE)
"""What a start ends with that was refused before anything was sent that changes something."""


@dataclass(kw_only=True)
class Case:
    """How a case went.

    Fields: hurt: None for a dry run; reached: whether the call was hit; codes: of the hurt lives; recovery_s:
    from the start of the healing life until it quoted; faults: what is wrong, in words; calls: that a life
    made at most, by class, of a dry run.
    """

    scenario: str
    hurt: Hurt | None
    reached: bool = False
    codes: list[int] = field(default_factory=list)
    recovery_s: float = 0.0
    faults: list[str] = field(default_factory=list)
    calls: Counter[tuple[Operation, Place]] = field(default_factory=Counter)

    def __str__(self) -> str:
        """Return it in words."""
        told = f"{self.scenario}: {self.hurt or 'unhurt'}: ended with {self.codes}"
        return "\n  ".join([told, *self.faults])


def run_case(nursery: Nursery, folder: Path, scenario: Scenario, hurt: Hurt | None) -> Case:
    """Run one case in a room of its own."""
    case = Case(scenario=scenario.name, hurt=hurt)
    with room(nursery, folder, style=scenario.style) as place:
        try:
            scenario.prepare(place)
            for _ in range(scenario.lives):
                _hurt_life(place, scenario, case)
            books = heal(place, case)
            case.faults += judged(place, books).faults
        except (AssertionError, LifeOver) as error:
            case.faults.append(f"{type(error).__name__}: {error}")
    return case


def _hurt_life(place: Room, scenario: Scenario, case: Case) -> None:
    hurt = case.hurt
    placed = place.counters()["orders_placed"]
    if hurt is not None and hurt.place is Place.ANY and tracer_works():
        life = place.start_anew(before=tracer(hurt))
    else:
        life = place.start(hurt=hurt, traced=hurt is None)
    with contextlib.suppress(LifeOver):
        scenario.course(place, life)
    if hurt is not None and hurt.fails_the_disk:
        _ends_by_itself(life)
    case.reached |= life.was_hit or (life.traced and life.code is not None)
    if life.code is not None:
        _check_the_end(place, life, case, placed=placed)
    else:
        life.kill()
    assert life.code is not None
    case.codes.append(life.code)
    if hurt is None:
        split = (call.split(" ", 2) for call in life.calls())
        # Of several lives each is hurt at its own call of that number.
        case.calls |= Counter((Operation(operation), Place(where)) for operation, where, _ in split)


def _ends_by_itself(life: Life) -> None:
    # What failed may be something that it can do without: then it lives on, and is killed.
    end = time.monotonic() + HURT_END_S
    failing = any("failed" in str(line.get("event")) for line in life.told())
    while failing and life.code is None and time.monotonic() < end:
        life.lives_on(0.05)


def _check_the_end(place: Room, life: Life, case: Case, *, placed: int) -> None:
    if life.code == KILLED:
        return
    known = (EXIT_OK, EXIT_HALTED, EXIT_ORDERS_MAY_REMAIN, *NOTHING_STARTED)
    if life.code not in known:
        case.faults.append(f"it ended with {life.code}: {life.said()}")
    seen = place.counters()
    if life.code in (EXIT_OK, EXIT_HALTED) and seen["open_orders"]:
        case.faults.append(f"it ended with {life.code} and left {seen['open_orders']} orders")
    if life.code in NOTHING_STARTED and seen["orders_placed"] > placed:
        case.faults.append(f"it ended with {life.code}, as if nothing was started, and had placed orders")
    if case.hurt is not None and case.hurt.kind is not Kind.KILL and life.code == EXIT_OK:
        halted = any(line.get("event") == "halt" for line in life.told())
        if halted:
            case.faults.append("it halted and ended with 0")


def heal(place: Room, case: Case) -> Books:
    """Go on with a deployment until it quotes, take its quotes off, note what it says, stop it."""
    life = None
    for _ in range(ATTEMPTS):
        place.lift()
        placed = place.counters()["orders_placed"]
        life = place.start()
        try:
            life.wait_for(is_active, deadline_s=100.0)
            life.wait_until(lambda: place.counters()["orders_placed"] > placed)  # noqa: B023 - waited for here
            case.recovery_s = time.time() - life.began_s
            break
        except LifeOver:
            if life.code != EXIT_HALTED:
                raise
    assert life is not None
    assert life.code is None, "it halts at every start"
    return settled_books(place, life)


def settled_books(place: Room, life: Life) -> Books:
    """Pause a life, return what it says of itself, and stop it in good order."""
    said = place.verb("pause")
    assert said.code == EXIT_OK, said
    row = place.verb("pnl").result["sessions"][0]
    status = place.verb("status").result["sessions"][0]
    assert status["name"] == SESSION
    said = place.verb("stop")
    assert (said.code, life.wait()) == (EXIT_OK, EXIT_OK), (said, life.said())
    return Books(row=row, inventory_base=Decimal(status["inventory_base"]), since=place.settled)
