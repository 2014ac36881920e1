"""Quotes around the mid: width, lean, offset, and the bounds of what is a price."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.errors import ConfigError
from mm.quoting.around import around, bps_of, held_share, is_fair, ticks_per_bps
from tests.builders.model_quotes import MID, seen

numbers = st.floats(-1e12, 1e12)


def test_a_lean_lowers_both_prices_and_an_offset_moves_them_with_it() -> None:
    """Distances from the mid: 5 each, 2 leant, 3 up."""
    view = seen()

    assert around(view, 5.0, 0.0)[:3] == (2 * MID, 5.0, 5.0)
    assert around(view, 5.0, 2.0)[:3] == (2 * MID, 7.0, 3.0)
    assert around(view, 5.0, 0.0, 3.0)[:3] == (2 * MID, 2.0, 8.0)


@given(numbers, numbers, numbers)
def test_what_is_negated_is_exchanged_to_the_last_bit(half: float, lean: float, offset: float) -> None:
    """Both distances, whatever the numbers."""
    there, here = around(seen(), half, lean, offset), around(seen(), half, -lean, -offset)

    assert (there.bid_ticks, there.ask_ticks) == (here.ask_ticks, here.bid_ticks)


def test_a_basis_point_is_so_many_ticks() -> None:
    """Ten, at a mid of 100 000."""
    assert ticks_per_bps(seen()) == 10


@pytest.mark.parametrize(
    ("inventory", "target", "share"),
    [(0, 0, 0), (500, 0, 0.5), (500, 250, 0.25), (5_000, 0, 1), (0, 9e9, -1)],
)
def test_the_inventory_is_a_share_of_its_limit(inventory: int, target: float, share: float) -> None:
    """Never more than all of it."""
    assert held_share(seen(inventory), target) == share


@pytest.mark.parametrize("offset", [float("nan"), float("inf"), float("-inf"), 1e300, -1e15])
def test_what_is_no_number_is_no_price(offset: float) -> None:
    """Nor is what is beyond any market."""
    assert not is_fair(offset)
    assert is_fair(-1e14)


def test_a_number_finer_than_the_grid_is_refused_by_its_name() -> None:
    """0.01 bps is the finest step."""
    assert bps_of("spread_bps", Decimal("12.34")) == 12.34
    with pytest.raises(ConfigError, match="spread_bps was"):
        bps_of("spread_bps", Decimal("0.001"))
