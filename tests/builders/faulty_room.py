"""An exchange whose clock is moved by hand, a client at it, and the door of faults: for tests of requests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from mm.domain.sides import Side
from mm.exchange.server import LocalExchange
from tests.builders.exchange import DEADLINE_S, ManualClock, RawClient, raw_client, rest, running

PATIENCE_S = 0.15
"""How long an answer is waited for that is not to come."""


class Room:
    """An exchange whose clock is moved by hand, a client at it, and the door of faults."""

    def __init__(self, exchange: LocalExchange, clock: ManualClock, client: RawClient) -> None:
        self.exchange, self.clock, self.client = exchange, clock, client

    async def fault(self, kind: str, target: str = "order.place", **fields: Any) -> None:
        """Add a fault at the door."""
        body = msgspec.json.encode({"kind": kind, "target": target, **fields}).decode()
        told = await self.client.send("POST", "/_mm/faults", body=body, key=None)
        assert self.client.status == 200, told

    async def has_placed(self) -> None:
        """Wait until an order has been accepted."""
        news = asyncio.Event()
        self.exchange.floor.listeners.append(lambda _: news.set())
        async with asyncio.timeout(DEADLINE_S):
            while not self.placed():
                news.clear()
                await news.wait()

    def placed(self) -> int:
        """Return how many orders the exchange has accepted."""
        return self.exchange.floor.records.counters.orders_placed

    def logged(self) -> tuple[str, int, int]:
        """Return the last request as the exchange remembers it: method, status, code."""
        row = self.exchange._log.rows()[-1]
        return row["method"], row["status"], row["code"]


async def silent(request: Awaitable[Any]) -> bool:
    """Return whether a request gets no answer for a while."""
    try:
        await asyncio.wait_for(request, PATIENCE_S)
    except TimeoutError:
        return True
    return False


@asynccontextmanager
async def faulty_room() -> AsyncIterator[Room]:
    """Open a room with a bid and an ask of a stranger."""
    clock = ManualClock()
    async with running(clock) as exchange, raw_client(exchange) as client:
        rest(exchange, Side.BUY, 5_900_000, 100_000)
        rest(exchange, Side.SELL, 6_100_000, 100_000)
        yield Room(exchange, clock, client)
