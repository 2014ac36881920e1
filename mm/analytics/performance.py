"""How good a P&L was for its risk: Sharpe with its error, Sortino, drawdown, certainty equivalent.

Over equal intervals of mark-to-mid equity after costs; the interval and the days of a year are told with
every figure, because without them none means anything. Equity comes in fine units (`costs.py`) and leaves as
ratios and as amounts of the quote asset. Bounded: sums, and the intervals of the last window.
"""

from collections import deque
from math import exp, log, sqrt
from typing import Final, NamedTuple

from mm.domain.units import NS_PER_S

INTERVAL_NS: Final = 60 * NS_PER_S
"""Between two samples of the equity."""

DAYS_PER_YEAR: Final = 365
"""Of markets that never close."""

INTERVALS_MIN: Final = 30
"""With fewer intervals nothing but the drawdown is told: it would be chance."""

WINDOW: Final = 10
"""Intervals in a window of which the worst is kept."""

EXPONENT_MAX: Final = 600.0
"""Losses beyond this many times 1 / aversion count as this: the certainty equivalent is far off anyway."""


class Mark(NamedTuple):
    """Where a session stood. Fields: ts_ns; equity_fine, spread_half, revaluation_half, costs_fine (fees and
    funding paid, less what was received): since the start; fills: so far; inventory_lots; mid_half_ticks.
    """

    ts_ns: int
    equity_fine: int
    spread_half: int
    revaluation_half: int
    costs_fine: int
    fills: int
    inventory_lots: int
    mid_half_ticks: int


class Sums(NamedTuple):
    """What intervals add up to; sums of two runs are added field by field.

    Fields: intervals: how many; first, second, third, fourth: sums of the powers of their P&L, quote units;
    loss: sum of exp(-aversion x P&L).
    """

    intervals: int
    first: float
    second: float
    third: float
    fourth: float
    loss: float


class Performance:
    """Samples of one session.

    Fields: count: whole intervals; peak_fine, drawdown_fine: highest equity so far, deepest fall from one.
    """

    def __init__(self, per_quote_fine: int, aversion: float) -> None:
        """Start at an equity of 0. Args: per_quote_fine: fine units in one unit of the quote asset; aversion:
        gamma of exp(-gamma x), per unit of the quote asset, > 0.
        """
        assert aversion > 0
        self.aversion = aversion
        self.count = 0
        self.peak_fine = 0
        self.drawdown_fine = 0
        self._worst: tuple[Mark, Mark] | None = None
        self._per_quote = per_quote_fine
        self._sum = self._square = self._shortfall = 0
        self._cube = self._fourth = 0
        self._loss = 0.0
        self._window: deque[Mark] = deque(maxlen=WINDOW + 1)

    def see(self, equity_fine: int) -> None:
        """Take in an equity at any moment, for the drawdown."""
        if equity_fine > self.peak_fine:
            self.peak_fine = equity_fine
        elif self.peak_fine - equity_fine > self.drawdown_fine:
            self.drawdown_fine = self.peak_fine - equity_fine

    def sample(self, mark: Mark) -> None:
        """Take in where it stands at the end of an interval; the first one is the start."""
        if self._window:
            gained = mark.equity_fine - self._window[-1].equity_fine
            self.count += 1
            self._sum += gained
            square = gained * gained
            self._square += square
            self._cube += square * gained
            self._fourth += square * square
            self._shortfall += min(0, gained) ** 2
            self._loss += exp(min(EXPONENT_MAX, -self.aversion * gained / self._per_quote))
        self._window.append(mark)
        self._note_window()

    def restart(self, mark: Mark) -> None:
        """Go on after a time in which nothing was seen: it is no interval."""
        self._window.clear()
        self._window.append(mark)

    def _note_window(self) -> None:
        first, last = self._window[0], self._window[-1]
        if first is not last and (self._worst is None or _lost(first, last) > _lost(*self._worst)):
            self._worst = (first, last)

    def worst(self, now: Mark) -> tuple[Mark, Mark] | None:
        """Return the first and last mark of the window in which most was lost, the interval that is open
        still included; None while nothing has passed. Args: now: where it stands, not before the last sample.
        """
        window, known = self._window, self._worst
        if not window or now.ts_ns <= window[-1].ts_ns:
            return known
        first = window[1] if len(window) > WINDOW else window[0]
        return (first, now) if known is None or _lost(first, now) > _lost(*known) else known

    @property
    def sums(self) -> Sums:
        """What the intervals add up to, so that windows of several runs can be judged as one."""
        unit = self._per_quote
        return Sums(
            self.count,
            self._sum / unit,
            self._square / unit**2,
            self._cube / unit**3,
            self._fourth / unit**4,
            self._loss,
        )

    @property
    def mean_quote(self) -> float:
        """Mean P&L of an interval, quote units."""
        return self._sum / max(1, self.count) / self._per_quote

    @property
    def deviation_quote(self) -> float:
        """Standard deviation of the P&L of an interval (n - 1), quote units."""
        if self.count < 2:
            return 0.0
        # Exact until the last step: the square of a sum may be as large as the sum of squares.
        spread = self.count * self._square - self._sum**2
        return sqrt(spread / (self.count * (self.count - 1))) / self._per_quote

    @property
    def per_year(self) -> float:
        """Intervals in a year."""
        return DAYS_PER_YEAR * 86_400 * NS_PER_S / INTERVAL_NS

    @property
    def sharpe(self) -> tuple[float, float] | None:
        """Sharpe ratio of a year and its standard error; None with too few intervals or without risk.

        The error of one interval's ratio r is sqrt((1 + r^2 / 2) / n).
        """
        deviation = self.deviation_quote
        if self.count < INTERVALS_MIN or not deviation:
            return None
        ratio, year = self.mean_quote / deviation, sqrt(self.per_year)
        return ratio * year, sqrt((1 + ratio * ratio / 2) / self.count) * year

    @property
    def sortino(self) -> float | None:
        """Mean over the root of the mean square of losses, of a year; None as for Sharpe, or without a
        loss.
        """
        if self.count < INTERVALS_MIN or not self._shortfall:
            return None
        downside = sqrt(self._shortfall / self.count) / self._per_quote
        return self.mean_quote / downside * sqrt(self.per_year)

    @property
    def certain_quote_per_day(self) -> float | None:
        """CARA certainty equivalent of a day, quote units; None with too few intervals."""
        if self.count < INTERVALS_MIN:
            return None
        per_day = 86_400 * NS_PER_S / INTERVAL_NS
        return -log(self._loss / self.count) / self.aversion * per_day


def _lost(first: Mark, last: Mark) -> int:
    return first.equity_fine - last.equity_fine
