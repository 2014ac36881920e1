"""A sweep in parts: a share of its points, and what an earlier part has done already.

Invariant: a point belongs to exactly one share, however many calls a life happens to make; only a point that
was reached and found well is taken for done.
"""

import json
import os
import shutil
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.builders.crash_case import Case, run_case
from tests.builders.crash_hurt import Hurt
from tests.builders.crash_nursery import Nursery
from tests.builders.crash_scenarios import Scenario
from tests.builders.crash_sweep import WORKERS

SHARD: Final = "MM_SWEEP_SHARD"
"""`i/n`: the i-th of n shares, from 1. Without it all points."""

RECORD: Final = "MM_SWEEP_RECORD"
"""Path of a file that every point that went well is added to; those in it are not run again."""

TRIES: Final = 3
"""How often a point is run until it is reached: calls that follow the market come sooner or later."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One of several shares. Fields: index: from 1; of: how many there are."""

    index: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        """Check the values; raises ValueError."""
        if not 1 <= self.index <= self.of:
            raise ValueError(f"{SHARD} was {self.index}/{self.of}, expected 1/n to n/n")

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Return the share that is asked for; raises ValueError if that is no share."""
        index, _, of = environ.get(SHARD, "1/1").partition("/")
        return cls(index=int(index), of=int(of or 0))

    def takes(self, hurt: Hurt) -> bool:
        """Return whether a point is in this share. Each class of calls is dealt out beginning elsewhere."""
        start = zlib.crc32(f"{hurt.kind}{hurt.operation}{hurt.place}".encode())
        return (start + hurt.nth) % self.of == self.index - 1


class Record:
    """Points that went well."""

    def __init__(self, path: Path | None) -> None:
        """Read what is there. Args: path: None keeps nothing."""
        self._path = path
        self._done: set[tuple[str, str]] = set()
        self._writing = threading.Lock()
        if path is not None and path.exists():
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            self._done = {(row["scenario"], row["hurt"]) for row in rows}

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Return the record that is asked for."""
        path = environ.get(RECORD)
        return cls(Path(path) if path else None)

    def holds(self, scenario: str, hurt: Hurt) -> bool:
        """Return whether a point was done before."""
        return (scenario, str(hurt)) in self._done

    def note(self, case: Case) -> None:
        """Add a case, if it was reached and nothing is wrong with it."""
        if self._path is None or case.hurt is None or case.faults or not case.reached:
            return
        line = json.dumps({"scenario": case.scenario, "hurt": str(case.hurt), "codes": case.codes})
        with self._writing, self._path.open("a") as file:
            file.write(line + "\n")


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What a part of a sweep covered.

    Fields: there: points that the scenario has; share: of them in this share; before: of those done earlier;
    cases: run now, each as often as it took to reach its call.
    """

    there: int
    share: int
    before: int
    cases: list[Case]

    @property
    def covered(self) -> int:
        """Points that were reached, now or earlier."""
        return self.before + sum(case.reached for case in self.cases)


def sweep(
    nursery: Nursery,
    folder: Path,
    scenario: Scenario,
    hurts: Sequence[Hurt],
    *,
    shard: Shard,
    record: Record,
) -> Swept:
    """Run the points of a share that were not done before, side by side."""
    mine = [hurt for hurt in hurts if shard.takes(hurt)]
    due = [hurt for hurt in mine if not record.holds(scenario.name, hurt)]

    def one(number: int, hurt: Hurt) -> Case:
        case = _reached(lambda at: run_case(nursery, folder / f"{number:05d}-{at}", scenario, hurt))
        record.note(case)
        if not case.faults:
            for place in folder.glob(f"{number:05d}-*"):
                shutil.rmtree(place, ignore_errors=True)
        return case

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        cases = list(pool.map(one, range(len(due)), due))
    return Swept(there=len(hurts), share=len(mine), before=len(mine) - len(due), cases=cases)


def _reached(run: Callable[[int], Case]) -> Case:
    case = run(0)
    for number in range(1, TRIES):
        if case.reached or case.faults:
            break
        case = run(number)
    return case
