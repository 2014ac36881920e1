"""Pure market making by examples that a person can check; properties are in the file beside this one."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.domain.view import LastFill, OwnQuote
from mm.errors import ConfigError
from mm.strategies.base import Wake
from mm.strategies.pure_market_making import Memory, PureMarketMaking
from tests.builders.pure_maker import ladder, quotes_of, some_params
from tests.builders.views import (
    NOW_NS,
    SECOND_NS,
    a_view,
    an_instrument,
)

INSTRUMENT = an_instrument()


def test_levels_stand_at_their_distances_from_the_mid() -> None:
    """Level i is spread + i x level spread away, and the sizes are whole lots."""
    quotes = quotes_of(a_view(bid_ticks=99_999, ask_ticks=100_001))

    assert ladder(quotes.bids) == [(0, 99_900, 100), (1, 99_800, 100)]
    assert ladder(quotes.asks) == [(0, 100_100, 100), (1, 100_200, 100)]
    assert quotes.reason == "quoting"
    assert quotes.memory is None


def test_prices_off_the_grid_are_rounded_away_from_the_market() -> None:
    """Bids are rounded down and asks up."""
    quotes = quotes_of(a_view(bid_ticks=10_000, ask_ticks=10_001), order_levels=1)

    assert ladder(quotes.bids) == [(0, 9_990, 100)]  # 10_000.5 x 0.999 = 9990.4995
    assert ladder(quotes.asks) == [(0, 10_011, 100)]  # 10_000.5 x 1.001 = 10010.5005


def test_each_side_has_its_own_spread() -> None:
    """bid_spread_bps and ask_spread_bps are independent."""
    quotes = quotes_of(
        a_view(bid_ticks=99_999, ask_ticks=100_001), bid_spread_bps=Decimal(1), ask_spread_bps=Decimal(50)
    )

    assert quotes.bids[0].price_ticks == 99_990
    assert quotes.asks[0].price_ticks == 100_500


def test_sizes_grow_or_shrink_with_the_level() -> None:
    """order_level_amount_base is added per level and may be negative."""
    grown = quotes_of(a_view(), order_level_amount_base=Decimal("0.005"))
    shrunk = quotes_of(a_view(), order_level_amount_base=Decimal("-0.005"))

    assert [quote.size_lots for quote in grown.asks] == [100, 150]
    assert [quote.size_lots for quote in shrunk.bids] == [100, 50]


def test_levels_closer_than_a_tick_are_put_a_tick_apart() -> None:
    """On a coarse grid no two levels share a price."""
    quotes = quotes_of(a_view(bid_ticks=100, ask_ticks=101), order_levels=3)

    assert [quote.price_ticks for quote in quotes.bids] == [100, 99, 98]
    assert [quote.price_ticks for quote in quotes.asks] == [101, 102, 103]


def test_levels_below_the_lowest_and_above_the_highest_price_are_left_out() -> None:
    """The venue's price bounds cut the ladder, and the reason says that a side is missing."""
    view = a_view(bid_ticks=1, ask_ticks=2)
    low = msgspec.structs.replace(view.instrument, price_min_ticks=2, price_max_ticks=100)
    high = msgspec.structs.replace(view.instrument, price_min_ticks=1, price_max_ticks=1)
    none = msgspec.structs.replace(view.instrument, price_min_ticks=2, price_max_ticks=1)

    strategies = [PureMarketMaking(some_params(), instrument) for instrument in (low, high, none)]
    only_asks, only_bids, nothing = (strategy.quotes(view) for strategy in strategies)

    assert (ladder(only_asks.bids), len(only_asks.asks), only_asks.reason) == (
        [],
        2,
        "only sells: no bid fits",
    )
    assert (len(only_bids.bids), ladder(only_bids.asks), only_bids.reason) == (
        1,
        [],
        "only buys: no ask fits",
    )
    assert (nothing.bids, nothing.asks, nothing.reason) == ((), (), "nothing fits")


