"""Golden tests of mm/venues/binance/hot.py: over the socket, our orders are ccxt's own, byte for byte.

ccxt sends each request itself to a scripted exchange and then we do, at the same frozen time. Equal are
method, path, query, body with the order of its parameters, signature and every header. Beside the unified
calls of ccxt the order of the parameters may differ, and nothing else.
"""

import base64
import hashlib
import hmac
import itertools
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mm.domain.commands import Cancel, Place, TimeInForce
from mm.domain.events import CancelUnknown, OrderAcked, OrderCanceled, OrderRejected, PlaceUnknown
from mm.domain.sides import Side
from mm.errors import ForeignAddress
from mm.venues.binance.settings import BinanceSettings, BinanceUrls
from mm.venues.binance.venue import BinanceAdapter
from mm.venues.edge.encoding import ENCODINGS, place_request
from mm.venues.edge.errors import RequestFailure
from tests.builders.scripted_binance import ACK, CANCELLED, SYMBOL, Asked, ScriptedBinance, hang, ok
from tests.builders.venue_setup import CID, KEY, SECRET, btc_usdt, place, running, settings

CANCEL = Cancel(cid=CID, symbol="BTC/USDT")
KINDS = ((True, TimeInForce.GTC), (False, TimeInForce.GTC), (False, TimeInForce.IOC))
GRID = [
    place(
        side=side,
        post_only=post_only,
        time_in_force=time_in_force,
        size_lots=size_lots,
        price_ticks=price_ticks,
        cid=cid,
    )
    for side, (post_only, time_in_force), size_lots, price_ticks, cid in itertools.product(
        (Side.BUY, Side.SELL),
        KINDS,
        (1, 123, 900_000_000),
        (1, 6_000_001, 99_999_999),
        (CID, "f" * 32),
    )
]
"""Both sides, every kind of order, smallest and largest sizes and prices, two ids: 108 orders."""


class Frozen:
    """A clock that stands still: both sign the same time."""

    def now_ns(self) -> int:
        """Return the time."""
        return 1_700_000_000_123_000_000


@pytest.fixture
async def venue(server: ScriptedBinance) -> AsyncIterator[BinanceAdapter]:
    """An adapter whose clock stands still, with ccxt's market loaded."""
    async with running(_settings(server.url)) as (adapter, _):
        yield adapter


def _settings(url: str, **changes: Any) -> BinanceSettings:
    given: dict[str, Any] = {"clock": Frozen(), "api_key": KEY, "api_secret": SECRET, "loopback_only": True}
    return BinanceSettings(urls=BinanceUrls(url), **(given | changes))


def _asked(command: Place) -> dict[str, str]:
    return place_request(ENCODINGS["binance"], btc_usdt(), command, self_trade_mode="EXPIRE_MAKER")


async def both(venue: BinanceAdapter, server: ScriptedBinance, *, route: str, params: Any) -> list[Asked]:
    """Send one request by ccxt's implicit call and by ourselves; return what arrived."""
    before = len(server.requests(route))
    method = route.partition(" ")[0]
    call = {"POST": venue._exchange.privatePostOrder, "DELETE": venue._exchange.privateDeleteOrder}[method]
    await call(dict(params))
    await venue._hot.answer(venue._hot.send(method, dict(params)))  # type: ignore[arg-type]  # one of the two
    return server.requests(route)[before:]


def assert_equal(theirs: Asked, ours: Asked) -> None:
    """Hold one request against the other: all of it."""
    assert ours.method == theirs.method
    assert ours.path == theirs.path
    assert ours.raw == theirs.raw
    assert ours.request.rel_url.raw_query_string == theirs.request.rel_url.raw_query_string
    assert ours.headers == theirs.headers
    payload, _, signature = ours.raw.rpartition("&signature=")
    assert signature == hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()


async def test_every_order_of_the_grid_leaves_as_ccxt_sends_it(
    venue: BinanceAdapter, server: ScriptedBinance
) -> None:
    """To the byte, headers included."""
    server.then("POST order", ok(ACK))
    for command in GRID:
        theirs, ours = await both(venue, server, route="POST order", params=_asked(command))
        assert_equal(theirs, ours)


