"""Tests of mm/venues/binance/public.py: public data come, and nothing that signs or trades is in reach."""

import hmac
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from mm.domain.commands import (
    Cancel,
    Connect,
    ListBalances,
    ListFills,
    ListOrders,
    MeasureClock,
    Query,
    SyncBook,
    VenueCommand,
)
from mm.domain.events import BookSnapshot, ClockMeasured, RequestFailed, Stream, StreamUp
from mm.errors import ConfigError, ForeignAddress, ProtocolViolation
from mm.ports import Venue
from mm.venues.binance import BinanceMarketData, BinancePublicSettings, BinanceUrls
from mm.venues.binance.public import BinancePublic
from mm.venues.binance.venue import BinanceAdapter
from tests.builders.heard import Heard
from tests.builders.object_graph import of_kinds, reachable, secrets_in, signers_in
from tests.builders.scripted_binance import ScriptedBinance, lost
from tests.builders.venue_setup import CID, KEY, TickingClock, connect, place, settings

SYMBOL = "BTC/USDT"
PRIVATE: tuple[VenueCommand, ...] = (
    place(),
    Cancel(cid=CID, symbol=SYMBOL),
    Query(cid=CID, symbol=SYMBOL),
    ListOrders(symbol=SYMBOL),
    ListFills(symbol=SYMBOL, from_trade_id=-1),
    ListBalances(),
    Connect(stream=Stream.USER),
)
KEYS = (hmac.HMAC, Ed25519PrivateKey, RSAPrivateKey)


def given(url: str, **changes: Any) -> BinancePublicSettings:
    """Return settings for a server on loopback."""
    fields: dict[str, Any] = {"clock": TickingClock(), "urls": BinanceUrls(url), "loopback_only": True}
    return BinancePublicSettings(**(fields | changes))


@pytest.fixture
async def feed(server: ScriptedBinance) -> AsyncIterator[tuple[BinancePublic, Heard]]:
    """A feed of BTC/USDT that was started, and its events."""
    venue, heard = BinanceMarketData(given(server.url, maker_fee_ppm=-25, taker_fee_ppm=450)), Heard()
    await venue.instruments((SYMBOL,))
    await venue.start(heard)
    yield venue, heard
    await venue.close()


async def test_what_everybody_may_ask_is_answered(
    server: ScriptedBinance, feed: tuple[BinancePublic, Heard]
) -> None:
    """Stream, book and clock, as from the adapter of an account; nothing else is asked, nothing signed."""
    venue, heard = feed
    as_port: Venue = venue
    assert as_port.caps.own_orders_in_book
    await connect(venue, heard, Stream.MARKET)
    venue.submit(SyncBook(symbol=SYMBOL))
    assert (await heard.next(BookSnapshot)).symbol == SYMBOL
    venue.submit(MeasureClock())
    await heard.next(ClockMeasured)
    assert len(heard.all(StreamUp)) == 1
    assert {asked.route for asked in server.asked} == {"GET time", "GET exchangeInfo", "GET depth"}
    assert not any("signature" in asked.raw or "x-mbx-apikey" in asked.headers for asked in server.asked)
    assert [row["method"] for row in server.subscribed] == ["SUBSCRIBE"]


async def test_the_fees_are_those_of_the_settings(server: ScriptedBinance) -> None:
    """The public interface does not tell what an account pays; a rebate is a negative fee."""
    venue = BinancePublic(given(server.url, maker_fee_ppm=-25, taker_fee_ppm=450))
    (instrument,) = await venue.instruments((SYMBOL,))
    await venue.close()
    assert (instrument.maker_fee_ppm, instrument.taker_fee_ppm) == (-25, 450)


@pytest.mark.parametrize("command", PRIVATE, ids=lambda command: type(command).__name__)
async def test_what_needs_an_account_is_refused_before_anything_happens(
    server: ScriptedBinance, feed: tuple[BinancePublic, Heard], command: VenueCommand
) -> None:
    """It is our own bug to ask for it."""
    venue, heard = feed
    before = len(server.asked)
    with pytest.raises(ProtocolViolation, match="which has no account"):
        venue.submit(command)
    assert len(server.asked) == before
    assert heard.outcomes == []


