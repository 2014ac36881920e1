"""What a best result is worth: in and out of sample, luck after so many trials, and a verdict in words.

Judged is the certainty equivalent, whatever was searched for: it is the one objective that knows both gain
and risk. What was chosen by is never what is judged by: see `splits`. Invariant: a verdict is good only if
every question has a good answer; what cannot be answered counts against it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mm.analytics.overfitting import (
    Overfitting,
    deflated_sharpe,
    deviation,
    expected_largest,
    overfitting_probability,
    probabilistic_sharpe,
    rank_correlation,
)
from mm.analytics.performance import INTERVALS_MIN
from mm.runtime.tune.score import Objective, Outcomes

CONFIDENT: Final = 0.95
"""Least probability of being better than luck."""

OVERFIT: Final = 0.5
"""From this probability of overfitting on, the choice is no better than a toss."""

SPLITS_MIN: Final = 3
TRIALS_MIN: Final = 10
"""With fewer splits or different trials a probability of overfitting means nothing: two splits can be halved
in six ways, and among few trials the best of one half is the best of the other by chance.
"""


class Verdict(StrEnum):
    """In a word. holds: better than luck, and out of sample too. luck: not distinguishable from luck.
    loses: doing nothing is better. unknown: too little data or too few trials to say.
    """

    HOLDS = "holds"
    LUCK = "luck"
    LOSES = "loses"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A trial with its outcomes. Fields: number: in the study; point: texts by key."""

    number: int
    point: dict[str, str]
    outcomes: Outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """A step of walking forward. Fields: split; chosen: the trial that was best on the training windows up to
    then; train, test: its certainty equivalents of a day, on those and on the test window that follows;
    median: of all trials there.
    """

    split: int
    chosen: int
    train: float
    test: float
    median: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What there is to say of the best trial.

    Fields: train, test: certainty equivalent of a day in and out of sample, quote units, of the worst world;
    train_net, test_net: P&L; train_fills, test_fills; intervals, test_intervals; sharpe: of one interval in
    sample, None if not known; luck_sharpe: what the best of so many worthless trials would show;
    deflated: probability of being better than that; test_probability: that the ratio out of sample is above
    0; overfitting; trials: different ones that were judged; ranks: correlation of the trials' order in and
    out of sample; test_rank: of the best out of sample, from 0 (last) to 1 (first); neighbours: mean of the
    certainty equivalents near the best; walk: the steps; walk_test: their sum over the splits, per split;
    verdict; reasons: sentences.
    """

    train: float
    test: float
    train_net: float
    test_net: float
    train_fills: int
    test_fills: int
    intervals: int
    test_intervals: int
    sharpe: float | None
    luck_sharpe: float | None
    deflated: float | None
    test_probability: float | None
    overfitting: Overfitting | None
    trials: int
    ranks: float | None
    test_rank: float | None
    neighbours: float | None
    walk: tuple[Forward, ...]
    walk_test: float
    verdict: Verdict
    reasons: tuple[str, ...]

    @property
    def overfitting_counts(self) -> bool:
        """Whether the probability of overfitting rests on enough to mean something."""
        return self.overfitting is not None and _is_enough(len(self.walk), self.trials)

    @property
    def overfitting_words(self) -> str:
        """The probability of overfitting, with what it rests on."""
        found = self.overfitting
        if found is None:
            return "-"
        if self.overfitting_counts:
            return f"{found.probability:.1%} of {found.ways} ways"
        return f"{found.probability:.1%}, which means nothing ({_counted(len(self.walk), self.trials)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is judged. Fields: tried: trials with outcomes, each point once (`distinct`): a copy is no other
    try, and would make what all of them are spread over smaller; best: index of the judged one; train, test:
    numbers of the windows; near: indices of its neighbours.
    """

    tried: Sequence[Tried]
    best: int
    train: tuple[int, ...]
    test: tuple[int, ...]
    near: Sequence[int] = ()


def distinct(tried: Sequence[Tried], best: int) -> tuple[list[Tried], int]:
    """Return the first trial of each point, in order, and the place of that which has the point of `best`."""
    first: dict[tuple[str, ...], Tried] = {}
    for one in tried:
        first.setdefault(tuple(one.point.values()), one)
    return list(first.values()), list(first).index(tuple(tried[best].point.values()))


def judged(evidence: Evidence) -> Judgement:
    """Return the judgement."""
    tried, best = evidence.tried, evidence.tried[evidence.best].outcomes
    inside = [_certain(one.outcomes, evidence.train) for one in tried]
    outside = [_certain(one.outcomes, evidence.test) for one in tried]
    shapes = [one.outcomes.shape(evidence.train) for one in tried]
    found, spread = shapes[evidence.best], deviation([one.ratio for one in shapes if one is not None])
    tested = best.shape(evidence.test)
    walk = tuple(_walk(evidence))
    near = [inside[at] for at in evidence.near]
    every = sorted((*evidence.train, *evidence.test))
    values = _Values(
        train=inside[evidence.best],
        test=outside[evidence.best],
        intervals=best.intervals(evidence.train),
        fills=best.fills(every),
        deflated=None if found is None else deflated_sharpe(found, len(tried), spread),
        luck=expected_largest(len(tried), spread),
        sharpe=None if found is None else found.ratio,
        overfitting=overfitting_probability(
            len(tried),
            len(every),
            lambda trial, blocks: _certain(tried[trial].outcomes, [every[at] for at in blocks]),
        ),
        trials=len(tried),
        splits=len(evidence.test),
    )
    verdict, reasons = _verdict(values)
    lower = sum(value < outside[evidence.best] for value in outside)
    return Judgement(
        train=values.train,
        test=values.test,
        train_net=best.net_quote(evidence.train),
        test_net=best.net_quote(evidence.test),
        train_fills=best.fills(evidence.train),
        test_fills=best.fills(evidence.test),
        intervals=values.intervals,
        test_intervals=best.intervals(evidence.test),
        sharpe=values.sharpe,
        luck_sharpe=values.luck,
        deflated=values.deflated,
        test_probability=None if tested is None else probabilistic_sharpe(tested),
        overfitting=values.overfitting,
        trials=values.trials,
        ranks=rank_correlation(inside, outside),
        test_rank=lower / (len(tried) - 1) if len(tried) > 1 else None,
        neighbours=sum(near) / len(near) if near else None,
        walk=walk,
        walk_test=sum(step.test for step in walk) / max(1, len(walk)),
        verdict=verdict,
        reasons=tuple(reasons),
    )


