"""The guards by example, one step of their order after the other."""

from decimal import Decimal
from math import inf, nan

import msgspec
import pytest

from mm.domain.instrument import Instrument
from mm.domain.view import Reading, View
from mm.errors import ConfigError
from mm.quoting.guards import Guards, Ideal, Ladder
from mm.quoting.params import QuotingParams, Rounding, Spacing
from mm.signals.markout import MarkoutSpec
from tests.builders.views import SECOND_NS, a_view, an_instrument, with_reading

Value = Decimal | int | float | bool | str | None


def calm(inventory_lots: int = 0, instrument: Instrument | None = None) -> View[None]:
    """A mid of 10 000 (a basis point is 100 ticks), a limit of 1000 lots."""
    return a_view(
        bid_ticks=999_999, ask_ticks=1_000_001, inventory_lots=inventory_lots, instrument=instrument
    )


def some_params(**changes: Value) -> QuotingParams:
    """Orders of 100 lots."""
    values: dict[str, Value] = {"order_amount_base": Decimal("0.01")}
    return QuotingParams(**(values | changes))  # type: ignore[arg-type]  # the values are of mixed types


def fair(bid: float, ask: float | None = None, **more: float | str) -> Ideal:
    """Distances from the mid of `calm`, the ask's like the bid's unless given."""
    return Ideal(2_000_000, bid, bid if ask is None else ask, **more)  # type: ignore[arg-type]  # named by the caller


def ladder(view: View[None], ideal: Ideal, **changes: Value) -> Ladder:
    """The ladder of `some_params` with `changes`."""
    return Guards(some_params(**changes), view.instrument).ladder(view, ideal)


def away(found: Ladder) -> tuple[list[int], list[int]]:
    """How many ticks each bid and each ask stands from the mid of `calm`."""
    return (
        [1_000_000 - quote.price_ticks for quote in found.bids],
        [quote.price_ticks - 1_000_000 for quote in found.asks],
    )


# 1 Fair price and distances.


def test_a_model_is_quoted_as_it_wants() -> None:
    """Within all bounds its distances become prices, and nothing is said but that it quotes."""
    found = ladder(calm(), fair(331.0, 250.0))

    assert away(found) == ([331], [250])
    assert [quote.size_lots for quote in (*found.bids, *found.asks)] == [100, 100]
    assert found.reason == "quoting"


def test_distances_count_from_the_fair_price() -> None:
    """A fair price of 40 half ticks above the mid lifts both quotes by 20 ticks."""
    found = ladder(calm(), Ideal(2_000_040.0, 300.0, 300.0))

    assert away(found) == ([280], [320])


@pytest.mark.parametrize("price", [nan, inf, -inf])
def test_without_a_fair_price_nothing_is_quoted(price: float) -> None:
    """And that is what is waited for."""
    assert ladder(calm(), Ideal(price, 1.0, 1.0)) == Ladder((), (), "waits for a fair price")


@pytest.mark.parametrize("nothing", [nan, inf, -inf, 1e300])
def test_a_side_that_the_model_does_not_want_is_off(nothing: float) -> None:
    """The other side keeps its distance; both off is named once."""
    assert ladder(calm(), fair(nothing, 50.0)).reason == "only sells: the model wants none"
    assert away(ladder(calm(), fair(nothing, 50.0))) == ([], [50])
    assert away(ladder(calm(), fair(50.0, nothing))) == ([50], [])
    assert ladder(calm(), fair(nothing, nothing)) == Ladder((), (), "nothing: the model wants none")


def test_a_single_side_keeps_the_least_distance_and_steps_by_its_own() -> None:
    """Without the other side nothing tells width from lean."""
    found = ladder(calm(), fair(inf, -20.0), order_levels=2, margin_bps=Decimal(1))

    assert away(found) == ([], [100, 200])


# 2 Least and greatest half width.


