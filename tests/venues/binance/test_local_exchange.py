"""The adapter at the local exchange, over real sockets and through the unmodified library."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from mm.domain.book import Book
from mm.domain.commands import (
    Cancel,
    Connect,
    ListBalances,
    ListFills,
    ListOrders,
    MeasureClock,
    Query,
    SyncBook,
    TimeInForce,
)
from mm.domain.events import (
    BalanceChanged,
    BalancesListed,
    BookDelta,
    BookLost,
    BookSnapshot,
    CancelRejected,
    ClockMeasured,
    FillsListed,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderNotFound,
    OrderRejected,
    OrderSeen,
    OrdersListed,
    PlaceUnknown,
    PublicTrade,
    Source,
    Stream,
    StreamDown,
    TopOfBook,
)
from mm.domain.sides import Side
from mm.domain.units import NS_PER_S
from mm.errors import ForeignAddress, VenueRefused, VenueUnreachable
from mm.exchange.server import LocalExchange
from mm.exchange.truth import truth
from mm.venues.binance import BinanceSettings, BinanceUrls, BinanceVenue
from mm.venues.binance.venue import BinanceAdapter
from tests.builders.broken_line import BrokenLine
from tests.builders.exchange import KEY, SECRET, ManualClock, hit, rest
from tests.builders.exchange import running as exchange_running
from tests.builders.heard import Heard
from tests.builders.venue_setup import CID, connect, place, running

MID = 6_000_000
BELOW = MID - 1_000
LOTS = 10_000
PAIR = "BTC/USDT"


class Room:
    """An exchange with one clock for everybody, an adapter at it, and what it said."""

    def __init__(
        self, exchange: LocalExchange, clock: ManualClock, venue: BinanceAdapter, heard: Heard
    ) -> None:
        self.exchange, self.clock, self.venue, self.heard = exchange, clock, venue, heard

    def step(self) -> None:
        """Let the time of one round of book changes pass for everybody."""
        self.clock.advance(ms=100)
        self.exchange.pump()

    def truth(self, part: str) -> Any:
        """Return a part of what really happened."""
        return truth(self.exchange.floor, self.exchange._log, only=part)[part]


def at(url: str, clock: ManualClock, **changes: Any) -> BinanceSettings:
    """Return settings for an exchange on loopback."""
    fields: dict[str, Any] = {"api_key": KEY, "api_secret": SECRET} | changes
    return BinanceSettings(clock=clock, urls=BinanceUrls(url), loopback_only=True, **fields)


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    """A room with a small book: one bid and one ask of a stranger, 2 000 ticks apart."""
    clock = ManualClock()
    async with exchange_running(clock) as exchange:
        rest(exchange, Side.BUY, BELOW, 100_000)
        rest(exchange, Side.SELL, MID + 1_000, 100_000)
        async with running(at(exchange.url, clock)) as (venue, heard):
            await connect(venue, heard, Stream.MARKET, Stream.USER)
            venue.submit(SyncBook(symbol=PAIR))
            await heard.next(BookSnapshot)
            heard.forget()
            yield Room(exchange, clock, venue, heard)


async def test_an_order_is_acked_filled_and_the_rest_cancelled(room: Room) -> None:
    """A whole life, told by stream and answers alike, and equal to what really happened."""
    heard, venue = room.heard, room.venue
    venue.submit(place(price_ticks=MID, size_lots=LOTS))
    await heard.next(OrderAcked, count=2)
    hit(room.exchange, Side.SELL, 4_000)
    fill = await heard.next(OrderFilled)
    assert (fill.cid, fill.price_ticks, fill.size_lots, fill.maker) == (CID, MID, 4_000, True)
    assert (fill.side, fill.source) == (Side.BUY, Source.STREAM)
    venue.submit(Query(cid=CID, symbol=PAIR))
    seen = await heard.next(OrderSeen)
    assert (seen.open, seen.cum_lots) == (True, 4_000)
    venue.submit(Cancel(cid=CID, symbol=PAIR))
    await heard.next(OrderCanceled, count=2)
    assert {cancelled.cum_lots for cancelled in heard.all(OrderCanceled)} == {4_000}
    assert {acked.source for acked in heard.all(OrderAcked)} == {Source.STREAM, Source.ANSWER}
    await heard.next(PublicTrade, where=lambda trade: trade.aggressor is Side.SELL)
    (row,) = room.truth("tape")
    assert (row["trade_id"], row["size_lots"]) == (fill.trade_id, fill.size_lots)
    assert room.truth("open_orders") == []


async def test_listings_tell_what_the_exchange_holds(room: Room) -> None:
    """Orders, fills and balances, by asking alone."""
    heard, venue = room.heard, room.venue
    venue.submit(place(price_ticks=MID, size_lots=LOTS))
    await heard.next(OrderAcked, count=2)
    hit(room.exchange, Side.SELL, 4_000)
    await heard.next(OrderFilled)
    for command in (ListOrders(symbol=PAIR), ListFills(symbol=PAIR, from_trade_id=0), ListBalances()):
        venue.submit(command)
    (order,) = (await heard.next(OrdersListed)).orders
    assert (order.cid, order.price_ticks, order.size_lots, order.cum_lots) == (CID, MID, LOTS, 4_000)
    listed = await heard.next(FillsListed)
    assert listed.complete
    by_stream, by_query = heard.all(OrderFilled)
    assert by_query.source is Source.QUERY
    assert (by_query.trade_id, by_query.cid, by_query.fee_atoms, by_query.fee_asset) == (
        by_stream.trade_id,
        by_stream.cid,
        by_stream.fee_atoms,
        by_stream.fee_asset,
    )
    assert listed.next_trade_id == by_stream.trade_id + 1
    held = (await heard.next(BalancesListed)).balances
    really = {
        asset: (row["free_atoms"], row["locked_atoms"]) for asset, row in room.truth("balances").items()
    }
    assert {asset: (free, locked) for asset, free, locked in held} == really
    last = {event.asset: (event.free_atoms, event.locked_atoms) for event in heard.all(BalanceChanged)}
    assert last == really


async def test_refusals_have_their_meaning(room: Room) -> None:
    """Crossing, no funds, a filter, an id in use, an order that is not there."""
    heard, venue = room.heard, room.venue
    venue.submit(place(cid="a" * 32, price_ticks=MID + 1_000, size_lots=LOTS))
    assert (await heard.next(OrderRejected)).crossed
    venue.submit(place(cid="b" * 32, price_ticks=BELOW, size_lots=800_000_000))
    assert (await heard.next(OrderRejected, count=2)).funds
    venue.submit(place(cid="c" * 32, price_ticks=BELOW, size_lots=1))
    assert (await heard.next(OrderRejected, count=3)).code == -1013
    venue.submit(place(cid="d" * 32, price_ticks=BELOW, size_lots=LOTS))
    await heard.next(OrderAcked, count=2)
    venue.submit(place(cid="d" * 32, price_ticks=BELOW, size_lots=LOTS))
    assert (await heard.next(PlaceUnknown)).duplicate
    venue.submit(Cancel(cid="e" * 32, symbol=PAIR))
    assert (await heard.next(CancelRejected)).code == -2011
    venue.submit(Query(cid="e" * 32, symbol=PAIR))
    assert (await heard.next(OrderNotFound)).cid == "e" * 32


async def test_an_order_that_takes_at_once_tells_fills_and_end_in_its_answer(room: Room) -> None:
    """The same fill comes by both ways, with one trade id."""
    heard = room.heard
    kind: dict[str, Any] = {"post_only": False, "time_in_force": TimeInForce.IOC}
    rest(room.exchange, Side.SELL, MID + 500, 2_000)
    room.venue.submit(place(price_ticks=MID + 500, size_lots=5_000, **kind))
    await heard.next(OrderExpired, count=2)
    assert {fill.source for fill in heard.all(OrderFilled)} == {Source.STREAM, Source.ANSWER}
    assert len({(fill.trade_id, fill.size_lots, fill.fee_atoms) for fill in heard.all(OrderFilled)}) == 1
    assert {(expired.cum_lots, expired.prevented) for expired in heard.all(OrderExpired)} == {(2_000, False)}


async def test_an_order_that_meets_one_of_ours_is_prevented(room: Room) -> None:
    """The venue's own flag ends the resting one; nothing trades with itself."""
    heard, venue = room.heard, room.venue
    venue.submit(place(cid="a" * 32, price_ticks=MID, size_lots=LOTS))
    await heard.next(OrderAcked, count=2)
    venue.submit(place(cid="b" * 32, side=Side.SELL, price_ticks=MID, size_lots=LOTS, post_only=False))
    expired = await heard.next(OrderExpired)
    assert (expired.cid, expired.prevented) == ("a" * 32, True)
    assert room.truth("tape") == []


