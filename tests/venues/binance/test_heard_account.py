"""What listens to an account: each text and listing once, nothing that trades, and no secret handed on."""

import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from mm.domain.commands import (
    Cancel,
    Connect,
    ListBalances,
    ListFills,
    ListOrders,
    MeasureClock,
    Query,
    SyncBook,
    VenueCommand,
)
from mm.domain.events import (
    BalancesListed,
    OrderAcked,
    OrdersListed,
    RequestFailed,
    Stream,
    StreamDown,
    StreamUp,
)
from mm.errors import ConfigError, ForeignAddress, ProtocolViolation, VenueRefused
from mm.venues.binance import BinanceUrls, heard_account_data
from mm.venues.binance.heard_account import BinanceAccountHeard
from tests.builders.heard import Heard
from tests.builders.object_graph import reachable
from tests.builders.scripted_binance import ScriptedBinance, lost, ok, refusal
from tests.builders.venue_setup import CID, KEY, SECRET, place, settings

SYMBOL = "BTC/USDT"
USER = Connect(stream=Stream.USER)
ACTS: tuple[VenueCommand, ...] = (
    place(),
    Cancel(cid=CID, symbol=SYMBOL),
    Query(cid=CID, symbol=SYMBOL),
    ListFills(symbol=SYMBOL, from_trade_id=-1),
    SyncBook(symbol=SYMBOL),
    MeasureClock(),
    Connect(stream=Stream.MARKET),
)
NEW: dict[str, Any] = {
    "e": "executionReport",
    "s": "BTCUSDT",
    "c": "ours",
    "C": "",
    "S": "BUY",
    "q": "1",
    "p": "100",
    "x": "NEW",
    "X": "NEW",
    "i": 1,
    "l": "0",
    "z": "0",
    "t": -1,
}


class Listening:
    """An ear that keeps what it hears. Fields: texts: connection and text; bodies: request and answer."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.texts: list[tuple[int, str]] = []
        self.bodies: list[tuple[str, str]] = []

    def on_own(self, connection: int, text: str) -> None:
        """Keep it."""
        self.texts.append((connection, text))

    def on_body(self, request: str, body: str) -> None:
        """Keep it."""
        self.bodies.append((request, body))


Room = tuple[BinanceAccountHeard, Heard, Listening]


@pytest.fixture
async def room(server: ScriptedBinance) -> AsyncIterator[Room]:
    """What listens to an account, started, with its events and its ear."""
    ear, heard = Listening(), Heard()
    venue = heard_account_data(settings(server.url), ear)
    await venue.instruments((SYMBOL,))
    await venue.start(heard)
    yield venue, heard, ear
    await venue.close()


async def connected(room: Room, count: int = 1) -> None:
    """Connect its stream."""
    room[0].submit(USER)
    await room[1].next(StreamUp, count=count)


async def test_each_text_is_heard_as_it_came_with_its_connection(server: ScriptedBinance, room: Room) -> None:
    """The answer to the subscription first; a report that means nothing to us is heard as any other."""
    venue, heard, ear = room
    await connected(room)
    reports = [
        json.dumps({"subscriptionId": 0, "event": NEW}),
        '{"event" : {"e":"newest thing", "x": "Gr\\u00fc\u00dfe"}, "subscriptionId":0}',
        json.dumps({"subscriptionId": 0, "event": {**NEW, "s": "ETHUSDT"}}),
    ]
    for text in reports:
        await server.report(text)
    await server.report(json.dumps({"subscriptionId": 0, "event": NEW}))
    await heard.next(OrderAcked, count=2)
    assert [text for _, text in ear.texts[1:4]] == reports
    assert json.loads(ear.texts[0][1])["result"] == {"subscriptionId": 0}
    assert {number for number, _ in ear.texts} == {1}
    await server.report("cut {")
    assert "undecodable" in (await heard.next(StreamDown)).reason
    assert ear.texts[-1] == (1, "cut {")
    await connected(room, 2)
    assert (ear.texts[-1][0], venue.connection) == (2, 2)


async def test_listings_are_heard_without_what_signed_them(server: ScriptedBinance, room: Room) -> None:
    """Path and symbol alone; clocks and symbols that everybody may ask for are not the account's."""
    venue, heard, ear = room
    venue.submit(ListOrders(symbol=SYMBOL))
    await heard.next(OrdersListed)
    venue.submit(ListBalances())
    await heard.next(BalancesListed)
    requests = [request for request, _ in ear.bodies]
    assert requests == ["/api/v3/account", "/api/v3/openOrders?symbol=BTCUSDT", "/api/v3/account"]
    assert ear.bodies[1][1] == "[]"
    signed = [asked for asked in server.asked if "signature" in asked.raw]
    assert [asked.route for asked in signed] == ["GET account", "GET openOrders", "GET account"]


async def test_a_text_that_holds_a_secret_is_named_and_left_out(server: ScriptedBinance, room: Room) -> None:
    """Key, secret, the signature of a subscription or of a request: whatever a venue would send back."""
    _, heard, ear = room
    await connected(room)
    (subscribed,) = server.subscribed
    before = len(ear.texts)
    query = server.requests("GET account")[0].params["signature"]
    for count, secret in enumerate((KEY, SECRET, subscribed["params"]["signature"], query), start=1):
        await server.report({"e": "strange", "said": f"a {secret} b"})
        failed = await heard.next(RequestFailed, count=count)
        assert "was not handed on" in failed.reason
        assert secret not in str(failed)
    assert len(ear.texts) == before
    bodies = len(ear.bodies)
    server.then("GET openOrders", ok([{"clientOrderId": KEY}]))
    room[0].submit(ListOrders(symbol=SYMBOL))
    failed = await heard.next(
        RequestFailed, where=lambda one: one.what == "/api/v3/openOrders?symbol=BTCUSDT"
    )
    assert len(ear.bodies) == bodies


