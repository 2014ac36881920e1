"""How much the mid moves: an exponentially weighted mean of squared mid increments, per second.

    v <- w * v + (1 - w) * dm^2 / dt,   w = 0.5 ^ (dt / half-life)

with dm the change of the mid over one sample of dt. The first samples are averaged plainly, so that the
estimate is unbiased from the start. The mid is sampled on a fixed grid that begins at the first mid seen, not
at each event: a mid that flickers between two ticks within a sample would otherwise count as volatility.
Trade prices are not used: their bounce between bid and ask more than doubles the estimate.

Source: effective number of samples (1 + w) / (1 - w), relative error of the volatility 1 / sqrt(2 n).
Invariant: the estimate depends on the mids and their times alone, never on when it is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from mm.domain.units import NS_PER_S
from mm.domain.view import Reading
from mm.signals.base import Signal, check_length, whole
from mm.signals.mids import MidGrid, counted_samples


@dataclass(frozen=True, slots=True, kw_only=True)
class VolatilitySpec:
    """Which volatility is wanted.

    Fields:
        sample_ns: spacing of the samples, > 0: longer than the feed's latency, shorter than a quote's life.
        half_life_ns: age at which a sample counts half; 1 to 1_000_000 samples.
        samples_min: samples before the estimate is ready, >= 1; 20 know the volatility to 16 %.
    """

    sample_ns: int = 1_000_000_000
    half_life_ns: int = 60_000_000_000
    samples_min: int = 20

    def __post_init__(self) -> None:
        """Check the ranges: a strategy that asks for less is wrong."""
        assert self.sample_ns > 0
        assert self.sample_ns <= self.half_life_ns <= 1_000_000 * self.sample_ns
        assert self.samples_min >= 1

    def start(self) -> "Volatility":
        """Return the signal before its first mid."""
        return Volatility(self)


def averaged(samples: int, variance: float, square_per_s: float, ended: int, past: float) -> float:
    """Return the variance after `ended` >= 1 more samples: the first one is `square_per_s`, the others are 0.

    Args: samples: that `variance` holds; past: weight of the past, per sample. While 1 / n exceeds the weight
    of a new sample, the n-th is averaged plainly.
    """
    first = samples + 1
    fresh = max(1 - past, 1 / first)
    variance = variance * (1 - fresh) + fresh * square_per_s
    plain = max(0, min(ended - 1, int(1 / (1 - past)) - first))
    return variance * (first / (first + plain) * past ** (ended - 1 - plain))


@final
class Volatility(Signal):
    """Variance of the mid per second, in half ticks squared; its root is the volatility.

    Between two changes the mid is known to stand still, so that a silent market counts as calm. A mid that
    comes back changed after a gap in the data counts as one large move: wider quotes, never narrower ones.
    """

    __slots__ = ("_grid", "_samples", "_spec", "_variance", "_weight")

    def __init__(self, spec: VolatilitySpec) -> None:
        """Start without a mid."""
        self._spec = spec
        self._weight = 0.5 ** (spec.sample_ns / spec.half_life_ns)  # of the past, per sample
        self._grid = MidGrid(spec.sample_ns)
        self._samples = 0
        self._variance = 0.0

    def on_mid(self, ts_ns: int, mid_half_ticks: int) -> None:
        """Take in a new mid, in half ticks; samples that end before it see the mid that stood until now."""
        ended = self._grid.ended(ts_ns)
        if ended > 0:
            self._samples, self._variance = self._after(ended)
            self._grid.pass_on(ended)
        self._grid.move(ts_ns, mid_half_ticks)

    def resume(self, ts_ns: int) -> None:  # noqa: ARG002 - all hooks are told alike
        """Begin a new grid: what the mid did while nobody looked is no move, nor was it calm."""
        self._grid.forget()

    def reading(self, ts_ns: int) -> Reading:
        """Return the variance as of `ts_ns`; not ready before enough samples and a first move."""
        samples, variance, ended = self._samples, self._variance, self._grid.ended(ts_ns)
        if ended > 0:
            samples, variance = self._after(ended)
        if samples < self._spec.samples_min:
            said = counted_samples(samples, self._spec.samples_min, self._grid)
            return Reading(variance, False, said)
        if variance <= 0:
            return Reading(variance, False, "volatility (a first move of the mid)")
        return Reading(variance, True)

    def state(self) -> tuple[float, ...]:
        """Return every number it remembers."""
        return (*self._grid.state(), self._samples, self._variance)

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says; raises ValueError if it is none."""
        check_length(state, 5)
        self._grid.restore(state[:3])
        self._samples, self._variance = whole(state, 3), state[4]

    def _after(self, ended: int) -> tuple[int, float]:
        # Count and estimate after `ended` >= 1 more samples: the first holds the whole move, the others none.
        grid, sample_ns = self._grid, self._spec.sample_ns
        move = grid.last_half_ticks - grid.sample_half_ticks
        square_per_s = move * move * NS_PER_S / sample_ns
        variance = averaged(self._samples, self._variance, square_per_s, ended, self._weight)
        return self._samples + ended, variance
