"""Which queue model fills own orders as they did fill: likelihoods, reliability, times, each with its doubt.

Each order was tried under every candidate (`fill_model_ghosts.py`). A candidate's likelihood: with a chance
of 1 - e the order fills when, or stays unfilled as, its trials say; with a chance of e anything happens, and
e is the candidate's best one. Must never name a model on few fills, or where all say the same. Invariant:
every share has a Wilson interval, and what cannot be said is said to be that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erfc, log, sqrt
from typing import Final

from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.observe.fill_model_ghosts import Candidate, OwnOrder, Trial
from mm.sim.queue import CUSTOMARY_POWERS, QueueModel

FILLS_MIN: Final = 30
"""On fewer own fills nothing is said."""

SAME_TIME_NS: Final = 100 * NS_PER_MS
"""A predicted fill this near to the observed one is the same: fills and prints come on two streams."""

Z: Final = 1.959964
"""Of a normal interval of 95 %."""

APART: Final = 1.92
"""A log-likelihood that is less by more than this is told apart (95 %, one parameter)."""

POWERS: Final[Mapping[QueueModel, tuple[float, ...]]] = {
    QueueModel.POWER: (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0),
    QueueModel.POWER2: (0.5, 2.0, 3.0, 4.0, 6.0),
    QueueModel.POWER3: (0.5, 2.0, 3.0, 4.0, 6.0),
}
"""Exponents that are tried; all three are the same model with the exponent 1."""

CANDIDATES: Final = (
    Candidate(QueueModel.RISK_AVERSE),
    *(Candidate(queue, power) for queue, powers in POWERS.items() for power in powers),
    Candidate(QueueModel.LOG),
    Candidate(QueueModel.LOG2),
)

_SLIPS: Final = tuple(0.001 * 1.35**step for step in range(22))
# Chances that anything happens, about 0.001 to 0.55.

_BINS: Final = ((0.0, 0.0), (0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0), (1.0, 1.0))
# Of predicted probabilities, the first and last of exactly that; the others without their bounds 0 and 1.

Trials = Mapping[str, tuple[tuple[Trial, ...], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """One candidate beside what happened.

    Fields: log_likelihood; slip: the chance that anything happens, at its best; predicted_ratio: share of the
    orders that should have filled; both: orders that filled here and there; time_error_s: the middle one of
    how far apart in time, None without any; rank_p: of the log-rank test of the times to a fill, None where
    nothing can be tested.
    """

    candidate: Candidate
    log_likelihood: float
    slip: float
    predicted_ratio: float
    both: int
    time_error_s: float | None
    rank_p: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """Orders of about one predicted probability. Fields: low, high: bounds of it; orders; predicted: mean
    of it; filled: of them; interval: of their share, 95 %.
    """

    low: float
    high: float
    orders: int
    predicted: float
    filled: int
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """Share of the orders unfilled after a time. Fields: at_s; observed, interval: by Kaplan and Meier, 95 %;
    predicted: by the same.
    """

    at_s: float
    observed: float
    interval: tuple[float, float]
    predicted: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FillFit:
    """What own orders say of all candidates.

    Fields: orders: that could be tried; fills: of them; fits: best first; power_interval: exponents of the
    best family that fit about as well, None without one; as_good: other families that do; doubt: "" or why
    nothing can be said, and then no model is named by anybody.
    """

    orders: int
    fills: int
    fill_interval: tuple[float, float]
    fits: tuple[Fit, ...]
    reliability: tuple[Reliability, ...]
    survival: tuple[Survival, ...]
    power_interval: tuple[float, float] | None
    as_good: tuple[str, ...]
    doubt: str

    @property
    def best(self) -> Fit:
        """The likeliest candidate; of equally likely ones that with the least error of time."""
        return self.fits[0]


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, (0, 1) of nothing."""
    if not count:
        return 0.0, 1.0
    share, square = hits / count, Z * Z / count
    middle = (share + square / 2) / (1 + square)
    half = Z * sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def fill_fit(
    orders: Sequence[OwnOrder], trials: Trials, candidates: Sequence[Candidate] = CANDIDATES
) -> FillFit:
    """Return what orders say of the candidates. Args: trials: by the order's id, one row per candidate."""
    # An order that could not be placed in the market as it was heard says nothing: where nothing is believed
    # no candidate tried it.
    tried = [order for order in orders if any(trials[order.cid])]
    fills = sum(1 for order in tried if order.filled_ns)
    fits = [_fit(tried, trials, index, candidate) for index, candidate in enumerate(candidates)]
    fits.sort(key=lambda fit: (-round(fit.log_likelihood, 6), fit.time_error_s or 0.0))
    best = candidates.index(fits[0].candidate)
    rows = [(order, trials[order.cid][best]) for order in tried]
    alike = [fit for fit in fits if fits[0].log_likelihood - fit.log_likelihood <= APART]
    return FillFit(
        orders=len(tried),
        fills=fills,
        fill_interval=wilson(fills, len(tried)),
        fits=tuple(fits),
        reliability=tuple(_reliability(rows)),
        survival=tuple(_survival(rows)),
        power_interval=_powers(fits[0], alike),
        as_good=tuple(
            dict.fromkeys(
                fit.candidate.name for fit in alike if fit.candidate.queue is not fits[0].candidate.queue
            )
        ),
        doubt=_doubt(fills, len(tried), fits),
    )


