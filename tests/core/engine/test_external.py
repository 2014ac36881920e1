"""Balances that somebody else moves: noticed once, explained, booked, acted upon; own fills never are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.commands import ListBalances
from mm.domain.events import (
    Advanced,
    BalanceChanged,
    BalancesListed,
    ConfigApplied,
    Operation,
    OrderFilled,
    PlaceUnknown,
    Source,
    Stream,
    StreamUp,
)
from mm.domain.instrument import Instrument
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.engine.engine import Engine
from mm.engine.estate import estate_of
from mm.engine.external import MOVED, trades
from mm.engine.session import SessionState
from mm.engine.setup import Deadlines, NewSetup, OnExternal
from tests.builders.engine_ladder import Scripted
from tests.builders.engine_rig import (
    BASE_ATOMS,
    MID,
    MS,
    QUOTE_ATOMS,
    SECOND_NS,
    Rig,
    cid_of,
    make_session,
    of,
)
from tests.builders.instruments import INSTRUMENT, OTHER, make_test_instrument
from tests.builders.little_venue import Story

BID = (Quote(MID - 20, 10),)
LOT = INSTRUMENT.lot_atoms


def active(on_external: OnExternal = OnExternal.PAUSE, instrument: Instrument = INSTRUMENT) -> Rig:
    """Return a bench with one acknowledged bid and a ledger that was opened."""
    rig = Rig(make_session(Scripted(bids=BID), instrument=instrument), on_external=on_external)
    rig.activate()
    rig.place_all()
    return rig


def look(rig: Rig, *, base: int = BASE_ATOMS, quote: int = QUOTE_ATOMS) -> None:
    """Answer a listing of balances, and the others as asked a while after it."""
    rig.list_balances(base=base, quote=quote)
    rig.advance(4 * SECOND_NS)
    rig.list_orders(orders=())
    rig.list_fills()
    rig.touch_book()
    rig.advance(200 * MS)


def test_the_ledger_begins_with_the_first_look_at_which_nothing_of_ours_can_fill() -> None:
    """It is said with every asset."""
    rig = active()
    assert rig.reports("ledger.opened") == [{"AAA": str(BASE_ATOMS), "BBB": str(QUOTE_ATOMS), "session": ""}]
    assert rig.engine.state.ledger.holdings == {"AAA": BASE_ATOMS, "BBB": QUOTE_ATOMS}


def test_own_fills_and_their_fees_move_what_is_expected() -> None:
    """In a third asset as well; the venue's listing then agrees and nothing is said."""
    rig = active()
    rig.fill(rig.places()[0], 4, 1, fee_atoms=33, fee_asset="FFF")
    value = INSTRUMENT.notional_atoms(MID - 20, 4)
    holdings = rig.engine.state.ledger.holdings
    assert holdings == {"AAA": BASE_ATOMS + 4 * LOT, "BBB": QUOTE_ATOMS - value, "FFF": -33}
    rows = (("AAA", holdings["AAA"], 0), ("BBB", 0, holdings["BBB"]), ("FFF", -33, 0))
    rig.feed(BalancesListed, asked_ns=rig.now_ns, balances=rows)
    rig.keep_alive(10 * SECOND_NS)
    assert rig.reports("balance.external") == []


@pytest.mark.parametrize("atoms", [7, -7 * LOT])
def test_a_deposit_and_a_withdrawal_are_noticed_by_two_quiet_looks_and_said_once(atoms: int) -> None:
    """The sessions that trade the asset stop quoting until an operator has looked; no position moves."""
    rig = active()
    look(rig, base=BASE_ATOMS + atoms)
    assert rig.reports("balance.external") == []
    look(rig, base=BASE_ATOMS + atoms)
    (said,) = rig.reports("balance.external")
    assert (said["asset"], said["atoms"]) == ("AAA", str(atoms))
    assert (said["expected"], said["found"]) == (str(BASE_ATOMS), str(BASE_ATOMS + atoms))
    assert (rig.session().state, rig.session().reason) == (SessionState.PAUSED, MOVED)
    assert [cancel.cid for cancel in rig.cancels()] == [rig.places()[0].cid]
    assert rig.session().position.inventory_lots == 0
    look(rig, base=BASE_ATOMS + atoms)
    look(rig, base=BASE_ATOMS + atoms)
    assert len(rig.reports("balance.external")) == 1
    assert [one.atoms for one in rig.engine.state.external] == [atoms]


