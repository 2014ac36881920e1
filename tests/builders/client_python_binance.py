"""python-binance's asynchronous client, unmodified, in the words of the scenarios.

Its addresses are attributes of its classes: a subclass has others, so that nothing of it is touched. It pings
its host when it is made by `create`, which therefore is the exchange already.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any

from mm.exchange.server import LocalExchange
from tests.builders.client_json import JsonClient
from tests.builders.client_packages import binance_module
from tests.builders.client_words import SYMBOL, Book, Credentials, Heard, Refused, hear, levels_of

_CALLS = {
    "info": "get_exchange_info",
    "depth": "get_order_book",
    "trades": "get_recent_trades",
    "aggregates": "get_aggregate_trades",
    "candles": "get_klines",
    "average": "get_avg_price",
    "day": "get_ticker",
    "top": "get_orderbook_ticker",
    "place": "create_order",
    "check": "create_test_order",
    "query": "get_order",
    "open": "get_open_orders",
    "replace": "cancel_replace_order",
    "cancel": "cancel_order",
    "cancel_all": "cancel_all_open_orders",
    "prevented": "get_prevented_matches",
    "all": "get_all_orders",
    "fills": "get_my_trades",
    "account": "get_account",
    "fees": "v3_get_account_commission",
}

# It closes a socket only after it has waited so long for one more frame: 10 s as it comes, in which that of
# the WebSocket API waits for an answer too.
_CLOSING_S, _ANSWER_S = 0.2, 1.0


class PythonBinance(JsonClient):
    """An unmodified `AsyncClient` with its socket manager and its depth cache."""

    def __init__(self, client: Any, sockets: Any) -> None:
        """Speak through `client`; `sockets` is its manager of streams."""
        self.errors = (binance_module("exceptions").BinanceAPIException,)
        self.client = client
        self._sockets = sockets

    async def call(self, command: str, **params: Any) -> Any:
        """Ask by its own call; amending has none, so it is sent by the route."""
        if command == "amend":
            return await self.client._put("order/amend/keepPriority", True, data=params)
        return await getattr(self.client, _CALLS[command])(**params)

    async def send(self, method: str, path: str, params: Mapping[str, Any], *, signed: bool) -> Any:
        """Send any request; the class of the route gives its prefix."""
        send = self.client._request
        uri = self.client.API_URL.removesuffix("/api") + path
        return await send(method.lower(), uri, signed, data=dict(params))

    async def send_by_socket(self, method: str, params: Mapping[str, Any], *, signed: bool) -> Any:
        """Send any request of the WebSocket API."""
        return await self.client._ws_api_request(method, signed, dict(params))

    def usage(self) -> dict[str, int]:
        """Return the limits in the last headers."""
        headers = {name.lower(): value for name, value in self.client.response.headers.items()}
        return {name: int(value) for name, value in headers.items() if name.startswith("x-mbx-")}

    def refusal(self, error: Exception) -> Refused:
        """Read a BinanceAPIException; the data of a failed cancel-replace it does not keep."""
        found: Any = error
        headers = getattr(found.response, "headers", {})
        wait_s = int(headers["Retry-After"]) if "Retry-After" in headers else None
        return Refused(
            type(error).__name__, found.code, found.message, status=found.status_code, wait_s=wait_s
        )

    @asynccontextmanager
    async def hearing_account(self) -> AsyncIterator[Heard]:
        """Open its user socket."""
        heard = Heard()
        async with _listening(self._sockets.user_socket(), heard.events.append):
            yield heard

    @asynccontextmanager
    async def hearing_market(self) -> AsyncIterator[Heard]:
        """Open its sockets for trades, aggregates, candles and best prices."""
        heard = Heard()
        async with AsyncExitStack() as stack:
            for socket in (
                self._sockets.trade_socket(SYMBOL),
                self._sockets.aggtrade_socket(SYMBOL),
                self._sockets.kline_socket(SYMBOL, interval="1s"),
                self._sockets.symbol_book_ticker_socket(SYMBOL),
            ):
                await stack.enter_async_context(_listening(socket, lambda event: hear(heard, event)))
            yield heard

    @asynccontextmanager
    async def keeping_book(self, *, every_ms: int) -> AsyncIterator[Callable[[], Book | None]]:
        """Let its depth cache keep the book."""
        kept: list[Book] = []
        cache = binance_module("ws.depthcache").DepthCacheManager(
            self.client,
            SYMBOL,
            bm=self._sockets,
            limit=5_000,
            conv_type=Decimal,
            ws_interval=100 if every_ms == 100 else None,
        )
        async with _listening(
            cache, lambda found: kept.append(Book(levels_of(found.get_bids()), levels_of(found.get_asks())))
        ):
            yield lambda: kept[-1] if kept else None


@asynccontextmanager
async def _listening(socket: Any, take: Callable[[Any], None]) -> AsyncIterator[None]:
    async def forever() -> None:
        while True:
            take(await socket.recv())

    async with socket:
        (getattr(socket, "_socket", None) or socket).TIMEOUT = _CLOSING_S  # a cache has its socket inside
        task = asyncio.ensure_future(forever())
        try:
            yield
        finally:
            task.cancel()
            (ended,) = await asyncio.gather(task, return_exceptions=True)
            assert isinstance(ended, asyncio.CancelledError), ended


@asynccontextmanager
async def python_binance(exchange: LocalExchange, credentials: Credentials) -> AsyncIterator[PythonBinance]:
    """Open the client with the exchange's addresses."""
    addresses = {
        "API_URL": f"{exchange.url}/api",
        "MARGIN_API_URL": f"{exchange.url}/sapi",
        "WS_API_URL": f"{exchange.ws_url}/ws-api/v3",
    }
    made = type("Pointed", (binance_module("async_client").AsyncClient,), addresses)
    manager = type(
        "PointedManager",
        (binance_module("ws.streams").BinanceSocketManager,),
        {"STREAM_URL": f"{exchange.ws_url}/"},
    )
    secret: dict[str, Any] = {"api_secret": credentials.secret}
    if credentials.is_private_key:
        secret = {"private_key": credentials.secret}
    client = await made.create(credentials.key, **secret)  # type: ignore[attr-defined]  # of an untyped class
    client.ws_api.TIMEOUT = _ANSWER_S
    try:
        yield PythonBinance(client, manager(client))
    finally:
        await client.close_connection()
