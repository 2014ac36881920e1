"""How often market orders come, and how deep they reach: A and k of the rate A * exp(-k * distance).

Prints of one venue time (or of one local time where the venue tells none) and one aggressor are one market
order; its depth is the distance of its deepest print from the mid that stood just before. Orders that reach
the near end of the band or deeper count, n of them in T seconds; depth beyond that in whole steps is j,
censored at J. With u the number of j < J:

    p = u / (sum of min(j, J) + u),    k = -ln(1 - p) / step,    A = n / (sides * T) * exp(k * near)

Value: k per basis point of the mid. more: (A per second and side, relative error of k, n that counts, misfit:
the largest distance of the shares that reached each step from (1 - p)^step, and the misfit that is too much:
beyond it the flow is not exponential in the band, and the reading says so).
The step is a tick and the near end half a tick, unless the spec says otherwise: real flow is not exponential,
so that k holds for the band that it was fitted in. Nearer than half the spread that stood before an order
there is nothing to reach, so that the band begins there where that is more, as far across as it was: the law
forgets where it began. A takes the mean near end of the orders that count.

Source: maximum likelihood of a geometric law, right-censored; variance of p: p^2 (1 - p) / u. With forgetting
all sums are weighted, and errors are those of (sum w)^2 / (sum w^2) orders. Misfit: Kolmogorov, Smirnov; its
bound: Stephens 1974, an exponential law fitted to the same numbers, 5 %. Steps and a censored end make the
distances of what is exponential smaller, so that less than that is doubted without cause.
Invariant: time counts only while the book is known; nothing is divided by what can be 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, log1p, sqrt
from typing import Final, final

from mm.domain.seen import SeenTop
from mm.domain.sides import BUY, Side
from mm.domain.units import NS_PER_S, PPM, PPM_PER_BPS
from mm.domain.view import Reading
from mm.signals.base import Signal, check_length, counted, known_to, left_text
from mm.signals.decay import LIFE_PER_HALF, share_kept, time_weight_s
from mm.signals.mids import MidTrail

SHARE_MIN: Final = 1e-9
"""So near to 0 or 1 is no share of orders that an estimate could be made of."""

ORDERS: Final = {
    0: "deep enough market orders",
    1: "deep enough buy orders",
    -1: "deep enough sell orders",
}
"""What is counted, by `IntensitySpec.sides`: orders that reach the near end of the band."""

NOT_EXPONENTIAL: Final = "market orders do not thin out exponentially there"
"""What is said of a misfit, before the numbers."""

ORDERS_TOLD: Final = 10
"""With fewer nothing is said of how long more take."""

FIXED: Final = 14
"""Numbers of a state before orders by step and mids; the last of them says how many are about mids."""

SLACK: Final = 1e-6
"""So far may orders by step be from all orders, of these: what is forgotten is rounded on either side."""

EXPONENT_MAX: Final = 50.0
"""Largest k * near that A is given for: farther from the mid nothing about the mid can be known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntensitySpec:
    """Which intensity is wanted.

    Fields:
        near_ppm: near end of the band, parts per million of the mid; 0 = half a tick. Half the spread where
            that is more.
        step_ppm: width of a step of depth, rounded to whole ticks, at least one. steps: J, at which depth is
            censored, >= 1.
        sides: 0 = both; 1 = buy orders alone, which reach asks; -1 = sell orders alone.
        half_life_ns: age at which an order counts half; 0 = all count alike.
        orders_min: market orders before it is ready, >= 1. error_ppm_max: largest relative error of k then.
        lag_ns: how long before a print's arrival the mid is the one "just before".
    """

    near_ppm: int = 0
    step_ppm: int = 0
    steps: int = 15
    sides: int = 0
    half_life_ns: int = 1_800_000_000_000
    orders_min: int = 100
    error_ppm_max: int = 100_000
    lag_ns: int = 2_000_000

    def __post_init__(self) -> None:
        """Check the ranges: a strategy that asks for less is wrong."""
        assert self.near_ppm >= 0
        assert self.step_ppm >= 0
        assert self.steps >= 1
        assert self.sides in (-1, 0, 1)
        assert self.half_life_ns >= 0
        assert self.orders_min >= 1
        assert self.error_ppm_max > 0
        assert self.lag_ns >= 0

    def start(self) -> "Intensity":
        """Return the signal before its first mid."""
        return Intensity(self)


