"""A stand-in for a daemon: it holds a data directory and answers on its control socket, from a thread."""

import json
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Self

from mm.store.lock import DirectoryLock
from mm.store.paths import made_control_socket

Answer = Mapping[str, object] | bytes | None
"""An answer as JSON, as raw bytes (nothing: silence; no line end: hang up after it), or None to hang up."""


class FakeDaemon:
    """Answers each request by `answer`. Fields: asked: all requests so far, as they came."""

    def __init__(self, data_dir: Path, answer: Callable[[dict[str, object]], Answer]) -> None:
        """Keep what to do."""
        self.data_dir = data_dir
        self.asked: list[dict[str, object]] = []
        self._answer = answer
        self._stopping = threading.Event()

    def __enter__(self) -> Self:
        """Hold the directory and listen."""
        self._lock = DirectoryLock(self.data_dir)
        path = made_control_socket(self.data_dir)
        path.unlink(missing_ok=True)
        self._path = path
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(str(path))
        self._server.listen()
        self._server.settimeout(0.02)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def end(self) -> None:
        """Let go of the directory, as a daemon that ends; the socket stays until the context is left."""
        self._lock.release()

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self._stopping.set()
        self._thread.join()
        self._server.close()
        self._path.unlink(missing_ok=True)
        self._lock.release()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._server.accept()
            except TimeoutError:
                continue
            connection.settimeout(5)
            with connection, connection.makefile("rb") as lines:
                self._talk(connection, lines)

    def _talk(self, connection: socket.socket, lines: BinaryIO) -> None:
        while line := lines.readline():
            request = json.loads(line)
            self.asked.append(request)
            answer = self._answer(request)
            if answer is None:
                return
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode() + b"\n"
            try:
                connection.sendall(content)
            except OSError:
                return
            if content and not content.endswith(b"\n"):
                return


def session_status(**changes: object) -> dict[str, object]:
    """One session of a status, as a daemon tells it."""
    status: dict[str, object] = {
        "name": "btc",
        "symbol": "BTC/USDT",
        "base": "BTC",
        "quote": "USDT",
        "strategy": "pure_market_making",
        "state": "active",
        "reason": "quoting",
        "paused": "",
        "mid": "60012.345",
        "bid": "60010",
        "ask": "60014.69",
        "book_bids": [["60010", "0.5"], ["60009.5", "0.25"], ["60008.1", "1.25"], ["60007", "2"]],
        "book_asks": [["60014.69", "0.004"], ["60015", "0.33"], ["60017.2", "1"], ["60018", "0.3"]],
        "own_bids": [["60008.1", "0.004", 0], ["59990.2", "0.004", 1]],
        "own_asks": [["60014.69", "0.004", 0], ["60030.1", "0.004", 1]],
        "inventory_base": "-0.012",
        "inventory_max_base": "0.05",
        "target_base": "1",
        "pnl": pnl_row(),
        "book_status": "in_sync",
        "book_age_ms": 83,
        "user_stream_ok": True,
        "open_orders": 4,
        "unknown_orders": 0,
        "fills": 12,
        "last_fills": [fill_row(number) for number in range(6)],
        "measured": None,
    }
    return {**status, **changes}


def measured_row(**changes: object) -> dict[str, object]:
    """What was measured of one session, as a status tells it."""
    row: dict[str, object] = {
        "net_quote": "8.85204369",
        "spread_quote": "11.73",
        "adverse_quote": "1.58",
        "carry_quote": "0.24",
        "costs_quote": "1.54",
        "markout_s": 1.0,
        "markout_bps": 3.3,
        "markout_error_bps": 0.369,
        "markout_fills": 128,
        "presence_bps": 10,
        "presence_ratio": 0.966,
        "inventory_half_life_s": 14.2,
        "unexplained": 0,
    }
    return {**row, **changes}


def pnl_row(**changes: object) -> dict[str, object]:
    """The P&L of one session."""
    row: dict[str, object] = {
        "session": "btc",
        "quote": "USDT",
        "total_quote": "1.23456789",
        "spread_quote": "3.1",
        "inventory_quote": "-1.4",
        "fees_quote": "0.4654",
        "open_quote": "-0.4",
        "peak_quote": "2",
        "bought_base": "0.02",
        "sold_base": "0.032",
        "turnover_quote": "1200.4",
        "fills": 12,
        "residual": 0,
    }
    return {**row, **changes}


def fill_row(number: int) -> dict[str, object]:
    """One fill."""
    return {
        "ts_ms": 1_795_000_000_000 + number * 1_500,
        "session": "btc",
        "symbol": "BTC/USDT",
        "side": "buy" if number % 2 else "sell",
        "price": "60010.12",
        "size_base": "0.004",
        "fee": "0.00024",
        "fee_asset": "USDT",
        "maker": number != 0,
        "trade_id": number,
        "cid": f"{number:032x}",
    }


def order_row(**changes: object) -> dict[str, object]:
    """One order that is not proven dead."""
    row: dict[str, object] = {
        "cid": "a" * 32,
        "session": "btc",
        "symbol": "BTC/USDT",
        "side": "buy",
        "level": 0,
        "price": "60008.10",
        "size_base": "0.00400",
        "filled_base": "0.00000",
        "state": "open",
        "age_ms": 12_345,
    }
    return {**row, **changes}


def daemon_status(**changes: object) -> dict[str, object]:
    """A status, as a daemon tells it."""
    status: dict[str, object] = {
        "ok": True,
        "mode": "demo",
        "state": "active",
        "reason": "quoting",
        "run_seconds": 83.2,
        "venue": "binance",
        "streams": {"market": True, "user": True},
        "latch": None,
        "recovery": None,
        "orders_placed": 120,
        "orders_cancelled": 90,
        "fills": 12,
        "sessions": [session_status()],
        "watched": [],
        "reports": [],
    }
    return {**status, **changes}
