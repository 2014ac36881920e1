"""JSON lines in a file that never grows beyond a size, for a process that has nothing else to log with.

Must never fail or wait for anyone: what cannot be written is lost. Nothing secret may be handed to it.
"""

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

LOG_BYTES_MAX: Final = 1_000_000


class BoundedLog:
    """Appends to a file; one that has grown large is kept as `NAME.1`, in place of the one before it."""

    def __init__(self, path: Path, *, bytes_max: int = LOG_BYTES_MAX) -> None:
        """Append to `path`; nothing is made before the first line."""
        self._path = path
        self._bytes_max = bytes_max

    def __call__(self, event: str, **fields: object) -> None:
        """Write one line down, and tell it on standard error."""
        line = json.dumps({"ts_ns": time.time_ns(), "event": event, **fields}, default=str)
        with suppress(OSError):
            if self._path.exists() and self._path.stat().st_size + len(line) > self._bytes_max:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            file = os.open(self._path, flags, 0o600)
            try:
                os.write(file, f"{line}\n".encode())
            finally:
                os.close(file)
        told = " ".join(f"{name}={value}" for name, value in fields.items())
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{self._path.stem}: {event} {told}".rstrip() + "\n")
            sys.stderr.flush()
