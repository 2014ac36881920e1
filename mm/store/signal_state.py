"""What signals know, as a file: made from past data by `mm calibrate --save-state`, taken up by a start.

Each file in `DATA_DIR/signals` holds the signals of some markets, with a digest that tells one that was
damaged or edited from one that was written here. Invariant: a file is read whole or not at all, and what
cannot be read is an error in words, never a guess.
"""

from collections.abc import Iterable
from math import isfinite
from pathlib import Path
from typing import Final

import msgspec

from mm.domain.estate import SignalEstate
from mm.errors import StateCorrupt
from mm.store.paths import private_directory
from mm.store.sealed import SealedForm

DIRECTORY_NAME: Final = "signals"
SUFFIX: Final = ".json"
VERSION: Final = 1
FILE_BYTES_MAX: Final = 20_000_000


class SignalState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one file holds. Fields: source: what it was made from, for people; signals: what they know."""

    version: int = VERSION
    source: str
    signals: tuple[SignalEstate, ...]


FORM: Final = SealedForm(
    kind=SignalState,
    name="state",
    version=VERSION,
    bytes_max=FILE_BYTES_MAX,
    what="a file of signals",
    anew="remove it, or make it anew with `mm calibrate --save-state`; nothing was changed",
)


def signals_directory(data_dir: Path) -> Path:
    """Return where the files are; nothing is made."""
    return data_dir / DIRECTORY_NAME


def write_signal_state(data_dir: Path, name: str, state: SignalState) -> Path:
    """Write `state` to the file `name` of a data directory, whole or not at all, and return its path.

    Args: name: without a suffix; one that is there is replaced. Raises: StateCorrupt if it cannot be written,
    the name is no file's name, or a number in it is none.
    """
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        raise StateCorrupt(f"signals cannot be saved as {name!r}", hint="use a plain name, as btc_usdt")
    bad = [one.spec for one in state.signals if not all(map(isfinite, one.numbers))]
    if bad:
        raise StateCorrupt(f"signals cannot be saved: {bad[0]} has a number that is none")
    path = private_directory(signals_directory(data_dir)) / f"{name}{SUFFIX}"
    FORM.write(path, state)
    return path


def read_signal_state(path: Path) -> SignalState:
    """Return what the file at `path` holds.

    Raises: StateCorrupt if it is not there, cannot be read, was damaged or edited, is something else, or was
    written by a newer mm.
    """
    try:
        return FORM.read(path)
    except FileNotFoundError as error:
        raise StateCorrupt(f"{path}: cannot be read: {error.strerror}") from None


def signal_files(data_dir: Path) -> tuple[Path, ...]:
    """Return the files of a data directory by name; raises StateCorrupt if the folder cannot be read."""
    folder = signals_directory(data_dir)
    try:
        found: Iterable[Path] = list(folder.iterdir())
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StateCorrupt(f"{folder}: cannot be read: {error.strerror}") from None
    return tuple(sorted(path for path in found if path.suffix == SUFFIX and not path.name.startswith(".")))
