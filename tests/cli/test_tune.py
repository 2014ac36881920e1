"""`mm tune` as a person and as a program use it, on a made-up market."""

import json
from functools import partial
from pathlib import Path

import pytest

from mm.bootstrap.tune.tuning import Order, Tuning
from mm.cli.main import EXIT_INTERRUPTED, carry_out
from mm.cli.tune import _put
from mm.domain.units import NS_PER_S
from mm.errors import EXIT_CONFIG, EXIT_OK, EXIT_UNREACHABLE, EXIT_USAGE, ConfigError
from mm.runtime.tune.splits import Cut
from mm.settings.loader import load_settings
from mm.strategies import pure_market_making
from tests.builders.funded_tapes import NEXT_MS, perpetual
from tests.builders.market_tapes import long_recording

CONFIG = """mode = "paper"
data_dir = "./data"
[paper]
maker_fee_bps = -1
latency_mean_ms = 5
latency_p99_ms = 5
[risk]
max_order_notional_quote = 1_000
[pair.btc]
symbol = "BTC/USDT"
[pair.btc.params]
bid_spread_bps = 0.5   # guessed
ask_spread_bps = 0.5
order_amount_base = 0.01
order_refresh_time_ms = 2_000
[pair.btc.inventory]
max_base = 0.05
"""

SPACE = """# What is searched.
[pair.btc.params]
bid_spread_bps = { low = 0.1, high = 3.0, log = true }
ask_spread_bps = { low = 0.1, high = 3.0, log = true }
"""

CUT = ("--splits", "1", "--test-ratio", "0.4", "--embargo", "1s", "--reference")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Five minutes of a market."""
    return str(long_recording(seconds=310).save(tmp_path_factory.mktemp("data") / "m.gz"))


@pytest.fixture
def config(folder: Path) -> Path:
    """A config and a space in the folder that is worked in."""
    (folder / "s.toml").write_text(SPACE, encoding="utf-8")
    path = folder / "c.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def tuned(*more: str) -> list[str]:
    """Return the command line."""
    return ["tune", "c.toml", "--space", "s.toml", *CUT, *more]


def test_a_search_is_told_kept_and_written(
    config: Path, market: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Figures as JSON, a page and a file beside the study; the best into the config with comments kept; the
    same command again runs nothing, and two worlds are another study.
    """
    command = tuned("--data", market, "--trials", "3", "--json")
    assert carry_out(command) == EXIT_OK
    first = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert first["complete"]
    assert (first["trials"], first["session"], first["study"]) == (3, "btc", "c-s")
    assert first["verdict"] == "unknown"
    assert "Too little data" in first["reasons"][0] or "doing nothing" in first["reasons"][0]
    assert first["best"]["fills"] > 0
    assert "risk_averse queue" in first["made"]
    assert "uncalibrated" in first["made"]
    page, told = (Path(name) for name in first["files"])
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "<script" not in page.read_text(encoding="utf-8")
    assert len(json.loads(told.read_text(encoding="utf-8"))["all"]) == 3
    assert config.read_text(encoding="utf-8") == CONFIG

    assert carry_out([*command[:-1], "--write"]) == EXIT_OK
    said = capsys.readouterr()
    assert "verdict     UNKNOWN" in said.out or "verdict     LOSES" in said.out
    warned, written = said.err.splitlines()[-4:-2]
    assert warned.startswith("what is written is not distinguishable from luck: ")
    assert "2 keys written; comments kept" in written
    assert "# guessed" in config.read_text(encoding="utf-8")
    params = load_settings(config).pair["btc"].params
    assert str(getattr(params, "bid_spread_bps")) == first["best"]["params"]["pair.btc.params.bid_spread_bps"]  # noqa: B009 - typed as object

    assert carry_out(command) == EXIT_OK
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert again["best"] == first["best"]
    assert again["changes"] == []
    assert (again["written"], again["written_verdict"]) == (0, None)

    config.write_text(CONFIG, encoding="utf-8")
    assert carry_out([*command, "--write"]) == EXIT_OK
    told_so = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told_so["written"], told_so["written_verdict"]) == (2, told_so["verdict"])
    assert not told_so["overfitting_counts"]

    assert carry_out([*command, "--latencies", "constant:5,5,sampled:9,9"]) == EXIT_CONFIG
    said_why = json.loads(capsys.readouterr().out.splitlines()[-1])["error"]
    assert 'its worlds was [["", ""]], is [["", "constant:5,5"], ["", "sampled:9,9"]] now' in said_why


