"""The real engine on paper, in virtual time: it trades, its books and the venue's agree, it ends clean."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from mm.domain.commands import Report
from mm.domain.events import (
    CancelRejected,
    Operation,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    Source,
)
from mm.engine.session import SessionState
from mm.observe import judge
from tests.builders.paper_rig import BAND_LOTS, CLOSE, SECOND_NS, PaperRun, paper_run

TIGHT = replace(CLOSE, bid_spread_bps=Decimal("0.5"), ask_spread_bps=Decimal("0.5"))
"""So close to the mid that the market often gets there first."""


def settled(run: PaperRun) -> judge.Truth:
    """Stop a run in order, and return what really happened."""
    run.operate(Operation.STOP)
    run.run(20 * SECOND_NS)
    (truth,) = run.venue.truths()
    return msgspec.convert(msgspec.to_builtins(truth), judge.Truth)


@pytest.mark.parametrize("seed", range(4))
async def test_a_bot_on_paper_trades_and_its_books_are_the_venues(seed: int) -> None:
    """Fills, no self-trade, every atom explained, the band held in the worst case, nothing left."""
    run = await paper_run(seed=seed)
    run.run(60 * SECOND_NS)
    (session,) = run.engine.state.sessions
    assert session.state is SessionState.ACTIVE
    truth = settled(run)
    assert len(run.fills()) > 50
    assert truth.counters.fills == len(run.fills())
    assert judge.self_trades(truth) == 0
    assert judge.pnl_residual(truth, session.position.ledger_atoms(), session.position.residual_half) == 0
    limits = judge.Limits(
        band_lots=BAND_LOTS,
        order_lots=1_000,
        order_atoms=10**14,
        exposure_atoms=10**16,
        open_orders=40,
        tick_lot_atoms=1_000,
    )
    inventory = session.position.inventory_lots
    assert judge.limit_breaches(truth, limits, inventory_lots=inventory) == 0
    assert (session.state, truth.counters.open_orders) == (SessionState.COMPLETED, 0)
    assert run.engine.state.orders.live == {}
    assert run.engine.state.halt_code == ""


async def test_the_fills_are_honest() -> None:
    """Per print no more than its size, and fewer lots than fill-at-touch would have claimed."""
    run = await paper_run(seed=3)
    run.run(60 * SECOND_NS)
    printed: Counter[int] = Counter()
    for step in run.steps:
        size = getattr(step, "size_atoms", 0)
        printed[step.ts_ns] += size
    traded: Counter[int] = Counter()
    for fill in run.fills():
        traded[fill.ts_ns] += fill.size_lots * 10**5
    touch = run.venue.touch
    assert touch.phantom_lots > 0
    assert touch.honest_lots == sum(fill.size_lots for fill in run.fills())
    at_prints = [ns for ns in traded if printed[ns]]
    assert len(at_prints) > 20
    assert all(traded[ns] <= printed[ns] for ns in at_prints)


async def test_what_only_a_real_market_does_to_orders_happens_here_too() -> None:
    """Post-only refused at exchange time, partial fills, fills after a cancel was sent, cancels too late."""
    run = await paper_run(seed=5, strategy=TIGHT, latency_mean_ms=60, latency_p99_ms=200)
    run.run(120 * SECOND_NS)
    refused = [step for step in run.steps if isinstance(step, OrderRejected)]
    assert any(step.crossed for step in refused)
    sizes = {place.cid: place.size_lots for place in run.places()}
    assert any(fill.size_lots < sizes[fill.cid] for fill in run.fills())
    assert any(isinstance(step, CancelRejected) for step in run.steps)
    assert late_fills(run) > 0
    truth = settled(run)
    (session,) = run.engine.state.sessions
    assert judge.pnl_residual(truth, session.position.ledger_atoms(), session.position.residual_half) == 0
    reports = Counter(one.code for one in run.commands if isinstance(one, Report))
    assert reports["fill.post_only_taken"] == reports["order.overfilled"] == 0


def late_fills(run: PaperRun) -> int:
    """Return how many cancellations were confirmed of orders that had been filled on their way."""
    sent_ns: dict[str, int] = {}
    filled_ns: dict[str, int] = {}
    for cancel, ts_ns in run.cancelled:
        sent_ns.setdefault(cancel.cid, ts_ns)
    for step in run.steps:
        if isinstance(step, OrderFilled) and step.source is Source.STREAM:
            filled_ns[step.cid] = step.ts_ns
    ends = {step.cid for step in run.steps if isinstance(step, OrderCanceled)}
    return sum(cid in sent_ns and filled_ns[cid] > sent_ns[cid] for cid in filled_ns if cid in ends)


async def test_two_runs_of_one_seed_are_the_same_to_the_byte() -> None:
    """Everything that was heard and everything that was said; another seed is another run."""
    runs = [await paper_run(seed=seed) for seed in (7, 7, 8)]
    for run in runs:
        run.run(30 * SECOND_NS)
    assert runs[0].bytes() == runs[1].bytes() != runs[2].bytes()


async def test_a_bot_that_cannot_pay_is_refused_and_stays_alive() -> None:
    """The venue's word about funds, not ours: it begins with next to nothing."""
    run = await paper_run(balances={"AAA": Decimal("0.05"), "BBB": Decimal("0.5")}, strategy=CLOSE)
    run.run(20 * SECOND_NS)
    truth = settled(run)
    assert all(balance.free_atoms >= 0 for balance in truth.balances.values())
    assert truth.counters.open_orders == 0
