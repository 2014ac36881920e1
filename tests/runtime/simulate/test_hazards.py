"""Damage to the journal, a lease that cannot be read, a wall clock that is set: each really happens."""

from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from mm.domain.events import BalancesListed, StreamUp, Throttled
from mm.domain.events import Stream as Side
from mm.errors import StateCorrupt
from mm.runtime.simulate.checks import Broken
from mm.runtime.simulate.disk import SimDisk
from mm.runtime.simulate.faults import NONE, Luck, switched_on, with_intensities
from mm.runtime.simulate.own_time import OFF_NS_MAX, OwnTime, Wall
from mm.runtime.simulate.plan import SECOND_NS, Plan, plan_of
from mm.runtime.simulate.spoilt_journal import SpoiltJournal
from mm.runtime.simulate.spoilt_lease import Refused, SpoiltLease
from mm.runtime.simulate.world import World, simulate
from mm.store.journal.entries import CHECKPOINT, EVENT, Family, RunHeader
from mm.store.journal.journal import Journal
from mm.store.journal.latest import latest
from mm.store.journal.layout import segment_path
from mm.store.journal.syncing import JournalSettings
from tests.builders.estates import left

RUN = RunHeader(
    run_id="r1", epoch=3, code_version="test", began_ns=1, config_digest="", config_text="a = 1\n"
)
UP = StreamUp(ts_ns=5, stream=Side.MARKET)
LIVES = 3


def journal(path: Path, disk: SimDisk, *, records: int, segment_bytes: int) -> Path:
    """Leave a journal behind, not ended, and return its directory."""
    settings = JournalSettings(segment_bytes=segment_bytes)
    made = Journal.open(path / "j", RUN, settings=settings, disk=disk)
    made.append(CHECKPOINT, 2, left())
    made.sync()
    for number in range(records):
        made.append(EVENT, 5 + number, UP)
        if number % 10 == 9:
            made.sync()
    disk.settle()
    return path / "j"


@pytest.mark.parametrize("seed", range(60))
def test_no_damage_that_is_done_to_a_journal_is_passed_over(seed: int, tmp_path: Path) -> None:
    """Whatever it is: a start finds it, or finds no checkpoint; nothing is written."""
    random = Random(f"{seed}/test")
    disk = SimDisk(random)
    size = random.choice((900, 3_000, 100_000))
    path = journal(tmp_path, disk, records=random.randint(0, 120), segment_bytes=size)
    assert latest(path).checkpoint is not None
    spoilt = SpoiltJournal(disk, path, random)
    assert spoilt.what
    assert spoilt.is_untouched
    with suppress(StateCorrupt):
        assert latest(path).checkpoint is None
    assert spoilt.is_untouched


def test_a_damaged_journal_that_is_written_to_is_noticed(tmp_path: Path) -> None:
    """Whoever cuts it, or puts an empty one in its place."""
    random = Random(1)
    disk = SimDisk(random)
    path = journal(tmp_path, disk, records=40, segment_bytes=100_000)
    spoilt = SpoiltJournal(disk, path, random)
    segment_path(path, Family.OWN, 1).write_bytes(b"")
    assert not spoilt.is_untouched


@pytest.mark.parametrize("seed", range(30))
def test_a_spoilt_lease_is_refused_until_it_is_mended(seed: int, tmp_path: Path) -> None:
    """By the product's own lease; numbers go on above those that were given out."""
    tmp_path.chmod(0o700)
    lease = SpoiltLease(tmp_path, Random(seed), lambda: 1_800_000_000 * SECOND_NS)
    assert not lease.spoil()
    held = lease.take()
    number = held.next_number(above=7)
    held.note(number)
    lease.release()
    assert lease.spoil()
    assert not lease.spoil()
    for _ in range(2):
        with pytest.raises(Refused):
            lease.take()
    assert lease.refusals == 2
    lease.mend()
    lease.mend()
    assert lease.take().next_number(above=number) > number
    lease.release()


