"""Executions: each exactly once, in every state, by whichever way it comes; they alone move inventory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mm.domain.commands import Place
from mm.domain.events import Operation, OrderCanceled, OrderFilled, OrderRejected, Source
from mm.domain.orders import OrderState
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.domain.units import PPM
from mm.engine import fills
from mm.strategies.base import Wake
from tests.builders.engine_ladder import SECOND_NS, Scripted
from tests.builders.engine_rig import BASE_ATOMS, CAPS, EPOCH, MID, MS, Rig, cid_of, make_session, orphan
from tests.builders.estates import left, left_position
from tests.builders.instruments import INSTRUMENT, OTHER


def quoting(**fields: object) -> tuple[Rig, Place]:
    """Return a bench with one bid of 10 lots sent, and the placement."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),), **fields)))  # type: ignore[arg-type]  # named by the caller
    rig.activate()
    return rig, rig.places()[0]


def test_a_fill_moves_the_inventory_and_pays_its_fee() -> None:
    """Price, size and fee go into the position; a decision follows."""
    rig, place = quoting()
    rig.ack(place)
    rig.fill(place, 4, 1, fee_atoms=123, fee_asset="CCC")
    position = rig.session().position
    assert (position.net_lots, position.fees_atoms) == (4, {"CCC": 123})
    fee_ppm = INSTRUMENT.maker_fee_ppm
    assert position.fees_quote_atoms == -(-INSTRUMENT.notional_atoms(place.price_ticks, 4) * fee_ppm // PPM)
    rig.fill(place, 1, 2, fee_atoms=-5, fee_asset="CCC")
    assert position.fees_quote_atoms == -(-INSTRUMENT.notional_atoms(place.price_ticks, 4) * fee_ppm // PPM)
    assert rig.session().last_fill[Side.BUY].price_ticks == MID - 20
    assert rig.state_of(place) is OrderState.WORKING
    rig.fill(place, 5, 3)
    assert rig.state_of(place) is OrderState.FILLED
    assert len(rig.places()) == 2


def test_a_fill_before_the_acknowledgement_counts() -> None:
    """The stream may be faster than the answer."""
    rig, place = quoting()
    rig.fill(place, 10, 1)
    rig.ack(place)
    assert rig.session().position.net_lots == 10
    assert rig.state_of(place) is OrderState.FILLED


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(Source)), min_size=1, max_size=20))
def test_each_execution_counts_once_whatever_the_way_and_the_number_of_reports(
    reports: list[tuple[int, Source]],
) -> None:
    """Stream, answer and listing may all bring the same trade."""
    rig, place = quoting()
    rig.ack(place)
    for trade_id, source in reports:
        rig.fill(place, 2, trade_id, source=source)
    distinct = len({trade_id for trade_id, _ in reports})
    assert rig.session().position.net_lots == 2 * distinct
    assert rig.order(place).cum_lots == 2 * distinct


def test_a_fill_after_the_confirmed_cancel_counts_and_is_told() -> None:
    """Inventory is what was traded, not what was expected."""
    rig, place = quoting()
    rig.ack(place)
    rig.feed(OrderCanceled, cid=place.cid, cum_lots=0, source=Source.ANSWER)
    rig.fill(place, 3, 1)
    assert rig.session().position.net_lots == 3
    assert rig.state_of(place) is OrderState.CANCELED
    assert len(rig.reports("fill.late")) == 1


def test_a_fill_of_a_refused_order_brings_it_back_to_life() -> None:
    """It is exposure again until the venue says what became of it."""
    rig, place = quoting()
    rig.feed(OrderRejected, cid=place.cid, code=-1, reason="?")
    rig.fill(place, 3, 1)
    assert rig.state_of(place) is OrderState.UNKNOWN
    assert rig.engine.state.orders.open_lots(0, Side.BUY) == 17


