"""The bench's exchange: takes every order at once, shows a flipping market, and knows when each byte came.

Run as a process of its own (`python -m mm.bench.responder`), it serves three clients, each on a port of its
own of 127.0.0.1, and is told what to show by lines of JSON on its standard input. Must never be reachable
from elsewhere, hold anything that matters, or outlive whoever started it: it ends with its standard input, or
after `LIFE_S`.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Final

import msgspec

from mm.bench.market import FlippingMarket
from mm.bench.protocol import Connection, Request
from mm.bench.rig import VENUE_SYMBOL
from mm.domain.units import NS_PER_MS, NS_PER_S

LIFE_S: Final = 300.0
CLIENTS: Final = 3
"""Clients that are served, each with a market and orders of its own."""

FILL_AFTER_S: Final = 0.0005

_NOT_FOUND: Final = (400, '{"code":-2011,"msg":"Unknown order sent."}')
_FILTERS: Final = (
    '[{"filterType":"PRICE_FILTER","minPrice":"0.01","maxPrice":"1000000.00","tickSize":"0.01"},'
    '{"filterType":"LOT_SIZE","minQty":"0.00001","maxQty":"9000.00","stepSize":"0.00001"},'
    '{"filterType":"NOTIONAL","minNotional":"5.00"},{"filterType":"MAX_NUM_ORDERS","maxNumOrders":200}]'
)
_INFO: Final = (
    f'{{"symbols":[{{"symbol":"{VENUE_SYMBOL}","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT",'
    '"baseAssetPrecision":8,"quotePrecision":8,"orderTypes":["LIMIT","LIMIT_MAKER","MARKET"],'
    f'"isSpotTradingAllowed":true,"permissions":["SPOT"],"filters":{_FILTERS}}}]}}'
)
_ACCOUNT: Final = (
    '{"canTrade":true,"commissionRates":{"maker":"0.00000000","taker":"0.00000000"},"balances":['
    '{"asset":"BTC","free":"1000.00000000","locked":"0.00000000"},'
    '{"asset":"USDT","free":"1000000000.00000000","locked":"0.00000000"}]}'
)


class Block(msgspec.Struct, frozen=True):
    """What to show. Fields: client: from 0; frames: how many; spread_ms: over how long, evenly.

    settle_ms: pause after the last frame in which what it caused still counts. fills: whether each order is
    filled by somebody, `FILL_AFTER_S` after it came.
    """

    client: int
    frames: int
    spread_ms: float
    settle_ms: float = 50.0
    fills: bool = False


class Stamps(msgspec.Struct, frozen=True):
    """When what happened, monotonic nanoseconds. Fields: frames: written, by number of the change.

    orders, cancels: read whole, by client order id.
    """

    frames: dict[int, int]
    orders: dict[str, int]
    cancels: dict[str, int]


class Begun(msgspec.Struct, frozen=True):
    """The frames of a block are made and begin to leave. Fields: frames: how many."""

    frames: int


class Ready(msgspec.Struct, frozen=True):
    """The exchange serves. Fields: ports: of each client, on 127.0.0.1."""

    ports: tuple[int, ...]


class _Order(msgspec.Struct):
    # What was asked, and the number that it got.
    number: int
    asked: dict[str, str]


class Venue:
    """What one client sees. Fields: stamps: since the last block began."""

    def __init__(self) -> None:
        """Begin with a market and no order."""
        self.stamps = Stamps({}, {}, {})
        self._market = FlippingMarket()
        self._orders: dict[str, _Order] = {}
        self._numbers = 0
        self._fills = False
        self._connections: set[Connection] = set()

    def connection(self) -> Connection:
        """Return the protocol of a new connection."""
        return Connection(self._answer, self._on_text, self._connections)

    def close(self) -> None:
        """End every connection."""
        for connection in tuple(self._connections):
            connection.close()

    async def show(self, block: Block, begun: Callable[[Begun], None]) -> Stamps:
        """Send the frames of a block on time; return when they left and what came in meanwhile."""
        self.stamps = stamps = Stamps({}, {}, {})
        self._fills = block.fills
        pause_ns = round(block.spread_ms * NS_PER_MS / block.frames)
        sockets = [connection for connection in self._connections if connection.path.startswith("/stream")]
        # Made ahead of their time, so that making them delays nothing.
        venue_ms = time.time_ns() // NS_PER_MS
        frames = [(self._market.frame(venue_ms), self._market.seq) for _ in range(block.frames)]
        begun(Begun(len(frames)))
        due_ns = time.monotonic_ns() + pause_ns
        for text, seq in frames:
            # Also when late: what comes in is read and stamped between two frames.
            await asyncio.sleep(max(0, due_ns - time.monotonic_ns()) / NS_PER_S)
            stamps.frames[seq] = time.monotonic_ns()
            for socket in sockets:
                socket.send_text(text)
            due_ns += pause_ns
        await asyncio.sleep(block.settle_ms / 1_000)
        return stamps

    def _on_text(self, connection: Connection, text: bytes) -> None:
        asked = msgspec.json.decode(text)
        result: object = {"subscriptionId": 0} if connection.path.startswith("/ws-api") else None
        said = {"id": asked["id"], "status": 200, "result": result}
        connection.send_text(msgspec.json.encode(said).decode())

    def _answer(self, request: Request) -> tuple[int, str]:
        method, what = request.method, request.path.rpartition("/")[2]
        if what == "order":
            return self._on_order(method, request)
        if what == "depth":
            return 200, self._market.snapshot()
        if what == "openOrders":
            rows = [_row(order, "NEW") for order in self._orders.values()]
            return 200, msgspec.json.encode(rows).decode()
        constant = {
            "exchangeInfo": _INFO,
            "account": _ACCOUNT,
            "myTrades": "[]",
            "time": f'{{"serverTime":{time.time_ns() // NS_PER_MS}}}',
        }
        return (200, constant[what]) if what in constant else (404, '{"code":-1,"msg":"no such route"}')

    def _on_order(self, method: str, request: Request) -> tuple[int, str]:
        asked = request.params
        if method == "POST":
            cid = asked["newClientOrderId"]
            self.stamps.orders[cid] = request.read_ns
            self._numbers += 1
            order = self._orders[cid] = _Order(self._numbers, asked)
            self._report(order, "NEW")
            if self._fills:
                asyncio.get_running_loop().call_later(FILL_AFTER_S, self._fill, cid)
            return 200, msgspec.json.encode(_row(order, "NEW")).decode()
        cid = asked["origClientOrderId"]
        known = self._orders.get(cid)
        if method == "DELETE":
            self.stamps.cancels[cid] = request.read_ns
            if known is None:
                return _NOT_FOUND
            del self._orders[cid]
            self._report(known, "CANCELED")
            row = {**_row(known, "CANCELED"), "origClientOrderId": cid, "clientOrderId": "cancel"}
            return 200, msgspec.json.encode(row).decode()
        if known is None:
            return 400, '{"code":-2013,"msg":"Order does not exist."}'
        return 200, msgspec.json.encode(_row(known, "NEW")).decode()

    def _fill(self, cid: str) -> None:
        order = self._orders.pop(cid, None)
        if order is not None:
            self._report(order, "FILLED")

    def _report(self, order: _Order, status: str) -> None:
        # The report leaves before the answer, as it does at a real exchange.
        sockets = [connection for connection in self._connections if connection.path.startswith("/ws-api")]
        if not sockets:
            return
        text = msgspec.json.encode({"subscriptionId": 0, "event": _report_of(order, status)}).decode()
        for socket in sockets:
            socket.send_text(text)


def _row(order: _Order, status: str) -> dict[str, object]:
    asked = order.asked
    return {
        "symbol": VENUE_SYMBOL,
        "orderId": order.number,
        "orderListId": -1,
        "clientOrderId": asked["newClientOrderId"],
        "transactTime": time.time_ns() // NS_PER_MS,
        "price": asked["price"],
        "origQty": asked["quantity"],
        "executedQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": status,
        "timeInForce": "GTC",
        "type": asked["type"],
        "side": asked["side"],
        "workingTime": time.time_ns() // NS_PER_MS,
        "fills": [],
        "selfTradePreventionMode": asked.get("selfTradePreventionMode", "NONE"),
    }


def _report_of(order: _Order, status: str) -> dict[str, object]:
    asked, cid, now_ms = order.asked, order.asked["newClientOrderId"], time.time_ns() // NS_PER_MS
    ended, filled, zero = status == "CANCELED", status == "FILLED", "0.00000000"
    took = asked["quantity"] if filled else zero
    said = {"e": "executionReport", "E": now_ms, "s": VENUE_SYMBOL, "S": asked["side"], "o": asked["type"]}
    said |= {"c": "cancel" if ended else cid, "C": cid if ended else "", "f": "GTC", "q": asked["quantity"]}
    said |= {"p": asked["price"], "P": zero, "F": zero, "g": -1, "X": status, "r": "NONE"}
    said |= {"x": "TRADE" if filled else status, "i": order.number, "l": took, "z": took, "n": "0", "N": None}
    said |= {"L": asked["price"] if filled else zero, "T": now_ms, "t": order.number if filled else -1}
    said |= {
        "I": order.number,
        "w": status == "NEW",
        "m": filled,
        "M": filled,
        "O": now_ms,
        "Z": zero,
        "Y": zero,
    }
    return said | {"Q": zero, "W": now_ms, "V": asked.get("selfTradePreventionMode", "NONE")}


async def serve() -> None:
    """Serve until standard input ends: say the ports, then of each block its begin and its stamps."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    venues = [Venue() for _ in range(CLIENTS)]
    servers = [await loop.create_server(venue.connection, "127.0.0.1", 0) for venue in venues]
    _say(Ready(tuple(server.sockets[0].getsockname()[1] for server in servers)))
    while line := await reader.readline():
        block = msgspec.json.decode(line, type=Block)
        _say(await venues[block.client].show(block, _say))
    for server, venue in zip(servers, venues, strict=True):
        server.close()
        venue.close()


def _say(what: msgspec.Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


async def _bounded() -> None:
    async with asyncio.timeout(LIFE_S):
        await serve()


if __name__ == "__main__":
    asyncio.run(_bounded())
