"""The volume-weighted mean price of the latest trades, as a venue's price filters use it.

Integers only: the mean is kept as a fraction (`Mean`), never divided. Whoever hears the trades of the market
adds them: the world its own matches, a replay the recorded prints. Invariant: the mean is that of the trades
not older than the window; where there are none, it is the last price; before the first trade there is none.
"""

from collections import deque
from typing import NamedTuple

from mm.domain.tuples import named


class Mean(NamedTuple):
    """A mean price as a fraction: `ticks_atoms / atoms` ticks. Fields: atoms > 0."""

    ticks_atoms: int
    atoms: int


class AveragePrice:
    """The mean over a window of time that ends now."""

    def __init__(self, *, window_ns: int) -> None:
        """Average over `window_ns`."""
        self._window_ns = window_ns
        self._trades: deque[tuple[int, int, int]] = deque()
        self._ticks_atoms = 0
        self._atoms = 0
        self._last_ticks = 0

    def add(self, price_ticks: int, size_atoms: int, ts_ns: int) -> None:
        """Count a trade of `size_atoms` (> 0) of the base asset; times never go back."""
        assert size_atoms > 0
        self._forget(ts_ns)
        self._trades.append((ts_ns, price_ticks, size_atoms))
        self._ticks_atoms += price_ticks * size_atoms
        self._atoms += size_atoms
        self._last_ticks = price_ticks

    def mean(self, ts_ns: int) -> Mean | None:
        """Return the mean as of `ts_ns`; the last price if nothing traded in the window; None before that."""
        self._forget(ts_ns)
        if self._atoms:
            return named(Mean, (self._ticks_atoms, self._atoms))
        return named(Mean, (self._last_ticks, 1)) if self._last_ticks else None

    def _forget(self, ts_ns: int) -> None:
        while self._trades and self._trades[0][0] <= ts_ns - self._window_ns:
            _, price_ticks, size_atoms = self._trades.popleft()
            self._ticks_atoms -= price_ticks * size_atoms
            self._atoms -= size_atoms
