"""ccxt.pro, unmodified, in the words of the scenarios: by plain addresses, or by the venue's own over TLS.

Orders, fills and balances are read as ccxt's own parsers give them; where ccxt has no call of its own, its
implicit one of the route is used.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from typing import Any

import ccxt
import msgspec

from mm.exchange.server import LocalExchange
from tests.builders.client_words import (
    SYMBOL,
    Book,
    Candle,
    Credentials,
    Day,
    Fill,
    Heard,
    Held,
    Level,
    Print,
    Refused,
    Symbol,
    Told,
    Wanted,
    levels_of,
    met_of,
)
from tests.builders.exchange import ccxt_client
from tests.builders.exchange_tls import redirected_ccxt

_PAIR = "BTC/USDT"
_ROUTE = re.compile(r"/(api/v3|sapi/v1)/(.*)")


def _exact(value: Any) -> Decimal:
    return Decimal(str(value))


class CcxtClient:
    """An unmodified ccxt.pro client. Implements `Client`."""

    errors: tuple[type[Exception], ...] = (ccxt.BaseError,)

    def __init__(self, client: Any, another: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        """Speak through `client`; `another` opens one more of its kind."""
        self._ccxt = client
        self._another = another

    async def symbol(self) -> Symbol:
        """Load the markets."""
        market = (await self._ccxt.load_markets())[_PAIR]
        grid = market["precision"]
        return Symbol(
            _exact(grid["price"]),
            _exact(f"{grid['amount']:.5f}"),
            _exact(market["limits"]["cost"]["min"]),
        )

    async def book(self) -> Book:
        """Fetch the book."""
        row = await self._ccxt.fetch_order_book(_PAIR)
        return Book(levels_of(row["bids"]), levels_of(row["asks"]))

    async def prints(self) -> list[Print]:
        """Fetch trades by their own route."""
        rows = await self._ccxt.fetch_trades(_PAIR, params={"fetchTradesMethod": "publicGetTrades"})
        return [_print(row) for row in rows]

    async def aggregates(self) -> list[Print]:
        """Fetch trades by the default route, which is that of aggregates."""
        return [_print(row) for row in await self._ccxt.fetch_trades(_PAIR)]

    async def candles(self, interval: str) -> list[Candle]:
        """Fetch candles."""
        return [Candle(*map(_exact, row[1:])) for row in await self._ccxt.fetch_ohlcv(_PAIR, interval)]

    async def average(self) -> Decimal:
        """Ask the route: ccxt has no call of its own."""
        return Decimal((await self._ccxt.public_get_avgprice({"symbol": SYMBOL}))["price"])

    async def day(self) -> Day:
        """Fetch the ticker."""
        row = await self._ccxt.fetch_ticker(_PAIR)
        return Day(*(_exact(row[name]) for name in ("last", "high", "low", "baseVolume")))

    async def top(self) -> tuple[Level, Level]:
        """Fetch bids and asks."""
        return _top((await self._ccxt.fetch_bids_asks([_PAIR]))[_PAIR])

    async def place(self, wanted: Wanted) -> int:
        """Create an order."""
        return int((await self._create(wanted))["id"])

    async def check(self, wanted: Wanted) -> None:
        """Create an order with ccxt's own flag for a test."""
        await self._create(wanted, test=True)

    async def query(self, number: int) -> Told:
        """Fetch an order."""
        return _told(await self._ccxt.fetch_order(str(number), _PAIR))

    async def query_named(self, client_id: str) -> Told:
        """Fetch an order by the client's own id."""
        return _told(await self._ccxt.fetch_order(None, _PAIR, {"origClientOrderId": client_id}))

    async def open_orders(self) -> list[int]:
        """Fetch the open orders."""
        return [int(row["id"]) for row in await self._ccxt.fetch_open_orders(_PAIR)]

    async def amend(self, number: int, size: str) -> None:
        """Ask the route: ccxt has no call of its own."""
        params = {"symbol": SYMBOL, "orderId": number, "newQty": size}
        await self._ccxt.request("order/amend/keepPriority", ["private"], "PUT", params)

    async def replace(self, number: int, wanted: Wanted, mode: str) -> int:
        """Edit an order."""
        kind, side, extra = _words(wanted)
        params = extra | {"cancelReplaceMode": mode}
        row = await self._ccxt.edit_order(str(number), _PAIR, kind, side, wanted.size, wanted.price, params)
        return int(row["id"])

    async def cancel(self, number: int) -> None:
        """Cancel an order."""
        await self._ccxt.cancel_order(str(number), _PAIR)

    async def cancel_all(self) -> None:
        """Cancel all orders."""
        await self._ccxt.cancel_all_orders(_PAIR)

    async def prevented(self, number: int) -> list[int]:
        """Ask the route: ccxt has no call of its own."""
        params = {"symbol": SYMBOL, "orderId": number}
        return met_of(await self._ccxt.private_get_mypreventedmatches(params), number)

    async def all_orders(self) -> list[Told]:
        """Fetch all orders."""
        return [_told(row) for row in await self._ccxt.fetch_orders(_PAIR)]

    async def fills(self) -> list[Fill]:
        """Fetch the account's trades."""
        return [
            Fill(
                int(row["id"]),
                int(row["order"]),
                _exact(row["price"]),
                _exact(row["amount"]),
                _exact(row["fee"]["cost"]),
                row["fee"]["currency"],
                row["takerOrMaker"] == "maker",
            )
            for row in await self._ccxt.fetch_my_trades(_PAIR)
        ]

    async def balances(self) -> dict[str, Held]:
        """Fetch the balance."""
        found = await self._ccxt.fetch_balance()
        return {
            asset: Held(_exact(found["free"][asset]), _exact(found["used"][asset]))
            for asset in found["total"]
        }

    async def fees(self) -> tuple[Decimal, Decimal]:
        """Fetch the trading fee."""
        row = await self._ccxt.fetch_trading_fee(_PAIR)
        return _exact(f"{row['maker']:.8f}"), _exact(f"{row['taker']:.8f}")

    async def send(self, method: str, path: str, params: Mapping[str, Any], *, signed: bool) -> Any:
        """Send any request."""
        found = _ROUTE.fullmatch(path)
        assert found is not None
        api = "sapi" if found[1].startswith("sapi") else "private" if signed else "public"
        return await self._ccxt.request(found[2], [api], method, dict(params))

    def usage(self) -> dict[str, int]:
        """Return the limits in the last headers."""
        headers = {name.lower(): value for name, value in self._ccxt.last_response_headers.items()}
        return {name: int(value) for name, value in headers.items() if name.startswith("x-mbx-")}

    def refusal(self, error: Exception) -> Refused:
        """Read the answer that ccxt quotes in its errors, whole or its text alone."""
        body = msgspec.json.decode(self._ccxt.last_http_response.encode())
        assert body["msg"] in str(error), error
        headers = {name.lower(): value for name, value in self._ccxt.last_response_headers.items()}
        wait_s = int(headers["retry-after"]) if "retry-after" in headers else None
        return Refused(type(error).__name__, body["code"], body["msg"], data=body.get("data"), wait_s=wait_s)

    @asynccontextmanager
    async def hearing_account(self) -> AsyncIterator[Heard]:
        """Watch orders and balance."""
        heard = Heard()
        await self._ccxt.authenticate({"type": "spot"})

        async def orders() -> None:
            heard.events.extend(row["info"] for row in await self._ccxt.watch_orders(_PAIR))

        async def balance() -> None:
            heard.events.append((await self._ccxt.watch_balance())["info"])

        async with _watching(orders, balance):
            yield heard

    @asynccontextmanager
    async def hearing_market(self) -> AsyncIterator[Heard]:
        """Watch trades of both kinds, candles, bids and asks."""
        heard = Heard()

        async def prints() -> None:
            heard.prints.extend(_print(row) for row in await self._ccxt.watch_trades(_PAIR))

        async def candles() -> None:
            rows = await self._ccxt.watch_ohlcv(_PAIR, "1s")
            heard.candles.extend(Candle(*map(_exact, row[1:])) for row in rows)

        async def tops() -> None:
            heard.tops.append(_top((await self._ccxt.watch_bids_asks([_PAIR]))[_PAIR]))

        # One instance of ccxt takes trades for aggregates of the same symbol: the second are another's.
        async with self._another() as other:

            async def aggregates() -> None:
                rows = await other.watch_trades(_PAIR, params={"name": "aggTrade"})
                heard.aggregates.extend(_print(row) for row in rows)

            async with _watching(prints, aggregates, candles, tops):
                yield heard

    @asynccontextmanager
    async def keeping_book(self, *, every_ms: int) -> AsyncIterator[Callable[[], Book | None]]:
        """Watch the order book."""
        self._ccxt.options["watchOrderBookRate"] = str(every_ms)
        kept: list[Book] = []

        async def book() -> None:
            row = await self._ccxt.watch_order_book(_PAIR)
            kept[:] = [Book(levels_of(row["bids"]), levels_of(row["asks"]))]

        async with _watching(book):
            yield lambda: kept[0] if kept else None

    async def _create(self, wanted: Wanted, **extra: Any) -> Any:
        kind, side, params = _words(wanted)
        price = None if wanted.price is None else wanted.price
        return await self._ccxt.create_order(_PAIR, kind, side, wanted.size, price, params | extra)