def test_a_fill_beyond_the_size_counts_and_halts() -> None:
    """What the venue traded is so; nothing goes on before somebody has looked."""
    rig, place = quoting()
    rig.fill(place, 12, 1)
    assert rig.session().position.net_lots == 12
    assert rig.reports("halt") == [
        {"reason": "order.overfilled", "cid": place.cid, "filled": "12", "size": "10", "session": ""}
    ]


def test_a_quote_that_took_is_told() -> None:
    """Post-only orders never take; an exit does."""
    rig, place = quoting()
    rig.fill(place, 1, 1, maker=False)
    assert len(rig.reports("fill.post_only_taken")) == 1


def report(rig: Rig, cid: str, *, trade_id: int = 40, source: Source = Source.STREAM, lots: int = 5) -> None:
    """Report a fill of lots bought by an order that this life did not make."""
    rig.feed(
        OrderFilled,
        symbol=INSTRUMENT.symbol,
        cid=cid,
        trade_id=trade_id,
        side=Side.BUY,
        price_ticks=MID,
        size_lots=lots,
        fee_atoms=0,
        fee_asset="BBB",
        maker=True,
        source=source,
    )


def test_fills_of_an_earlier_life_are_in_the_holdings_that_a_session_starts_from() -> None:
    """Reported before the stock is taken they change nothing, nor does their repetition later."""
    rig = Rig()
    report(rig, cid_of(3))
    rig.activate()
    report(rig, cid_of(3))
    assert rig.session().position.net_lots == 0
    report(rig, cid_of(3), trade_id=41)
    assert rig.session().position.net_lots == 5
    assert len(rig.reports("fill.earlier_life")) == 1


def test_a_fill_of_an_earlier_life_that_is_listed_late_is_in_the_holdings() -> None:
    """Balances are often ahead of the list of trades (simulated: seed 50173)."""
    rig = Rig()
    rig.activate()
    report(rig, cid_of(3), source=Source.QUERY)
    assert rig.session().position.net_lots == 0
    assert rig.reports("fill.earlier_life") == []


def test_what_a_session_filled_before_another_on_its_symbol_was_counted_in_moves_it_still() -> None:
    """A listing passed it over: it is in the holdings of the other, not in its own position (seed 1859)."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),)), name="a"), make_session(name="b"))
    rig.operate(Operation.PAUSE, "b")
    rig.activate()
    (place,) = rig.place_all()
    rig.list_fills(next_trade_id=41)
    rig.operate(Operation.RESUME, "b")
    rig.keep_alive(10 * SECOND_NS)
    assert rig.session("b").state == "active"
    rig.fill(place, 4, 40, source=Source.QUERY)
    assert [rig.session(name).position.net_lots for name in "ab"] == [4, 0]
    report(rig, cid_of(3, session=1), trade_id=39)
    assert [rig.session(name).position.net_lots for name in "ab"] == [4, 0]


def test_holdings_are_counted_anew_after_an_execution_that_they_are_older_than() -> None:
    """An order of an earlier life fills after the balances were listed, before they count (seed 2396)."""
    rig = Rig()
    rig.operate(Operation.PAUSE, "main")
    rig.activate()
    assert not rig.session().stock_taken
    report(rig, cid_of(3))
    rig.operate(Operation.RESUME, "main")
    rig.list_orders()
    rig.list_fills(next_trade_id=41)
    rig.advance(100 * MS)
    assert not rig.session().stock_taken
    rig.list_balances(base=BASE_ATOMS + 5 * INSTRUMENT.lot_atoms)
    rig.advance(100 * MS)
    assert rig.session().stock_taken
    assert rig.session().target_lots == BASE_ATOMS // INSTRUMENT.lot_atoms + 5


def test_one_of_an_order_that_turned_up_since_may_have_happened_since() -> None:
    """The venue lists an order of an earlier life after all: what is listed of its fills counts."""
    rig = Rig()
    rig.activate()
    rig.advance(5 * SECOND_NS)
    rig.list_orders(orders=(orphan(3),))
    report(rig, cid_of(3), source=Source.QUERY)
    assert rig.session().position.net_lots == 5


def test_after_a_lifted_halt_fills_of_an_earlier_life_still_count() -> None:
    """The stock was taken before: what comes now is not in it."""
    rig = Rig()
    rig.activate()
    rig.operate(Operation.HALT)
    rig.advance(100 * MS)
    rig.list_orders()
    rig.advance(100 * MS)
    rig.operate(Operation.UNHALT)
    assert rig.session().state == "pending"
    report(rig, cid_of(3))
    assert rig.session().position.net_lots == 5


@pytest.mark.parametrize("cid", ["manual", cid_of(1, session=9)])
def test_fills_of_others_are_told_and_move_nothing(cid: str) -> None:
    """A person's order, or one of a session that is no longer configured; told by the stream alone."""
    rig = Rig()
    rig.activate()
    report(rig, cid)
    report(rig, cid)
    report(rig, cid, trade_id=41, source=Source.QUERY)
    assert rig.session().position.net_lots == 0
    assert rig.reports("fill.foreign") == [{"symbol": INSTRUMENT.symbol, "trade_id": "40", "session": ""}]