def test_an_interrupt_before_the_first_result_is_told_as_one(
    config: Path, market: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 130 too, and no page about nothing; the study is kept."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Tuning, "search", interrupt)
        assert carry_out(tuned("--data", market, "--trials", "2", "--json")) == EXIT_INTERRUPTED
    said = capsys.readouterr()
    assert json.loads(said.out.splitlines()[-1])["error"] == "interrupted"
    assert "the same command goes on" in said.err
    kept = config.parent / "data" / "tune"
    assert [path.suffix for path in kept.iterdir() if path.suffix in {".html", ".json", ".log"}] == [".log"]


@pytest.mark.proof  # a search of its own
def test_several_objectives_show_their_front(
    config: Path, market: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trials that nothing is better than in everything; another one can be picked."""
    command = tuned("--data", market, "--trials", "3", "--objective", "certainty,messages", "--jobs", "2")
    assert carry_out(command) == EXIT_OK
    assert "no other trial is better in all" in capsys.readouterr().out
    assert carry_out([*command, "--pick", "1", "--json"]) == EXIT_OK
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["best"]["number"] == 1
    assert told["front"]
    assert set(told["best"]["in_sample"]) == {"certainty", "drawdown", "presence", "messages"}
    assert carry_out([*command, "--pick", "9"]) == EXIT_CONFIG


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--objective", "profit"), EXIT_USAGE, "'profit' is none"),
        (("--pair", "eth"), EXIT_CONFIG, "there is no [pair.eth]"),
        (("--name", "a/b"), EXIT_CONFIG, "is no name of a study"),
        (("--splits", "9"), EXIT_CONFIG, "of data are too little"),
        (("--storage", "nowhere/s.log"), EXIT_CONFIG, "there is no such folder"),
        (("--scheduler", "nowhere"), EXIT_USAGE, "expected an address"),
        (("--queues", "log,log"), EXIT_CONFIG, "different worlds"),
        (("--queues", "log,fifo"), EXIT_USAGE, "--queues was 'fifo'"),
        (("--queues", "log,"), EXIT_USAGE, "one of them is empty"),
        (("--latencies", "constant:5,5,slow:1,2"), EXIT_USAGE, "--latencies was 'slow:1,2'"),
        (("--latencies", "measured:none.csv"), EXIT_CONFIG, "none.csv"),
        (("--pick", "2"), EXIT_CONFIG, "--pick 2: the study has trials 0 to 1"),
        (("--from", "3m", "--to", "2m"), EXIT_USAGE, "does not come before --to"),
        (("--embargo", "60"), EXIT_USAGE, "has no unit"),
        (("--scheduler", "tcp://127.0.0.1:1"), EXIT_UNREACHABLE, "no scheduler answers"),
        (("--from", "soon"), EXIT_USAGE, "expected a time"),
        (("--set", "pair.btc.symbol=ETH/USDT"), EXIT_CONFIG, "ETH/USDT"),
    ],
)
def test_what_makes_no_sense_is_told(
    config: Path,
    market: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    more: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    """Each with its own error; nothing is left: no study, no lock, not even their directory."""
    monkeypatch.setattr("mm.runtime.tune.cluster.CONNECT_S", 0.3)
    assert carry_out(tuned("--data", market, "--trials", "2", *more)) == code
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in config.parent.iterdir()) == ["c.toml", "s.toml"]


@pytest.mark.parametrize(
    ("target", "more", "what"),
    [
        ("c.toml", ("--out", "c.toml"), "no page"),
        ("kept/s.html", ("--storage", "kept/s.log", "--name", "s"), "no page"),
        ("kept/s.json", ("--storage", "kept/s.log", "--name", "s"), "no report of a study"),
    ],
)
def test_no_file_of_another_kind_is_written_over(
    config: Path,
    market: str,
    capsys: pytest.CaptureFixture[str],
    *,
    target: str,
    more: tuple[str, ...],
    what: str,
) -> None:
    """A config, a page or a file of somebody else: told before anything is searched, and as it was."""
    path = config.parent / target
    path.parent.mkdir(exist_ok=True)
    before = path.read_text() if path.exists() else "[mine]\n"
    path.write_text(before)
    assert carry_out(tuned("--data", market, "--trials", "1", *more)) == EXIT_CONFIG
    assert f"is there already and {what}" in " ".join(capsys.readouterr().err.split())
    assert path.read_text() == before
    assert not (config.parent / "kept" / "s.log").exists()


@pytest.mark.proof  # a search of its own
def test_a_grid_that_hangs_on_one_price_is_told(
    config: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a search and by a backtest, with its file and row; not where the tick is named as it is."""
    tape = long_recording(seconds=310)
    tape.ticker(("61000.00500000", "1.00000000"), ("61000.50000000", "1.00000000"))
    path = tape.save(folder / "offtick.gz")
    words = f"{path}: row {len(tape.lines)}: 61000.005 makes the tick 0.005: 1 of "
    assert carry_out(tuned("--data", str(path), "--trials", "1")) == EXIT_OK
    assert words in capsys.readouterr().err.replace("\n", "")
    command = ["backtest", str(config), "--data", str(path), "--to", "20s", "--reference", "--json"]
    assert carry_out(command) == EXIT_OK
    notes = json.loads(capsys.readouterr().out.splitlines()[-1])["notes"]
    assert [note for note in notes if note.startswith(words)]
    assert carry_out([*command, "--tick", "0.01"]) == EXIT_CONFIG
    assert f"{path}: row {len(tape.lines)}: price 61000.005 is the first" in capsys.readouterr().err
    assert carry_out([*command, "--tick", "0.005"]) == EXIT_OK
    notes = json.loads(capsys.readouterr().out.splitlines()[-1])["notes"]
    assert not [note for note in notes if note.startswith(words)]


def test_it_runs_with_no_option_but_the_required_ones(
    config: Path, market: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The gap is a minute: five minutes are too little for it, and that is what is told."""
    assert carry_out(["tune", "c.toml", "--space", "s.toml", "--data", market]) == EXIT_CONFIG
    assert "the shortest window of 1 splits would last 57 s" in capsys.readouterr().err
    assert carry_out(["tune", "--help"]) == EXIT_OK
    assert "[default: 60s]" in capsys.readouterr().out


def test_a_pick_that_a_study_does_not_have_is_told_before_anything_runs(
    config: Path, market: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A study that is there stays as it was."""
    assert carry_out(tuned("--data", market, "--trials", "1")) == EXIT_OK
    study = config.parent / "data" / "tune" / "c-s.log"
    before = study.read_bytes()
    assert carry_out(tuned("--data", market, "--trials", "2", "--pick", "7")) == EXIT_CONFIG
    assert "--pick 7" in capsys.readouterr().err
    assert study.read_bytes().count(b"mm.result") == before.count(b"mm.result")


def test_rates_of_funding_are_part_of_a_study(folder: Path, config: Path) -> None:
    """Each backtest has them, from wherever it runs; a study does not go on with others."""
    perpetual(seconds=310).save(folder / "m.gz")
    rates = folder / "rates.csv"
    rates.write_text(f"ts_ms,rate\n{NEXT_MS},0.0003\n", encoding="utf-8")
    data, space = (folder / "m.gz",), folder / "s.toml"
    cut = Cut(splits=1, test_ratio=0.4, embargo_ns=NS_PER_S)
    order = Order(config=config, space=space, data=data, trials=1, cut=cut, funding=Path("rates.csv"))
    tuning = Tuning(order)
    task = tuning.task({}, 0, 0)
    assert isinstance(task, partial)
    assert task.args[0].funding == rates
    for _ in range(2):
        with tuning.study():
            pass
    rates.write_text(f"ts_ms,rate\n{NEXT_MS},0.0004\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="funding"), Tuning(order).study():
        pass


@pytest.mark.parametrize("edited", ["mine.py", "l.csv"])
def test_what_files_hold_is_part_of_a_study(folder: Path, config: Path, edited: str) -> None:
    """Of a strategy of the user's and of measured latencies: a study does not go on with another content."""
    perpetual(seconds=310).save(folder / "m.gz")
    source = Path(pure_market_making.__file__).read_text(encoding="utf-8")
    (folder / "mine.py").write_text(source, encoding="utf-8")
    (folder / "l.csv").write_text("sent_ns,effect_ns,answered_ns\n1,2000,3000\n", encoding="utf-8")
    order = Order(
        config=config,
        overrides=("pair.btc.strategy=./mine.py:PureMarketMaking",),
        space=folder / "s.toml",
        data=(folder / "m.gz",),
        trials=1,
        cut=Cut(splits=1, test_ratio=0.4, embargo_ns=NS_PER_S),
        latencies=("measured:l.csv",),
    )
    for _ in range(2):
        with Tuning(order).study():
            pass
    path = folder / edited
    added = "# another\n" if edited == "mine.py" else "5000,7000,9000\n"
    path.write_text(path.read_text(encoding="utf-8") + added, encoding="utf-8")
    differs = "strategies" if edited == "mine.py" else "latencies"
    with pytest.raises(ConfigError, match=differs), Tuning(order).study():
        pass


def test_rates_that_nothing_is_funded_by_are_told_before_there_is_a_study(
    folder: Path, config: Path, market: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A spot market has no funding; a file may be none."""
    (folder / "rates.csv").write_text("ts_ms,rate\n1,2\n", encoding="utf-8")
    assert carry_out(tuned("--data", market, "--funding", "rates.csv")) == EXIT_USAGE
    assert "is a spot market, which is not funded here" in capsys.readouterr().err
    perpetual(seconds=310).save(folder / "p.gz")
    assert carry_out(tuned("--data", "p.gz", "--funding", "none.csv")) == EXIT_CONFIG
    assert "none.csv" in capsys.readouterr().err
    assert not (folder / "data" / "tune").exists()


def test_data_that_are_none_are_told(config: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And a space that is none, with file and line."""
    (folder / "bad.gz").write_bytes(b"nothing")
    assert carry_out(tuned("--data", "bad.gz")) == EXIT_CONFIG
    assert "bad.gz" in capsys.readouterr().err
    (folder / "s.toml").write_text("[pair.btc.params]\nspread = {low=1, high=2}\n", encoding="utf-8")
    assert carry_out(tuned("--data", "bad.gz")) == EXIT_CONFIG
    assert "s.toml:2: pair.btc.params.spread: unknown key" in capsys.readouterr().err


def test_the_folder_of_reports_is_made_where_the_study_is_kept_in_a_database(tmp_path: Path) -> None:
    """A study in a file has made its own; of one in a database nothing is on this machine yet."""
    page = tmp_path / "data" / "tune" / "s.html"
    _put(page, "<!doctype html>")
    assert page.read_text(encoding="utf-8") == "<!doctype html>"
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        _put(tmp_path / "file" / "s.html", "")
