"""What a policy earns in continuous time: per second for ever, and over a session.

The mean of exp(-g * wealth) per inventory follows a linear equation whose generator has the rates of fills,
each times what its price does to the utility, beside the diagonal and g^2 s^2 q^2 / 2 - g m q less all rates
on it. Its largest eigenvalue is the rate for ever; its exponentials, one per step of the policy, the session.

Invariant: eigenvalues are those of a symmetric matrix, exponentials sums and products of what is not
negative: nothing cancels at inventories that are hardly ever held.
"""

from math import frexp, log, sqrt
from typing import Final, NamedTuple

import numpy as np

from mm.bench.quoting.exact import Market, Numbers, Policy

TERMS: Final = 30
"""Of the exponential's series at a norm of at most one half."""

FILLS_PER_STEP_MAX: Final = 200.0
"""Rates are bounded by this per step: a side that fills this often in a step fills at once."""


def rate_for_ever(market: Market, policy: Policy, risk_factor: float, *, drift: float = 0.0) -> float:
    """Return the certainty equivalent per second of a policy of one row, begun without inventory.

    Args: risk_factor: g > 0. drift: of the mid, price units per second.
    Raises: ValueError if the policy has several rows, or g is not above 0. The fill law is the rates'.
    """
    _require(policy, risk_factor)
    found = _generator(market, policy, 0, risk_factor)
    diagonal = found.diagonal - risk_factor * drift * policy.inventories
    # Only what can be reached from flat counts.
    low = high = policy.cap
    while found.bought[high] > 0:
        high += 1
    while found.sold[low] > 0:
        low -= 1
    up, down = slice(low, high), slice(low + 1, high + 1)
    rates = np.sqrt(found.bought[up]) * np.sqrt(found.sold[down])
    beside = rates * np.exp(-risk_factor / 2 * (found.bid_edges[up] + found.ask_edges[down]))
    matrix = np.diag(diagonal[low : high + 1]) + np.diag(beside, 1) + np.diag(beside, -1)
    return -float(np.linalg.eigvalsh(matrix)[-1]) / risk_factor


def inventory_deviation(market: Market, policy: Policy) -> float:
    """Return the standard deviation of the inventory that a policy of one row holds in the long run.

    Raises: ValueError if the policy has several rows, or a side is off elsewhere than at its cap.
    """
    _require(policy, 1.0)
    bids, asks = policy.row(0)
    bought, sold = market.rates(bids)[:-1], market.rates(asks)[1:]
    if not (bought > 0).all() or not (sold > 0).all():
        raise ValueError("a side was off elsewhere than at its cap: there is no one long run")
    # Between neighbours as many fills go up as down.
    logs = np.concatenate(([0.0], np.cumsum(np.log(bought) - np.log(sold))))
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    mean = float(weights @ policy.inventories)
    return sqrt(float(weights @ (policy.inventories - mean) ** 2))


def session_certainty_equivalent(market: Market, policy: Policy, risk_factor: float) -> float:
    """Return the certainty equivalent of a session, the distances constant within each step of the market.

    Args: risk_factor: g > 0.
    Raises: ValueError if the policy lacks rows, or g is not above 0. The fill law is the rates'.
    """
    policy.require_steps(market)
    _require_risk(risk_factor)
    # The logarithm of the mean of exp(-g * wealth to come), per inventory.
    values = np.zeros(len(policy.inventories))
    propagator = _propagator(_generator(market, policy, 0, risk_factor), market.step_s, risk_factor)
    for step in reversed(range(market.steps)):
        if len(policy.bids) > 1:
            found = _generator(market, policy, step, risk_factor)
            propagator = _propagator(found, market.step_s, risk_factor)
        values = propagator.applied(values)
    return -float(values[policy.cap]) / risk_factor


class _Generator(NamedTuple):
    # Per inventory: the diagonal, the rates of fills, and what each adds to the wealth at the mid.
    diagonal: Numbers
    bought: Numbers
    sold: Numbers
    bid_edges: Numbers
    ask_edges: Numbers


class _Propagator(NamedTuple):
    # exp(time * generator) = exp(scale_log) * diag(exp(weights)) * matrix * diag(exp(-weights)).
    matrix: Numbers
    weights: Numbers
    scale_log: float

    def applied(self, values: Numbers) -> Numbers:
        inner = values - self.weights
        top = float(inner.max())
        with np.errstate(divide="ignore"):
            moved: Numbers = np.log(self.matrix @ np.exp(inner - top))
        return moved + self.weights + (top + self.scale_log)


def _generator(market: Market, policy: Policy, step: int, risk_factor: float) -> _Generator:
    (bids, asks), inventories = policy.row(step), policy.inventories
    most = FILLS_PER_STEP_MAX / market.step_s
    bought, sold = np.minimum(market.rates(bids), most), np.minimum(market.rates(asks), most)
    diagonal = (risk_factor * market.volatility * inventories) ** 2 / 2 - bought - sold
    bid_edges, ask_edges = market.bid_edge(bids, inventories), market.ask_edge(asks, inventories)
    return _Generator(diagonal, bought, sold, bid_edges, ask_edges)


def _propagator(found: _Generator, time_s: float, risk_factor: float) -> _Propagator:
    # Weighted by what the way back to flat costs, only round trips remain beside the diagonal: without that
    # a policy that pays a lot to get flat has entries far larger than what happens in a step.
    cap = len(found.diagonal) // 2
    weights = np.zeros(len(found.diagonal))
    weights[cap + 1 :] = -risk_factor * np.cumsum(found.ask_edges[cap + 1 :])
    weights[:cap] = -risk_factor * np.cumsum(found.bid_edges[:cap][::-1])[::-1]
    steps = np.diff(weights)
    above = found.bought[:-1] * np.exp(steps - risk_factor * found.bid_edges[:-1])
    below = found.sold[1:] * np.exp(-steps - risk_factor * found.ask_edges[1:])
    least = float(found.diagonal.min())
    matrix = (np.diag(found.diagonal - least) + np.diag(above, 1) + np.diag(below, -1)) * time_s
    squarings = max(0, frexp(float(matrix.sum(axis=1).max()))[1] + 1)
    matrix *= 0.5**squarings
    total = term = np.eye(len(matrix))
    for order in range(1, TERMS + 1):
        term = term @ matrix / order
        total = total + term
    scale_log = 0.0
    for _ in range(squarings):
        total = total @ total
        top = float(total.max())
        total /= top
        scale_log = 2 * scale_log + log(top)
    return _Propagator(total, weights, scale_log + least * time_s)


def _require(policy: Policy, risk_factor: float) -> None:
    if len(policy.bids) != 1:
        raise ValueError(f"the policy has {len(policy.bids)} rows, expected one for all times")
    _require_risk(risk_factor)


def _require_risk(risk_factor: float) -> None:
    if not risk_factor > 0:
        raise ValueError(f"risk_factor was {risk_factor}, expected more than 0")
