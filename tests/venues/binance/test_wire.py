"""Golden wire tests: what leaves for an order, byte for byte, and that ccxt itself would say the same."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from mm.domain.commands import Cancel, ListFills, Place, Query, TimeInForce
from mm.domain.events import CancelUnknown, FillsListed, OrderRejected, PlaceUnknown, RequestFailed
from mm.domain.sides import Side
from mm.venues.binance.settings import BinanceSettings, BinanceUrls
from mm.venues.binance.venue import BinanceAdapter
from mm.venues.edge.hotline import Answer, Gate
from tests.builders.heard import Heard
from tests.builders.scripted_binance import SYMBOL
from tests.builders.venue_setup import CID, KEY, SECRET, TickingClock, btc_usdt, place

BASE = "http://127.0.0.1:9"
PLACED = (
    "timestamp=1700000000000&symbol=BTCUSDT&side={side}&{kind}&quantity={size}&price={price}"
    f"&newClientOrderId={CID}&selfTradePreventionMode=EXPIRE_MAKER&newOrderRespType=FULL&recvWindow=5000"
)


class Wire:
    """Takes what would be sent, by ccxt or by ourselves.

    Fields: sent: (method, url, headers, body) of each request.
    """

    def __init__(self, answer: Any = None) -> None:
        self.sent: list[tuple[str, str, dict[str, str], str]] = []
        self._answer = answer

    async def fetch(self, url: str, method: str, headers: Any, body: Any) -> Any:
        """Keep a request of ccxt's and answer it."""
        self.sent.append((method, url, dict(headers or {}), body or ""))
        return self._answer

    def send(self, request: bytes, gate: Gate | None = None) -> "Wire":
        """Keep a request of ours."""
        head, _, body = request.decode().partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        method, target, version = first.split(" ")
        assert version == "HTTP/1.1"
        headers = dict(line.split(": ", 1) for line in lines)
        assert headers["Content-Length"] == str(len(body))
        self.sent.append((method, f"http://{headers['Host']}{target}", headers, body))
        return self

    async def answer(self) -> Answer:
        """Answer a request of ours."""
        return Answer(200, "OK", CIMultiDictProxy(CIMultiDict()), json.dumps(self._answer).encode())


def adapter(**changes: Any) -> tuple[BinanceAdapter, Wire, Heard]:
    """Return an adapter whose requests end in a Wire, and its events."""
    given: dict[str, Any] = {"clock": TickingClock(), "api_key": KEY, "api_secret": SECRET} | changes
    venue, wire, heard = BinanceAdapter(BinanceSettings(urls=BinanceUrls(BASE), **given)), Wire(), Heard()
    venue._link.know((btc_usdt(),))
    venue._link.open(heard)
    venue._exchange.fetch = wire.fetch
    venue._hot._line.send = wire.send  # type: ignore[assignment, method-assign]  # what is sent ends here
    return venue, wire, heard


def signature(payload: str) -> str:
    """Sign independently of what is tested."""
    return hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("command", "side", "kind", "size", "price"),
    [
        (place(), "BUY", "type=LIMIT_MAKER", "1", "100"),
        (
            place(side=Side.SELL, price_ticks=6_000_001, size_lots=1),
            "SELL",
            "type=LIMIT_MAKER",
            "0.00001",
            "60000.01",
        ),
        (place(post_only=False), "BUY", "type=LIMIT&timeInForce=GTC", "1", "100"),
        (
            place(post_only=False, time_in_force=TimeInForce.IOC, size_lots=123),
            "BUY",
            "type=LIMIT&timeInForce=IOC",
            "0.00123",
            "100",
        ),
    ],
)
async def test_an_order_leaves_exactly_so(
    command: Place, side: str, kind: str, size: str, price: str
) -> None:
    """Method, address, body to the byte, signature, key in the header and nowhere else."""
    venue, wire, heard = adapter()
    venue.submit(command)
    await heard.next(PlaceUnknown)
    ((method, url, headers, body),) = wire.sent
    expected = PLACED.format(side=side, kind=kind, size=size, price=price)
    assert (method, url) == ("POST", BASE + "/api/v3/order")
    assert body == f"{expected}&signature={signature(expected)}"
    assert headers["X-MBX-APIKEY"] == KEY
    assert KEY not in url + body
    await venue.close()


