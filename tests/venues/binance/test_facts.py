"""What a check of fitness reads of the venue: public facts, and what the key may do."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from mm.venues.binance.account_facts import AccountFacts, Rights, Standing, Usage
from mm.venues.binance.answers import Garbled
from mm.venues.binance.public_facts import Listing, Top
from mm.venues.binance.settings import REAL, BinanceUrls
from mm.venues.binance.venue import BinanceAdapter
from mm.venues.edge.errors import RequestFailure
from tests.builders.scripted_binance import SYMBOL, ScriptedBinance, ok, refusal
from tests.builders.venue_setup import running, settings

PAIR = "BTC/USDT"
RIGHTS: dict[str, Any] = {
    "ipRestrict": True,
    "enableReading": True,
    "enableSpotAndMarginTrading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "enableMargin": False,
}


@pytest.fixture
async def venue(server: ScriptedBinance) -> AsyncIterator[BinanceAdapter]:
    """An adapter with a key that knows BTC/USDT."""
    async with running(settings(server.url)) as (adapter, _):
        yield adapter


def facts_of(venue: BinanceAdapter) -> AccountFacts:
    """Return the reads of the account."""
    return venue.account_facts


async def test_the_clock_is_measured(venue: BinanceAdapter) -> None:
    """As the engine has it measured."""
    measured = await venue.public_facts.clock()
    assert measured.round_trip_ns > 0


async def test_the_best_prices_are_ticks(server: ScriptedBinance, venue: BinanceAdapter) -> None:
    """Asked for by the venue's own name."""
    server.then("GET bookTicker", ok({"bidPrice": "100.00", "askPrice": "100.02"}))
    assert await venue.public_facts.top(PAIR) == Top(10_000, 10_002)
    assert server.requests("GET bookTicker")[0].params == {"symbol": "BTCUSDT"}


@pytest.mark.parametrize(
    "row",
    [
        {"bidPrice": "0.00000000", "askPrice": "100.02"},
        {"bidPrice": "100.02", "askPrice": "0.00000000"},
        {"bidPrice": "100.02", "askPrice": "100.02"},
        {},
    ],
)
async def test_a_book_without_two_sides_is_an_error(
    server: ScriptedBinance, venue: BinanceAdapter, row: dict[str, str]
) -> None:
    """The venue says 0 where there is nothing."""
    server.then("GET bookTicker", ok(row))
    with pytest.raises(Garbled):
        await venue.public_facts.top(PAIR)


async def test_the_listing_tells_what_the_symbol_takes(server: ScriptedBinance) -> None:
    """With the modes of prevention where the venue lists them."""
    async with running(settings(server.url)) as (venue, _):
        assert venue.public_facts.listing(PAIR) == Listing("TRADING", post_only=True, stp_modes=())
    modes = ["EXPIRE_MAKER", "EXPIRE_BOTH"]
    server.symbols = [{**SYMBOL, "allowedSelfTradePreventionModes": modes}]
    async with running(settings(server.url)) as (venue, _):
        assert venue.public_facts.listing(PAIR).stp_modes == tuple(modes)


async def test_the_rights_of_the_key_are_asked_for_with_a_signature(
    server: ScriptedBinance, venue: BinanceAdapter
) -> None:
    """At the same host, in the part of the API that knows about keys; nothing else is sent."""
    server.then("GET apiRestrictions", ok(RIGHTS))
    assert await facts_of(venue).rights() == Rights(
        reads=True, trades=True, withdraws=False, bound=True, needless=()
    )
    (asked,) = server.requests("GET apiRestrictions")
    assert asked.path == "/sapi/v1/account/apiRestrictions"
    assert {"timestamp", "recvWindow", "signature"} == set(asked.params)


async def test_rights_that_are_not_needed_are_named(server: ScriptedBinance, venue: BinanceAdapter) -> None:
    """In words of ours."""
    server.then("GET apiRestrictions", ok({**RIGHTS, "enableMargin": True, "permitsUniversalTransfer": True}))
    assert (await facts_of(venue).rights()).needless == ("universal transfer", "margin")


async def test_silence_about_a_right_is_the_worse_of_both(
    server: ScriptedBinance, venue: BinanceAdapter
) -> None:
    """Given where it is dangerous, missing where it is needed."""
    server.then("GET apiRestrictions", ok({}))
    assert await facts_of(venue).rights() == Rights(
        reads=False, trades=False, withdraws=True, bound=False, needless=()
    )


async def test_the_account_tells_whether_it_may_trade(server: ScriptedBinance, venue: BinanceAdapter) -> None:
    """Asked without the list of empty balances."""
    server.then("GET account", ok({"canTrade": True, "accountType": "SPOT"}))
    assert await facts_of(venue).standing() == Standing(trades=True, kind="SPOT")
    server.then("GET account", ok({}))
    assert await facts_of(venue).standing() == Standing(trades=False, kind="")


async def test_the_limits_of_orders_come_with_what_is_used(
    server: ScriptedBinance, venue: BinanceAdapter
) -> None:
    """A row per window; one that cannot be read is an error."""
    row = {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100, "count": 7}
    server.then("GET order", ok([row]))
    assert await facts_of(venue).order_usage() == (Usage("10 SECOND", 7, 100),)
    server.then("GET order", ok([{}]))
    with pytest.raises(Garbled):
        await facts_of(venue).order_usage()


async def test_the_venue_says_how_it_is_where_it_tells(
    server: ScriptedBinance, venue: BinanceAdapter
) -> None:
    """A local exchange has no such page: then it is unknown, and not an error."""
    server.then("GET status", ok({"status": 0, "msg": "normal"}))
    assert await facts_of(venue).system_status() == "normal"
    assert "signature" not in server.requests("GET status")[0].params
    server.then("GET status", refusal(404, 0, "no such page"))
    assert await facts_of(venue).system_status() == ""
    server.then("GET status", refusal(503, 0, "maintenance"))
    with pytest.raises(RequestFailure):
        await facts_of(venue).system_status()


def test_the_part_for_keys_is_on_the_host_that_may_be_contacted() -> None:
    """The real one, and one of a local exchange."""
    assert REAL.keys == "https://api.binance.com/sapi/v1"
    given = settings("http://127.0.0.1:8600")
    assert given.addresses.keys == "http://127.0.0.1:8600/sapi/v1"
    assert BinanceUrls("http://127.0.0.1:8600").rest_api.startswith("http://127.0.0.1:8600/")
