"""How much the mid moved within a window: the mean of squared mid increments, per second, all weighing alike.

The mid is sampled on a fixed grid, as in `volatility`, whose unit and meaning it shares: half ticks squared
per second. A window forgets a shock all at once when it leaves; the exponential mean forgets it by and by.

Source: realised variance. Relative error of the volatility with n samples: 1 / sqrt(2 n).
Invariant: sums of squares are integers, so that nothing is lost however long it runs.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import final

from mm.domain.units import NS_PER_S
from mm.domain.view import Reading
from mm.signals.base import Signal, check_length
from mm.signals.mids import MidGrid, counted_samples

SAMPLES_MAX = 10_000
"""Largest window, in samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealisedSpec:
    """Which variance is wanted.

    Fields: sample_ns: spacing of the samples, > 0. samples: of the window, up to `SAMPLES_MAX`. samples_min:
    before the estimate is ready, 1 to `samples`.
    """

    sample_ns: int = 1_000_000_000
    samples: int = 300
    samples_min: int = 20

    def __post_init__(self) -> None:
        """Check the ranges: a strategy that asks for less is wrong."""
        assert self.sample_ns > 0
        assert 1 <= self.samples_min <= self.samples <= SAMPLES_MAX

    def start(self) -> "Realised":
        """Return the signal before its first mid."""
        return Realised(self)


def sum_of_squares(moves: Iterable[int]) -> int:
    """Return the sum of the squares of mid increments, half ticks squared."""
    return sum([move * move for move in moves])


def variance_per_s(squares: int, samples: int, sample_ns: int) -> float:
    """Return the variance per second of `samples` > 0 increments whose squares add up to `squares`."""
    return squares * NS_PER_S / (samples * sample_ns)


@final
class Realised(Signal):
    """Variance of the mid per second in half ticks squared, over a window."""

    __slots__ = ("_grid", "_moves", "_spec", "_squares")

    def __init__(self, spec: RealisedSpec) -> None:
        """Start without a mid."""
        self._spec = spec
        self._grid = MidGrid(spec.sample_ns)
        self._moves: deque[int] = deque(maxlen=spec.samples)  # increment of each sample, oldest first
        self._squares = 0

    def on_mid(self, ts_ns: int, mid_half_ticks: int) -> None:
        """Take in a new mid; samples that end before it see the mid that stood until now."""
        grid = self._grid
        ended = grid.ended(ts_ns)
        if ended > 0:
            _, self._squares = self._after(ended)
            self._moves.append(grid.last_half_ticks - grid.sample_half_ticks)
            self._moves.extend([0] * min(ended - 1, self._spec.samples))
            grid.pass_on(ended)
        grid.move(ts_ns, mid_half_ticks)

    def resume(self, ts_ns: int) -> None:  # noqa: ARG002 - all hooks are told alike
        """Begin a new grid: what the mid did while nobody looked is no move, nor was it calm."""
        self._grid.forget()

    def reading(self, ts_ns: int) -> Reading:
        """Return the variance as of `ts_ns`; not ready before enough samples and a first move."""
        spec, ended = self._spec, self._grid.ended(ts_ns)
        samples, squares = self._after(ended) if ended > 0 else (len(self._moves), self._squares)
        variance = variance_per_s(squares, samples, spec.sample_ns) if samples else 0.0
        if samples < spec.samples_min:
            return Reading(variance, False, counted_samples(samples, spec.samples_min, self._grid))
        if not squares:
            return Reading(variance, False, "volatility (a move of the mid)")
        return Reading(variance, True)

    def state(self) -> tuple[float, ...]:
        """Return every number it remembers."""
        return (*self._grid.state(), *self._moves)

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says; raises ValueError if it is none."""
        check_length(state, 3, 1)
        self._grid.restore(state[:3])
        self._moves.extend(map(int, state[3:]))
        self._squares = sum_of_squares(self._moves)

    def _after(self, ended: int) -> tuple[int, int]:
        # Samples in the window and their squares after `ended` >= 1 more, of which the first holds the move.
        window, known = self._spec.samples, len(self._moves)
        if ended > window:
            return window, 0
        move = self._grid.last_half_ticks - self._grid.sample_half_ticks
        gone = max(0, known + ended - window)
        squares = self._squares - sum_of_squares(islice(self._moves, gone)) + move * move
        return min(window, known + ended), squares
