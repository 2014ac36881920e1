"""The volume-weighted mean price of the latest trades, as a venue's price filters use it.

Integers only: the mean is kept as a fraction (`Mean`), never divided. Whoever hears the trades of the market
adds them: the world its own matches, a replay the recorded prints. Invariant: the mean is that of the trades
not older than the window; where there are none, it is the last price; before the first trade there is none.
"""

from typing import NamedTuple

from mm.domain.tuples import named
from mm.domain.units import NEVER_NS


class Mean(NamedTuple):
    """A mean price as a fraction: `ticks_atoms / atoms` ticks. Fields: atoms > 0."""

    ticks_atoms: int
    atoms: int


class AveragePrice:
    """The mean over a window of time that ends now."""

    def __init__(self, *, window_ns: int) -> None:
        """Average over `window_ns`."""
        self._window_ns = window_ns
        # Those of the window, oldest first, from a place on; what is before it is forgotten.
        self._trades: list[tuple[int, int, int]] = []
        self._first = 0
        self._oldest_ns = NEVER_NS
        self._ticks_atoms = 0
        self._atoms = 0
        self._last_ticks = 0

    def add(self, price_ticks: int, size_atoms: int, ts_ns: int) -> None:
        """Count a trade of `size_atoms` (> 0) of the base asset; times never go back."""
        assert size_atoms > 0
        self._forget(ts_ns)
        if self._oldest_ns == NEVER_NS:
            self._oldest_ns = ts_ns
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
        until_ns = ts_ns - self._window_ns
        if self._oldest_ns > until_ns:
            return
        trades, first = self._trades, self._first
        while first < len(trades):
            added_ns, price_ticks, size_atoms = trades[first]
            if added_ns > until_ns:
                break
            self._ticks_atoms -= price_ticks * size_atoms
            self._atoms -= size_atoms
            first += 1
        self._oldest_ns = trades[first][0] if first < len(trades) else NEVER_NS
        if 2 * first > len(trades):
            del trades[:first]
            first = 0
        self._first = first
