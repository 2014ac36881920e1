"""A small Binance on loopback that does what a test tells it: any answer, any fault, any frame.

It knows no market. What a test does not script is answered with the least that the protocol demands.
"""

import asyncio
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import WSMsgType, web

from tests.builders.heard import DEADLINE_S
from tests.builders.venue_setup import CID

Params = dict[str, str]
Answer = Callable[["Asked"], web.StreamResponse]

SYMBOL: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "baseAssetPrecision": 8,
    "quoteAsset": "USDT",
    "quotePrecision": 8,
    "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
    "isSpotTradingAllowed": True,
    "permissions": ["SPOT"],
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000.00", "stepSize": "0.00001"},
        {"filterType": "NOTIONAL", "minNotional": "5.00"},
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
    ],
}

ETH_SYMBOL = {**SYMBOL, "symbol": "ETHUSDT", "baseAsset": "ETH"}
HALTED_SYMBOL = {**SYMBOL, "symbol": "LTCUSDT", "baseAsset": "LTC", "status": "BREAK"}

ACCOUNT: dict[str, Any] = {
    "commissionRates": {"maker": "0.00075000", "taker": "0.00100000"},
    "canTrade": True,
    "balances": [
        {"asset": "BTC", "free": "1.00000000", "locked": "0.50000000"},
        {"asset": "USDT", "free": "0.00000000", "locked": "0.00000000"},
        {"asset": "DOGE", "free": "0.00000000", "locked": "0.00000000"},
        {"asset": "BNB", "free": "2.00000000", "locked": "0.00000000"},
    ],
}


ACK: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "orderId": 77,
    "orderListId": -1,
    "clientOrderId": CID,
    "transactTime": 1,
    "price": "100.00000000",
    "origQty": "1.00000000",
    "executedQty": "0.00000000",
    "status": "NEW",
    "timeInForce": "GTC",
    "type": "LIMIT_MAKER",
    "side": "BUY",
    "selfTradePreventionMode": "EXPIRE_MAKER",
    "fills": [],
}
CANCELLED = {**ACK, "origClientOrderId": CID, "clientOrderId": "request", "status": "CANCELED"}


@dataclass
class Asked:
    """One request. Fields: params: of query and body together; raw: as it stood on the wire."""

    method: str
    path: str
    params: Params
    raw: str
    headers: dict[str, str]
    request: web.BaseRequest = field(repr=False)

    @property
    def route(self) -> str:
        """Method and last part of the path: "POST order"."""
        return f"{self.method} {self.path.rsplit('/', 1)[-1]}"


def ok(body: Any, **headers: str) -> Answer:
    """Answer 200 with JSON."""
    return lambda _: web.json_response(body, headers=headers)


def refusal(status: int, code: int, text: str, **headers: str) -> Answer:
    """Answer as the venue refuses."""
    return lambda _: web.json_response({"code": code, "msg": text}, status=status, headers=headers)


def raw(text: str, *, status: int = 200, content_type: str = "text/html", **headers: str) -> Answer:
    """Answer whatever text."""
    return lambda _: web.Response(text=text, status=status, content_type=content_type, headers=headers)


def lost(asked: Asked) -> web.StreamResponse:
    """Take the request and break the connection before any answer."""
    assert asked.request.transport is not None
    asked.request.transport.abort()
    return web.Response()


class Held:
    """An answer that waits until the test releases it."""

    def __init__(self, answer: Answer) -> None:
        self.released = asyncio.Event()
        self._answer = answer

    def __call__(self, asked: Asked) -> web.StreamResponse:
        """Answer as was given."""
        return self._answer(asked)


