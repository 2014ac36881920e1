"""Tests of mm/venues/binance/streams.py and of the tap over real sockets: up, down, and in between."""

import asyncio
import gc
from typing import Any

import pytest
from aiohttp import web

from mm.domain.book import Book, Level
from mm.domain.commands import Connect, SyncBook
from mm.domain.events import (
    AccessDenied,
    BookDelta,
    BookLost,
    BookSnapshot,
    OrderAcked,
    PublicTrade,
    Stream,
    StreamDown,
    StreamUp,
    TopOfBook,
)
from mm.venues.binance.venue import BinanceAdapter
from tests.builders.heard import Heard
from tests.builders.scripted_binance import Held, ScriptedBinance, ok
from tests.builders.venue_setup import KEY, connect, running, settings, sync

Pair = tuple[BinanceAdapter, Heard]
SYNC = SyncBook(symbol="BTC/USDT")


def depth(first: int, last: int, *, price: str = "100.00", size: str = "2.0", symbol: str = "BTCUSDT") -> Any:
    """Return a change of the book."""
    return {"e": "depthUpdate", "E": 5, "s": symbol, "U": first, "u": last, "b": [[price, size]], "a": []}


def ticker(number: int) -> dict[str, Any]:
    """Return a top of the book."""
    return {"u": number, "s": "BTCUSDT", "b": "100.00", "B": "1.0", "a": "101.00", "A": "1.0"}


TRADE = {"e": "trade", "E": 1, "s": "BTCUSDT", "t": 3, "p": "100.50", "q": "0.1", "T": 1, "m": True}


def report(execution: str) -> dict[str, Any]:
    """Return a report of the user stream."""
    return {
        "e": "executionReport",
        "s": "BTCUSDT",
        "c": "ours",
        "C": "",
        "S": "BUY",
        "q": "1",
        "p": "100",
        "x": execution,
        "X": execution,
        "i": 1,
        "l": "0",
        "z": "0",
        "t": -1,
    }


async def test_the_market_stream_is_subscribed_once_and_up(server: ScriptedBinance, pair: Pair) -> None:
    """All channels of all symbols, on one socket, in one message."""
    venue, heard = pair
    await connect(venue, heard, Stream.MARKET)
    (asked,) = server.subscribed
    assert asked["method"] == "SUBSCRIBE"
    assert asked["params"] == ["btcusdt@depth@100ms", "btcusdt@bookTicker", "btcusdt@trade"]
    assert heard.outcomes == ["StreamUp"]


async def test_the_user_stream_is_signed_and_up(server: ScriptedBinance, pair: Pair) -> None:
    """By a signature on the WebSocket API, without a listen key."""
    venue, heard = pair
    await connect(venue, heard, Stream.USER)
    (asked,) = server.subscribed
    assert asked["method"] == "userDataStream.subscribe.signature"
    assert asked["params"]["apiKey"] == KEY
    assert len(asked["params"]["signature"]) == 64
    assert asked["params"]["recvWindow"] == 5_000


async def test_market_frames_become_events(server: ScriptedBinance, pair: Pair) -> None:
    """Tops and trades at once, changes only once the book was joined; wrapped frames as well."""
    venue, heard = pair
    await sync(venue, heard)
    await server.push(depth(90, 100))
    await server.push(depth(99, 101))
    await server.push({"stream": "btcusdt@depth@100ms", "data": depth(102, 102)})
    await server.push(ticker(103))
    await server.push(TRADE)
    await heard.next(PublicTrade)
    assert heard.outcomes == [
        "StreamUp",
        "BookSnapshot",
        "BookDelta",
        "BookDelta",
        "TopOfBook",
        "PublicTrade",
    ]
    assert [delta.seq for delta in heard.all(BookDelta)] == [101, 102]
    assert heard.all(TopOfBook)[0].bid == Level(10_000, 100_000_000)


