"""`mm init`: what it writes, what it asks, and that nothing is ever overwritten."""

import io
import json
import sys
from pathlib import Path

import pytest

from mm.cli.init import write_all
from mm.cli.main import carry_out
from mm.errors import EXIT_CONFIG, EXIT_OK, ConfigError
from mm.settings.starter import FILES


class Keyboard(io.StringIO):
    """A terminal at which somebody typed."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


def test_it_writes_all_and_tells_the_next_three_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal it asks nothing; the config passes `mm check`."""
    assert carry_out(["init", "first"]) == EXIT_OK
    told = capsys.readouterr().out.splitlines()
    config = Path("first/mm.toml")
    assert told[-3:] == [f"  mm check {config}", f"  mm doctor {config} --online", f"  mm run {config}"]
    assert {path.name for path in Path("first").iterdir()} == set(FILES)
    assert carry_out(["check", "first/mm.toml"]) == EXIT_OK


def test_json_tells_files_and_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """Here in the folder that one stands in."""
    assert carry_out(["init", "--json"]) == EXIT_OK
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == list(FILES)
    assert told["next"][0] == "mm check mm.toml"


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_written_where_one_of_its_files_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The error names it; what is there stays as it is."""
    Path(name).write_text("mine")
    assert carry_out(["init"]) == EXIT_CONFIG
    assert f"{name}: is there already; nothing was written" in capsys.readouterr().err
    assert [path.name for path in Path().iterdir()] == [name]
    assert Path(name).read_text() == "mine"


def test_every_file_that_is_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A link that leads nowhere is one as well."""
    Path("mm.toml").symlink_to("nowhere")
    Path(".gitignore").write_text("")
    assert carry_out(["init", "--yes"]) == EXIT_CONFIG
    err = capsys.readouterr().err
    assert "mm.toml: is there already" in err
    assert ".gitignore: is there already" in err


def test_what_was_begun_is_undone_when_the_rest_cannot_be_written(folder: Path) -> None:
    """Folders too; here a name leads into a folder that is not there."""
    with pytest.raises(ConfigError, match="nothing was written"):
        write_all(folder / "a" / "b", {"one": "1", "missing/two": "2"})
    assert not (folder / "a").exists()


def test_a_folder_that_is_a_file_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """And stays one."""
    Path("taken").write_text("mine")
    assert carry_out(["init", "taken", "--yes"]) == EXIT_CONFIG
    assert "nothing was written" in capsys.readouterr().err
    assert Path("taken").read_text() == "mine"


def test_on_a_terminal_it_asks_for_what_was_not_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Enter takes the default."""
    monkeypatch.setattr(sys, "stdin", Keyboard("\nglft\n"))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert carry_out(["init", "--symbol", "ETH/USDT"]) == EXIT_OK
    text = Path("mm.toml").read_text()
    assert 'strategy = "glft"' in text
    assert 'symbol = "ETH/USDT"' in text
    assert "sizes and holdings are those for BTC/USDT" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--yes", "--json"])
def test_with_a_flag_it_asks_nothing_on_a_terminal_either(flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script gets what it asked for."""
    monkeypatch.setattr(sys, "stdin", Keyboard(""))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert carry_out(["init", flag]) == EXIT_OK
    assert 'strategy = "pure_market_making"' in Path("mm.toml").read_text()


def test_a_wrong_choice_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Told with what would do."""
    assert carry_out(["init", "new", "--venue", "kraken"]) == EXIT_CONFIG
    assert "expected one of binance" in capsys.readouterr().err
    assert not Path("new").exists()
