"""Pure market making through the whole engine, feature by feature, as its users know them.

Mid 100.00 (10 000 ticks), tick 0.01, lot 0.001; one order is 0.1 AAA, 100 lots. 100 bps are 100 ticks.
"""

from decimal import Decimal
from typing import Any

import pytest

from mm.domain.book import Level
from mm.domain.events import BookSnapshot, PublicTrade
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.quoting.fixed_params import FixedParams, OrderOverride
from mm.strategies.pure_market_making import Memory, PureMarketMaking
from tests.builders.engine_rig import MID, SECOND_NS
from tests.builders.instruments import INSTRUMENT
from tests.builders.maker_life import MakerLife

BUY, SELL = Side.BUY, Side.SELL


def maker(instrument: Instrument = INSTRUMENT, **changes: Any) -> PureMarketMaking:
    """One level a side, 100 bps from the mid, of 100 lots, moved for a tick after 10 s; `changes` on top."""
    values: dict[str, Any] = {
        "bid_spread_bps": Decimal(100),
        "ask_spread_bps": Decimal(100),
        "order_amount_base": Decimal("0.1"),
        "order_refresh_time_ms": 10_000,
        "order_refresh_tolerance_bps": Decimal(0),
    }
    return PureMarketMaking(FixedParams(**(values | changes)), instrument)


def life(**changes: Any) -> MakerLife:
    """A session of `maker` that has laid its first ladder."""
    return MakerLife(maker(**changes))


# Lists of levels and named orders.


def test_each_side_can_have_its_own_levels() -> None:
    """Distances and sizes per level and side, of any number; a side without lists keeps its steps."""
    quoting = life(
        bid_order_level_spreads_bps=(Decimal(50), Decimal(150), Decimal(400)),
        bid_order_level_amounts_base=(Decimal("0.1"), Decimal("0.2"), Decimal("0.05")),
        ask_order_level_amounts_base=(Decimal("0.3"), Decimal("0.1")),
        order_level_spread_bps=Decimal(25),
    )

    assert quoting.bids == [(9_950, 100), (9_850, 200), (9_600, 50)]
    assert quoting.asks == [(10_100, 300), (10_125, 100)]


def test_named_orders_take_the_place_of_the_whole_ladder() -> None:
    """order_override: each with its side, distance and size, nearest first whatever its name."""
    quoting = life(
        order_override={
            "far": OrderOverride(side="buy", spread_bps=Decimal(300), amount_base=Decimal("0.5")),
            "near": OrderOverride(side="buy", spread_bps=Decimal(20), amount_base=Decimal("0.01")),
            "out": OrderOverride(side="sell", spread_bps=Decimal(80), amount_base=Decimal("0.2")),
        }
    )

    assert quoting.standing(BUY) == [(0, 9_980, 10), (1, 9_700, 500)]
    assert quoting.standing(SELL) == [(0, 10_080, 200)]


# Filled-order delay.


def test_after_a_fill_the_side_waits_and_then_quotes_again() -> None:
    """Fill, delay, requote: the other side goes on all the while."""
    quoting = life(filled_order_delay_ms=5_000)
    quoting.fill(BUY, 0)
    assert (quoting.bids, quoting.asks) == ([], [(10_100, 100)])
    assert quoting.reason == "waits after a fill"

    quoting.wait(4)
    assert quoting.bids == []
    quoting.wait(1.5)
    assert quoting.bids == [(9_900, 100)]
    assert quoting.reason == "quoting"


# Ping-pong.


def test_ping_pong_alternates_the_sides() -> None:
    """After a bought order only an ask, after that was sold both again; the other way round as well."""
    quoting = life(ping_pong_enabled=True)
    quoting.fill(BUY, 0)
    assert (quoting.bids, quoting.asks) == ([], [(10_100, 100)])
    assert quoting.reason == "only sells: ping-pong"
    quoting.wait(30)
    assert quoting.bids == []

    quoting.fill(SELL, 0)
    assert (quoting.bids, quoting.asks) == ([(9_900, 100)], [(10_100, 100)])
    quoting.fill(SELL, 0)
    assert (quoting.bids, quoting.asks) == ([(9_900, 100)], [])
    assert quoting.reason == "only buys: ping-pong"


def test_ping_pong_with_levels_leaves_out_as_many_as_were_filled() -> None:
    """The nearest ones; the others keep their distance."""
    quoting = life(ping_pong_enabled=True, order_levels=3, order_level_spread_bps=Decimal(50))
    quoting.fill(BUY, 0)
    quoting.fill(BUY, 1)

    assert quoting.bids == [(9_800, 100)]
    assert len(quoting.asks) == 3
    quoting.fill(SELL, 0)
    assert quoting.bids == [(9_850, 100), (9_800, 100)]
    assert quoting.reason == "quoting"


