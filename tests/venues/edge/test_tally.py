"""Counts by kinds that the other side names."""

from mm.venues.edge.tally import KINDS_MAX, OTHERS, Tally


def test_kinds_are_counted_each_for_itself() -> None:
    """As by a Counter."""
    tally = Tally()
    for kind in ("a", "b", "a"):
        tally[kind] += 1
    assert tally == {"a": 2, "b": 1}
    assert tally["c"] == 0


def test_of_too_many_kinds_the_further_ones_are_counted_together() -> None:
    """A peer that makes up a new kind each time fills no memory, and no count is lost."""
    tally = Tally()
    for number in range(KINDS_MAX + 1_000):
        tally[f"kind {number}"] += 1
        tally["kind 0"] += 1
    assert len(tally) == KINDS_MAX + 1
    assert tally[OTHERS] == 1_000
    assert tally["kind 0"] == 1 + KINDS_MAX + 1_000
    assert tally.total() == 2 * (KINDS_MAX + 1_000)
