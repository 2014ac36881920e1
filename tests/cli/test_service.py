"""`mm service install`: the unit is right, hardened, and never put over one that somebody changed."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mm.cli.main import carry_out
from mm.cli.service import UNIT_FILE, UNIT_NAME, unit_text, user_unit
from mm.errors import EXIT_CONFIG, EXIT_OK
from mm.runtime.live import STOP_PATIENCE_S
from tests.gate.allowed_skips import NEEDS_SYSTEMD

EXPOSURE_MAX = 1.5

ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason=NEEDS_SYSTEMD)


@pytest.fixture
def config_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder of configs, which is not there yet."""
    folder = tmp_path / "config"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    return folder


def analysed(folder: Path, text: str, *arguments: str) -> str:
    """Return what systemd's own tool says about a unit; fails if it finds a fault."""
    unit = folder / UNIT_NAME
    unit.write_text(text)
    assert ANALYZE is not None
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
    command = [ANALYZE, *arguments, str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout + done.stderr


def values(text: str, key: str) -> list[str]:
    """Return the values of a key in the unit."""
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


@needs_systemd
@pytest.mark.parametrize("user", [False, True])
def test_systemd_finds_nothing_wrong_with_it(user: bool, tmp_path: Path) -> None:
    """Both kinds, as they are installed."""
    text = unit_text(sys.executable, user=user)
    arguments = ("verify", "--user") if user else ("verify", "--system")
    assert analysed(tmp_path, text, *arguments) == ""


@needs_systemd
def test_systemd_calls_the_exposure_low(tmp_path: Path) -> None:
    """0 is nothing exposed, 10 everything; a plain unit has 9 or so."""
    text = unit_text(sys.executable, user=False)
    said = analysed(tmp_path, text, "security", "--offline=true", "--threshold=15")
    (level,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert float(level) <= EXPOSURE_MAX


def test_the_unit_fits_the_daemon() -> None:
    """It is told when it is ready and alive, may take its time to stop, and is not restarted in vain."""
    text = unit_text("/opt/mm/bin/python", user=False)
    assert values(text, "ExecStart") == ["/opt/mm/bin/python -m mm run %E/mm/%i.toml --headless"]
    assert values(text, "ExecReload") == ["/bin/kill -HUP $MAINPID"]
    assert values(text, "Type") == ["notify"]
    assert int(values(text, "WatchdogSec")[0]) > 0
    assert int(values(text, "TimeoutStopSec")[0]) > STOP_PATIENCE_S
    assert values(text, "RestartPreventExitStatus") == ["2 4 6 8"]
    assert values(text, "WantedBy") == ["multi-user.target"]


def test_the_unit_of_a_user_asks_for_nothing_that_only_the_system_may_do() -> None:
    """Otherwise it would not start at all; what needs no rights is kept."""
    text = unit_text("/opt/mm/bin/python", user=True)
    for key in ("DynamicUser", "ProtectSystem", "ProtectClock", "CapabilityBoundingSet", "PrivateDevices"):
        assert values(text, key) == []
    for key in ("NoNewPrivileges", "SystemCallFilter", "MemoryDenyWriteExecute", "UMask", "WatchdogSec"):
        assert values(text, key)
    assert values(text, "WantedBy") == ["default.target"]
    assert "network-online" not in text


def test_a_path_with_spaces_and_percents_stays_one_word() -> None:
    """As systemd reads it."""
    text = unit_text("/opt/my mm/100%/python", user=False)
    assert values(text, "ExecStart")[0].startswith('"/opt/my mm/100%%/python" -m mm run')


def test_by_default_it_only_tells(config_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the unit belongs and what to type."""
    assert carry_out(["service", "install"]) == EXIT_OK
    told = capsys.readouterr().out
    assert "nothing was written" in told
    assert "sudo systemctl enable --now mm@NAME" in told
    assert not config_home.exists()


def test_a_python_at_home_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A service of the system cannot look in there."""
    home = Path("/", "home", "me")
    monkeypatch.setattr(sys, "executable", f"{home}/.venv/bin/python")
    assert carry_out(["service", "install"]) == EXIT_OK
    assert f"cannot see {home}" in capsys.readouterr().out
    monkeypatch.setattr(sys, "executable", "/opt/mm/bin/python")
    assert carry_out(["service", "install"]) == EXIT_OK
    assert "cannot see" not in capsys.readouterr().out


@pytest.mark.parametrize("user", [False, True])
def test_it_prints_the_unit_and_nothing_else(
    user: bool, config_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fit for a pipe."""
    flags = ["--user"] if user else []
    assert carry_out(["service", "install", "--print", *flags]) == EXIT_OK
    assert capsys.readouterr().out == unit_text(sys.executable, user=user)
    assert not config_home.exists()


def test_it_writes_the_users_unit_once(config_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second time there is nothing to do."""
    assert carry_out(["service", "install", "--user", "--json"]) == EXIT_OK
    told = json.loads(capsys.readouterr().out)
    unit = config_home / "systemd" / "user" / UNIT_NAME
    assert (told["unit"], told["written"]) == (str(unit), True)
    assert "systemctl --user enable --now mm@NAME" in told["commands"]
    assert unit.read_text() == told["text"] == unit_text(sys.executable, user=True)
    assert carry_out(["service", "install", "--user"]) == EXIT_OK
    assert "is there already, unchanged" in capsys.readouterr().out


def test_a_unit_that_was_changed_is_left_alone(config_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody had a reason."""
    unit = user_unit()
    unit.parent.mkdir(parents=True)
    unit.write_text("mine")
    assert carry_out(["service", "install", "--user"]) == EXIT_CONFIG
    assert unit.read_text() == "mine"
    assert "is there already and differs" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_told(
    config_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here its place is taken by a file."""
    config_home.write_text("")
    assert carry_out(["service", "install", "--user"]) == EXIT_CONFIG
    assert "cannot be written" in capsys.readouterr().err


def test_without_a_variable_it_is_in_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As systemd looks for it."""
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_unit() == tmp_path / ".config" / "systemd" / "user" / UNIT_NAME
    assert UNIT_FILE.name == UNIT_NAME
