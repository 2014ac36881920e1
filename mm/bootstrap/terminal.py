"""Whether the terminal that a run was started from is still there: what SIGHUP means depends on it.

A service manager sends SIGHUP for "read your config again"; a terminal that is closed sends it to whoever was
started in it. Only the second takes the terminal away.
"""

import os
import signal
from typing import Final


class StartedFrom:
    """The terminal of this process as it was at the start."""

    def __init__(self) -> None:
        """Look whether there is one; none that matters under `nohup`: then we are meant to outlive it."""
        ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        self._had_one = not ignored and has_terminal()

    def is_lost(self) -> bool:
        """Return whether there was one and it is gone."""
        return self._had_one and not has_terminal()


def has_terminal() -> bool:
    """Return whether this process has a controlling terminal; a terminal that hung up is none."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


TERMINAL: Final = StartedFrom()
"""Where this process was started from."""
