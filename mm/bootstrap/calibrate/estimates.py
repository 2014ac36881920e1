"""What a tape says about the parameters of a model: volatility, A and k of a band, adverse selection.

Each estimate comes with its relative error and the number that it stands on, and is known or not by limits
stated here. Must never give a number out of its error. Invariant: pure, of the tape and what is asked alone.
"""

from dataclasses import dataclass
from math import inf, sqrt
from typing import Final

from mm.analytics.fit_intensity import Band, BandFit, Fit, band_fit
from mm.analytics.fit_mean import NOTHING
from mm.analytics.fit_touch import Touch, touch_markouts
from mm.analytics.markets import BPS, Mids, Tape, volatility_bps
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

    Fields: value; error: relative standard error; n: how many; error_max: largest with which it is known.
    """

    value: float
    error: float
    n: int
    error_max: float = ERROR_MAX

    @property
    def doubt(self) -> str:
        """Why it is not known well enough, "" if it is."""
        if self.n < SAMPLES_MIN:
            return f"{self.n} of {SAMPLES_MIN} that are needed"
        if self.error > self.error_max:
            return f"known to {self.error:.0%}, needed {self.error_max:.0%}"
        return ""


NONE: Final = Estimate(value=0.0, error=inf, n=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. Fields: fee_bps: maker's; horizon_ns: of adverse selection; band: None: around fee plus
    adverse selection, where one quotes.
    """

    fee_bps: float
    horizon_ns: int
    band: Band | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """What a tape says.

    Fields:
        volatility: bps per square root of a second. rate: A, per second and side. decay: k, per bps.
        adverse: what the mid takes from a maker per fill, bps. touch: what that is from, None if too short.
        fit: of the band. notes: what a person has to know of them.
    """

    volatility: Estimate
    rate: Estimate
    decay: Estimate
    adverse: Estimate
    touch: Touch | None
    fit: BandFit
    notes: tuple[str, ...]


def estimates(tape: Tape, asked: Question) -> Estimates:
    """Return what a tape says that `mm.analytics.markets.refusal` lets pass."""
    mids = Mids(tape)
    value, samples = volatility_bps(mids, tape)
    touch = next(iter(touch_markouts(tape, mids, (asked.horizon_ns,))), None)
    impact = NOTHING if touch is None else touch.impact
    fit = band_fit(tape, mids, asked.band or _usual_band(tape, mids, asked.fee_bps, impact.mean))
    rate, decay = (NONE, NONE) if fit.both is None else _of_fit(fit.both)
    adverse = Estimate(
        value=impact.mean,
        error=impact.error / impact.mean if impact.mean > 0 else inf,
        n=impact.n,
    )
    return Estimates(
        volatility=Estimate(value=value, error=1 / sqrt(2 * samples) if samples else inf, n=samples),
        rate=rate,
        decay=decay,
        adverse=adverse,
        touch=touch,
        fit=fit,
        notes=tuple(_notes(fit, adverse, asked)),
    )


def _usual_band(tape: Tape, mids: Mids, fee_bps: float, impact_bps: float) -> Band:
    half = max(0.0, fee_bps + max(0.0, impact_bps))
    tick_bps = tape.tick * BPS * 2 / mids.twice[0]
    return Band(half / 2, max(2 * half, half / 2 + BAND_TICKS_MIN * tick_bps))


def _of_fit(fit: Fit) -> tuple[Estimate, Estimate]:
    decay = Estimate(value=fit.decay_per_bps, error=fit.decay_error, n=fit.orders, error_max=DECAY_ERROR_MAX)
    return Estimate(value=fit.rate_per_s, error=fit.rate_error, n=fit.orders), decay


def _notes(fit: BandFit, adverse: Estimate, asked: Question) -> list[str]:
    notes = []
    band = f"{fit.band.low_bps:.3g} to {fit.band.high_bps:.3g} bps from the mid"
    if fit.both is None:
        notes.append(f"no decay can be fitted {band}: {fit.sells + fit.buys} market orders came that far")
    elif fit.both.misfit > fit.both.misfit_max:
        notes.append(
            f"market orders do not thin out exponentially {band} (distance {fit.both.misfit:.3f}, at most"
            f" {fit.both.misfit_max:.3f}): a narrower --band holds better"
        )
    if fit.bid is not None and fit.ask is not None and _differ(fit.bid, fit.ask):
        notes.append(
            f"the sides differ: k is {fit.bid.decay_per_bps:.3g} for bids,"
            f" {fit.ask.decay_per_bps:.3g} for asks"
        )
    if adverse.n and adverse.value <= 0:
        notes.append(
            f"the mid did not move against makers within {asked.horizon_ns / NS_PER_S:g} s, on average"
        )
    return notes


def _differ(bid: Fit, ask: Fit) -> bool:
    errors = (bid.decay_error * bid.decay_per_bps) ** 2 + (ask.decay_error * ask.decay_per_bps) ** 2
    return abs(bid.decay_per_bps - ask.decay_per_bps) > 3 * sqrt(errors)