@pytest.mark.parametrize(
    ("fee", "changes", "half"),
    [
        ("0", {}, 10),
        ("0.0002", {}, 200),
        ("0.0002", {"margin_bps": Decimal("0.5")}, 250),
        ("0.0002", {"margin_bps": Decimal("0.5"), "adverse_selection_bps": Decimal(3)}, 550),
        ("-0.0002", {"margin_bps": Decimal("2.5")}, 50),
        ("-0.0002", {}, 10),
        ("0.0002", {"min_spread_bps": Decimal(3)}, 200),
        ("0.0002", {"min_spread_bps": Decimal(6)}, 300),
    ],
)
def test_the_least_half_width_is_fee_and_adverse_selection_and_margin(
    fee: str, changes: dict[str, Decimal], half: int
) -> None:
    """A rebate takes from it; a greater min_spread_bps takes its place."""
    found = ladder(calm(instrument=an_instrument(maker_fee_ratio=fee)), fair(10.0), **changes)

    assert away(found) == ([half], [half])


def test_the_least_width_is_a_tick_whatever_a_rebate_pays() -> None:
    """Never below half a tick to each side."""
    view = msgspec.structs.replace(calm(instrument=an_instrument(maker_fee_ratio="-0.005")))

    assert away(ladder(view, fair(-500.0, -500.0))) == ([1], [1])
    odd = msgspec.structs.replace(view, mid_half_ticks=2_000_001)
    assert away(ladder(odd, Ideal(2_000_001, -500.0, -500.0))) == ([0], [1])


def test_widening_keeps_the_lean() -> None:
    """Both sides give way alike: the centre of the quotes is the model's."""
    wide = ladder(calm(), fair(150.0, 90.0), min_spread_bps=Decimal(20))
    narrow = ladder(calm(), fair(150.0, 90.0), max_spread_bps=Decimal(2))

    assert away(wide) == ([1_030], [970])
    assert away(narrow) == ([130], [70])


def test_costs_win_over_the_greatest_width() -> None:
    """What is measured to cost more than max_spread_bps allows is not quoted inside of it."""
    view = with_reading(calm(), Reading(4.0, True))
    changes: dict[str, Value] = {"adverse_selection_bps": Decimal(0), "adverse_selection_measured": True}

    found = ladder(view, fair(150.0), max_spread_bps=Decimal(2), **changes)

    assert away(found) == ([400], [400])


def test_adverse_selection_is_taken_from_own_fills_once_they_say_it() -> None:
    """Until then the given number holds; what moves in our favour counts as nothing."""
    params = some_params(
        adverse_selection_bps=Decimal(2),
        adverse_selection_measured=True,
        adverse_selection_horizon_ms=5_000,
    )
    guards = Guards(params, an_instrument())

    assert guards.needs == (MarkoutSpec(horizon_ns=5 * SECOND_NS),)
    assert guards.adverse_bps(with_reading(calm(), Reading(9.0, False, "9 of 50 fills"))) == 2.0
    assert guards.adverse_bps(with_reading(calm(), Reading(0.7, True))) == 0.7
    assert guards.adverse_bps(with_reading(calm(), Reading(-0.7, True))) == 0.0
    assert Guards(some_params(), an_instrument()).needs == ()
    assert Guards(some_params(), an_instrument()).adverse_bps(calm()) == 0.0


# 3 Inventory cap.


@pytest.mark.parametrize(
    ("inventory", "bids", "asks", "reason"),
    [
        (1_000, [], [100, 100], "only sells: inventory limit"),
        (1_500, [], [100, 100], "only sells: inventory limit"),
        (950, [50], [100, 100], "quoting"),
        (850, [100, 50], [100, 100], "quoting"),
        (-1_000, [100, 100], [], "only buys: inventory limit"),
        (-901, [100, 100], [99], "quoting"),
    ],
)
def test_no_fill_leads_beyond_the_limit(
    inventory: int, bids: list[int], asks: list[int], reason: str
) -> None:
    """At the limit a side is off, before it the sizes of all its levels together fit in what is left."""
    found = ladder(calm(inventory), fair(300.0), order_levels=2)

    assert [quote.size_lots for quote in found.bids] == bids
    assert [quote.size_lots for quote in found.asks] == asks
    assert found.reason == reason


