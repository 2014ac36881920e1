"""Random observed markets, from a seed: steps that crowd a few prices, so that everything meets everything.

A step is (kind, nanoseconds since the step before, arguments): snapshot, depth and top with a relative number
(how far the message's number is ahead of the newest; not positive: an old one), trade, order, cancel, amend,
lost. Sizes are atoms of a market whose lot is `LOT`, so that many of them are broken.
"""

from random import Random
from typing import Any, Final, TypeAlias

from mm.domain.book import Level
from mm.domain.sides import Side
from mm.sim.orders import OrderType, StpMode, TimeInForce

LOT: Final = 8
"""Atoms of a lot."""

Step: TypeAlias = tuple[str, int, tuple[Any, ...]]
"""Kind, time passed, arguments."""

KINDS: Final = (
    (OrderType.LIMIT, TimeInForce.GTC),
    (OrderType.LIMIT_MAKER, TimeInForce.GTC),
    (OrderType.LIMIT_MAKER, TimeInForce.GTC),
    (OrderType.LIMIT_MAKER, TimeInForce.GTC),
    (OrderType.LIMIT, TimeInForce.IOC),
    (OrderType.LIMIT, TimeInForce.FOK),
    (OrderType.MARKET, TimeInForce.GTC),
)

_WEIGHTS: Final = {
    "depth": 30,
    "top": 15,
    "trade": 30,
    "order": 20,
    "cancel": 4,
    "amend": 3,
    "snapshot": 2,
    "lost": 1,
}
_SIZES: Final = (0, 0, 4, 8, 12, 16, 20, 40, 64, 100)
_GAPS_NS: Final = (0, 1_000, 5_000_000, 40_000_000, 90_000_000, 300_000_000, 900_000_000)


class RandomMarket:
    """Makes steps around a price that wanders."""

    def __init__(self, seed: int) -> None:
        """Begin at 100."""
        self._random = Random(seed)
        self._middle = 100

    def opening(self) -> tuple[list[Level], list[Level]]:
        """Return bids and asks to begin with."""
        return self._levels(Side.BUY, 4), self._levels(Side.SELL, 4)

    def steps(self, count: int) -> list[Step]:
        """Return the next `count` steps."""
        return [self._step() for _ in range(count)]

    def _step(self) -> Step:
        kind = self._random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        if self._random.random() < 0.05:
            self._middle += self._random.choice((-1, 1))
        gap_ns = self._random.choice(_GAPS_NS[:4] if self._random.random() < 0.95 else _GAPS_NS)
        return kind, gap_ns, getattr(self, f"_{kind}")()

    def _depth(self) -> tuple[Any, ...]:
        return self._levels(Side.BUY, 2), self._levels(Side.SELL, 2), self._ahead()

    def _snapshot(self) -> tuple[Any, ...]:
        return *self.opening(), self._ahead()

    def _top(self) -> tuple[Any, ...]:
        bid = self._middle - self._random.randint(0, 2)
        ask = bid + self._random.randint(1, 3)
        return Level(bid, self._size() or 4), Level(ask, self._size() or 4), self._ahead()

    def _trade(self) -> tuple[Any, ...]:
        side = self._side()
        depth = self._random.choice((-1, 0, 0, 0, 1, 2))
        price = self._middle + depth if side is Side.BUY else self._middle - depth
        return price, self._size() or 4, side

    def _order(self) -> tuple[Any, ...]:
        side = self._side()
        price = self._middle - side.sign * self._random.choice((-2, -1, 0, 0, 0, 1, 2))
        mode = self._random.choice(list(StpMode))
        return side, price, self._random.randint(1, 6), self._random.choice(KINDS), mode

    def _cancel(self) -> tuple[Any, ...]:
        return (self._random.randint(0, 5),)

    def _amend(self) -> tuple[Any, ...]:
        return (self._random.randint(0, 5),)

    def _lost(self) -> tuple[Any, ...]:
        return ()

    def _levels(self, side: Side, count: int) -> list[Level]:
        best = self._middle - (side is Side.BUY) - (self._random.random() < 0.1) * side.sign
        prices = [best - side.sign * place for place in range(count + 1)]
        return [Level(price, self._size()) for price in prices if self._random.random() < 0.8]

    def _size(self) -> int:
        return self._random.choice(_SIZES)

    def _side(self) -> Side:
        return self._random.choice(list(Side))

    def _ahead(self) -> int:
        return self._random.choice((1, 1, 1, 2, 3, 0, -1, -2))
