"""What is written down of a run while it happens, and what a disk that fails does to it."""

import asyncio
import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mm.domain.book import Level
from mm.domain.commands import AnyCommand, Cancel, ListOrders, Place, Query
from mm.domain.estate import Estate
from mm.domain.events import Advanced, AnyEvent, BookDelta, OrderAcked, Source
from mm.errors import JournalFailed
from mm.runtime import recorder as recorder_module
from mm.runtime.recorder import CHECKPOINT_NS, JournalRecorder, Timing
from mm.store.journal import journal as journal_module
from mm.store.journal.disk import Disk
from mm.store.journal.entries import (
    CHECKPOINT,
    COMMAND,
    CONFIG,
    EVENT,
    OUTCOME,
    Cause,
    ConfigVersion,
    RunHeader,
)
from mm.store.journal.journal import Journal
from mm.store.journal.reader import read
from mm.store.journal.syncing import JournalSettings
from mm.store.journal.verify import verify
from tests.builders.journals import estate
from tests.builders.live_runs import LiveRun
from tests.builders.virtual_time import START_NS

HEADER = RunHeader(
    run_id="20270115T080000Z-000001",
    epoch=1,
    code_version="test",
    began_ns=START_NS,
    config_digest="",
    config_text="",
)
ACK = OrderAcked(
    ts_ns=START_NS, cid="a", venue_order_id="1", price_ticks=1, size_lots=1, source=Source.ANSWER
)


def news(seq: int) -> BookDelta:
    """Return an event of the market."""
    return BookDelta(ts_ns=START_NS, symbol="BTC/USDT", seq=seq, venue_ms=0, bids=(Level(1, 1),), asks=())


class FailingDisk(Disk):
    """A disk whose syncs fail from now on."""

    def sync(self, file: int) -> None:
        """Fail, as a worn disk does."""
        raise OSError(5, "Input/output error")


async def test_events_are_told_apart_by_where_they_come_from(tmp_path: Path) -> None:
    """From outside, or computed by a venue that is simulated; commands follow what caused them."""
    recorder = JournalRecorder(Journal.open(tmp_path / "j", HEADER))
    recorder.on_event(Advanced(ts_ns=START_NS), outside=True)
    recorder.on_event(ACK, outside=False)
    recorder.on_commands(START_NS, [Query(cid="a", symbol="BTC/USDT")])
    recorder.on_commands(START_NS, [])
    recorder.on_config(START_NS, ConfigVersion(digest="d", text="t", who="me"))
    await recorder.close()

    assert [record.kind for record in read(tmp_path / "j")] == [EVENT, OUTCOME, COMMAND, CONFIG]


async def test_records_reach_the_disk_without_being_asked(tmp_path: Path) -> None:
    """A group at a time, soon after the first of it."""
    journal = Journal.open(tmp_path / "j", HEADER)
    recorder = JournalRecorder(journal)
    recorder.on_event(ACK, outside=True)
    recorder.on_event(ACK, outside=True)
    assert journal.durable_seq == 0
    await recorder.settle()
    assert journal.durable_seq == 2
    await recorder.close()


class TurnDisk(Disk):
    """A disk that syncs in turns, in other threads than the loop's. Fields: asked: once for each sync that
    began; turns: one is taken by each before it ends.
    """

    def __init__(self) -> None:
        """Begin with no turn given."""
        self.asked = threading.Semaphore(0)
        self.turns = threading.Semaphore(0)

    def sync(self, file: int) -> None:
        """Wait for a turn, but not in the thread of the loop."""
        if threading.current_thread() is not threading.main_thread():
            self.asked.release()
            self.turns.acquire(timeout=10)
        super().sync(file)


async def test_what_comes_while_the_disk_is_busy_reaches_it_without_another_record(tmp_path: Path) -> None:
    """In a quiet market nothing else would ever take it there. A disk that is always busy takes things: it is
    not one that takes nothing.
    """
    now_s, disk = [0.0], TurnDisk()
    journal = Journal.open(tmp_path / "j", HEADER, disk=disk)
    recorder = JournalRecorder(journal, timing=Timing(steady_s=lambda: now_s[0]))
    recorder.on_event(ACK, outside=True)
    for count in range(1, 41):
        await asyncio.to_thread(disk.asked.acquire, timeout=10)
        assert journal.durable_seq == count - 1
        recorder.on_event(ACK, outside=True)
        now_s[0] += 1.0
        disk.turns.release()
    await asyncio.to_thread(disk.asked.acquire, timeout=10)
    disk.turns.release()
    await recorder.settle()
    assert journal.durable_seq == 41
    assert journal.due_ns is None
    await recorder.close()


