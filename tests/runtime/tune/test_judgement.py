"""A verdict is good only where every question has a good answer."""

from dataclasses import replace
from random import Random

import pytest

from mm.errors import StateCorrupt
from mm.runtime.tune.judgement import Evidence, Judgement, Tried, Verdict, best_of, distinct, judged
from mm.runtime.tune.score import NOTHING, Objective, Outcome, Outcomes
from tests.builders.tune_work import outcome

TRAIN, TEST = (0, 2, 4, 6), (1, 3, 5, 7)


def tried(
    number: int, level: float, *, minutes: int = 60, after: float | None = None, fills: int = 9
) -> Tried:
    """Return a trial that gains `level` a minute, and `after` out of sample where that is told."""
    dice = Random(number)
    rows = [
        outcome(
            [dice.gauss(level if at in TRAIN or after is None else after, 1.0) for _ in range(minutes)],
            fills=fills,
        )
        for at in range(8)
    ]
    return Tried(number=number, point={"k": str(number)}, outcomes=Outcomes([rows]))


def judgement(trials: list[Tried]) -> Judgement:
    """Return what the best of them is worth."""
    best = best_of(trials, (Objective.CERTAINTY,), TRAIN)
    return judged(Evidence(tried=trials, best=best, train=TRAIN, test=TEST, near=(0, 1)[: len(trials) - 1]))


def test_worth_holds() -> None:
    """One trial that earns everywhere among worthless ones: better than luck, in and out of sample."""
    found = judgement([*(tried(at, 0.0) for at in range(20)), tried(20, 1.0)])
    assert found.verdict is Verdict.HOLDS
    assert found.deflated is not None
    assert found.deflated > 0.99
    assert found.test > 0
    assert found.overfitting is not None
    assert found.overfitting.probability == 0
    assert found.overfitting_counts
    assert found.overfitting_words == "0.0% of 70 ways"
    assert found.test_rank == 1.0
    assert [step.chosen for step in found.walk] == [20] * 4
    assert found.walk_test > 500
    assert found.test_probability is not None
    assert found.test_probability > 0.99
    assert (found.intervals, found.test_intervals, found.train_fills) == (240, 240, 36)


@pytest.mark.parametrize("seed", range(3))
def test_the_best_of_noise_is_said_to_be_luck(seed: int) -> None:
    """Forty worthless trials: the best of them is told plainly not to be distinguishable from luck."""
    found = judgement([tried(seed * 1_000 + at, 0.0) for at in range(40)])
    assert found.train > 0
    assert found.verdict is Verdict.LUCK
    assert found.reasons[0] == "The best is not distinguishable from luck."
    assert "The best of 40 worthless trials" in found.reasons[1]


def test_a_point_that_was_tried_often_is_one_try() -> None:
    """Copies of the best would make what all are spread over smaller, and luck less likely."""
    points = [*(tried(at, 0.0) for at in range(20)), tried(20, 0.1)]
    copies = [replace(points[20], number=21 + at) for at in range(60)]
    each, best = distinct([*points, *copies], 60)
    assert each == points
    assert best == 20
    assert distinct(points, 20) == (points, 20)
    assert distinct([copies[0], *points, *copies], 21) == ([copies[0], *points[:20]], 0)


def test_what_fails_out_of_sample_is_no_worth() -> None:
    """However good it was in sample."""
    found = judgement([*(tried(at, 0.0) for at in range(10)), tried(10, 1.0, after=-1.0)])
    assert found.verdict is Verdict.LUCK
    assert any("Out of sample it is worth -" in reason for reason in found.reasons)


def test_losing_is_worse_than_nothing() -> None:
    """Where even the best loses in sample, doing nothing is better."""
    found = judgement([tried(at, -1.0) for at in range(4)])
    assert found.verdict is Verdict.LOSES
    assert "doing nothing is better" in found.reasons[0]