# Hanging orders.


def test_the_partner_of_a_filled_order_hangs_until_it_is_filled() -> None:
    """It stays at its price beside the new pair, however the market moves, and is counted."""
    quoting = life(hanging_orders_enabled=True, filled_order_delay_ms=5_000)
    quoting.fill(BUY, 0)
    assert quoting.asks == [(10_100, 100)]
    assert quoting.reason == "waits after a fill, 1 hanging"

    quoting.move(MID - 310, MID - 290)
    quoting.wait(12)
    # A new pair around 97.00, and the ask that was laid around 100.00.
    assert quoting.standing(BUY) == [(0, 9_603, 100)]
    assert quoting.standing(SELL) == [(100, 9_797, 100), (0, 10_100, 100)]
    assert quoting.reason == "quoting, 1 hanging"

    quoting.move(MID - 10, MID + 10)
    quoting.fill(SELL, 0)
    quoting.wait(12)
    assert quoting.asks == [(10_100, 100)]
    assert quoting.bids == [(9_900, 100)]
    assert quoting.reason == "quoting"


def test_an_order_that_hangs_is_let_go_beyond_the_cancel_distance() -> None:
    """hanging_orders_cancel_bps from the reference; up to there it stays, whatever the refresh time says."""
    quoting = life(hanging_orders_enabled=True, hanging_orders_cancel_bps=Decimal(500))
    quoting.fill(BUY, 0)
    quoting.move(9_610, 9_630)
    quoting.wait(20)
    assert (0, 10_100, 100) in quoting.standing(SELL)

    quoting.move(9_600, 9_620)
    quoting.wait(1)
    assert [price for price, _ in quoting.asks] == [9_707]
    assert quoting.reason == "quoting"


def test_both_sides_can_hang_and_new_orders_never_meet_them() -> None:
    """A bid is laid below the lowest ask that hangs, an ask above the highest bid that hangs."""
    quoting = life(hanging_orders_enabled=True, bid_spread_bps=Decimal(20), ask_spread_bps=Decimal(20))
    quoting.fill(SELL, 0)
    assert quoting.standing(BUY) == [(0, 9_980, 100), (100, 9_980, 100)]
    quoting.move(9_940, 9_960)
    quoting.wait(12)

    # 20 bps above the mid of 99.50 would be 99.70: through the bid that hangs at 99.80.
    assert quoting.standing(SELL) == [(0, 9_981, 100)]
    assert quoting.standing(BUY) == [(0, 9_980, 100), (100, 9_930, 100)]


def test_each_slot_hangs_for_itself() -> None:
    """With two levels: the second ask goes on moving with the market."""
    quoting = life(hanging_orders_enabled=True, order_levels=2, order_level_spread_bps=Decimal(100))
    quoting.fill(BUY, 0)
    quoting.move(9_890, 9_910)
    quoting.wait(12)

    assert quoting.standing(SELL) == [(100, 9_999, 100), (1, 10_098, 100), (0, 10_100, 100)]
    assert quoting.standing(BUY) == [(0, 9_801, 100), (1, 9_702, 100)]


def test_a_partly_filled_order_makes_nothing_hang() -> None:
    """Only when it is filled whole."""
    quoting = life(hanging_orders_enabled=True)
    quoting.fill(BUY, 0, lots=99)
    assert quoting.reason == "quoting"
    quoting.fill(BUY, 0)
    assert quoting.reason == "quoting, 1 hanging"


def test_what_hangs_goes_on_hanging_in_the_next_life() -> None:
    """The estate carries what the strategy remembers, the orders and their levels."""
    quoting = life(hanging_orders_enabled=True)
    quoting.fill(BUY, 0)
    quoting.move(9_890, 9_910)
    quoting.wait(12)
    before = quoting.standing(SELL)
    assert before == [(100, 9_999, 100), (0, 10_100, 100)]

    heir = MakerLife(maker(hanging_orders_enabled=True), estate=quoting.estate())
    heir.move(9_790, 9_810)
    heir.wait(15)

    assert heir.reason == "quoting, 1 hanging"
    assert heir.standing(SELL) == [(100, 9_898, 100), (0, 10_100, 100)]
    memory = heir.rig.session().memory
    assert isinstance(memory, Memory)
    assert memory.asks.hanging == ((0, 10_100, 100),)


# Order optimisation.


def test_optimised_orders_stand_a_tick_before_the_best_of_others() -> None:
    """The bid is lowered to 99.91, the best bid plus a tick; never raised above its own distance."""
    quoting = life(order_optimization_enabled=True, bid_spread_bps=Decimal(1), ask_spread_bps=Decimal(500))

    assert quoting.bids == [(9_991, 100)]
    assert quoting.asks == [(10_500, 100)]


