"""Many faults at once, drawn by seed: after the last one the bot quotes, or it has halted and says why.

The long tier. Everything that a plan can ask for is in it but what would only end the run (a key that is
refused, an order that is not the one asked for) or what is not about us (orders of somebody else).
"""

from pathlib import Path
from typing import Any, Final

import pytest

from mm.exchange.faults.kinds import KINDS, Group, Kind
from mm.sim.prng import Prng
from tests.builders.faulty_market import trial

SEEDS: Final = range(20)
STORM_S: Final = 40
"""Seconds of the market within which faults begin."""

LEFT_OUT: Final = ("bad_signature", "repriced", "foreign_order", "leaves_orders")
TARGETS: Final = {
    Group.REQUEST: ("*", "order.place", "order.cancel", "order.status", "openOrders.status", "myTrades"),
    Group.FRAME: ("*", "market", "user", "depth", "bookTicker", "executionReport"),
    Group.SOCKET: ("*", "market", "user"),
    Group.MARKET: ("*",),
}


def drawn(kind: Kind, random: Prng) -> dict[str, Any]:
    """Return a fault of a kind: when, on what, how often."""
    after_s = random.between(0, STORM_S)
    fault: dict[str, Any] = {"kind": kind.name, "after_s": after_s}
    fault["duration_s"] = random.between(1, 8)
    if not kind.targets:
        fault["target"] = random.pick(TARGETS[kind.group])
    if kind.group in (Group.REQUEST, Group.FRAME) and not kind.lasts:
        fault["probability"] = random.between(0.05, 0.6)
    names = {field.name for field in kind.fields}
    if "delay_ms" in names:
        fault["delay_ms"] = random.integer(50, 6_000)
    if "skew_ms" in names:
        fault["skew_ms"] = random.integer(-60_000, 60_000)
    if "processed" in names:
        fault |= {"processed": random.chance(0.5), "status": random.pick((500, 502, 503, 504))}
        fault["code"] = -1_007
    if "shift" in names:
        fault["shift"] = random.integer(-20, 20)
    if "form" in names:
        (form,) = (field for field in kind.fields if field.name == "form")
        fault["form"] = random.pick(form.choices)
    return fault


@pytest.mark.proof
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_storm_passes(tmp_path: Path, seed: int) -> None:
    """No self-trade, no limit broken, no order lost, every atom explained, whatever came together."""
    random = Prng(seed, "storm")
    kinds = [kind for kind in KINDS.values() if kind.name not in LEFT_OUT]
    faults = [drawn(random.pick(kinds), random) for _ in range(random.integer(4, 16))]
    async with trial(tmp_path, seed=seed) as run:
        for fault in faults:
            await run.add(**fault)
        end_ns = run.now_ns() + (STORM_S + 8) * 1_000_000_000
        await run.until("the storm passes", lambda: run.now_ns() > end_ns, patience_s=30)
        halted = run.engine.state.halt_code
        if halted:
            await run.until("it halts", lambda: run.engine.state.halt_confirmed, patience_s=30)
        else:
            await run.quotes(since_ns=run.now_ns(), patience_s=30)
        outcome = await run.end()
        report = await run.verdict(outcome)
    assert not halted, f"{halted} by {faults}\n{run.story()}"
    assert outcome.clean, f"{faults}\n{run.story()}"
    found = (report.self_trades, report.limit_breaches, report.open_orders_at_exit, report.pnl_residual)
    assert found == (0, 0, 0, 0), f"{faults}\n{run.story()}"
    assert run.engine.wrong == []
