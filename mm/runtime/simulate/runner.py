"""Many seeds, one after the other or in several processes, and what they amount to together.

The sum does not depend on how many processes there were: outcomes come in the order of their seeds. It can be
broken off between two seeds; what there is then is told.
"""

import multiprocessing
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Final

from mm.runtime.simulate.coverage import Rows
from mm.runtime.simulate.faults import SLOW_TRIPS, total
from mm.runtime.simulate.looks import total_looks
from mm.runtime.simulate.plan import Outcome, Plan, plan_of
from mm.runtime.simulate.story import Failure, failure_of, only, shortest, weakened
from mm.runtime.simulate.world import run_world

ROWS_EXPECTED_STEPS: Final = 300_000
"""From so many steps with all faults on, every row of the order table has to be visited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be simulated.

    Fields: seeds: how many; first: the first one; steps: of each under faults; profile: the mix of faults;
    jobs: processes; only: kinds of faults that are left on, None for all that are drawn; strength: percent
    of the intensities that are drawn.
    """

    seeds: int
    steps: int
    first: int = 1
    profile: str = "all"
    jobs: int = 1
    only: tuple[str, ...] | None = None
    strength: int = 100

    def plan(self, seed: int) -> Plan:
        """Return the plan of a seed."""
        plan = plan_of(seed, profile=self.profile, steps=self.steps)
        if self.only is not None:
            plan = only(plan, self.only)
        return weakened(plan, self.strength) if self.strength != plan.strength else plan

    @property
    def expects_rows(self) -> bool:
        """Whether it is large enough that every row of the order table has to be visited."""
        is_whole = self.profile == "all" and self.only is None and self.strength == 100
        return is_whole and self.seeds * self.steps >= ROWS_EXPECTED_STEPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A seed that was run.

    Fields: outcome: None if it broke; broken: the invariant, "" if none; lives, crashes, faults, rows, looks:
    of it, as far as it went, slow trips among the faults; seconds: it took.
    """

    seed: int
    steps: int
    outcome: Outcome | None
    broken: str
    lives: int
    crashes: int
    faults: dict[str, int]
    rows: dict[str, int]
    looks: dict[str, tuple[int, int]]
    seconds: float


@dataclass(slots=True, kw_only=True)
class Total:
    """What the seeds amount to so far.

    Fields: order: what was asked for; seeds, steps, lives, crashes: counted; fault_steps: those of the steps
    in which faults happened, the rest heal and come to rest; kinds: how often each fault happened;
    slow_trips: ways of more than `LONG_WAY_NS`, not among the faults; looks: judgements that were due, and
    how many of them were not made, by name; rows: of the order table; worst_ppm: largest share of the allowed
    exposure, of the seeds that held; seconds: of all processes; broken: the seeds that broke, each with its
    invariant; is_cut: it was broken off; digests: of each seed, in order.
    """

    order: Order
    seeds: int = 0
    steps: int = 0
    fault_steps: int = 0
    lives: int = 0
    crashes: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    slow_trips: int = 0
    looks: dict[str, tuple[int, int]] = field(default_factory=dict)
    rows: Rows = field(default_factory=Rows)
    worst_ppm: int = 0
    seconds: float = 0.0
    broken: dict[int, str] = field(default_factory=dict)
    is_cut: bool = False
    digests: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """A hash of every seed's commands and end."""
        return sha256("\n".join(self.digests).encode()).hexdigest()

    @property
    def failed(self) -> int | None:
        """The first seed that broke, None if none did."""
        return next(iter(self.broken), None)

    @property
    def violated(self) -> dict[str, int]:
        """In how many seeds each invariant broke, by its name."""
        return dict(sorted(Counter(self.broken.values()).items()))

    @property
    def faults(self) -> int:
        """How many faults happened."""
        return sum(self.kinds.values())

    @property
    def lacks_rows(self) -> bool:
        """Whether a row of the order table was not visited although it had to be."""
        return self.order.expects_rows and not self.is_cut and self.rows.visited < self.rows.total

    @property
    def is_good(self) -> bool:
        """Whether all was run, nothing broke, and everything that had to be visited was."""
        return not self.is_cut and not self.broken and not self.lacks_rows

    def add(self, done: Done) -> None:
        """Add the next seed."""
        self.seeds += 1
        self.steps += done.steps
        self.fault_steps += min(done.steps, self.order.steps)
        self.seconds += done.seconds
        self.lives += done.lives
        self.crashes += done.crashes
        faults = {kind: number for kind, number in done.faults.items() if kind != SLOW_TRIPS}
        self.kinds = total((self.kinds, faults))
        self.slow_trips += done.faults.get(SLOW_TRIPS, 0)
        self.looks = total_looks((self.looks, done.looks))
        self.rows.add(done.rows)
        outcome = done.outcome
        if outcome is None:
            self.broken[done.seed] = done.broken
            self.digests.append(f"{done.seed} {done.broken} {done.steps}")
            return
        self.worst_ppm = max(self.worst_ppm, outcome.worst_ppm)
        self.digests.append(f"{done.seed} {outcome.stream} {outcome.digest}")

    def failure(self) -> Failure | None:
        """Return the first seed that broke, as short as it can be made; runs it again, many times."""
        if self.failed is None:
            return None
        found = failure_of(self.order.plan(self.failed))
        return None if found is None else shortest(found)

    def fields(self) -> dict[str, object]:
        """Return the figures."""
        rate = round(self.steps / self.seconds) if self.seconds else 0
        return {
            "seeds": self.seeds,
            "first": self.order.first,
            "steps": self.steps,
            "fault_steps": self.fault_steps,
            "faults": self.faults,
            "slow_trips": self.slow_trips,
            "violations": len(self.broken),
            "violated": self.violated,
            "broken": [{"seed": seed, "invariant": name} for seed, name in self.broken.items()],
            "fault_kinds": self.kinds,
            "state_rows_visited": self.rows.visited,
            "state_rows": self.rows.total,
            "state_rows_missing": list(self.rows.missing()),
            "state_rows_required": self.order.expects_rows,
            "lives": self.lives,
            "crashes": self.crashes,
            "looked_away": {
                name: {"due": due, "away": away, "ratio": round(away / due, 4)}
                for name, (due, away) in self.looks.items()
            },
            "worst_exposure_ratio": round(self.worst_ppm / 1_000_000, 4),
            "steps_per_s": rate,
            "digest": self.digest,
            "complete": not self.is_cut,
        }


def run_seed(seed: int, *, order: Order) -> Done:
    """Run one seed of an order."""
    began = time.process_time()
    world, broken = run_world(order.plan(seed))
    return Done(
        seed=seed,
        steps=world.steps,
        outcome=world.outcome if broken is None else None,
        broken="" if broken is None else broken.invariant,
        lives=world.machine.starts,
        crashes=world.crashes,
        faults=dict(sorted(world.luck.counts.items())),
        rows=world.rows.by_name(),
        looks=dict(sorted(world.checks.scene.looks.counts.items())),
        seconds=time.process_time() - began,
    )


@contextmanager
def running(order: Order) -> Iterator[Iterator[Done]]:
    """Give the seeds of an order as they are done, in their order; what still runs at the end is ended."""
    seeds = range(order.first, order.first + order.seeds)
    if order.jobs <= 1:
        yield (run_seed(seed, order=order) for seed in seeds)
        return
    with multiprocessing.get_context("spawn").Pool(order.jobs, initializer=_leave_signals) as pool:
        yield pool.imap(partial(run_seed, order=order), seeds)


def _leave_signals() -> None:
    # What interrupts the command interrupts its first process alone; the pool is ended by that.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
