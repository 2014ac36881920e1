"""Who is put to the test: production strategies with the parameters that the simulated market calls for.

Prices are units of which one is a basis point at home (`desk.HOME`), so that a model's numbers are those of
its paper. A contender without hysteresis follows its model to the tick at every step; `..._production` keeps
every default that a user would have, that of the tolerance among them (`glft_production` also that of the
method: it is what becomes of `glft_asymptotic`). Those that know no model of fills, `ladder` and
`pure_market_making`, are given the width that is best here, the ladder also the lean. Invariant: a contender
is made anew from its name and the scene, in any process.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from math import log1p
from types import MappingProxyType
from typing import Final, cast

from mm.bench.quoting.desk import tick_of
from mm.bench.quoting.exact import Market
from mm.domain.instrument import Instrument
from mm.domain.quotes import Quote, Quotes
from mm.domain.view import View
from mm.models import glft
from mm.models.glft import closed_form
from mm.signals.base import SignalSpec
from mm.strategies.avellaneda_stoikov import AvellanedaStoikov, Horizon
from mm.strategies.base import Strategy, Wake
from mm.strategies.cartea_jaimungal import CarteaJaimungal
from mm.strategies.glft import Glft, Method
from mm.strategies.ladder import Ladder
from mm.strategies.pure_market_making import PureMarketMaking

LOT: Final = Decimal(1)
NO_TOLERANCE: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is played. Fields: risk_factor: of the maker; tick: price units; cap: lots; latency_steps: until a
    request arrives; continuous: fills come at any time of a step, not once at its end.
    """

    market: Market
    risk_factor: float
    tick: Decimal
    cap: int
    latency_steps: int = 0
    continuous: bool = False

    @property
    def session_ms(self) -> int:
        """Length of the session, milliseconds."""
        return round(self.market.steps * self.market.step_s * 1000)


@dataclass(frozen=True, slots=True)
class Contender:
    """Fields: make: a strategy for an instrument; sees_time: its quotes change with the time that is left;
    hysteresis_over: name of the contender that it would be if each order went to its wanted price at once,
    "" if it is that: what it has resting depends on where its orders stood, by that alone.
    """

    make: Callable[[Scene, Instrument], Strategy[object]]
    sees_time: bool = False
    hysteresis_over: str = ""


class Symmetric:
    """Quotes the same distance on both sides, whatever is held: the width that Avellaneda's and Stoikov's
    strategy has on average over the session.
    """

    needs: tuple[SignalSpec, ...] = ()
    wake = Wake()

    def __init__(self, half_spread_ticks: float) -> None:
        """Keep the distance from the mid, ticks."""
        self._half_spread = half_spread_ticks

    def initial_memory(self) -> None:
        """Return None: nothing is remembered."""

    def quotes(self, view: View[None]) -> Quotes[None]:
        """Return one quote a side, none beyond the limit."""
        mid, limit = view.mid_half_ticks / 2, view.inventory_max_lots
        bids = (Quote(round(mid - self._half_spread), 1),) if view.inventory_lots < limit else ()
        asks = (Quote(round(mid + self._half_spread), 1),) if view.inventory_lots > -limit else ()
        return Quotes(bids, asks, "quoting", None)


def average_spread(scene: Scene) -> float:
    """Return the mean of Avellaneda's and Stoikov's width over the steps of a session, price units."""
    market, g = scene.market, scene.risk_factor
    left_s = [(market.steps - step) * market.step_s for step in range(market.steps)]
    return g * market.volatility**2 * sum(left_s) / len(left_s) + 2 * log1p(g / market.decay) / g


def _symmetric(scene: Scene, instrument: Instrument) -> Strategy[object]:
    half_spread_ticks = average_spread(scene) / 2 / float(tick_of(instrument))
    return cast("Strategy[object]", Symmetric(half_spread_ticks))


def _tolerance(*, production: bool) -> dict[str, object]:
    # Production says nothing about it.
    return {} if production else {"order_refresh_tolerance_bps": NO_TOLERANCE}


def _hundredths(distance: float) -> Decimal:
    # To what a parameter in bps may be: 0.01.
    return Decimal(round(distance * 100)) / 100


def _ladder(scene: Scene, instrument: Instrument, *, production: bool = False) -> Strategy[object]:
    # Width and lean of the closed form, which are the same at every inventory.
    market = scene.market
    half, skew, _ = closed_form(
        glft.Market(
            risk_factor=scene.risk_factor,
            arrival_rate=market.arrival_rate,
            decay=market.decay,
            volatility=market.volatility,
            impact=market.impact,
        )
    )
    told = _tolerance(production=production) | {
        "order_amount_base": LOT,
        "spread_bps": _hundredths(2 * half),
        "inventory_skew_bps": _hundredths(skew * scene.cap),
    }
    if market.impact:
        told["adverse_selection_bps"] = Decimal(str(market.impact))
    params = Ladder.Params(**told)  # type: ignore[arg-type]  # checked by name
    return cast("Strategy[object]", Ladder(params, instrument))


