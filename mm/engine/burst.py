"""How much of a session was filled within the last minute, in bounded memory: for the limit on bursts.

Fills of one second are summed, so that a minute is at most a row per second of it, however many fills there
were. The first second of the minute counts whole: what is told is of 60 to 61 s, rather too much than too
little. A fill counts at the moment at which it is heard of. A new life begins anew: what was filled in its
last minute was judged by the life that heard of it, what nobody heard of is listed when the next one starts,
and counts then; lives that end in a row are stopped by [recovery].

Pure. Invariant: the sums are those of the rows that are kept.
"""

from collections import deque
from typing import Final

from mm.domain.units import NS_PER_S

MINUTE_S: Final = 60


class FillBurst:
    """Fills of the last minute. Begins with none."""

    __slots__ = ("_count", "_net_atoms", "_seconds")

    def __init__(self) -> None:
        """Begin with none."""
        self._seconds: deque[tuple[int, int, int]] = deque()  # second, fills, net value; oldest first
        self._count = 0
        self._net_atoms = 0

    def add(self, now_ns: int, value_atoms: int) -> None:
        """Take in a fill. Args: value_atoms: what it was worth, quote atoms; bought above 0, sold below."""
        self._forget(now_ns)
        second, seconds = now_ns // NS_PER_S, self._seconds
        count = net_atoms = 0
        if seconds and seconds[-1][0] == second:
            _, count, net_atoms = seconds.pop()
        seconds.append((second, count + 1, net_atoms + value_atoms))
        self._count += 1
        self._net_atoms += value_atoms

    def of_minute(self, now_ns: int) -> tuple[int, int]:
        """Return how many fills there were, and what was bought less what was sold, quote atoms."""
        if self._seconds:
            self._forget(now_ns)
        return self._count, self._net_atoms

    def clear(self) -> None:
        """Begin anew: a person has looked at what there was."""
        self._seconds.clear()
        self._count = self._net_atoms = 0

    def _forget(self, now_ns: int) -> None:
        seconds, first = self._seconds, now_ns // NS_PER_S - MINUTE_S
        while seconds and seconds[0][0] < first:
            _, count, net_atoms = seconds.popleft()
            self._count -= count
            self._net_atoms -= net_atoms
