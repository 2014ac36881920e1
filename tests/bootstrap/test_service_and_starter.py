"""Whole runs: one that a service manager watches, and one of the strategy that `mm init` writes."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mm.bootstrap import run
from mm.settings.loader import load_settings
from mm.settings.options import RunOptions
from mm.settings.starter import starter_files
from tests.builders.configs import SMALL, loaded
from tests.builders.supervisor import Supervisor


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """A service manager that started this process."""
    listening = Supervisor(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", listening.address)
    yield listening
    listening.close()


def test_a_service_manager_hears_of_a_run(tmp_path: Path, manager: Supervisor) -> None:
    """Ready once it quotes, a reload from begin to end, stopping, in that order."""
    settings = loaded(tmp_path, SMALL, [f"data_dir={tmp_path / 'data'}"])

    def manage() -> None:
        # A signal is only sent while the run attends to it.
        for count, number in ((1, signal.SIGHUP), (2, signal.SIGTERM)):
            if manager.wait("READY", count):
                os.kill(os.getpid(), number)

    managing = threading.Thread(target=manage)
    managing.start()
    report = run(RunOptions(settings=settings, duration_ns=60 * 10**9))
    managing.join()
    assert (report.exit_code, report.exit_reason) == (0, "SIGTERM")
    told = manager.heard()
    names = [next(iter(row)) for row in told if "STATUS" not in row]
    assert names == ["READY", "RELOADING", "READY", "STOPPING"]
    assert any(row.get("STATUS", "").startswith("demo, active: ") for row in told)


def test_the_strategy_that_init_writes_runs_in_demo(tmp_path: Path) -> None:
    """With the edit that the config tells; its orders rest and are taken off in the end."""
    for name, text in starter_files(venue="binance", symbol="BTC/USDT", strategy="glft").items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    text = (tmp_path / "mm.toml").read_text().replace('mode = "paper"', 'mode = "demo"')
    head, _, rest = text.replace('strategy = "glft"', 'strategy = "./my_strategy.py"').partition(
        "[pair.main.params]\n"
    )
    tail = rest[rest.index("[pair.main.inventory]") :]
    (tmp_path / "own.toml").write_text(f"{head}[pair.main.params]\norder_amount_base = 0.001\n{tail}")
    settings = load_settings(tmp_path / "own.toml", [f"data_dir={tmp_path / 'data'}"], {})
    report = run(RunOptions(settings=settings, duration_ns=3 * 10**9))
    assert report.exit_code == 0
    assert report.orders_placed > 0
    assert (report.self_trades, report.limit_breaches, report.open_orders_at_exit) == (0, 0, 0)
    assert report.pnl_residual == 0
