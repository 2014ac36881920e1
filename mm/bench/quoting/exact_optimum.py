"""The best policy of the literal market, by dynamic programming: what every other one is measured against.

Backwards in time, each step's two distances per inventory are the exact minimisers of the mean of
exp(-g * wealth) one after the other, until they stay: with the other side's distance given, the best one is a
formula. Invariant: no policy with the same cap has a higher certainty equivalent (`exact`).
"""

from math import log
from typing import Final

import numpy as np

from mm.bench.quoting.exact import FillLaw, Market, Numbers, Policy, certainty_equivalent, log_cosh, shifted

SETTLED: Final = 1e-14
"""Change of a distance below which it stays; more where the rounding of values, divided by g, is more."""

ROUNDS_MAX: Final = 1000
"""Rounds within which they stay on every market tried, many times over."""


def optimum(market: Market, risk_factor: float, cap: int) -> tuple[Policy, float]:
    """Return the best policy and its certainty equivalent, begun without inventory.

    Args: risk_factor: g > 0. cap: lots at which the side that would add to them is off, >= 0.
    Raises: ValueError unless the market's fill law is the literal one, and g and cap are in their domains.
    """
    if market.law is not FillLaw.LITERAL:
        raise ValueError(f"the fill law was {market.law.value}, expected {FillLaw.LITERAL.value}")
    if not risk_factor > 0 or cap < 0:
        raise ValueError(f"risk_factor and cap were {risk_factor} and {cap}, expected above 0 and at least 0")
    inventories = np.arange(-cap, cap + 1, dtype=np.float64)
    step = _Step(market, risk_factor, inventories)
    values = np.zeros(len(inventories))
    bids, asks = [], []
    for _ in range(market.steps):
        bid, ask, values = step.best(values)
        bids.append(bid)
        asks.append(ask)
    policy = Policy(np.array(bids[::-1]), np.array(asks[::-1]))
    return policy, certainty_equivalent(market, policy, risk_factor)


class _Step:
    # One step back in time. Values are logarithms of the mean of exp(-g * wealth to come) per inventory.
    def __init__(self, market: Market, risk_factor: float, inventories: Numbers) -> None:
        g, k = risk_factor, market.decay
        self._market, self._g = market, g
        self._carried = log_cosh(g * market.move * inventories)
        # What the jump after a sale or a purchase does to exp(-g * wealth).
        self._sold = -g * (inventories - 1) * market.impact
        self._bought = g * (inventories + 1) * market.impact
        self._margin = market.fee + np.log1p(g / k) / g
        # Nearer than this every step fills, and only the price would worsen.
        self._nearest = log(market.arrival_rate * market.step_s) / k
        self._start = np.full(len(inventories), max(self._margin, self._nearest))

    def best(self, values: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        held = values + self._carried
        more, less = shifted(held, 1) + self._bought, shifted(held, -1) + self._sold
        bid, ask = self._start.copy(), self._start.copy()
        bid[-1] = ask[0] = np.nan
        # Inventories that hardly anybody holds have values whose last digit alone is more than that.
        settled = max(SETTLED, SETTLED / 10 / self._g * max(1.0, float(np.abs(held).max())))
        for _ in range(ROUNDS_MAX):
            ask_before, bid_before = ask, bid
            ask = self._best_side(bid, held, more, less)
            bid = self._best_side(ask, held, less, more)
            change = np.nanmax(np.abs(np.array([ask - ask_before, bid - bid_before])), initial=0.0)
            if change < settled:
                break
        filled, unfilled = self._logs(bid)
        without = np.logaddexp(unfilled + held, filled + more)
        with_sale = np.logaddexp(unfilled + less, filled + held)
        sold, unsold = self._logs(ask)
        return bid, ask, np.logaddexp(unsold + without, sold + with_sale)

    def _best_side(self, other: Numbers, held: Numbers, added: Numbers, removed: Numbers) -> Numbers:
        # `added`: the value after the other side's fill, `removed`: after this one's.
        filled, unfilled = self._logs(other)
        without = np.logaddexp(unfilled + held, filled + added)
        within = np.logaddexp(unfilled + removed, filled + held)
        off = np.isneginf(removed)
        gain = np.where(off, 0.0, within - without)
        found = np.maximum(self._margin + gain / self._g, self._nearest)
        return np.where(off, np.nan, found)

    def _logs(self, distances: Numbers) -> tuple[Numbers, Numbers]:
        # Of the fill's probability times what its price does to the utility, and of that of no fill.
        odds = self._market.fill_probabilities(distances)
        with np.errstate(divide="ignore"):
            return np.log(odds) - self._g * np.nan_to_num(distances - self._market.fee), np.log1p(-odds)
