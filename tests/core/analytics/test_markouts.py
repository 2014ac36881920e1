"""Markouts by kind, with errors clustered by the second: against sums by hand."""

from math import sqrt

import pytest

from mm.analytics.costs import Costs
from mm.analytics.fit_mean import mean_of
from mm.analytics.horizons import Fill, Waiting
from mm.analytics.markouts import Clustered, Markouts, age_name, level_name, queue_name
from mm.domain.sides import Side
from tests.builders.fill_tapes import Move, random_tape
from tests.builders.instruments import INSTRUMENT

S = 10**9
HORIZONS_NS = (S, 3 * S)


def by_hand(values: list[float], weights: list[float], seconds: list[int]) -> tuple[float, float | None]:
    """Return mean and clustered standard error, cluster by cluster."""
    mean = sum(w * x for x, w in zip(values, weights, strict=True)) / sum(weights)
    sums: dict[int, float] = {}
    for value, weight, second in zip(values, weights, seconds, strict=True):
        sums[second] = sums.get(second, 0.0) + weight * (value - mean)
    if len(sums) < 2:
        return mean, None
    groups = len(sums) / (len(sums) - 1)
    return mean, sqrt(groups * sum(one * one for one in sums.values())) / sum(weights)


def played(seed: int, deals: int) -> tuple[Markouts, list[tuple[Fill, list[int]]]]:
    """Return markouts over a random walk, and each fill with the mids that it met."""
    costs, waiting = Costs(INSTRUMENT), Waiting(HORIZONS_NS)
    markouts = Markouts(costs, INSTRUMENT.lot_atoms, len(HORIZONS_NS))
    mid, fills = 0, []
    for step in random_tape(seed, deals, unit_ns=S // 4).steps:
        for index, fill, met in waiting.due(step.ts_ns, mid):
            markouts.settle(index, fill, met)
        if isinstance(step, Move):
            mid = step.mid_half
            continue
        made = Fill(
            ts_ns=step.ts_ns,
            side=step.side,
            price_ticks=step.price_ticks,
            size_lots=step.size_lots,
            mid_half_ticks=mid,
            level=step.level,
            age_ns=step.age_ns,
            queue_atoms=step.queue_atoms,
            fee_fine=step.fee_atoms * costs.per_atom,
        )
        markouts.fill(made)
        list(waiting.add(made, mid))
        fills.append(made)
    return markouts, [(fill, [fill.mid_half_ticks, *fill.later_half_ticks]) for fill in fills]


@pytest.mark.parametrize(("seed", "deals"), [(1, 1), (2, 40), (3, 600)])
def test_every_curve_is_the_mean_of_its_fills_with_their_clustered_error(seed: int, deals: int) -> None:
    """All, per side, level, age and queue; of fills and of money; at the fill and at each horizon."""
    markouts, fills = played(seed, deals)
    kinds = {
        "side": markouts.by_side,
        "level": markouts.by_level,
        "age": markouts.by_age,
        "queue": markouts.by_queue,
    }
    for place in range(len(HORIZONS_NS) + 1):
        known = [(fill, mids[place]) for fill, mids in fills if len(mids) > place]
        _compare(markouts.every, place, known)
        for title, curves in kinds.items():
            for name, curve in curves.items():
                _compare(curve, place, [(f, m) for f, m in known if _kind(title, f) == name])
            assert sum(curve.of_fills[place].count for curve in curves.values()) == len(known)


def _kind(title: str, fill: Fill) -> str:
    if title == "side":
        return fill.side.value
    if title == "level":
        return level_name(fill.level)
    if title == "age":
        return age_name(fill.age_ns)
    return queue_name(fill.queue_atoms, fill.size_lots * INSTRUMENT.lot_atoms)


def _compare(curve: object, place: int, known: list[tuple[Fill, int]]) -> None:
    values = [1e4 * f.side.sign * (m - 2 * f.price_ticks) / (2 * f.price_ticks) for f, m in known]
    seconds = [f.ts_ns // S for f, _ in known]
    money = [float(f.price_ticks * f.size_lots) for f, _ in known]
    for told, weights in (
        (curve.of_fills[place], [1.0] * len(known)),  # type: ignore[attr-defined] # it is a curve
        (curve.of_money[place], money),  # type: ignore[attr-defined] # it is a curve
    ):
        assert told.count == len(known)
        assert told.clusters == len(dict.fromkeys(seconds))
        if not known:
            assert (told.mean, told.error) == (None, None)
            continue
        mean, error = by_hand(values, weights, seconds)
        assert told.mean == pytest.approx(mean, rel=1e-9, abs=1e-9)
        assert told.error == (None if error is None else pytest.approx(error, rel=1e-6, abs=1e-9))


def test_the_net_markout_is_less_its_own_fee() -> None:
    """In basis points of the value of the fill."""
    markouts, fills = played(5, 200)
    costs = Costs(INSTRUMENT)
    values = [
        1e4
        * (f.signed_lots * (m[1] - 2 * f.price_ticks) * costs.per_half - f.fee_fine)
        / (2 * f.price_ticks * f.size_lots * costs.per_half)
        for f, m in fills
        if len(m) > 1
    ]
    assert markouts.net[1].mean == pytest.approx(sum(values) / len(values), rel=1e-9)


def test_the_error_is_that_of_the_other_estimator_in_the_house() -> None:
    """Two ways to the same clustered error."""
    values, keys = [0.5, -1.0, 2.0, 0.25, 3.0], [1, 1, 2, 4, 4]
    told = Clustered()
    for value, key in zip(values, keys, strict=True):
        told.add(key, value)
    known = mean_of(values, keys)
    assert told.mean == pytest.approx(known.mean)
    assert told.error == pytest.approx(known.clustered * sqrt(known.clusters / (known.clusters - 1)))


def test_a_mid_that_nobody_saw_is_counted_and_in_no_mean() -> None:
    """A book that was lost says nothing of what came after a fill."""
    markouts = Markouts(Costs(INSTRUMENT), INSTRUMENT.lot_atoms, 1)
    fill = Fill(ts_ns=0, side=Side.BUY, price_ticks=50, size_lots=1, mid_half_ticks=101)
    waiting = Waiting((5,))
    list(waiting.add(fill, 101))
    for index, one, met in waiting.due(9, 101, seen=False):
        markouts.settle(index, one, met)
    assert (markouts.unseen, markouts.every.of_fills[1].count) == ([1], 0)


def test_kinds_have_names_and_bounds() -> None:
    """What is unknown has a kind of its own; what is deep shares one."""
    assert [level_name(level) for level in (-2, -1, 0, 11, 12, 99)] == [
        "unknown",
        "exit",
        "0",
        "11",
        "12 and deeper",
        "12 and deeper",
    ]
    ages = [age_name(age) for age in (-1, 0, S, 5 * S - 1, 5 * S, 30 * S)]
    assert ages == ["unknown", "under 1 s", "1 to 5 s", "1 to 5 s", "5 to 30 s", "30 s and more"]
    queues = [queue_name(queue, 10) for queue in (-1, 0, 1, 10, 11, 100, 101)]
    assert queues == [
        "unknown",
        "empty level",
        "up to its own size",
        "up to its own size",
        "up to 10 times",
        "up to 10 times",
        "more",
    ]
