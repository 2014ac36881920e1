"""`mm backtest` as a command."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mm.bootstrap.backtest import many
from mm.cli.backtest import EXIT_INTERRUPTED, time_ns
from mm.cli.backtest_sheet import edge_lines, worth
from mm.cli.main import carry_out
from mm.errors import EXIT_CONFIG, EXIT_OK, EXIT_USAGE, UsageError
from tests.builders.backtests import config, lived
from tests.builders.funded_tapes import NEXT_MS, PERPETUAL, perpetual

NAMES = (
    *("rows", "messages", "decisions", "commands", "fills", "wall_s", "events_per_s", "began_ns", "ended_ns"),
    *("sessions", "digest", "data_digest", "fill_model", "calibration", "kernel", "participation", "partial"),
)
SECOND = 10**9


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A config, and the directory of a run of a minute that it lived on a generated market."""
    folder = tmp_path_factory.mktemp("life")
    path = config(folder)
    return str(path), str(lived(folder / "data", path, seconds=60))


def test_a_result_is_told_as_json_and_left_in_the_data_directory(
    life: tuple[str, str], capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    """One object, last on standard output, with the agreed names; its directory is in DATA_DIR/backtests."""
    arguments = ["backtest", life[0], "--data", life[1], "--set", "data_dir=here", "--queue", "log"]
    assert carry_out([*arguments, "--json"]) == EXIT_OK
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(NAMES) <= set(told)
    assert (told["ok"], told["partial"], told["calibration"]) == (True, "", "uncalibrated")
    assert told["fill_model"] == "log queue, latency sampled 20/60 ms"
    assert Path(told["run_dir"]).parent == folder / "here" / "backtests"
    assert (Path(told["run_dir"]) / "backtest.json").is_file()


def test_a_sheet_is_for_people(life: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """What was traded, what it earned and of what, how fills were made, how fast it went."""
    assert carry_out(["backtest", life[0], "--data", life[1], "--out", "out"]) == EXIT_OK
    told = capsys.readouterr().out
    for words in (
        "fills by  risk_averse queue, latency sampled 20/60 ms, uncalibrated",
        "same as   run ",
        "main: AAA/BBB",
        " BBB = spread ",
        "edge ",
        "presence  both sides ",
        "rows/s (",
        "digest ",
        "left in   out/",
    ):
        assert words in told


def test_a_sheet_says_what_made_the_fills_and_what_the_model_had_no_say_in(
    life: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Below the queue model; and risk and doubt are told in words that are true."""
    assert carry_out(["backtest", life[0], "--data", life[1], "--out", "out"]) == EXIT_OK
    told = capsys.readouterr().out
    assert " fills because " in told
    assert "; the queue model decided " in told
    assert "certain" not in told


SESSION: dict[str, object] = {
    "edge": {
        "mean_bps": 1.0,
        "low_bps": 0.5,
        "high_bps": 1.5,
        "horizon_s": 1.0,
        "fills_needed": 200,
        "fills": 300,
        "excludes_zero": True,
        "is_meaningful": True,
    }
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"fills": 90}, " (says little: fewer than 200 fills)"),
        ({"excludes_zero": False, "low_bps": -1.0}, " (says little: 0 lies within)"),
        ({"fills": 1, "excludes_zero": False, "low_bps": None}, "200 fills, and all in one second)"),
        (
            {"fills": 90, "excludes_zero": False, "low_bps": -1.0},
            " (says little: fewer than 200 fills, and 0 lies within)",
        ),
    ],
)
def test_why_an_edge_says_little_is_told_as_far_as_it_is_true(changes: dict[str, object], words: str) -> None:
    """Too few fills, an interval around 0, both, or nothing."""
    table = SESSION["edge"]
    assert isinstance(table, dict)
    (line,) = edge_lines({"edge": table | changes})
    assert line.endswith(words)
    assert ("says little" in line) == bool(words)


def test_funding_is_told_with_what_is_not_modelled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the recorded marks or by a file; a part of the P&L, and in JSON."""
    path, data = tmp_path / "mm.toml", perpetual().save(tmp_path / "tape.gz")
    path.write_text(PERPETUAL, encoding="utf-8")
    rates = tmp_path / "rates.csv"
    rates.write_text(f"ts_ms,rate\n{NEXT_MS},-0.0006\n", encoding="utf-8")
    order = ["backtest", str(path), "--data", str(data), "--out", str(tmp_path / "out")]
    assert carry_out(order) == EXIT_OK
    told = capsys.readouterr().out
    assert " + funding " in told
    assert "funding   once in the data, 1 paid on a position: " in told
    assert (
        "no margin, no liquidation; funding applied: yes, by the recorded marks, 1 time in the data" in told
    )
    assert carry_out([*order, "--funding", str(rates), "--json"]) == EXIT_OK
    funding = json.loads(capsys.readouterr().out)["funding"]["BTC/USDT"]
    assert (funding["by"], funding["times"], funding["payments"]) == ("rates.csv", 1, 1)
    assert carry_out([*order, "--funding", str(tmp_path / "none.csv")]) == EXIT_CONFIG
    assert "none.csv: cannot be read" in capsys.readouterr().err


def test_a_risk_that_cannot_be_told_is_left_out() -> None:
    """A day's worth needs whole intervals."""
    assert worth(None, "BBB") == ""
    assert worth(-0.25, "BBB") == "; less the price of its swings the P&L is worth -0.25 BBB a day"


def test_each_day_is_a_backtest_of_its_own(life: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """With a table, and all results as JSON; each symbol too."""
    arguments = ["backtest", life[0], "--data", life[1], "--out", "out", "--each-day", "--each-symbol"]
    assert carry_out(arguments) == EXIT_OK
    assert "2027-01-15" in capsys.readouterr().out
    assert carry_out([*arguments, "--json"]) == EXIT_OK
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    (part,) = told["parts"]
    assert (part["day"], part["symbol"], told["asked"], told["ok"]) == ("2027-01-15", "AAA/BBB", 1, True)
    assert told["totals"][0]["fills"] == part["fills"]


def test_a_day_without_a_row_is_told_and_the_others_are_played(
    life: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store may have holes; where no day has anything, that is the error."""
    real, empty_ns = many._days, 1_900_000_000 * 10**9
    empty = ("2030-03-17", empty_ns, empty_ns + 10**9)
    monkeypatch.setattr(many, "_days", lambda begin, end: [*real(begin, end), empty])
    arguments = ["backtest", life[0], "--data", life[1], "--out", "out", "--each-day", "--json"]
    assert carry_out(arguments) == EXIT_OK
    said = capsys.readouterr()
    told = json.loads(said.out.splitlines()[-1])
    assert "2030-03-17: " in said.err
    assert [part["day"] for part in told["parts"]] == ["2027-01-15"]
    assert [(one["day"], "nothing between" in one["why"]) for one in told["empty"]] == [("2030-03-17", True)]
    assert (told["asked"], told["ok"]) == (2, True)
    monkeypatch.setattr(many, "_days", lambda *_: [empty])
    assert carry_out(arguments) == EXIT_CONFIG
    assert "nothing between" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--queue", "fifo"], "--queue was 'fifo'"),
        (["--latency", "slow"], "--latency was 'slow'"),
        (["--from", "yesterday"], "--from was 'yesterday'"),
        (["--to", "1970-01-02"], "expected a time after 1971"),
        (["--jobs", "2"], "--jobs and --scheduler are for many backtests"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(
    life: tuple[str, str], capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    """Exit 2, and nothing is left."""
    assert carry_out(["backtest", life[0], "--data", life[1], "--out", "out", *options]) == EXIT_USAGE
    assert words in capsys.readouterr().err
    assert not Path("out").exists()


def test_data_that_are_none_are_a_config_error(
    life: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Named, with exit 4: a file that is not there, one that is no recording, an empty span."""
    Path("text").write_text("no recording\n", encoding="utf-8")
    for data, words in (("none.gz", "none.gz"), ("text", "not a recording")):
        assert carry_out(["backtest", life[0], "--data", data, "--out", "out"]) == EXIT_CONFIG
        assert words in capsys.readouterr().err
    assert carry_out(["backtest", life[0], "--data", life[1], "--from", "10m", "--out", "out"]) == EXIT_CONFIG
    assert "nothing between 2027-01-15T08:10:00" in capsys.readouterr().err
    assert not Path("out").exists()


def test_times_are_utc_or_offsets() -> None:
    """ISO, with and without a zone; nanoseconds; durations."""
    assert time_ns("", "--to") == 0
    assert time_ns("10m", "--to") == 600 * SECOND
    assert time_ns("2024-08-08T23:55:00", "--to") == 1_723_161_300 * SECOND
    assert time_ns("2024-08-09T01:55:00.5+02:00", "--to") == 1_723_161_300 * SECOND + SECOND // 2
    assert time_ns("1723161300000000001", "--to") == 1_723_161_300 * SECOND + 1
    with pytest.raises(UsageError, match="expected a time or a duration"):
        time_ns("17", "--to")


def test_a_signal_ends_it_in_order_with_what_there_is(life: tuple[str, str], folder: Path) -> None:
    """Exit 130, a partial result on standard output and in its directory."""
    code = (
        "import sys, time; from mm.runtime import backtest_loop; backtest_loop.LOOK_EVERY = 50\n"
        "take = backtest_loop.take_rare\n"
        "def slow(*given):\n    print('begun', file=sys.stderr, flush=True); time.sleep(0.5); take(*given)\n"
        "backtest_loop.take_rare = slow\n"
        "from mm.cli.main import main; main()"
    )
    arguments = ["backtest", life[0], "--data", life[1], "--out", "out", "--json", "--reference"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**os.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - begun < 20, err
    told = json.loads(out.splitlines()[-1])
    assert (process.returncode, told["partial"], told["ok"]) == (EXIT_INTERRUPTED, "interrupted", False)
    assert json.loads((Path(folder) / told["run_dir"] / "backtest.json").read_text())["result"]["partial"]
