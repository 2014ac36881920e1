"""What a tape says about the parameters of a model: volatility, A and k of a band, adverse selection.

Each estimate comes with its relative error and the number that it stands on, and is known or not by limits
stated here; A and k of a band whose flow is not exponential are not. Must never give a number out of its
error. Invariant: a function of the tape and what is asked alone.
"""

from dataclasses import dataclass
from math import inf, sqrt
from typing import Final

from mm.analytics.fit_before import before_orders, mids_before
from mm.analytics.fit_intensity import Band, BandFit, Fit, band_fit
from mm.analytics.fit_mean import NOTHING, Mean
from mm.analytics.fit_touch import Costs, touch_costs
from mm.analytics.markets import BPS, Mids, Tape, volatility_bps
from mm.bootstrap.calibrate.shape import Looked, Shape, search, search_words, shape
from mm.domain.units import NS_PER_S

SAMPLES_MIN: Final = 100
"""Fewer market orders, fills or samples than this say nothing that is written into a config."""

DECAY_ERROR_MAX: Final = 0.10
"""k is the parameter that matters: a factor of 1.25 costs 2 %, of 2 a quarter of what can be earned."""

ERROR_MAX: Final = 0.25
"""Largest relative error of the others: they tolerate a factor of two."""

BAND_TICKS_MIN: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with what it stands on.

    Fields: value; error: relative standard error; n: how many; error_max: largest with which it is known;
    rejected: why it is none however well it is known, "" if it is one.
    """

    value: float
    error: float
    n: int
    error_max: float = ERROR_MAX
    rejected: str = ""

    @property
    def doubt(self) -> str:
        """Why it is not known well enough, "" if it is."""
        if self.n < SAMPLES_MIN:
            return f"not known well enough: {self.n} of {SAMPLES_MIN} that are needed"
        if self.rejected:
            return self.rejected
        if self.error > self.error_max:
            return f"not known well enough: to {100 * self.error:.3g} %, needed {100 * self.error_max:g} %"
        return ""


NONE: Final = Estimate(value=0.0, error=inf, n=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. Fields: fee_bps: maker's; horizon_ns: of adverse selection; band: None: around fee plus
    adverse selection, where one quotes; is_searched: whether another is looked for where that does not do.
    """

    fee_bps: float
    horizon_ns: int
    band: Band | None = None
    is_searched: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """What a tape says.

    Fields:
        volatility: bps per square root of a second. rate: A, per second and side. decay: k, per bps.
        adverse: what the mid takes from a maker at the touch per market order, bps; adverse_se: its standard
            error, bps. touch: what that is from, None if the tape is too short.
        fit: of the band. shape: whether it is exponential there, None without a fit. looked: the bands that
            were looked at because it is not.
        notes: what a person has to know of them.
    """

    volatility: Estimate
    rate: Estimate
    decay: Estimate
    adverse: Estimate
    adverse_se: float
    touch: Costs | None
    fit: BandFit
    shape: Shape | None
    looked: tuple[Looked, ...]
    notes: tuple[str, ...]


def estimates(tape: Tape, asked: Question) -> Estimates:
    """Return what a tape says that `mm.analytics.markets.refusal` lets pass."""
    mids, before = Mids(tape), before_orders(tape)
    stood = mids_before(tape, mids, before)
    value, samples = volatility_bps(mids, tape)
    touch = next(iter(touch_costs(tape, mids, before, (asked.horizon_ns,))), None)
    impact = NOTHING if touch is None else touch.impact
    fit = band_fit(tape, mids, asked.band or _usual_band(tape, mids, asked.fee_bps, impact.mean), stood)
    tested = None if fit.both is None else shape(fit.both)
    rate, decay = (NONE, NONE) if fit.both is None or tested is None else _of_fit(fit.both, tested.refused)
    looked: tuple[Looked, ...] = ()
    is_other = tested is not None and tested.is_tested and bool(tested.refused)
    if asked.is_searched and is_other and decay.n >= SAMPLES_MIN:
        looked = tuple(search(fit.band, lambda band: band_fit(tape, mids, band, stood).both, _doubt_of))
    return Estimates(
        volatility=Estimate(value=value, error=1 / sqrt(2 * samples) if samples else inf, n=samples),
        rate=rate,
        decay=decay,
        adverse=_adverse(impact),
        adverse_se=impact.error,
        touch=touch,
        fit=fit,
        shape=tested,
        looked=looked,
        notes=tuple(_notes(fit, looked, impact, asked)),
    )


def _adverse(impact: Mean) -> Estimate:
    error = impact.error / impact.mean if impact.mean > 0 else inf
    return Estimate(value=impact.mean, error=error, n=impact.n)


def _usual_band(tape: Tape, mids: Mids, fee_bps: float, impact_bps: float) -> Band:
    half = max(0.0, fee_bps + max(0.0, impact_bps))
    tick_bps = tape.tick * BPS * 2 / mids.twice[0]
    return Band(half / 2, max(2 * half, half / 2 + BAND_TICKS_MIN * tick_bps))


def _of_fit(fit: Fit, rejected: str = "") -> tuple[Estimate, Estimate]:
    rate = Estimate(value=fit.rate_per_s, error=fit.rate_error, n=fit.orders, rejected=rejected)
    decay = Estimate(
        value=fit.decay_per_bps,
        error=fit.decay_error,
        n=fit.orders,
        error_max=DECAY_ERROR_MAX,
        rejected=rejected,
    )
    return rate, decay


def _doubt_of(fit: Fit) -> str:
    rate, decay = _of_fit(fit)
    return decay.doubt or rate.doubt


def _notes(fit: BandFit, looked: tuple[Looked, ...], impact: Mean, asked: Question) -> list[str]:
    notes = []
    band = f"{fit.band.low_bps:.3g} to {fit.band.high_bps:.3g} bps from the mid"
    if fit.both is None:
        reached = fit.sells + fit.buys
        notes.append(f"no decay can be fitted {band}: {reached} market orders came that far")
    elif looked:
        notes.extend(search_words(band, looked))
    if fit.bid is not None and fit.ask is not None and _differ(fit.bid, fit.ask):
        notes.append(
            f"the sides differ: k is {fit.bid.decay_per_bps:.3g} for bids,"
            f" {fit.ask.decay_per_bps:.3g} for asks"
        )
    if impact.n and impact.mean <= 0:
        notes.append(
            f"the mid did not move against makers within {asked.horizon_ns / NS_PER_S:g} s, on average"
        )
    elif impact.n:
        notes.append(
            "adverse selection is that of fills at the touch; farther out it is more, see mm viability"
        )
    return notes


def _differ(bid: Fit, ask: Fit) -> bool:
    errors = (bid.decay_error * bid.decay_per_bps) ** 2 + (ask.decay_error * ask.decay_per_bps) ** 2
    return abs(bid.decay_per_bps - ask.decay_per_bps) > 3 * sqrt(errors)
