"""What time alone makes due: connections, books, unanswered orders, reconciliation, activation."""

import pytest

from mm.domain.book import Level
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
)
from mm.domain.events import (
    Advanced,
    BookDelta,
    BookLost,
    Operation,
    OrderRejected,
    OrderSeen,
    RateUsed,
    RequestFailed,
    Source,
    Stream,
    StreamDown,
    StreamUp,
    Throttled,
    TopOfBook,
)
from mm.domain.orders import OrderState
from mm.domain.quotes import Quote
from mm.engine.setup import Deadlines
from tests.builders.engine_ladder import SECOND_NS, Scripted
from tests.builders.engine_rig import (
    BASE_ATOMS,
    MID,
    MS,
    QUOTE_ATOMS,
    Rig,
    listed,
    make_session,
    of,
    orphan,
)
from tests.builders.instruments import INSTRUMENT

SYMBOL = INSTRUMENT.symbol


def active() -> Rig:
    """Return a bench with one acknowledged bid."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.activate()
    rig.place_all()
    return rig


def connects(rig: Rig, stream: Stream) -> int:
    """Return how often a stream was dialled."""
    return sum(command.stream is stream for command in of(rig.sent, Connect))


# ---- connections


def test_a_start_that_may_not_ask_says_so() -> None:
    """Many starts within a minute used up what the venue allows: it waits for that (seed 30026)."""
    rig = Rig(make_session(Scripted()))
    rig.feed(StreamUp, stream=Stream.MARKET)
    rig.feed(StreamUp, stream=Stream.USER)
    rig.advance(200 * MS)
    assert rig.session().reason == "waits for connections and a book"
    rig.feed(RateUsed, weight=900_000, orders=-1)
    rig.advance(200 * MS)
    waits = "waits for connections and a book; waits for the venue's budget of requests"
    assert rig.session().reason == waits


def test_a_connection_attempt_without_an_outcome_is_repeated() -> None:
    """After ten seconds, not before."""
    rig = Rig()
    rig.feed(Advanced)
    rig.advance(9_900 * MS)
    assert connects(rig, Stream.MARKET) == 1
    rig.advance(200 * MS)
    assert connects(rig, Stream.MARKET) == 2


def test_connection_attempts_that_fail_are_repeated_with_growing_pauses() -> None:
    """At once after the first failure, then twice as late each time, at most half a minute."""
    rig = Rig()
    rig.feed(Advanced)
    times = []
    for _ in range(12):
        before = connects(rig, Stream.USER)
        rig.feed(StreamDown, stream=Stream.USER, reason="refused")
        start_ns = rig.now_ns
        while connects(rig, Stream.USER) == before:
            rig.advance(100 * MS)
        times.append((rig.now_ns - start_ns) / SECOND_NS)
    assert times == [0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0, 30.0]


def test_a_stream_that_comes_up_and_dies_at_once_is_not_dialled_in_a_loop() -> None:
    """Only one that held for a while is forgiven its failures."""
    rig = Rig()
    rig.feed(Advanced)
    for _ in range(20):
        rig.feed(StreamUp, stream=Stream.USER)
        rig.feed(StreamDown, stream=Stream.USER, reason="kicked")
        rig.advance(SECOND_NS)
    assert connects(rig, Stream.USER) < 10
    rig.feed(StreamUp, stream=Stream.USER)
    rig.advance(31 * SECOND_NS)
    before = connects(rig, Stream.USER)
    rig.feed(StreamDown, stream=Stream.USER, reason="gone")
    rig.advance(100 * MS)
    assert connects(rig, Stream.USER) == before + 1


def test_while_banned_no_stream_is_dialled() -> None:
    """Dialling is a request too."""
    rig = active()
    before = connects(rig, Stream.USER)
    rig.feed(Throttled, until_ns=rig.now_ns + 5 * SECOND_NS, banned=True)
    rig.feed(StreamDown, stream=Stream.USER, reason="gone")
    rig.keep_alive(4 * SECOND_NS)
    assert connects(rig, Stream.USER) == before
    rig.keep_alive(2 * SECOND_NS)
    assert connects(rig, Stream.USER) == before + 1


def test_a_market_stream_without_news_is_given_up_with_its_books_and_dialled_anew() -> None:
    """The socket is open and nothing comes: what it carried is not believed any more."""
    rig = active()
    rig.advance(9 * SECOND_NS)
    assert rig.reports("stream.suspect")[0]["stream"] == "market"
    assert rig.reports("book.lost") == [{"symbol": SYMBOL, "reason": f"no news of {SYMBOL}", "session": ""}]
    assert connects(rig, Stream.MARKET) == 2
    rig.feed(StreamUp, stream=Stream.MARKET)
    sent = rig.advance(2 * SECOND_NS)
    assert len(of(sent, SyncBook)) == 1
    assert connects(rig, Stream.MARKET) == 2


def test_a_user_stream_that_does_not_echo_an_order_is_given_up() -> None:
    """Acknowledged by the answer, unheard of on the stream: nobody would tell us of its fills."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.activate()
    rig.ack(rig.places()[0], source=Source.ANSWER)
    rig.keep_alive(4 * SECOND_NS)
    assert rig.reports("stream.suspect") == []
    rig.keep_alive(2 * SECOND_NS)
    assert rig.reports("stream.suspect") == [
        {"stream": "user", "reason": "orders are not echoed", "session": ""}
    ]
    assert connects(rig, Stream.USER) == 2
    assert not rig.engine.state.user_synced


