"""From the command line to the last line of standard output: the demo, signals, a crash and what follows."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mm.store.runstate import RunState
from tests.builders.commands import Command, Ended, mm, started
from tests.builders.exchange_thread import truth_of
from tests.builders.processes import ends, until

FIELDS = {
    "orders_placed",
    "orders_cancelled",
    "fills",
    "first_fill_s",
    "self_trades",
    "limit_breaches",
    "open_orders_at_exit",
    "pnl_residual",
    "messages_per_fill",
    "exit_reason",
}
ZEROS = ("self_trades", "limit_breaches", "open_orders_at_exit", "pnl_residual")


def demo(folder: Path, *arguments: str) -> tuple[str, ...]:
    """Return the arguments of a demo whose data lie in `folder`."""
    return ("demo", "--json", "--set", f"data_dir={folder / 'data'}", *arguments)


def judged(ended: Ended) -> dict[str, Any]:
    """Return the result of a demo that went well: one JSON object and nothing else, zeros, code 0."""
    assert ended.code == 0, ended.told
    assert len(ended.said) == 1
    result = ended.result
    assert set(result) >= FIELDS
    assert {name: result[name] for name in ZEROS} == dict.fromkeys(ZEROS, 0)
    return result


def test_the_demo_trades_and_tells_how_it_went(tmp_path: Path) -> None:
    """Fills, zeros, one JSON object on standard output and nothing else, log lines on the other."""
    ended = mm(*demo(tmp_path, "--duration", "6s"))
    result = judged(ended)
    assert result["fills"] >= 1
    assert result["first_fill_s"] < 10
    assert result["exit_reason"] == "duration"
    assert result["orders_placed"] >= result["orders_cancelled"] > 0
    sent = result["orders_placed"] + result["orders_cancelled"]
    assert result["messages_per_fill"] == pytest.approx(sent / result["fills"], abs=0.01)
    assert all(json.loads(line)["event"] for line in ended.told)
    life = RunState.open(tmp_path / "data").life
    assert life is not None
    assert (life.ended, life.open_orders) == (True, 0)


def test_a_ctrl_c_in_the_middle_ends_in_order(tmp_path: Path) -> None:
    """Cancelled and confirmed by the venue, code 0, and the exchange and the watchdog are gone with it."""
    with started(*demo(tmp_path)) as command:
        command.wait_until_active()
        children = command.children()
        command.send(signal.SIGINT)
        ended = command.end()
    assert judged(ended)["exit_reason"] == "SIGINT"
    assert len(children) == 2  # its exchange and its watchdog
    assert all(ends(pid) for pid in children)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_starts_leaves_no_exchange_behind(tmp_path: Path, number: signal.Signals) -> None:
    """It sits in a session of its own, where no Ctrl-C reaches it: whoever started it ends it."""
    with started(*demo(tmp_path)) as command:
        children = until(command.children)
        command.send(number)
        ended = command.end()
    assert ended.code not in (0, -signal.SIGTERM, -signal.SIGINT)
    assert not any("Traceback" in line for line in ended.told)
    assert all(ends(pid) for pid in children)


def test_a_running_demo_is_stopped_from_outside(tmp_path: Path) -> None:
    """It answers, a second one is refused, and a stop that says 0 is one that the venue has confirmed."""
    where = ("--data-dir", str(tmp_path / "data"), "--json")
    with started(*demo(tmp_path)) as command:
        command.wait_until_active()
        status = mm("status", *where)
        assert (status.code, status.result["state"], status.result["mode"]) == (0, "active", "demo")
        second = mm(*demo(tmp_path, "--duration", "1s"))
        assert (second.code, second.result["exit_code"]) == (4, 4)
        assert f"pid {command.process.pid}" in second.result["error"]
        stopped = mm("stop", *where)
        assert (stopped.code, len(stopped.said)) == (0, 1)
        judged(command.end())


LIVE = """\
mode = "live"

[venue.main]
url = "{url}"
key = "env:MM_TEST_KEY"
secret = "env:MM_TEST_SECRET"

[pair.btc]
symbol = "BTC/USDT"

[pair.btc.params]
bid_spread_bps = 20
ask_spread_bps = 20
order_amount_base = 0.002
order_refresh_time_ms = 1_000

[risk]
max_notional_quote = 5_000
max_order_notional_quote = 500
session_loss_quote = 100
"""


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Start `mm exchange` and return what it said when it served."""
    file = tmp_path / "ready.json"
    with started("exchange", "--agents", "7", "--port", "0", "--ready-file", str(file), "--json") as command:
        until(lambda: command.said)
        yield json.loads(command.said[0])
        command.send(signal.SIGTERM)
        assert command.end().code == 0


