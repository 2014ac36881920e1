"""Quotes of a maker with an inventory cap: one distance per side and whole lot held.

What the exact solutions of Guéant, Lehalle and Fernandez-Tapia return (`mm.models.glft_asymptotic`,
`mm.models.glft_finite`), and Cartea's and Jaimungal's. Lookups only.
Invariant: no bid at the upper cap, no ask at the lower one, a distance everywhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

from mm.models.glft import OutOfRange

CAP_MAX: Final = 1000
"""Largest cap in lots; beyond it the quotes near the middle no longer change, and the time grows."""


@dataclass(frozen=True, slots=True)
class Table:
    """Distances per inventory.

    Fields:
        cap: lots at which the side that would add to them is off, >= 0.
        bids, asks: distances from the mid at -cap..cap lots; None where the side is off.
        eigenvalue: the smallest eigenvalue of the model's matrix, per second; None where it is not computed.
        ce: what the quotes are worth, in price times inventory, as a certainty equivalent: per second of an
            endless session, or of the whole session begun without inventory.
    """

    cap: int
    bids: tuple[float | None, ...]
    asks: tuple[float | None, ...]
    eigenvalue: float | None
    ce: float

    def bid(self, lots: int) -> float | None:
        """Return the bid's distance below the mid with `lots` held; beyond the cap as at the cap."""
        return self.bids[self.cap + max(-self.cap, min(self.cap, lots))]

    def ask(self, lots: int) -> float | None:
        """Return the ask's distance above the mid with `lots` held; beyond the cap as at the cap."""
        return self.asks[self.cap + max(-self.cap, min(self.cap, lots))]

    def mirrored(self) -> "Table":
        """Return the quotes of the same market with the drift reversed."""
        return Table(self.cap, self.asks[::-1], self.bids[::-1], self.eigenvalue, self.ce)


def table(margin: float, premiums: Sequence[float], *, eigenvalue: float | None, ce: float) -> Table:
    """Return the table whose quotes stand `margin` from the mid but for the value of the next lot.

    Args: premiums: price units that lot number -cap+1, -cap+2, ... cap is worth; the bid for a lot gives it
        up, the ask that sells the lot demands it.
    Raises: OutOfRange if a number is not finite.
    """
    bids = [margin - premium for premium in premiums]
    asks = [margin + premium for premium in premiums]
    if not all(map(isfinite, (*bids, *asks, ce, eigenvalue or 0.0))):
        raise OutOfRange("distances or worth of the quotes were not finite: no floats hold them")
    return Table(len(bids) // 2, (*bids, None), (None, *asks), eigenvalue, ce)


def require_cap(cap: int) -> None:
    """Check a cap. Raises: ValueError unless it is 0 to `CAP_MAX`."""
    if not 0 <= cap <= CAP_MAX:
        raise ValueError(f"cap was {cap} lots, expected 0 to {CAP_MAX}")