async def test_a_sync_that_fails_is_raised_by_the_next_record(tmp_path: Path) -> None:
    """Nobody knows any more what is on the disk: nothing further is taken."""
    journal = Journal.open(tmp_path / "j", HEADER)
    journal._disk = FailingDisk()
    recorder = JournalRecorder(journal)
    recorder.on_event(ACK, outside=True)
    await recorder.settle()
    with pytest.raises(JournalFailed, match="takes nothing more"):
        recorder.on_event(ACK, outside=True)
    await recorder.close()


class SlowDisk(Disk):
    """A disk that takes its time in other threads than that of the loop. Fields: waits: there; loop_syncs: of
    the loop's own.
    """

    def __init__(self) -> None:
        """Begin as a fast one."""
        self.waits = threading.Event()
        self.loop_syncs = 0

    def sync(self, file: int) -> None:
        """Wait until somebody lets go, but not in the thread of the loop."""
        if threading.current_thread() is threading.main_thread():
            self.loop_syncs += 1
        else:
            self.waits.wait(10)
        super().sync(file)


async def test_a_slow_disk_is_not_waited_for_to_end_a_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cancel could leave meanwhile: the segment grows, up to a bound, until the disk is itself again."""
    disk = SlowDisk()
    journal = Journal.open(tmp_path / "j", HEADER, settings=JournalSettings(segment_bytes=1), disk=disk)
    recorder, began = JournalRecorder(journal), disk.loop_syncs
    disk.waits.set()
    for slow_s, waited in ((-1.0, 0), (100.0, 4), (-1.0, 4)):
        monkeypatch.setattr(recorder_module, "SLOW_S", slow_s)
        monkeypatch.setattr(journal_module, "SLOW_SEGMENTS", 10**6)
        recorder.on_event(ACK, outside=True)
        await recorder.settle()
        assert disk.loop_syncs - began == waited, slow_s
    monkeypatch.setattr(journal_module, "SLOW_SEGMENTS", 1)
    recorder.on_event(ACK, outside=True)
    await recorder.settle()
    assert disk.loop_syncs - began == 8
    await recorder.close()


async def test_a_disk_that_takes_nothing_for_long_ends_trading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in the kernel alone would be lost with the machine."""
    disk = SlowDisk()
    recorder = JournalRecorder(Journal.open(tmp_path / "j", HEADER, disk=disk))
    recorder.on_event(ACK, outside=True)
    recorder.on_event(ACK, outside=True)
    monkeypatch.setattr(recorder_module, "PATIENCE_S", -1.0)
    with pytest.raises(JournalFailed, match="the disk took nothing"):
        recorder.on_event(ACK, outside=True)
    disk.waits.set()
    await recorder.close()


async def test_a_process_that_stood_still_does_not_blame_the_disk(tmp_path: Path) -> None:
    """Stopped or paused in the midst of a sync, it looks again late: the gap says nothing about the disk."""
    now_s, disk = [0.0], SlowDisk()
    journal = Journal.open(tmp_path / "j", HEADER, disk=disk)
    recorder = JournalRecorder(journal, timing=Timing(steady_s=lambda: now_s[0]))
    recorder.on_event(ACK, outside=True)
    now_s[0] = 3_600.0
    recorder.on_event(ACK, outside=True)
    for _ in range(8):
        now_s[0] += 1.0
        recorder.on_event(ACK, outside=True)
    now_s[0] += 1.0
    with pytest.raises(JournalFailed, match="the disk took nothing for 10 s"):
        recorder.on_event(ACK, outside=True)
    disk.waits.set()
    await recorder.close()


async def test_market_data_of_the_run_itself_are_dropped_when_they_are_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon may run for months: its own segments go too, and the journal says so."""
    monkeypatch.setattr(recorder_module, "SLOW_S", 100.0)
    journal = Journal.open(tmp_path / "j", HEADER, settings=JournalSettings(segment_bytes=1))
    recorder = JournalRecorder(journal, market_ns=10**15)
    for seq in (1, 2, 3):
        recorder.on_event(news(seq), outside=True)
        await recorder.settle()
    old = sorted((tmp_path / "j" / "market").iterdir())
    assert len(old) >= 3
    os.utime(old[0], (0, 0))
    recorder._dropped_s = -1e9
    recorder.on_event(ACK, outside=True)
    await recorder.settle()
    await recorder.close()
    assert not old[0].exists()
    assert all(path.exists() for path in old[1:])
    report = verify(tmp_path / "j")
    assert (report.is_sound, [missing.cause for missing in report.missing]) == (True, [Cause.DROPPED])


async def test_old_market_data_that_cannot_be_read_do_not_end_trading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are left as they are, and that is told."""
    monkeypatch.setattr(recorder_module, "SLOW_S", 100.0)
    recorder = JournalRecorder(Journal.open(tmp_path / "j", HEADER), market_ns=1)
    recorder._dropped_s = -1e9
    with capture_logs() as logs:
        shutil.rmtree(tmp_path / "j" / "market")
        (tmp_path / "j" / "market").write_text("no folder")
        recorder.on_event(ACK, outside=True)
        await recorder.settle()
    assert [line["event"] for line in logs] == ["journal.old_not_dropped"]
    recorder.on_event(ACK, outside=True)
    await recorder.settle()


