"""Another process with our mark on this account: the older life halts and leaves the other's orders alone."""

import pytest

from mm.domain.commands import Cancel, Place
from mm.domain.events import (
    AnyEvent,
    ListedOrder,
    Operation,
    OrderAcked,
    OrderCanceled,
    OrderFilled,
    OrderSeen,
    Source,
)
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.engine.session import SessionState
from tests.builders.engine_ladder import Scripted
from tests.builders.engine_rig import (
    EPOCH,
    MID,
    MS,
    SECOND_NS,
    Rig,
    cid_of,
    listed,
    make_session,
    of,
    orphan,
)
from tests.builders.instruments import INSTRUMENT

ALIENS = [cid_of(1, epoch=EPOCH + 1), cid_of(1_000, epoch=EPOCH)]
"""Of a later life, and of this one with a number that it never gave out."""


def active() -> Rig:
    """Return a bench with one acknowledged bid."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.activate()
    rig.place_all()
    return rig


def acked(cid: str) -> AnyEvent:
    """Return an acknowledgement."""
    fields = {"venue_order_id": "1", "price_ticks": 1, "size_lots": 1, "source": Source.STREAM}
    return OrderAcked(ts_ns=0, cid=cid, **fields)  # type: ignore[arg-type] # named above


def filled(cid: str) -> OrderFilled:
    """Return an execution."""
    return OrderFilled(
        ts_ns=0,
        symbol=INSTRUMENT.symbol,
        cid=cid,
        trade_id=5,
        side=Side.BUY,
        price_ticks=MID,
        size_lots=1,
        fee_atoms=0,
        fee_asset="BBB",
        maker=True,
        source=Source.STREAM,
    )


@pytest.mark.parametrize("cid", ALIENS)
def test_an_id_that_only_another_process_could_have_made_halts_trading(cid: str) -> None:
    """Whatever tells of it; own orders are taken off, a fill of the other moves nothing of ours."""
    for event in (acked(cid), filled(cid), OrderCanceled(ts_ns=0, cid=cid, cum_lots=0, source=Source.STREAM)):
        rig = active()
        rig.step(event)
        assert rig.engine.state.halt_code == "fenced"
        assert [halt["reason"] for halt in rig.reports("halt")] == ["fenced"]
        assert [(said["cid"], said["own_epoch"]) for said in rig.reports("fenced")] == [(cid, str(EPOCH))]
        assert rig.session().state is SessionState.HALTED
        assert rig.session().position.net_lots == 0
        assert [cancel.cid for cancel in rig.cancels()] == [rig.places()[0].cid]


def test_its_orders_are_never_cancelled_and_do_not_keep_the_halt_open() -> None:
    """They are listed for as long as the other process wants; it is said once."""
    rig = active()
    other = orphan()
    alien = type(other)(ALIENS[0], *[getattr(other, name) for name in other.__struct_fields__[1:]])
    rig.list_orders(orders=(listed(rig.places()[0]), alien))
    rig.canceled(rig.places()[0])
    rig.advance(600 * MS)
    rig.list_orders(orders=(alien,))
    rig.advance(100 * MS)
    rig.list_orders(orders=(alien,))
    assert rig.is_confirmed()
    assert ALIENS[0] not in [cancel.cid for cancel in of(rig.sent, Cancel)]
    assert len(rig.reports("fenced")) == 1


def test_an_operator_who_unhalts_is_told_again_if_the_other_is_still_there() -> None:
    """And an older life's order is cancelled as ever."""
    rig = active()
    rig.step(acked(ALIENS[0]))
    rig.canceled(rig.places()[0])
    rig.advance(600 * MS)
    rig.list_orders()
    rig.advance(100 * MS)
    rig.operate(Operation.UNHALT)
    assert rig.engine.state.halt_code == ""
    rig.list_orders(orders=(orphan(),))
    assert [cancel.cid for cancel in rig.cancels()][-1] == orphan().cid
    assert rig.engine.state.halt_code == ""
    rig.step(acked(ALIENS[0]))
    assert len(rig.reports("fenced")) == 2


