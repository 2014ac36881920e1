"""Where things lie in a data directory, and how the directory itself is made: private to its owner.

The control socket normally lies in the data directory. A Unix socket's path has at most 103 bytes: where that
does not suffice, it lies in `/tmp/mm-UID/` (mode 0700) under a name derived from the data directory. That
place depends on no variable, so a daemon and a command started in different environments find each other.
"""

import hashlib
import os
import stat
from pathlib import Path
from typing import Final

from mm.errors import StateCorrupt

SOCKET_NAME: Final = "mm.sock"
SHORT_ROOT: Final = Path("/tmp")
LOCK_NAME: Final = "lock"
STATE_NAME: Final = "runstate.json"

SOCKET_PATH_BYTES_MAX: Final = 103
"""Bytes of a socket's path that every system takes (Linux 107, others 103); both sides must agree."""


def private_directory(path: Path) -> Path:
    """Make the directory if it is not there, readable by its owner alone, and return it.

    Raises: StateCorrupt if it cannot be made, is not a directory, or belongs to or is open to others.
    """
    try:
        for missing in reversed([folder for folder in (path, *path.parents) if not folder.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        info = path.stat()
    except OSError as error:
        raise StateCorrupt(
            f"{path}: cannot be made: {error.strerror}", hint="choose another data_dir"
        ) from None
    if not stat.S_ISDIR(info.st_mode):
        raise StateCorrupt(f"{path}: not a directory", hint="choose another data_dir")
    if info.st_uid != os.getuid():
        raise StateCorrupt(f"{path}: belongs to another user", hint="choose another data_dir")
    if stat.S_IMODE(info.st_mode) & 0o077:
        raise StateCorrupt(f"{path}: others can enter it", hint=f"chmod 700 {path}")
    return path


def control_socket(data_dir: Path) -> Path:
    """Return where the control socket of the daemon on `data_dir` is; nothing is made."""
    direct = data_dir.absolute() / SOCKET_NAME
    if len(os.fsencode(direct)) <= SOCKET_PATH_BYTES_MAX:
        return direct
    name = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]
    return SHORT_ROOT / f"mm-{os.getuid()}" / f"{name}.sock"


def made_control_socket(data_dir: Path) -> Path:
    """Return where the daemon on `data_dir` may listen, with its folder made and checked to be private.

    Raises: StateCorrupt as `private_directory`.
    """
    path = control_socket(data_dir)
    private_directory(path.parent)
    return path
