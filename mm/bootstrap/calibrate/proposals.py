"""What is proposed for the parameters of a session, and what is not, with the reason.

Only what the strategy has, what is known well enough, and what the loader takes: a value that another key
stands against is refused by itself, with the key that would have to change first. Must never change a file.
Invariant: a proposal without a new value says why, and all that have one can be written together.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from decimal import ROUND_CEILING, Decimal
from math import isfinite
from typing import Final

from mm.bootstrap.calibrate.estimates import ERROR_MAX, SAMPLES_MIN, Estimate, Estimates
from mm.errors import ConfigError
from mm.settings.edit import OFF, with_key
from mm.settings.loader import settings_of
from mm.settings.models import Settings

DIGITS: Final = 4
"""Significant digits of what is written."""

SHARE_MAX: Final = 0.01
"""Adverse selection that is badly known still does for a least half-spread if its standard error is at most
this share of that: hardly anything else would be written."""

VOLATILITY: Final = "volatility_bps_per_sqrt_s"
"""Where this is off it is measured while it runs, which knows the hour; a number knows that of the data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One parameter. Fields: key: dotted; old: as it is, "off" if absent; new: as TOML, "" if not proposed;
    estimate: what it comes from; refused: why it is not proposed; stays: why it is left as it is; made_of:
    the parts of a sum, in words.
    """

    key: str
    old: str
    new: str
    estimate: Estimate
    refused: str = ""
    stays: str = ""
    made_of: str = ""


def proposals(table: str, params: object, found: Estimates, fee_bps: float) -> Iterator[Proposal]:
    """Yield what is proposed for the parameters of a session, whatever the loader says of it.

    Args: table: dotted name of the parameters' table; params: as loaded.
    """
    names = [field.name for field in fields(params)]  # type: ignore[arg-type]  # the loader made it: a dataclass
    least = _Least(found, fee_bps, _number(getattr(params, "margin_bps", None)))
    measured = f"{found.adverse.value:.3f} measured"
    known: dict[str, tuple[Estimate, str, str, str]] = {
        VOLATILITY: (found.volatility, _digits(found.volatility.value), _doubt(found.volatility), ""),
        "arrival_rate_per_s": (found.rate, _digits(found.rate.value), _rate_doubt(found), ""),
        "fill_decay_per_bps": (found.decay, _digits(found.decay.value), _decay_doubt(found), ""),
        "adverse_selection_bps": (found.adverse, _bps(found.adverse.value), _doubt(found.adverse), measured),
        "min_spread_bps": (least.estimate(2), _bps(2 * least.half), least.doubt, f"2 x ({least.made_of})"),
        "minimum_spread_bps": (least.estimate(1), _bps(least.half), least.doubt, least.made_of),
    }
    for name, (estimate, text, refused, made_of) in known.items():
        if name not in names or (name == "min_spread_bps" and "adverse_selection_bps" in names):
            continue
        old = getattr(params, name)
        yield Proposal(
            key=f"{table}.{name}",
            old=OFF if old is None else str(old),
            new="" if refused else text,
            estimate=estimate,
            refused=refused,
            made_of=made_of,
        )


def left_measured(one: Proposal) -> Proposal:
    """Return a proposal as it is, but for a volatility that is off: that stays off."""
    if one.old != OFF or one.key.rpartition(".")[2] != VOLATILITY:
        return one
    return replace(one, new="", refused="", stays="off: measured while it runs")


def writable(found: Iterable[Proposal], settings: Settings, params: object) -> tuple[Proposal, ...]:
    """Return the proposals, those refused that the loader does not take beside the ones before them."""
    text, answer = settings.text, []
    for one in found:
        if one.new and one.new != one.old:
            try:
                changed = with_key(text, one.key, one.new)
                settings_of(changed, settings.path)
            except ConfigError as error:
                answer.append(replace(one, new="", refused=_stands_against(one, params, error)))
                continue
            text = changed
        answer.append(one)
    return tuple(answer)


# ---- why not


class _Least:
    # The least half-spread: fee + adverse selection + margin, of which only the second is estimated.
    def __init__(self, found: Estimates, fee_bps: float, margin_bps: float) -> None:
        adverse = max(0.0, found.adverse.value)
        self._adverse, self._error_bps = found.adverse, found.adverse_se
        self.half = fee_bps + adverse + margin_bps
        self.made_of = f"fee {fee_bps:g} + adverse selection {adverse:.3f} + margin {margin_bps:g}"

    def estimate(self, times: int) -> Estimate:
        error = self._error_bps / self.half if self.half > 0 else float("inf")
        return Estimate(value=times * self.half, error=error, n=self._adverse.n)

    @property
    def doubt(self) -> str:
        # A fee is known exactly: it must not hide how badly the rest of the sum is known.
        adverse = self._adverse
        if adverse.n < SAMPLES_MIN:
            return _doubt(adverse)
        if self.half <= 0:
            return f"it is not above 0: {self.made_of}"
        if adverse.doubt and self._error_bps > SHARE_MAX * self.half:
            return (
                f"not known well enough: adverse selection is {adverse.value:.2f} bps, its standard error"
                f" {self._error_bps:.2f}, needed {100 * ERROR_MAX:g} % of itself or {100 * SHARE_MAX:g} % of"
                f" the half-spread {self.half:.2f}; that the fee is known says nothing of it"
            )
        return ""


def _doubt(estimate: Estimate) -> str:
    if estimate.n >= SAMPLES_MIN and estimate.value <= 0:
        return "it is not above 0"
    return estimate.doubt


def _rate_doubt(found: Estimates) -> str:
    # A is what k makes of the band's orders: neither is written without the other.
    if found.rate.rejected or not found.decay.doubt:
        return _doubt(found.rate)
    return f"k: {found.decay.doubt}"


def _decay_doubt(found: Estimates) -> str:
    doubt = _doubt(found.decay)
    return f"A: {found.rate.doubt}" if found.rate.doubt and not doubt else doubt


def _stands_against(one: Proposal, params: object, error: ConfigError) -> str:
    table, _, name = one.key.rpartition(".")
    value = Decimal(one.new)
    below = [
        (f"{table}.{key}", bound)
        for key, bound in _bounds_of(name, params)
        if bound is not None and bound < value
    ]
    if not below:
        return f"the loader does not take {one.new}: {str(error).partition(': ')[2] or error}"
    told = ", ".join(f"{key} {bound}" for key, bound in below)
    its = ("is", "it") if len(below) == 1 else ("are", "them")
    return f"{told} {its[0]} below {one.new}: raise {its[1]} to {one.new} or more first"


def _bounds_of(name: str, params: object) -> Iterator[tuple[str, Decimal | None]]:
    # The keys that a least spread may not be above.
    if name == "min_spread_bps":
        yield "max_spread_bps", getattr(params, "max_spread_bps", None)
    if name != "minimum_spread_bps":
        return
    chosen = getattr(params, "order_override", None)
    if chosen is not None:
        yield from ((f"order_override.{order}.spread_bps", chosen[order].spread_bps) for order in chosen)
        return
    for side in ("bid", "ask"):
        spreads = getattr(params, f"{side}_order_level_spreads_bps", None)
        if spreads:
            yield f"{side}_order_level_spreads_bps", spreads[0]
        else:
            yield f"{side}_spread_bps", getattr(params, f"{side}_spread_bps", None)


# ---- as it is written


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float | Decimal) else 0.0


def _digits(value: float) -> str:
    # A plain TOML float: never an integer, never without digits.
    text = f"{value:.{DIGITS}g}"
    return text if any(sign in text for sign in ".e") else f"{text}.0"


def _bps(value: float) -> str:
    # Up to the next hundredth: costs are not rounded in our favour.
    if not isfinite(value):
        return ""
    return str(Decimal(str(value)).quantize(Decimal("0.01"), rounding=ROUND_CEILING))
