"""The verbs that look."""

import json
import sys
from pathlib import Path

import pytest

from mm.cli import watch
from mm.cli.main import carry_out
from mm.errors import EXIT_NOT_RUNNING, EXIT_OK
from mm.store.runstate import RunState
from tests.builders.daemon import FakeDaemon, daemon_status, fill_row, order_row, pnl_row

ANSWERS = {
    "status": daemon_status(),
    "orders": {"ok": True, "orders": [order_row()]},
    "fills": {"ok": True, "fills": [fill_row(1)]},
    "pnl": {"ok": True, "sessions": [pnl_row()]},
}


@pytest.fixture
def data_dir() -> Path:
    """A data directory under ./var."""
    return Path("var") / "demo"


@pytest.mark.parametrize(
    ("verb", "words"),
    [("status", "quoting"), ("orders", "60008.10"), ("fills", "60010.12"), ("pnl", "+1.23")],
)
def test_a_daemon_is_found_and_asked(
    data_dir: Path, capsys: pytest.CaptureFixture[str], verb: str, words: str
) -> None:
    """As a table for people, as the daemon's own object with --json."""
    with FakeDaemon(data_dir, lambda request: ANSWERS[str(request["do"])]) as daemon:
        assert carry_out([verb]) == EXIT_OK
        table = capsys.readouterr().out
        assert carry_out([verb, "--json"]) == EXIT_OK

    assert words in table
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(ANSWERS[verb]))
    assert [request["do"] for request in daemon.asked] == [verb, verb]


@pytest.mark.parametrize("verb", ["orders", "fills", "pnl"])
def test_one_session_can_be_asked_for(data_dir: Path, verb: str) -> None:
    """By its name in the config."""
    with FakeDaemon(data_dir, lambda request: ANSWERS[str(request["do"])]) as daemon:
        assert carry_out([verb, "btc", "--data-dir", str(data_dir)]) == EXIT_OK

    assert daemon.asked[0]["session"] == "btc"


def test_metrics_are_printed_as_they_are_told(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text alone, byte for byte, so that it can be piped on; in an object with --json."""
    told = 'mm_x{who="a\\n"} 1\n# EOF\n'
    with FakeDaemon(data_dir, lambda _: {"ok": True, "text": told}) as daemon:
        assert carry_out(["metrics"]) == EXIT_OK
        assert capsys.readouterr().out == told
        assert carry_out(["metrics", "--json", "--data-dir", str(data_dir)]) == EXIT_OK

    assert json.loads(capsys.readouterr().out) == {"ok": True, "text": told}
    assert [request["do"] for request in daemon.asked] == ["metrics", "metrics"]
    assert carry_out(["metrics", "--data-dir", str(data_dir)]) == EXIT_NOT_RUNNING


def test_without_a_daemon_the_hint_tells_of_a_halt(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever asks wants to know whether it may be started."""
    RunState.open(data_dir)
    assert carry_out(["status", "--data-dir", str(data_dir)]) == EXIT_NOT_RUNNING
    assert "mm demo" in capsys.readouterr().err
    RunState.open(data_dir).latch("stop_loss.session", "lost", 1)

    assert carry_out(["status", "--data-dir", str(data_dir)]) == EXIT_NOT_RUNNING

    assert "hint: halted: stop_loss.session (lost); lift it with: mm unhalt" in capsys.readouterr().err
    (data_dir / "runstate.json").write_text("torn")
    assert carry_out(["status", "--data-dir", str(data_dir)]) == EXIT_NOT_RUNNING
    assert "not a state file" in capsys.readouterr().err


def test_watching_with_json_gives_a_line_each(
    data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the daemon ends; what was told before stays whole."""
    monkeypatch.setattr(watch, "WATCH_PAUSE_S", 0)
    answers = [daemon_status(run_seconds=number) for number in range(3)]

    with FakeDaemon(data_dir, lambda _: answers.pop(0) if answers else None):
        assert carry_out(["status", "--watch", "--json"]) == EXIT_NOT_RUNNING

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("run_seconds") for line in lines] == [0, 1, 2, None]


def test_watching_draws_the_view_until_the_daemon_ends(
    data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The terminal is given back, then the end is told."""
    monkeypatch.setattr(watch, "WATCH_PAUSE_S", 0)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    answers = [daemon_status()]

    with FakeDaemon(data_dir, lambda _: answers.pop(0) if answers else None):
        assert carry_out(["status", "--watch"]) == EXIT_NOT_RUNNING

    out, err = capsys.readouterr()
    assert "\x1b[?1049h" in out
    assert "\x1b[?1049l" in out
    assert err.startswith("error: the daemon has ended\n")


def test_leaving_the_view_ends_well(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-c is how one leaves; the daemon goes on."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mm.cli.watch.time.sleep", interrupt)
    with FakeDaemon(data_dir, lambda _: daemon_status()):
        assert carry_out(["status", "--watch"]) == EXIT_OK
        assert carry_out(["status", "--watch", "--json"]) == EXIT_OK
