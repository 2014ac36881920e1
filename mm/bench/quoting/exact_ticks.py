"""What a quoting policy earns on the literal market where prices are whole ticks, of any size: exactly.

The maker is shown the mid to the nearest half tick and quotes whole ticks around what it is shown; fills go
by the distance from the true mid. So where between two ticks the mid lies decides what is quoted and what it
fills. The mid follows from two numbers, the moves up so far and the inventory (each fill moves the mid), and
these two are the state: nothing is averaged over places between ticks, no place is made up.

Invariant: as the tick goes to nothing the figures become those of `exact`. A policy here sees the time, its
inventory and the mid, not the path.
"""

from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np

from mm.bench.quoting.exact import (
    Market,
    Moments,
    Numbers,
    Policy,
    after_fills,
    before_fills,
    moments_of,
    raised,
)

PLACES: Final = 2
"""The mid that is shown lies on a tick or halfway between two: more there is not to tell apart."""

LOG_2: Final = log(2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """A policy on whole ticks. Fields: shown: its distances from the mid that it is shown, where that is a
    tick and where it is half of one; home: the true mid at the start, price units; tick: price units, > 0.
    """

    shown: tuple[Policy, Policy]
    home: float
    tick: float

    def __post_init__(self) -> None:
        """Raise ValueError unless the two fit each other and there is a tick."""
        if self.shown[0].bids.shape != self.shown[1].bids.shape:
            shapes = self.shown[0].bids.shape, self.shown[1].bids.shape
            raise ValueError(f"the policies were of shapes {shapes[0]} and {shapes[1]}, expected two alike")
        if not self.tick > 0:
            raise ValueError(f"tick was {self.tick}, expected more than 0")

    @property
    def cap(self) -> int:
        """The largest inventory."""
        return self.shown[0].cap

    def distances(self, market: Market, step: int) -> tuple[Numbers, Numbers]:
        """Return those from the true mid of bids and asks, per inventory and number of moves up so far."""
        lots = self.shown[0].inventories[:, None]
        ups = np.arange(step + 1, dtype=np.float64)
        mid = self.home + (2 * ups - step) * market.move - market.impact * lots
        half_ticks = np.rint(2 * mid / self.tick)
        # What is shown lies so far above the true mid.
        above = half_ticks * self.tick / 2 - mid
        is_halfway = half_ticks % PLACES == 1
        rows = [one.row(step) for one in self.shown]
        bids, asks = (np.where(is_halfway, rows[1][side][:, None], rows[0][side][:, None]) for side in (0, 1))
        return bids - above, asks + above


def moments(market: Market, ticked: Ticked) -> Moments:
    """Return the exact moments of a session. Raises: ValueError if the policy lacks rows."""
    _require_rows(market, ticked)
    lots = ticked.shown[0].inventories
    # Row j holds E[wealth^j; inventory, moves up].
    held = np.zeros((5, len(lots), 1))
    held[0, ticked.cap] = 1.0
    fills = 0.0
    for step in range(market.steps):
        distances = ticked.distances(market, step)
        odds = market.fill_probabilities(distances[0]), market.fill_probabilities(distances[1])
        fills += float((held[0] * (odds[0] + odds[1])).sum())
        held = after_fills(market, distances, odds, held)
        gain = np.broadcast_to((market.move * lots)[:, None], held[0].shape)
        moved = np.zeros((*held.shape[:2], held.shape[2] + 1))
        moved[:, :, 1:] += np.array(raised(held, gain)) / 2
        moved[:, :, :-1] += np.array(raised(held, -gain)) / 2
        held = moved
    ends = np.array([(held[0] * lots[:, None] ** power).sum() for power in range(5)])
    return moments_of(held.sum(axis=(1, 2)), ends, fills)


def certainty_equivalent(market: Market, ticked: Ticked, risk_factor: float) -> float:
    """Return the sure wealth that is worth as much as a session, begun without inventory.

    Args: risk_factor: g > 0 of the utility -exp(-g * wealth).
    Raises: ValueError if the policy lacks rows, or g is not above 0.
    """
    _require_rows(market, ticked)
    if not risk_factor > 0:
        raise ValueError(f"risk_factor was {risk_factor}, expected more than 0")
    loss = risk_factor * market.move * ticked.shown[0].inventories[:, None]
    # The logarithm of the mean of exp(-g * wealth to come), per inventory and number of moves up.
    values = np.zeros((len(loss), market.steps + 1))
    for step in reversed(range(market.steps)):
        moved = np.logaddexp(values[:, 1:] - loss, values[:, :-1] + loss) - LOG_2
        values = before_fills(market, ticked.distances(market, step), moved, risk_factor)
    return -float(values[ticked.cap, 0]) / risk_factor


def _require_rows(market: Market, ticked: Ticked) -> None:
    for one in ticked.shown:
        one.require_steps(market)
