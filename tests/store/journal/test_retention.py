"""Old market events go by whole segments, and the journal says so; our own records stay."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from mm.errors import JournalCorrupt, JournalFailed, StateCorrupt
from mm.store.journal.entries import CHECKPOINT, COMMAND, EVENT, MARKET_TYPES, MISSING, Cause, Family, Missing
from mm.store.journal.journal import Journal
from mm.store.journal.latest import latest
from mm.store.journal.layout import segment_path, segments
from mm.store.journal.reader import read
from mm.store.journal.retention import drop_market
from mm.store.journal.verify import verify
from tests.builders.journals import (
    RUN,
    SMALL,
    BrokenDisk,
    Hasty,
    all_of,
    append,
    cancel,
    estate,
    files,
    last_segment,
    mixed,
    top,
    write,
)

OLD_NS = 1_000_000_000_000_000_000
NEW_NS = 2_000_000_000_000_000_000
BEFORE_NS = 1_500_000_000_000_000_000


def aged(directory: Path, up_to: int) -> None:
    """Make the market's segments up to this one old, the others new."""
    for number in segments(directory, Family.MARKET):
        when = OLD_NS if number <= up_to else NEW_NS
        os.utime(segment_path(directory, Family.MARKET, number), ns=(when, when))


def own(directory: Path) -> list[object]:
    """Our own entries, without what the journal says of itself."""
    return [record.entry for record in read(directory, own_only=True) if record.kind is not MISSING]


def test_a_running_journal_drops_its_old_segments(tmp_path: Path) -> None:
    """What is gone is told where it was, and where it was dropped; the rest and what follows is there."""
    journal = Journal.open(tmp_path / "j", RUN, settings=SMALL, disk=Hasty())
    entries = mixed(120)
    append(journal, entries)
    before = {record.seq: record for record in all_of(tmp_path / "j")}
    aged(tmp_path / "j", 2)

    dropped = journal.drop_market(before_ns=BEFORE_NS)
    append(journal, [(EVENT, top(1)), (COMMAND, cancel(2))])
    journal.close()

    assert [missing.segment for missing in dropped] == [1, 2]
    assert segments(tmp_path / "j", Family.MARKET)[0] == 3
    report = verify(tmp_path / "j")
    assert report.is_whole
    assert report.missing == dropped
    records = all_of(tmp_path / "j")
    told = [record.entry for record in records if record.kind is MISSING and not record.payload]
    assert told == list(dropped)
    kept = [record for record in records if record.payload and record.seq <= 120]
    assert kept == [before[record.seq] for record in kept]
    gone = [seq for seq in before if seq not in {record.seq for record in kept}]
    assert gone
    assert all(type(before[seq].entry) in MARKET_TYPES for seq in gone)
    assert all(dropped[0].first_seq <= seq <= dropped[-1].last_seq for seq in gone)


@pytest.mark.parametrize("close", [True, False])
def test_an_ended_run_loses_all_its_market_events(tmp_path: Path, close: bool) -> None:
    """Also one that crashed; a second time there is nothing left to drop, and nothing is written."""
    write(tmp_path / "j", mixed(200), close=close)
    before = own(tmp_path / "j")
    aged(tmp_path / "j", 99)

    dropped = drop_market(tmp_path / "j", before_ns=BEFORE_NS, disk=Hasty())

    assert len(dropped) > 2
    # What a crash left open is sealed first, and so was written just now.
    assert segments(tmp_path / "j", Family.MARKET) == ([] if close else [dropped[-1].segment + 1])
    assert verify(tmp_path / "j").is_whole
    assert own(tmp_path / "j") == before
    files_before = files(tmp_path / "j")
    assert drop_market(tmp_path / "j", before_ns=BEFORE_NS, disk=Hasty()) == ()
    assert files(tmp_path / "j") == files_before
    with Journal.resume(tmp_path / "j", disk=Hasty()) as resumed:
        resumed.append(EVENT, 1, top(1))
    assert segments(tmp_path / "j", Family.MARKET)[-1] == dropped[-1].segment + 2 - close
    assert verify(tmp_path / "j").is_whole


def test_what_is_not_old_stays(tmp_path: Path) -> None:
    """Nor is anything behind a segment that is not old dropped: only the beginning goes."""
    write(tmp_path / "j", mixed(240))
    aged(tmp_path / "j", 0)
    before = {path: path.read_bytes() for path in files(tmp_path / "j")}

    assert drop_market(tmp_path / "j", before_ns=BEFORE_NS, disk=Hasty()) == ()
    assert {path: path.read_bytes() for path in files(tmp_path / "j")} == before
    aged(tmp_path / "j", 99)
    os.utime(segment_path(tmp_path / "j", Family.MARKET, 2), ns=(NEW_NS, NEW_NS))
    assert [one.segment for one in drop_market(tmp_path / "j", before_ns=BEFORE_NS, disk=Hasty())] == [1]


