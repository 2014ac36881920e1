"""How often a check had to look away: zeros mean as much as what was judged, so this is told beside them.

A check looks away where no engine can hold what it asks for (the venue lied, the record went with the
power). Counting changes nothing of what is judged.
"""

from collections.abc import Iterable, Mapping

EXPOSURE, EXCUSED = "I1", "I1 over a limit"
"""Each exposure of one session and side: away while the venue deceives about that session, so that it cannot
fail; and the same, away where it was over its limit then.
"""

FILL_COUNTS, SESSION_LEDGERS = "I3 fill counts", "I4 session ledgers"
"""Number and lots of each session's executions at rest, and its ledger: away where it had to count anew."""

LOSSES = "I19 losses"
"""Losses at each placement: away once executions were counted whose orders' record went with the power."""


class Looks:
    """Counts of one run. Fields: counts: by name, judgements due, and those of them that were not made."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        """Nothing was looked at yet."""
        self.counts: dict[str, tuple[int, int]] = {}

    def count(self, name: str, *, away: bool) -> None:
        """Count a judgement that was due. Args: away: it was not made."""
        due, passed = self.counts.get(name, (0, 0))
        self.counts[name] = (due + 1, passed + away)


def total_looks(counts: Iterable[Mapping[str, tuple[int, int]]]) -> dict[str, tuple[int, int]]:
    """Return the sums of several counts, by name."""
    sums: dict[str, tuple[int, int]] = {}
    for each in counts:
        for name, (due, passed) in each.items():
            before = sums.get(name, (0, 0))
            sums[name] = (before[0] + due, before[1] + passed)
    return dict(sorted(sums.items()))
