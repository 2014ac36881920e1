"""Quotes of Avellaneda and Stoikov: exact at the end of a session, ever wider and more skewed before it.

In the notation of `mm.models.glft`, t seconds before the end:

    bid = mid - (f + c0 + g * s^2 * t / 2 + q * g * s^2 * t - m * t)
    ask = mid + (f + c0 + g * s^2 * t / 2 - q * g * s^2 * t + m * t)

which is the optimum's expansion for small t: far from the end it gives up half the utility. Two ways to quote
without an end: `infinite_horizon`, the paper's own, and `frozen_horizon_s`, the t at which these quotes are
the closed form of Guéant, Lehalle and Fernandez-Tapia.

Source: Quantitative Finance 8(3), 2008, 217-224, (29), (30) and section 2.3. Fee and lot as in
`mm.models.glft`; the drift is that of an inventory that is held to the end. Fills do not move this market.
Invariant: with a session, a bid at q is an ask at -q with the drift reversed, to the last bit. The infinite
horizon is not symmetric, in the paper neither.
"""

from math import inf, isfinite, log1p

from mm.models.glft import Distances, Market, OutOfRange, edge, require, slope


def distances(market: Market, horizon_s: float) -> Distances:
    """Return the quotes' distances `horizon_s` >= 0 before the end of the session.

    Raises: ValueError if the horizon is not in its domain or the market has an impact; OutOfRange if no
        floats hold the distances.
    """
    require("horizon_s", horizon_s, least=0.0)
    _require_no_impact(market)
    risk = market.risk_factor * market.volatility * market.volatility * horizon_s
    own = edge(market.risk_factor * market.lot, market.decay)
    found = Distances(market.fee + own + risk * market.lot / 2, risk, market.drift * horizon_s)
    if not all(map(isfinite, found)):
        raise OutOfRange("the distances were not finite: shorten the horizon or lower the risk_factor")
    return found


def infinite_horizon(market: Market, lots: int, cap: int) -> tuple[float | None, float | None]:
    """Return the distances of bid and ask of the endless session; None where the side is off.

    The volatility cancels, and what is left depends on the cap as much as on the aversion.

    Args: lots: held; beyond the cap counts as at the cap. cap: at which the side that adds is off, >= 1.
    Raises: ValueError if the cap is below 1, the market has impact or drift, or its risk_factor is 0 (the
        quotes grow without bound as it falls); OutOfRange if no floats hold the distances.
    """
    _require_no_impact(market)
    g = market.risk_factor * market.lot
    require("risk_factor times lot", g, above=0.0)
    if market.drift != 0:
        raise ValueError(f"drift was {market.drift}, expected 0: this model has none")
    if cap < 1:
        raise ValueError(f"cap was {cap} lots, expected at least 1")
    own = market.fee + edge(g, market.decay)
    held = max(-cap, min(cap, lots))
    bid = ask = None
    if held < cap:
        bid = _in_range(own - reservation_offset(g, held, cap, -1))
    if held > -cap:
        ask = _in_range(own + reservation_offset(g, held, cap, 1))
    return bid, ask


def reservation_offset(risk_factor: float, lots: int, cap: int, sign: int) -> float:
    """Return how far above the mid one lot more (`sign` -1) or less (1) is bought or sold at no gain.

    Args: risk_factor: above 0, per price unit and lot. lots: held, within the cap; the bid's has to be below.
    """
    share = (sign - 2 * lots) / ((cap + 1) ** 2 - lots**2)
    return log1p(share) / risk_factor


def frozen_horizon_s(market: Market) -> float:
    """Return the time to the end at which `distances` are those of the closed form: about that of one fill.

    Raises: ValueError if risk_factor or volatility is 0 (they agree at every horizon), or the market has an
        impact; OutOfRange if no float holds it.
    """
    _require_no_impact(market)
    require("risk_factor", market.risk_factor, above=0.0)
    require("volatility", market.volatility, above=0.0)
    risk = market.risk_factor * market.lot * market.volatility * market.volatility
    return _in_range(slope(market) / risk if risk > 0 else inf)


def _require_no_impact(market: Market) -> None:
    if market.impact != 0:
        raise ValueError(f"impact was {market.impact}, expected 0: in this model fills do not move the mid")


def _in_range(value: float) -> float:
    if not isfinite(value):
        raise OutOfRange(f"a distance or horizon was {value}, expected a finite number")
    return value