async def test_tops_and_trades_do_not_wait_for_the_book(server: ScriptedBinance, pair: Pair) -> None:
    """They are facts of their own; changes without a book are kept back."""
    venue, heard = pair
    await connect(venue, heard, Stream.MARKET)
    await server.push(depth(99, 101))
    await server.push(ticker(103))
    await server.push(TRADE)
    await heard.next(PublicTrade)
    assert heard.outcomes == ["StreamUp", "TopOfBook", "PublicTrade"]


async def test_changes_that_came_before_the_snapshot_follow_it(server: ScriptedBinance, pair: Pair) -> None:
    """The book that results is the venue's."""
    venue, heard = pair
    await connect(venue, heard, Stream.MARKET)
    await server.push(depth(95, 99, size="9.0"))
    await server.push(depth(100, 104, size="3.0"))
    await server.push(ticker(104))
    await heard.next(TopOfBook)
    venue.submit(SYNC)
    await heard.next(BookDelta)
    book = Book()
    for event in heard.events:
        if isinstance(event, BookSnapshot):
            book.apply_snapshot(event.ts_ns, event.seq, event.bids, event.asks)
        elif isinstance(event, BookDelta):
            book.apply_delta(event.ts_ns, event.seq, event.bids, event.asks)
    assert book.bids(1, {}) == (Level(10_000, 300_000_000),)
    assert book.seq == 104


async def test_a_gap_loses_the_book_until_it_is_fetched_again(server: ScriptedBinance, pair: Pair) -> None:
    """Nothing is passed on in between, and the stream stays up."""
    venue, heard = pair
    await sync(venue, heard)
    for pair_of_numbers in ((101, 101), (103, 104), (105, 106)):
        await server.push(depth(*pair_of_numbers))
    await heard.next(BookLost)
    server.then("GET depth", ok({"lastUpdateId": 104, "bids": [["100.00", "1.0"]], "asks": []}))
    venue.submit(SYNC)
    await heard.next(BookDelta, where=lambda delta: delta.seq == 106)
    assert heard.outcomes == [
        "StreamUp",
        "BookSnapshot",
        "BookDelta",
        "BookLost",
        "BookSnapshot",
        "BookDelta",
    ]
    assert heard.all(StreamDown) == []


async def test_a_snapshot_without_a_stream_is_no_book(pair: Pair) -> None:
    """Nothing could keep it up to date."""
    venue, heard = pair
    venue.submit(SYNC)
    assert (await heard.next(BookLost)).reason == "the market stream is down"
    assert heard.all(BookSnapshot) == []


@pytest.mark.parametrize(
    "frame",
    [
        "{broken",
        "hello",
        "[]",
        "7",
        '{"e":"depthUpdate","s":"BTCUSDT"}',
        depth(101, 101, price="100.001"),
        depth(101, 101, size="-1"),
        {**TRADE, "m": None},
        {**TRADE, "p": 100.5},
    ],
)
async def test_a_frame_that_cannot_be_decoded_ends_the_stream(
    server: ScriptedBinance, pair: Pair, frame: Any
) -> None:
    """Never a dead loop: the end is reported once, the book taken back, and a new dial works."""
    venue, heard = pair
    await sync(venue, heard)
    await server.push(frame)
    lost = await heard.next(BookLost)
    (down,) = heard.all(StreamDown)
    assert down.stream is Stream.MARKET
    assert "undecodable frame" in down.reason
    assert lost.symbol == "BTC/USDT"
    heard.forget()
    await connect(venue, heard, Stream.MARKET)
    await server.push(ticker(104))
    await heard.next(TopOfBook)
    assert heard.outcomes == ["StreamUp", "TopOfBook"]


async def test_frames_that_are_nothing_to_us_are_counted(server: ScriptedBinance, pair: Pair) -> None:
    """Another symbol, another event: no harm."""
    venue, heard = pair
    await connect(venue, heard, Stream.MARKET)
    await server.push({"e": "24hrTicker", "s": "BTCUSDT"})
    await server.push(depth(1, 1, symbol="XRPUSDT"))
    await server.push(ticker(104))
    await heard.next(TopOfBook)
    assert heard.outcomes == ["StreamUp", "TopOfBook"]
    assert sum(venue.ignored.values()) == 2


