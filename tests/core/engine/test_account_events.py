"""Listings, balances, limits, clock and access: what the venue says about the account as a whole."""

from typing import Any

import pytest

from mm.domain.commands import Cancel, ListBalances, ListFills, ListOrders, MeasureClock, Query
from mm.domain.events import (
    AccessDenied,
    BalanceChanged,
    BalancesListed,
    ClockDoubted,
    ClockMeasured,
    FillsListed,
    ListedOrder,
    OrderCanceled,
    OrdersListed,
    PlaceUnknown,
    RateUsed,
    RequestFailed,
    Source,
    Stream,
    StreamDown,
    StreamUp,
    Throttled,
)
from mm.domain.orders import OrderState
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.engine import account_events
from mm.strategies.base import Wake
from tests.builders.engine_ladder import SECOND_NS, Scripted, See
from tests.builders.engine_rig import MID, MS, Rig, listed, make_session, of, orphan
from tests.builders.instruments import INSTRUMENT

SYMBOL = INSTRUMENT.symbol


def quoting(**fields: object) -> Rig:
    """Return a bench with one acknowledged bid."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),), **fields)))  # type: ignore[arg-type]  # named by the caller
    rig.activate()
    rig.place_all()
    return rig


def test_a_working_order_that_is_not_listed_is_asked_about_and_not_given_up() -> None:
    """Once it is old enough to be listed at all, and not again while the answer is on its way."""
    rig = quoting()
    (place,) = rig.places()
    rig.list_orders()
    assert of(rig.last, Query) == []
    rig.keep_alive(4 * SECOND_NS)
    rig.list_orders()
    assert [query.cid for query in of(rig.last, Query)] == [place.cid]
    rig.list_orders()
    assert of(rig.last, Query) == []
    assert rig.state_of(place) is OrderState.WORKING


def test_an_unknown_order_that_is_listed_works() -> None:
    """The listing is evidence like a query's answer."""
    rig = quoting()
    (place,) = rig.places()
    second = Quote(MID - 30, 10, 1)
    rig.script().bids = (*rig.script().bids, second)
    rig.keep_alive(SECOND_NS)
    unknown = rig.places()[-1]
    rig.feed(PlaceUnknown, cid=unknown.cid, cause="HTTP 504")
    rig.list_orders(orders=(listed(place), listed(unknown)))
    assert rig.state_of(unknown) is OrderState.WORKING


def test_a_listed_order_that_filled_more_than_is_known_has_its_fills_looked_up() -> None:
    """The report of a fill got lost."""
    rig = quoting()
    (place,) = rig.places()
    rig.list_orders(orders=(listed(place, 3),))
    assert len(of(rig.last, ListFills)) == 1
    rig.list_orders(orders=(listed(place, 0),))
    assert of(rig.last, ListFills) == []


def test_an_order_that_the_venue_ended_and_still_lists_is_cancelled_once_lag_explains_it_no_more() -> None:
    """The end stands, its exposure does not come back; what is open at the venue goes."""
    rig = quoting()
    (place,) = rig.places()
    rig.feed(OrderCanceled, cid=place.cid, cum_lots=0, source=Source.STREAM)
    rig.list_orders(orders=(listed(place),))
    assert of(rig.last, Cancel) == []
    rig.keep_alive(4 * SECOND_NS)
    rig.list_orders(orders=(listed(place),))
    assert [cancel.cid for cancel in of(rig.last, Cancel)] == [place.cid]
    assert rig.state_of(place) is OrderState.CANCELED
    assert len(rig.reports("order.undead")) == 1


def test_orders_of_an_earlier_life_are_cancelled_and_not_more_often_than_the_pause() -> None:
    """They are told, and forgotten when they are gone."""
    rig = quoting()
    for _ in range(2):
        rig.list_orders(orders=(orphan(),))
    assert [cancel.cid for cancel in rig.cancels()] == [orphan().cid]
    rig.keep_alive(SECOND_NS)
    rig.list_orders(orders=(orphan(),))
    assert len(rig.cancels()) == 2
    rig.list_orders()
    rig.list_orders(orders=(orphan(),))
    assert len(rig.cancels()) == 3
    rig.feed(Throttled, until_ns=rig.now_ns + 10 * SECOND_NS, banned=True)
    rig.list_orders(orders=(orphan(2),))
    assert len(rig.cancels()) == 3