def _doubt(fills: int, orders: int, fits: Sequence[Fit]) -> str:
    if fills < FILLS_MIN:
        return f"{fills} orders that filled are too few to say anything (fewer than {FILLS_MIN})"
    if orders == fills:
        return "every order filled: nothing says when one would not have"
    if fits[0].log_likelihood - fits[-1].log_likelihood <= APART:
        return f"all models say about the same of these {orders} orders: nothing tells them apart"
    return ""


def _powers(best: Fit, alike: Sequence[Fit]) -> tuple[float, float] | None:
    queue = best.candidate.queue
    if queue not in CUSTOMARY_POWERS:
        return None
    known = [fit.candidate.power for fit in alike if fit.candidate.queue is queue]
    powers = [power for power in known if power is not None]
    return min(powers), max(powers)


def _chance(row: Sequence[Trial]) -> float:
    return sum(1 for trial in row if trial.filled_ns) / len(row)


def _fit(orders: Sequence[OwnOrder], trials: Trials, index: int, candidate: Candidate) -> Fit:
    rows = [(order, trials[order.cid][index]) for order in orders]
    parts = [_likely(order, row) for order, row in rows]
    slips = {slip: sum(log((1 - slip) * said + slip * chance) for said, chance in parts) for slip in _SLIPS}
    slip = max(slips, key=lambda one: (slips[one], -one))
    apart = sorted(_apart_ns(order, row) for order, row in rows if order.filled_ns and _chance(row))
    return Fit(
        candidate=candidate,
        log_likelihood=slips[slip],
        slip=slip,
        predicted_ratio=sum(_chance(row) for _, row in rows) / max(1, len(rows)),
        both=len(apart),
        time_error_s=apart[len(apart) // 2] / NS_PER_S if apart else None,
        rank_p=log_rank(_observed(rows), _predicted(rows)),
    )


# How likely what happened is by the trials, and by chance alone: densities per second where it filled.
def _likely(order: OwnOrder, row: Sequence[Trial]) -> tuple[float, float]:
    if not order.filled_ns:
        return 1 - _chance(row), 0.5
    near = sum(1 for trial in row if trial.filled_ns and _is_near(order, trial))
    span_s = max(order.life_ns, 2 * SAME_TIME_NS) / NS_PER_S
    return near / len(row) / (2 * SAME_TIME_NS / NS_PER_S), 0.5 / span_s


def _is_near(order: OwnOrder, trial: Trial) -> bool:
    return abs(trial.filled_ns - order.filled_ns) <= SAME_TIME_NS


def _apart_ns(order: OwnOrder, row: Sequence[Trial]) -> int:
    apart = sorted(abs(trial.filled_ns - order.filled_ns) for trial in row if trial.filled_ns)
    return apart[len(apart) // 2]


Row = tuple[OwnOrder, Sequence[Trial]]
Lasted = tuple[int, bool]
# How long an order was seen, and whether it filled then.


def _observed(rows: Sequence[Row]) -> list[Lasted]:
    return [(order.life_ns, bool(order.filled_ns)) for order, _ in rows]


# The trial in the middle stands for all: the others are the same order.
def _predicted(rows: Sequence[Row]) -> list[Lasted]:
    found = []
    for order, row in rows:
        trial = row[len(row) // 2]
        lasted_ns = trial.filled_ns - trial.begins_ns if trial.filled_ns else order.life_ns
        found.append((max(1, lasted_ns), bool(trial.filled_ns)))
    return found


def _reliability(rows: Sequence[Row]) -> list[Reliability]:
    told = []
    chances = [(order, _chance(row)) for order, row in rows]
    for low, high in _BINS:
        inside = [(order, chance) for order, chance in chances if _is_inside(chance, low, high)]
        if inside:
            filled = sum(1 for order, _ in inside if order.filled_ns)
            told.append(
                Reliability(
                    low=low,
                    high=high,
                    orders=len(inside),
                    predicted=sum(chance for _, chance in inside) / len(inside),
                    filled=filled,
                    interval=wilson(filled, len(inside)),
                )
            )
    return told


def _is_inside(chance: float, low: float, high: float) -> bool:
    if low == high:
        return chance == low
    return low < chance <= high and 0.0 < chance < 1.0


SURVIVAL_S: Final = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Times at which the share that is still unfilled is told, as long as anybody was seen so long."""


def _survival(rows: Sequence[Row]) -> list[Survival]:
    observed, predicted = _observed(rows), _predicted(rows)
    longest_s = max((lasted for lasted, _ in observed), default=0) / NS_PER_S
    told = []
    for at_s in SURVIVAL_S:
        if at_s > longest_s:
            break
        share, error = kaplan_meier(observed, round(at_s * NS_PER_S))
        expected, _ = kaplan_meier(predicted, round(at_s * NS_PER_S))
        interval = (max(0.0, share - Z * error), min(1.0, share + Z * error))
        told.append(Survival(at_s=at_s, observed=share, interval=interval, predicted=expected))
    return told


def kaplan_meier(seen: Sequence[tuple[int, bool]], at_ns: int) -> tuple[float, float]:
    """Return the share unfilled after `at_ns` and its standard error (Greenwood).

    Args: seen: how long each order was watched, and whether it filled then.
    """
    share, variance = 1.0, 0.0
    # Who filled at a time was still watched then.
    ordered = sorted(seen, key=lambda one: (one[0], not one[1]))
    for place, (lasted_ns, filled) in enumerate(ordered):
        if lasted_ns > at_ns:
            break
        if filled:
            left = len(ordered) - place
            share *= 1 - 1 / left
            variance += 1 / (left * (left - 1)) if left > 1 else 0.0
    return share, share * sqrt(variance)


def log_rank(first: Sequence[tuple[int, bool]], second: Sequence[tuple[int, bool]]) -> float | None:
    """Return the probability that two groups of orders fill so differently by chance, None without a fill.

    Args: as of `kaplan_meier`. One that takes both for independent: the same orders twice are too alike, so
    a small value is a difference, a large one no proof of none.
    """
    rows = sorted([(-lasted, filled, 0) for lasted, filled in first] + [(-t, f, 1) for t, f in second])
    # Backwards in time: who is still watched is counted up.
    watched = [0, 0]
    expected = variance = 0.0
    hits = at = 0
    while at < len(rows):
        time = rows[at][0]
        fills = [0, 0]
        while at < len(rows) and rows[at][0] == time:
            _, filled, group = rows[at]
            watched[group] += 1
            fills[group] += filled
            at += 1
        total, filled_in_all = sum(watched), sum(fills)
        share = watched[0] / total
        hits += fills[0]
        expected += filled_in_all * share
        if total > 1:
            variance += filled_in_all * share * (1 - share) * (total - filled_in_all) / (total - 1)
    if not variance:
        return None
    return erfc(abs(hits - expected) / sqrt(2 * variance))