def test_after_an_operator_has_looked_quoting_goes_on() -> None:
    """The difference is booked: it is not found again."""
    rig = active()
    for _ in range(2):
        look(rig, quote=QUOTE_ATOMS + 5)
    rig.canceled(rig.places()[0])
    rig.operate(Operation.RESUME)
    assert rig.session().state is SessionState.ACTIVE
    look(rig, quote=QUOTE_ATOMS + 5)
    assert len(rig.places()) == 2
    assert rig.session().state is SessionState.ACTIVE


def test_where_the_config_accepts_it_quoting_never_stops() -> None:
    """It is said all the same; a change of the config changes the policy, one without it does not."""
    rig = active(OnExternal.ACCEPT)
    for _ in range(2):
        look(rig, base=BASE_ATOMS + 9)
    assert [said["policy"] for said in rig.reports("balance.external")] == ["accept"]
    assert rig.session().state is SessionState.ACTIVE
    state = rig.engine.state
    for revision, after in ((1, None), (2, OnExternal.PAUSE)):
        new = NewSetup(sessions=state.setup.sessions, deadlines=Deadlines(), on_external=after)
        rig.engine.prepare(revision, new)
        rig.feed(ConfigApplied, revision=revision, digest="", who="tester")
        assert state.setup.on_external is (after or OnExternal.ACCEPT)


def test_only_sessions_that_trade_the_asset_are_paused() -> None:
    """No other one."""
    rig = Rig(make_session(name="first"), make_session(name="second", instrument=OTHER))
    rig.activate()
    held = {"AAA": BASE_ATOMS, "CCC": BASE_ATOMS + 1, "BBB": QUOTE_ATOMS}
    for _ in range(2):
        rig.feed(BalancesListed, asked_ns=rig.now_ns, balances=tuple((a, n, 0) for a, n in held.items()))
        rig.advance(4 * SECOND_NS)
        for symbol in (INSTRUMENT.symbol, OTHER.symbol):
            rig.list_orders(symbol=symbol)
            rig.list_fills(symbol=symbol)
        rig.advance(200 * MS)
    assert [said["asset"] for said in rig.reports("balance.external")] == ["CCC"]
    assert rig.session("second").state is SessionState.PAUSED
    assert rig.session("first").state is SessionState.ACTIVE
    assert trades(rig.session("first"), "BBB")
    assert not trades(rig.session("first"), "CCC")


@pytest.mark.parametrize("operation", [Operation.HALT, Operation.STOP])
def test_a_session_that_is_halted_or_ends_is_paused_after_that(operation: Operation) -> None:
    """A halt stays a halt, and who lifts it has not let it quote on money that somebody moved."""
    rig = active()
    rig.operate(operation)
    rig.canceled(rig.places()[0])
    for _ in range(2):
        look(rig, base=BASE_ATOMS + 9)
    assert len(rig.reports("balance.external")) == 1
    assert rig.reports("pause.noted") == [{"reason": MOVED, "session": "main"}]
    assert rig.session().state in (SessionState.HALTED, SessionState.COMPLETED)
    assert estate_of(rig.engine.state).positions[0].paused == MOVED
    rig.operate(Operation.UNHALT)
    rig.keep_alive(3 * SECOND_NS)
    assert rig.session().state in (SessionState.PAUSED, SessionState.COMPLETED)
    assert len(rig.places()) == 1


def test_a_trade_by_hand_is_explained_by_the_fills_that_bear_no_mark_of_ours() -> None:
    """What it moved stands beside the difference."""
    rig = active()
    rig.fill(rig.places()[0], 3, 1, cid="by hand", side=Side.SELL)
    value = INSTRUMENT.notional_atoms(MID - 20, 3)
    for _ in range(2):
        look(rig, base=BASE_ATOMS - 3 * LOT, quote=QUOTE_ATOMS + value)
    said = {one["asset"]: (one["atoms"], one["fills_of_others"]) for one in rig.reports("balance.external")}
    assert said == {"AAA": (str(-3 * LOT),) * 2, "BBB": (str(value),) * 2}
    assert rig.session().position.net_lots == 0