def test_orders_of_strangers_are_counted_and_never_touched() -> None:
    """Their number is told when it changes."""
    rig = quoting()
    stranger = ListedOrder("manual", "v3", Side.SELL, MID + 5, 1, 0)
    for _ in range(2):
        rig.list_orders(orders=(stranger,))
    rig.list_orders()
    assert [facts["count"] for facts in rig.reports("orders.foreign")] == ["1", "0"]
    assert rig.cancels() == []


def test_fills_are_listed_page_by_page_from_where_the_last_page_ended() -> None:
    """A report on the stream does not move the place: one before it may have been lost."""
    rig = quoting()
    (place,) = rig.places()
    rig.list_fills(next_trade_id=7, complete=False)
    assert [command.from_trade_id for command in of(rig.last, ListFills)] == [7]
    rig.list_fills(next_trade_id=9)
    rig.fill(place, 2, 12)
    rig.keep_alive(31 * SECOND_NS)
    assert of(rig.sent, ListFills)[-1].from_trade_id == 9


def test_listings_of_symbols_that_nobody_trades_are_ignored() -> None:
    """Nothing is remembered of them."""
    rig = quoting()
    before = rig.engine.digest()
    rig.feed(OrdersListed, symbol="other", asked_ns=rig.now_ns, orders=(orphan(),))
    rig.feed(FillsListed, symbol="other", asked_ns=rig.now_ns, next_trade_id=5, complete=False)
    assert rig.engine.digest() == before


def test_balances_are_replaced_as_a_whole_and_changed_one_by_one() -> None:
    """An asset that is no longer listed is gone."""
    rig = quoting()
    rig.feed(BalanceChanged, asset="AAA", free_atoms=5, locked_atoms=2)
    assert rig.engine.state.balances["AAA"] == (5, 2)
    rig.feed(BalancesListed, asked_ns=rig.now_ns, balances=(("BBB", 7, 0),))
    assert rig.engine.state.balances == {"BBB": (7, 0)}


def test_the_end_of_the_last_listing_after_a_reconnection_wakes_whoever_waits_for_it() -> None:
    """Also a strategy that neither the clock nor a still market would ever ask again."""
    see = See()
    strategy = Scripted(bids=(Quote(MID - 20, 10),), wake=Wake(move_half_ticks=0, every_ns=0))
    rig = Rig(make_session(strategy, rules=(see,)))
    rig.activate()
    rig.feed(StreamDown, stream=Stream.USER, reason="gone")
    rig.feed(StreamUp, stream=Stream.USER)
    assert see.views[-1].user_stream_up is False
    rig.advance(MS)
    rig.list_orders()
    rig.list_fills()
    decisions = len(see.views)
    rig.list_balances()
    assert len(see.views) == decisions + 1
    assert see.views[-1].user_stream_up is True


@pytest.mark.parametrize("what", ["ListOrders", "ListFills", "ListBalances"])
def test_a_listing_that_failed_is_asked_again_after_a_pause(what: str) -> None:
    """Not at once, and not never."""
    rig = quoting()
    kinds: dict[str, Any] = {"ListOrders": ListOrders, "ListFills": ListFills, "ListBalances": ListBalances}
    rig.feed(StreamUp, stream=Stream.USER)
    rig.advance(100 * MS)
    asked = len(of(rig.sent, kinds[what]))
    rig.feed(RequestFailed, what=what, subject="" if what == "ListBalances" else SYMBOL, reason="HTTP 500")
    rig.advance(400 * MS)
    assert len(of(rig.sent, kinds[what])) == asked
    rig.advance(300 * MS)
    assert len(of(rig.sent, kinds[what])) == asked + 1


def test_queries_that_fail_do_not_hold_listings_up() -> None:
    """A halt confirms by listings, whatever else fails."""
    rig = quoting()
    rig.feed(StreamUp, stream=Stream.USER)
    rig.feed(RequestFailed, what="Query", subject="x", reason="HTTP 500")
    assert len(of(rig.advance(100 * MS), ListOrders)) == 1
    assert rig.reports("request.failed")[-1]["what"] == "Query"


def test_a_failed_listing_of_an_unknown_symbol_is_only_told() -> None:
    """There is nothing to ask again."""
    rig = quoting()
    rig.feed(RequestFailed, what="ListOrders", subject="other", reason="?")
    assert len(rig.reports("request.failed")) == 1


