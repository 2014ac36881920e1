"""Backtests on workers are the backtests of this process, in the order of the jobs."""

from dataclasses import replace
from pathlib import Path

import pytest

from mm.bootstrap.backtest.run import BacktestJob, run_job
from mm.bootstrap.jobs import run_many, workers
from mm.errors import ConfigError
from tests.builders.market_tapes import long_recording

CONFIG = """mode = "paper"
[pair.btc]
symbol = "BTC/USDT"
[pair.btc.params]
bid_spread_bps = 0.5
ask_spread_bps = 0.5
order_amount_base = 0.01
order_refresh_time_ms = 2_000
[pair.btc.inventory]
max_base = 0.05
[risk]
max_order_notional_quote = 1_000
"""


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> BacktestJob:
    """A backtest of half a minute."""
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "c.toml").write_text(CONFIG, encoding="utf-8")
    data = long_recording(seconds=30).save(folder / "m.gz")
    return BacktestJob(config=folder / "c.toml", data=(Path(data),), reference=True)


def test_results_come_in_the_order_of_the_jobs(job: BacktestJob) -> None:
    """Three jobs on two processes give the digests that they give here; an error is that of its job."""
    jobs = [replace(job, queue=queue) for queue in ("risk_averse", "log", "risk_averse")]
    with workers(2) as executor:
        found = [result.digest for result in run_many(jobs, executor) if not isinstance(result, str)]
        wrong = replace(job, data=(job.data[0].with_name("none.gz"),))
        with pytest.raises(ConfigError, match=r"none\.gz"):
            list(run_many([job, wrong], executor))
    assert found == [run_job(one).digest for one in jobs]
    assert found[0] == found[2]
