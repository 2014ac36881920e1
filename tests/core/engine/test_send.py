"""The only way in which orders leave: paid from the budget, counted before they are emitted."""

from mm.domain.capabilities import Capabilities
from mm.domain.commands import Cancel, ListOrders, Query
from mm.domain.events import PlaceUnknown, Throttled
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from tests.builders.engine_ladder import SECOND_NS, Scripted
from tests.builders.engine_rig import MID, Rig, make_session, of

FEW = Capabilities(orders_per_10s=2, weight_per_minute=1_000_000)
"""One placement in ten seconds: 90 % of two, rounded down."""


def test_without_budget_nothing_is_placed_and_the_session_says_so() -> None:
    """It is tried again and sent when the window has moved on."""
    strategy = Scripted(bids=(Quote(MID - 20, 10),), asks=(Quote(MID + 20, 10),))
    rig = Rig(make_session(strategy), caps=FEW)
    rig.activate()
    assert [place.side for place in rig.places()] == [Side.BUY]
    assert rig.reports("order.denied") == [
        {"rule": "budget", "side": "sell", "level": "0", "session": "main"}
    ]
    assert rig.session().reason == "quoting"
    rig.place_all()
    rig.canceled(rig.places()[0])
    assert rig.session().reason == "budget"
    rig.keep_alive(11 * SECOND_NS)
    assert len(rig.places()) == 2


def test_a_placement_is_exposure_from_the_moment_it_is_sent() -> None:
    """Before any answer."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.activate()
    assert rig.engine.state.orders.open_lots(0, Side.BUY) == 10


def test_ids_are_unique_and_tell_session_and_life() -> None:
    """Also those of placements that were denied in between."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),), asks=(Quote(MID + 20, 10),))), caps=FEW)
    rig.activate()
    rig.place_all()
    rig.canceled(rig.places()[0])
    rig.keep_alive(25 * SECOND_NS)
    cids = [place.cid for place in rig.places()]
    assert len(set(cids)) == len(cids) == 3
    decoded = [rig.engine.state.setup.ids.decode(cid) for cid in cids]
    assert {(one.session, one.epoch) for one in decoded if one is not None} == {(0, 5)}


def test_queries_wait_for_the_budget_and_listings_and_cancels_do_not() -> None:
    """While the venue asks for patience only what takes orders off goes on."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10), Quote(MID - 21, 10, 1)))))
    rig.activate()
    first, second = rig.places()
    rig.ack(second)
    rig.feed(PlaceUnknown, cid=first.cid, cause="HTTP 504")
    rig.feed(Throttled, until_ns=rig.now_ns + 60 * SECOND_NS, banned=False)
    rig.script().bids = (Quote(MID - 20, 10),)
    sent = rig.keep_alive(40 * SECOND_NS)
    assert of(sent, Query) == []
    assert len(of(sent, ListOrders)) == 1
    assert [cancel.cid for cancel in of(sent, Cancel)] == [second.cid]
    assert of(rig.keep_alive(30 * SECOND_NS), Query)