def test_limits_and_clock_are_taken_in_and_told() -> None:
    """A throttle holds placements; the venue's own count raises ours."""
    rig = quoting()
    rig.feed(Throttled, until_ns=rig.now_ns + SECOND_NS, banned=False)
    rig.feed(ClockMeasured, offset_ns=5, round_trip_ns=9)
    rig.feed(RateUsed, weight=10**9, orders=-1)
    assert rig.reports("venue.throttled")[0]["banned"] == "False"
    assert rig.reports("venue.clock") == [{"offset_ns": "5", "round_trip_ns": "9", "session": ""}]
    rig.keep_alive(31 * SECOND_NS)
    assert of(rig.last, ListFills) == []


def test_a_key_that_is_refused_halts() -> None:
    """Trading has to end: the key was revoked or the address is not allowed."""
    rig = quoting()
    rig.feed(AccessDenied, code=-2015, reason="invalid key")
    assert rig.reports("halt") == [
        {"reason": "venue.access_denied", "venue_code": "-2015", "detail": "invalid key", "session": ""}
    ]


def test_a_venue_that_refuses_to_list_is_asked_less_and_less_often_and_the_log_is_not_flooded() -> None:
    """Half a second, one, two ... ten; the same failure is told again after half a minute."""
    rig = Rig(make_session())
    rig.activate()
    rig.advance(31 * SECOND_NS)
    asked = 0
    for _ in range(100):
        asked += len(of(rig.last, ListOrders))
        rig.feed(RequestFailed, what="ListOrders", subject=SYMBOL, reason="refused")
        rig.feed(RequestFailed, what="ListOrders", subject=SYMBOL, reason="refused")
        rig.advance(SECOND_NS)
    assert asked <= 12
    assert 3 <= len([facts for facts in rig.reports("request.failed") if facts["reason"] == "refused"]) <= 5
    rig.list_orders()
    rig.feed(RequestFailed, what="ListOrders", subject=SYMBOL, reason="other")
    assert rig.engine.state.reads_held_until_ns == rig.now_ns + SECOND_NS // 2


def test_a_clock_that_the_venue_doubts_is_measured_at_once_and_not_in_a_loop() -> None:
    """Everything signed is refused until then; however often that is said, once a second is enough."""
    rig = quoting()
    rig.keep_alive(5 * SECOND_NS)
    before = len(of(rig.sent, MeasureClock))
    for _ in range(3):
        rig.feed(ClockDoubted)
    rig.advance(200 * MS)
    assert len(of(rig.sent, MeasureClock)) == before + 1
    assert len(rig.reports("venue.clock_doubted")) == 1
    rig.feed(ClockDoubted)
    rig.advance(500 * MS)
    assert len(of(rig.sent, MeasureClock)) == before + 1
    rig.advance(500 * MS)
    assert len(of(rig.sent, MeasureClock)) == before + 2


def test_pushed_balances_of_assets_beyond_number_are_let_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are known are kept up to date."""
    monkeypatch.setattr(account_events, "ASSETS_MAX", 3)
    rig = quoting()
    rig.feed(BalancesListed, asked_ns=rig.now_ns, balances=(("AAA", 1, 0), ("BBB", 7, 0)))
    for number in range(9):
        rig.feed(BalanceChanged, asset=f"X{number}", free_atoms=5, locked_atoms=2)
    rig.feed(BalanceChanged, asset="AAA", free_atoms=9, locked_atoms=0)
    assert rig.engine.state.balances == {"AAA": (9, 0), "BBB": (7, 0), "X0": (5, 2)}


def test_of_cancelled_orders_of_an_earlier_life_only_those_still_listed_are_remembered() -> None:
    """However many come and go."""
    rig = quoting()
    for number in range(1, 20):
        rig.list_orders(orders=(orphan(2 * number), orphan(2 * number + 1)))
    cancelled = rig.engine.state.symbols[INSTRUMENT.symbol].cancelled_ns
    assert list(cancelled) == [orphan(38).cid, orphan(39).cid]
    rig.list_orders(orders=())
    assert rig.engine.state.symbols[INSTRUMENT.symbol].cancelled_ns == {}


def test_the_places_where_listings_of_fills_ended_are_kept_for_a_while_only() -> None:
    """One a minute, for as long as the next life lists again."""
    rig = quoting()
    for number in range(1, 150):
        rig.advance(10 * SECOND_NS)
        rig.list_fills(next_trade_id=number)
    cursors = rig.engine.state.symbols[INSTRUMENT.symbol].cursors
    assert len(cursors) <= account_events.OVERLAP_NS // account_events.CURSOR_PAUSE_NS + 2
