"""The unmodified ccxt.pro client trades on the local exchange: markets, streams, orders, fills, errors."""

import asyncio
from typing import Any

import ccxt
import pytest

from mm.domain.sides import Side
from mm.domain.units import NS_PER_S
from tests.builders.exchange import DEADLINE_S, KEY, ManualClock, ccxt_client, hit, rest, running

SYMBOL = "BTC/USDT"
POST_ONLY = {"postOnly": True, "selfTradePrevention": "EXPIRE_BOTH"}


async def _soon(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, DEADLINE_S)


async def test_ccxt_loads_the_market_with_its_grid_and_limits() -> None:
    """One call; tick, lot, smallest size and value as the exchange says."""
    async with running(ManualClock()) as exchange, ccxt_client(exchange) as client:
        market = (await client.load_markets())[SYMBOL]
        assert (market["precision"]["price"], market["precision"]["amount"]) == (0.01, 0.00001)
        assert market["limits"]["cost"]["min"] == 5.0
        assert market["limits"]["amount"]["min"] == 0.00001
        assert exchange.floor.limits.weight.used == 20


async def test_ccxt_keeps_the_book_from_the_stream() -> None:
    """Snapshot and differences joined by ccxt itself; its book is the exchange's."""
    async with running(preset="demo") as exchange, ccxt_client(exchange) as client:
        await client.load_markets()
        await _soon(client.watch_order_book(SYMBOL))
        await _soon(client.watch_order_book(SYMBOL))
        book = await _soon(client.watch_order_book(SYMBOL))
        assert book["nonce"] <= exchange.floor.world.book.update_id
        assert book["bids"][0][0] < book["asks"][0][0]
        assert len(book["bids"]) > 10
        ticker = (await _soon(client.watch_bids_asks([SYMBOL])))[SYMBOL]
        assert ticker["bid"] < ticker["ask"]
        trades = await _soon(client.watch_trades(SYMBOL))
        assert trades[0]["symbol"] == SYMBOL
        assert trades[0]["takerOrMaker"] is None
        client.options["fetchTradesMethod"] = "publicGetTrades"
        assert (await client.fetch_trades(SYMBOL))[0]["id"] == "1"


async def test_ccxt_places_fills_and_cancels_an_order() -> None:
    """NEW before the acknowledgement, partial fills, balances, trades, cancellation."""
    async with running() as exchange, ccxt_client(exchange) as client:
        await client.load_markets()
        await _soon(client.authenticate({"type": "spot"}))
        watching = asyncio.ensure_future(client.watch_orders(SYMBOL))
        await asyncio.sleep(0)
        fields = POST_ONLY | {"clientOrderId": "mine"}
        order = await client.create_order(SYMBOL, "limit", "buy", "0.01", "59000", fields)
        assert watching.done()
        (seen,) = await watching
        assert (seen["clientOrderId"], seen["status"], seen["filled"]) == ("mine", "open", 0)
        assert order["info"]["type"] == "LIMIT_MAKER"
        assert order["info"]["selfTradePreventionMode"] == "EXPIRE_BOTH"
        for lots in (300, 200):
            watching = asyncio.ensure_future(client.watch_my_trades(SYMBOL))
            await asyncio.sleep(0)
            hit(exchange, Side.SELL, lots)
            fill = (await _soon(watching))[-1]
            assert (fill["amount"], fill["price"], fill["takerOrMaker"]) == (lots / 1e5, 59_000.0, "maker")
        watched = await _soon(client.fetch_balance())
        assert (watched["USDT"]["used"], watched["BTC"]["total"]) == (295.0, 1.00499975)
        assert [row["clientOrderId"] for row in await client.fetch_open_orders(SYMBOL)] == ["mine"]
        found = await client.fetch_order(None, SYMBOL, {"origClientOrderId": "mine"})
        assert (found["filled"], found["remaining"]) == (0.005, 0.005)
        cancelled = await client.cancel_order(order["id"], SYMBOL)
        assert cancelled["status"] == "canceled"
        assert await client.fetch_open_orders(SYMBOL) == []
        trades = await client.fetch_my_trades(SYMBOL)
        assert [row["amount"] for row in trades] == [0.003, 0.002]
        assert [row["fee"] for row in trades] == [
            {"currency": "BTC", "cost": 0.00000015},
            {"currency": "BTC", "cost": 0.0000001},
        ]
        assert sum(row["fee"]["cost"] for row in trades) == pytest.approx(0.00000025)


