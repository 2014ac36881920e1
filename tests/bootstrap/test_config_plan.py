"""What a config would do to a run where its record ends, and over the hours before."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from mm.bootstrap.backtest.engine import head_of
from mm.bootstrap.backtest.run import BacktestJob, run_job
from mm.bootstrap.config_plan import in_force_at_end, last_hours, plan_on_record
from mm.domain.events import ConfigApplied
from mm.errors import EXIT_CONFIG, EXIT_NOT_RUNNING, EXIT_OK, EXIT_USAGE, ConfigError, JournalForeign
from mm.store.config_history import text_digest
from mm.store.journal.entries import CONFIG, EVENT, ConfigVersion, Entry, Kind
from mm.store.journal.retention import drop_market
from tests.builders.carried_out import Carried, carried_out
from tests.builders.daemon import FakeDaemon
from tests.builders.paper_sessions import paper_session
from tests.builders.recorded_runs import at, header, write_run

SECONDS = 30


class Lived(NamedTuple):
    """A run on paper. Fields: place: its directory; data_dir; text: of its config."""

    place: Path
    data_dir: Path
    text: str

    def near(self, folder: Path) -> Path:
        """Return a file with the same config, but with bids that are filled, twice as large."""
        path = folder / "new.toml"
        text = self.text.replace("bid_spread_bps = 3", "bid_spread_bps = 0.05").replace("60000", "1000")
        path.write_text(text.replace("0.002", "0.004"))
        return path


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """Half a minute on paper with quotes that stand and are not filled."""
    folder = tmp_path_factory.mktemp("lived")
    place = paper_session(folder, seconds=SECONDS, spread="3", refresh_ms=60_000)
    return Lived(place, folder / "data", (folder / "mm.toml").read_text())


def plan(capsys: pytest.CaptureFixture[str], *arguments: object) -> Carried:
    """Carry `mm config plan` out."""
    return carried_out(capsys, "config", "plan", *arguments)


def test_on_a_record_a_plan_says_what_becomes_of_the_orders_that_stood_there(
    lived: Lived, tmp_path: Path
) -> None:
    """As it stood before it was told to stop: both orders, with the worst case before and after."""
    answer = plan_on_record(lived.place, lived.near(tmp_path).read_text())
    counts = answer["counts"]
    assert isinstance(counts, dict)
    assert sum(counts.values()) == 2
    assert counts["kept"] == 0
    sessions = answer["sessions"]
    assert isinstance(sessions, list)
    (session,) = sessions
    assert float(session["new_worst_quote"]) > float(session["worst_quote"]) > 0
    same = plan_on_record(lived.place, lived.text)
    assert same["changes"] == []


def test_the_last_hours_are_told_old_beside_new(
    lived: Lived, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """P&L, inventory and messages of each session; how far the journal reaches is said."""
    ran = plan(capsys, lived.near(tmp_path), "--run", lived.place, "--json")
    assert ran.code == EXIT_OK
    told = ran.result["hours"]
    assert "not 2.0 h" in told["reach"]
    figures = told["sessions"]["btc"]
    assert figures["fills"]["old"] == 0
    assert figures["fills"]["new"] > 3
    assert figures["inventory_max_base"]["new"] > 0
    assert figures["places"]["difference"] == figures["places"]["new"] - figures["places"]["old"]
    assert figures["net_quote"]["new"] != figures["net_quote"]["old"]
    assert told["calibration"] == "uncalibrated"
    assert told["to_ns"] - told["from_ns"] == pytest.approx(SECONDS * 10**9, rel=0.1)


def test_so_much_is_told_as_is_asked_for(
    lived: Lived, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last 18 s of it, and nothing of hours with 0."""
    new = lived.near(tmp_path)
    part = plan(capsys, new, "--run", lived.place, "--hours", "0.005", "--json").result["hours"]
    assert (part["reach"], part["to_ns"] - part["from_ns"]) == (None, 18 * 10**9)
    none = plan(capsys, new, "--run", lived.place, "--hours", "0", "--json")
    assert (none.code, none.result["hours"], none.result["hours_error"]) == (EXIT_OK, None, None)


