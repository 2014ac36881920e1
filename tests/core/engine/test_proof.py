"""The proof of death: what has lived needs more of it, balances count, and nothing waits for ever."""

import pytest

from mm.domain.commands import ListBalances, ListFills, ListOrders, Place, Query
from mm.domain.events import OrderNotFound, OrderRejected, OrderSeen, PlaceUnknown
from mm.domain.orders import OrderState
from mm.domain.quotes import Quote
from tests.builders.engine_ladder import Scripted
from tests.builders.engine_rig import (
    BASE_ATOMS,
    MID,
    MS,
    QUOTE_ATOMS,
    SECOND_NS,
    Rig,
    listed,
    make_session,
    of,
)
from tests.builders.instruments import INSTRUMENT

UNKNOWN, DEAD = OrderState.UNKNOWN, OrderState.DEAD


def in_doubt(*, duplicate: bool = False, acked: bool = False) -> tuple[Rig, Place]:
    """Return a bench whose only order is not found by queries any more, for long enough."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.activate()
    (place,) = rig.places()
    if acked:
        rig.ack(place)
        rig.order(place).state = UNKNOWN
    rig.feed(PlaceUnknown, cid=place.cid, cause="HTTP 504", duplicate=duplicate)
    asked = 0
    while not rig.order(place).absent_since_ns:
        rig.keep_alive(SECOND_NS)
        if len(of(rig.sent, Query)) > asked:
            asked = len(of(rig.sent, Query))
            rig.feed(OrderNotFound, cid=place.cid)
    return rig, place


@pytest.mark.parametrize("way", ["duplicate", "acked"])
def test_an_order_that_has_lived_needs_a_second_listing_that_does_not_show_it(way: str) -> None:
    """It is asked for; that the id is in use is proof that the order was accepted."""
    rig, place = in_doubt(duplicate=way == "duplicate", acked=way == "acked")
    assert rig.order(place).has_lived
    rig.list_all()
    rig.advance(200 * MS)
    assert rig.state_of(place) is UNKNOWN
    asked = len(of(rig.sent, ListOrders))
    rig.keep_alive(4 * SECOND_NS)
    assert len(of(rig.sent, ListOrders)) > asked
    rig.list_orders()
    rig.list_balances()
    rig.advance(200 * MS)
    assert rig.state_of(place) is DEAD
    assert rig.reports("order.dead")[0]["had_lived"] == "True"


def test_an_id_that_is_in_use_brings_a_refused_or_buried_order_back() -> None:
    """It was accepted: what became of it is asked, and a late refusal proves nothing any more."""
    rig, place = in_doubt()
    rig.list_all()
    rig.advance(200 * MS)
    assert rig.state_of(place) is DEAD
    rig.feed(PlaceUnknown, cid=place.cid, cause="duplicate", duplicate=True)
    assert rig.state_of(place) is UNKNOWN
    rig.feed(OrderRejected, cid=place.cid, code=-2010, reason="duplicate order")
    assert rig.state_of(place) is UNKNOWN
    asked = len(of(rig.sent, Query))
    rig.keep_alive(6 * SECOND_NS)
    assert len(of(rig.sent, Query)) > asked


def test_an_id_that_is_in_use_ends_a_proof_of_absence() -> None:
    """What queries did not find until then was lag."""
    rig, place = in_doubt()
    rig.feed(PlaceUnknown, cid=place.cid, cause="duplicate", duplicate=True)
    assert (rig.order(place).not_found, rig.order(place).absent_since_ns) == (0, 0)
    rig.list_all()
    rig.advance(200 * MS)
    assert rig.state_of(place) is UNKNOWN
    rig.feed(OrderSeen, cid=place.cid, venue_order_id="v", open=False, cum_lots=0)
    assert rig.state_of(place) is OrderState.CANCELED


def test_balances_that_were_listed_before_the_last_query_prove_nothing() -> None:
    """They are asked for again."""
    rig, place = in_doubt()
    rig.list_orders()
    rig.list_fills()
    asked = len(of(rig.sent, ListBalances))
    rig.engine.state.balances_asked_ns = 0
    rig.advance(200 * MS)
    assert rig.state_of(place) is UNKNOWN
    assert len(of(rig.sent, ListBalances)) == asked + 1
    rig.list_balances()
    rig.advance(200 * MS)
    assert rig.state_of(place) is DEAD


def test_a_difference_in_the_balances_keeps_an_order_until_it_is_booked() -> None:
    """It may be that order's fill; two quiet looks say that it is not, and it is from outside then."""
    rig, place = in_doubt()
    rig.list_orders()
    rig.list_fills()
    for _ in range(2):
        rig.list_balances(base=BASE_ATOMS + 5)
        rig.keep_alive(4 * SECOND_NS)
        rig.list_orders()
        rig.list_fills()
        rig.advance(200 * MS)
    assert rig.state_of(place) is UNKNOWN
    assert len(rig.reports("balance.external")) == 1
    rig.list_balances(base=BASE_ATOMS + 5)
    rig.advance(200 * MS)
    assert rig.state_of(place) is DEAD
    assert rig.reports("order.dead")[0]["balances"] == "agree"


