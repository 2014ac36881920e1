"""How long messages to the venue and its answers take, in event time.

A delay is drawn per message; nothing here reads a clock. `Line` is one connection: its messages take effect
in the order in which they were sent and are answered in that order, however the draws fall. Invariants:
delays are never negative and bounded; the same seed and messages give the same times.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from mm.domain.tuples import named
from mm.sim.prng import Prng

DELAY_MAX_NS: Final = 60 * 1_000_000_000
"""No delay is longer: a minute. Configured means are far below."""

TAIL_MAX: Final = 10
"""A sampled delay is at most this many times its 99th percentile."""

_NORMAL_P99: Final = 2.3263478740408408


class Delay(NamedTuple):
    """One message. Fields: entry_ns: from leaving us to its effect; answer_ns: from there until we hear."""

    entry_ns: int
    answer_ns: int


class Latency(Protocol):
    """Where delays come from."""

    def draw(self, sent_ns: int) -> Delay:
        """Return the delay of a message sent at `sent_ns`. Every call is one message."""


class ConstantLatency:
    """Every message takes the same time."""

    def __init__(self, *, entry_ns: int, answer_ns: int) -> None:
        """Take exactly this long. Raises: ValueError if a delay is not in 0..DELAY_MAX_NS."""
        self._delay = Delay(_checked("entry_ns", entry_ns), _checked("answer_ns", answer_ns))

    def draw(self, sent_ns: int) -> Delay:
        """Return the delay."""
        del sent_ns
        return self._delay


class LatencyRow(NamedTuple):
    """One measured message: sent, in effect at the venue, answered, all by one clock."""

    sent_ns: int
    effect_ns: int
    answered_ns: int


class MeasuredLatency:
    """Delays between measured ones, in proportion to the time; before the first and after the last theirs."""

    def __init__(self, rows: Sequence[LatencyRow]) -> None:
        """Interpolate between `rows`.

        Raises: ValueError if there is none, one is not sent < effect < answered within DELAY_MAX_NS each, or
        they do not grow in what was sent and in what took effect.
        """
        if not rows:
            raise ValueError("measured latency: expected at least one row")
        for number, row in enumerate(rows):
            _check_row(number, row, rows[number - 1] if number else None)
        self._sent = [row.sent_ns for row in rows]
        self._effect = [row.effect_ns for row in rows]
        self._entry = [row.effect_ns - row.sent_ns for row in rows]
        self._answer = [row.answered_ns - row.effect_ns for row in rows]

    def draw(self, sent_ns: int) -> Delay:
        """Return the entry delay at the time of sending and the answer delay at the time of the effect."""
        entry_ns = _between(self._sent, self._entry, sent_ns)
        return Delay(entry_ns, _between(self._effect, self._answer, sent_ns + entry_ns))


class Spread(NamedTuple):
    """How delays are distributed: their mean and their 99th percentile, ns."""

    mean_ns: int
    p99_ns: int


class SampledLatency:
    """Delays drawn from log-normal distributions, entry and answer apart, from one seeded stream."""

    def __init__(self, *, entry: Spread, answer: Spread, prng: Prng) -> None:
        """Draw from `prng`, which nobody else draws from.

        Raises: ValueError if no log-normal distribution has such a mean and such a 99th percentile
        (mean <= p99 <= about 14.9 x mean), or p99 is not in 0..DELAY_MAX_NS.
        """
        self._entry = _LogNormal("entry", entry)
        self._answer = _LogNormal("answer", answer)
        self._prng = prng

    def draw(self, sent_ns: int) -> Delay:
        """Return the next delay of the stream."""
        del sent_ns
        return named(Delay, (self._entry.at(self._prng.gauss()), self._answer.at(self._prng.gauss())))


class Times(NamedTuple):
    """When a message takes effect at the venue, and when its sender hears of it."""

    effect_ns: int
    answered_ns: int


class Line:
    """One connection: what is sent on it later neither takes effect nor is answered earlier."""

    def __init__(self, latency: Latency) -> None:
        """Open a connection whose messages take as long as `latency` says."""
        self._latency = latency
        self._last = Times(0, 0)

    def send(self, sent_ns: int) -> Times:
        """Send one message; return when it takes effect and when it is answered. Times may be equal."""
        delay = self._latency.draw(sent_ns)
        effect_ns = max(sent_ns + delay.entry_ns, self._last.effect_ns)
        self._last = named(Times, (effect_ns, max(effect_ns + delay.answer_ns, self._last.answered_ns)))
        return self._last


class _LogNormal:
    # With mean m = exp(u + s^2 / 2) and p99 q = exp(u + z s): s^2 / 2 - z s + ln(q / m) = 0, smaller root.
    def __init__(self, name: str, spread: Spread) -> None:
        mean_ns, p99_ns = spread
        _checked(f"{name} p99_ns", p99_ns)
        if not 0 <= mean_ns <= p99_ns:
            raise ValueError(f"{name} mean_ns was {mean_ns}, expected 0 <= mean_ns <= p99_ns = {p99_ns}")
        ratio_log = math.log(p99_ns / mean_ns) if mean_ns else 0.0
        root = _NORMAL_P99**2 - 2 * ratio_log
        if root < 0 or (p99_ns and not mean_ns):
            raise ValueError(f"{name} p99_ns was {p99_ns}, expected at most 14.9 x mean_ns = {mean_ns}")
        self._sigma = _NORMAL_P99 - math.sqrt(root)
        self._mu = math.log(mean_ns) - self._sigma**2 / 2 if mean_ns else 0.0
        self._mean_ns = mean_ns
        self._max_ns = min(DELAY_MAX_NS, TAIL_MAX * p99_ns)

    def at(self, deviations: float) -> int:
        if not self._sigma:
            return self._mean_ns
        return min(self._max_ns, round(math.exp(self._mu + self._sigma * deviations)))


def _checked(name: str, delay_ns: int) -> int:
    if not 0 <= delay_ns <= DELAY_MAX_NS:
        raise ValueError(f"{name} was {delay_ns}, expected 0..{DELAY_MAX_NS}")
    return delay_ns


def _check_row(number: int, row: LatencyRow, before: LatencyRow | None) -> None:
    if not row.sent_ns < row.effect_ns < row.answered_ns:
        raise ValueError(f"measured latency, row {number}: {tuple(row)}: expected sent < effect < answered")
    _checked(f"measured latency, row {number}: entry", row.effect_ns - row.sent_ns)
    _checked(f"measured latency, row {number}: answer", row.answered_ns - row.effect_ns)
    if before is not None and not (before.sent_ns < row.sent_ns and before.effect_ns < row.effect_ns):
        raise ValueError(f"measured latency, row {number}: {tuple(row)}: expected later times than before")


def _between(times_ns: Sequence[int], delays_ns: Sequence[int], ts_ns: int) -> int:
    after = bisect_right(times_ns, ts_ns)
    if after == 0:
        return delays_ns[0]
    if after == len(times_ns):
        return delays_ns[-1]
    start_ns, delay_ns = times_ns[after - 1], delays_ns[after - 1]
    growth_ns = delays_ns[after] - delay_ns
    return delay_ns + growth_ns * (ts_ns - start_ns) // (times_ns[after] - start_ns)
