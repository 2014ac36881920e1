"""Tests of mm/venues/binance/venue.py against a scripted venue: reads, secrets, closing, defects of ours."""

import asyncio
import gc
import logging
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
    CancelUnknown,
    PlaceUnknown,
    RequestFailed,
    Stream,
    StreamDown,
)
from mm.domain.units import NS_PER_S
from mm.errors import ProtocolViolation
from mm.ports import Venue
from mm.venues.binance.venue import BinanceAdapter
from tests.builders.heard import Heard
from tests.builders.scripted_binance import (
    Answer,
    ScriptedBinance,
    hang,
    lost,
    ok,
    raw,
    refusal,
)
from tests.builders.venue_setup import CID, KEY, SECRET, place, running, settings

CANCEL = Cancel(cid=CID, symbol="BTC/USDT")
QUERY = Query(cid=CID, symbol="BTC/USDT")
READS: tuple[tuple[VenueCommand, str, str, str], ...] = (
    (QUERY, "GET order", "Query", CID),
    (ListOrders(symbol="BTC/USDT"), "GET openOrders", "ListOrders", "BTC/USDT"),
    (ListFills(symbol="BTC/USDT", from_trade_id=0), "GET myTrades", "ListFills", "BTC/USDT"),
    (ListBalances(), "GET account", "ListBalances", ""),
    (MeasureClock(), "GET time", "MeasureClock", ""),
    (SyncBook(symbol="BTC/USDT"), "GET depth", "SyncBook", "BTC/USDT"),
)


def test_the_adapter_is_a_venue(server: ScriptedBinance) -> None:
    """It has what the port demands, and its capabilities hold for the proof of absence."""
    venue: Venue = BinanceAdapter(settings("http://127.0.0.1:9"))
    assert venue.caps.orders_per_10s == 100
    assert venue.caps.weight_per_minute == 6_000
    assert venue.caps.absence_proof_ns >= 60 * NS_PER_S


@pytest.mark.parametrize(("command", "route", "what", "subject"), READS)
@pytest.mark.parametrize(
    ("answer", "besides"),
    [
        (lost, []),
        (raw("<html>"), []),
        (ok({"balances": 7, "serverTime": "soon", "lastUpdateId": 1, "orderId": 5}), []),
        (ok([7]), []),
        (ok([{"id": "x"}, {"id": "y"}]), []),
        (refusal(503, -1001, "Internal error"), []),
        (refusal(429, -1003, "Too much"), ["Throttled"]),
        (refusal(401, -2015, "Invalid API-key"), ["AccessDenied"]),
    ],
)
async def test_a_read_without_an_answer_says_so_once(
    *,
    server: ScriptedBinance,
    pair: tuple[BinanceAdapter, Heard],
    command: VenueCommand,
    route: str,
    what: str,
    subject: str,
    answer: Answer,
    besides: list[str],
) -> None:
    """Whatever came back instead, the command and what it was about are named."""
    venue, heard = pair
    server.then(route, answer)
    venue.submit(command)
    failed = await heard.next(RequestFailed)
    assert (failed.what, failed.subject) == (what, subject)
    assert failed.reason
    assert heard.outcomes == [*besides, "RequestFailed"]


async def test_nothing_secret_is_in_any_event_or_log(
    server: ScriptedBinance, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the key nor a signature, whatever fails and however loud the logs are."""
    caplog.set_level(logging.DEBUG)
    answers = (lost, raw("<html>"), refusal(400, -1022, "Signature for this request is not valid."), hang)
    async with running(settings(server.url, request_timeout_ms=1_000)) as (venue, heard):
        for number, answer in enumerate(answers):
            server.then("POST order", answer)
            server.then("GET openOrders", answer)
            venue.submit(place(cid=f"{number:032x}"))
            venue.submit(ListOrders(symbol="BTC/USDT"))
            await heard.next(RequestFailed, count=number + 1)
            await server.request("POST order", number + 1)
        await heard.next(PlaceUnknown, count=3)
    told = "".join(map(repr, heard.events)) + caplog.text
    signatures = [asked.params["signature"] for asked in server.asked if "signature" in asked.params]
    assert len(signatures) > 4
    assert not [secret for secret in (KEY, SECRET, "signature=", *signatures) if secret in told]


async def test_a_command_before_the_start_or_for_a_strange_symbol_is_our_bug(server: ScriptedBinance) -> None:
    """It is refused at once, loudly."""
    venue = BinanceAdapter(settings(server.url))
    with pytest.raises(ProtocolViolation, match="before the venue was started"):
        venue.submit(ListBalances())
    await venue.start(Heard())
    with pytest.raises(ProtocolViolation, match="BTC/USDT"):
        venue.submit(place())
    await venue.close()
    with pytest.raises(ProtocolViolation):
        venue.submit(ListBalances())


async def test_closing_ends_hanging_requests_without_a_complaint(server: ScriptedBinance) -> None:
    """No task, no socket and no unread error is left behind."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    server.then("POST order", hang)
    before = asyncio.all_tasks()
    async with running(settings(server.url)) as (venue, heard):
        venue.submit(place())
        await server.request("POST order")
    assert heard.outcomes == []
    del venue
    gc.collect()
    await asyncio.sleep(0)
    ours = [
        task for task in asyncio.all_tasks() - before if "mm/venues" in repr(task) or "ccxt" in repr(task)
    ]
    assert ours == []
    assert complaints == []


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (place(), PlaceUnknown),
        (CANCEL, CancelUnknown),
        (Connect(stream=Stream.USER), StreamDown),
        *((read, RequestFailed) for read, *_ in READS),
    ],
)
async def test_a_defect_of_ours_still_brings_the_outcome(
    pair: tuple[BinanceAdapter, Heard], monkeypatch: pytest.MonkeyPatch, command: VenueCommand, kind: Any
) -> None:
    """An order must not vanish because the adapter has a bug: in doubt it is unknown."""
    venue, heard = pair

    async def broken() -> None:
        raise AttributeError("what no error handler foresaw, with a signature=SECRETVALUE")

    monkeypatch.setattr(venue, "work_for", lambda _: broken)
    venue.submit(command)
    event = await heard.next(kind)
    assert "defect in the adapter: AttributeError" in repr(event)
    assert "SECRETVALUE" not in repr(event)
    assert len(heard.events) == 1
    assert venue.ignored["defect AttributeError"] == 1
