"""Quotes of Guéant for several assets whose prices move together: what one holds skews all the others.

With the notation of `mm.models.glft` per asset i, n_i = A'_i (1 + g/k_i)^-(1 + k_i/g), the covariance C of
the mids per second and D = diag(k_i n_i):

    M     = D^(-1/2) (D^(1/2) (g / 2) C D^(1/2))^(1/2) D^(-1/2)
    bid_i = mid_i - (f_i + x_i / 2 + c0_i + M_ii / 2 + (M q)_i)
    ask_i = mid_i + (f_i + x_i / 2 + c0_i + M_ii / 2 - (M q)_i)

For one asset M is S. It is the leading order for small inventories and knows no caps; against the exact
problem of two assets it is within .011 for up to 5 lots of each (k = 1.5).

Source: arXiv 1605.01862; the root is taken by Jacobi's rotations, the formula derived. A root halves the
digits of what is nearly 0: at correlations of 1 and -1 eight of them are left.
Invariant: M is symmetric and positive semi-definite; bids at q are asks at -q, to the last bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import exp, hypot, inf, isfinite, sqrt
from typing import Final, TypeAlias

from mm.models.glft import Market, OutOfRange, edge, growth, net_rate, require

SWEEPS_MAX: Final = 60
"""Rounds of rotations; each roughly squares what is left off the diagonal, so a few are enough."""

NEGATIVE: Final = -1e-12
"""Eigenvalues of a correlation matrix below this, per asset, are no rounding."""

EPSILON: Final = 1e-17
"""Entries below this, to the diagonal, change no eigenvalue."""

Rows: TypeAlias = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Basket:
    """Quotes that are linear in all inventories, each asset in its own units of price and inventory.

    Fields: half_spreads: distance of both quotes of an asset from its mid with nothing held.
        skews: what one unit of asset j (column) adds to the bid's distance of asset i (row).
    """

    half_spreads: tuple[float, ...]
    skews: Rows

    def bid(self, asset: int, inventories: Sequence[float]) -> float:
        """Return the bid's distance below the mid; negative when it is above."""
        return self.half_spreads[asset] + self._shift(asset, inventories)

    def ask(self, asset: int, inventories: Sequence[float]) -> float:
        """Return the ask's distance above the mid; negative when it is below."""
        return self.half_spreads[asset] - self._shift(asset, inventories)

    def _shift(self, asset: int, inventories: Sequence[float]) -> float:
        return sum(skew * held for skew, held in zip(self.skews[asset], inventories, strict=True))


def basket(risk_factor: float, markets: Sequence[Market], correlations: Sequence[Sequence[float]]) -> Basket:
    """Return the quotes of assets whose values are counted in one currency.

    Args:
        risk_factor: g >= 0, per unit of that currency.
        markets: one per asset; price times inventory is in that currency, risk_factor is not used.
        correlations: of the mids: symmetric, 1 on the diagonal, positive semi-definite.
    Raises: ValueError if an argument is not that, or a market has a drift; OutOfRange if no floats hold the
        quotes.
    """
    require("risk_factor", risk_factor, least=0.0)
    _require_correlations(correlations, len(markets))
    if any(market.drift for market in markets):
        raise ValueError("a market's drift was not 0: this model has none")
    weights = [_weight(risk_factor, market) for market in markets]
    spans = [market.volatility * market.lot * w for market, w in zip(markets, weights, strict=True)]
    inner = [
        [risk_factor / 2 * spans[i] * spans[j] * entry for j, entry in enumerate(row)]
        for i, row in enumerate(correlations)
    ]
    # Back from lots to units: of inventory for the column, of price for the row.
    scales = [weight * market.lot for market, weight in zip(markets, weights, strict=True)]
    skews = tuple(
        tuple(entry / scales[i] / scales[j] for j, entry in enumerate(row))
        for i, row in enumerate(square_root(inner))
    )
    half_spreads = tuple(
        market.fee
        + market.impact / 2
        + edge(risk_factor * market.lot, market.decay)
        + row[i] * market.lot / 2
        for i, (market, row) in enumerate(zip(markets, skews, strict=True))
    )
    if not all(map(isfinite, (*half_spreads, *chain.from_iterable(skews)))):
        raise OutOfRange("the quotes were not finite: no floats hold them")
    return Basket(half_spreads, skews)


