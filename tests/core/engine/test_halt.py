"""Stopping and halting: cancel, list, cancel what still bears our mark, list until nothing is left."""

from mm.domain.commands import Cancel, ListOrders, Place
from mm.domain.events import (
    AccessDenied,
    CancelRejected,
    ListedOrder,
    Operation,
    OrderRejected,
    PlaceUnknown,
    RequestFailed,
    Stream,
    StreamDown,
    Throttled,
)
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from tests.builders.engine_ladder import SECOND_NS, Scripted
from tests.builders.engine_rig import MID, MS, Rig, listed, make_session, of, orphan
from tests.builders.instruments import INSTRUMENT


def quoting(**fields: object) -> Rig:
    """Return a bench with one acknowledged bid and one acknowledged ask."""
    strategy = Scripted(bids=(Quote(MID - 20, 10),), asks=(Quote(MID + 20, 10),))
    rig = Rig(make_session(strategy), **fields)  # type: ignore[arg-type]  # named by the caller
    rig.activate()
    rig.place_all()
    return rig


def clean(rig: Rig, duration_ns: int) -> None:
    """Let time pass and answer every listing of open orders with nothing."""
    for _ in range(0, duration_ns, SECOND_NS // 4):
        rig.keep_alive(SECOND_NS // 4)
        if rig.engine.state.symbols[INSTRUMENT.symbol].orders_asked_ns:
            rig.list_orders()


def test_a_halt_cancels_everything_confirms_by_listing_and_says_so() -> None:
    """Nothing is placed any more; the confirmation comes from the venue's listing alone."""
    rig = quoting()
    rig.operate(Operation.HALT, reason="enough")
    assert [cancel.cid for cancel in rig.cancels()] == [place.cid for place in rig.places()]
    assert rig.reports("halt") == [{"reason": "enough", "session": ""}]
    for place in rig.places():
        rig.canceled(place)
    assert not rig.is_confirmed()
    assert len(of(rig.advance(100 * MS), ListOrders)) == 1
    rig.now_ns += 50 * MS
    rig.list_orders()
    rig.advance(100 * MS)
    assert rig.is_confirmed()
    assert len(rig.reports("halt.confirmed")) == 1
    rig.keep_alive(5 * SECOND_NS)
    assert len(rig.places()) == 2


def test_a_listing_that_was_asked_before_the_last_order_ended_confirms_nothing() -> None:
    """Only what was asked afterwards can show that nothing is left."""
    rig = quoting()
    rig.operate(Operation.HALT)
    asked_ns = rig.now_ns - 1
    for place in rig.places():
        rig.canceled(place)
    rig.list_orders(asked_ns=asked_ns)
    rig.advance(100 * MS)
    assert not rig.is_confirmed()


def test_what_still_bears_our_mark_is_cancelled_and_listed_again() -> None:
    """An order of an earlier life keeps the halt open until it is gone; a stranger's does not."""
    stranger = ListedOrder("manual", "v3", Side.SELL, MID + 5, 1, 0)
    rig = Rig(latched="operator")
    rig.activate(orders=(orphan(), stranger))
    assert [cancel.cid for cancel in rig.cancels()] == [orphan().cid]
    rig.advance(5 * SECOND_NS)
    assert not rig.is_confirmed()
    rig.list_orders(orders=(stranger,))
    rig.advance(100 * MS)
    assert rig.is_confirmed()
    assert rig.places() == []


def test_a_latch_that_survived_the_restart_is_not_reported_as_a_new_halt() -> None:
    """The sessions are halted from the first event on; the reason is the old one."""
    rig = Rig(latched="stop_loss.session")
    rig.activate()
    assert rig.reports("halt") == []
    assert (rig.session().state, rig.session().reason) == ("halted", "stop_loss.session")


def test_an_order_without_an_answer_keeps_the_halt_open_and_is_not_overtaken() -> None:
    """Its cancel could arrive before it; it is cancelled as soon as there is an answer, or none in time."""
    strategy = Scripted(bids=(Quote(MID - 20, 10),))
    rig = Rig(make_session(strategy))
    rig.activate()
    rig.operate(Operation.HALT)
    assert rig.cancels() == []
    rig.keep_alive(5 * SECOND_NS)
    assert rig.cancels() == []
    rig.keep_alive(2 * SECOND_NS)
    assert {cancel.cid for cancel in rig.cancels()} == {rig.places()[0].cid}
    assert not rig.is_confirmed()


def test_an_unknown_order_is_cancelled_less_and_less_often() -> None:
    """What is left of the budget is for finding out what became of it."""
    rig = quoting()
    rig.operate(Operation.HALT)
    for place in rig.places():
        rig.feed(CancelRejected, cid=place.cid, code=-2011)
    before = len(rig.cancels())
    rig.keep_alive(60 * SECOND_NS)
    assert 20 <= len(rig.cancels()) - before <= 34
    before = len(rig.cancels())
    rig.keep_alive(60 * SECOND_NS)
    assert 22 <= len(rig.cancels()) - before <= 26


def test_a_halt_that_is_not_confirmed_in_time_is_an_alarm_of_its_own() -> None:
    """Once, with the number of orders that may be left."""
    rig = quoting()
    rig.operate(Operation.HALT)
    rig.keep_alive(30 * SECOND_NS)
    assert rig.reports("halt.unconfirmed") == [{"orders": "2", "session": ""}]


def test_a_key_that_is_refused_again_and_again_does_not_put_the_alarm_off() -> None:
    """Each request ends in the same refusal; the time of the halt is that of the first."""
    rig = quoting()
    for _ in range(60):
        rig.feed(AccessDenied, code=-2015, reason="key revoked")
        rig.feed(RequestFailed, what="ListOrders", subject=INSTRUMENT.symbol, reason="key revoked")
        rig.advance(SECOND_NS // 4)
    assert len(rig.reports("halt")) == 1
    assert len(rig.reports("halt.unconfirmed")) == 1


def test_a_second_halt_after_the_confirmation_is_confirmed_anew() -> None:
    """Something happened again: the venue has to show again that nothing is left."""
    rig = quoting()
    rig.operate(Operation.HALT)
    for place in rig.places():
        rig.canceled(place)
    clean(rig, SECOND_NS)
    assert rig.is_confirmed()
    rig.operate(Operation.HALT)
    assert not rig.is_confirmed()
    clean(rig, SECOND_NS)
    assert len(rig.reports("halt.confirmed")) == 2


def test_an_order_that_comes_back_after_the_confirmation_reopens_the_halt() -> None:
    """It is cancelled and the venue has to show again that nothing is left."""
    strategy = Scripted(bids=(Quote(MID - 20, 10),))
    rig = Rig(make_session(strategy))
    rig.activate()
    (place,) = rig.places()
    rig.feed(OrderRejected, cid=place.cid, code=-1, reason="?")
    second = rig.places()[-1]
    rig.ack(second)
    rig.operate(Operation.HALT)
    rig.canceled(second)
    clean(rig, SECOND_NS)
    assert rig.is_confirmed()
    rig.list_orders(orders=(listed(place),))
    rig.advance(100 * MS)
    assert [dict(found) for found in rig.reports("halt.reopened")] == [{"orders": "1", "session": ""}]
    assert rig.cancels()[-1].cid == place.cid
    rig.canceled(place)
    clean(rig, SECOND_NS)
    assert rig.is_confirmed()


def test_a_halt_of_an_account_whose_sessions_are_all_done_is_confirmed() -> None:
    """There is nothing to cancel; an operator can lift it."""
    rig = quoting()
    rig.operate(Operation.STOP)
    for place in rig.places():
        rig.canceled(place)
    clean(rig, SECOND_NS)
    assert rig.session().state == "completed"
    rig.operate(Operation.HALT)
    assert rig.session().state == "completed"
    assert rig.is_confirmed()


def test_a_halt_is_confirmed_without_the_user_stream_although_a_listing_got_lost() -> None:
    """A listing that nobody ever answered is asked again, streams or no streams."""
    rig = quoting()
    rig.operate(Operation.HALT)
    for place in rig.places():
        rig.canceled(place)
    rig.feed(StreamDown, stream=Stream.USER, reason="gone")
    rig.advance(SECOND_NS)
    asked = len(of(rig.sent, ListOrders))
    rig.keep_alive(16 * SECOND_NS)
    assert len(of(rig.sent, ListOrders)) == asked + 1
    rig.list_orders()
    rig.advance(100 * MS)
    assert rig.is_confirmed()


def test_while_banned_nothing_is_sent_and_then_everything_goes() -> None:
    """Not even cancels: a request would prolong the ban."""
    rig = quoting()
    rig.feed(Throttled, until_ns=rig.now_ns + 4 * SECOND_NS, banned=True)
    rig.operate(Operation.HALT)
    rig.keep_alive(3 * SECOND_NS)
    assert rig.cancels() == []
    rig.keep_alive(2 * SECOND_NS)
    assert len(rig.cancels()) == 2


def test_a_stop_ends_one_session_and_leaves_the_other_quoting_on_the_same_symbol() -> None:
    """The listings show the other session's orders all the time."""
    first = Scripted(bids=(Quote(MID - 20, 10),))
    second = Scripted(bids=(Quote(MID - 30, 10),))
    rig = Rig(make_session(first, name="a"), make_session(second, name="b"))
    rig.activate()
    mine, other = rig.place_all()
    rig.operate(Operation.STOP, session="a", reason="done")
    assert rig.session("a").state == "stopping"
    assert [cancel.cid for cancel in rig.cancels()] == [mine.cid]
    rig.canceled(mine)
    for number in range(8):
        second.bids = (Quote(MID - 30 - number, 10),)
        rig.keep_alive(SECOND_NS)
        rig.canceled(other)
        (other,) = rig.place_all() or (other,)
        rig.list_orders(orders=(listed(other),))
    assert (rig.session("a").state, rig.session("a").reason) == ("completed", "no order of ours is left")
    assert rig.session("b").state == "active"


def test_an_order_of_a_session_that_was_done_brings_it_back_until_it_is_gone() -> None:
    """Nobody else would cancel it."""
    strategy = Scripted(bids=(Quote(MID - 20, 10),))
    rig = Rig(make_session(strategy))
    rig.activate()
    (place,) = rig.places()
    rig.feed(OrderRejected, cid=place.cid, code=-1, reason="?")
    rig.feed(OrderRejected, cid=rig.places()[-1].cid, code=-1, reason="?")
    rig.operate(Operation.STOP)
    for later in rig.places()[2:]:
        rig.ack(later)
        rig.canceled(later)
    clean(rig, SECOND_NS)
    assert rig.session().state == "completed"
    rig.ack(place)
    rig.advance(SECOND_NS)
    assert rig.session().state == "stopping"
    assert [command.cid for command in of(rig.sent, Cancel)][-1] == place.cid
    rig.canceled(place)
    clean(rig, SECOND_NS)
    assert rig.session().state == "completed"


def test_a_session_that_never_got_anywhere_can_be_stopped() -> None:
    """Without streams and without a book: one clean listing is enough."""
    rig = Rig()
    rig.operate(Operation.STOP)
    rig.list_orders()
    rig.advance(100 * MS)
    assert rig.session().state == "completed"


def test_a_stop_that_waits_for_an_unknown_order_says_so_every_ten_seconds() -> None:
    """It may take a minute until the order is proven dead."""
    rig = quoting()
    rig.operate(Operation.STOP)
    for place in rig.places():
        rig.feed(CancelRejected, cid=place.cid, code=-2011)
    rig.keep_alive(25 * SECOND_NS)
    assert rig.reports("stop.waits") == 2 * [{"orders": "2", "unknown": "2", "session": "main"}]


def test_a_stop_of_a_halted_or_stopped_session_changes_nothing() -> None:
    """A halt needs an operator to lift it, not to stop it."""
    rig = quoting()
    rig.operate(Operation.HALT, reason="enough")
    rig.operate(Operation.STOP)
    assert (rig.session().state, rig.session().reason) == ("halted", "enough")
    assert of(rig.sent, Place) == rig.places()


def test_a_placement_of_unknown_fate_keeps_a_halt_open_until_it_is_proven_dead() -> None:
    """Clean listings do not bury what may still arrive."""
    strategy = Scripted(bids=(Quote(MID - 20, 10),))
    rig = Rig(make_session(strategy))
    rig.activate()
    rig.feed(PlaceUnknown, cid=rig.places()[0].cid, cause="HTTP 504")
    rig.operate(Operation.HALT)
    clean(rig, 20 * SECOND_NS)
    assert not rig.is_confirmed()


def test_a_stop_that_waits_says_for_what() -> None:
    """An unknown order may take a minute to be proven dead; silence would look like a hang."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.activate()
    (place,) = rig.places()
    rig.feed(PlaceUnknown, cid=place.cid, cause="timeout")
    rig.operate(Operation.STOP)
    assert rig.reports("stop.waits") == []
    rig.advance(25 * SECOND_NS)
    assert rig.reports("stop.waits") == [{"orders": "1", "unknown": "1", "session": "main"}] * 2


def test_what_another_session_decided_in_the_very_step_of_a_halt_has_not_left_yet_and_does_not() -> None:
    """No placement leaves beside or after a halt, and none is held for live."""
    first = Scripted(bids=(Quote(MID - 20, 10),))
    second = Scripted(error=ArithmeticError("broken"))
    rig = Rig(make_session(first, name="first"), make_session(second, name="second"))
    rig.activate()
    assert len(first.views) == 1
    assert rig.engine.state.halt_code == "decision.failed"
    assert rig.places() == []
    assert not rig.engine.state.orders.live
    assert rig.engine.state.orders.open_lots(0, Side.BUY) == 0


def test_what_another_session_decided_in_the_step_of_a_halt_never_leaves() -> None:
    """It was no exposure at any time, and the halt has nothing of it to wait for."""
    quotes, breaks = Scripted(bids=(Quote(MID - 20, 10),)), Scripted(error=ArithmeticError("broken"))
    rig = Rig(make_session(quotes, name="quotes"), make_session(breaks, name="breaks"))
    rig.activate()
    assert quotes.views
    assert rig.engine.state.halt_code == "decision.failed"
    assert rig.places() == []
    assert not rig.engine.state.orders.live
    assert rig.engine.state.orders.open_lots(0, Side.BUY) == 0
