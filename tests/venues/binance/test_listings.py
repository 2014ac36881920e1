"""Tests of mm/venues/binance/listings.py against a scripted venue: lists are whole, or say that not."""

from typing import Any

import pytest

from mm.domain.commands import (
    ListBalances,
    ListFills,
    ListOrders,
    MeasureClock,
)
from mm.domain.events import (
    BalancesListed,
    ClockMeasured,
    FillsListed,
    ListedOrder,
    OrderAcked,
    OrderFilled,
    OrdersListed,
    RateUsed,
    RequestFailed,
    Source,
)
from mm.domain.sides import Side
from mm.domain.units import NS_PER_S
from mm.venues.binance.listings import LOOKUPS_MAX, PAGE_MAX
from mm.venues.binance.venue import BinanceAdapter
from tests.builders.heard import Heard
from tests.builders.scripted_binance import ACK, ScriptedBinance, lost, ok, refusal
from tests.builders.venue_setup import CID, place


async def test_open_orders_are_listed_whole(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard]
) -> None:
    """Ours and foreign ones; those that are off the grid are rounded against us."""
    venue, heard = pair
    foreign = {
        **ACK,
        "orderId": 78,
        "clientOrderId": "web_1",
        "side": "SELL",
        "price": "101.019",
        "origQty": "0.000011",
        "executedQty": "0.00000100",
    }
    server.then("GET openOrders", ok([{**ACK, "executedQty": "0.25"}, foreign]))
    venue.submit(ListOrders(symbol="BTC/USDT"))
    listed = await heard.next(OrdersListed)
    assert listed.symbol == "BTC/USDT"
    assert listed.asked_ns < listed.ts_ns
    assert listed.orders == (
        ListedOrder(CID, "77", Side.BUY, 10_000, 100_000, 25_000),
        ListedOrder("web_1", "78", Side.SELL, 10_101, 2, 0),
    )


def trade(number: int, order: int, **changes: Any) -> dict[str, Any]:
    """Return a row of the account's trades."""
    return {
        "symbol": "BTCUSDT",
        "id": number,
        "orderId": order,
        "price": "100.00000000",
        "qty": "0.10000000",
        "commission": "0.00010000",
        "commissionAsset": "BNB",
        "time": 1,
        "isBuyer": True,
        "isMaker": True,
    } | changes


async def test_fills_are_listed_with_the_client_ids_of_their_orders(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard]
) -> None:
    """Orders that were heard of need no look-up, others get one each; an order that is gone has no id."""
    venue, heard = pair
    server.then("POST order", ok(ACK))
    venue.submit(place())
    await heard.next(OrderAcked)
    rows = [
        trade(12, 99, isBuyer=False, isMaker=False),
        trade(10, 77),
        trade(11, 77),
        trade(13, 99),
        trade(14, 55),
    ]
    server.then("GET myTrades", ok(rows))
    server.then(
        "GET order", ok({**ACK, "clientOrderId": "other"}), refusal(400, -2013, "Order does not exist.")
    )
    venue.submit(ListFills(symbol="BTC/USDT", from_trade_id=10))
    listed = await heard.next(FillsListed)
    fills = heard.all(OrderFilled)
    assert [(fill.trade_id, fill.cid) for fill in fills] == [
        (10, CID),
        (11, CID),
        (12, "other"),
        (13, "other"),
        (14, ""),
    ]
    assert [fill.side for fill in fills[:3]] == [Side.BUY, Side.BUY, Side.SELL]
    assert [fill.maker for fill in fills[:3]] == [True, True, False]
    assert {(fill.fee_asset, fill.fee_atoms, fill.source) for fill in fills} == {
        ("BNB", 10_000, Source.QUERY)
    }
    assert (listed.next_trade_id, listed.complete) == (15, True)
    assert [asked.params["orderId"] for asked in server.requests("GET order")] == ["99", "55"]
    assert server.requests("GET myTrades")[0].params["fromId"] == "10"
    assert isinstance(heard.events[-1], FillsListed)


