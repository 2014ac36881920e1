"""What people write on ccxt.pro: watch the book, then create an order. The peer that we measure beside ours.

ccxt's own client, unmodified and as fast as its settings make it: no throttle, one market, no waiting. Must
never be used for trading: it has none of the adapter's guards, so it takes loopback addresses alone. Imports
ccxt: import this module late.
"""

from typing import Any, Final

import ccxt.pro
import orjson

from mm.venues.edge.egress import Egress

_LIMIT: Final = "limit"


class PlainClient:
    """ccxt's client of one symbol."""

    def __init__(self, base: str, symbol: str, *, api_key: str, api_secret: str) -> None:
        """Make a client for the exchange at `base`, "http://127.0.0.1:PORT"; raises ForeignAddress."""
        Egress((base,), loopback_only=True)
        self._symbol = symbol
        self._held: Any = None
        self._exchange: Any = ccxt.pro.binance(
            {
                "apiKey": api_key,
                "secret": api_secret,
                "enableRateLimit": False,
                "options": {
                    "defaultType": "spot",
                    "fetchMarkets": {"types": ["spot"]},
                    "fetchMargins": False,
                    "fetchCurrencies": False,
                    "ws": {"cost": 0},
                },
            }
        )
        rest, stream = f"{base}/api/v3", f"{base.replace('http', 'ws', 1)}/stream"
        self._exchange.urls["api"] = {"public": rest, "private": rest, "ws": {"spot": stream}}

    async def load(self) -> None:
        """Load the markets, as every program on ccxt does first."""
        await self._exchange.load_markets()

    async def next_book(self) -> tuple[int, float]:
        """Wait until the book changes; return the number of the change and the best bid."""
        book = await self._exchange.watch_order_book(self._symbol)
        return book["nonce"], book["bids"][0][0]

    async def order(self, price: float, cid: str) -> None:
        """Place a post-only bid of 0.01 at `price` under our id and wait for the answer."""
        params = {"postOnly": True, "clientOrderId": cid}
        await self._exchange.create_order(self._symbol, _LIMIT, "buy", 0.01, price, params)

    async def close(self) -> None:
        """Close every connection."""
        await self._exchange.close()

    # ---- one frame, without a network

    def hold(self, snapshot: str) -> None:
        """Hold the book that `snapshot`, the answer to a request for it, tells."""
        exchange, symbol = self._exchange, self._symbol
        base, quote = symbol.split("/")
        row = {
            "id": base + quote,
            "symbol": symbol,
            "base": base,
            "quote": quote,
            "type": "spot",
            "spot": True,
        }
        exchange.set_markets([exchange.safe_market_structure(row)])
        told = orjson.loads(snapshot)
        book = exchange.order_book({})
        book.reset(exchange.parse_order_book(told, symbol))
        book["nonce"] = told["lastUpdateId"]
        exchange.orderbooks[symbol] = book
        self._held = exchange.client(str(exchange.urls["api"]["ws"]["spot"]) + "/0")

    def take(self, text: str) -> tuple[int, float, float]:
        """Handle a text of the stream as ccxt does; return the number of the change and the best prices."""
        self._held.handle_text_or_binary_message(text)
        book = self._exchange.orderbooks[self._symbol]
        return book["nonce"], book["bids"][0][0], book["asks"][0][0]