def test_a_user_stream_is_given_up_also_when_no_order_lives_long_enough_to_be_missed() -> None:
    """Orders come and go by answers alone, and the stream says nothing about any of them."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.activate()
    for _ in range(12):
        place = rig.places()[-1]
        rig.ack(place, source=Source.ANSWER)
        rig.canceled(place)
        rig.keep_alive(SECOND_NS // 2)
    assert len(rig.reports("stream.suspect")) == 1


def test_a_stream_that_says_something_is_not_suspected_for_one_missing_report() -> None:
    """Reports of other orders come: the stream lives. The one that is missing is found by its own age."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10), Quote(MID - 21, 10, 1)))))
    rig.activate()
    first, second = rig.places()
    rig.ack(first, source=Source.ANSWER)
    rig.advance(MS)
    rig.ack(second)
    rig.keep_alive(4 * SECOND_NS)
    assert rig.reports("stream.suspect") == []
    rig.keep_alive(2 * SECOND_NS)
    assert [facts["reason"] for facts in rig.reports("stream.suspect")] == ["an order was not echoed"]
    rig.keep_alive(6 * SECOND_NS)
    assert len(rig.reports("stream.suspect")) == 1


def test_an_order_that_the_stream_showed_first_is_owed_nothing() -> None:
    """The answer comes after the echo; an answer about a stranger's order counts for nothing."""
    rig = active()
    (place,) = rig.places()
    rig.ack(place, source=Source.ANSWER)
    rig.ack(place, source=Source.ANSWER, cid="manual")
    rig.keep_alive(7 * SECOND_NS)
    assert rig.reports("stream.suspect") == []


def test_an_order_that_a_query_found_is_owed_no_echo_by_a_stream_that_is_down() -> None:
    """What is down is not suspected."""
    rig = active()
    rig.feed(StreamDown, stream=Stream.USER, reason="gone")
    place = rig.places()[0]
    rig.feed(OrderSeen, cid=place.cid, venue_order_id="1", open=True, cum_lots=0)
    rig.order(place).echoed = False
    rig.keep_alive(7 * SECOND_NS)
    assert rig.reports("stream.suspect") == []


# ---- books


def test_a_lost_book_is_fetched_at_once_and_then_later_and_later_while_that_fails() -> None:
    """A snapshot is the dearest request: a venue that cannot give one is not asked in a loop."""
    rig = active()
    rig.keep_alive(31 * SECOND_NS)
    rig.feed(BookLost, symbol=SYMBOL, reason="gap")
    assert len(of(rig.advance(100 * MS), SyncBook)) == 1
    count = 1
    for _ in range(60):
        rig.feed(BookLost, symbol=SYMBOL, reason="snapshot too old")
        count += len(of(rig.advance(500 * MS), SyncBook))
    assert count <= 9
    assert len(rig.reports("book.lost")) == 1


