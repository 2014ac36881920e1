"""The adapter with an ear on it: every text and every answer, once, with the connection that brought it."""

import asyncio

from mm.domain.commands import Connect, SyncBook
from mm.domain.events import AnyEvent, BookSnapshot, Stream, StreamUp
from mm.exchange.clock import WallClock
from mm.venues.binance import BinancePublicSettings, BinanceUrls, heard_market_data
from tests.builders.exchange import DEADLINE_S, running


class Listening:
    """An ear that keeps what it hears. Fields: texts: connection and text; bodies: request and answer."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.texts: list[tuple[int, str]] = []
        self.bodies: list[tuple[str, str]] = []

    def on_frame(self, connection: int, text: str) -> None:
        """Keep it."""
        self.texts.append((connection, text))

    def on_body(self, request: str, body: str) -> None:
        """Keep it."""
        self.bodies.append((request, body))


async def test_texts_and_answers_are_heard_with_their_connection() -> None:
    """The answer to each subscription first; requests without a host, bodies as they came."""
    ear, events, seen = Listening(), list[AnyEvent](), asyncio.Event()

    def sink(event: AnyEvent) -> None:
        events.append(event)
        seen.set()

    async def until(kind: type[AnyEvent], count: int) -> None:
        while sum(isinstance(event, kind) for event in events) < count:
            seen.clear()
            await seen.wait()

    async with running() as exchange, asyncio.timeout(DEADLINE_S):
        settings = BinancePublicSettings(
            clock=WallClock(), urls=BinanceUrls(rest=exchange.url), loopback_only=True
        )
        venue = heard_market_data(settings, ear)
        try:
            await venue.instruments(("BTC/USDT",))
            await venue.start(sink)
            for attempt in (1, 2):
                venue.submit(Connect(stream=Stream.MARKET))
                await until(StreamUp, attempt)
            venue.submit(SyncBook(symbol="BTC/USDT"))
            await until(BookSnapshot, 1)
        finally:
            await venue.close()
    assert venue.connection == 2
    answers = [(number, text) for number, text in ear.texts if '"result"' in text]
    assert [number for number, _ in answers] == [1, 2]
    requests = [request for request, _ in ear.bodies]
    assert requests[-1] == "/api/v3/depth?symbol=BTCUSDT&limit=1000"
    assert "/api/v3/time" in requests
    assert ear.bodies[-1][1].startswith('{"lastUpdateId":')
