"""The verbs that trade, up to the composition root: what they ask of it and what they tell of it."""

import dataclasses
import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import structlog

from mm.cli import runs
from mm.cli.main import carry_out
from mm.errors import EXIT_CONFIG, EXIT_HALTED, EXIT_OK, EXIT_ORDERS_MAY_REMAIN, VenueUnreachable
from mm.settings.options import DemoOptions, RunOptions, RunReport
from tests.builders.configs import SMALL
from tests.builders.daemon import daemon_status

REPORT = RunReport(
    orders_placed=31,
    orders_cancelled=21,
    fills=11,
    first_fill_s=3.178,
    self_trades=0,
    limit_breaches=0,
    open_orders_at_exit=0,
    pnl_residual=0,
    messages_per_fill=4.73,
    exit_reason="duration",
    pnl_quote="0.15",
    quote="USDT",
    run_s=10.2,
)

Options = DemoOptions | RunOptions


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """Put a composition root in place that notes what it is asked and reports."""
    noted: list[Options] = []

    def note(options: Options) -> RunReport:
        noted.append(options)
        return REPORT

    install(monkeypatch, note)
    return noted


def install(monkeypatch: pytest.MonkeyPatch, act: Callable[[Options], RunReport]) -> None:
    """Put `act` in place of both of the composition root's entries."""
    root = ModuleType("mm.bootstrap")
    vars(root).update(demo=act, run=act)
    monkeypatch.setitem(sys.modules, "mm.bootstrap", root)


@pytest.fixture
def speaking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a composition root in place that logs at three levels."""

    def speak(_: Options) -> RunReport:
        logger = structlog.get_logger()
        for method in ("debug", "info", "warning"):
            getattr(logger, method)("spoken")
        return REPORT

    install(monkeypatch, speak)


def test_a_demo_needs_nothing(asked: list[Options], capsys: pytest.CaptureFixture[str]) -> None:
    """No file, no flag; the result is told in words on standard output."""
    assert carry_out(["demo"]) == EXIT_OK

    (options,) = asked
    assert isinstance(options, DemoOptions)
    assert options.settings.mode == "demo"
    assert (options.duration_ns, options.show) == (0, None)
    told = capsys.readouterr().out
    for words in ("31 placed, 21 cancelled, 4.7 messages a fill", "11, first after 3.2 s", "0 unexplained"):
        assert words in told


def test_paper_tells_what_a_wishful_model_would_have_claimed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    """Orders beside orders, as several fills may be of one; a real book has no such lines."""
    on_paper = dataclasses.replace(
        REPORT,
        orders_filled=9,
        fills_at_touch=12,
        phantom_fills=5,
        fills_not_at_touch=2,
        fills_by_cause={"AAA/BBB": {"displayed_cross": {"fills": 11, "lots": 20}}},
    )
    install(monkeypatch, lambda _: on_paper)
    (folder / "mine.toml").write_text(SMALL, encoding="utf-8")

    assert carry_out(["run", str(folder / "mine.toml")]) == EXIT_OK

    told = capsys.readouterr().out
    assert "orders filled     9, 2 of them here alone" in told
    assert "filled at touch   12 orders, 5 of them phantoms that nothing filled here" in told
    assert "11 of 11 fills because the displayed market crossed their price; the queue model decided" in told
    install(monkeypatch, lambda _: REPORT)
    assert carry_out(["run", str(folder / "mine.toml"), "--json"]) == EXIT_OK
    assert "orders_filled" not in json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_demos_flags_reach_the_composition_root(
    asked: list[Options], capsys: pytest.CaptureFixture[str]
) -> None:
    """Seed and overrides are in the settings; with --json the last line is the report."""
    arguments = [
        "demo",
        "--duration",
        "30s",
        "--seed",
        "11",
        "--json",
        "--set",
        "pair.btc.params.order_levels=2",
    ]

    assert carry_out(arguments) == EXIT_OK

    (options,) = asked
    assert options.duration_ns == 30_000_000_000
    assert options.settings.demo.seed == 11
    assert options.settings.sources["pair.btc.params.order_levels"] == "--set"
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == REPORT.as_dict()


def test_a_run_loads_its_config(asked: list[Options], folder: Path) -> None:
    """And says that nobody confirmed live trading."""
    (folder / "mm.toml").write_text(SMALL)

    assert carry_out(["run", "mm.toml", "--duration", "1m", "--set", "risk.max_open_orders=9"]) == EXIT_OK

    (options,) = asked
    assert isinstance(options, RunOptions)
    assert options.settings.risk.max_open_orders == 9
    assert (options.duration_ns, options.live_confirmed) == (60_000_000_000, False)


@pytest.mark.usefixtures("asked")
def test_a_run_begins_with_what_its_config_will_not_do(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The warnings of `mm check`, in the log."""
    (folder / "mm.toml").write_text(SMALL)

    assert carry_out(["run", "mm.toml", "--set", "risk.max_orders_per_minute=1"]) == EXIT_OK

    first = json.loads(capsys.readouterr().err.splitlines()[0])
    assert (first["event"], first["session"]) == ("config.caution", "btc")
    assert first["caution"].endswith("makes 2 orders, more than 1 placements a minute")


