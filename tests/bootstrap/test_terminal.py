"""What a hang-up means: the terminal is gone, or somebody wants the config read again."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

CHILD = """
import fcntl, os, signal, sys, termios
if sys.argv[1] != "without":
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
if sys.argv[1] == "nohup":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
from mm.bootstrap.terminal import StartedFrom
terminal = StartedFrom()
signal.signal(signal.SIGHUP, lambda *_: os.write(1, b"lost" if terminal.is_lost() else b"there"))
os.write(1, b"ready")
while True:
    signal.pause()
"""


@contextmanager
def started(how: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start a process on a terminal of its own; yield it and our end of the terminal."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, how], stdin=theirs, stdout=subprocess.PIPE, start_new_session=True
    )
    os.close(theirs)
    try:
        assert said(child) == b"ready"
        yield child, ours
    finally:
        child.kill()
        child.communicate()


def said(child: subprocess.Popen[bytes]) -> bytes:
    """Wait for what it says next."""
    assert child.stdout is not None
    return os.read(child.stdout.fileno(), 100)


def test_a_terminal_that_is_closed_is_lost() -> None:
    """The system sends the hang-up itself, once the terminal is gone."""
    with started("with") as (child, ours):
        os.close(ours)
        assert said(child) == b"lost"


def test_a_hang_up_that_somebody_sends_takes_no_terminal_away() -> None:
    """As a service manager or a person does to have the config read again."""
    with started("with") as (child, ours):
        child.send_signal(signal.SIGHUP)
        assert said(child) == b"there"
        os.close(ours)
        assert said(child) == b"lost"


def test_without_a_terminal_or_under_nohup_none_can_be_lost() -> None:
    """A service has none; whoever says nohup wants to outlive it."""
    with started("without") as (child, ours):
        child.send_signal(signal.SIGHUP)
        assert said(child) == b"there"
        os.close(ours)
    with started("nohup") as (child, ours):
        os.close(ours)
        assert said(child) == b"there"
