"""Planted mistakes about what lies on the machine between two lives: the journal, the lease, the clock."""

from dataclasses import replace
from typing import Any, Final

import pytest

from mm.errors import StateCorrupt
from mm.runtime.clock import AnchoredClock
from mm.runtime.simulate.faults import NONE
from mm.runtime.takeover import Taken, take_over
from mm.store import lease
from mm.store.journal.segment import SegmentReader
from tests.builders.planted_bugs import CRASHES, SECOND_NS, Bug

LIVES: Final = (("fault_ns", 40 * SECOND_NS), ("crashes", 3))


def _a_damaged_journal_is_read_up_to_the_damage(patch: pytest.MonkeyPatch) -> None:
    def at_end(self: SegmentReader, *, last: bool) -> None:
        assert last is not None

    patch.setattr(SegmentReader, "at_end", at_end)


def _damage_is_told_and_trading_goes_on(patch: pytest.MonkeyPatch) -> None:
    def unlatched(kept: Any, read: Any, judged: Any) -> Taken:
        before = kept.latched
        taken = take_over(kept, read, judged)
        kept.latched = before
        return taken

    patch.setattr("mm.runtime.simulate.machine.take_over", unlatched)


def _an_unreadable_lease_is_taken_for_absent(patch: pytest.MonkeyPatch) -> None:
    real = lease._read

    def read(path: Any) -> Any:
        try:
            return real(path)
        except StateCorrupt:
            return None

    patch.setattr(lease, "_read", read)


def _the_clock_follows_the_wall(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AnchoredClock, "now_ns", lambda self: self._wall_ns())


BUGS: Final[tuple[Bug, ...]] = (
    Bug(
        name="a damaged journal is read up to the damage",
        plant=_a_damaged_journal_is_read_up_to_the_damage,
        faults=replace(NONE, crash=0.05, journal_damaged=1.0),
        fields=LIVES,
        found_as=("D6",),
    ),
    Bug(
        name="damage of a journal is told and trading goes on",
        plant=_damage_is_told_and_trading_goes_on,
        faults=replace(CRASHES, journal_damaged=0.5),
        fields=LIVES,
        found_as=("D6",),
    ),
    Bug(
        name="an unreadable lease is taken for absent",
        plant=_an_unreadable_lease_is_taken_for_absent,
        faults=replace(CRASHES, lease_unreadable=0.5),
        fields=LIVES,
        found_as=("I18",),
    ),
    Bug(
        name="a clock that is put back makes an old book look fresh",
        plant=_the_clock_follows_the_wall,
        faults=replace(NONE, clock_jumps=0.05, market_silent=0.02, depth_silent=0.02),
        fields=(("fault_ns", 60 * SECOND_NS),),
        found_as=("I8",),
    ),
)
"""Each of them."""
