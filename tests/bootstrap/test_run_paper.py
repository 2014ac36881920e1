"""Paper mode as a user runs it: on a replayed recording, judged by its own truth, and run again."""

import asyncio
import csv
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mm.bootstrap import run
from mm.bootstrap.records.export import FILL_COLUMNS, fill_rows
from mm.bootstrap.records.replay_run import repeat
from mm.cli.main import carry_out
from mm.errors import JournalForeign, StateCorrupt
from mm.settings.models import Settings
from mm.settings.options import RunOptions, RunReport
from mm.store.journal.entries import CONFIG
from mm.store.journal.layout import runs
from mm.store.journal.reader import read
from mm.store.journal.retention import drop_market
from mm.store.paths import STATE_NAME
from tests.builders.configs import loaded
from tests.builders.exchange_thread import Hosted, hosted_replay
from tests.builders.recordings import busy_tape

TEXT = """\
mode = "paper"

[venue.main]
url = "{url}"

[pair.btc]
symbol = "BTC/USDT"

[pair.btc.params]
bid_spread_bps = 0.1
ask_spread_bps = 0.1
order_amount_base = 0.002
order_refresh_time_ms = 1_000

[paper]
latency_mean_ms = 40
latency_p99_ms = 90
"""
SPEED = 20.0


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Hosted]:
    """A replay of two minutes, twenty times as fast."""
    with hosted_replay(busy_tape(120).save(tmp_path / "tape.gz"), speed=SPEED) as hosted:
        yield hosted


def settings_at(folder: Path, exchange: Hosted, *overrides: str) -> Settings:
    """Return the settings of a paper run on `exchange`."""
    return loaded(folder, TEXT.format(url=exchange.url), [f"data_dir={folder / 'data'}", *overrides])


def ran(folder: Path, exchange: Hosted, *overrides: str) -> RunReport:
    """Run on paper for half a minute of the market's time."""
    settings = settings_at(folder, exchange, *overrides)
    return run(RunOptions(settings=settings, duration_ns=30 * 10**9))


def test_it_fills_and_its_books_are_its_venues(tmp_path: Path, exchange: Hosted) -> None:
    """At the pace of the replay: half a minute of market in one and a half seconds, zeros, and fills."""
    report = ran(tmp_path, exchange)

    assert (report.exit_code, report.exit_reason) == (0, "duration")
    assert report.fills > 0
    assert report.first_fill_s is not None
    assert 0 < report.first_fill_s < 30
    assert (report.self_trades, report.limit_breaches, report.open_orders_at_exit) == (0, 0, 0)
    assert report.pnl_residual == 0
    assert 29 < report.run_s < 90
    assert report.fills_at_touch is not None
    assert exchange.truth()["counters"]["orders_placed"] == 0


def test_it_says_what_a_wishful_model_would_have_claimed(tmp_path: Path, exchange: Hosted) -> None:
    """Behind a queue that no print exhausts nothing fills here; at the touch everything does."""
    report = ran(tmp_path, exchange, "pair.btc.params.bid_spread_bps=0.05", "paper.latency_mean_ms=80")
    fields = report.as_dict()

    assert {"orders_filled", "fills_at_touch", "phantom_fills", "fills_not_at_touch"} <= fields.keys()
    assert report.orders_filled is not None
    assert report.fills_at_touch is not None
    assert report.phantom_fills is not None
    assert report.fills_not_at_touch is not None
    both = report.fills_at_touch - report.phantom_fills
    assert both + report.fills_not_at_touch == report.orders_filled <= report.fills


def test_a_recorded_run_comes_out_the_same_in_virtual_time(tmp_path: Path, exchange: Hosted) -> None:
    """Every command to the byte; and with another config the difference is found."""
    ran(tmp_path, exchange)
    (place,) = runs(tmp_path / "data")
    report, result = asyncio.run(repeat(place.directory))

    assert result.difference is None
    assert result.commands > 10
    assert report.run is not None
    assert report.run.run_id == place.run_id
    assert carry_out(["replay", str(tmp_path / "data"), "--json"]) == 0


def test_a_config_that_changed_while_it_ran_is_part_of_the_record(tmp_path: Path, exchange: Hosted) -> None:
    """The text that was applied is in the journal: the repetition applies it at the same moment."""
    settings = settings_at(tmp_path, exchange)
    edited = settings.text.replace("ask_spread_bps = 0.1", "ask_spread_bps = 0.4")
    edit = threading.Timer(0.3, settings.path.write_text, [edited])
    edit.start()
    run(RunOptions(settings=settings, duration_ns=60 * 10**9))
    edit.join()
    (place,) = runs(tmp_path / "data")
    _, result = asyncio.run(repeat(place.directory))

    kinds = [record.kind for record in read(place.journal)]
    assert kinds.count(CONFIG) == 1
    assert result.difference is None