def test_a_fill_of_another_before_the_holdings_are_counted_explains_no_difference() -> None:
    """It is told; what it moved is in the count."""
    rig = Rig()
    report(rig, "manual")
    assert len(rig.reports("fill.foreign")) == 1
    rig.activate()
    assert rig.engine.state.ledger.others == {}


def test_a_fill_on_another_symbol_than_the_sessions_is_nobodys() -> None:
    """The session of that number traded something else in its earlier life."""
    rig = Rig(make_session(name="a"), make_session(name="b", instrument=OTHER))
    rig.activate()
    report(rig, cid_of(1, session=1))
    assert [rig.session(name).position.net_lots for name in "ab"] == [0, 0]


def test_a_fill_of_another_symbol_is_nobodys() -> None:
    """An order of ours on a symbol that its session does not trade: not in its position."""
    rig, place = quoting()
    rig.fill(place, 1, 1, symbol="other")
    assert rig.session().position.net_lots == 0


def test_a_strategy_that_does_not_wake_on_fills_is_asked_when_the_order_is_done() -> None:
    """A partial fill changes nothing for it; a free level does."""
    strategy = Scripted(
        bids=(Quote(MID - 20, 10),), wake=Wake(move_half_ticks=0, every_ns=0, on_own_fill=False)
    )
    rig = Rig(make_session(strategy))
    rig.activate()
    (place,) = rig.place_all()
    views = len(strategy.views)
    rig.fill(place, 4, 1)
    assert len(strategy.views) == views
    rig.fill(place, 6, 2)
    assert len(strategy.views) == views + 1


def test_a_position_that_does_not_add_up_halts() -> None:
    """The identity of the P&L is checked after every fill."""
    rig, place = quoting()
    rig.session().position.spread_half += 1
    rig.fill(place, 1, 1)
    assert rig.reports("halt") == [{"reason": "pnl.residual", "session": "main", "residual": "-1"}]


def test_a_fill_without_a_market_is_marked_at_its_own_price() -> None:
    """The book may be lost while own news arrive."""
    rig, place = quoting()
    rig.move(0, 0)
    rig.fill(place, 1, 1)
    assert rig.session().position.net_lots == 1
    rig.keep_alive(SECOND_NS)
    assert rig.engine.state.halt_code == ""