def test_a_spoilt_lease_that_is_replaced_or_ignored_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both would let two processes trade."""
    tmp_path.chmod(0o700)
    lease = SpoiltLease(tmp_path, Random(3), lambda: 0)
    lease.take()
    lease.release()
    assert lease.spoil()
    monkeypatch.setattr("mm.store.lease._read", lambda _: None)
    with pytest.raises(Broken, match="I18"):
        lease.take()


class Truth:
    """The venue's time."""

    now_ns = 1_800_000_000 * SECOND_NS


def test_a_wall_clock_is_set_both_ways_by_seconds_to_hours_and_never_lost() -> None:
    """A process keeps the time that it began with; the next one begins with the new one."""
    true = Truth()
    wall, luck = Wall(true), Luck(Random(5))
    seen, steps = [], []
    for _ in range(400):
        before = wall.off_ns
        assert wall.jump(luck)
        seen.append(wall.off_ns)
        steps.append(abs(wall.off_ns - before))
    assert max(seen) > 3_600 * SECOND_NS
    assert min(seen) < -3_600 * SECOND_NS
    assert max(abs(off_ns) for off_ns in seen) <= OFF_NS_MAX
    assert min(steps) < 60 * SECOND_NS < 3_600 * SECOND_NS < max(steps)
    wall.off_ns = -5 * SECOND_NS
    own = OwnTime(wall)
    wall.off_ns = 9 * SECOND_NS
    true.now_ns += SECOND_NS
    assert own.ahead_ns == -5 * SECOND_NS
    assert OwnTime(wall).ahead_ns == 9 * SECOND_NS


def test_what_reaches_a_process_is_of_its_own_time() -> None:
    """When it was asked too, and until when it has to wait; a clock that is right changes nothing."""
    wall = Wall(Truth())
    assert OwnTime(wall).own(UP) is UP
    wall.off_ns = 100
    own = OwnTime(wall)
    assert own.own(UP).ts_ns == 105
    listed = own.own(BalancesListed(ts_ns=7, asked_ns=6, balances=()))
    assert isinstance(listed, BalancesListed)
    assert (listed.ts_ns, listed.asked_ns) == (107, 106)
    throttled = own.own(Throttled(ts_ns=7, until_ns=9, banned=True))
    assert isinstance(throttled, Throttled)
    assert (throttled.ts_ns, throttled.until_ns) == (107, 109)


def plan(seed: int, **chances: float) -> Plan:
    """Return a short run in which the process dies often."""
    faults = with_intensities(NONE, {"crash": 0.03} | chances)
    return Plan(seed=seed, faults=faults, steps=1_500, heal_ns=40 * SECOND_NS, rest_ns=25 * SECOND_NS)


def test_after_a_damaged_journal_was_given_up_trading_goes_on(tmp_path: Path) -> None:
    """Halted first, told, what is ours taken off; then a person decides."""
    tmp_path.chmod(0o700)
    world = World(plan(2, journal_damaged=1.0), tmp_path)
    outcome = world.run()
    assert outcome.faults["journal_damaged"] >= 1
    assert outcome.reports["halt.confirmed"] >= 1
    assert outcome.state == "active"


def test_clocks_that_are_set_change_nothing_that_is_promised() -> None:
    """Some hundred times in a run of many lives."""
    outcome = simulate(plan(LIVES, clock_jumps=0.1))
    assert outcome.faults["clock_jumps"] > 20
    assert outcome.lives > LIVES


def test_who_has_none_of_it_has_the_history_that_it_had_without() -> None:
    """They are drawn apart: what is drawn for the other kinds does not depend on them."""
    later = {"lease_unreadable", "journal_damaged", "clock_jumps"}
    drawn = [set(switched_on(plan_of(seed).faults)) & later for seed in range(1, 200)]
    assert all(any(kind in one for one in drawn) for kind in later)
    assert 0.2 < sum(bool(one) for one in drawn) / len(drawn) < 0.8
