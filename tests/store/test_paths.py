"""Where things lie, and that only their owner can get at them."""

import os
import stat
from pathlib import Path

import pytest

from mm.errors import StateCorrupt
from mm.store import paths
from mm.store.paths import SOCKET_PATH_BYTES_MAX, control_socket, made_control_socket, private_directory


def test_a_directory_and_what_leads_to_it_is_made_private(tmp_path: Path) -> None:
    """Nobody else can enter what was made."""
    made = private_directory(tmp_path / "var" / "demo")

    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert stat.S_IMODE(made.parent.stat().st_mode) == 0o700
    assert private_directory(made) == made


def test_a_directory_that_others_can_enter_is_refused_with_the_command(tmp_path: Path) -> None:
    """It is not changed behind its owner's back."""
    tmp_path.chmod(0o750)

    with pytest.raises(StateCorrupt, match="others can enter it") as caught:
        private_directory(tmp_path)

    assert caught.value.hint == f"chmod 700 {tmp_path}"


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    """As the directory itself, or on the way to it."""
    (tmp_path / "file").touch()

    with pytest.raises(StateCorrupt, match="not a directory"):
        private_directory(tmp_path / "file")
    with pytest.raises(StateCorrupt, match="cannot be made"):
        private_directory(tmp_path / "file" / "below")


def test_a_directory_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if it could be entered."""
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)

    with pytest.raises(StateCorrupt, match="belongs to another user"):
        private_directory(tmp_path)


def test_a_short_path_has_its_socket_inside() -> None:
    """The usual case."""
    assert control_socket(Path("/srv/mm")) == Path("/srv/mm/mm.sock")


def test_a_long_path_has_its_socket_in_a_short_private_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both sides find the same place from any spelling; two directories never share one."""
    monkeypatch.setattr(paths, "SHORT_ROOT", tmp_path)
    one, other = tmp_path / ("a" * 120), tmp_path / ("b" * 120)

    path = made_control_socket(one)

    assert path == control_socket(one / ".." / one.name)
    assert path != control_socket(other)
    assert path.parent.parent == tmp_path
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_bytes_count_not_letters() -> None:
    """A name of few letters can have many bytes."""
    assert control_socket(Path("/" + "é" * 60)).parent != Path("/" + "é" * 60)
    assert len(os.fsencode(control_socket(Path("/" + "é" * 60)))) <= SOCKET_PATH_BYTES_MAX
