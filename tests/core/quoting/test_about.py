"""What all parameters share: they describe themselves, and decimals that become integers once."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

import pytest
from annotated_types import Ge, Gt

from mm.errors import ConfigError
from mm.quoting.about import About, Applies, Bps, at_most, described, lots_from_base, ppm_from_bps
from tests.builders.views import an_instrument


def test_parameters_tell_what_they_are() -> None:
    """`described` reads the text, the time of effect and the example off the annotations, in order."""

    @dataclass(frozen=True, kw_only=True)
    class Params:
        spread_bps: Annotated[Bps, Gt(0), About("Distance.", example="6")]
        levels: Annotated[int, Ge(1), About("Orders.", Applies.RESTART)] = 1
        silent: int = 0

    about = described(Params)

    assert about == {
        "spread_bps": About("Distance.", Applies.NEXT_QUOTE, "6"),
        "levels": About("Orders.", Applies.RESTART, ""),
    }
    assert list(about) == ["spread_bps", "levels"]


@pytest.mark.parametrize(
    ("bps", "ppm"), [("6", 600), ("0.01", 1), ("2.50", 250), ("0", 0), ("-1.5", -150), ("1E+2", 10_000)]
)
def test_basis_points_become_parts_per_million(bps: str, ppm: int) -> None:
    """Exactly, and down to a hundredth of a basis point."""
    assert ppm_from_bps("spread_bps", Decimal(bps)) == ppm


@pytest.mark.parametrize("bps", ["0.001", "NaN", "Infinity"])
def test_basis_points_that_are_no_parts_per_million_are_refused(bps: str) -> None:
    """The message names the parameter and what was expected."""
    with pytest.raises(ConfigError, match=f"spread_bps was {bps}, expected a number with at most 2 decimals"):
        ppm_from_bps("spread_bps", Decimal(bps))


@pytest.mark.parametrize(
    ("amount", "lots"),
    [("0.01", 100), ("0.0001", 1), ("0.00019", 1), ("0.123456789012", 1_234), ("1E+1", 100_000)],
)
def test_sizes_are_rounded_down_to_the_lot(amount: str, lots: int) -> None:
    """Whatever the number of decimals, never up."""
    assert lots_from_base("order_amount_base", Decimal(amount), an_instrument()) == lots


@pytest.mark.parametrize("amount", ["0.00049", "0", "-1", "0.0101"])
def test_sizes_outside_the_venues_bounds_are_refused(amount: str) -> None:
    """The message says what the venue takes, the hint what a lot is."""
    instrument = an_instrument(size_min_lots=5, size_max_lots=100)

    with pytest.raises(ConfigError, match=f"{amount} BTC, expected 0.0005 to 0.01 on BTC/USDT") as caught:
        lots_from_base("order_amount_base", Decimal(amount), instrument)

    assert caught.value.hint == "sizes are rounded down to whole lots of 0.0001 BTC"


@pytest.mark.parametrize("amount", ["NaN", "Infinity"])
def test_a_size_that_is_no_number_is_refused(amount: str) -> None:
    """Not a number is an error, not a size."""
    with pytest.raises(ConfigError, match=f"order_amount_base was {amount}, expected a finite number"):
        lots_from_base("order_amount_base", Decimal(amount), an_instrument())


def test_two_parameters_are_checked_against_each_other() -> None:
    """Only a value above its bound is refused; what is off passes."""
    at_most("low", 1, "high", 1)
    at_most("low", None, "high", 1)
    at_most("low", 1, "high", None)

    with pytest.raises(ValueError, match="low was 2, expected at most high, 1"):
        at_most("low", 2, "high", 1)
