"""The engine as a whole: time, order of timers, late steps, what a digest tells."""

from hypothesis import given
from hypothesis import strategies as st

from mm.domain.commands import Connect, ListOrders, Place
from mm.domain.events import (
    Advanced,
    AnyEvent,
    BalanceChanged,
    BookDelta,
    OrdersListed,
    PublicTrade,
    Stream,
    StreamDown,
    Throttled,
)
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.engine.engine import session_named
from mm.risk.rules import make_rules
from mm.runtime.simulate.ladder import Ladder
from mm.runtime.simulate.plan import LIMITS, STALE_NS
from mm.strategies.base import Wake
from tests.builders.engine_ladder import SECOND_NS, Scripted, See
from tests.builders.engine_rig import MID, MS, START_NS, Rig, make_session, of
from tests.builders.instruments import INSTRUMENT


def test_nothing_is_due_before_the_first_event_and_the_streams_are_wanted_with_it() -> None:
    """The first event starts the clock; both streams are asked for at once."""
    rig = Rig()
    assert rig.engine.next_due_ns is None
    rig.feed(Advanced)
    assert [command.stream for command in of(rig.sent, Connect)] == list(Stream)
    assert rig.engine.next_due_ns == START_NS + 100 * MS


def test_timers_that_are_due_are_delivered_before_the_event_at_their_own_time() -> None:
    """A decision that was due first is made with the book of before, and knows its time."""
    strategy = Scripted(wake=Wake(move_half_ticks=0, every_ns=SECOND_NS))
    rig = Rig(make_session(strategy))
    rig.activate()
    first_ns = strategy.views[-1].ts_ns
    rig.advance(SECOND_NS // 2)
    rig.now_ns = first_ns + SECOND_NS + 300 * MS
    rig.move(MID - 8, MID + 8)
    assert [(view.ts_ns, view.bids[0].price_ticks) for view in strategy.views[1:]] == [
        (first_ns + SECOND_NS, MID - 10)
    ]


def test_an_event_of_the_past_happens_now() -> None:
    """Time does not go back, whatever an event says."""
    rig = Rig()
    rig.feed(Advanced)
    rig.now_ns += SECOND_NS
    rig.feed(Advanced)
    rig.step(Advanced(ts_ns=START_NS))
    assert rig.engine.state.now_ns == START_NS + SECOND_NS


def test_nothing_is_placed_late_on_a_book_that_has_grown_old_meanwhile() -> None:
    """After the process stood still no book is believed, whatever the timers of the gap ask for."""
    rig = Rig(make_session(Ladder(levels=1), rules=make_rules(LIMITS)))
    rig.activate()
    rig.place_all()
    placed = len(rig.places())
    assert placed == 2
    rig.now_ns += 5 * SECOND_NS
    assert STALE_NS < 5 * SECOND_NS
    rig.feed(Advanced)
    assert len(rig.places()) == placed
    assert len(rig.cancels()) == 2
    assert rig.session().reason == "waits for a two-sided book"


def test_what_was_missed_during_a_pause_is_done_once_and_not_as_a_burst() -> None:
    """An hour asleep does not end in thousands of requests at once."""
    rig = Rig(latched="operator")
    rig.feed(Advanced)
    before = len(rig.sent)
    rig.now_ns += 3_600 * SECOND_NS
    rig.feed(Advanced)
    assert len(rig.sent) - before < 10
    assert of(rig.sent[before:], ListOrders)


def test_equal_histories_have_equal_digests_and_different_ones_do_not() -> None:
    """The digest covers books, orders, sessions, and how far time has come."""
    one, two = Rig(make_session(Ladder())), Rig(make_session(Ladder()))
    for rig in (one, two):
        rig.activate()
        rig.place_all()
        rig.fill(rig.places()[0], 3, 1)
    assert one.engine.digest() == two.engine.digest()
    two.touch_book()
    assert one.engine.digest() != two.engine.digest()
    one.touch_book()
    assert one.engine.digest() == two.engine.digest()


def test_a_digest_tells_states_apart_that_no_command_shows_yet() -> None:
    """A stream that ended, a hold of the venue, a listing that was answered: they decide what comes next."""
    news: list[tuple[type[AnyEvent], dict[str, object]]] = [
        (Advanced, {}),
        (StreamDown, {"stream": Stream.USER, "reason": "gone"}),
        (Throttled, {"until_ns": START_NS + 60 * SECOND_NS, "banned": False}),
        (OrdersListed, {"symbol": INSTRUMENT.symbol, "asked_ns": START_NS + 9 * SECOND_NS, "orders": ()}),
        (BalanceChanged, {"asset": "AAA", "free_atoms": 1, "locked_atoms": 0}),
    ]
    digests = set()
    for kind, fields in news:
        rig = Rig()
        rig.activate()
        rig.feed(kind, **fields)
        digests.add(rig.engine.digest())
    assert len(digests) == len(news)


def test_news_of_a_symbol_that_nobody_trades_change_nothing() -> None:
    """An event of an unknown symbol is ignored."""
    rig = Rig()
    rig.activate()
    before = rig.engine.digest()
    rig.feed(BookDelta, symbol="other", seq=1, venue_ms=0, bids=(), asks=())
    rig.feed(PublicTrade, symbol="other", trade_id=1, price_ticks=1, size_atoms=1, aggressor=Side.BUY)
    assert rig.engine.digest() == before


def test_sessions_are_found_by_name() -> None:
    """Other names are nobody."""
    rig = Rig(make_session(name="a"), make_session(name="b"))
    found = session_named(rig.engine, "b")
    assert found is not None
    assert found.index == 1
    assert session_named(rig.engine, "c") is None


@given(st.lists(st.integers(1, 400), min_size=1, max_size=30))
def test_how_often_the_clock_is_told_changes_no_decision(pauses_ms: list[int]) -> None:
    """More events without news between two timers lead to the same decisions at the same times."""
    rigs = []
    for often in (False, True):
        strategy = Scripted(bids=(Quote(MID - 20, 10),))
        rig = Rig(make_session(strategy, rules=(See(),)))
        rig.activate()
        for pause_ms in pauses_ms:
            if often:
                rig.advance(pause_ms * MS // 2)
                rig.advance(pause_ms * MS - pause_ms * MS // 2)
            else:
                rig.advance(pause_ms * MS)
            rig.touch_book()
        rigs.append((rig, [view.ts_ns for view in strategy.views]))
    assert rigs[0][1] == rigs[1][1]
    assert of(rigs[0][0].sent, Place) == of(rigs[1][0].sent, Place)


def test_the_symbol_of_the_tests_is_the_one_that_the_rig_shows() -> None:
    """A guard for the tests themselves."""
    rig = Rig()
    rig.activate()
    assert list(rig.engine.state.markets) == [INSTRUMENT.symbol]