def _pure_market_making(
    scene: Scene, instrument: Instrument, *, production: bool = False
) -> Strategy[object]:
    half = _hundredths(average_spread(scene) / 2)
    told = _tolerance(production=production) | {
        "order_amount_base": LOT,
        "bid_spread_bps": half,
        "ask_spread_bps": half,
        "order_refresh_time_ms": 0,
    }
    params = PureMarketMaking.Params(**told)  # type: ignore[arg-type]  # checked by name
    return cast("Strategy[object]", PureMarketMaking(params, instrument))


def _flow(scene: Scene) -> dict[str, object]:
    # What every model is told of the market.
    market = scene.market
    told: dict[str, object] = {
        "order_amount_base": LOT,
        "arrival_rate_per_s": market.arrival_rate,
        "fill_decay_per_bps": market.decay,
    }
    if market.impact:
        told["adverse_selection_bps"] = Decimal(str(market.impact))
    return told


def _glft(scene: Scene, instrument: Instrument, **more: object) -> Strategy[object]:
    told = _flow(scene) | {
        "risk_factor": scene.risk_factor,
        "volatility_bps_per_sqrt_s": scene.market.volatility,
    }
    return cast("Strategy[object]", Glft(Glft.Params(**(told | more)), instrument))  # type: ignore[arg-type]  # checked by name


def _closed_form(scene: Scene, instrument: Instrument) -> Strategy[object]:
    more = {"method": Method.CLOSED_FORM, "order_refresh_tolerance_bps": NO_TOLERANCE}
    return _glft(scene, instrument, **more)


def _asymptotic(scene: Scene, instrument: Instrument) -> Strategy[object]:
    return _glft(scene, instrument, order_refresh_tolerance_bps=NO_TOLERANCE)


def _finite(scene: Scene, instrument: Instrument, *, production: bool = False) -> Strategy[object]:
    more = {"method": Method.FINITE, "session_length_ms": scene.session_ms}
    return _glft(scene, instrument, **(more | _tolerance(production=production)))


def _avellaneda_stoikov(
    scene: Scene, instrument: Instrument, *, production: bool = False
) -> Strategy[object]:
    told = (
        _flow(scene)
        | _tolerance(production=production)
        | {
            "risk_factor": scene.risk_factor,
            "volatility_bps_per_sqrt_s": scene.market.volatility,
            "horizon": Horizon.SESSION,
            "session_length_ms": scene.session_ms,
        }
    )
    params = AvellanedaStoikov.Params(**told)  # type: ignore[arg-type]  # checked by name
    return cast("Strategy[object]", AvellanedaStoikov(params, instrument))


def _cartea_jaimungal(scene: Scene, instrument: Instrument, *, production: bool = False) -> Strategy[object]:
    told = _flow(scene) | _tolerance(production=production)
    told["running_penalty_bps_per_s"] = scene.risk_factor * scene.market.volatility**2 / 2
    params = CarteaJaimungal.Params(**told)  # type: ignore[arg-type]  # checked by name
    return cast("Strategy[object]", CarteaJaimungal(params, instrument))


CONTENDERS: Final[Mapping[str, Contender]] = MappingProxyType(
    {
        "glft": Contender(_closed_form),
        "glft_asymptotic": Contender(_asymptotic),
        "glft_production": Contender(_glft, hysteresis_over="glft_asymptotic"),
        "glft_finite": Contender(_finite, sees_time=True),
        "glft_finite_production": Contender(partial(_finite, production=True), True, "glft_finite"),
        "cartea_jaimungal": Contender(_cartea_jaimungal),
        "cartea_jaimungal_production": Contender(
            partial(_cartea_jaimungal, production=True), hysteresis_over="cartea_jaimungal"
        ),
        "avellaneda_stoikov": Contender(_avellaneda_stoikov, sees_time=True),
        "avellaneda_stoikov_production": Contender(
            partial(_avellaneda_stoikov, production=True), True, "avellaneda_stoikov"
        ),
        "ladder": Contender(_ladder),
        "ladder_production": Contender(partial(_ladder, production=True), hysteresis_over="ladder"),
        "pure_market_making": Contender(_pure_market_making),
        "pure_market_making_production": Contender(
            partial(_pure_market_making, production=True), hysteresis_over="pure_market_making"
        ),
        "symmetric": Contender(_symmetric),
    }
)
"""Everybody, by name, in the order of the table."""

UNPAIRED: Final[Mapping[str, str]] = MappingProxyType(
    {"symmetric": "a yardstick of the bench, no strategy: pure_market_making is what quotes so"}
)
"""Who has no twin with the defaults of production, and why."""
