"""Recordings that do not say what they are of are played as what the command line says."""

import json
from pathlib import Path

import pytest

from mm.cli.main import carry_out
from mm.errors import EXIT_CONFIG, EXIT_OK, EXIT_USAGE
from tests.builders.market_tapes import long_recording

np = pytest.importorskip("numpy")

CONFIG = """mode = "paper"
data_dir = "./data"
[risk]
max_order_notional_quote = 1_000
[pair.btc]
symbol = "BTC/USDT"
[pair.btc.params]
bid_spread_bps = 0.5
ask_spread_bps = 0.5
order_amount_base = 0.01
order_refresh_time_ms = 2_000
[pair.btc.inventory]
max_base = 0.05
"""

NAMED = ("--base", "BTC", "--quote", "USDT")


@pytest.fixture(scope="module")
def nameless(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Five minutes of a market as npz of hftbacktest, which names no pair."""
    folder = tmp_path_factory.mktemp("data")
    raw, ours, path = folder / "m.gz", folder / "ours.npz", folder / "m.npz"
    long_recording(seconds=310).save(raw)
    assert carry_out(["-q", "data", "convert", str(raw), "--to", "hftbacktest", "-o", str(ours)]) == EXIT_OK
    with np.load(ours) as file:
        np.savez_compressed(path, data=file["data"])
    return str(path)


@pytest.fixture(autouse=True)
def config(folder: Path) -> None:
    """A config and a space in the folder that is worked in."""
    (folder / "c.toml").write_text(CONFIG, encoding="utf-8")
    (folder / "s.toml").write_text(
        "[pair.btc.params]\nbid_spread_bps = { low = 0.1, high = 3.0 }\n", encoding="utf-8"
    )


def backtest(nameless: str, *more: str) -> list[str]:
    """Return the command line."""
    return ["backtest", "c.toml", "--data", nameless, "--to", "20s", "--reference", *more]


def test_a_backtest_plays_a_file_without_names(nameless: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The error names the options; with them it is played, on the grid that is said, and left so that its
    report plays it again.
    """
    assert carry_out(backtest(nameless)) == EXIT_CONFIG
    assert "--base BTC --quote USDT" in capsys.readouterr().err
    assert carry_out(backtest(nameless, *NAMED, "--tick", "0.005", "--lot", "0.001", "--json")) == EXIT_OK
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["rows"] > 500
    (session,) = told["sessions"]
    assert session["symbol"] == "BTC/USDT"
    left = json.loads((Path(told["run_dir"]) / "backtest.json").read_text(encoding="utf-8"))["job"]["facts"]
    assert left == {
        "venue": None,
        "base": "BTC",
        "quote": "USDT",
        "tick_size": "0.005",
        "lot_size": "0.001",
        "exchange_info": None,
    }
    assert carry_out(["report", told["run_dir"], "--json"]) == EXIT_OK
    assert "its data are not what they were" not in capsys.readouterr().out


def test_its_parts_are_played_with_the_same_options(
    nameless: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each day by itself, in a process of its own."""
    assert carry_out([*backtest(nameless, *NAMED), "--each-day", "--json"]) == EXIT_OK
    assert len(json.loads(capsys.readouterr().out.splitlines()[-1])["parts"]) == 1


def test_a_search_runs_on_a_file_without_names(nameless: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same options; without them no study is begun."""
    cut = ("--splits", "1", "--test-ratio", "0.4", "--embargo", "1s", "--reference", "--trials", "1")
    command = ["tune", "c.toml", "--space", "s.toml", "--data", nameless, *cut]
    assert carry_out(command) == EXIT_CONFIG
    assert "--base BTC --quote USDT" in capsys.readouterr().err
    assert not Path("data").exists()
    assert carry_out([*command, *NAMED, "--json"]) == EXIT_OK
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["complete"]


@pytest.mark.parametrize("option", ["--tick", "--lot"])
@pytest.mark.parametrize("text", ["0", "-1", "nan", "fine"])
def test_a_grid_is_a_number_above_zero(
    nameless: str, capsys: pytest.CaptureFixture[str], option: str, text: str
) -> None:
    """Anything else is a usage error that names the option."""
    assert carry_out(backtest(nameless, *NAMED, f"{option}={text}")) == EXIT_USAGE
    assert f"{option} was '{text}'" in capsys.readouterr().err
