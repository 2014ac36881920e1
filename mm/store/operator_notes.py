"""What operators did to a data directory on which no daemon ran, in a journal of its own, `operator/`.

A run writes down what is asked of it; this is for what nobody runs to hear. The note is on the disk before
the change is made. Only the holder of the directory's lock writes. Invariant: notes are only ever added.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

import mm
from mm.errors import JournalFailed, NotRunning, StateCorrupt
from mm.store.heartbeat import Halt, lift_left_halt
from mm.store.journal.entries import NOTE, Family, OperatorNote, Record, RunHeader
from mm.store.journal.journal import Journal
from mm.store.journal.layout import segments
from mm.store.journal.reader import read
from mm.store.journal.syncing import JournalSettings, SyncPolicy
from mm.store.paths import private_directory
from mm.store.runstate import Latch, RunState

FOLDER: Final = "operator"
NAME: Final = "operator"
"""What its header says in the place of a run's id."""

LATCH_SET: Final = "latch.set"
LATCH_LIFTED: Final = "latch.lifted"


class OfflineAct(msgspec.Struct, frozen=True, kw_only=True):
    """The text of a note. Fields: act: LATCH_SET or LATCH_LIFTED; code, reason: of the latch, as kept."""

    act: str
    code: str
    reason: str


def notes_journal(data_dir: Path) -> Path:
    """Return where the journal of notes is; nothing is made."""
    return data_dir / FOLDER


def note(data_dir: Path, act: OfflineAct, *, who: str) -> None:
    """Write down what is about to be done; it is on the disk when this returns.

    Raises: StateCorrupt, JournalFailed if it cannot be written: then it is not to be done.
    """
    directory, now_ns = notes_journal(private_directory(data_dir)), time.time_ns()
    strict = JournalSettings(policy=SyncPolicy.STRICT)
    if segments(directory, Family.OWN):
        journal = Journal.resume(directory, settings=strict)
    else:
        header = RunHeader(
            run_id=NAME,
            epoch=0,
            code_version=mm.__version__,
            began_ns=now_ns,
            config_digest="",
            config_text="",
        )
        journal = Journal.open(directory, header, settings=strict)
    journal.append(NOTE, now_ns, OperatorNote(who=who, text=msgspec.json.encode(act).decode()))
    journal.close()


def latch_offline(data_dir: Path, state: RunState, *, code: str, reason: str, who: str) -> None:
    """Latch trading off, after a note of it; a disk that does not take the note keeps nobody from halting.

    Raises: StateCorrupt if the latch cannot be written.
    """
    with suppress(StateCorrupt, JournalFailed):
        note(data_dir, OfflineAct(act=LATCH_SET, code=code, reason=reason), who=who)
    state.latch(code, reason, time.time_ns(), who)


def lift_offline(
    data_dir: Path, state: RunState, *, reason: str, who: str, was_asked: bool = False
) -> Latch | None:
    """Lift the halt, after a note of it, and return what it was, None if there was none. The words of the
    newest life say it no more either.

    Args: was_asked: the file HALT asks for one, which is taken away next: noted although nothing latched it.
    Raises: StateCorrupt, JournalFailed if either cannot be written: then it is not lifted.
    """
    if state.latched is None and not was_asked:
        return None
    code = Halt.FILE.code if state.latched is None else state.latched.code
    note(data_dir, OfflineAct(act=LATCH_LIFTED, code=code, reason=reason), who=who)
    lifted = state.clear_latch(reason, who)
    with suppress(NotRunning, StateCorrupt):
        lift_left_halt(data_dir)
    return lifted


def here(claimed: str) -> str:
    """Return who acts, with the user and the process that it is done by."""
    return f"{claimed}, uid {os.getuid()} pid {os.getpid()} (offline)"


def notes(data_dir: Path) -> Iterator[tuple[Record, OperatorNote]]:
    """Yield the notes in their order; none if there is no such journal. Raises: as reading a journal."""
    directory = notes_journal(data_dir)
    if segments(directory, Family.OWN):
        for record in read(directory, kinds=(NOTE,), own_only=True):
            if isinstance(record.entry, OperatorNote):
                yield record, record.entry


def act_of(entry: OperatorNote) -> OfflineAct | None:
    """Return what a note of this journal says, None if it is in free words."""
    try:
        return msgspec.json.decode(entry.text, type=OfflineAct)
    except msgspec.DecodeError:
        return None
