"""News about markets and streams: books kept right, marks moved, decisions made due."""

import pytest

from mm.domain.book import BookStatus, Level
from mm.domain.events import BookDelta, BookSnapshot, PublicTrade, Stream, StreamDown, StreamUp, TopOfBook
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.risk.rules import make_rules
from mm.runtime.simulate.plan import LIMITS
from mm.strategies.base import Wake
from tests.builders.engine_ladder import SECOND_NS, Scripted, See, Tally, TallySpec
from tests.builders.engine_rig import MID, MS, START_NS, Rig, make_session
from tests.builders.instruments import INSTRUMENT

SYMBOL = INSTRUMENT.symbol
SILENT = Wake(move_half_ticks=0, every_ns=0, on_own_fill=False)


def trade(rig: Rig) -> None:
    """Show a public trade."""
    rig.feed(PublicTrade, symbol=SYMBOL, trade_id=1, price_ticks=MID, size_atoms=1, aggressor=Side.BUY)


@pytest.mark.parametrize(("threshold", "decisions"), [(0, 0), (1, 3), (3, 1), (100, 0)])
def test_a_strategy_is_asked_when_the_mid_moved_far_enough(threshold: int, decisions: int) -> None:
    """Counted in half ticks since the last decision, not since the last event."""
    strategy = Scripted(wake=Wake(move_half_ticks=threshold, every_ns=0))
    rig = Rig(make_session(strategy))
    rig.activate()
    before = len(strategy.views)
    for number in range(1, 4):
        rig.move(MID - 10, MID + 10 + number)
    assert len(strategy.views) - before == decisions


def test_a_top_of_book_moves_the_market_too() -> None:
    """It is faster than the deltas and numbered like them."""
    rig = Rig()
    rig.activate()
    rig.feed(TopOfBook, symbol=SYMBOL, seq=rig.seq + 1, bid=Level(MID - 4, 10), ask=Level(MID + 10, 10))
    assert rig.session().market.bid_ticks == MID - 4


