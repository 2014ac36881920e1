"""Tests of catalogue.py and markets.py of mm/venues/binance: instruments, fees, and clear errors."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mm.errors import ConfigError, MMError, VenueRefused, VenueUnreachable
from mm.venues.binance.markets import Fees, account_fees, spec_of
from mm.venues.binance.venue import BinanceAdapter
from tests.builders.heard import Heard
from tests.builders.scripted_binance import (
    ACCOUNT,
    SYMBOL,
    Answer,
    ScriptedBinance,
    hang,
    lost,
    ok,
    raw,
    refusal,
)
from tests.builders.venue_setup import running, settings

NO_FEES = Fees(Decimal(0), Decimal(0))


async def test_instruments_come_with_grid_filters_and_the_accounts_fees(server: ScriptedBinance) -> None:
    """In the order that was asked, and both assets on one scale."""
    async with running(settings(server.url), symbols=()) as (venue, _):
        eth, btc = await venue.instruments(("ETH/USDT", "BTC/USDT"))
    assert (eth.symbol, eth.venue_symbol, btc.symbol, btc.venue_symbol) == (
        "ETH/USDT",
        "ETHUSDT",
        "BTC/USDT",
        "BTCUSDT",
    )
    assert (btc.price_text(1), btc.size_text(1)) == ("0.01", "0.00001")
    assert (btc.size_min_lots, btc.size_max_lots) == (1, 900_000_000)
    assert btc.notional_min_atoms == 500_000_000
    assert (btc.price_min_ticks, btc.price_max_ticks, btc.open_orders_max) == (1, 100_000_000, 200)
    assert (btc.maker_fee_ppm, btc.taker_fee_ppm) == (750, 1_000)
    (asked,) = server.requests("GET exchangeInfo")
    assert json.loads(asked.params["symbols"]) == ["ETHUSDT", "BTCUSDT"]


@pytest.mark.parametrize(("account", "named"), [({"uid": 354937868}, "#354937868"), ({}, "")])
async def test_the_account_is_known_by_the_venues_own_number(
    server: ScriptedBinance, account: dict[str, int], named: str
) -> None:
    """Whatever key it is traded with, once instruments were asked for; a venue that does not say has none."""
    server.then("GET account", ok({**ACCOUNT, **account}))
    async with running(settings(server.url), symbols=()) as (venue, _):
        assert venue.identity == ""
        await venue.instruments(("BTC/USDT",))
        known = venue.identity
    if not named:
        assert known == ""
    else:
        assert known.startswith(server.url)
        assert known.endswith(named)


async def test_without_a_key_the_listed_fees_hold_and_nothing_is_signed(server: ScriptedBinance) -> None:
    """Market data needs no account."""
    async with running(settings(server.url, api_key=""), symbols=()) as (venue, _):
        (btc,) = await venue.instruments(("BTC/USDT",))
    assert (btc.maker_fee_ppm, btc.taker_fee_ppm) == (1_000, 1_000)
    assert server.requests("GET account") == []
    assert not [asked for asked in server.asked if "signature" in asked.params]


async def failing(server: ScriptedBinance, *symbols: str) -> MMError:
    """Return the error that asking for `symbols` brings."""
    async with running(settings(server.url, request_timeout_ms=1_000), symbols=()) as (venue, _):
        with pytest.raises(MMError) as caught:
            await venue.instruments(symbols)
    return caught.value


@pytest.mark.parametrize(
    ("symbol", "hint"),
    [
        ("BTC/USDX", "BTC/USDT"),
        ("btc/usdt", "BTC/USDT"),
        ("BTCUSDT", "BTC/USDT"),
        ("ETH/USD", "ETH/USDT"),
        ("Z", "BASE/QUOTE"),
    ],
)
async def test_an_unknown_symbol_names_what_comes_close(
    server: ScriptedBinance, symbol: str, hint: str
) -> None:
    """One look at the message is enough to correct the config."""
    error = await failing(server, "BTC/USDT", symbol)
    assert isinstance(error, ConfigError)
    assert repr(symbol) in str(error)
    assert hint in error.hint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": "BREAK"}, "does not trade: its status is BREAK"),
        ({"isSpotTradingAllowed": False}, "does not trade"),
        ({"orderTypes": ["LIMIT"]}, "does not take LIMIT_MAKER orders"),
        (
            {"allowedSelfTradePreventionModes": ["NONE"]},
            "does not know the self-trade prevention mode EXPIRE_MAKER",
        ),
    ],
)
async def test_a_symbol_that_cannot_be_quoted_is_refused(
    server: ScriptedBinance, changes: dict[str, Any], message: str
) -> None:
    """With the reason, before anything is placed."""
    server.symbols = [{**SYMBOL, **changes}]
    error = await failing(server, "BTC/USDT")
    assert isinstance(error, ConfigError)
    assert message in str(error)
    assert error.hint


@pytest.mark.parametrize(
    "filters",
    [
        [],
        [{"filterType": "PRICE_FILTER", "tickSize": "0.00"}, {"filterType": "LOT_SIZE", "stepSize": "1"}],
        [{"filterType": "PRICE_FILTER", "tickSize": "wide"}, {"filterType": "LOT_SIZE", "stepSize": "1"}],
        [{"filterType": "PRICE_FILTER", "tickSize": "NaN"}, {"filterType": "LOT_SIZE", "stepSize": "1"}],
    ],
)
async def test_filters_without_a_grid_are_refused(server: ScriptedBinance, filters: list[Any]) -> None:
    """There is nothing to round to."""
    server.symbols = [{**SYMBOL, "filters": filters}]
    assert isinstance(await failing(server, "BTC/USDT"), ConfigError)


@pytest.mark.parametrize(
    ("route", "answer", "kind", "code", "message"),
    [
        ("GET account", refusal(401, -2015, "Invalid API-key"), VenueRefused, -2015, "refuses the key"),
        (
            "GET account",
            refusal(400, -2014, "API-key format invalid."),
            VenueRefused,
            -2014,
            "refuses the key",
        ),
        ("GET account", refusal(400, -1022, "Signature"), VenueRefused, -1022, "refuses the key"),
        ("GET account", refusal(400, -1021, "Timestamp"), VenueRefused, -1021, "the time of the request"),
        ("GET account", ok({**ACCOUNT, "canTrade": False}), VenueRefused, 0, "may not trade"),
        ("GET exchangeInfo", refusal(403, 0, "blocked"), VenueRefused, 0, "refused"),
        ("GET time", lost, VenueUnreachable, None, "connection ended"),
        ("GET time", hang, VenueUnreachable, None, "no answer in time"),
        ("GET time", raw("<html>a login page</html>"), VenueUnreachable, None, "no JSON object"),
        ("GET time", ok({}), VenueUnreachable, None, "something else"),
        ("GET exchangeInfo", raw("<html>"), VenueUnreachable, None, "lists no symbols"),
        ("GET exchangeInfo", refusal(503, -1001, "Internal error"), VenueUnreachable, None, "Internal error"),
    ],
)
async def test_a_venue_that_refuses_or_does_not_answer_is_a_clear_error(
    *,
    server: ScriptedBinance,
    route: str,
    answer: Answer,
    kind: type[MMError],
    code: int | None,
    message: str,
) -> None:
    """Which of the two it is, what was said, and what to do."""
    server.then(route, answer)
    error = await failing(server, "BTC/USDT")
    assert type(error) is kind
    assert message in str(error)
    assert error.exit_code == 7
    if isinstance(error, VenueRefused):
        assert error.code == code
    assert "http" not in str(error)


async def test_a_venue_that_is_not_there_is_unreachable(server: ScriptedBinance) -> None:
    """The hint names the network and the address."""
    await server.close()
    error = await failing(server, "BTC/USDT")
    assert isinstance(error, VenueUnreachable)
    assert "cannot be reached" in str(error)
    assert server.url in error.hint


async def test_a_venue_whose_clock_is_far_off_is_no_obstacle(server: ScriptedBinance) -> None:
    """The clock is measured before the first signed request."""
    server.then("GET time", ok({"serverTime": 1_600_000_000_000}))
    venue = BinanceAdapter(settings(server.url))
    await venue.start(Heard())
    await venue.instruments(("BTC/USDT",))
    (asked,) = server.requests("GET account")
    assert int(asked.params["timestamp"]) == pytest.approx(1_600_000_000_000, abs=10)
    await venue.close()


def test_fees_finer_than_a_millionth_are_rounded_against_us() -> None:
    """And an account that says nothing pays what is listed."""
    rates = {"commissionRates": {"maker": "0.00016201", "taker": "-0.00000199"}}
    assert account_fees(rates, NO_FEES) == Fees(Decimal("0.000163"), Decimal("-0.000001"))
    assert account_fees({}, Fees(Decimal(1), Decimal(2))) == Fees(Decimal(1), Decimal(2))


def test_the_recorded_symbols_of_the_real_exchange_are_understood(shared_data: Path) -> None:
    """Every symbol that trades has a grid; the ones that do not are refused with their status."""
    import gzip

    path = shared_data / "exchange_info" / "BINANCE_spot_exchangeInfo_2025-08-07.json.gz"
    with gzip.open(path) as file:
        body = json.load(file)
    rows = body.get("body", body)["symbols"]
    trading = 0
    for row in rows:
        market = {"id": row["symbol"], "base": row["baseAsset"], "quote": row["quoteAsset"], "info": row}
        symbol = f"{row['baseAsset']}/{row['quoteAsset']}"
        if row["status"] == "TRADING" and row["isSpotTradingAllowed"]:
            spec = spec_of(symbol, market, fees=NO_FEES, stp_mode="EXPIRE_MAKER")
            assert spec.tick_size > 0
            assert spec.lot_size > 0
            trading += 1
        else:
            with pytest.raises(ConfigError, match="does not trade"):
                spec_of(symbol, market, fees=NO_FEES, stp_mode="EXPIRE_MAKER")
    assert trading > 5
