"""What each kind of fault does to an HTTP request, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from mm.exchange.faults.callers import PAGE
from mm.exchange.faults.kinds import KINDS, Group
from mm.exchange.faults.requests import EFFECTS
from tests.builders.faulty_room import PATIENCE_S, Room, faulty_room, silent

BROKEN = (aiohttp.ClientError, ConnectionError)


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    """A room with a bid and an ask of a stranger."""
    async with faulty_room() as opened:
        yield opened


def test_every_kind_has_an_effect() -> None:
    """The table holds the catalogue's kinds of requests, no more and no less."""
    assert set(EFFECTS) == {kind.name for kind in KINDS.values() if kind.group is Group.REQUEST}


@pytest.mark.parametrize(
    ("kind", "placed", "status"),
    [("lost_ack", 1, 200), ("drop_after", 1, 200), ("drop_before", 0, 0)],
)
async def test_the_connection_ends_without_an_answer(room: Room, kind: str, placed: int, status: int) -> None:
    """Before it was processed, or after; the log tells which, and the next request is answered."""
    await room.fault(kind)
    with pytest.raises(BROKEN):
        await room.client.place()
    assert (room.placed(), room.logged()) == (placed, ("POST", status, 0))
    assert (await room.client.place(newClientOrderId="next"))["clientOrderId"] == "next"


@pytest.mark.parametrize(("kind", "placed", "status"), [("missing_ack", 1, 200), ("no_answer", 0, 0)])
async def test_no_answer_comes(room: Room, kind: str, placed: int, status: int) -> None:
    """The connection stays, whether it was processed or not."""
    await room.fault(kind)
    assert await silent(room.client.place())
    assert (room.placed(), room.logged()) == (placed, ("POST", status, 0))


async def test_a_request_is_slow(room: Room) -> None:
    """It is processed when it arrives, also if its caller has given up by then."""
    await room.fault("slow", delay_ms=250)
    assert await silent(room.client.place())
    assert room.placed() == 0
    await room.has_placed()


async def test_an_answer_is_slow(room: Room) -> None:
    """It is processed at once."""
    await room.fault("slow_ack", delay_ms=60)
    placing = asyncio.ensure_future(room.client.place())
    await room.has_placed()
    assert not placing.done()
    assert (await placing)["orderId"]


async def test_delays_add_up_and_the_first_ending_counts(room: Room) -> None:
    """Several faults may hit one request."""
    for delay_ms in (30, 30):
        await room.fault("slow", delay_ms=delay_ms)
    await room.fault("missing_ack")
    await room.fault("drop_before")
    began = asyncio.get_running_loop().time()
    assert await silent(room.client.place())
    assert asyncio.get_running_loop().time() - began >= PATIENCE_S
    assert room.placed() == 1


@pytest.mark.parametrize("form", ["html", "truncated", "empty", "other"])
async def test_answers_that_cannot_be_read(room: Room, form: str) -> None:
    """A success that is none: the order is there."""
    await room.fault("garbled", form=form)
    url = f"{room.exchange.url}/api/v3/time"
    await room.fault("garbled", target="time", form=form)
    async with room.client.session.get(url) as answer:
        body = await answer.read()
    assert answer.status == 200
    expected = {"html": PAGE.encode(), "empty": b"", "other": b"[]"}
    assert body == expected.get(form, body)
    if form == "truncated":
        with pytest.raises(msgspec.DecodeError):
            msgspec.json.decode(body)


async def test_an_answer_byte_by_byte(room: Room) -> None:
    """Whole in the end, if one waits."""
    await room.fault("drip", target="ping", bytes_per_s=50)
    began = asyncio.get_running_loop().time()
    assert await room.client.send("GET", "/api/v3/ping") == {}
    assert asyncio.get_running_loop().time() - began >= 0.03
    await room.fault("drip")
    assert await silent(room.client.place())
    assert room.placed() == 1


@pytest.mark.parametrize(
    ("fields", "status", "body", "placed"),
    [
        ({"status": 503, "code": -1008, "text": "busy"}, 503, {"code": -1008, "msg": "busy"}, 0),
        ({"status": 504, "code": -1007, "text": "?", "processed": True}, 504, {"code": -1007, "msg": "?"}, 1),
        ({"status": 502, "code": 0, "text": "bad gateway"}, 502, "bad gateway", 0),
        ({}, 500, None, 0),
    ],
)
async def test_scripted_errors(
    room: Room, fields: dict[str, Any], status: int, body: object, placed: int
) -> None:
    """Any status, any code, processed or not."""
    await room.fault("error", **fields)
    told = await room.client.place()
    assert (room.client.status, room.placed()) == (status, placed)
    assert told == (body or told)
    assert room.logged()[1] == (200 if placed else status)