def test_a_difference_that_never_settles_does_not_keep_an_order_for_ever() -> None:
    """It is written down that the balances did not agree."""
    rig, place = in_doubt()
    rig.list_orders()
    rig.list_fills()
    asked = len(of(rig.sent, ListBalances))
    for number in range(70):
        rig.keep_alive(SECOND_NS)
        rig.list_balances(quote=QUOTE_ATOMS + 1 + number)
    assert rig.state_of(place) is DEAD
    assert rig.reports("order.dead")[0]["balances"] == "differ"
    assert len(of(rig.sent, ListBalances)) - asked <= 20


def test_where_the_holdings_were_never_counted_balances_say_nothing() -> None:
    """That is written down too."""
    rig, _ = in_doubt()
    rig.engine.state.ledger.is_open = False
    rig.list_orders()
    rig.list_fills()
    rig.advance(200 * MS)
    assert rig.reports("order.dead")[0]["balances"] == "unknown"


def test_a_sign_of_life_during_the_proof_ends_it() -> None:
    """It is on the book."""
    rig, place = in_doubt()
    rig.list_orders()
    rig.list_fills()
    rig.list_orders(orders=(listed(place),))
    rig.list_balances()
    rig.advance(200 * MS)
    assert rig.state_of(place) is OrderState.WORKING


def test_a_fill_that_the_listing_of_then_passed_over_is_looked_for_again_before_an_order_is_buried() -> None:
    """The proof lists fills from before the order on, page by page, not from where the last listing ended
    (simulated: seed 55).
    """
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.activate()
    rig.list_fills(next_trade_id=6)
    (place,) = rig.places()
    rig.feed(PlaceUnknown, cid=place.cid, cause="HTTP 504")
    rig.advance(31 * SECOND_NS)
    rig.list_fills(next_trade_id=36)
    while not rig.order(place).absent_since_ns:
        rig.keep_alive(SECOND_NS)
        rig.list_fills(next_trade_id=36)
        rig.feed(OrderNotFound, cid=place.cid)
    listings = of(rig.sent, ListFills)
    assert (listings[-2].from_trade_id, listings[-1].from_trade_id) == (36, 0)
    rig.list_orders()
    rig.list_balances()
    # A page of it, and then an answer to a request of long ago: neither shows what is asked for.
    asked_ns = rig.now_ns
    rig.list_fills(next_trade_id=20, complete=False)
    assert of(rig.sent, ListFills)[-1].from_trade_id == 20
    rig.list_fills(next_trade_id=50, asked_ns=asked_ns - SECOND_NS)
    rig.advance(200 * MS)
    assert rig.state_of(place) is UNKNOWN
    assert rig.session().market.next_trade_id == 20
    rig.fill(place, 10, 34)
    rig.list_fills(next_trade_id=36)
    rig.advance(200 * MS)
    assert rig.state_of(place) is OrderState.FILLED
    assert rig.reports("order.dead") == []


def test_an_order_held_for_working_is_not_kept_by_a_listing_that_was_under_way() -> None:
    """Queries find nothing of it while fills are being listed: they are listed again after that, although a
    working order is asked about by nobody (simulated: seed 200995).
    """
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.activate()
    rig.list_fills(next_trade_id=6)
    (place,) = rig.places()
    rig.ack(place)
    rig.keep_alive(31 * SECOND_NS)
    symbol = rig.engine.state.symbols[INSTRUMENT.symbol]
    while rig.order(place).not_found < 2:
        rig.keep_alive(10 * SECOND_NS)
        rig.list_orders()
        rig.list_fills(next_trade_id=36)
        rig.feed(OrderNotFound, cid=place.cid)
    rig.keep_alive(60 * SECOND_NS)
    rig.list_fills(next_trade_id=36)
    began_ns = symbol.fills_asked_ns = rig.now_ns
    rig.advance(50 * MS)
    rig.feed(OrderNotFound, cid=place.cid)
    assert rig.order(place).absent_since_ns == rig.now_ns
    rig.list_fills(asked_ns=began_ns, next_trade_id=36)
    assert rig.state_of(place) is OrderState.WORKING
    for _ in range(5):
        rig.engine.state.reconciled = 0  # the listings that come in any case are a long time off
        rig.keep_alive(4 * SECOND_NS)
        rig.list_orders()
        rig.list_balances()
        if symbol.fills_asked_ns:
            rig.list_fills(asked_ns=symbol.fills_asked_ns, next_trade_id=36)
        rig.advance(200 * MS)
    assert rig.state_of(place) is DEAD


def test_a_long_listing_that_is_under_way_is_not_begun_again() -> None:
    """Whoever asks for the same while its pages come waits for them."""
    rig, _ = in_doubt()
    rig.list_fills(next_trade_id=20, complete=False)
    asked = len(of(rig.sent, ListFills))
    rig.engine.state.symbols[INSTRUMENT.symbol].fills_asked_ns = 0
    rig.keep_alive(6 * SECOND_NS)
    assert {listing.from_trade_id for listing in of(rig.sent, ListFills)[asked:]} == {20}
