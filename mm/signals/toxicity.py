"""How one-sided the flow of market orders is, beyond what chance makes of it: VPIN less its noise floor.

Volume is cut into buckets of equal size V. With the volume bought and sold by takers (the tape says who took,
so that nothing is guessed),

    VPIN = mean of |bought - sold| / V over the last buckets

Fair coins alone are not balanced: of n orders of one size, the expected value is

    floor(n) = C(n, n/2) / 2^n   for even n,   about sqrt(2 / (pi n))

For orders of different size n is V^2 / (sum of squared sizes), and the binomial coefficient that of the gamma
function. Prints of one venue time and one aggressor are one order.

Value: VPIN less the mean floor; 0 is chance, at most 1. more: (VPIN, mean floor, V in base atoms now).
Source: Easley, López de Prado and O'Hara 2012; the floor is exact. Invariant: a bucket's parts add up to V;
an order that does not fit in is cut.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, exp, lgamma, log, pi
from typing import Final, final

from mm.domain.sides import BUY, Side
from mm.domain.view import Reading
from mm.signals.base import Signal, check_length, counted

BUCKETS_MAX: Final = 1_000

ATOMS_MAX: Final = 2**62
"""Largest bucket: what does not fit into 64 bits could not be written down."""

ORDERS_KEPT: Final = 0.998
"""Weight of the past in the mean size of an order, per order: half is of the last 350."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToxicitySpec:
    """Which buckets are wanted.

    Fields: orders: market orders of mean size that fill a bucket, >= 2; the size is that of the time when the
    bucket begins. bucket_atoms: its size in base atoms instead, 0 = by `orders`. buckets: of the mean, which
    is ready when all are full.
    """

    orders: int = 50
    bucket_atoms: int = 0
    buckets: int = 50

    def __post_init__(self) -> None:
        """Check the ranges: a strategy that asks for less is wrong."""
        assert self.orders >= 2
        assert 0 <= self.bucket_atoms <= ATOMS_MAX
        assert 1 <= self.buckets <= BUCKETS_MAX

    def start(self) -> "Toxicity":
        """Return the signal before its first trade."""
        return Toxicity(self)


def expected_imbalance(orders: int, buy_share: float) -> float:
    """Return the expected |bought - sold| / all of `orders` > 0 orders of one size, each a buy by chance."""
    return (
        sum(
            abs(2 * buys - orders)
            * comb(orders, buys)
            * buy_share**buys
            * (1.0 - buy_share) ** (orders - buys)
            for buys in range(orders + 1)
        )
        / orders
    )


def noise_floor(orders: float) -> float:
    """Return the expected imbalance of `orders` >= 1 fair ones, exact for even numbers."""
    half = orders / 2.0
    return min(1.0, exp(lgamma(half + 0.5) - lgamma(half + 1.0) - 0.5 * log(pi)))


@final
class Toxicity(Signal):
    """VPIN less its noise floor."""

    __slots__ = (
        "_bought",
        "_floors",
        "_group",
        "_group_atoms",
        "_group_side",
        "_imbalances",
        "_order_size",
        "_orders",
        "_sold",
        "_spec",
        "_squares",
        "_volume",
    )

    def __init__(self, spec: ToxicitySpec) -> None:
        """Start without a trade."""
        self._spec = spec
        self._imbalances: deque[float] = deque(maxlen=spec.buckets)
        self._floors: deque[float] = deque(maxlen=spec.buckets)
        self._volume = spec.bucket_atoms  # of the bucket under way, 0 = before the first trade
        self._bought = self._sold = 0  # of it
        self._squares = 0.0  # sum of its orders' squared sizes
        self._group = self._group_side = self._group_atoms = 0  # the order under way, as far as it is in it
        self._orders = 0  # so far
        self._order_size = 0.0  # weighted mean

    def on_trade(
        self,
        ts_ns: int,
        price_ticks: int,  # noqa: ARG002 - all hooks are told alike
        size_atoms: int,
        aggressor: Side,
        venue_ms: int = 0,
    ) -> None:
        """Take in a print; buckets that it fills are done."""
        if size_atoms <= 0:
            return
        sign, group = 1 if aggressor is BUY else -1, venue_ms or ts_ns
        is_new = (group, sign) != (self._group, self._group_side)
        if is_new:
            self._group, self._group_side, self._group_atoms = group, sign, 0
            self._orders += 1
        # Mean size of an order: volume per order, both forgotten by order; plainly at first.
        fresh = max(1.0 - ORDERS_KEPT, 1.0 / self._orders)
        self._order_size += fresh * (size_atoms - self._order_size if is_new else size_atoms)
        if not self._volume:
            self._begin()
        room = self._volume - self._bought - self._sold
        cut = 0
        while size_atoms >= room and cut < self._spec.buckets:
            self._add(sign, room)
            size_atoms -= room
            self._end()
            self._begin()
            room, cut = self._volume, cut + 1
        self._add(sign, size_atoms % room)

    def reading(self, ts_ns: int) -> Reading:  # noqa: ARG002 - all hooks are told alike
        """Return the excess over the whole buckets; not ready before there are enough."""
        spec, full = self._spec, len(self._imbalances)
        if full < spec.buckets:
            return Reading(0.0, False, counted("buckets of volume", full, spec.buckets))
        vpin, floor = sum(self._imbalances) / full, sum(self._floors) / full
        return Reading(vpin - floor, True, "", (vpin, floor, self._volume))

    def state(self) -> tuple[float, ...]:
        """Return every number it remembers."""
        bucket = (self._volume, self._bought, self._sold, self._squares)
        order = (self._group, self._group_side, self._group_atoms, self._orders, self._order_size)
        pairs = [number for pair in zip(self._imbalances, self._floors, strict=True) for number in pair]
        return (*bucket, *order, *pairs)

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says; raises ValueError if it is none."""
        check_length(state, 9, 2)
        self._volume, self._bought, self._sold = map(int, state[:3])
        self._squares = state[3]
        self._group, self._group_side, self._group_atoms, self._orders = map(int, state[4:8])
        self._order_size = state[8]
        self._imbalances.extend(state[9::2])
        self._floors.extend(state[10::2])

    def _begin(self) -> None:
        self._volume = self._spec.bucket_atoms or min(
            ATOMS_MAX, max(1, round(self._spec.orders * self._order_size))
        )
        self._bought = self._sold = self._group_atoms = 0
        self._squares = 0.0

    def _add(self, sign: int, size_atoms: int) -> None:
        if sign > 0:
            self._bought += size_atoms
        else:
            self._sold += size_atoms
        before = self._group_atoms
        self._group_atoms = before + size_atoms
        self._squares += float(self._group_atoms**2 - before**2)

    def _end(self) -> None:
        self._imbalances.append(abs(self._bought - self._sold) / self._volume)
        self._floors.append(noise_floor(max(1.0, float(self._volume) ** 2 / self._squares)))
