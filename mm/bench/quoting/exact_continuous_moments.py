"""Moments of wealth and inventory where fills come at any time and the mid diffuses: exact, as in `exact`.

E[wealth^j; inventory], j = 0 to 4, follow a linear equation: a fill raises the wealth by its edge and changes
the inventory; the diffusion adds s^2 q^2 j (j - 1) / 2 times the power two below. Within a step of the market
the distances are constant, and the equation's exponential is a sum over how many events happened, each term
a product of what is not negative for the mass (uniformisation): nothing cancels there.

Invariant: the mass of all inventories is 1. The sides that would leave the policy's inventories are off.
"""

from math import comb, log, sqrt
from typing import Final, NamedTuple

import numpy as np

from mm.bench.quoting.exact import Market, Moments, Numbers, Policy, moments_of
from mm.bench.quoting.exact_continuous import FILLS_PER_STEP_MAX

POWERS: Final = 5
"""0 to 4."""

COUNTED: Final = POWERS
"""The row below them that holds the fills so far."""

RARE: Final = 9.0
"""Events beyond their mean, in deviations and a few more, after which what follows is below a float's last
digit."""

RARE_MORE: Final = 30


def moments(market: Market, policy: Policy) -> Moments:
    """Return the exact moments of a session, the distances constant within each step of the market.

    Raises: ValueError if the policy lacks rows. The fill law is the rates'.
    """
    policy.require_steps(market)
    inventories = policy.inventories
    held = np.zeros((POWERS + 1, len(inventories)))
    held[0, policy.cap] = 1.0
    events = _events(market, policy, 0)
    for step in range(market.steps):
        if len(policy.bids) > 1:
            events = _events(market, policy, step)
        held = _stepped(events, held)
    lots = np.array([(held[0] * inventories**power).sum() for power in range(POWERS)])
    return moments_of(held[:POWERS].sum(axis=1), lots, float(held[COUNTED].sum()))


class _Events(NamedTuple):
    # What one event does to the column of each inventory: nothing or the diffusion, a purchase, a sale; and
    # how many there are in a step.
    stays: Numbers
    bought: Numbers
    sold: Numbers
    mean: float


def _events(market: Market, policy: Policy, step: int) -> _Events:
    (bids, asks), inventories = policy.row(step), policy.inventories
    bought = np.minimum(market.rates(bids) * market.step_s, FILLS_PER_STEP_MAX)
    sold = np.minimum(market.rates(asks) * market.step_s, FILLS_PER_STEP_MAX)
    # At least one event, so that a market without fills diffuses too.
    count = max(1.0, float((bought + sold).max()))
    stays = np.zeros((len(inventories), POWERS + 1, POWERS + 1))
    for row in range(POWERS + 1):
        stays[:, row, row] = 1.0 if row == COUNTED else 1.0 - (bought + sold) / count
    stays[:, COUNTED, 0] = (bought + sold) / count
    variance = market.volatility**2 * market.step_s * inventories**2
    for power in range(2, POWERS):
        stays[:, power, power - 2] = power * (power - 1) / 2 * variance / count
    return _Events(
        stays,
        _raises(market.bid_edge(bids, inventories), bought / count),
        _raises(market.ask_edge(asks, inventories), sold / count),
        count,
    )


def _raises(edges: Numbers, odds: Numbers) -> Numbers:
    # Wealth grows by the edge, with these odds. The fills so far stay with `stays`.
    found = np.zeros((len(edges), POWERS + 1, POWERS + 1))
    for power in range(POWERS):
        for lower in range(power + 1):
            found[:, power, lower] = comb(power, lower) * edges ** (power - lower) * odds
    return found


def _stepped(events: _Events, held: Numbers) -> Numbers:
    # The sum over the number of events, each with its odds (Poisson's).
    mean = events.mean
    most = round(mean + RARE * sqrt(mean)) + RARE_MORE
    log_odds = -mean
    term = held.T[:, :, None]
    total = np.exp(log_odds) * term
    for number in range(1, most + 1):
        log_odds += log(mean / number)
        after = events.stays @ term
        after[1:] += (events.bought @ term)[:-1]
        after[:-1] += (events.sold @ term)[1:]
        term = after
        total = total + np.exp(log_odds) * term
    found: Numbers = total[:, :, 0].T
    return found
