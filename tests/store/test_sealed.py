"""Files of one object beside its digest: whole, unchanged and known, or an error in words."""

from pathlib import Path
from typing import Final

import msgspec
import pytest

from mm.errors import StateCorrupt
from mm.store.sealed import SealedForm


class Thing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept."""

    version: int = 1
    size: int


FORM: Final = SealedForm(
    kind=Thing, name="thing", version=1, bytes_max=200, what="a thing", anew="make it anew"
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """And what is written again is replaced."""
    path = tmp_path / "thing.json"
    for size in (3, 4):
        FORM.write(path, Thing(size=size))
        assert FORM.read(path) == Thing(size=size)
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_every_changed_byte_is_told(tmp_path: Path) -> None:
    """Whatever it makes of the file."""
    path = tmp_path / "thing.json"
    FORM.write(path, Thing(size=3))
    content = path.read_bytes()
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes((content[at] ^ 1,)) + content[at + 1 :])
        with pytest.raises(StateCorrupt, match=r"thing\.json"):
            FORM.read(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not a thing"),
        (b"[]", "not a thing"),
        (b"{}", "its keys are none"),
        (b'{"thing": {"version": 1, "size": 3}}', "its keys are thing"),
        (b'{"thing": {"version": 2}, "digest": ""}', r"a newer mm \(version 2, this one reads 1\)"),
        (b'{"thing": {"version": 1, "size": 3}, "digest": "0"}', "damaged or edited"),
        (b'{"thing": 1, "digest": "0"}', "not a thing"),
        (b" " * 201, "larger than 200 bytes"),
    ],
)
def test_what_is_no_such_file_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    """With its path."""
    path = tmp_path / "thing.json"
    path.write_bytes(content)
    with pytest.raises(StateCorrupt, match=told):
        FORM.read(path)


def test_a_link_a_folder_and_nothing_are_no_files(tmp_path: Path) -> None:
    """A link is not followed; nothing is nothing."""
    FORM.write(tmp_path / "thing.json", Thing(size=3))
    (tmp_path / "link").symlink_to("thing.json")
    for name in ("link", ""):
        with pytest.raises(StateCorrupt, match="cannot be read"):
            FORM.read(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        FORM.read(tmp_path / "none")


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    """There is no folder."""
    with pytest.raises(StateCorrupt, match="cannot be written"):
        FORM.write(tmp_path / "none" / "thing.json", Thing(size=3))