async def test_ccxt_maps_what_the_exchange_refuses() -> None:
    """Post-only that crosses, funds, duplicates, filters, unknown orders: ccxt's own classes."""
    async with running() as exchange, ccxt_client(exchange) as client:
        await client.load_markets()
        rest(exchange, Side.SELL, 6_000_000, 1_000)
        await client.create_order(SYMBOL, "limit", "buy", "0.001", "59000", {"clientOrderId": "twice"})
        for error, amount, price, fields in (
            (ccxt.OrderImmediatelyFillable, "0.001", "60000", POST_ONLY),
            (ccxt.InsufficientFunds, "5", "59000", POST_ONLY),
            (ccxt.InvalidOrder, "0.001", "59000", {"clientOrderId": "twice"}),
            (ccxt.BadRequest, "0.00002", "59000", POST_ONLY),
            (ccxt.BadRequest, "0.001", "59000", {"clientOrderId": "not allowed"}),
        ):
            with pytest.raises(error):
                await client.create_order(SYMBOL, "limit", "buy", amount, price, fields)
        with pytest.raises(ccxt.OrderNotFound, match="-2011"):
            await client.cancel_order("999", SYMBOL)
        with pytest.raises(ccxt.OrderNotFound, match="-2013"):
            await client.fetch_order("999", SYMBOL)


async def test_ccxt_is_refused_with_a_wrong_secret_or_a_wrong_clock() -> None:
    """-1022 and -1021 before anything happens."""
    async with running() as exchange:
        async with ccxt_client(exchange, secret="wrong-secret") as client:
            await client.load_markets()
            with pytest.raises(ccxt.AuthenticationError, match="-1022"):
                await client.fetch_balance()
        async with ccxt_client(exchange) as client:
            client.apiKey = KEY + "x"
            with pytest.raises(ccxt.AuthenticationError, match="-2015"):
                await client.fetch_balance()
    async with running(ManualClock()) as exchange, ccxt_client(exchange) as client:
        await client.load_markets()
        with pytest.raises(ccxt.InvalidNonce, match="-1021"):
            await client.fetch_balance()


async def test_ccxt_places_and_cancels_over_the_websocket_api() -> None:
    """The same commands, with the venue's native names."""
    async with running() as exchange, ccxt_client(exchange) as client:
        await client.load_markets()
        fields = {"newClientOrderId": "mine", "selfTradePreventionMode": "EXPIRE_MAKER"}
        order = await _soon(client.create_order_ws(SYMBOL, "LIMIT_MAKER", "sell", "0.001", "61000", fields))
        assert exchange.floor.records.orders[int(order["id"])].order.is_open
        await _soon(client.cancel_order_ws(order["id"], SYMBOL))
        assert list(exchange.floor.records.open()) == []


async def test_ccxt_edits_an_order_and_reads_fees_and_rights() -> None:
    """Its edit is a cancel-replace, on both surfaces; a failed half is an error that keeps the answer."""
    async with running() as exchange, ccxt_client(exchange) as client:
        await client.load_markets()
        placed = await client.create_order(SYMBOL, "limit", "buy", "0.001", "58000")
        edited = await client.edit_order(placed["id"], SYMBOL, "limit", "buy", "0.002", "58500")
        assert (edited["amount"], edited["status"]) == (0.002, "open")
        edited = await _soon(client.edit_order_ws(edited["id"], SYMBOL, "limit", "buy", "0.003", "58600"))
        assert (edited["amount"], edited["status"]) == (0.003, "open")
        assert [row["status"] for row in await client.fetch_orders(SYMBOL)] == [
            "canceled",
            "canceled",
            "open",
        ]
        with pytest.raises(ccxt.ExchangeError, match="NOT_ATTEMPTED"):
            await client.edit_order("999", SYMBOL, "limit", "buy", "0.002", "58500")
        assert (await client.fetch_trading_fee(SYMBOL))["maker"] == 0.00005
        rights = await client.sapi_get_account_apirestrictions()
        assert (rights["enableWithdrawals"], rights["enableReading"]) == (False, True)


async def test_a_maker_quoting_the_touch_earns_its_first_fill_in_seconds() -> None:
    """The demo market, real time, through ccxt: both sides one tick inside, a maker's fill within 3 s."""
    async with running(preset="demo", seed=11) as exchange, ccxt_client(exchange) as client:
        await client.load_markets()
        await _soon(client.authenticate({"type": "spot"}))
        book = await _soon(client.watch_order_book(SYMBOL))
        watching = asyncio.ensure_future(client.watch_my_trades(SYMBOL))
        for side, price in (("buy", book["bids"][0][0] + 0.01), ("sell", book["asks"][0][0] - 0.01)):
            await client.create_order(SYMBOL, "limit", side, "0.001", f"{price:.2f}", POST_ONLY)
        fill = (await _soon(watching))[0]
        assert fill["takerOrMaker"] == "maker"
        counters = exchange.floor.records.counters
        assert counters.self_trades == 0
        assert counters.first_fill_ns - counters.first_order_ns < 3 * NS_PER_S
