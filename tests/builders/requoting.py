"""The literal market under rules of its own: prices on a grid, quotes renewed now and then, or late.

These are the rules by which the reference made its tables, not the engine's: an order that is filled stands
again at once, at the same price, until the rule moves it. Where the states are few the figures are exact;
else sessions are drawn side by side from one seed.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum
from math import log, sqrt
from typing import Final

import numpy as np

from mm.bench.quoting.exact import Numbers, Policy
from tests.builders.quoting_policies import LITERAL

OUTCOMES: Final = ((0, 0), (1, 0), (0, 1), (1, 1))
"""Fills of a step: of the ask, of the bid."""

PHASES: Final = 1_000
"""Places of the mid between two ticks over which is averaged."""


class Rounded(Enum):
    """Which price of the grid a wanted one becomes."""

    NEAREST = "nearest"
    PASSIVE = "passive"
    AGGRESSIVE = "aggressive"


# ---- prices on a grid


def on_grid(policy: Policy, tick: float, how: Rounded, risk_factor: float) -> float:
    """Return the certainty equivalent of a policy of one row whose prices are rounded to ticks.

    Where the mid lies between two ticks is drawn anew each step, uniformly; an ask at or below the bid is one
    tick above it. Exact but for the sum over `PHASES` places.
    """
    cap, g = policy.cap, risk_factor
    lots = np.arange(-cap, cap + 1.0)
    mids = (np.arange(PHASES)[:, None] + 0.5) / PHASES * tick
    bid, ask = (
        _ticks(mids - policy.bids[0], tick, how, up=False),
        _ticks(mids + policy.asks[0], tick, how, up=True),
    )
    ask = np.where(ask <= bid, bid + 1, ask)
    below, above = mids - bid * tick, ask * tick - mids
    bought, sold = LITERAL.fill_probabilities(below), LITERAL.fill_probabilities(above)
    below, above = np.nan_to_num(below), np.nan_to_num(above)
    odds = {
        (is_sold, is_bought): (
            (sold * np.exp(-g * above) if is_sold else 1 - sold)
            * (bought * np.exp(-g * below) if is_bought else 1 - bought)
        ).mean(axis=0)
        for is_sold, is_bought in OUTCOMES
    }
    worth, total = np.ones(2 * cap + 1), 0.0
    for _ in range(LITERAL.steps):
        moved = np.cosh(g * lots * LITERAL.move) * worth
        padded = np.pad(moved, 1)
        worth = sum(odd * padded[1 + by - at : len(padded) - 1 + by - at] for (at, by), odd in odds.items())
        total += log(worth[cap])
        worth = worth / worth[cap]
    return -total / g


def _ticks(prices: Numbers, tick: float, how: Rounded, *, up: bool) -> Numbers:
    # Outwards is down for a bid and up for an ask.
    if how is Rounded.NEAREST:
        return np.floor(prices / tick + 0.5)
    outwards = (how is Rounded.PASSIVE) == up
    return np.ceil(prices / tick) if outwards else np.floor(prices / tick)


# ---- quotes that are renewed every so many steps


@dataclass(frozen=True)
class Refreshed:
    """Exact figures. Fields: worth: certainty equivalent; messages: orders placed anew, the first two too."""

    worth: float
    messages: float


def refreshed(policy: Policy, every: int, risk_factor: float) -> Refreshed:
    """Return the figures of a policy of one row whose quotes are renewed every so many steps only."""
    block = _Block(policy, every, risk_factor)
    worth, total = np.ones(2 * policy.cap + 1), 0.0
    held, messages = np.zeros(2 * policy.cap + 1), 2.0
    held[policy.cap] = 1.0
    lengths = [every] * (LITERAL.steps // every)
    if LITERAL.steps % every:
        lengths.append(LITERAL.steps % every)
    for length in reversed(lengths):
        worth = block.back(worth, length)
        total += log(worth[policy.cap])
        worth = worth / worth[policy.cap]
    for length in lengths[:-1]:
        held, moved = block.on(held, length)
        messages += moved
    return Refreshed(-total / risk_factor, messages)


class _Block:
    # Between two renewals: inventory then (rows), what it has changed by since, and moves of the mid since.
    def __init__(self, policy: Policy, every: int, risk_factor: float) -> None:
        self._cap, self._every, self._g = policy.cap, every, risk_factor
        self._bids, self._asks = policy.bids[0], policy.asks[0]
        start, change, moves = np.meshgrid(
            np.arange(-policy.cap, policy.cap + 1),
            np.arange(-every, every + 1),
            np.arange(-every, every + 1),
            indexing="ij",
        )
        self._lots = start + change
        self._inside = np.abs(self._lots) <= policy.cap
        self._at = np.clip(self._lots + policy.cap, 0, 2 * policy.cap)
        self._shift = moves * LITERAL.move
        above = self._asks[:, None, None] - self._shift
        below = self._bids[:, None, None] + self._shift
        self._sold = np.where(self._lots > -policy.cap, LITERAL.fill_probabilities(above), 0.0)
        self._bought = np.where(self._lots < policy.cap, LITERAL.fill_probabilities(below), 0.0)
        self._gains = np.nan_to_num(above), np.nan_to_num(below)

    def back(self, worth: Numbers, steps: int) -> Numbers:
        values = np.where(self._inside, worth[self._at], 0.0)
        for _ in range(steps):
            move = self._g * self._lots * LITERAL.move
            moved = (np.exp(-move) * _at(values, 0, 1) + np.exp(move) * _at(values, 0, -1)) / 2
            values = sum(
                self._odds(sold, bought)
                * np.exp(-self._g * (sold * self._gains[0] + bought * self._gains[1]))
                * _at(moved, bought - sold, 0)
                for sold, bought in OUTCOMES
            )
        return values[:, self._every, self._every]

    def on(self, held: Numbers, steps: int) -> tuple[Numbers, float]:
        # The odds of the inventories a block later, and the orders that are moved then.
        odds = np.zeros(self._lots.shape)
        odds[:, self._every, self._every] = held
        for _ in range(steps):
            ways = [_at(odds * self._odds(sold, bought), sold - bought, 0) for sold, bought in OUTCOMES]
            filled = np.sum(ways, axis=0)
            odds = (_at(filled, 0, 1) + _at(filled, 0, -1)) / 2
        bids = self._shift - (self._bids[self._at] - self._bids[:, None, None])
        asks = self._shift + (self._asks[self._at] - self._asks[:, None, None])
        stays = (np.abs(bids) < 1e-9).astype(float) + (np.abs(asks) < 1e-9)
        after = np.zeros(2 * self._cap + 1)
        np.add.at(after, self._at, odds)
        return after, float((odds * (2 - stays)).sum())

    def _odds(self, sold: int, bought: int) -> Numbers:
        odds: Numbers = (self._sold if sold else 1 - self._sold) * (
            self._bought if bought else 1 - self._bought
        )
        return odds


def _at(values: Numbers, change: int, moves: int) -> Numbers:
    # What stands at a state whose change and moves are so much more; nothing where there is none.
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1)))
    _, rows, columns = values.shape
    found: Numbers = padded[:, 1 + change : 1 + change + rows, 1 + moves : 1 + moves + columns]
    return found


# ---- sessions that are drawn


@dataclass(frozen=True)
class Sessions:
    """Sessions side by side. Fields: worth: certainty equivalent; error: its standard error; messages,
    fills: of a session, orders that were placed anew with the first two.
    """

    worth: float
    error: float
    messages: float
    fills: float


def drawn(
    policy: Policy, risk_factor: float, paths: int, *, tolerance: float = 0.0, latency: int = 0
) -> Sessions:
    """Draw sessions. Args: tolerance: how far off an order stays; latency: steps until a price stands."""
    draws, cap = np.random.default_rng(3), policy.cap
    lots, mid, cash = np.zeros(paths), np.zeros(paths), np.zeros(paths)
    fills = messages = 0.0
    decided: deque[tuple[Numbers, Numbers]] = deque(maxlen=latency + 1)
    bids = asks = np.full(paths, np.inf)
    for _ in range(LITERAL.steps):
        at = (lots + cap).astype(np.int64)
        decided.append((mid - policy.bids[0, at], mid + policy.asks[0, at]))
        wanted = decided[0]
        stays = np.abs(wanted[0] - bids) <= tolerance, np.abs(wanted[1] - asks) <= tolerance
        messages += 2 - float(stays[0].mean() + stays[1].mean())
        bids, asks = np.where(stays[0], bids, wanted[0]), np.where(stays[1], asks, wanted[1])
        bought = draws.random(paths) < LITERAL.fill_probabilities(mid - bids)
        sold = draws.random(paths) < LITERAL.fill_probabilities(asks - mid)
        cash += np.where(sold, asks, 0.0) - np.where(bought, bids, 0.0)
        lots += bought.astype(float) - sold
        fills += float(bought.mean() + sold.mean())
        mid = mid + np.where(draws.random(paths) < 0.5, LITERAL.move, -LITERAL.move)
    utility = np.exp(-risk_factor * (cash + lots * mid))
    error = float(utility.std() / utility.mean()) / sqrt(paths) / risk_factor
    return Sessions(-log(float(utility.mean())) / risk_factor, error, messages, fills)
