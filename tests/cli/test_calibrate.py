"""`mm calibrate` as a person and as a program use it."""

import json
from pathlib import Path

import pytest

from mm.cli.main import carry_out
from mm.errors import EXIT_CHECK_FAILED, EXIT_CONFIG, EXIT_OK, EXIT_USAGE
from tests.builders.market_tapes import long_recording

CONFIG = """mode = "paper"
data_dir = "./data"
[paper]
maker_fee_bps = 0
[pair.btc]
symbol = "BTC/USDT"
strategy = "glft"
[pair.btc.params]
risk_factor = 0.01
order_amount_base = 0.01
arrival_rate_per_s = 7.0   # guessed
fill_decay_per_bps = 0.3
[pair.btc.inventory]
max_base = 0.05
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Two minutes and two minutes of a market."""
    folder = tmp_path_factory.mktemp("data")
    first, whole = long_recording(seconds=120), long_recording(seconds=240)
    count = len(first.lines)
    second = long_recording(seconds=240)
    second.lines = whole.lines[count:]
    return str(first.save(folder / "1.gz")), str(second.save(folder / "2"))


@pytest.fixture
def config(folder: Path) -> Path:
    """A config that was guessed."""
    path = folder / "c.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def test_estimates_are_shown_and_nothing_is_written(
    config: Path, files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Old and new with errors, per side, and how good the fit is."""
    assert carry_out(["calibrate", str(config), "--data", *files, "--band", "0:1"]) == EXIT_OK
    said = capsys.readouterr().out
    assert said.startswith("BTCUSDT spot: 4.0 min, ")
    for part in ("bids", "asks", "arrival_rate_per_s", "proposed", "nothing is written without --write"):
        assert part in said
    assert config.read_text(encoding="utf-8") == CONFIG


def test_what_is_proposed_is_written_when_asked_for(
    config: Path, files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The answer names it, the comments stay; written once, there is nothing more to write."""
    arguments = ["calibrate", str(config), "--data", *files, "--band", "0:1", "--write", "--json"]
    assert carry_out(arguments) == EXIT_OK
    answer = json.loads(capsys.readouterr().out)
    assert answer["written"] == len([one for one in answer["proposals"] if one["new"]]) > 0
    new = next(one["new"] for one in answer["proposals"] if one["key"].endswith("arrival_rate_per_s"))
    assert f"arrival_rate_per_s = {new}   # guessed" in config.read_text(encoding="utf-8")
    assert carry_out(arguments) == EXIT_OK
    assert json.loads(capsys.readouterr().out)["written"] == 0
    assert carry_out(arguments[:-1]) == EXIT_OK
    assert "the config says so already" in capsys.readouterr().out


def test_a_write_is_told_to_people(
    config: Path, files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """How many keys."""
    assert carry_out(["calibrate", str(config), "--data", *files, "--band", "0:1", "--write"]) == EXIT_OK
    assert "keys written; comments kept" in capsys.readouterr().out


def test_nothing_known_well_enough_is_a_failed_check_when_it_was_to_be_written(
    config: Path, files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Shown alone it is no failure."""
    text = CONFIG.replace('"glft"', '"mine:Mine"')
    (config.parent / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        "from mm.strategies.base import Wake\n"
        "class Mine:\n"
        "    @dataclass(frozen=True, kw_only=True)\n"
        "    class Params:\n"
        "        risk_factor: float\n"
        "        order_amount_base: float\n"
        "        arrival_rate_per_s: float\n"
        "        fill_decay_per_bps: float\n"
        "    needs, wake = (), Wake()\n"
        "    def __init__(self, params, instrument): ...\n"
        "    def initial_memory(self): ...\n"
        "    def quotes(self, view): ...\n",
        encoding="utf-8",
    )
    config.write_text(text.replace('"mine:Mine"', '"./mine.py"'), encoding="utf-8")
    arguments = ["calibrate", str(config), "--data", *files, "--band", "8:20"]
    assert carry_out(arguments) == EXIT_OK
    assert "nothing can be written" in capsys.readouterr().out
    assert carry_out([*arguments, "--write", "--json"]) == EXIT_CHECK_FAILED
    answer = json.loads(capsys.readouterr().out)
    assert (answer["ok"], answer["written"]) == (False, 0)
    assert all(one["refused"] for one in answer["proposals"])


def test_the_state_of_signals_is_saved_when_asked_for(
    config: Path, files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a start looks for it."""
    arguments = ["calibrate", str(config), "--data", *files, "--save-state"]
    assert carry_out(arguments) == EXIT_OK
    assert "btc.json: VolatilitySpec" in capsys.readouterr().out
    assert carry_out([*arguments, "--json"]) == EXIT_OK
    state = json.loads(capsys.readouterr().out)["state"]
    assert Path(state["path"]).is_file()
    assert state["signals"] == ["VolatilitySpec"]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--band", "4"], EXIT_USAGE, "--band was '4', expected two rising numbers"),
        (["--band", "4:2"], EXIT_USAGE, "--band was '4:2'"),
        (["--band", "nan:1"], EXIT_USAGE, "--band was 'nan:1', expected two rising numbers of basis points"),
        (["--band", "0:inf"], EXIT_USAGE, "--band was '0:inf', expected two rising numbers"),
        (["--maker-fee-bps", "nan"], EXIT_USAGE, "--maker-fee-bps was 'nan', expected -100 to 100"),
        (["--horizon", "nan"], EXIT_USAGE, "'nan' is no duration: write 30s, 5m, 500ms or 1h30m"),
        (["--maker-fee-bps", "x"], EXIT_USAGE, "--maker-fee-bps was 'x'"),
        (["--pair", "eth"], EXIT_CONFIG, "there is no [pair.eth]"),
        (["--horizon", "5m"], EXIT_CONFIG, "expected at least 900 s"),
    ],
)
def test_what_cannot_be_calibrated_is_told(
    config: Path,
    files: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
    *,
    options: list[str],
    code: int,
    said: str,
) -> None:
    """With its own exit code; nothing is written."""
    assert carry_out(["calibrate", str(config), "--data", files[0], *options, "--write"]) == code
    assert said in capsys.readouterr().err
    assert config.read_text(encoding="utf-8") == CONFIG


def test_a_config_or_data_that_are_not_there_are_told(
    config: Path, files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """By name."""
    assert carry_out(["calibrate", "none.toml", "--data", files[0]]) == EXIT_CONFIG
    assert "none.toml: no such file" in capsys.readouterr().err
    assert carry_out(["calibrate", str(config), "--data", "none.gz"]) == EXIT_CONFIG
    assert "none.gz: cannot be read" in capsys.readouterr().err
