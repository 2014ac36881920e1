"""A report of a recorded run: the figures that the run itself showed, a page, tables, and clear refusals."""

import asyncio
import csv
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mm.bootstrap import trade
from mm.bootstrap.records.report import ReportOptions, journal_bytes, story_of
from mm.cli.main import carry_out
from mm.errors import EXIT_CHECK_FAILED, EXIT_CONFIG, JournalCorrupt, JournalForeign, StateCorrupt
from mm.observe.report_page import page
from mm.observe.report_story import Story, story_fields
from mm.runtime.live import LiveRuntime
from mm.store.journal.retention import drop_market
from tests.builders.paper_sessions import paper_session


class Ran(NamedTuple):
    """A run that is over. Fields: figures: that it would have told at its end; place: its directory."""

    data_dir: Path
    figures: dict[str, object]
    place: Path


def ran(folder: Path, *, spread: str, seconds: int) -> Ran:
    """Run on paper; hold on to what was measured while it ran."""
    kept: list[LiveRuntime] = []

    class Kept(LiveRuntime):
        def __init__(self, *parts: Any, **named: Any) -> None:
            super().__init__(*parts, **named)
            kept.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trade, "LiveRuntime", Kept)
        place = paper_session(folder, seconds=seconds, spread=spread, print_every=1)
    figures = kept[0].analyst.figures("btc")
    assert figures is not None
    assert kept[0].analyst.failure == ""
    return Ran(folder / "data", figures, place)


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Forty seconds with fills."""
    return ran(tmp_path_factory.mktemp("traded"), spread="0.05", seconds=40)


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A few seconds too far away to be filled."""
    return ran(tmp_path_factory.mktemp("idle"), spread="40", seconds=8)


def told(directory: Path) -> Story:
    """Return what there is to tell of a run."""
    return asyncio.run(story_of(directory, lambda _: None))


def test_the_report_measures_what_the_run_itself_measured(traded: Ran) -> None:
    """Every figure, from the journal alone, and nothing is unexplained."""
    story = told(traded.place)
    (session,) = story.sessions
    assert session.figures == traded.figures
    assert (story.unexplained, story.difference, story.broke, story.closed) == (0, "", "", True)
    assert len(session.fills) == session.analytics.identity.fills > 5
    assert story.made.kind == "paper"
    assert story.made.local
    assert json.loads(json.dumps(story_fields(story)))["sessions"][0]["pnl"]["residue_is_zero"] is True


