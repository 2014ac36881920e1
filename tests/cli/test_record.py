"""`mm record` as a person and as a program use it."""

import json
from pathlib import Path

import pytest
import typer

from mm.bootstrap.record import RecordReport, RecordState
from mm.cli.main import carry_out
from mm.cli.record import (
    StatusLine,
    account_words,
    byte_count,
    checked_symbols,
    clock_words,
    status_text,
    summary,
)
from mm.cli.terminal import Terminal
from mm.errors import EXIT_CONFIG, EXIT_OK, EXIT_UNREACHABLE, EXIT_USAGE, UsageError
from mm.runtime.record import RecordCounts
from mm.runtime.record_account import OwnCounts
from mm.store.recordings.framed.reader import FramedRecording, FramedSegment
from mm.store.recordings.framed.writer import FramedTotals
from tests.builders.configs import SMALL
from tests.builders.exchange_thread import hosted

COUNTS = RecordCounts(
    frames=500, frame_bytes=99_000, snapshots=2, gaps=1, connections=3, offset_ns=-1_500_000
)
TOTALS = FramedTotals(segment=2, files=2, bytes=120_000_000, written=1, records=600, dropped=0)
LIVE = """\
mode = "live"

[venue.main]
key = "env:MM_TEST_KEY"
secret = "env:MM_TEST_SECRET"
url = "{url}"

[pair.btc]
symbol = "BTC/USDT"

[pair.btc.params]
bid_spread_bps = 4
ask_spread_bps = 4
order_amount_base = 0.01
order_refresh_time_ms = 2_000

[risk]
max_notional_quote = 5_000
max_order_notional_quote = 700
session_loss_quote = 100
"""


def a_state(**changes: object) -> RecordState:
    """How a recording goes."""
    fields: dict[str, object] = {
        "ran_s": 10.0,
        "counts": COUNTS,
        "totals": TOTALS,
        "books": 1,
        "is_up": True,
        "waiting_bytes": 0,
    }
    return RecordState(**(fields | changes))  # type: ignore[arg-type]  # the caller names the fields


def test_a_market_is_recorded_for_programs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object with what was heard and where it is; the files can be read."""
    with hosted() as exchange:
        options = ["--symbol", "BTC/USDT", "--for", "1500ms", "--into", "rec", "--url", exchange.url]
        assert carry_out(["record", *options, "--json"]) == EXIT_OK
    out = capsys.readouterr().out
    told = json.loads(out)
    assert out.count("\n") == 1
    assert (told["ok"], told["ended"], told["gaps"], told["symbols"]) == (True, "done", 0, ["BTC/USDT"])
    assert told["frames"] > 5
    recording = FramedRecording([folder / "rec"])
    assert recording.headers[0].recording == told["recording"]
    assert sum(path.stat().st_size for path in recording.segments) == told["bytes"]
    assert sum(1 for _ in FramedSegment(recording.segments[0])) == told["records"] + 1


def test_a_market_is_recorded_for_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Said before and after; at its bound it ends, with exit code 0: that was asked for."""
    with hosted() as exchange:
        options = ["--symbol", "BTC/USDT", "--into", "rec", "--url", exchange.url, "--max-bytes", "100K"]
        assert carry_out(["record", *options, "--drop-oldest", "--for", "1s", "--keep", "1d"]) == EXIT_OK
    said = capsys.readouterr()
    assert "recording BTC/USDT of binance into rec for 1 s" in said.err
    for part in ("ended      done, after 1.", "frames     ", "gaps       0, 1 connections", "rec/binance-"):
        assert part in said.out


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--symbol", "btcusdt"], EXIT_USAGE, "expected a pair"),
        (["--symbol", "BTC/USDT", "--symbol", "BTC/USDT"], EXIT_USAGE, "given twice"),
        (["--symbol", "BTC/USDT", "--drop-oldest"], EXIT_USAGE, "without --max-bytes"),
        (["--symbol", "BTC/USDT", "--max-bytes", "10K"], EXIT_USAGE, "expected 100000 or more"),
        (["--symbol", "BTC/USDT", "--max-bytes", "ten"], EXIT_USAGE, "is no size"),
        (["--symbol", "BTC/USDT", "--rotate", "10ms"], EXIT_USAGE, "below 1s"),
        (["--symbol", "BTC/USDT", "--for", "10"], EXIT_USAGE, "has no unit"),
        (["--symbol", "BTC/USDT", "--url", "http://example.org"], EXIT_USAGE, "expected https://"),
        (["--symbol", "BTC/USDT", "--venue", "kraken"], EXIT_CONFIG, "expected binance"),
        (["--symbol", "BTC/USDT", "--url", "http://127.0.0.1:1"], EXIT_UNREACHABLE, ""),
    ],
)
def test_what_makes_no_sense_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int, said: str
) -> None:
    """With the exit code of its kind; nothing is written."""
    assert carry_out(["record", *options, "--into", "rec"]) == code
    assert said in capsys.readouterr().err.replace("\n", " ").replace("│", "")
    assert not (folder / "rec").exists()