def _run(folder: Path, exchange: dict[str, Any], *arguments: str) -> tuple[tuple[str, ...], dict[str, str]]:
    config = folder / "live.toml"
    config.write_text(LIVE.format(url=exchange["url"]))
    data_dir = f"data_dir={folder / 'data'}"
    # Alone: what a life leaves is for the next one to find (with a watchdog: tests/test_watchdog_paths.py).
    arguments = ("--set", "watchdog.enabled=false", *arguments)
    environ = {
        "MM_TEST_KEY": exchange["api_key"],
        "MM_TEST_SECRET": exchange["api_secret"],
        "MM_LEASE_DIR": str(folder / "leases"),
    }
    return ("run", str(config), "--yes-live", "--json", "--set", data_dir, *arguments), environ


def _open_orders(exchange: dict[str, Any]) -> list[str]:
    return [order["client_id"] for order in truth_of(exchange["url"])["open_orders"]]


def _kill_while_quoting(command: Command, exchange: dict[str, Any]) -> list[str]:
    command.wait_until_active()
    until(lambda: len(_open_orders(exchange)) >= 2)
    command.send(signal.SIGKILL)
    assert command.end().code == -signal.SIGKILL
    return _open_orders(exchange)


def test_a_bot_that_was_killed_cleans_up_when_it_comes_back(tmp_path: Path, exchange: dict[str, Any]) -> None:
    """Its orders rest on the exchange until the next life cancels them, before it places any of its own."""
    arguments, environ = _run(tmp_path, exchange)
    with started(*arguments, **environ) as command:
        left = _kill_while_quoting(command, exchange)
    assert len(left) >= 2
    life = RunState.open(tmp_path / "data").life
    assert life is not None
    assert not life.ended

    # Longer than the venue may take to show all that the killed life did: only then are new orders placed.
    ended = mm(*arguments, "--duration", "6s", **environ)
    assert ended.code == 0, ended.told
    assert ended.result["open_orders_at_exit"] == 0
    assert not any(exchange["api_secret"] in line for line in (*ended.told, *ended.said))
    assert _open_orders(exchange) == []
    orders = {order["client_id"]: order for order in truth_of(exchange["url"])["orders"]}
    gone_ns = [orders[cid]["updated_ns"] for cid in left]
    assert all(orders[cid]["status"] in ("CANCELED", "FILLED") for cid in left)
    began_ns = RunState.open(tmp_path / "data").life.began_ns  # type: ignore[union-attr] # a second life began
    placed_ns = [order["created_ns"] for order in orders.values() if order["created_ns"] > began_ns]
    assert placed_ns
    assert max(gone_ns) < min(placed_ns)
    assert truth_of(exchange["url"])["counters"]["self_trades"] == 0


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(100, 120))
def test_the_first_fill_comes_within_ten_seconds(tmp_path: Path, seed: int) -> None:
    """Whatever traders there are; with zeros throughout."""
    result = judged(mm(*demo(tmp_path, "--duration", "12s", "--seed", str(seed))))
    assert result["fills"] >= 1
    assert result["first_fill_s"] <= 10


PARAMS = {
    "pure_market_making": "bid_spread_bps = 3\nask_spread_bps = 3\norder_amount_base = 0.004\n"
    "order_levels = 3\norder_level_spread_bps = 2\norder_refresh_time_ms = 500\n"
    "inventory_skew_enabled = true",
    "glft": "risk_factor = 0.01\norder_amount_base = 0.004\narrival_rate_per_s = 0.5\n"
    "fill_decay_per_bps = 0.3\nvolatility_bps_per_sqrt_s = 1",
}


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(200, 205))
@pytest.mark.parametrize("preset", ["demo", "btc"])
@pytest.mark.parametrize("strategy", ["pure_market_making", "glft"])
def test_every_strategy_keeps_its_limits_in_every_market(
    tmp_path: Path, strategy: str, preset: str, seed: int
) -> None:
    """Friendly or toxic: what may be lost is money, never a limit, an order or an atom of the accounts."""
    config = tmp_path / "demo.toml"
    config.write_text(
        f'mode = "demo"\ndata_dir = "{tmp_path / "data"}"\n[pair.btc]\nsymbol = "BTC/USDT"\n'
        f'strategy = "{strategy}"\n[pair.btc.params]\n{PARAMS[strategy]}\n'
        "[pair.btc.inventory]\nmax_base = 0.02\n"
        f'[demo]\npreset = "{preset}"\nseed = {seed}\n[risk]\nmax_order_notional_quote = 500\n'
    )
    result = judged(mm("run", str(config), "--json", "--duration", "20s"))
    assert result["orders_placed"] > 0
    assert result["fills"] > 0 or preset == "btc"


@pytest.mark.proof
def test_a_bot_that_is_killed_again_and_again_never_loses_an_order(
    tmp_path: Path, exchange: dict[str, Any]
) -> None:
    """Ten lives, each killed while it quotes; the eleventh leaves nothing behind."""
    arguments, environ = _run(tmp_path, exchange)
    for _ in range(10):
        with started(*arguments, **environ) as command:
            _kill_while_quoting(command, exchange)
    ended = mm(*arguments, "--duration", "3s", **environ)
    assert ended.code == 0
    assert _open_orders(exchange) == []
    truth = truth_of(exchange["url"])
    assert truth["counters"]["self_trades"] == 0
