"""Tests of mm/venues/paper/venue.py: the port, and orders as the adapter of an account would tell of them."""

from decimal import Decimal
from typing import Any

import pytest

from mm.domain.capabilities import Capabilities
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
    AnyEvent,
    BalanceChanged,
    BalancesListed,
    CancelRejected,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    PlaceUnknown,
    PublicTrade,
    RateUsed,
    Source,
    Stream,
    StreamDown,
    StreamUp,
)
from mm.domain.sides import BUY, SELL
from mm.errors import ProtocolViolation
from mm.ports import SimulatedVenue
from mm.venues.paper import PaperVenue
from tests.builders.instruments import INSTRUMENT, make_test_instrument
from tests.builders.paper_bench import (
    LOT,
    MS,
    START_NS,
    SYMBOL,
    SilentVenue,
    bench_settings,
    make_bench,
)

SECOND = 1_000_000_000
OTHER = make_test_instrument(symbol="CCC/BBB", venue_symbol="CCCBBB", base="CCC")


def names(events: list[AnyEvent]) -> list[str]:
    """Return the names of the events, without the venue's counts."""
    return [type(event).__name__ for event in events if not isinstance(event, RateUsed)]


async def test_it_is_a_venue_whose_book_never_shows_our_orders() -> None:
    """Everything else it can do and limits is what the public venue says."""
    bench = await make_bench()
    assert isinstance(bench.venue, SimulatedVenue)
    assert bench.venue.caps == Capabilities(
        orders_per_10s=100, weight_per_minute=6_000, own_orders_in_book=False
    )


async def test_instruments_bear_the_fees_of_the_settings() -> None:
    """Asking again changes nothing; money is not doubled."""
    venue = PaperVenue(SilentVenue(), bench_settings(maker_fee_ppm=-10, taker_fee_ppm=400))
    for _ in range(2):
        (instrument,) = await venue.instruments((SYMBOL,))
        assert (instrument.maker_fee_ppm, instrument.taker_fee_ppm) == (-10, 400)
    (truth,) = venue.truths()
    assert truth.balances["AAA"].free_atoms == 10 * 10**8


async def test_public_things_are_asked_of_the_public_venue_alone() -> None:
    """At once and unchanged; nothing that needs an account ever gets there."""
    bench = await make_bench()
    public: tuple[VenueCommand, ...] = (
        Connect(stream=Stream.MARKET),
        SyncBook(symbol=SYMBOL),
        MeasureClock(),
    )
    for command in public:
        bench.venue.submit(command)
    bench.cancel(bench.resting())
    assert bench.public.sent == list(public)


async def test_events_from_outside_go_to_the_sink_and_the_end_to_the_public_venue() -> None:
    """What nothing of ours hangs on does nothing to our orders."""
    public, heard = SilentVenue(), list[AnyEvent]()
    venue = PaperVenue(public, bench_settings())
    await venue.start(heard.append)
    assert public.sink is not None
    event = StreamUp(ts_ns=START_NS, stream=Stream.MARKET)
    public.sink(event)
    assert heard == [event]
    assert list(venue.witness(event)) == []
    await venue.close()
    assert public.closed == 1


@pytest.mark.parametrize(
    "command",
    [
        Cancel(cid="x", symbol="NO/NE"),
        ListOrders(symbol="NO/NE"),
        ListFills(symbol="NO/NE", from_trade_id=0),
        Query(cid="x", symbol="NO/NE"),
    ],
)
async def test_what_names_no_symbol_of_ours_is_a_bug(command: VenueCommand) -> None:
    """So is everything before the start and after the end."""
    bench = await make_bench()
    with pytest.raises(ProtocolViolation, match="never asked for"):
        bench.venue.submit(command)
    await bench.venue.close()
    with pytest.raises(ProtocolViolation, match="before the venue was started or after"):
        bench.venue.submit(ListBalances())


# ---- orders


async def test_an_order_is_acknowledged_by_the_stream_and_by_the_answer() -> None:
    """Ten milliseconds there, ten back; nothing is told in between."""
    bench = await make_bench()
    bench.told.clear()
    cid = bench.place(lots=10)
    assert bench.venue.next_due_ns == bench.now_ns + 10 * MS
    assert bench.at(39.9) == []
    told = bench.at(40)
    assert names(told) == ["OrderAcked", "BalanceChanged", "BalanceChanged", "OrderAcked"]
    acks = bench.all(OrderAcked)
    assert [ack.source for ack in acks] == [Source.STREAM, Source.ANSWER]
    assert {(ack.cid, ack.price_ticks, ack.size_lots, ack.venue_order_id) for ack in acks} == {
        (cid, 9_990, 10, "1")
    }
    assert {event.ts_ns for event in told} == {START_NS + 40 * MS}
    locked = {event.asset: event.locked_atoms for event in bench.all(BalanceChanged)}
    assert locked == {"AAA": 0, "BBB": INSTRUMENT.notional_atoms(9_990, 10)}


