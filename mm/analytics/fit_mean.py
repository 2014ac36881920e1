"""A mean with its error, by itself and by clusters of time, and the interval that it lies in.

Values that lie close in time say much the same: their plain error is too small. Invariant: what is not known
has an infinite error, never a small one.
"""

from collections.abc import Sequence
from math import inf, sqrt
from typing import Final, NamedTuple

_STUDENT: Final = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
# Student's quantiles at 97.5 %, for 1 to 30 degrees of freedom.

_NORMAL: Final = 1.95996


def student(degrees: int) -> float:
    """Return how many errors the half of a 95 % interval is: Student's quantile, infinite without degrees."""
    if degrees < 1:
        return inf
    # Beyond the table the first term of the expansion is right to 0.002.
    return _STUDENT[degrees - 1] if degrees <= len(_STUDENT) else _NORMAL + 2.3723 / degrees


class Mean(NamedTuple):
    """What is known of a mean, in the unit of its values.

    Fields: n: values. se: standard error if each value stood for itself. clustered: the same if all values
    of one cluster were one. clusters: how many there are. Errors of fewer than two are infinite.
    """

    n: int
    mean: float
    se: float
    clustered: float
    clusters: int

    @property
    def error(self) -> float:
        """The larger of the two errors, for a sample instead of all that there is."""
        if self.clusters < 2:
            return inf
        return max(
            self.se * sqrt(self.n / (self.n - 1)),
            self.clustered * sqrt(self.clusters / (self.clusters - 1)),
        )

    @property
    def half_width(self) -> float:
        """Half of the 95 % interval."""
        return student(self.clusters - 1) * self.error if self.clusters > 1 else inf


NOTHING: Final = Mean(0, 0.0, inf, inf, 0)
"""The mean of no values."""


def mean_of(values: Sequence[float], keys: Sequence[int], weights: Sequence[float] | None = None) -> Mean:
    """Return the (weighted) mean of `values`.

    Args: keys: the cluster of each value; equal ones stand together. weights: above 0; None: all alike.
    """
    count = len(values)
    if not count:
        return NOTHING
    given = weights if weights is not None else [1.0] * count
    whole = sum(given)
    mean = sum(value * weight for value, weight in zip(values, given, strict=True)) / whole
    if count < 2:
        return Mean(count, mean, inf, inf, 1)
    alone = cluster = together = 0.0
    clusters, last = 1, keys[0]
    for value, weight, key in zip(values, given, keys, strict=True):
        if key != last:
            together += cluster * cluster
            cluster, last = 0.0, key
            clusters += 1
        residual = weight * (value - mean)
        alone += residual * residual
        cluster += residual
    together += cluster * cluster
    return Mean(count, mean, sqrt(alone) / whole, sqrt(together) / whole if clusters > 1 else inf, clusters)
