"""Tests of mm/venues/binance/trading.py against a scripted venue: every request has exactly one outcome."""

from typing import Any

import pytest

from mm.domain.commands import (
    Cancel,
    Query,
    TimeInForce,
)
from mm.domain.events import (
    AckMismatch,
    CancelRejected,
    CancelUnknown,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderNotFound,
    OrderRejected,
    OrderSeen,
    PlaceUnknown,
    RequestFailed,
    Source,
    Throttled,
)
from mm.domain.sides import Side
from mm.domain.units import NS_PER_S
from mm.venues.binance.venue import BinanceAdapter
from tests.builders.heard import Heard
from tests.builders.scripted_binance import (
    ACK,
    CANCELLED,
    Answer,
    ScriptedBinance,
    hang,
    lost,
    ok,
    raw,
    refusal,
)
from tests.builders.venue_setup import CID, place, running, settings

CANCEL = Cancel(cid=CID, symbol="BTC/USDT")
QUERY = Query(cid=CID, symbol="BTC/USDT")


async def test_an_accepted_order_is_acked(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard]
) -> None:
    """Exactly one outcome, with the venue's number, price and size."""
    venue, heard = pair
    server.then("POST order", ok(ACK))
    venue.submit(place())
    acked = await heard.next(OrderAcked)
    assert (acked.cid, acked.venue_order_id, acked.source) == (CID, "77", Source.ANSWER)
    assert (acked.price_ticks, acked.size_lots) == (10_000, 100_000)
    assert heard.outcomes == ["OrderAcked"]


async def test_an_order_that_takes_reports_its_fills_and_its_end(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard]
) -> None:
    """What the answer holds is known even if the stream is silent."""
    venue, heard = pair
    fills = [
        {"price": "99.0", "qty": "0.4", "commission": "0.0004", "commissionAsset": "BTC", "tradeId": 5},
        {"price": "99.5", "qty": "0.1", "commission": "0.0001", "commissionAsset": "BTC", "tradeId": 6},
    ]
    kind = {"type": "LIMIT", "timeInForce": "IOC", "status": "EXPIRED", "executedQty": "0.5"}
    server.then("POST order", ok({**ACK, **kind, "fills": fills}))
    venue.submit(place(post_only=False, time_in_force=TimeInForce.IOC))
    expired = await heard.next(OrderExpired)
    assert (expired.cum_lots, expired.prevented, expired.source) == (50_000, False, Source.ANSWER)
    assert heard.outcomes == ["OrderAcked", "OrderFilled", "OrderFilled", "OrderExpired"]
    first = heard.all(OrderFilled)[0]
    assert (first.trade_id, first.price_ticks, first.size_lots, first.fee_atoms) == (5, 9_900, 40_000, 40_000)
    assert (first.side, first.maker, first.source) == (Side.BUY, False, Source.ANSWER)


async def test_an_order_that_met_one_of_ours_says_so(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard]
) -> None:
    """Self-trade prevention ended it at once."""
    venue, heard = pair
    server.then("POST order", ok({**ACK, "status": "EXPIRED_IN_MATCH"}))
    venue.submit(place())
    assert (await heard.next(OrderExpired)).prevented


@pytest.mark.parametrize(
    ("changes", "ticks", "lots"),
    [
        ({"type": "LIMIT"}, 10_000, 100_000),
        ({"selfTradePreventionMode": "NONE"}, 10_000, 100_000),
        ({"price": "100.50000000"}, 10_050, 100_000),
        ({"origQty": "0.50000000"}, 10_000, 50_000),
        ({"price": "100.505"}, 10_000, 100_000),
        ({"price": None, "origQty": None}, 10_000, 100_000),
    ],
)
async def test_an_ack_of_something_else_is_reported_and_the_order_known(
    server: ScriptedBinance,
    pair: tuple[BinanceAdapter, Heard],
    changes: dict[str, Any],
    ticks: int,
    lots: int,
) -> None:
    """The mismatch comes first, then the ack with what the venue states where that can be read."""
    venue, heard = pair
    server.then("POST order", ok({**ACK, **changes}))
    venue.submit(place())
    acked = await heard.next(OrderAcked)
    assert (acked.price_ticks, acked.size_lots) == (ticks, lots)
    assert heard.outcomes == ["AckMismatch", "OrderAcked"]
    assert all(key in heard.all(AckMismatch)[0].detail for key in changes)


