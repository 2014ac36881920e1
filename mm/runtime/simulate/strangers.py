"""The people around us on one symbol: makers whose quotes follow a wandering price, takers who hit the best.

They trade on the same book as everybody, through the exchange's own door, so that what they do to our orders
is what matching makes of it. Light on purpose: only quotes that have to move are moved. Drawn from one stream
of random numbers alone.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

from mm.domain.sides import BUY, SELL, Side
from mm.runtime.simulate.plan import Plan
from mm.runtime.simulate.truth import MAKERS, Market, Truth
from mm.sim.orders import CancelOrder, NewOrder, OrderType, Refusal, TimeInForce

TAKERS: Final = "takers"

DEPTH: Final = 6
"""Quoted levels a side."""

LOTS: Final = 50
HOME_TICKS: Final = 10_000
ROAM_TICKS: Final = 100
"""So far the price strays from home."""

STEPS: Final = (-2, -1, -1, 0, 0, 0, 0, 1, 1, 2)
HALVES: Final = (1, 1, 2, 2, 2, 3)
"""Moves of the middle and half spreads, as often as they are in here."""

TAKEN_LOTS_MAX: Final = 25
"""For the depth that is usual."""

FUNDS_ATOMS: Final = 10**17


@dataclass(frozen=True, slots=True)
class Crowd:
    """How big everything is on a symbol.

    Fields: home_ticks: the price that it comes home to; unit_ticks: of its moves and of the distance between
    levels; depth_lots: on each level.
    """

    home_ticks: int = HOME_TICKS
    unit_ticks: int = 1
    depth_lots: int = LOTS


def crowd_of(plan: Plan, symbol: str) -> Crowd:
    """Return who trades around the bot of a plan."""
    if plan.subject is None:
        return Crowd()
    home = plan.subject.home_ticks[symbol]
    return Crowd(home, max(1, home // HOME_TICKS), plan.subject.depth_lots[symbol])


class Strangers:
    """Everybody else on a symbol.

    Fields: middle_ticks: what they take the price to be; blank: sides that none of them quotes now.
    """

    def __init__(self, truth: Truth, market: Market, random: Random, crowd: Crowd) -> None:
        """Give them funds; they quote from the first `step` on."""
        self._truth = truth
        self._market = market
        self._random = random
        self._crowd = crowd
        self.middle_ticks = crowd.home_ticks
        self.blank: tuple[Side, ...] = ()
        self._half_ticks = 2 * crowd.unit_ticks
        self._quotes: dict[Side, dict[int, int]] = {BUY: {}, SELL: {}}
        # What they quoted by, and the last trade before: with the same again nothing has to move.
        self._followed: tuple[int, int, tuple[Side, ...], int] | None = None
        instrument = market.instrument
        for owner in (MAKERS, TAKERS):
            for asset in (instrument.base, instrument.quote):
                truth.deposit(owner, asset, FUNDS_ATOMS)

    def step(self, now_ns: int) -> None:
        """Let the price wander, the makers follow it, and sometimes somebody take."""
        random = self._random
        move = STEPS[int(random.random() * len(STEPS))]
        # It wanders, and comes home: prices stay where the grid of the test is.
        away = (self.middle_ticks - self._crowd.home_ticks) // self._crowd.unit_ticks
        move += (away < -ROAM_TICKS) - (away > ROAM_TICKS)
        self.middle_ticks += move * self._crowd.unit_ticks
        if random.random() < 0.3:
            self._half_ticks = HALVES[int(random.random() * len(HALVES))] * self._crowd.unit_ticks
        self._follow(now_ns)
        if random.random() < 0.25:
            self._take(now_ns)
        self._truth.absorb(self._market.instrument.symbol)

    def jump(self, now_ns: int, ticks: int) -> None:
        """Move the price at once by much."""
        self.middle_ticks += ticks
        self._follow(now_ns)
        self._truth.absorb(self._market.instrument.symbol)

    def come_back(self) -> None:
        """Quote both sides again."""
        self.blank = ()

    def _follow(self, now_ns: int) -> None:
        # Whoever stands in the way of the other side's new prices leaves first: makers do not trade with
        # each other.
        bid, ask = self.middle_ticks - self._half_ticks, self.middle_ticks + self._half_ticks
        followed = (bid, ask, self.blank, self._market.trades)
        if followed == self._followed:
            return
        self._followed = followed
        unit = self._crowd.unit_ticks
        wanted = {
            BUY: () if BUY in self.blank else range(bid, bid - DEPTH * unit, -unit),
            SELL: () if SELL in self.blank else range(ask, ask + DEPTH * unit, unit),
        }
        resting, venue = self._market.venue.book.orders, self._market.venue
        for side, quotes in self._quotes.items():
            for price in [price for price in quotes if price not in wanted[side]]:
                order_id = quotes.pop(price)
                if order_id in resting:
                    venue.cancel(CancelOrder(owner=MAKERS, order_id=order_id), now_ns)
        for side, quotes in self._quotes.items():
            for price in wanted[side]:
                if quotes.get(price) not in resting:
                    self._quote(side, price, now_ns)

    def _quote(self, side: Side, price_ticks: int, now_ns: int) -> None:
        new = NewOrder(
            owner=MAKERS,
            side=side,
            order_type=OrderType.LIMIT,
            size_lots=self._crowd.depth_lots + price_ticks % 7,
            price_ticks=price_ticks,
        )
        made = self._market.venue.place(new, now_ns)
        if not isinstance(made, Refusal):
            self._quotes[side][price_ticks] = made.order_id

    def _take(self, now_ns: int) -> None:
        random = self._random
        side = BUY if random.random() < 0.5 else SELL
        best = self._market.venue.best_ticks(side.opposite)
        if best is None:
            return
        new = NewOrder(
            owner=TAKERS,
            side=side,
            order_type=OrderType.LIMIT,
            size_lots=1 + int(random.random() * TAKEN_LOTS_MAX * self._crowd.depth_lots) // LOTS,
            price_ticks=best + 2 * side.sign * self._crowd.unit_ticks,
            time_in_force=TimeInForce.IOC,
        )
        self._market.venue.place(new, now_ns)