async def test_a_frame_in_another_form_ends_the_stream(server: ScriptedBinance, pair: Pair) -> None:
    """The venue writes texts."""
    venue, heard = pair
    await connect(venue, heard, Stream.MARKET)
    assert server.market is not None
    await server.market.send_bytes(b'{"e":"trade"}')
    assert "undecodable frame" in (await heard.next(StreamDown)).reason


async def _close(socket: web.WebSocketResponse) -> None:
    await socket.close(code=1001)


async def _abort(socket: web.WebSocketResponse) -> None:
    assert socket._req is not None
    assert socket._req.transport is not None
    socket._req.transport.abort()


@pytest.mark.parametrize("stream", [Stream.MARKET, Stream.USER])
@pytest.mark.parametrize("end", [_close, _abort])
async def test_a_lost_connection_is_reported_at_once_and_once(
    server: ScriptedBinance, pair: Pair, stream: Stream, end: Any
) -> None:
    """An orderly end or a broken line, and afterwards it can be dialled again."""
    venue, heard = pair
    await connect(venue, heard, stream)
    socket = server.market if stream is Stream.MARKET else server.user
    await end(socket)
    down = await heard.next(StreamDown)
    assert down.stream is stream
    await connect(venue, heard, stream)
    assert heard.outcomes == ["StreamUp", "StreamDown", "StreamUp"]


async def test_a_lost_market_stream_takes_the_book_back(server: ScriptedBinance, pair: Pair) -> None:
    """And a book that was not in sync is not lost twice."""
    venue, heard = pair
    await sync(venue, heard)
    assert server.market is not None
    await server.market.close()
    await heard.next(BookLost)
    assert heard.outcomes == ["StreamUp", "BookSnapshot", "StreamDown", "BookLost"]


async def test_the_user_stream_ends_when_the_venue_says_so(server: ScriptedBinance, pair: Pair) -> None:
    """The socket stays open and silent: a death that only this event tells."""
    venue, heard = pair
    await connect(venue, heard, Stream.USER)
    await server.report({"e": "eventStreamTerminated", "E": 1})
    down = await heard.next(StreamDown)
    assert (down.stream, down.reason) == (Stream.USER, "the venue ended the user stream")
    await connect(venue, heard, Stream.USER)
    await server.report(report("NEW"))
    await heard.next(OrderAcked)
    assert heard.outcomes == ["StreamUp", "StreamDown", "StreamUp", "OrderAcked"]


async def test_user_frames_become_events_in_their_order(server: ScriptedBinance, pair: Pair) -> None:
    """Wrapped or plain, none is lost, merged or swapped."""
    venue, heard = pair
    await connect(venue, heard, Stream.USER)
    for number in range(20):
        await server.report({**report("NEW"), "i": number})
    await server.report('{"e":"balanceUpdate","a":"BTC","d":"1"}')
    await server.report({**report("NEW"), "i": 20})
    await heard.next(OrderAcked, count=21)
    assert [acked.venue_order_id for acked in heard.all(OrderAcked)] == [str(number) for number in range(21)]
    assert venue.ignored["user event balanceUpdate"] == 1


async def test_a_user_report_that_cannot_be_read_ends_its_stream(server: ScriptedBinance, pair: Pair) -> None:
    """The listings will tell what it said; the market stream is not concerned."""
    venue, heard = pair
    await connect(venue, heard, Stream.MARKET, Stream.USER)
    await server.report({**report("TRADE"), "t": 5, "l": "half", "N": "BTC"})
    down = await heard.next(StreamDown)
    assert down.stream is Stream.USER
    await server.push(ticker(104))
    await heard.next(TopOfBook)


async def test_dialling_anew_drops_the_open_connection_in_silence(
    server: ScriptedBinance, pair: Pair
) -> None:
    """Frames of the old one do not come through, its end is not news, but its book is gone."""
    venue, heard = pair
    await sync(venue, heard)
    old = server.market
    await connect(venue, heard, Stream.MARKET)
    assert old is not None
    assert old is not server.market
    await server.push(ticker(104))
    await heard.next(TopOfBook)
    assert heard.outcomes == ["StreamUp", "BookSnapshot", "BookLost", "StreamUp", "TopOfBook"]


