"""Where lives crash: an exchange of its own that outlives them, a config, a data directory, and the verbs.

The bot runs as in live mode, with a throw-away key, on loopback. Invariant: nothing here reaches into a life;
it is started, signalled, and asked by the product's own commands.
"""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from mm.errors import EXIT_OK
from mm.runtime.exchange_process import Ready
from mm.settings.loader import load_settings
from mm.settings.models import Settings
from mm.store.lease import DIRECTORY_VARIABLE
from mm.store.paths import STATE_NAME
from tests.builders.crash_hurt import Hurt
from tests.builders.crash_nursery import Life, Nursery, Wrapped
from tests.builders.crash_truth import Gathered, Written, ask_truth
from tests.builders.processes import until

LEVELS: Final = 2
SESSION: Final = "btc"
SECRETS: Final = ("MM_TEST_KEY", "MM_TEST_SECRET")

TEXT: Final = """\
mode = "live"
data_dir = "{data_dir}"

[venue.main]
key = "env:MM_TEST_KEY"
secret = "env:MM_TEST_SECRET"
url = "{url}"

[pair.btc]
symbol = "BTC/USDT"

[pair.btc.params]
bid_spread_bps = {spread_bps}
ask_spread_bps = {spread_bps}
order_amount_base = 0.002
order_levels = {levels}
order_level_spread_bps = 1
order_refresh_time_ms = {refresh_ms}
order_refresh_tolerance_bps = 0.5

[pair.btc.inventory]
max_base = {max_base}

[risk]
max_notional_quote = {notional_quote}
max_order_notional_quote = 500
session_loss_quote = 500
open_loss_quote = 500
max_orders_per_minute = 1_000
max_open_orders = {open_orders}

[journal]
sync = "{sync}"
"""


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a bot trades here.

    Fields: spread_bps: near 3 it is filled often; refresh_ms, sync: as in the config; segment_bytes: of its
    journal, 0 for the product's own size; levels: orders a side; max_base: limit of the inventory; brisk: its
    requests live shorter (`crash_brisk`); planted: the mistake that is in it (`crash_planted`).
    """

    spread_bps: float = 4.0
    refresh_ms: int = 500
    sync: str = "group"
    segment_bytes: int = 0
    levels: int = LEVELS
    max_base: float = 0.05
    brisk: bool = False
    planted: str = ""


class Said(NamedTuple):
    """How a command ended."""

    code: int
    result: dict[str, Any]
    told: str


class Room:
    """One deployment on one exchange. Make it with `room`. Fields: exchange: its process; url: of it;
    data_dir; config: path of the file; style; gathered: what the venue told so far; settled: trades of which
    the account was closed by a life that ended in good order; forgotten: those of them that this life did not
    know: they are in no account; lifts: when a halt was lifted by command, from the asking to the answer.
    """

    def __init__(self, nursery: Nursery, folder: Path, style: Style, ready: tuple[Life, Ready]) -> None:
        """For `room`; use that."""
        self.nursery = nursery
        self.folder = folder
        self.exchange, told = ready
        self.url = told.url
        self.data_dir = folder / "data"
        self.config = folder / "mm.toml"
        self.environ = dict(zip(SECRETS, (told.api_key, told.api_secret), strict=True))
        self.environ[DIRECTORY_VARIABLE] = str(folder / "leases")
        self.gathered = Gathered(self.url)
        self.style = style
        self.settled: frozenset[int] = frozenset()
        self.forgotten: set[int] = set()
        self.lifts: list[tuple[int, int]] = []
        self.config.write_text(
            TEXT.format(
                data_dir=self.data_dir,
                url=self.url,
                spread_bps=style.spread_bps,
                refresh_ms=style.refresh_ms,
                sync=style.sync,
                levels=style.levels,
                max_base=style.max_base,
                notional_quote=round(70_000 * style.max_base),
                open_orders=2 * style.levels + 10,
            )
        )

    def start(self, *more: str, hurt: Hurt | None = None, traced: bool = False) -> Life:
        """Begin a life of the bot."""
        self.settle()
        style = self.style
        wrapped = Wrapped(
            hurt=hurt,
            traced=traced,
            segment_bytes=style.segment_bytes,
            brisk=style.brisk,
            planted=style.planted,
        )
        return self.nursery.start(*self.arguments(*more), environ=self.environ, wrapped=wrapped)

    def settle(self) -> None:
        """Note which trades an earlier life has closed its account of: one that ended in good order and left
        nothing to the next.
        """
        if self.ended_clean and not self.state().get("estate_run"):
            self.gathered.look()
            self.settled = frozenset(self.gathered.trades)
            self.forgotten |= self.settled - set(Written(self.data_dir).fills)

    def start_anew(self, *more: str, before: tuple[str, ...] = ()) -> Life:
        """Begin a life of the bot as a user does, from nothing."""
        self.settle()
        return self.nursery.start_anew(*self.arguments(*more), environ=self.environ, before=before)

    def arguments(self, *more: str) -> tuple[str, ...]:
        """Return the command line of the bot."""
        return ("run", str(self.config), "--yes-live", "--json", *more)

    def verb(self, *argv: str) -> Said:
        """Carry out a command about the bot and return how it ended."""
        begun_ns = time.time_ns()
        life = self.nursery.start(*argv, "--data-dir", str(self.data_dir), "--json", environ=self.environ)
        code = life.wait(deadline_s=130.0)
        if argv[0] == "unhalt" and code == EXIT_OK:
            self.lifts.append((begun_ns, time.time_ns()))
        return Said(code, life.result, life.said())

    def settings(self) -> Settings:
        """Return the config as it was at the start."""
        return load_settings(self.config, (), self.environ)

    def counters(self) -> Mapping[str, Any]:
        """Return the venue's totals."""
        found: Mapping[str, Any] = ask_truth(self.url, "counters")["counters"]
        return found

    def quotes(self, *, above: int = 0) -> bool:
        """Return whether the venue shows orders of ours, and has seen more than `above` placements."""
        seen = self.counters()
        return bool(seen["open_orders"] > 0 and seen["orders_placed"] > above)

    def state(self) -> dict[str, Any]:
        """Return what the state file says, {} without one."""
        path = self.data_dir / STATE_NAME
        if not path.exists():
            return {}
        found: dict[str, Any] = json.loads(path.read_bytes())["state"]
        return found

    @property
    def ended_clean(self) -> bool:
        """Whether the newest life said that it ended and left nothing."""
        life = self.state().get("life") or {}
        return bool(life.get("ended")) and life.get("open_orders") == 0

    @property
    def latched(self) -> bool:
        """Whether trading is latched off."""
        return self.state().get("latch") is not None

    def clear(self) -> None:
        """Kill what the lives of this room left running: a watchdog outlives its trader, for as long as the
        venue may still have something of it.
        """
        mark = f"{DIRECTORY_VARIABLE}={self.environ[DIRECTORY_VARIABLE]}".encode()
        for process in Path("/proc").glob("[0-9]*"):
            # Processes end while we look.
            with contextlib.suppress(OSError):
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGKILL)

    def lift(self) -> None:
        """Lift a halt, as an operator does, if there is one."""
        if self.latched:
            # A watchdog that latches for a dead trader holds the directory for a moment.
            until(lambda: self.verb("unhalt", "--reason", "the test goes on").code == EXIT_OK)


@contextmanager
def room(nursery: Nursery, folder: Path, *, seed: int = 7, style: Style | None = None) -> Iterator[Room]:
    """Make a room with a fresh exchange; the exchange is ended in the end."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "ready.json"
    where = ("--port", "0", "--ready-file", str(file), "--idle-end", "300s")
    exchange = nursery.start("exchange", "--agents", str(seed), *where)
    exchange.wait_until(file.exists)
    ready = json.loads(until(file.read_bytes))
    known = {name: ready[name] for name in ("url", "ws_url", "pid", "api_key", "api_secret")}
    made = Room(nursery, folder, style or Style(), (exchange, Ready(**known)))
    try:
        yield made
    finally:
        made.clear()
        exchange.kill()
