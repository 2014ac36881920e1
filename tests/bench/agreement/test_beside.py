"""Our fills are hftbacktest's where its own are right, and not where they are wrong.

Its answers are kept beside this file, as `beside_hftbacktest` got them from version 2.4.4; `mm bench replay`
asks it again.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mm.bench.agreement import beside
from mm.bench.agreement.beside import COUNT, ORDERS_COUNT, agreement, beside_hftbacktest, jobs
from mm.bench.agreement.defects import Defect, defects
from mm.bench.agreement.order_scenarios import CANCEL, FILL
from mm.bench.agreement.orders import ours
from mm.bench.agreement.scenarios import START_NS, Row, Scenario, scenarios
from mm.domain.tape import DELTA, SNAPSHOT, TRADE

ANSWERS: list[Any] = json.loads(Path(__file__).with_name("hftbacktest_answers.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """The agreement with the kept answers."""
    return agreement(ANSWERS)


def test_every_order_ends_as_it_does_there(told: dict[str, Any]) -> None:
    """In the same state, filled at the same nanosecond: by prints at and through its price, by the displayed
    other side, refused as it would take, cancelled in time and too late, in four queue models.
    """
    assert (told["scenarios"], told["same"], told["differences"]) == (COUNT, COUNT, [])
    assert set(told["ended"]) == {"filled", "canceled", "rejected", "open"}
    assert min(told["ended"].values()) >= 20
    assert {cause for cause, fills in told["filled_by"].items() if fills >= 15} == {
        "print_at_price",
        "print_through",
        "displayed_cross",
    }


def test_among_single_orders_every_order_ends_as_it_does_there(told: dict[str, Any]) -> None:
    """Where both know who stands in the queue: filled at the same nanosecond, by trades at its price."""
    single = told["single_orders"]
    assert (single["scenarios"], single["same"], single["differences"]) == (ORDERS_COUNT, ORDERS_COUNT, [])
    assert min(single["ended"].values()) >= 10
    assert set(single["ended"]) == {"filled", "canceled", "rejected", "open"}
    assert single["filled_by"] == {"print_at_price": single["ended"]["filled"]}


@pytest.mark.proof  # a process for each model
@pytest.mark.parametrize("queue", ["risk_averse", "power", "log2"])
def test_an_estimate_is_not_what_is_known_of_single_orders(
    queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scenarios tell them apart: by sizes alone, orders fill at other times or not at all."""
    plain = ours
    monkeypatch.setattr(beside, "ours", lambda scenario: plain(estimated(scenario, queue)))
    single = agreement(ANSWERS)["single_orders"]
    assert isinstance(single, dict)
    assert single["same"] < ORDERS_COUNT - 10


def estimated(scenario: Scenario, queue: str) -> Scenario:
    """Return a scenario of single orders as one of levels, of the same trades."""
    if scenario.queue != "l3":
        return scenario
    rows, sizes, orders = list[Row](), Counter[tuple[int, int]](), dict[int, Row]()
    for row in scenario.rows:
        if row.kind == TRADE:
            rows.append(row)
        elif row.kind != FILL:
            known = orders.get(row.order_id)
            left = 0 if row.kind == CANCEL else row.size_lots
            sizes[row.side, row.price_ticks] += left - (known.size_lots if known else 0)
            orders[row.order_id] = replace(row, size_lots=left)
            kind = SNAPSHOT if row.ts_ns == START_NS else DELTA
            size = sizes[row.side, row.price_ticks]
            rows.append(replace(row, kind=kind, size_lots=size, order_id=0))
    return replace(scenario, queue=queue, rows=tuple(rows))


@pytest.mark.parametrize("defect", defects(), ids=lambda one: one.name)
def test_what_is_wrong_there_is_right_here(defect: Defect, told: dict[str, Any]) -> None:
    """Nothing is filled twice by one print, by more than a print, or forgotten."""
    found = told["defects"][defect.name]
    assert found["ours_lots"] == found["right_lots"] == defect.right_lots
    there = (found["there_whole_fills"], found["there_partial_fills"])
    assert there != (defect.right_lots, defect.right_lots)


def test_the_defects_are_those_that_are_known(told: dict[str, Any]) -> None:
    """Two orders fill twice, a small print fills all, an order ends the run, a part of one is lost, and a
    queue that never was is traded.
    """
    there = {
        name: (one["there_whole_fills"], one["there_partial_fills"]) for name, one in told["defects"].items()
    }
    assert there == {
        "two_orders_share_a_print": (2_000, 2_000),
        "a_print_through_fills_more_than_itself": (50_000, 50_000),
        "a_print_ends_with_the_order": (1_000, "ended with code 14"),
        "a_partial_fill_is_lost": (1_000, 100),
        "a_level_that_melts_fills": (20_000, 20_000),
    }


@pytest.mark.proof  # a process of its own
def test_a_difference_is_told_and_no_agreement() -> None:
    """An answer that is off by a nanosecond, and one that is an error."""
    found = agreement([{"orders": [["filled", 7, 1]]}, {"error": "ended with code 9"}, *ANSWERS[2:]])
    assert found["same"] == COUNT - 2
    assert isinstance(found["differences"], list)
    first, second = found["differences"]
    assert (first["scenario"], first["there"][0]["filled_ns"]) == (0, 7)
    assert second["there"] == {"error": "ended with code 9"}
    with pytest.raises(ValueError, match="9 answers"):
        agreement(ANSWERS[:9])


def sooner(scenario: Scenario) -> Scenario:
    """Return it with an order that is sent a little sooner."""
    early = tuple(replace(one, sent_ns=one.sent_ns - 9_000_000) for one in scenario.orders)
    return replace(scenario, orders=early)


@pytest.mark.parametrize(
    "other",
    [
        partial(replace, queue="risk_averse"),
        pytest.param(partial(replace, queue="power"), marks=pytest.mark.proof),
        pytest.param(partial(replace, queue="power3"), marks=pytest.mark.proof),
        pytest.param(partial(replace, queue="log2"), marks=pytest.mark.proof),
        sooner,
    ],
)
def test_the_scenarios_tell_simulators_apart(
    other: Callable[[Scenario], Scenario], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One queue model for all is seen, and so are orders that arrive a little sooner."""
    monkeypatch.setattr(beside, "ours", lambda scenario: ours(other(scenario)))
    same = agreement(ANSWERS)["same"]
    assert isinstance(same, int)
    assert same <= COUNT - 10


def test_what_is_asked_is_what_is_compared() -> None:
    """Generated ones first, then each defect for both kinds of exchange; plain data."""
    asked = jobs(count=4)
    assert len(asked) == 4 + 2 * len(defects()) + ORDERS_COUNT
    assert json.loads(json.dumps(asked)) == json.loads(json.dumps(jobs(count=4)))
    assert [one["queue"] for one in asked[:4]] == [one.queue for one in scenarios(4, 1)]
    wrong, single = asked[4:-ORDERS_COUNT], asked[-ORDERS_COUNT:]
    assert [one["partial"] for one in wrong] == [False, True] * len(defects())
    assert {one["queue"] for one in single} == {"l3"}


def test_without_the_other_the_reason_is_told(tmp_path: Path) -> None:
    """Nothing is asked of a network."""
    said: list[str] = []
    told = beside_hftbacktest(say=said.append, directory=tmp_path)
    assert "--install-peers" in str(told["unavailable"])
    assert said