def square_root(rows: Sequence[Sequence[float]]) -> list[list[float]]:
    """Return the positive semi-definite square root of a symmetric matrix; eigenvalues below 0 count as 0.

    Raises: OutOfRange if an entry is not finite.
    """
    if not all(map(isfinite, chain.from_iterable(rows))):
        raise OutOfRange("the matrix was not finite: no floats hold the quotes")
    values, vectors = eigen(rows)
    roots = [sqrt(max(0.0, value)) for value in values]
    size = range(len(roots))
    found = [[0.0] * len(roots) for _ in size]
    for i in size:
        for j in range(i + 1):
            entry = sum(v[i] * root * v[j] for root, v in zip(roots, vectors, strict=True))
            found[i][j] = found[j][i] = entry
    return found


def eigen(rows: Sequence[Sequence[float]]) -> tuple[list[float], list[list[float]]]:
    """Return eigenvalues and orthonormal eigenvectors (in the same order) of a finite symmetric matrix."""
    matrix = [list(row) for row in rows]
    size = len(matrix)
    vectors = [[1.0 if i == j else 0.0 for j in range(size)] for i in range(size)]
    sweeps, turned = 0, True
    while turned and sweeps < SWEEPS_MAX:
        sweeps, turned = sweeps + 1, False
        for i in range(size):
            for j in range(i + 1, size):
                turned = _rotate(matrix, vectors, i, j) or turned
    return [matrix[i][i] for i in range(size)], vectors


def _rotate(matrix: list[list[float]], vectors: list[list[float]], i: int, j: int) -> bool:
    # Turns rows and columns i and j so that the entry between them becomes 0; False if it is nothing.
    between = matrix[i][j]
    # The square root of the product of the diagonal, without overflow, is the scale of what rounding leaves.
    if abs(between) <= EPSILON * sqrt(abs(matrix[i][i])) * sqrt(abs(matrix[j][j])) or between == 0:
        matrix[i][j] = matrix[j][i] = 0.0
        return False
    half = (matrix[j][j] - matrix[i][i]) / 2 / between
    tangent = (1.0 if half >= 0 else -1.0) / (abs(half) + hypot(1.0, half))
    cosine = 1 / hypot(1.0, tangent)
    sine = tangent * cosine
    for row in matrix:
        row[i], row[j] = cosine * row[i] - sine * row[j], sine * row[i] + cosine * row[j]
    for rows in (matrix, vectors):
        first, second = rows[i], rows[j]
        rows[i] = [cosine * x - sine * y for x, y in zip(first, second, strict=True)]
        rows[j] = [sine * x + cosine * y for x, y in zip(first, second, strict=True)]
    matrix[i][j] = matrix[j][i] = 0.0
    return True


def _weight(risk_factor: float, market: Market) -> float:
    # The root of k n for prices per lot: so counted, every asset has lots of 1 and the same aversion.
    fills = net_rate(market) * exp(-growth(risk_factor * market.lot / market.decay))
    found = sqrt(fills) * sqrt(market.decay) / sqrt(market.lot)
    if not 0 < found * market.lot < inf:
        raise OutOfRange(f"the root of a rate of fills was {found}, expected a finite number above 0")
    return found


def _require_correlations(rows: Sequence[Sequence[float]], size: int) -> None:
    if size < 1 or len(rows) != size or any(len(row) != size for row in rows):
        raise ValueError(f"correlations were not {size} rows of {size} numbers, expected at least one")
    for i, row in enumerate(rows):
        for j, entry in enumerate(row):
            if not -1 <= entry <= 1 or entry != rows[j][i] or (i == j and entry != 1):
                raise ValueError(f"correlation {i}, {j} was {entry}, expected -1..1, symmetric, 1 to itself")
    values, _ = eigen(rows)
    if min(values) < NEGATIVE * size:
        raise ValueError(f"correlations contradict each other: the smallest eigenvalue was {min(values):g}")
