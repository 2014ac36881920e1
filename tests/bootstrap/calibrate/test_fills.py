"""Own fills of a run beside the queue models: the one that made them is found, few fills say nothing."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from mm.bootstrap.calibrate.fills import ORDERS_MAX, calibrate_fills, fills_bytes, write_model
from mm.cli.main import carry_out
from mm.errors import (
    EXIT_CHECK_FAILED,
    EXIT_CONFIG,
    EXIT_NOT_RUNNING,
    EXIT_OK,
    EXIT_USAGE,
    ConfigError,
    JournalForeign,
    NotRunning,
)
from mm.observe.fill_model_ghosts import Candidate
from mm.sim.queue import QueueModel
from mm.store.fill_model import FILE_NAME, fill_model_words, said_of
from mm.store.journal.retention import drop_market
from tests.builders.queue_market import SYMBOL, Traded
from tests.builders.recorded_runs import BEGAN_NS, place

EVENTS = 5_000


FEW = (Candidate(QueueModel.RISK_AVERSE), Candidate(QueueModel.POWER3, 3.0))
"""Candidates for tests that are not about which one is found."""


def heard(_done: int) -> None:
    """Nobody wants to know how far it is."""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run whose orders were filled by power 3 with the exponent 3."""
    traded = Traded(QueueModel.POWER3, 3.0).live(EVENTS)
    return traded.write(tmp_path_factory.mktemp("lived") / "data")


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Run `mm calibrate`; return its exit code, what it said and what it told."""
    code = carry_out(["calibrate", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize(
    ("queue", "power", "displayed"),
    [
        (QueueModel.RISK_AVERSE, None, False),
        (QueueModel.POWER, 2.0, False),
        (QueueModel.POWER, 2.0, True),
        (QueueModel.POWER2, 4.0, False),
        (QueueModel.POWER3, 3.0, True),
    ],
)
def test_the_model_that_made_the_fills_is_found(
    tmp_path: Path, queue: QueueModel, power: float | None, *, displayed: bool
) -> None:
    """With its exponent, on paper, and where the market shows our own orders, as live."""
    directory = Traded(queue, power, displayed=displayed).live(EVENTS).write(tmp_path / "data")
    found = calibrate_fills(directory, heard)
    assert found.fit.doubt == ""
    assert (found.fit.best.candidate.queue, found.fit.best.candidate.power) == (queue, power)
    assert found.model is not None
    assert found.model.n == found.fit.fills > 30
    if not displayed:
        assert found.fit.best.time_error_s == 0.0
        assert found.fit.best.predicted_ratio == pytest.approx(found.model.fill_ratio, abs=0.05)


def test_the_same_journal_gives_the_same_answer(lived: Path) -> None:
    """To the last digit, with the same digest of the data."""
    told: list[int] = []
    first, second = calibrate_fills(lived, told.append, FEW), calibrate_fills(lived, heard, FEW)
    assert first.fit == second.fit
    assert first.model == second.model
    assert first.model is not None
    assert len(first.model.data_digest) == 64
    assert all(0 < done <= fills_bytes(lived) for done in told)


def test_on_few_fills_nothing_is_said_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--write` then is refused with 9, and the data directory stays without a model."""
    directory = Traded(QueueModel.POWER, 2.0).live(600).write(tmp_path / "data")
    found = calibrate_fills(directory, heard)
    assert found.model is None
    assert "too few" in found.fit.doubt
    with pytest.raises(ConfigError, match="too few"):
        write_model(found)
    code, said, _ = run(capsys, "--fills", directory, "--write")
    assert code == EXIT_CHECK_FAILED
    assert "nothing can be said" in said
    assert not (tmp_path / "data" / FILE_NAME).exists()


def test_the_verb_tells_what_it_found_and_writes_it_when_asked(
    lived: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """First only told, then kept in the data directory of the run, where a backtest reads it."""
    data_dir = lived.parent.parent
    code, said, _ = run(capsys, "--fills", lived)
    assert code == EXIT_OK
    assert "power3:3" in said
    assert "made on paper, by a model" in said
    assert "nothing is written without --write" in said
    assert fill_model_words(data_dir) is None
    rows = [line.split() for line in said.partition("below best")[2].splitlines()[2:4]]
    first, second = (float(row[1].replace(",", "")) for row in rows)
    assert rows[0][2] == "-"
    assert first - second == pytest.approx(float(rows[1][2].replace(",", "")), abs=0.11)

    code, said, _ = run(capsys, "--fills", data_dir, "--write", "--json")
    assert code == EXIT_OK
    told: dict[str, Any] = json.loads(said.splitlines()[-1])
    assert told["written"] == str(data_dir / FILE_NAME)
    assert (told["best"]["queue"], told["best"]["power"]) == ("power3", 3.0)
    assert sum(row["orders"] for row in told["reliability"]) == told["orders"]
    known = fill_model_words(data_dir)
    assert known is not None
    assert known.words == told["calibration"] == f"calibrated on {told['fills']} fills on paper"
    assert said_of(known, "power3", 3.0, [SYMBOL]) == known.words
    assert known.began_ns >= BEGAN_NS
    (data_dir / FILE_NAME).unlink()


def test_a_run_without_its_market_says_nothing(tmp_path: Path) -> None:
    """Its orders are there; what they stood in is gone."""
    directory = Traded(QueueModel.POWER, 2.0).live(600).write(tmp_path / "data")
    drop_market(directory / "journal", before_ns=time.time_ns() + 10**12)
    with pytest.raises(JournalForeign, match="market data are gone"):
        calibrate_fills(directory, heard)


def test_a_run_that_never_quoted_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to compare."""
    traded = Traded(QueueModel.POWER, 2.0)
    traded.live(30)
    traded.entries = [entry for entry in traded.entries if entry[0].name == "EVENT"]
    directory = traded.write(tmp_path / "data")
    with pytest.raises(NotRunning, match="no order of it came to rest"):
        calibrate_fills(directory, heard)
    assert run(capsys, "--fills", directory)[0] == EXIT_NOT_RUNNING


def test_a_run_outside_of_a_data_directory_is_told_but_not_written(lived: Path, tmp_path: Path) -> None:
    """Nobody would read it there."""
    found = calibrate_fills(lived, heard, FEW)
    moved = found.__class__(
        **{name: getattr(found, name) for name in found.__slots__} | {"directory": tmp_path}
    )
    with pytest.raises(ConfigError, match="no data directory"):
        write_model(moved)


def test_what_does_nothing_beside_fills_is_refused(
    lived: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And without it a config and data are needed."""
    code, _, told = run(capsys, "mm.toml", "--fills", lived)
    assert (code, "stands alone" in told) == (EXIT_USAGE, True)
    code, _, told = run(capsys)
    assert (code, "--data" in told) == (EXIT_USAGE, True)
    assert run(capsys, "--fills", tmp_path)[0] == EXIT_CONFIG


def test_orders_that_took_or_were_refused_are_no_resting_orders(tmp_path: Path) -> None:
    """Neither says how a queue goes; nor does one that nobody ever heard of again."""
    traded = Traded(QueueModel.POWER, 2.0).live(EVENTS)
    before = calibrate_fills(traded.write(tmp_path / "before"), heard, FEW).fit.orders
    kind, _, _ = next(entry for entry in traded.entries if entry[0].name == "COMMAND")
    traded.entries.append((kind, traded.entries[-1][1], place(40_000)))
    assert calibrate_fills(traded.write(tmp_path / "after"), heard, FEW).fit.orders == before
    assert before < ORDERS_MAX
