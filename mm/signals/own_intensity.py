"""How often own quotes are filled, by their distance: A and k of the rate A * exp(-k * distance) per quote.

Each own quote spends time at distances from the mid, and is filled there or not. With the time E and the
fills y by distance x, k and A maximise the likelihood of fills that come by chance at the rate
exp(a - k x): Newton's steps on k, with a = ln(sum y / sum E exp(-k x)) for each k.

Value: k per basis point of the mid. more: (A per second and quote, relative error of k, fills that count).
Unlike public trades, fills of our own contain our place in the queue; they need quotes at several distances.

Source: Poisson regression with an offset; the error of k is that of the information after a is profiled out.
Invariant: what is in `exposure_s` and `fills` are weighted sums; they are fitted again at each renewal alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt
from typing import Final, NamedTuple, final

from mm.domain.sides import BUY, Side
from mm.domain.units import NS_PER_S, PPM, PPM_PER_BPS
from mm.domain.view import OwnQuote, Reading
from mm.signals.base import Signal, check_length, counted, known_to, whole
from mm.signals.decay import share_kept
from mm.signals.mids import MidTrail

BINS_MAX: Final = 200
DECAY_MAX: Final = 3.0
"""Steepest k per bin that is looked for: with 200 bins nothing overflows."""

STEPS_MAX: Final = 60
STEP_MIN: Final = 1e-12
"""Newton's steps end when they are smaller than this, per bin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnIntensitySpec:
    """Which intensity is wanted.

    Fields:
        step_ppm: width of a bin of distance, parts per million of the mid; 0 = half a tick.
        bins: distances that are told apart, from 0 on, up to `BINS_MAX`; farther quotes do not count.
        half_life_ns: age at which time and fills count half; 0 = all count alike.
        renew_ns: how often everything is fitted anew, > 0.
        fills_min: own fills before it is ready, >= 1. error_ppm_max: largest relative error of k then.
        lag_ns: how long before a fill's arrival the mid is the one that it is measured from.
    """

    step_ppm: int = 0
    bins: int = 100
    half_life_ns: int = 3_600_000_000_000
    renew_ns: int = 10_000_000_000
    fills_min: int = 100
    error_ppm_max: int = 100_000
    lag_ns: int = 2_000_000

    def __post_init__(self) -> None:
        """Check the ranges: a strategy that asks for less is wrong."""
        assert self.step_ppm >= 0
        assert 2 <= self.bins <= BINS_MAX
        assert self.half_life_ns >= 0
        assert self.renew_ns > 0
        assert self.fills_min >= 1
        assert self.error_ppm_max > 0
        assert self.lag_ns >= 0

    def start(self) -> "OwnIntensity":
        """Return the signal before its first mid."""
        return OwnIntensity(self)


class Fit(NamedTuple):
    """What a fit found, per bin. Fields: rate: A per second; decay: k; error: of k, absolute."""

    rate: float
    decay: float
    error: float


NOTHING: Final = Fit(0.0, 0.0, 0.0)
"""No fit: no fills, all quotes at one distance, or no end to k."""


def moments(exposure_s: Sequence[float], decay: float) -> tuple[float, float, float]:
    """Return the sums of E exp(-k x), and of that times x and x squared, over the bins x = 0, 1, ..."""
    plain = first = second = 0.0
    for place, time_s in enumerate(exposure_s):
        if time_s:
            weight = time_s * exp(-decay * place)
            plain += weight
            first += weight * place
            second += weight * place * place
    return plain, first, second


def fitted(exposure_s: Sequence[float], fills: Sequence[float], decay: float) -> Fit:
    """Return the most likely A and k. Args: by bin; decay: k to begin with."""
    count = sum(fills)
    mean = sum([place * number for place, number in enumerate(fills)]) / count if count > 0 else 0.0
    for _ in range(STEPS_MAX):
        plain, first, second = moments(exposure_s, decay)
        if plain <= 0 or count <= 0:
            return NOTHING
        expected = first / plain
        spread = second / plain - expected * expected
        if spread <= STEP_MIN:
            return NOTHING
        step = max(-1.0, min(1.0, (expected - mean) / spread))
        decay = max(-DECAY_MAX, min(DECAY_MAX, decay + step))
        if abs(step) < STEP_MIN * 1000:
            return Fit(count / plain, decay, 1.0 / sqrt(count * spread))
    return NOTHING