@pytest.mark.parametrize(
    "answer",
    [
        raw("<html>Bad gateway</html>"),
        raw('{"symbol": "BTCUSDT", "orderId"', content_type="application/json"),
        raw(""),
        ok([ACK]),
        ok({}),
        ok({**ACK, "orderId": None}),
        ok({**ACK, "fills": [{"price": "x"}]}),
        ok({**ACK, "fills": 7}),
        lost,
        refusal(500, -1000, "An unknown error occurred while processing the request."),
        refusal(503, -1001, "Internal error; unable to process your request. Please try again."),
        refusal(503, -1006, "An unexpected response was received from the message bus."),
        refusal(504, -1007, "Timeout waiting for response from backend server."),
        refusal(400, -9999, "Something nobody listed."),
        refusal(200, -1000, "A refusal that says success."),
        raw("<html>503</html>", status=503),
        raw("moved", status=307, Location="http://127.0.0.1:1/"),
        raw("conflict", status=409),
    ],
)
async def test_without_proof_an_order_is_unknown(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard], answer: Answer
) -> None:
    """Lost, garbled, failed on the server, moved elsewhere: it may live, and that is the one outcome."""
    venue, heard = pair
    server.then("POST order", answer)
    venue.submit(place())
    unknown = await heard.next(PlaceUnknown)
    assert (unknown.cid, unknown.duplicate) == (CID, False)
    assert heard.outcomes == ["PlaceUnknown"]
    assert len(server.requests("POST order")) == 1


async def test_an_order_without_an_answer_is_unknown_at_its_deadline(server: ScriptedBinance) -> None:
    """The adapter's own deadline, not the venue's patience."""
    server.then("POST order", hang)
    async with running(settings(server.url, request_timeout_ms=1_000)) as (venue, heard):
        venue.submit(place())
        assert (await heard.next(PlaceUnknown)).cause == "no answer in time"


async def test_an_id_in_use_is_a_sign_of_life(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard]
) -> None:
    """A first attempt got through: the order is to be asked for, not buried."""
    venue, heard = pair
    server.then("POST order", refusal(400, -2010, "Duplicate order sent."))
    venue.submit(place())
    assert (await heard.next(PlaceUnknown)).duplicate


@pytest.mark.parametrize(
    ("answer", "code", "crossed", "funds", "besides"),
    [
        (refusal(400, -2010, "Order would immediately match and take."), -2010, True, False, []),
        (
            refusal(400, -2010, "Account has insufficient balance for requested action."),
            -2010,
            False,
            True,
            [],
        ),
        (refusal(400, -1013, "Filter failure: PRICE_FILTER"), -1013, False, False, []),
        (
            refusal(400, -1021, "Timestamp for this request is outside of the recvWindow."),
            -1021,
            False,
            False,
            ["ClockDoubted"],
        ),
        (refusal(429, -1015, "Too many new orders."), -1015, False, False, ["Throttled"]),
        (refusal(429, -1003, "Too much request weight used."), -1003, False, False, ["Throttled"]),
        (raw("<html>teapot</html>", status=418), 418, False, False, ["Throttled"]),
        (raw("<html>firewall</html>", status=403), 403, False, False, []),
        (
            refusal(401, -2015, "Invalid API-key, IP, or permissions for action."),
            -2015,
            False,
            False,
            ["AccessDenied"],
        ),
        (refusal(400, -2014, "API-key format invalid."), -2014, False, False, ["AccessDenied"]),
        (
            refusal(400, -1022, "Signature for this request is not valid."),
            -1022,
            False,
            False,
            ["AccessDenied"],
        ),
        (raw("who are you", status=401), 401, False, False, ["AccessDenied"]),
    ],
)
async def test_a_refused_order_is_rejected_with_its_code(
    *,
    server: ScriptedBinance,
    pair: tuple[BinanceAdapter, Heard],
    answer: Answer,
    code: int,
    crossed: bool,
    funds: bool,
    besides: list[str],
) -> None:
    """And what the refusal says beyond this order comes first."""
    venue, heard = pair
    server.then("POST order", answer)
    venue.submit(place())
    rejected = await heard.next(OrderRejected)
    assert (rejected.code, rejected.crossed, rejected.funds) == (code, crossed, funds)
    assert heard.outcomes == [*besides, "OrderRejected"]


