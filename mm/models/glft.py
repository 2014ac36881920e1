"""Quotes of Guéant, Lehalle and Fernandez-Tapia: the market they are told, and the closed form.

Buyers and sellers reach a quote at distance d from the mid at the rate A * exp(-k * d) per second; the mid
diffuses with volatility s per square root of a second and drifts by m per second; each fill moves it by x
against the maker; g is the aversion to risk, f the fee. Of inventory q, counted in lots, with g for one lot:

    c0   = ln(1 + g / k) / g                                        (1 / k without aversion)
    S    = s * sqrt(g / (2 * A' * k) * (1 + g / k)^(1 + k / g)),    A' = A * exp(-k * (f + x / 2))
    bid  = mid - (f + x / 2 + c0 + S / 2 + q * S - m * S / (g * s^2))
    ask  = mid + (f + x / 2 + c0 + S / 2 - q * S + m * S / (g * s^2))

Lots of any size are the same market with the aversion g * lot. The closed form knows no inventory cap and is
the leading order for small inventories: `mm.models.glft_asymptotic` and `mm.models.glft_finite` are exact.

Source: arXiv 1105.3115, theorem 2, propositions 4 and 5; arXiv 1605.01862, (4.6) and (4.7) for the lot. The
fee is exact: what a quote at d earns, d - f, it earns at the rate of d.
Invariant: a bid at q is an ask at -q with the drift reversed, to the last bit. Nothing here is infinite or
not a number: what floats cannot hold is an `OutOfRange`.
"""

from dataclasses import dataclass
from math import exp, inf, isfinite, log, log1p, sqrt
from typing import Final, NamedTuple

RATIO_MIN: Final = 1e-12
"""Below this ratio of g to k the first two terms of the series are exact to the last bit."""

RATIO_LOG_MIN: Final = -700.0
RATIO_LOG_MAX: Final = 300.0
"""Natural logarithms of g / k between which `risk_factor_for` searches."""


class OutOfRange(ValueError, OverflowError):
    """The numbers are valid one by one, but no float holds the quotes that follow from them."""


