"""What a model is told of the market: how fills thin out with distance and how far the mid moves.

A strategy's `Params` inherits `FlowParams` (fills alone) or `DiffusionParams` (volatility as well). A number
that is off is measured, and nothing is quoted before the measurement is good enough. What is measured is
rounded to steps of 1 %, so that what follows from it (tables) can be kept until it has moved by that much.

Prices in basis points of the mid, times in seconds. Invariant: what is handed on is finite and inside the
bounds of the parameter that it stands for, or the text says what is waited for.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import exp, inf, log, sqrt
from typing import Annotated, Final, NamedTuple

from annotated_types import Ge, Gt, Le, Lt

from mm.domain.units import NS_PER_MS, PPM_PER_BPS
from mm.domain.view import View
from mm.errors import ConfigError
from mm.quoting.about import BPS_MAX, DAY_MS, About, Applies, Bps, at_most, ppm_from_bps
from mm.quoting.session import SessionParams
from mm.quoting.waiting import waits_for
from mm.signals.base import SignalSpec
from mm.signals.decay import LIFE_PER_HALF
from mm.signals.intensity import IntensitySpec
from mm.signals.own_intensity import OwnIntensitySpec
from mm.signals.realised import SAMPLES_MAX, RealisedSpec
from mm.signals.two_scale import TwoScaleSpec
from mm.signals.volatility import VolatilitySpec

STEP_LOG: Final = log(1.01)
"""Measured numbers are rounded to powers of 1.01: an error of half a percent costs nothing that shows."""

RATE_MAX: Final = 1e6
DECAY_MIN: Final = 0.0001
DECAY_MAX: Final = 1e4
VOLATILITY_MAX: Final = 1e4
"""Bounds of the parameters, and of what may be measured in their place."""

BPS_PER_MID: Final = 10_000

SAMPLES_MIN: Final = 20
"""Samples before a volatility is used, and the shortest window of them."""

FINER: Final = 5
"""Two scales: so many fine samples to a sample."""

OWN_BINS: Final = 100
"""Distances of own quotes that are told apart, up to twice the far end of the band."""

LEAST_BPS: Final = 1.0
"""Fills are measured around this distance where costs are less."""

MISFIT_AT: Final = 3
"""Where a reading of the intensity tells its misfit."""

STEPS: Final = 15
"""Steps of depth in the band that is measured."""


class FlowFrom(StrEnum):
    """Whose fills are measured: what market orders of all would reach, or what happens to own quotes."""

    MARKET = "market"
    OWN = "own"


class MidVolatility(StrEnum):
    """How the volatility of the mid is measured; each is a file in `mm/signals/` that says what it is."""

    MID = "mid"
    REALISED = "realised"
    TWO_SCALE = "two_scale"


class Flow(NamedTuple):
    """The rate of fills at distance d of the mid: rate * exp(-decay * d) per second and side, d in bps.

    Fields: rate_per_s: 0 where no model asks for it; decay_per_bps: > 0.
    """

    rate_per_s: float
    decay_per_bps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowParams(SessionParams):
    """Parameters of a model that knows how fills thin out with distance."""

    arrival_rate_per_s: Annotated[
        float | None,
        Gt(0),
        Le(RATE_MAX),
        About("Fills per second and side that a quote at the mid would get (A); off: measured."),
    ] = None
    fill_decay_per_bps: Annotated[
        float | None,
        Ge(DECAY_MIN),
        Le(DECAY_MAX),
        About("How fast fills thin out (k): each 1/k bps there are 2.7 times fewer; off: measured."),
    ] = None
    flow_from: Annotated[
        FlowFrom,
        About(
            "market: what is off is measured from public trades; own: from own fills once there are enough.",
            Applies.RESTART,
        ),
    ] = FlowFrom.MARKET
    intensity_half_life_ms: Annotated[
        int,
        Ge(60_000),
        Le(7 * DAY_MS),
        About("Age at which a market order counts half for what is measured.", Applies.RESTART),
    ] = 1_800_000
    intensity_near_bps: Annotated[
        Bps | None,
        Ge(0),
        Lt(BPS_MAX),
        About(
            "Near end of the measured band, at least half the spread; off: half the costs, or 0.5 bps.",
            Applies.RESTART,
        ),
    ] = None
    intensity_far_bps: Annotated[
        Bps | None,
        Gt(0),
        Lt(BPS_MAX),
        About(
            "Far end of it, farther by what the spread moves the near end; off: twice the costs, or 2 bps.",
            Applies.RESTART,
        ),
    ] = None
    intensity_orders_min: Annotated[
        int, Ge(20), Le(100_000), About("Market orders before what is measured is used.", Applies.RESTART)
    ] = 100
    intensity_max_misfit_ratio: Annotated[
        float | None,
        Gt(0),
        Lt(1),
        About(
            "Waits while flow is farther than this (largest distance of shares) from exponential; off: warns."
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself; raises ValueError."""
        SessionParams.__post_init__(self)
        near, far = self.intensity_near_bps, self.intensity_far_bps
        if near is not None and far is not None and near >= far:
            raise ValueError(f"intensity_near_bps was {near}, expected less than intensity_far_bps, {far}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffusionParams(FlowParams):
    """Parameters of a model that also knows how far the mid moves."""

    volatility_bps_per_sqrt_s: Annotated[
        float | None,
        Ge(0),
        Le(VOLATILITY_MAX),
        About("Volatility of the mid taken as known; off: measured.", Applies.RESTART),
    ] = None
    volatility_from: Annotated[
        MidVolatility,
        About(
            "mid: samples of it, forgotten by and by; realised: a window of them; two_scale: a window,"
            " flicker taken out.",
            Applies.RESTART,
        ),
    ] = MidVolatility.MID
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

    def __post_init__(self) -> None:
        """Refuse what contradicts itself; raises ValueError."""
        FlowParams.__post_init__(self)
        at_most(
            "volatility_sample_ms",
            self.volatility_sample_ms,
            "volatility_half_life_ms",
            self.volatility_half_life_ms,
        )


def stepped(value: float, percent: int = 1) -> float:
    """Return the nearest of the numbers that are `percent` apart; what is not above 0 as it is."""
    return exp(STEP_LOG * percent * round(log(value) / (STEP_LOG * percent))) if value > 0 else value


class FlowReader:
    """Reads `Flow` from the parameters or from `View.readings`. Immutable.

    Fields: needs: the signals that it wants, if any; they stand in the strategy's needs from `place` on.
    """

    __slots__ = ("_given", "_misfit_max", "_place", "needs")

    def __init__(
        self, params: FlowParams, *, least_bps: float, wants_rate: bool = True, place: int = 0
    ) -> None:
        """Keep what is given.

        Args: least_bps: least half width, around which fills are measured: real flow is not exponential, so
        that k holds for the band that it was fitted in. wants_rate: the model asks for the rate as well.
        Raises: ConfigError if the band is not one.
        """
        self._given = (params.arrival_rate_per_s if wants_rate else 0.0, params.fill_decay_per_bps)
        self._place = place
        self._misfit_max = (
            inf if params.intensity_max_misfit_ratio is None else params.intensity_max_misfit_ratio
        )
        self.needs: tuple[SignalSpec, ...] = ()
        if None in self._given:
            near_ppm, far_ppm = _band_ppm(params, least_bps)
            self.needs = (
                IntensitySpec(
                    near_ppm=near_ppm,
                    step_ppm=(far_ppm - near_ppm) // STEPS,
                    steps=STEPS,
                    half_life_ns=params.intensity_half_life_ms * NS_PER_MS,
                    orders_min=params.intensity_orders_min,
                ),
            )
            if params.flow_from is FlowFrom.OWN:
                self.needs += (_own_spec(params, far_ppm),)

    def read(self, view: View[object]) -> Flow | str:
        """Return what is known now, or what is waited for."""
        rate, decay = self._given
        if rate is not None and decay is not None:
            return Flow(rate, decay)
        reading = view.readings[self._place]
        if len(self.needs) > 1 and view.readings[self._place + 1].ready:
            reading = view.readings[self._place + 1]
        if not reading.ready:
            return waits_for([reading])
        if len(reading.more) > MISFIT_AT and not reading.more[MISFIT_AT] <= self._misfit_max:
            return (
                "waits for market orders that thin out exponentially"
                f" (distance {reading.more[MISFIT_AT]:.3f}, at most {self._misfit_max:g})"
            )
        if decay is None:
            decay = reading.value
            if not DECAY_MIN <= decay <= DECAY_MAX:
                return f"waits for a fill decay of {DECAY_MIN:g} to {DECAY_MAX:g} per bps: it was {decay:g}"
            decay = stepped(decay)
        if rate is None:
            rate = reading.more[0] if reading.more else 0.0
            if not 0 < rate <= RATE_MAX:
                return f"waits for an arrival rate above 0 and up to {RATE_MAX:g} per s: it was {rate:g}"
            rate = stepped(rate)
        return Flow(rate, decay)


def _band_ppm(params: FlowParams, least_bps: float) -> tuple[int, int]:
    # From half the costs of a fill to twice: that is where a maker quotes. Nearer than that real flow thins
    # out much faster, and what is measured there says nothing about the quotes. Where the spread is wider
    # than the near end, the signal begins at its edge instead: within it there is nothing to measure.
    near, far = params.intensity_near_bps, params.intensity_far_bps
    least_ppm = round(max(least_bps, LEAST_BPS) * PPM_PER_BPS)
    near_ppm = least_ppm // 2 if near is None else ppm_from_bps("intensity_near_bps", near)
    far_ppm = max(near_ppm, 2 * least_ppm) if far is None else ppm_from_bps("intensity_far_bps", far)
    if far_ppm < near_ppm:
        raise ConfigError(
            f"intensity_far_bps was {far}, expected more than the near end, {near_ppm / PPM_PER_BPS:g}",
            hint="set intensity_near_bps as well: where it is off it is half the least half width",
        )
    return near_ppm, far_ppm


def _own_spec(params: FlowParams, far_ppm: int) -> OwnIntensitySpec:
    return OwnIntensitySpec(
        step_ppm=max(1, 2 * far_ppm // OWN_BINS),
        bins=OWN_BINS,
        half_life_ns=params.intensity_half_life_ms * NS_PER_MS,
        fills_min=params.intensity_orders_min,
    )


def volatility_spec(kind: MidVolatility, *, sample_ns: int, half_life_ns: int) -> SignalSpec:
    """Return the signal that measures the volatility of the mid.

    Args: sample_ns: between two samples; with two scales the coarse one. half_life_ns: of the memory; a
    window has as many samples as that is worth, at least `SAMPLES_MIN`.
    """
    if kind is MidVolatility.MID:
        return VolatilitySpec(sample_ns=sample_ns, half_life_ns=half_life_ns, samples_min=SAMPLES_MIN)
    window = max(SAMPLES_MIN, round(2 * LIFE_PER_HALF * half_life_ns / sample_ns))
    if kind is MidVolatility.REALISED:
        return RealisedSpec(sample_ns=sample_ns, samples=min(SAMPLES_MAX, window), samples_min=SAMPLES_MIN)
    return TwoScaleSpec(sample_ns=sample_ns // FINER, coarse=FINER, samples=min(SAMPLES_MAX, FINER * window))


class VolatilityReader:
    """Reads the volatility in bps per square root of a second. Immutable.

    Fields: needs: the signal that it wants, if any; it stands at `place` of the strategy's needs.
    """

    __slots__ = ("_given", "_place", "needs")

    def __init__(self, params: DiffusionParams, *, place: int = 0) -> None:
        """Keep what is given."""
        self._given = params.volatility_bps_per_sqrt_s
        self._place = place
        self.needs: tuple[SignalSpec, ...] = ()
        if self._given is None:
            self.needs = (
                volatility_spec(
                    params.volatility_from,
                    sample_ns=params.volatility_sample_ms * NS_PER_MS,
                    half_life_ns=params.volatility_half_life_ms * NS_PER_MS,
                ),
            )

    def read(self, view: View[object]) -> float | str:
        """Return the volatility, >= 0, or what is waited for."""
        if self._given is not None:
            return self._given
        reading = view.readings[self._place]
        if not reading.ready:
            return waits_for([reading])
        variance = reading.value
        if not variance >= 0:
            return f"waits for a variance of at least 0: it was {variance:g}"
        volatility = sqrt(variance) * BPS_PER_MID / view.mid_half_ticks
        if volatility > VOLATILITY_MAX:
            return f"waits for a volatility of up to {VOLATILITY_MAX:g} bps: it was {volatility:g}"
        return stepped(volatility)
