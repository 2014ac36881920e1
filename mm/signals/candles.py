"""How much the mid moves, from the open, high, low and close of bars: more from each bar than its ends tell.

With u = high - open, d = low - open, c = close - open, variance of one bar:

    Parkinson          (high - low)^2 / (4 ln 2)                    right without drift
    Garman-Klass       (high - low)^2 / 2 - (2 ln 2 - 1) c^2        the same, and more precise
    Rogers-Satchell    u (u - c) + d (d - c)                        right with any drift

The value is the mean over the window's whole bars, in half ticks squared per second, as in `volatility`.
Seen in steps the extremes fall short: with 60 changes of the mid per bar all three lack a fifth, with 600 a
twelfth. A bar without a change is a calm bar; its open is where the one before closed.

Source: Parkinson 1980; Garman and Klass 1980; Rogers and Satchell 1991.
Invariant: no variance of a bar is below zero; the bar under way counts for nothing.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Final, final

from mm.domain.units import NS_PER_S
from mm.domain.view import Reading
from mm.signals.base import Signal, check_length, counted, left_text

BARS_MAX: Final = 1_000
"""Largest window, in bars."""

LN2: Final = log(2)

METHODS: Final = ("parkinson", "garman_klass", "rogers_satchell")
"""The estimates by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CandlesSpec:
    """Which variance is wanted.

    Fields: method: "parkinson", "garman_klass" or "rogers_satchell". bar_ns: length of a bar, > 0. bars: of
    the window, up to `BARS_MAX`. bars_min: before the estimate is ready, 1 to `bars`.
    """

    method: str = "rogers_satchell"
    bar_ns: int = 10_000_000_000
    bars: int = 30
    bars_min: int = 10

    def __post_init__(self) -> None:
        """Check the ranges: a strategy that asks for less is wrong."""
        assert self.method in METHODS
        assert self.bar_ns > 0
        assert 1 <= self.bars_min <= self.bars <= BARS_MAX

    def start(self) -> "Candles":
        """Return the signal before its first mid."""
        return Candles(self)


def parkinson(high: float, low: float) -> float:
    """Return the variance of a bar in the square of its unit; right without drift."""
    return (high - low) ** 2 / (4.0 * LN2)


def garman_klass(open_: float, high: float, low: float, close: float) -> float:
    """Return the variance of a bar in the square of its unit; right without drift."""
    return 0.5 * (high - low) ** 2 - (2.0 * LN2 - 1.0) * (close - open_) ** 2


def rogers_satchell(open_: float, high: float, low: float, close: float) -> float:
    """Return the variance of a bar in the square of its unit; right with any drift."""
    up, down, along = high - open_, low - open_, close - open_
    return up * (up - along) + down * (down - along)


def bar_variance(method: str, open_: float, high: float, low: float, close: float) -> float:
    """Return the variance of a bar by one of `METHODS`."""
    if method == "parkinson":
        return parkinson(high, low)
    if method == "garman_klass":
        return garman_klass(open_, high, low, close)
    return rogers_satchell(open_, high, low, close)


@final
class Candles(Signal):
    """Variance of the mid per second in half ticks squared, from bars."""

    __slots__ = ("_began_ns", "_closed", "_high", "_last", "_low", "_open", "_spec")

    def __init__(self, spec: CandlesSpec) -> None:
        """Start without a mid."""
        self._spec = spec
        self._began_ns = 0
        self._open = self._high = self._low = self._last = 0  # of the bar under way; 0 before the first mid
        self._closed: deque[float] = deque(maxlen=spec.bars)  # variance of each whole bar, oldest first

    def on_mid(self, ts_ns: int, mid_half_ticks: int) -> None:
        """Take in a new mid; bars that end before it close at the mid that stood until now."""
        if not self._last:
            self._began_ns = ts_ns
            self._open = self._high = self._low = mid_half_ticks
        else:
            ended = (ts_ns - self._began_ns) // self._spec.bar_ns
            if ended > 0:
                self._closed.extend(self._ended(ended))
                self._began_ns += ended * self._spec.bar_ns
                self._open = self._high = self._low = self._last
            self._high, self._low = max(self._high, mid_half_ticks), min(self._low, mid_half_ticks)
        self._last = mid_half_ticks

    def resume(self, ts_ns: int) -> None:  # noqa: ARG002 - all hooks are told alike
        """Begin a new bar with the next mid: the one under way was not watched to its end."""
        self._began_ns = self._open = self._high = self._low = self._last = 0

    def reading(self, ts_ns: int) -> Reading:
        """Return the variance as of `ts_ns`; not ready before enough bars and a first move."""
        spec, bars = self._spec, list(self._closed)
        ended = (ts_ns - self._began_ns) // spec.bar_ns if self._last else 0
        if ended > 0:
            bars = [*bars, *self._ended(ended)][-spec.bars :]
        if len(bars) < spec.bars_min:
            left = left_text((spec.bars_min - len(bars)) * spec.bar_ns) if self._last else ""
            return Reading(0.0, False, counted("volatility", len(bars), spec.bars_min, left, "bars"))
        variance = sum(bars) / len(bars) * NS_PER_S / spec.bar_ns
        if variance <= 0:
            return Reading(0.0, False, "volatility (a move of the mid within a bar)")
        return Reading(variance, True)

    def state(self) -> tuple[float, ...]:
        """Return every number it remembers."""
        return (self._began_ns, self._open, self._high, self._low, self._last, *self._closed)

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says; raises ValueError if it is none."""
        check_length(state, 5, 1)
        self._began_ns, self._open, self._high, self._low, self._last = map(int, state[:5])
        self._closed.extend(state[5:])

    def _ended(self, ended: int) -> list[float]:
        # Variances of `ended` >= 1 bars: the one under way as it is, the others silent.
        first = float(bar_variance(self._spec.method, self._open, self._high, self._low, self._last))
        return [first, *[0.0] * min(ended - 1, self._spec.bars)]