def test_a_disk_with_too_little_free_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is recorded, with what would have to be left."""
    with hosted() as exchange:
        options = ["--symbol", "BTC/USDT", "--into", "rec", "--url", exchange.url, "--free", "900000T"]
        assert carry_out(["record", *options]) == EXIT_CONFIG
    assert "are to be left" in capsys.readouterr().err


def test_sizes_are_read_with_their_units() -> None:
    """Powers of a thousand; other things are no size."""
    assert [byte_count(text) for text in ("7", "500M", "1.5g", "2TB", "3k")] == [
        7,
        500_000_000,
        1_500_000_000,
        2_000_000_000_000,
        3_000,
    ]
    for text in ("", "-1", "1X", "1e9", "٣M"):
        with pytest.raises(typer.BadParameter):
            byte_count(text)


def test_a_connection_takes_so_many_symbols() -> None:
    """Three streams each."""
    with pytest.raises(UsageError, match="101 symbols were given"):
        checked_symbols([f"A{number}/USDT" for number in range(101)])


def test_the_line_says_how_it_goes() -> None:
    """Rate since it was shown last; whether there is a connection."""
    line = status_text(a_state(), (5.0, 100))
    assert line == "10 s  1 books  500 frames (80/s)  120.0 MB in 2 files  1 gaps  clock -1.5 ms"
    assert "not connected" in status_text(a_state(is_up=False, counts=RecordCounts()), (10.0, 0))
    assert status_text(a_state(counts=RecordCounts()), (0.0, 0)).endswith("clock -")


def test_the_line_is_for_terminals(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Elsewhere nothing is written."""
    line = StatusLine(Terminal())
    line.show(a_state())
    line.end()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    line = StatusLine(Terminal())
    line.show(a_state())
    line.end()
    assert "500 frames" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("offset_ns", "words"),
    [(22_200_000, "22.2 ms ahead"), (-22_200_000, "22.2 ms behind")],
)
def test_the_clock_is_told_with_its_round_trip(offset_ns: int, words: str) -> None:
    """Which of the two is ahead, in words."""
    counts = RecordCounts(measures=2, offset_ns=offset_ns, round_trip_ns=3_100_000)
    said = clock_words(counts)
    assert said == f"the venue's clock is {words}, measured with a round trip of 3.1 ms"


def test_the_line_says_how_the_account_goes() -> None:
    """What was heard of it, or that it is not heard now."""
    heard = OwnCounts(kinds={"answer": 1, "executionReport": 4})
    assert "1 books  account 5 texts  500 frames" in status_text(
        a_state(account=heard, account_is_up=True), (0, 0)
    )
    assert "1 books  account not connected  500" in status_text(a_state(account=heard), (0, 0))


def test_an_account_is_recorded_beside_a_market(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named by the bot's config, which names the venue's address too; told for people and for programs."""
    with hosted() as exchange:
        monkeypatch.setenv("MM_TEST_KEY", exchange.key)
        monkeypatch.setenv("MM_TEST_SECRET", exchange.secret)
        (folder / "bot.toml").write_text(LIVE.format(url=exchange.url))
        options = ["--symbol", "BTC/USDT", "--for", "1s", "--account", "bot.toml"]
        assert carry_out(["record", *options, "--into", "rec"]) == EXIT_OK
        said = capsys.readouterr()
        assert carry_out(["record", *options, "--into", "more", "--json"]) == EXIT_OK
        told = json.loads(capsys.readouterr().out)["account"]
    assert "of binance and the account of bot.toml into rec" in said.err
    assert "account    0 order reports, 0 balance changes; 3 listings; 1 connections\n" in said.out
    assert (told["kinds"], told["connections"], told["lost"]) == ({"answer": 1}, 1, 0)
    assert FramedRecording([folder / "more"]).headers[0].has_account
    assert account_words(OwnCounts(connections=2, lost=1)).endswith("2 connections, lost 1 times")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--account", "bot.toml", "--url", "http://127.0.0.1:1"], EXIT_USAGE, "beside --account"),
        (["--account", "paper.toml"], EXIT_CONFIG, "paper.toml: mode is paper: it has no account"),
        (["--account", "none.toml"], EXIT_CONFIG, "none.toml"),
        (["--account", "bot.toml"], EXIT_CONFIG, "env:MM_TEST_KEY: the variable is not set"),
    ],
)
def test_a_config_whose_account_cannot_be_heard_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int, said: str
) -> None:
    """With the exit code of its kind, before anything is written."""
    (folder / "bot.toml").write_text(LIVE.format(url="http://127.0.0.1:1"))
    (folder / "paper.toml").write_text(SMALL.replace("demo", "paper"))
    assert carry_out(["record", "--symbol", "BTC/USDT", "--into", "rec", *options]) == code
    assert said in capsys.readouterr().err.replace("\n", " ").replace("│", "")
    assert not (folder / "rec").exists()


def test_the_summary_says_what_was_not_measured() -> None:
    """A recording of no time at all is one too."""
    report = RecordReport(
        recording="r",
        directory="d",
        venue="binance",
        symbols=("BTC/USDT",),
        began_ns=1,
        ended_ns=1,
        ended="stopped",
        counts=RecordCounts(),
        totals=FramedTotals(),
    )
    said = summary(report)
    assert "clock      not measured" in said
    assert "stopped, after 0.0 s" in said
