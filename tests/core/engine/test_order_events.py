"""News about single orders: forward only, UNKNOWN until the venue's evidence, no end with fills missing."""

from typing import Any

import pytest

from mm.domain.commands import Cancel, ListFills, Place, Query
from mm.domain.events import (
    AckMismatch,
    CancelRejected,
    CancelUnknown,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderNotFound,
    OrderRejected,
    OrderSeen,
    PlaceUnknown,
    RequestFailed,
    Source,
)
from mm.domain.orders import OrderState
from mm.domain.quotes import Quote
from mm.strategies.base import Wake
from tests.builders.engine_ladder import SECOND_NS, Scripted
from tests.builders.engine_rig import MID, MS, Rig, cid_of, listed, make_session, of

UNKNOWN, WORKING = OrderState.UNKNOWN, OrderState.WORKING
UNKNOWN_CANCEL, CANCEL_SENT = OrderState.UNKNOWN_CANCEL, OrderState.CANCEL_SENT


def quoting(**wake: Any) -> tuple[Rig, Scripted, Place]:
    """Return a bench with one bid of 10 lots sent, its strategy, and the placement. Args: wake: of that."""
    strategy = Scripted(bids=(Quote(MID - 20, 10),), wake=Wake(**wake))
    rig = Rig(make_session(strategy))
    rig.activate()
    (place,) = rig.places()
    return rig, strategy, place


def cancelling() -> tuple[Rig, Scripted, Place]:
    """Return a bench whose only order is acknowledged and being cancelled."""
    rig, strategy, place = quoting()
    strategy.bids = ()
    rig.ack(place)
    rig.advance(SECOND_NS)
    assert rig.state_of(place) is CANCEL_SENT
    return rig, strategy, place


def test_an_acknowledged_order_is_working_and_its_session_decides_again() -> None:
    """What is wanted may have changed while the answer was on its way."""
    rig, strategy, place = quoting()
    strategy.bids = (Quote(MID - 40, 10),)
    sent = rig.ack(place, source=Source.ANSWER)
    assert [command.cid for command in of(sent, Cancel)] == [place.cid]


def test_who_does_not_ask_for_acknowledgements_is_not_asked_for_an_order_that_stands_where_it_should() -> (
    None
):
    """It knows nothing that it did not know when it asked for the order."""
    rig, strategy, place = quoting(on_acknowledged=False)
    asked = len(strategy.views)
    rig.ack(place, source=Source.ANSWER)
    assert rig.state_of(place) is WORKING
    assert len(strategy.views) == asked


def test_who_does_not_ask_for_acknowledgements_is_asked_where_an_order_had_to_be_left_alone() -> None:
    """It wanted the order elsewhere, or gone, before the venue had said anything of it."""
    rig, strategy, place = quoting(on_acknowledged=False)
    for bids in ((Quote(MID - 40, 10),), ()):
        strategy.bids = bids
        assert not of(rig.advance(SECOND_NS), Cancel)
    sent = rig.ack(place, source=Source.ANSWER)
    assert [command.cid for command in of(sent, Cancel)] == [place.cid]


def test_an_order_that_is_acknowledged_once_more_is_no_news() -> None:
    """Stream and answer tell of it: whoever was asked after the first is not asked after the second."""
    rig, strategy, place = quoting()
    rig.ack(place, source=Source.STREAM)
    strategy.bids = (Quote(MID - 40, 10),)
    assert not rig.ack(place, source=Source.ANSWER)
    assert rig.state_of(place) is WORKING
    rig.advance(SECOND_NS)
    assert rig.state_of(place) is CANCEL_SENT


@pytest.mark.parametrize("changes", [{"price_ticks": 1}, {"size_lots": 11}])
def test_an_order_that_is_acknowledged_as_another_one_halts_trading(changes: dict[str, Any]) -> None:
    """The venue holds something that was not asked for: cancel everything."""
    rig, _, place = quoting()
    rig.ack(place, **changes)
    assert rig.engine.state.halt_code == "ack.mismatch"
    assert [cancel.cid for cancel in rig.cancels()] == [place.cid]
    assert len(rig.reports("order.mismatch")) == 1


def test_a_mismatch_that_the_adapter_saw_halts_trading() -> None:
    """Type or self-trade mode were not what was asked; the order is cancelled once it is acknowledged."""
    rig, _, place = quoting()
    rig.feed(AckMismatch, cid=place.cid, detail="selfTradePreventionMode NONE")
    assert rig.engine.state.halt_code == "ack.mismatch"
    rig.ack(place)
    rig.advance(SECOND_NS)
    assert [cancel.cid for cancel in rig.cancels()] == [place.cid]


