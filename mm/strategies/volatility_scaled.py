"""Quotes whose width follows how far the mid moves.

    half width = spread_multiple * measure,     but at least half of min_spread_bps, what a fill costs (maker
                                                fee, adverse selection and margin), and half a tick

    deviation    measure = s * sqrt(T): what the mid moves within T = horizon_ms (s: volatility per root s)
    range        measure = s * sqrt(T) * sqrt(8 / pi): the mean distance from low to high of a bar of T, which
                 an average true range measures; spread_multiple is then in multiples of that

The volatility is that of the mid on a grid of times (`mm.quoting.flow.volatility_spec`) or that of bars, the
mean of so many (Parkinson, Garman-Klass, Rogers-Satchell). The lean against the inventory scales with the
width.

So a market that has stood still for long is quoted as near as costs allow, without costs at its mid: whoever
would not be that near says `min_spread_bps`. Before its first move nothing is quoted.

Source: quant.md 2.5. Invariant: nothing is quoted before the volatility is known; with the inventory negated
the ladder is mirrored to the tick.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import inf, pi, sqrt
from typing import Annotated, Final

from annotated_types import Ge, Gt, Le

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quotes
from mm.domain.units import NS_PER_MS
from mm.domain.view import View
from mm.quoting.around import around, held_share
from mm.quoting.flow import MidVolatility, volatility_spec
from mm.quoting.guards import Guards
from mm.quoting.params import QuotingParams
from mm.quoting.waiting import waits_for
from mm.signals.base import SignalSpec
from mm.signals.candles import BARS_MAX, CandlesSpec
from mm.strategies.base import DAY_MS, About, Applies, Wake, at_most

RANGE_PER_DEVIATION: Final = sqrt(8 / pi)
"""Mean range of a driftless Brownian motion over a time, in its standard deviation at the end of it."""


class Measure(StrEnum):
    """What the width is a multiple of; the head of this file says what each is."""

    DEVIATION = "deviation"
    RANGE = "range"


class VolatilityFrom(StrEnum):
    """Where the volatility is taken from: samples of the mid in three ways, or bars by three formulas."""

    MID = "mid"
    REALISED = "realised"
    TWO_SCALE = "two_scale"
    PARKINSON = "parkinson"
    GARMAN_KLASS = "garman_klass"
    ROGERS_SATCHELL = "rogers_satchell"


SAMPLED: Final = (VolatilityFrom.MID, VolatilityFrom.REALISED, VolatilityFrom.TWO_SCALE)


class VolatilityScaled:
    """Quotes wider the more the mid moves; wants the volatility of the mid."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Params(QuotingParams):
        """What can be set; None is off."""

        spread_multiple: Annotated[
            float, Gt(0), Le(1000), About("Half the width, as a multiple of the measure.", example="1.0")
        ]
        measure: Annotated[
            Measure, About("deviation: of the mid within horizon_ms; range: low to high of a bar of that.")
        ] = Measure.DEVIATION
        horizon_ms: Annotated[
            int, Ge(100), Le(DAY_MS), About("Time whose move of the mid is the measure.")
        ] = 10_000
        volatility_from: Annotated[
            VolatilityFrom,
            About(
                "mid, realised, two_scale: samples of it; parkinson, garman_klass, rogers_satchell: bars.",
                Applies.RESTART,
            ),
        ] = VolatilityFrom.MID
        volatility_half_life_ms: Annotated[
            int,
            Ge(1000),
            Le(DAY_MS),
            About("Samples: age at which one counts half; a window knows as much.", Applies.RESTART),
        ] = 60_000
        volatility_sample_ms: Annotated[
            int,
            Ge(100),
            Le(60_000),
            About("Samples: their spacing; quoting starts after 20 of them.", Applies.RESTART),
        ] = 1000
        candle_ms: Annotated[int, Ge(1000), Le(DAY_MS), About("Bars: length of one.", Applies.RESTART)] = (
            60_000
        )
        candles: Annotated[
            int,
            Ge(1),
            Le(BARS_MAX),
            About("Bars: so many count; quoting starts after a third of them.", Applies.RESTART),
        ] = 30
        inventory_skew_ratio: Annotated[
            float,
            Ge(0),
            Le(10),
            About("Moves both quotes by this share of half the width at the inventory limit, against it."),
        ] = 0.0

        def __post_init__(self) -> None:
            """Refuse what contradicts itself; raises ValueError (the config loader adds file and line)."""
            QuotingParams.__post_init__(self)
            at_most(
                "volatility_sample_ms",
                self.volatility_sample_ms,
                "volatility_half_life_ms",
                self.volatility_half_life_ms,
            )

    __slots__ = ("_guards", "_per_deviation", "needs", "params", "wake")

    def __init__(self, params: Params, instrument: Instrument) -> None:
        """Turn the parameters into numbers.

        Raises: ConfigError if a size is outside the venue's bounds or a number is finer than the grid.
        """
        self.params = params
        self._guards = Guards(params, instrument)
        measure = RANGE_PER_DEVIATION if params.measure is Measure.RANGE else 1.0
        # The variance is in half ticks squared per second.
        self._per_deviation = params.spread_multiple * measure * sqrt(params.horizon_ms / 1000) / 2
        self.needs: tuple[SignalSpec, ...] = (_signal(params), *self._guards.needs)
        self.wake = Wake()

    def initial_memory(self) -> None:
        """Return None: nothing is remembered."""

    def quotes(self, view: View[None]) -> Quotes[None]:
        """Return the ladder; nothing before the volatility is known."""
        reading = view.readings[0]
        if not reading.ready:
            return Quotes((), (), waits_for([reading]), None)
        if not 0 <= reading.value < inf:
            return Quotes((), (), f"waits for a variance of at least 0: it was {reading.value:g}", None)
        half = self._per_deviation * sqrt(reading.value)
        lean = half * self.params.inventory_skew_ratio * held_share(view)
        bids, asks, reason = self._guards.ladder(view, around(view, half, lean))
        return Quotes(bids, asks, reason, None)


def _signal(params: VolatilityScaled.Params) -> SignalSpec:
    if params.volatility_from in SAMPLED:
        return volatility_spec(
            MidVolatility(params.volatility_from.value),
            sample_ns=params.volatility_sample_ms * NS_PER_MS,
            half_life_ns=params.volatility_half_life_ms * NS_PER_MS,
        )
    return CandlesSpec(
        method=params.volatility_from.value,
        bar_ns=params.candle_ms * NS_PER_MS,
        bars=params.candles,
        bars_min=(params.candles + 2) // 3,
    )
