"""What a quoting policy earns on Avellaneda's and Stoikov's market, exactly: no simulation, no error.

The market moves on a grid of time: each step the maker's quotes stand, each side is filled for one lot with a
probability that falls with its distance, both sides independently; then the mid moves up or down by
volatility * sqrt(step) with equal odds. Wealth is cash and inventory at the last mid. A policy is the two
distances for each step and inventory, so all moments of wealth and inventory follow from a recursion over
inventories, and the certainty equivalent from another one backwards in time.

Moments count fees and the jumps that fills cause; both recursions hold for any policy that sees the time and
its inventory, not the path. Invariant: the mass of all inventories is 1; the sides that would leave the
policy's inventories are off.
"""

from dataclasses import dataclass
from enum import Enum
from math import comb, sqrt
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.float64]

EXPONENT_MAX: Final = 700.0
"""Arguments of exp are bounded by this; a rate this large fills for certain."""

OUTCOMES: Final = ((0, 0), (1, 0), (0, 1), (1, 1))
"""Fills of one step: of the ask, of the bid."""


class FillLaw(Enum):
    """The probability of a fill within a step, from the rate that the distance has."""

    LITERAL = "literal"
    """min(1, rate * step), as in the paper's simulation."""

    EXPONENTIAL = "exponential"
    """1 - exp(-rate * step)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """The simulated market; prices in any one unit, inventory in lots.

    Fields:
        volatility: >= 0, per square root of a second. arrival_rate, decay: A, k > 0: fills per second and
            side at distance d are A * exp(-k * d). step_s: > 0. steps: of the session, >= 1.
        fee: per fill, negative is a rebate. impact: by which a fill moves the mid against the maker.
    """

    volatility: float
    arrival_rate: float
    decay: float
    step_s: float
    steps: int
    fee: float = 0.0
    impact: float = 0.0
    law: FillLaw = FillLaw.LITERAL

    @property
    def move(self) -> float:
        """What the mid moves by in a step."""
        return self.volatility * sqrt(self.step_s)

    def rates(self, distances: Numbers) -> Numbers:
        """Return the fills per second at distances; 0 where a side is off (not a number)."""
        exponents = np.minimum(-self.decay * distances, EXPONENT_MAX)
        return np.where(np.isnan(distances), 0.0, self.arrival_rate * np.exp(exponents))

    def fill_probabilities(self, distances: Numbers) -> Numbers:
        """Return the probabilities of a fill within a step; 0 where a side is off (not a number)."""
        rates = self.rates(distances) * self.step_s
        if self.law is FillLaw.LITERAL:
            return np.minimum(1.0, rates)
        return -np.expm1(-rates)

    def ask_edge(self, distances: Numbers, inventories: Numbers) -> Numbers:
        """Return what a sale adds to the wealth at the mid, the jump that it causes included; 0 where off."""
        return np.nan_to_num(distances - self.fee + (inventories - 1) * self.impact)

    def bid_edge(self, distances: Numbers, inventories: Numbers) -> Numbers:
        """Return what a purchase adds to the wealth at the mid, its jump included; 0 where off."""
        return np.nan_to_num(distances - self.fee - (inventories + 1) * self.impact)


@dataclass(frozen=True, slots=True)
class Policy:
    """Distances of the quotes from the mid, per step (rows) and inventory -cap..cap (columns).

    Fields: bids, asks: not a number where a side is off. One row stands for every step alike.
    """

    bids: Numbers
    asks: Numbers

    def __post_init__(self) -> None:
        """Raise ValueError unless the shapes fit and no side leads out of the inventories."""
        if self.bids.ndim != 2 or self.bids.shape != self.asks.shape or self.bids.shape[1] % 2 == 0:
            raise ValueError(
                f"bids and asks were of shapes {self.bids.shape} and {self.asks.shape}, expected two alike,"
                " steps by an odd number of inventories"
            )
        if not (np.isnan(self.bids[:, -1]).all() and np.isnan(self.asks[:, 0]).all()):
            raise ValueError("the bid at the upper cap or the ask at the lower one was not off, expected nan")

    @property
    def cap(self) -> int:
        """The largest inventory."""
        return int(self.bids.shape[1]) // 2

    @property
    def inventories(self) -> Numbers:
        """The inventories that the columns stand for."""
        return np.arange(-self.cap, self.cap + 1, dtype=np.float64)

    def row(self, step: int) -> tuple[Numbers, Numbers]:
        """Return the distances of bids and asks in a step."""
        at = step if len(self.bids) > 1 else 0
        return self.bids[at], self.asks[at]

    def require_steps(self, market: Market) -> None:
        """Raise ValueError unless there is a row for every step of the market, or one for all."""
        if len(self.bids) not in (1, market.steps):
            raise ValueError(f"the policy has {len(self.bids)} rows, expected 1 or {market.steps}")


@dataclass(frozen=True, slots=True)
class Moments:
    """Of wealth and inventory at the end, begun without either.

    Fields: mean, sd, kurtosis: of the wealth. mean_q, sd_q, kurtosis_q: of the inventory.
        fills: expected. The kurtosis is not the excess: 3 is a normal's; 0 where nothing varies.
    """

    mean: float
    sd: float
    kurtosis: float
    mean_q: float
    sd_q: float
    kurtosis_q: float
    fills: float


@dataclass(frozen=True, slots=True)
class StandardErrors:
    """Of the same statistics over independent simulated sessions."""

    mean: float
    sd: float
    mean_q: float
    sd_q: float


def moments(market: Market, policy: Policy) -> Moments:
    """Return the exact moments of a policy on a market. Raises: ValueError if it lacks rows."""
    policy.require_steps(market)
    inventories = policy.inventories
    jumps = market.move ** np.array([2.0, 4.0])
    # Row j holds E[wealth^j; inventory] per inventory.
    held = np.zeros((5, len(inventories)))
    held[0, policy.cap] = 1.0
    fills = 0.0
    for step in range(market.steps):
        bids, asks = policy.row(step)
        odds = market.fill_probabilities(bids), market.fill_probabilities(asks)
        fills += float(held[0] @ (odds[0] + odds[1]))
        held = _moved(after_fills(market, (bids, asks), odds, held), inventories, jumps)
    wealth = held.sum(axis=1)
    ends = np.array([(held[0] * inventories**power).sum() for power in range(5)])
    return moments_of(wealth, ends, fills)


def moments_of(wealth: Numbers, lots: Numbers, fills: float) -> Moments:
    """Return the moments from the raw ones, powers 0 to 4, of wealth and inventory."""
    return Moments(*_mean_sd_kurtosis(wealth), *_mean_sd_kurtosis(lots), fills)


def standard_errors(found: Moments, runs: int) -> StandardErrors:
    """Return the standard errors of the statistics of `runs` >= 2 independent sessions.

    That of a deviation is the first-order one, for any kurtosis, not the normal's.
    """
    excess = (runs - 3) / (runs - 1)
    return StandardErrors(
        found.sd / sqrt(runs),
        found.sd / 2 * sqrt(max(0.0, found.kurtosis - excess) / runs),
        found.sd_q / sqrt(runs),
        found.sd_q / 2 * sqrt(max(0.0, found.kurtosis_q - excess) / runs),
    )


def certainty_equivalent(market: Market, policy: Policy, risk_factor: float) -> float:
    """Return the sure wealth that is worth as much as the policy's, begun without inventory.

    Args: risk_factor: g > 0 of the utility -exp(-g * wealth).
    Raises: ValueError if the policy lacks rows, or g is not above 0.
    """
    policy.require_steps(market)
    if not risk_factor > 0:
        raise ValueError(f"risk_factor was {risk_factor}, expected more than 0")
    inventories = policy.inventories
    # The logarithm of the mean of exp(-g * wealth to come), per inventory.
    values = np.zeros(len(inventories))
    for step in reversed(range(market.steps)):
        moved = values + log_cosh(risk_factor * market.move * inventories)
        values = before_fills(market, policy.row(step), moved, risk_factor)
    return -float(values[policy.cap]) / risk_factor


def before_fills(
    market: Market, distances: tuple[Numbers, Numbers], after: Numbers, risk_factor: float
) -> Numbers:
    """Return the logarithm of the mean of exp(-g * wealth to come) before fills from that after them.

    Args: distances: of bids and asks. All arrays have the inventories -cap..cap along their first axis.
    """
    (bids, asks), inventories = distances, inventories_of(after)
    with np.errstate(divide="ignore"):
        sold, bought = np.log(market.fill_probabilities(asks)), np.log(market.fill_probabilities(bids))
        unsold = np.log1p(-market.fill_probabilities(asks))
        unbought = np.log1p(-market.fill_probabilities(bids))
    sold -= risk_factor * market.ask_edge(asks, inventories)
    bought -= risk_factor * market.bid_edge(bids, inventories)
    # With both filled the mid jumps there and back.
    both = sold + bought - 2 * risk_factor * market.impact
    terms = (
        unsold + unbought + after,
        sold + unbought + shifted(after, -1),
        bought + unsold + shifted(after, 1),
        both + after,
    )
    found: Numbers = np.logaddexp.reduce(terms)
    return found


def after_fills(
    market: Market, distances: tuple[Numbers, Numbers], odds: tuple[Numbers, Numbers], held: Numbers
) -> Numbers:
    """Return E[wealth^j; state] after a step's fills from that before them.

    Args: distances, odds: of bids and asks. held: j = 0 to 4 along the first axis; then, as in the others,
    the inventories -cap..cap, and what else a state has.
    """
    inventories = inventories_of(held[0])
    ask_edge, bid_edge = (
        market.ask_edge(distances[1], inventories),
        market.bid_edge(distances[0], inventories),
    )
    found = np.zeros_like(held)
    for sold, bought in OUTCOMES:
        odd = (odds[1] if sold else 1 - odds[1]) * (odds[0] if bought else 1 - odds[0])
        edge = sold * ask_edge + bought * bid_edge + 2 * sold * bought * market.impact
        found += np.array([shifted(row * odd, sold - bought, 0.0) for row in raised(held, edge)])
    return found


def raised(held: Numbers, gain: Numbers) -> list[Numbers]:
    """Return E[(wealth + gain)^j; state], j = 0 to 4, from E[wealth^j; state]."""
    powers = [np.ones_like(gain)]
    for _ in range(len(held) - 1):
        powers.append(powers[-1] * gain)
    return [sum(comb(j, i) * powers[j - i] * held[i] for i in range(j + 1)) for j in range(len(held))]


def inventories_of(values: Numbers) -> Numbers:
    """Return the inventories -cap..cap along the first axis, to be combined with `values`."""
    cap = len(values) // 2
    return np.arange(-cap, cap + 1, dtype=np.float64).reshape(-1, *[1] * (values.ndim - 1))


def log_cosh(values: Numbers) -> Numbers:
    """Return ln cosh, also where cosh has no float."""
    found: Numbers = np.logaddexp(values, -values) - np.log(2.0)
    return found


def shifted(row: Numbers, by: int, nothing: float = -np.inf) -> Numbers:
    """Return the row whose entry at q is the given one's at q + `by`; `nothing` where that lies outside."""
    found = np.full_like(row, nothing)
    size = len(row)
    found[max(0, -by) : size - max(0, by)] = row[max(0, by) : size - max(0, -by)]
    return found


def _moved(held: Numbers, inventories: Numbers, jumps: Numbers) -> Numbers:
    # The mid moves up or down: odd powers of the move vanish.
    second, fourth = inventories**2 * jumps[0], inventories**4 * jumps[1]
    return np.array(
        [
            held[0],
            held[1],
            held[2] + second * held[0],
            held[3] + 3 * second * held[1],
            held[4] + 6 * second * held[2] + fourth * held[0],
        ]
    )


def _mean_sd_kurtosis(raw: Numbers) -> tuple[float, float, float]:
    # From raw moments; the mass is 1 but for rounding.
    mean = raw[1]
    variance = max(0.0, raw[2] - mean**2)
    fourth = raw[4] - 4 * mean * raw[3] + 6 * mean**2 * raw[2] - 3 * mean**4
    return float(mean), sqrt(variance), float(fourth / variance**2) if variance > 0 else 0.0