def test_orders_by_hand_lock_and_move_nothing() -> None:
    """Free and locked together are what is held."""
    rig = active()
    for _ in range(3):
        rows = (("AAA", 0, BASE_ATOMS), ("BBB", QUOTE_ATOMS - 9, 9))
        rig.feed(BalancesListed, asked_ns=rig.now_ns, balances=rows)
        rig.keep_alive(4 * SECOND_NS)
        rig.list_fills()
        rig.list_orders()
    assert rig.reports("balance.external") == []


def test_a_push_of_a_balance_is_not_compared() -> None:
    """It may be of before a fill that is known already."""
    rig = active()
    for _ in range(3):
        rig.feed(BalanceChanged, asset="AAA", free_atoms=1, locked_atoms=0)
        rig.keep_alive(4 * SECOND_NS)
        rig.list_fills()
        rig.list_orders()
    assert rig.reports("balance.external") == []


def test_a_fill_after_the_listing_was_asked_makes_the_look_worthless() -> None:
    """Nobody knows whether it is in the listing; another one is asked for, not in a loop."""
    rig = active()
    place = rig.places()[0]
    asked = len(of(rig.sent, ListBalances))
    rig.fill(place, 1, 1)
    for number in range(4):
        look(rig, base=BASE_ATOMS)
        rig.fill(place, 1, 2 + number, source=Source.QUERY)
        rig.keep_alive(3 * SECOND_NS)
    assert rig.reports("balance.external") == []
    assert 3 <= len(of(rig.sent, ListBalances)) - asked <= 6


def test_two_different_differences_are_both_doubted() -> None:
    """Only what two looks in a row have is believed."""
    rig = active()
    for base in (1, 2, 3, 3):
        look(rig, base=BASE_ATOMS + base)
    assert [said["atoms"] for said in rig.reports("balance.external")] == ["3"]


def test_while_fills_are_missing_or_an_order_is_in_doubt_nothing_is_believed() -> None:
    """That may be the very difference."""
    rig = active()
    place = rig.places()[0]
    rig.feed(PlaceUnknown, cid=place.cid, cause="late")
    rig.order(place).revealed_lots = 3
    for _ in range(4):
        look(rig, base=BASE_ATOMS + 5)
    assert rig.reports("balance.external") == []
    rig.order(place).revealed_lots = 0
    for _ in range(2):
        look(rig, base=BASE_ATOMS + 5)
    assert len(rig.reports("balance.external")) == 1


def test_what_the_venue_rounds_off_with_each_fill_is_explained_and_not_from_outside() -> None:
    """Where a price times a size has more digits than a balance."""
    fine = make_test_instrument(tick_size="0.000001", lot_size="0.00001")
    assert fine.quote_scale == 11
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 200),)), instrument=fine))
    rig.activate()
    rig.place_all()
    place = rig.places()[0]
    rig.fill(place, 100, 1)
    rig.advance(MS)
    held = rig.engine.state.ledger.holdings
    for off in (999, 999):
        look(rig, base=held["AAA"], quote=held["BBB"] - off)
    assert rig.reports("balance.external") == []
    (said,) = rig.reports("ledger.explained")
    assert (said["asset"], said["atoms"]) == ("BBB", "-999")
    look(rig, base=held["AAA"], quote=held["BBB"])
    for _ in range(2):
        look(rig, base=held["AAA"], quote=held["BBB"] - 1)
    assert len(rig.reports("balance.external")) == 1, "no fill since: nothing was rounded"


def test_a_ledger_is_opened_late_where_orders_are_out_already() -> None:
    """One of two symbols still shows an order of an earlier life while the other one trades."""
    rig = active()
    engine: Engine = rig.engine
    engine.state.ledger.is_open = False
    engine.state.ledger.holdings = {}
    rig.list_balances(base=BASE_ATOMS, quote=QUOTE_ATOMS)
    assert not engine.state.ledger.is_open
    look(rig)
    assert not engine.state.ledger.is_open, "those were asked for before any fills were listed"
    rig.advance(2 * SECOND_NS)
    rig.list_balances()
    rig.advance(200 * MS)
    assert engine.state.ledger.is_open


def test_balances_that_are_younger_than_the_listing_of_fills_open_no_ledger() -> None:
    """A fill that this one did not show yet may be in them (simulated: seed 50 173)."""
    rig = Rig()
    connect(rig)
    rig.list_orders()
    rig.list_fills()
    rig.now_ns += SECOND_NS
    rig.list_balances()
    rig.advance(100 * MS)
    assert rig.reports("ledger.opened") == []
    rig.list_fills()
    rig.advance(100 * MS)
    assert len(rig.reports("ledger.opened")) == 1


