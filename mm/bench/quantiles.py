"""Durations as figures: microseconds of nanoseconds. Pure; nothing measured is 0.0, never a guess."""

from collections.abc import Sequence


def microseconds(durations_ns: Sequence[int], percent: int) -> float:
    """Return the quantile of durations, 0 to 100 percent, in µs with two decimals; 0.0 of none."""
    if not durations_ns:
        return 0.0
    ordered = sorted(durations_ns)
    return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] / 1_000, 2)


def ratio(ours: float, theirs: float) -> float:
    """Return how much of `theirs` ours is, 0.0 if theirs was not measured."""
    return round(ours / theirs, 3) if theirs else 0.0