async def test_the_book_follows_the_exchange(room: Room) -> None:
    """Snapshot, changes and tops together are the exchange's own book."""
    heard = room.heard
    book = Book()
    room.venue.submit(SyncBook(symbol=PAIR))
    await heard.next(BookSnapshot)
    for number in range(1, 21):
        rest(room.exchange, Side.BUY, BELOW + number, 1_000 + number)
        room.step()
    await heard.next(
        BookDelta, where=lambda delta: any(level.price_ticks == BELOW + 20 for level in delta.bids)
    )
    for event in heard.events:
        if isinstance(event, BookSnapshot):
            book.apply_snapshot(event.ts_ns, event.seq, event.bids, event.asks)
        elif isinstance(event, BookDelta):
            book.apply_delta(event.ts_ns, event.seq, event.bids, event.asks)
        elif isinstance(event, TopOfBook):
            book.apply_top(event.ts_ns, event.seq, event.bid, event.ask)
    mine = [(level.price_ticks, level.size_atoms // 1_000) for level in book.bids(50, {})]
    assert mine[:2] == [(BELOW + 20, 1_020), (BELOW + 19, 1_019)]
    assert len(mine) == 21
    assert heard.all(BookLost) == []


async def test_an_order_whose_ack_was_lost_is_found_by_asking() -> None:
    """Unknown at first; the venue knows it, and the same id cannot become a second order."""
    clock = ManualClock()
    async with exchange_running(clock) as exchange:
        line = await BrokenLine(int(exchange.url.rpartition(":")[2])).start()
        async with running(at(f"http://127.0.0.1:{line.port}", clock)) as (venue, heard):
            line.lose_answer_to(b"POST /api/v3/order")
            venue.submit(place(price_ticks=BELOW, size_lots=LOTS))
            unknown = await heard.next(PlaceUnknown)
            assert (unknown.cause, unknown.duplicate) == ("the connection ended before the answer", False)
            venue.submit(Query(cid=CID, symbol=PAIR))
            assert (await heard.next(OrderSeen)).open
            venue.submit(place(price_ticks=BELOW, size_lots=LOTS))
            assert (await heard.next(PlaceUnknown, count=2)).duplicate
            venue.submit(ListOrders(symbol=PAIR))
            assert [order.cid for order in (await heard.next(OrdersListed)).orders] == [CID]
        await line.close()


async def test_a_line_that_breaks_takes_both_streams_down_and_what_was_missed_is_listed() -> None:
    """A fill during the outage is not on the stream; asking brings it."""
    clock = ManualClock()
    async with exchange_running(clock) as exchange:
        rest(exchange, Side.SELL, MID + 1_000, 100_000)
        line = await BrokenLine(int(exchange.url.rpartition(":")[2])).start()
        async with running(at(f"http://127.0.0.1:{line.port}", clock)) as (venue, heard):
            await connect(venue, heard, Stream.MARKET, Stream.USER)
            venue.submit(SyncBook(symbol=PAIR))
            venue.submit(place(price_ticks=MID, size_lots=LOTS))
            await heard.next(OrderAcked, count=2)
            await heard.next(BookSnapshot)
            line.cut()
            await heard.next(StreamDown, count=2)
            await heard.next(BookLost)
            hit(exchange, Side.SELL, 4_000)
            await connect(venue, heard, Stream.MARKET, Stream.USER)
            venue.submit(ListFills(symbol=PAIR, from_trade_id=0))
            await heard.next(FillsListed)
            (fill,) = heard.all(OrderFilled)
            assert (fill.cid, fill.size_lots, fill.source) == (CID, 4_000, Source.QUERY)
            venue.submit(SyncBook(symbol=PAIR))
            await heard.next(BookSnapshot, count=2)
        await line.close()


async def test_a_clock_that_is_off_is_measured_and_then_right() -> None:
    """Refused at first, accepted after the measurement."""
    clock, ours = ManualClock(), ManualClock()
    async with exchange_running(clock) as exchange, running(at(exchange.url, ours)) as (venue, heard):
        ours.advance(ms=30_000)
        venue.submit(place(price_ticks=BELOW, size_lots=LOTS))
        assert (await heard.next(OrderRejected)).code == -1021
        venue.submit(MeasureClock())
        measured = await heard.next(ClockMeasured)
        assert measured.offset_ns == pytest.approx(-30 * NS_PER_S, abs=2_000_000)
        venue.submit(place(price_ticks=BELOW, size_lots=LOTS))
        await heard.next(OrderAcked)


@pytest.mark.parametrize(
    ("changes", "code"), [({"api_secret": "wrong"}, -1022), ({"api_key": "stranger"}, -2015)]
)
async def test_a_bad_key_is_refused_at_start(changes: dict[str, str], code: int) -> None:
    """With the venue's code and a hint, and no stream comes up with it."""
    clock = ManualClock()
    async with (
        exchange_running(clock) as exchange,
        running(at(exchange.url, clock, **changes), symbols=()) as (venue, heard),
    ):
        with pytest.raises(VenueRefused) as caught:
            await venue.instruments((PAIR,))
        assert (caught.value.code, bool(caught.value.hint)) == (code, True)
        venue.submit(Connect(stream=Stream.USER))
        assert str(code) in (await heard.next(StreamDown)).reason


async def test_an_exchange_that_is_gone_is_unreachable() -> None:
    """A port where nobody listens."""
    clock = ManualClock()
    async with exchange_running(clock) as exchange:
        url = exchange.url
    async with running(at(url, clock), symbols=()) as (venue, _):
        with pytest.raises(VenueUnreachable, match="cannot be reached"):
            await venue.instruments((PAIR,))


async def test_the_factory_makes_a_working_venue() -> None:
    """What bootstrap calls."""
    clock = ManualClock()
    async with exchange_running(clock) as exchange:
        venue = BinanceVenue(at(exchange.url, clock))
        (instrument,) = await venue.instruments((PAIR,))
        assert instrument == exchange.floor.instrument
        await venue.close()


def test_a_demo_never_leaves_this_machine() -> None:
    """Whatever address the settings hold."""
    for url in ("http://93.184.216.34:80", "https://api.binance.com", "http://[2001:db8::1]:80"):
        with pytest.raises(ForeignAddress):
            BinanceVenue(at(url, ManualClock()))