def test_a_placement_without_any_answer_is_unknown_and_not_dead() -> None:
    """Its level stays taken, its size counts, the venue is asked."""
    rig, _, place = quoting()
    rig.keep_alive(7 * SECOND_NS)
    assert rig.state_of(place) is UNKNOWN
    assert rig.engine.state.orders.open_lots(0, place.side) == 10
    assert [query.cid for query in of(rig.sent, Query)][:1] == [place.cid]
    assert len(rig.places()) == 1


def test_an_unknown_placement_is_reported_once() -> None:
    """A second word of the same kind is no news."""
    rig, _, place = quoting()
    rig.feed(PlaceUnknown, cid=place.cid, cause="HTTP 504")
    rig.feed(PlaceUnknown, cid=place.cid, cause="HTTP 504")
    assert rig.reports("order.unknown") == [{"cid": place.cid, "cause": "HTTP 504", "session": "main"}]
    assert rig.state_of(place) is UNKNOWN


def test_an_answer_that_got_lost_after_the_stream_was_faster_changes_nothing() -> None:
    """The order is known to work: losing its answer is no news."""
    rig, _, place = quoting()
    rig.ack(place)
    rig.feed(PlaceUnknown, cid=place.cid, cause="HTTP 504")
    assert rig.state_of(place) is WORKING
    assert rig.reports("order.unknown") == []


def test_a_query_that_shows_the_order_open_ends_the_doubt() -> None:
    """It works; the venue's number is learned."""
    rig, _, place = quoting()
    rig.feed(PlaceUnknown, cid=place.cid, cause="HTTP 504")
    rig.feed(OrderSeen, cid=place.cid, venue_order_id="77", open=True, cum_lots=0)
    assert (rig.state_of(place), rig.order(place).venue_order_id) == (WORKING, "77")


def test_a_query_that_shows_fills_that_are_not_known_asks_for_them() -> None:
    """The order is open and partly filled: the fills come from the history."""
    rig, _, place = quoting()
    rig.ack(place)
    sent = rig.feed(OrderSeen, cid=place.cid, venue_order_id="", open=True, cum_lots=4)
    assert len(of(sent, ListFills)) == 1
    assert rig.reports("order.fills_missing") == [
        {"cid": place.cid, "stated_lots": "4", "known_lots": "0", "session": "main"}
    ]
    assert rig.session().position.net_lots == 0
    rig.fill(place, 4, 1, source=Source.QUERY)
    assert rig.session().position.net_lots == 4


def test_a_query_that_shows_a_rejection_frees_the_level() -> None:
    """The venue refused it and nothing filled."""
    rig, _, place = quoting()
    rig.feed(PlaceUnknown, cid=place.cid, cause="HTTP 504")
    rig.feed(OrderSeen, cid=place.cid, venue_order_id="77", open=False, cum_lots=0, rejected=True)
    assert rig.state_of(place) is OrderState.REJECTED
    assert len(rig.places()) == 2


def test_a_rejection_that_states_fills_is_an_end_that_waits_for_them() -> None:
    """What filled has lived: its level is free only once the fills are in the position (seed 30101)."""
    rig, _, place = quoting()
    rig.ack(place)
    rig.feed(OrderSeen, cid=place.cid, venue_order_id="77", open=False, cum_lots=4, rejected=True)
    assert rig.state_of(place) is UNKNOWN_CANCEL
    assert len(rig.places()) == 1
    rig.fill(place, 4, 1, source=Source.QUERY)
    assert rig.state_of(place) is OrderState.CANCELED
    assert rig.session().position.net_lots == 4


def test_an_order_that_was_refused_is_dead_and_its_level_free() -> None:
    """With proof: the exposure is released, the reason reported."""
    rig, _, place = quoting()
    rig.feed(OrderRejected, cid=place.cid, code=-2010, reason="no funds", funds=True)
    assert rig.state_of(place) is OrderState.REJECTED
    assert rig.reports("order.rejected") == [
        {
            "side": "buy",
            "level": "0",
            "cid": place.cid,
            "venue_code": "-2010",
            "detail": "no funds",
            "session": "main",
        }
    ]
    assert len(rig.places()) == 2


def test_an_acknowledgement_after_a_refusal_is_a_sign_of_life_and_asked_about() -> None:
    """The venue contradicts itself: the order counts again until the venue says how it is."""
    rig, _, place = quoting()
    rig.feed(OrderRejected, cid=place.cid, code=-2010, reason="?")
    rig.ack(place)
    assert rig.state_of(place) is UNKNOWN
    assert rig.engine.state.orders.open_lots(0, place.side) == 20


