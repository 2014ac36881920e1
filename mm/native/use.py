"""Whether a process uses what was compiled: a backtest in one process and the benches do, a daemon never.

A daemon waits for its venue, not for itself, and is to run the sources that were tested line by line. The
environment variable MM_COMPILED set to 0 keeps a process on its sources. Must be asked before the modules
are imported. Invariant: what was compiled from other sources than those that lie there is not used.
"""

import os
import sys
from pathlib import Path
from typing import Final, Literal

from mm.native.finder import install, installed
from mm.native.sources import cache_directory, compiled_names, digest

WISH_KEY: Final = "MM_COMPILED"
"""Environment variable: 0: never."""

Core = Literal["compiled", "interpreted"]
"""What decides: machine code, or the sources as they stand."""


def use() -> Core:
    """Take what was compiled of these sources from now on, if there is some; return what is in force."""
    if installed():
        return "compiled"
    if not is_wished() or not cache_directory().is_dir():
        return "interpreted"
    folder = made_of_these_sources()
    if folder is None or any(name in sys.modules for name in compiled_names()):
        return "interpreted"
    install(folder)
    return "compiled"


def core() -> Core:
    """Return what is in force."""
    return "compiled" if installed() else "interpreted"


def is_wished() -> bool:
    """Return whether the environment leaves the choice to the command."""
    return os.environ.get(WISH_KEY) != "0"


def made_of_these_sources() -> Path | None:
    """Return the folder of what was compiled of the sources as they are, None if nothing was."""
    folder = cache_directory() / digest()
    return folder if folder.is_dir() else None
