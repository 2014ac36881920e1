"""The soak: days of one life, after which there is no more of anything than there was after the first."""

import json
import subprocess
import sys
from dataclasses import replace
from typing import Final

import pytest

from mm.domain import order_table
from mm.engine.session import Session
from mm.observe import history
from mm.runtime.simulate import checks_bounds, soak, soak_venue
from mm.runtime.simulate.soak import GROWTH_PPM_MAX, Soak, soak_run
from mm.runtime.simulate.soak_venue import Pace
from mm.venues.paper import records

SHORT: Final = Soak(days=4, day_s=1_000.0, pace=Pace(lost=10, down_s=900.0))
"""Four days of 17 minutes, with more trouble in them."""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    # What fills within a day has to fill within 17 minutes.
    monkeypatch.setattr(order_table, "ENDED_MAX", 100)
    monkeypatch.setattr(order_table, "TRADES_KEPT_NS", 300 * 10**9)
    monkeypatch.setattr(history, "FILLS_MAX", 50)
    monkeypatch.setattr(history, "REPORTS_MAX", 20)
    monkeypatch.setattr(soak_venue, "ENDED_MAX", 100)
    monkeypatch.setattr(soak_venue, "FILLS_MAX", 80)
    monkeypatch.setattr(soak, "MARKET_NS", 600 * 10**9)
    monkeypatch.setattr(soak, "SEGMENT_BYTES", 30_000)


@pytest.mark.proof  # days of trading
def test_nothing_grows_while_a_life_trades_for_days() -> None:
    """Objects and blocks stay; answers get lost, streams end, the journal is cut and its old parts go."""
    told: list[int] = []
    run = soak_run(SHORT, lambda day: told.append(day.day))
    first, last = run.days[0], run.days[-1]
    assert told == [1, 2, 3, 4]
    assert run.outcome is not None
    assert run.outcome.clean
    assert (run.growing(), run.beyond) == ({}, "")
    growth = run.growth_ppm()
    assert growth["objects"] < GROWTH_PPM_MAX
    assert growth["blocks"] < GROWTH_PPM_MAX
    assert last.orders > 3.5 * first.orders > 700
    assert last.fills > 3 * first.fills > 120
    assert run.venue.lost > 5
    assert run.venue.drops > 5
    assert run.sizes[-1]["engine.orders._ended"] == 100
    assert run.sizes[-1]["engine.orders._trades"] < 150
    assert run.sizes[-1]["runtime.history.fills"] == 50
    assert run.sizes[-1]["runtime._pending"] == 0
    assert last.disk_bytes < 3 * first.disk_bytes
    assert last.events > 2 * SHORT.days * SHORT.day_s


@pytest.mark.proof  # a soak; the gate has another one
def test_nothing_grows_on_paper_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """The paper venue keeps its own records of a run."""
    monkeypatch.setattr(records, "ORDERS_MAX", 100)
    monkeypatch.setattr(records, "FILLS_MAX", 50)
    run = soak_run(replace(SHORT, days=3, paper=True))
    assert run.outcome is not None
    assert run.outcome.clean
    assert (run.growing(), run.beyond) == ({}, "")
    assert max(run.growth_ppm()["objects"], run.growth_ppm()["blocks"]) < GROWTH_PPM_MAX
    assert run.days[0].orders > 150
    assert run.days[0].fills > 40
    assert max(size for path, size in run.sizes[-1].items() if ".records._closed" in path) == 100


@pytest.mark.proof  # two soaks; the gate has another one
def test_the_same_seed_lives_the_same_days() -> None:
    """To the last event; another seed does not."""
    short = replace(SHORT, days=2, day_s=300.0)
    runs = [soak_run(one) for one in (short, short, replace(short, seed=2))]
    figures = [[(day.events, day.records, day.orders, day.fills) for day in run.days] for run in runs]
    assert figures[0] == figures[1] != figures[2]


@pytest.mark.proof  # days of trading
def test_a_store_that_forgets_nothing_is_found_by_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted leak: ended orders are kept for ever."""
    monkeypatch.setattr(order_table, "ENDED_MAX", 10**9)
    run = soak_run(replace(SHORT, days=3, day_s=600.0))
    assert "mm.domain.orders.Order" in run.growing()
    assert any("mm.domain.orders.Order" in problem for problem in run.problems)


def test_a_container_without_a_bound_is_found_by_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted leak: a session remembers every reason it ever gave."""
    monkeypatch.setattr(checks_bounds, "DEFAULT_MAX", 60)
    real = Session.__init__

    def forgetless(self: Session, *args: object) -> None:
        real(self, *args)  # type: ignore[arg-type]  # as it was called
        vars(self)["grudges"] = list(range(61))

    monkeypatch.setattr(Session, "__init__", forgetless)
    run = soak_run(replace(SHORT, days=2, day_s=60.0))
    assert run.beyond == "engine.sessions[].grudges holds 61, bound 60"
    assert run.beyond in run.problems


@pytest.mark.proof
def test_seven_days_leave_no_more_than_one() -> None:
    """As the command tells it, with the product's own bounds: objects, blocks and resident memory."""
    command = [sys.executable, "-m", "mm", "simulate", "--soak", "7d", "--json", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["problems"] == []
    assert done.returncode == 0
    assert len(told["days"]) == 7
    assert told["events"] > 1_200_000
    assert set(told["growth_ppm"]) >= {"objects", "blocks"}
    assert all(ppm <= GROWTH_PPM_MAX for ppm in told["growth_ppm"].values())
    assert told["streams_dropped"] > 50
    assert told["lost_answers"] > 100
