"""Jobs for watchdogs."""

import os
from pathlib import Path
from typing import Any, Final

from mm.domain.ids import OrderId, OrderIds
from mm.store.heartbeat import started_ticks
from mm.store.watch_job import WatchJob
from tests.builders.exchange import KEY

SECRET_OF_JOBS: Final = "a-secret-that-nobody-prints"
TAG: Final = 4711
ID_KEY: Final = bytes(range(32))
EPOCH: Final = 5


def make_job(data_dir: Path = Path("nowhere"), **changes: Any) -> WatchJob:
    """Return a job for this process as the trader, `changes` applied."""
    fields: dict[str, Any] = {
        "data_dir": str(data_dir),
        "pid": os.getpid(),
        "started_ticks": started_ticks(os.getpid()),
        "rest": "http://127.0.0.1:9/api/v3",
        "loopback_only": True,
        "api_key": KEY,
        "api_secret": SECRET_OF_JOBS,
        "recv_window_ms": 5_000,
        "symbols": ("BTCUSDT",),
        "tag": TAG,
        "id_key": ID_KEY.hex(),
        "epoch": EPOCH,
        "silent_ms": 500,
        "patience_s": 5.0,
    }
    return WatchJob(**(fields | changes))


def ours(sequence: int, *, epoch: int = EPOCH) -> str:
    """Return an order id of the trader that such a job watches."""
    return OrderIds(tag=TAG, key=ID_KEY).encode(OrderId(TAG, 0, epoch, sequence))
