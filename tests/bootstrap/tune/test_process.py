"""`mm tune` as a process: an interrupt leaves a study and a report; a killed one leaves no worker behind."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mm.errors import EXIT_CHECK_FAILED, EXIT_OK
from tests.builders.market_tapes import long_recording
from tests.builders.processes import children, ends, until

CONFIG = """mode = "paper"
data_dir = "./data"
[pair.btc]
symbol = "BTC/USDT"
[pair.btc.params]
bid_spread_bps = 0.5
ask_spread_bps = 0.5
order_amount_base = 0.01
order_refresh_time_ms = 2_000
[pair.btc.inventory]
max_base = 0.05
[risk]
max_order_notional_quote = 1_000
"""

SPACE = "[pair.btc.params]\nbid_spread_bps = { low = 0.1, high = 3.0 }\n"

WAIT_S = 100.0


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """A search that would take long."""
    (tmp_path / "c.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "s.toml").write_text(SPACE, encoding="utf-8")
    data = long_recording(seconds=310).save(tmp_path / "m.gz")
    cut = ["--splits", "1", "--test-ratio", "0.4", "--embargo", "1s", "--jobs", "2", "--json", "--reference"]
    verb = [sys.executable, "-m", "mm", "tune", "c.toml", "--space", "s.toml", "--data", str(data), *cut]
    return [*verb, "--trials"]


def results(folder: Path) -> int:
    """Return how many results a study has."""
    with contextlib.suppress(FileNotFoundError):
        return (folder / "data" / "tune" / "c-s.log").read_bytes().count(b'"mm.result"')
    return 0


@contextlib.contextmanager
def running(command: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Give the search as a process, which is ended afterwards whatever happened."""
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, "500"], cwd=folder, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()


def test_an_interrupt_leaves_a_report_and_the_same_command_goes_on(
    command: list[str], tmp_path: Path
) -> None:
    """Exit 9, marked partial, no worker left; nothing that was finished is run again."""
    with running(command, tmp_path) as process:
        until(lambda: results(tmp_path) or process.poll() is not None, deadline_s=WAIT_S)
        started = children(process.pid)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=WAIT_S)

    assert process.returncode == EXIT_CHECK_FAILED, said
    told = json.loads(out.splitlines()[-1])
    assert not told["complete"]
    assert told["trials"] == results(tmp_path) >= 1
    assert b"interrupted" in said
    assert started
    assert all(ends(pid) for pid in started)
    kept = told["trials"]

    again = subprocess.run(
        [*command, str(kept)], cwd=tmp_path, capture_output=True, timeout=WAIT_S, check=False
    )
    assert again.returncode == EXIT_OK, again.stderr
    assert json.loads(again.stdout.splitlines()[-1])["trials"] >= kept


def test_workers_end_with_a_search_that_was_killed(command: list[str], tmp_path: Path) -> None:
    """Nobody is there to end them: they do it themselves."""
    with running(command, tmp_path) as process:
        started = until(lambda: some(children(process.pid), 3), deadline_s=WAIT_S)
        process.kill()
        process.wait(WAIT_S)
        assert all(ends(pid, deadline_s=WAIT_S) for pid in started)


def some(pids: list[int], least: int) -> list[int]:
    """Return the processes once there are so many: two workers and what keeps track of them."""
    return pids if len(pids) >= least else []
