"""The exact quotes of Guéant, Lehalle and Fernandez-Tapia far from the end of the session, with a cap.

In the notation of `mm.models.glft`: the value of holding q lots is ln(f_q) / k, where f is the positive
eigenvector of the smallest eigenvalue of the tridiagonal matrix over -cap..cap with the diagonal
a_q = k g s^2 q^2 / 2 - k m q beside -n, n = A' (1 + g/k)^-(1 + k/g). The eigenvalue is bisected by the signs
of the matrix's pivots; the ratios of neighbours of f are the pivots' inverses. Both run from the caps towards
the smallest a_q, where every term is positive: nothing cancels and no linear algebra is needed.

Source: arXiv 1105.3115, theorem 2 and propositions 4 and 5; the bisection is ours, within 5e-15 of 40-digit
arithmetic for quotes.
Invariant: the quotes of the reversed drift are the mirror image, to the last bit.
"""

from collections.abc import Sequence
from math import exp, isfinite, log
from typing import Final, NamedTuple

from mm.models.glft import Market, OutOfRange, edge, growth, net_rate
from mm.models.glft_table import Table, require_cap, table

BELOW: Final = -2.0 - 1e-9
"""No eigenvalue is lower, in units of n and from the smallest diagonal entry."""


class Matrix(NamedTuple):
    """The model's matrix for inventory counted in lots, per second.

    Fields:
        margin: what both quotes keep from the mid whatever the inventory: fee, half the impact, c0.
        coupling: n, above 0. curvature: k g s^2 / 2, not negative. tilt: k m.
    """

    margin: float
    coupling: float
    curvature: float
    tilt: float

    def level(self, lots: int) -> float:
        """Return the diagonal entry of an inventory."""
        return (self.curvature * lots - self.tilt) * lots


def matrix(market: Market) -> Matrix:
    """Return the matrix of a market, its inventory counted in lots.

    Raises: OutOfRange if an entry is not finite, or no fills are left off the diagonal.
    """
    g, k = market.risk_factor * market.lot, market.decay
    return require_finite(
        Matrix(
            margin=market.fee + market.impact / 2 + edge(g, k),
            coupling=net_rate(market) * exp(-growth(g / k)),
            curvature=k * g * market.volatility * market.volatility / 2,
            tilt=k * market.drift,
        )
    )


def require_finite(found: Matrix) -> Matrix:
    """Return the matrix. Raises: OutOfRange if an entry is not finite, or nothing is off the diagonal."""
    if not all(map(isfinite, found)) or found.coupling <= 0:
        raise OutOfRange(f"the model's matrix was {found}, expected finite numbers and a coupling above 0")
    return found


def asymptotic(market: Market, cap: int) -> Table:
    """Return the quotes that are best for ever; `ce` is what they are worth per second.

    Args: cap: largest inventory in lots, 0 to `CAP_MAX`; at 0 both sides are off.
    Raises: ValueError if the cap is not in its domain, OutOfRange if no floats hold the quotes.
    """
    return ground_table(matrix(market), cap, market.decay, market.lot)


def ground_table(found: Matrix, cap: int, decay: float, lot: float) -> Table:
    """Return the quotes that follow from a matrix's smallest eigenvalue and its eigenvector.

    Raises: ValueError if the cap is not in its domain, OutOfRange if no floats hold the quotes.
    """
    require_cap(cap)
    if found.tilt < 0:
        return ground_table(found._replace(tilt=-found.tilt), cap, decay, lot).mirrored()
    centre = min(range(cap + 1), key=found.level)
    above = [_gap(found, lots, centre) for lots in range(cap, centre, -1)]
    below = [_gap(found, lots, centre) for lots in range(-cap, centre)]
    lowest = _ground(above, below) if cap else 0.0
    eigenvalue = found.level(centre) + found.coupling * lowest
    premiums = [
        *(-log(ratio) / decay for ratio in _ratios(below, lowest)),
        *(log(ratio) / decay for ratio in reversed(_ratios(above, lowest))),
    ]
    return table(found.margin, premiums, eigenvalue=eigenvalue, ce=-eigenvalue / decay * lot)


def _gap(found: Matrix, lots: int, centre: int) -> float:
    # A diagonal entry less the smallest one, factored so that the difference keeps its digits.
    gap = (lots - centre) * (found.curvature * (lots + centre) - found.tilt) / found.coupling
    if not isfinite(gap):
        raise OutOfRange(f"the cost of holding {lots} lots was {gap} fills, expected a finite number")
    return gap


def _ratios(gaps: Sequence[float], trial: float) -> list[float]:
    # Of each entry of f to its neighbour nearer the centre, from the cap inwards. They end early where a
    # pivot is not positive: the trial is above the eigenvalue.
    ratio = 0.0
    found = []
    for gap in gaps:
        pivot = gap - trial - ratio
        if pivot <= 0:
            break
        ratio = 1 / pivot
        found.append(ratio)
    return found


def _ground(above: Sequence[float], below: Sequence[float]) -> float:
    # The smallest eigenvalue from below, in units of n and from the smallest diagonal entry.
    low, high = BELOW, 0.0
    same = above == below
    while low < (middle := (low + high) / 2) < high:
        upper = _ratios(above, middle)
        lower = upper if same else _ratios(below, middle)
        whole = len(upper) == len(above) and len(lower) == len(below)
        if whole and -middle > (upper[-1] if upper else 0.0) + (lower[-1] if lower else 0.0):
            low = middle
        else:
            high = middle
    return low
