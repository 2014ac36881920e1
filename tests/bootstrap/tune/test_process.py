"""`mm tune` as a process: an interrupt leaves a study and a report; a killed one leaves no worker behind."""

import contextlib
import json
import signal
import subprocess
from pathlib import Path

import pytest

from mm.cli.main import EXIT_INTERRUPTED
from mm.errors import EXIT_OK
from tests.builders.processes import children, ends, until
from tests.builders.tune_searches import running, search_command

WAIT_S = 100.0
MANY = 500
"""Trials that would take long."""


def results(folder: Path) -> int:
    """Return how many results a study has."""
    with contextlib.suppress(FileNotFoundError):
        return (folder / "data" / "tune" / "c-s.log").read_bytes().count(b'"mm.result"')
    return 0


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.proof), signal.SIGTERM])
def test_an_interrupt_leaves_a_report_and_the_same_command_goes_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Exit 130 as of a backtest, marked partial, no worker left; nothing finished is run again."""
    with running(search_command(tmp_path, MANY), tmp_path) as process:
        until(lambda: results(tmp_path) or process.poll() is not None, deadline_s=WAIT_S)
        started = children(process.pid)
        process.send_signal(number)
        out, said = process.communicate(timeout=WAIT_S)

    assert process.returncode == EXIT_INTERRUPTED, said
    told = json.loads(out.splitlines()[-1])
    assert not told["complete"]
    assert told["trials"] == results(tmp_path) >= 1
    assert b"interrupted" in said
    assert started
    assert all(ends(pid) for pid in started)
    kept = told["trials"]

    again = subprocess.run(
        search_command(tmp_path, kept), cwd=tmp_path, capture_output=True, timeout=WAIT_S, check=False
    )
    assert again.returncode == EXIT_OK, again.stderr
    assert json.loads(again.stdout.splitlines()[-1])["trials"] >= kept


def test_workers_end_with_a_search_that_was_killed(tmp_path: Path) -> None:
    """Nobody is there to end them: they do it themselves."""
    with running(search_command(tmp_path, MANY), tmp_path) as process:
        started = until(lambda: some(children(process.pid), 3), deadline_s=WAIT_S)
        process.kill()
        process.wait(WAIT_S)
        assert all(ends(pid, deadline_s=WAIT_S) for pid in started)


def some(pids: list[int], least: int) -> list[int]:
    """Return the processes once there are so many: two workers and what keeps track of them."""
    return pids if len(pids) >= least else []
