"""Where runs and their journals lie in a data directory.

`data_dir/runs/RUN_ID/journal/own/000001.mmj` and `.../market/000001.mmj`, numbered from 1. A run id is the
UTC start as compact text and the epoch; epochs are given out once per data directory, so ids are unique and
the newest run is the one with the highest epoch, whatever the clock said. Nothing is removed here.
"""

import contextlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mm.errors import StateCorrupt
from mm.store.journal.entries import Family

RUNS_NAME: Final = "runs"
BACKTESTS_NAME: Final = "backtests"
JOURNAL_NAME: Final = "journal"
SEGMENT_SUFFIX: Final = ".mmj"

_RUN_ID: Final = re.compile(r"\d{8}T\d{6}Z-(\d{6,})")
_SEGMENT: Final = re.compile(r"(\d{6,})\.mmj")
_NS_PER_S: Final = 1_000_000_000
_NAMED_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlace:
    """A run that left a directory. Fields: epoch: the number of its life; directory: all that is of it."""

    run_id: str
    epoch: int
    directory: Path

    @property
    def journal(self) -> Path:
        """Where its journal lies."""
        return self.directory / JOURNAL_NAME

    @property
    def is_empty(self) -> bool:
        """Whether it ended before anything was recorded; raises StateCorrupt if it cannot be looked at."""
        paths = [
            segment_path(self.journal, family, number)
            for family in Family
            for number in segments(self.journal, family)
        ]
        return not any(path.exists() and path.stat().st_size for path in paths)


def run_id(began_ns: int, epoch: int) -> str:
    """Return the name of the run that began at `began_ns` (UTC) as life number `epoch`."""
    began = datetime.fromtimestamp(began_ns // _NS_PER_S, UTC)
    return f"{began:%Y%m%dT%H%M%SZ}-{epoch:06d}"


def run_directory(data_dir: Path, name: str) -> Path:
    """Return where a run's directory is; nothing is made."""
    return data_dir / RUNS_NAME / name


def journal_directory(data_dir: Path, name: str) -> Path:
    """Return where a run's journal is; nothing is made."""
    return run_directory(data_dir, name) / JOURNAL_NAME


def runs(data_dir: Path) -> list[RunPlace]:
    """Return the runs of a data directory, newest first; what is not named like a run is passed over.

    Raises: StateCorrupt if the directory is there and cannot be read.
    """
    folder = data_dir / RUNS_NAME
    try:
        entries = [entry for entry in folder.iterdir() if entry.is_dir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StateCorrupt(f"{folder}: cannot be read: {error.strerror}") from None
    named = [(entry, match) for entry in entries if (match := _RUN_ID.fullmatch(entry.name))]
    found = [RunPlace(run_id=entry.name, epoch=int(match[1]), directory=entry) for entry, match in named]
    return sorted(found, key=lambda place: (place.epoch, place.run_id), reverse=True)


def belongs_to(journal: Path) -> str:
    """Return the id of the run in whose directory a journal lies, "" where its name is none of a run."""
    name = journal.absolute().parent.name
    return name if _RUN_ID.fullmatch(name) else ""


def epoch_of(run: str) -> int:
    """Return the number of the life that a run id says, 0 if it is none."""
    match = _RUN_ID.fullmatch(run)
    return int(match[1]) if match is not None else 0


def newest_of(places: list[RunPlace]) -> RunPlace:
    """Return the first of `places`, newest first and at least one, that recorded anything; else the first."""
    return next((place for place in places if not place.is_empty), places[0])


def no_run(directory: Path) -> StateCorrupt:
    """Return the error of a directory in which no run lies; it names the data directories right below."""
    hint = "a run lies in DATA_DIR/runs/RUN_ID"
    with contextlib.suppress(OSError):
        below = sorted(entry for entry in directory.iterdir() if (entry / RUNS_NAME).is_dir())
        if below:
            hint = f"did you mean {' or '.join(map(str, below[:_NAMED_MAX]))}?"
    return StateCorrupt(f"{directory}: no run is recorded there", hint=hint)


def segment_path(directory: Path, family: Family, segment: int) -> Path:
    """Return where a segment of a journal is. Args: directory: of the journal; segment: from 1."""
    return directory / family / f"{segment:06d}{SEGMENT_SUFFIX}"


def segments(directory: Path, family: Family) -> list[int]:
    """Return the numbers of the segments that are there, ascending; other files are passed over.

    Raises: StateCorrupt if the directory is there and cannot be read.
    """
    folder = directory / family
    try:
        names = [entry.name for entry in folder.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StateCorrupt(f"{folder}: cannot be read: {error.strerror}") from None
    return sorted(int(match[1]) for name in names if (match := _SEGMENT.fullmatch(name)))
