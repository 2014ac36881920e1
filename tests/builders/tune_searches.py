"""Searches of `mm tune` over a made-up market: their files, their command line, and one as a process."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.builders.market_tapes import long_recording

CONFIG: Final = """mode = "paper"
data_dir = "./data"
[paper]
maker_fee_bps = -1
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

SPACE: Final = """[pair.btc.params]
bid_spread_bps = { low = 0.1, high = 3.0, log = true }
ask_spread_bps = { low = 0.1, high = 3.0, log = true }
"""


def written(folder: Path) -> tuple[Path, Path]:
    """Write a config and a space into a folder; return both. The data directory is `folder/data`."""
    config, space = folder / "c.toml", folder / "s.toml"
    config.write_text(CONFIG, encoding="utf-8")
    space.write_text(SPACE, encoding="utf-8")
    return config, space


def search_command(folder: Path, trials: int) -> list[str]:
    """Return the command line of a search with two workers over five minutes, to be run in the folder."""
    config, space = written(folder)
    data = long_recording(seconds=310).save(folder / "m.gz")
    verb = [sys.executable, "-m", "mm", "tune", config.name, "--space", space.name, "--data", str(data)]
    cut = ["--splits", "1", "--test-ratio", "0.4", "--embargo", "1s", "--jobs", "2", "--json", "--reference"]
    return [*verb, *cut, "--trials", str(trials)]


@contextlib.contextmanager
def running(command: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Give a command as a process, which is ended afterwards whatever happened."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()
