"""A sweep: a scenario once unhurt to count its calls, then once for each call, hurt there. Bounded."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.builders.crash_case import Case, run_case
from tests.builders.crash_hurt import FILES, Hurt, Kind, Operation, Place
from tests.builders.crash_nursery import Nursery
from tests.builders.crash_scenarios import Scenario

POINTS_MAX: Final = 60
"""Calls of one class that are hurt one by one; of more, all of the first half and a spread of the rest."""

WORKERS: Final = 3
"""Cases at once: most of their time they wait for the venue."""


def chosen(count: int, most: int = POINTS_MAX) -> list[int]:
    """Return which of `count` calls are hurt, from 1: all, or `most` of them."""
    if count <= most:
        return list(range(1, count + 1))
    first, rest = most // 2, most - most // 2
    return [*range(1, first + 1), *(first + (count - first) * step // rest for step in range(1, rest + 1))]


def kills(dry: Case, most: int = POINTS_MAX) -> list[Hurt]:
    """Return a kill at each call of every class that the unhurt scenario made."""
    return [
        Hurt(operation=operation, place=place, nth=number, kind=Kind.KILL)
        for (operation, place), count in sorted(dry.calls.items())
        if place in FILES or place in (Place.NET, Place.CONTROL)
        for number in chosen(count, most)
    ]


def errors(dry: Case, most: int) -> list[Hurt]:
    """Return errors of the disk at the calls that the unhurt scenario made: broken once, full for good."""
    found = []
    for (operation, place), count in sorted(dry.calls.items()):
        if place in FILES:
            found += [
                Hurt(operation=operation, place=place, nth=number, kind=Kind.EIO)
                for number in chosen(count, most)
            ]
    writes = sum(
        n for (operation, place), n in dry.calls.items() if operation is Operation.WRITE and place in FILES
    )
    found += [
        Hurt(operation=Operation.WRITE, place=Place.DISK, nth=number, kind=Kind.ENOSPC, lasting=True)
        for number in chosen(writes, most)
    ]
    return found


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
