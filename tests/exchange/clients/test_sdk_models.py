"""Every answer and event of the exchange beside the models of binance-sdk-spot: types, and names both ways.

The models are generated from the venue's own description. A name that the exchange leaves out has to be one
that belongs to something that it does not offer; one that it has more, one that the models have forgotten.
"""

from typing import Any, NamedTuple

from pydantic import BaseModel

from mm.domain.sides import Side
from mm.exchange.commands import COMMANDS
from mm.exchange.server import LocalExchange
from tests.builders.client_packages import sdk_module
from tests.builders.exchange import Frames, ManualClock, RawClient, frames, hit, raw_client, rest, running
from tests.builders.exchange_keys import ED25519_KEY, SECOND_KEY, ed25519_signature
from tests.builders.model_keys import differences

_SYMBOL: dict[str, Any] = {"symbol": "BTCUSDT"}
_LIMIT = _SYMBOL | {
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "58000",
}

# Names of the models that the exchange does not send, by what they belong to.
_NOT_OFFERED = {
    # iceberg, stop and trailing orders; a request to amend or cancel never shows them without
    *("icebergQty", "stopPrice", "trailingDelta", "trailingTime"),
    # pegged orders and smart order routing
    *("pegPriceType", "pegOffsetType", "pegOffsetValue", "peggedPrice", "usedSor", "workingFloor", "sors"),
    # labels of a strategy, order lists
    *("strategyId", "strategyType", "listStatus", "contingencyType", "listStatusType", "listOrderStatus"),
    *("listClientOrderId", "transactionTime", "orders", "orderReports"),
    # the same in events
    *("d", "D", "j", "J", "b", "a", "k", "uS", "gP", "gOT", "gOV", "gp"),
    # filters of several symbols at once
    *("priceExponent", "qtyExponent", "multiplierExponent"),
    # a limit in exchangeInfo has no count: one model serves both
    "count",
}
# Names that an answer shows only where there is something to tell.
_CONDITIONAL = {
    *("preventedMatchId", "preventedQuantity", "expiryReason", "fills", "error"),
    *("v", "A", "B", "u", "U", "Cs", "pl", "pL", "pY", "eR", "W"),
}
# Names that the venue's documentation has and some of the models have not.
_FORGOTTEN = {
    *("preventedMatchId", "preventedQuantity", "preventedMatches", "takerPreventedQuantity", "expiryReason"),
}
_FORGOTTEN_BY_SOCKET = {"workingTime", "fills", "rateLimits"}
# Its model of this frame of the WebSocket API is that of the REST answer.
_UNWRAPPED = "ExchangeInfoResponse"


class Answered(NamedTuple):
    """A value and the model that it has to fit."""

    surface: str
    model: str
    value: Any


def _check(answered: list[Answered]) -> tuple[set[str], set[str]]:
    extra, missing = set[str](), set[str]()
    for surface, name, value in answered:
        model: Any = getattr(sdk_module(f"binance_sdk_spot.{surface}.models"), name)
        assert issubclass(model, BaseModel)
        rows = value if isinstance(value, list) else [value]
        if hasattr(model, "actual_instance") or "actual_instance" in model.model_fields:
            model.from_dict(value)
        else:
            for row in rows:
                if isinstance(row, dict):
                    model.model_validate(row)
        for path, is_extra in differences(model, value):
            leaf = path.rpartition(".")[2]
            (extra if is_extra else missing).add(leaf)
            fine = _FORGOTTEN | _FORGOTTEN_BY_SOCKET if is_extra else _NOT_OFFERED | _CONDITIONAL
            assert leaf in fine, f"{surface} {name} {'more' if is_extra else 'less'}: {path}"
    return extra, missing


# Its models of the account's events leave their name to its dispatcher.
def _unnamed(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "e"}


