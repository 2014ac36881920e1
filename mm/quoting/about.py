"""What a parameter says about itself, and decimals that become integers once.

Shared by all that has parameters a user writes: strategies and the guards that they share. Holds no parameter
of its own. Invariant: what a user wrote is either converted exactly or refused by its name.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, get_type_hints

from annotated_types import MultipleOf

from mm.domain.instrument import Instrument
from mm.domain.units import atoms_from_decimal, decimals_of
from mm.errors import ConfigError

BPS_STEP: Final = Decimal("0.01")
"""The finest step of a parameter in basis points: one part per million."""

BPS_MAX: Final = 10_000
"""All of the price; a bid farther away than that would be negative."""

DAY_MS: Final = 86_400_000

Bps = Annotated[Decimal, MultipleOf(BPS_STEP)]
"""A parameter in basis points; its own bounds come behind it: `Annotated[Bps, Gt(0), About("...")]`."""


class Applies(StrEnum):
    """When a change of a parameter takes effect in a running session."""

    NOW = "now"
    NEXT_QUOTE = "next_quote"
    RESTART = "restart"


@dataclass(frozen=True, slots=True)
class About:
    """What a parameter is; the last entry of its `Annotated` type: `Annotated[int, Ge(1), About("...")]`.

    Fields:
        text: what it does, one sentence or two; the unit is in the parameter's name.
        applies: when a change of it takes effect.
        example: a usable value as TOML text; every parameter without a default has one.
    """

    text: str
    applies: Applies = Applies.NEXT_QUOTE
    example: str = ""


def described(params: type[object]) -> dict[str, About]:
    """Return what each field of a strategy's `Params` says about itself, in order; fields that say nothing
    are left out (strategies of users may be brief)."""
    found: dict[str, About] = {}
    for name, hint in get_type_hints(params, include_extras=True).items():
        for note in getattr(hint, "__metadata__", ()):
            if isinstance(note, About):
                found[name] = note
    return found


def ppm_from_bps(name: str, value: Decimal) -> int:
    """Return basis points as whole parts per million.

    Args: name: of the parameter, for the message.
    Raises: ConfigError if `value` is not finite or finer than 0.01 bps.
    """
    try:
        return atoms_from_decimal(value, 2)
    except ValueError:
        raise ConfigError(
            f"{name} was {value}, expected a number with at most 2 decimals",
            hint="0.01 bps is the finest step",
        ) from None


def lots_from_base(name: str, value: Decimal, instrument: Instrument) -> int:
    """Return an order size in whole lots, rounded down to the lot.

    Args: name: of the parameter, for the message.
    Raises: ConfigError if that is outside the venue's bounds of one order. (The venue's least order *value*
        depends on the price; it is checked with each quote.)
    """
    scale = max(instrument.base_scale, decimals_of(value)) if value.is_finite() else instrument.base_scale
    try:
        atoms = atoms_from_decimal(value, scale)
    except ValueError:
        raise ConfigError(f"{name} was {value}, expected a finite number") from None
    finer: int = 10 ** (scale - instrument.base_scale)
    lots = atoms // (instrument.lot_atoms * finer)
    least, most = instrument.size_min_lots, instrument.size_max_lots
    if not least <= lots <= most:
        raise ConfigError(
            f"{name} was {value} {instrument.base}, expected {instrument.size_text(least)} to"
            f" {instrument.size_text(most)} on {instrument.symbol}",
            hint=f"sizes are rounded down to whole lots of {instrument.size_text(1)} {instrument.base}",
        )
    return lots


def at_most(name: str, value: Decimal | int | None, bound_name: str, bound: Decimal | int | None) -> None:
    """Check two parameters against each other in a `__post_init__`; a parameter that is off passes.

    Raises: ValueError if `value` is above `bound`; the config loader adds file and line.
    """
    if value is not None and bound is not None and value > bound:
        raise ValueError(f"{name} was {value}, expected at most {bound_name}, {bound}")