def test_times_and_tolerance_hold_per_order() -> None:
    """Refresh time, age and tolerance are fields of every quote, in nanoseconds and ticks."""
    view = a_view(bid_ticks=99_999, ask_ticks=100_001)

    plain = quotes_of(view)
    tuned = quotes_of(view, order_refresh_tolerance_bps=Decimal("2.5"), max_order_age_ms=1_800_000)

    assert {(q.tolerance_ticks, q.age_ns_max, q.life_ns_min) for q in plain.bids + plain.asks} == {
        (30, 0, 15 * SECOND_NS)
    }
    assert {(q.tolerance_ticks, q.age_ns_max, q.life_ns_min) for q in tuned.bids + tuned.asks} == {
        (25, 1800 * SECOND_NS, 15 * SECOND_NS)
    }


@pytest.mark.parametrize(
    ("fee", "changes", "ticks"),
    [
        ("0", {}, 30),
        ("0", {"order_refresh_tolerance_bps": Decimal(0)}, 0),
        ("0", {"ask_spread_bps": Decimal(4)}, 12),
        ("0", {"bid_order_level_spreads_bps": (Decimal(2), Decimal(9))}, 6),
        ("0.0004", {}, 18),
        ("0.0004", {"add_transaction_costs": True}, 30),
        ("0.001", {}, 10),
        ("0.002", {}, 10),
        ("-0.0005", {}, 45),
        ("-0.0005", {"add_transaction_costs": True}, 45),
        ("-0.5", {}, 100),
    ],
)
def test_without_a_tolerance_it_is_what_the_nearest_spread_can_lose(
    fee: str, changes: dict[str, Any], ticks: int
) -> None:
    """0.3 of the nearest spread less the maker fee, a tenth of it at least; 0 only where it is asked for."""
    view = a_view(bid_ticks=99_999, ask_ticks=100_001, instrument=an_instrument(maker_fee_ratio=fee))

    quotes = quotes_of(view, **changes)

    assert {quote.tolerance_ticks for quote in (*quotes.bids, *quotes.asks)} == {ticks}


def test_transaction_costs_widen_by_the_maker_fee_and_a_rebate_narrows_nothing() -> None:
    """add_transaction_costs adds a positive fee to every distance."""
    paying = a_view(bid_ticks=99_999, ask_ticks=100_001, instrument=an_instrument(maker_fee_ratio="0.0005"))
    earning = a_view(bid_ticks=99_999, ask_ticks=100_001, instrument=an_instrument(maker_fee_ratio="-0.0005"))

    assert quotes_of(paying, add_transaction_costs=True).bids[0].price_ticks == 99_850
    assert quotes_of(paying, add_transaction_costs=True).asks[1].price_ticks == 100_250
    assert quotes_of(paying).bids[0].price_ticks == 99_900
    assert quotes_of(earning, add_transaction_costs=True).bids[0].price_ticks == 99_900


# Inventory.


def test_sizes_lean_against_the_inventory() -> None:
    """The bid factor falls from 2 over 1 to 0 across the range, the ask factor is 2 minus it."""
    # The total size is 2 x 2 x 100 lots, so the range is 400 lots; the limit is 1000.
    by_inventory = {
        lots: quotes_of(a_view(inventory_lots=lots), inventory_skew_enabled=True)
        for lots in (-500, -400, -200, 0, 100, 400)
    }

    sizes = {
        lots: ([quote.size_lots for quote in quotes.bids], [quote.size_lots for quote in quotes.asks])
        for lots, quotes in by_inventory.items()
    }
    assert sizes == {
        -500: ([200, 200], []),
        -400: ([200, 200], []),
        -200: ([150, 150], [50, 50]),
        0: ([100, 100], [100, 100]),
        100: ([75, 75], [125, 125]),
        400: ([], [200, 200]),
    }


