"""A journal is held against what the state of its data directory says of its end: cut between two records it
looks as a crash leaves it."""

import contextlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from mm.errors import JournalCorrupt, JournalFailed, StateCorrupt
from mm.store.journal.anchor import head
from mm.store.journal.ended import has_ended, require_end
from mm.store.journal.entries import CHECKPOINT, MISSING, Family, Record
from mm.store.journal.frames import PREAMBLE, Frame, parse
from mm.store.journal.journal import Journal
from mm.store.journal.latest import latest
from mm.store.journal.layout import journal_directory, run_id, segments
from mm.store.journal.reader import read
from mm.store.journal.retention import drop_market
from mm.store.journal.syncing import JournalSettings
from mm.store.journal.verify import verify
from mm.store.paths import STATE_NAME
from mm.store.runstate import RunState
from tests.builders.journals import (
    RUN,
    SMALL,
    BrokenDisk,
    Hasty,
    append,
    estate,
    files,
    last_segment,
    mixed,
)


def lived(
    data_dir: Path,
    *,
    count: int = 40,
    ended: bool = True,
    closed: bool = True,
    settings: JournalSettings | None = None,
) -> Path:
    """Live one life as a daemon does, and return where its journal is."""
    state = RunState.open(data_dir)
    epoch = state.begin_life()
    name = run_id(epoch * 10**9, epoch)
    directory = journal_directory(data_dir, name)
    run = msgspec.structs.replace(RUN, run_id=name, epoch=epoch)
    journal = Journal.open(directory, run, settings=settings, disk=Hasty())
    append(journal, [(CHECKPOINT, estate(1)), *mixed(count)])
    if ended and closed:
        journal.close()
    else:
        journal.write()
    if ended:
        state.end_life(open_orders=0, reason="stopped", closed=closed)
    return directory


def bounds(path: Path) -> list[int]:
    """Where a frame ends, of each in a segment."""
    content, at, found = path.read_bytes(), len(PREAMBLE), []
    while isinstance(one := parse(content, at), Frame):
        at += one.size
        found.append(at)
    assert at == len(content)
    return found


def cut(path: Path, size: int) -> None:
    """Cut a file to its first bytes."""
    path.write_bytes(path.read_bytes()[:size])


def drained(journal: Path) -> int:
    """Read all, and return how many records that were."""
    return sum(1 for _ in read(journal))


READERS: tuple[Callable[[Path], object], ...] = (
    drained,
    latest,
    require_end,
    lambda journal: list(read(journal, own_only=True)),
    lambda journal: head(journal, journal.parent.name),
)


def test_a_whole_run_is_read_and_known_to_have_ended(tmp_path: Path) -> None:
    """Every reader is content."""
    journal = lived(tmp_path)
    assert has_ended(journal)
    for reader in READERS:
        reader(journal)
    assert verify(journal).is_whole


def test_cut_between_any_two_records_of_both_families_it_is_damage(tmp_path: Path) -> None:
    """With the file and the byte; a copy elsewhere is read as far as it goes, as after a crash."""
    journal = lived(tmp_path / "data", count=12)
    own, market = (last_segment(journal, family) for family in Family)
    whole = {path: path.read_bytes() for path in (own, market)}
    for size in bounds(own)[1:-1]:
        for market_size in (bounds(market)[0], bounds(market)[-2]):
            cut(own, size)
            cut(market, market_size)
            report = verify(journal)
            assert "its journal has no end: it was cut off" in report.problem
            assert (report.path, report.offset) == (str(own), size)
            assert report.hint
            for reader in READERS:
                with pytest.raises(JournalCorrupt, match="no end"):
                    reader(journal)
            elsewhere = tmp_path / "copy" / journal.parent.name
            shutil.copytree(journal.parent, elsewhere)
            assert verify(elsewhere / journal.name).is_sound
            shutil.rmtree(tmp_path / "copy")
            for path, content in whole.items():
                path.write_bytes(content)
    assert verify(journal).is_whole


def _without_end(journal: Path) -> None:
    own = last_segment(journal, Family.OWN)
    cut(own, bounds(own)[-2])


def _without_last_byte(journal: Path) -> None:
    own = last_segment(journal, Family.OWN)
    cut(own, own.stat().st_size - 1)


def _emptied(journal: Path) -> None:
    for family in Family:
        last_segment(journal, family).write_bytes(b"")


def _gone(journal: Path) -> None:
    shutil.rmtree(journal / Family.OWN)