def test_after_a_fence_was_lifted_no_id_is_used_that_the_other_process_used() -> None:
    """Two processes of one epoch: the venue would take the second order of an id for the first."""
    rig = active()
    own = rig.engine.state.sequence
    for sequence in (1_000, 7):
        rig.step(acked(cid_of(sequence, epoch=EPOCH)))
    assert rig.engine.state.sequence == own
    rig.canceled(rig.places()[0])
    rig.advance(600 * MS)
    rig.list_orders()
    rig.advance(100 * MS)
    rig.operate(Operation.UNHALT)
    assert rig.engine.state.sequence == 1_000
    lag_ns = rig.engine.state.setup.deadlines.venue_lag
    for _ in range(12):
        rig.list_all()
        rig.keep_alive(lag_ns // 6)
    assert rig.places()[-1].cid == cid_of(1_001, epoch=EPOCH)


def test_after_a_fence_was_lifted_nothing_is_quoted_before_the_venue_shows_that_nobody_else_does() -> None:
    """The other's ladder may be between two orders: one look that is empty is not enough."""
    rig = active()
    rig.step(acked(ALIENS[0]))
    rig.canceled(rig.places()[0])
    rig.advance(600 * MS)
    rig.list_orders()
    rig.advance(100 * MS)
    assert rig.is_confirmed()
    placed = len(rig.places())
    rig.operate(Operation.UNHALT)
    assert rig.session().state is SessionState.PENDING
    lag_ns = rig.engine.state.setup.deadlines.venue_lag
    for _ in range(4):
        rig.list_all()
        rig.keep_alive(lag_ns // 6)
    assert len(rig.places()) == placed
    for _ in range(8):
        rig.keep_alive(lag_ns // 6)
        rig.list_all()
    assert rig.session().state is SessionState.ACTIVE
    assert len(rig.places()) == placed + 1


def test_an_id_of_this_life_that_was_given_out_and_never_sent_is_no_other_process() -> None:
    """A refused placement used it up."""
    rig = active()
    rig.step(acked(rig.places()[0].cid))
    rig.advance(SECOND_NS)
    assert rig.reports("fenced") == []


def taken_off(rig: Rig, times: int, *, pause_ns: int = SECOND_NS, seen: bool = False) -> None:
    """Let the venue say that the newest order was cancelled, which nobody here asked for, so many times."""
    for _ in range(times):
        rig.keep_alive(pause_ns)
        place = rig.places()[-1]
        rig.ack(place)
        if seen:
            rig.feed(OrderSeen, cid=place.cid, venue_order_id="1", open=False, cum_lots=0)
        else:
            rig.canceled(place)


@pytest.mark.parametrize("seen", [False, True], ids=["told", "asked"])
def test_an_older_process_whose_orders_are_taken_off_again_and_again_halts(seen: bool) -> None:
    """The newer one sends nothing while it shows any, so no id of it is ever seen."""
    rig = active()
    taken_off(rig, 4, seen=seen)
    assert rig.engine.state.halt_code == ""
    taken_off(rig, 1, seen=seen)
    (said,) = rig.reports("halt")
    assert (said["reason"], said["times"]) == ("orders.taken_off", "5")
    before = len(rig.places())
    rig.keep_alive(10 * SECOND_NS)
    rig.list_all()
    rig.keep_alive(SECOND_NS)
    assert rig.is_confirmed()
    assert len(rig.places()) == before


def test_orders_that_somebody_takes_off_now_and_then_are_placed_again() -> None:
    """Five times within a minute are too often, five in an hour are a person."""
    rig = active()
    taken_off(rig, 8, pause_ns=20 * SECOND_NS)
    assert rig.engine.state.halt_code == ""


def test_orders_that_end_together_count_once() -> None:
    """A venue may clear the account before its maintenance; what was placed before that ends with it."""
    rig = Rig(make_session(Scripted(bids=tuple(Quote(MID - 20 - number, 10, number) for number in range(6)))))
    rig.activate()
    rig.advance(SECOND_NS)
    for place in rig.places():
        rig.canceled(place)
    assert len(rig.engine.state.taken_off_ns) == 1


def older(number: int) -> ListedOrder:
    """Return an order that a process of the life before placed."""
    left = orphan()
    return type(left)(cid_of(100 + number), *[getattr(left, name) for name in left.__struct_fields__[1:]])


def test_a_newer_process_waits_for_as_long_as_the_older_one_places_and_says_so() -> None:
    """It cancels whatever it sees and sends nothing; once the older one stopped, it begins by itself."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.activate(orders=(older(0),))
    for number in range(1, 100):
        rig.keep_alive(SECOND_NS)
        rig.list_all(orders=(older(number),))
    assert of(rig.sent, Place) == []
    assert {cancel.cid for cancel in rig.cancels()} >= {older(number).cid for number in range(100)}
    said = rig.reports("fence.older_trades")
    assert [(one["epoch"], one["own_epoch"]) for one in said] == [(str(EPOCH - 1), str(EPOCH))] * 2
    assert "an older process" in rig.session().reason
    assert rig.engine.state.halt_code == ""
    for _ in range(3):
        rig.keep_alive(2 * SECOND_NS)
        rig.list_all()
    rig.keep_alive(SECOND_NS)
    assert rig.session().state is SessionState.ACTIVE
    assert len(rig.places()) == 1


def test_what_a_dead_process_left_is_no_older_process_that_runs() -> None:
    """Its last requests may arrive for as long as a request can live."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.activate(orders=(older(0),))
    rig.keep_alive(30 * SECOND_NS)
    rig.list_all(orders=(older(1),))
    assert rig.reports("fence.older_trades") == []
    assert rig.session().reason == "clears orders of an earlier life"
