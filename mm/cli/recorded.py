"""Which recorded run a person means, for the verbs that read journals. Nothing is opened or changed here."""

from pathlib import Path
from typing import TYPE_CHECKING

from mm.cli.client import known_dir
from mm.errors import NotRunning

if TYPE_CHECKING:
    from mm.store.journal.layout import RunPlace


def run_places(named: Path | None, *, every: bool = False) -> "list[RunPlace]":
    """Return the run that is meant by its directory, its id or its data directory (its newest), or by None.

    Args: every: all runs of a data directory, oldest first. Raises: StateCorrupt if there is no such run;
    NotRunning if nothing is named and there is not exactly one data directory.
    """
    from mm.store.journal.layout import JOURNAL_NAME, newest_of, no_run, runs

    where = known_dir(None) if named is None else named
    found = runs(where)
    if found:
        return list(reversed(found)) if every else [newest_of(found)]
    if named is None or every:
        raise no_run(where)
    directory = by_id(named)
    if not (directory / JOURNAL_NAME).is_dir():
        raise no_run(directory)
    return [place_of(directory)]


def by_id(named: Path) -> Path:
    """Return the directory of the run or backtest that a bare id means, in the only data directory there is;
    any other path, and an id without such a directory, as it is.
    """
    from mm.store.journal.layout import BACKTESTS_NAME, RUNS_NAME

    if named.exists() or len(named.parts) != 1:
        return named
    try:
        where = known_dir(None)
    except NotRunning:
        return named
    run, backtest = where / RUNS_NAME / named, where / BACKTESTS_NAME / named
    return backtest if backtest.is_dir() and not run.is_dir() else run


def place_of(directory: Path) -> "RunPlace":
    """Return the run in a directory, wherever that lies; its epoch is 0 where the name does not tell it."""
    from mm.store.journal.layout import RunPlace

    directory = directory.resolve()
    _, _, epoch = directory.name.rpartition("-")
    number = int(epoch) if epoch.isascii() and epoch.isdigit() else 0
    return RunPlace(run_id=directory.name, epoch=number, directory=directory)
