"""`mm doctor` as a command."""

import json
from pathlib import Path

import pytest

from mm.cli import checks
from mm.cli.checks import Row
from mm.cli.main import carry_out
from mm.errors import EXIT_CHECK_FAILED, EXIT_OK
from mm.store.runstate import RunState
from tests.builders.configs import SMALL


def rows_of(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    """The rows of the JSON answer by name."""
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    return {row["what"]: row for row in told["rows"]}


def test_a_fit_machine_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    """Without config and data directory, on an empty folder; it leaves nothing behind."""
    assert carry_out(["doctor"]) == EXIT_OK

    told = capsys.readouterr().out
    assert "python" in told
    assert "checks: 0 failed" in told
    assert not Path("var").exists()


def test_a_failed_row_ends_with_9(capsys: pytest.CaptureFixture[str]) -> None:
    """And says what to do."""
    RunState.open(Path("var/demo")).latch("x", "y", 1)

    assert carry_out(["doctor"]) == EXIT_CHECK_FAILED

    assert "mm unhalt --reason" in capsys.readouterr().out
    assert carry_out(["doctor", "--data-dir", "elsewhere"]) == EXIT_OK


def test_with_json_all_rows_are_one_object(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A config brings its own data directory."""
    (folder / "mm.toml").write_text(SMALL.replace('"demo"', '"demo"\ndata_dir = "./here"'))

    assert carry_out(["doctor", "mm.toml", "--json"]) == EXIT_OK

    rows = rows_of(capsys)
    assert rows["config"]["status"] == "ok"
    assert "here" in rows["data_dir"]["measured"]


def test_a_wrong_config_is_a_row(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The other rows are still told."""
    (folder / "mm.toml").write_text("mode = 3\n")

    assert carry_out(["doctor", "mm.toml", "--json"]) == EXIT_CHECK_FAILED

    rows = rows_of(capsys)
    assert "mm.toml:1: mode" in rows["config"]["measured"]
    assert rows["python"]["status"] == "ok"


def test_brackets_and_escapes_in_a_row_are_shown_as_they_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path may hold anything."""
    row = Row(what="odd", status="warn", measured="[red]x[/red]\x1b[2J", fix="two\nlines")
    monkeypatch.setattr(checks, "examined", lambda _: [row])

    assert carry_out(["doctor"]) == EXIT_OK

    told = capsys.readouterr().out
    assert "[red]x[/red]?[2J" in told
    assert "\x1b" not in told
