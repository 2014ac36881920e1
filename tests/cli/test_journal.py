"""`mm journal`: is it whole, as tables, as text; and `mm replay` of what is not whole."""

import csv
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mm.cli import journal as verbs
from mm.cli.main import carry_out
from mm.errors import EXIT_CHECK_FAILED, EXIT_CONFIG, EXIT_NOT_RUNNING, EXIT_OK, EXIT_UNEXPECTED
from mm.store.journal.entries import Family
from mm.store.journal.frames import PREAMBLE, Frame, parse
from mm.store.journal.layout import segment_path
from mm.store.runstate import RunState
from tests.builders import recorded_runs as recorded


class Ran:
    """A command that ended. Fields: code; said: standard output; told: standard error."""

    def __init__(self, code: int, said: str, told: str) -> None:
        self.code, self.said, self.told = code, said, told

    @property
    def result(self) -> dict[str, Any]:
        """The JSON object at the end."""
        found: dict[str, Any] = json.loads(self.said.splitlines()[-1])
        return found


@pytest.fixture
def mm(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Return what runs a command in this process."""

    def run(*arguments: object) -> Ran:
        code = carry_out([str(argument) for argument in arguments])
        return Ran(code, *capsys.readouterr())

    return run


@pytest.fixture
def data_dir(folder: Path) -> Path:
    """The only data directory under ./var, with one run."""
    where = folder / "var" / "data"
    recorded.lived(where)
    return where


@pytest.fixture
def own(data_dir: Path) -> Path:
    """Its one segment of our own."""
    return segment_path(data_dir / "runs" / recorded.header(1).run_id / "journal", Family.OWN, 1)


def flip(path: Path, at: int) -> None:
    """Change one byte of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_a_sound_run_is_told_with_its_segments(mm: Callable[..., Ran], data_dir: Path) -> None:
    """By its directory, its id, the data directory, or nothing at all."""
    run_id = recorded.header(1).run_id
    for named in ([], [data_dir], [data_dir / "runs" / run_id], [run_id]):
        ran = mm("journal", "verify", *named)
        assert ran.code == EXIT_OK, ran.told
        assert f"run       {run_id}" in ran.said
        assert "closed in good order" in ran.said
        assert "verdict   sound" in ran.said
        assert "own     000001" in ran.said
    result = mm("journal", "verify", "--json").result
    (row,) = result["runs"]
    assert (result["ok"], row["records"], row["closed"], row["problem"]) == (True, 26, True, "")
    assert row["counts"]["command"] + row["counts"]["event"] == 23
    first, second = row["segments"]
    assert (first["first_seq"], first["sealed"], second["family"]) == (1, True, "market")


def test_damage_is_told_with_its_place_and_a_way_forward(
    mm: Callable[..., Ran], own: Path, data_dir: Path
) -> None:
    """Exit 9; the file is as it was; quiet says no more than that; replay and export refuse it too."""
    at = own.stat().st_size - 300
    flip(own, at)
    before = own.read_bytes()
    ran = mm("journal", "verify", data_dir, "-q")
    assert ran.code == EXIT_CHECK_FAILED
    assert f"verdict   DAMAGED: {own}: byte " in ran.said
    assert "hint " in ran.said
    (row,) = mm("journal", "verify", data_dir, "--json").result["runs"]
    assert (row["problem_path"], 0 < row["problem_offset"] <= at) == (str(own), True)
    replayed = mm("replay", data_dir)
    assert replayed.code == EXIT_CHECK_FAILED
    assert f"{own}: byte {row['problem_offset']}" in replayed.told
    exported = mm("journal", "export", data_dir, "-o", "x.jsonl")
    assert (exported.code, Path("x.jsonl").exists()) == (EXIT_CHECK_FAILED, False)
    rebuilt = mm("journal", "rebuild", data_dir)
    assert (rebuilt.code, (data_dir / "mm.sqlite").exists()) == (EXIT_CHECK_FAILED, False)
    assert "--skip-damaged" in rebuilt.told or "backup" in rebuilt.told
    assert own.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"mmj-0002" + bytes(90), b"PK\x03\x04" + bytes(90)], ids=["newer", "foreign"]
)
def test_newer_and_foreign_journals_are_refused_with_the_byte(
    mm: Callable[..., Ran], own: Path, content: bytes
) -> None:
    """Nothing of them is overwritten."""
    own.write_bytes(content)
    ran = mm("journal", "verify", own.parents[2], "--json")
    (row,) = ran.result["runs"]
    assert (ran.code, row["problem_path"], row["problem_offset"]) == (EXIT_CHECK_FAILED, str(own), 0)
    assert row["hint"]
    replayed = mm("replay", own.parents[2])
    assert (replayed.code, "byte 0" in replayed.told) == (EXIT_CHECK_FAILED, True)
    assert own.read_bytes() == content