def test_the_range_is_a_multiple_of_the_total_size_and_at_most_the_limit() -> None:
    """inventory_range_multiplier scales the range; inventory_max_lots caps it."""
    wide = quotes_of(
        a_view(inventory_lots=100), inventory_skew_enabled=True, inventory_range_multiplier=Decimal(2)
    )
    capped = quotes_of(
        a_view(inventory_lots=100), inventory_skew_enabled=True, inventory_range_multiplier=Decimal(1000)
    )

    assert wide.bids[0].size_lots == 87  # 100 x (1 - 100 / 800), rounded down
    assert capped.bids[0].size_lots == 90  # 100 x (1 - 100 / 1000)


def test_sizes_that_lean_below_the_venues_minimum_are_left_out() -> None:
    """A level that the skew makes too small is not quoted; the levels keep their numbers."""
    instrument = an_instrument(size_min_lots=76)
    view = a_view(inventory_lots=150, instrument=instrument)

    quotes = quotes_of(view, inventory_skew_enabled=True, order_level_amount_base=Decimal("0.01"))

    assert [(quote.level, quote.size_lots) for quote in quotes.bids] == [(1, 150)]  # level 0 would be 75
    at_the_minimum = a_view(inventory_lots=150, instrument=an_instrument(size_min_lots=75))
    quotes = quotes_of(at_the_minimum, inventory_skew_enabled=True, order_level_amount_base=Decimal("0.01"))
    assert [(quote.level, quote.size_lots) for quote in quotes.bids] == [(0, 75), (1, 150)]


def test_sizes_that_lean_above_the_venues_maximum_are_cut() -> None:
    """A doubled size is no larger than the venue's largest order."""
    view = a_view(inventory_lots=-400, instrument=an_instrument(size_max_lots=150))

    assert [quote.size_lots for quote in quotes_of(view, inventory_skew_enabled=True).bids] == [150, 150]


def test_prices_lean_against_the_inventory() -> None:
    """At the limit, and beyond, all prices are shifted by inventory_price_skew_bps; at half of it by half."""
    by_inventory = [
        quotes_of(
            a_view(bid_ticks=99_999, ask_ticks=100_001, inventory_lots=lots),
            inventory_price_skew_bps=Decimal(4),
            order_levels=1,
        )
        for lots in (-2_000, -1_000, 0, 500, 1_000)
    ]

    prices = [(quotes.bids[0].price_ticks, quotes.asks[0].price_ticks) for quotes in by_inventory]
    assert prices == [
        (99_940, 100_140),
        (99_940, 100_140),
        (99_900, 100_100),
        (99_880, 100_080),
        (99_860, 100_060),
    ]


def test_a_price_skew_beyond_the_book_stops_before_it() -> None:
    """Quotes are post-only: bids stay below the best ask, asks above the best bid."""
    short = a_view(bid_ticks=99_999, ask_ticks=100_001, inventory_lots=-1_000)

    quotes = quotes_of(short, inventory_price_skew_bps=Decimal(100))

    assert [quote.price_ticks for quote in quotes.bids] == [100_000, 99_999]


# Bounds.


def test_at_or_above_the_ceiling_it_only_sells() -> None:
    """The bound itself counts, to the half tick."""
    at, below = a_view(bid_ticks=10_000, ask_ticks=10_001), a_view(bid_ticks=9_999, ask_ticks=10_001)
    ceiling = Decimal("100.005")

    assert quotes_of(at, price_ceiling_quote=ceiling).reason == "only sells: ceiling"
    assert quotes_of(at, price_ceiling_quote=ceiling).bids == ()
    assert len(quotes_of(at, price_ceiling_quote=ceiling).asks) == 2
    assert quotes_of(below, price_ceiling_quote=ceiling).reason == "quoting"
    assert quotes_of(at, price_ceiling_quote=Decimal("100.0051")).reason == "quoting"


def test_at_or_below_the_floor_it_only_buys() -> None:
    """The bound itself counts, to the half tick."""
    at, above = a_view(bid_ticks=10_000, ask_ticks=10_001), a_view(bid_ticks=10_001, ask_ticks=10_002)
    floor_price = Decimal("100.005")

    assert quotes_of(at, price_floor_quote=floor_price).reason == "only buys: floor"
    assert quotes_of(at, price_floor_quote=floor_price).asks == ()
    assert len(quotes_of(at, price_floor_quote=floor_price).bids) == 2
    assert quotes_of(above, price_floor_quote=floor_price).reason == "quoting"
    assert quotes_of(at, price_floor_quote=Decimal("100.0049")).reason == "quoting"


