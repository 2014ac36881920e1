"""What is searched: parameters with their ranges, and points in them. Holds no file (`space_file.py`).

Invariant: a point is made of texts as TOML has them, the same for the same numbers, with no more digits than
are written back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

DIGITS: Final = 6
"""Significant digits of a number that is tried: what is written back is what was run."""

Point = Mapping[str, str]
"""A value for each key, as TOML."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One parameter that is searched.

    Fields: key: dotted; origin: file and line; low, high: of a range, as numbers; step: between two values,
    None for any; log: equal ratios are equally likely; decimals: most digits behind the point that the config
    takes, None for any; whole: only whole numbers; choices: texts as TOML, in place of a range.
    """

    key: str
    origin: str
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    step: Decimal | None = None
    log: bool = False
    decimals: int | None = None
    whole: bool = False
    choices: tuple[str, ...] = ()

    def text(self, value: float | str) -> str:
        """Return a value that was drawn as TOML, with no more digits than are kept, within the range."""
        if isinstance(value, str):
            return value
        if self.whole:
            return str(round(value))
        if self.step is not None:
            steps = round((Decimal(repr(value)) - self.low) / self.step)
            return decimal_text(min(self.high, self.low + steps * self.step))
        exact = Decimal(f"{value:.{DIGITS}g}")
        if self.decimals is not None:
            exact = round(exact, self.decimals)
        return decimal_text(min(self.high, max(self.low, exact)))

    def fields(self) -> dict[str, object]:
        """Return it ready for JSON."""
        if self.choices:
            return {"key": self.key, "choices": list(self.choices)}
        step = None if self.step is None else str(self.step)
        return {
            "key": self.key,
            "low": str(self.low),
            "high": str(self.high),
            "step": step,
            "log": self.log,
            "decimals": self.decimals,
            "whole": self.whole,
        }


def overrides_of(point: Point) -> tuple[str, ...]:
    """Return the texts of `--set` that put a point into a config."""
    return tuple(f"{key}={value}" for key, value in point.items())


def decimal_text(value: Decimal) -> str:
    """Return a TOML float, without an exponent where that is short; always with a point or an exponent."""
    text = f"{value:f}"
    if len(text) > 2 * DIGITS + 2:
        text = f"{float(value):.{DIGITS}g}"
    return text if any(sign in text for sign in ".e") else f"{text}.0"
