"""An instrument turns prices, sizes and money into each other exactly."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.instrument import Instrument, InstrumentSpec, asset_scales, make_instrument
from mm.domain.worth import base_value_atoms
from tests.builders.instruments import INSTRUMENT, make_spec, make_test_instrument

TICKS = st.integers(0, 10**9)
LOTS = st.integers(0, 10**9)
GRIDS = st.sampled_from(["1", "0.5", "0.25", "10", "0.01", "0.00000001", "0.000000000001", "1000"])


@given(TICKS, LOTS)
def test_prices_and_sizes_survive_the_way_through_text(price_ticks: int, size_lots: int) -> None:
    """What is written for the venue reads back as the same integer."""
    assert INSTRUMENT.price_ticks(INSTRUMENT.price_text(price_ticks)) == price_ticks
    assert INSTRUMENT.size_lots(INSTRUMENT.size_text(size_lots)) == size_lots
    assert INSTRUMENT.size_atoms(INSTRUMENT.size_text(size_lots)) == size_lots * INSTRUMENT.lot_atoms


@given(GRIDS, GRIDS, st.integers(1, 10**5), st.integers(1, 10**5))
def test_values_are_exact_on_every_grid(tick: str, lot: str, price_ticks: int, size_lots: int) -> None:
    """Ticks times lots is price times size to the last atom, whatever the grid."""
    instrument = make_test_instrument(
        tick_size=tick, lot_size=lot, size_min=lot, size_max=0, price_min=0, maker_fee_ratio=0
    )
    exact = Fraction(tick) * price_ticks * Fraction(lot) * size_lots

    atoms = price_ticks * size_lots * instrument.tick_lot_atoms

    assert Fraction(atoms, 10**instrument.quote_scale) == exact
    if atoms < 2**63:
        assert instrument.notional_atoms(price_ticks, size_lots) == atoms
        assert Fraction(instrument.quote_text(atoms)) == exact
    assert Fraction(instrument.price_text(price_ticks)) == Fraction(tick) * price_ticks
    assert Fraction(instrument.size_text(size_lots)) == Fraction(lot) * size_lots


def test_a_value_beyond_64_bits_is_an_error() -> None:
    """Products are checked, not wrapped."""
    with pytest.raises(OverflowError, match="amount was"):
        INSTRUMENT.notional_atoms(10**12, 10**12)


@pytest.mark.parametrize("text", ["1.005", "0.001", "-0.015"])
def test_a_price_off_the_grid_is_refused(text: str) -> None:
    """The message holds the price and the grid."""
    with pytest.raises(ValueError, match=f"price was {text}, expected a multiple of 0.01"):
        INSTRUMENT.price_ticks(text)


def test_an_own_size_off_the_grid_is_refused_and_a_market_size_is_not() -> None:
    """Books hold sizes off the lot; our orders do not."""
    with pytest.raises(ValueError, match=r"size was 0.0015, expected a multiple of 0.001"):
        INSTRUMENT.size_lots("0.0015")

    assert INSTRUMENT.size_atoms("0.0015") == 150_000


def test_amounts_of_both_assets_are_written_in_full() -> None:
    """Texts for ledgers carry all decimals."""
    assert INSTRUMENT.quote_text(123) == "0.00000123"
    assert INSTRUMENT.base_text(-5 * 10**8) == "-5.00000000"


@given(st.integers(1, 10**7), st.integers(0, 10**12), st.integers(1, 1_000))
def test_the_smallest_size_passes_both_filters_and_no_smaller_one_does(
    price_ticks: int, notional_min_atoms: int, size_min_lots: int
) -> None:
    """One lot fewer is below the size filter or below the value filter."""
    instrument = make_test_instrument(
        size_min=Fraction(size_min_lots, 1000) * 1000 // 1 * Decimal("0.001"),
        notional_min=Decimal(notional_min_atoms).scaleb(-8),
    )

    least = instrument.size_min_lots_at(price_ticks)

    def passes(lots: int) -> bool:
        return lots >= size_min_lots and price_ticks * lots * instrument.tick_lot_atoms >= notional_min_atoms

    assert passes(least)
    assert not passes(least - 1)


@given(st.integers(-(10**15), 10**15), st.integers(0, 10**9))
def test_the_value_of_a_base_amount_is_rounded_down(base_atoms: int, mid_half_ticks: int) -> None:
    """Any amount has a value, also one that is no multiple of a lot; rounding is against the holder."""
    exact = (
        Fraction(base_atoms, INSTRUMENT.lot_atoms) * Fraction(mid_half_ticks, 2) * INSTRUMENT.tick_lot_atoms
    )

    assert base_value_atoms(INSTRUMENT, base_atoms, mid_half_ticks) == exact // 1


def test_an_instrument_has_what_its_specification_says() -> None:
    """Grids, filters and fees become integers."""
    instrument = make_test_instrument(
        notional_min="5", price_min="0.015", price_max="1000.019", size_min="0.0025", open_orders_max=7
    )

    assert (instrument.base_scale, instrument.quote_scale) == (8, 8)
    assert (instrument.tick_atoms, instrument.lot_atoms, instrument.tick_lot_atoms) == (10**6, 10**5, 1_000)
    assert (instrument.size_min_lots, instrument.size_max_lots) == (3, 1_000_000)
    assert (instrument.price_min_ticks, instrument.price_max_ticks) == (2, 100_001)
    assert instrument.notional_min_atoms == 5 * 10**8
    assert (instrument.maker_fee_ppm, instrument.taker_fee_ppm) == (200, 500)
    assert instrument.open_orders_max == 7


def test_filters_that_a_venue_does_not_give_are_wide() -> None:
    """The smallest price is a tick, the smallest size a lot; the largest ones bind nobody."""
    instrument = make_test_instrument(size_min="0", size_max="0")

    assert (instrument.price_min_ticks, instrument.size_min_lots) == (1, 1)
    assert instrument.price_max_ticks == 10**12
    assert instrument.size_max_lots == 10**12
    assert instrument.notional_min_atoms == 0


def test_what_a_specification_does_not_say_costs_nothing_and_binds_nobody() -> None:
    """No fees, no filters of value, and the usual cap of open orders."""
    spec = InstrumentSpec(
        symbol="AAA/BBB",
        venue_symbol="AAABBB",
        base="AAA",
        quote="BBB",
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.001"),
        size_min=Decimal("0.001"),
    )

    instrument = make_instrument(spec)

    assert (instrument.maker_fee_ppm, instrument.taker_fee_ppm, instrument.notional_min_atoms) == (0, 0, 0)
    assert (instrument.open_orders_max, instrument.size_max_lots) == (200, 10**12)
    bare = {name: getattr(instrument, name) for name in Instrument.__struct_fields__[:14]}
    assert Instrument(**bare) == instrument


def test_a_rebate_is_a_negative_fee() -> None:
    """Fees are signed."""
    assert make_test_instrument(maker_fee_ratio="-0.000025").maker_fee_ppm == -25


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tick_size": "0"}, "AAA/BBB: tick 0, lot 0.001: expected both > 0"),
        ({"lot_size": "-1"}, "AAA/BBB: tick 0.01, lot -1: expected both > 0"),
        ({"lot_size": "0"}, "AAA/BBB: tick 0.01, lot 0: expected both > 0"),
        ({"maker_fee_ratio": "0.0000001"}, "expected at most 0 decimals"),
    ],
)
def test_a_specification_that_cannot_be_is_refused(changes: dict[str, object], message: str) -> None:
    """A grid of nothing and a fee finer than a millionth are errors."""
    with pytest.raises(ValueError, match=message):
        make_test_instrument(**changes)


def test_assets_are_held_in_the_finest_grid_that_any_symbol_needs() -> None:
    """Every tick x lot, smallest size and smallest value is a whole number of atoms, 8 decimals at least."""
    specs = (
        make_spec(base="AAA", quote="BBB", tick_size="0.000001", lot_size="0.00001", size_min="0.000000001"),
        make_spec(base="CCC", quote="BBB", notional_min="0.000000000001"),
        make_spec(base="BBB", quote="AAA", lot_size="1"),
    )

    scales = asset_scales(specs)

    assert scales == {"AAA": 9, "BBB": 12, "CCC": 8}
    for spec in specs:
        instrument = make_instrument(spec, scales)
        assert (instrument.base_scale, instrument.quote_scale) == (scales[spec.base], scales[spec.quote])
        exact = Fraction(spec.tick_size) * Fraction(spec.lot_size) * 10**instrument.quote_scale
        assert instrument.tick_lot_atoms == exact


def test_scales_that_are_too_coarse_are_refused() -> None:
    """A tick x lot that is no whole number of atoms would make money inexact."""
    spec = make_spec(tick_size="0.000001", lot_size="0.00001")

    with pytest.raises(ValueError, match="expected at most 8 decimals"):
        make_instrument(spec, {"AAA": 8, "BBB": 8})
