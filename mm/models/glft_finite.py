"""The exact quotes of Guéant, Lehalle and Fernandez-Tapia before the end of a session, with a cap.

With the matrix M of `mm.models.glft_asymptotic` and the time to the end t, the value of holding q lots is
ln(v_q) / k, v = exp(-M t) v_end. The exponential is summed and squared for c - M, c the largest diagonal
entry: that has no negative entry, so nothing cancels and every v_q is positive. Without drift the two halves
of the table are the same problem, and only one is solved: a cap of 30 takes some 6 ms then, else four times
that, and a cap of 60 five times as long as one of 30 (pure Python; `asymptotic` takes a quarter of one).

At the end of the session each lot held costs the impact of selling it: v_end = exp(-k x q^2 / 2).

Source: arXiv 1105.3115, propositions 1 and 2, theorem 1, propositions 4 and 5.
Invariant: as the time to the end grows the quotes become those of `asymptotic`; reversed drift, mirrored
quotes, to the last bit.
"""

from collections.abc import Sequence
from itertools import chain, pairwise
from math import exp, frexp, isfinite, log, sqrt
from operator import add, mul
from typing import Final, NamedTuple, TypeAlias

from mm.models.glft import Market, OutOfRange, require
from mm.models.glft_asymptotic import Matrix, matrix
from mm.models.glft_table import Table, table

CAP_MAX: Final = 100
"""Largest cap in lots: the time grows with its third power."""

TERMS: Final = 30
"""Of the exponential's series at a norm of at most one half."""

DOUBLINGS: Final = 6
"""Of the time that are products with the vector: squarings take cap / 2 times as long as one product."""

SETTLED: Final = 1e-14
"""Relative change by a squaring below which the next one would change nothing."""

VALUE_MIN: Final = 1e-280
"""Least value of an inventory, to the largest; smaller ones are made of numbers that lost their digits."""

Rows: TypeAlias = list[list[float]]


class Session(NamedTuple):
    """What is left of it.

    Fields: cap: lots at which the side that would add to them is off. horizon_s: time to the end.
        end_log: what one lot at the end costs, times k; q lots cost q^2 times that.
    """

    cap: int
    horizon_s: float
    end_log: float


class _Problem(NamedTuple):
    # exp(B) applied to what the session's end is worth. B is symmetric, tridiagonal, without negative entry:
    # its diagonal and what is beside it. Entries are carried times their weight, which in the half table is
    # the root of 2 for all but the first: that keeps B symmetric, though 0 couples to both its neighbours.
    diagonal: list[float]
    beside: list[float]
    ends_log: list[float]
    weights: list[float]


def finite(market: Market, cap: int, horizon_s: float) -> Table:
    """Return the quotes that are best `horizon_s` before the end; `ce` is what the rest is worth from flat.

    Args: cap: largest inventory in lots, 0 to `CAP_MAX`; at 0 both sides are off. horizon_s: >= 0.
    Raises: ValueError if one is not in its domain, OutOfRange if no floats hold the values (they span tens
        of decades; a lower cap, or `asymptotic`, does not need them).
    """
    session = Session(cap, horizon_s, market.decay * market.impact / 2)
    return session_table(matrix(market), session, market.decay, market.lot)


def session_table(found: Matrix, session: Session, decay: float, lot: float) -> Table:
    """Return the quotes that follow from a matrix and what is left of the session.

    Raises: ValueError if cap or horizon is not in its domain, OutOfRange if no floats hold the values.
    """
    if not 0 <= session.cap <= CAP_MAX:
        raise ValueError(f"cap was {session.cap} lots, expected 0 to {CAP_MAX}")
    require("horizon_s", session.horizon_s, least=0.0)
    if found.tilt < 0:
        return session_table(found._replace(tilt=-found.tilt), session, decay, lot).mirrored()
    lots = range(-session.cap if found.tilt else 0, session.cap + 1)
    shift = max(map(found.level, lots)) * session.horizon_s
    values, scale_log = _solved(_problem(found, lots, session))
    if not min(values) >= VALUE_MIN or not isfinite(shift + scale_log):
        raise OutOfRange(
            f"a value of up to {session.cap} lots was {min(values)}, expected more: lower the cap"
        )
    logs = [log(value) / decay for value in values]
    premiums = [after - before for before, after in pairwise(logs)]
    if not found.tilt:
        premiums = [*(-premium for premium in reversed(premiums)), *premiums]
    worth = logs[lots.index(0)] + (scale_log - shift) / decay
    return table(found.margin, premiums, eigenvalue=None, ce=worth * lot)


