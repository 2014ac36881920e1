"""A backtest of a day-sized recording, as a person starts one: bounded memory from first row to last."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mm.bench.replay_rig import SYMBOL
from tests.builders.backtests import config

ROWS = 25_000_000
MEMORY_MIB_MAX = 1_536
SECONDS_MAX = 3_600

_STORE = """
import sys
from pathlib import Path
from mm.store.recordings.parquet.writer import store
from tests.builders.moving_day import MovingDay
store(MovingDay(int(sys.argv[2])), Path(sys.argv[1]), (), lambda _: None)
"""
_VERB = """
import resource, sys
from mm.cli.main import carry_out
code = carry_out(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
sys.exit(code)
"""
_NEAR = "params.bid_spread_bps=0.3 params.ask_spread_bps=0.3 params.order_level_spread_bps=0.5"
"""Orders near the touch, so that they are filled and moved all day."""


def ran(root: Path, *command: str) -> list[str]:
    """Return the lines that a process of its own printed; it has to end well."""
    done = subprocess.run(
        [sys.executable, "-c", *command],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
        timeout=SECONDS_MAX,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.proof
def test_a_backtest_of_25_million_rows_needs_less_than_1_5_gib(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """`mm backtest` with the compiled kernel, rules, order states, analytics and journal; thousands of fills
    in a market that moves.
    """
    root, recording = pytestconfig.rootpath, tmp_path / "store"
    ran(root, _STORE, str(recording), str(ROWS))
    near = [word for one in _NEAR.split() for word in ("--set", f"pair.main.{one}")]
    asked = ["backtest", str(config(tmp_path, symbol=SYMBOL)), "--data", str(recording), "--json"]
    *_, result, mib = ran(root, _VERB, *asked, "--out", str(tmp_path / "out"), *near)
    told = json.loads(result)
    assert told["rows"] >= ROWS
    assert (told["kernel"], told["partial"], told["halted"]) == ("compiled", "", "")
    assert told["decisions"] > 100_000
    assert told["fills"] > 5_000
    assert int(mib) < MEMORY_MIB_MAX