def best_of(tried: Sequence[Tried], objectives: Sequence[Objective], train: Sequence[int]) -> int:
    """Return the index of the best trial: by the certainty equivalent where that is an objective, else by the
    first; of equals the earliest.
    """
    objective = Objective.CERTAINTY if Objective.CERTAINTY in objectives else objectives[0]
    sign = 1.0 if objective.is_maximised else -1.0
    values = [sign * one.outcomes.value(objective, train) for one in tried]
    return values.index(max(values))


def _certain(outcomes: Outcomes, windows: Sequence[int]) -> float:
    return outcomes.value(Objective.CERTAINTY, windows)


def _walk(evidence: Evidence) -> list[Forward]:
    steps = []
    for split, window in enumerate(evidence.test):
        before = [at for at in evidence.train if at < window]
        known = [_certain(one.outcomes, before) for one in evidence.tried]
        after = [_certain(one.outcomes, [window]) for one in evidence.tried]
        chosen = known.index(max(known))
        steps.append(
            Forward(
                split=split,
                chosen=evidence.tried[chosen].number,
                train=known[chosen],
                test=after[chosen],
                median=sorted(after)[len(after) // 2],
            )
        )
    return steps


@dataclass(frozen=True, slots=True, kw_only=True)
class _Values:
    # What the verdict is made of.
    train: float
    test: float
    intervals: int
    fills: int
    deflated: float | None
    luck: float
    sharpe: float | None
    overfitting: Overfitting | None
    trials: int
    splits: int


def _verdict(values: _Values) -> tuple[Verdict, list[str]]:
    if not values.fills:
        return Verdict.UNKNOWN, ["The best trial filled nothing in some of its worlds: nothing was measured."]
    reasons = [*_loses(values), *_unknown(values), *_luck(values)]
    if _loses(values):
        return Verdict.LOSES, reasons
    if _unknown(values):
        return Verdict.UNKNOWN, reasons
    if _luck(values):
        return Verdict.LUCK, ["The best is not distinguishable from luck.", *reasons]
    if not _is_enough(values.splits, values.trials):
        return Verdict.UNKNOWN, [
            f"Too little to tell luck from worth: {_counted(values.splits, values.trials)}; of fewer than"
            f" {SPLITS_MIN} splits or {TRIALS_MIN} different trials the probability of overfitting means"
            " nothing."
        ]
    assert values.deflated is not None  # else it is not known
    assert values.overfitting is not None
    return Verdict.HOLDS, [
        f"Better than the luck of {values.trials} trials with a probability of {values.deflated:.1%}, and it"
        f" earned out of sample; choices like it failed in {values.overfitting.probability:.0%} of"
        f" {values.overfitting.ways} ways to halve the data.",
        "That is about this data and this model of fills: paper mode is the next test.",
    ]


def _loses(values: _Values) -> list[str]:
    if values.train <= 0:
        return [
            f"Even in sample the best is worth {values.train:.4g} a day: doing nothing is better."
            " Look at other ranges, another market, or lower fees."
        ]
    return []


def _unknown(values: _Values) -> list[str]:
    if values.intervals < INTERVALS_MIN:
        return [
            f"Too little data to say anything: {values.intervals} minutes of training, expected at least"
            f" {INTERVALS_MIN}, better days."
        ]
    if values.deflated is None or values.overfitting is None:
        return ["Too few trials, or P&L without any spread: luck cannot be told from worth."]
    return []


def _luck(values: _Values) -> list[str]:
    found = []
    if values.deflated is not None and values.sharpe is not None and values.deflated < CONFIDENT:
        found.append(
            f"The best of {values.trials} worthless trials that differ as these do would show a Sharpe ratio"
            f" of {values.luck:.3f} a minute; this one has {values.sharpe:.3f}. The probability that it is"
            f" better than luck is {values.deflated:.1%}, expected at least {CONFIDENT:.0%}."
        )
    if values.test <= 0:
        found.append(f"Out of sample it is worth {values.test:.4g} a day, in sample {values.train:.4g}.")
    counts = _is_enough(values.splits, values.trials)
    if counts and values.overfitting is not None and values.overfitting.probability >= OVERFIT:
        found.append(
            f"In {values.overfitting.probability:.0%} of {values.overfitting.ways} ways to halve the data,"
            " the best of one half was no better than the median in the other."
        )
    return found


def _is_enough(splits: int, trials: int) -> bool:
    return splits >= SPLITS_MIN and trials >= TRIALS_MIN


def _counted(splits: int, trials: int) -> str:
    return f"{splits} split{'s' if splits != 1 else ''}, {trials} trial{'s' if trials != 1 else ''}"
