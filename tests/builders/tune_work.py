"""Tasks and plans of searches without a market: quick, and the same in any process."""

import os
import signal
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from math import exp
from pathlib import Path
from random import Random

from mm.analytics.performance import Sums
from mm.errors import ConfigError, RecordingDamaged
from mm.runtime.tune.executor import Done, Task
from mm.runtime.tune.local import call
from mm.runtime.tune.score import Outcome
from mm.runtime.tune.space import Dimension, Point

WINDOWS = 4
AVERSION = 0.01


def dimensions() -> tuple[Dimension, ...]:
    """Return a range of each kind."""
    return (
        Dimension(key="pair.btc.params.width", origin="s:1", low=Decimal("0.1"), high=Decimal(10), log=True),
        Dimension(key="pair.btc.params.levels", origin="s:2", low=Decimal(1), high=Decimal(9), whole=True),
        Dimension(
            key="pair.btc.params.skew", origin="s:3", low=Decimal(0), high=Decimal(1), step=Decimal("0.05")
        ),
        Dimension(key="pair.btc.params.kind", origin="s:4", choices=('"near"', '"far"')),
    )


def outcome(gains: Sequence[float], *, fills: int = 10, messages: int = 60) -> Outcome:
    """Return the outcome of a backtest with these gains a minute."""
    first, second, third, fourth = (sum(gain**power for gain in gains) for power in (1, 2, 3, 4))
    loss = sum(exp(-AVERSION * gain) for gain in gains)
    return Outcome(
        sums=Sums(len(gains), first, second, third, fourth, loss),
        aversion=AVERSION,
        drawdown_quote=max(0.0, -min(gains)),
        both_s=30.0 * len(gains),
        watched_s=60.0 * len(gains),
        messages=messages,
        fills=fills,
        net_quote=sum(gains),
        turnover_quote=1_000.0,
        digest="d",
        made="by hand",
    )


def worth(point: Point, world: int, window: int) -> Outcome:
    """Return an outcome that is best at width 2, five levels, no skew and near; noise by window."""
    width, levels = float(point["pair.btc.params.width"]), int(point["pair.btc.params.levels"])
    skew = float(point["pair.btc.params.skew"])
    level = 1.0 - abs(width - 2) / 4 - abs(levels - 5) / 8 - skew - (point["pair.btc.params.kind"] == '"far"')
    dice = Random(f"{sorted(point.items())} {window}")
    return outcome([level - world / 10 + dice.gauss(0, 0.3) for _ in range(20)], messages=10 * levels)


class HandPlan:
    """A plan whose trials cost nothing. Fields: worlds; windows; training; begun: points that were run."""

    def __init__(self, worlds: int = 2) -> None:
        """Have so many worlds."""
        self.worlds: Sequence[object] = tuple(range(worlds))
        self.windows: Sequence[object] = tuple(range(WINDOWS))
        self.training: Sequence[int] = (0, 2)
        self.begun: list[Point] = []

    def refusal(self, point: Point) -> str:
        """Refuse the widest with the most levels, as a config may."""
        self.begun.append(point)
        return "contradiction" if point["pair.btc.params.levels"] == "9" else ""

    def task(self, point: Point, world: int, window: int) -> Task:
        """Return the task of an outcome."""
        return partial(worth, dict(point), world, window)


class ShuffledWorkers:
    """An executor in this process whose tasks come back in an order of its own. Fields: left: tasks until the
    interrupt that it makes, None for none.
    """

    def __init__(self, seed: int, workers: int = 3, left: int | None = None) -> None:
        """Shuffle by a seed."""
        self.workers = workers
        self.left = left
        self._dice = Random(seed)
        self._queue: deque[tuple[int, Task]] = deque()

    def submit(self, number: int, task: Task) -> None:
        """Take in a task."""
        self._queue.append((number, task))

    def next_done(self, timeout_s: float | None = None) -> Done | None:
        """Run one of the first few that wait."""
        if not self._queue or timeout_s == 0.0:
            return None
        if self.left is not None:
            if not self.left:
                os.kill(os.getpid(), signal.SIGINT)
                return None
            self.left -= 1
        self._queue.rotate(-self._dice.randrange(min(len(self._queue), 2 * self.workers)))
        number, task = self._queue.popleft()
        is_value, answer = call(task)
        if is_value:
            return Done(number=number, value=answer)
        assert isinstance(answer, Exception)
        return Done(number=number, error=answer)

    def close(self) -> None:
        """Forget what waits."""
        self._queue.clear()


# ---- tasks for processes


def square(value: int) -> int:
    """Return the square."""
    return value * value


def process_of(value: int) -> tuple[int, int, str]:
    """Return the value, who computed it, and with how many threads."""
    return value, os.getpid(), os.environ.get("OMP_NUM_THREADS", "")


def broken(value: int) -> int:
    """Raise what no error of ours is."""
    raise ZeroDivisionError(f"no {value}")


def damaged(value: int) -> int:
    """Raise an error of ours with fields of its own."""
    raise RecordingDamaged(f"tape {value}: damaged", path="tape", line=value, hint="copy it again")


def not_taken(value: int) -> int:
    """Refuse a point as a market does."""
    raise ConfigError("smaller than a lot")


def unsendable(value: int) -> object:
    """Return what goes through no line."""
    return lambda: value


def dies_until(marks: Path, times: int, value: int) -> int:
    """End its process as a kernel without memory does, so many times; then return the value."""
    seen = len(list(marks.glob(f"{value}.*")))
    if seen < times:
        (marks / f"{value}.{seen}").write_text("", encoding="utf-8")
        os.kill(os.getpid(), signal.SIGKILL)
    return value