def test_a_book_that_is_lost_again_and_again_right_after_the_snapshot_is_fetched_ever_later() -> None:
    """Only a book that held for a while is forgiven its failures."""
    rig = active()
    rig.keep_alive(31 * SECOND_NS)
    count = 0
    for _ in range(60):
        rig.feed(BookLost, symbol=SYMBOL, reason="gap")
        fetched = len(of(rig.advance(500 * MS), SyncBook))
        count += fetched
        if fetched:
            rig.snapshot()
    assert count <= 9


def test_a_snapshot_that_does_not_come_is_asked_for_again() -> None:
    """After two seconds at first."""
    rig = active()
    rig.keep_alive(31 * SECOND_NS)
    rig.feed(BookLost, symbol=SYMBOL, reason="gap")
    sent = of(rig.advance(10 * SECOND_NS), SyncBook)
    assert len(sent) == 3


def test_a_book_that_stays_crossed_is_wrong_and_fetched_anew() -> None:
    """For a moment it may be; after 200 ms something was missed."""
    rig = active()
    crossed = {"symbol": SYMBOL, "venue_ms": 0, "bids": (Level(MID + 50, 10),), "asks": ()}
    rig.seq += 1
    rig.feed(BookDelta, seq=rig.seq, **crossed)
    assert rig.session().reason == "waits for a two-sided book"
    assert rig.advance(200 * MS) == []
    sent = rig.advance(SECOND_NS)
    assert len(of(sent, SyncBook)) == 1
    assert [facts["reason"] for facts in rig.reports("book.lost")] == ["crossed"]


def test_a_stream_whose_depth_is_silent_while_the_top_moves_is_dialled_anew() -> None:
    """News of the best prices alone do not keep a book alive; a snapshot would be as old at once."""
    rig = active()
    for number in range(30):
        rig.feed(
            TopOfBook, symbol=SYMBOL, seq=rig.seq + 1 + number, bid=Level(MID - 9, 10), ask=Level(MID + 9, 10)
        )
        rig.advance(100 * MS)
    reason = f"the depth of {SYMBOL} is silent while its top moves"
    assert [facts["reason"] for facts in rig.reports("book.lost")] == [reason]
    assert connects(rig, Stream.MARKET) == 2


def test_without_budget_no_snapshot_is_asked_for() -> None:
    """It waits for the window to move on."""
    rig = Rig(caps=Capabilities(orders_per_10s=10, weight_per_minute=100))
    rig.feed(StreamUp, stream=Stream.MARKET)
    rig.advance(SECOND_NS)
    assert len(of(rig.sent, SyncBook)) == 1
    sent = rig.advance(50 * SECOND_NS)
    assert of(sent, SyncBook) == []
    assert len(of(rig.advance(20 * SECOND_NS), SyncBook)) == 1


# ---- orders


def test_a_cancel_without_any_answer_is_unknown_after_its_deadline() -> None:
    """And asked about."""
    rig = active()
    (place,) = rig.places()
    rig.script().bids = ()
    rig.keep_alive(6 * SECOND_NS)
    assert rig.state_of(place) is OrderState.CANCEL_SENT
    rig.keep_alive(2 * SECOND_NS)
    assert rig.state_of(place) is OrderState.UNKNOWN_CANCEL
    assert {query.cid for query in of(rig.sent, Query)} == {place.cid}


