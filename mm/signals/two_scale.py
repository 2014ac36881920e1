"""How much the mid moves when its finest moves are mostly flicker: two time scales, one correcting the other.

Over a window of n fine samples, with rv1 the sum of squared increments from sample to sample, and rvK the sum
of squared increments over K samples divided by K (the mean over the K grids that are coarser by K):

    share = (n - K + 1) / (K n),    variance = (rvK - share * rv1) / (1 - share) / (n * dt)

What bounces from sample to sample without going anywhere adds n times its square to rv1 and about n / K times
to rvK, so that it cancels. In half ticks squared per second, as in `volatility`.

Source: Zhang, Mykland and Aït-Sahalia, the two-scales realised variance with the small-sample correction.
Invariant: both sums are integers; they are those of the window, whatever was passed over at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import final

from mm.domain.units import NS_PER_S
from mm.domain.view import Reading
from mm.signals.base import Signal, check_length
from mm.signals.mids import MidGrid, counted_samples

SAMPLES_MAX = 10_000
"""Largest window, in samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoScaleSpec:
    """Which variance is wanted.

    Fields: sample_ns: spacing of the fine samples, > 0. coarse: K, fine samples in a coarse one, >= 2.
    samples: n, of the window, at least 2 K and up to `SAMPLES_MAX`; it is ready when that is full.
    """

    sample_ns: int = 200_000_000
    coarse: int = 25
    samples: int = 600

    def __post_init__(self) -> None:
        """Check the ranges: a strategy that asks for less is wrong."""
        assert self.sample_ns > 0
        assert self.coarse >= 2
        assert 2 * self.coarse <= self.samples <= SAMPLES_MAX

    def start(self) -> "TwoScale":
        """Return the signal before its first mid."""
        return TwoScale(self)


def two_scale_variance(fine: int, coarse: int, samples: int, scale: int) -> float:
    """Return the variance over a window in half ticks squared; it can come out below zero.

    Args: fine: sum of squared increments; coarse: the same over `scale` samples; samples: n >= 2 * scale.
    """
    share = (samples - scale + 1) / scale / samples
    return (coarse / scale - share * fine) / (1.0 - share)


class Window:
    """The last mids and both sums of squares over them.

    Fields: fine, coarse: sums of squared increments over one sample, and over `scale` of them.
    """

    __slots__ = ("_full", "_mids", "_next", "_scale", "coarse", "fine")

    def __init__(self, samples: int, scale: int) -> None:
        """Start without a mid. Args: samples: increments that fit in; scale: of the coarse ones."""
        self._full, self._scale = samples + 1, scale
        self._mids: list[int] = []  # a ring once it is full
        self._next = 0  # where the next one goes then
        self.fine = self.coarse = 0

    @property
    def samples(self) -> int:
        """Increments that are in it; -1 without any mid."""
        return len(self._mids) - 1

    def copy(self) -> "Window":
        """Return one of its own that holds the same."""
        made = Window(self._full - 1, self._scale)
        made._mids, made._next = self._mids[:], self._next
        made.fine, made.coarse = self.fine, self.coarse
        return made

    def mids(self) -> list[int]:
        """Return the mids, oldest first."""
        return self._mids[self._next :] + self._mids[: self._next]

    def push(self, mid: int) -> None:
        """Take in the mid of one more sample."""
        mids, scale, full = self._mids, self._scale, self._full
        known = len(mids)
        if known == full:
            at = self._next
            oldest = mids[at]
            self.fine -= (mids[(at + 1) % full] - oldest) ** 2
            self.coarse -= (mids[(at + scale) % full] - oldest) ** 2
            mids[at] = mid
            self._next = (at + 1) % full
        else:
            at = known
            mids.append(mid)
        if known:
            self.fine += (mid - mids[at - 1]) ** 2
        if known >= scale:
            self.coarse += (mid - mids[at - scale]) ** 2

    def push_same(self, mid: int, samples: int) -> None:
        """Take in the same mid for `samples`: more than a whole window of it looks like a whole one."""
        for _ in range(min(samples, self._full)):
            self.push(mid)

    def go_on_at(self, mid: int) -> None:
        """Shift all mids, so that the newest is `mid`: increments are what they were."""
        if not self._mids:
            self.push(mid)
            return
        shift = mid - self._mids[self._next - 1]
        self._mids = [one + shift for one in self._mids]


@final
class TwoScale(Signal):
    """Variance of the mid per second in half ticks squared, without its flicker."""

    __slots__ = ("_grid", "_spec", "_window")

    def __init__(self, spec: TwoScaleSpec) -> None:
        """Start without a mid."""
        self._spec = spec
        self._grid = MidGrid(spec.sample_ns)
        self._window = Window(spec.samples, spec.coarse)

    def on_mid(self, ts_ns: int, mid_half_ticks: int) -> None:
        """Take in a new mid; samples that end before it see the mid that stood until now."""
        grid = self._grid
        ended = grid.ended(ts_ns)
        if ended > 0:
            self._window.push_same(grid.last_half_ticks, ended)
            grid.pass_on(ended)
        elif not grid.last_half_ticks:
            self._window.go_on_at(mid_half_ticks)
        grid.move(ts_ns, mid_half_ticks)

    def resume(self, ts_ns: int) -> None:  # noqa: ARG002 - all hooks are told alike
        """Begin a new grid: what the mid did while nobody looked is no move, nor was it calm."""
        self._grid.forget()

    def reading(self, ts_ns: int) -> Reading:
        """Return the variance as of `ts_ns`; not ready before the window is full and shows a move."""
        spec, window, ended = self._spec, self._window, self._grid.ended(ts_ns)
        if ended > 0:
            window = window.copy()
            window.push_same(self._grid.last_half_ticks, ended)
        if window.samples < spec.samples:
            said = counted_samples(max(0, window.samples), spec.samples, self._grid)
            return Reading(0.0, False, said)
        whole = two_scale_variance(window.fine, window.coarse, spec.samples, spec.coarse)
        if whole <= 0:
            return Reading(0.0, False, "volatility (a move of the mid that is more than flicker)")
        return Reading(whole * NS_PER_S / (spec.samples * spec.sample_ns), True)

    def state(self) -> tuple[float, ...]:
        """Return every number it remembers; of the window the first mid and all moves, which are short."""
        mids = self._window.mids()
        return (*self._grid.state(), *mids[:1], *[after - before for before, after in pairwise(mids)])

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says; raises ValueError if it is none."""
        check_length(state, 3, 1)
        self._grid.restore(state[:3])
        for mid in accumulate(map(int, state[3:])):
            self._window.push(mid)
