"""Sessions of the whole engine on the simulated market, one draw after the other; the same for a seed.

The mid is a real number; the engine is shown the nearest half tick. In each step its resting quotes are taken
with the probability that their distance from the true mid has, each side by a draw of its own, then the mid
moves. On the continuous market fills come at any time of a step and are answered at once, by the clock of
the step's beginning; the mid moves at its end, not all the time: that changes neither what is earned nor what
is held, and the deviation of the wealth by less than a thousandth. A fill moves the mid against the maker by
the market's impact.
"""

from dataclasses import dataclass
from math import exp, expm1
from typing import Final

from mm.bench.quoting.contenders import CONTENDERS, Scene
from mm.bench.quoting.desk import HOME, Desk, make_lots
from mm.bench.quoting.exact import EXPONENT_MAX, FillLaw
from mm.domain.sides import BUY, SELL, Side
from mm.domain.units import NS_PER_S
from mm.sim.prng import Prng

FILLS_MAX: Final = 1_000
"""Within one step of the continuous market; quotes that are taken more often stand far beyond the mid."""


@dataclass(frozen=True, slots=True)
class Session:
    """How one went. Fields: wealth: price units; lots: held at the end; fills, messages: how many."""

    wealth: float
    lots: int
    fills: int
    messages: int


def sessions(name: str, scene: Scene, seed: int, first: int, count: int) -> list[Session]:
    """Return `count` sessions of a contender, the first of them number `first` of the seed."""
    return [_Play(name, scene, Prng(seed, f"session {first + number}")).run() for number in range(count)]


class _Play:
    # One session. Moves of the mid and fills are drawn from one stream, three numbers a step.
    def __init__(self, name: str, scene: Scene, prng: Prng) -> None:
        instrument = make_lots(scene.tick)
        strategy = CONTENDERS[name].make(scene, instrument)
        self._scene = scene
        self._prng = prng
        self._tick = float(scene.tick)
        self._mid = float(HOME)
        self._start = round(HOME / self._tick)
        self._desk = Desk(strategy, instrument, cap=scene.cap, latency_steps=scene.latency_steps)

    def run(self) -> Session:
        market = self._scene.market
        step_ns = round(market.step_s * NS_PER_S)
        for step in range(market.steps):
            self._desk.show(round(2 * self._mid / self._tick), step * step_ns)
            if self._scene.continuous:
                self._trade_on(step * step_ns)
            else:
                self._trade_once()
            self._mid += market.move if self._prng.chance(0.5) else -market.move
        desk = self._desk
        cash = desk.cash_ticks * self._tick - desk.fills * market.fee
        return Session(cash + desk.lots * self._mid, desk.lots, desk.fills, desk.messages)

    def _trade_once(self) -> None:
        # Both sides by the quotes that stood at the beginning of the step.
        self._take(*[side for side in (SELL, BUY) if self._prng.chance(self._probability(side))])

    def _trade_on(self, start_ns: int) -> None:
        left_s = self._scene.market.step_s
        for _ in range(FILLS_MAX):
            sell, buy = self._rate(SELL), self._rate(BUY)
            if not sell + buy:
                return
            left_s -= self._prng.exponential(1.0 / (sell + buy))
            if left_s <= 0:
                return
            self._take(SELL if self._prng.chance(sell / (sell + buy)) else BUY)
            if self._scene.market.impact:
                self._desk.show(round(2 * self._mid / self._tick), start_ns, steps=0)

    def _take(self, *sides: Side) -> None:
        self._desk.take(*sides)
        self._mid -= sum(side.sign for side in sides) * self._scene.market.impact

    def _rate(self, side: Side) -> float:
        price = self._desk.best(side)
        if not price:
            return 0.0
        market = self._scene.market
        distance = -side.sign * (price * self._tick - self._mid)
        return market.arrival_rate * exp(min(-market.decay * distance, EXPONENT_MAX))

    def _probability(self, side: Side) -> float:
        market = self._scene.market
        expected = self._rate(side) * market.step_s
        return min(1.0, expected) if market.law is FillLaw.LITERAL else -expm1(-expected)
