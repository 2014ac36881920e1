"""binance-connector, unmodified, in the words of the scenarios.

Its REST client blocks, so every call of it runs in a thread; its stream client is a thread by itself. It
brings neither a user stream that the venue still has nor a signature of its own over the WebSocket API: the
account is heard through its socket client, which sends the frame that it is given.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from mm.exchange.server import LocalExchange
from tests.builders.client_json import JsonClient, KeptBook, keeping
from tests.builders.client_packages import binance_module
from tests.builders.client_words import SYMBOL, Book, Credentials, Heard, Refused, hear

_CALLS = {
    "info": "exchange_info",
    "depth": "depth",
    "trades": "trades",
    "aggregates": "agg_trades",
    "candles": "klines",
    "average": "avg_price",
    "day": "ticker_24hr",
    "top": "book_ticker",
    "place": "new_order",
    "check": "new_order_test",
    "query": "get_order",
    "open": "get_open_orders",
    "replace": "cancel_and_replace",
    "cancel": "cancel_order",
    "cancel_all": "cancel_open_orders",
    "prevented": "query_prevented_matches",
    "all": "get_orders",
    "fills": "my_trades",
    "account": "account",
    "fees": "query_commission_rates",
}


class Connector(JsonClient):
    """An unmodified `Spot` with a stream client for each thing that is heard."""

    def __init__(self, spot: Any, exchange: LocalExchange, credentials: Credentials) -> None:
        """Speak through `spot`."""
        errors = binance_module("error")
        self.errors = (errors.ClientError, errors.ServerError)
        self._spot = spot
        self._exchange = exchange
        self._credentials = credentials
        self._usage: dict[str, int] = {}

    async def call(self, command: str, **params: Any) -> Any:
        """Ask by its own call, in a thread; amending has none, so it is sent by the route."""
        if command == "amend":
            return await self.send("PUT", "/api/v3/order/amend/keepPriority", params, signed=True)
        return self._data(await asyncio.to_thread(getattr(self._spot, _CALLS[command]), **params))

    async def send(self, method: str, path: str, params: Mapping[str, Any], *, signed: bool) -> Any:
        """Send any request."""
        send = self._spot.sign_request if signed else self._spot.send_request
        return self._data(await asyncio.to_thread(send, method, path, dict(params)))

    def usage(self) -> dict[str, int]:
        """Return the limits in the last headers."""
        return self._usage

    def refusal(self, error: Exception) -> Refused:
        """Read a ClientError or, of failures on the venue's side, the text in a ServerError."""
        found: Any = error
        if type(error).__name__ == "ServerError":
            body = msgspec.json.decode(found.message)
            return Refused("ServerError", body["code"], body["msg"], status=found.status_code)
        wait_s = int(found.header["Retry-After"]) if "Retry-After" in found.header else None
        return Refused(
            "ClientError",
            found.error_code,
            found.error_message,
            data=found.error_data,
            status=found.status_code,
            wait_s=wait_s,
        )

    @asynccontextmanager
    async def hearing_account(self) -> AsyncIterator[Heard]:
        """Subscribe to the account over its socket client."""
        signing = binance_module("lib.authentication")
        now_ms = binance_module("lib.utils").get_timestamp()
        params = {"apiKey": self._credentials.key, "timestamp": now_ms}
        payload = "&".join(f"{name}={value}" for name, value in params.items())
        is_private = self._credentials.is_private_key
        sign = signing.ed25519_signature if is_private else signing.hmac_hashing
        signature = sign(self._credentials.secret, payload)
        text = signature.decode() if isinstance(signature, bytes) else signature
        heard, subscribed = Heard(), asyncio.Event()

        def take(frame: Any) -> None:
            if "event" in frame:
                heard.events.append(frame["event"])
            else:
                assert frame["status"] == 200, frame
                subscribed.set()

        url = f"{self._exchange.ws_url}/ws-api/v3"
        make = binance_module("websocket.websocket_client").BinanceWebsocketClient
        async with _listening(make, url, take) as socket:
            method = "userDataStream.subscribe.signature"
            frame = {"id": 1, "method": method, "params": params | {"signature": text}}
            await asyncio.to_thread(socket.send, frame)
            await asyncio.wait_for(subscribed.wait(), 60)
            yield heard

    @asynccontextmanager
    async def hearing_market(self) -> AsyncIterator[Heard]:
        """Subscribe to trades, aggregates, candles and best prices over its stream client."""
        heard = Heard()
        async with self._streams(lambda event: hear(heard, event)) as streams:
            for number, subscribe in enumerate((streams.trade, streams.agg_trade, streams.book_ticker)):
                await asyncio.to_thread(subscribe, SYMBOL, id=number + 1)
            await asyncio.to_thread(streams.kline, SYMBOL, "1s", id=4)
            yield heard

    @asynccontextmanager
    async def keeping_book(self, *, every_ms: int) -> AsyncIterator[Callable[[], Book | None]]:
        """Take its snapshot and its differences; it has no cache."""
        kept = KeptBook()

        def take(event: Any) -> None:
            if "U" in event:  # the answer to a subscription comes the same way
                kept.on_difference(event)

        async with self._streams(take) as streams:
            await asyncio.to_thread(streams.diff_book_depth, SYMBOL, speed=every_ms, id=1)
            async with keeping(self, kept) as book:
                yield book

    def _streams(self, take: Callable[[Any], object]) -> Any:
        make = binance_module("websocket.spot.websocket_stream").SpotWebsocketStreamClient
        return _listening(make, self._exchange.ws_url, take)

    def _data(self, answer: Any) -> Any:
        self._usage = {name: int(value) for name, value in answer["limit_usage"].items()}
        return answer["data"]


# Frames come in the client's thread and are taken in the loop's.
@asynccontextmanager
async def _listening(make: Any, url: str, take: Callable[[Any], object]) -> AsyncIterator[Any]:
    loop = asyncio.get_running_loop()

    def on_message(_manager: Any, text: str) -> None:
        loop.call_soon_threadsafe(take, msgspec.json.decode(text.encode()))

    failed: list[Exception] = []
    socket = await asyncio.to_thread(
        lambda: make(
            url,
            on_message=on_message,
            on_error=lambda _manager, error: failed.append(error),
            timeout=5,
        )
    )
    try:
        yield socket
    finally:
        await asyncio.to_thread(socket.stop)
        await asyncio.to_thread(socket.socket_manager.ws.shutdown)
        assert not failed, failed


@asynccontextmanager
async def connector(exchange: LocalExchange, credentials: Credentials) -> AsyncIterator[Connector]:
    """Open the client with the exchange's address."""
    secret: dict[str, Any] = {"api_secret": credentials.secret}
    if credentials.is_private_key:
        secret = {"private_key": credentials.secret}
    spot = binance_module("spot").Spot(
        credentials.key, base_url=exchange.url, show_limit_usage=True, timeout=5, **secret
    )
    try:
        yield Connector(spot, exchange, credentials)
    finally:
        spot.session.close()
