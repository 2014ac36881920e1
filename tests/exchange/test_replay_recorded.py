"""Real recordings over the real socket: our adapter and the unmodified ccxt.pro follow them."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mm.domain.book import Book, Level
from mm.domain.commands import SyncBook
from mm.domain.events import (
    AnyEvent,
    BookDelta,
    BookLost,
    BookSnapshot,
    PublicTrade,
    RequestFailed,
    Stream,
    TopOfBook,
)
from mm.exchange.clock import Clock
from mm.exchange.server import LocalExchange
from mm.venues.binance.settings import BinanceSettings, BinanceUrls
from mm.venues.binance.venue import BinanceAdapter
from tests.builders.exchange import DEADLINE_S, KEY, SECRET, ccxt_client
from tests.builders.heard import Heard
from tests.builders.processes import soon
from tests.builders.recordings import ordinary
from tests.builders.replays import replaying
from tests.builders.venue_setup import connect

PAIR = "BTC/USDT"
LINEAR = "usdm_btcusdt_20240808.gz"
PATIENT = {"weight_per_minute": 10**9}
"""A venue that lets a client ask as often as it likes."""
PATIENCE_S = 120.0

LAST_OF_2023 = 3_071_248_597
"""Number of the last print in the recording without a snapshot."""


class Followed(Heard):
    """A sink that is quick with many events. Fields: how many best prices; the latest print and change."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        super().__init__()
        self.tops = self.trade_id = self.seq = 0

    def __call__(self, event: AnyEvent) -> None:
        """Take an event."""
        super().__call__(event)
        if isinstance(event, TopOfBook):
            self.tops += 1
        elif isinstance(event, PublicTrade):
            self.trade_id = event.trade_id
        elif isinstance(event, BookDelta):
            self.seq = event.seq

    async def until(self, *, tops: int, trade_id: int, seq: int) -> None:
        """Wait until so many best prices, a print and a change have come."""
        async with asyncio.timeout(PATIENCE_S):
            while self.tops < tops or self.trade_id < trade_id or self.seq < seq:  # noqa: ASYNC110 # an event per frame is slow
                await asyncio.sleep(0)


@asynccontextmanager
async def following(exchange: LocalExchange) -> AsyncIterator[tuple[BinanceAdapter, Followed]]:
    """Our adapter at the exchange, with the exchange's clock, listening to the market."""
    clock: Clock = exchange.floor.clock
    given = BinanceSettings(
        clock=clock, api_key=KEY, api_secret=SECRET, urls=BinanceUrls(exchange.url), loopback_only=True
    )
    venue, heard = BinanceAdapter(given), Followed()
    try:
        await venue.instruments((PAIR,))
        await venue.start(heard)
        await connect(venue, heard, Stream.MARKET)
        yield venue, heard
    finally:
        await venue.close()


async def synced(venue: BinanceAdapter, heard: Heard) -> None:
    """Ask for the book until it is there: before the recorded snapshot there is none."""
    venue.submit(SyncBook(symbol=PAIR))
    asked = 1
    async with asyncio.timeout(DEADLINE_S):
        while not heard.all(BookSnapshot):
            if len(heard.all(RequestFailed)) == asked:
                venue.submit(SyncBook(symbol=PAIR))
                asked += 1
            await asyncio.sleep(0)


class Compared:
    """What a client rebuilt, beside the best prices that the venue stated. Fields: see `of`."""

    def __init__(self, events: list[AnyEvent]) -> None:
        """Rebuild the book of `events`."""
        self.compared = self.equal = 0
        tops: dict[int, tuple[Level, Level]] = {
            event.seq: (event.bid, event.ask) for event in events if isinstance(event, TopOfBook)
        }
        numbers, book = sorted(tops), Book()
        for event in events:
            if isinstance(event, BookSnapshot):
                book.apply_snapshot(event.ts_ns, event.seq, event.bids, event.asks)
            elif isinstance(event, BookDelta):
                book.apply_delta(event.ts_ns, event.seq, event.bids, event.asks)
                index = bisect_right(numbers, event.seq) - 1
                if index >= 0:
                    self.compared += 1
                    self.equal += (book.bids(1, {})[0], book.asks(1, {})[0]) == tops[numbers[index]]


@dataclass(frozen=True)
class Expected:
    """What a recording holds. Fields: the last numbers; comparable changes, those known to differ."""

    files: tuple[str, ...]
    tops: int
    trade_id: int
    seq: int
    compared: int
    different: int


FIRST = Expected(("spot_btcusdt_20240808.gz",), 28_040, 3_735_693_015, 50_093_421_584, 3_449, 0)
BOTH = Expected(
    ("spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz"),
    73_174,
    3_735_703_162,
    50_093_696_318,
    6_493,
    2,
)