def test_what_is_left_of_the_limit_is_not_sent_below_the_venues_least_size() -> None:
    """By size or by value: 9 lots at 10 000 are worth 9."""
    small = an_instrument(size_min_lots=20)
    cheap = msgspec.structs.replace(an_instrument(), notional_min_atoms=10 * 10**8)

    assert ladder(calm(981, small), fair(300.0)).reason == "only sells: inventory limit"
    assert [q.size_lots for q in ladder(calm(980, small), fair(300.0)).bids] == [20]
    assert ladder(calm(-991, cheap), fair(300.0)).reason == "only buys: inventory limit"
    assert [q.size_lots for q in ladder(calm(-989, cheap), fair(300.0)).asks] == [11]


def test_a_limit_below_a_lot_quotes_nothing() -> None:
    """Whatever the model wants."""
    view = msgspec.structs.replace(calm(), inventory_max_lots=0)

    assert ladder(view, fair(300.0)) == Ladder((), (), "nothing: inventory limit")


def test_only_what_reduces_is_quoted_when_that_is_asked_for() -> None:
    """Down to flat and not beyond; flat itself needs nothing."""
    over = fair(300.0, only_reduces="session over")

    long, short, flat = (ladder(calm(held), over, order_levels=2) for held in (150, -30, 0))

    assert ([q.size_lots for q in long.asks], long.bids) == ([100, 50], ())
    assert long.reason == "only sells: session over"
    assert ([q.size_lots for q in short.bids], short.asks) == ([30], ())
    assert short.reason == "only buys: session over"
    assert flat == Ladder((), (), "nothing: session over")


# 4 Price band.


@pytest.mark.parametrize(
    ("ceiling", "floor", "bids", "asks", "reason"),
    [
        (Decimal("10000.01"), Decimal("9999.99"), 1, 1, "quoting"),
        (Decimal(10_000), None, 0, 1, "only sells: ceiling"),
        (None, Decimal(10_000), 1, 0, "only buys: floor"),
    ],
)
def test_beyond_the_band_one_side_is_off(
    ceiling: Decimal | None, floor: Decimal | None, bids: int, asks: int, reason: str
) -> None:
    """At the ceiling nothing is bought, at the floor nothing sold."""
    found = ladder(calm(), fair(300.0), price_ceiling_quote=ceiling, price_floor_quote=floor)

    assert (len(found.bids), len(found.asks), found.reason) == (bids, asks, reason)


def test_two_reasons_are_both_named() -> None:
    """Long at the limit, at the floor: neither side may."""
    found = ladder(calm(1_000), fair(300.0), price_floor_quote=Decimal(20_000))

    assert found == Ladder((), (), "nothing: inventory limit; floor")


# 5 Rounding, 6 a tick apart.


@pytest.mark.parametrize(
    ("rounding", "distance", "ticks"),
    [
        (Rounding.NEAREST, 330.4, 330),
        (Rounding.NEAREST, 330.5, 331),
        (Rounding.PASSIVE, 330.1, 331),
        (Rounding.PASSIVE, 330.0, 330),
    ],
)
def test_prices_go_to_the_nearest_tick_or_away_from_the_market(
    rounding: Rounding, distance: float, ticks: int
) -> None:
    """The same on both sides; half a tick goes away from the market."""
    assert away(ladder(calm(), fair(distance), rounding=rounding)) == ([ticks], [ticks])


def test_levels_are_a_tick_apart_at_least() -> None:
    """Steps of less than a tick do not put two levels on one price."""
    found = ladder(calm(), fair(300.0), order_levels=3, order_level_spread_bps=Decimal("0.01"))

    assert away(found) == ([300, 301, 302], [300, 301, 302])


