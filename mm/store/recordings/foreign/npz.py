"""Files of hftbacktest (npz): whether a file is one, and its source. The rest is imported when it is asked
for.

Must never import NumPy by itself: the base install does without it.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from mm.errors import ConfigError
from mm.store.recordings.facts import Facts
from mm.store.recordings.source import Source

_ZIP_MAGIC: Final = b"PK"
_NPY_MAGIC: Final = b"\x93NUMPY"


def is_npz(path: Path) -> bool:
    """Return whether a file is a zip archive with an array in it, or an array alone."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_NPY_MAGIC))
        return start == _NPY_MAGIC or start.startswith(_ZIP_MAGIC)
    except OSError:
        return False


def hftbacktest_sources(paths: Sequence[Path], facts: Facts) -> list[Source]:
    """Return files of hftbacktest as one source, in the order of their time.

    Args: facts: base and quote have to be named for files that were not made here. Raises: ConfigError
    without the research extra; RecordingUnusable, RecordingDamaged.
    """
    require_numpy(paths[0])
    from mm.store.recordings.foreign.npz_source import (  # noqa: PLC0415 - needs the extra
        HftbacktestSource,
    )

    return [HftbacktestSource(paths, facts)]


def require_numpy(path: Path) -> None:
    """Raise ConfigError, with the command that helps, unless NumPy is there. Args: path: what it is needed
    for.
    """
    if find_spec("numpy") is None:
        raise ConfigError(
            f"{path}: files of hftbacktest are read and written with NumPy, which is not installed",
            hint="uv run --extra research mm ...; raw recordings and runs need nothing",
        )
