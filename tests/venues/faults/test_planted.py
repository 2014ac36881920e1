"""Bugs planted in our own code, each caught by the case that is about it: else the other tests prove nothing.

The long tier: what never happens is waited for.
"""

from pathlib import Path

import pytest

from mm.domain.order_table import OrderTable
from mm.engine.budget import Budget
from mm.venues.binance import trading
from mm.venues.binance.line import Line
from mm.venues.edge.booksync import BookSync
from mm.venues.edge.errors import PlaceVerdict
from tests.builders.fault_cases import CASES, survives

PLANTED = {
    "an unknown outcome is taken for a refusal": (
        (trading, "place_verdict", lambda failure: PlaceVerdict(refused=True)),
        "drop_after_and_no_report",
    ),
    "a fill counts as often as it is told": (
        (OrderTable, "knows_trade", lambda *_: False),
        "duplicate_reports",
    ),
    "the end of a stream is not told": ((Line, "end", lambda *_: None), "close"),
    "a gap is not seen": (
        (BookSync, "on_diff", lambda book, ts_ns, diff: book._delta(ts_ns, diff)),
        "lost_change",
    ),
    "the venue's wish to wait is not heard": ((Budget, "throttle", lambda *_, **__: None), "too_many"),
}


@pytest.mark.proof
@pytest.mark.parametrize("bug", PLANTED)
async def test_a_planted_bug_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bug: str) -> None:
    """The run does not pass."""
    (owner, name, broken), case = PLANTED[bug]
    await survives(tmp_path, CASES[case])
    monkeypatch.setattr(owner, name, broken)
    with pytest.raises(AssertionError):
        await survives(tmp_path, CASES[case])