async def test_limits_and_bans_say_how_long(room: Room) -> None:
    """429 with its patience; 418 until the fault ends, whatever is asked."""
    await room.fault("too_many", retry_after_s=7)
    told = await room.client.place()
    assert (room.client.status, told["code"], room.client.headers["Retry-After"]) == (429, -1003, "7")
    await room.fault("banned", target="*", duration_s=3)
    until_ms = room.client.now_ms() + 3_000
    for _ in range(2):
        told = await room.client.send("GET", "/api/v3/ping")
        assert (room.client.status, told["code"], room.client.headers["Retry-After"]) == (418, -1003, "3")
        assert f"IP banned until {until_ms}" in told["msg"]
    room.clock.advance(ms=2_999)
    await room.client.send("GET", "/api/v3/ping")
    assert room.client.headers["Retry-After"] == "1"
    room.clock.advance(ms=1)
    assert await room.client.send("GET", "/api/v3/ping") == {}


async def test_maintenance_is_a_page(room: Room) -> None:
    """For everybody but the doors."""
    await room.fault("maintenance", target="*", duration_s=3)
    async with room.client.session.get(f"{room.exchange.url}/api/v3/time") as answer:
        assert (answer.status, await answer.text()) == (503, PAGE)
    told = await room.client.send("GET", "/_mm/truth", "only=counters")
    assert told["counters"]["faults"] == {"maintenance": 1}


async def test_a_signature_is_refused(room: Room) -> None:
    """As one of the wrong length would be."""
    await room.fault("bad_signature")
    assert (await room.client.place())["code"] == -1022


async def test_young_orders_are_not_found_yet(room: Room) -> None:
    """Not by query, not in the lists; old ones are, and trades unless they are the target."""
    await room.client.place(newClientOrderId="old")
    room.clock.advance(ms=5_000)
    await room.client.place(newClientOrderId="young")
    await room.fault("not_found", target="*", lag_s=3)
    query = ("GET", "/api/v3/order")
    told = await room.client.signed(*query, symbol="BTCUSDT", origClientOrderId="young")
    assert (room.client.status, told["code"]) == (400, -2013)
    told = await room.client.signed(*query, symbol="BTCUSDT", origClientOrderId="nobody")
    assert told["code"] == -2013
    told = await room.client.signed(*query, symbol="BTCUSDT", origClientOrderId="old")
    assert told["status"] == "NEW"
    for path in ("/api/v3/openOrders", "/api/v3/allOrders"):
        rows = await room.client.signed("GET", path, symbol="BTCUSDT")
        assert [row["clientOrderId"] for row in rows] == ["old"]
    await room.client.place(type="MARKET", price=None)
    assert len(await room.client.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT")) == 1
    await room.fault("not_found", target="myTrades")
    assert await room.client.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT") == []
    room.clock.advance(ms=3_001)
    assert len(await room.client.signed("GET", "/api/v3/openOrders", symbol="BTCUSDT")) == 2
    assert len(await room.client.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT")) == 1


async def test_a_cancel_all_leaves_orders(room: Room) -> None:
    """Those that are left are not in the answer; without orders it is refused as ever."""
    await room.fault("leaves_orders", target="*", orders=2, count=2)
    told = await room.client.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert told["code"] == -2011
    for name in ("a", "b", "c"):
        await room.client.place(newClientOrderId=name)
    gone = await room.client.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert [row["origClientOrderId"] for row in gone] == ["a"]
    assert [record.order.client_id for record in room.exchange.floor.records.open()] == ["b", "c"]


@pytest.mark.parametrize(("side", "price"), [("BUY", "58999.95000000"), ("SELL", "62000.05000000")])
async def test_an_order_is_placed_at_another_price(room: Room, side: str, price: str) -> None:
    """Further from the market, and the answer says so; an order without a price is as it was."""
    await room.fault("repriced", ticks=5, count=3)
    asked = {"side": side, "price": "59000" if side == "BUY" else "62000", "newOrderRespType": "RESULT"}
    assert (await room.client.place(**asked))["price"] == price
    assert (await room.client.place(type="MARKET", price=None))["status"] == "FILLED"
    assert (await room.client.place(price="0.001"))["code"] == -1013


async def test_the_tick_changes(room: Room) -> None:
    """Prices off the new one are refused, and the filters tell it; orders without a price go on."""
    await room.fault("tick_change", times=100, duration_s=10)
    assert (await room.client.place(price="59000.5"))["msg"] == "Filter failure: PRICE_FILTER"
    assert (await room.client.place(price="59000"))["orderId"]
    assert (await room.client.place(type="MARKET", price=None))["status"] == "FILLED"
    told = await room.client.send("GET", "/api/v3/exchangeInfo")
    (rule,) = (row for row in told["symbols"][0]["filters"] if row["filterType"] == "PRICE_FILTER")
    assert rule["tickSize"] == "1.00000000"
    assert (await room.client.send("GET", "/api/v3/exchangeInfo", "symbol=X"))["code"] == -1121
    room.clock.advance(ms=10_000)
    assert (await room.client.place(price="59000.5"))["orderId"]
