"""Another process with our mark on this account: the older life halts and leaves the other's orders alone."""

import pytest

from mm.domain.commands import Cancel
from mm.domain.events import AnyEvent, Operation, OrderAcked, OrderCanceled, OrderFilled, Source
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.engine.session import SessionState
from tests.builders.engine_ladder import Scripted
from tests.builders.engine_rig import EPOCH, MID, MS, SECOND_NS, Rig, cid_of, listed, make_session, of, orphan
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


def test_an_id_of_this_life_that_was_given_out_and_never_sent_is_no_other_process() -> None:
    """A refused placement used it up."""
    rig = active()
    rig.step(acked(rig.places()[0].cid))
    rig.advance(SECOND_NS)
    assert rig.reports("fenced") == []
