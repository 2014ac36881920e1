"""What a client may ask on a stream socket, and how each frame is answered."""

from typing import Any

import pytest

from mm.domain.sides import Side
from tests.builders.exchange import ManualClock, frames, hit, raw_client, rest, running

TRADE, TICKER = "btcusdt@trade", "btcusdt@bookTicker"
METHODS = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"
INVALID = "Invalid request: "


def _ask(method: str, *params: Any, number: object = 1) -> dict[str, Any]:
    return {"method": method, "params": list(params), "id": number}


@pytest.mark.parametrize(
    ("frame", "code", "text"),
    [
        ("{", 3, "Invalid JSON: expected value at line 1 column 2"),
        ("", 3, "Invalid JSON: expected value at line 1 column 1"),
        ('{"id":1}', 2, INVALID + "missing field `method` at line 1 column 8"),
        (
            '{"method":"subscribe","id":1}',
            2,
            INVALID + f"unknown variant `subscribe`, expected one of {METHODS} at line 1 column 21",
        ),
        (
            '{"method":7,"id":1}',
            2,
            INVALID + f"unknown variant `7`, expected one of {METHODS} at line 1 column 11",
        ),
        ("[]", 2, INVALID + "request ID must be an unsigned integer"),
        ({"method": "LIST_SUBSCRIPTIONS"}, 2, INVALID + "request ID must be an unsigned integer"),
        (_ask("LIST_SUBSCRIPTIONS", number=1.5), 2, INVALID + "request ID must be an unsigned integer"),
        (_ask("LIST_SUBSCRIPTIONS", number="x" * 37), 2, INVALID + "request ID must be an unsigned integer"),
        (_ask("LIST_SUBSCRIPTIONS", TRADE), 2, INVALID + "too many parameters"),
        (_ask("SUBSCRIBE", "ethusdt@trade"), 2, INVALID + "invalid stream"),
        (_ask("SUBSCRIBE", "btcusdt@kline_7m"), 2, INVALID + "invalid stream"),
        (_ask("SUBSCRIBE", "BTCUSDT@trade"), 2, INVALID + "invalid stream"),
        (_ask("SUBSCRIBE", 5), 2, INVALID + "invalid stream"),
        (_ask("UNSUBSCRIBE", "none"), 2, INVALID + "invalid stream"),
        (_ask("SUBSCRIBE") | {"params": TRADE}, 2, INVALID + "invalid stream"),
        (_ask("SET_PROPERTY"), 2, INVALID + "property name must be a string"),
        (_ask("SET_PROPERTY", 1, True), 2, INVALID + "property name must be a string"),
        (_ask("SET_PROPERTY", "combined", True, 1), 2, INVALID + "too many parameters"),
        (_ask("SET_PROPERTY", "combined"), 1, "Invalid value type: expected Boolean"),
        (_ask("SET_PROPERTY", "combined", "true"), 1, "Invalid value type: expected Boolean"),
        (_ask("SET_PROPERTY", "colour", True), 0, "Unknown property"),
        (_ask("GET_PROPERTY", "colour"), 0, "Unknown property"),
        (_ask("GET_PROPERTY", "combined", 1), 2, INVALID + "too many parameters"),
    ],
)
async def test_a_frame_that_cannot_be_understood_is_answered(frame: object, code: int, text: str) -> None:
    """Code and text of the venue, the request's id if it was one, and the socket stays open."""
    async with (
        running(ManualClock()) as exchange,
        raw_client(exchange) as client,
        frames(client, "/ws") as ws,
    ):
        answer = await ws.ask(frame)
        assert answer["error"] == {"code": code, "msg": text}
        assert answer["id"] in (1, None)
        assert await ws.ask(_ask("LIST_SUBSCRIPTIONS", number=None)) == {"result": [], "id": None}


async def test_streams_are_subscribed_listed_and_unsubscribed_live() -> None:
    """Each request is answered with its id, whatever kind it has; listing shows what is left."""
    async with running() as exchange, raw_client(exchange) as client, frames(client, "/stream/ws/0") as ws:
        assert await ws.ask(_ask("SUBSCRIBE", TICKER, TRADE)) == {"result": None, "id": 1}
        unsubscribe = _ask("UNSUBSCRIBE", TICKER, "btcusdt@depth", number="two")
        assert await ws.ask(unsubscribe) == {"result": None, "id": "two"}
        assert await ws.ask(_ask("LIST_SUBSCRIPTIONS", number=-3)) == {"result": [TRADE], "id": -3}


async def test_wrapping_can_be_asked_and_changed() -> None:
    """`combined` is false on raw paths and true on `/stream`; setting it changes the next event."""
    async with (
        running(ManualClock()) as exchange,
        raw_client(exchange) as client,
        frames(client, f"/ws/{TRADE}") as raw,
        frames(client, f"/stream?streams={TRADE}") as combined,
    ):
        assert (await raw.ask(_ask("GET_PROPERTY", "combined")))["result"] is False
        assert (await combined.ask(_ask("GET_PROPERTY", "combined")))["result"] is True
        assert (await raw.ask(_ask("SET_PROPERTY", "combined", True)))["result"] is None
        assert (await combined.ask(_ask("SET_PROPERTY", "combined", False)))["result"] is None
        rest(exchange, Side.BUY, 6_000_000, 100)
        hit(exchange, Side.SELL, 40)
        bare = await combined.next()
        assert bare["e"] == "trade"
        assert await raw.next() == {"stream": TRADE, "data": bare}


async def test_a_connection_has_a_limited_number_of_subscriptions() -> None:
    """Those that it has count once; what is too much changes nothing."""
    async with (
        running(streams_max=2) as exchange,
        raw_client(exchange) as client,
        frames(client, "/ws") as ws,
    ):
        await ws.ask(_ask("SUBSCRIBE", TICKER, TRADE))
        assert (await ws.ask(_ask("SUBSCRIBE", TICKER, TRADE)))["result"] is None
        refused = await ws.ask(_ask("SUBSCRIBE", "btcusdt@aggTrade", number=9))
        assert refused == {"error": {"code": 4, "msg": "Too many subscriptions"}, "id": 9}
        assert len((await ws.ask(_ask("LIST_SUBSCRIPTIONS")))["result"]) == 2
