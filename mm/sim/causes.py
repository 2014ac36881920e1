"""What in an observed market filled own orders, counted: so that a result can say what it rests on.

It decides nothing and nothing depends on it. Invariant: each fill is counted once, under one cause.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class FillCause(StrEnum):
    """Why an own order was filled.

    PRINT_THROUGH: a print went through its price. PRINT_AT_PRICE: a print at its price was larger than what
    was estimated to be in front of it: the only cause that a queue model decides. DISPLAYED_CROSS: the other
    side was displayed strictly through its price. TAKEN_AT_ONCE: it took what was displayed as it came.
    """

    PRINT_THROUGH = "print_through"
    PRINT_AT_PRICE = "print_at_price"
    DISPLAYED_CROSS = "displayed_cross"
    TAKEN_AT_ONCE = "taken_at_once"


class CauseCount(NamedTuple):
    """Fills of one cause. Fields: fills: how many; lots: of all of them."""

    fills: int = 0
    lots: int = 0


class Causes:
    """The fills of one book by cause."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        """Begin without fills."""
        self._counts = dict.fromkeys(FillCause, CauseCount())

    @property
    def counts(self) -> Mapping[FillCause, CauseCount]:
        """Every cause with its count so far, zeros too, in the order of `FillCause`."""
        return dict(self._counts)

    def add(self, cause: FillCause, lots: int) -> None:
        """Count a fill of `lots` > 0."""
        known = self._counts[cause]
        self._counts[cause] = CauseCount(known.fills + 1, known.lots + lots)