async def test_a_limit_says_until_when_in_our_time(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard]
) -> None:
    """The header of that very answer counts; a ban is told apart."""
    venue, heard = pair
    server.then("POST order", refusal(418, -1003, "banned", **{"Retry-After": "30"}))
    venue.submit(place())
    throttled = await heard.next(Throttled)
    assert throttled.banned
    assert throttled.until_ns == pytest.approx(throttled.ts_ns + 30 * NS_PER_S, abs=NS_PER_S // 1_000)


async def test_an_order_that_cannot_be_sent_is_rejected(server: ScriptedBinance) -> None:
    """Connection refused: it provably never left, and the code says 0."""
    async with running(settings(server.url)) as (venue, heard):
        await server.close()
        await venue._exchange.session.close()
        venue._exchange.session = venue._session = venue.open_session()
        venue.submit(place())
        rejected = await heard.next(OrderRejected)
        assert (rejected.code, rejected.reason) == (0, "the venue cannot be reached")
        venue.submit(CANCEL)
        assert not (await heard.next(CancelUnknown)).sent


async def test_many_orders_leave_at_once(server: ScriptedBinance) -> None:
    """None waits for another one's answer."""
    server.then("POST order", hang)
    async with running(settings(server.url)) as (venue, _):
        for number in range(30):
            venue.submit(place(cid=f"{number:032x}"))
        await server.request("POST order", 30)


async def test_a_confirmed_cancellation_is_reported(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard]
) -> None:
    """With how much was filled before."""
    venue, heard = pair
    server.then("DELETE order", ok({**CANCELLED, "executedQty": "0.30000000"}))
    venue.submit(CANCEL)
    cancelled = await heard.next(OrderCanceled)
    assert (cancelled.cid, cancelled.cum_lots, cancelled.source) == (CID, 30_000, Source.ANSWER)
    assert heard.outcomes == ["OrderCanceled"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refusal(400, -2011, "Unknown order sent."), ["CancelRejected"]),
        (refusal(504, -1007, "Timeout"), ["CancelUnknown"]),
        (refusal(400, -1021, "Timestamp"), ["ClockDoubted", "CancelUnknown"]),
        (refusal(429, -1003, "Too much"), ["Throttled", "CancelUnknown"]),
        (refusal(401, -2015, "Invalid API-key"), ["AccessDenied", "CancelUnknown"]),
        (lost, ["CancelUnknown"]),
        (raw("<html>"), ["CancelUnknown"]),
        (ok({}), ["CancelUnknown"]),
        (ok({**CANCELLED, "origClientOrderId": "other"}), ["CancelUnknown"]),
        (ok({**CANCELLED, "status": "FILLED"}), ["CancelUnknown"]),
        (ok({**CANCELLED, "executedQty": "lots"}), ["CancelUnknown"]),
    ],
)
async def test_a_cancellation_that_is_not_confirmed_has_one_outcome(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard], answer: Answer, expected: list[str]
) -> None:
    """Either the venue does not know such an open order, or nobody knows."""
    venue, heard = pair
    server.then("DELETE order", answer)
    venue.submit(CANCEL)
    await heard.next(CancelRejected if expected[-1] == "CancelRejected" else CancelUnknown)
    assert heard.outcomes == expected
    assert all(unknown.sent for unknown in heard.all(CancelUnknown))


@pytest.mark.parametrize(
    ("status", "is_open", "rejected"),
    [
        ("NEW", True, False),
        ("PARTIALLY_FILLED", True, False),
        ("PENDING_CANCEL", True, False),
        ("FILLED", False, False),
        ("CANCELED", False, False),
        ("EXPIRED_IN_MATCH", False, False),
        ("REJECTED", False, True),
    ],
)
async def test_a_query_tells_where_an_order_stands(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard], status: str, is_open: bool, rejected: bool
) -> None:
    """Open or not, and how much of it was filled."""
    venue, heard = pair
    server.then("GET order", ok({**ACK, "status": status, "executedQty": "0.2"}))
    venue.submit(QUERY)
    seen = await heard.next(OrderSeen)
    assert (seen.cid, seen.venue_order_id, seen.open, seen.cum_lots, seen.rejected) == (
        CID,
        "77",
        is_open,
        20_000,
        rejected,
    )


async def test_an_order_that_the_venue_does_not_know_is_not_found(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard]
) -> None:
    """That is an answer; what it proves is the engine's to judge."""
    venue, heard = pair
    server.then("GET order", refusal(400, -2013, "Order does not exist."))
    venue.submit(QUERY)
    assert (await heard.next(OrderNotFound)).cid == CID
    assert heard.outcomes == ["OrderNotFound"]


@pytest.mark.parametrize(("status", "code"), [(400, -1021), (400, -1121), (401, -2015), (429, -1003)])
async def test_no_other_refusal_of_a_query_says_that_the_order_is_not_there(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard], status: int, code: int
) -> None:
    """A clock, a key or a limit that is wrong proves nothing about an order."""
    venue, heard = pair
    server.then("GET order", refusal(status, code, "refused"))
    venue.submit(QUERY)
    assert (await heard.next(RequestFailed)).what == "Query"
    assert "OrderNotFound" not in heard.outcomes


async def test_an_answer_about_another_order_is_none(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard]
) -> None:
    """Nothing is learned from it."""
    venue, heard = pair
    server.then("GET order", ok({**ACK, "clientOrderId": "other"}))
    venue.submit(QUERY)
    assert "another order" in (await heard.next(RequestFailed)).reason
