"""A log that cannot fill a disk and cannot fail."""

import json
from pathlib import Path

import pytest

from mm.store.bounded_log import BoundedLog


def test_each_line_is_an_object_on_disk_and_a_text_for_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Readable by its owner alone."""
    path = tmp_path / "watchdog.log"
    BoundedLog(path)("fired", cause="x", open_orders=2)
    (line,) = path.read_text().splitlines()
    told = json.loads(line)
    assert (told["event"], told["cause"], told["open_orders"]) == ("fired", "x", 2)
    assert told["ts_ns"] > 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert capsys.readouterr().err == "watchdog: fired cause=x open_orders=2\n"


def test_it_never_grows_beyond_its_size_and_keeps_one_before(tmp_path: Path) -> None:
    """However long it writes."""
    path = tmp_path / "watchdog.log"
    log = BoundedLog(path, bytes_max=2_000)
    for number in range(200):
        log("look", number=number)
    kept = [path, tmp_path / "watchdog.log.1"]
    assert sorted(tmp_path.iterdir()) == kept
    assert all(file.stat().st_size <= 2_000 for file in kept)
    assert json.loads(path.read_text().splitlines()[-1])["number"] == 199


def test_a_disk_that_takes_nothing_is_no_error(tmp_path: Path) -> None:
    """What it is there for goes on."""
    BoundedLog(tmp_path / "missing" / "watchdog.log")("fired")
    (tmp_path / "folder").mkdir()
    BoundedLog(tmp_path / "folder")("fired")
