"""binance-sdk-spot, unmodified, in the words of the scenarios: by REST, or by the WebSocket API alone.

It checks every answer and event against models of its own and, where one does not fit, logs so and hands out
the raw payload: here that is a failure. Its REST calls block and run in threads.
"""

import asyncio
import logging
import re
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from mm.exchange.server import LocalExchange
from tests.builders.client_json import JsonClient, KeptBook, keeping
from tests.builders.client_packages import sdk_module
from tests.builders.client_words import SYMBOL, Book, Credentials, Heard, Refused, hear

_REST = {
    "info": "exchange_info",
    "depth": "depth",
    "trades": "get_trades",
    "aggregates": "agg_trades",
    "candles": "klines",
    "average": "avg_price",
    "day": "ticker24hr",
    "top": "ticker_book_ticker",
    "place": "new_order",
    "check": "order_test",
    "query": "get_order",
    "open": "get_open_orders",
    "amend": "order_amend_keep_priority",
    "replace": "order_cancel_replace",
    "cancel": "delete_order",
    "cancel_all": "delete_open_orders",
    "prevented": "my_prevented_matches",
    "all": "all_orders",
    "fills": "my_trades",
    "account": "get_account",
    "fees": "account_commission",
}
_SOCKET = _REST | {
    "trades": "trades_recent",
    "aggregates": "trades_aggregate",
    "top": "ticker_book",
    "place": "order_place",
    "query": "order_status",
    "open": "open_orders_status",
    "cancel": "order_cancel",
    "cancel_all": "open_orders_cancel_all",
    "account": "account_status",
}
_NUMBERS = ("price", "quantity", "new_qty")
_COMPLAINTS = re.compile(r"did not match|Failed to parse|Error in callback|Unknown user data")


class SocketRefusedError(Exception):
    """What the sdk hands out as an answer when the WebSocket API refuses. Fields: error: the venue's."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        """Carry the venue's error."""
        super().__init__(error["msg"])
        self.error = error


class _Sdk(JsonClient):
    def __init__(self, spot: Any) -> None:
        self._spot = spot

    @asynccontextmanager
    async def hearing_account(self) -> AsyncIterator[Heard]:
        """Subscribe to the account over the WebSocket API: by the session if it has logged on."""
        heard, api = Heard(), self._spot.websocket_api
        async with self._socket() as logged_on:
            subscribe = (
                api.user_data_stream_subscribe if logged_on else api.user_data_stream_subscribe_signature
            )
            subscription = await subscribe()
            subscription.stream.on("message", lambda event: heard.events.append(_named(event)))
            yield heard

    @asynccontextmanager
    async def hearing_market(self) -> AsyncIterator[Heard]:
        """Subscribe to trades, aggregates, candles and best prices."""
        heard = Heard()
        async with _opened(self._spot.websocket_streams) as streams:
            handles = await asyncio.gather(
                streams.trade(SYMBOL),
                streams.agg_trade(SYMBOL),
                streams.kline(SYMBOL, "1s"),
                streams.book_ticker(SYMBOL),
            )
            for handle in handles:
                handle.on("message", lambda event: hear(heard, plain(event)))
            yield heard

    @asynccontextmanager
    async def keeping_book(self, *, every_ms: int) -> AsyncIterator[Callable[[], Book | None]]:
        """Take its snapshot and its differences; it has no cache."""
        kept = KeptBook()
        async with _opened(self._spot.websocket_streams) as streams:
            handle = await streams.diff_book_depth(SYMBOL, update_speed=f"{every_ms}ms")
            handle.on("message", lambda event: kept.on_difference(plain(event)))
            async with keeping(self, kept) as book:
                yield book

    # The WebSocket API, logged on if its key is able to.
    @asynccontextmanager
    async def _socket(self) -> AsyncIterator[bool]:
        async with _opened(self._spot.websocket_api) as api:
            may_log_on = api.configuration.private_key is not None
            if may_log_on:
                answer = plain((await api.session_logon()).data())
                assert answer["result"]["apiKey"] == api.configuration.api_key
            yield may_log_on


class SdkRest(_Sdk):
    """The sdk's REST client. Implements `Client`."""

    def __init__(self, spot: Any) -> None:
        """Speak through `spot`."""
        super().__init__(spot)
        errors = sdk_module("binance_common.errors")
        self.errors = (errors.Error,)
        self._usage: dict[str, int] = {}

    async def call(self, command: str, **params: Any) -> Any:
        """Ask by its own call."""
        call = getattr(self._spot.rest_api, _REST[command])
        return self._data(await asyncio.to_thread(call, **_pythonic(params)))

    async def send(self, method: str, path: str, params: Mapping[str, Any], *, signed: bool) -> Any:
        """Send any request by the function that its calls use; the method that it offers does not run."""
        api = self._spot.rest_api
        send = sdk_module("binance_common.utils").send_request
        answer = await asyncio.to_thread(
            send,
            api._session,
            api.configuration,
            method,
            path,
            dict(params),
            is_signed=signed,
            signer=api._signer,
        )
        return self._data(answer)

    def usage(self) -> dict[str, int]:
        """Return the limits in the last headers."""
        return self._usage

    def refusal(self, error: Exception) -> Refused:
        """Read one of the sdk's errors; at a status that it does not know it forgets the code."""
        found: Any = error
        kind, wait_s = type(error).__name__, getattr(error, "retry_after", None)
        if kind == "ServerError":
            return Refused(kind, None, found.error_message, status=found.status_code)
        return Refused(kind, getattr(error, "status_code", None), found.error_message, wait_s=wait_s)

    def _data(self, answer: Any) -> Any:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        self._usage = {name: int(text) for name, text in headers.items() if name.startswith("x-mbx-")}
        return plain(answer.data())