def test_the_open_segment_is_never_dropped(tmp_path: Path) -> None:
    """Whatever its age."""
    with Journal.open(tmp_path / "j", RUN, disk=Hasty()) as journal:
        append(journal, mixed(20))
        aged(tmp_path / "j", 99)
        assert journal.drop_market(before_ns=NEW_NS * 2) == ()


def test_it_is_noted_before_it_is_gone(tmp_path: Path) -> None:
    """A crash in between leaves files that the journal says are gone: read while they are there."""
    write(tmp_path / "j", mixed(240))
    aged(tmp_path / "j", 3)
    for after in range(4):
        copy = tmp_path / "copy"
        shutil.copytree(tmp_path / "j", copy)
        if after < 3:
            with pytest.raises(JournalFailed):
                drop_market(copy, before_ns=BEFORE_NS, disk=BrokenDisk("remove", after, errno.EIO))
        else:
            drop_market(copy, before_ns=BEFORE_NS, disk=Hasty())
        assert segments(copy, Family.MARKET)[0] == after + 1
        assert verify(copy).is_sound
        drop_market(copy, before_ns=BEFORE_NS, disk=Hasty())
        assert segments(copy, Family.MARKET)[0] == 4
        with Journal.resume(copy, disk=Hasty()):
            pass
        assert verify(copy).is_whole
        shutil.rmtree(copy)


def test_only_what_was_dropped_on_purpose_may_be_missing(tmp_path: Path) -> None:
    """Another segment that is not there is an error, though some were dropped."""
    write(tmp_path / "j", mixed(300))
    aged(tmp_path / "j", 2)
    drop_market(tmp_path / "j", before_ns=BEFORE_NS, disk=Hasty())
    segment_path(tmp_path / "j", Family.MARKET, 4).unlink()

    with pytest.raises(JournalCorrupt, match=r"000004.mmj: the segment is missing"):
        all_of(tmp_path / "j")


def test_reading_can_begin_behind_what_was_dropped(tmp_path: Path) -> None:
    """Or within it: then it is told."""
    write(tmp_path / "j", mixed(300))
    aged(tmp_path / "j", 2)
    dropped = drop_market(tmp_path / "j", before_ns=BEFORE_NS, disk=Hasty())

    behind = list(read(tmp_path / "j", from_seq=dropped[-1].last_seq + 1))
    within = list(read(tmp_path / "j", from_seq=dropped[-1].last_seq))

    assert [record.seq for record in behind][:1] == [dropped[-1].last_seq + 1]
    assert within[0].kind is MISSING
    assert isinstance(within[0].entry, Missing)
    assert within[0].entry.cause is Cause.DROPPED
    commands = list(read(tmp_path / "j", kinds=(COMMAND,)))
    assert {record.kind for record in commands} == {COMMAND}


@pytest.mark.parametrize("kind", ["gone", "cut", "flipped at its end"])
def test_a_journal_that_is_damaged_anywhere_is_not_written_to(tmp_path: Path, kind: str) -> None:
    """Also where its newest segment is whole: whoever restores the file finds all else as it was."""
    write(tmp_path / "j", mixed(300))
    aged(tmp_path / "j", 2)
    middle = segment_path(tmp_path / "j", Family.OWN, 2)
    content = middle.read_bytes()
    if kind == "gone":
        middle.unlink()
    else:
        flipped = content[:-6] + bytes([content[-6] ^ 1]) + content[-5:]
        middle.write_bytes(content[:-10] if kind == "cut" else flipped)
    before = {path: path.read_bytes() for path in files(tmp_path / "j")}
    with pytest.raises(JournalCorrupt):
        drop_market(tmp_path / "j", before_ns=BEFORE_NS, disk=Hasty())
    assert {path: path.read_bytes() for path in files(tmp_path / "j")} == before


@pytest.mark.parametrize("way", ["mapped", "at its end"])
def test_a_bad_sector_is_an_error_and_no_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Behind a mapping it would end the process, at every start again."""
    write(tmp_path / "j", [(CHECKPOINT, estate(1)), *mixed(300), (CHECKPOINT, estate(2)), *mixed(40)])
    bad = last_segment(tmp_path / "j", Family.OWN)
    if way == "mapped":
        real = os.pread

        def pread(file: int, size: int, offset: int) -> bytes:
            if offset + size > 500 and os.readlink(f"/proc/self/fd/{file}") == str(bad):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return real(file, size, offset)

        monkeypatch.setattr(os, "pread", pread)
    else:
        bad = segment_path(tmp_path / "j", Family.OWN, 1)
        real_open = Path.open

        def opened(path: Path, *args: object, **more: object) -> object:
            if path == bad:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return real_open(path, *args, **more)  # type: ignore[call-overload]  # handed on as it came

        monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(StateCorrupt, match=f"{bad}: .*cannot be read: Input/output error"):
        latest(tmp_path / "j")