def test_a_refusal_of_an_order_that_is_being_cancelled_is_asked_about() -> None:
    """Only what lived is cancelled: the refusal contradicts what was proved before."""
    rig, _, place = cancelling()
    rig.feed(OrderRejected, cid=place.cid, code=-2010, reason="?")
    assert rig.state_of(place) is UNKNOWN_CANCEL


def test_a_confirmed_cancel_ends_the_order() -> None:
    """With nothing filled, or with what was filled known already."""
    rig, _, place = cancelling()
    rig.canceled(place)
    assert rig.state_of(place) is OrderState.CANCELED
    rig2, strategy, second = quoting()
    rig2.ack(second)
    rig2.fill(second, 4, 1)
    strategy.bids = ()
    rig2.canceled(second, 4)
    assert rig2.state_of(second) is OrderState.CANCELED


def test_a_cancel_that_states_more_fills_than_are_known_waits_for_them() -> None:
    """Its size counts as exposure until the missing fills are there; then it ends as the venue said."""
    rig, _, place = cancelling()
    rig.canceled(place, 6)
    assert rig.state_of(place) is UNKNOWN_CANCEL
    assert rig.engine.state.orders.open_lots(0, place.side) == 10
    rig.fill(place, 2, 1)
    assert rig.state_of(place) is UNKNOWN_CANCEL
    rig.fill(place, 4, 2)
    assert rig.state_of(place) is OrderState.CANCELED
    assert rig.session().position.net_lots == 6


