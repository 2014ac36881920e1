"""`mm compare`, and the report of a backtest: a session on paper, its backtest, and one that differs."""

import json
import time
from dataclasses import replace
from pathlib import Path
from shlex import split
from shutil import copytree
from typing import NamedTuple

import pytest

from mm.bootstrap.backtest.run import BacktestJob, run_job
from mm.bootstrap.records.compare import CompareOptions, compared
from mm.bootstrap.records.report_backtest import Repetition, is_backtest
from mm.errors import EXIT_CHECK_FAILED, EXIT_CONFIG, EXIT_OK, StateCorrupt
from mm.observe.report_page import OPENING
from mm.observe.report_story import story_fields
from mm.store.journal.retention import drop_market
from tests.builders.carried_out import carried_out
from tests.builders.paper_sessions import paper_session


class Three(NamedTuple):
    """Directories. Fields: paper: a run; same: its backtest; late: one with other latencies; config."""

    paper: Path
    same: Path
    late: Path
    config: Path


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Three:
    """Eighty seconds on paper, and two backtests of it."""
    folder = tmp_path_factory.mktemp("three")
    paper = paper_session(folder, seconds=72)
    out = folder / "data" / "backtests"
    job = BacktestJob(config=folder / "mm.toml", data=(paper,), out_dir=out, reference=True)
    same, late = (Path(run_job(one).run_dir) for one in (job, replace(job, latency="constant:130,130")))
    return Three(paper, same, late, folder / "mm.toml")


