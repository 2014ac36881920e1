"""Tests of mm/venues/edge/tap.py: what of ccxt it stands on, and the gate before the signature."""

import asyncio
import inspect
from itertools import pairwise
from typing import Any

import ccxt.pro
import pytest
from ccxt.async_support.base.ws.client import Client

from mm.domain.commands import Connect
from mm.domain.events import OrderRejected, PublicTrade, Stream, StreamDown
from mm.venues.binance.venue import BinanceAdapter
from mm.venues.edge.errors import RequestFailure
from mm.venues.edge.signing_tap import SigningTap
from mm.venues.edge.tap import AT_ONCE, PublicTap
from tests.builders.heard import Heard
from tests.builders.scripted_binance import ScriptedBinance
from tests.builders.venue_setup import connect, place, settings

OVERRIDDEN = {
    "nonce": [],
    "sign": ["path", "api", "method", "params"],
    "sign_params": ["params"],
    "on_rest_response": [
        "code",
        "reason",
        "url",
        "method",
        "response_headers",
        "response_body",
        "request_headers",
        "request_body",
    ],
    "handle_errors": [
        "code",
        "reason",
        "url",
        "method",
        "headers",
        "body",
        "response",
        "requestHeaders",
        "requestBody",
    ],
    "ws_dial_delay": ["url"],
    "client": ["url"],
    "handle_message": ["client", "message"],
    "on_error": ["client", "error"],
    "on_close": ["client", "error"],
}


@pytest.mark.parametrize(("name", "parameters"), OVERRIDDEN.items())
def test_the_methods_that_are_replaced_are_those_of_the_library(name: str, parameters: list[str]) -> None:
    """A new version that renames or reorders them fails here, not in trading."""
    assert list(inspect.signature(getattr(ccxt.pro.binance, name)).parameters)[1:] == parameters
    assert name in vars(PublicTap) | vars(SigningTap)


def test_the_connection_object_has_what_is_guarded() -> None:
    """Frames go through handle_message, reads through receive, waits through future."""
    assert list(inspect.signature(Client.handle_message).parameters) == ["self", "message"]
    assert list(inspect.signature(Client.receive).parameters) == ["self"]
    assert list(inspect.signature(Client.future).parameters) == ["self", "message_hash"]
    assert "self.handle_message(" in inspect.getsource(Client.receive_loop)
    assert "self.receive()" in inspect.getsource(Client.receive_loop)


@pytest.fixture
async def adapter(server: ScriptedBinance) -> Any:
    """An adapter whose library was pointed elsewhere behind its back."""
    venue, heard = BinanceAdapter(settings(server.url)), Heard()
    await venue.instruments(("BTC/USDT",))
    await venue.start(heard)
    elsewhere = await ScriptedBinance().start()
    api = venue._exchange.urls["api"]
    api["private"] = api["public"] = elsewhere.url + "/api/v3"
    api["ws"]["ws-api"]["spot"] = elsewhere.url.replace("http", "ws") + "/ws-api/v3"
    api["ws"]["spot"] = elsewhere.url.replace("http", "ws") + "/stream/ws"
    yield venue, heard, elsewhere
    await venue.close()
    await elsewhere.close()


async def test_nothing_is_signed_for_an_address_that_is_not_listed(
    adapter: tuple[BinanceAdapter, Heard, ScriptedBinance],
) -> None:
    """Neither an order nor a subscription leaves, nor does a connection open."""
    venue, heard, elsewhere = adapter
    venue.submit(place())
    rejected = await heard.next(OrderRejected)
    assert (rejected.code, rejected.reason) == (0, "the address is not allowed")
    for count, stream in enumerate((Stream.USER, Stream.MARKET), start=1):
        venue.submit(Connect(stream=stream))
        assert (await heard.next(StreamDown, count=count)).reason == "the address is not allowed"
    assert elsewhere.hosts == set()


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"code": -1013, "msg": "x"}, -1013),
        (200, {"code": -1013, "msg": "x"}, -1013),
        (404, None, 0),
        (302, {}, 0),
        (500, {"code": "x"}, 0),
        (500, [1], 0),
    ],
)
def test_every_answer_that_is_no_success_is_a_failure(status: int, body: Any, code: int) -> None:
    """With the venue's own code where it gave one."""
    exchange = BinanceAdapter(settings("http://127.0.0.1:9"))._exchange
    with pytest.raises(RequestFailure) as caught:
        exchange.handle_errors(status, "reason", "url", "GET", {"RETRY-AFTER": "3"}, "", body, {}, {})
    assert (caught.value.code, caught.value.status, caught.value.retry_after_s) == (code, status, 3)


@pytest.mark.parametrize("body", [{"code": 200, "msg": "fine"}, {"code": 0}, {"orderId": 1}, [1], None])
def test_a_success_is_none(body: Any) -> None:
    """Some successes carry a code too."""
    exchange = BinanceAdapter(settings("http://127.0.0.1:9"))._exchange
    exchange.handle_errors(200, "OK", "url", "GET", {}, "", body, {}, {})


async def test_a_burst_of_frames_leaves_others_their_turn(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard]
) -> None:
    """Every frame is handed out, in order, but only a few of them before timers and answers run."""
    venue, heard = pair
    await connect(venue, heard, Stream.MARKET)
    loop, seen, frames = asyncio.get_running_loop(), [0], 20 * AT_ONCE

    def look() -> None:
        seen.append(len(heard.all(PublicTrade)))
        if seen[-1] < frames:
            loop.call_soon(look)

    look()
    trade = {"e": "trade", "E": 1, "s": "BTCUSDT", "p": "100.00", "q": "1.0", "m": True}
    for number in range(frames):
        await server.push(trade | {"t": number})
    await heard.next(PublicTrade, count=frames)
    assert [trade.trade_id for trade in heard.all(PublicTrade)] == list(range(frames))
    steps = [after - before for before, after in pairwise(seen)]
    assert max(steps) <= AT_ONCE + 1
    assert max(steps) > 1
