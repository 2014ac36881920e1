"""Optimal quoting by the closed form of Guéant, Lehalle and Fernandez-Tapia, with lot size and maker fee.

Unit of price: basis points (bps) of the mid. Unit of inventory q: one order amount. Buyers and sellers reach
a quote at distance d from the mid at the rate A * exp(-k * d) per second; the mid diffuses with volatility s
per square root of a second; g is the aversion to risk. With the fee f per fill:

    c0   = ln(1 + g / k) / g                                        (1 / k without aversion)
    S    = s * sqrt(g / (2 * A' * k) * (1 + g / k)^(1 + k / g)),    A' = A * exp(-k * f)
    bid  = mid - (f + c0 + S / 2 + q * S)
    ask  = mid + (f + c0 + S / 2 - q * S)

so each order amount held moves both quotes by S, and the width is 2 * (f + c0) + S. `closed_form` takes lots
of any size; there q is in units and S is per unit.

Source: arXiv 1105.3115, theorem 2; arXiv 1605.01862, (4.6) and (4.7) for the lot; no drift.
Invariant: bids(q) are the mirror image of asks(-q); ask - bid >= 1 tick; the volatility is known or nothing
is quoted.
"""

from dataclasses import dataclass
from decimal import Decimal
from math import exp, floor, inf, log1p, sqrt
from typing import Annotated, ClassVar, Final, NamedTuple

from annotated_types import Ge, Gt, Le, Lt

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quote, Quotes
from mm.domain.units import NS_PER_MS, PPM_PER_BPS
from mm.domain.view import View
from mm.errors import ConfigError
from mm.signals.base import SignalSpec
from mm.signals.volatility import VolatilitySpec
from mm.strategies.base import (
    BPS_MAX,
    DAY_MS,
    About,
    Applies,
    Bps,
    Wake,
    at_most,
    lots_from_base,
    ppm_from_bps,
)

HYSTERESIS: Final = 0.3
"""Default tolerance times k: keeps 98.7 % of the utility with a quarter of the messages."""

HALF_TICKS_PER_BPS: Final = 20_000
"""A mid in half ticks divided by this is one basis point in ticks."""

RATIO_MIN: Final = 1e-12
"""Below this ratio of g to k the first two terms of the series are exact to the last bit."""


