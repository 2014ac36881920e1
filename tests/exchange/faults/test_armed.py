"""When a fault hits what it could hit: by number, by turn, by chance, within its time."""

from collections.abc import Sequence
from typing import Any

import pytest

from mm.domain.units import NS_PER_S
from mm.exchange.faults.armed import Armed
from mm.exchange.faults.plan import fault_of


def armed(*, kind: str = "slow", number: int = 0, seed: int = 1, **fields: Any) -> Armed:
    """Return a fault in force from second 0 on."""
    return Armed(fault_of({"kind": kind, **fields}), number=number, seed=seed, now_ns=0)


def hits(fault: Armed, moments_s: Sequence[float]) -> list[int]:
    """Return which of the matching requests at these moments are hit, counted from 1."""
    return [index for index, moment_s in enumerate(moments_s, 1) if fault.takes(round(moment_s * NS_PER_S))]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [1]),
        ({"count": 3}, [1, 2, 3]),
        ({"nth": 4}, [4]),
        ({"every": 3}, [3, 6, 9]),
        ({"every": 3, "count": 2}, [3, 6]),
        ({"after_s": 4, "count": 2}, [5, 6]),
        ({"after_s": 2, "nth": 2}, [4]),
        ({"after_s": 2, "duration_s": 3}, [3, 4, 5]),
        ({"probability": 1.0}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ],
)
def test_it_hits_those_that_the_plan_names(fields: dict[str, Any], expected: list[int]) -> None:
    """One request a second; requests before it begins are not counted."""
    assert hits(armed(**fields), range(10)) == expected


def test_chance_is_that_of_the_seed_and_of_the_place_in_the_plan() -> None:
    """Equal in every run, different for the next fault."""
    one = hits(armed(probability=0.3), [1] * 500)
    assert one == hits(armed(probability=0.3), [1] * 500)
    assert one != hits(armed(probability=0.3, number=1), [1] * 500)
    assert one != hits(armed(probability=0.3, seed=2), [1] * 500)
    assert 100 < len(one) < 200


def test_it_waits_holds_and_is_done() -> None:
    """Its state, in words."""
    fault = armed(after_s=1, duration_s=2)
    states = [fault.state(second * NS_PER_S) for second in range(4)]
    assert states == ["waiting", "active", "active", "done"]
    once = armed()
    once.takes(0)
    assert once.state(0) == "done"


def test_what_happens_by_itself_happens_once_or_every_so_often() -> None:
    """However often time is looked at."""
    once, often = armed(kind="abort", after_s=1), armed(kind="abort", after_s=1, every_s=2, count=3)
    moments = [second * NS_PER_S // 2 for second in range(20)]
    assert sum(once.happens(moment) for moment in moments) == 1
    assert [moment / NS_PER_S for moment in moments if often.happens(moment)] == [1, 3, 5]


def test_a_black_hole_stays_after_it_has_opened() -> None:
    """Until its time is over, without happening again."""
    hole = armed(kind="black_hole", duration_s=2)
    assert (hole.happens(0), hole.happens(1), hole.holds(1)) == (True, False, True)
    assert hole.is_over(2 * NS_PER_S)


def test_targets_are_names_or_everything() -> None:
    """A thing may go by several names."""
    assert armed().is_aimed_at("order.place")
    assert armed(target="order.place").is_aimed_at("x", "order.place")
    assert not armed(target="order.place").is_aimed_at("order.cancel")