async def test_every_cancel_leaves_as_ccxt_sends_it(venue: BinanceAdapter, server: ScriptedBinance) -> None:
    """Also one whose id a person chose."""
    server.then("DELETE order", ok(CANCELLED))
    for cid in (CID, "f" * 32, "web_1-2.3:4", "a b&c=d/é%"):
        params = {"symbol": "BTCUSDT", "origClientOrderId": cid}
        theirs, ours = await both(venue, server, route="DELETE order", params=params)
        assert_equal(theirs, ours)
        assert ours.params["origClientOrderId"] == cid


async def test_the_unified_calls_of_ccxt_put_the_same_parameters_on_the_wire(
    venue: BinanceAdapter, server: ScriptedBinance
) -> None:
    """`create_order` and `cancel_order`; only the order of the parameters is ccxt's own there."""
    server.then("POST order", ok(ACK))
    server.then("DELETE order", ok(CANCELLED))
    exchange = venue._exchange
    exchange.options["crossMarginPairsData"] = exchange.options["isolatedMarginPairsData"] = []
    exchange.set_markets([exchange.parse_market(SYMBOL)])
    for command in GRID:
        unified: dict[str, Any] = {"clientOrderId": command.cid, "selfTradePrevention": "EXPIRE_MAKER"}
        if command.post_only:
            unified["postOnly"] = True
        elif command.time_in_force is TimeInForce.IOC:
            unified["timeInForce"] = "IOC"
        asked, before = _asked(command), len(server.requests("POST order"))
        size, price = asked["quantity"], asked["price"]
        await exchange.create_order("BTC/USDT", "limit", str(command.side), size, price, unified)
        await venue._hot.answer(venue._hot.send("POST", asked))
        theirs, ours = (_unsigned(row) for row in server.requests("POST order")[before:])
        assert ours == theirs
    await exchange.cancel_order("", "BTC/USDT", {"clientOrderId": CID})
    await venue._hot.answer(venue._hot.send("DELETE", {"symbol": "BTCUSDT", "origClientOrderId": CID}))
    theirs, ours = (_unsigned(row) for row in server.requests("DELETE order"))
    assert ours == theirs


def _unsigned(asked: Asked) -> dict[str, str]:
    # Prices and sizes are numbers: ccxt may write further zeros.
    params = dict(asked.params)
    del params["signature"]
    for name in ("price", "quantity"):
        if name in params:
            params[name] = params[name].rstrip("0").rstrip(".") if "." in params[name] else params[name]
    return params


@given(value=st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=40))
@hypothesis_settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_can_leave_its_parameter(value: str) -> None:
    """Whatever a name or id holds, the query says it and nothing else, in one line."""
    hot = BinanceAdapter(_settings("http://127.0.0.1:9"))._hot
    request = hot.encoded("DELETE", {"symbol": value, "origClientOrderId": CID})
    first, *lines = request.decode().split("\r\n")
    method, target, version = first.split(" ")
    assert (method, version, len(lines)) == ("DELETE", "HTTP/1.1", 8)
    params = dict(parse_qsl(target.partition("?")[2], keep_blank_values=True, strict_parsing=True))
    assert (params["symbol"], params["origClientOrderId"]) == (value, CID)
    assert sorted(params) == ["origClientOrderId", "recvWindow", "signature", "symbol", "timestamp"]


async def test_a_key_that_is_no_hmac_secret_is_left_to_ccxt(server: ScriptedBinance) -> None:
    """Ed25519: the signature verifies, and stands where the other would."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server.then("POST order", ok(ACK))
    server.then("DELETE order", ok(CANCELLED))
    async with running(_settings(server.url, api_secret=pem.decode())) as (adapter, heard):
        adapter.submit(place())
        await heard.next(OrderAcked)
        adapter.submit(CANCEL)
        await heard.next(OrderCanceled)
    for asked in (*server.requests("POST order"), *server.requests("DELETE order")):
        payload = asked.raw.rpartition("&signature=")[0]
        private.public_key().verify(base64.b64decode(asked.params["signature"]), payload.encode())


async def test_a_key_that_would_begin_a_header_of_its_own_sends_nothing(server: ScriptedBinance) -> None:
    """A line end in a key is a typing error or an attack; both end here."""
    hot = BinanceAdapter(_settings(server.url, api_key="k\r\nX-Other: 1"))._hot
    with pytest.raises(RequestFailure) as caught:
        hot.send("POST", _asked(place()))
    assert not caught.value.sent
    assert server.requests("POST order") == []


async def test_orders_do_not_go_elsewhere_than_the_library(server: ScriptedBinance) -> None:
    """Neither the one nor the other may be moved behind the other's back."""
    async with running(settings(server.url)) as (adapter, heard):
        adapter._exchange.urls["api"]["private"] = "http://127.0.0.1:9/api/v3"
        with pytest.raises(ForeignAddress):
            adapter._hot.send("POST", _asked(place()))
        adapter.submit(place())
        assert (await heard.next(OrderRejected)).code == 0
        adapter.submit(CANCEL)
        assert not (await heard.next(CancelUnknown)).sent
    assert server.requests("POST order") == []