class Distances(NamedTuple):
    """The closed form's result, in the unit of price that its arguments had.

    Fields:
        half_spread: distance of both quotes from the mid without inventory.
        skew: what one unit of inventory adds to the bid's distance and takes off the ask's.
    """

    half_spread: float
    skew: float

    def bid(self, inventory: float) -> float:
        """Return the bid's distance below the mid; negative when it is above."""
        return self.half_spread + inventory * self.skew

    def ask(self, inventory: float) -> float:
        """Return the ask's distance above the mid; negative when it is below."""
        return self.half_spread - inventory * self.skew


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What the closed form is told. Prices in any one unit, inventory in any one unit, time in seconds.

    Fields:
        risk_factor: g >= 0, per price and inventory unit.
        arrival_rate: A > 0, fills per second and side at distance 0.
        decay: k > 0, per price unit.
        volatility: s >= 0, price units per square root of a second.
        lot: inventory that one fill moves, > 0. fee: price units per fill, negative is a rebate.
    """

    risk_factor: float
    arrival_rate: float
    decay: float
    volatility: float
    lot: float = 1.0
    fee: float = 0.0


def edge(risk_factor: float, decay: float) -> float:
    """Return c0, the distance that balances the rate of fills against what each earns; 1 / k without risk."""
    ratio = risk_factor / decay
    return log1p(ratio) / risk_factor if ratio > RATIO_MIN else (1 - ratio / 2) / decay


def closed_form(market: Market) -> Distances:
    """Return the quotes' distances.

    Raises: OverflowError or ZeroDivisionError when fee, decay and rate leave no fills to speak of.
    """
    g, k = market.risk_factor * market.lot, market.decay
    ratio = g / k
    # The logarithm of (1 + g/k)^(1 + k/g), which is 1 without risk.
    growth = (1 + 1 / ratio) * log1p(ratio) if ratio > RATIO_MIN else 1 + ratio / 2
    # A fee shifts the whole problem: a quote at d earns d - f, at the rate of d.
    rate = market.arrival_rate * exp(-k * market.fee)
    slope = market.volatility * sqrt(g / (2 * rate * k) * exp(growth))
    return Distances(market.fee + edge(g, k) + slope / 2, slope / market.lot)


class _Frame(NamedTuple):
    # One look at the market, in ticks but for the mid.
    mid_half_ticks: int
    half_spread: float
    shift: float  # what the inventory takes off both prices
    step: float  # from one level to the next
    tolerance_ticks: int


class Glft:
    """Quotes the optimum for a maker who fears inventory; wants the volatility of the mid."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Params:
        """What can be set; None is off or, where the text says so, derived."""

        __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

        risk_factor: Annotated[
            float,
            Ge(0),
            Le(100),
            About(
                "Aversion to risk per basis point and order amount held; 0 leans against no inventory.",
                example="0.01",
            ),
        ]
        order_amount_base: Annotated[
            Decimal, Gt(0), About("Size of one order; rounded down to the lot.", example="0.01")
        ]
        arrival_rate_per_s: Annotated[
            float,
            Gt(0),
            Le(1e6),
            About("Fills per second and side that a quote at the mid would get (A).", example="0.9"),
        ]
        fill_decay_per_bps: Annotated[
            float,
            Ge(0.0001),
            Le(1e4),
            About(
                "How fast fills thin out with distance (k): each 1/k bps there are 2.7 times fewer.",
                example="0.3",
            ),
        ]
        volatility_bps_per_sqrt_s: Annotated[
            float | None,
            Ge(0),
            Le(1e4),
            About("Volatility of the mid taken as known; off: measured.", Applies.RESTART),
        ] = None
        volatility_half_life_ms: Annotated[
            int,
            Ge(1000),
            Le(DAY_MS),
            About("Age at which a sample of the measured volatility counts half.", Applies.RESTART),
        ] = 60_000
        volatility_sample_ms: Annotated[
            int,
            Ge(100),
            Le(60_000),
            About("Spacing of those samples; quoting starts after 20 of them.", Applies.RESTART),
        ] = 1000
        min_spread_bps: Annotated[
            Bps | None,
            Ge(0),
            Lt(2 * BPS_MAX),
            About("Least width from bid to ask; fee plus adverse selection, twice."),
        ] = None
        max_spread_bps: Annotated[
            Bps | None, Gt(0), Lt(2 * BPS_MAX), About("Greatest width from bid to ask.")
        ] = None
        order_levels: Annotated[int, Ge(1), Le(50), About("Orders per side.")] = 1
        order_level_spread_bps: Annotated[
            Bps | None,
            Gt(0),
            Lt(BPS_MAX),
            About("Distance from one level to the next; off: half the width between bid and ask."),
        ] = None
        order_refresh_time_ms: Annotated[
            int, Ge(0), Le(DAY_MS), About("Age from which an order may be moved to a new price.")
        ] = 0
        order_refresh_tolerance_bps: Annotated[
            Bps | None,
            Ge(0),
            Lt(BPS_MAX),
            About("An order this near its wanted price stays; off: 0.3 / fill_decay_per_bps."),
        ] = None
        max_order_age_ms: Annotated[
            int | None,
            Gt(0),
            Le(7 * DAY_MS),
            About("An order older than this is renewed even within the tolerance."),
        ] = None

        def __post_init__(self) -> None:
            """Refuse what contradicts itself; raises ValueError (the config loader adds file and line)."""
            at_most("min_spread_bps", self.min_spread_bps, "max_spread_bps", self.max_spread_bps)
            at_most(
                "order_refresh_time_ms", self.order_refresh_time_ms, "max_order_age_ms", self.max_order_age_ms
            )
            at_most(
                "volatility_sample_ms",
                self.volatility_sample_ms,
                "volatility_half_life_ms",
                self.volatility_half_life_ms,
            )

    __slots__ = (
        "_age_ns_max",
        "_half_spread_max_bps",
        "_half_spread_min_bps",
        "_key_max_ask",
        "_key_max_bid",
        "_life_ns_min",
        "_margin_bps",
        "_size_lots",
        "_slope",
        "_step_bps",
        "_tolerance_bps",
        "needs",
        "params",
        "wake",
    )

    def __init__(self, params: Params, instrument: Instrument) -> None:
        """Compute what does not depend on the volatility.

        Raises: ConfigError if the size is outside the venue's bounds or the quotes would leave the book.
        """
        self.params = params
        self.needs: tuple[SignalSpec, ...] = ()
        if params.volatility_bps_per_sqrt_s is None:
            self.needs = (
                VolatilitySpec(
                    sample_ns=params.volatility_sample_ms * NS_PER_MS,
                    half_life_ns=params.volatility_half_life_ms * NS_PER_MS,
                ),
            )
        self.wake = Wake()
        self._size_lots = lots_from_base("order_amount_base", params.order_amount_base, instrument)
        self._margin_bps, self._slope = _per_volatility(params, instrument)
        self._half_spread_min_bps = _bps("min_spread_bps", params.min_spread_bps, 0.0) / 2
        self._half_spread_max_bps = _bps("max_spread_bps", params.max_spread_bps, 2.0 * BPS_MAX) / 2
        self._step_bps = _bps("order_level_spread_bps", params.order_level_spread_bps, 0.0)
        self._tolerance_bps = _bps(
            "order_refresh_tolerance_bps",
            params.order_refresh_tolerance_bps,
            HYSTERESIS / params.fill_decay_per_bps,
        )
        self._life_ns_min = params.order_refresh_time_ms * NS_PER_MS
        self._age_ns_max = (params.max_order_age_ms or 0) * NS_PER_MS
        self._key_max_bid = -instrument.price_min_ticks
        self._key_max_ask = instrument.price_max_ticks

    def initial_memory(self) -> None:
        """Return None: nothing is remembered."""

    def quotes(self, view: View[None]) -> Quotes[None]:
        """Return the ladder; nothing before the volatility is known, no bid at the upper inventory limit."""
        volatility_bps = self.params.volatility_bps_per_sqrt_s
        if volatility_bps is None:
            reading = view.readings[0]
            if not reading.ready:
                return Quotes((), (), f"waits for {reading.waits_for}", None)
            volatility_bps = sqrt(reading.value) * 10_000 / view.mid_half_ticks
        frame = self._frame(view, volatility_bps)
        inventory, limit = view.inventory_lots, view.inventory_max_lots
        ask_min, bid_max = view.bids[0].price_ticks + 1, view.asks[0].price_ticks - 1
        if inventory >= limit:
            return Quotes((), self._ladder(frame, 1, ask_min), "only sells: inventory limit", None)
        if inventory <= -limit:
            return Quotes(self._ladder(frame, -1, -bid_max), (), "only buys: inventory limit", None)
        asks = self._ladder(frame, 1, ask_min)
        if asks:
            # Guaranteed by a half spread of half a tick, but for the rounding of floats.
            bid_max = min(bid_max, asks[0].price_ticks - 1)
        return Quotes(self._ladder(frame, -1, -bid_max), asks, "quoting", None)

    def _frame(self, view: View[None], volatility_bps: float) -> _Frame:
        mid = view.mid_half_ticks
        bps_ticks = mid / HALF_TICKS_PER_BPS
        skew_bps = volatility_bps * self._slope
        half_bps = max(
            self._half_spread_min_bps, min(self._half_spread_max_bps, self._margin_bps + skew_bps / 2)
        )
        return _Frame(
            mid,
            max(0.5, half_bps * bps_ticks),
            skew_bps * bps_ticks * view.inventory_lots / self._size_lots,
            (self._step_bps or half_bps) * bps_ticks,
            int(self._tolerance_bps * bps_ticks),
        )

    def _ladder(self, frame: _Frame, sign: int, key_min: int) -> tuple[Quote, ...]:
        # A bid's key is its negated price, an ask's its price: on both sides a larger key is farther from the
        # market and the nearest tick is found by the same float operations, so that the sides mirror exactly.
        mid, half_spread, shift, step, tolerance = frame
        origin, key_max = (mid, self._key_max_ask) if sign > 0 else (0, self._key_max_bid)
        size, age, life = self._size_lots, self._age_ns_max, self._life_ns_min
        distance = half_spread - sign * shift - mid / 2 + 0.5
        key = key_min - 1
        ladder = []
        for level in range(self.params.order_levels):
            key = max(key + 1, origin + floor(distance + level * step))
            if key > key_max:
                break
            ladder.append(Quote(sign * key, size, level, tolerance, age, life))
        return tuple(ladder)


