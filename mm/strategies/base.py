"""What a strategy is: a pure function from a view of the market to the ladder it wants.

A strategy holds frozen parameters and nothing else: no clock, no I/O, no hidden state on `self`. What it
wants to remember it returns in `Quotes.memory`. It may compute in floats; what leaves it is integers. One
file per strategy; the file's name is the strategy's name in the config.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Protocol, TypeVar, get_type_hints

from annotated_types import MultipleOf

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quotes
from mm.domain.units import atoms_from_decimal, decimals_of
from mm.domain.view import View
from mm.errors import ConfigError
from mm.signals.base import SignalSpec

M = TypeVar("M")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """When a strategy wants to be asked; live and backtest decide at exactly these moments.

    Fields:
        move_half_ticks: ask when the mid (own size taken out) moved by at least this since the last decision;
            0 = never for moves.
        every_ns: ask at least this often; 0 = never for time alone.
        on_own_fill: ask after every own fill.
        book_levels: book levels per side that the view has, at least 1.
    """

    move_half_ticks: int = 1
    every_ns: int = 1_000_000_000
    on_own_fill: bool = True
    book_levels: int = 1


class Strategy(Protocol[M]):
    """One quoting idea. Classes also have `Params` (a frozen dataclass of annotated fields) as attribute."""

    needs: tuple[SignalSpec, ...]
    wake: Wake

    def initial_memory(self) -> M:
        """Return the memory of the very first view; None-like and frozen."""
        ...

    def quotes(self, view: View[M]) -> Quotes[M]:
        """Return the ladder that is wanted now. Pure: equal views give equal quotes."""
        ...


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
