"""Secrets come from where the config points, from nobody else's file, and show nowhere."""

import copy
import os
import pickle
import stat
from pathlib import Path

import pytest

from mm.errors import ConfigError
from mm.store.secrets import SECRET_BYTES_MAX, Secret, file_fault, read_secret

VALUE = "c4n4ry"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A file with a secret that only its owner can read."""
    path = tmp_path / "key"
    path.write_text(f"{VALUE}\n")
    path.chmod(0o600)
    return path


def test_a_variable_is_read() -> None:
    """Surrounding blanks are not part of a key."""
    assert read_secret("env:MY_KEY", {"MY_KEY": f" {VALUE}\n"}).reveal() == VALUE


def test_the_process_own_variables_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a daemon reads them."""
    monkeypatch.setenv("MM_TEST_KEY", VALUE)

    assert read_secret("env:MM_TEST_KEY").reveal() == VALUE


def test_a_private_file_is_read(key_file: Path) -> None:
    """The line end is not part of a key."""
    assert read_secret(f"file:{key_file}").reveal() == VALUE


def test_a_secret_shows_its_reference_only() -> None:
    """Neither printing nor copying nor an attribute listing gives the value away."""
    secret = Secret("env:MY_KEY", VALUE)

    assert repr(secret) == str(secret) == f"{secret}" == "Secret('env:MY_KEY')"
    assert not hasattr(secret, "__dict__")
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(secret)
    with pytest.raises(TypeError, match="not pickled"):
        copy.deepcopy(secret)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_can_read_is_refused(key_file: Path, mode: int) -> None:
    """With the command that mends it, and without the value."""
    key_file.chmod(mode)

    with pytest.raises(ConfigError, match="others can read it") as caught:
        read_secret(f"file:{key_file}")

    assert caught.value.hint == f"chmod 600 {key_file}"
    assert VALUE not in str(caught.value)


def test_a_link_is_refused(key_file: Path, tmp_path: Path) -> None:
    """What it leads to could be changed by others."""
    link = tmp_path / "link"
    link.symlink_to(key_file)

    with pytest.raises(ConfigError, match="it is a link"):
        read_secret(f"file:{link}")


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    """Opening one would hang."""
    os.mkfifo(tmp_path / "pipe", 0o600)

    with pytest.raises(ConfigError, match="no regular file"):
        read_secret(f"file:{tmp_path / 'pipe'}")


def test_a_file_of_another_user_is_refused(key_file: Path) -> None:
    """Whoever owns it can change it."""
    info = key_file.stat()
    foreign = os.stat_result((*info[:4], os.getuid() + 1 or 1, *info[5:]))

    assert file_fault(foreign, key_file)[0] == "belongs to another user"
    assert file_fault(info, key_file) == ("", "")
    assert stat.S_ISREG(info.st_mode)


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("env:ABSENT", "the variable is not set"),
        ("env:EMPTY", "empty"),
        ("file:/nowhere/at/all", "cannot be read"),
        ("c4n4ry", "was not of the form"),
        ("env:", "was not of the form"),
        ("file:", "was not of the form"),
        ("keystore:c4n4ry", "was not of the form"),
    ],
)
def test_what_is_not_there_is_told_without_any_value(reference: str, told: str) -> None:
    """A text that may be the key itself is not repeated."""
    with pytest.raises(ConfigError, match=told) as caught:
        read_secret(reference, {"EMPTY": "  "})

    assert VALUE not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "empty"), (b"\xff\xfe", "not text"), (b"x" * (SECRET_BYTES_MAX + 1), "larger than")],
)
def test_a_file_that_holds_no_key_is_refused(key_file: Path, content: bytes, told: str) -> None:
    """Empty, binary or huge."""
    key_file.write_bytes(content)

    with pytest.raises(ConfigError, match=told):
        read_secret(f"file:{key_file}")
