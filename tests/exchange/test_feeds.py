"""Streams with a pace of their own, over a real socket, with a clock that is moved by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mm.domain.sides import Side
from mm.exchange.intervals import INTERVALS
from mm.exchange.server import LocalExchange
from tests.builders.exchange import Frames, ManualClock, RawClient, frames, hit, raw_client, rest, running

NOW_MS = 1_700_000_000_000
BEGIN_MS = NOW_MS - NOW_MS % 60_000


class Stage:
    """A running exchange with two orders in its book, its clock and a socket of one stream."""

    def __init__(self, exchange: LocalExchange, clock: ManualClock, client: RawClient, ws: Frames) -> None:
        """Hold them."""
        self.exchange, self.clock, self.client, self.ws = exchange, clock, client, ws
        self._numbers = 0

    def later(self, ms: int) -> None:
        """Let time pass and send what is due."""
        self.clock.advance(ms=ms)
        self.exchange.pump()

    async def silent(self) -> None:
        """Assert that nothing was sent: the answer to a question is the next frame."""
        self._numbers += 1
        asked = {"method": "GET_PROPERTY", "params": ["combined"], "id": self._numbers}
        assert await self.ws.ask(asked) == {"result": False, "id": self._numbers}


@asynccontextmanager
async def _stage(kind: str) -> AsyncIterator[Stage]:
    clock = ManualClock()
    async with (
        running(clock, socket_messages_per_s=100, ping_every_s=86_400) as exchange,
        raw_client(exchange) as client,
    ):
        rest(exchange, Side.SELL, 6_000_000, 1_000)
        rest(exchange, Side.BUY, 5_999_000, 1_000)
        async with frames(client, f"/ws/btcusdt@{kind}") as ws:
            stage = Stage(exchange, clock, client, ws)
            await stage.silent()
            yield stage


async def test_aggregates_come_when_their_taker_is_done() -> None:
    """One event per price; several makers at one price are one event."""
    async with _stage("aggTrade") as stage:
        rest(stage.exchange, Side.SELL, 6_000_000, 500)
        rest(stage.exchange, Side.SELL, 6_000_100, 500)
        hit(stage.exchange, Side.BUY, 1_700)
        first = {
            "e": "aggTrade",
            "E": NOW_MS,
            "s": "BTCUSDT",
            "a": 1,
            "p": "60000.00000000",
            "q": "0.01500000",
            "f": 1,
            "l": 2,
            "T": NOW_MS,
            "m": False,
            "M": True,
        }
        assert await stage.ws.next() == first
        second = {"a": 2, "p": "60001.00000000", "q": "0.00200000", "f": 3, "l": 3}
        assert await stage.ws.next() == first | second
        await stage.silent()


@pytest.mark.parametrize(("kind", "every_ms"), [("depth5", 1_000), ("depth10@100ms", 100)])
async def test_partial_books_show_the_best_levels_whenever_they_changed(kind: str, every_ms: int) -> None:
    """At their pace; a new subscriber gets one in any case."""
    async with _stage(kind) as stage:
        for number in range(12):
            rest(stage.exchange, Side.BUY, 5_998_000 - number, 100)
        stage.later(every_ms)
        book = await stage.ws.next()
        levels = int(kind.removeprefix("depth").partition("@")[0])
        assert sorted(book) == ["asks", "bids", "lastUpdateId"]
        assert (book["lastUpdateId"], len(book["bids"]), len(book["asks"])) == (14, levels, 1)
        assert book["bids"][0] == ["59990.00000000", "0.01000000"]
        stage.later(every_ms)
        await stage.silent()
        rest(stage.exchange, Side.SELL, 6_000_100, 100)
        stage.later(every_ms - 1)
        await stage.silent()
        stage.later(1)
        assert (await stage.ws.next())["lastUpdateId"] == 15
        async with frames(stage.client, f"/ws/btcusdt@{kind}") as late:
            asked = {"method": "GET_PROPERTY", "params": ["combined"], "id": 1}
            assert (await late.ask(asked))["result"] is False
            stage.later(every_ms)
            assert (await late.next())["lastUpdateId"] == 15


async def test_a_candle_grows_every_two_seconds_and_closes_in_time() -> None:
    """Only when it changed, then once more with x when its minute is over; quiet minutes close too."""
    async with _stage("kline_1m") as stage:
        hit(stage.exchange, Side.BUY, 100)
        stage.later(1_999)
        await stage.silent()
        stage.later(1)
        event = await stage.ws.next()
        assert event == {
            "e": "kline",
            "E": NOW_MS + 2_000,
            "s": "BTCUSDT",
            "k": {
                "t": BEGIN_MS,
                "T": BEGIN_MS + 59_999,
                "s": "BTCUSDT",
                "i": "1m",
                "f": 1,
                "L": 1,
                "o": "60000.00000000",
                "c": "60000.00000000",
                "h": "60000.00000000",
                "l": "60000.00000000",
                "v": "0.00100000",
                "n": 1,
                "x": False,
                "q": "60.00000000",
                "V": "0.00100000",
                "Q": "60.00000000",
                "B": "0",
            },
        }
        stage.later(2_000)
        await stage.silent()
        hit(stage.exchange, Side.SELL, 200)
        for _ in range(4):
            stage.later(9_000)
        growing = (await stage.ws.next())["k"]
        assert (growing["c"], growing["n"], growing["x"]) == ("59990.00000000", 2, False)
        closed = await stage.ws.next()
        assert closed["E"] == NOW_MS + 40_000
        assert closed["k"] == growing | {"x": True}
        for _ in range(6):
            stage.later(10_000)
        quiet = (await stage.ws.next())["k"]
        assert (quiet["t"], quiet["o"], quiet["v"]) == (BEGIN_MS + 60_000, "59990.00000000", "0.00000000")
        assert (quiet["n"], quiet["f"], quiet["L"], quiet["x"]) == (0, -1, -1, True)
        await stage.silent()


async def test_one_second_candles_come_every_second() -> None:
    """Every second closes, whether anything traded in it or not."""
    async with _stage("kline_1s") as stage:
        hit(stage.exchange, Side.BUY, 100)
        for number in range(3):
            stage.later(1_000)
            candle = (await stage.ws.next())["k"]
            assert (candle["t"], candle["x"]) == (NOW_MS + number * 1_000, True)
            assert candle["n"] == (1 if number == 0 else 0)
        await stage.silent()


async def test_every_interval_has_a_stream() -> None:
    """The names are those of the requests."""
    clock = ManualClock()
    async with running(clock) as exchange, raw_client(exchange) as client, frames(client, "/ws") as ws:
        names = [f"btcusdt@kline_{name}" for name in INTERVALS]
        await ws.ask({"method": "SUBSCRIBE", "params": names, "id": 1})
        rest(exchange, Side.SELL, 6_000_000, 1_000)
        hit(exchange, Side.BUY, 100)
        clock.advance(ms=2_000)
        exchange.pump()
        events = [await ws.next() for _ in range(len(names) + 1)]
        assert {event["k"]["i"] for event in events} == set(INTERVALS)
        for event in events:
            row = await client.send(
                "GET", "/api/v3/klines", f"symbol=BTCUSDT&interval={event['k']['i']}&startTime=0&limit=1"
            )
            if event["k"]["n"]:
                assert (event["k"]["t"], event["k"]["T"], event["k"]["v"]) == (
                    row[0][0],
                    row[0][6],
                    row[0][5],
                )


@pytest.mark.parametrize("kind", ["ticker", "miniTicker", "avgPrice"])
async def test_statistics_come_every_second_in_which_they_changed(kind: str) -> None:
    """Nothing before the first trade; the same numbers as the request."""
    async with _stage(kind) as stage:
        stage.later(1_000)
        await stage.silent()
        hit(stage.exchange, Side.BUY, 100)
        stage.later(1_000)
        event = await stage.ws.next()
        assert event == await _expected(stage, kind)
        stage.later(1_000)
        await stage.silent()
        hit(stage.exchange, Side.SELL, 300)
        stage.later(999)
        await stage.silent()
        stage.later(1)
        assert await stage.ws.next() == await _expected(stage, kind)


async def _expected(stage: Stage, kind: str) -> dict[str, Any]:
    now_ms = stage.clock.now_ns() // 1_000_000
    head = {"E": now_ms, "s": "BTCUSDT"}
    if kind == "avgPrice":
        average = await stage.client.send("GET", "/api/v3/avgPrice", "symbol=BTCUSDT")
        return head | {"e": kind, "i": "5m", "w": average["price"], "T": average["closeTime"]}
    day = await stage.client.send("GET", "/api/v3/ticker/24hr", "symbol=BTCUSDT")
    mini = {
        "c": day["lastPrice"],
        "o": day["openPrice"],
        "h": day["highPrice"],
        "l": day["lowPrice"],
        "v": day["volume"],
        "q": day["quoteVolume"],
    }
    if kind == "miniTicker":
        return head | mini | {"e": "24hrMiniTicker"}
    return (
        head
        | mini
        | {
            "e": "24hrTicker",
            "p": day["priceChange"],
            "P": day["priceChangePercent"],
            "w": day["weightedAvgPrice"],
            "x": day["prevClosePrice"],
            "Q": day["lastQty"],
            "b": day["bidPrice"],
            "B": day["bidQty"],
            "a": day["askPrice"],
            "A": day["askQty"],
            "O": day["openTime"],
            "C": day["closeTime"],
            "F": day["firstId"],
            "L": day["lastId"],
            "n": day["count"],
        }
    )
