"""The moving price band: when it is laid anew, and where its ends are."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.quoting.price_band import Anchor, beyond, renewed
from mm.quoting.reference import Reference


def test_it_is_laid_at_first_and_when_it_is_old() -> None:
    """Between the two it stays as it is, wherever the price goes."""
    first = renewed(Anchor(), 1_000, Reference(2_000), 500)

    assert first == Anchor(1_000, 2_000)
    assert renewed(first, 1_499, Reference(9_000), 500) is first
    assert renewed(first, 1_500, Reference(9_001, 2), 500) == Anchor(1_500, 4_501)


@pytest.mark.parametrize(
    ("half_ticks", "side"), [(20_200, 1), (20_199, 0), (20_000, 0), (19_801, 0), (19_800, -1)]
)
def test_its_ends_belong_to_the_outside(half_ticks: int, side: int) -> None:
    """At 1 % up it only sells, at 1 % down it only buys."""
    assert beyond(Anchor(1, 20_000), Reference(half_ticks), 10_000, -10_000) == side
    assert beyond(Anchor(1, 20_000), Reference(7 * half_ticks, 7), 10_000, -10_000) == side


@given(
    anchor=st.integers(1, 10**9),
    numerator=st.integers(1, 10**12),
    divisor=st.integers(1, 10**6),
    ceiling=st.integers(-900_000, 900_000),
    width=st.integers(1, 90_000),
)
def test_it_is_exact(anchor: int, numerator: int, divisor: int, ceiling: int, width: int) -> None:
    """Against fractions, for any reference and any two ends."""
    price = Fraction(numerator, divisor)
    above = price >= anchor * (1 + Fraction(ceiling, 10**6))
    below = price <= anchor * (1 + Fraction(ceiling - width, 10**6))

    side = beyond(Anchor(1, anchor), Reference(numerator, divisor), ceiling, ceiling - width)

    assert side == (1 if above else -1 if below else 0)