@pytest.mark.parametrize("change", [_without_end, _without_last_byte, _emptied, _gone])
def test_an_end_that_is_gone_or_hidden_is_damage(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """The end block, its last byte, all content, all files: none of it is a crash."""
    journal = lived(tmp_path)
    change(journal)
    report = verify(journal)
    assert "no end" in report.problem
    assert report.path.startswith(str(journal / Family.OWN))
    for reader in READERS:
        with pytest.raises(JournalCorrupt, match="no end"):
            reader(journal)


@pytest.mark.parametrize("operation", ["create", "write", "sync", "sync_directory", "remove"])
def test_whoever_dies_dropping_old_market_data_leaves_a_run_that_ended(
    tmp_path: Path, operation: str
) -> None:
    """At each operation of it, and at none: every reader finds what was there, and the next time drops it."""
    journal = lived(tmp_path, count=240, settings=SMALL)
    for path in files(journal):
        os.utime(path, ns=(1, 1))
    checkpoint, entries = latest(journal).checkpoint, [one.entry for one in own(journal)]
    after, is_broken = 0, True
    while is_broken:
        disk = BrokenDisk(operation, after)
        with contextlib.suppress(JournalFailed):
            drop_market(journal, before_ns=2, disk=disk)
        is_broken = disk.failed > 0
        after += 1
        for reader in READERS:
            reader(journal)
        assert verify(journal).is_sound
        assert latest(journal).checkpoint == checkpoint
        assert [one.entry for one in own(journal)] == entries
    assert after > 1
    drop_market(journal, before_ns=time.time_ns() * 2, disk=Hasty())
    assert segments(journal, Family.MARKET) == []
    assert verify(journal).is_sound
    assert latest(journal).closed


def test_a_segment_behind_the_end_hides_nothing(tmp_path: Path) -> None:
    """Begun by who was to drop old market data, and died; but what it would have said has to be there."""
    journal = lived(tmp_path, count=240, settings=SMALL)
    for path in files(journal):
        os.utime(path, ns=(1, 1))
    ended = last_segment(journal, Family.OWN)
    drop_market(journal, before_ns=2, disk=Hasty())
    behind = last_segment(journal, Family.OWN)
    assert behind != ended
    behind.unlink()
    with pytest.raises(JournalCorrupt, match="missing"):
        drained(journal)
    assert not verify(journal).is_sound


def own(journal: Path) -> list[Record]:
    """Our own records, without what the journal says of itself."""
    return [record for record in read(journal, own_only=True) if record.kind is not MISSING]


def test_damage_before_the_cut_is_told_first(tmp_path: Path) -> None:
    """The place of the first thing that is wrong."""
    journal = lived(tmp_path)
    own = last_segment(journal, Family.OWN)
    ends = bounds(own)
    cut(own, ends[20])
    content = bytearray(own.read_bytes())
    content[ends[4] + 20] ^= 1
    own.write_bytes(content)
    report = verify(journal)
    assert report.offset == ends[4]
    assert "no end" not in report.problem


def test_a_crash_is_no_damage_nor_is_an_end_without_a_journal_that_took_it(tmp_path: Path) -> None:
    """Of lives that did not end, or whose disk took nothing more, the record is as they left it."""
    for name, ended in (("a", False), ("b", True)):
        journal = lived(tmp_path / name, ended=ended, closed=False)
        assert not has_ended(journal)
        for reader in READERS:
            reader(journal)


def test_a_run_of_before_is_compared_too(tmp_path: Path) -> None:
    """Whatever became of the lives after it."""
    first = lived(tmp_path)
    crashed = lived(tmp_path, ended=False)
    lived(tmp_path)
    _without_end(first)
    assert "no end" in verify(first).problem
    assert verify(crashed).is_sound


def test_a_life_that_is_lived_is_not_compared(tmp_path: Path) -> None:
    """Its journal has no end yet, and its state says so."""
    lived(tmp_path)
    journal = lived(tmp_path, ended=False)
    assert not has_ended(journal)
    assert verify(journal).is_sound


def test_a_run_that_ends_while_it_is_read_is_no_contradiction(tmp_path: Path) -> None:
    """What the state said before is what counts: the end is written first, and noted then."""
    journal = lived(tmp_path, ended=False)
    records = iter(read(journal))
    next(records)
    RunState.open(tmp_path).end_life(open_orders=0, reason="stopped")
    assert sum(1 for _ in records) > 0
    with pytest.raises(JournalCorrupt, match="no end"):
        drained(journal)


def test_nothing_is_known_without_a_state_and_a_state_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A directory that lost it is as any other place; one that is damaged hides nothing."""
    journal = lived(tmp_path)
    _without_end(journal)
    path = tmp_path / STATE_NAME
    content = path.read_bytes()
    path.unlink()
    assert drained(journal) == 41
    path.write_bytes(content[:-9])
    with pytest.raises(StateCorrupt, match="not a state file"):
        drained(journal)
    assert STATE_NAME in verify(journal).problem
