"""Books that are only watched: kept in sync, of this venue and of others, and no burden to those traded."""

from mm.domain.book import Level
from mm.domain.commands import Connect, SyncBook
from mm.domain.events import BookSnapshot, Stream, StreamDown, StreamUp, Throttled
from tests.builders.engine_ladder import SECOND_NS
from tests.builders.engine_rig import MID, MS, Rig, make_session, of
from tests.builders.watching_rigs import AWAY, FAR, OWN, SEEN, abroad, decisions, last_view, watcher, watching


def test_a_quiet_watched_book_is_fetched_anew_and_disturbs_nobody() -> None:
    """The stream of the traded market stays up; the book is asked for again and again until it speaks."""
    rig = watching()
    rig.keep_alive(9 * SECOND_NS)

    assert rig.engine.state.streams[Stream.MARKET].up
    assert [row["symbol"] for row in rig.reports("book.lost")] == [SEEN]
    assert last_view(rig).others[0].mid_half_ticks == 0
    asked = len([one for one in of(rig.sent, SyncBook) if one.symbol == SEEN])
    rig.snapshot(symbol=SEEN)
    rig.keep_alive(SECOND_NS)
    assert last_view(rig).others[0].mid_half_ticks == 2 * MID
    assert len([one for one in of(rig.sent, SyncBook) if one.symbol == SEEN]) == asked


def test_a_watched_book_that_stays_crossed_is_fetched_anew() -> None:
    """As a traded one is."""
    rig = watching()
    rig.move(MID + 50, MID + 40, symbol=SEEN)
    rig.keep_alive(SECOND_NS)

    assert [(row["symbol"], row["reason"]) for row in rig.reports("book.lost")] == [(SEEN, "crossed")]


def test_the_budget_of_the_venue_pays_for_watched_books_too() -> None:
    """Without it none is asked for."""
    rig = watching(show=False)
    rig.engine.state.budget.throttle(rig.now_ns + 60 * SECOND_NS, banned=True)
    rig.sent.clear()
    rig.advance(5 * SECOND_NS)

    assert of(rig.sent, SyncBook) == []


def test_nothing_is_fetched_while_the_stream_is_down() -> None:
    """Nothing would continue it."""
    rig = watching()
    rig.feed(StreamDown, stream=Stream.MARKET, reason="test")
    rig.sent.clear()
    rig.advance(200 * MS)

    assert of(rig.sent, SyncBook) == []
    assert not rig.engine.state.books[SEEN].mid_half_ticks


def test_a_process_that_stood_still_believes_no_watched_book_either() -> None:
    """What comes in then may be as old as that."""
    rig = watching()
    rig.now_ns += 3 * SECOND_NS
    rig.touch_book()

    assert {row["symbol"] for row in rig.reports("book.lost")} == {OWN, SEEN}


# ---- other venues


def test_another_venue_is_connected_by_its_name() -> None:
    """And its book asked for once it is up; nothing else ever is."""
    rig = Rig(make_session(watcher(AWAY.symbol)), watched=(AWAY,))
    rig.activate()
    assert [one.stream for one in of(rig.sent, Connect) if one.venue == "away"] == [Stream.MARKET]
    assert {one.symbol for one in of(rig.sent, SyncBook)} == {OWN}

    rig.feed(StreamUp, stream=Stream.MARKET, venue="away")
    rig.advance(100 * MS)
    assert AWAY.symbol in {one.symbol for one in of(rig.sent, SyncBook)}
    rig.snapshot(symbol=AWAY.symbol)
    assert last_view(rig).others[0].mid_half_ticks == 2 * MID
    assert rig.reports("stream.up")[-1]["venue"] == "away"


def test_a_snapshot_of_a_connection_that_is_gone_is_dropped() -> None:
    """As on the venue that is traded on."""
    rig = abroad()
    rig.feed(StreamDown, stream=Stream.MARKET, reason="test", venue="away")
    rig.snapshot(symbol=AWAY.symbol)

    assert last_view(rig).others[0].mid_half_ticks == 0