def test_an_unknown_order_is_asked_about_less_and_less_often_and_never_given_up() -> None:
    """From a quarter of a second up to five."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.activate()
    rig.keep_alive(127 * SECOND_NS)
    assert 25 <= len(of(rig.sent, Query)) <= 32
    assert rig.state_of(rig.places()[0]) is OrderState.UNKNOWN


# ---- reconciliation


def test_orders_fills_and_balances_are_looked_at_every_half_minute() -> None:
    """One pass each, and the clock measured once in five minutes."""
    rig = active()
    rig.list_all()
    before = [len(of(rig.sent, kind)) for kind in (ListOrders, ListFills, ListBalances)]
    for _ in range(60):
        rig.keep_alive(SECOND_NS)
        rig.list_all()
    after = [len(of(rig.sent, kind)) for kind in (ListOrders, ListFills, ListBalances)]
    assert [b - a for a, b in zip(before, after, strict=True)] == [2, 2, 2]
    assert len(of(rig.sent, MeasureClock)) == 1
    rig.keep_alive(300 * SECOND_NS)
    assert len(of(rig.sent, MeasureClock)) == 2


def test_after_a_reconnection_of_the_user_stream_everything_is_looked_at_at_once() -> None:
    """And asked again until it was seen."""
    rig = active()
    rig.feed(StreamDown, stream=Stream.USER, reason="gone")
    rig.advance(SECOND_NS)
    rig.feed(StreamUp, stream=Stream.USER)
    sent = rig.advance(100 * MS)
    assert (len(of(sent, ListOrders)), len(of(sent, ListFills)), len(of(sent, ListBalances))) == (1, 1, 1)
    rig.keep_alive(14 * SECOND_NS)
    assert not rig.engine.state.user_synced
    sent = rig.keep_alive(2 * SECOND_NS)
    assert (len(of(sent, ListOrders)), len(of(sent, ListFills)), len(of(sent, ListBalances))) == (1, 1, 1)


def test_without_a_user_stream_nothing_is_reconciled() -> None:
    """It is done when the stream is back."""
    rig = Rig()
    rig.feed(StreamUp, stream=Stream.MARKET)
    rig.advance(5 * SECOND_NS)
    assert of(rig.sent, ListBalances) == []


# ---- activation


def test_a_session_starts_when_streams_listings_and_book_are_there() -> None:
    """Until then it says what it waits for; the holding is its target."""
    rig = Rig()
    rig.feed(Advanced)
    assert rig.session().reason == "waits for connections and a book"
    rig.activate()
    assert (rig.session().state, rig.session().reason) == ("active", "quoting")
    assert rig.reports("session.target") == [
        {"target_lots": str(BASE_ATOMS // INSTRUMENT.lot_atoms), "session": "main"}
    ]
    assert rig.session().position.inventory_lots == 0


def test_a_configured_target_is_kept_and_what_is_missing_to_it_is_inventory() -> None:
    """Holding 1 000 less than the target is an inventory of -1 000."""
    held = BASE_ATOMS // INSTRUMENT.lot_atoms
    rig = Rig(make_session(target_lots=held + 1_000))
    rig.activate()
    assert rig.session().position.inventory_lots == -1_000
    assert rig.reports("session.target") == []


@pytest.mark.parametrize(("ratio_ppm", "share"), [(0, 0.0), (250_000, 0.25), (1_000_000, 1.0)])
def test_a_target_may_be_a_share_of_what_base_and_quote_are_worth(ratio_ppm: int, share: float) -> None:
    """At the mid of the first start; from then on it is an amount, and a target that is given stands."""
    rig = Rig(make_session(target_ratio_ppm=ratio_ppm))
    rig.activate()

    price_atoms = MID * INSTRUMENT.tick_lot_atoms
    held_lots = BASE_ATOMS // INSTRUMENT.lot_atoms
    worth_lots = held_lots + QUOTE_ATOMS / price_atoms
    session = rig.session()
    assert session.target_lots == pytest.approx(share * worth_lots, abs=1)
    assert rig.reports("session.target") == [{"target_lots": str(session.target_lots), "session": "main"}]
    assert session.position.inventory_lots == held_lots - session.target_lots

    given = Rig(make_session(target_lots=7, target_ratio_ppm=ratio_ppm))
    given.activate()
    assert given.session().target_lots == 7


def test_orders_of_an_earlier_life_are_cleared_before_a_session_starts() -> None:
    """Cancelled, listed until gone for a while, holdings and fills listed after that: whoever left them may
    be alive and place the next one.
    """
    rig = Rig()
    rig.activate(orders=(orphan(),))
    assert (rig.session().state, rig.session().reason) == ("pending", "clears orders of an earlier life")
    assert [cancel.cid for cancel in of(rig.sent, Cancel)] == [orphan().cid]
    sent = rig.advance(500 * MS)
    assert len(of(sent, ListOrders)) == 1
    rig.list_orders()
    rig.advance(100 * MS)
    assert rig.session().reason == "waits for balances and fills"
    rig.list_all()
    rig.advance(100 * MS)
    assert rig.session().state == "pending"
    rig.keep_alive(3 * SECOND_NS)
    rig.list_orders()
    rig.list_balances()
    rig.advance(100 * MS)
    assert rig.session().state == "pending"
    rig.list_fills()
    rig.touch_book()
    rig.advance(100 * MS)
    assert rig.session().state == "active"


def test_an_order_that_came_back_is_cleared_before_a_session_starts_again() -> None:
    """After a lifted halt nothing old may stand beside the new quotes."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.activate()
    (place,) = rig.places()
    rig.feed(OrderRejected, cid=place.cid, code=-1, reason="?")
    second = rig.places()[-1]
    rig.ack(second)
    rig.operate(Operation.HALT)
    rig.canceled(second)
    rig.advance(100 * MS)
    rig.list_orders()
    rig.advance(100 * MS)
    rig.operate(Operation.UNHALT)
    rig.list_orders(orders=(listed(place),))
    rig.touch_book()
    rig.advance(200 * MS)
    assert rig.session().reason == "clears orders of an earlier life"
    assert of(rig.sent, Cancel)[-1].cid == place.cid
    rig.canceled(place)
    rig.list_all()
    rig.advance(200 * MS)
    assert rig.session().state == "active"


