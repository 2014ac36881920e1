"""Signals as a file: read as it was written, or refused in words."""

import os
from pathlib import Path

import msgspec
import pytest

from mm.domain.estate import SignalEstate
from mm.errors import StateCorrupt
from mm.store.signal_state import (
    FILE_BYTES_MAX,
    SignalState,
    read_signal_state,
    signal_files,
    signals_directory,
    write_signal_state,
)

STATE = SignalState(
    source="3 files, 2026-11-20",
    signals=(
        SignalEstate(
            symbol="A/B", spec="x(y=1)", ts_ns=1_800_000_000_123_456_789, numbers=(1, 2.0, 0.1, 2**62)
        ),
    ),
)


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    """To the last digit: whole numbers stay whole; its owner alone reads it; one of the name is replaced."""
    write_signal_state(tmp_path, "a_b", SignalState(source="old", signals=()))
    path = write_signal_state(tmp_path, "a_b", STATE)

    read = read_signal_state(path)

    assert read == STATE
    assert [type(number) for number in read.signals[0].numbers] == [int, float, float, int]
    assert path.stat().st_mode & 0o777 == 0o600
    assert signal_files(tmp_path) == (path,)


def test_a_directory_without_files_has_none(tmp_path: Path) -> None:
    """Other files in it are passed over."""
    assert signal_files(tmp_path) == ()
    folder = signals_directory(tmp_path)
    folder.mkdir()
    for name in ("notes.txt", ".a.json.tmp", ".hidden.json"):
        (folder / name).write_text("x")
    assert signal_files(tmp_path) == ()


def test_a_folder_that_is_none_is_an_error(tmp_path: Path) -> None:
    """With its path."""
    signals_directory(tmp_path).write_text("x")
    with pytest.raises(StateCorrupt, match=r"signals: cannot be read: Not a directory"):
        signal_files(tmp_path)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".x", "a\0b"])
def test_a_name_that_is_no_files_name_is_refused(name: str, tmp_path: Path) -> None:
    """Nothing is written anywhere else."""
    with pytest.raises(StateCorrupt, match="cannot be saved as"):
        write_signal_state(tmp_path, name, STATE)


def test_a_number_that_is_none_is_not_written(tmp_path: Path) -> None:
    """It says which signal."""
    bad = msgspec.structs.replace(STATE.signals[0], numbers=(float("nan"),))
    with pytest.raises(StateCorrupt, match=r"x\(y=1\) has a number that is none"):
        write_signal_state(tmp_path, "a", SignalState(source="", signals=(bad,)))


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A folder stands where the file would be; a number is too large to be written."""
    (signals_directory(tmp_path) / "a.json").mkdir(parents=True)
    signals_directory(tmp_path).chmod(0o700)
    with pytest.raises(StateCorrupt, match=r"a\.json: cannot be written"):
        write_signal_state(tmp_path, "a", STATE)


def test_a_file_that_is_not_there_or_a_link_is_not_read(tmp_path: Path) -> None:
    """Whoever can make links there could show us another file."""
    path = write_signal_state(tmp_path, "a", STATE)
    with pytest.raises(StateCorrupt, match="cannot be read: No such file"):
        read_signal_state(path.with_name("b.json"))
    os.symlink(path, path.with_name("c.json"))
    with pytest.raises(StateCorrupt, match="cannot be read"):
        read_signal_state(path.with_name("c.json"))


def test_a_file_that_was_damaged_or_edited_is_refused_with_the_way_on(tmp_path: Path) -> None:
    """Every changed byte shows."""
    path = write_signal_state(tmp_path, "a", STATE)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"0.1", b"0.2"))
    with pytest.raises(StateCorrupt, match=r"a\.json: damaged or edited: its digest does not fit") as caught:
        read_signal_state(path)
    assert "mm calibrate --save-state" in caught.value.hint
    for wrong in (
        b"",
        content[:-1],
        b"[]",
        b'{"a": 1}',
        b"\xff",
        b"[" * 2_000,
        b'{"state": 7, "digest": ""}',
    ):
        path.write_bytes(wrong)
        with pytest.raises(StateCorrupt, match=r"a\.json: not a file of signals"):
            read_signal_state(path)


def test_a_file_of_a_newer_mm_is_refused_as_such(tmp_path: Path) -> None:
    """Whatever else it may hold by then."""
    path = write_signal_state(tmp_path, "a", STATE)
    path.write_bytes(b'{"state": {"version": 2, "layers": []}, "digest": "?"}')
    with pytest.raises(StateCorrupt, match=r"written by a newer mm \(version 2, this one reads 1\)"):
        read_signal_state(path)


def test_a_file_beyond_all_measure_is_not_read(tmp_path: Path) -> None:
    """It is none of ours."""
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        file.truncate(FILE_BYTES_MAX + 1)
    with pytest.raises(StateCorrupt, match="larger than"):
        read_signal_state(path)
