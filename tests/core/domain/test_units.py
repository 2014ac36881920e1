"""Decimal text and integers turn into each other exactly, or not at all."""

from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mm.domain.units import (
    ATOMS_MAX,
    NS_PER_MS,
    NS_PER_S,
    PPM,
    PPM_PER_BPS,
    SCALE_MIN,
    atoms_from_decimal,
    atoms_from_text,
    ceil_atoms,
    ceil_div,
    checked,
    decimals_of,
    floor_atoms,
    nearest_div,
    short_text,
    text_from_atoms,
)

ATOMS = st.integers(-ATOMS_MAX, ATOMS_MAX)
SCALES = st.integers(0, 20)
NUMBERS = st.from_regex(r"-?[0-9]{1,22}(\.[0-9]{0,22})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
WRONG = [
    "",
    " ",
    ".",
    "-",
    "+",
    "--5",
    "5-",
    "1.2.3",
    "1,5",
    "0x10",
    "1_000",
    " 1",
    "1 ",
    "\u0661\u0662",
    "e5",
]
WRONG += ["NaN", "sNaN", "Infinity", "-inf", "1e", "1e5e5", "1.-5", "null", "1\n"]


def test_units_are_what_their_names_say() -> None:
    """Millionths, basis points, nanoseconds, 63 bits, 8 decimals."""
    assert (PPM, PPM_PER_BPS * 10_000) == (1_000_000, PPM)
    assert (NS_PER_MS * 1_000, NS_PER_S) == (NS_PER_S, 1_000_000_000)
    assert (ATOMS_MAX, SCALE_MIN) == (9_223_372_036_854_775_807, 8)


@given(ATOMS, SCALES)
def test_atoms_survive_the_way_through_text(atoms: int, scale: int) -> None:
    """Both texts of an amount read back as that amount, and Decimal agrees on its value."""
    for text in (text_from_atoms(atoms, scale), short_text(atoms, scale)):
        assert atoms_from_text(text, scale) == atoms
        with localcontext(Context(prec=100)):
            assert Decimal(text) == Decimal(atoms).scaleb(-scale)
            assert atoms_from_decimal(Decimal(text), scale) == atoms


@given(NUMBERS, SCALES)
@example("-0", 0)
@example("0e-99", 0)
@example("10e18", 0)
@example("9223372036854775807", 0)
@example("9223372036854775808", 0)
@example("-9223372036854775808", 0)
@example("0.00000000000000000000000000000000000001", 8)
@example("1.00000000000000000000000000000000000001", 8)
@example("1.10000000000000000000000000000000000000", 8)
def test_text_becomes_its_exact_value_or_an_error(text: str, scale: int) -> None:
    """A number that is a whole count of atoms within 64 bits becomes it; every other one is refused."""
    exact = Fraction(text) * 10**scale
    fits = exact.denominator == 1 and abs(exact) <= ATOMS_MAX

    reads = partial(atoms_from_text, text, scale), partial(atoms_from_decimal, Decimal(text), scale)
    for read in reads:
        if fits:
            assert read() == exact
        else:
            with pytest.raises(ValueError, match="value was "):
                read()


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_plain_number_is_refused(text: str) -> None:
    """The message holds what was found."""
    for read in (atoms_from_text, floor_atoms, ceil_atoms):
        with pytest.raises(ValueError, match="expected a decimal number"):
            read(text, 8)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "-Infinity"])
def test_what_is_not_finite_is_refused(text: str) -> None:
    """A Decimal can hold what no amount can be, signalling or not."""
    for read in (atoms_from_decimal, floor_atoms, ceil_atoms):
        with pytest.raises(ValueError, match="value was "):
            read(Decimal(text), 8)


@pytest.mark.parametrize("text", ["1e999999999", "-1e60", "123456789e40"])
def test_an_astronomic_number_costs_nothing(text: str) -> None:
    """A few bytes of text may not become gigabytes of integer."""
    for read in (atoms_from_text, floor_atoms, ceil_atoms):
        with pytest.raises(ValueError, match="expected at most"):
            read(text, 8)


@pytest.mark.parametrize("text", ["0e-999999999", "0e999999999", "0e41", "-0.000"])
def test_nothing_is_nothing_however_it_is_written(text: str) -> None:
    """A zero has no decimals that could be too many."""
    assert atoms_from_text(text, 2) == floor_atoms(text, 2) == ceil_atoms(text, 2) == 0


@given(NUMBERS, SCALES)
@example("-1e-50", 8)
@example("1e-50", 8)
def test_rounding_goes_to_the_side_that_was_asked_for(text: str, scale: int) -> None:
    """The floor is the largest count of atoms not above the value, the ceiling the smallest not below."""
    exact = Fraction(text) * 10**scale

    for read, rounded in ((floor_atoms, exact // 1), (ceil_atoms, -(-exact // 1))):
        for value in (text, Decimal(text)):
            if abs(rounded) <= ATOMS_MAX:
                assert read(value, scale) == rounded
            else:
                with pytest.raises(ValueError, match="expected at most"):
                    read(value, scale)


@given(st.integers(-(10**40), 10**40), st.integers(-30, 45))
def test_decimals_are_the_fewest_that_hold_the_value(digits: int, places: int) -> None:
    """With that many decimals the value is whole, with one fewer it is not."""
    value = Decimal((0 if digits >= 0 else 1, tuple(map(int, str(abs(digits)))), -places))
    exact = Fraction(digits) / Fraction(10) ** places

    found = decimals_of(value)

    assert found >= 0
    assert (exact * 10**found).denominator == 1
    assert found == 0 or (exact * 10 ** (found - 1)).denominator != 1


@given(ATOMS, SCALES)
def test_short_text_has_nothing_that_could_be_left_out(atoms: int, scale: int) -> None:
    """No exponent, no trailing zeros behind the point, no point at the end."""
    text = short_text(atoms, scale)

    assert "e" not in text.lower()
    assert not text.endswith(".")
    assert "." not in text or not text.endswith("0")


def test_nothing_has_no_sign() -> None:
    """A venue may refuse a price of minus nothing."""
    assert (text_from_atoms(0, 2), text_from_atoms(0, 0), short_text(0, 8)) == ("0.00", "0", "0")
    assert (text_from_atoms(-5, 2), text_from_atoms(-5, 0)) == ("-0.05", "-5")


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**20))
def test_division_rounds_as_its_name_says(value: int, divisor: int) -> None:
    """Towards plus infinity, or to the nearest with halves up."""
    exact = Fraction(value, divisor)

    assert ceil_div(value, divisor) - 1 < exact <= ceil_div(value, divisor)
    assert (
        nearest_div(value, divisor) - Fraction(1, 2) <= exact < nearest_div(value, divisor) + Fraction(1, 2)
    )


@pytest.mark.parametrize("amount", [0, 1, -1, ATOMS_MAX, -ATOMS_MAX])
def test_amounts_within_64_bits_pass_the_check(amount: int) -> None:
    """The bound itself is inside."""
    assert checked(amount) == amount


@pytest.mark.parametrize("amount", [ATOMS_MAX + 1, -ATOMS_MAX - 1, 10**40])
def test_amounts_beyond_64_bits_fail_the_check(amount: int) -> None:
    """A product that no file can hold is an error at once."""
    with pytest.raises(OverflowError, match=f"amount was {amount}"):
        checked(amount)
