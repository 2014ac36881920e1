"""`mm exchange` as a process and as a command."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest

from mm.cli.main import carry_out
from mm.errors import EXIT_CONFIG, EXIT_OK, EXIT_USAGE
from mm.exchange.faults.plan import EXAMPLE
from tests.builders.recordings import Tape, ordinary


def started(*arguments: str, temporary: Path | None = None) -> "subprocess.Popen[str]":
    """An exchange as a process of its own. Args: temporary: where its temporary files are."""
    command = [sys.executable, "-m", "mm", "exchange", "--agents", "7", "--port", "0", *arguments]
    around = os.environ | ({"TMPDIR": str(temporary)} if temporary else {})
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=around)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_end(folder: Path, number: signal.Signals) -> None:
    """The ready file appears when it serves, and goes when it ends; standard output says where."""
    ready = folder / "ready.json"
    with started("--json", "--ready-file", str(ready), "--start-base", "2.5") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        written = json.loads(ready.read_text())
        with urllib.request.urlopen(f"{told['url']}/api/v3/time", timeout=5) as answer:
            assert "serverTime" in json.load(answer)
        process.send_signal(number)
        assert process.wait(10) == EXIT_OK

    assert written["api_key"] == told["api_key"]
    assert written["pid"] == process.pid
    assert not ready.exists()


def test_one_that_is_killed_leaves_nothing_behind_but_the_ready_file_that_was_asked_for(folder: Path) -> None:
    """Thousands of them are killed on a machine that tries them."""
    temporary, ready = folder / "temporary", folder / "ready.json"
    temporary.mkdir()
    with started("--json", "--ready-file", str(ready), temporary=temporary) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.kill()
        process.wait(10)

    assert list(temporary.iterdir()) == []


def test_people_are_told_where_and_with_which_key() -> None:
    """Without a ready file too."""
    with started() as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == EXIT_OK

    assert lines[0].startswith("serving    http://127.0.0.1:")
    assert lines[1].startswith("api key    ")
    assert lines[2].startswith("api secret ")


def test_a_ready_file_that_cannot_be_written_is_an_error(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its name and a hint; exit code 4, and nothing serves."""
    file = folder / "nowhere" / "ready.json"
    assert carry_out(["exchange", "--agents", "7", "--port", "0", "--ready-file", str(file)]) == EXIT_CONFIG
    err = capsys.readouterr().err
    assert f"{file}: the ready file cannot be written: No such file or directory" in err
    assert "hint: " in err