async def test_a_cancellation_is_told_by_the_stream_and_by_the_answer() -> None:
    """With what was filled before; the money is free again."""
    bench = await make_bench()
    cid = bench.resting()
    bench.trade(SELL, 9_990, 54)
    bench.told.clear()
    bench.cancel(cid)
    assert names(bench.at(60)) == ["OrderCanceled", "BalanceChanged", "BalanceChanged", "OrderCanceled"]
    ends = bench.all(OrderCanceled)
    assert [(end.source, end.cum_lots) for end in ends] == [(Source.STREAM, 4), (Source.ANSWER, 4)]
    assert bench.last(BalanceChanged).locked_atoms == 0
    bench.cancel(cid)
    bench.at(80)
    assert bench.last(CancelRejected).code == -2011


@pytest.mark.parametrize(
    ("fields", "code", "reason", "flags"),
    [
        ({"price_ticks": 10_010}, -2010, "Order would immediately match and take.", (True, False)),
        (
            {"lots": 110_000},
            -2010,
            "Account has insufficient balance for requested action.",
            (False, True),
        ),
        ({"lots": 2_000_000}, -1013, "Filter failure: LOT_SIZE", (False, False)),
    ],
)
async def test_a_refusal_names_code_reason_and_kind(
    fields: dict[str, Any], code: int, reason: str, flags: tuple[bool, bool]
) -> None:
    """In the venue's words, by the answer alone; nothing is locked."""
    bench = await make_bench()
    bench.told.clear()
    bench.place(**fields)
    assert names(bench.at(60)) == ["OrderRejected"]
    refused = bench.last(OrderRejected)
    assert (refused.code, refused.reason, (refused.crossed, refused.funds)) == (code, reason, flags)
    (truth,) = bench.venue.truths()
    assert truth.balances == truth.balances_at_start
    assert truth.orders == ()


async def test_an_id_that_is_in_use_is_unknown_and_not_refused() -> None:
    """A first attempt got through: that is what the venue's words mean."""
    bench = await make_bench()
    cid = bench.resting()
    bench.place(cid=cid)
    bench.at(80)
    assert bench.last(PlaceUnknown).duplicate
    assert len(bench.venue.estimates()) == 1


async def test_while_the_book_is_lost_nothing_is_accepted() -> None:
    """Neither what would rest nor what would take; what rests already stays."""
    bench = await make_bench()
    cid = bench.resting()
    for lose in (
        bench.lose_book,
        lambda: bench.see(StreamDown(ts_ns=bench.now_ns, stream=Stream.MARKET, reason="x")),
    ):
        bench.snapshot()
        lose()
        bench.place(9_980)
        bench.place(10_010, taking=True)
        bench.at((bench.now_ns - START_NS) / MS + 20)
        assert [refused.code for refused in bench.all(OrderRejected)[-2:]] == [-1112, -1112]
    assert [row.cid for row in bench.venue.estimates()] == [cid]


async def test_an_exit_takes_what_is_displayed_and_its_remainder_expires() -> None:
    """By stream and answer, with a fee in what was received; the same fill has the same trade id in both."""
    bench = await make_bench(taker_fee_ppm=1_000)
    bench.told.clear()
    bench.place(9_990, 70, side=SELL, taking=True)
    told = bench.at(60)
    assert names(told) == [
        "OrderAcked",
        "OrderFilled",
        "OrderExpired",
        "BalanceChanged",
        "BalanceChanged",
        "OrderAcked",
        "OrderFilled",
        "OrderExpired",
    ]
    stream, answer = bench.all(OrderFilled)
    assert (stream.source, answer.source) == (Source.STREAM, Source.ANSWER)
    assert (stream.trade_id, stream.size_lots, stream.maker) == (answer.trade_id, 50, False)
    assert stream.fee_asset == "BBB"
    assert stream.fee_atoms == INSTRUMENT.notional_atoms(9_990, 50) // 1_000
    ends = bench.all(OrderExpired)
    assert {(end.cum_lots, end.prevented) for end in ends} == {(50, False)}


