"""Markets that the Binance adapter shows without trading there: subscribed, synced, and nothing else."""

import json
from collections.abc import AsyncIterator

import pytest

from mm.domain.commands import Cancel, ListOrders, SyncBook
from mm.domain.events import BookSnapshot, Stream
from mm.errors import ConfigError, ProtocolViolation, VenueUnreachable
from mm.ports import Watches
from mm.venues.binance.venue import BinanceAdapter
from tests.builders.heard import Heard
from tests.builders.scripted_binance import ScriptedBinance, lost
from tests.builders.venue_setup import CID, connect, settings

TRADED, SEEN = "BTC/USDT", "ETH/USDT"


@pytest.fixture
async def adapter(server: ScriptedBinance) -> AsyncIterator[tuple[BinanceAdapter, Heard]]:
    """An adapter that trades BTC/USDT and watches ETH/USDT."""
    venue, heard = BinanceAdapter(settings(server.url)), Heard()
    await venue.instruments((TRADED,))
    (instrument,) = await venue.watch((SEEN,))
    assert (instrument.symbol, instrument.base) == (SEEN, "ETH")
    await venue.start(heard)
    yield venue, heard
    await venue.close()


async def test_a_watched_market_is_subscribed_and_synced_with_the_traded_one(
    server: ScriptedBinance, adapter: tuple[BinanceAdapter, Heard]
) -> None:
    """On one connection; its frames bear its name."""
    venue, heard = adapter
    assert isinstance(venue, Watches)
    await connect(venue, heard, Stream.MARKET)
    (asked,) = [row for row in server.subscribed if row["method"] == "SUBSCRIBE"]
    assert {name.partition("@")[0] for name in asked["params"]} == {"btcusdt", "ethusdt"}

    venue.submit(SyncBook(symbol=SEEN))
    snapshot = await heard.next(BookSnapshot)
    assert snapshot.symbol == SEEN
    assert server.requests("GET depth")[0].params["symbol"] == "ETHUSDT"


async def test_no_command_about_orders_of_a_watched_market_is_taken(
    server: ScriptedBinance, adapter: tuple[BinanceAdapter, Heard]
) -> None:
    """Nothing is sent; a balance of its assets is nobody's business, an order there no order of ours."""
    venue, _ = adapter
    for command in (ListOrders(symbol=SEEN), Cancel(cid=CID, symbol=SEEN)):
        with pytest.raises(ProtocolViolation, match="ETH/USDT"):
            venue.submit(command)
    with pytest.raises(ProtocolViolation):
        venue.submit(SyncBook(symbol="XRP/USDT"))
    assert not venue._link.matters("ETH")
    assert venue._link.matters("BTC")
    assert venue._link.instrument_of("ETHUSDT") is None
    assert server.requests("GET openOrders") == []


async def test_a_market_that_is_traded_stays_so_when_it_is_watched_too(server: ScriptedBinance) -> None:
    """Whoever asks for it again."""
    venue = BinanceAdapter(settings(server.url))
    await venue.instruments((TRADED,))
    await venue.watch((TRADED,))
    assert venue._link.instrument(TRADED).symbol == TRADED
    assert len(venue._link.all_instruments) == 1
    await venue.close()


async def test_a_watched_market_needs_no_order_type(server: ScriptedBinance) -> None:
    """One that does not trade is refused all the same, with what comes close for one that is not there."""
    bare = json.loads(json.dumps(server.symbols[1])) | {
        "orderTypes": [],
        "allowedSelfTradePreventionModes": ["X"],
    }
    server.symbols[1] = bare
    venue = BinanceAdapter(settings(server.url))
    await venue.instruments((TRADED,))
    (instrument,) = await venue.watch((SEEN,))
    assert instrument.venue_symbol == "ETHUSDT"
    with pytest.raises(ConfigError, match="does not trade"):
        await venue.watch((str(server.symbols[2]["baseAsset"]) + "/USDT",))
    with pytest.raises(ConfigError, match="does not list"):
        await venue.watch(("ETX/USDT",))
    await venue.close()


async def test_a_venue_that_is_silent_when_asked_is_unreachable(server: ScriptedBinance) -> None:
    """As at any other start."""
    venue = BinanceAdapter(settings(server.url))
    await venue.instruments((TRADED,))
    server.then("GET exchangeInfo", lost)
    with pytest.raises(VenueUnreachable):
        await venue.watch((SEEN,))
    await venue.close()
