"""What a backtest leaves: `DIR/ID/journal` with all that it did, and `DIR/ID/backtest.json` with its result.

The market's data are not in that journal: they are where they came from. Never writes over anything.
Invariant: a directory without `backtest.json` is of a backtest that did not come to its end.
"""

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import mm
from mm.bootstrap.backtest.job import BacktestJob
from mm.bootstrap.recipe import Recipe, recipe_text
from mm.domain.commands import AnyCommand
from mm.domain.events import AnyEvent
from mm.errors import ConfigError, StateCorrupt
from mm.runtime.backtest_result import BacktestResult
from mm.runtime.backtest_steps import Said
from mm.store.config_history import text_digest
from mm.store.journal.disk import Disk
from mm.store.journal.entries import (
    CONFIG,
    EVENT,
    MARKET_TYPES,
    NOTE,
    OUTCOME,
    ConfigVersion,
    Kind,
    OperatorNote,
    RunHeader,
)
from mm.store.journal.journal import Journal
from mm.store.journal.layout import JOURNAL_NAME, run_id
from mm.store.journal.reader import read
from mm.store.paths import private_directory

BACKTESTS_NAME: Final = "backtests"
"""Where in a data directory backtests lie."""

RESULT_NAME: Final = "backtest.json"
SYNC_RECORDS: Final = 100_000
"""Records between two looks whether a segment of the journal is full."""

_NUMBERS_MAX: Final = 999_999


class LeftRun:
    """The directory of a backtest that is being run, and what takes it down. Implements `Recorder`.

    Fields: directory; run_id: its name.
    """

    def __init__(self, directory: Path, journal: Journal) -> None:
        """For `begin_run`; use that."""
        self.directory = directory
        self.run_id = directory.name
        self._journal = journal
        self._synced_seq = 0

    def on_event(self, event: AnyEvent, *, outside: bool) -> None:
        """Write an event down if it is none of the market; raises JournalFailed."""
        if type(event) in MARKET_TYPES:
            return
        seq = self._journal.append(EVENT if outside else OUTCOME, event.ts_ns, event)
        if seq - self._synced_seq > SYNC_RECORDS:
            self._synced_seq = seq
            self._journal.sync()

    def on_commands(self, ts_ns: int, commands: Sequence[AnyCommand]) -> None:
        """Write commands down; raises JournalFailed."""
        if commands:
            self._journal.append_commands(ts_ns, commands)

    def on_config(self, ts_ns: int, version: ConfigVersion) -> None:
        """Write a configuration down; raises JournalFailed."""
        self._journal.append(CONFIG, ts_ns, version)

    def on_note(self, ts_ns: int, text: str) -> None:
        """Write a note down; raises JournalFailed."""
        self._journal.append(NOTE, ts_ns, OperatorNote(who="mm", text=text))

    def close(self) -> None:
        """End the journal; raises JournalFailed."""
        self._journal.close()

    def leave(self, job: BacktestJob, result: BacktestResult) -> None:
        """Write the result, with the job so that it can be repeated; raises StateCorrupt if that fails."""
        # It is repeated from anywhere.
        content = {"job": job.placed().as_dict(), "result": result.as_dict()}
        path = self.directory / RESULT_NAME
        made = path.with_suffix(".part")
        try:
            made.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            made.rename(path)
        except OSError as error:
            raise StateCorrupt(f"{path}: cannot be written: {error.strerror}") from None


class _Unhurried(Disk):
    # What a backtest did can be done again: its journal does not wait for the disk.
    def sync(self, file: int) -> None:
        """Wait for nothing."""

    def sync_directory(self, path: Path) -> None:
        """Wait for nothing."""


def begin_run(parent: Path, recipe: Recipe, began_ns: int) -> LeftRun:
    """Make the directory of a new backtest in `parent`, and begin its journal. Args: began_ns: of the data.

    Raises: StateCorrupt, JournalFailed if it cannot be made.
    """
    directory, number = _new_directory(private_directory(parent))
    header = RunHeader(
        run_id=directory.name,
        epoch=number,
        code_version=mm.__version__,
        began_ns=began_ns,
        config_digest=text_digest(recipe.text),
        config_text=recipe_text(recipe),
    )
    return LeftRun(directory, Journal.open(directory / JOURNAL_NAME, header, disk=_Unhurried()))


def read_result(directory: Path) -> tuple[BacktestJob, BacktestResult]:
    """Return job and result of the backtest in a directory.

    Raises: StateCorrupt if there is none that came to its end; ConfigError if it is of another form.
    """
    path = directory / RESULT_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StateCorrupt(
            f"{path}: cannot be read: {error.strerror}", hint="a backtest lies in DATA_DIR/backtests/ID"
        ) from None
    except ValueError as error:
        raise StateCorrupt(f"{path}: no result of a backtest: {error}") from None
    if not isinstance(content, dict) or not {"job", "result"} <= content.keys():
        raise ConfigError(f"{path}: no result of a backtest")
    return BacktestJob.from_dict(content["job"]), BacktestResult.from_dict(content["result"])


def run_digest(directory: Path) -> str:
    """Return the digest of what the run in a directory did, live, on paper or in a backtest: equal digests
    are equal commands and outcomes at equal times.

    Raises: JournalCorrupt, JournalForeign, StateCorrupt.
    """
    said = Said()
    for record in read(directory / JOURNAL_NAME, kinds=(Kind.COMMAND, Kind.OUTCOME), own_only=True):
        if record.kind is Kind.COMMAND:
            said.command(record.ts_ns, record.payload)
        else:
            said.outcome(record.payload)
    return said.digest


def _new_directory(parent: Path) -> tuple[Path, int]:
    # Numbered like runs, from the highest on; of two that begin at once one takes the next number.
    taken = [entry.name.rpartition("-")[2] for entry in parent.iterdir() if entry.is_dir()]
    number = max((int(text) for text in taken if text.isascii() and text.isdigit()), default=0)
    now_ns = time.time_ns()
    while number < _NUMBERS_MAX:
        number += 1
        directory = parent / run_id(now_ns, number)
        try:
            os.mkdir(directory, 0o700)
        except FileExistsError:
            continue
        except OSError as error:
            raise StateCorrupt(f"{directory}: cannot be made: {error.strerror}") from None
        return directory, number
    raise StateCorrupt(f"{parent}: holds {_NUMBERS_MAX} backtests", hint="remove some of them")