def test_all_runs_are_checked_and_a_crash_is_sound(mm: Callable[..., Ran], data_dir: Path) -> None:
    """Torn bytes are told; a run of which nothing is whole is not sound."""
    later = recorded.header(2, began_ns=recorded.at(10_000))
    path = segment_path(
        recorded.write_run(data_dir, recorded.usual(), head=later, close=False), Family.OWN, 1
    )
    path.write_bytes(path.read_bytes()[:-3])
    ran = mm("journal", "verify", "--all", data_dir)
    assert ran.code == EXIT_OK
    assert ran.said.count("verdict   sound") == 2
    assert "not closed" in ran.said
    assert "bytes behind its last whole record" in ran.said
    path.write_bytes(b"mm")
    ran = mm("journal", "verify", data_dir)
    assert ran.code == EXIT_CHECK_FAILED
    assert "no whole header, although the market's files have one" in ran.said
    for market in (path.parents[1] / Family.MARKET).iterdir():
        market.unlink()
    ran = mm("journal", "verify", data_dir)
    assert ran.code == EXIT_CHECK_FAILED
    assert "nothing whole was ever recorded" in ran.said


def test_a_place_without_a_run_is_an_error(mm: Callable[..., Ran], folder: Path) -> None:
    """With what is expected there."""
    assert mm("journal", "verify").code == EXIT_NOT_RUNNING
    (folder / "empty").mkdir()
    assert "no run is recorded there" in mm("journal", "verify", "empty").told
    RunState.open(folder / "var" / "data")
    assert "no run is recorded there" in mm("journal", "verify", "--all", folder / "var" / "data").told
    assert "no run is recorded there" in mm("journal", "rebuild").told


def test_tables_are_made_and_only_what_is_new_is_read(mm: Callable[..., Ran], data_dir: Path) -> None:
    """A file that any tool opens."""
    ran = mm("journal", "rebuild")
    assert ran.code == EXIT_OK
    assert "1 runs read, 0 kept" in ran.said
    again = mm("journal", "rebuild", data_dir, "--json").result
    assert (again["ok"], len(again["kept"]), again["tables"]["fills"]) == (True, 1, 2)
    assert mm("journal", "rebuild", "--whole", "--json").result["digest"] == again["digest"]
    with closing(sqlite3.connect(data_dir / "mm.sqlite")) as connection:
        rows = connection.execute("SELECT price, size, mid FROM fills ORDER BY trade_id").fetchall()
    assert rows == [("100", "0.004", "100"), ("100", "0.006", "100.005")]


def test_damaged_runs_are_left_out_when_that_is_asked(
    mm: Callable[..., Ran], data_dir: Path, own: Path
) -> None:
    """Exit 9 all the same, with which and why."""
    recorded.write_run(data_dir, recorded.usual(), head=recorded.header(2, began_ns=recorded.at(10_000)))
    flip(own, 900)
    ran = mm("journal", "rebuild", "--skip-damaged", "--json")
    assert ran.code == EXIT_CHECK_FAILED
    assert list(ran.result["left_out"]) == [recorded.header(1).run_id]
    assert "left out" in ran.told
    assert len(ran.result["read"]) == 1


def test_records_leave_as_lines_or_as_a_table(mm: Callable[..., Ran], data_dir: Path) -> None:
    """On standard output, or into a new file."""
    lines = mm("journal", "export", "--kind", "fills").said.splitlines()
    assert [json.loads(line)["trade_id"] for line in lines] == [100, 101]
    table = list(csv.DictReader(mm("journal", "export", "--format", "csv").said.splitlines()))
    assert len(table) == 26
    assert table[4]["price"] == "100"
    ran = mm("journal", "export", data_dir, "--kind", "orders", "-o", "orders.jsonl", "--json")
    assert (ran.result["rows"], ran.result["file"]) == (5, "orders.jsonl")
    assert len(Path("orders.jsonl").read_text().splitlines()) == 5
    assert "5 rows written" in ran.told
    assert [path.name for path in Path().glob("*.tmp")] == []


def test_an_export_overwrites_nothing(mm: Callable[..., Ran], data_dir: Path) -> None:
    """And two results do not share one output."""
    Path("out.csv").write_text("mine")
    assert mm("journal", "export", data_dir, "-o", "out.csv").code == EXIT_CONFIG
    assert Path("out.csv").read_text() == "mine"
    assert mm("journal", "export", data_dir, "-o", "nowhere/out.csv").code == EXIT_CONFIG
    assert "--json needs --out" in mm("journal", "export", data_dir, "--json").told


