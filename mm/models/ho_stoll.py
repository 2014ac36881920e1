"""Quotes of Ho and Stoll: demand that falls in a straight line with the distance, until there is none.

Buyers and sellers reach a quote at distance d at the rate a - b * d, up to d = a / b. With g, s, q and m as
in `mm.models.glft` and t seconds to the end of the session, each side stands half way between what the trade
is worth to the maker and where nobody trades any more:

    bid = mid - (a / b + f + g * s^2 * t / 2 + q * g * s^2 * t - m * t) / 2
    ask = mid + (a / b + f + g * s^2 * t / 2 - q * g * s^2 * t + m * t) / 2

Source: Ho and Stoll, Journal of Financial Economics 9, 1981; the formula is derived, to first order in g.
Invariant: a bid at q is an ask at -q with the drift reversed, to the last bit.
"""

from dataclasses import dataclass
from math import isfinite

from mm.models.glft import Distances, OutOfRange, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What the model is told. Prices in any one unit, inventory in any one unit, time in seconds.

    Fields:
        risk_factor: g >= 0, per price and inventory unit. volatility: s >= 0.
        rate: a > 0, fills per second and side at distance 0. rate_slope: b > 0, by which each price unit of
            distance lowers it. lot: inventory that one fill moves, > 0.
        fee: price units per fill, negative is a rebate. drift: of the mid, price units per second.
    """

    risk_factor: float
    volatility: float
    rate: float
    rate_slope: float
    lot: float = 1.0
    fee: float = 0.0
    drift: float = 0.0

    def __post_init__(self) -> None:
        """Raise ValueError, naming the field, if one is not finite or outside its domain."""
        for name in ("rate", "rate_slope", "lot"):
            require(name, getattr(self, name), above=0.0)
        for name in ("risk_factor", "volatility"):
            require(name, getattr(self, name), least=0.0)
        for name in ("fee", "drift"):
            require(name, getattr(self, name))


def distances(demand: Demand, horizon_s: float) -> Distances:
    """Return the quotes' distances `horizon_s` >= 0 before the end; beyond a / b nobody trades.

    Raises: ValueError if the horizon is not in its domain, OutOfRange if no floats hold the distances.
    """
    require("horizon_s", horizon_s, least=0.0)
    risk = demand.risk_factor * demand.volatility * demand.volatility * horizon_s
    half_spread = (demand.rate / demand.rate_slope + demand.fee + risk * demand.lot / 2) / 2
    found = Distances(half_spread, risk / 2, demand.drift * horizon_s / 2)
    if not all(map(isfinite, found)):
        raise OutOfRange("the distances were not finite: shorten the horizon or lower the risk_factor")
    return found
