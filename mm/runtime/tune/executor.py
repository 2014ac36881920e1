"""What runs tasks for us: some processes of this machine, or a cluster; the same interface, the same results.

A task is a callable that goes to another process by its name with plain data; it is run once, or again where
its worker was lost. Nothing here knows what tasks do. Invariant: each submitted number comes back exactly
once, with a value or an error, in whatever order.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

ATTEMPTS_MAX: Final = 3
"""Times that a task is begun; one that lost so many workers takes them with it."""

AHEAD: Final = 2
"""Tasks per worker that are handed out before they are asked for, so that none waits for the next one."""

Task = Callable[[], object]
"""Picklable: a `functools.partial` of a function of a module and plain data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A task that came back. Fields: number: as submitted; value: what it returned; error: what it raised
    in place of that; attempts: how often it was begun.
    """

    number: int
    value: object = None
    error: Exception | None = None
    attempts: int = 1


class Executor(Protocol):
    """Runs tasks. Whoever made it closes it."""

    @property
    def workers(self) -> int:
        """How many tasks run at once; of a cluster as far as it is known now, at least 1."""

    def submit(self, number: int, task: Task) -> None:
        """Take in a task under a number that no other one bears."""

    def next_done(self, timeout_s: float | None = None) -> Done | None:
        """Return a task that came back; None if none is under way, or none came within that time."""

    def close(self) -> None:
        """End what is still under way and every process that was started here; may be called twice."""


def in_order(executor: Executor, tasks: Iterable[Task]) -> Iterator[object]:
    """Yield what the tasks return in their order, however fast each worker is; holds few at a time.

    Raises: what the first task in order that failed raised; later ones are left to `close`.
    """
    waiting = enumerate(tasks)
    early: dict[int, Done] = {}
    handed = told = 0
    more = True
    while True:
        while more and handed - told < AHEAD * max(1, executor.workers) + 2:
            following = next(waiting, None)
            more = following is not None
            if following is not None:
                executor.submit(*following)
                handed += 1
        if told == handed:
            return
        while told not in early:
            done = executor.next_done()
            assert done is not None  # a task that was not told of yet is under way
            early[done.number] = done
        found = early.pop(told)
        told += 1
        if found.error is not None:
            raise found.error
        yield found.value