def test_an_order_nearer_than_the_minimum_spread_is_moved_at_once_whatever_its_age() -> None:
    """Its level loses the minimum life; orders that keep the distance stay under the refresh time."""
    near = OwnQuote(Side.BUY, 0, 99_951, 100, 10, True)  # the minimum of 5 bps is at 99_950
    far = OwnQuote(Side.BUY, 1, 99_950, 100, 10, True)
    other_side = OwnQuote(Side.SELL, 1, 100_001, 100, 10, True)
    view = msgspec.structs.replace(a_view(bid_ticks=99_999, ask_ticks=100_001), own=(near, far, other_side))

    quotes = quotes_of(view, minimum_spread_bps=Decimal(5))

    assert [quote.life_ns_min for quote in quotes.bids] == [0, 15 * SECOND_NS]
    assert [quote.life_ns_min for quote in quotes.asks] == [15 * SECOND_NS, 0]


def test_the_tolerance_never_reaches_inside_the_minimum_spread() -> None:
    """An order that may stay by the tolerance keeps the minimum distance too."""
    view = a_view(bid_ticks=99_999, ask_ticks=100_001)

    quotes = quotes_of(view, minimum_spread_bps=Decimal(9), order_refresh_tolerance_bps=Decimal(5))

    assert [quote.tolerance_ticks for quote in quotes.bids] == [10, 50]
    assert [quote.tolerance_ticks for quote in quotes.asks] == [10, 50]


def test_a_price_skew_stops_at_the_minimum_spread() -> None:
    """However much inventory, no quote is nearer to the mid than the minimum."""
    view = a_view(bid_ticks=99_999, ask_ticks=100_001, inventory_lots=1_000)

    quotes = quotes_of(view, inventory_price_skew_bps=Decimal(9), minimum_spread_bps=Decimal(3))

    assert [quote.price_ticks for quote in quotes.asks] == [100_030, 100_110]


# After a fill.


def test_after_a_fill_no_new_size_is_put_on_that_side_for_a_while() -> None:
    """Levels without an order wait, a partly filled order keeps what is left, the other side goes on."""
    left = OwnQuote(Side.BUY, 1, 9_980, 40, SECOND_NS, True)
    fill = LastFill(NOW_NS - 5 * SECOND_NS, 9_990, 60)
    view = msgspec.structs.replace(a_view(), own=(left,), last_buy=fill)

    waiting = quotes_of(view, filled_order_delay_ms=6_000)
    over = quotes_of(view, filled_order_delay_ms=5_000)

    assert [(quote.level, quote.size_lots) for quote in waiting.bids] == [(1, 40)]
    assert [quote.size_lots for quote in waiting.asks] == [100, 100]
    assert waiting.reason == "waits after a fill"
    assert [quote.size_lots for quote in over.bids] == [100, 100]
    assert over.reason == "quoting"


def test_the_wait_is_per_side() -> None:
    """A sale makes the asks wait, and an order larger than wanted is not held on to."""
    large = OwnQuote(Side.SELL, 0, 10_020, 900, SECOND_NS, True)
    fill = LastFill(NOW_NS - SECOND_NS, 10_010, 60)
    view = msgspec.structs.replace(a_view(), own=(large,), last_sell=fill)

    quotes = quotes_of(view, filled_order_delay_ms=60_000)

    assert [quote.size_lots for quote in quotes.bids] == [100, 100]
    assert [(quote.level, quote.size_lots) for quote in quotes.asks] == [(0, 100)]


# The price of another market.


# Wake, memory, errors.