def test_a_reader_that_leaves_is_no_error_of_ours(
    mm: Callable[..., Ran], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `head` does: told in a line, without a trace."""

    def leave(*_: object) -> int:
        raise BrokenPipeError(32, "Broken pipe")

    lost: list[OSError] = []
    monkeypatch.setattr(verbs, "_write", leave)
    monkeypatch.setattr(verbs, "lose_output", lost.append)
    assert mm("journal", "export", data_dir).code == EXIT_UNEXPECTED
    assert len(lost) == 1


@pytest.mark.parametrize("left", ["nothing", "a folder", "an empty file"])
def test_a_start_that_was_cut_off_before_its_first_record_is_no_damage(
    mm: Callable[..., Ran], data_dir: Path, left: str
) -> None:
    """It is told; what is asked of the data directory is answered by the newest run with a record."""
    cut_off = data_dir / "runs" / "20300101T000000Z-000099"
    cut_off.mkdir()
    if left != "nothing":
        (cut_off / "journal" / "own").mkdir(parents=True)
    if left == "an empty file":
        (cut_off / "journal" / "own" / "000001.mmj").touch()
    ran = mm("journal", "verify", "--all", data_dir)
    assert ran.code == EXIT_OK
    assert "empty: it ended before anything was recorded" in ran.said
    assert recorded.header(1).run_id in mm("journal", "verify", data_dir).said
    assert mm("journal", "export", data_dir, "-o", f"{left[0]}.jsonl").code == EXIT_OK


def cut(path: Path, frames: int) -> None:
    """Leave the first frames of a segment; counted from its end where below 0."""
    content, at, ends = path.read_bytes(), len(PREAMBLE), []
    while isinstance(found := parse(content, at), Frame):
        at += found.size
        ends.append(at)
    path.write_bytes(content[: ends[:frames][-1]])


@pytest.mark.parametrize("frames", [(8, 2), (-1, -1), (-1, None)], ids=["both", "both ends", "the end"])
def test_a_run_that_ended_and_was_cut_between_two_records_is_not_passed_as_whole(
    mm: Callable[..., Ran], own: Path, data_dir: Path, frames: tuple[int, int | None]
) -> None:
    """By nobody who reads it; with file, byte and a way forward; elsewhere what is left can be read."""
    market = own.parents[1] / Family.MARKET / own.name
    for path, count in zip((own, market), frames, strict=True):
        if count is not None:
            cut(path, count)
    before = own.read_bytes()
    place = f"{own}: byte {len(before)}: the run ended in good order, and its journal has no end"
    ran = mm("journal", "verify", data_dir)
    assert ran.code == EXIT_CHECK_FAILED
    assert f"verdict   DAMAGED: {place}" in ran.said
    assert "hint      restore the run's directory from a backup" in ran.said
    for words in (("replay",), ("journal", "export"), ("journal", "rebuild"), ("audit", "--anchor")):
        ran = mm(*words, data_dir)
        assert (ran.code != EXIT_OK, place in ran.told) == (True, True), words
        assert words[0] == "audit" or ran.code == EXIT_CHECK_FAILED
    assert "or leave it out: mm journal rebuild --skip-damaged" in mm("journal", "rebuild", data_dir).told
    left_out = mm("journal", "rebuild", "--skip-damaged", data_dir, "--json")
    assert (left_out.code, len(left_out.result["left_out"])) == (EXIT_CHECK_FAILED, 1)
    assert place in mm("audit", "--verify", data_dir).said
    assert own.read_bytes() == before
    run = own.parents[2]
    shutil.copytree(run, data_dir.parent / run.name)
    assert mm("journal", "verify", data_dir.parent / run.name).code == EXIT_OK


def test_a_run_that_ended_and_holds_nothing_any_more_is_no_empty_one(
    mm: Callable[..., Ran], own: Path, data_dir: Path
) -> None:
    """Nor is one whose files are gone."""
    for path in (own, own.parents[1] / Family.MARKET / own.name):
        path.write_bytes(b"")
    assert mm("journal", "verify", data_dir).code == EXIT_CHECK_FAILED
    shutil.rmtree(own.parent)
    for words in (("journal", "verify"), ("journal", "rebuild"), ("replay",)):
        ran = mm(*words, data_dir)
        assert (ran.code, "has no end" in ran.said + ran.told) == (EXIT_CHECK_FAILED, True), words
