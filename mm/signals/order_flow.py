"""Order-flow imbalance of the top of the book, and what it tells of the mid: in its interval and the next.

Each change of the top adds

    e = [bid >= before] bid size - [bid <= before] bid size before
      - [ask <= before] ask size + [ask >= before] ask size before

and e is summed over intervals of equal length. Two regressions through the origin, forgotten exponentially:
the move of the mid in the interval on its own flow, and the move in the interval after it on that flow.

Value: the move of the mid in half ticks that the last whole interval's flow leads to expect in the one after
it. more: (that flow in base atoms, half ticks per atom within the interval, R squared of that, half ticks per
atom in the next interval, R squared of that).
An interval during which the book was lost counts for nothing.

Source: Cont, Kukanov and Stoikov 2014. Invariant: sums of squares are never below zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from mm.domain.view import Reading
from mm.signals.base import Signal, check_length, counted, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFlowSpec:
    """Which flow is wanted.

    Fields: interval_ns: over which it is summed, > 0. half_life_ns: age at which an interval counts half, at
    least one interval. intervals_min: before it is ready, >= 2.
    """

    interval_ns: int = 1_000_000_000
    half_life_ns: int = 600_000_000_000
    intervals_min: int = 60

    def __post_init__(self) -> None:
        """Check the ranges: a strategy that asks for less is wrong."""
        assert 0 < self.interval_ns <= self.half_life_ns
        assert self.intervals_min >= 2

    def start(self) -> "OrderFlow":
        """Return the signal before its first top."""
        return OrderFlow(self)


def bid_flow(price: int, size: int, price_before: int, size_before: int) -> int:
    """Return what a change of the best bid adds: size that came less size that went."""
    return (size if price >= price_before else 0) - (size_before if price <= price_before else 0)


def ask_flow(price: int, size: int, price_before: int, size_before: int) -> int:
    """Return what a change of the best ask adds: size that went less size that came."""
    return (size_before if price >= price_before else 0) - (size if price <= price_before else 0)


def slope(squares: float, products: float) -> float:
    """Return y per x of a regression through the origin. Args: sums of x^2 and x y; 0 without any x."""
    return products / squares if squares > 0 else 0.0


def determination(squares: float, products: float, responses: float) -> float:
    """Return R squared, 0 to 1. Args: sums of x^2, x y and y^2."""
    both = squares * responses
    return min(1.0, products * products / both) if both > 0 else 0.0


@final
class OrderFlow(Signal):
    """Move of the mid, half ticks, that is expected of the next interval."""

    __slots__ = (
        "_ask",
        "_ask_size",
        "_began_ns",
        "_bid",
        "_bid_size",
        "_count",
        "_flow",
        "_flow_before",
        "_is_chained",
        "_known",
        "_mid",
        "_spec",
        "_sums",
        "_weight",
    )

    def __init__(self, spec: OrderFlowSpec) -> None:
        """Start without a top."""
        self._spec = spec
        self._weight = 0.5 ** (spec.interval_ns / spec.half_life_ns)  # of the past, per interval
        self._known = self._is_chained = 0  # a top; a whole interval right before the one under way
        self._began_ns = 0
        self._bid = self._bid_size = self._ask = self._ask_size = 0
        self._flow = 0.0  # of the interval under way, so far
        self._mid = 0  # at its begin
        self._flow_before = 0.0  # of the interval before it
        self._count = 0  # whole intervals
        # Of x x, x y, y y: with the move in the interval itself, then with the move in the next one.
        self._sums = [0.0] * 6

    def on_top(self, ts_ns: int, bid_ticks: int, bid_atoms: int, ask_ticks: int, ask_atoms: int) -> None:
        """Take in a new top; intervals that end before it are done."""
        if self._known:
            ended = (ts_ns - self._began_ns) // self._spec.interval_ns
            if ended > 0:
                self._end(ended)
            self._flow += bid_flow(bid_ticks, bid_atoms, self._bid, self._bid_size)
            self._flow += ask_flow(ask_ticks, ask_atoms, self._ask, self._ask_size)
        else:
            self._known, self._is_chained, self._began_ns = 1, 0, ts_ns
            self._flow, self._mid = 0.0, bid_ticks + ask_ticks
        self._bid, self._bid_size, self._ask, self._ask_size = bid_ticks, bid_atoms, ask_ticks, ask_atoms

    def on_lost(self, ts_ns: int) -> None:  # noqa: ARG002 - all hooks are told alike
        """Drop the interval under way; the next one begins with the next top."""
        self._known = self._is_chained = 0

    def resume(self, ts_ns: int) -> None:
        """Begin a new interval with the next top: the one under way was not watched to its end."""
        self.on_lost(ts_ns)

    def reading(self, ts_ns: int) -> Reading:
        """Return the expected move as of `ts_ns`; not ready before enough intervals with flow and moves."""
        spec = self._spec
        if self._count < spec.intervals_min:
            return Reading(0.0, False, counted("intervals of order flow", self._count, spec.intervals_min))
        inner, products, moves, outer, next_products, next_moves = self._sums
        if inner <= 0 or outer <= 0 or moves <= 0:
            return Reading(0.0, False, "order flow that moves the mid")
        ended = (ts_ns - self._began_ns) // spec.interval_ns if self._known else 0
        if not self._known or (not self._is_chained and ended <= 0):
            return Reading(0.0, False, "a whole interval of order flow")
        # The first interval that ended has what flowed since it began, the silent ones after it nothing.
        flow = 0.0 if ended > 1 else self._flow if ended == 1 else self._flow_before
        ahead = slope(outer, next_products)
        now_fit = determination(inner, products, moves)
        next_fit = determination(outer, next_products, next_moves)
        return Reading(ahead * flow, True, "", (flow, slope(inner, products), now_fit, ahead, next_fit))

    def state(self) -> tuple[float, ...]:
        """Return every number it remembers."""
        top = (self._known, self._is_chained, self._began_ns)
        book = (self._bid, self._bid_size, self._ask, self._ask_size)
        return (*top, *book, self._flow, self._mid, self._flow_before, self._count, *self._sums)

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says; raises ValueError if it is none."""
        check_length(state, 17)
        self._known, self._is_chained, self._began_ns = map(int, state[:3])
        self._bid, self._bid_size, self._ask, self._ask_size = map(int, state[3:7])
        self._flow, self._mid, self._flow_before, self._count = (
            state[7],
            whole(state, 8),
            state[9],
            whole(state, 10),
        )
        self._sums = list(state[11:])

    def _end(self, ended: int) -> None:
        # The interval under way, which holds all the flow, and silent ones behind it.
        self._count += ended
        mid = self._bid + self._ask
        self._take(self._flow, mid - self._mid)
        if ended > 1:
            self._take(0.0, 0)
            kept = self._weight ** (ended - 2)
            self._sums = [number * kept for number in self._sums]
        self._began_ns += ended * self._spec.interval_ns
        self._flow, self._mid = 0.0, mid

    def _take(self, flow: float, move: int) -> None:
        # One whole interval: its move against its own flow, and against that of the one before.
        sums, kept, before = self._sums, self._weight, self._flow_before
        sums[0] = sums[0] * kept + flow * flow
        sums[1] = sums[1] * kept + flow * move
        sums[2] = sums[2] * kept + move * move
        chained = 1.0 if self._is_chained else 0.0
        sums[3] = sums[3] * kept + before * before * chained
        sums[4] = sums[4] * kept + before * move * chained
        sums[5] = sums[5] * kept + move * move * chained
        self._flow_before, self._is_chained = flow, 1