@pytest.mark.parametrize(
    ("changes", "wake"),
    [
        ({}, Wake(move_half_ticks=0, every_ns=SECOND_NS)),
        ({"minimum_spread_bps": Decimal(1)}, Wake(move_half_ticks=1, every_ns=SECOND_NS)),
        ({"price_ceiling_quote": Decimal(1)}, Wake(move_half_ticks=1, every_ns=SECOND_NS)),
        ({"price_floor_quote": Decimal(1)}, Wake(move_half_ticks=1, every_ns=SECOND_NS)),
        ({"moving_price_band_enabled": True}, Wake(move_half_ticks=1, every_ns=SECOND_NS)),
        ({"hanging_orders_enabled": True}, Wake(move_half_ticks=1, every_ns=SECOND_NS)),
        ({"ping_pong_enabled": True}, Wake(move_half_ticks=0, every_ns=SECOND_NS)),
        ({"order_optimization_enabled": True}, Wake(move_half_ticks=0, every_ns=SECOND_NS, book_levels=50)),
        ({"order_refresh_time_ms": 500}, Wake(move_half_ticks=1, every_ns=SECOND_NS // 2)),
        ({"order_refresh_time_ms": 0}, Wake(move_half_ticks=1, every_ns=SECOND_NS // 10)),
    ],
)
def test_it_wakes_for_moves_only_if_a_move_can_change_something(
    changes: dict[str, Decimal | int], wake: Wake
) -> None:
    """Looking once a second is enough unless a bound or a short refresh time makes moves urgent."""
    strategy = PureMarketMaking(some_params(**changes), INSTRUMENT)

    assert strategy.wake == wake
    assert strategy.needs == ()
    remembers = "moving_price_band_enabled" in changes or "hanging_orders_enabled" in changes
    assert strategy.initial_memory() == (Memory() if remembers else None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order_level_spread_bps": None}, "order_level_spread_bps is missing: order_levels is 2"),
        (
            {"minimum_spread_bps": Decimal(11)},
            "minimum_spread_bps was 11, expected at most the smaller spread, 10",
        ),
        (
            {"max_order_age_ms": 9_000},
            "order_refresh_time_ms was 15000, expected at most max_order_age_ms, 9000",
        ),
        (
            {"price_ceiling_quote": Decimal(5), "price_floor_quote": Decimal(5)},
            "price_floor_quote was 5, expected less than price_ceiling_quote, 5",
        ),
        (
            {"order_levels": 3, "order_level_spread_bps": Decimal(4_995)},
            "order_levels was 3: the last bid would be 10000 bps below the mid, expected less than 10000",
        ),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(
    changes: dict[str, Decimal | int | None], message: str
) -> None:
    """The message names both and opens with the key to change."""
    with pytest.raises(ValueError, match=message):
        some_params(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"order_amount_base": Decimal("0.00009")},
            "order_amount_base of level 0 was 0.00009 BTC, expected 0.0001",
        ),
        ({"order_level_amount_base": Decimal("-0.01")}, "order_amount_base of level 1 was 0.00 BTC"),
        ({"bid_spread_bps": Decimal("1.001")}, "bid_spread_bps was 1.001, expected .* at most 2 decimals"),
        ({"price_floor_quote": Decimal("0.000000001")}, "price_floor_quote: value was"),
        ({"price_ceiling_quote": Decimal("Infinity")}, "price_ceiling_quote: value was"),
        (
            {"ask_order_optimization_depth_base": Decimal("1e60")},
            "ask_order_optimization_depth_base: value was",
        ),
    ],
)
def test_parameters_that_do_not_fit_the_instrument_are_refused(
    changes: dict[str, Decimal], message: str
) -> None:
    """Too small a size, too fine a number: an error that says what was expected, with a hint."""
    params = some_params(**changes)

    with pytest.raises(ConfigError, match=message) as caught:
        PureMarketMaking(params, INSTRUMENT)

    assert caught.value.hint


def test_the_example_instrument_is_what_the_numbers_above_assume() -> None:
    """A tick of 0.01, a lot of 0.0001: 0.01 BTC are 100 lots."""
    instrument: Instrument = INSTRUMENT

    assert instrument.size_lots("0.01") == 100
    assert instrument.price_ticks("100.00") == 10_000