class SdkSocket(_Sdk):
    """The sdk's client of the WebSocket API. Implements `Client`."""

    def __init__(self, spot: Any) -> None:
        """Speak through `spot`."""
        super().__init__(spot)
        self.errors = (SocketRefusedError,)
        self._usage: dict[str, int] = {}

    async def call(self, command: str, **params: Any) -> Any:
        """Ask by its own call; raises SocketRefusedError."""
        return await self._result(getattr(self._spot.websocket_api, _SOCKET[command])(**_pythonic(params)))

    async def ask(self, method: str, params: Mapping[str, Any], *, signed: bool) -> Any:
        """Send any request of the WebSocket API."""
        api = self._spot.websocket_api
        payload = {"method": method, "params": dict(params)}
        if not signed:
            return await self._result(api.send_message(payload))
        return await self._result(api.send_signed_message(payload, signer=api.signer))

    def usage(self) -> dict[str, int]:
        """Return the limits in the last answer, under the names of the headers."""
        return self._usage

    def refusal(self, error: Exception) -> Refused:
        """Read the error in an answer."""
        assert isinstance(error, SocketRefusedError)
        return Refused("error", error.error["code"], error.error["msg"], data=error.error.get("data"))

    @asynccontextmanager
    async def _socket(self) -> AsyncIterator[bool]:
        yield self._spot.websocket_api.configuration.private_key is not None  # it is open all the time

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open the one socket for everything."""
        async with super()._socket():
            yield

    async def _result(self, asked: Any) -> Any:
        response = await asked
        answer = plain(response.data())
        if "error" in answer:
            raise SocketRefusedError(answer["error"])
        units = {"MINUTE": "m", "SECOND": "s", "DAY": "d"}
        names = {"REQUEST_WEIGHT": "x-mbx-used-weight-", "ORDERS": "x-mbx-order-count-"}
        self._usage = {
            f"{names[row.rateLimitType]}{row.intervalNum}{units[row.interval]}": row.count
            for row in response.rate_limits
        }
        return answer["result"]


def plain(data: Any) -> Any:
    """Return a model, or a list of them, as the venue's JSON."""
    if isinstance(data, list):
        return [plain(row) for row in data]
    if getattr(data, "actual_instance", None) is not None:
        return plain(data.actual_instance)
    if not hasattr(data, "to_dict"):
        return data
    try:
        return data.to_dict()
    except AttributeError:  # its own for candles takes numbers for models
        return data.model_dump(by_alias=True)


# Its models of the account's events leave out the name, which is that of their class.
def _named(event: Any) -> Any:
    name = type(event.actual_instance).__name__
    return {"e": name[0].lower() + name[1:]} | plain(event)


# origClientOrderId -> orig_client_order_id; numbers are floats, as its signatures say.
def _pythonic(params: Mapping[str, Any]) -> dict[str, Any]:
    named = {re.sub(r"([A-Z])", r"_\1", name).lower(): value for name, value in params.items()}
    return {name: float(value) if name in _NUMBERS else value for name, value in named.items()}


@asynccontextmanager
async def _opened(part: Any) -> AsyncIterator[Any]:
    with warnings.catch_warnings():
        # It hands aiohttp a timeout in a form that aiohttp has deprecated: its affair, while it connects.
        warnings.filterwarnings("ignore", message="parameter 'timeout' of type 'float' is deprecated")
        await part.create_connection()
    try:
        yield part
    finally:
        await part.close_connection(close_session=True)


class _Complaints(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if _COMPLAINTS.search(record.getMessage()):
            self.found.append(record.getMessage())


@contextmanager
def _without_complaints() -> Iterator[None]:
    complaints = _Complaints()
    logging.getLogger().addHandler(complaints)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(complaints)
    assert not complaints.found, complaints.found


def _spot(exchange: LocalExchange, credentials: Credentials) -> Any:
    made = sdk_module("binance_common.configuration")
    who: dict[str, Any] = {"api_key": credentials.key, "api_secret": credentials.secret}
    if credentials.is_private_key:
        who = {"api_key": credentials.key, "private_key": credentials.secret}
    return sdk_module("binance_sdk_spot.spot").Spot(
        config_rest_api=made.ConfigurationRestAPI(base_path=exchange.url, retries=0, timeout=5_000, **who),
        config_ws_api=made.ConfigurationWebSocketAPI(stream_url=f"{exchange.ws_url}/ws-api/v3", **who),
        config_ws_streams=made.ConfigurationWebSocketStreams(stream_url=exchange.ws_url),
    )


@asynccontextmanager
async def sdk_rest(exchange: LocalExchange, credentials: Credentials) -> AsyncIterator[SdkRest]:
    """Open the sdk's REST client with the exchange's address."""
    spot = _spot(exchange, credentials)
    try:
        with _without_complaints():
            yield SdkRest(spot)
    finally:
        spot.rest_api._session.close()


@asynccontextmanager
async def sdk_socket(exchange: LocalExchange, credentials: Credentials) -> AsyncIterator[SdkSocket]:
    """Open the sdk's client of the WebSocket API with the exchange's address."""
    client = SdkSocket(_spot(exchange, credentials))
    with _without_complaints():
        async with client.opened():
            yield client
