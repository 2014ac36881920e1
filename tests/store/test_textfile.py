"""Replacing a person's file: whole or not at all, with its mode, never over another's edit."""

import os
import stat
from pathlib import Path

import pytest

from mm.errors import ConfigError
from mm.store.textfile import new_file, replace_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of somebody's."""
    path = tmp_path / "mm.toml"
    path.write_bytes(b"old")
    path.chmod(0o640)
    return path


def test_the_content_is_replaced_and_the_mode_kept(file: Path) -> None:
    """Nothing else is left in the folder."""
    replace_file(file, b"new", expected=b"old")
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in file.parent.iterdir()] == ["mm.toml"]


def test_where_the_path_is_a_link_what_it_leads_to_is_replaced(file: Path) -> None:
    """The link stays a link."""
    link = file.parent / "link.toml"
    link.symlink_to(file)
    replace_file(link, b"new", expected=b"old")
    assert link.is_symlink()
    assert file.read_bytes() == b"new"


def test_what_somebody_else_wrote_meanwhile_stays(file: Path) -> None:
    """An editor was faster."""
    file.write_bytes(b"theirs")
    with pytest.raises(ConfigError, match="changed by somebody else"):
        replace_file(file, b"new", expected=b"old")
    assert file.read_bytes() == b"theirs"
    assert len(list(file.parent.iterdir())) == 1


def test_a_crash_before_the_rename_leaves_the_old_content(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new content is never seen in part."""

    def crash(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(ConfigError, match="No space left"):
        replace_file(file, b"new", expected=b"old")
    assert file.read_bytes() == b"old"
    assert len(list(file.parent.iterdir())) == 1


def test_a_file_that_is_gone_is_not_made(tmp_path: Path) -> None:
    """There is nothing to replace."""
    with pytest.raises(ConfigError, match="No such file"):
        replace_file(tmp_path / "mm.toml", b"new", expected=b"")
    assert not list(tmp_path.iterdir())


def test_an_owner_that_cannot_be_kept_is_not_insisted_on(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may write the folder may change the file."""
    asked: list[tuple[int, int]] = []

    def refuse(number: int, user: int, group: int) -> None:
        asked.append((user, group))
        raise PermissionError

    monkeypatch.setattr(os, "fchown", refuse)
    monkeypatch.setattr(os, "getuid", lambda: os.stat(file).st_uid + 1)
    replace_file(file, b"new", expected=b"old")
    assert asked == [(file.stat().st_uid, file.stat().st_gid)]
    assert file.read_bytes() == b"new"


def test_a_new_file_is_its_owners_alone_and_takes_the_place_of_what_a_crash_left(tmp_path: Path) -> None:
    """Of itself and of its temporary name."""
    (tmp_path / ".a.tmp").write_bytes(b"half")
    for content in (b"1", b"2"):
        new_file(tmp_path / "a", content)
        assert (tmp_path / "a").read_bytes() == content
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