@pytest.mark.parametrize(
    ("changes", "ideal", "distances"),
    [
        ({}, fair(100.0), [100, 200, 300, 400]),
        ({}, fair(100.0, step_ticks=50.0), [100, 150, 200, 250]),
        ({}, fair(100.0, step_ticks=nan), [100, 200, 300, 400]),
        ({}, fair(100.0, step_ticks=-1.0), [100, 200, 300, 400]),
        ({}, fair(100.0, step_ticks=inf), [100, 200, 300, 400]),
        ({"order_level_spread_bps": Decimal("0.3")}, fair(100.0, step_ticks=9.0), [100, 130, 160, 190]),
        ({"order_level_distances": Spacing.FIBONACCI}, fair(100.0), [100, 200, 300, 500]),
    ],
)
def test_levels_step_by_half_the_width_unless_told_otherwise(
    changes: dict[str, Value], ideal: Ideal, distances: list[int]
) -> None:
    """By the parameter, then by the model's step, and by the spacing outwards."""
    assert away(ladder(calm(), ideal, order_levels=4, **changes)) == (distances, distances)


def test_floats_too_large_to_tell_ticks_apart_do_not_cross() -> None:
    """A lean of 2^52 ticks leaves no room for half a tick beside it: both sides give way alike."""
    lean = 2.0**49 + 0.125
    view = msgspec.structs.replace(
        a_view(bid_ticks=2**55, ask_ticks=2**55 + 2**54),
        instrument=msgspec.structs.replace(an_instrument(), price_max_ticks=2**62),
    )
    for bid, ask in ((lean + 0.25, 0.25 - lean), (lean - 0.125, 0.375 - lean)):
        found = ladder(view, Ideal(float(view.mid_half_ticks), bid, ask))
        assert found.asks[0].price_ticks - found.bids[0].price_ticks >= 1


# 7 Post-only.


def test_quotes_stop_before_the_book() -> None:
    """An ask that the model would put below the best bid stands a tick above it, levels behind it."""
    found = ladder(calm(), fair(900.0, -500.0), order_levels=2, order_level_spread_bps=Decimal("0.01"))

    assert [quote.price_ticks for quote in found.asks] == [1_000_000, 1_000_001]
    mirrored = ladder(calm(), fair(-500.0, 900.0), order_levels=2, order_level_spread_bps=Decimal("0.01"))
    assert [quote.price_ticks for quote in mirrored.bids] == [1_000_000, 999_999]


def test_levels_outside_the_venues_prices_are_left_out() -> None:
    """Below the lowest price there is no bid, above the highest no ask; both have to be inside."""
    narrow = msgspec.structs.replace(an_instrument(), price_min_ticks=999_500, price_max_ticks=1_000_200)

    found = ladder(calm(instrument=narrow), fair(300.0), order_levels=2)

    assert away(found) == ([300], [])
    assert found.reason == "only buys: no ask fits"
    assert ladder(calm(instrument=narrow), fair(600.0)).reason == "nothing: no bid fits; no ask fits"
    high = msgspec.structs.replace(an_instrument(), price_max_ticks=999_000)
    low = msgspec.structs.replace(an_instrument(), price_min_ticks=1_001_000)
    assert ladder(calm(instrument=high), fair(1.0)).bids[0].price_ticks == 999_000
    assert ladder(calm(instrument=low), fair(1.0)).asks[0].price_ticks == 1_001_000


# 8 Hysteresis and ages.


@pytest.mark.parametrize(
    ("changes", "decay", "ticks"),
    [
        ({}, 0.0, 90),
        ({}, nan, 90),
        ({"adverse_selection_bps": Decimal(1), "margin_bps": Decimal(1)}, 0.0, 60),
        ({"adverse_selection_bps": Decimal(3)}, 0.0, 30),
        ({"min_spread_bps": Decimal(12)}, 0.0, 180),
        ({"order_refresh_tolerance_bps": Decimal(0)}, 0.0, 0),
        ({"order_refresh_tolerance_bps": Decimal("0.5")}, 0.0, 50),
        ({}, inf, 0),
        ({}, 0.3, 100),
        ({}, 1e-300, 1_000_000),
        ({"order_refresh_tolerance_bps": Decimal("0.5")}, 0.3, 50),
        ({"order_refresh_tolerance_bps": Decimal(0)}, 0.3, 0),
    ],
)
def test_the_tolerance_is_a_third_of_the_decay_length_unless_told_otherwise(
    changes: dict[str, Value], decay: float, ticks: int
) -> None:
    """0.3 / k, never more than the price; where no k is known 0.3 of what half the width is beyond what a
    fill costs, a tenth of it at least; what the user says is in force, 0 as well.
    """
    found = ladder(calm(), fair(300.0, decay_per_bps=decay), **changes)

    assert {quote.tolerance_ticks for quote in (*found.bids, *found.asks)} == {ticks}


