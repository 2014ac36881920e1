"""Small markets of single orders with an order of ours in them, for putting two fill simulators side by side.

As `scenarios`, with rows that say who changed: a venue that matches by price and time, one thing every few
seconds. Must never look at anything but its seed. Invariants: the same seed gives the same scenario; somebody
else always stands at the price of our order, so that nobody trades through it and the book never locks it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from mm.bench.agreement.scenarios import MIDDLE_TICKS, DrawnMarket, Row, Scenario
from mm.domain.sides import BUY, SELL, Side
from mm.domain.tape import TRADE

ADD: Final = 10
CANCEL: Final = 11
MODIFY: Final = 12
FILL: Final = 13
"""Kinds of rows as in the files of hftbacktest: somebody joins, is gone, is changed, or traded, which changes
nothing until a row of its own says so.
"""

UNIT_LOTS: Final = 1_000
STEPS: Final = 50
LEVELS: Final = 4
AWAY_TICKS: Final = (-2, -1, 0, 0, 0, 0, 0, 9)
"""How much better than the best displayed price our order is; the last one would take."""

WEIGHTS: Final = (30, 25, 20, 30)
"""Of additions, cancellations, changes of size and trades."""


@dataclass(slots=True)
class _Order:
    order_id: int
    side: Side
    price: int
    lots: int


def order_scenarios(count: int, seed: int) -> Iterator[Scenario]:
    """Yield so many generated scenarios of one order each."""
    for number in range(count):
        yield _Market(Random(f"{seed}/{number}/orders")).scenario()


class _Market(DrawnMarket):
    # A book of single orders.

    def __init__(self, dice: Random) -> None:
        super().__init__(dice)
        self._orders: list[_Order] = []
        self._id = 0
        spread = dice.randrange(1, 6)
        self._best = {BUY: MIDDLE_TICKS, SELL: MIDDLE_TICKS + spread}
        for side, best in self._best.items():
            for away in range(LEVELS):
                for _ in range(dice.randrange(1, 5)):
                    self._join(side, best - away * side.sign)
        self._own = dice.choice((BUY, SELL))
        self._own_ticks = self._best[self._own] + dice.choice(AWAY_TICKS) * self._own.sign

    def scenario(self) -> Scenario:
        return self._course((self._add, self._cancel, self._change, self._trade), WEIGHTS, STEPS, "l3")

    # ---- what happens

    def _add(self) -> None:
        side = self._dice.choice((BUY, SELL))
        price = self._best[side] - side.sign * self._dice.choice((0, 0, 0, 1, 2))
        self._join(side, self._own_ticks if side is self._own and self._is_kept(side) else price)

    def _cancel(self) -> None:
        order = self._somebody()
        if order is not None:
            self._orders.remove(order)
            self._tell(CANCEL, order)

    def _change(self) -> None:
        order = self._somebody()
        if order is None:
            return
        if self._dice.random() < 0.5:
            order.lots += UNIT_LOTS
            self._orders.remove(order)
            self._orders.append(order)
        elif order.lots > UNIT_LOTS:
            order.lots -= self._dice.randrange(1, order.lots // UNIT_LOTS) * UNIT_LOTS
        self._tell(MODIFY, order)

    def _trade(self) -> None:
        side = self._dice.choice((BUY, SELL))
        last = self._own_ticks if side is self._own else self._best[side]
        queue = [one for one in self._orders if one.side is side and (one.price - last) * side.sign >= 0]
        queue.sort(key=lambda one: -one.price * side.sign)
        # The last one at the price that nobody trades through loses a part at most.
        room = sum(one.lots for one in queue) - UNIT_LOTS
        left = min(room, self._dice.choice((1, 1, 2, 4, 9, 30)) * UNIT_LOTS)
        hit: list[tuple[_Order, int]] = []
        for order in queue:
            if left > 0:
                hit.append((order, min(left, order.lots)))
                left -= hit[-1][1]
        self._tell_trade(side, hit)

    def _tell_trade(self, side: Side, hit: Sequence[tuple[_Order, int]]) -> None:
        prices: dict[int, int] = {}
        for order, lots in hit:
            prices[order.price] = prices.get(order.price, 0) + lots
        for price, lots in prices.items():
            self._rows.append(_row(self._ts_ns, TRADE, side.opposite, price, lots, 0))
        for order, lots in hit:
            self._rows.append(_row(self._ts_ns, FILL, side, order.price, lots, order.order_id))
        for order, lots in hit:
            order.lots -= lots
            if not order.lots:
                self._orders.remove(order)
            self._tell(MODIFY if order.lots else CANCEL, order)

    def _join(self, side: Side, price: int) -> None:
        self._id += 1
        order = _Order(self._id, side, price, self._dice.randrange(1, 8) * UNIT_LOTS)
        self._orders.append(order)
        self._tell(ADD, order)

    # Somebody who may go: whoever is the only one at a kept price stays.
    def _somebody(self) -> _Order | None:
        order = self._dice.choice(self._orders)
        if order.side is self._own and self._is_kept(order.side):
            near = [one for one in self._orders if one.side is self._own and one.price == self._own_ticks]
            order = self._dice.choice(near)
        alone = sum((one.side, one.price) == (order.side, order.price) for one in self._orders) == 1
        kept = order.price in (self._own_ticks, self._best[order.side])
        return None if alone and kept else order

    # Mostly at the price of our order, if it is one of this side's: its queue is of interest.
    def _is_kept(self, side: Side) -> bool:
        return (self._own_ticks - self._best[side]) * side.sign <= 0 and self._dice.random() < 0.8

    def _tell(self, kind: int, order: _Order) -> None:
        self._rows.append(_row(self._ts_ns, kind, order.side, order.price, order.lots, order.order_id))


def _row(  # noqa: PLR0913, PLR0917 - the columns of a row
    ts_ns: int, kind: int, side: Side, price_ticks: int, size_lots: int, order_id: int
) -> Row:
    return Row(
        ts_ns=ts_ns,
        kind=kind,
        side=side.sign,
        price_ticks=price_ticks,
        size_lots=size_lots,
        order_id=order_id,
    )