@pytest.mark.parametrize("command", ACTS, ids=lambda command: str(command)[:24])
async def test_what_does_more_than_listen_is_refused(
    server: ScriptedBinance, room: Room, command: VenueCommand
) -> None:
    """Before anything is sent: it is our own bug to ask for it."""
    before = len(server.asked)
    with pytest.raises(ProtocolViolation, match="what only listens to an account"):
        room[0].submit(command)
    assert (len(server.asked), room[1].outcomes) == (before, [])


@pytest.mark.parametrize(
    ("section", "method", "path"),
    [
        ("private", "POST", "order"),
        (["private"], "DELETE", "order"),
        ("private", "DELETE", "openOrders"),
        ("private", "GET", "order"),
        ("private", "POST", "userDataStream"),
        ("sapi", "POST", "capital/withdraw/apply"),
        ("public", "POST", "order"),
    ],
)
async def test_two_reads_are_signed_and_nothing_else(
    room: Room, section: Any, method: str, path: str
) -> None:
    """Whatever of the library comes to ask for it."""
    tap = room[0]._exchange
    with pytest.raises(ProtocolViolation):
        tap.sign(path, section, method, {})


async def test_the_library_cannot_be_brought_to_trade(server: ScriptedBinance, room: Room) -> None:
    """Not by its own methods over either way, nor by what is beneath them."""
    tap: Any = room[0]._exchange
    before = len(server.asked)
    await connected(room)
    calls: tuple[Callable[[], Any], ...] = (
        lambda: tap.privatePostOrder({"symbol": "BTCUSDT"}),
        lambda: tap.create_order("BTC/USDT", "limit", "buy", 1, 100),
        lambda: tap.cancel_all_orders("BTC/USDT"),
        lambda: tap.create_order_ws("BTC/USDT", "limit", "buy", 1, 100),
        lambda: tap.cancel_all_orders_ws("BTC/USDT"),
        lambda: tap.fetch(f"{server.url}/api/v3/order", "DELETE"),
        lambda: tap.fetch(f"{server.url}/api/v3/order", "GET", None, "symbol=BTCUSDT"),
        lambda: tap.watch(tap.urls["api"]["ws"]["ws-api"]["spot"], "1", {"method": "order.place"}),
        lambda: tap.watch(tap.urls["api"]["ws"]["ws-api"]["spot"], "1"),
    )
    for call in calls:
        with pytest.raises(ProtocolViolation):
            await call()
    with pytest.raises(ProtocolViolation):
        tap.sign_params({"symbol": "BTCUSDT"})
    routes = {asked.route for asked in server.asked[before:]}
    assert routes <= {"GET time"}
    assert [row["method"] for row in server.subscribed] == ["userDataStream.subscribe.signature"]


async def test_nothing_that_trades_can_be_reached(room: Room) -> None:
    """Walked object by object; the walk finds the parts that listen."""
    await connected(room)
    modules = {type(thing).__module__ for thing in reachable(room[0])}
    assert {"mm.venues.binance.user_stream", "mm.venues.binance.listings"} <= modules
    assert not modules & {f"mm.venues.binance.{name}" for name in ("venue", "trading", "hot", "cancel_only")}
    assert "mm.venues.edge.hotline" not in modules


def test_what_trades_is_not_even_imported() -> None:
    """With it come no trading, no hot line, no other adapter."""
    code = (
        "import sys\n"
        "import mm.venues.binance.heard_account\n"
        "parts = ('venue', 'trading', 'hot', 'account_facts', 'cancel_only')\n"
        "print([p for p in parts if f'mm.venues.binance.{p}' in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


async def test_a_key_that_may_only_read_will_do_and_one_that_is_refused_is_told(
    server: ScriptedBinance, room: Room
) -> None:
    """The right to trade is not asked for; a refusal is that of the venue, without the key in it."""
    account = {"canTrade": False, "balances": []}
    server.then("GET account", ok(account), refusal(401, -2015, f"Invalid API-key {KEY}"))
    assert await room[0].instruments((SYMBOL,))
    with pytest.raises(VenueRefused, match="refuses the key") as caught:
        await room[0].instruments((SYMBOL,))
    assert KEY not in f"{caught.value} {caught.value.hint}"


async def test_a_clock_that_is_not_told_leaves_the_stream_down(server: ScriptedBinance, room: Room) -> None:
    """Nothing is signed with a time that nobody knows; the subscription is signed with the venue's time."""
    server.then("GET time", lost, ok({"serverTime": 1_800_000_000_000}))
    room[0].submit(USER)
    assert "ended before the answer" in (await room[1].next(StreamDown)).reason
    assert server.subscribed == []
    await connected(room)
    (subscribed,) = server.subscribed
    assert abs(subscribed["params"]["timestamp"] - 1_800_000_000_000) < 1_000
    unsigned = {name: value for name, value in subscribed["params"].items() if name != "signature"}
    payload = "&".join(f"{name}={unsigned[name]}" for name in sorted(unsigned))
    expected = hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
    assert subscribed["params"]["signature"] == expected


def test_without_a_key_or_far_from_this_machine_it_is_not_made() -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigError, match="with its key and secret"):
        heard_account_data(settings("http://127.0.0.1:9", api_key=""), Listening())
    with pytest.raises(ForeignAddress):
        heard_account_data(
            replace(settings("http://127.0.0.1:9"), urls=BinanceUrls("http://10.1.2.3")), Listening()
        )