async def test_an_order_leaves_in_the_call_that_submits_it(server: ScriptedBinance) -> None:
    """On a kept connection the bytes are on their way before the loop runs anything else."""
    server.then("POST order", ok(ACK))
    async with running(settings(server.url)) as (adapter, heard):
        adapter.submit(place())
        await heard.next(OrderAcked)
        (_, connection) = adapter._hot._line._idle[-1]
        protocol = connection.protocol
        assert protocol is not None
        written: list[bytes] = []
        transport = protocol.transport
        protocol.transport = _Recording(transport, written)  # type: ignore[assignment]  # only what is used
        adapter.submit(place(cid="e" * 32))
        assert b"newClientOrderId=" + b"e" * 32 in written[0]
        await heard.next(OrderAcked, count=2)


class _Recording:
    # A transport that notes what is written to it.

    def __init__(self, inner: Any, written: list[bytes]) -> None:
        self._inner = inner
        self._written = written

    def write(self, data: bytes) -> None:
        self._written.append(data)
        self._inner.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


async def test_a_defect_of_ours_still_has_an_outcome(server: ScriptedBinance) -> None:
    """Whatever encoding raises, the order is unknown and not forgotten."""

    def broken(method: str, params: dict[str, str]) -> bytes:
        raise ZeroDivisionError

    async with running(settings(server.url)) as (adapter, heard):
        adapter._hot.encoded = broken  # type: ignore[method-assign]  # a defect that nobody foresaw
        adapter.submit(place())
        await heard.next(PlaceUnknown)
        adapter.submit(CANCEL)
        await heard.next(CancelUnknown)
        assert heard.outcomes == ["PlaceUnknown", "CancelUnknown"]


async def test_a_kept_connection_that_the_venue_closed_is_not_used(server: ScriptedBinance) -> None:
    """The next order goes out on a new one, once."""
    server.then("POST order", ok(ACK, Connection="close"), ok(ACK))
    async with running(settings(server.url)) as (adapter, heard):
        for count in (1, 2, 3):
            adapter.submit(place())
            await heard.next(OrderAcked, count=count)
        assert len(adapter._hot._line._idle) == 1
    assert len(server.requests("POST order")) == 3


async def test_closing_loses_what_is_under_way_and_leaves_nothing_open(server: ScriptedBinance) -> None:
    """Commands whose answers never come do not keep the adapter, and their connections end."""
    server.then("POST order", ok(ACK))
    server.then("DELETE order", hang)
    async with running(settings(server.url)) as (adapter, heard):
        adapter.submit(place())
        await heard.next(OrderAcked)
        adapter.submit(CANCEL)
        line = adapter._hot._line
        assert line._busy
    assert not line._busy
    assert not line._idle


async def test_a_placement_that_may_not_leave_is_rejected_as_never_sent_and_a_cancel_leaves(
    server: ScriptedBinance,
) -> None:
    """Whoever asks before it is submitted asks too early: a placement may wait for its connection."""
    allowed = [False]
    given = _settings(server.url, may_place=lambda: allowed[0])
    async with running(given) as (adapter, heard):
        adapter.submit(place())
        event = await heard.next(OrderRejected)
        assert (event.code, event.reason) == (0, "never sent: the halt word is set")
        server.then("DELETE order", ok(CANCELLED))
        adapter.submit(CANCEL)
        await heard.next(OrderCanceled)
        allowed[0] = True
        server.then("POST order", ok(ACK))
        adapter.submit(place())
        await heard.next(OrderAcked)
    assert len(server.requests("POST order")) == len(server.requests("DELETE order")) == 1
