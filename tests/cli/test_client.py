"""Asking a daemon: answers, refusals, and daemons that are not there or not well."""

import os
import socket
from pathlib import Path

import pytest

from mm.cli import client as client_module
from mm.cli.client import Client, known_dir, refusal, running_dir, who
from mm.errors import (
    EXIT_USAGE,
    ConfigError,
    Halted,
    MMError,
    NotRunning,
    OrdersMayRemain,
    StateCorrupt,
    TimedOut,
    VenueUnreachable,
)
from mm.store.lock import DirectoryLock
from mm.store.paths import made_control_socket
from mm.store.runstate import RunState
from tests.builders.daemon import FakeDaemon


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory under ./var of a working directory of its own."""
    return tmp_path / "var" / "demo"


def test_a_request_says_what_for_which_session_why_and_who(data_dir: Path) -> None:
    """All that an audit needs, in one line."""
    with (
        FakeDaemon(data_dir, lambda request: {"ok": True, "echo": request["do"]}) as daemon,
        Client(data_dir) as client,
    ):
        assert client.ask("pause", session="btc", reason="lunch") == {"ok": True, "echo": "pause"}
        assert client.ask("status")["echo"] == "status"

    assert daemon.asked[0] == {"v": 1, "do": "pause", "session": "btc", "reason": "lunch", "who": who()}
    assert who().endswith("@cli")


def test_no_daemon_is_an_error_that_says_how_to_start_one(data_dir: Path) -> None:
    """With or without a directory, or with a socket that nobody listens on."""
    with pytest.raises(NotRunning, match="no daemon runs on") as caught:
        Client(data_dir)
    assert "no such directory" in caught.value.hint

    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(made_control_socket(data_dir)))
        with pytest.raises(NotRunning, match="no daemon runs on") as caught:
            Client(data_dir)
    assert "mm demo" in caught.value.hint


def test_a_directory_with_a_very_long_name_works_too(tmp_path: Path) -> None:
    """A socket's path is short of room; both sides find another place."""
    data_dir = tmp_path / ("d" * 100)

    with FakeDaemon(data_dir, lambda _: {"ok": True}), Client(data_dir) as client:
        assert client.ask("status") == {"ok": True}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (3, NotRunning),
        (4, ConfigError),
        (5, TimedOut),
        (6, Halted),
        (7, VenueUnreachable),
        (8, OrdersMayRemain),
        (EXIT_USAGE, ConfigError),
        (None, ConfigError),
    ],
)
def test_a_refusal_is_the_error_of_its_exit_code(code: int | None, kind: type[MMError]) -> None:
    """The daemon's word on message, hint and code is kept."""
    error = refusal({"ok": False, "error": "no", "hint": "do so", "exit_code": code})

    assert type(error) is kind
    assert (str(error), error.hint) == ("no", "do so")
    assert error.exit_code == (1 if code is None else code)


def test_a_refused_request_raises(data_dir: Path) -> None:
    """With what the daemon said."""
    answer = {"ok": False, "error": "there is no session 'x'", "hint": "sessions: btc", "exit_code": 3}

    with (
        FakeDaemon(data_dir, lambda _: answer),
        Client(data_dir) as client,
        pytest.raises(NotRunning, match="no session"),
    ):
        client.ask("pause", session="x")


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (None, NotRunning, "went away"),
        (b'{"ok": true', NotRunning, "went away"),
        (b"nonsense\n", ConfigError, "no JSON object"),
        (b"[1]\n", ConfigError, "no JSON object"),
        (b'{"ok": "yes"}\n', ConfigError, "refused"),
    ],
)
def test_a_daemon_that_answers_badly_is_an_error(
    data_dir: Path, answer: bytes | None, kind: type[MMError], told: str
) -> None:
    """It hung up, or said something else."""
    with (
        FakeDaemon(data_dir, lambda _: answer),
        Client(data_dir) as client,
        pytest.raises(kind, match=told),
    ):
        client.ask("status")


def test_a_daemon_that_ended_between_two_requests_is_an_error(data_dir: Path) -> None:
    """It was there a moment ago."""
    with FakeDaemon(data_dir, lambda _: None):
        client = Client(data_dir)
        with pytest.raises(NotRunning):
            client.ask("status")
        with pytest.raises(NotRunning, match="went away"):
            client.ask("status")
        client.close()


def test_a_daemon_that_does_not_answer_is_a_timeout(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a hang."""
    monkeypatch.setattr(client_module, "ANSWER_TIMEOUT_S", 0.05)

    with (
        FakeDaemon(data_dir, lambda _: b""),
        Client(data_dir) as client,
        pytest.raises(TimedOut, match="no answer in"),
    ):
        client.ask("status")


def test_a_socket_of_another_user_is_not_asked(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could be anybody's."""
    path = made_control_socket(data_dir)
    monkeypatch.setattr(client_module, "control_socket", lambda _: path)
    with FakeDaemon(data_dir, lambda _: {"ok": True}):
        if os.getuid() == 0:
            os.chown(path, 12_345, -1)
        else:
            monkeypatch.setattr(os, "getuid", lambda: 12_345)

        with pytest.raises(StateCorrupt, match="another user"):
            Client(data_dir)


def test_the_only_running_daemon_under_var_is_meant(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to name it; a directory that nobody holds does not count."""
    monkeypatch.chdir(data_dir.parents[1])
    RunState.open(data_dir.parent / "old")

    with pytest.raises(NotRunning, match="no daemon runs under"):
        running_dir(None)
    with DirectoryLock(data_dir):
        assert running_dir(None) == Path("var/demo")
        with DirectoryLock(data_dir.parent / "live"), pytest.raises(NotRunning, match="2 daemons run"):
            running_dir(None)
    assert running_dir(Path("x")) == Path("x")


def test_a_directory_without_a_daemon_can_be_meant_too(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that runs is preferred; of several that do not run one has to be named."""
    monkeypatch.chdir(data_dir.parents[1].absolute())
    with pytest.raises(NotRunning, match="no data directory"):
        known_dir(None)
    RunState.open(data_dir)
    assert known_dir(None) == Path("var/demo")
    RunState.open(data_dir.parent / "live")
    with pytest.raises(NotRunning, match="2 data directories"):
        known_dir(None)
    with DirectoryLock(data_dir):
        assert known_dir(None) == Path("var/demo")
    assert known_dir(Path("x")) == Path("x")


def test_a_directory_that_cannot_be_looked_at_is_passed_over(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not the one that is meant."""
    monkeypatch.chdir(data_dir.parents[1].absolute())
    (data_dir.parent / "odd").mkdir(parents=True)
    (data_dir.parent / "odd" / "lock").symlink_to("elsewhere")

    with DirectoryLock(data_dir):
        assert running_dir(None) == Path("var/demo")
