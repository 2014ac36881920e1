"""The bench on the wire: what a loop did not do is never a duration."""

from pathlib import Path

import pytest

from mm.bench.loops import PlainLoop
from mm.bench.responder import Stamps
from mm.bench.wire import measure_wire
from mm.errors import VenueUnreachable

COUNTED = PlainLoop.orders_ns


def _silent(turns: int) -> object:
    # A loop that is not there yet for so many turns.
    left = [turns]

    def orders_ns(loop: PlainLoop, stamps: Stamps) -> dict[int, int]:
        left[0] -= 1
        return {} if left[0] >= 0 else COUNTED(loop, stamps)

    return orders_ns


@pytest.mark.proof  # a bench with its exchange
async def test_a_loop_that_begins_late_is_shown_the_turn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told is what was measured, not 0.0."""
    monkeypatch.setattr(PlainLoop, "orders_ns", _silent(2))
    figures, _ = await measure_wire(tmp_path, rounds=1, seconds=0.1, progress=lambda _: None)
    assert figures.ccxt_orders > 0
    assert figures.ccxt_p50_us > 0


@pytest.mark.proof  # a bench with its exchange
async def test_a_loop_that_never_trades_ends_the_bench_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a bounded number of turns."""
    monkeypatch.setattr(PlainLoop, "orders_ns", _silent(10))
    with pytest.raises(VenueUnreachable, match="client 1 sent nothing in 10 turns"):
        await measure_wire(tmp_path, rounds=1, seconds=0.1, progress=lambda _: None)
