"""`mm viability` as a person and as a program use it."""

import json
from pathlib import Path

import pytest

from mm.cli.main import carry_out
from mm.errors import EXIT_CONFIG, EXIT_OK, EXIT_UNREACHABLE, EXIT_USAGE
from tests.builders.exchange_thread import hosted_replay
from tests.builders.market_tapes import long_recording


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes of a market whose mid moves at random: a fee cannot be earned in it."""
    return long_recording(seconds=120).save(tmp_path_factory.mktemp("data") / "tape.gz")


def test_a_recording_is_judged_for_people(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Costs and edge by distance, the touch, a verdict, and what it cannot tell; exit 0 with a no."""
    assert carry_out(["viability", str(recording), "--horizon", "1s"]) == EXIT_OK
    said = capsys.readouterr().out
    assert said.startswith("BTCUSDT spot: 2.0 min, ")
    parts = ("bps from mid", "impact 1 s", "break-even half-spread", "break-even maker fee at the touch")
    for part in (
        *parts,
        "rounded by itself",
        "95 % between",
        "market orders, each once",
        "This cannot tell:",
    ):
        assert part in said
    assert "No: with a maker fee of 10 bps" in said or "Not recommended" in said
    assert "--maker-fee-bps says yours" in said


def test_a_recording_is_judged_for_programs(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object; the same figures twice; a fee that is named is not assumed."""
    answers = []
    for _ in range(2):
        options = ["--json", "--maker-fee-bps", "-0.5", "--distances", "0.5,0.1"]
        assert carry_out(["viability", str(recording), *options]) == EXIT_OK
        out = capsys.readouterr().out
        assert out.count("\n") == 1
        answers.append(json.loads(out))
    assert answers[0] == answers[1]
    answer = answers[0]
    assert answer["ok"] is True
    assert (answer["symbol"], answer["market"], answer["source"]) == ("BTCUSDT", "spot", "tape.gz")
    assert (answer["maker_fee_bps"], answer["maker_fee_assumed"]) == (-0.5, False)
    assert [row["distance_bps"] for row in answer["distances"]] == [0.1, 0.5]
    for row in answer["distances"]:
        assert row["edge_bps"] == pytest.approx(row["earned"]["mean_bps"] + 0.5)
        assert row["low_bps"] < row["edge_bps"] < row["high_bps"]
    assert answer["verdict"] in ("yes", "no", "not known")


def test_a_generous_rebate_is_a_yes_with_exit_zero(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verdict may also be yes."""
    assert carry_out(["viability", str(recording), "--maker-fee-bps", "-50", "--json"]) == EXIT_OK
    answer = json.loads(capsys.readouterr().out)
    assert answer["verdict"] == "yes"
    assert answer["yes_from_bps"] == 0.02


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nothing.gz"], EXIT_USAGE, "nothing.gz: no such file, and no symbol alone"),
        (["btc/usdt"], EXIT_USAGE, "a symbol is written as BTC/USDT"),
        (["BTC/USDT", "ETH/USDT"], EXIT_USAGE, "BTC/USDT: no such file"),
        (["x", "--maker-fee-bps", "lots"], EXIT_USAGE, "--maker-fee-bps was 'lots'"),
        (["x", "--maker-fee-bps", "0.001"], EXIT_USAGE, "by 0.01"),
        (["x", "--maker-fee-bps", "1000"], EXIT_USAGE, "-100 to 100"),
        (["x", "--maker-fee-bps", "nan"], EXIT_USAGE, "--maker-fee-bps was 'nan'"),
        (["x", "--distances", "1,x"], EXIT_USAGE, "--distances was '1,x'"),
        (["x", "--distances", "-1"], EXIT_USAGE, "--distances was '-1'"),
        (["x", "--distances", "nan"], EXIT_USAGE, "--distances was 'nan'"),
        (["x", "--maker-fee-bps", "snan"], EXIT_USAGE, "expected -100 to 100 by 0.01"),
        (["x", "--maker-fee-bps", "inf"], EXIT_USAGE, "expected -100 to 100 by 0.01"),
        (["x", "--distances", "inf"], EXIT_USAGE, "--distances was 'inf'"),
        (["x", "--horizon", "5"], EXIT_USAGE, "has no unit"),
        (["BTC/USDT", "--for", "15s"], EXIT_USAGE, "--for was 15s, expected at least 30s"),
        (["BTC/USDT", "--horizon", "10m"], EXIT_USAGE, "--for was 300s, expected at least 1800s"),
        (["x", "--horizon", "nan"], EXIT_USAGE, "'nan' is no duration: write 30s, 5m, 500ms or 1h30m"),
        (["x", "--refresh", "nan"], EXIT_USAGE, "'nan' is no duration: write 30s, 5m, 500ms or 1h30m"),
        (["x", "--refresh", "1ms"], EXIT_USAGE, "--refresh was below 10ms"),
        (["BTC/USDT", "--url", "http://example.com"], EXIT_USAGE, "--url was"),
        (["."], EXIT_CONFIG, "cannot be read"),
    ],
)
def test_what_cannot_be_judged_is_told(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    """With what was expected, and its own exit code."""
    assert carry_out(["viability", *arguments]) == code
    assert said in capsys.readouterr().err


def test_files_and_an_address_do_not_go_together(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An address is where a symbol is listened to."""
    arguments = ["viability", str(recording), "--url", "http://127.0.0.1:1"]
    assert carry_out(arguments) == EXIT_USAGE
    assert "does not go with files" in capsys.readouterr().err


def test_too_short_a_recording_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By name, and with what is needed."""
    short = long_recording(seconds=10).save(tmp_path / "short")
    assert carry_out(["viability", str(short), "--json"]) == EXIT_CONFIG
    captured = capsys.readouterr()
    assert "short: it is 9.9 s long, expected at least 30 s" in captured.err
    assert json.loads(captured.out)["ok"] is False


def test_quotes_that_are_hardly_ever_moved_are_refused(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An hour is a duration as any other, but a recording of two minutes says nothing of it."""
    assert carry_out(["viability", str(recording), "--refresh", "1h"]) == EXIT_CONFIG
    said = capsys.readouterr().err
    assert "too short for quotes that are moved every 3600 s" in said
    assert "it has to fit in 30 times" in said
    assert carry_out(["viability", str(recording), "--refresh", "2s", "--json"]) == EXIT_OK


def test_a_symbol_is_listened_to(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At the address that is named, for as long as is said; nothing there is told with its own exit code."""
    with hosted_replay(recording, speed=40.0) as exchange:
        url = exchange.url
        arguments = ["viability", "BTC/USDT", "--url", url, "--for", "50s", "--horizon", "1s", "--json"]
        assert carry_out(arguments) == EXIT_OK
    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert (answer["symbol"], answer["source"]) == ("BTCUSDT", "BTC/USDT")
    assert 30 < answer["duration_s"] < 60
    assert "listening to BTC/USDT for 50 s" in captured.err
    assert carry_out(["viability", "BTC/USDT", "--url", url, "--for", "50s"]) == EXIT_UNREACHABLE