def test_the_backoff_doubles_from_its_first_step_to_its_bound() -> None:
    """Nothing failed: no pause."""
    deadlines = Deadlines(retry_first=10, retry_max=50)
    assert [deadlines.backoff_ns(attempts) for attempts in (0, 1, 2, 3, 60)] == [0, 20, 40, 50, 50]


def test_a_failed_snapshot_is_told_and_asked_for_again() -> None:
    """The request failed; the book is still not there."""
    rig = active()
    rig.keep_alive(31 * SECOND_NS)
    rig.feed(BookLost, symbol=SYMBOL, reason="gap")
    rig.advance(100 * MS)
    rig.feed(RequestFailed, what="SyncBook", subject=SYMBOL, reason="HTTP 500")
    assert len(of(rig.advance(3 * SECOND_NS), SyncBook)) == 1


def test_every_fifth_pass_lists_the_fills_from_far_back() -> None:
    """What one passed over is asked for again, although nothing else points to it (simulated: seed 289)."""
    rig = active()
    rig.list_fills(next_trade_id=7)
    froms = []
    for _ in range(15):
        sent = rig.keep_alive(30 * SECOND_NS)
        froms += [listing.from_trade_id for listing in of(sent, ListFills)]
        rig.list_fills(next_trade_id=9)
    assert froms.count(0) == 3
    assert froms[0] == 7
    assert set(froms) == {0, 7, 9}


def test_a_deep_listing_that_takes_longer_than_five_passes_is_gone_on_with() -> None:
    """On a small budget its pages take their time; begun again each time it would never end (seed 500067)."""
    rig = active()
    rig.list_fills(next_trade_id=7)
    froms: list[int] = []
    while 0 not in froms:
        froms += [one.from_trade_id for one in of(rig.keep_alive(30 * SECOND_NS), ListFills)]
        rig.list_fills(next_trade_id=9)
    # Its pages are full from now on, and each one is held up for more than five passes.
    froms.clear()
    for page in range(1, 4):
        rig.list_fills(next_trade_id=page, complete=False)
        for _ in range(6):
            froms += [one.from_trade_id for one in of(rig.keep_alive(30 * SECOND_NS), ListFills)]
    assert froms.count(0) <= 1