LIVE = (
    SMALL.replace('"demo"', '"live"')
    + 'max_order_notional_quote = 9\nsession_loss_quote = 9\n[venue.main]\nkey = "env:K"\nsecret = "env:S"\n'
)


def test_live_needs_the_file_and_the_flag(
    asked: list[Options], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Either alone is refused before anything is started; both together go on."""
    (folder / "live.toml").write_text(LIVE)
    (folder / "demo.toml").write_text(SMALL)

    assert carry_out(["run", "live.toml"]) == EXIT_CONFIG
    assert 'live.toml:1: mode: was "live", and --yes-live was not given' in capsys.readouterr().err
    assert carry_out(["run", "demo.toml", "--yes-live"]) == EXIT_CONFIG
    assert 'demo.toml:1: mode: was "demo", but --yes-live was given' in capsys.readouterr().err
    assert asked == []
    assert carry_out(["run", "live.toml", "--yes-live"]) == EXIT_OK
    assert isinstance(asked[0], RunOptions)
    assert asked[0].live_confirmed


def test_the_exit_code_is_the_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A halted run ends with 6, its report all the same; a figure that is not there shows as such."""
    halted = dataclasses.replace(
        REPORT, exit_code=EXIT_HALTED, exit_reason="halted: x", first_fill_s=None, messages_per_fill=None
    )
    install(monkeypatch, lambda _: halted)

    assert carry_out(["demo"]) == EXIT_HALTED

    told = capsys.readouterr().out
    assert "halted: x" in told
    assert "first none" in told


def test_an_unreachable_venue_ends_with_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the composition root raises is told."""

    def unreachable(_: Options) -> RunReport:
        raise VenueUnreachable("nobody there", hint="look at the network")

    install(monkeypatch, unreachable)

    assert carry_out(["demo", "-q"]) == VenueUnreachable.exit_code
    assert capsys.readouterr().err == "error: nobody there\nhint: look at the network\n"


def test_quiet_says_nothing(asked: list[Options], capsys: pytest.CaptureFixture[str]) -> None:
    """Only the exit code speaks."""
    assert carry_out(["demo", "-q"]) == EXIT_OK

    assert capsys.readouterr() == ("", "")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("flags", "level", "seen"),
    [
        ([], "info", "info warning"),
        (["-v"], "info", "debug info warning"),
        (["-q"], "debug", "warning"),
    ],
)
@pytest.mark.usefixtures("speaking")
def test_flags_change_the_level_of_the_log(
    folder: Path, capsys: pytest.CaptureFixture[str], flags: list[str], level: str, seen: str
) -> None:
    """More with -v, warnings with -q, else what the config says; as JSON lines on standard error."""
    (folder / "mm.toml").write_text(f'{SMALL}[log]\nlevel = "{level}"\nfile = "logs/mm.jsonl"\n')

    assert carry_out(["run", "mm.toml", *flags]) == EXIT_OK

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["level"] for line in lines if line["event"] == "spoken"] == seen.split()
    assert (folder / "logs" / "mm.jsonl").read_text().count("spoken") == len(seen.split())


def test_on_a_terminal_there_is_a_live_view_and_logs_go_to_a_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unless one asks for JSON, for silence, or for no view."""
    shown: list[bool] = []

    def look(options: Options) -> RunReport:
        shown.append(options.show is not None)
        if options.show is not None:
            options.show(daemon_status())
        structlog.get_logger().info("spoken")
        return REPORT

    install(monkeypatch, look)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")

    for flags in ([], ["--headless"], ["--json"], ["-q"]):
        assert carry_out(["demo", *flags]) == EXIT_OK

    assert shown == [True, False, False, False]
    assert (folder / "var" / "demo" / runs.LOG_NAME).read_text().count("spoken") == 1
    assert "\x1b[?1049h" in capsys.readouterr().out


def test_a_log_inside_the_data_directory_leaves_it_private(asked: list[Options], folder: Path) -> None:
    """As the example for live mode has it: the file's folder is made first, and the run needs it private."""
    flags = ["--set", 'data_dir="var/own"', "--set", 'log.file="var/own/logs/mm.jsonl"', "-q"]

    assert carry_out(["demo", *flags]) == EXIT_OK

    assert stat.S_IMODE((folder / "var" / "own").stat().st_mode) == 0o700


@pytest.mark.parametrize(("ended", "code"), [(EXIT_ORDERS_MAY_REMAIN, EXIT_ORDERS_MAY_REMAIN), (EXIT_OK, 1)])
@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_result_that_cannot_be_written_does_not_hide_how_the_run_ended(
    flags: list[str], ended: int, code: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full, or the reader of the pipe has left."""
    install(monkeypatch, lambda _: dataclasses.replace(REPORT, exit_code=ended))

    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert carry_out(["demo", *flags]) == code
        full.flush()
