"""Local exchanges for tests: a clock moved by hand, a running server, a raw client and a ccxt client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
import ccxt.pro
import msgspec

from mm.domain.sides import Side
from mm.exchange.clock import Clock, WallClock
from mm.exchange.server import LocalExchange
from mm.exchange.settings import ExchangeSettings
from mm.exchange.signing import signature_of, socket_payload
from mm.sim.orders import NewOrder, Order
from tests.builders.sim import START_NS, accepted, fund, limit, market

KEY, SECRET = "test-key-of-the-local-exchange", "test-secret-of-the-local-exchange"
STRANGER, PASSER_BY = "stranger", "passer-by"
"""Two owners with funds, neither of them the client: one rests, one takes."""


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now_ns: int = START_NS) -> None:
        """Stand at `now_ns`."""
        self.ns = now_ns

    def now_ns(self) -> int:
        """Return where it stands."""
        return self.ns

    def advance(self, *, ms: int) -> None:
        """Move on."""
        self.ns += ms * 1_000_000


def make_settings(**changes: Any) -> ExchangeSettings:
    """Return the settings of an empty market, `changes` applied."""
    fields: dict[str, Any] = {"seed": 1, "preset": "empty", "api_key": KEY, "api_secret": SECRET}
    return ExchangeSettings(**(fields | changes))


@asynccontextmanager
async def running(clock: Clock | None = None, **changes: Any) -> AsyncIterator[LocalExchange]:
    """Start an exchange on a free port and close it in the end; two strangers have funds."""
    exchange = LocalExchange(make_settings(**changes), clock or WallClock())
    fund(exchange.floor.world, STRANGER, PASSER_BY)
    await exchange.start()
    try:
        yield exchange
    finally:
        await exchange.close()


def rest(exchange: LocalExchange, side: Side, price_ticks: int, size_lots: int) -> Order:
    """Let the stranger place a limit order."""
    return stranger_places(exchange, limit(STRANGER, side, price_ticks, size_lots))


def hit(exchange: LocalExchange, side: Side, size_lots: int) -> Order:
    """Let the passer-by send a market order."""
    return stranger_places(exchange, market(PASSER_BY, side, size_lots))


def stranger_places(exchange: LocalExchange, new: NewOrder) -> Order:
    """Place an order of somebody else; it has to be accepted."""
    return accepted(exchange.floor.place(new))


class RawClient:
    """Plain HTTP and WebSocket against an exchange, signed as the venue asks; keeps the last response."""

    def __init__(self, exchange: LocalExchange, session: aiohttp.ClientSession) -> None:
        """Talk to `exchange` through `session`."""
        self.exchange = exchange
        self.session = session
        self.status = 0
        self.headers: dict[str, str] = {}

    def now_ms(self) -> int:
        """Return the exchange's time."""
        return self.exchange.floor.clock.now_ns() // 1_000_000

    async def send(
        self, method: str, path: str, query: str = "", *, key: str | None = KEY, body: str = ""
    ) -> Any:
        """Send exactly this and return the decoded answer."""
        headers = {"X-MBX-APIKEY": key} if key is not None else {}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        url = f"{self.exchange.url}{path}{'?' + query if query else ''}"
        async with self.session.request(method, url, headers=headers, data=body or None) as response:
            self.status, self.headers = response.status, dict(response.headers)
            return msgspec.json.decode(await response.read())

    async def signed(self, method: str, path: str, **params: Any) -> Any:
        """Send a signed request: parameters in the body of a POST, else in the query."""
        text = urlencode({**params, "timestamp": params.get("timestamp", self.now_ms())})
        text = f"{text}&signature={signature_of(SECRET, text)}"
        if method == "POST":
            return await self.send(method, path, body=text)
        return await self.send(method, path, text)

    async def place(self, **changes: Any) -> Any:
        """Place a small post-only buy at 59 000 with `changes` applied; None leaves a parameter out."""
        fields = {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT_MAKER",
            "quantity": "0.001",
            "price": "59000",
        } | changes
        sent = {name: value for name, value in fields.items() if value is not None}
        return await self.signed("POST", "/api/v3/order", **sent)

    def socket_params(self, **params: Any) -> dict[str, Any]:
        """Return signed parameters for the WebSocket API."""
        whole = {"apiKey": KEY, "timestamp": self.now_ms(), **params}
        texts = {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in whole.items()
        }
        return {**whole, "signature": signature_of(SECRET, socket_payload(texts))}


@asynccontextmanager
async def raw_client(exchange: LocalExchange) -> AsyncIterator[RawClient]:
    """Open a raw client and close it in the end."""
    async with aiohttp.ClientSession() as session:
        yield RawClient(exchange, session)


@asynccontextmanager
async def ccxt_client(exchange: LocalExchange, *, secret: str = SECRET) -> AsyncIterator[Any]:
    """Open an unmodified ccxt.pro client whose addresses point at the exchange."""
    http, ws = exchange.url, exchange.ws_url
    client = ccxt.pro.binance(
        {
            "apiKey": KEY,
            "secret": secret,
            "enableRateLimit": False,
            "timeout": 5_000,
            "options": {
                "fetchMarkets": {"types": ["spot"]},
                "fetchMargins": False,
                "fetchCurrencies": False,
                "ws": {"cost": 0.01},
            },
        }
    )
    client.urls["api"] |= {
        "public": f"{http}/api/v3",
        "private": f"{http}/api/v3",
        "v1": f"{http}/api/v1",
        "sapi": f"{http}/sapi/v1",
        "ws": {
            "spot": f"{ws}/stream/ws",
            "margin": f"{ws}/stream/ws",
            "ws-api": {"spot": f"{ws}/ws-api/v3"},
        },
    }
    try:
        yield client
    finally:
        await client.close()


class Frames:
    """A WebSocket whose frames are read one by one, each within a deadline."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Read from `socket`."""
        self.socket = socket

    async def next(self) -> Any:
        """Return the next frame, decoded."""
        return msgspec.json.decode(await self.socket.receive_str(timeout=DEADLINE_S))

    async def ask(self, frame: object) -> Any:
        """Send a frame and return the next one that comes."""
        await self.socket.send_str(frame if isinstance(frame, str) else msgspec.json.encode(frame).decode())
        return await self.next()

    async def until(self, kind: str) -> Any:
        """Return the next frame whose event is `kind`; other frames are dropped."""
        while True:
            frame = await self.next()
            if frame.get("e") == kind:
                return frame


DEADLINE_S = 60.0
"""How long a test waits for what has to come."""


@asynccontextmanager
async def frames(client: RawClient, path: str) -> AsyncIterator[Frames]:
    """Open a WebSocket at `path` and close it in the end."""
    async with client.session.ws_connect(client.exchange.ws_url + path) as socket:
        yield Frames(socket)
