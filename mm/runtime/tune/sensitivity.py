"""How a score depends on each parameter, from the trials that there are: nothing is run for it.

One parameter at a time: trials near the best one in all others, weighted by how near, in groups of the
parameter's values. And the neighbourhood of the best: a best on a slope that its neighbours share is worth
more than a peak. Holds plain numbers alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Final

from mm.runtime.tune.space import Dimension

GROUPS: Final = 6
"""Groups of the values of a range."""

VALUES_MAX: Final = 12
"""Up to so many values that a range has in all, each is a group."""

NEAR: Final = 0.25
"""Distance, in parts of a range, at which a trial counts exp(-1/2) as much as one at the best."""

NEIGHBOURS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Values of a parameter that are near each other. Fields: low, high: texts of the ends; place: of its
    middle, from 0 to 1; score: weighted mean, None without a trial; trials; weight: sum of the weights.
    """

    low: str
    high: str
    place: float
    score: float | None
    trials: int
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """One parameter. Fields: key; best: text of the best one's value; groups; importance: of all, in parts of
    1, None if not known.
    """

    key: str
    best: str
    groups: tuple[Group, ...]
    importance: float | None


def place_of(one: Dimension, text: str) -> float:
    """Return where a value lies in its range, from 0 to 1; choices lie at equal distances."""
    if one.choices:
        return one.choices.index(text) / max(1, len(one.choices) - 1)
    low, high, value = float(one.low), float(one.high), float(text)
    if one.log:
        low, high, value = log(low), log(high), log(max(value, 1e-300))
    return min(1.0, max(0.0, (value - low) / (high - low)))


def sensitivities(
    dimensions: Sequence[Dimension],
    points: Sequence[dict[str, str]],
    scores: Sequence[float],
    best: int,
    importances: dict[str, float],
) -> tuple[Sensitivity, ...]:
    """Return how the score depends on each parameter around trial `best`, an index into `points`."""
    spots = [[place_of(one, point[one.key]) for one in dimensions] for point in points]
    return tuple(
        Sensitivity(
            key=one.key,
            best=points[best][one.key],
            groups=_groups(one, at, (spots, points, scores), best),
            importance=importances.get(one.key),
        )
        for at, one in enumerate(dimensions)
    )


def neighbours(
    dimensions: Sequence[Dimension], points: Sequence[dict[str, str]], best: int, count: int = NEIGHBOURS
) -> list[int]:
    """Return the trials nearest to the best one, itself left out, nearest first."""
    spots = [[place_of(one, point[one.key]) for one in dimensions] for point in points]
    far = [(_square(spot, spots[best], -1), at) for at, spot in enumerate(spots) if at != best]
    return [at for _, at in sorted(far)[:count]]


_Trials = tuple[list[list[float]], Sequence[dict[str, str]], Sequence[float]]


def _groups(one: Dimension, at: int, trials: _Trials, best: int) -> tuple[Group, ...]:
    spots, points, scores = trials
    values = _values(one)
    count = len(values) or GROUPS
    members: list[list[int]] = [[] for _ in range(count)]
    for index, spot in enumerate(spots):
        number = values.index(points[index][one.key]) if values else int(spot[at] * count)
        members[min(count - 1, number)].append(index)
    found = []
    for number, inside in enumerate(members):
        weights = [exp(-_square(spots[index], spots[best], at) / (2 * NEAR**2)) for index in inside]
        whole = sum(weights)
        score = (
            sum(w * scores[index] for w, index in zip(weights, inside, strict=True)) / whole
            if whole
            else None
        )
        low, high = (values[number], values[number]) if values else _ends(one, number, count)
        found.append(
            Group(
                low=low,
                high=high,
                place=(number + 0.5) / count,
                score=score,
                trials=len(inside),
                weight=whole,
            )
        )
    return tuple(found)


def _values(one: Dimension) -> tuple[str, ...]:
    # All values there are, where they are few.
    step = one.step if one.step is not None else 1 if one.whole else None
    if one.choices or step is None:
        return one.choices
    count = int((one.high - one.low) // step) + 1
    return tuple(one.text(float(one.low + at * step)) for at in range(count)) if count <= VALUES_MAX else ()


def _ends(one: Dimension, number: int, count: int) -> tuple[str, str]:
    low, high = float(one.low), float(one.high)
    if one.log:
        ratio = high / low
        return f"{low * ratio ** (number / count):.4g}", f"{low * ratio ** ((number + 1) / count):.4g}"
    step = (high - low) / count
    return f"{low + number * step:.4g}", f"{low + (number + 1) * step:.4g}"


def _square(spot: Sequence[float], best: Sequence[float], but: int) -> float:
    # Of the distance in all parameters but one, which is left free (-1: none is).
    return sum((a - b) ** 2 for at, (a, b) in enumerate(zip(spot, best, strict=True)) if at != but)
