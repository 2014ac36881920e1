"""`mm exchange` as a process and as a command."""

import json
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


def started(*arguments: str) -> "subprocess.Popen[str]":
    """An exchange as a process of its own."""
    command = [sys.executable, "-m", "mm", "exchange", "--agents", "7", "--port", "0", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


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
        (["--agents", "1", "--start-base", "much"], EXIT_CONFIG, "--start-base was 'much'"),
        (["--agents", "1", "--start-base", "nan"], EXIT_CONFIG, "--start-base was 'nan'"),
        (["--agents", "1", "--start-quote", "-1"], EXIT_CONFIG, "--start-quote was -1, expected 0 to"),
        (["--agents", "1", "--start-quote", "0.123456789"], EXIT_CONFIG, "at most 8 decimals"),
    ],
)
def test_a_wrong_flag_is_told(
    capsys: pytest.CaptureFixture[str], arguments: Sequence[str], code: int, told: str
) -> None:
    """Before anything listens."""
    assert carry_out(["exchange", *arguments]) == code

    assert told in capsys.readouterr().err