def _words(wanted: Wanted) -> tuple[str, str, dict[str, Any]]:
    params: dict[str, Any] = {
        "timeInForce": wanted.time_in_force,
        "clientOrderId": wanted.client_id,
        "selfTradePrevention": wanted.stp,
        "postOnly": True if wanted.kind == "LIMIT_MAKER" else None,
    }
    kind = "market" if wanted.kind == "MARKET" else "limit"
    return kind, wanted.side.lower(), {name: value for name, value in params.items() if value is not None}


def _print(row: Mapping[str, Any]) -> Print:
    return Print(int(row["id"]), _exact(row["price"]), _exact(row["amount"]))


def _top(row: Mapping[str, Any]) -> tuple[Level, Level]:
    values = [_exact(row[name]) for name in ("bid", "bidVolume", "ask", "askVolume")]
    return Level(*values[:2]), Level(*values[2:])


def _told(row: Mapping[str, Any]) -> Told:
    size, filled = _exact(row["amount"]), _exact(row["filled"])
    return Told(int(row["id"]), row["clientOrderId"], row["status"], size, filled)


@asynccontextmanager
async def _watching(*calls: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    async def forever(call: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            await call()

    tasks = [asyncio.ensure_future(forever(call)) for call in calls]
    try:
        await asyncio.sleep(0)
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        failed = [error for error in ended if not isinstance(error, asyncio.CancelledError)]
        assert not failed, failed


@asynccontextmanager
async def plain_ccxt(exchange: LocalExchange, credentials: Credentials) -> AsyncIterator[CcxtClient]:
    """Open ccxt with its addresses replaced by the exchange's."""
    async with ccxt_client(exchange) as client:
        client.apiKey, client.secret = credentials.key, credentials.secret
        yield CcxtClient(client, lambda: ccxt_client(exchange))


@asynccontextmanager
async def real_names_ccxt(exchange: LocalExchange, credentials: Credentials) -> AsyncIterator[CcxtClient]:
    """Open ccxt with Binance's own addresses, each of which leads to the exchange over TLS."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Any]:
        async with redirected_ccxt(exchange) as redirected:
            redirected.client.apiKey, redirected.client.secret = credentials.key, credentials.secret
            yield redirected.client

    async with opened() as client:
        yield CcxtClient(client, opened)