def _market(exchange: LocalExchange) -> None:
    rest(exchange, Side.SELL, 6_000_000, 1_000)
    rest(exchange, Side.BUY, 5_900_000, 1_000)
    hit(exchange, Side.BUY, 100)
    hit(exchange, Side.SELL, 100)


class Rest:
    """Asks by REST and keeps what was answered."""

    def __init__(self, client: RawClient) -> None:
        self._client = client
        self.answered: list[Answered] = []
        self.asked: set[tuple[str, str]] = set()

    async def public(self, model: str, path: str, query: str = "") -> None:
        """Ask without a signature."""
        value = await self._client.send("GET", path, query)
        self._keep("GET", path, model, value)

    async def signed(self, model: str, method: str, path: str, **params: Any) -> Any:
        """Ask with one; return the answer."""
        value = await self._client.signed(method, path, **params)
        self._keep(method, path, model, value)
        return value

    def _keep(self, method: str, path: str, model: str, value: Any) -> None:
        assert self._client.status == 200, value
        self.asked.add((method, path))
        self.answered.append(Answered("rest_api", model, value))


_PUBLIC_REST = {
    "/api/v3/exchangeInfo": ("ExchangeInfoResponse", ""),
    "/api/v3/depth": ("DepthResponse", "symbol=BTCUSDT"),
    "/api/v3/trades": ("GetTradesResponse", "symbol=BTCUSDT"),
    "/api/v3/aggTrades": ("AggTradesResponse", "symbol=BTCUSDT"),
    "/api/v3/klines": ("KlinesResponse", "symbol=BTCUSDT&interval=1m"),
    "/api/v3/uiKlines": ("UiKlinesResponse", "symbol=BTCUSDT&interval=1m"),
    "/api/v3/avgPrice": ("AvgPriceResponse", "symbol=BTCUSDT"),
    "/api/v3/ticker/24hr": ("Ticker24hrResponse", "symbol=BTCUSDT"),
    "/api/v3/ticker/price": ("TickerPriceResponse", "symbol=BTCUSDT"),
    "/api/v3/ticker/bookTicker": ("TickerBookTickerResponse", "symbol=BTCUSDT"),
    "/api/v3/time": ("TimeResponse", ""),
}
_LISTS = ("/api/v3/ticker/24hr", "/api/v3/ticker/price", "/api/v3/ticker/bookTicker")
# The models know neither an empty answer nor routes beside the spot API.
_NO_MODEL = {
    ("GET", "/api/v3/ping"),
    ("GET", "/sapi/v1/account/apiRestrictions"),
    ("GET", "/sapi/v1/asset/tradeFee"),
    ("PUT", "/api/v3/userDataStream"),
    ("DELETE", "/api/v3/userDataStream"),
}


