"""What a life leaves and the next one takes over: nothing is lost, nothing is counted twice, names decide."""

from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mm.domain.estate import Estate, SymbolEstate
from mm.domain.events import FillsListed, OrderFilled, Source
from mm.domain.orders import OrderState
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.engine import estate as estates
from mm.engine.account_events import CURSOR_PAUSE_NS, OVERLAP_NS
from mm.engine.estate import at_rest, estate_of, go_on
from mm.engine.session import SessionState
from mm.engine.state import EngineState
from tests.builders.engine_ladder import Scripted
from tests.builders.engine_rig import BASE_ATOMS, EPOCH, MID, SECOND_NS, START_NS, Rig, cid_of, make_session
from tests.builders.estates import left, left_order, left_position
from tests.builders.instruments import INSTRUMENT, OTHER
from tests.builders.little_venue import Story

SYMBOL = INSTRUMENT.symbol


def own_life(estate: Estate, **changes: Any) -> Estate:
    """Return `estate` as the life that takes it over says it: its own epoch, time and count."""
    orders = tuple(replace(one, state=OrderState.UNKNOWN) for one in estate.orders)
    skipped = ((estate.epoch + 1, EPOCH - 1),) if estate.epoch < EPOCH - 1 else ()
    fields = {"elsewhere": (*estate.elsewhere, *skipped), **changes}
    return replace(estate, epoch=EPOCH, ts_ns=0, sequence=0, orders=orders, **fields)