def test_a_port_in_use_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """With a hint; exit code 4."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert carry_out(["exchange", "--agents", "7", "--port", str(port)]) == EXIT_CONFIG

    err = capsys.readouterr().err
    assert f"port {port} on 127.0.0.1 is already in use" in err
    assert "--port 0" in err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], EXIT_USAGE, "--agents"),
        (["--agents", "x"], EXIT_USAGE, "x"),
        (["--agents", "1", "--port", "70000"], EXIT_USAGE, "65535"),
        (["--agents", "1", "--preset", "bear"], EXIT_CONFIG, "bear"),
        (["--agents", "1", "--start-base", "much"], EXIT_USAGE, "--start-base was 'much'"),
        (["--agents", "1", "--start-base", "nan"], EXIT_USAGE, "--start-base was 'nan'"),
        (["--agents", "1", "--start-quote", "-1"], EXIT_USAGE, "--start-quote was -1, expected 0 to"),
        (["--agents", "1", "--start-quote", "0.123456789"], EXIT_USAGE, "at most 8 decimals"),
        (["--agents", "1", "--replay", "x"], EXIT_USAGE, "exactly one of --agents SEED and --replay FILE"),
        (["--agents", "1", "x.gz"], EXIT_USAGE, "unexpected x.gz"),
        (["--agents", "1", "--speed", "2"], EXIT_USAGE, "--speed is for a recording"),
        (["--agents", "1", "--maker-fee-bps", "2"], EXIT_USAGE, "--maker-fee-bps is for a recording"),
        (["--replay", "x", "--preset", "demo"], EXIT_USAGE, "--preset chooses simulated traders"),
        (["--replay", "x", "--speed", "fast"], EXIT_USAGE, "--speed"),
        (["--replay", "nowhere.gz"], EXIT_CONFIG, "nowhere.gz: cannot be read"),
    ],
)
def test_a_wrong_flag_is_told(
    capsys: pytest.CaptureFixture[str], arguments: Sequence[str], code: int, told: str
) -> None:
    """Before anything listens."""
    assert carry_out(["exchange", *arguments]) == code

    assert told in capsys.readouterr().err


def recording(folder: Path) -> Path:
    """A small recording as a file."""
    return ordinary().save(folder / "tape.gz")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--tick", "much"], "--tick was 'much'"),
        (["--lot", "-1"], "--lot was '-1'"),
        (["--maker-fee-bps", "1000"], "--maker-fee-bps was '1000'"),
        (["--taker-fee-bps", "0.001"], "--taker-fee-bps was '0.001'"),
        (["--taker-fee-bps", "free"], "--taker-fee-bps was 'free'"),
    ],
)
def test_an_option_of_a_replay_that_is_no_such_number_is_told(
    capsys: pytest.CaptureFixture[str], folder: Path, arguments: Sequence[str], told: str
) -> None:
    """Exit code 2, before anything listens."""
    assert carry_out(["exchange", "--replay", str(recording(folder)), *arguments]) == EXIT_USAGE

    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--speed", "0.05"], "speed was 0.05, expected 0.1 to 1000"),
        (["--speed", "nan"], "speed was nan"),
        (["--tick", "0.1"], "--tick was 0.1, but the recording lies on a grid of 0.01"),
        (["--base", "ETH"], "do not make BTCUSDT"),
    ],
)
def test_an_option_that_does_not_fit_the_recording_is_told(
    capsys: pytest.CaptureFixture[str], folder: Path, arguments: Sequence[str], told: str
) -> None:
    """Exit code 4, before anything listens."""
    assert carry_out(["exchange", "--replay", str(recording(folder)), *arguments]) == EXIT_CONFIG

    assert told in capsys.readouterr().err


def test_a_damaged_recording_is_not_served(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """File, line and byte are named, on standard error and in the JSON."""
    path = recording(folder)
    path.write_bytes(path.read_bytes()[:-300])

    assert carry_out(["exchange", "--replay", str(path), "--json"]) == EXIT_CONFIG

    out, err = capsys.readouterr()
    assert re.search(rf"{re.escape(str(path))}: damaged at line \d+, byte \d+: .*truncated", err)
    assert json.loads(out.splitlines()[-1])["ok"] is False


def test_a_recording_in_two_files_is_served(folder: Path) -> None:
    """The ready file holds the time scale and what is replayed; nothing is written where nobody watches."""
    whole = ordinary()
    first, second = Tape(), Tape()
    first.lines, second.lines = whole.lines[:30], whole.lines[30:]
    paths = [str(tape.save(folder / f"{name}.gz")) for name, tape in (("a", first), ("b", second))]
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "mm", "exchange", "--replay", *paths, "--speed", "10", "--port", "0"]
    command += ["--json", "--ready-file", str(ready)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        told = json.loads(process.stdout.readline())
        written = json.loads(ready.read_text())
        with urllib.request.urlopen(f"{told['url']}/_mm/truth?only=clock", timeout=5) as answer:
            truth = json.load(answer)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == EXIT_OK
        assert process.stderr.read() == ""

    assert written["time_scale"] == truth["time_scale"] == 10
    assert truth["recording"] == written["recording"]
    assert truth["recording"]["files"] == paths
    assert (truth["recording"]["frames_served"], truth["recording"]["frames_total"]) == (0, len(whole.lines))
    assert truth["now_ns"] == truth["start_ns"] == truth["recording"]["first_ns"]


def test_a_person_is_told_of_what_is_missing(folder: Path) -> None:
    """A recording without a snapshot, one with a gap: served, and said."""
    tape = ordinary().diff(skip=3)
    tape.lines = [line for line in tape.lines if b"lastUpdateId" not in line]
    command = [
        sys.executable,
        "-m",
        "mm",
        "exchange",
        "--replay",
        str(tape.save(folder / "t")),
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == EXIT_OK
        said = process.stderr.read()

    assert "has no snapshot of the book" in said
    assert "are missing, one of 1 gaps" in said


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        (None, "plan.toml: cannot be read: No such file or directory", ""),
        ('[[fault]]\nkind = "lostack"\n', "plan.toml:2: fault.0.kind: was 'lostack'", "'lost_ack'"),
        ('[[fault]]\nkind = "slow\n', "plan.toml:2: not valid TOML", "[[fault]]"),
        ("", "plan.toml:1: fault: expected 1 to 1000 tables", "[[fault]]"),
    ],
)
def test_a_plan_of_faults_that_does_not_parse_is_told(
    capsys: pytest.CaptureFixture[str], folder: Path, text: str | None, told: str, hint: str
) -> None:
    """File, line, key, what was expected; exit code 4, nothing is served."""
    path = folder / "plan.toml"
    if text is not None:
        path.write_text(text)

    assert carry_out(["exchange", "--agents", "1", "--faults", str(path)]) == EXIT_CONFIG

    out, err = capsys.readouterr()
    assert told in err
    assert hint in err
    assert "serving" not in out


@pytest.mark.parametrize("is_replay", [False, True])
def test_faults_go_with_agents_and_with_a_recording(folder: Path, is_replay: bool) -> None:
    """The example of the documentation is in force as soon as it serves."""
    plan = folder / "plan.toml"
    plan.write_text(EXAMPLE)
    market = ["--replay", str(recording(folder))] if is_replay else ["--agents", "7"]
    command = [sys.executable, "-m", "mm", "exchange", *market, "--port", "0", "--json"]
    with subprocess.Popen([*command, "--faults", str(plan)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        with urllib.request.urlopen(f"{url}/_mm/faults", timeout=5) as answer:
            told = json.load(answer)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == EXIT_OK

    assert told["seed"] == 7
    assert [(row["kind"], row["state"]) for row in told["active"]] == [
        ("lost_ack", "active"),
        ("late", "active"),
        ("banned", "waiting"),
    ]