def test_a_depth_passes_over_small_orders_of_others_and_levels_keep_their_steps() -> None:
    """bid_order_optimization_depth_base; with levels the whole ladder moves out by as much."""
    quoting = life(
        order_optimization_enabled=True,
        bid_order_optimization_depth_base=Decimal(1),
        bid_spread_bps=Decimal(1),
        order_levels=2,
        order_level_spread_bps=Decimal(10),
    )
    bids = (Level(9_990, 10**7), Level(9_980, 10**12))
    quoting.rig.seq += 1
    quoting.rig.feed(
        BookSnapshot, symbol=INSTRUMENT.symbol, seq=quoting.rig.seq, bids=bids, asks=(Level(10_010, 10**12),)
    )
    quoting.wait(12)

    assert quoting.bids == [(9_981, 100), (9_971, 100)]


# Bounds.


def test_the_moving_band_stops_one_side_until_it_is_laid_anew() -> None:
    """Up by 1 %: nothing is bought any more; after the refresh time the band is around the new price."""
    quoting = life(moving_price_band_enabled=True, price_band_refresh_time_ms=60_000)
    quoting.wait(2)
    quoting.move(10_090, 10_110)
    assert (quoting.bids, len(quoting.asks)) == ([], 1)
    assert quoting.reason == "only sells: moving price band"

    quoting.move(9_895, 9_904)
    assert (len(quoting.bids), quoting.asks) == (1, [])
    assert quoting.reason == "only buys: moving price band"

    quoting.wait(60)
    assert (len(quoting.bids), len(quoting.asks)) == (1, 1)
    assert quoting.reason == "quoting"


# Price source and type.


@pytest.mark.parametrize(
    ("kind", "reference"),
    [("mid_price", 10_000), ("best_bid", 9_990), ("best_ask", 10_010), ("weighted_mid", 10_000)],
)
def test_the_reference_may_be_any_price_of_the_book(kind: str, reference: int) -> None:
    """Distances are counted from it."""
    quoting = life(price_type=kind)

    assert quoting.bids == [(reference * 99 // 100, 100)]
    assert quoting.asks == [(-(-reference * 101 // 100), 100)]


def test_the_last_trade_is_waited_for_and_followed() -> None:
    """price_type = last_price: the public tape."""
    quoting = life(price_type="last_price")
    assert (quoting.bids, quoting.asks, quoting.reason) == ([], [], "waits for a trade")

    quoting.rig.feed(
        PublicTrade, symbol=INSTRUMENT.symbol, trade_id=1, price_ticks=9_995, size_atoms=1, aggressor=BUY
    )
    quoting.wait(1.5)
    assert quoting.bids == [(9_895, 100)]
    assert quoting.asks == [(10_095, 100)]


def test_the_last_own_trade_is_the_reference_once_there_is_one() -> None:
    """price_type = last_own_trade_price: the mid before the first."""
    quoting = life(price_type="last_own_trade_price")
    assert quoting.bids == [(9_900, 100)]
    quoting.fill(BUY, 0)
    quoting.wait(12)

    assert quoting.bids == [(9_801, 100)]
    assert quoting.asks == [(9_999, 100)]


def test_what_was_bought_is_not_sold_at_a_loss() -> None:
    """price_type = inventory_cost: the asks stay above the average entry, the bids follow the mid."""
    quoting = life(price_type="inventory_cost")
    quoting.fill(BUY, 0)
    quoting.move(9_690, 9_710)
    quoting.wait(12)

    assert quoting.asks == [(9_999, 100)]  # 9 900 x 1.01
    assert quoting.bids == [(9_603, 100)]


def test_orders_are_left_alone_within_the_refresh_time() -> None:
    """A move of the market moves no order before its time."""
    quoting = life()
    quoting.move(9_980, 10_000)
    quoting.wait(5)
    assert quoting.bids == [(9_900, 100)]
    quoting.wait(6)
    assert quoting.bids == [(9_890, 100)]
    assert quoting.rig.now_ns > SECOND_NS


def test_what_is_near_enough_is_left_alone_past_the_refresh_time_as_well() -> None:
    """Without a tolerance of the user's 30 bps here: a move of 20 moves nothing, one of 40 everything."""
    quoting = life(order_refresh_tolerance_bps=None)
    quoting.move(MID - 30, MID - 10)
    quoting.wait(12)
    assert (quoting.bids, quoting.asks) == ([(9_900, 100)], [(10_100, 100)])
    quoting.move(MID - 50, MID - 30)
    quoting.wait(12)
    assert (quoting.bids, quoting.asks) == ([(9_860, 100)], [(10_060, 100)])
