"""Journals for tests: small ones with every kind of record, and disks that fail when they are told to."""

import errno
import os
from pathlib import Path
from typing import Final

from mm.domain.book import Level
from mm.domain.commands import AnyCommand, Cancel, Report
from mm.domain.estate import Estate
from mm.domain.events import Advanced, AnyEvent, PublicTrade, TopOfBook
from mm.domain.sides import Side
from mm.store.journal.disk import Disk
from mm.store.journal.entries import (
    CHECKPOINT,
    COMMAND,
    CONFIG,
    EVENT,
    NOTE,
    OUTCOME,
    ConfigVersion,
    Entry,
    Family,
    Kind,
    OperatorNote,
    Record,
    RunHeader,
)
from mm.store.journal.journal import Journal
from mm.store.journal.layout import segment_path, segments
from mm.store.journal.reader import read
from mm.store.journal.syncing import JournalSettings

RUN: Final = RunHeader(
    run_id="20260102T030405Z-000007",
    epoch=7,
    code_version="0.1.0",
    began_ns=1_000,
    config_digest="abc",
    config_text="[pair]",
)
SMALL: Final = JournalSettings(segment_bytes=2_000, block_records=3)
"""Segments of a few records each."""


def top(number: int) -> TopOfBook:
    """A market event that differs with its number."""
    return TopOfBook(ts_ns=number, symbol="A/B", seq=number, bid=Level(number, 10), ask=Level(number + 1, 20))


def trade(number: int) -> PublicTrade:
    """Another one."""
    return PublicTrade(
        ts_ns=number, symbol="A/B", trade_id=number, price_ticks=5, size_atoms=6, aggressor=Side.BUY
    )


def moment(number: int) -> AnyEvent:
    """An event of our own family."""
    return Advanced(ts_ns=number)


def cancel(number: int) -> AnyCommand:
    """A command that differs with its number."""
    return Cancel(cid=f"{number:032x}", symbol="A/B")


def estate(number: int) -> Estate:
    """What a life leaves that has placed `number` orders, and nothing more."""
    return Estate(
        epoch=RUN.epoch,
        ts_ns=number,
        sequence=number,
        equity_start_atoms=0,
        positions=(),
        orders=(),
        symbols=(),
    )


def mixed(count: int) -> list[tuple[Kind, Entry]]:
    """`count` records of both families and of every kind, in a fixed order."""
    made: list[tuple[Kind, Entry]] = []
    for number in range(1, count + 1):
        turn: list[tuple[Kind, Entry]] = [
            (EVENT, top(number)),
            (EVENT, moment(number)),
            (EVENT, trade(number)),
            (COMMAND, cancel(number)),
            (OUTCOME, moment(number)),
            (COMMAND, Report(ts_ns=number, code="a.b", session="", facts=(("k", "v"),))),
            (NOTE, OperatorNote(who="me", text=f"note {number}")),
            (CONFIG, ConfigVersion(digest="d", text="t", who="me")),
            (CHECKPOINT, estate(number)),
        ]
        made.append(turn[number % len(turn)])
    return made


def write(
    directory: Path, entries: list[tuple[Kind, Entry]], *, close: bool = True, sync_every: int = 4
) -> None:
    """Write a journal of small segments; record n has the time 1000 + n."""
    journal = Journal.open(directory, RUN, settings=SMALL, disk=Hasty())
    append(journal, entries, sync_every=sync_every)
    if close:
        journal.close()
    else:
        journal.write()


def append(journal: Journal, entries: list[tuple[Kind, Entry]], *, sync_every: int = 4) -> None:
    """Append to a journal, syncing now and then."""
    for kind, entry in entries:
        seq = journal.append(kind, 1_000 + journal.next_seq, entry)
        if seq % sync_every == 0:
            journal.sync()


def all_of(directory: Path) -> list[Record]:
    """Everything that is read of a journal."""
    return list(read(directory))


def last_segment(directory: Path, family: Family) -> Path:
    """The newest segment of a family."""
    return segment_path(directory, family, segments(directory, family)[-1])


def files(directory: Path) -> list[Path]:
    """All segments of a journal, in a fixed order."""
    return sorted(directory.rglob("*.mmj"))


class Hasty(Disk):
    """A disk that does not wait: what a process wrote is there as long as the machine is."""

    def sync(self, file: int) -> None:
        """Nothing is waited for: no test takes the power away."""

    def sync_directory(self, path: Path) -> None:
        """Nothing is waited for: no test takes the power away."""


class BrokenDisk(Hasty):
    """A disk on which one kind of operation fails from its `after`-th time on.

    Fields: failed: how often it did. A write that fails has written half of what it should have.
    """

    def __init__(self, operation: str, after: int, number: int = errno.EIO) -> None:
        """Fail `operation` (the name of a method) with the error `number`."""
        self.failed = 0
        self._operation = operation
        self._after = after
        self._number = number

    def _strike(self, operation: str) -> None:
        if operation != self._operation:
            return
        self._after -= 1
        if self._after < 0:
            self.failed += 1
            raise OSError(self._number, os.strerror(self._number))

    def create(self, path: Path) -> int:
        """As the real one."""
        self._strike("create")
        return super().create(path)

    def write(self, file: int, content: bytes) -> None:
        """As the real one."""
        try:
            self._strike("write")
        except OSError:
            super().write(file, content[: len(content) // 2])
            raise
        super().write(file, content)

    def sync(self, file: int) -> None:
        """As the real one."""
        self._strike("sync")
        super().sync(file)

    def sync_directory(self, path: Path) -> None:
        """As the real one."""
        self._strike("sync_directory")
        super().sync_directory(path)

    def remove(self, path: Path) -> None:
        """As the real one."""
        self._strike("remove")
        super().remove(path)

    def reopen(self, path: Path, size: int) -> int:
        """As the real one."""
        self._strike("reopen")
        return super().reopen(path, size)