def test_another_venue_that_falls_takes_its_own_books_alone() -> None:
    """The traded one is quoted on as before; the fallen one is connected again, later each time."""
    rig = abroad()
    decided = decisions(rig)
    rig.feed(StreamDown, stream=Stream.MARKET, reason="test", venue="away")

    assert decisions(rig) == decided + 1
    assert rig.engine.state.markets[OWN].mid_half_ticks
    assert rig.engine.state.streams[Stream.MARKET].up
    assert rig.reports("stream.down")[-1] == {
        "stream": "market",
        "reason": "test",
        "venue": "away",
        "session": "",
    }
    rig.sent.clear()
    rig.advance(200 * MS)
    assert [one.venue for one in of(rig.sent, Connect)] == ["away"]
    rig.feed(StreamDown, stream=Stream.MARKET, reason="test", venue="away")
    rig.sent.clear()
    rig.advance(200 * MS)
    assert of(rig.sent, Connect) == []
    rig.advance(400 * MS)
    assert [one.venue for one in of(rig.sent, Connect)] == ["away"]


def test_the_fall_of_the_traded_venue_leaves_the_others_alone() -> None:
    """Their books hold."""
    rig = abroad()
    rig.feed(StreamDown, stream=Stream.MARKET, reason="test")

    assert rig.engine.state.books[AWAY.symbol].mid_half_ticks == 2 * MID


def test_a_venue_that_says_nothing_at_all_is_connected_anew() -> None:
    """One quiet market among others that speak is only fetched anew."""
    rig = abroad(AWAY.symbol, FAR.symbol)
    for _ in range(18):
        rig.keep_alive(SECOND_NS // 2)
        rig.touch_book(symbol=FAR.symbol)
    assert [row["symbol"] for row in rig.reports("book.lost")] == [AWAY.symbol]
    assert rig.engine.state.feeds["away"].up

    rig.keep_alive(9 * SECOND_NS)
    assert [row["venue"] for row in rig.reports("stream.suspect")] == ["away"]
    assert rig.engine.state.streams[Stream.MARKET].up


def test_another_venue_that_asks_us_to_wait_is_left_alone() -> None:
    """Until then nothing is fetched or connected there; our own budget is not touched."""
    rig = abroad()
    rig.feed(Throttled, until_ns=rig.now_ns + 30 * SECOND_NS, banned=True, venue="away")
    rig.feed(StreamDown, stream=Stream.MARKET, reason="test", venue="away")
    assert rig.reports("venue.throttled")[0]["venue"] == "away"
    rig.sent.clear()
    rig.keep_alive(29 * SECOND_NS)
    assert [one for one in of(rig.sent, Connect) if one.venue] == []
    assert rig.engine.state.budget.banned_until_ns == 0
    rig.keep_alive(2 * SECOND_NS)
    assert [one.venue for one in of(rig.sent, Connect)] == ["away"]

    rig.feed(StreamUp, stream=Stream.MARKET, venue="away")
    rig.feed(Throttled, until_ns=rig.now_ns + 30 * SECOND_NS, banned=False, venue="away")
    rig.sent.clear()
    rig.keep_alive(5 * SECOND_NS)
    assert [one for one in of(rig.sent, SyncBook) if one.symbol == AWAY.symbol] == []


def test_what_a_venue_says_that_nobody_watches_is_nothing() -> None:
    """Whoever sends it."""
    rig = watching()
    before = rig.engine.digest()
    sent = len(rig.sent)
    rig.feed(StreamUp, stream=Stream.MARKET, venue="nowhere")
    rig.feed(StreamDown, stream=Stream.MARKET, reason="test", venue="nowhere")
    rig.feed(Throttled, until_ns=rig.now_ns + SECOND_NS, banned=True, venue="nowhere")
    rig.feed(BookSnapshot, symbol="nowhere:X/Y", seq=1, bids=(Level(1, 1),), asks=(Level(2, 1),))

    assert (rig.engine.digest(), len(rig.sent)) == (before, sent)