@final
class OwnIntensity(Signal):
    """k per basis point, A per second and quote."""

    __slots__ = (
        "_due_ns",
        "_exposure_s",
        "_fills",
        "_fit",
        "_quotes",
        "_since_ns",
        "_spec",
        "_squared",
        "_trail",
    )

    def __init__(self, spec: OwnIntensitySpec) -> None:
        """Start without a mid."""
        self._spec = spec
        self._trail = MidTrail(spec.lag_ns)
        self._since_ns = 0  # to when time was taken in
        self._due_ns = 0  # when everything is fitted anew, 0 = before the first hook
        self._squared = 0.0  # sum of squared weights of fills
        self._fit = NOTHING
        self._exposure_s = [0.0] * spec.bins
        self._fills = [0.0] * spec.bins
        self._quotes: tuple[tuple[int, int], ...] = ()  # side's sign and price of each

    def on_mid(self, ts_ns: int, mid_half_ticks: int) -> None:
        """Take in a new mid: all quotes are at another distance."""
        self._pass(ts_ns)
        self._trail.move(ts_ns, mid_half_ticks)

    def on_lost(self, ts_ns: int) -> None:
        """Let no time count before the next mid."""
        self._pass(ts_ns)
        self._trail.forget()

    def resume(self, ts_ns: int) -> None:  # noqa: ARG002 - all hooks are told alike
        """Let no time count, and nothing be forgotten, for what was not watched; there are no quotes yet."""
        self._trail.forget()
        self._quotes = ()
        self._since_ns = self._due_ns = 0

    def on_own_quotes(self, ts_ns: int, own: tuple[OwnQuote, ...]) -> None:
        """Take in which quotes there are; one in flight counts from when it was sent."""
        self._pass(ts_ns)
        self._quotes = tuple((1 if quote.side is BUY else -1, quote.price_ticks) for quote in own)

    def on_own_fill(
        self,
        ts_ns: int,
        side: Side,
        price_ticks: int,
        size_lots: int,  # noqa: ARG002 - all hooks are told alike
        mid_half_ticks: int,  # noqa: ARG002 - all hooks are told alike
    ) -> None:
        """Take in a fill at its distance from the mid of a moment ago."""
        self._pass(ts_ns)
        mid = self._trail.at(ts_ns)
        place = self._bin(1 if side is BUY else -1, price_ticks, mid) if mid else -1
        if place >= 0:
            self._fills[place] += 1.0
            self._squared += 1.0

    def reading(self, ts_ns: int) -> Reading:  # noqa: ARG002 - all hooks are told alike
        """Return k as of the last renewal; not ready before enough fills at different distances."""
        spec, count, fit, mid = self._spec, sum(self._fills), self._fit, self._trail.last_half_ticks
        effective = count * count / self._squared if self._squared > 0 else 0.0
        if effective < spec.fills_min:
            more = "" if mid else ", a mid"
            return Reading(0.0, False, counted("own fills", int(effective), spec.fills_min) + more)
        if not mid:
            return Reading(0.0, False, "a mid")
        if fit.decay <= 0:
            return Reading(0.0, False, "own fills that thin out with distance")
        bins_per_bps = PPM_PER_BPS / spec.step_ppm if spec.step_ppm else mid * PPM_PER_BPS / PPM
        value = fit.decay * bins_per_bps
        error = fit.error / fit.decay * sqrt(self._squared / count)
        if error * PPM > spec.error_ppm_max:
            wanted = spec.error_ppm_max * 100 / PPM
            return Reading(value, False, known_to(wanted, error))
        return Reading(value, True, "", (fit.rate, error, effective))

    def state(self) -> tuple[float, ...]:
        """Return every number it remembers."""
        quotes = [number for quote in self._quotes for number in quote]
        head = (self._since_ns, self._due_ns, self._squared, *self._fit, len(self._quotes))
        # A nought that is a whole number takes an eighth of the room.
        table = [number or 0 for number in (*self._exposure_s, *self._fills)]
        return (*head, *table, *quotes, *self._trail.state())

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says; raises ValueError if it is none."""
        bins = self._spec.bins
        check_length(state, 7 + 2 * bins, 2)
        self._since_ns, self._due_ns, self._squared = whole(state, 0), whole(state, 1), state[2]
        self._fit = Fit(*state[3:6])
        self._exposure_s = list(map(float, state[7 : 7 + bins]))
        self._fills = list(map(float, state[7 + bins : 7 + 2 * bins]))
        rest = list(map(int, state[7 + 2 * bins :]))
        ends = 2 * whole(state, 6)
        self._quotes = tuple(zip(rest[:ends:2], rest[1:ends:2], strict=True))
        self._trail.restore(rest[ends:])

    def _bin(self, sign: int, price_ticks: int, mid_half_ticks: int) -> int:
        # The nearest bin, -1 = too far, or beyond the mid.
        distance = sign * (mid_half_ticks - 2 * price_ticks)
        if self._spec.step_ppm:
            distance = (
                int(distance * PPM / (mid_half_ticks * self._spec.step_ppm) + 0.5)
                if distance > 0
                else distance
            )
        return distance if 0 <= distance < self._spec.bins else -1

    def _pass(self, ts_ns: int) -> None:
        # Count the time since the last hook at the distances that held, and fit anew when it is time.
        mid = self._trail.last_half_ticks
        if mid and self._since_ns:
            time_s = (ts_ns - self._since_ns) / NS_PER_S
            for sign, price_ticks in self._quotes:
                place = self._bin(sign, price_ticks, mid)
                if place >= 0:
                    self._exposure_s[place] += time_s
        self._since_ns = ts_ns
        if ts_ns >= self._due_ns:
            self._renew(ts_ns)

    def _renew(self, ts_ns: int) -> None:
        # What was forgotten meanwhile is forgotten at once: a renewal is short beside a half-life.
        spec = self._spec
        if self._due_ns:
            kept = share_kept(ts_ns - self._due_ns + spec.renew_ns, spec.half_life_ns)
            self._exposure_s = [time_s * kept for time_s in self._exposure_s]
            self._fills = [number * kept for number in self._fills]
            self._squared *= kept * kept
        self._due_ns = ts_ns + spec.renew_ns
        self._fit = fitted(self._exposure_s, self._fills, max(0.0, self._fit.decay))