@pytest.mark.parametrize(
    ("command", "params"),
    [
        (place(), {"postOnly": True}),
        (place(side=Side.SELL), {"postOnly": True}),
        (place(post_only=False), {}),
        (place(post_only=False, time_in_force=TimeInForce.IOC), {"timeInForce": "IOC"}),
    ],
)
async def test_ccxt_would_encode_the_order_in_the_same_way(command: Place, params: dict[str, Any]) -> None:
    """Our row of the table and ccxt's own create_order put the same parameters on the wire."""
    venue, wire, heard = adapter()
    venue.submit(command)
    await heard.next(PlaceUnknown)
    exchange = venue._exchange
    exchange.options["crossMarginPairsData"] = exchange.options["isolatedMarginPairsData"] = []
    exchange.set_markets([exchange.parse_market(SYMBOL)])
    unified = {"clientOrderId": CID, "selfTradePrevention": "EXPIRE_MAKER", **params}
    wire._answer = {"symbol": "BTCUSDT"}
    await exchange.create_order("BTC/USDT", "limit", str(command.side), "1", "100", unified)
    ours, theirs = (dict(parse_qsl(body)) for _, _, _, body in wire.sent)
    for params_sent in (ours, theirs):
        del params_sent["signature"]
    assert ours == theirs
    await venue.close()


@pytest.mark.parametrize(
    ("command", "method", "query"),
    [
        (Cancel(cid=CID, symbol="BTC/USDT"), "DELETE", f"symbol=BTCUSDT&origClientOrderId={CID}"),
        (Query(cid=CID, symbol="BTC/USDT"), "GET", f"symbol=BTCUSDT&origClientOrderId={CID}"),
    ],
)
async def test_a_cancel_and_a_query_name_the_order_by_our_id(
    command: Cancel | Query, method: str, query: str
) -> None:
    """The venue's number is not needed, so an order whose ack was lost can be reached."""
    venue, wire, heard = adapter()
    venue.submit(command)
    await heard.next(CancelUnknown if isinstance(command, Cancel) else RequestFailed)
    ((sent_method, url, _, body),) = wire.sent
    payload = f"timestamp=1700000000000&{query}&recvWindow=5000"
    assert (sent_method, body) == (method, "")
    assert url == f"{BASE}/api/v3/order?{payload}&signature={signature(payload)}"
    await venue.close()


async def test_a_newest_page_of_fills_names_no_first_trade() -> None:
    """A negative trade id asks for what is newest."""
    venue, wire, heard = adapter()
    wire._answer = []
    venue.submit(ListFills(symbol="BTC/USDT", from_trade_id=-1))
    listed = await heard.next(FillsListed)
    assert listed.next_trade_id == 0
    assert "fromId" not in dict(parse_qsl(urlsplit(wire.sent[0][1]).query))
    await venue.close()


async def test_a_signed_request_states_the_venues_time() -> None:
    """What was measured is added to our clock."""
    venue, wire, heard = adapter()
    venue._link.offset_ns = 3_500_000_000
    venue.submit(place())
    await heard.next(PlaceUnknown)
    assert dict(parse_qsl(wire.sent[0][3]))["timestamp"] == "1700000003500"
    await venue.close()


async def test_without_a_key_nothing_is_signed_or_sent() -> None:
    """An adapter for market data alone cannot trade."""
    venue, wire, heard = adapter(api_key="", api_secret="")
    venue.submit(place())
    rejected = await heard.next(OrderRejected)
    assert rejected.code == 0
    assert wire.sent == []
    await venue.close()


async def test_the_library_is_set_so_that_it_neither_waits_nor_repeats() -> None:
    """These settings are what the adapter's promises stand on."""
    venue, _, _ = adapter()
    exchange = venue._exchange
    assert exchange.enableRateLimit is False
    assert exchange.options["maxRetriesOnFailure"] == 0
    assert exchange.number is str
    assert exchange.options["fetchMarkets"]["types"] == ["spot"]
    assert exchange.options["fetchMargins"] is False
    assert exchange.options["fetchCurrencies"] is False
    assert exchange.options["recvWindow"] == 5_000
    assert exchange.ws_dial_delay("any") == 0
    assert exchange.ws_dial_delay(exchange.urls["api"]["ws"]["spot"]) == 0
    assert sorted(exchange.urls["api"]) == ["private", "public", "ws"]
    await venue.close()