async def test_a_read_that_fails_is_reported(
    server: ScriptedBinance, feed: tuple[BinancePublic, Heard]
) -> None:
    """As with the adapter of an account."""
    venue, heard = feed
    server.then("GET time", lost)
    venue.submit(MeasureClock())
    assert (await heard.next(RequestFailed)).what == "MeasureClock"


@pytest.mark.parametrize(
    ("section", "method"),
    [
        ("private", "GET"),
        (["private"], "POST"),
        ("sapi", "GET"),
        ("public", "POST"),
        ("fapiPrivate", "DELETE"),
    ],
)
async def test_nothing_is_signed(feed: tuple[BinancePublic, Heard], section: Any, method: str) -> None:
    """Whatever of the library comes to ask for it."""
    exchange = feed[0]._exchange
    with pytest.raises(ProtocolViolation, match="nothing signs here"):
        exchange.sign("order", section, method, {})
    with pytest.raises(ProtocolViolation, match="nothing signs here"):
        exchange.sign_params({})


async def test_the_library_cannot_be_brought_to_ask_for_an_account(feed: tuple[BinancePublic, Heard]) -> None:
    """Not even by its own methods."""
    exchange = feed[0]._exchange
    with pytest.raises(ProtocolViolation):
        await exchange.privateGetAccount({})
    assert sorted(exchange.urls["api"]) == ["public", "ws"]
    assert sorted(exchange.urls["api"]["ws"]) == ["spot"]


async def test_nothing_that_holds_or_uses_a_key_can_be_reached(feed: tuple[BinancePublic, Heard]) -> None:
    """Walked object by object, with the session, the connection and what runs in the background."""
    venue, heard = feed
    await connect(venue, heard, Stream.MARKET)
    assert len(list(reachable(venue))) > 1_000
    assert signers_in(venue) == []
    assert of_kinds(venue, *KEYS) == []
    assert secrets_in(venue) == []


async def test_the_walk_would_find_them(server: ScriptedBinance) -> None:
    """In the adapter of an account it does."""
    venue = BinanceAdapter(settings(server.url))
    assert {"BinanceAdapter", "Listings", "SigningTap", "Trading", "UserStream"} <= set(signers_in(venue))
    assert "SigningTap.apiKey" in secrets_in(venue)
    assert any(thing == KEY for thing in reachable(venue) if isinstance(thing, str))
    await venue.close()


def test_the_public_half_does_not_bring_the_other_one() -> None:
    """No module that signs or trades is imported with it."""
    code = (
        "import sys\n"
        "import mm.venues.binance.public\n"
        "parts = ('venue', 'trading', 'listings', 'user_stream', 'reports', 'hot', 'account_facts')\n"
        "print([p for p in parts if f'mm.venues.binance.{p}' in sys.modules])\n"
        "parts = ('signing_tap', 'hotline')\n"
        "print([p for p in parts if f'mm.venues.edge.{p}' in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


def test_the_settings_have_no_place_for_a_key_and_are_checked() -> None:
    """Fees of more than everything are a slip of the pen."""
    with pytest.raises(TypeError):
        given("http://127.0.0.1:9", api_key=KEY)
    with pytest.raises(ConfigError, match="maker_fee_ppm was 1000000"):
        given("http://127.0.0.1:9", maker_fee_ppm=1_000_000)
    with pytest.raises(ConfigError, match="request_timeout_ms was 0"):
        given("http://127.0.0.1:9", request_timeout_ms=0)


def test_a_feed_that_may_not_leave_the_machine_is_refused_elsewhere() -> None:
    """The addresses are those of market data alone."""
    with pytest.raises(ForeignAddress):
        BinanceMarketData(given("http://10.1.2.3:80"))
    used = given("http://127.0.0.1:9").egress()
    used.check_endpoint("127.0.0.1", 9)
    with pytest.raises(ForeignAddress):
        BinancePublicSettings(clock=TickingClock()).egress().check_endpoint("ws-api.binance.com", 443)