@pytest.mark.parametrize(
    ("mode", "maker_left", "taker_ends"),
    [
        ("EXPIRE_MAKER", 0, False),
        ("EXPIRE_TAKER", 10, True),
        ("EXPIRE_BOTH", 0, True),
        ("DECREMENT", 10, True),
    ],
)
async def test_an_order_never_meets_one_of_ours(mode: str, maker_left: int, taker_ends: bool) -> None:
    """What the mode names expires, as an incident; nobody trades with himself."""
    bench = await make_bench(stp_mode=mode)
    maker = bench.resting(10_005, side=SELL)
    taker = bench.place(10_005, 5, taking=True)
    bench.at(80)
    ends = {end.cid: end.prevented for end in bench.all(OrderExpired) if end.source is Source.STREAM}
    assert ends.get(maker, False) is (not maker_left)
    assert ends[taker] is taker_ends
    assert bench.all(OrderFilled) == []
    (truth,) = bench.venue.truths()
    assert truth.counters.self_trades == 0
    assert sum(row.size_lots for row in bench.venue.estimates()) == maker_left


# ---- several symbols, what is shown


async def test_two_symbols_share_one_account() -> None:
    """What one order locks the other cannot use."""
    bench = await make_bench(INSTRUMENT, OTHER, balances={"BBB": Decimal(1_000)})
    bench.resting(9_990, 9_000)
    bench.place(9_990, 9_000)
    bench.at(100)
    assert bench.last(OrderRejected).funds
    first, second = bench.venue.truths()
    assert first.balances == second.balances
    assert first.balances["AAA"].free_atoms == 0
    assert (first.instrument.symbol, second.instrument.symbol) == (SYMBOL, "CCC/BBB")
    bench.venue.submit(ListBalances())
    bench.at(200)
    assert [row[0] for row in bench.last(BalancesListed).balances] == ["AAA", "BBB", "CCC"]


async def test_the_queue_in_front_is_shown_per_order() -> None:
    """It falls as prints take from it."""
    bench = await make_bench()
    cid = bench.resting()
    bench.trade(SELL, 9_990, 20)
    (row,) = bench.venue.estimates()
    assert (row.cid, row.symbol, row.side, row.price_ticks) == (cid, SYMBOL, "buy", 9_990)
    assert (row.size_lots, row.filled_lots, row.ahead_atoms) == (10, 0, 30 * LOT)


async def test_the_truth_tells_orders_tape_and_balances() -> None:
    """As the exchange's truth door does."""
    bench = await make_bench()
    bench.resting()
    bench.trade(SELL, 9_990, 53)
    (truth,) = bench.venue.truths()
    (order,) = truth.orders
    assert [(step.status, step.filled_lots) for step in order.history] == [
        ("NEW", 0),
        ("PARTIALLY_FILLED", 3),
    ]
    (trade,) = truth.tape
    assert (trade.maker_owner, trade.taker_owner, trade.size_lots) == (truth.client, "market", 3)
    counters = truth.counters
    assert (counters.orders_placed, counters.fills, counters.self_trades, counters.open_orders) == (
        1,
        1,
        0,
        1,
    )
    assert counters.first_fill_ns == bench.now_ns
    moved = {
        asset: held.free_atoms + held.locked_atoms - truth.balances_at_start[asset].free_atoms
        for asset, held in truth.balances.items()
    }
    assert moved == {"AAA": 3 * LOT, "BBB": -INSTRUMENT.notional_atoms(9_990, 3)}


async def test_what_fill_at_touch_would_have_claimed_is_counted_beside() -> None:
    """The opposite best comes to our price and goes away: the wishful model has filled, ours has not."""
    bench = await make_bench()
    cid = bench.resting()
    bench.top((9_980, 50), (9_990, 5))
    bench.snapshot()
    assert bench.venue.touch._asdict() == {
        "touch_fills": 1,
        "touch_lots": 10,
        "honest_fills": 0,
        "honest_lots": 0,
        "phantom_fills": 1,
        "phantom_lots": 10,
        "missed_fills": 0,
        "missed_lots": 0,
    }
    bench.cancel(cid)
    bench.at(200)
    assert bench.venue.touch.phantom_lots == 10