def test_a_look_before_everything_was_listed_opens_no_ledger() -> None:
    """A report of an old fill could still come on top."""
    rig = Rig()
    rig.feed(BalancesListed, asked_ns=rig.now_ns, balances=(("AAA", 1, 0),))
    rig.advance(SECOND_NS)
    assert not rig.engine.state.ledger.is_open


@pytest.mark.parametrize(("trade_id", "lots"), [(39, 0), (40, 4)])
def test_a_fill_of_long_ago_that_is_told_after_the_first_count_is_in_it(trade_id: int, lots: int) -> None:
    """Nobody is said to have moved it back then (simulated: seeds 200 013 and 200 776).

    A life that nothing was left to counts the holdings while it is halted, long before any session counts
    its own; a stream that repeats what an earlier life filled must not be taken for news.
    """
    rig = Rig(latched="lost the journal", inherits=True)
    connect(rig)
    rig.list_fills(next_trade_id=40)
    rig.list_balances()
    rig.advance(4 * SECOND_NS)
    rig.list_orders()
    rig.list_fills(next_trade_id=40)
    assert len(of(rig.sent, ListBalances)) == 1
    rig.advance(2 * SECOND_NS)
    assert len(of(rig.sent, ListBalances)) == 2, "the first were asked for before any fills were listed"
    assert rig.reports("ledger.opened") == []
    rig.list_balances()
    rig.advance(200 * MS)
    assert len(rig.reports("ledger.opened")) == 1
    assert not rig.session().stock_taken
    rig.feed(
        OrderFilled,
        symbol=INSTRUMENT.symbol,
        cid=cid_of(3),
        trade_id=trade_id,
        side=Side.BUY,
        price_ticks=MID,
        size_lots=4,
        fee_atoms=0,
        fee_asset="BBB",
        maker=True,
        source=Source.STREAM,
    )
    holdings = rig.engine.state.ledger.holdings
    assert holdings["AAA"] == BASE_ATOMS + lots * LOT
    assert holdings["BBB"] == QUOTE_ATOMS - INSTRUMENT.notional_atoms(MID, lots)


def connect(rig: Rig) -> None:
    """Bring both streams up and show a book."""
    rig.feed(Advanced)
    rig.feed(StreamUp, stream=Stream.MARKET)
    rig.feed(StreamUp, stream=Stream.USER)
    rig.advance(100 * MS)
    rig.snapshot()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), data=st.data())
def test_whatever_moves_from_outside_the_ledger_agrees_in_the_end_and_inventory_is_what_we_filled(
    seed: int, data: st.DataObject
) -> None:
    """Deposits, withdrawals and trades by hand among own fills, losses and a death."""
    story = Story(seed, trouble=0.1)
    venue = story.venue
    for _ in range(2):
        for kind in data.draw(st.lists(st.sampled_from(["deposit", "hand", "wait"]), max_size=3)):
            story.run(3 * SECOND_NS)
            if kind == "deposit":
                venue.holdings["AAA"] += data.draw(st.integers(-(10**8), 10**8))
            elif kind == "hand":
                venue.trade("by hand", INSTRUMENT.symbol, Side.BUY, MID, data.draw(st.integers(1, 9)))
        story.again(story.die())
    story.run(5 * SECOND_NS)
    story.settle(40 * SECOND_NS)
    state = story.engine.state
    (session,) = state.sessions
    assert session.position.net_lots == venue.net_lots(story.placed.get("s0", []))
    assert session.position.residual_half == 0
    assert state.ledger.is_open
    assert {a: n for a, n in state.ledger.holdings.items() if n} == {
        a: n for a, n in venue.holdings.items() if n
    }


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_own_trading_alone_never_looks_as_if_somebody_else_moved_something(seed: int) -> None:
    """Whatever gets lost on the way."""
    story = Story(seed, trouble=0.2, instruments=(INSTRUMENT, OTHER))
    story.run(20 * SECOND_NS)
    story.again(story.die())
    story.settle(20 * SECOND_NS)
    assert story.told("balance.external") == []
    assert story.told("ledger.explained") == []
