"""How heavy the last market order was against what usually stands at the touch, and which way it pushed.

    value = sign * size of the last market order / mean size at a best price

sign: 1 for a buyer, -1 for a seller. Prints of one venue time (or of one local time where the venue tells
none) and one aggressor are one market order. The mean is over both best prices and over time, each top
weighing as long as it stood, forgotten exponentially with the mean life of a window. After a while the
impulse is over and the value 0.

Source: the queue-based quoting of large-tick markets, where it stands beside the weighted mid (quant.md 2.8).
Invariant: time counts only while the book is known; nothing is divided by what can be 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import final

from mm.domain.sides import Side
from mm.domain.units import NS_PER_S
from mm.domain.view import Reading
from mm.signals.base import Signal, check_length, whole
from mm.signals.decay import share_kept, time_weight_s


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeImpulseSpec:
    """Which impulse is wanted.

    Fields: life_ns: how long after a market order its impulse counts, > 0. window_ns: mean life of the mean
    size at the touch, > 0. known_ns_min: time that the touch was seen before it is ready, > 0.
    """

    life_ns: int = 1_000_000_000
    window_ns: int = 60_000_000_000
    known_ns_min: int = 10_000_000_000

    def __post_init__(self) -> None:
        """Check the ranges: a strategy that asks for less is wrong."""
        assert self.life_ns > 0
        assert self.window_ns > 0
        assert self.known_ns_min > 0

    def start(self) -> "TradeImpulse":
        """Return the signal before its first top."""
        return TradeImpulse(self)


def mean_size(weighted: float, weight: float) -> float:
    """Return the mean of sizes whose sum is `weighted`; 0 where they weigh nothing."""
    return weighted / weight if weight > 0 else 0.0


@final
class TradeImpulse(Signal):
    """The last market order in mean sizes of the touch, signed."""

    __slots__ = (
        "_half_life_ns",
        "_key",
        "_known",
        "_known_ns",
        "_ordered_ns",
        "_sign",
        "_since_ns",
        "_size",
        "_spec",
        "_touch",
        "_weight",
        "_weighted",
    )

    def __init__(self, spec: TradeImpulseSpec) -> None:
        """Start without a top and without a trade."""
        self._spec = spec
        self._half_life_ns = max(1, round(spec.window_ns * log(2)))
        self._known = 0
        self._since_ns = 0
        self._touch = 0.0  # mean size of the two best prices since then, base atoms
        self._known_ns = 0
        self._weight = self._weighted = 0.0  # until then
        self._ordered_ns = self._key = self._sign = self._size = 0  # the last market order

    def on_top(
        self,
        ts_ns: int,
        bid_ticks: int,  # noqa: ARG002 - all hooks are told alike
        bid_atoms: int,
        ask_ticks: int,  # noqa: ARG002 - all hooks are told alike
        ask_atoms: int,
    ) -> None:
        """Take in new sizes."""
        self._weight, self._weighted, self._known_ns = self._until(ts_ns)
        self._known, self._since_ns, self._touch = 1, ts_ns, (bid_atoms + ask_atoms) / 2

    def on_lost(self, ts_ns: int) -> None:
        """Know nothing before the next top; what stood until now counts."""
        self._weight, self._weighted, self._known_ns = self._until(ts_ns)
        self._known = 0

    def on_trade(
        self,
        ts_ns: int,
        price_ticks: int,  # noqa: ARG002 - all hooks are told alike
        size_atoms: int,
        aggressor: Side,
        venue_ms: int = 0,
    ) -> None:
        """Take in a print: of the market order under way, or of a new one."""
        key, sign = venue_ms or ts_ns, aggressor.sign
        again = self._size and key == self._key and sign == self._sign
        self._size = self._size + size_atoms if again else size_atoms
        self._ordered_ns, self._key, self._sign = ts_ns, key, sign

    def resume(self, ts_ns: int) -> None:  # noqa: ARG002 - all hooks are told alike
        """Know nothing before the next top, and of no order: what is long ago pushes no more."""
        self._known = self._ordered_ns = self._key = self._sign = self._size = 0

    def reading(self, ts_ns: int) -> Reading:
        """Return the impulse as of `ts_ns`; not ready before the touch was seen long enough."""
        weight, weighted, known_ns = self._until(ts_ns)
        spec, mean = self._spec, mean_size(weighted, weight)
        if known_ns < spec.known_ns_min or mean <= 0:
            seen, whole = known_ns // NS_PER_S, -(-spec.known_ns_min // NS_PER_S)
            return Reading(0.0, False, f"sizes at the touch ({min(seen, whole)} s of {whole} s)")
        over = not self._size or ts_ns - self._ordered_ns >= spec.life_ns
        return Reading(0.0 if over else self._sign * self._size / mean, True, "", (mean,))

    def state(self) -> tuple[float, ...]:
        """Return every number it remembers."""
        touch = (self._known, self._since_ns, self._touch, self._known_ns, self._weight, self._weighted)
        return (*touch, self._ordered_ns, self._key, self._sign, self._size)

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says; raises ValueError if it is none."""
        check_length(state, 10)
        self._known, self._since_ns, self._touch, self._known_ns = (
            whole(state, 0),
            whole(state, 1),
            state[2],
            whole(state, 3),
        )
        self._weight, self._weighted = state[4], state[5]
        self._ordered_ns, self._key, self._sign, self._size = map(int, state[6:])

    def _until(self, ts_ns: int) -> tuple[float, float, int]:
        # Weight, weighted sum and known time as of `ts_ns`.
        if not self._known:
            return self._weight, self._weighted, self._known_ns
        elapsed_ns = ts_ns - self._since_ns
        kept = share_kept(elapsed_ns, self._half_life_ns)
        fresh = time_weight_s(elapsed_ns, self._half_life_ns)
        return (
            self._weight * kept + fresh,
            self._weighted * kept + fresh * self._touch,
            self._known_ns + elapsed_ns,
        )
