"""Processes that a test started: whether one is still there, its end, and what it started itself."""

import asyncio
import contextlib
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

DEADLINE_S: Final = 60.0
PAUSE_S: Final = 0.01

T = TypeVar("T")


def until(look: Callable[[], T], *, deadline_s: float = DEADLINE_S) -> T:
    """Look again and again; return the first thing seen that is something. Fails when the time is over."""
    end = time.monotonic() + deadline_s
    while not (seen := look()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(PAUSE_S)
    return seen


async def soon(look: Callable[[], T], *, deadline_s: float = DEADLINE_S) -> T:
    """Do as `until` without keeping the loop busy."""
    async with asyncio.timeout(deadline_s):
        while not (seen := look()):  # noqa: ASYNC110 - what is waited for is outside of the loop
            await asyncio.sleep(PAUSE_S)
    return seen


def runs(pid: int) -> bool:
    """Return whether the process is there (one that ended and was not yet waited for still is)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ends(pid: int, *, deadline_s: float = DEADLINE_S) -> bool:
    """Wait until the process is gone; return whether it is in time."""
    end = time.monotonic() + deadline_s
    while runs(pid):
        if time.monotonic() > end:
            return False
        time.sleep(PAUSE_S)
    return True


def children(pid: int) -> list[int]:
    """Return the processes that `pid` started and that still run."""
    tasks = Path(f"/proc/{pid}/task")
    if tasks.is_dir():
        found: list[int] = []
        for task in tasks.iterdir():
            # A thread may end while its turn comes.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found += [int(child) for child in (task / "children").read_text().split()]
        return found
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    rows = [line.split() for line in listed.stdout.splitlines()]
    return [int(child) for child, parent in rows if int(parent) == pid]
