"""A local exchange in a thread of its own, for programs that take the main thread and its signals."""

import asyncio
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from mm.domain.sides import Side
from mm.exchange.replay import ReplayOptions, prepared
from mm.exchange.replay_market import RecordedMarket
from mm.exchange.server import LocalExchange
from mm.sim.orders import Order
from mm.sim.world import CLIENT
from tests.builders.exchange import KEY, SECRET, make_settings
from tests.builders.sim import accepted, limit

DEADLINE_S = 60.0


def truth_of(url: str, *, only: str = "") -> Any:
    """Return what the truth door at `url` tells. Args: only: the parts that are wanted, all when empty."""
    with urllib.request.urlopen(f"{url}/_mm/truth?only={only}", timeout=DEADLINE_S) as answer:
        return msgspec.json.decode(answer.read())


@dataclass(frozen=True)
class Hosted:
    """A running exchange. Fields: url; key, secret: the only ones that it takes."""

    url: str
    _exchange: LocalExchange
    _loop: asyncio.AbstractEventLoop
    key: str = KEY
    secret: str = SECRET

    def truth(self) -> Any:
        """Return what the truth door tells."""
        return truth_of(self.url)

    def vanish(self) -> None:
        """Close every connection and serve nobody any more."""
        asyncio.run_coroutine_threadsafe(self._exchange.close(), self._loop).result(DEADLINE_S)

    def statuses(self) -> dict[str, str]:
        """Return where each order of the client stands, by client id."""
        return {order["client_id"]: order["status"] for order in self.truth()["orders"]}

    def leave(self, client_id: str) -> None:
        """Place an order of the client, far from the market, as an earlier life would have."""

        async def place() -> Order:
            self._exchange.floor.sync()
            new = limit(CLIENT, Side.BUY, 5_000_000, 100, client_id=client_id)
            return accepted(self._exchange.floor.place(new))

        asyncio.run_coroutine_threadsafe(place(), self._loop).result(DEADLINE_S)


@contextmanager
def hosted(**changes: object) -> Iterator[Hosted]:
    """Start an exchange with the demo's market, `changes` of its settings applied; end it and its thread."""
    with _hosted(LocalExchange(make_settings(**({"preset": "demo", "seed": 7} | changes)))) as exchange:
        yield exchange


@contextmanager
def hosted_replay(*files: Path, speed: float) -> Iterator[Hosted]:
    """Start an exchange that replays recordings `speed` times as fast; end it and its thread."""
    market = RecordedMarket(prepared(ReplayOptions(files=files, speed=speed)), rows_max=10_000)
    with _hosted(LocalExchange(make_settings(pump_ms=5), market=market)) as exchange:
        yield exchange


@contextmanager
def _hosted(exchange: LocalExchange) -> Iterator[Hosted]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        url = asyncio.run_coroutine_threadsafe(exchange.start(), loop).result(DEADLINE_S)
        yield Hosted(url, exchange, loop)
    finally:
        asyncio.run_coroutine_threadsafe(exchange.close(), loop).result(DEADLINE_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(DEADLINE_S)
        loop.close()
