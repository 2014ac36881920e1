"""The demo in this process: its report is the exchange's truth, and it never leaves this machine."""

import os
import sys
from pathlib import Path

import pytest

from mm.bootstrap import demo, run
from mm.bootstrap.door import fetch_truth, pace_of
from mm.errors import ConfigError, ForeignAddress, VenueUnreachable
from mm.observe import judge
from mm.settings.models import Settings
from mm.settings.options import DemoOptions, RunOptions
from tests.builders.configs import SMALL, loaded
from tests.builders.exchange_thread import hosted
from tests.builders.processes import children


def settings_in(folder: Path, *overrides: str) -> Settings:
    """Return a demo's settings with their data in `folder`."""
    return loaded(folder, SMALL, [f"data_dir={folder / 'data'}", *overrides])


def test_a_demo_is_told_by_the_exchange_and_leaves_no_process(tmp_path: Path) -> None:
    """Zeros where there have to be some, and the exchange is gone with it; `run` does the same."""
    before = children(os.getpid())
    options = RunOptions(settings=settings_in(tmp_path), duration_ns=10**9)
    report = run(options)
    assert (report.exit_code, report.exit_reason) == (0, "duration")
    assert report.orders_placed > 0
    assert (report.self_trades, report.limit_breaches, report.open_orders_at_exit) == (0, 0, 0)
    assert report.pnl_residual == 0
    assert children(os.getpid()) == before


def test_two_sessions_on_one_symbol_are_judged_together(tmp_path: Path) -> None:
    """The account has one ledger: what either did is explained, and no limit is counted twice."""
    second = SMALL[SMALL.index("[pair.btc]") : SMALL.index("[risk]")].replace("pair.btc", "pair.two")
    text = SMALL.replace("[risk]", f"{second}\n[risk]").replace("spread_bps = 4", "spread_bps = 1.5")
    settings = loaded(tmp_path, text, [f"data_dir={tmp_path / 'data'}"])
    report = demo(DemoOptions(settings=settings, duration_ns=3 * 10**9))
    assert report.fills > 0
    assert (report.self_trades, report.limit_breaches, report.open_orders_at_exit) == (0, 0, 0)
    assert report.pnl_residual == 0


@pytest.mark.parametrize("url", ["https://exchange.invalid", "http://192.0.2.1:8080"])
def test_a_demo_pointed_elsewhere_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Not even a question for the name: the guard of the tests would have seen it. Exit code 4."""
    monkeypatch.setitem(sys.modules, "uvloop", None)  # the guard sees asyncio's own loop alone
    with pytest.raises(ConfigError):
        settings_in(tmp_path, f'venue.main.url="{url}"')
    settings = settings_in(tmp_path)
    elsewhere = {"main": settings.venue["main"].model_copy(update={"url": url})}
    before = children(os.getpid())
    with pytest.raises(ForeignAddress) as error:
        demo(DemoOptions(settings=settings.model_copy(update={"venue": elsewhere}), duration_ns=10**9))
    assert error.value.exit_code == 4
    assert children(os.getpid()) == before
    assert not (tmp_path / "data").exists()


def test_a_proxy_of_the_user_is_not_asked_for_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loopback is this machine: a proxy in the environment has no business there."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with hosted() as exchange:
        truth = judge.read_truth(fetch_truth(exchange.url))
    assert truth.counters.orders_placed == 0
    assert os.environ["http_proxy"]


def test_an_exchange_that_tells_no_truth_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gone, or something else: never zeros that nobody checked."""
    assert fetch_truth("http://127.0.0.1:9") == b""
    with hosted() as exchange:
        assert fetch_truth(f"{exchange.url}/nothing/here") == b""
    monkeypatch.setattr("mm.bootstrap.run_demo.fetch_truth", lambda url: b"")
    with pytest.raises(VenueUnreachable, match="did not tell its truth"):
        demo(DemoOptions(settings=settings_in(tmp_path), duration_ns=10**9))


def test_time_runs_by_the_wall_unless_a_local_exchange_says_otherwise() -> None:
    """Elsewhere nobody is asked; here, who does not answer has no pace of its own."""
    assert pace_of(None) is None
    assert pace_of("https://exchange.invalid") is None
    assert pace_of("http://127.0.0.1:9") is None
    with hosted() as exchange:
        assert pace_of(exchange.url) is None
