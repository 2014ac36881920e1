"""Exact conversion between decimal text and integers, and the bounds that products must keep.

Money is held per asset in atoms: one atom is 10^-scale of the asset, scale >= 8. This module and
`instrument.py` are the only places where a decimal becomes an integer or the reverse.
"""

from decimal import Decimal, InvalidOperation
from typing import Final

SCALE_MIN: Final = 8
"""Smallest number of decimals in which an asset is held: venues settle in 8 decimals."""

PPM: Final = 1_000_000
"""Parts per million in one; fees are integers in parts per million (1 bps = 100 ppm)."""

PPM_PER_BPS: Final = 100
"""Parts per million in one basis point."""

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000

NEVER_NS: Final = 2**62 - 1
"""Later than any time (in the year 2116): the largest integer that compiled code holds in a register."""

ATOMS_MAX: Final = 2**63 - 1
"""Largest amount that the journal's and the venue's integers can hold."""

_DIGITS_MAX: Final = 40
# Numbers with more digits are refused before 10^exponent is computed: "1e999999999" is seven bytes of text
# and gigabytes of integer.


def decimals_of(value: Decimal) -> int:
    """Return the number of decimals that `value` needs, trailing zeros not counted (0.0100 needs 2)."""
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"value was {value}, expected a finite number")
    # Not `normalize`: it rounds to 28 digits.
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return max(0, -exponent - zeros) if value else 0


def atoms_from_text(text: str, scale: int) -> int:
    """Return the integer that `text` is in units of 10^-scale, exactly.

    Raises: ValueError if `text` is not a plain decimal number, needs more decimals than `scale` or is out of
    the range of `ATOMS_MAX`.
    """
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    if not digits.removeprefix("-").isdecimal() or not digits.isascii():
        return atoms_from_decimal(_decimal(text), scale)
    excess = len(fraction) - scale
    if excess <= 0:
        return _ranged(int(digits) * int(10**-excess), text)
    if fraction[scale:].strip("0"):
        raise ValueError(f"value was {text}, expected at most {scale} decimals")
    return _ranged(int(digits) // int(10**excess), text)


def _decimal(text: str) -> Decimal:
    try:
        # Underscores, spaces and digits of other scripts are numbers to Decimal, not to a venue.
        if text.isascii() and not text.strip("+-.0123456789eE"):
            return Decimal(text)
    except InvalidOperation:
        pass
    raise ValueError(f"value was {text!r}, expected a decimal number")


def atoms_from_decimal(value: Decimal, scale: int) -> int:
    """Return `value` in units of 10^-scale, exactly.

    Raises: ValueError if it is not finite, needs more decimals than `scale` or is out of the range of
    `ATOMS_MAX`.
    """
    if decimals_of(value) > scale:
        raise ValueError(f"value was {value}, expected at most {scale} decimals")
    if not value:
        return 0
    if value.adjusted() + scale > _DIGITS_MAX:
        raise ValueError(f"value was {value}, expected at most {ATOMS_MAX} x 10^-{scale}")
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # decimals_of refused the rest
    shift = exponent + scale
    magnitude = int("".join(map(str, digits)))
    magnitude = magnitude * 10**shift if shift >= 0 else magnitude // 10**-shift
    return _ranged(int(-magnitude if sign else magnitude), value)


# What comes from outside is an error of theirs, not an overflow of ours.
def _ranged(atoms: int, value: str | Decimal) -> int:
    if not -ATOMS_MAX <= atoms <= ATOMS_MAX:
        raise ValueError(f"value was {value}, expected at most {ATOMS_MAX} units of its scale")
    return atoms


def floor_atoms(value: Decimal | str, scale: int) -> int:
    """Return `value` in units of 10^-scale, rounded down: for limits and holdings, where less is safer.

    Raises: ValueError if it is no finite decimal number or out of the range of `ATOMS_MAX`.
    """
    number = _decimal(value) if isinstance(value, str) else value
    if not number:
        return 0
    if not number.is_finite() or number.adjusted() + scale > _DIGITS_MAX:
        raise ValueError(f"value was {value}, expected at most {ATOMS_MAX} x 10^-{scale}")
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)  # a finite number has one
    magnitude, shift = int("".join(map(str, digits))), exponent + scale
    signed = -magnitude if sign else magnitude
    if shift >= 0:
        return _ranged(signed * int(10**shift), number)
    # Beyond all its digits any divisor gives the same: none needs to be larger than that.
    return _ranged(signed // int(10 ** min(-shift, len(digits) + 1)), number)


def ceil_atoms(value: Decimal | str, scale: int) -> int:
    """Return `value` in units of 10^-scale, rounded up: for fees, where more is safer. Raises: ValueError."""
    number = _decimal(value) if isinstance(value, str) else value
    return -floor_atoms(number.copy_negate(), scale)


def text_from_atoms(atoms: int, scale: int) -> str:
    """Return `atoms` of 10^-scale as plain decimal text with `scale` decimals (no exponent)."""
    sign = "-" if atoms < 0 else ""
    whole, fraction = divmod(abs(atoms), 10**scale)
    return f"{sign}{whole}.{fraction:0{scale}d}" if scale else f"{sign}{whole}"


def short_text(atoms: int, scale: int) -> str:
    """Return `atoms` of 10^-scale as decimal text without trailing zeros, for people."""
    text = text_from_atoms(atoms, scale)
    return text.rstrip("0").rstrip(".") if "." in text else text


def ceil_div(value: int, divisor: int) -> int:
    """Return value / divisor rounded towards plus infinity; divisor > 0."""
    return -(-value // divisor)


def nearest_div(value: int, divisor: int) -> int:
    """Return value / divisor rounded to the nearest integer, halves up; divisor > 0."""
    return (2 * value + divisor) // (2 * divisor)


def checked(amount: int) -> int:
    """Return `amount`; raises OverflowError if it leaves the 64-bit range that files and venues hold."""
    if not -ATOMS_MAX <= amount <= ATOMS_MAX:
        raise OverflowError(f"amount was {amount}, expected at most {ATOMS_MAX} in magnitude")
    return amount
