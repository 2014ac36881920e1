"""What tests of the Binance adapter share: instruments, commands, a clock, a running adapter."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from mm.domain.commands import Connect, Place, SyncBook, TimeInForce
from mm.domain.events import BookSnapshot, Stream, StreamUp
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.ports import Venue
from mm.venues.binance.settings import BinanceSettings, BinanceUrls
from mm.venues.binance.venue import BinanceAdapter
from tests.builders.heard import Heard
from tests.builders.instruments import make_test_instrument

KEY = "k" * 64
SECRET = "s" * 64
CID = "0123456789ab4def8123456789abcdef"
START_NS = 1_700_000_000_000_000_000


class TickingClock:
    """A clock that moves one microsecond each time it is read."""

    def __init__(self, start_ns: int = START_NS) -> None:
        self.ns = start_ns

    def now_ns(self) -> int:
        """Return the time."""
        self.ns += 1_000
        return self.ns


def btc_usdt() -> Instrument:
    """Return BTC/USDT: tick 0.01, lot 0.00001, both assets in 8 decimals."""
    return make_test_instrument(
        symbol="BTC/USDT",
        venue_symbol="BTCUSDT",
        base="BTC",
        quote="USDT",
        lot_size="0.00001",
        size_min="0.00001",
        notional_min="5",
    )


def place(
    *,
    cid: str = CID,
    side: Side = Side.BUY,
    price_ticks: int = 10_000,
    size_lots: int = 100_000,
    post_only: bool = True,
    time_in_force: TimeInForce = TimeInForce.GTC,
) -> Place:
    """Return a placement: by default 1 BTC at 100.00, post-only."""
    return Place(
        cid=cid,
        symbol="BTC/USDT",
        side=side,
        price_ticks=price_ticks,
        size_lots=size_lots,
        post_only=post_only,
        time_in_force=time_in_force,
        reduces=False,
        market_seq=0,
        market_age_ns=0,
    )


def settings(url: str, *, api_key: str = KEY, request_timeout_ms: int = 5_000) -> BinanceSettings:
    """Return settings for a server on loopback."""
    return BinanceSettings(
        clock=TickingClock(),
        api_key=api_key,
        api_secret=SECRET if api_key else "",
        urls=BinanceUrls(url),
        loopback_only=True,
        request_timeout_ms=request_timeout_ms,
    )


@asynccontextmanager
async def running(
    given: BinanceSettings, *, symbols: tuple[str, ...] = ("BTC/USDT",)
) -> AsyncIterator[tuple[BinanceAdapter, Heard]]:
    """Run an adapter that knows its instruments; closes it at the end."""
    venue, heard = BinanceAdapter(given), Heard()
    try:
        if symbols:
            await venue.instruments(symbols)
        await venue.start(heard)
        yield venue, heard
    finally:
        await venue.close()


async def connect(venue: Venue, heard: Heard, *streams: Stream) -> None:
    """Bring streams up."""
    for stream in streams:
        already = sum(up.stream is stream for up in heard.all(StreamUp))
        venue.submit(Connect(stream=stream))
        await heard.next(StreamUp, where=partial(_is_of, stream), count=already + 1)


def _is_of(stream: Stream, up: StreamUp) -> bool:
    return up.stream is stream


async def sync(venue: BinanceAdapter, heard: Heard) -> BookSnapshot:
    """Bring the market stream up and the book in."""
    await connect(venue, heard, Stream.MARKET)
    venue.submit(SyncBook(symbol="BTC/USDT"))
    return await heard.next(BookSnapshot)
