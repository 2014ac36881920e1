"""Replays for tests: a recording served by a real exchange, its time moved by hand or played fast."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mm.exchange.replay import ReplayOptions, prepared
from mm.exchange.replay_clock import ReplayClock
from mm.exchange.replay_market import RecordedMarket
from mm.exchange.server import LocalExchange
from tests.builders.exchange import make_settings

ROWS_MAX = 10_000
RICH_ATOMS = 10**15
"""Ten millions of the quote asset: what a test's client can do does not depend on its purse."""


class Counter:
    """A counter of real time that stands still until it is moved."""

    def __init__(self) -> None:
        """Begin somewhere."""
        self.ns = 5_000_000_000

    def __call__(self) -> int:
        """Return where it stands."""
        return self.ns


class Played:
    """A replay whose time is moved by hand. Fields: market; exchange, not listening unless started."""

    def __init__(self, files: Sequence[Path], *, speed: float = 1.0, **options: Any) -> None:
        """Read the files and stand at the first frame."""
        replay = prepared(ReplayOptions(files=files, speed=speed, **options))
        self.counter = Counter()
        first_ns = replay.info.first_ns + replay.info.shift_ns
        self.clock = ReplayClock(first_ns, speed=speed, counter_ns=self.counter)
        self.market = RecordedMarket(replay, rows_max=ROWS_MAX, clock=self.clock)
        self.exchange = LocalExchange(
            make_settings(pump_ms=3_600_000, client_quote_atoms=RICH_ATOMS), market=self.market
        )

    def play(self, ms: int) -> None:
        """Let so much of real time pass, and serve what is due."""
        self.counter.ns += ms * 1_000_000
        self.exchange.pump()

    def recording(self) -> dict[str, Any]:
        """Return what the truth door tells of the recording."""
        told: dict[str, Any] = self.market.about()["recording"]
        return told


@asynccontextmanager
async def played(*files: Path, speed: float = 1.0, **options: Any) -> AsyncIterator[Played]:
    """Serve the files on loopback; time is moved by hand."""
    replay = Played(files, speed=speed, **options)
    await replay.exchange.start()
    try:
        yield replay
    finally:
        await replay.exchange.close()


@asynccontextmanager
async def replaying(*files: Path, speed: float, **changes: Any) -> AsyncIterator[LocalExchange]:
    """Serve the files on loopback at their own pace times `speed`; `changes` of the settings applied."""
    replay = prepared(ReplayOptions(files=files, speed=speed))
    exchange = LocalExchange(make_settings(**changes), market=RecordedMarket(replay, rows_max=ROWS_MAX))
    await exchange.start()
    try:
        yield exchange
    finally:
        await exchange.close()
