"""What the rules see: worst cases, also of a book that is lost and of the account's other sessions."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from mm.domain.events import Advanced, BookLost, OrderCanceled, Source, Stream, StreamUp
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.domain.worth import base_value_atoms
from mm.risk.base import RiskView
from tests.builders.engine_ladder import SECOND_NS, Deny, Scripted, See
from tests.builders.engine_rig import BASE_ATOMS, MID, MS, QUOTE_ATOMS, Rig, make_session
from tests.builders.instruments import INSTRUMENT, OTHER, make_test_instrument

BASE_VALUE = base_value_atoms(INSTRUMENT, BASE_ATOMS, 2 * MID)


class Bench:
    """Two sessions on two symbols that share the quote asset, each with a rule that looks."""

    def __init__(self) -> None:
        """Start both; `a` has a bid of 10 lots and an ask of 4, `b` a bid of 6."""
        first = Scripted(bids=(Quote(MID - 20, 10),), asks=(Quote(MID + 20, 4),))
        second = Scripted(bids=(Quote(MID - 30, 6),))
        self.sees = {"a": See(), "b": See()}
        self.rig = Rig(
            make_session(first, name="a", rules=(self.sees["a"],)),
            make_session(second, name="b", rules=(self.sees["b"],), instrument=OTHER),
        )
        self.rig.activate()
        self.rig.place_all()

    def look(self, name: str = "a") -> RiskView:
        """Return what the session's rules are shown now, without a decision of any other consequence."""
        self.rig.session(name).dirty = True
        self.rig.touch_book()
        return self.sees[name].views[-1]


def test_the_view_counts_what_is_held_open_and_reserved() -> None:
    """Orders of the account reserve their assets; only those on the symbol are open orders of it."""
    bench = Bench()
    bench.rig.fill(bench.rig.places()[0], 3, 1)
    view = bench.look()
    assert (view.inventory_lots, view.net_lots) == (3, 3)
    assert (view.buy_open_lots, view.sell_open_lots, view.open_orders) == (7, 4, 2)
    assert (view.own_bid_max_ticks, view.own_ask_min_ticks) == (MID - 20, MID + 20)
    reserved = INSTRUMENT.notional_atoms(MID - 20, 7) + OTHER.notional_atoms(MID - 30, 6)
    assert view.quote_spendable_atoms == QUOTE_ATOMS - reserved
    assert view.base_spendable_atoms == BASE_ATOMS - 4 * INSTRUMENT.lot_atoms
    assert view.placed_minute == 3
    assert view.user_stream_up


def test_money_is_reserved_per_asset() -> None:
    """A bid in another quote asset reserves nothing here; an ask of the same base asset does."""
    third = make_test_instrument(
        symbol="AAA/EEE", venue_symbol="AAAEEE", base="AAA", quote="EEE", notional_min=Decimal(0)
    )
    see = See()
    rig = Rig(
        make_session(name="a", rules=(see,)),
        make_session(
            Scripted(bids=(Quote(MID - 20, 10),), asks=(Quote(MID + 20, 4),)), name="b", instrument=third
        ),
    )
    rig.activate()
    rig.place_all()
    rig.keep_alive(2 * SECOND_NS)
    assert see.views[-1].quote_spendable_atoms == QUOTE_ATOMS
    assert see.views[-1].base_spendable_atoms == BASE_ATOMS - 4 * INSTRUMENT.lot_atoms
    assert see.views[-1].open_orders == 0


def test_the_worst_case_of_the_other_sessions_survives_the_loss_of_their_books() -> None:
    """A position does not vanish with its book: it is valued at the last reference."""
    bench = Bench()
    assert bench.look().others_worst_atoms == OTHER.notional_atoms(MID, 6)
    assert bench.look("b").others_worst_atoms == INSTRUMENT.notional_atoms(MID, 10)
    bench.rig.feed(BookLost, symbol=OTHER.symbol, reason="gap")
    assert bench.look().others_worst_atoms == OTHER.notional_atoms(MID, 6)


def test_what_another_session_holds_before_its_market_had_a_price_is_told_to_be_unpriced() -> None:
    """As after a start: nobody can say what it is worth; with nothing held there is no doubt."""
    see = See()
    rig = Rig(
        make_session(name="a", rules=(see,)),
        make_session(name="b", instrument=OTHER),
    )
    rig.feed(Advanced)
    rig.feed(StreamUp, stream=Stream.MARKET)
    rig.feed(StreamUp, stream=Stream.USER)
    rig.advance(100 * MS)
    rig.snapshot()
    for symbol in rig.engine.state.markets:
        rig.list_all(symbol=symbol)
    rig.advance(100 * MS)
    assert (see.views[-1].others_worst_atoms, see.views[-1].others_unpriced) == (0, False)
    other = rig.session("b")
    other.target_lots, other.stock_taken, other.position.net_lots = 0, True, -8
    rig.keep_alive(2 * SECOND_NS)
    assert (see.views[-1].others_worst_atoms, see.views[-1].others_unpriced) == (0, True)
    rig.snapshot(symbol=OTHER.symbol)
    rig.keep_alive(2 * SECOND_NS)
    view = see.views[-1]
    assert (view.others_worst_atoms, view.others_unpriced) == (OTHER.notional_atoms(MID, 8), False)


