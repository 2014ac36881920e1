"""What filled own orders on paper or in a backtest, as results tell it: plain figures, and in words.

Nothing is counted here. Invariant: a result without fills has no words; every fill is in the words once.
"""

from collections.abc import Mapping
from typing import Final

from mm.sim.causes import CauseCount, FillCause

FillsByCause = Mapping[str, Mapping[str, Mapping[str, int]]]
"""By symbol and cause (`FillCause`): `fills` and their `lots`."""

_WORDS: Final = {
    FillCause.PRINT_THROUGH: "a trade went through their price",
    FillCause.PRINT_AT_PRICE: "a trade at their price was larger than the queue before them",
    FillCause.DISPLAYED_CROSS: "the displayed market crossed their price",
    FillCause.TAKEN_AT_ONCE: "they took what was displayed",
}


def fills_by_cause(counts: Mapping[str, Mapping[FillCause, CauseCount]]) -> FillsByCause:
    """Return counts by symbol as plain figures, ready for JSON."""
    return {
        symbol: {cause.value: {"fills": one.fills, "lots": one.lots} for cause, one in of_symbol.items()}
        for symbol, of_symbol in counts.items()
    }


def cause_words(found: FillsByCause) -> tuple[str, ...]:
    """Return for each symbol with fills what made them, the most frequent cause first, and how many of them
    a queue model had a say in. Symbols are named where there are several.
    """
    named = len(found) > 1
    return tuple(
        (f"{symbol}: " if named else "") + words for symbol, one in found.items() if (words := _words(one))
    )


def _words(counts: Mapping[str, Mapping[str, int]]) -> str:
    fills = {cause: counts.get(cause.value, {}).get("fills", 0) for cause in FillCause}
    total, asked = sum(fills.values()), fills[FillCause.PRINT_AT_PRICE]
    if not total:
        return ""
    told = sorted((cause for cause in FillCause if fills[cause]), key=lambda cause: -fills[cause])
    first, *others = (f"because {_WORDS[cause]}" for cause in told)
    parts = [f"{fills[told[0]]} of {total} fills {first}"]
    parts += [f"{fills[cause]} {words}" for cause, words in zip(told[1:], others, strict=True)]
    decided = "all" if asked == total else str(asked) if asked else "none"
    return f"{', '.join(parts)}; the queue model decided {decided} of them"
