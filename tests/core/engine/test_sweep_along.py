"""Sweeps that come along with decisions: once for both where they can, and never late or in a crowd."""

from itertools import pairwise

import pytest

from mm.domain.quotes import Quote
from mm.engine.engine import EARLY_DIVISOR
from mm.engine.setup import Deadlines
from mm.strategies.base import Wake
from tests.builders.engine_ladder import SECOND_NS, Scripted
from tests.builders.engine_rig import MID, MS, Rig, make_session


def often(every_ns: int) -> Rig:
    """Return a bench whose session decides so often; its book does not go stale."""
    session = make_session(Scripted(bids=(Quote(MID - 20, 10),), wake=Wake(every_ns=every_ns)))
    rig = Rig(session, deadlines=Deadlines(stale=10 * SECOND_NS))
    rig.activate()
    rig.place_all()
    return rig


def test_where_decisions_come_as_often_as_sweeps_one_step_does_both() -> None:
    """Whoever drives the engine is woken ten times a second, not twenty times, wherever the two began."""
    rig = often(100 * MS)
    rig.now_ns += 37 * MS
    rig.move(MID - 12, MID + 10)
    rig.advance(200 * MS)
    dues = []
    for _ in range(20):
        due_ns = rig.engine.next_due_ns
        assert due_ns is not None
        dues.append(due_ns)
        rig.advance(due_ns - rig.now_ns)
        assert rig.engine.state.swept_ns == due_ns
    assert [after - before for before, after in pairwise(dues)] == [100 * MS] * 19


@pytest.mark.parametrize("every_ms", [1, 7, 30, 60, 99, 100, 101, 250])
def test_sweeps_come_in_time_and_never_in_a_crowd_however_often_a_session_decides(every_ms: int) -> None:
    """A deadline is looked at as often as ever."""
    rig = often(every_ms * MS)
    swept = [rig.engine.state.swept_ns]
    for step in range(1_000):
        rig.advance(MS)
        if step % 17 == 0:
            rig.move(MID - 10 - step % 5, MID + 10)
        if rig.engine.state.swept_ns != swept[-1]:
            swept.append(rig.engine.state.swept_ns)
    pauses = [after - before for before, after in pairwise(swept)]
    assert max(pauses) <= 100 * MS
    assert min(pauses) >= 100 * MS // EARLY_DIVISOR
    assert len(pauses) >= 9
