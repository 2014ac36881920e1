"""Joining a recorded snapshot with recorded changes, also against a naive rule."""

from hypothesis import given
from hypothesis import strategies as st

from mm.store.recordings.raw.joiner import KEPT_MAX, Joiner, Lost, Step
from mm.store.recordings.raw.records import DepthDiff, Snapshot


def diff(first: int, last: int) -> DepthDiff:
    """A change that says nothing but its numbers."""
    return DepthDiff(
        local_ns=0, line=0, offset=0, data=b"", stream="", first=first, last=last, bids=[], asks=[]
    )


def snapshot(last: int) -> Snapshot:
    """A book that says nothing but its number."""
    return Snapshot(local_ns=0, line=0, offset=0, data=b"", last=last, bids=[], asks=[])


def told(*records: DepthDiff | Snapshot) -> list[Step]:
    """Every step that they bring."""
    joiner = Joiner()
    steps: list[Step] = []
    for record in records:
        steps += joiner.on(record)
    return steps


def test_changes_before_the_snapshot_join_it_where_they_reach_beyond() -> None:
    """The first applied one covers the number after the snapshot's."""
    early, joining, after, book = diff(1, 3), diff(4, 8), diff(9, 9), snapshot(5)
    assert told(early, joining, book, after) == [book, joining, after]


def test_changes_after_the_snapshot_that_it_already_has_are_dropped() -> None:
    """Where the snapshot came ahead of the stream."""
    book, joining = snapshot(5), diff(4, 8)
    assert told(book, diff(1, 3), joining) == [book, joining]
    assert told(snapshot(5), diff(6, 7)) == [snapshot(5), diff(6, 7)]


def test_a_snapshot_that_the_stream_has_left_behind_joins_nothing() -> None:
    """Nor does a stream that begins later than the snapshot."""
    assert told(diff(10, 12), snapshot(5)) == [Lost(6, 10)]
    assert told(snapshot(5), diff(10, 12), diff(13, 13)) == [snapshot(5), Lost(6, 10)]


def test_a_missing_change_loses_the_book_until_the_next_snapshot() -> None:
    """Nothing is handed out in between."""
    book, good, late, again = snapshot(5), diff(6, 7), diff(9, 9), snapshot(9)
    after = diff(10, 10)
    assert told(book, good, late, again, after) == [book, good, Lost(8, 9), again, after]


def test_a_missing_change_is_told_also_before_the_snapshot() -> None:
    """The snapshot then joins what came after it."""
    assert told(diff(1, 2), diff(4, 4), snapshot(4), diff(5, 5)) == [Lost(3, 4), snapshot(4), diff(5, 5)]


def test_a_snapshot_that_is_older_than_the_book_changes_nothing() -> None:
    """A newer one replaces it."""
    newer = snapshot(9)
    assert told(snapshot(5), snapshot(4), diff(6, 7), snapshot(7), newer, diff(8, 10)) == [
        snapshot(5),
        diff(6, 7),
        newer,
        diff(8, 10),
    ]


def test_what_waits_for_a_snapshot_is_bounded() -> None:
    """A recording without one does not fill the memory."""
    joiner = Joiner()
    for number in range(1, KEPT_MAX + 11):
        assert joiner.on_diff(diff(number, number)) == ()
    assert joiner.on_snapshot(snapshot(5)) == (Lost(6, 11),)


@given(
    spans=st.lists(st.tuples(st.integers(1, 3), st.sampled_from([0, 0, 0, 1])), max_size=12),
    at=st.integers(0, 12),
    last=st.integers(0, 40),
)
def test_what_is_handed_out_is_what_a_naive_rule_hands_out(
    spans: list[tuple[int, int]], at: int, last: int
) -> None:
    """Every change since the snapshot's number, unbroken, or nothing more."""
    records: list[DepthDiff | Snapshot] = []
    number = 0
    for length, hole in spans:
        records.append(diff(number + 1 + hole, number + hole + length))
        number += hole + length
    records.insert(min(at, len(records)), snapshot(last))

    applied = [step for step in told(*records) if isinstance(step, DepthDiff)]

    diffs = [record for record in records if isinstance(record, DepthDiff)]
    expected: list[DepthDiff] = []
    before = [record for record in records[: records.index(snapshot(last))] if isinstance(record, DepthDiff)]
    for index, record in enumerate(diffs):
        if index and diffs[index - 1].last + 1 != record.first:
            if index >= len(before):
                break  # lost for good: no other snapshot comes
            expected = []
        if record.last > last:
            expected.append(record)
    if expected and expected[0].first > last + 1:
        expected = []
    assert applied == expected
