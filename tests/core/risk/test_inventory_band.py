"""Inventory stays inside its band, whatever fills."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.quotes import Quotes
from mm.risk.inventory_band import LONG, SHORT, InventoryBand, band_lots
from tests.builders.instruments import INSTRUMENT
from tests.builders.risk_views import make_exit, make_place, make_quotes, make_risk_view, make_sell

RULE = InventoryBand(soft_ppm=800_000)


def sizes(quotes: Quotes[object]) -> tuple[list[int], list[int]]:
    """Return the sizes per side."""
    return [quote.size_lots for quote in quotes.bids], [quote.size_lots for quote in quotes.asks]


@given(
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(1, 10**15),
    st.integers(1, 10**8),
)
def test_the_band_is_the_tighter_of_both_limits(
    lots_max: int, ratio_ppm: int, equity_atoms: int, mid_half_ticks: int
) -> None:
    """The share of equity is worth at most that share at the mid, one lot more would be worth more."""
    lot_value = Fraction(mid_half_ticks * INSTRUMENT.tick_lot_atoms, 2)
    share = Fraction(equity_atoms * ratio_ppm, 1_000_000)

    found = band_lots(
        lots_max, ratio_ppm, equity_atoms=equity_atoms, mid_half_ticks=mid_half_ticks, instrument=INSTRUMENT
    )

    by_share = share // lot_value
    assert found == (min(lots_max, by_share) if lots_max else by_share)


@pytest.mark.parametrize(("equity_atoms", "mid_half_ticks"), [(0, 20_000), (-5, 20_000), (10**12, 0)])
def test_what_cannot_be_valued_has_no_band(equity_atoms: int, mid_half_ticks: int) -> None:
    """Without equity or mid the band is 0, also when there is an absolute limit."""
    found = band_lots(
        50, 100_000, equity_atoms=equity_atoms, mid_half_ticks=mid_half_ticks, instrument=INSTRUMENT
    )

    assert found == 0


@pytest.mark.parametrize(
    ("inventory", "buys", "sells", "size"), [(0, 0, 0, 100), (40, 30, 99, 30), (-100, 99, 0, 101)]
)
def test_a_buy_that_fits_in_the_worst_case_passes(inventory: int, buys: int, sells: int, size: int) -> None:
    """Inventory, open buys and the order together may reach the band; open sells are no help and no harm."""
    view = make_risk_view(
        inventory_max_lots=100, inventory_lots=inventory, buy_open_lots=buys, sell_open_lots=sells
    )

    assert RULE.admit(make_place(size_lots=size), view) is None
    mirrored = make_risk_view(
        inventory_max_lots=100, inventory_lots=-inventory, buy_open_lots=sells, sell_open_lots=buys
    )
    assert RULE.admit(make_sell(size_lots=size), mirrored) is None


@pytest.mark.parametrize(
    ("inventory", "buys", "size"), [(0, 0, 101), (40, 30, 31), (-100, 99, 102), (101, 0, 1)]
)
def test_one_lot_too_many_in_the_worst_case_is_refused(inventory: int, buys: int, size: int) -> None:
    """A buy is refused as long, its mirror image as short, with the worst case in the facts."""
    worst = str(inventory + buys + size)

    refusal = RULE.admit(
        make_place(size_lots=size),
        make_risk_view(inventory_max_lots=100, inventory_lots=inventory, buy_open_lots=buys),
    )
    mirrored = RULE.admit(
        make_sell(size_lots=size),
        make_risk_view(inventory_max_lots=100, inventory_lots=-inventory, sell_open_lots=buys),
    )

    limits = (("worst_lots", worst), ("lots_max", "100"))
    assert refusal == (LONG, (("inventory_lots", str(inventory)), *limits))
    assert mirrored == (SHORT, (("inventory_lots", str(-inventory)), *limits))


@pytest.mark.parametrize("inventory_max", [0, 100])
def test_outside_the_band_what_brings_inventory_back_passes(inventory_max: int) -> None:
    """A sell that ends at or above 0 in the worst case is admitted however long the inventory is."""
    view = make_risk_view(inventory_max_lots=inventory_max, inventory_lots=500, sell_open_lots=200)

    assert RULE.admit(make_exit(size_lots=300), view) is None
    assert RULE.admit(make_exit(size_lots=301 + inventory_max), view) is not None


def test_quotes_that_fit_stay_the_same_object() -> None:
    """A ladder that fits in the band on both sides is not touched."""
    quotes = make_quotes(bids=(60, 40), asks=(100,))

    assert RULE.shape(quotes, make_risk_view(inventory_max_lots=100)) is quotes
    assert RULE.shape(quotes, make_risk_view(inventory_max_lots=1_000, inventory_lots=799)) is quotes


def test_sizes_are_cut_nearest_first_to_the_room() -> None:
    """The level that crosses the band is cut, the ones behind it go; live orders do not count here."""
    view = make_risk_view(inventory_max_lots=100, inventory_lots=30, buy_open_lots=70, sell_open_lots=130)

    shaped = RULE.shape(make_quotes(bids=(50, 30, 10), asks=(100, 40, 10)), view)

    assert sizes(shaped) == ([50, 20], [100, 30])
    assert shaped.reason == "quoting"


def test_no_empty_level_is_left_when_the_room_ends_between_two_levels() -> None:
    """A level without room is dropped and not cut to nothing."""
    shaped = RULE.shape(make_quotes(bids=(60, 40, 1), asks=()), make_risk_view(inventory_max_lots=100))

    assert sizes(shaped) == ([60, 40], [])


@pytest.mark.parametrize(("inventory", "bids_off"), [(79, False), (80, True), (100, True), (250, True)])
def test_near_the_band_only_the_reducing_side_is_quoted(inventory: int, bids_off: bool) -> None:
    """From the soft share on, bids are off for a long inventory and asks for a short one."""
    long = RULE.shape(
        make_quotes(bids=(5,), asks=(5,)), make_risk_view(inventory_max_lots=100, inventory_lots=inventory)
    )
    short = RULE.shape(
        make_quotes(bids=(5,), asks=(5,)), make_risk_view(inventory_max_lots=100, inventory_lots=-inventory)
    )

    assert sizes(long) == ([] if bids_off else [5], [5])
    assert sizes(short) == ([5], [] if bids_off else [5])
    assert (long.reason, short.reason) == ((LONG, SHORT) if bids_off else ("quoting", "quoting"))


def test_a_band_of_one_lot_still_quotes_both_sides_when_flat() -> None:
    """The soft share of a tiny band does not round to 0 and silence a flat session."""
    quotes = make_quotes(bids=(1,), asks=(1,))

    assert RULE.shape(quotes, make_risk_view(inventory_max_lots=1)) is quotes


def test_a_band_of_nothing_quotes_nothing() -> None:
    """While the band is 0, because nothing can be valued, both sides are off."""
    shaped = RULE.shape(make_quotes(), make_risk_view(inventory_max_lots=0))

    assert sizes(shaped) == ([], [])
    assert shaped.reason == LONG