@pytest.mark.parametrize("expected", [FIRST, pytest.param(BOTH, marks=pytest.mark.proof)])
async def test_the_book_that_a_client_rebuilds_has_the_recorded_top_at_every_change(
    shared_data: Path, expected: Expected
) -> None:
    """At sixty times the pace: no gap, every print and best price arrives, the known exceptions alone."""
    files = [shared_data / "binance_raw_2024-08-08" / name for name in expected.files]
    async with replaying(*files, speed=60.0) as exchange, following(exchange) as (venue, heard):
        await synced(venue, heard)
        await heard.until(tops=expected.tops, trade_id=expected.trade_id, seq=expected.seq)
    assert heard.all(BookLost) == []
    result = Compared(heard.events)
    # The first changes are in the snapshot already, as many as came until it was asked for.
    assert expected.compared - 60 < result.compared <= expected.compared
    assert result.compared - result.equal == expected.different
    assert heard.tops == expected.tops
    trades = [trade.trade_id for trade in heard.all(PublicTrade)]
    assert trades == list(range(trades[0], expected.trade_id + 1))


async def test_ccxt_watches_a_recording(shared_data: Path) -> None:
    """Unmodified: markets, book, trades, best prices, candles; a contract served as a spot market."""
    file = shared_data / "binance_raw_2024-08-08" / LINEAR
    # A client in Python keeps up with this pace on a busy machine as well.
    async with replaying(file, speed=3.0) as exchange, ccxt_client(exchange) as client:
        market = (await client.load_markets())[PAIR]
        assert (market["precision"]["price"], market["precision"]["amount"]) == (0.1, 0.001)

        async def come(awaitable: Any) -> Any:
            return await asyncio.wait_for(awaitable, DEADLINE_S)

        assert (await come(client.watch_trades(PAIR)))[0]["symbol"] == PAIR
        # Before the recorded snapshot there is no book to ask for.
        await soon(lambda: exchange.floor.market.about()["recording"]["has_book"])
        for _ in range(2):
            await come(client.watch_order_book(PAIR))
        book = await come(client.watch_order_book(PAIR))
        assert len(book["bids"]) > 100
        assert 0 < book["asks"][0][0] - book["bids"][0][0] < 50
        assert book["nonce"] <= exchange.floor.displayed.update_id
        ticker = (await come(client.watch_bids_asks([PAIR])))[PAIR]
        assert ticker["bid"] < ticker["ask"]
        (candle, *_) = await come(client.watch_ohlcv(PAIR, "1m"))
        assert 60_000 < candle[4] < 63_000


async def test_a_recording_without_a_snapshot_never_gives_our_adapter_a_book(shared_data: Path) -> None:
    """The stream is up and its frames come; there is nothing to quote on."""
    file = shared_data / "binance_raw_2023-04-04" / "spot_btcusdt_20230405.dat.gz"
    async with replaying(file, speed=1_000.0, **PATIENT) as exchange, following(exchange) as (venue, heard):
        await never_synced(exchange, venue, heard)
        # The recording has ended; what it sent last may still be on its way.
        await heard.until(tops=0, trade_id=LAST_OF_2023, seq=0)
    prints = [print_.trade_id for print_ in heard.all(PublicTrade)]
    assert len(prints) > 100
    assert prints == list(range(prints[0], LAST_OF_2023 + 1))


async def test_a_small_recording_without_a_snapshot_gives_no_book_either(tmp_path: Path) -> None:
    """The same where no real recording is present."""
    tape = ordinary(rounds=50)
    tape.lines = [line for line in tape.lines if b"lastUpdateId" not in line]
    async with (
        replaying(tape.save(tmp_path / "tape.gz"), speed=100.0, **PATIENT) as exchange,
        following(exchange) as (venue, heard),
    ):
        await never_synced(exchange, venue, heard)


async def never_synced(exchange: LocalExchange, venue: BinanceAdapter, heard: Heard) -> None:
    """Ask for the book from the beginning to after the end of the recording; it never comes."""
    asked = 0
    while asked < 2 or not exchange.floor.market.about()["recording"]["ended"]:
        asked += 1
        venue.submit(SyncBook(symbol=PAIR))
        failure = await heard.next(RequestFailed, count=asked)
        assert failure.reason.startswith("-1008")
    assert heard.all(BookSnapshot) == []
    assert heard.all(BookDelta) == []


async def test_our_adapter_follows_a_small_recording_to_its_end(tmp_path: Path) -> None:
    """Where no real recording is present, the whole way is still walked."""
    tape = ordinary(rounds=200, step_ms=10)
    async with (
        replaying(tape.save(tmp_path / "tape.gz"), speed=10.0) as exchange,
        following(exchange) as (venue, heard),
    ):
        await synced(venue, heard)
        await heard.until(tops=200, trade_id=tape.trade_id, seq=tape.last)
    assert heard.all(BookLost) == []
    assert len(heard.all(TopOfBook)) == 200
