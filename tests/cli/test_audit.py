"""`mm audit`: who changed what, when, from where; whole or not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mm.cli.main import carry_out
from mm.errors import EXIT_CHECK_FAILED, EXIT_OK, EXIT_USAGE
from mm.store.journal.entries import Family
from mm.store.journal.layout import segment_path
from tests.builders import recorded_runs as recorded


@pytest.fixture
def data_dir(folder: Path) -> Path:
    """The only data directory under ./var, with one run."""
    recorded.lived(folder / "var" / "data")
    return folder / "var" / "data"


@pytest.fixture
def mm(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Return what runs `mm audit ...` in this process: exit code, standard output, standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = carry_out(["audit", *(str(argument) for argument in arguments)])
        return (code, *capsys.readouterr())

    return run


Run = Callable[..., tuple[int, str, str]]


def result(said: str) -> dict[str, Any]:
    """The JSON object at the end."""
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def flip(data_dir: Path) -> None:
    """Change one byte of the run's journal."""
    run_id = recorded.header(1).run_id
    path = segment_path(data_dir / "runs" / run_id / "journal", Family.OWN, 1)
    content = bytearray(path.read_bytes())
    content[-300] ^= 1
    path.write_bytes(content)


def test_the_list_says_when_where_what_and_by_whom(mm: Run, data_dir: Path) -> None:
    """One line each; with --json all of it."""
    code, said, _ = mm()
    assert code == EXIT_OK
    lines = said.splitlines()
    assert len(lines) == 11
    pause = next(line for line in lines if "operator.pause" in line)
    assert pause.startswith("2026-01-02T03:04:05.018000Z  20260102T030405Z-000001:18")
    assert f"by {recorded.WHO}  reason lunch" in pause
    told = result(mm(data_dir, "--json")[1])
    assert (told["ok"], len(told["facts"])) == (True, 11)
    handed = next(fact for fact in told["facts"] if fact["what"] == "config.handed_over")
    assert len(handed["detail"]["config"]) == 64
    assert handed["detail"]["config"] not in said


@pytest.mark.parametrize(
    ("since", "count"), [("2026-01-02", 11), ("2026-01-03", 0), ("2h", 0), ("366d", None)]
)
def test_since_takes_a_date_or_how_long_ago(mm: Run, data_dir: Path, since: str, count: int | None) -> None:
    """In UTC."""
    code, said, _ = mm("--since", since)
    assert code == EXIT_OK
    assert count is None or len(said.splitlines()) == count


def test_what_makes_no_sense_is_refused(mm: Run, data_dir: Path) -> None:
    """In words."""
    assert "expected a date" in mm("--since", "yesterday")[2]
    assert "unexpected 'b'" in mm("a", "b")[2]
    anchor = mm("--anchor")[1].strip()
    assert mm(anchor)[0] == EXIT_USAGE
    assert "needs what to check" in mm("--verify", "--anchor")[2]


def test_a_whole_audit_is_0_and_a_broken_one_9(mm: Run, data_dir: Path) -> None:
    """With every problem, and where it lies."""
    code, said, _ = mm("--verify")
    assert (code, "audit     whole: 26 records of 1 runs, 2 changes of the latch" in said) == (EXIT_OK, True)
    flip(data_dir)
    code, said, _ = mm("--verify", data_dir)
    assert code == EXIT_CHECK_FAILED
    assert "PROBLEM" in said
    assert "hint" in said
    told = result(mm("--verify", "--json")[1])
    assert told["ok"] is False
    assert told["problems"][0]["offset"] > 0
    code, said, err = mm()
    assert code == EXIT_CHECK_FAILED
    assert "damaged: " in err


def test_a_remark_is_no_problem(mm: Run, data_dir: Path) -> None:
    """It is told all the same."""
    (data_dir / "runs" / "20260102T030405Z-000003").mkdir()
    code, said, _ = mm("--verify")
    assert (code, "remark    run 20260102T030405Z-000003" in said) == (EXIT_OK, True)


def test_an_anchor_is_told_and_checked(mm: Run, data_dir: Path) -> None:
    """Of the newest run that has a record; another one does not fit."""
    (data_dir / "runs" / "20260102T030405Z-000003").mkdir()
    code, said, _ = mm("--anchor", data_dir)
    anchor = said.strip()
    assert code == EXIT_OK
    assert anchor.startswith("20260102T030405Z-000001:26:")
    assert result(mm("--anchor", "--json")[1])["anchor"] == anchor
    assert mm("--verify", "--anchor", anchor)[0] == EXIT_OK
    run, seq, digest = anchor.split(":")
    code, said, _ = mm("--verify", "--anchor", data_dir, f"{run}:{int(seq) + 3}:{digest}")
    assert code == EXIT_CHECK_FAILED
    assert "the journal was cut" in said


def test_a_directory_without_a_record_has_no_anchor(mm: Run, folder: Path) -> None:
    """An error in words."""
    (folder / "x").mkdir()
    assert "nothing is recorded there" in mm("--anchor", "x")[2]