async def test_no_fills_leave_the_cursor_where_it_was(pair: tuple[BinanceAdapter, Heard]) -> None:
    """The next question is the same."""
    venue, heard = pair
    venue.submit(ListFills(symbol="BTC/USDT", from_trade_id=40))
    listed = await heard.next(FillsListed)
    assert (listed.next_trade_id, listed.complete) == (40, True)


async def test_a_full_page_of_fills_says_that_there_may_be_more(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard]
) -> None:
    """The next page begins after the last trade of this one."""
    venue, heard = pair
    server.then("GET myTrades", ok([trade(number, 77) for number in range(PAGE_MAX)]))
    server.then("GET order", ok(ACK))
    venue.submit(ListFills(symbol="BTC/USDT", from_trade_id=0))
    listed = await heard.next(FillsListed)
    assert (listed.next_trade_id, listed.complete) == (PAGE_MAX, False)
    assert len(server.requests("GET order")) == 1


async def test_look_ups_are_bounded_and_the_page_ends_where_they_end(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard]
) -> None:
    """An account with many foreign orders does not eat up the request weight at once."""
    venue, heard = pair
    server.then("GET myTrades", ok([trade(number, number) for number in range(LOOKUPS_MAX + 5)]))
    server.then("GET order", ok(ACK))
    venue.submit(ListFills(symbol="BTC/USDT", from_trade_id=0))
    listed = await heard.next(FillsListed)
    assert (listed.next_trade_id, listed.complete) == (LOOKUPS_MAX, False)
    assert len(server.requests("GET order")) == LOOKUPS_MAX


async def test_a_look_up_that_fails_ends_the_listing(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard]
) -> None:
    """Whose fill it was is not known, so the page is asked for again."""
    venue, heard = pair
    server.then("GET myTrades", ok([trade(1, 1)]))
    server.then("GET order", lost)
    venue.submit(ListFills(symbol="BTC/USDT", from_trade_id=0))
    assert (await heard.next(RequestFailed)).what == "ListFills"
    assert heard.all(OrderFilled) == []


async def test_balances_that_matter_are_listed(pair: tuple[BinanceAdapter, Heard]) -> None:
    """Ours even if empty, others if there is something."""
    venue, heard = pair
    venue.submit(ListBalances())
    listed = await heard.next(BalancesListed)
    assert listed.balances == (
        ("BTC", 100_000_000, 50_000_000),
        ("USDT", 0, 0),
        ("BNB", 200_000_000, 0),
    )
    assert listed.asked_ns < listed.ts_ns


async def test_the_clock_is_measured_at_the_middle_of_the_request(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard]
) -> None:
    """And the next signed request states the venue's time."""
    venue, heard = pair
    server.then("GET time", ok({"serverTime": 1_700_000_010_000}))
    venue.submit(MeasureClock())
    measured = await heard.next(ClockMeasured)
    assert measured.offset_ns == pytest.approx(10 * NS_PER_S, abs=NS_PER_S // 100)
    assert measured.round_trip_ns == 1_000
    server.then("POST order", lost)
    venue.submit(place())
    asked = await server.request("POST order")
    assert int(asked.params["timestamp"]) == pytest.approx(1_700_000_010_000, abs=10)


async def test_the_venues_own_counts_are_reported_when_they_change(
    server: ScriptedBinance, pair: tuple[BinanceAdapter, Heard]
) -> None:
    """Whatever the case of the header; a count that an answer does not state stays as it was."""
    venue, heard = pair
    weight, orders = "x-mbx-used-weight-1m", "X-MBX-ORDER-COUNT-10S"
    server.then(
        "GET openOrders",
        ok([], **{weight: "10", orders: "3"}),
        ok([], **{weight: "10"}),
        ok([], **{weight: "16"}),
        ok([], **{weight: "junk"}),
    )
    for number in range(1, 5):
        venue.submit(ListOrders(symbol="BTC/USDT"))
        await heard.next(OrdersListed, count=number)
    assert [(used.weight, used.orders) for used in heard.all(RateUsed)] == [(10, 3), (16, 3)]
