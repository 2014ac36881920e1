"""A live run on a local exchange, each a process of its own, with a full ladder and a watchdog."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mm.store.heartbeat import Heartbeat, Watch, Word
from tests.builders.commands import Command, started
from tests.builders.exchange_thread import truth_of
from tests.builders.processes import runs, until

LEVELS: Final = 25

STRATEGY: Final = """\
from dataclasses import dataclass
from pathlib import Path

from mm.domain.quotes import Quote, Quotes
from mm.strategies.base import Wake, lots_from_base


class Stalling:
    @dataclass(frozen=True, kw_only=True)
    class Params:
        levels: int  # per side
        stall: str  # path of a file

    needs, wake = (), Wake(every_ns=100_000_000)

    def __init__(self, params, instrument):
        self.levels, self.stall = range(params.levels), Path(params.stall)

    def initial_memory(self):
        return 0

    def quotes(self, view):
        while self.stall.exists():
            sum(range(1_000))
        mid = view.memory or view.mid_half_ticks // 2
        bids = tuple(Quote(mid * 99 // 100 - 100 * level, 20, level) for level in self.levels)
        asks = tuple(Quote(mid * 101 // 100 + 100 * level, 20, level) for level in self.levels)
        return Quotes(bids, asks, "quoting", mid)
"""
"""A ladder far from the market that stays where it is; a file `stall` beside it keeps it busy."""

CONFIG: Final = """\
mode = "live"

[venue.main]
url = "{url}"
key = "env:MM_TEST_KEY"
secret = "env:MM_TEST_SECRET"

[pair.btc]
symbol = "BTC/USDT"
strategy = "./stalling.py:Stalling"

[pair.btc.params]
levels = {levels}
stall = "{stall}"

[pair.btc.inventory]
max_base = 0.1

[risk]
max_notional_quote = 5_000
max_order_notional_quote = 500
session_loss_quote = 100
max_open_orders = 100
max_orders_per_minute = 100_000
price_collar_bps = 500
"""


@dataclass(frozen=True)
class Hurt:
    """How a kill went. Fields: sent_ms: until the last cancel was there; clean_ms: until none was open."""

    sent_ms: float
    clean_ms: float


class Watched:
    """A run that quotes a ladder. Fields: folder; data_dir; command: the trader; beat: the shared words."""

    def __init__(self, folder: Path, exchange: dict[str, Any], command: Command, *, orders: int) -> None:
        """Keep where it is. Args: orders: of the whole ladder."""
        self.orders = orders
        self.folder = folder
        self.data_dir = folder / "data"
        self.command = command
        self._url = str(exchange["url"])
        self.beat: Heartbeat

    def wait_for_ladder(self) -> list[str]:
        """Wait until all of its orders are open; return their client ids."""
        until(lambda: len(self.open_orders()) == self.orders)
        self.beat = Heartbeat.open(self.data_dir)
        until(lambda: self.beat.watch is Watch.WATCHING)
        return self.open_orders()

    def truth(self, only: str) -> Any:
        """Return a part of the exchange's truth."""
        return truth_of(self._url, only=only)[only]

    def open_orders(self) -> list[str]:
        """Return the client ids of what is open."""
        return [order["client_id"] for order in self.truth("open_orders")]

    def stall(self) -> None:
        """Let the strategy hang at its next look."""
        (self.folder / "stall").touch()
        heard = self.beat.words[Word.TRADER_BEAT_NS]
        until(lambda: time.monotonic_ns() - self.beat.words[Word.TRADER_BEAT_NS] > 300_000_000, deadline_s=10)
        assert heard

    def go_on(self) -> None:
        """Let it go on."""
        (self.folder / "stall").unlink()

    def watchdog(self) -> int:
        """Return the watchdog's process."""
        return self.beat.words[Word.WATCHDOG_PID]

    def wait_until_clean(self) -> None:
        """Wait until nothing is open."""
        until(lambda: not self.open_orders())

    def hurt(self, killed_ns: int, orders: list[str]) -> Hurt:
        """Return how long it took from a moment (UTC) until `orders` were gone; they have to be."""
        self.wait_until_clean()
        wanted = set(orders)
        gone_ns = [o["updated_ns"] for o in self.truth("orders") if o["client_id"] in wanted]
        sent_ns = [
            row["ts_ns"]
            for row in self.truth("requests")
            if row["method"] == "DELETE" and not row["code"] and row["params"]["origClientOrderId"] in wanted
        ]
        assert len(gone_ns) == len(wanted)
        return Hurt((max(sent_ns) - killed_ns) / 1e6, (max(gone_ns) - killed_ns) / 1e6)

    def log(self) -> list[dict[str, Any]]:
        """Return what the watchdog wrote down."""
        return [json.loads(line) for line in (self.data_dir / "watchdog.log").read_text().splitlines()]


@contextmanager
def exchange_process(folder: Path) -> Iterator[dict[str, Any]]:
    """Start `mm exchange` and yield what it said when it served."""
    file = folder / "ready.json"
    with started("exchange", "--agents", "7", "--port", "0", "--ready-file", str(file), "--json") as command:
        until(lambda: command.said)
        yield json.loads(command.said[0])
        command.send(signal.SIGTERM)
        command.end()


@contextmanager
def watched(
    folder: Path, exchange: dict[str, Any], *overrides: str, levels: int = LEVELS
) -> Iterator[Watched]:
    """Start a live run on the exchange; whatever happens, neither it nor its watchdog is left."""
    folder.mkdir(exist_ok=True)
    (folder / "stalling.py").write_text(STRATEGY)
    config = folder / "live.toml"
    config.write_text(CONFIG.format(url=exchange["url"], levels=levels, stall=folder / "stall"))
    sets = [part for override in overrides for part in ("--set", override)]
    where = ("--set", f"data_dir={folder / 'data'}")
    environ = {"MM_TEST_KEY": exchange["api_key"], "MM_TEST_SECRET": exchange["api_secret"]}
    arguments = ("run", str(config), "--yes-live", "--headless", "--json", *where, *sets)
    with started(*arguments, **environ) as command:
        run = Watched(folder, exchange, command, orders=2 * levels)
        try:
            yield run
        finally:
            (folder / "stall").unlink(missing_ok=True)
            if command.process.poll() is None:
                command.send(signal.SIGCONT)
                command.send(signal.SIGKILL)
            if hasattr(run, "beat") and runs(run.watchdog()):
                os.kill(run.watchdog(), signal.SIGKILL)