def test_a_fee_takes_of_the_tolerance_and_a_rebate_adds_to_it() -> None:
    """What is earned beyond it is what can be lost by standing off."""
    for fee, ticks in (("0.0001", 60), ("0.0003", 30), ("-0.0001", 120)):
        found = ladder(calm(instrument=an_instrument(maker_fee_ratio=fee)), fair(300.0))
        assert {quote.tolerance_ticks for quote in (*found.bids, *found.asks)} == {ticks}


def test_quotes_of_any_width_have_a_tolerance_that_leads_nowhere_beyond_the_mid() -> None:
    """Also of one side alone, however far it is."""
    one_sided = ladder(calm(), fair(400.0, inf))
    assert [quote.tolerance_ticks for quote in one_sided.bids] == [120]
    far = ladder(calm(), fair(inf, 9e11))
    assert [quote.tolerance_ticks for quote in far.asks] == [1_000_000]


def test_times_are_per_order() -> None:
    """Refresh time and age of the parameters are in every quote."""
    quote = ladder(calm(), fair(1.0), order_refresh_time_ms=2_000, max_order_age_ms=60_000).bids[0]

    assert (quote.life_ns_min, quote.age_ns_max) == (2 * SECOND_NS, 60 * SECOND_NS)


# Sizes of a side.


@pytest.mark.parametrize(
    ("share", "sizes"),
    [(1.0, [100, 200]), (0.5, [50, 100]), (0.1, [20]), (0.01, []), (0.0, []), (nan, []), (inf, [300, 300])],
)
def test_a_model_may_scale_the_sizes_of_a_side(share: float, sizes: list[int]) -> None:
    """Down to the venue's least size, where a level is left out, and up to its greatest."""
    instrument = an_instrument(size_min_lots=15, size_max_lots=300)
    view = calm(instrument=instrument)

    found = ladder(
        view, fair(300.0, bid_share=share), order_levels=2, order_level_amount_base=Decimal("0.01")
    )

    assert [quote.size_lots for quote in found.bids] == sizes
    assert [quote.size_lots for quote in found.asks] == [100, 200]


# Errors.


@pytest.mark.parametrize(
    ("fee", "changes", "message"),
    [
        ("0", {"order_amount_base": Decimal("0.00001")}, "order_amount_base was 0.00001 BTC"),
        ("0", {"min_spread_bps": Decimal("0.001")}, "min_spread_bps was 0.001, expected .* 2 decimals"),
        ("0", {"price_floor_quote": Decimal("0.000000001")}, "price_floor_quote: value was"),
        ("0", {"price_ceiling_quote": Decimal("Infinity")}, "price_ceiling_quote: value was"),
        (
            "0.0002",
            {"max_spread_bps": Decimal(6), "adverse_selection_bps": Decimal("1.5")},
            "max_spread_bps was 6, expected at least 7: twice the maker fee of 2 bps",
        ),
    ],
)
def test_parameters_that_do_not_fit_the_instrument_are_refused(
    fee: str, changes: dict[str, Value], message: str
) -> None:
    """An error that names the parameter and says what was expected, with a hint."""
    with pytest.raises(ConfigError, match=message) as caught:
        Guards(some_params(**changes), an_instrument(maker_fee_ratio=fee))

    assert caught.value.hint
