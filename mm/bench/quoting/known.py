"""What is known exactly of a contender on a market, of the best that can be done there, and what is not.

Two scores. The certainty equivalent of a session is compared with the best policy's of the same market and
session: the literal market's by dynamic programming, the continuous one's by its linear equation; ticks and
latency are the maker's, the best has none. The certainty equivalent per second for ever, in continuous time,
is compared with the largest there is: the score of the model itself, which no session's end and no steps of
time blur.

They differ most where fills move the mid: at the end of a session it pays to be flat, by `impact` a lot for
every lot held, many times what inventory costs on the way. At an aversion of 0.1, quotes that know no end
lose less than 0.001 % of the rate for ever, but 1.8 % of a session of one second at an impact of 0.4 and
5.0 % at 0.8. `glft_finite`, told the session's length, loses 1.0 and 1.9 %; what is left is the literal
market's own: a fill a step and side at most, on which the best policy there counts and no model does (in
continuous time it loses 0.004 and 0.014 %).

Invariant: nothing here is drawn, and where there is no figure there is a reason.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import expm1, inf, sqrt
from typing import Final

from mm.bench.quoting import exact_continuous_moments, exact_ticks
from mm.bench.quoting.contenders import CONTENDERS, Contender, Scene
from mm.bench.quoting.desk import HOME
from mm.bench.quoting.exact import Market, Moments, Policy, certainty_equivalent, moments
from mm.bench.quoting.exact_continuous import rate_for_ever, session_certainty_equivalent
from mm.bench.quoting.exact_hysteresis import Chain, Tolerant
from mm.bench.quoting.exact_optimum import optimum
from mm.bench.quoting.exact_ticks import PLACES, Ticked
from mm.bench.quoting.policy import policy_of, tolerance_of, tolerance_ticks_of
from mm.models import glft
from mm.models.glft_asymptotic import asymptotic
from mm.models.glft_finite import finite

FINE_TICK: Final = Decimal("0.02")
"""Up to this tick it makes no difference where between two of them the mid lies; beyond, that is part of the
state (`exact_ticks`)."""

HYSTERESIS_TICK: Final = Decimal("0.01")
"""The same for orders that stay while near enough: whether one does is a matter of a tick."""

BESTS_KEPT: Final = 16
"""All points of a grid are one market, and its best takes a second."""

EXPONENT_MAX: Final = 100.0
"""Squared deviations of a utility beyond exp of this are infinite for all that sessions can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """Of one contender. Fields: equivalent: certainty equivalent of the session; spread: squared deviation of
    the utility as a share of its squared mean, infinite where no number of sessions tells; messages:
    expected, None where they are not counted; rate: certainty equivalent per second for ever, None where
    there is none (`why_no_rate`).
    """

    moments: Moments
    equivalent: float
    spread: float
    messages: float | None = None
    rate: float | None = None

    def equivalent_error(self, risk_factor: float, sims: int) -> float:
        """Return the standard error, of first order, of the certainty equivalent of `sims` >= 1 sessions."""
        return sqrt(self.spread / sims) / risk_factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """What no policy with the same limit surpasses. Fields: equivalent: of the session, begun flat; rate: per
    second for ever, in continuous time.
    """

    equivalent: float
    rate: float


def best_of(scene: Scene) -> Best:
    """Return the certainty equivalents of the best policies on a market, without ticks and latency."""
    return _best(scene.market, scene.risk_factor, scene.cap, scene.continuous)


@lru_cache(maxsize=BESTS_KEPT)
def _best(market: Market, risk_factor: float, cap: int, is_continuous: bool) -> Best:
    told = glft.Market(
        risk_factor=risk_factor,
        arrival_rate=market.arrival_rate,
        decay=market.decay,
        volatility=market.volatility,
        fee=market.fee,
        impact=market.impact,
    )
    if is_continuous:
        worth = finite(told, cap, market.steps * market.step_s).ce
    else:
        worth = optimum(market, risk_factor, cap)[1]
    return Best(equivalent=worth, rate=asymptotic(told, cap).ce)