def test_too_little_is_said_to_be_too_little() -> None:
    """Few minutes, one trial, no fill."""
    few = judgement([tried(at, 1.0, minutes=5) for at in range(4)])
    assert few.verdict is Verdict.UNKNOWN
    assert "20 minutes of training" in few.reasons[0]
    alone = judgement([tried(1, 1.0)])
    assert alone.verdict is Verdict.UNKNOWN
    assert "Too few trials" in alone.reasons[0]
    assert alone.neighbours is None
    nothing = judgement([tried(at, 1.0, fills=0) for at in range(4)])
    assert "filled nothing" in nothing.reasons[0]


def test_overfitting_of_few_splits_or_trials_means_nothing() -> None:
    """It is said so with what it rests on, and nothing holds by it, nor is luck by it."""
    few = judgement([*(tried(at, 0.0) for at in range(8)), tried(8, 1.0)])
    assert few.verdict is Verdict.UNKNOWN
    assert "4 splits, 9 trials" in few.reasons[0]
    assert "means nothing" in few.reasons[0]
    assert few.overfitting_words == "0.0%, which means nothing (4 splits, 9 trials)"
    trials = [*(tried(at, 0.0) for at in range(20)), tried(20, 1.0)]
    best = judged(Evidence(tried=trials, best=20, train=(0,), test=(1,)))
    assert best.verdict is Verdict.UNKNOWN
    assert best.overfitting_words == "0.0%, which means nothing (1 split, 21 trials)"
    assert not best.overfitting_counts
    assert judgement([tried(1, 1.0)]).overfitting_words == "-"
    unsteady = [tried(0, 1.0, after=0.9), tried(1, 0.9, after=1.0)]
    assert not any("ways to halve" in reason for reason in judgement(unsteady).reasons)


def test_the_worst_world_counts() -> None:
    """Each objective is taken where it is worst; the earliest of equals is best."""
    good, bad = outcome([2.0, 2.5], messages=10), outcome([-1.0, 0.5], messages=90)
    both = Outcomes([[good, good], [bad, good]])
    assert both.value(Objective.CERTAINTY, (0, 1)) < Outcomes([[good, good]]).value(
        Objective.CERTAINTY, (0, 1)
    )
    assert both.worst_world((0, 1)) == 1
    assert both.value(Objective.DRAWDOWN, (0, 1)) == 1.0
    assert both.value(Objective.DRAWDOWN, (1,)) == 0.0
    assert both.value(Objective.MESSAGES, (0,)) == 90 * 30
    assert both.value(Objective.PRESENCE, (0,)) == 0.5
    assert both.fills((0, 1)) == 20
    assert both.net_quote((0,)) == -0.5
    trials = [Tried(number=at, point={}, outcomes=Outcomes([[good, good]])) for at in range(3)]
    assert best_of(trials, (Objective.MESSAGES,), (0,)) == 0


def test_windows_without_an_interval_are_worth_less_than_any() -> None:
    """Nothing was measured: no trial is the best by that."""
    empty = outcome([1.0])
    none = Outcome(**{**empty.row(), "sums": type(empty.sums)(0, 0, 0, 0, 0, 0)})  # type: ignore[arg-type]  # its own row
    assert Outcomes([[none]]).value(Objective.CERTAINTY, (0,)) == NOTHING
    assert Outcomes([[none]]).shape((0,)) is None


def test_an_outcome_goes_through_a_study_without_loss() -> None:
    """Row and back; what is no row is damage."""
    one = outcome([0.1, 1 / 3, -2.0])
    assert Outcome.of_row(one.row()) == one
    for row in (None, {}, {**one.row(), "sums": [1]}):
        with pytest.raises(StateCorrupt):
            Outcome.of_row(row)
    halted = Outcome(**{**one.row(), "sums": one.sums, "halted": "loss"})  # type: ignore[arg-type]  # its own row
    assert Outcomes([[halted, one, halted]]).halts() == {"loss": 2}