def test_a_session_on_paper_and_its_backtest_are_the_same(
    three: Three, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every decision and fill, at the same nanosecond, and every figure: exit 0."""
    ran = carried_out(capsys, "compare", three.paper, three.same, "--json")
    assert ran.code == EXIT_OK
    told = ran.result
    assert told["same"] is True
    assert told["parting"] is None
    assert told["shift_ns"] == 0
    assert told["acts"]["place"]["same"] > 20
    assert told["acts"]["fill"]["same"] > 5
    assert (told["first"]["mode"], told["second"]["mode"]) == ("paper", "backtest")
    (session,) = told["sessions"]
    figures = session["figures"]
    assert all(row["first"] == row["second"] for row in figures.values())
    assert figures["net_quote"]["first"] is not None


def test_a_run_is_the_same_as_itself(three: Three, capsys: pytest.CaptureFixture[str]) -> None:
    """Said in words to people."""
    ran = carried_out(capsys, "compare", three.paper, three.paper)
    assert ran.code == EXIT_OK
    assert "Same decisions at the same times, same fills." in ran.said
    assert "net P&L, USDT" in ran.said


def test_runs_that_differ_are_told_where_they_part(three: Three, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 9, the first difference in words, the counts, and one page that needs nothing else."""
    page = three.paper.parent / "both.html"
    ran = carried_out(capsys, "compare", three.paper, three.late, "--html", page, "--within", "5s", "--json")
    assert ran.code == EXIT_CHECK_FAILED
    told = ran.result
    assert told["within_ms"] == 5_000
    assert told["same"] is False
    assert told["words"][-1].startswith("They first part at 2024-08-08 ")
    assert told["file"] == str(page)
    acts = told["acts"]
    assert sum(acts[kind][fate] for kind in acts for fate in ("moved", "missing", "added"))
    html = page.read_text(encoding="utf-8")
    assert html.startswith(OPENING)
    assert "http" not in html.replace("http-equiv", "")
    assert "<script" not in html
    pictures = ("Equity", "Inventory", "Own spread", "Presence", "What the mid did after the fills")
    for title in (*pictures, "Worst ten minutes"):
        assert f"<h3>{title}" in html
    assert html.count("<code>mm backtest ") == 2
    assert html.count('<span class="c1">first') >= 4
    assert html.count('<span class="c5">second') >= 4


def test_a_page_is_not_written_over_what_is_none(three: Three, capsys: pytest.CaptureFixture[str]) -> None:
    """A config named by mistake stays, and is refused before anything is read."""
    before = three.config.read_bytes()
    ran = carried_out(capsys, "compare", three.paper, three.same, "--html", three.config)
    assert ran.code == EXIT_CONFIG
    assert three.config.read_bytes() == before


def test_what_is_no_run_is_refused(three: Three, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the directory's name."""
    ran = carried_out(capsys, "compare", three.paper, tmp_path)
    assert ran.code == EXIT_CONFIG
    assert str(tmp_path) in ran.told
    with pytest.raises(StateCorrupt):
        compared(tmp_path, three.paper, CompareOptions(), lambda _done, _total: None)


def test_without_its_market_a_run_is_compared_by_what_it_did(
    three: Three, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Decisions and fills are kept for ever; what cannot be measured any more is told as that."""
    copy = tmp_path / three.paper.name
    copytree(three.paper, copy)
    drop_market(copy / "journal", before_ns=time.time_ns() + 10**12)
    page = tmp_path / "both.html"
    ran = carried_out(capsys, "compare", copy, three.same, "--json", "--html", page)
    assert ran.code == EXIT_OK
    told = ran.result
    assert told["same"] is True
    assert "nothing was measured" in told["first"]["notes"][0]
    figures = told["sessions"][0]["figures"]["net_quote"]
    assert (figures["first"], figures["second"] is None) == (None, False)
    assert '<span class="c5">second' in page.read_text()
    assert '<span class="c1">first' not in page.read_text()


# ---- the report of a backtest


def test_a_backtest_is_reported_by_running_its_job_again(
    three: Three, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its figures are those that it left, and nothing differs; the page lies beside its result."""
    ran = carried_out(capsys, "report", three.late, "--json")
    assert ran.code == EXIT_OK
    told = ran.result
    left = json.loads((three.late / "backtest.json").read_text())["result"]
    (session,) = told["sessions"]
    assert session["pnl"] == left["sessions"][0]["pnl"]
    assert session["markouts"] == left["sessions"][0]["markouts"]
    assert told["mode"] == "backtest"
    assert told["difference"] is None
    assert "uncalibrated" in told["fills_made_by"]
    (causes,) = left["fills_by_cause"].values()
    assert sum(cause["fills"] for cause in causes.values()) == left["fills"] > 0
    for made in (told, carried_out(capsys, "report", three.paper, "--json").result):
        assert "; the queue model decided " in made["fills_made_by"]
    assert (three.late / "report.html").read_text().startswith(OPENING)


def test_the_worst_minutes_of_a_report_come_with_the_command_that_plays_them_again(
    three: Three, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a session on paper and of a backtest; the command works, on just that stretch."""
    for place, options in ((three.paper, ()), (three.late, ("--latency", "constant:130,130", "--reference"))):
        session = carried_out(capsys, "report", place, "--json").result["sessions"][0]
        command = split(session["worst_replay"][0])
        assert command[:2] == ["mm", "backtest"]
        assert all(option in command for option in options)
        again = carried_out(capsys, *command[1:], "--reference", "--json")
        assert again.code == EXIT_OK
        worst = session["performance"]["worst"]
        spans = [(told["ended_ns"] - told["began_ns"]) / 1e6 for told in (again.result,)]
        assert spans[0] == pytest.approx(worst["ended_ms"] - worst["begun_ms"], abs=200)
        assert session["worst_replay_note"].startswith("begins flat and cold")
        assert "begins flat and cold" in (place / "report.html").read_text()
        assert session["worst_replay"][0] in (place / "report.html").read_text().replace("&#x27;", "'")


def test_people_read_the_worst_minutes_too(three: Three, capsys: pytest.CaptureFixture[str]) -> None:
    """In the words on the terminal."""
    said = carried_out(capsys, "report", three.same).said
    assert "Worst " in said
    assert "mm backtest " in said
    assert "(begins flat and cold: without the inventory, the orders" in said


def test_a_backtest_whose_data_changed_is_not_passed_off_as_it(
    three: Three, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The repetition says that it did something else: exit 9."""
    directory = tmp_path / three.late.name
    directory.mkdir()
    (directory / "journal").symlink_to(three.late / "journal")
    content = json.loads((three.late / "backtest.json").read_text())
    content["result"]["digest"] = "0" * 64
    (directory / "backtest.json").write_text(json.dumps(content))
    assert is_backtest(directory)
    ran = carried_out(capsys, "report", directory, "--json")
    assert ran.code == EXIT_CHECK_FAILED
    assert "did something else" in ran.result["warnings"][0]
    content["result"]["partial"] = "interrupted"
    (directory / "backtest.json").write_text(json.dumps(content))
    story = story_fields(Repetition(directory).story())
    assert story["difference"] is None
    assert story["warnings"] == ["The backtest was broken off: told as far as it went."]
