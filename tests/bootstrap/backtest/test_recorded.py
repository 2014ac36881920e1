"""Paper and backtest on every recording: the same decisions at the same times, and the same by every loop."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mm.bootstrap import run as run_bot
from mm.bootstrap.backtest.run import BacktestJob, run_job
from mm.bootstrap.backtest.runs import run_digest
from mm.domain.units import NS_PER_S
from mm.settings.options import RunOptions
from mm.store.journal.layout import runs
from tests.builders.configs import loaded
from tests.builders.exchange_thread import hosted_replay
from tests.builders.recorded_configs import COIN, RECORDED

RAW = "binance_raw_2024-08-08"
SERVED = (
    f"{RAW}/spot_btcusdt_20240808.gz {RAW}/spot_btcusdt_20240809.gz",
    f"{RAW}/usdm_btcusdt_20240808.gz",
)
"""Recordings that the local exchange serves, as files in the order of their time."""

READ = (
    *SERVED,
    "normalised/binance_spot_BTCUSDT_2024-08-08.parquet",
    "normalised/binance_usdm_BTCUSDT_2024-08-08.parquet",
    f"{RAW}/cm_btcusd_perp_20240808.gz {RAW}/cm_btcusd_perp_20240809.gz",
    "normalised/binance_cm_BTCUSD_PERP_2024-08-08.parquet",
)

pytestmark = pytest.mark.proof


@pytest.mark.parametrize("recording", SERVED)
def test_a_paper_run_on_a_whole_recording_is_decided_again(
    shared_data: Path, tmp_path: Path, recording: str
) -> None:
    """Served ten times as fast by the local exchange; the run's journal is the data, with its own config."""
    files = [shared_data / name for name in recording.split()]
    with hosted_replay(*files, speed=10.0) as hosted:
        overrides = [f"venue.main.url={hosted.url}", f"data_dir={tmp_path / 'data'}"]
        run_bot(RunOptions(settings=loaded(tmp_path, RECORDED, overrides), duration_ns=600 * NS_PER_S))
    (place,) = runs(tmp_path / "data")
    job = BacktestJob(config=tmp_path / "mm.toml", data=(place.directory,))
    for reference in (False, True):
        result = run_job(replace(job, reference=reference))
        assert result.fills >= 20
        assert result.digest == run_digest(place.directory)


@pytest.mark.parametrize("recording", READ)
def test_every_loop_does_the_same_on_a_recording(shared_data: Path, tmp_path: Path, recording: str) -> None:
    """The kernel and the reference: digest, counts and every figure."""
    path = tmp_path / "mm.toml"
    path.write_text(COIN if "cm_" in recording else RECORDED, encoding="utf-8")
    job = BacktestJob(config=path, data=tuple(shared_data / name for name in recording.split()))
    fast, plain = run_job(job), run_job(replace(job, reference=True))
    assert fast.fills >= 20
    assert fast.kernel != plain.kernel == "reference"
    assert replace(fast, wall_s=0, events_per_s=0, kernel="") == replace(
        plain, wall_s=0, events_per_s=0, kernel=""
    )


def test_a_minute_of_real_processes_is_decided_again(shared_data: Path, tmp_path: Path) -> None:
    """An exchange that replays at speed 1, a bot, a backtest: each a process of its own."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "mm"]
    recording = shared_data / f"{RAW}/spot_btcusdt_20240808.gz"
    path, data = tmp_path / "mm.toml", tmp_path / "data"
    path.write_text(RECORDED, encoding="utf-8")
    exchange = subprocess.Popen(
        [*command, "exchange", "--replay", str(recording), "--speed", "1", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        assert exchange.stdout is not None
        url = json.loads(exchange.stdout.readline())["url"]
        overrides = ["--set", f"venue.main.url={url}", "--set", f"data_dir={data}"]
        subprocess.run(
            [*command, "run", str(path), "--duration", "60s", "--headless", *overrides],
            env=environment,
            check=True,
            timeout=120,
            capture_output=True,
        )
    finally:
        exchange.send_signal(signal.SIGINT)
        exchange.communicate(timeout=30)
    (place,) = runs(data)
    told = subprocess.run(
        [*command, "backtest", str(path), "--data", str(place.directory), "--json", "--out", str(tmp_path)],
        env=environment,
        check=True,
        timeout=120,
        capture_output=True,
        text=True,
    )
    result = json.loads(told.stdout.splitlines()[-1])
    assert result["decisions"] > 50
    assert (result["same_as"], result["digest"]) == (place.run_id, run_digest(place.directory))