def depth_steps(depth: float, near: float, step: float, steps: int) -> int:
    """Return how many whole steps an order went beyond the near end, up to `steps`; -1 if it fell short."""
    return min(steps, int((depth - near) // step)) if depth >= near else -1


def geometric_share(uncensored: float, total_steps: float) -> float:
    """Return p, the probability to stop at each step. Args: both >= 0 and not both 0."""
    return uncensored / (total_steps + uncensored)


def decay_per_step(share: float) -> float:
    """Return k per step. Args: share: p of the geometric law, 0 <= p < 1."""
    return -log1p(-share)


def decay_error(share: float, uncensored: float) -> float:
    """Return the relative standard error of k. Args: share: 0 < p < 1; uncensored: orders, > 0."""
    return share / (sqrt(uncensored * (1.0 - share)) * decay_per_step(share))


def rate_at_mid(orders: float, side_seconds: float, exponent: float) -> float:
    """Return A per second and side. Args: side_seconds: > 0; exponent: k * near."""
    return orders / side_seconds * exp(exponent)


def misfit(tally: Sequence[float], share: float) -> float:
    """Return the largest distance of the shares of orders that reached each step from those of the law.

    Args: tally: orders (or their weights) by step, the censored ones last, > 0 in all; share: p.
    """
    whole = left = sum(tally)
    law, worst = 1.0, 0.0
    for ended in tally[:-1]:
        left -= ended
        law *= 1.0 - share
        worst = max(worst, abs(left / whole - law))
    return worst


def misfit_most(orders: float) -> float:
    """Return the misfit that is too much for an exponential law. Args: orders: that it was fitted to, > 0."""
    root = sqrt(orders)
    return 1.094 / (root + 0.26 + 0.5 / root) + 0.2 / orders


def orders_left_s(count: float, wanted: float, rate_per_s: float, life_s: float) -> float:
    """Return how long a steady flow takes until `wanted` orders count, seconds; infinity: they never do.

    Args: count: that count now, 0 < count < wanted; rate_per_s: > 0; life_s: mean life of what is forgotten,
    infinity: nothing is. So long after its start 2 * rate * life * tanh(t / (2 * life)) count.
    """
    most = 2 * rate_per_s * life_s
    if most == inf:
        return (wanted - count) / rate_per_s
    if wanted >= most:
        return inf
    return life_s * log((most - count) * (most + wanted) / ((most + count) * (most - wanted)))


@final
class Intensity(Signal):
    """k per basis point, A per second and side."""

    __slots__ = (
        "_depth_steps",
        "_group",
        "_group_mid",
        "_group_side",
        "_group_spread",
        "_near_steps",
        "_orders",
        "_orders_squared",
        "_since_ns",
        "_spec",
        "_spreads",
        "_tally",
        "_time_s",
        "_total_steps",
        "_trail",
        "_uncensored",
        "_watched",
    )

    def __init__(self, spec: IntensitySpec) -> None:
        """Start without a mid."""
        self._spec = spec
        self._trail = MidTrail(spec.lag_ns)
        self._spreads = MidTrail(spec.lag_ns)  # best ask less best bid in ticks: half of it in half ticks
        self._orders = 0.0  # sum of weights
        self._orders_squared = 0.0  # sum of their squares
        self._uncensored = 0.0
        self._total_steps = 0.0
        self._near_steps = 0.0  # the near end in steps, of the orders that count
        self._tally = [0.0] * (spec.steps + 1)  # orders by their steps, the censored ones last
        self._time_s = 0.0  # weighted
        self._since_ns = 0  # to when the sums are weighted
        self._watched = 0  # whether the time since then counts
        self._group = self._group_side = 0  # time and side of the market order under way
        self._group_mid = 0  # the mid before it, 0 = it does not count
        self._group_spread = 0  # the spread before it, ticks; 0 = not known
        self._depth_steps = -1  # its steps so far, -1 = not yet in the band

    def on_mid(self, ts_ns: int, mid_half_ticks: int) -> None:
        """Take in a new mid; from the first one on time counts."""
        if not self._watched:
            self._pass(ts_ns)
            self._watched = 1
        self._trail.move(ts_ns, mid_half_ticks)

    def on_top(self, ts_ns: int, bid_ticks: int, bid_atoms: int, ask_ticks: int, ask_atoms: int) -> None:  # noqa: ARG002 - all hooks are told alike
        """Take in how far the best prices are apart."""
        spread_ticks = ask_ticks - bid_ticks
        if spread_ticks != self._spreads.last_half_ticks:
            self._spreads.move(ts_ns, spread_ticks)

    def on_tops(self, tops: Sequence[SeenTop]) -> None:
        """Take in several tops: only how far they are apart is looked at."""
        spreads = self._spreads
        for _, ts_ns, bid_ticks, _, ask_ticks, _, _ in tops:
            if ask_ticks - bid_ticks != spreads.last_half_ticks:
                spreads.move(ts_ns, ask_ticks - bid_ticks)

    def on_lost(self, ts_ns: int) -> None:
        """Let no time count, and no order, before the next mid."""
        self._pass(ts_ns)
        self._watched = self._group_mid = 0
        self._forget_book()

    def resume(self, ts_ns: int) -> None:
        """Let nothing be forgotten for a time that was not watched, and none of it count."""
        self._since_ns, self._watched, self._group_mid = ts_ns, 0, 0
        self._forget_book()

    def on_trade(
        self,
        ts_ns: int,
        price_ticks: int,
        size_atoms: int,  # noqa: ARG002 - all hooks are told alike
        aggressor: Side,
        venue_ms: int = 0,
    ) -> None:
        """Take in a print: the first of a market order, or a deeper one."""
        sign = 1 if aggressor is BUY else -1
        if self._spec.sides == -sign:
            return
        group = venue_ms or ts_ns
        if (group, sign) != (self._group, self._group_side):
            self._pass(ts_ns)
            self._group, self._group_side, self._depth_steps = group, sign, -1
            self._group_mid = self._trail.at(ts_ns) if self._watched else 0
            self._group_spread = self._spreads.at(ts_ns)
        if self._group_mid:
            near, step = self._band(self._group_mid)
            near = max(near, self._group_spread)
            depth = sign * (2 * price_ticks - self._group_mid)
            self._reach(depth_steps(depth, near, step, self._spec.steps), near / step)

    def reading(self, ts_ns: int) -> Reading:
        """Return k as of `ts_ns`; not ready before there are enough orders and k is known well enough."""
        spec, squared = self._spec, self._orders_squared
        count = self._orders * self._orders / squared if squared > 0 else 0.0
        mid = self._trail.last_half_ticks
        share = geometric_share(self._uncensored, self._total_steps) if count else 0.0
        is_share = SHARE_MIN < share < 1 - SHARE_MIN
        error = decay_error(share, self._uncensored) * sqrt(squared / self._orders) if is_share else inf
        missing = self._missing(ts_ns, count, error)
        if count < spec.orders_min or not (mid and is_share):
            return Reading(0.0, False, missing)
        _, step = self._band(mid)
        per_step = decay_per_step(share)
        value = per_step / step * mid * PPM_PER_BPS / PPM
        if missing:
            return Reading(value, False, missing)
        exponent = per_step * self._near_steps / self._orders
        side_seconds = self._time_until(ts_ns) * (1 if spec.sides else 2)
        if exponent > EXPONENT_MAX or side_seconds <= 0:
            return Reading(value, False, "market orders nearer to the mid, over some time")
        rate = rate_at_mid(self._orders_until(ts_ns), side_seconds, exponent)
        distance, most = misfit(self._tally, share), misfit_most(count)
        doubt = ""
        if distance > most:
            doubt = f"{NOT_EXPONENTIAL}: distance {distance:.3f}, at most {most:.3f}"
        return Reading(value, True, "", (rate, error, count, distance, most), doubt)

    def _missing(self, ts_ns: int, count: float, error: float) -> str:
        # All that is waited for, how far it is, and how long yet. Args: error: of k, infinity: not known.
        spec, missing = self._spec, []
        most = spec.error_ppm_max / PPM
        is_vague = most < error < inf
        if count < spec.orders_min:
            # The one estimate is that of all, and stands first: what is read where the line is cut.
            left = "" if is_vague else self._left(ts_ns, count, spec.orders_min)
            missing.append(counted(ORDERS[spec.sides], int(count), spec.orders_min, left))
        if not self._trail.last_half_ticks:
            missing.append("a mid")
        if error == inf and count >= spec.orders_min:
            missing.append("market orders of different depth")
        elif error == inf:
            missing.append(f"a fill decay known to {most * 100:g} % (now unknown)")
        elif is_vague:
            left = self._left(ts_ns, count, max(spec.orders_min, count * (error / most) ** 2))
            missing.insert(0, known_to(most * 100, error, left))
        return ", ".join(missing)

    def _left(self, ts_ns: int, count: float, wanted: float) -> str:
        # How long it takes until as many orders count; "" before there are enough to tell.
        time_s = self._time_until(ts_ns)
        if count < ORDERS_TOLD or time_s <= 0:
            return ""
        half_life_ns = self._spec.half_life_ns
        life_s = half_life_ns / NS_PER_S * LIFE_PER_HALF if half_life_ns else inf
        left_s = orders_left_s(count, wanted, self._orders_until(ts_ns) / time_s, life_s)
        return left_text(left_s * NS_PER_S, "about ")

    def state(self) -> tuple[float, ...]:
        """Return every number it remembers."""
        mids = self._trail.state()
        return (
            self._orders,
            self._orders_squared,
            self._uncensored,
            self._total_steps,
            self._near_steps,
            self._time_s,
            self._since_ns,
            self._watched,
            self._group,
            self._group_side,
            self._group_mid,
            self._group_spread,
            self._depth_steps,
            len(mids),
            *self._tally,
            *mids,
            *self._spreads.state(),
        )

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says; raises ValueError if it is none."""
        begin = FIXED + self._spec.steps + 1
        check_length(state, begin, 2)
        told, tally = state[FIXED - 1], list(map(float, state[FIXED:begin]))
        if not 0 <= told <= len(state) - begin or told % 2:
            raise ValueError(f"a state with {told:g} numbers about mids, expected pairs that are there")
        if not abs(sum(tally) - state[0]) <= SLACK * max(1.0, state[0]):
            raise ValueError(f"a state with {sum(tally):g} orders by depth, expected {state[0]:g}")
        mids = state[begin : begin + int(told)]
        self._tally = tally
        self._orders, self._orders_squared, self._uncensored, self._total_steps = state[:4]
        self._near_steps, self._time_s = state[4:6]
        self._since_ns, self._watched, self._group, self._group_side = map(int, state[6:10])
        self._group_mid, self._group_spread, self._depth_steps = map(int, state[10:13])
        self._trail.restore(mids)
        self._spreads.restore(state[begin + len(mids) :])

    def _forget_book(self) -> None:
        self._trail.forget()
        self._spreads.forget()

    def _band(self, mid_half_ticks: int) -> tuple[float, float]:
        # Near end and step in half ticks.
        spec = self._spec
        near = spec.near_ppm * mid_half_ticks / PPM if spec.near_ppm else 1.0
        # Whole ticks: finer there are empty steps between the prices, which would look like thinner flow, and
        # a step that is no multiple of them has now more prices in it, now fewer.
        return near, 2.0 * max(1, round(spec.step_ppm * mid_half_ticks / (2 * PPM)))

    def _pass(self, ts_ns: int) -> None:
        # Weigh all sums as of `ts_ns`.
        kept = share_kept(ts_ns - self._since_ns, self._spec.half_life_ns)
        self._time_s = self._time_until(ts_ns)
        self._orders *= kept
        self._orders_squared *= kept * kept
        self._uncensored *= kept
        self._total_steps *= kept
        self._near_steps *= kept
        self._tally = [number * kept for number in self._tally]
        self._since_ns = ts_ns

    def _time_until(self, ts_ns: int) -> float:
        elapsed_ns, half_life_ns = ts_ns - self._since_ns, self._spec.half_life_ns
        fresh = time_weight_s(elapsed_ns, half_life_ns) if self._watched else 0.0
        return self._time_s * share_kept(elapsed_ns, half_life_ns) + fresh

    def _orders_until(self, ts_ns: int) -> float:
        return self._orders * share_kept(ts_ns - self._since_ns, self._spec.half_life_ns)

    def _reach(self, steps: int, near_steps: float) -> None:
        # The order under way is now known to have gone so far beyond the near end.
        before, censored = self._depth_steps, self._spec.steps
        if steps <= before:
            return
        if before < 0:
            self._orders += 1.0
            self._orders_squared += 1.0
            self._uncensored += 1.0
            self._near_steps += near_steps
            before = 0
        else:
            self._tally[before] = max(0.0, self._tally[before] - 1.0)
        self._tally[steps] += 1.0
        self._total_steps += steps - before
        if steps == censored:
            self._uncensored = max(0.0, self._uncensored - 1.0)
        self._depth_steps = steps
