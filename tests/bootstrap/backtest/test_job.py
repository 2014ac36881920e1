"""A job goes into a file and to another directory as it is."""

import json
import pickle
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from shlex import split

import pytest

from mm.bootstrap.backtest.anywhere import anywhere
from mm.bootstrap.backtest.job import BacktestJob
from mm.bootstrap.records.report_backtest import command
from mm.errors import ConfigError
from mm.store.recordings.facts import Facts
from tests.builders.configs import SMALL, loaded

FACTS = Facts(
    base="BTC",
    quote="USDT",
    tick_size=Decimal("0.10"),
    lot_size=Decimal("0.00001"),
    exchange_info=Path("info.json"),
)
JOB = BacktestJob(config=Path("c.toml"), data=(Path("a.npz"),), facts=FACTS)


def test_facts_survive_json_and_processes() -> None:
    """To the digit; a job that was left before there were any has none."""
    told = json.loads(json.dumps(JOB.as_dict()))
    assert BacktestJob.from_dict(told) == JOB
    assert pickle.loads(pickle.dumps(JOB)) == JOB
    del told["facts"]
    assert BacktestJob.from_dict(told) == replace(JOB, facts=Facts())


@pytest.mark.parametrize("facts", [7, {"tick_size": "fine"}, {"colour": "red"}])
def test_facts_that_are_none_are_refused(facts: object) -> None:
    """As every other field."""
    with pytest.raises(ConfigError, match="no job of a backtest"):
        BacktestJob.from_dict({**JOB.as_dict(), "facts": facts})


def test_a_job_is_placed_for_another_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every path becomes absolute; of NAME=FILE what stands behind the sign, unless a file is called so."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x=y").write_text("", encoding="utf-8")
    job = replace(JOB, data=(Path("a.npz"), Path("perp=b.gz"), Path("x=y"), Path("d=1/c.gz")))
    placed = job.placed()
    assert placed.config == tmp_path / "c.toml"
    assert placed.facts.exchange_info == tmp_path / "info.json"
    assert placed.data[:3] == (tmp_path / "a.npz", Path(f"perp={tmp_path}/b.gz"), tmp_path / "x=y")
    assert placed.placed() == placed


def test_a_job_for_a_worker_elsewhere_takes_along_what_decides_its_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The config's text, the environment of this process, which weighs less than `--set`, and every path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MM__PAPER__MAKER_FEE_BPS", "2")
    settings = loaded(tmp_path, SMALL, [])
    job = replace(JOB, overrides=("paper.queue=log",), latency="measured:l.csv")
    found = anywhere(job, settings)
    assert found.text == settings.text
    assert found.overrides == ("paper.maker_fee_bps=2", "paper.queue=log")
    assert found.latency == f"measured:{tmp_path / 'l.csv'}"
    assert found.config.is_absolute()
    assert anywhere(replace(JOB, latency="constant:1,1"), settings).latency == "constant:1,1"


def test_the_command_that_plays_it_again_says_what_the_data_do_not() -> None:
    """Every option that was given."""
    words = split(command(replace(JOB, funding=Path("rates.csv"))))
    options = {
        "--base": "BTC",
        "--quote": "USDT",
        "--tick": "0.10",
        "--lot": "0.00001",
        "--info": "info.json",
        "--funding": "rates.csv",
    }
    assert {option: words[words.index(option) + 1] for option in options} == options
    assert "--base" not in command(replace(JOB, facts=Facts()))
