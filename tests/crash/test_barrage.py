"""Killed without warning a hundred times in a row while it trades, on one exchange, in one data directory."""

import sys
from pathlib import Path
from typing import Final

import pytest

from tests.builders.crash_barrage import barrage
from tests.builders.crash_nursery import nursery

KILLS: Final = 100
SEED: Final = 20_261_121
RECOVERY_S_MAX: Final = 5.0
PROOF_S_MAX: Final = 75.0
"""A death between intent and order: that nothing came is proven by a minute of the venue's silence."""


@pytest.mark.proof
def test_a_hundred_kills_lose_no_fill_and_leave_no_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the venue's truth: each fill in the books once, no order left, none doubled; recovery within 5 s."""
    with nursery(tmp_path / "lives") as lives:
        found = barrage(lives, tmp_path / "room", kills=KILLS, seed=SEED)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{found.killed} kills, {found.killed_early} of them in a recovery; {found.verdict.facts};"
            f" halts lifted {found.halts}; recovery p50 {found.quantile_s(0.5):.2f} s,"
            f" p99 {found.quantile_s(0.99):.2f} s, worst {max(found.recoveries_s):.2f} s;"
            f" {len(found.proofs_s)} with a proof of absence,"
            f" worst {max(found.proofs_s, default=0.0):.1f} s\n"
        )
    assert not found.verdict.faults
    assert found.verdict.facts["fills"] > KILLS
    assert found.quantile_s(0.99) < RECOVERY_S_MAX, "\n\n".join(found.slow)
    assert max(found.proofs_s, default=0.0) < PROOF_S_MAX