def test_an_execution_from_before_a_clean_restart_that_is_reported_again_is_not_counted() -> None:
    """The holdings that were counted contain it: below where the listing ended then, all is known."""
    session = make_session(Scripted(bids=(Quote(MID - 20, 10),)))
    rig = Rig(session, inherits=True, caps=replace(CAPS, absence_proof_ns=0))
    rig.activate()
    for _ in range(4):
        rig.keep_alive(2 * SECOND_NS)
        rig.list_orders()
        rig.list_fills(next_trade_id=40)
        rig.list_balances()
    rig.keep_alive(SECOND_NS)
    assert rig.session().stock_taken
    (place,) = rig.places()
    old = Place(**{name: getattr(place, name) for name in place.__struct_fields__} | {"cid": cid_of(3)})
    rig.fill(old, 4, 39)
    assert (rig.session().position.net_lots, rig.session().position.fills) == (0, 0)
    assert rig.reports("fill.earlier_life") == []
    rig.fill(old, 4, 40)
    assert rig.session().position.net_lots == 4
    assert [said["trade_id"] for said in rig.reports("fill.earlier_life")] == ["40"]


@pytest.mark.parametrize(("epoch", "net_lots"), [(EPOCH - 3, 4), (EPOCH - 2, 4), (EPOCH - 1, 0)])
def test_a_fill_of_a_life_between_the_one_taken_over_and_this_one_is_somebody_elses(
    epoch: int, net_lots: int
) -> None:
    """Another machine traded the account meanwhile: its fills are in no position here (simulated: seed 8)."""
    rig = Rig(
        make_session(Scripted(bids=(Quote(MID - 20, 10),))),
        estate=left(epoch=EPOCH - 2, positions=(left_position(net_lots=0, bought_lots=0, sold_lots=0),)),
    )
    rig.feed(
        OrderFilled,
        symbol=INSTRUMENT.symbol,
        cid=cid_of(1, epoch=epoch),
        trade_id=10**6,
        side=Side.BUY,
        price_ticks=MID,
        size_lots=4,
        fee_atoms=0,
        fee_asset="BBB",
        maker=True,
        source=Source.STREAM,
    )
    assert rig.session().position.net_lots == net_lots
    assert len(rig.reports("fill.foreign")) == (net_lots == 0)


@pytest.mark.parametrize(("epoch", "net_lots"), [(1, 4), (2, 0), (3, 0), (4, 4)])
def test_so_is_one_between_two_lives_that_are_both_over(epoch: int, net_lots: int) -> None:
    """What an earlier takeover skipped is handed on: nobody here ever had it (simulated: seed 200 986)."""
    rig = Rig(
        make_session(Scripted(bids=(Quote(MID - 20, 10),))),
        estate=left(elsewhere=((2, 3),), positions=(left_position(net_lots=0, bought_lots=0, sold_lots=0),)),
    )
    report(rig, cid_of(1, epoch=epoch), trade_id=10**6, lots=4)
    assert rig.session().position.net_lots == net_lots
    assert len(rig.reports("fill.foreign")) == (net_lots == 0)


@pytest.mark.parametrize("changes", [{"size_lots": 0}, {"size_lots": -3}, {"price_ticks": 0}])
def test_a_fill_of_nothing_or_for_nothing_is_told_and_moves_nothing(changes: dict[str, int]) -> None:
    """The engine never fails on what a venue says; a right report of the same trade is still taken."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.activate()
    (place,) = rig.place_all()
    size = changes.pop("size_lots", 4)
    rig.fill(place, size, 40, **changes)
    assert [said["trade_id"] for said in rig.reports("fill.malformed")] == ["40"]
    assert rig.session().position.net_lots == 0
    rig.fill(place, 4, 40)
    assert rig.session().position.net_lots == 4


def test_a_venue_that_takes_its_fees_in_ever_new_assets_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each fill is booked; trading ends."""
    monkeypatch.setattr(fills, "FEE_ASSETS_MAX", 2)
    rig, place = quoting()
    rig.ack(place)
    for number in range(2):
        rig.fill(place, 1, number + 1, fee_atoms=1, fee_asset=f"X{number}")
    assert rig.engine.state.halt_code == ""
    rig.fill(place, 1, 3, fee_atoms=1, fee_asset="X2")
    assert rig.engine.state.halt_code == "fees.assets"
    assert rig.session().position.net_lots == 3