async def test_a_fill_while_its_cancel_is_under_way_is_one_that_fill_at_touch_has_not() -> None:
    """The wishful model lets go of an order the moment that its cancel is sent."""
    bench = await make_bench()
    cid = bench.resting()
    bench.cancel(cid)
    bench.trade(SELL, 9_980, 10)
    assert [fill.cid for fill in bench.all(OrderFilled)] == [cid]
    touch = bench.venue.touch
    assert (touch.touch_fills, touch.honest_fills, touch.missed_fills, touch.missed_lots) == (0, 1, 1, 10)


async def test_a_print_at_the_price_is_a_touch_whatever_stands_before_us() -> None:
    """One lot of fifty that are ahead: claimed there, not filled here."""
    bench = await make_bench()
    bench.resting()
    bench.trade(SELL, 9_990, 1)
    touch = bench.venue.touch
    assert (touch.touch_fills, touch.honest_fills, touch.phantom_lots) == (1, 0, 10)


async def test_an_order_that_the_venue_turned_away_is_in_neither_model() -> None:
    """The market that comes to its price later does not count."""
    bench = await make_bench(caps=Capabilities(orders_per_10s=1, weight_per_minute=6_000))
    bench.resting(9_980)
    turned_away = bench.place(9_985)
    bench.at(200)
    assert [event.cid for event in bench.all(OrderRejected)] == [turned_away]
    bench.trade(SELL, 9_985, 1)
    assert bench.venue.touch.touch_fills == 0


async def test_what_prints_moves_the_band_of_prices_that_the_venue_takes() -> None:
    """The filter's mean is that of the trades: far above the book, it leaves our bid outside."""
    bench = await make_bench()
    bench.trade(BUY, 100_000, 1_000)
    cid = bench.resting()
    (refused,) = bench.all(OrderRejected)
    assert (refused.cid, refused.reason) == (cid, "Filter failure: PERCENT_PRICE_BY_SIDE")


async def test_what_is_asked_of_the_public_venue_counts_as_weight_not_as_an_order() -> None:
    """Two books are asked for where one order is allowed: the order is taken."""
    bench = await make_bench(caps=Capabilities(orders_per_10s=1, weight_per_minute=6_000))
    bench.venue.submit(SyncBook(symbol=SYMBOL))
    bench.venue.submit(MeasureClock())
    cid = bench.resting()
    assert [event.cid for event in bench.all(OrderAcked) if event.source is Source.ANSWER] == [cid]


async def test_cancelled_orders_are_counted_as_such() -> None:
    """Of a placed, a filled and a cancelled one, one."""
    bench = await make_bench()
    filled, cancelled = bench.resting(9_990), bench.resting(9_980)
    bench.trade(SELL, 9_985, 10)
    bench.cancel(cancelled)
    bench.at(200)
    assert [event.cid for event in bench.all(OrderFilled)] == [filled]
    (truth,) = bench.venue.truths()
    assert (truth.counters.orders_placed, truth.counters.orders_cancelled) == (2, 1)


async def test_what_comes_late_happens_now() -> None:
    """An event that bears an earlier time than has passed fills at the time that it is."""
    bench = await make_bench()
    bench.resting()
    bench.at(500)
    late = PublicTrade(
        ts_ns=START_NS + 100 * MS,
        symbol=SYMBOL,
        trade_id=1,
        price_ticks=9_980,
        size_atoms=10 * LOT,
        aggressor=SELL,
    )
    told = bench.see(late)
    assert [event.ts_ns for event in told if isinstance(event, OrderFilled)] == [START_NS + 500 * MS]
    (truth,) = bench.venue.truths()
    assert truth.counters.first_fill_ns == START_NS + 500 * MS


async def test_what_the_stream_has_not_told_is_lost_with_its_connection() -> None:
    """The answers come all the same; the rest is found out by asking."""
    bench = await make_bench()
    cid = bench.resting()
    bench.cancel(cid)
    bench.at((bench.now_ns - START_NS) / MS + 15)
    bench.venue.submit(Connect(stream=Stream.USER))
    told = bench.at(500)
    assert [(event.cid, event.source) for event in told if isinstance(event, OrderCanceled)] == [
        (cid, Source.ANSWER)
    ]


async def test_nothing_is_sent_before_the_start() -> None:
    """A defect of the caller, as at a real venue."""
    venue = PaperVenue(SilentVenue(), bench_settings())
    await venue.instruments((SYMBOL,))
    with pytest.raises(ProtocolViolation, match="before the venue was started"):
        venue.submit(ListBalances())


async def test_a_symbol_that_nobody_trades_here_is_nothing_to_us() -> None:
    """Its events pass."""
    bench = await make_bench(OTHER)
    assert bench.snapshot() == []
