"""A process that stood still, and one that sends and hears nothing: nothing new before it has looked."""

from mm.domain.commands import ListOrders, Place, SyncBook
from mm.domain.events import BookLost, OrderCanceled, PlaceUnknown, Source, Stream, StreamDown
from mm.domain.quotes import Quote
from mm.engine.setup import Deadlines
from tests.builders.engine_ladder import Scripted
from tests.builders.engine_rig import MID, MS, SECOND_NS, Rig, make_session, of
from tests.builders.risk_rules import make_test_rules

BID = (Quote(MID - 20, 10),)


def active(strategy: Scripted, **deadlines: int) -> Rig:
    """Return a bench with every rule of the product and one acknowledged bid."""
    rig = Rig(make_session(strategy, rules=make_test_rules()), deadlines=Deadlines(**deadlines))
    rig.activate()
    rig.place_all()
    assert len(rig.places()) == 1
    return rig


def test_after_a_suspend_nothing_is_placed_before_everything_was_listed_again() -> None:
    """What comes in first is what lay in the buffers; a cancel leaves all the same."""
    strategy = Scripted(bids=BID)
    rig = active(strategy)
    place = rig.places()[0]
    rig.now_ns += 5 * SECOND_NS
    strategy.bids = (Quote(MID - 25, 10),)
    sent = list(rig.touch_book())
    sent += rig.canceled(place)
    sent += rig.keep_alive(2 * SECOND_NS)
    assert [said["gap_ms"] for said in rig.reports("process.stalled")] == ["5000"]
    assert of(sent, Place) == []
    assert len(of(sent, ListOrders)) >= 1
    rig.list_all()
    rig.keep_alive(2 * SECOND_NS)
    # What lay in the socket looked like news of the book: it is not quoted on before it was fetched anew.
    assert of(rig.sent, Place)[1:] == []
    rig.snapshot()
    rig.keep_alive(2 * SECOND_NS)
    assert len(rig.places()) == 2


def test_a_stall_without_orders_out_holds_back_what_is_new_as_well() -> None:
    """What lies in the buffers is as old without orders as with them (A17): a book that looks like news."""
    rig = active(Scripted(bids=BID))
    rig.step(OrderCanceled(ts_ns=rig.now_ns, cid=rig.places()[0].cid, cum_lots=0, source=Source.STREAM))
    rig.script().bids = ()
    rig.place_all()
    for place in rig.places():
        rig.canceled(place)
    before = len(rig.places())
    rig.script().bids = BID
    rig.now_ns += 1_200 * MS
    rig.touch_book()
    rig.keep_alive(2 * SECOND_NS)
    assert [said["orders"] for said in rig.reports("process.stalled")] == ["0"]
    assert len(rig.places()) == before
    rig.list_all()
    rig.snapshot()
    rig.keep_alive(2 * SECOND_NS)
    assert len(rig.places()) == before + 1


def test_a_stall_asks_for_every_book_that_was_right_and_for_no_other() -> None:
    """One that was lost before is under way already."""
    rig = active(Scripted(bids=BID))
    rig.feed(BookLost, symbol=rig.places()[0].symbol, reason="gap")
    asked = len(of(rig.sent, SyncBook))
    rig.now_ns += 5 * SECOND_NS
    rig.advance(100 * MS)
    assert [said["reason"] for said in rig.reports("book.lost")] == ["gap"]
    assert len(of(rig.sent, SyncBook)) == asked + 1


def test_a_stall_while_the_stream_is_down_changes_nothing_about_when_it_came_up() -> None:
    """It is listed anew with the stream in any case."""
    rig = active(Scripted(bids=BID))
    rig.feed(StreamDown, stream=Stream.USER, reason="gone")
    since_ns = rig.engine.state.user_stream.since_ns
    rig.now_ns += 5 * SECOND_NS
    rig.touch_book()
    assert len(rig.reports("process.stalled")) == 1
    assert rig.engine.state.user_stream.since_ns == since_ns


def test_with_too_many_orders_in_doubt_nothing_new_is_placed() -> None:
    """Requests go out and nothing comes back (C13); the reason is shown, and one answer less goes on."""
    strategy = Scripted(bids=tuple(Quote(MID - 20 - number, 1, number) for number in range(6)))
    rig = Rig(make_session(strategy), deadlines=Deadlines(unknown_orders_max=3))
    rig.activate()
    first = rig.places()
    assert len(first) == 6
    for place in first[:3]:
        rig.feed(PlaceUnknown, cid=place.cid, cause="HTTP 504")
    for place in first[3:]:
        rig.ack(place)
        rig.canceled(place)
    rig.keep_alive(SECOND_NS)
    assert len(rig.places()) == 6
    assert {said["rule"] for said in rig.reports("order.denied")} == {"unknown_orders"}
    rig.canceled(first[0])
    rig.keep_alive(100 * MS)
    rig.keep_alive(2 * SECOND_NS)
    assert len(rig.places()) > 6