def why_inexact(name: str, scene: Scene) -> str:
    """Return why a contender has no exact figures on a scene, "" if it has."""
    contender = CONTENDERS[name]
    if scene.latency_steps:
        return "with a latency what rests depends on the path: a side is empty from a cancel to its answer"
    if scene.continuous and scene.tick > FINE_TICK:
        return f"with a tick above {FINE_TICK} it matters where between two the mid lies, at any time"
    if not _may_stay(contender, scene):
        return ""
    if contender.sees_time:
        return "orders that stay, of quotes that change with the time, may rest anywhere"
    if scene.continuous:
        return "orders that stay depend on the path within a step"
    is_coarse = scene.tick > HYSTERESIS_TICK
    return f"with a tick above {HYSTERESIS_TICK} a tick decides what stays" if is_coarse else ""


def why_no_rate(name: str, scene: Scene) -> str:
    """Return why a contender with exact figures has no rate for ever, "" if it has."""
    contender = CONTENDERS[name]
    if contender.sees_time:
        return "it quotes for a session with an end"
    if _may_stay(contender, scene):
        return "orders that stay depend on the path, in continuous time on all of it"
    return f"the tick is above {FINE_TICK}" if scene.tick > FINE_TICK else ""


def why_without_effect(name: str, scene: Scene) -> str:
    """Return why a contender's hysteresis changes next to nothing on a scene, "" if it does or has none."""
    contender = CONTENDERS[name]
    if not contender.hysteresis_over:
        return ""
    if not _may_stay(contender, scene):
        return f"its tolerance is less than the tick of {scene.tick}"
    tolerance, move = tolerance_of(contender, scene), scene.market.move
    if tolerance >= move:
        return ""
    return (
        f"its tolerance of {tolerance:.3f} is less than the {move:.3f} that the mid moves by in a step, so"
        f" that nearly every order is replaced at every step, as by {contender.hysteresis_over}"
    )


def exact_of(name: str, scene: Scene) -> Exact | None:
    """Return the exact figures of a contender on a scene, None where there are none (`why_inexact`)."""
    if why_inexact(name, scene):
        return None
    contender = CONTENDERS[name]
    if _may_stay(contender, scene):
        return _with_hysteresis(contender, scene)
    if scene.tick > FINE_TICK:
        return _on_ticks(contender, scene)
    policy, market, g = policy_of(contender, scene), scene.market, scene.risk_factor
    rate = None if why_no_rate(name, scene) else rate_for_ever(market, policy, g)
    if scene.continuous:
        worth, twice = (session_certainty_equivalent(market, policy, one) for one in (g, 2 * g))
        found = exact_continuous_moments.moments(market, policy)
    else:
        worth, twice = (certainty_equivalent(market, policy, one) for one in (g, 2 * g))
        found = moments(market, policy)
    return Exact(moments=found, equivalent=worth, spread=_spread(g, worth, twice), rate=rate)


def _may_stay(contender: Contender, scene: Scene) -> bool:
    # Whether an order may rest elsewhere than where it is wanted.
    return bool(contender.hysteresis_over) and tolerance_ticks_of(contender, scene) > 0


def _with_hysteresis(contender: Contender, scene: Scene) -> Exact:
    policy, g = policy_of(CONTENDERS[contender.hysteresis_over], scene), scene.risk_factor
    chain = Chain(scene.market, Tolerant(policy, tolerance_of(contender, scene)))
    found, messages = chain.moments()
    worth, twice = (chain.certainty_equivalent(one) for one in (g, 2 * g))
    return Exact(moments=found, equivalent=worth, spread=_spread(g, worth, twice), messages=messages)


def _on_ticks(contender: Contender, scene: Scene) -> Exact:
    # Distances are the same at every mid that lies alike: the mid moves by some basis points, and distances,
    # which are shares of it, by as many of their own.
    shown: list[Policy] = [policy_of(contender, scene, half_ticks=half) for half in range(PLACES)]
    ticked = Ticked(shown=(shown[0], shown[1]), home=float(HOME), tick=float(scene.tick))
    market, g = scene.market, scene.risk_factor
    worth, twice = (exact_ticks.certainty_equivalent(market, ticked, one) for one in (g, 2 * g))
    found = exact_ticks.moments(market, ticked)
    return Exact(moments=found, equivalent=worth, spread=_spread(g, worth, twice))


def _spread(risk_factor: float, worth: float, twice: float) -> float:
    # The mean square of the utility is the utility of twice the aversion.
    exponent = 2 * risk_factor * (worth - twice)
    return max(0.0, expm1(exponent)) if exponent < EXPONENT_MAX else inf
