"""The policies whose exact figures are known, as arrays for the exact recursions."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from mm.bench.quoting.exact import Market, Numbers, Policy
from mm.models import glft
from mm.models.avellaneda_stoikov import distances
from mm.models.glft import Distances, closed_form
from mm.models.glft_asymptotic import asymptotic
from mm.models.glft_finite import finite
from mm.models.glft_table import Table
from tests.builders.model_markets import stoikov

LITERAL: Final = Market(volatility=2.0, arrival_rate=140.0, decay=1.5, step_s=0.005, steps=200)
"""The market of Avellaneda's and Stoikov's tables."""

CAPS: Final = {0.01: 60, 0.1: 40, 0.5: 20, 1.0: 12}
"""Caps at which the oracle scored each aversion."""


def linear(quotes: Sequence[Distances], cap: int) -> Policy:
    """Quotes that are linear in the inventory, one per step or one for all."""
    lots = np.arange(-cap, cap + 1.0)
    bids = np.array([one.half_spread + lots * one.skew - one.shift for one in quotes])
    asks = np.array([one.half_spread - lots * one.skew + one.shift for one in quotes])
    bids[:, -1] = asks[:, 0] = np.nan
    return Policy(bids, asks)


def tabled(tables: Sequence[Table]) -> Policy:
    """Tables, one per step or one for all."""

    def rows(side: Callable[[Table], Sequence[float | None]]) -> Numbers:
        return np.array([[np.nan if d is None else d for d in side(one)] for one in tables])

    return Policy(rows(lambda one: one.bids), rows(lambda one: one.asks))


def paper_policy(risk_factor: float, cap: int, *, steps: int = 200, at: float = 0.0) -> Policy:
    """Avellaneda's and Stoikov's inventory strategy on a grid; `at` is the part of a step that has passed."""
    told = stoikov(risk_factor)
    return linear([distances(told, 1 - (n + at) / steps) for n in range(steps)], cap)


def symmetric(spread: float, cap: int) -> Policy:
    """Half of `spread` on both sides, whatever is held."""
    return linear([Distances(spread / 2, 0.0)], cap)


def paper_symmetric(risk_factor: float, cap: int) -> Policy:
    """The paper's other strategy: the average spread of its inventory strategy on the grid."""
    spreads = [2 * distances(stoikov(risk_factor), 1 - n * 0.005).half_spread for n in range(200)]
    return symmetric(sum(spreads) / 200, cap)


def closed(told: glft.Market, cap: int) -> Policy:
    """GLFT's closed form."""
    return linear([closed_form(told)], cap)


def endless(told: glft.Market, cap: int) -> Policy:
    """GLFT's exact quotes without an end."""
    return tabled([asymptotic(told, cap)])


def whole_session(told: glft.Market, cap: int) -> Policy:
    """GLFT's exact quotes to the end of the session."""
    return tabled([finite(told, cap, 1 - n * 0.005) for n in range(200)])
