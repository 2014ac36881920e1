"""How another market's price becomes one of this market: both remembered over a window, then moved alike.

    price = own_mean * (1 + beta * (other / other_mean - 1))

With beta 1 that is the other price times the mean ratio of both: a steady premium is taken out, whatever the
units. Samples are integers, taken at most 60 a window and forgotten with it, so that the sums are exact and
what a gap left behind does not count.

Pure. Invariant: what is remembered is bounded, and of no more than one window.
"""

from typing import Final

import msgspec

SAMPLES: Final = 60
"""Samples a window."""

SAMPLES_MIN: Final = 20
"""With fewer there is no mean to speak of."""


class Basis(msgspec.Struct, frozen=True):
    """What is remembered of two prices. Fields: rows: (time, own, other), oldest first; own, other: sums."""

    rows: tuple[tuple[int, int, int], ...] = ()
    own: int = 0
    other: int = 0

    @property
    def is_known(self) -> bool:
        """Whether there are enough samples."""
        return len(self.rows) >= SAMPLES_MIN


def sampled(basis: Basis, row: tuple[int, int, int], window_ns: int) -> Basis:
    """Return `basis` with a sample, if the last one is old enough for another, and without what is too old.

    Args: row: (time, own price, other price), prices > 0.
    """
    rows, end_ns = basis.rows, row[0]
    if rows and rows[-1][0] > end_ns:
        # Of a life whose clock was ahead of this one's.
        rows = ()
    gone = 0
    while gone < len(rows) and rows[gone][0] <= end_ns - window_ns:
        gone += 1
    due = not rows or end_ns - rows[-1][0] >= window_ns // SAMPLES
    if not due and not gone:
        return basis
    kept = (*rows[gone:], row) if due else rows[gone:]
    return Basis(kept, sum(own for _, own, _ in kept), sum(other for _, _, other in kept))


def price(basis: Basis, other: int, beta: float) -> float:
    """Return what `other` says of the own price; the basis is known."""
    samples = len(basis.rows)
    return basis.own / samples * (1 + beta * (other * samples / basis.other - 1))
