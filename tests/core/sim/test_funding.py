"""Funding of a position: against fractions, rounded against us."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.sim.funding import MARK_SCALE, RATE_SCALE, funded_at_mark, funded_at_mid
from tests.builders.instruments import INSTRUMENT, make_test_instrument

LOTS = st.integers(-(10**6), 10**6)
RATES = st.integers(-(10**RATE_SCALE) // 50, 10**RATE_SCALE // 50)


def exact(lots: int, price: Fraction, rate: int) -> Fraction:
    """What a position receives in quote atoms, by the definition: -q x price x rate."""
    size = Fraction(lots * INSTRUMENT.lot_atoms, 10**INSTRUMENT.base_scale)
    value: Fraction = size * price * 10**INSTRUMENT.quote_scale
    return -value * Fraction(rate, 10**RATE_SCALE)


@given(lots=LOTS, mark=st.integers(1, 10**13), rate=RATES)
def test_it_is_the_exact_amount_rounded_down(lots: int, mark: int, rate: int) -> None:
    """What is received is at most that, what is paid at least, by less than one atom."""
    assert funded_at_mark(INSTRUMENT, lots, mark, rate) == floor(
        exact(lots, Fraction(mark, 10**MARK_SCALE), rate)
    )


@given(lots=LOTS, mid=st.integers(1, 10**6), rate=RATES)
def test_the_mid_stands_in_for_a_mark(lots: int, mid: int, rate: int) -> None:
    """Half ticks are worth what they are."""
    price = Fraction(mid * INSTRUMENT.tick_atoms, 2 * 10**INSTRUMENT.quote_scale)
    assert funded_at_mid(INSTRUMENT, lots, mid, rate) == floor(exact(lots, price, rate))


def test_a_long_pays_a_positive_rate_and_receives_a_negative_one() -> None:
    """A short the other way round; who holds nothing pays nothing."""
    rate, mark = 10**RATE_SCALE // 10_000, 100 * 10**MARK_SCALE
    paid, received = (funded_at_mark(INSTRUMENT, lots, mark, rate) for lots in (1_000, -1_000))
    assert paid < 0 < received == -paid
    assert funded_at_mark(INSTRUMENT, 1_000, mark, -rate) == received
    assert funded_at_mark(INSTRUMENT, 0, mark, rate) == funded_at_mark(INSTRUMENT, 1_000, mark, 0) == 0


def test_less_than_an_atom_is_paid_as_one_and_received_as_none() -> None:
    """Both against us."""
    assert (funded_at_mark(INSTRUMENT, 1, 1, 1), funded_at_mark(INSTRUMENT, -1, 1, 1)) == (-1, 0)
    assert (funded_at_mid(INSTRUMENT, 1, 1, 1), funded_at_mid(INSTRUMENT, -1, 1, 1)) == (-1, 0)


def test_what_no_integer_of_a_file_holds_is_refused() -> None:
    """Before it is booked."""
    one = make_test_instrument()
    with pytest.raises(OverflowError):
        funded_at_mark(one, 10**12, 10**15, 10**RATE_SCALE)
