"""Quotes of Cartea and Jaimungal: a maker who minds the inventory, not the variance of the wealth.

Maximised is what the session earns, less phi times the integral of the squared inventory, less alpha times
the square of what is left at the end. That is the model of Guéant, Lehalle and Fernandez-Tapia at vanishing
aversion, with phi in the place of g * s^2 / 2, and a price on not ending flat.

Source: Cartea, Jaimungal and Penalva, Algorithmic and High-Frequency Trading, chapter 10. Fee, drift and lot
as in `mm.models.glft`.
Invariant: that of `mm.models.glft_finite`.
"""

from dataclasses import dataclass
from math import exp, inf

from mm.models.glft import require
from mm.models.glft_asymptotic import Matrix, ground_table, require_finite
from mm.models.glft_finite import Session, session_table
from mm.models.glft_table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Aims:
    """What the model is told. Prices in any one unit, inventory in any one unit, time in seconds.

    Fields:
        arrival_rate: A > 0, fills per second and side at distance 0. decay: k > 0, per price unit.
        holding_penalty: phi >= 0, price units per unit of inventory and second.
        closing_penalty: alpha >= 0, price units per unit of inventory left at the end.
        lot: inventory that one fill moves, > 0. fee: price units per fill, negative is a rebate.
        drift: of the mid, price units per second.
    """

    arrival_rate: float
    decay: float
    holding_penalty: float
    closing_penalty: float = 0.0
    lot: float = 1.0
    fee: float = 0.0
    drift: float = 0.0

    def __post_init__(self) -> None:
        """Raise ValueError, naming the field, if one is not finite or outside its domain."""
        for name in ("arrival_rate", "decay", "lot"):
            require(name, getattr(self, name), above=0.0)
        for name in ("holding_penalty", "closing_penalty"):
            require(name, getattr(self, name), least=0.0)
        for name in ("fee", "drift"):
            require(name, getattr(self, name))


def distances(aims: Aims, cap: int, horizon_s: float) -> Table:
    """Return the quotes that are best `horizon_s` before the end of the session.

    Args: cap: largest inventory in lots, 0 to that of `mm.models.glft_finite`. horizon_s: >= 0.
    Raises: ValueError if one is not in its domain, OutOfRange if no floats hold the values.
    """
    session = Session(cap, horizon_s, aims.closing_penalty * aims.lot * aims.decay)
    return session_table(_matrix(aims), session, aims.decay, aims.lot)


def endless(aims: Aims, cap: int) -> Table:
    """Return the quotes that are best far from the end, where the closing penalty no longer matters.

    Args: cap: largest inventory in lots, 0 to that of `mm.models.glft_table`.
    Raises: ValueError if it is not in its domain, OutOfRange if no floats hold the quotes.
    """
    return ground_table(_matrix(aims), cap, aims.decay, aims.lot)


def _matrix(aims: Aims) -> Matrix:
    k = aims.decay
    try:
        rate = aims.arrival_rate * exp(-k * aims.fee - 1)
    except OverflowError:
        rate = inf
    return require_finite(
        Matrix(
            margin=aims.fee + 1 / k,
            coupling=rate,
            curvature=k * aims.holding_penalty * aims.lot,
            tilt=k * aims.drift,
        )
    )
