"""Counts by kind, where the other side has a say in what the kinds are called.

Bounded: once there are too many kinds, further ones are counted together. No count is ever lost.
"""

from collections import Counter
from typing import Final

KINDS_MAX: Final = 200
OTHERS: Final = "others"


class Tally(Counter[str]):
    """How often something happened, by kind; used as a Counter is: `tally[kind] += 1`."""

    def __setitem__(self, kind: str, count: int) -> None:
        """Set the count of a kind; of one too many, add to what the others come to."""
        if kind in self or len(self) < KINDS_MAX:
            super().__setitem__(kind, count)
        else:
            super().__setitem__(OTHERS, self[OTHERS] + count)