def _per_volatility(params: Glft.Params, instrument: Instrument) -> tuple[float, float]:
    # The half spread without volatility, and S for a volatility of 1 bps per square root of a second.
    fee_bps = instrument.maker_fee_ppm / PPM_PER_BPS
    market = Market(
        risk_factor=params.risk_factor,
        arrival_rate=params.arrival_rate_per_s,
        decay=params.fill_decay_per_bps,
        volatility=1.0,
        fee=fee_bps,
    )
    margin_bps = fee_bps + edge(params.risk_factor, params.fill_decay_per_bps)
    try:
        slope = closed_form(market).skew
    except (OverflowError, ZeroDivisionError):
        slope = inf
    if max(margin_bps, slope) >= BPS_MAX:
        raise ConfigError(
            f"fill_decay_per_bps was {params.fill_decay_per_bps} with arrival_rate_per_s"
            f" {params.arrival_rate_per_s}: quotes would stand {margin_bps:.0f} bps from the mid and move"
            f" {slope:.0f} bps with each fill at a volatility of 1, expected less than {BPS_MAX}",
            hint="check fill_decay_per_bps and arrival_rate_per_s: 1 / fill_decay_per_bps bps from the mid"
            " there are 2.7 times fewer fills than at the mid",
        )
    return margin_bps, slope


def _bps(name: str, value: Decimal | None, otherwise: float) -> float:
    return otherwise if value is None else ppm_from_bps(name, value) / PPM_PER_BPS
