"""The way of a taker through an observed market: what is displayed, and own orders that stand in between.

Pure: it says which steps a taker takes, in order, and changes nothing. Invariant: own orders never trade with
each other; where they would meet, the step is a prevention, whatever the taker's mode.
"""

from collections.abc import Iterable
from typing import NamedTuple

from mm.sim.matches import losses, reaches
from mm.sim.orders import Order
from mm.sim.places import Place, Places


class Step(NamedTuple):
    """One step. Fields: lots: what trades with the market; maker: the own order that is met instead."""

    price_ticks: int
    lots: int
    maker: Order | None = None


class Offer(NamedTuple):
    """What a displayed level gives to a taker, in whole lots."""

    price_ticks: int
    lots: int


def route(taker: Order, offers: Iterable[Offer], own: Places, lot_atoms: int) -> list[Step]:
    """Return the steps of `taker` until it is done or nothing within its price is left.

    Args: offers: of the opposite side, best first. own: the own orders there. At one price what is estimated
    to be in front of an own order comes before it, the rest behind it.
    """
    walk = _Walk(taker, own, lot_atoms)
    for price_ticks, lots in offers:
        if not walk.left_lots or not reaches(taker, price_ticks):
            break
        walk.pass_level(price_ticks, lots)
    walk.meet_rest()
    return walk.steps


class _Walk:
    def __init__(self, taker: Order, own: Places, lot_atoms: int) -> None:
        self.steps: list[Step] = []
        self.left_lots = taker.left_lots
        self._taker = taker
        self._lot_atoms = lot_atoms
        # Best first; taken from the end.
        self._own = [place for place in own.all() if reaches(taker, place.order.price_ticks)][::-1]

    def pass_level(self, price_ticks: int, lots: int) -> None:
        while self._own and (self._own[-1].order.price_ticks - price_ticks) * self._taker.side.sign < 0:
            self._meet(self._own.pop())
        gone_lots = 0
        while self._own and self._own[-1].order.price_ticks == price_ticks:
            place = self._own.pop()
            ahead_lots = min(lots, place.front_atoms // self._lot_atoms) - gone_lots
            gone_lots += self._trade(price_ticks, ahead_lots)
            self._meet(place)
        self._trade(price_ticks, lots - gone_lots)

    def meet_rest(self) -> None:
        while self._own:
            self._meet(self._own.pop())

    def _trade(self, price_ticks: int, lots: int) -> int:
        lots = max(0, min(lots, self.left_lots))
        if lots:
            self.steps.append(Step(price_ticks, lots))
            self.left_lots -= lots
        return lots

    def _meet(self, place: Place) -> None:
        if self.left_lots:
            maker = place.order
            self.steps.append(Step(maker.price_ticks, 0, maker))
            self.left_lots -= losses(self._taker.stp_mode, self.left_lots, maker.left_lots)[0]
