"""The search itself: trials are asked for, run as tasks by whoever there is, kept, and told in their order.

A window of `lag` trials is under way. Trial n is asked for right after trial n - lag was told, never earlier
and never later, and trials are told in the order of their numbers: so each draw sees the same trials,
however many workers there are and whichever is faster; a fast worker goes on with the other trials of the
window meanwhile. Invariant: a result is kept in the study before anything is made of it.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from mm.errors import ConfigError
from mm.runtime.tune.executor import Done, Executor, Task
from mm.runtime.tune.score import Objective, Outcome, Outcomes
from mm.runtime.tune.space import Point
from mm.runtime.tune.study import Kept, TuneStudy

LAG: Final = 8
"""Trials under way at once, unless another number is given."""

REFUSED_MAX: Final = 20
"""If so many trials cannot be and no other one could, the search ends."""

LOOK_S: Final = 0.5
"""Longest time until an interrupt is seen."""

Progress = Callable[[int, str], object]
"""Takes how many trials have a result, and what to say."""


class Plan(Protocol):
    """What trials are made of."""

    @property
    def worlds(self) -> Sequence[object]:
        """Ways to make fills."""

    @property
    def training(self) -> Sequence[int]:
        """Numbers of the windows that count for the search."""

    @property
    def windows(self) -> Sequence[object]:
        """Of the data, those that are tested on included."""

    def refusal(self, point: Point) -> str:
        """Return why a point cannot be run, "" if it can."""

    def task(self, point: Point, world: int, window: int) -> Task:
        """Return the task that returns an `Outcome`."""


@dataclass(slots=True)
class _UnderWay:
    # A trial whose tasks run: what came back of them, by their place.
    found: dict[int, Outcome]
    point: Point
    left: int


class Search:
    """One search. Fields: finished: trials that have a result or were refused."""

    def __init__(
        self, study: TuneStudy, plan: Plan, executor: Executor, objectives: Sequence[Objective]
    ) -> None:
        """Search with an open study."""
        self._study, self._plan, self._executor = study, plan, executor
        self._objectives = tuple(objectives)
        self._windows = len(plan.windows)
        self._per_trial = len(plan.worlds) * self._windows
        self._under_way: dict[int, _UnderWay] = {}
        self._ready: dict[int, Outcomes | str] = {}
        self._known: dict[tuple[str, ...], Outcomes] = {}
        self._told = self._asked = 0
        self.finished = 0
        self.best: float | None = None

    def run(self, trials: int, progress: Progress) -> None:
        """Go on until the study has so many trials with a result, or until it is interrupted.

        An interrupt counts between two steps, after what had come back was kept; a second one at once.
        Raises: KeyboardInterrupt; what a task raised that is no fault of its parameters. The study is usable
        as it is then.
        """
        with _interrupts() as interrupted:
            self._take_up(trials)
            self._tell_ready(trials)
            progress(self.finished, self._words())
            while self._told < trials:
                done = self._executor.next_done(LOOK_S)
                if done is not None:
                    self._take(done)
                    self._tell_ready(trials)
                    progress(self.finished, self._words())
                if interrupted():
                    self._keep_what_came()
                    raise KeyboardInterrupt

    # ---- asking

    def _take_up(self, trials: int) -> None:
        # What is there of an earlier life: told, finished but not told, or begun.
        for kept in self._study.trials():
            if kept.result is not None:
                self._known[tuple(kept.point.values())] = outcomes_of(kept.result)
            if kept.told:
                self._told += 1
                self.finished += 1
                self._note_best(kept)
            elif kept.result is not None:
                self._ready[kept.number] = outcomes_of(kept.result)
                self.finished += 1
            self._asked += 1
        for number in range(self._told, min(trials, self._asked)):
            if number not in self._ready:
                self._begin(number)
        self._fill(trials)

    def _fill(self, trials: int) -> None:
        while self._asked < min(trials, self._told + self._study.lag):
            self._begin(self._asked)
            self._asked += 1

    def _begin(self, number: int) -> None:
        point = self._study.ask(number)
        refusal = self._plan.refusal(point)
        if refusal:
            self._ready[number] = refusal
            self.finished += 1
            return
        known = self._known.get(tuple(point.values()))
        if known is not None:
            # The same backtests give the same results: they are not run again.
            self._finish(number, known)
            return
        self._under_way[number] = _UnderWay({}, point, self._per_trial)
        for place in range(self._per_trial):
            world, window = divmod(place, self._windows)
            self._executor.submit(number * self._per_trial + place, self._plan.task(point, world, window))

    # ---- taking in

    def _take(self, done: Done) -> None:
        number, place = divmod(done.number, self._per_trial)
        trial = self._under_way.get(number)
        if trial is None:
            return  # another of its tasks has said that it cannot be
        if done.error is not None:
            self._refuse_or_raise(number, done.error)
            return
        assert isinstance(done.value, Outcome)
        trial.found[place] = done.value
        trial.left -= 1
        if trial.left:
            return
        del self._under_way[number]
        windows = range(self._windows)
        starts = range(0, self._per_trial, self._windows)
        rows = [[trial.found[start + at] for at in windows] for start in starts]
        self._known[tuple(trial.point.values())] = outcomes = Outcomes(rows)
        self._finish(number, outcomes)

    def _finish(self, number: int, outcomes: Outcomes) -> None:
        self._study.keep(number, [[one.row() for one in row] for row in outcomes.rows])
        self._ready[number] = outcomes
        self.finished += 1

    def _refuse_or_raise(self, number: int, error: Exception) -> None:
        # What a market does not take (a size below its lot) shows when a session begins. Its subclasses are
        # about data, and no fault of a point.
        if type(error) is not ConfigError:
            raise error
        del self._under_way[number]
        self._ready[number] = str(error)
        self.finished += 1

    def _tell_ready(self, trials: int) -> None:
        # One is told, one is asked for: never two told before the next is asked for.
        while self._told in self._ready and self._told < trials:
            number, ready = self._told, self._ready.pop(self._told)
            if isinstance(ready, str):
                self._study.refuse(number, ready)
                self._require_any(ready)
            else:
                values = [ready.value(one, self._plan.training) for one in self._objectives]
                self._study.tell(number, values)
                self._see(values[0])
            self._told += 1
            self._fill(trials)

    def _require_any(self, refusal: str) -> None:
        # Where none of so many was taken, it is not the points.
        if self.best is None and self._told + 1 >= REFUSED_MAX:
            raise ConfigError(
                f"none of the first {self._told + 1} trials can be: {refusal}",
                hint="look at the config, or at other ranges",
            )

    def _keep_what_came(self) -> None:
        while (done := self._executor.next_done(0.0)) is not None:
            if done.error is None:
                self._take(done)

    def _note_best(self, kept: Kept) -> None:
        if kept.result is not None:
            self._see(outcomes_of(kept.result).value(self._objectives[0], self._plan.training))

    def _see(self, value: float) -> None:
        better = max if self._objectives[0].is_maximised else min
        self.best = value if self.best is None else better(self.best, value)

    def _words(self) -> str:
        return "trials" if self.best is None else f"trials, best {self.best:.4g}"


def outcomes_of(result: object) -> Outcomes:
    """Return the outcomes that were kept of a trial; raises StateCorrupt if they are none."""
    rows = result if isinstance(result, list) else []
    return Outcomes([[Outcome.of_row(row) for row in world] for world in rows])


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    # A step is not torn apart: it writes into the study. In a thread there is nothing to be caught.
    asked: list[int] = []

    def note(number: int, _frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
