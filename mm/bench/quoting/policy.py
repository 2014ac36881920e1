"""What a production strategy quotes at every step and inventory, as the engine would send it.

For each inventory a desk of its own is asked, step by step, with a mid that flickers by a tick so that the
engine looks anew. Invariant: the distances are those of orders that rest after every rule and rounding.
"""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from mm.bench.quoting.contenders import Contender, Scene
from mm.bench.quoting.desk import HOME, Desk, make_lots
from mm.bench.quoting.exact import Policy
from mm.domain.instrument import Instrument
from mm.domain.quotes import Quotes
from mm.domain.sides import BUY, SELL
from mm.domain.units import NS_PER_S
from mm.domain.view import View
from mm.strategies.base import Strategy

Told = Callable[[int], object]

ROUNDING_TICKS: Final = 0.5
"""Prices that are whole ticks differ by more than so many where those before rounding do by half a tick more,
on average over where the mid lies."""


def policy_of(
    contender: Contender, scene: Scene, tell: Told = lambda _: None, *, half_ticks: int = 0
) -> Policy:
    """Return the distances of a contender without hysteresis, price units.

    Args: tell: is told how far it is. half_ticks: by which the mid that is shown lies off a tick, 0 or 1.
    """
    instrument = make_lots(scene.tick)
    columns = []
    for number, lots in enumerate(range(-scene.cap, scene.cap + 1)):
        columns.append(list(_distances(contender, scene, instrument, (lots, half_ticks))))
        tell(number + 1)
    found = np.array(columns)  # inventory by step by side
    return Policy(found[:, :, 0].T.copy(), found[:, :, 1].T.copy())


def _distances(
    contender: Contender, scene: Scene, instrument: Instrument, where: tuple[int, int]
) -> Iterator[tuple[float, float]]:
    lots, half_ticks = where
    desk = Desk(contender.make(scene, instrument), instrument, cap=scene.cap, lots=lots)
    tick = float(scene.tick)
    home = round(HOME / tick)
    step_ns = round(scene.market.step_s * NS_PER_S)
    for step in range(scene.market.steps if contender.sees_time else 1):
        mid = home + step % 2 + half_ticks / 2
        desk.show(round(2 * mid), step * step_ns)
        bid, ask = desk.best(BUY), desk.best(SELL)
        yield ((mid - bid) * tick if bid else np.nan, (ask - mid) * tick if ask else np.nan)


def tolerance_of(contender: Contender, scene: Scene) -> float:
    """Return how far from its wanted distance an order of a contender stays, price units.

    It is what the quotes say at home, and what their rounding to ticks adds to it.
    Raises: ValueError if they do not all say the same.
    """
    return (tolerance_ticks_of(contender, scene) + ROUNDING_TICKS) * float(scene.tick)


def tolerance_ticks_of(contender: Contender, scene: Scene) -> int:
    """Return the same in ticks, without what rounding adds; 0: an order stays only where it is wanted.

    Raises: ValueError if the quotes at home do not all say the same.
    """
    instrument = make_lots(scene.tick)
    overheard = _Overheard(contender.make(scene, instrument))
    desk = Desk(overheard, instrument, cap=scene.cap)
    desk.show(2 * round(HOME / float(scene.tick)), 0)
    if len(overheard.tolerances_ticks) != 1:
        found = sorted(overheard.tolerances_ticks)
        raise ValueError(f"the tolerances of the quotes were {found} ticks, expected one for all")
    return overheard.tolerances_ticks.pop()


class _Overheard:
    # A strategy whose quotes are listened to.
    def __init__(self, strategy: Strategy[object]) -> None:
        self.needs, self.wake = strategy.needs, strategy.wake
        self.tolerances_ticks: set[int] = set()
        self._strategy = strategy

    def initial_memory(self) -> object:
        return self._strategy.initial_memory()

    def quotes(self, view: View[object]) -> Quotes[object]:
        found = self._strategy.quotes(view)
        self.tolerances_ticks |= {quote.tolerance_ticks for quote in (*found.bids, *found.asks)}
        return found
