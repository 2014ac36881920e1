"""Tests of mm/venues/paper/venue.py: questions, listings, the user stream and the limits of the account."""

import pytest

from mm.domain.capabilities import Capabilities
from mm.domain.commands import (
    Cancel,
    Connect,
    ListBalances,
    ListFills,
    ListOrders,
    Query,
    SyncBook,
    VenueCommand,
)
from mm.domain.events import (
    AnyEvent,
    BalancesListed,
    CancelUnknown,
    FillsListed,
    OrderAcked,
    OrderCanceled,
    OrderFilled,
    OrderNotFound,
    OrderRejected,
    OrderSeen,
    OrdersListed,
    RateUsed,
    RequestFailed,
    Source,
    Stream,
    StreamUp,
    Throttled,
)
from mm.domain.sides import BUY, SELL
from mm.venues.paper.desk import PAGE_MAX
from tests.builders.instruments import INSTRUMENT
from tests.builders.paper_bench import (
    MS,
    START_NS,
    SYMBOL,
    make_bench,
)

SECOND = 1_000_000_000


# ---- questions


async def test_a_query_tells_where_an_order_stands_when_it_is_looked_at() -> None:
    """Open, ended or never heard of: ids of an earlier life are unknown, nothing of it ever existed."""
    bench = await make_bench()
    cid = bench.resting()
    bench.trade(SELL, 9_990, 53)
    for known in (cid, "of an earlier life"):
        bench.venue.submit(Query(cid=known, symbol=SYMBOL))
    bench.cancel(cid)
    bench.venue.submit(Query(cid=cid, symbol=SYMBOL))
    bench.at(100)
    assert [(seen.open, seen.cum_lots, seen.rejected) for seen in bench.all(OrderSeen)] == [
        (True, 3, False),
        (False, 3, False),
    ]
    assert bench.last(OrderNotFound).cid == "of an earlier life"


async def test_listings_are_as_of_their_effect_and_say_when_they_were_asked() -> None:
    """Orders of that symbol, every balance."""
    bench = await make_bench()
    cid = bench.resting()
    asked_ns = bench.now_ns
    bench.venue.submit(ListOrders(symbol=SYMBOL))
    bench.venue.submit(ListBalances())
    bench.at(100)
    orders, balances = bench.last(OrdersListed), bench.last(BalancesListed)
    assert (orders.asked_ns, balances.asked_ns) == (asked_ns, asked_ns)
    (row,) = orders.orders
    assert (row.cid, row.side, row.price_ticks, row.size_lots, row.cum_lots) == (cid, BUY, 9_990, 10, 0)
    locked = INSTRUMENT.notional_atoms(9_990, 10)
    quote_atoms = 10_000 * 10**INSTRUMENT.quote_scale
    assert balances.balances == (("AAA", 10 * 10**8, 0), ("BBB", quote_atoms - locked, locked))


async def test_fills_are_listed_in_pages_from_a_trade_on() -> None:
    """A negative id asks for the newest page; a full page is never taken for the last one."""
    bench = await make_bench()
    bench.snapshot(bids=((9_980, 5),))
    bench.resting(9_985, PAGE_MAX + 3)
    for _ in range(PAGE_MAX + 1):
        bench.trade(SELL, 9_985, 1)
    bench.told.clear()
    for from_trade_id in (0, PAGE_MAX + 1, PAGE_MAX + 2, -1):
        bench.venue.submit(ListFills(symbol=SYMBOL, from_trade_id=from_trade_id))
    bench.at(100)
    listed = bench.all(FillsListed)
    assert [(page.next_trade_id, page.complete) for page in listed] == [
        (PAGE_MAX + 1, False),
        (PAGE_MAX + 2, True),
        (PAGE_MAX + 2, True),
        (PAGE_MAX + 2, False),
    ]
    fills = bench.all(OrderFilled)
    ids = [fill.trade_id for fill in fills]
    assert ids == [*range(1, PAGE_MAX + 1), PAGE_MAX + 1, *range(2, PAGE_MAX + 2)]
    assert {fill.source for fill in fills} == {Source.QUERY}


