"""The reference's table of volatility from bars: efficiency, bias by steps, and what drift does."""

from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray

from mm.signals.candles import garman_klass, parkinson, rogers_satchell

Numbers = NDArray[np.float64]

TABLE: Final = {
    60: ((4.02, 0.842), (5.64, 0.781), (4.14, 0.778)),
    600: ((4.56, 0.938), (6.75, 0.917), (5.31, 0.918)),
    3600: ((4.85, 0.981), (7.08, 0.971), (5.62, 0.969)),
}
"""By ticks per bar: of Parkinson, Garman-Klass, Rogers-Satchell how much less they scatter than the squared
close, each around its own mean, and that mean, of 1.
"""

DRIFT: Final = (1.335, 1.067, 0.931)
"""Their means with a drift of a deviation per bar."""

BARS: Final = 20_000
BLOCK: Final = 1_000


def estimates(ticks: int, drift: float) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Return the squared close and the three estimates of many bars of unit variance."""
    draws = np.random.default_rng(5)
    found: list[list[Numbers]] = [[], [], [], []]
    for _ in range(BARS // BLOCK):
        steps = draws.standard_normal((BLOCK, ticks)) / np.sqrt(ticks) + drift / ticks
        path = np.cumsum(steps, axis=1)
        high, low, close = path.max(axis=1).clip(0), path.min(axis=1).clip(max=0), path[:, -1]
        found[0].append(close**2)
        # Plain arithmetic: what a bar is taken as, a row of them is.
        found[1].append(parkinson(high, low))  # type: ignore[arg-type]  # rows of them
        found[2].append(garman_klass(0.0, high, low, close))  # type: ignore[arg-type]  # rows of them
        found[3].append(rogers_satchell(0.0, high, low, close))  # type: ignore[arg-type]  # rows of them
    squared, first, second, third = (np.concatenate(parts) for parts in found)
    return squared, first, second, third


def scatter(found: Numbers) -> float:
    """Return the relative variance of estimates."""
    return float(found.var() / found.mean() ** 2)


@pytest.mark.proof
@pytest.mark.parametrize("ticks", sorted(TABLE))
def test_bars_are_as_good_as_the_reference_says(ticks: int) -> None:
    """Over 20 000 bars: means to 2 %, efficiencies to 10 %: twice what two such samples differ by."""
    squared, *others = estimates(ticks, 0.0)
    for found, (efficiency, mean) in zip(others, TABLE[ticks], strict=True):
        assert float(found.mean()) == pytest.approx(mean, abs=0.02)
        assert scatter(squared) / scatter(found) == pytest.approx(efficiency, rel=0.1)


@pytest.mark.proof
def test_a_drift_does_to_bars_what_the_reference_says() -> None:
    """Only Rogers and Satchell do not take it for variance; the squared close takes all of it."""
    squared, *others = estimates(600, 1.0)

    assert float(squared.mean()) == pytest.approx(2.03, abs=0.07)
    for found, mean in zip(others, DRIFT, strict=True):
        assert float(found.mean()) == pytest.approx(mean, abs=0.03)