class _Full:
    # Takes nothing from a time on.
    def __init__(self, from_ns: int) -> None:
        self._from_ns = from_ns

    def on_event(self, event: AnyEvent, *, outside: bool) -> None:
        if event.ts_ns >= self._from_ns:
            raise JournalFailed("the journal takes nothing more: No space left on device")

    def on_commands(self, ts_ns: int, commands: Sequence[AnyCommand]) -> None:
        return

    def on_config(self, ts_ns: int, version: ConfigVersion) -> None:
        return

    def on_note(self, ts_ns: int, text: str) -> None:
        raise JournalFailed("the journal takes nothing more: No space left on device")


def test_a_journal_that_takes_nothing_more_ends_trading_and_cancels_still_go_out() -> None:
    """What cannot be written down is not done; what is ours comes off the venue, by listing."""
    run = LiveRun(latency_s=0.01, recorder=_Full(START_NS + 5 * 10**9))
    sent: list[AnyCommand] = []
    run.venue.on_submit = lambda command: sent.append(command) if run.seconds >= 5 else None
    outcome = run.go(duration_s=60)

    assert (outcome.reason, outcome.clean, outcome.halted) == ("halted: journal.failed", True, True)
    assert not run.venue.open
    assert {type(command) for command in sent} == {ListOrders, Cancel}
    assert len(run.venue.commands(Place)) > 0


class Account:
    """What is said at each checkpoint. Fields: asked: how often."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> Estate:
        """Return another one each time."""
        self.asked += 1
        return estate(self.asked)


def kinds_of(directory: Path) -> str:
    """The kinds of all records: e, o, c and K for a checkpoint."""
    letters = {EVENT: "e", OUTCOME: "o", COMMAND: "c", CHECKPOINT: "K"}
    return "".join(letters[record.kind] for record in read(directory))


async def test_a_checkpoint_is_written_after_a_minute_before_what_comes_next(tmp_path: Path) -> None:
    """Of the core's time, and only before something from outside: there all that came before is done."""
    account = Account()
    recorder = JournalRecorder(Journal.open(tmp_path / "j", HEADER), estate=account)
    recorder.checkpoint(START_NS)
    late_ns = START_NS + CHECKPOINT_NS
    recorder.on_event(Advanced(ts_ns=late_ns - 1), outside=True)
    recorder.on_event(Advanced(ts_ns=late_ns), outside=False)
    recorder.on_commands(late_ns, [Query(cid="a", symbol="BTC/USDT")])
    recorder.on_event(Advanced(ts_ns=late_ns), outside=True)
    recorder.on_event(Advanced(ts_ns=late_ns + 1), outside=True)
    await recorder.close()

    assert kinds_of(tmp_path / "j") == "KeocKeeK"
    assert account.asked == 3


async def test_a_checkpoint_is_written_after_so_many_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However little time went by: what a later life reads is bounded."""
    monkeypatch.setattr(recorder_module, "CHECKPOINT_RECORDS", 3)
    recorder = JournalRecorder(Journal.open(tmp_path / "j", HEADER), estate=Account())
    recorder.checkpoint(START_NS)
    for _ in range(8):
        recorder.on_event(ACK, outside=True)
    await recorder.close()

    assert kinds_of(tmp_path / "j") == "KeeeKeeeKeeK"


async def test_what_a_broken_core_believes_is_not_written_down(tmp_path: Path) -> None:
    """The record is ended all the same; a later life follows what is in it."""
    recorder = JournalRecorder(Journal.open(tmp_path / "j", HEADER), estate=Account())
    recorder.on_event(ACK, outside=True)
    await recorder.close(is_sane=False)

    assert kinds_of(tmp_path / "j") == "e"
    assert verify(tmp_path / "j").closed


async def test_a_checkpoint_that_a_full_disk_does_not_take_ends_trading(tmp_path: Path) -> None:
    """As any other record; the end of the journal asks for no more."""
    journal = Journal.open(tmp_path / "j", HEADER)
    journal._disk.sync = FailingDisk().sync  # type: ignore[method-assign] # it was well until now
    recorder = JournalRecorder(journal, estate=Account())
    recorder.checkpoint(START_NS)
    with pytest.raises(JournalFailed):
        journal.sync()
    with pytest.raises(JournalFailed):
        recorder.checkpoint(START_NS)
    await recorder.close()