def test_another_program_than_the_one_that_ran_is_told_apart(
    tmp_path: Path, exchange: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 9, with the first difference in words."""
    ran(tmp_path, exchange)
    wider = settings_at(tmp_path, exchange, "pair.btc.params.ask_spread_bps=3")
    monkeypatch.setattr("mm.bootstrap.records.replay_run.settings_from", lambda recipe: wider)

    assert carry_out(["replay", str(tmp_path / "data"), "--json"]) == 9


def test_what_is_no_run_or_not_whole_is_an_error(tmp_path: Path, exchange: Hosted) -> None:
    """A directory of something else, a journal without its market data, a damaged one."""
    with pytest.raises(StateCorrupt):
        asyncio.run(repeat(tmp_path))
    ran(tmp_path, exchange)
    (place,) = runs(tmp_path / "data")
    market = sorted((place.journal / "market").iterdir())
    content = market[0].read_bytes()
    market[0].write_bytes(content[:300] + bytes([content[300] ^ 1]) + content[301:])
    with pytest.raises(StateCorrupt):
        asyncio.run(repeat(place.directory))


def test_a_run_whose_end_was_torn_off_is_repeated_as_far_as_it_goes(
    tmp_path: Path, exchange: Hosted, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a crash or a full disk leaves it, whichever of its files lost more."""
    ran(tmp_path, exchange)
    (place,) = runs(tmp_path / "data")
    (own,), (market,) = (sorted((place.journal / family).iterdir()) for family in ("own", "market"))
    whole, _ = asyncio.run(repeat(place.directory))
    # What says that it was closed in good order is the last to be written, and the first to be lost.
    (tmp_path / "data" / STATE_NAME).unlink()
    for file in (own, market):
        os.truncate(file, file.stat().st_size - 100)
    for file, share in ((own, 0.9), (market, 0.6), (own, 0.4)):
        os.truncate(file, int(file.stat().st_size * share))
        report, result = asyncio.run(repeat(place.directory))
        assert not report.closed
        assert result.difference is None
        assert 0 < result.events < whole.records
        assert result.commands > 10
    capsys.readouterr()
    assert carry_out(["replay", str(tmp_path / "data")]) == 0
    assert "not closed in good order: repeated as far as it goes" in capsys.readouterr().out


def test_a_run_whose_market_data_were_dropped_cannot_be_repeated(tmp_path: Path, exchange: Hosted) -> None:
    """Said with the setting that keeps them."""
    ran(tmp_path, exchange)
    (place,) = runs(tmp_path / "data")
    drop_market(place.journal, before_ns=2**62)
    with pytest.raises(JournalForeign, match="are not all there") as caught:
        asyncio.run(repeat(place.directory))
    assert "journal.market_days" in caught.value.hint


def test_fills_are_exported_exactly_once(
    tmp_path: Path, exchange: Hosted, capsys: pytest.CaptureFixture[str]
) -> None:
    """As CSV, oldest first, of all runs; never over a file that is there."""
    reports = [ran(tmp_path, exchange), ran(tmp_path, exchange)]
    rows = list(fill_rows(tmp_path / "data"))
    capsys.readouterr()

    assert len(rows) == sum(report.fills for report in reports) > 0
    assert len({row[-1] + row[-2] for row in rows}) == len(rows)
    assert carry_out(["export", "--data-dir", str(tmp_path / "data")]) == 0
    told = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert told[0] == list(FILL_COLUMNS)
    assert [tuple(row) for row in told[1:]] == rows
    out = tmp_path / "fills.csv"
    assert carry_out(["export", "--data-dir", str(tmp_path / "data"), "--out", str(out), "--json"]) == 0
    written = out.read_text()
    assert carry_out(["export", "--data-dir", str(tmp_path / "data"), "--out", str(out)]) == 4
    assert out.read_text() == written
    late = list(fill_rows(tmp_path / "data", since_ns=2**62))
    assert late == []


@pytest.mark.parametrize("arguments", [["--since", "soon"], ["--json"]])
def test_an_export_that_cannot_be_meant_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    """A date that is none, JSON where the CSV goes."""
    assert carry_out(["export", "--data-dir", str(tmp_path), *arguments]) == 2


def test_a_data_directory_without_runs_has_nothing_to_export(tmp_path: Path) -> None:
    """Said, not an empty file."""
    with pytest.raises(StateCorrupt, match="no run is recorded"):
        list(fill_rows(tmp_path))
