"""A config that changes under a real daemon on the local exchange: by command, edit, signal and accident."""

import json
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.builders.commands import Command, mm, started
from tests.builders.daemon import FakeDaemon
from tests.builders.processes import until

ROOT = Path(__file__).parents[2]


def put(folder: Path) -> Path:
    """Return the demo's config in a folder of its own."""
    text = (ROOT / "config" / "demo.toml").read_text()
    path = folder / "mm.toml"
    path.write_text(text.replace("./var/demo", str(folder / "data")))
    return path


def said(command: Command, event: str) -> dict[str, Any]:
    """Wait until the log says this."""
    return command.wait_for(lambda line: line["event"] == event)


def orders(folder: Path) -> list[dict[str, Any]]:
    """Return the daemon's live orders."""
    found: list[dict[str, Any]] = mm("orders", "--data-dir", str(folder / "data"), "--json").result["orders"]
    return found


def test_a_daemon_is_reconfigured_while_it_trades(tmp_path: Path) -> None:
    """Limits hold by the exchange's truth before and after; comments are there; the run never stops."""
    path, where = put(tmp_path), ("--data-dir", str(tmp_path / "data"))
    original = path.read_text()
    with started("run", str(path), "--json") as command:
        command.wait_until_active()
        until(lambda: len(orders(tmp_path)) >= 4)

        planned = mm("config", "plan", "--set", "risk.max_order_notional_quote=150", *where, "--json").result
        assert planned["applies"] == "now"
        done = mm("config", "set", "risk.max_order_notional_quote", "150", *where, "--json")
        assert (done.code, done.result["applies"], done.result["revision"]) == (0, "now", 2)
        assert done.result["counts"]["kept"] == 0
        assert said(command, "config.applied")["who"].endswith("(control)")
        until(
            lambda: all(
                float(order["size_base"]) < 0.0026 for order in orders(tmp_path) or [{"size_base": 1}]
            )
        )

        loose = mm("config", "set", "risk.max_order_notional_quote", "400", *where, "--json")
        assert (loose.code, "--confirm" in loose.result["hint"]) == (4, True)
        assert "max_order_notional_quote = 150" in path.read_text()

        text = path.read_text()
        path.write_text(text.replace("order_levels = 3 ", "order_levels = 1 "))
        assert said(command, "config.applied")["who"] == "file"
        until(lambda: len(orders(tmp_path)) <= 2)

        path.write_text(text[: len(text) // 2].rstrip())
        assert "half written" in said(command, "config.refused")["error"]
        path.write_text(text.replace("order_levels = 3 ", "order_levels = 1 ").replace("= 200", "= 300"))
        command.send(signal.SIGHUP)
        assert "session_loss_quote" in said(command, "config.waits")["error"]
        assert mm("config", "apply", "--confirm", *where).code == 0
        assert said(command, "config.applied")["who"].endswith("(control)")
        path.write_text(path.read_text().replace("= 300", "= 250"))
        command.send(signal.SIGHUP)
        assert said(command, "config.applied")["who"] == "signal SIGHUP"

        back = mm("config", "rollback", "1", "--confirm", *where, "--json")
        assert back.code == 0
        assert path.read_text() == original
        history = mm("config", "history", *where, "--json").result["revisions"]
        assert [one["origin"] for one in history] == ["start", "cli", "file", "cli", "hup", "cli"]
        assert mm("stop", *where).code == 0
        ended = command.end()
    assert ended.code == 0, ended.told
    zeros = ("self_trades", "limit_breaches", "open_orders_at_exit", "pnl_residual")
    assert {name: ended.result[name] for name in zeros} == dict.fromkeys(zeros, 0)


def test_a_command_killed_between_writing_and_applying_leaves_a_whole_file(tmp_path: Path) -> None:
    """What it wrote is complete, and what loosens in it still waits for a word from somebody."""
    path, data_dir = put(tmp_path), tmp_path / "data"
    reached: list[str] = []

    def answer(request: Mapping[str, object]) -> Mapping[str, object] | bytes:
        facts = {"ok": True, "path": str(path), "revision": 1}
        if request["do"] == "config.apply":
            reached.append(path.read_text())
            return b""
        empty: dict[str, object] = {"values": [], "changes": [], "confirm": [], "digest": "d"}
        return facts | empty

    before = path.read_text()
    with FakeDaemon(data_dir, answer):
        set_it = ("config", "set", "risk.session_loss_quote", "100", "--data-dir", str(data_dir))
        with started(*set_it) as command:
            until(lambda: reached)
            command.send(signal.SIGKILL)
            assert command.end().code == -signal.SIGKILL
    after = before.replace("session_loss_quote = 200", "session_loss_quote = 100")
    assert [path.read_text(), *reached] == [after, after]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["data", "mm.toml"]


def test_the_demos_own_config_is_seen_and_not_changed(tmp_path: Path) -> None:
    """It is part of the program: the answer says how to run one that can be edited."""
    where = ("--data-dir", str(tmp_path / "data"))
    with started("demo", "--json", "--set", f"data_dir={tmp_path / 'data'}") as command:
        command.wait_until_active()
        got = mm("config", "get", "risk.session_loss_quote", *where, "--json")
        assert (got.code, got.result["values"][0]["value"]) == (0, "200")
        refused = mm("config", "set", "risk.session_loss_quote", "100", *where, "--json")
        assert (refused.code, "mm run config/demo.toml" in json.dumps(refused.result)) == (4, True)
        command.send(signal.SIGTERM)
        assert command.end().code == 0