@pytest.mark.parametrize(("bid", "ask"), [(10, 10), (0.1, 0.1), (1.06, 1.07)])
def test_a_top_far_beyond_its_own_depth_loses_the_book(bid: float, ask: float) -> None:
    """Ten times the price, a tenth of it, or a market that runs: nobody quotes on it (simulated: seed 27)."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.activate()
    rig.place_all()
    reference = rig.session().market.reference.half_ticks
    top = (Level(int(MID * bid), 10), Level(int(MID * ask) + 1, 10))
    rig.advance(SECOND_NS // 2)
    rig.feed(TopOfBook, symbol=SYMBOL, seq=rig.seq + 1, bid=top[0], ask=top[1])
    assert [said["reason"] for said in rig.reports("book.lost")] == ["its top lies far beyond its depth"]
    assert rig.session().market.mid_half_ticks == 0
    assert rig.session().market.reference.half_ticks == reference
    assert len(rig.cancels()) == 1


def test_a_top_that_is_old_or_meets_an_empty_side_is_not_judged_by_the_depth() -> None:
    """What the book ignores tells nothing; with one side gone there is nothing to compare with."""
    rig = Rig()
    rig.activate()
    rig.feed(TopOfBook, symbol=SYMBOL, seq=rig.seq, bid=Level(10 * MID, 1), ask=Level(10 * MID + 1, 1))
    rig.feed(TopOfBook, symbol=SYMBOL, seq=rig.seq + 1, bid=Level(MID - 10, 1), ask=Level(0, 0))
    assert rig.reports("book.lost") == []
    rig.snapshot(MID - 10, 0)
    rig.feed(TopOfBook, symbol=SYMBOL, seq=rig.seq + 1, bid=Level(10 * MID, 1), ask=Level(10 * MID + 1, 1))
    assert rig.reports("book.lost") == []


def test_signals_are_told_of_mids_and_trades() -> None:
    """One signal for two sessions that ask for the same."""
    spec = TallySpec()
    rig = Rig(
        make_session(Scripted(needs=(spec,)), name="a"), make_session(Scripted(needs=(spec,)), name="b")
    )
    rig.activate()
    rig.move(MID - 10, MID + 12)
    trade(rig)
    tally = rig.session("a").readers[0]
    assert tally is rig.session("b").readers[0]
    assert isinstance(tally, Tally)
    assert (tally.mids, tally.trades) == (2, 1)


@pytest.mark.parametrize("broken", ["mid", "trade"])
def test_a_signal_that_raises_halts_trading_once(broken: str) -> None:
    """What it says cannot be quoted on; the step goes on."""
    strategy = Scripted(needs=(TallySpec(broken=broken),))
    rig = Rig(make_session(strategy))
    rig.activate()
    for number in range(3):
        trade(rig)
        rig.move(MID - 10, MID + 11 + number)
    assert rig.reports("halt") == [
        {
            "reason": "signal.failed",
            "error": "ArithmeticError",
            "detail": "the signal is broken",
            "session": "",
        }
    ]
    assert rig.session().market.mid_half_ticks == 2 * MID + 3


def test_trades_do_not_make_a_dead_book_look_fresh() -> None:
    """The channel of the book may be dead while the tape goes on."""
    see = See()
    rig = Rig(make_session(Scripted(wake=Wake(move_half_ticks=0, every_ns=SECOND_NS)), rules=(see,)))
    rig.activate()
    for _ in range(6):
        rig.advance(SECOND_NS // 2)
        trade(rig)
    assert see.views[-1].book_age_ns >= 2 * SECOND_NS


def test_a_message_that_the_book_ignores_as_old_does_not_make_it_fresh() -> None:
    """Replayed news are none."""
    rig = Rig()
    rig.activate()
    heard_ns = rig.session().market.heard_ns
    rig.advance(SECOND_NS)
    rig.seq -= 1
    rig.touch_book()
    assert rig.session().market.heard_ns == heard_ns
    rig.touch_book()
    assert rig.session().market.heard_ns == rig.now_ns


def test_after_a_silence_the_top_of_the_book_alone_does_not_make_it_fresh() -> None:
    """What stands behind the best prices is as old as before until the depth is heard of again."""
    strategy = Scripted(bids=(Quote(MID - 20, 10),), wake=SILENT)
    rig = Rig(make_session(strategy, rules=make_rules(LIMITS)))
    rig.activate()
    rig.place_all()
    rig.advance(4 * SECOND_NS)
    rig.canceled(rig.places()[0])
    rig.feed(TopOfBook, symbol=SYMBOL, seq=rig.seq + 1, bid=Level(MID - 9, 10), ask=Level(MID + 9, 10))
    assert len(rig.places()) == 1
    rig.seq += 1
    rig.touch_book()
    assert len(rig.places()) == 2


def test_a_stream_whose_clock_stands_still_does_not_make_a_book_fresh() -> None:
    """Lively and yet old: quotes go as with silence, and then the connection."""
    strategy = Scripted(bids=(Quote(MID - 20, 10),), wake=SILENT)
    rig = Rig(make_session(strategy, rules=make_rules(LIMITS)))
    rig.activate()
    rig.place_all()

    def show(venue_ms: int, bid: int = MID - 9) -> None:
        rig.advance(SECOND_NS // 2)
        rig.seq += 2
        rig.feed(
            BookDelta, symbol=SYMBOL, seq=rig.seq - 1, venue_ms=venue_ms, bids=(Level(bid, 10),), asks=()
        )
        rig.feed(TopOfBook, symbol=SYMBOL, seq=rig.seq, bid=Level(bid, 10), ask=Level(MID + 10, 10))

    for venue_ms in (1, 1, 2, 3, 3, 4):
        show(venue_ms)
    assert rig.cancels() == []
    for _ in range(5):
        show(4)
    assert rig.session().reason == "book_health.stale"
    assert len(rig.cancels()) == 1
    rig.canceled(rig.places()[0])
    show(5)
    assert len(rig.places()) == 2
    for _ in range(20):
        show(5)
    assert rig.reports("stream.suspect")[0]["reason"] == f"no news of {SYMBOL}"


def test_a_top_before_a_change_whose_time_is_that_of_the_one_before_does_not_make_a_book_fresh() -> None:
    """It is as old as the depth then, and stale when that is (simulated: seed 2764)."""
    strategy = Scripted(bids=(Quote(MID - 20, 10),), wake=SILENT)
    rig = Rig(make_session(strategy, rules=make_rules(LIMITS)))
    rig.activate()
    market = rig.engine.state.books[SYMBOL]

    def change(venue_ms: int) -> None:
        rig.seq += 1
        level = Level(MID - 9, 10)
        rig.feed(BookDelta, symbol=SYMBOL, seq=rig.seq, venue_ms=venue_ms, bids=(level,), asks=())

    def top() -> None:
        rig.seq += 1
        rig.feed(TopOfBook, symbol=SYMBOL, seq=rig.seq, bid=Level(MID - 9, 10), ask=Level(MID + 10, 10))

    change(4)
    told_ns = rig.now_ns
    rig.advance(SECOND_NS)
    top()
    assert market.heard_ns == rig.now_ns
    rig.advance(SECOND_NS // 10)
    change(4)
    assert market.heard_ns == told_ns
    stale_ns = rig.engine.state.setup.deadlines.stale
    rig.place_all()
    assert rig.cancels() == []
    rig.advance(told_ns + stale_ns + 1 - rig.now_ns)
    assert rig.session().reason == "book_health.stale"
    assert len(rig.cancels()) == 1


def test_a_change_whose_clock_stands_after_the_limit_makes_a_book_stale_at_once() -> None:
    """A top shortly before the limit had put it off."""
    strategy = Scripted(bids=(Quote(MID - 20, 10),), wake=SILENT)
    rig = Rig(make_session(strategy, rules=make_rules(LIMITS)))
    rig.activate()
    rig.place_all()
    stale_ns = rig.engine.state.setup.deadlines.stale
    level = Level(MID - 9, 10)
    rig.feed(BookDelta, symbol=SYMBOL, seq=rig.seq + 1, venue_ms=4, bids=(level,), asks=())
    rig.advance(stale_ns - 1)
    rig.feed(TopOfBook, symbol=SYMBOL, seq=rig.seq + 2, bid=level, ask=Level(MID + 10, 10))
    rig.advance(2)
    assert rig.cancels() == []
    rig.feed(BookDelta, symbol=SYMBOL, seq=rig.seq + 3, venue_ms=4, bids=(level,), asks=())
    assert rig.session().reason == "book_health.stale"
    assert len(rig.cancels()) == 1


def test_an_old_change_that_comes_again_does_not_make_a_book_fresh_whose_clock_stands_still() -> None:
    """The book ignores it, so its time, which is another one, says nothing (simulated: seed 26)."""
    strategy = Scripted(bids=(Quote(MID - 20, 10),), wake=SILENT)
    rig = Rig(make_session(strategy, rules=make_rules(LIMITS)))
    rig.activate()
    rig.place_all()

    def change(seq: int, venue_ms: int) -> None:
        level = Level(MID - 9, 10)
        rig.feed(BookDelta, symbol=SYMBOL, seq=seq, venue_ms=venue_ms, bids=(level,), asks=())

    first_seq = rig.seq + 1
    for _ in range(8):
        rig.advance(SECOND_NS // 2)
        rig.seq += 1
        change(rig.seq, 4)
        change(first_seq, 3)
    assert rig.session().reason == "book_health.stale"


def test_quotes_are_withdrawn_when_the_book_goes_stale_and_return_with_its_news() -> None:
    """Also for a strategy that nothing else would ever wake."""
    strategy = Scripted(bids=(Quote(MID - 20, 10),), wake=SILENT)
    rig = Rig(make_session(strategy, rules=make_rules(LIMITS)))
    rig.activate()
    rig.place_all()
    rig.advance(SECOND_NS)
    assert rig.cancels() == []
    rig.advance(2 * SECOND_NS)
    assert rig.session().reason == "book_health.stale"
    assert len(rig.cancels()) == 1
    rig.canceled(rig.places()[0])
    rig.advance(3 * SECOND_NS)
    assert len(rig.places()) == 1
    rig.touch_book()
    assert len(rig.places()) == 2
    assert rig.session().reason == "quoting"


def test_a_snapshot_that_comes_after_its_stream_ended_is_not_believed() -> None:
    """Nothing would continue it."""
    rig = Rig()
    rig.activate()
    rig.feed(StreamDown, stream=Stream.MARKET, reason="gone")
    rig.feed(BookSnapshot, symbol=SYMBOL, seq=500, bids=(Level(1, 1),), asks=(Level(2, 1),))
    assert rig.session().market.book.status is BookStatus.OUT_OF_SYNC
    assert rig.session().market.mid_half_ticks == 0


def test_the_end_of_the_market_stream_takes_every_book_with_it() -> None:
    """And every quote that rested on one; told once per book."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.activate()
    rig.place_all()
    rig.feed(StreamDown, stream=Stream.MARKET, reason="gone")
    assert len(rig.cancels()) == 1
    rig.feed(StreamDown, stream=Stream.MARKET, reason="gone")
    assert rig.reports("book.lost") == [{"symbol": SYMBOL, "reason": "gone", "session": ""}]
    assert len(rig.reports("stream.down")) == 2


def test_the_end_of_the_user_stream_leaves_the_book_and_wakes_the_sessions() -> None:
    """Own orders cannot be seen any more: whoever quotes decides at once."""
    see = See()
    rig = Rig(make_session(Scripted(wake=SILENT), rules=(see,)))
    rig.activate()
    before = len(see.views)
    rig.feed(StreamDown, stream=Stream.USER, reason="gone")
    assert (len(see.views), see.views[-1].user_stream_up) == (before + 1, False)
    assert rig.session().market.book.status is BookStatus.IN_SYNC
    rig.feed(StreamUp, stream=Stream.USER)
    assert len(see.views) == before + 2


def test_a_position_is_not_marked_at_a_crossed_book() -> None:
    """What two wrong prices say is no loss and no profit."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.activate()
    (place,) = rig.place_all()
    rig.fill(place, 10, 1)
    before = rig.session().position.mid_half_ticks
    rig.move(MID + 5_000, MID + 10)
    assert rig.session().position.mid_half_ticks == before


def test_the_clock_of_the_rig_starts_where_the_tests_say() -> None:
    """A guard for the tests themselves."""
    rig = Rig()
    rig.advance(MS)
    assert rig.engine.state.now_ns == START_NS + MS
