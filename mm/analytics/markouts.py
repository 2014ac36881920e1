"""Markouts: what the mid did after own fills, for the side that we were on; the price of being chosen.

MO(h) = s (m(t+h) - p) / p in basis points (quant.md 4.2), s = +1 for a buy. MO(0) is the effective
half-spread, MO(0) - MO(h) the impact. Each curve has two means, of fills and of money, with standard errors
clustered by the second of the fill: fills of one second share one move of the market and are one observation.
Memory is bounded: a curve is sums, and there are as many curves as kinds.
"""

from math import sqrt
from typing import Final

from mm.analytics.costs import Costs
from mm.analytics.horizons import UNSEEN, Fill
from mm.domain.sides import Side
from mm.domain.units import NS_PER_S

BPS: Final = 10_000

LEVELS_MAX: Final = 12
"""Levels beyond this one share a curve with it."""

AGES_NS: Final = (NS_PER_S, 5 * NS_PER_S, 30 * NS_PER_S)
"""Bounds of the kinds of age."""

AGE_NAMES: Final = ("under 1 s", "1 to 5 s", "5 to 30 s", "30 s and more")

QUEUE_NAMES: Final = ("empty level", "up to its own size", "up to 10 times", "more")
"""Kinds of queues, by what was displayed before the order beside its own size."""

OTHER: Final = "unknown"
EXIT: Final = "exit"


class Clustered:
    """A weighted mean of values that come in clusters, in order of the clusters.

    Fields: count: values; clusters: seconds that had any. Error: root of sum over clusters of
    (sum w x - mean sum w)^2 over (sum of all w)^2, with the correction G / (G - 1).
    """

    __slots__ = (
        "_cross",
        "_second",
        "_squares",
        "_total",
        "_total_weight",
        "_value",
        "_weight",
        "_weights",
        "clusters",
        "count",
    )

    def __init__(self) -> None:
        """Start without values."""
        self.count = 0
        self.clusters = 0
        self._second = -1
        # Of the cluster under way, then of all that are closed.
        self._value: int | float = 0
        self._weight: int = 0
        self._total: int | float = 0
        self._total_weight: int = 0
        self._squares: int | float = 0
        self._cross: int | float = 0
        self._weights: int = 0

    def add(self, second: int, weighted: float, weight: int = 1) -> None:
        """Take in weight x value. Args: second: of its cluster, never less than the one before."""
        if second != self._second:
            self._close()
            self._second = second
            self.clusters += 1
        self.count += 1
        self._value += weighted
        self._weight += weight

    def _close(self) -> None:
        value, weight = self._value, self._weight
        self._total += value
        self._total_weight += weight
        self._squares += value * value
        self._cross += value * weight
        self._weights += weight * weight
        self._value = 0
        self._weight = 0

    @property
    def mean(self) -> float | None:
        """The mean; None without values."""
        weight = self._total_weight + self._weight
        return (self._total + self._value) / weight if weight else None

    @property
    def error(self) -> float | None:
        """Its standard error; None with fewer than two clusters: one observation tells no error."""
        mean = self.mean
        if mean is None or self.clusters < 2:
            return None
        value, weight = self._value, self._weight
        squares = self._squares + value * value
        cross = self._cross + value * weight
        weights = self._weights + weight * weight
        spread = squares - 2 * mean * cross + mean * mean * weights
        groups = self.clusters / (self.clusters - 1)
        return sqrt(max(0.0, spread * groups)) / (self._total_weight + weight)


class Curve:
    """Markouts of one kind of fills: at the fill, then at each horizon. Fields: of_fills, of_money: bps."""

    __slots__ = ("of_fills", "of_money")

    def __init__(self, horizons: int) -> None:
        """Start without fills."""
        self.of_fills = tuple(Clustered() for _ in range(horizons + 1))
        self.of_money = tuple(Clustered() for _ in range(horizons + 1))

    def add(self, place: int, second: int, markout_bps: float, gained: int, paid: int) -> None:
        """Take in what a fill met. Args: place: 0 at the fill, then 1 + index of the horizon; gained: markout
        in bps x paid; paid: value of the fill in half ticks x lots.
        """
        self.of_fills[place].add(second, markout_bps)
        self.of_money[place].add(second, gained, paid)


class Markouts:
    """Curves of a session.

    Fields: every: of all fills; by_side, by_level, by_age, by_queue: by the name of the kind, in the order in
    which they came. net: of all, each less its own fee: what a fill was worth, bps. unseen: mids that nobody
    saw when they were due, per horizon.
    """

    def __init__(self, costs: Costs, lot_atoms: int, horizons: int) -> None:
        """Start without fills. Args: costs: for its units; lot_atoms: of the instrument."""
        self.every = Curve(horizons)
        self.by_side: dict[str, Curve] = {}
        self.by_level: dict[str, Curve] = {}
        self.by_age: dict[str, Curve] = {}
        self.by_queue: dict[str, Curve] = {}
        self._by = (self.by_side, self.by_level, self.by_age, self.by_queue)
        self.net = tuple(Clustered() for _ in range(horizons + 1))
        self.unseen = [0] * horizons
        self._per_half = costs.per_half
        self._lot_atoms = lot_atoms
        self._horizons = horizons

    def fill(self, fill: Fill) -> None:
        """Take in a fill at the moment when it happens."""
        self._add(0, fill, fill.mid_half_ticks)

    def settle(self, index: int, fill: Fill, mid_half_ticks: int) -> None:
        """Take in the mid that a fill met at a horizon; none where nobody saw it."""
        if fill.later_half_ticks[index] == UNSEEN:
            self.unseen[index] += 1
        else:
            self._add(index + 1, fill, mid_half_ticks)

    def _add(self, place: int, fill: Fill, mid_half_ticks: int) -> None:
        second, size, price_half = fill.ts_ns // NS_PER_S, fill.size_lots, 2 * fill.price_ticks
        gained = BPS * (mid_half_ticks - price_half) * fill.signed_lots
        paid = price_half * size
        markout_bps = gained / paid
        kinds = fill.kinds or self._kinds(fill)
        self.every.add(place, second, markout_bps, gained, paid)
        for curves, name in zip(self._by, kinds, strict=True):
            curve = curves.get(name)
            if curve is None:
                curve = curves[name] = Curve(self._horizons)
            curve.add(place, second, markout_bps, gained, paid)
        self.net[place].add(second, markout_bps - BPS * fill.fee_fine / (paid * self._per_half))

    def _kinds(self, fill: Fill) -> tuple[str, ...]:
        fill.kinds = (
            "buy" if fill.side is Side.BUY else "sell",
            level_name(fill.level),
            age_name(fill.age_ns),
            queue_name(fill.queue_atoms, fill.size_lots * self._lot_atoms),
        )
        return fill.kinds


def level_name(level: int) -> str:
    """Return the kind of a level of the ladder; of an exit, and of an order that nobody knows any more."""
    if level < 0:
        return EXIT if level == -1 else OTHER
    return str(level) if level < LEVELS_MAX else f"{LEVELS_MAX} and deeper"


def age_name(age_ns: int) -> str:
    """Return the kind of an age of a quote."""
    if age_ns < 0:
        return OTHER
    return AGE_NAMES[sum(age_ns >= bound for bound in AGES_NS)]


def queue_name(queue_atoms: int, size_atoms: int) -> str:
    """Return the kind of a queue: what was displayed before an order beside the size that was filled."""
    if queue_atoms < 0:
        return OTHER
    bounds = (0, size_atoms, 10 * size_atoms)
    return QUEUE_NAMES[sum(queue_atoms > bound for bound in bounds)]