class Distances(NamedTuple):
    """Quotes that are linear in the inventory, in the unit of price that the market had.

    Fields:
        half_spread: distance of both quotes from the mid without inventory and drift.
        skew: what one unit of inventory adds to the bid's distance and takes off the ask's.
        shift: what the drift takes off the bid's distance and adds to the ask's.
    """

    half_spread: float
    skew: float
    shift: float = 0.0

    def bid(self, inventory: float) -> float:
        """Return the bid's distance below the mid; negative when it is above."""
        return self.half_spread + inventory * self.skew - self.shift

    def ask(self, inventory: float) -> float:
        """Return the ask's distance above the mid; negative when it is below."""
        return self.half_spread - inventory * self.skew + self.shift


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What the model is told. Prices in any one unit, inventory in any one unit, time in seconds.

    Fields:
        risk_factor: g >= 0, per price and inventory unit.
        arrival_rate: A > 0, fills per second and side at distance 0.
        decay: k > 0, per price unit.
        volatility: s >= 0, price units per square root of a second.
        lot: inventory that one fill moves, > 0. fee: price units per fill, negative is a rebate.
        drift: m, price units per second; a funding rate F paid by longs per period is a drift of
            -F * price / period. impact: x, price units by which each fill moves the mid against the maker.
    """

    risk_factor: float
    arrival_rate: float
    decay: float
    volatility: float
    lot: float = 1.0
    fee: float = 0.0
    drift: float = 0.0
    impact: float = 0.0

    def __post_init__(self) -> None:
        """Raise ValueError, naming the field, if one is not finite or outside its domain."""
        for name in ("arrival_rate", "decay", "lot"):
            require(name, getattr(self, name), above=0.0)
        for name in ("risk_factor", "volatility"):
            require(name, getattr(self, name), least=0.0)
        for name in ("fee", "drift", "impact"):
            require(name, getattr(self, name))


def require(name: str, value: float, *, least: float = -inf, above: float = -inf) -> None:
    """Check one number. Raises: ValueError, naming it, unless it is finite, >= `least` and > `above`."""
    if not isfinite(value):
        raise ValueError(f"{name} was {value}, expected a finite number")
    if value < least:
        raise ValueError(f"{name} was {value}, expected at least {least:g}")
    if value <= above:
        raise ValueError(f"{name} was {value}, expected more than {above:g}")


def edge(risk_factor: float, decay: float) -> float:
    """Return c0, the distance that balances the rate of fills against what each earns; 1 / k without risk.

    Args: risk_factor: g >= 0 per price unit and lot. decay: k > 0 per price unit.
    """
    ratio = risk_factor / decay
    return log1p(ratio) / risk_factor if ratio > RATIO_MIN else (1 - ratio / 2) / decay


def growth(ratio: float) -> float:
    """Return the logarithm of (1 + ratio)^(1 + 1 / ratio), ratio = g / k >= 0; 1 without risk."""
    return (1 + 1 / ratio) * log1p(ratio) if ratio > RATIO_MIN else 1 + ratio / 2


def net_rate(market: Market) -> float:
    """Return A', the rate at distance 0 of the market without fee and impact that is quoted alike.

    Raises: OutOfRange when fee, impact and decay leave no fills to speak of, or more than a float holds.
    """
    try:
        rate = market.arrival_rate * exp(-market.decay * (market.fee + market.impact / 2))
    except OverflowError:
        rate = inf
    if not 0 < rate < inf:
        raise OutOfRange(
            f"the rate of fills at the mid after fee and impact was {rate}, expected a number above 0"
        )
    return rate


def slope(market: Market) -> float:
    """Return S, by which one lot of inventory moves both quotes. Raises: OutOfRange."""
    ratio = market.risk_factor * market.lot / market.decay
    found = market.volatility * sqrt(ratio / 2 / net_rate(market)) * exp(growth(ratio) / 2)
    return _in_range("the skew", found)


def closed_form(market: Market) -> Distances:
    """Return the quotes' distances.

    Raises: OutOfRange when no float holds them; also for a drift without aversion or without volatility,
        where holding the drift's way is free and no inventory is too much.
    """
    g, k = market.risk_factor * market.lot, market.decay
    per_lot = slope(market)
    half_spread = market.fee + market.impact / 2 + edge(g, k) + per_lot / 2
    return Distances(
        _in_range("the half spread", half_spread),
        _in_range("the skew", per_lot / market.lot),
        _in_range("the shift by the drift", _shift(market, per_lot)),
    )


def risk_factor_for(deviation: float, market: Market) -> float:
    """Return the aversion at which the inventory's standard deviation is about `deviation`.

    The stationary law of the inventory is nearly normal with the variance 1 / (2 k S) in lots; S rises with
    the aversion without bound, so there is exactly one. At caps well above the deviation the exact one is
    within 1 % of it for deviations of 2 lots and more.

    Args: deviation: > 0, in the market's unit of inventory. market: its risk_factor is not used.
    Raises: ValueError if the deviation is not positive or the volatility is 0 (nothing skews then);
        OutOfRange if no float is small or large enough.
    """
    require("deviation", deviation, above=0.0)
    require("volatility", market.volatility, above=0.0)
    lots_log = log(deviation) - log(market.lot)
    # Of x = g / k: S^2 = s^2 x / (2 A') e^growth(x), so ln x + growth(x) has to be this.
    wanted = log(net_rate(market)) - 2 * (log(market.volatility) + log(market.decay)) - 4 * lots_log - log(2)
    low, high = RATIO_LOG_MIN, RATIO_LOG_MAX
    if not low + 1 < wanted < high:
        raise OutOfRange(f"no risk_factor leaves an inventory deviation of {deviation}: change it")
    while low < (middle := (low + high) / 2) < high:
        if middle + growth(exp(middle)) < wanted:
            low = middle
        else:
            high = middle
    found = market.decay * exp(high) / market.lot
    return _in_range("the risk_factor", found if found > 0 else inf)


def _shift(market: Market, per_lot: float) -> float:
    if market.drift == 0:
        return 0.0
    risk = market.risk_factor * market.lot * market.volatility * market.volatility
    return market.drift * (per_lot / risk) if risk > 0 else inf


def _in_range(name: str, value: float) -> float:
    if not isfinite(value):
        raise OutOfRange(f"{name} was {value}, expected a finite number")
    return value