def _problem(found: Matrix, lots: range, session: Session) -> _Problem:
    horizon_s = session.horizon_s
    levels = [found.level(q) for q in lots]
    top = max(levels)
    beside = [found.coupling * horizon_s] * (len(lots) - 1)
    weights = [1.0] * len(lots)
    if lots[0] == 0 and beside:
        beside[0] *= sqrt(2)
        weights[1:] = [sqrt(2)] * (len(lots) - 1)
    ends_log = [-session.end_log * q * q for q in lots]
    return _Problem([(top - level) * horizon_s for level in levels], beside, ends_log, weights)


def _solved(problem: _Problem) -> tuple[list[float], float]:
    # The values, and the logarithm of what they have to be multiplied by.
    diagonal, beside, ends_log, weights = problem
    norm = max(map(sum, zip(diagonal, (0.0, *beside), (*beside, 0.0), strict=True)))
    top = max(ends_log)
    if not isfinite(norm) or not isfinite(top):
        raise OutOfRange("horizon_s or impact times what the cap costs was not finite")
    halvings = max(0, frexp(norm)[1] + 1)
    rows = _series(diagonal, beside, halvings)
    # The last squarings are cheaper as products with the vector, twice as many for each.
    doublings = min(halvings, DOUBLINGS)
    scale_log = ratio_log = 0.0
    settled = False
    for _ in range(halvings - doublings):
        if not settled:
            rows, ratio_log, settled = _squared(rows)
        scale_log = 2 * scale_log + ratio_log
    scale_log = scale_log * 2**doublings + top
    values = [weight * exp(end - top) for weight, end in zip(weights, ends_log, strict=True)]
    for _ in range(2**doublings):
        values = [sum(map(mul, row, values)) for row in rows]
        most = max(values) or 1.0  # where all are too small for floats they stay 0, and are refused
        values = [value / most for value in values]
        scale_log += log(most)
    return [value / weight for value, weight in zip(values, weights, strict=True)], scale_log


def _series(diagonal: Sequence[float], beside: Sequence[float], halvings: int) -> Rows:
    # exp(B / 2^halvings) by its series.
    size = len(diagonal)
    rows = [[1.0 if row == column else 0.0 for column in range(size)] for row in range(size)]
    term = rows
    nothing = [0.0] * size
    for order in range(1, TERMS + 1):
        scale = 0.5**halvings / order
        below = [*(scale * entry for entry in beside), 0.0]
        above = [0.0, *below[:-1]]
        # Each row of B has three entries: each row of the product is a sum of three rows.
        term = [
            [a * x + scale * d * y + b * z for x, y, z in zip(before, row, after, strict=True)]
            for a, d, b, before, row, after in zip(
                above, diagonal, below, (nothing, *term), term, (*term[1:], nothing), strict=False
            )
        ]
        rows = [list(map(add, row, more)) for row, more in zip(rows, term, strict=True)]
    return rows


def _squared(rows: Rows) -> tuple[Rows, float, bool]:
    # The square of a symmetric matrix, scaled to a largest entry of 1, the logarithm of that scale, and
    # whether it is the matrix as it was: a multiple of a projection, whose squares are its multiples.
    lower = [[sum(map(mul, row, other)) for other in rows[: index + 1]] for index, row in enumerate(rows)]
    top = max(map(max, lower))
    found = [[entry / top for entry in row] for row in lower]
    for index, row in enumerate(found):
        row.extend(found[other][index] for other in range(index + 1, len(found)))
    pairs = zip(chain.from_iterable(found), chain.from_iterable(rows), strict=True)
    settled = all(abs(new - old) <= SETTLED * old for new, old in pairs)
    return found, log(top), settled