def test_the_verb_writes_a_page_and_tables(
    traded: Ran, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page where it was asked for, the tables whole, JSON as the last line."""
    out, tables = tmp_path / "out.html", tmp_path / "tables"
    assert carry_out(["report", str(traded.data_dir), "--out", str(out), "--csv", str(tables), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer["files"] == [
        str(out),
        *(str(tables / f"{name}.csv") for name in ("fills", "markouts", "equity")),
    ]
    assert answer["sessions"][0]["markouts"] == json.loads(json.dumps(traded.figures))["markouts"]
    assert out.read_text(encoding="utf-8") == page(told(traded.place))
    with (tables / "fills.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == answer["sessions"][0]["pnl"]["fills"]
    first = [float(row["markout_bps_1s"]) for row in rows if row["markout_bps_1s"]]
    curve = answer["sessions"][0]["markouts"]["every"]
    assert sum(first) / len(first) == pytest.approx(curve[3]["mean_bps"], rel=1e-4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.html", "tables"]


def test_without_a_name_the_page_lies_with_the_run(traded: Ran, capsys: pytest.CaptureFixture[str]) -> None:
    """And is made anew the next time; the words go to people."""
    for _ in range(2):
        assert carry_out(["report", str(traded.place)]) == 0
    said = capsys.readouterr()
    assert (traded.place / "report.html").is_file()
    assert "on paper against a market served from this machine" in said.out
    assert "written:" in said.err


def test_a_run_without_a_fill_is_told_as_that(idle: Ran, tmp_path: Path) -> None:
    """No means of nothing, no markouts; what it quoted all the same."""
    story = told(idle.place)
    made = page(story)
    assert "No fill in" in made
    assert "nothing can be said about what a fill is worth" in made
    assert "What the mid did after the fills" not in made
    assert story.sessions[0].figures == idle.figures
    assert carry_out(["report", str(idle.data_dir), "--out", str(tmp_path / "a.html"), "-q"]) == 0


def test_how_far_it_is_is_told_in_bytes(traded: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never more than there are."""
    monkeypatch.setattr("mm.bootstrap.records.report.PROGRESS_S", -1.0)
    heard: list[int] = []
    asyncio.run(story_of(traded.place, heard.append, ReportOptions(aversion=2.0)))
    assert heard == sorted(heard)
    assert 0 < heard[-1] <= journal_bytes(traded.place)


def _copy(ran: Ran, folder: Path) -> Path:
    directory = folder / ran.place.name
    shutil.copytree(ran.place, directory)
    return directory


def test_a_damaged_journal_is_refused_with_its_place(idle: Ran, tmp_path: Path) -> None:
    """One byte in the middle."""
    directory = _copy(idle, tmp_path)
    path = directory / "journal" / "own" / "000001.mmj"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(JournalCorrupt, match="000001"):
        told(directory)
    assert carry_out(["report", str(directory), "--out", str(tmp_path / "a.html")]) != 0
    assert not (tmp_path / "a.html").exists()


def test_market_data_that_are_gone_are_a_reason(idle: Ran, tmp_path: Path) -> None:
    """With what can still be had."""
    directory = _copy(idle, tmp_path)
    drop_market(directory / "journal", before_ns=2**62)
    with pytest.raises((JournalForeign, JournalCorrupt)):
        told(directory)


def test_where_no_run_is_there_is_no_report(tmp_path: Path) -> None:
    """Nothing is made there either."""
    with pytest.raises(StateCorrupt):
        told(tmp_path)
    assert carry_out(["report", str(tmp_path)]) != 0
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_page_is_not_written_over(idle: Ran, tmp_path: Path) -> None:
    """A config that was named by mistake, a folder, a place that is not there; before any work is done."""
    config, name = tmp_path / "mm.toml", str(idle.place)
    config.write_text("mode = 'demo'", encoding="utf-8")
    for out in (config, tmp_path, tmp_path / "no" / "a.html", config / "a.html"):
        assert carry_out(["report", name, "--out", str(out)]) == EXIT_CONFIG
    assert carry_out(["report", name, "--out", str(tmp_path / "a.html"), "--csv", str(config)]) == EXIT_CONFIG
    assert config.read_text(encoding="utf-8") == "mode = 'demo'"
    assert list(tmp_path.iterdir()) == [config]


def test_a_table_of_somebody_else_is_not_written_over(idle: Ran, tmp_path: Path) -> None:
    """Told before the run is read; one of an earlier report is made anew."""
    other = tmp_path / "fills.csv"
    other.write_text("mine\n")
    command = ["report", str(idle.data_dir), "--out", str(tmp_path / "a.html"), "--csv", str(tmp_path)]
    assert carry_out(command) == EXIT_CONFIG
    assert (other.read_text(), (tmp_path / "a.html").exists()) == ("mine\n", False)
    other.unlink()
    assert [carry_out(command), carry_out(command)] == [0, 0]


def test_a_config_that_was_changed_since_is_noted_beside_the_commands(idle: Ran) -> None:
    """They play the file as it is by now; and the run is named by where it lies."""
    story = told(idle.place)
    assert story.notes == ()
    assert story.why == f"mm why {idle.place}"
    path = Path(story.again.split()[2])
    text = path.read_text()
    try:
        path.write_text(text + "# later\n")
        (note,) = told(idle.place).notes
    finally:
        path.write_text(text)
    assert note.startswith(f"{path} is not what it was then")


def test_a_report_that_does_not_add_up_ends_with_9(
    idle: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is written all the same, and says so first."""
    monkeypatch.setattr("mm.observe.analyst.Watched.residues", lambda _: {"cash_half": 3})
    out = tmp_path / "a.html"
    assert carry_out(["report", str(idle.place), "--out", str(out)]) == EXIT_CHECK_FAILED
    assert "The P&L does not add up" in capsys.readouterr().out
    assert "The P&amp;L does not add up" in out.read_text(encoding="utf-8")
