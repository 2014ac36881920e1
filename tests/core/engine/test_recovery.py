"""Taking over: orders go, fills are found, the ledger agrees; only then anything is quoted. Once is all."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mm.domain.commands import (
    Cancel,
    ListBalances,
    ListFills,
    ListOrders,
    MeasureClock,
    Place,
    Query,
    Report,
    TimeInForce,
)
from mm.domain.estate import Estate, PositionEstate
from mm.domain.events import (
    Operation,
    OrderFilled,
    OrderNotFound,
    RateUsed,
    Source,
    Stream,
    StreamUp,
)
from mm.domain.orders import OrderState
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.engine.estate import estate_of
from mm.engine.session import SessionState
from mm.risk.base import Alarm, AlarmAction
from tests.builders.engine_ladder import Ring, Scripted
from tests.builders.engine_rig import (
    BASE_ATOMS,
    MID,
    MS,
    QUOTE_ATOMS,
    SECOND_NS,
    START_NS,
    Rig,
    cid_of,
    make_session,
    of,
    orphan,
)
from tests.builders.estates import left, left_order, left_position
from tests.builders.instruments import INSTRUMENT, OTHER
from tests.builders.little_venue import Story

SYMBOL = INSTRUMENT.symbol
HELD = (("AAA", BASE_ATOMS), ("BBB", QUOTE_ATOMS))
LISTINGS = (ListOrders, ListFills, ListBalances)


def heir(*orders: Any, holdings: tuple[tuple[str, int], ...] = HELD, **changes: Any) -> Rig:
    """Return a bench that took `orders` over, connected, with a book; nothing is listed yet."""
    session = changes.pop("session", make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig = Rig(session, estate=left(orders=orders, holdings=holdings, **changes))
    rig.feed(StreamUp, stream=Stream.MARKET)
    rig.feed(StreamUp, stream=Stream.USER)
    rig.snapshot()
    return rig


def look(rig: Rig, times: int = 3, **balances: int) -> None:
    """Answer everything that is listed, again and again."""
    for _ in range(times):
        rig.advance(600 * MS)
        rig.touch_book()
        rig.list_orders()
        rig.list_fills()
        rig.list_balances(**balances)
    rig.advance(200 * MS)


def test_without_orders_everything_is_looked_at_before_anything_is_quoted() -> None:
    """Not earlier than the venue must show what the dead process did last."""
    rig = heir()
    look(rig, 2)
    assert rig.places() == []
    assert rig.session().reason == "recovers: looks at what is there"
    look(rig, 6)
    (said,) = rig.reports("recovered")
    assert (said["orders"], said["fills"], said["external"]) == ("0", "0", "0")
    assert int(said["took_ms"]) >= 2_000
    assert rig.session().state is SessionState.ACTIVE
    assert len(rig.places()) == 1
    assert rig.session().position.inventory_lots == 7
    look(rig, 6)
    assert len(rig.reports("recovered")) == 1


def test_orders_are_cancelled_asked_about_and_counted_until_each_is_resolved() -> None:
    """One is taken off, one was filled, one is on the book after its cancel got lost."""
    orders = [left_order(number, cum_lots=0, revealed_lots=0, ends_as=None) for number in (1, 2, 3)]
    rig = heir(*orders)
    assert [said["cid"] for said in rig.reports("order.inherited")] == [one.cid for one in orders]
    assert {cancel.cid for cancel in rig.cancels()} == {one.cid for one in orders}
    rig.canceled(cancelled(orders[0].cid))
    rig.advance(SECOND_NS)
    fill(rig, orders[1].cid, 10, 70)
    look(rig, 8)
    assert rig.session().reason == "recovers: 1 orders of an earlier life"
    assert rig.engine.state.orders.open_lots(0, Side.BUY) == 10
    rig.canceled(cancelled(orders[2].cid))
    value = INSTRUMENT.notional_atoms(MID, 10)
    look(rig, 8, base=BASE_ATOMS + 10 * INSTRUMENT.lot_atoms, quote=QUOTE_ATOMS - value)
    (said,) = rig.reports("recovered")
    assert (said["orders"], said["cancelled"], said["filled"], said["dead"]) == ("3", "2", "1", "0")
    assert said["fills"] == "1"
    assert rig.session().position.net_lots == 15


def cancelled(cid: str) -> Place:
    """Return enough of a placement for `Rig.canceled`."""
    return Place(
        cid=cid,
        symbol=SYMBOL,
        side=Side.BUY,
        price_ticks=1,
        size_lots=1,
        post_only=True,
        time_in_force=TimeInForce.GTC,
        reduces=False,
        market_seq=0,
        market_age_ns=0,
    )


def fill(rig: Rig, cid: str, lots: int, trade_id: int) -> None:
    """Show an execution in a listing."""
    rig.feed(
        OrderFilled,
        symbol=SYMBOL,
        cid=cid,
        trade_id=trade_id,
        side=Side.BUY,
        price_ticks=MID,
        size_lots=lots,
        fee_atoms=0,
        fee_asset="BBB",
        maker=True,
        source=Source.QUERY,
    )


def test_an_intent_that_never_left_is_dead_by_proof() -> None:
    """It was written down and the process died: a minute later, by queries, listings and balances."""
    order = left_order(cum_lots=0, revealed_lots=0, ends_as=None, accepted=False, venue_order_id="")
    rig = heir(order)
    asked = 0
    while not rig.reports("recovered"):
        look(rig, 1)
        if len(of(rig.sent, Query)) > asked:
            asked = len(of(rig.sent, Query))
            rig.feed(OrderNotFound, cid=order.cid)
        assert rig.now_ns < START_NS + 90 * SECOND_NS
    assert rig.now_ns - START_NS >= 60 * SECOND_NS
    assert rig.reports("recovered")[0]["dead"] == "1"
    assert rig.reports("order.dead")[0]["placed_ns"] == str(START_NS)


def test_how_long_a_proof_still_takes_is_said() -> None:
    """Nothing but time can show that a request of the dead process never arrived."""
    order = left_order(cum_lots=0, revealed_lots=0, ends_as=None, accepted=False, venue_order_id="")
    rig = heir(order)
    look(rig, 2)
    assert rig.session().reason == "recovers: 1 orders of an earlier life"
    rig.feed(OrderNotFound, cid=order.cid)
    look(rig, 2)
    left_s = -(-(START_NS + 60 * SECOND_NS - rig.now_ns) // SECOND_NS)
    waits = f"waits for proof that 1 never arrived: {left_s} s"
    assert rig.session().reason == f"recovers: 1 orders of an earlier life; {waits}"
    look(rig, 110)
    assert rig.session().reason == "recovers: 1 orders of an earlier life"


def test_a_position_is_not_left_before_it_is_known_what_it_is() -> None:
    """A loss is seen at the first price; the way out of it waits for the fills (simulated: seed 41)."""
    ring = Ring()
    position = left_position(net_lots=5, start_lots=0, target_lots=BASE_ATOMS // INSTRUMENT.lot_atoms)
    rig = heir(session=make_session(Scripted(), rules=(ring,)), positions=(position,))
    ring.alarm = Alarm(AlarmAction.FLATTEN, "loss")
    rig.engine.state.sessions[0].state = SessionState.PAUSED
    rig.advance(100 * MS)
    assert rig.engine.state.halt_code == "loss"
    rig.list_orders()
    rig.advance(200 * MS)
    assert rig.is_confirmed()
    rig.advance(SECOND_NS)
    assert rig.places() == []
    look(rig, 10)
    assert len(rig.reports("recovered")) == 1
    assert [(place.side, place.size_lots, place.reduces) for place in rig.places()[:1]] == [
        (Side.SELL, 5, True)
    ]


@pytest.mark.parametrize("off_ns", [10**18, 3_600 * SECOND_NS, -3_600 * SECOND_NS, -(10**18)])
def test_a_clock_that_was_set_makes_an_order_neither_young_nor_old(off_ns: int) -> None:
    """Its age, which proves that no request can arrive any more, counts from the start, by one clock."""
    rig = heir(left_order(placed_ns=START_NS + off_ns))
    assert rig.engine.state.orders.live[cid_of(1)].placed_ns == START_NS


@pytest.mark.parametrize("off_ns", [10**18, 3_600 * SECOND_NS, -3_600 * SECOND_NS, -(10**18)])
def test_a_clock_that_was_set_makes_no_room_for_placements(off_ns: int) -> None:
    """Those of the life before count for a minute from the start, by one clock; also by the next but one."""
    rig = heir(placed=((START_NS + off_ns - SECOND_NS, 3), (START_NS + off_ns, 1)))
    budget = rig.engine.state.budget
    assert budget.placed_lately(rig.now_ns) == ((START_NS, 4),)
    assert estate_of(rig.engine.state).placed == ((START_NS, 4),)
    assert budget.placed_minute(START_NS + 60 * SECOND_NS - 1) == 4
    assert budget.placed_minute(START_NS + 60 * SECOND_NS) == 0


def test_after_a_clock_was_put_forward_not_found_proves_nothing_before_its_time() -> None:
    """The request may still be on its way, whatever the clock says of the time that went by."""
    order = left_order(
        placed_ns=START_NS - 3_600 * SECOND_NS,
        cum_lots=0,
        revealed_lots=0,
        ends_as=None,
        accepted=False,
        venue_order_id="",
    )
    rig = heir(order)
    for _ in range(70):
        look(rig, 1)
        rig.feed(OrderNotFound, cid=order.cid)
    assert rig.now_ns - START_NS < 60 * SECOND_NS
    assert not rig.reports("order.dead")
    assert order.cid in rig.engine.state.orders.live


def test_listings_that_disagree_are_asked_again() -> None:
    """Two in a row have to show the same, asked one after the other."""
    rig = heir()
    rig.advance(4 * SECOND_NS)
    for number in range(4):
        rig.list_orders(orders=(orphan(),) if number % 2 else ())
        rig.list_fills()
        rig.list_balances()
        rig.advance(600 * MS)
    assert rig.reports("recovered") == []
    look(rig, 10)
    assert len(rig.reports("recovered")) == 1


def test_fills_and_balances_of_before_do_not_count() -> None:
    """They are asked for after the orders were."""
    rig = heir()
    rig.advance(4 * SECOND_NS)
    for _ in range(3):
        rig.list_orders()
        rig.advance(600 * MS)
    sent = rig.advance(SECOND_NS)
    assert rig.reports("recovered") == []
    rig.list_fills()
    sent = rig.advance(SECOND_NS)
    rig.list_balances(base=BASE_ATOMS, quote=QUOTE_ATOMS)
    assert rig.reports("recovered") == []
    rig.advance(200 * MS)
    assert len(rig.reports("recovered")) == 1
    assert of(sent, Place) == []


def test_a_balance_that_moved_in_between_is_noticed_and_booked_before_it_is_over() -> None:
    """The report says so; the session waits for an operator."""
    rig = heir()
    for _ in range(30):
        look(rig, 1, base=BASE_ATOMS - 7)
    (said,) = rig.reports("recovered")
    assert said["external"] == "1"
    assert rig.session().state is SessionState.PAUSED
    assert rig.places() == []
    rig.operate(Operation.RESUME)
    look(rig, 3, base=BASE_ATOMS - 7)
    assert len(rig.places()) == 1


def test_where_nobody_had_counted_there_is_nothing_to_compare_with() -> None:
    """The ledger is opened when it is quiet."""
    rig = heir(holdings=())
    look(rig, 8)
    assert len(rig.reports("recovered")) == 1
    assert rig.engine.state.ledger.is_open


def test_a_paused_session_does_not_keep_the_others_waiting() -> None:
    """Its orders are taken off with theirs."""
    orders = left_order(cum_lots=0, revealed_lots=0, ends_as=None)
    rig = heir(orders, positions=(left_position(paused="lunch"),))
    assert [cancel.cid for cancel in rig.cancels()] == [orders.cid]
    rig.canceled(cancelled(orders.cid))
    look(rig, 8)
    assert len(rig.reports("recovered")) == 1
    assert rig.session().state is SessionState.PAUSED


def test_a_latch_that_survived_lets_the_taking_over_go_on() -> None:
    """Nothing is quoted, everything is found out."""
    order = left_order(cum_lots=0, revealed_lots=0, ends_as=None)
    rig = Rig(make_session(), estate=left(orders=(order,), holdings=HELD), latched="last week")
    rig.feed(StreamUp, stream=Stream.USER)
    rig.advance(100 * MS)
    assert order.cid in {cancel.cid for cancel in rig.cancels()}
    rig.canceled(cancelled(order.cid))
    look(rig, 8)
    assert rig.is_confirmed()
    assert len(rig.reports("recovered")) == 1


def test_orders_of_a_session_that_is_no_more_are_cancelled_where_they_are_listed() -> None:
    """They are told, and waited for as long as a request of theirs could be alive."""
    order = left_order(session="gone", cum_lots=0, revealed_lots=0, ends_as=None)
    rig = heir(order)
    assert rig.reports("order.abandoned") == [
        {"cid": order.cid, "symbol": SYMBOL, "session": "gone", "reachable": "True"}
    ]
    rig.list_orders(orders=(orphan(1),))
    assert [cancel.cid for cancel in rig.cancels()] == [order.cid]
    look(rig, 8)
    assert rig.session().reason == "recovers: 1 orders of an earlier life"
    assert estate_of(rig.engine.state).orders == (order,)
    sent = rig.keep_alive(60 * SECOND_NS)
    assert len(of(sent, ListOrders)) >= 3
    look(rig, 8)
    assert [said["cid"] for said in rig.reports("order.retired")] == [order.cid]
    assert rig.reports("recovered")[0]["retired"] == "1"
    assert [one.session for one in estate_of(rig.engine.state).orders] == ["main"]


def test_orders_on_a_symbol_that_is_no_more_are_told_and_handed_on() -> None:
    """Nobody lists them: they are left to the life that trades the symbol again."""
    order = left_order(session="gone", symbol=OTHER.symbol)
    rig = heir(order)
    assert rig.reports("order.abandoned")[0]["reachable"] == "False"
    look(rig, 8)
    assert len(rig.reports("recovered")) == 1
    assert estate_of(rig.engine.state).orders[-1] == order


@given(seed=st.integers(0, 10**6), deaths=st.integers(1, 4), two=st.booleans())
def test_after_any_deaths_the_positions_are_what_the_venue_has_and_nothing_is_left_open(
    seed: int, deaths: int, two: bool
) -> None:
    """Requests get lost, arrive in the next life, lives die while they take over; every fill counts once."""
    story = Story(seed, trouble=0.15, instruments=(INSTRUMENT, OTHER) if two else (INSTRUMENT,))
    for _ in range(deaths):
        for _ in range(2):
            story.run(story.random.randrange(1, 40) * SECOND_NS // 10)
            story.checkpoint()
        story.again(story.die())
    story.run(3 * SECOND_NS)
    story.settle(60 * SECOND_NS)
    state = story.engine.state
    assert state.recovery is not None
    assert state.recovery.done
    for session in state.sessions:
        assert session.position.net_lots == story.venue.net_lots(story.placed.get(session.name, []))
        assert session.position.residual_half == 0
        assert session.state is SessionState.ACTIVE
    assert not state.orders.live
    assert not [order for order in story.venue.orders.values() if order.open]
    assert story.told("balance.external") == []


def moved(left: PositionEstate) -> tuple[int, ...]:
    """Return what fills made of a position, whatever it was marked at meanwhile."""
    return left.start_lots, left.net_lots, left.fills, left.cash_half, left.cost_half, left.turnover_half


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_second_taking_over_sends_nothing_but_listings(seed: int) -> None:
    """I20: what the first one resolved is resolved; taking over twice is taking over once."""
    story = Story(seed, trouble=0.2)
    story.run(5 * SECOND_NS)
    story.again(story.die())
    story.settle(40 * SECOND_NS)
    assert story.told("recovered") != []
    first = estate_of(story.engine.state)
    story.again(story.die())
    story.settle(20 * SECOND_NS)
    requests = {type(command) for command in story.commands if isinstance(command, Place | Cancel | Query)}
    assert requests == set()
    second = estate_of(story.engine.state)
    assert [moved(one) for one in second.positions] == [moved(one) for one in first.positions]
    assert (second.orders, second.holdings) == (first.orders, first.holdings) == ((), first.holdings)
    assert [one.trades for one in second.symbols] == [one.trades for one in first.symbols]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_at_rest_a_second_pass_over_everything_changes_nothing(seed: int) -> None:
    """Orders, fills and balances listed again: the same estate, and no command but the listings."""
    story = Story(seed, trouble=0.2)
    story.run(8 * SECOND_NS)
    story.settle(40 * SECOND_NS)
    before = forgetful(estate_of(story.engine.state))
    story.commands.clear()
    story.run(10 * SECOND_NS, busy=False)
    after = forgetful(estate_of(story.engine.state))
    quiet = {"ts_ns": 0}
    assert [getattr(after, name) for name in after.__struct_fields__ if name not in quiet] == [
        getattr(before, name) for name in before.__struct_fields__ if name not in quiet
    ]
    assert {type(command) for command in story.commands} <= {*LISTINGS, MeasureClock}
    assert len(story.commands) >= 9


def forgetful(estate: Estate) -> Estate:
    """Return `estate` without what the strategies remember: the ladder of the story counts its decisions."""
    return replace(estate, positions=tuple(replace(one, memory=b"") for one in estate.positions))


@pytest.mark.parametrize("state", [OrderState.SENT, OrderState.CANCEL_SENT, OrderState.UNKNOWN_CANCEL])
def test_whatever_state_an_order_was_in_it_is_unknown_at_first(state: OrderState) -> None:
    """Only the venue's word counts in a new life."""
    rig = heir(left_order(state=state))
    assert rig.reports("order.inherited")[0]["left_lots"] == "6"
    assert all(isinstance(one, Report) or not isinstance(one, Place) for one in rig.sent)


def test_a_start_whose_budget_is_used_up_says_what_it_waits_for() -> None:
    """Many lives within a minute share what the venue allows (simulated: seed 442)."""
    rig = heir()
    look(rig, 2)
    rig.feed(RateUsed, weight=900_000, orders=-1)
    rig.advance(200 * MS)
    waits = "waits for the venue's budget of requests"
    assert rig.session().reason == f"recovers: looks at what is there; {waits}"
    look(rig, 120)
    assert len(rig.reports("recovered")) == 1
