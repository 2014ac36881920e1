"""Whether a run is known to have ended its journal in good order, by what is kept beside it.

A journal that was cut off between two records looks as a crash leaves it: nothing in it says that there was
more. The state of its data directory does: a life that ended said so there, once its journal had its end. It
is asked before the journal is read, so that a run that ends meanwhile is no contradiction. A run's directory
that lies anywhere else than in its data directory is not compared. Reads only.
"""

from pathlib import Path
from typing import Final

from mm.errors import JournalCorrupt
from mm.store.journal.entries import Family
from mm.store.journal.gaps import has_end
from mm.store.journal.layout import RUNS_NAME, belongs_to, epoch_of, segment_path, segments
from mm.store.paths import STATE_NAME
from mm.store.runstate import RunState

CUT_OFF: Final = (
    "the run ended in good order, and its journal has no end: it was cut off, or something was added"
)
"""What is wrong where the two do not agree."""

HINT: Final = (
    "restore the run's directory from a backup; what is left can be read in a copy that lies elsewhere"
)


def has_ended(journal: Path) -> bool:
    """Return whether the state beside a journal says that it was ended in good order.

    False where nothing is known: no run of a data directory, no state, still running, crashed, or too old.
    Raises: StateCorrupt if there is a state that cannot be read.
    """
    run_id = belongs_to(journal)
    runs = journal.absolute().parent.parent
    if not run_id or runs.name != RUNS_NAME:
        return False
    kept = RunState.read(runs.parent)
    return kept is not None and epoch_of(run_id) in kept.closed_lives


def require_end(journal: Path) -> None:
    """Raise JournalCorrupt if the journal of a run that ended in good order has no end; as `has_ended` else.

    For who does not read it to its end: reading it does the same.
    """
    if has_ended(journal) and not has_end(journal):
        newest = segments(journal, Family.OWN)[-1:]
        path = segment_path(journal, Family.OWN, newest[0]) if newest else None
        raise cut_off(journal, path, path.stat().st_size if path is not None else 0)


def cut_off(journal: Path, path: Path | None = None, offset: int = 0) -> JournalCorrupt:
    """Return the error of a journal that has no end although `has_ended` says so.

    Args: path, offset: the file in which it stops, and where; without it there is none at all.
    """
    place = path or journal / Family.OWN
    where = f"byte {offset}: " if path is not None else ""
    told = f"{place}: {where}{CUT_OFF} ({STATE_NAME})"
    return JournalCorrupt(told, path=str(place), offset=offset if path is not None else -1, hint=HINT)