def test_equity_is_the_quote_asset_and_what_trades_against_it_counted_once() -> None:
    """Two sessions on one symbol hold the same base asset; without a price it is worth nothing."""
    see = See()
    rig = Rig(
        make_session(name="a", rules=(see,)), make_session(name="b"), make_session(name="c", instrument=OTHER)
    )
    rig.activate()
    rig.keep_alive(2 * SECOND_NS)
    assert see.views[-1].equity_atoms == QUOTE_ATOMS + 2 * BASE_VALUE
    rig.feed(BookLost, symbol=OTHER.symbol, reason="gap")
    rig.keep_alive(2 * SECOND_NS)
    assert see.views[-1].equity_atoms == QUOTE_ATOMS + BASE_VALUE
    assert see.views[-1].equity_start_atoms in (QUOTE_ATOMS + BASE_VALUE, QUOTE_ATOMS + 2 * BASE_VALUE)


def test_the_band_is_the_tighter_of_both_limits() -> None:
    """A share of the equity, or lots."""
    lots = (QUOTE_ATOMS + BASE_VALUE) // 1_000 // INSTRUMENT.notional_atoms(MID, 1)
    for lots_max, band in ((0, lots), (7, 7), (10**12, lots)):
        see = See()
        rig = Rig(make_session(rules=(see,), band_lots_max=lots_max, band_ratio_ppm=1_000))
        rig.activate()
        assert see.views[-1].inventory_max_lots == band


def test_the_result_of_the_account_is_that_of_all_sessions() -> None:
    """Fees included; the peak is the session's own."""
    bench = Bench()
    bench.rig.fill(bench.rig.places()[0], 10, 1, fee_atoms=77)
    bench.rig.fill(bench.rig.places()[2], 6, 2)
    one = INSTRUMENT.notional_atoms(20, 10) - 77
    view = bench.look()
    assert (view.session_pnl_atoms, view.session_peak_atoms) == (one, one)
    assert view.account_pnl_atoms == one + OTHER.notional_atoms(30, 6)
    bench.rig.move(MID - 500, MID - 480)
    later = bench.look()
    assert later.session_pnl_atoms == one - INSTRUMENT.notional_atoms(490, 10)
    assert later.session_peak_atoms == one
    assert later.open_pnl_atoms == one + 77 - INSTRUMENT.notional_atoms(490, 10)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.booleans()), max_size=20))
def test_what_is_kept_about_own_orders_is_what_a_fresh_look_would_see(
    news: list[tuple[int, int, bool]],
) -> None:
    """After every fill and every end, in whatever order: nothing is remembered too long."""
    bench = Bench()
    rig, orders = bench.rig, bench.rig.engine.state.orders
    for trade_id, (number, lots, ends) in enumerate(news, start=1):
        live = list(orders.live.values())
        order = live[number % len(live)]
        place = next(place for place in rig.places() if place.cid == order.cid)
        if ends:
            rig.feed(OrderCanceled, cid=place.cid, cum_lots=order.cum_lots, source=Source.STREAM)
        elif lots:
            rig.fill(place, min(lots, order.left_lots), trade_id)
        rig.place_all()
        for name, instrument in (("a", INSTRUMENT), ("b", OTHER)):
            view = bench.look(name)
            live = list(orders.live.values())
            mine = [one for one in live if one.session == rig.session(name).index]
            bids = [one for one in mine if one.side is Side.BUY]
            asks = [one for one in mine if one.side is Side.SELL]
            assert view.open_orders == len(mine)
            assert view.buy_open_lots == sum(one.left_lots for one in bids)
            assert view.sell_open_lots == sum(one.left_lots for one in asks)
            assert view.own_bid_max_ticks == max((one.price_ticks for one in bids), default=0)
            assert view.own_ask_min_ticks == min((one.price_ticks for one in asks), default=0)
            reserved = sum(one.left_lots * instrument.lot_atoms for one in asks)
            assert view.base_spendable_atoms == BASE_ATOMS - reserved
            reserved = sum(
                instrument.notional_atoms(one.price_ticks, one.left_lots)
                for one in live
                if one.side is Side.BUY
            )
            assert view.quote_spendable_atoms == QUOTE_ATOMS - reserved
            shown = rig.script(name).views[-1].own
            assert [(own.side, own.price_ticks, own.size_lots) for own in shown] == [
                (one.side, one.price_ticks, one.left_lots) for one in mine
            ]


def test_each_placement_of_a_decision_is_judged_with_those_before_it_counted() -> None:
    """Prices, sizes, money and numbers of the first are in the view of the second."""
    strategy = Scripted(
        bids=(Quote(MID - 20, 10), Quote(MID - 21, 5, 1)), asks=(Quote(MID + 21, 4), Quote(MID + 20, 3, 1))
    )
    rig = Rig(make_session(strategy, rules=(Deny(Side.BUY),)))
    rig.activate()
    view = rig.session().risk_view
    assert (view.open_orders, view.placed_minute) == (4, 4)
    assert (view.buy_open_lots, view.sell_open_lots) == (15, 7)
    assert (view.own_bid_max_ticks, view.own_ask_min_ticks) == (MID - 20, MID + 20)
    assert view.base_spendable_atoms == BASE_ATOMS - 7 * INSTRUMENT.lot_atoms
    bids = INSTRUMENT.notional_atoms(MID - 20, 10) + INSTRUMENT.notional_atoms(MID - 21, 5)
    assert view.quote_spendable_atoms == QUOTE_ATOMS - bids