def test_missing_fills_are_asked_for_with_growing_pauses_and_reported_once() -> None:
    """Also when they never come: the message budget is not spent on it."""
    rig, _, place = cancelling()
    rig.canceled(place, 6)
    rig.canceled(place, 6)
    rig.list_fills()
    asked = len(of(rig.sent, ListFills))
    for _ in range(60):
        rig.keep_alive(SECOND_NS // 2)
        if rig.engine.state.symbols[place.symbol].fills_asked_ns:
            rig.list_fills()
    assert 8 <= len(of(rig.sent, ListFills)) - asked <= 16
    assert len(rig.reports("order.fills_missing")) == 1


def test_a_cancel_that_does_not_say_what_filled_is_asked_about() -> None:
    """A fill may be on its way: the exposure is held until the venue has said how much it was."""
    rig, _, place = cancelling()
    sent = rig.canceled(place, -1)
    assert [query.cid for query in of(sent, Query)] == [place.cid]
    assert rig.state_of(place) is UNKNOWN_CANCEL
    rig.feed(OrderSeen, cid=place.cid, venue_order_id="1", open=False, cum_lots=3)
    rig.fill(place, 3, 1)
    assert rig.state_of(place) is OrderState.CANCELED


def test_an_ended_order_of_which_the_venue_states_more_fills_has_them_looked_up() -> None:
    """The second word about an end said more than the first."""
    rig, _, place = cancelling()
    rig.canceled(place, 0)
    sent = rig.canceled(place, 5)
    assert len(of(sent, ListFills)) == 1
    assert rig.state_of(place) is OrderState.CANCELED
    rig.fill(place, 5, 1, source=Source.QUERY)
    assert rig.session().position.net_lots == 5


def test_an_expired_order_ends_and_a_prevented_one_is_an_incident() -> None:
    """The venue's self-trade prevention should never have to act."""
    rig, _, place = quoting()
    rig.ack(place)
    rig.feed(OrderExpired, cid=place.cid, cum_lots=0, prevented=True, source=Source.STREAM)
    assert rig.state_of(place) is OrderState.EXPIRED
    assert len(rig.reports("self_trade.prevented")) == 1
    second = rig.places()[-1]
    rig.feed(OrderExpired, cid=second.cid, cum_lots=0, prevented=False, source=Source.STREAM)
    assert len(rig.reports("self_trade.prevented")) == 1


def test_a_refused_cancel_proves_nothing() -> None:
    """Filled, ended or never there: the venue is asked, the exposure held."""
    rig, _, place = cancelling()
    rig.feed(CancelRejected, cid=place.cid, code=-2011)
    assert rig.state_of(place) is UNKNOWN_CANCEL
    rig.advance(SECOND_NS // 2)
    assert [query.cid for query in of(rig.sent, Query)] == [place.cid]


def test_a_cancel_without_an_answer_is_unknown_and_one_that_never_left_was_never_sent() -> None:
    """The first counts and is asked about, the second is sent again."""
    rig, _, place = cancelling()
    rig.feed(CancelUnknown, cid=place.cid, cause="HTTP 504")
    assert rig.state_of(place) is UNKNOWN_CANCEL
    rig2, _, second = cancelling()
    rig2.feed(CancelUnknown, cid=second.cid, cause="not connected", sent=False)
    assert rig2.state_of(second) is WORKING
    rig2.advance(SECOND_NS)
    assert len(rig2.cancels()) == 2


def test_an_order_that_survived_its_cancel_is_cancelled_again() -> None:
    """A query shows it open: it is still not wanted."""
    rig, _, place = cancelling()
    rig.feed(CancelUnknown, cid=place.cid, cause="HTTP 504")
    sent = rig.feed(OrderSeen, cid=place.cid, venue_order_id="1", open=True, cum_lots=0)
    assert [cancel.cid for cancel in of(sent, Cancel)] == [place.cid]


def test_news_of_orders_that_are_not_of_this_life_change_nothing() -> None:
    """Listings deal with them."""
    rig, _, _ = quoting()
    before = rig.engine.digest()
    for cid in (cid_of(1), "foreign"):
        rig.feed(OrderCanceled, cid=cid, cum_lots=0, source=Source.STREAM)
        rig.feed(OrderAcked, cid=cid, venue_order_id="1", price_ticks=1, size_lots=1, source=Source.STREAM)
    assert rig.engine.digest() == before


def lost(rig: Rig, place: Place) -> None:
    """Let queries about a placement find nothing until absence may be proven."""
    rig.feed(PlaceUnknown, cid=place.cid, cause="HTTP 504")
    asked = 0
    while not rig.order(place).absent_since_ns:
        rig.keep_alive(SECOND_NS)
        if len(of(rig.sent, Query)) > asked:
            asked = len(of(rig.sent, Query))
            rig.feed(OrderNotFound, cid=place.cid)


def test_absence_is_proven_by_time_queries_and_both_listings_asked_after_that() -> None:
    """Not found is venue lag for a minute; then the open orders and the fills have to agree."""
    rig, _, place = quoting()
    lost(rig, place)
    assert rig.now_ns - place.market_age_ns > 60 * SECOND_NS
    assert rig.engine.state.now_ns - rig.order(place).placed_ns >= 60 * SECOND_NS
    assert rig.state_of(place) is UNKNOWN
    rig.list_orders()
    assert rig.state_of(place) is UNKNOWN
    queries = rig.order(place).not_found
    rig.list_fills()
    rig.advance(100 * MS)
    assert rig.state_of(place) is UNKNOWN
    rig.list_balances()
    rig.advance(100 * MS)
    assert rig.state_of(place) is OrderState.DEAD
    assert [int(dead["queries"]) for dead in rig.reports("order.dead")] == [queries]
    assert queries >= 3
    assert len(rig.places()) == 2


def test_a_proof_of_death_is_written_down_with_all_that_it_rests_on() -> None:
    """When it was placed, when queries found nothing, when what did not show it was asked, what is held."""
    rig, _, place = quoting()
    placed_ns = rig.order(place).placed_ns
    lost(rig, place)
    last_ns, first_ns = rig.order(place).not_found_last_ns, rig.order(place).not_found_first_ns
    rig.list_all()
    rig.advance(100 * MS)
    (dead,) = rig.reports("order.dead")
    assert int(dead["placed_ns"]) == placed_ns
    assert (int(dead["not_found_first_ns"]), int(dead["not_found_last_ns"])) == (first_ns, last_ns)
    assert placed_ns < first_ns < last_ns <= int(dead["orders_asked_ns"])
    assert last_ns <= int(dead["fills_asked_ns"])
    assert last_ns <= int(dead["balances_asked_ns"])
    assert (dead["balances"], dead["had_lived"]) == ("agree", "False")


def test_absence_is_proven_in_either_order_of_the_listings_and_only_by_those_asked_late_enough() -> None:
    """What was asked before the last query proves nothing."""
    rig, _, place = quoting()
    lost(rig, place)
    early_ns = rig.order(place).absent_since_ns - 1
    rig.list_fills(asked_ns=early_ns)
    rig.list_orders(asked_ns=early_ns)
    assert rig.state_of(place) is UNKNOWN
    rig.keep_alive(20 * SECOND_NS)
    rig.list_fills()
    assert rig.state_of(place) is UNKNOWN
    rig.list_orders()
    rig.list_balances()
    rig.advance(100 * MS)
    assert rig.state_of(place) is OrderState.DEAD


def test_listings_for_the_proof_are_asked_again_until_both_have_answered() -> None:
    """A listing that failed does not leave the order in doubt for ever."""
    rig, _, place = quoting()
    lost(rig, place)
    rig.list_orders()
    rig.feed(RequestFailed, what="ListFills", subject=place.symbol, reason="HTTP 500")
    before = len(of(rig.sent, ListFills))
    rig.keep_alive(8 * SECOND_NS)
    assert len(of(rig.sent, ListFills)) > before


def test_an_order_that_was_held_for_dead_and_is_listed_lives_again() -> None:
    """At once: what is listed was there. The level's second order is then taken off."""
    rig, _, place = quoting()
    lost(rig, place)
    rig.list_all()
    rig.advance(100 * MS)
    second = rig.places()[-1]
    rig.ack(second)
    rig.list_orders(orders=(listed(place), listed(second)))
    assert rig.engine.state.orders.open_lots(0, place.side) == 20
    assert len(rig.reports("order.undead")) == 1
    assert [cancel.cid for cancel in rig.cancels()] == [place.cid]


def test_an_order_with_fills_is_never_proven_absent() -> None:
    """It was there: only its end as the venue states it counts."""
    rig, _, place = quoting()
    lost(rig, place)
    rig.fill(place, 1, 1)
    rig.list_orders()
    rig.list_fills()
    assert rig.state_of(place) is UNKNOWN
    rig.feed(OrderNotFound, cid=place.cid)
    rig.feed(OrderSeen, cid=place.cid, venue_order_id="1", open=False, cum_lots=1)
    assert rig.state_of(place) is OrderState.CANCELED


@pytest.mark.parametrize("again", [1, 2, 3])
def test_a_refusal_of_an_order_that_lived_is_a_doubt_however_often_it_comes(again: int) -> None:
    """It was acknowledged: only an answer to a question may say that it never was."""
    rig, _, place = quoting()
    rig.ack(place)
    for _ in range(again):
        rig.feed(OrderRejected, cid=place.cid, code=-2010, reason="doubled")
    assert rig.state_of(place) is UNKNOWN
    assert rig.order(place).is_live


def test_a_refusal_while_its_cancel_is_under_way_does_not_end_an_order_that_lived() -> None:
    """The cancel's outcome is open, and so is the order."""
    rig, _, place = cancelling()
    rig.feed(OrderRejected, cid=place.cid, code=-2010, reason="late")
    assert rig.state_of(place) is UNKNOWN_CANCEL


def test_fills_that_a_listing_passed_over_are_looked_for_further_back() -> None:
    """The venue states them and what was listed since does not have them: older ones are asked for too."""
    rig, _, place = quoting()
    rig.ack(place)
    rig.list_fills(next_trade_id=30)
    rig.feed(OrderExpired, cid=place.cid, cum_lots=10, prevented=False, source=Source.STREAM)
    first = of(rig.sent, ListFills)[-1]
    rig.now_ns += MS
    rig.list_fills(next_trade_id=90)
    sent = rig.keep_alive(2 * SECOND_NS)
    assert [listing.from_trade_id for listing in (first, *of(sent, ListFills))][:2] == [30, 0]
    rig.list_fills(next_trade_id=95)
    rig.fill(place, 10, 60, source=Source.QUERY)
    assert rig.state_of(place) is OrderState.FILLED
    assert rig.session().position.net_lots == 10


def test_fills_that_are_stated_again_and_not_found_are_looked_for_further_back() -> None:
    """Of an order that is still open."""
    rig, _, place = quoting()
    rig.ack(place)
    rig.list_fills(next_trade_id=30)
    for number in range(2):
        rig.now_ns += MS
        sent = rig.list_orders(orders=(listed(place, 4),))
        assert [listing.from_trade_id for listing in of(sent, ListFills)] == [30 * (1 - number)]
        rig.list_fills(next_trade_id=30)


def test_without_any_complete_listing_there_is_nothing_further_back() -> None:
    """The newest page is asked for as ever."""
    rig, _, place = quoting()
    rig.ack(place)
    rig.engine.state.symbols[place.symbol].cursors.clear()
    before = rig.engine.state.markets[place.symbol].next_trade_id
    for _ in range(2):
        rig.list_orders(orders=(listed(place, 4),))
    assert rig.engine.state.markets[place.symbol].next_trade_id == before
