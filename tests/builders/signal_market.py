"""A market for signals: what their hooks are told, from one seed; the truth behind it is known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import exp, floor, log
from random import Random
from typing import Any, Final

from mm.domain.sides import Side
from mm.domain.view import OwnQuote
from mm.signals.base import Signal

SECOND_NS: Final = 1_000_000_000
START_NS: Final = 1_800_000_000 * SECOND_NS
MID: Final = 200_000
"""Mid at the begin in half ticks: a tick is a tenth of a basis point."""

Call = tuple[str, tuple[Any, ...]]
"""Name of a hook, and what it is told."""


def tell(signal: Signal, calls: Iterable[Call]) -> None:
    """Let a signal hear `calls`."""
    for name, told in calls:
        getattr(signal, name)(*told)


def quote(side: Side, price_ticks: int, level: int = 0) -> OwnQuote:
    """Return an own quote of 10 lots."""
    return OwnQuote(side, level, price_ticks, 10, START_NS, certain=True)


@dataclass
class SignalMarket:
    """Draws what happens. Fields: decay: k per tick; rate: A per second and side; mid: now, half ticks."""

    seed: int = 7
    decay: float = 0.3
    rate: float = 0.9
    step_ns: int = 100_000_000
    mid: int = MID
    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with a mid and a top."""
        self.random = Random(self.seed)
        self.now_ns = START_NS
        self._tell("on_mid", self.now_ns, self.mid)
        self._top()

    def run(self, seconds: float) -> list[Call]:
        """Go on for a while and return all calls so far."""
        for _ in range(round(seconds * SECOND_NS / self.step_ns)):
            self.now_ns += self.step_ns
            self._move()
            self._quotes()
            for side in Side:
                self._orders(side)
        return self.calls

    def _tell(self, name: str, *told: Any) -> None:
        self.calls.append((name, told))

    def _top(self) -> None:
        bid, ask = (self.mid - 1) // 2, self.mid // 2 + 1
        self._tell(
            "on_top", self.now_ns, bid, self.random.randrange(1, 99), ask, self.random.randrange(1, 99)
        )

    def _move(self) -> None:
        if self.random.random() < 0.3:
            self.mid += self.random.choice((-2, -1, 1, 2))
            self._tell("on_mid", self.now_ns, self.mid)
        self._top()

    def _quotes(self) -> None:
        distance = self.random.randrange(1, 20)
        self.bid, self.ask = (self.mid - distance) // 2, (self.mid + distance + 1) // 2
        own = (quote(Side.BUY, self.bid), quote(Side.SELL, self.ask))
        self._tell("on_own_quotes", self.now_ns, own)

    def _orders(self, side: Side) -> None:
        # At most one per step and side: steps are short. It reaches a depth of at least half a tick.
        touch = self.rate * exp(-self.decay / 2)
        if self.random.random() >= touch * self.step_ns / SECOND_NS:
            return
        depth = 1 + 2 * floor(-log(1 - self.random.random()) / self.decay)
        price = (self.mid + side.sign * depth) // 2
        venue_ms = self.now_ns // 1_000_000
        for one in (price - side.sign, price) if depth > 2 else (price,):
            size = self.random.randrange(1, 50)
            self._tell("on_trade", self.now_ns, one, size, side, venue_ms)
        resting = self.bid if side is Side.SELL else self.ask
        if side.sign * (price - resting) >= 0:
            self._tell("on_own_fill", self.now_ns, side.opposite, resting, 10, self.mid)


def poisson_orders(
    seed: int, *, rate: float, decay: float, seconds: float, sides: Sequence[Side] = tuple(Side)
) -> list[tuple[int, Side, int]]:
    """Return (time, aggressor, depth in half ticks) of market orders of the literal model, in order of time.

    Each side's come at the rate `rate` * exp(-decay / 2) and stop at each level with the probability of the
    law: those that fall short of half a tick are not there.
    """
    random, orders = Random(seed), []
    for side in sides:
        at = 0.0
        while True:
            at -= log(1 - random.random()) / (rate * exp(-decay / 2))
            if at > seconds:
                break
            depth = 1 + 2 * floor(-log(1 - random.random()) / decay)
            orders.append((START_NS + round(at * SECOND_NS), side, depth))
    return sorted(orders, key=lambda order: order[0])
