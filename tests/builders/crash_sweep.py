"""A sweep: a scenario once unhurt to count its calls, then once for each call, hurt there. Bounded."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.builders.crash_case import Case, run_case
from tests.builders.crash_hurt import FILES, Hurt, Kind, Operation, Place
from tests.builders.crash_nursery import Nursery
from tests.builders.crash_scenarios import BY_NAME, Scenario

WORKERS: Final = 8
"""Cases at once: most of their time they wait for the venue."""

HURT_PLACES: Final = FILES | {Place.NET, Place.CONTROL}

FULL: Final = (Operation.WRITE, Operation.SYNC, Operation.RENAME, Operation.SEND)
"""What a full disk or a full table refuses; what only removes or shortens makes room."""


def brisk(name: str) -> Scenario:
    """Return the scenario of this name with requests that live shorter: no wait of its own minute long."""
    scenario = BY_NAME[name]
    return replace(scenario, style=replace(scenario.style, brisk=True))


def points(dry: Case, kind: Kind) -> list[Hurt]:
    """Return a hurt of this kind at each call of every class that the unhurt scenario made.

    A kill and an error hit one call. A disk that is full refuses that write and every later one to any file.
    """
    calls = {one: count for one, count in sorted(dry.calls.items()) if one[1] in HURT_PLACES}
    if kind is not Kind.ENOSPC:
        return [
            Hurt(operation=operation, place=place, nth=number, kind=kind)
            for (operation, place), count in calls.items()
            for number in range(1, count + 1)
        ]
    to_files = [count for (operation, place), count in calls.items() if _fills_the_disk(operation, place)]
    full = [
        Hurt(operation=Operation.WRITE, place=Place.DISK, nth=number, kind=kind, lasting=True)
        for number in range(1, sum(to_files) + 1)
    ]
    return full + [
        Hurt(operation=operation, place=place, nth=number, kind=kind)
        for (operation, place), count in calls.items()
        if operation in FULL and not _fills_the_disk(operation, place)
        for number in range(1, count + 1)
    ]


def _fills_the_disk(operation: Operation, place: Place) -> bool:
    return operation is Operation.WRITE and place in FILES


def run_cases(
    nursery: Nursery,
    folder: Path,
    asked: Sequence[tuple[Scenario, Hurt | None]],
    *,
    workers: int = WORKERS,
) -> list[Case]:
    """Run cases, a few at a time; return them in the order in which they were asked for."""
    with ThreadPoolExecutor(max_workers=workers) as pool:
        rooms = [folder / f"{number:05d}" for number in range(len(asked))]
        done = pool.map(lambda one: run_case(nursery, one[0], *one[1]), zip(rooms, asked, strict=True))
        return list(done)


def told(cases: Iterable[Case]) -> str:
    """Return the cases that went wrong, in words; empty if none did."""
    return "\n".join(str(case) for case in cases if case.faults)