# ---- the user stream


async def test_without_the_user_stream_nothing_is_pushed_and_the_listings_tell() -> None:
    """The answer comes all the same; connecting again gives up what was not told."""
    bench = await make_bench(seen=False)
    bench.snapshot()
    cid = bench.resting()
    assert [ack.source for ack in bench.all(OrderAcked)] == [Source.ANSWER]
    bench.trade(SELL, 9_990, 55)
    assert bench.all(OrderFilled) == []
    bench.connect()
    bench.connect()
    assert len(bench.all(StreamUp)) == 2
    bench.place(9_980)
    bench.venue.submit(Connect(stream=Stream.USER))
    bench.at(200)
    assert {ack.source for ack in bench.all(OrderAcked)} == {Source.ANSWER}
    bench.venue.submit(ListFills(symbol=SYMBOL, from_trade_id=-1))
    bench.at(300)
    assert [(fill.cid, fill.size_lots) for fill in bench.all(OrderFilled)] == [(cid, 5)]


async def test_of_two_attempts_to_connect_the_last_one_counts() -> None:
    """The first was given up."""
    bench = await make_bench(seen=False)
    for _ in range(2):
        bench.venue.submit(Connect(stream=Stream.USER))
    bench.at(100)
    assert [up.stream for up in bench.all(StreamUp)] == [Stream.USER]


# ---- limits


async def test_too_many_orders_are_refused_as_the_venue_does() -> None:
    """Told to wait first, then that it was refused; cancels are no orders."""
    bench = await make_bench(caps=Capabilities(orders_per_10s=2, weight_per_minute=6_000))
    bench.told.clear()
    for price in (9_980, 9_981, 9_982):
        bench.place(price)
    bench.cancel("cid-1")
    bench.at(60)
    refused, wait = bench.last(OrderRejected), bench.last(Throttled)
    assert (refused.cid, refused.code, refused.crossed) == ("cid-3", -1015, False)
    assert bench.told.index(wait) == bench.told.index(refused) - 1
    assert not wait.banned
    assert wait.until_ns == START_NS + 40 * MS + 10 * SECOND
    assert bench.last(OrderCanceled).cid == "cid-1"
    bench.at(10_001)
    bench.place(9_983)
    bench.at(10_040)
    assert bench.last(OrderAcked).cid == "cid-4"
    assert bench.venue.touch.touch_lots == 0


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (Cancel(cid="x", symbol=SYMBOL), CancelUnknown),
        (Query(cid="x", symbol=SYMBOL), RequestFailed),
        (ListOrders(symbol=SYMBOL), RequestFailed),
        (ListFills(symbol=SYMBOL, from_trade_id=0), RequestFailed),
        (ListBalances(), RequestFailed),
    ],
)
async def test_too_much_weight_fails_every_request(command: VenueCommand, kind: type[AnyEvent]) -> None:
    """Placements are refused with proof, a cancellation stays unknown, reads brought no answer."""
    bench = await make_bench(caps=Capabilities(orders_per_10s=100, weight_per_minute=50))
    bench.venue.submit(SyncBook(symbol=SYMBOL))  # with the same address: it counts
    bench.told.clear()
    bench.venue.submit(command)
    bench.place()
    bench.at(60)
    (outcome,) = bench.all(kind)
    assert "-1003: Too much request weight used" in str(outcome)
    assert bench.last(OrderRejected).code == -1003
    assert len(bench.all(Throttled)) == 2
    assert bench.all(OrderAcked) == []


async def test_the_venues_own_count_comes_with_every_answer() -> None:
    """Of orders only where one was placed."""
    bench = await make_bench()
    bench.told.clear()
    bench.place()
    bench.venue.submit(ListBalances())
    bench.at(60)
    assert [(used.weight, used.orders) for used in bench.all(RateUsed)] == [(1, 1), (21, -1)]