async def test_dialling_twice_at_once_ends_in_one_stream(server: ScriptedBinance, pair: Pair) -> None:
    """The newer attempt counts; the older one is dropped without a word."""
    venue, heard = pair
    for stream in (Stream.MARKET, Stream.USER):
        venue.submit(Connect(stream=stream))
        venue.submit(Connect(stream=stream))
    await heard.next(StreamUp, count=2)
    await server.push(ticker(104))
    await server.report(report("NEW"))
    await heard.next(TopOfBook)
    await heard.next(OrderAcked)
    assert sorted(heard.outcomes) == ["OrderAcked", "StreamUp", "StreamUp", "TopOfBook"]


@pytest.mark.parametrize("stream", [Stream.MARKET, Stream.USER])
async def test_a_venue_that_is_not_there_is_a_stream_that_is_down(
    server: ScriptedBinance, pair: Pair, stream: Stream
) -> None:
    """Each attempt has its outcome at once: no back-off of the library's own."""
    venue, heard = pair
    await server.close()
    begin = asyncio.get_running_loop().time()
    for count in range(1, 6):
        venue.submit(Connect(stream=stream))
        down = await heard.next(StreamDown, count=count)
        assert down.reason == "the venue cannot be reached"
    assert asyncio.get_running_loop().time() - begin < 3.0


async def test_a_subscription_without_an_answer_is_down_at_the_deadline(server: ScriptedBinance) -> None:
    """And what was dialled is dropped."""
    server.subscribe_answer = server.user_answer = None
    async with running(settings(server.url, request_timeout_ms=300)) as (venue, heard):
        for stream in (Stream.MARKET, Stream.USER):
            venue.submit(Connect(stream=stream))
        await heard.next(StreamDown, count=2)
        assert {down.reason for down in heard.all(StreamDown)} == {"no answer in time"}
        server.subscribe_answer, server.user_answer = (
            {"result": None},
            {"status": 200, "result": {"subscriptionId": 1}},
        )
        await connect(venue, heard, Stream.MARKET, Stream.USER)


async def test_a_refused_subscription_is_down_with_the_venues_code(
    server: ScriptedBinance, pair: Pair
) -> None:
    """For the market stream by its own form of error."""
    venue, heard = pair
    server.subscribe_answer = {"error": {"code": 2, "msg": "Invalid request: unknown stream"}}
    venue.submit(Connect(stream=Stream.MARKET))
    assert (await heard.next(StreamDown)).reason == "2: Invalid request: unknown stream"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (-2015, "Invalid API-key, IP, or permissions for action."),
        (-1022, "Signature for this request is not valid."),
    ],
)
async def test_a_refused_key_denies_access_and_the_stream_is_down(
    server: ScriptedBinance, pair: Pair, code: int, text: str
) -> None:
    """Both are said, access first."""
    venue, heard = pair
    server.user_answer = {"status": 401, "error": {"code": code, "msg": text}}
    venue.submit(Connect(stream=Stream.USER))
    down = await heard.next(StreamDown)
    assert down.reason == f"{code}: {text}"
    assert heard.outcomes == ["AccessDenied", "StreamDown"]
    assert heard.all(AccessDenied)[0].code == code


async def test_a_user_stream_that_is_half_granted_is_down(server: ScriptedBinance, pair: Pair) -> None:
    """A success without a subscription is none."""
    venue, heard = pair
    server.user_answer = {"status": 200, "result": {}}
    venue.submit(Connect(stream=Stream.USER))
    assert (await heard.next(StreamDown)).stream is Stream.USER