def test_a_change_is_told_with_the_line_of_the_file_that_was_named(
    lived: Lived, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not with that of the run's file, which has the old value there."""
    new = lived.near(tmp_path)
    asked = ("pair.btc.params.order_refresh_time_ms", "900")
    ran = plan(capsys, new, "--run", lived.place, "--hours", "0", "--set", "=".join(asked), "--json")
    lines = new.read_text().splitlines()
    by_key = {row["key"]: row for row in ran.result["changes"]}
    assert by_key.pop(asked[0])["source"] == "--set"
    assert by_key
    for row in by_key.values():
        file, _, line = row["source"].rpartition(":")
        assert file == str(new)
        assert lines[int(line) - 1].startswith(row["key"].rpartition(".")[2])


def test_people_read_both(lived: Lived, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What changes, what becomes of the orders, and the hours before."""
    said = plan(capsys, lived.near(tmp_path), "--run", lived.place).said
    assert "as it stood at 2024-08-08" in said
    assert "pair.btc.params.bid_spread_bps" in said
    assert "worst case" in said
    assert "would have had" in said
    assert "the journal reaches" in said
    assert "orders sent" in said


def test_a_daemon_is_asked_for_what_would_stand_in_its_file(
    lived: Lived, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the other file's text; the hours come from the journal of its data directory."""
    new = lived.near(tmp_path)

    def answer(request: Mapping[str, object]) -> Mapping[str, object]:
        facts = {"ok": True, "path": str(lived.data_dir.parent / "mm.toml"), "revision": 1}
        empty: dict[str, object] = {"values": [], "changes": [], "confirm": [], "digest": "d", "orders": []}
        return facts | empty

    with FakeDaemon(lived.data_dir, answer) as daemon:
        ran = plan(capsys, new, "--data-dir", lived.data_dir, "--json")
        asked = [request for request in daemon.asked if request["do"] == "config.plan"]
        bare = plan(capsys, "--data-dir", lived.data_dir, "--json")
    assert ran.code == EXIT_OK
    assert [request["text"] for request in asked] == [new.read_text()]
    assert ran.result["hours"]["sessions"]["btc"]["fills"]["new"] > 3
    assert (bare.code, bare.result["hours"]) == (EXIT_OK, None)


def test_what_the_journal_cannot_tell_does_not_keep_the_plan_back(
    lived: Lived, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A daemon whose journal is not there yet: the plan is told, and why the hours are not."""
    data_dir = tmp_path / "young"

    def answer(_: Mapping[str, object]) -> Mapping[str, object]:
        return {"ok": True, "path": str(tmp_path / "mm.toml"), "revision": 1, "changes": [], "digest": "d"}

    with FakeDaemon(data_dir, answer):
        ran = plan(capsys, lived.near(tmp_path), "--data-dir", data_dir, "--json")
        said = plan(capsys, lived.near(tmp_path), "--data-dir", data_dir).said
    assert (ran.code, ran.result["hours"]) == (EXIT_OK, None)
    assert "no journal yet" in ran.result["hours_error"]
    assert "cannot be told" in said


def test_a_wrong_config_is_refused_with_its_own_place(
    lived: Lived, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line is that of the file that was named, not of the one that runs."""
    new = tmp_path / "new.toml"
    new.write_text(lived.text.replace("bid_spread_bps = 3", "bid_spread_bps = -3"))
    ran = plan(capsys, new, "--run", lived.place)
    assert ran.code == EXIT_CONFIG
    assert f"{new}:" in ran.told
    with pytest.raises(ConfigError):
        plan_on_record(lived.place, "[pair]")


def test_what_does_not_go_together_is_refused(
    lived: Lived, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a hint, before anything is read."""
    monkeypatch.chdir(tmp_path)
    new, run = lived.near(tmp_path), lived.place
    for arguments, code in (
        (("--run", run), EXIT_USAGE),
        ((new, "--run", run, "--data-dir", "x"), EXIT_USAGE),
        ((new, "--run", "nowhere"), EXIT_CONFIG),
        ((new, "--data-dir", "nowhere"), EXIT_NOT_RUNNING),
        (("missing.toml", "--run", run), EXIT_CONFIG),
    ):
        assert plan(capsys, *arguments).code == code


def test_a_journal_without_its_market_is_told_as_that(tmp_path: Path) -> None:
    """Neither the orders nor the hours can be told."""
    place = paper_session(tmp_path, seconds=12, spread="3")
    text = (tmp_path / "mm.toml").read_text()
    with pytest.raises(JournalForeign, match="too little"):
        last_hours(place, text, 5 * 10**9)
    drop_market(place / "journal", before_ns=time.time_ns() + 10**12)
    with pytest.raises(JournalForeign, match="market data are gone"):
        plan_on_record(place, text)
    assert in_force_at_end(place, head_of(place)[1]).text == text


CHANGED = """\
mode = "demo"
[pair.main]
symbol = "AAA/BBB"
[pair.main.params]
bid_spread_bps = 4
ask_spread_bps = 4
order_amount_base = 0.01
order_refresh_time_ms = 2_000
[risk]
session_loss_quote = 50
"""


def test_what_was_in_force_at_the_end_is_what_a_plan_starts_from(tmp_path: Path) -> None:
    """A change that was applied while it ran holds; one that came without being applied does not."""
    tighter, tightest = (CHANGED.replace("50", text) for text in ("40", "30"))
    entries: list[tuple[Kind, Entry]] = [
        (CONFIG, ConfigVersion(digest=text_digest(tighter), text=tighter, who="me")),
        (EVENT, ConfigApplied(ts_ns=at(2), revision=2, digest=text_digest(tighter), who="me")),
        (CONFIG, ConfigVersion(digest=text_digest(tightest), text=tightest, who="me")),
    ]
    place = write_run(tmp_path / "data", entries, head=header(1, text=CHANGED)).parent
    running = in_force_at_end(place, head_of(place)[1])
    assert running.risk.session_loss_quote == 40
    assert running.text == tighter


def test_a_backtests_directory_is_told_as_that_by_whoever_needs_a_market(
    lived: Lived, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It holds none: that is the cause, no extra, version or difference; one that was killed too."""
    new = lived.near(tmp_path)
    job = BacktestJob(config=new, data=(lived.place,), out_dir=tmp_path / "backtests", to_ns=5 * 10**9)
    directory = Path(run_job(job).run_dir)
    for _ in range(2):
        for arguments in (("config", "plan", new, "--run", directory), ("calibrate", "--fills", directory)):
            ran = carried_out(capsys, *arguments)
            assert ran.code == EXIT_CONFIG
            assert "a backtest's own directory holds no market data" in ran.told
            assert "backtest.json names the data that it was run on" in ran.told
        (directory / "backtest.json").unlink(missing_ok=True)