async def _ask_all_by_rest(ask: Rest) -> None:
    for path, (model, query) in _PUBLIC_REST.items():
        await ask.public(model, path, query)
    for path in _LISTS:
        await ask.public(_PUBLIC_REST[path][0], path)
    order, test = "/api/v3/order", "/api/v3/order/test"
    await ask.signed("OrderTestResponse", "POST", test, **_LIMIT, computeCommissionRates="true")
    own = await ask.signed("NewOrderResponse", "POST", order, **_LIMIT)
    taken = _LIMIT | {"price": "60000", "quantity": "0.005", "timeInForce": "IOC"}
    assert (await ask.signed("NewOrderResponse", "POST", order, **taken))["fills"]
    await ask.signed("NewOrderResponse", "POST", order, **(taken | {"quantity": "0.05"}))
    amend = {"orderId": own["orderId"], "newQty": "0.008"}
    path = "/api/v3/order/amend/keepPriority"
    await ask.signed("OrderAmendKeepPriorityResponse", "PUT", path, **_SYMBOL, **amend)
    await ask.signed(
        "OrderAmendmentsResponse", "GET", "/api/v3/order/amendments", **_SYMBOL, orderId=own["orderId"]
    )
    replace = {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": own["orderId"]}
    path = "/api/v3/order/cancelReplace"
    done = await ask.signed(
        "OrderCancelReplaceResponse", "POST", path, **(_LIMIT | {"price": "59500"}), **replace
    )
    other = _LIMIT | {"side": "SELL", "price": "59500", "quantity": "0.02"}
    mode = {"selfTradePreventionMode": "DECREMENT"}
    met = await ask.signed("NewOrderResponse", "POST", order, **other, **mode)
    which = _SYMBOL | {"orderId": met["orderId"]}
    await ask.signed("MyPreventedMatchesResponse", "GET", "/api/v3/myPreventedMatches", **which)
    await ask.signed("GetOrderResponse", "GET", order, **which)
    await ask.signed("GetOrderResponse", "GET", order, **_SYMBOL, orderId=done["newOrderResponse"]["orderId"])
    await ask.signed("GetOpenOrdersResponse", "GET", "/api/v3/openOrders", **_SYMBOL)
    await ask.signed("DeleteOrderResponse", "DELETE", order, **which)
    await ask.signed("NewOrderResponse", "POST", order, **_LIMIT, newOrderRespType="RESULT")
    await ask.signed("DeleteOpenOrdersResponse", "DELETE", "/api/v3/openOrders", **_SYMBOL)
    await ask.signed("AllOrdersResponse", "GET", "/api/v3/allOrders", **_SYMBOL)
    await ask.signed("GetAccountResponse", "GET", "/api/v3/account")
    await ask.signed("AccountCommissionResponse", "GET", "/api/v3/account/commission", **_SYMBOL)
    await ask.signed("MyTradesResponse", "GET", "/api/v3/myTrades", **_SYMBOL)
    await ask.signed("RateLimitOrderResponse", "GET", "/api/v3/rateLimit/order")


async def test_every_rest_answer_fits_its_model() -> None:
    """All routes that have a model, in the states that show the most of them."""
    async with running() as exchange, raw_client(exchange) as client:
        _market(exchange)
        ask = Rest(client)
        await _ask_all_by_rest(ask)
        assert {(row.method, row.path) for row in COMMANDS} == ask.asked | _NO_MODEL
        extra, missing = _check(ask.answered)
        assert extra == _FORGOTTEN
        assert "expiryReason" in missing  # an order that has not expired does not say why


class Socket:
    """Asks by the WebSocket API and keeps what was answered."""

    def __init__(self, client: RawClient, socket: Frames) -> None:
        self._client = client
        self._socket = socket
        self.answered: list[Answered] = []
        self.asked: set[str] = set()

    async def ask(self, model: str, method: str, *, signed: bool = True, **params: Any) -> Any:
        """Ask; return the result."""
        sent = self._client.socket_params(**params) if signed else params
        frame = await self._socket.ask({"id": "one", "method": method, "params": sent})
        assert frame["status"] == 200, frame
        self.asked.add(method)
        value = frame["result"] if model == _UNWRAPPED else frame
        self.answered.append(Answered("websocket_api", model, value))
        return frame["result"]


_PUBLIC_SOCKET: dict[str, tuple[str, dict[str, Any]]] = {
    "exchangeInfo": ("ExchangeInfoResponse", {}),
    "depth": ("DepthResponse", _SYMBOL),
    "trades.recent": ("TradesRecentResponse", _SYMBOL),
    "trades.aggregate": ("TradesAggregateResponse", _SYMBOL),
    "klines": ("KlinesResponse", _SYMBOL | {"interval": "1m"}),
    "uiKlines": ("UiKlinesResponse", _SYMBOL | {"interval": "1m"}),
    "avgPrice": ("AvgPriceResponse", _SYMBOL),
    "ticker.24hr": ("Ticker24hrResponse", _SYMBOL),
    "ticker.price": ("TickerPriceResponse", _SYMBOL),
    "ticker.book": ("TickerBookResponse", _SYMBOL),
    "ping": ("PingResponse", {}),
    "time": ("TimeResponse", {}),
}


async def _ask_all_by_socket(socket: Socket) -> None:
    ask = socket.ask
    for method, (model, params) in _PUBLIC_SOCKET.items():
        await ask(model, method, signed=False, **params)
    await ask("OrderTestResponse", "order.test", **_LIMIT, computeCommissionRates=True)
    own = await ask("OrderPlaceResponse", "order.place", **_LIMIT)
    await ask("OrderPlaceResponse", "order.place", **(_LIMIT | {"price": "60000", "quantity": "0.001"}))
    which = _SYMBOL | {"orderId": own["orderId"]}
    await ask("OrderStatusResponse", "order.status", **which)
    await ask("OrderAmendKeepPriorityResponse", "order.amend.keepPriority", **which, newQty="0.008")
    await ask("OrderAmendmentsResponse", "order.amendments", **which)
    replace = {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": own["orderId"]}
    done = await ask("OrderCancelReplaceResponse", "order.cancelReplace", **_LIMIT, **replace)
    other = _LIMIT | {"side": "SELL", "quantity": "0.02", "price": "59500"}
    met = await ask("OrderPlaceResponse", "order.place", **(_LIMIT | {"price": "59500"}))
    await ask("OrderPlaceResponse", "order.place", **other, selfTradePreventionMode="EXPIRE_BOTH")
    await ask("MyPreventedMatchesResponse", "myPreventedMatches", **_SYMBOL, orderId=met["orderId"])
    await ask("OpenOrdersStatusResponse", "openOrders.status", **_SYMBOL)
    await ask("OrderCancelResponse", "order.cancel", **_SYMBOL, orderId=done["newOrderResponse"]["orderId"])
    await ask("OrderPlaceResponse", "order.place", **_LIMIT)
    await ask("OpenOrdersCancelAllResponse", "openOrders.cancelAll", **_SYMBOL)
    await ask("AllOrdersResponse", "allOrders", **_SYMBOL)
    await ask("MyTradesResponse", "myTrades", **_SYMBOL)
    await ask("AccountStatusResponse", "account.status")
    await ask("AccountCommissionResponse", "account.commission", **_SYMBOL)
    await ask("AccountRateLimitsOrdersResponse", "account.rateLimits.orders")


async def _ask_all_about_the_session(socket: Socket, client: RawClient) -> None:
    ask = socket.ask
    who = {"apiKey": ED25519_KEY, "timestamp": client.now_ms()}
    signature = ed25519_signature("&".join(f"{name}={value}" for name, value in who.items()))
    await ask("SessionStatusResponse", "session.status", signed=False)
    await ask("SessionLogonResponse", "session.logon", signed=False, **who, signature=signature)
    await ask("SessionStatusResponse", "session.status", signed=False)
    await ask("UserDataStreamSubscribeResponse", "userDataStream.subscribe", signed=False)
    await ask("SessionSubscriptionsResponse", "session.subscriptions", signed=False)
    await ask("UserDataStreamSubscribeSignatureResponse", "userDataStream.subscribe.signature")


async def test_every_answer_of_the_websocket_api_fits_its_model() -> None:
    """All methods, the frame around the result included."""
    async with running(**SECOND_KEY) as exchange, raw_client(exchange) as client:
        _market(exchange)
        async with frames(client, "/ws-api/v3") as opened:
            socket = Socket(client, opened)
            await _ask_all_by_socket(socket)
            assert {row.name for row in COMMANDS if row.name} == socket.asked
            _check(socket.answered)


async def test_every_answer_about_the_session_fits_its_model() -> None:
    """Logging on, subscribing both ways, logging out; what ends a subscription is an event of its own."""
    async with (
        running(**SECOND_KEY) as exchange,
        raw_client(exchange) as client,
        frames(client, "/ws-api/v3") as opened,
    ):
        socket = Socket(client, opened)
        await _ask_all_about_the_session(socket, client)
        ended = await opened.ask({"id": "out", "method": "session.logout", "params": {}})
        out = await opened.next()
        last = await opened.ask({"id": "un", "method": "userDataStream.unsubscribe", "params": {}})
        un = await opened.next()
        _check(
            [
                *socket.answered,
                Answered("websocket_api", "SessionLogoutResponse", out),
                Answered("websocket_api", "UserDataStreamUnsubscribeResponse", un),
                *(
                    Answered("websocket_api", "EventStreamTerminated", _unnamed(frame["event"]))
                    for frame in (ended, last)
                ),
            ]
        )


_STREAMS = {
    "trade": "TradeResponse",
    "aggTrade": "AggTradeResponse",
    "bookTicker": "BookTickerResponse",
    "kline_1s": "KlineResponse",
    "depth@100ms": "DiffBookDepthResponse",
    "depth5@100ms": "PartialBookDepthResponse",
    "ticker": "TickerResponse",
    "miniTicker": "MiniTickerResponse",
    "avgPrice": "AvgPriceResponse",
}


async def test_every_public_event_fits_its_model() -> None:
    """One of each stream."""
    clock = ManualClock()
    async with running(clock, pump_ms=5) as exchange, raw_client(exchange) as client:
        rest(exchange, Side.SELL, 6_000_000, 1_000)
        rest(exchange, Side.BUY, 5_900_000, 1_000)
        names = "/".join(f"btcusdt@{name}" for name in _STREAMS)
        async with frames(client, f"/stream?streams={names}") as opened:
            hit(exchange, Side.BUY, 100)
            clock.advance(ms=2_000)
            heard: dict[str, Any] = {}
            while len(heard) < len(_STREAMS):
                frame = await opened.next()
                heard[frame["stream"].partition("@")[2]] = frame["data"]
        _check([Answered("websocket_streams", _STREAMS[name], value) for name, value in heard.items()])


async def test_every_event_of_the_account_fits_its_model() -> None:
    """New, filled as maker and as taker, amended, cancelled, expired, prevented, and the balances."""
    async with running() as exchange, raw_client(exchange) as client:
        async with frames(client, "/ws-api/v3") as opened:
            subscribe = {"id": "s", "method": "userDataStream.subscribe.signature"}
            await opened.ask(subscribe | {"params": client.socket_params()})
            rest(exchange, Side.SELL, 6_000_000, 1_000)
            own = await client.place(quantity="0.01")
            hit(exchange, Side.SELL, 100)
            path = "/api/v3/order/amend/keepPriority"
            await client.signed("PUT", path, **_SYMBOL, orderId=own["orderId"], newQty="0.008")
            await client.signed(
                "POST", "/api/v3/order", **(_LIMIT | {"price": "60000", "timeInForce": "IOC"})
            )
            await client.signed(
                "POST", "/api/v3/order", **(_LIMIT | {"price": "60000", "timeInForce": "FOK"})
            )
            await client.signed("POST", "/api/v3/order", **(_LIMIT | {"side": "SELL", "price": "59000"}))
            await client.signed("DELETE", "/api/v3/openOrders", **_SYMBOL)
            events: list[dict[str, Any]] = []
            while not events or events[-1].get("x") != "CANCELED":
                events.append((await opened.next())["event"])
        steps = {event["x"] for event in events if "x" in event}
        assert steps == {"NEW", "TRADE", "REPLACED", "EXPIRED", "TRADE_PREVENTION", "CANCELED"}
        reasons = [event["eR"] for event in events if "eR" in event]
        assert reasons == ["UNFILLED_FOK_ORDER_EXPIRED"]
        models = {"executionReport": "ExecutionReport", "outboundAccountPosition": "OutboundAccountPosition"}
        for surface in ("websocket_api", "websocket_streams"):
            _check([Answered(surface, models[event["e"]], _unnamed(event)) for event in events])