async def test_without_a_key_there_is_no_user_stream(server: ScriptedBinance) -> None:
    """Market data needs none."""
    async with running(settings(server.url, api_key="")) as (venue, heard):
        await connect(venue, heard, Stream.MARKET)
        venue.submit(Connect(stream=Stream.USER))
        assert (await heard.next(StreamDown)).stream is Stream.USER
        assert [asked["method"] for asked in server.subscribed] == ["SUBSCRIBE"]


async def test_without_instruments_there_is_no_market_stream(server: ScriptedBinance) -> None:
    """There is nothing to subscribe to."""
    async with running(settings(server.url), symbols=()) as (venue, heard):
        venue.submit(Connect(stream=Stream.MARKET))
        assert (await heard.next(StreamDown)).reason == "no instrument was asked for"


async def test_a_line_without_a_sign_of_life_is_down(server: ScriptedBinance, pair: Pair) -> None:
    """Pings that nobody answers end it, long before the library's default."""
    venue, heard = pair
    await connect(venue, heard, Stream.MARKET)
    client = venue._exchange.clients[venue._exchange.urls["api"]["ws"]["spot"] + "/0"]
    assert client.keepAlive == 5_000
    client.lastPong = 1
    client.keepAlive = 1
    client.ping_looper.cancel()
    client.ping_looper = asyncio.ensure_future(client.ping_loop())
    assert (await heard.next(StreamDown)).reason == "no sign of life from the venue"


async def test_a_stream_that_ends_while_it_comes_up_is_down(
    server: ScriptedBinance, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end may be heard between the venue's yes and our report of it."""
    venue, heard = pair

    async def granted_and_gone(client: Any) -> None:
        venue.on_lost(client, "gone again")

    monkeypatch.setattr(venue._market, "dial", granted_and_gone)
    venue.submit(Connect(stream=Stream.MARKET))
    assert (await heard.next(StreamDown)).reason == "gone again"
    monkeypatch.undo()
    await connect(venue, heard, Stream.MARKET)
    assert heard.outcomes == ["StreamDown", "StreamUp"]


async def test_a_read_that_fails_inside_the_library_is_reported(server: ScriptedBinance, pair: Pair) -> None:
    """The library's own loop would stop there in silence."""
    venue, heard = pair
    await connect(venue, heard, Stream.MARKET)
    client = venue._exchange.clients[venue._exchange.urls["api"]["ws"]["spot"] + "/0"]

    async def broken() -> None:
        raise RuntimeError("what no error handler foresaw")

    client.connection.receive = broken
    await server.push(ticker(104))
    assert (await heard.next(StreamDown)).reason == "connection failed: RuntimeError"


async def test_a_snapshot_that_comes_after_the_stream_died_is_no_book(server: ScriptedBinance) -> None:
    """Its changes were missed."""
    held = Held(ok({"lastUpdateId": 100, "bids": [], "asks": []}))
    server.then("GET depth", held)
    async with running(settings(server.url)) as (venue, heard):
        await connect(venue, heard, Stream.MARKET)
        venue.submit(SYNC)
        await server.request("GET depth")
        assert server.market is not None
        await server.market.close()
        await heard.next(StreamDown)
        held.released.set()
        assert (await heard.next(BookLost)).reason == "the market stream is down"
        assert heard.all(BookSnapshot) == []


async def test_nothing_is_left_behind_and_nobody_complains(server: ScriptedBinance) -> None:
    """Lost, refused and dropped connections leave no task and no unread error."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with running(settings(server.url)) as (venue, heard):
        await connect(venue, heard, Stream.MARKET, Stream.USER)
        await connect(venue, heard, Stream.MARKET, Stream.USER)
        await server.push("{broken")
        await heard.next(StreamDown)
        server.user_answer = {"status": 401, "error": {"code": -2015, "msg": "Invalid API-key"}}
        venue.submit(Connect(stream=Stream.USER))
        await heard.next(StreamDown, count=2)
        await connect(venue, heard, Stream.MARKET)
    del venue
    await server.close()
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()
    ours = [task for task in asyncio.all_tasks() if "mm/venues" in repr(task) or "ccxt" in repr(task)]
    assert ours == []
    assert complaints == []
