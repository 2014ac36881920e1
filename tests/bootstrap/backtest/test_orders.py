"""Backtests on data with order ids: queues are exact, every loop decides the same, others are refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from mm.bootstrap.backtest.data import opened
from mm.bootstrap.backtest.fills import queue_of, require_orders
from mm.bootstrap.backtest.job import BacktestJob
from mm.bootstrap.backtest.run import run_job, settings_for
from mm.bootstrap.run_paper import paper
from mm.errors import ConfigError, RecordingUnusable
from mm.settings.loader import settings_of
from mm.settings.options import RunOptions
from mm.store.recordings.facts import Facts
from mm.store.recordings.foreign.npz_source import HftbacktestSource
from mm.store.recordings.foreign.npz_writer import write_hftbacktest
from mm.store.recordings.parquet.writer import store
from tests.builders.order_tapes import OrderMarket, write_orders

PAIR = Facts(base="BTC", quote="USDT")
CONFIG = """\
mode = "paper"
[venue.main]
url = "http://127.0.0.1:8600"
[pair.main]
symbol = "BTC/USDT"
strategy = "queue_holding"
[pair.main.params]
order_amount_base = 0.0001
[paper]
maker_fee_bps = 0
latency_mean_ms = 5
latency_p99_ms = 9
"""


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> BacktestJob:
    """A backtest over 75 s of a generated market of single orders."""
    folder = tmp_path_factory.mktemp("orders")
    data = write_orders(folder / "orders.npz", list(OrderMarket(2, gap_ns=15_000_000).rows(5_000)))
    config = folder / "config.toml"
    config.write_text(CONFIG, encoding="utf-8")
    return BacktestJob(
        config=config, data=(data,), overrides=(f"data_dir={folder}/var",), facts=PAIR, queue="l3"
    )


def test_every_loop_comes_to_the_same_fills(job: BacktestJob, tmp_path: Path) -> None:
    """The reference and the kernel, over the file and over the store made of it, from the middle too."""
    store(HftbacktestSource(job.data, PAIR), tmp_path / "store", (), lambda ts_ns: None)
    for asked in (job, replace(job, from_ns=45_000_000_000), replace(job, queue="power:2")):
        results = [
            run_job(replace(one, reference=reference))
            for one in (asked, replace(asked, data=(tmp_path / "store",)))
            for reference in (True, False)
        ]
        assert len({result.digest for result in results}) == 1
        assert results[0].fills > 3
        assert (results[0].rows, results[0].messages) == (results[1].rows, results[1].messages)
        assert f"{asked.queue.partition(':')[0]} queue" in results[0].fill_model


def test_who_knows_the_queue_fills_at_least_what_the_most_cautious_estimate_does(job: BacktestJob) -> None:
    """On a market where most of those who leave a queue are in front of somebody."""
    exact, cautious = (run_job(replace(job, queue=queue)) for queue in ("l3", "risk_averse"))
    assert exact.fills > cautious.fills > 0
    assert exact.digest != cautious.digest


def test_data_without_order_ids_are_refused(job: BacktestJob, tmp_path: Path) -> None:
    """By name, before anything runs; the config's own model counts where none is asked for."""
    write_hftbacktest(HftbacktestSource(job.data, PAIR), tmp_path / "levels.npz", levels=True)
    levels = replace(job, data=(tmp_path / "levels.npz",))
    with pytest.raises(RecordingUnusable, match="no order ids of BTC/USDT: the queue model l3") as caught:
        run_job(levels)
    assert caught.value.hint is not None
    assert "--queue risk_averse" in caught.value.hint
    with pytest.raises(RecordingUnusable, match="no order ids"):
        run_job(replace(levels, queue="", overrides=(*job.overrides, "paper.queue=l3")))
    settings = settings_for(levels)
    require_orders(opened(levels, settings), settings, "log2")
    assert queue_of("L3") == ("l3", None)


async def test_runs_on_paper_cannot_follow_single_orders(tmp_path: Path) -> None:
    """No stream tells them: the place in the config, and what to do."""
    settings = settings_of(CONFIG, tmp_path / "config.toml", ("paper.queue=l3", f"data_dir={tmp_path}"))
    options = RunOptions(settings=settings)
    with pytest.raises(ConfigError, match=r"paper.queue: l3 follows single orders") as caught:
        await paper(options, settings.venue["main"])
    assert caught.value.hint is not None
    assert "mm backtest --queue l3" in caught.value.hint
