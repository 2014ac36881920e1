"""What is written down of a run while it happens, and what a disk that fails does to it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from mm.domain.commands import AnyCommand, Cancel, ListOrders, Place, Query
from mm.domain.events import Advanced, AnyEvent, OrderAcked, Source
from mm.errors import JournalFailed
from mm.runtime.recorder import JournalRecorder
from mm.store.journal.disk import Disk
from mm.store.journal.entries import COMMAND, CONFIG, EVENT, OUTCOME, ConfigVersion, RunHeader
from mm.store.journal.journal import Journal
from mm.store.journal.reader import read
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
