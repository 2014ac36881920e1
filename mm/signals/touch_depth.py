"""How fast market orders thin out behind the first price that they meet: whether the tick is large.

Prints of one venue time (or of one local time where the venue tells none) and one aggressor are one market
order; j is the distance of its deepest print from its first, in ticks, censored at J. With u the number of
orders with j < J, over the last orders, each forgotten exponentially by those after it:

    p = u / (sum of min(j, J) + 1 + u),    k * tick = -ln(1 - p)

The one stands for an order that goes a tick farther than all that were seen: where every order stops at the
touch, p would be 1 and k without bound. It errs towards small ticks. Needs no mid: in a market of one price a
side there is no depth to fit, and that is what this is to find out.

Value: k * tick. more: (orders that count, weighted). The order under way counts once the next one begins.
Source: maximum likelihood of a geometric law, right-censored, as in `mm.signals.intensity`.
Invariant: the value is finite and above 0 whenever it is ready.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p
from typing import final

from mm.domain.sides import Side
from mm.domain.view import Reading
from mm.signals.base import Signal, check_length, counted


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchDepthSpec:
    """Which depth is wanted.

    Fields: orders: mean life of an order, in orders after it, >= 2. orders_min: market orders before it is
    ready, 1 to less than `orders`. steps: J, ticks at which the depth is censored, >= 1.
    """

    orders: int = 1_000
    orders_min: int = 50
    steps: int = 15

    def __post_init__(self) -> None:
        """Check the ranges: a strategy that asks for less is wrong."""
        assert self.orders >= 2
        assert 1 <= self.orders_min < self.orders
        assert self.steps >= 1

    def start(self) -> "TouchDepth":
        """Return the signal before its first trade."""
        return TouchDepth(self)


def decay_per_tick(uncensored: float, total_steps: float) -> float:
    """Return k * tick. Args: both >= 0; steps: of all orders together, each at most J."""
    return -log1p(-uncensored / (total_steps + 1.0 + uncensored))


@final
class TouchDepth(Signal):
    """k * tick of the market orders behind the touch."""

    __slots__ = ("_deepest", "_first", "_key", "_orders", "_sign", "_spec", "_steps", "_uncensored")

    def __init__(self, spec: TouchDepthSpec) -> None:
        """Start without a trade."""
        self._spec = spec
        self._orders = self._uncensored = self._steps = 0.0
        self._key = self._sign = 0  # of the order under way, sign 0 = none
        self._first = self._deepest = 0  # prices of it

    def on_trade(
        self,
        ts_ns: int,
        price_ticks: int,
        size_atoms: int,  # noqa: ARG002 - all hooks are told alike
        aggressor: Side,
        venue_ms: int = 0,
    ) -> None:
        """Take in a print: of the market order under way, or the first of a new one."""
        key, sign = venue_ms or ts_ns, aggressor.sign
        if key == self._key and sign == self._sign:
            self._first = sign * min(sign * self._first, sign * price_ticks)
            self._deepest = sign * max(sign * self._deepest, sign * price_ticks)
            return
        self._orders, self._uncensored, self._steps = self._counted()
        self._key, self._sign, self._first, self._deepest = key, sign, price_ticks, price_ticks

    def reading(self, ts_ns: int) -> Reading:  # noqa: ARG002 - time alone changes nothing
        """Return k * tick; not ready before enough market orders."""
        least = self._spec.orders_min
        if self._orders < least or self._uncensored <= 0:
            return Reading(0.0, False, counted("market orders", int(self._orders), least))
        return Reading(decay_per_tick(self._uncensored, self._steps), True, "", (self._orders,))

    def state(self) -> tuple[float, ...]:
        """Return every number it remembers."""
        sums = (self._orders, self._uncensored, self._steps)
        return (*sums, self._key, self._sign, self._first, self._deepest)

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says; raises ValueError if it is none."""
        check_length(state, 7)
        self._orders, self._uncensored, self._steps = state[:3]
        self._key, self._sign, self._first, self._deepest = map(int, state[3:])

    def _counted(self) -> tuple[float, float, float]:
        # The sums with the order under way.
        if not self._sign:
            return self._orders, self._uncensored, self._steps
        kept, most = 1.0 - 1.0 / self._spec.orders, self._spec.steps
        steps = min(most, abs(self._deepest - self._first))
        return (
            self._orders * kept + 1.0,
            self._uncensored * kept + (steps < most),
            self._steps * kept + steps,
        )
