"""The bot on an exchange where one thing goes wrong: it comes back by itself, and the venue's truth is clean.

Real sockets, the real adapter, engine, strategy and loop; everybody's time runs ten times as fast. One case
per kind of fault and per way in which it matters; a kind without a case fails a test.
"""

from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from mm.exchange.faults.kinds import KINDS
from tests.builders.fault_cases import CASES, clean, survives
from tests.builders.faulty_market import trial

OTHERWISE: Final = ("banned", "bad_signature", "repriced", "foreign_order", "leaves_orders")
"""Kinds with a test of their own; the bot never asks for what the last one is about."""


def test_every_kind_has_a_case() -> None:
    """A new kind of fault is survived, or there is a test that says what happens instead."""
    covered = {kind for one in CASES.values() for kind in one.kinds} | set(OTHERWISE)
    assert covered == set(KINDS)


@pytest.mark.parametrize("name", CASES)
async def test_the_bot_survives(tmp_path: Path, name: str) -> None:
    """It quotes again with new orders, in bounded time; nothing is left in doubt, nothing is left open."""
    await survives(tmp_path, CASES[name])


async def test_nothing_is_asked_during_a_ban(tmp_path: Path) -> None:
    """What was under way when it began is all that the venue turns away."""
    async with trial(tmp_path) as run:
        await run.add(kind="banned", duration_s=6)
        await run.passed(["banned"])
        await run.quotes(since_ns=run.now_ns())
        report = await run.verdict(await run.end())
        requests = msgspec.json.decode(await run.truth())["requests"]
    clean(run, report)
    turned_away = [request for request in requests if request["status"] == 418]
    first_ns = turned_away[0]["ts_ns"]
    assert {request["ts_ns"] - first_ns < 500_000_000 for request in turned_away} == {True}
    assert len(turned_away) <= 6
    assert "venue.throttled" in run.engine.codes()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"kind": "bad_signature", "target": "order.place"}, "venue.access_denied"),
        ({"kind": "repriced", "ticks": 5}, "ack.mismatch"),
    ],
)
async def test_what_cannot_be_traded_with_halts(tmp_path: Path, fault: dict[str, Any], code: str) -> None:
    """A key that is refused, an order that is not the one asked for: everything is cancelled and stays so."""
    async with trial(tmp_path) as run:
        await run.add(**fault)
        await run.until("it halts", lambda: run.engine.state.halt_confirmed)
        placed = run.exchange.floor.records.counters.orders_placed
        assert list(run.exchange.floor.records.open()) == []
        outcome = await run.end()
        report = await run.verdict(outcome)
    assert (outcome.clean, outcome.halted, outcome.reason) == (True, True, f"halted: {code}")
    assert report.orders_placed == placed
    clean(run, report)


async def test_an_order_of_somebody_else_is_seen_and_left_alone(tmp_path: Path) -> None:
    """It is counted, never cancelled; the bot's own orders go when it ends."""
    async with trial(tmp_path) as run:
        await run.add(kind="foreign_order", side="buy", client_id="by_hand")
        await run.until("it is seen", lambda: "orders.foreign" in run.engine.codes())
        await run.quotes(since_ns=run.now_ns())
        outcome = await run.end()
        told = msgspec.json.decode(await run.truth())
    assert (outcome.clean, outcome.halted, run.engine.wrong) == (True, False, [])
    assert [order["client_id"] for order in told["open_orders"]] == ["by_hand"]


async def test_a_tick_that_changes_brings_few_refusals(tmp_path: Path) -> None:
    """Repeated refusals hold it back: no storm, and quotes return with the tick."""
    async with trial(tmp_path) as run:
        await run.add(kind="tick_change", times=100_000, duration_s=8)
        await run.until("it is held back", lambda: "session.held" in run.engine.codes())
        await run.passed(["tick_change"])
        refused = run.exchange.floor.records.counters.orders_rejected
        await run.quotes(since_ns=run.now_ns())
        clean(run, await run.verdict(await run.end()))
    assert 1 <= refused <= 20