class ScriptedBinance:
    """The server.

    Fields: asked: every REST request, in order. script: route -> its answers, of which the last one stays.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.hosts: set[tuple[str, str]] = set()
        self.asked: list[Asked] = []
        self.script: dict[str, list[Answer]] = {
            "GET exchangeInfo": [self._exchange_info],
            "GET time": [ok({"serverTime": 1_700_000_000_000})],
            "GET account": [ok(ACCOUNT)],
            "GET depth": [
                ok({"lastUpdateId": 100, "bids": [["100.00", "1.0"]], "asks": [["101.00", "1.0"]]})
            ],
            "GET openOrders": [ok([])],
            "GET myTrades": [ok([])],
        }
        self.symbols: list[dict[str, Any]] = [SYMBOL, ETH_SYMBOL, HALTED_SYMBOL]
        self.subscribed: list[dict[str, Any]] = []
        self.market: web.WebSocketResponse | None = None
        self.user: web.WebSocketResponse | None = None
        self.subscribe_answer: dict[str, Any] | None = {"result": None}
        self.user_answer: dict[str, Any] | None = {"status": 200, "result": {"subscriptionId": 0}}
        self.sockets: list[web.WebSocketResponse] = []
        self.hanging = asyncio.Event()
        self._news = asyncio.Event()
        self._runner: web.ServerRunner | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Base of the addresses."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> "ScriptedBinance":
        """Listen on any free port."""
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def close(self) -> None:
        """Stop at once, hanging requests included."""
        self.hanging.set()
        for socket in self.sockets:
            await socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def then(self, route: str, *answers: Answer) -> None:
        """Answer `route` so, one after the other; the last one stays."""
        self.script[route] = list(answers)

    def requests(self, route: str) -> list[Asked]:
        """Return the requests of one route."""
        return [asked for asked in self.asked if asked.route == route]

    async def request(self, route: str, count: int = 1) -> Asked:
        """Return the `count`-th request of a route as soon as it came; raises TimeoutError."""
        async with asyncio.timeout(DEADLINE_S):
            while len(self.requests(route)) < count:
                self._news.clear()
                await self._news.wait()
        return self.requests(route)[count - 1]

    async def push(self, frame: Any) -> None:
        """Send a market frame: a dict, or text as it stands."""
        assert self.market is not None
        await self.market.send_str(frame if isinstance(frame, str) else json.dumps(frame))

    async def report(self, event: Any) -> None:
        """Send an event of the user stream: a dict, or a whole frame as text."""
        assert self.user is not None
        wrapped = {"subscriptionId": 0, "event": event}
        await self.user.send_str(event if isinstance(event, str) else json.dumps(wrapped))

    def _exchange_info(self, asked: Asked) -> web.StreamResponse:
        wanted = asked.params.get("symbols")
        rows = self.symbols
        if wanted is not None:
            rows = [row for row in rows if row["symbol"] in json.loads(wanted)]
            if len(rows) < len(json.loads(wanted)):
                return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)
        return web.json_response({"symbols": rows})

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.hosts.add((request.headers["Host"], request.path.partition("?")[0]))
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._socket(request)
        body = await request.text()
        sent = "&".join(part for part in (request.rel_url.raw_query_string, body) if part)
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Asked(request.method, request.path, dict(parse_qsl(sent)), sent, headers, request)
        self.asked.append(asked)
        self._news.set()
        answers = self.script.get(asked.route, [refusal(404, 0, "no such route")])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer is hang:
            await self.hanging.wait()
        if isinstance(answer, Held):
            await answer.released.wait()
        return answer(asked)

    async def _socket(self, request: web.BaseRequest) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        is_user = request.path.endswith("/ws-api/v3")
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            asked = json.loads(message.data)
            self.subscribed.append(asked)
            answer = self.user_answer if is_user else self.subscribe_answer
            if is_user:
                self.user = socket
            else:
                self.market = socket
            if answer is not None:
                await socket.send_str(json.dumps({"id": asked["id"], **answer}))
        return socket


def hang(asked: Asked) -> web.StreamResponse:
    """Take the request and never answer it (until the server closes)."""
    return web.Response(status=500)