def fill(cid: str, trade_id: int, lots: int = 1, symbol: str = SYMBOL) -> OrderFilled:
    """Return an execution that a listing shows."""
    return OrderFilled(
        ts_ns=START_NS,
        symbol=symbol,
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


def test_all_of_a_position_an_order_and_the_trades_go_on_and_are_left_again() -> None:
    """Orders are unknown and exposure from the very first moment; everything else is as it was."""
    estate = left(orders=(left_order(),))
    rig = Rig(estate=estate)
    state = rig.engine.state
    assert estate_of(state) == own_life(estate)
    assert state.orders.open_lots(0, Side.BUY) == 6
    assert rig.session().position.inventory_lots == 7
    assert rig.session().position.residual_half == 0
    assert rig.session().peak_atoms == 77
    assert state.equity_start_atoms == 1234
    assert state.ledger.holdings == {"AAA": 8, "BBB": 9}
    assert state.markets[SYMBOL].next_trade_id == 40
    assert state.orders.knows_trade(SYMBOL, 39, Side.SELL)
    assert state.orders.knows_trade(SYMBOL, 41, Side.BUY)
    assert not state.orders.knows_trade(SYMBOL, 41, Side.SELL)
    assert not state.orders.knows_trade(SYMBOL, 40, Side.BUY)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_whatever_a_life_leaves_is_taken_over_and_left_again_unchanged(seed: int) -> None:
    """Through bytes, twice."""
    story = Story(seed, trouble=0.2)
    story.run(story.random.randrange(1, 90) * SECOND_NS // 10)
    said = estate_of(story.engine.state)
    read = msgspec.msgpack.decode(msgspec.msgpack.encode(said), type=Estate)
    assert read == said
    rig = Rig(make_session(name="s0"), estate=read)
    again = estate_of(rig.engine.state)
    paused = tuple(replace(one, paused=read.positions[0].paused) for one in again.positions)
    assert replace(again, positions=paused) == own_life(read)
    second = estate_of(Rig(make_session(name="s0"), estate=again).engine.state)
    assert second == again


def test_a_session_is_who_has_its_name_and_symbol_whatever_its_place() -> None:
    """Fills of its old orders are its own, although their ids name another place by now."""
    moved = (
        left_position(session="other", symbol=OTHER.symbol, net_lots=0, cash_half=0, cost_half=0),
        left_position(index=1),
    )
    symbols = (
        SymbolEstate(symbol=SYMBOL, floor=40, trades=()),
        SymbolEstate(symbol=OTHER.symbol, floor=7, trades=()),
    )
    rig = Rig(
        make_session(),
        make_session(name="other", instrument=OTHER),
        estate=left(positions=moved, symbols=symbols),
    )
    rig.step(fill(cid_of(3, session=1), 50, 2))
    assert rig.session("main").position.net_lots == 7
    rig.step(fill(cid_of(4, session=0), 51, 3, symbol=OTHER.symbol))
    assert rig.session("other").position.net_lots == 3
    assert [said["session"] for said in rig.reports("fill.earlier_life")] == ["main", "other"]


def test_an_old_fill_whose_place_is_not_known_goes_to_the_session_of_its_symbol() -> None:
    """Of a life before the last one, where nobody knows any more who was where."""
    rig = Rig(estate=left())
    rig.step(fill(cid_of(3, session=8, epoch=1), 50, 2))
    assert rig.session().position.net_lots == 7


def test_a_fill_of_a_symbol_that_nobody_had_then_moves_nothing() -> None:
    """It is told; the ledger knows that it was ours."""
    rig = Rig(make_session(instrument=OTHER), estate=left())
    rig.step(replace(fill(cid_of(3), 50, 2, symbol=OTHER.symbol), source=Source.STREAM))
    assert rig.session().position.net_lots == 0
    assert [said["trade_id"] for said in rig.reports("fill.foreign")] == ["50"]
    assert dict(estate_of(rig.engine.state).holdings)["CCC"] == 2 * OTHER.lot_atoms


def test_a_session_that_is_no_more_is_kept_with_its_orders_through_generations() -> None:
    """Nothing trades on it, nothing forgets it; come back, it goes on."""
    estate = left(orders=(left_order(),))
    away = estate_of(Rig(make_session(name="new"), estate=estate).engine.state)
    assert away.retired == estate.positions
    assert away.orders == estate.orders
    assert [one.session for one in away.positions] == ["new"]
    later = estate_of(Rig(make_session(name="new"), estate=away).engine.state)
    assert (later.retired, later.orders) == (away.retired, away.orders)
    back = Rig(estate=later)
    assert back.session().position.net_lots == 5
    assert [one.session for one in estate_of(back.engine.state).retired] == ["new"]
    assert list(back.engine.state.orders.live) == [left_order().cid]


def test_fills_of_a_session_that_is_no_more_move_its_position_and_the_ledger() -> None:
    """By the order's own session where it is known, by its place in that life otherwise."""
    order = left_order()
    rig = Rig(make_session(name="new"), estate=left(orders=(order,)))
    rig.step(fill(order.cid, 60, 2))
    rig.step(fill(cid_of(99), 61, 1))
    rig.step(fill(order.cid, 60, 2))
    after = estate_of(rig.engine.state)
    assert [(one.net_lots, one.fills) for one in after.retired] == [(8, 3)]
    assert [one.cum_lots for one in after.orders] == [6]
    assert rig.session("new").position.net_lots == 0
    assert len(rig.reports("fill.retired")) == 2
    assert dict(after.holdings)["AAA"] == 8 + 3 * INSTRUMENT.lot_atoms


def test_what_is_known_of_a_symbol_that_is_no_more_is_kept() -> None:
    """Its retired session too, although nobody knows its instrument."""
    estate = left(orders=(left_order(),))
    rig = Rig(make_session(instrument=OTHER), estate=estate)
    after = estate_of(rig.engine.state)
    assert after.symbols[1:] == estate.symbols
    assert after.retired == estate.positions
    rig.step(fill(left_order().cid, 60, 2))
    assert estate_of(rig.engine.state).retired == estate.positions


def test_epochs_that_were_skipped_are_nobodys_of_ours_through_generations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each gap is handed on, the oldest are let go of; where the estate is the one before, there is none."""
    known = ((1, 1), (3, 3))
    assert estate_of(Rig(estate=left(elsewhere=known)).engine.state).elsewhere == known
    assert estate_of(Rig(estate=left(epoch=2, elsewhere=known)).engine.state).elsewhere == (*known, (3, 4))
    monkeypatch.setattr(estates, "ELSEWHERE_MAX", 2)
    after = Rig(estate=left(epoch=2, elsewhere=known)).engine.state
    assert estate_of(after).elsewhere == ((3, 3), (3, 4))
    same = EngineState(after.setup)
    go_on(same, after.setup.estate, estate_of(after))
    assert estate_of(same).elsewhere == ((3, 3), (3, 4)), "a checkpoint of the same life adds none"


def test_another_target_in_the_config_moves_the_inventory_by_the_difference() -> None:
    """What is held is the same."""
    rig = Rig(make_session(target_lots=90), estate=left())
    assert rig.session().position.inventory_lots == 17
    assert rig.session().target_lots == 90
    same = Rig(make_session(target_lots=100), estate=left())
    assert same.session().position.inventory_lots == 7


def test_a_life_that_died_before_it_had_counted_lets_the_next_one_count() -> None:
    """The target of the config holds then; without one it is what is held."""
    fresh = left_position(stock_taken=False, target_lots=-1, start_lots=0, net_lots=0)
    rig = Rig(make_session(target_lots=90), estate=left(positions=(fresh,)))
    assert (rig.session().target_lots, rig.session().position.start_lots) == (90, 0)
    assert not rig.session().stock_taken
    assert Rig(estate=left(positions=(fresh,))).session().target_lots == -1


def test_an_operators_pause_outlives_the_process() -> None:
    """With its reason, and who starts the next one is told."""
    rig = Rig(estate=left(positions=(left_position(paused="lunch"),)))
    rig.advance(SECOND_NS)
    assert {"state": "paused", "reason": "lunch", "session": "main"} in rig.reports("session.state")
    assert (rig.session().state, rig.session().reason) == (SessionState.PAUSED, "lunch")
    assert estate_of(rig.engine.state).positions[0].paused == "lunch"


def test_of_an_orderly_end_the_holdings_and_the_pauses_last_and_nothing_else_does() -> None:
    """Profits, losses and orders are those of another account of them; the fills it knew stay known."""
    whole = left(
        epoch=4,
        orders=(left_order(),),
        positions=(left_position(paused="lunch", net_lots=3, peak_atoms=7),),
        holdings=(("AAA", BASE_ATOMS), ("BBB", 5)),
    )
    rest = at_rest(whole)
    assert (rest.orders, rest.retired, rest.equity_start_atoms) == ((), (), 0)
    assert (rest.epoch, rest.holdings, rest.symbols) == (whole.epoch, whole.holdings, whole.symbols)
    (position,) = rest.positions
    assert (position.paused, position.net_lots, position.peak_atoms) == ("lunch", 0, 0)
    assert not position.stock_taken
    rig = Rig(estate=rest)
    assert rig.engine.state.ledger.holdings == {"AAA": BASE_ATOMS, "BBB": 5}
    assert rig.session().paused == "lunch"
    assert not rig.engine.state.orders.live


def test_an_orderly_end_forgets_no_order_of_a_session_that_was_no_more() -> None:
    """Nothing proved that it has ended: the life that trades its symbol again looks after it."""
    gone = left_order(session="gone", symbol="AAA/CCC")
    moved = left_position(session="gone", symbol="AAA/CCC", index=3, net_lots=2)
    other = left_position(session="older", symbol="AAA/CCC", index=4, net_lots=5)
    whole = left(orders=(left_order(), gone), positions=(left_position(),), retired=(moved, other))
    rest = at_rest(whole)
    assert (rest.orders, rest.retired) == ((gone,), (moved,))
    assert at_rest(rest) == rest


def test_an_order_that_is_there_twice_is_taken_over_once() -> None:
    """A torn journal may say things twice."""
    rig = Rig(estate=left(orders=(left_order(), left_order())))
    assert len(rig.engine.state.orders.live) == 1


def test_before_a_listing_of_fills_was_complete_the_next_life_begins_at_the_newest() -> None:
    """Nothing was placed before that: whatever is older is in the holdings."""
    rig = Rig()
    known = SymbolEstate(symbol=SYMBOL, floor=-1, trades=())
    assert estate_of(rig.engine.state).symbols == (known,)
    after = Rig(estate=left(symbols=(known,)))
    assert after.engine.state.markets[SYMBOL].next_trade_id == -1
    assert not after.engine.state.orders.knows_trade(SYMBOL, -1, Side.BUY)


def listed(rig: Rig, next_trade_id: int, *, complete: bool = True) -> None:
    """Answer a listing of fills."""
    rig.feed(
        FillsListed,
        symbol=SYMBOL,
        asked_ns=rig.now_ns,
        next_trade_id=next_trade_id,
        complete=complete,
    )


def test_the_next_life_lists_the_fills_of_the_last_quarter_of_an_hour_again() -> None:
    """From where a listing of then ended; one place a minute is kept, the trades from there are handed on."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.activate()
    rig.place_all()
    state = rig.engine.state
    begun_ns = rig.now_ns
    for minute in range(40):
        rig.now_ns = begun_ns + minute * CURSOR_PAUSE_NS
        rig.step(replace(fill("by hand", 100 + minute), ts_ns=rig.now_ns))
        listed(rig, 101 + minute)
        listed(rig, 101 + minute, complete=False)
        assert len(state.symbols[SYMBOL].cursors) <= OVERLAP_NS // CURSOR_PAUSE_NS + 2
    (known,) = estate_of(state).symbols
    assert known.floor == 101 + 39 - 15
    assert [trade_id for trade_id, _ in known.trades] == list(range(known.floor, 140))


def test_what_was_taken_over_is_handed_on_until_it_is_old() -> None:
    """A life that dies at once leaves the same place to begin at."""
    rig = Rig(estate=left())
    rig.activate()
    listed(rig, 55)
    assert estate_of(rig.engine.state).symbols[0].floor == 40
    for _ in range(17):
        rig.now_ns += CURSOR_PAUSE_NS
        listed(rig, 55)
    assert estate_of(rig.engine.state).symbols[0].floor > 40


def test_an_estate_is_not_copied_with_an_engine() -> None:
    """It is frozen; a preview of a change copies the engine often."""
    estate = left()
    assert deepcopy(estate) is estate


class Rememberer(Scripted):
    """Remembers whatever the test gives it, of the kind that it begins with."""

    first: Any = None

    def initial_memory(self) -> Any:
        """Return what the test said."""
        return self.first


def rememberer(first: Any) -> Rememberer:
    """Return a strategy that begins with `first`."""
    strategy = Rememberer()
    strategy.first = first
    return strategy


def test_what_a_strategy_remembers_goes_on_in_the_next_life() -> None:
    """Of the kind that it begins with; the memory that it begins with takes no room."""
    rig = Rig(make_session(rememberer(Hint())))
    assert estate_of(rig.engine.state).positions[0].memory == b""
    rig.session().memory = Hint(3, ((1, 9_990),))
    estate = estate_of(rig.engine.state)

    heir = Rig(make_session(rememberer(Hint())), estate=estate)

    assert heir.session().memory == Hint(3, ((1, 9_990),))
    assert estate_of(heir.engine.state).positions[0].memory == estate.positions[0].memory


class Wanted(msgspec.Struct, frozen=True):
    """Remembers what it wanted last."""

    bids: tuple[Quote, ...] = ()


def test_quotes_that_a_strategy_remembers_go_on_in_the_next_life() -> None:
    """They are written as the numbers that they are made of; what those are not is no memory."""
    rig = Rig(make_session(rememberer(Wanted())))
    rig.session().memory = Wanted((Quote(1, 2, 3, 4, 5, 6), Quote(7, 8)))
    estate = estate_of(rig.engine.state)

    heir = Rig(make_session(rememberer(Wanted())), estate=estate)
    other = Rig(make_session(rememberer(Unreadable())), estate=estate)
    short = replace(estate.positions[0], memory=msgspec.msgpack.encode({"bids": [[1, 2]]}))
    hurt = Rig(make_session(rememberer(Wanted())), estate=replace(estate, positions=(short,)))

    assert heir.session().memory == Wanted((Quote(1, 2, 3, 4, 5, 6), Quote(7, 8)))
    assert other.session().memory == Unreadable()
    assert hurt.session().memory == Wanted()


class Opaque:
    """What msgspec knows nothing of."""


class Unreadable(msgspec.Struct, frozen=True):
    """Of a kind that no file holds."""

    bids: tuple[Opaque, ...] = ()


class Hint(msgspec.Struct, frozen=True):
    """What a strategy may remember."""

    count: int = 0
    orders: tuple[tuple[int, int], ...] = ()


@pytest.mark.parametrize("memory", [object(), 10**30, [1], b"damaged"])
def test_a_memory_that_cannot_be_written_or_read_is_that_of_a_first_start(memory: object) -> None:
    """A strategy of the user's may remember anything; a session of another kind took over a name."""
    rig = Rig(make_session(rememberer(Hint())))
    rig.session().memory = memory
    estate = estate_of(rig.engine.state)

    heir = Rig(make_session(rememberer(Hint())), estate=estate)
    other = Rig(make_session(rememberer(None)), estate=estate)

    assert heir.session().memory == Hint()
    assert other.session().memory is None


def test_the_placements_of_the_minute_go_on_in_the_next_life() -> None:
    """A process that dies again and again sends no more of them than one that lives on."""
    first = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10, 0), Quote(MID - 30, 10, 1)))))
    first.activate()
    sent, now_ns = first.places(), first.engine.state.now_ns
    assert len(sent) == 2
    estate = estate_of(first.engine.state)
    assert sum(number for _, number in estate.placed) == 2
    rig = Rig(estate=estate)
    assert estate_of(rig.engine.state).placed == estate.placed
    assert rig.engine.state.budget.placed_minute(now_ns) == 2
    assert rig.engine.state.budget.placed_minute(now_ns + 60 * SECOND_NS) == 0
