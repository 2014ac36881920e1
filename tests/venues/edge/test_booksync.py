"""Tests of mm/venues/edge/booksync.py: joining, continuity, and a naive reference for both."""

from hypothesis import given
from hypothesis import strategies as st

from mm.domain.book import Level
from mm.domain.events import BookDelta, BookLost, BookSnapshot, MarketEvent
from mm.venues.edge.booksync import KEPT_MAX, BookSync
from mm.venues.edge.frames import Diff

BIDS = (Level(100, 5),)
ASKS = (Level(101, 5),)


def diff(first: int, last: int) -> Diff:
    """Return a change with these numbers; its content names them."""
    return Diff(first, last, last, (Level(first, last),), ())


def snapshot(sync: BookSync, seq: int) -> tuple[MarketEvent, ...]:
    """Let a snapshot of this number come."""
    return sync.on_snapshot(1, seq, BIDS, ASKS)


def joined(at: int) -> BookSync:
    """Return a book in sync at a number."""
    sync = BookSync("BTC/USDT")
    sync.begin()
    snapshot(sync, at)
    return sync


def seqs(events: tuple[MarketEvent, ...]) -> list[tuple[str, int]]:
    """Return kind and number of each event."""
    return [(type(event).__name__, getattr(event, "seq", -1)) for event in events]


def test_changes_before_a_snapshot_are_kept_and_then_follow_it() -> None:
    """What the snapshot already has is dropped; what reaches beyond it follows in order."""
    sync = BookSync("BTC/USDT")
    sync.begin()
    assert [sync.on_diff(1, diff(*pair)) for pair in ((8, 9), (10, 12), (13, 13))] == [None] * 3
    assert not sync.in_sync
    events = snapshot(sync, 10)
    assert seqs(events) == [("BookSnapshot", 10), ("BookDelta", 12), ("BookDelta", 13)]
    assert sync.in_sync


def test_a_snapshot_without_changes_waits_for_the_one_that_reaches_into_it() -> None:
    """After a snapshot, old changes are dropped and the first new one may overlap."""
    sync = joined(10)
    assert sync.on_diff(1, diff(7, 9)) is None
    assert sync.on_diff(1, diff(9, 12)) == BookDelta(
        ts_ns=1, symbol="BTC/USDT", seq=12, venue_ms=12, bids=(Level(9, 12),), asks=()
    )


def test_the_snapshot_is_handed_out_whole() -> None:
    """Its levels and its number are the venue's."""
    sync = BookSync("BTC/USDT")
    sync.begin()
    assert sync.on_snapshot(7, 10, BIDS, ASKS) == (
        BookSnapshot(ts_ns=7, symbol="BTC/USDT", seq=10, bids=BIDS, asks=ASKS),
    )


def test_a_gap_loses_the_book_and_drops_changes_until_the_next_snapshot() -> None:
    """One missing change makes the whole book worthless."""
    sync = joined(10)
    assert isinstance(sync.on_diff(1, diff(11, 12)), BookDelta)
    lost = sync.on_diff(2, diff(14, 15))
    assert isinstance(lost, BookLost)
    assert "expected change 13, got 14" in lost.reason
    assert sync.on_diff(3, diff(16, 16)) is None
    sync.begin()
    assert seqs(snapshot(sync, 15)) == [("BookSnapshot", 15), ("BookDelta", 16)]


def test_numbers_that_run_backwards_lose_the_book() -> None:
    """A venue that restarts its numbering must not freeze the book in silence."""
    sync = joined(10)
    sync.on_diff(1, diff(11, 12))
    assert isinstance(sync.on_diff(1, diff(3, 4)), BookLost)


def test_a_repeated_change_loses_the_book() -> None:
    """After the first change nothing may overlap: the venue promises exact succession."""
    sync = joined(10)
    sync.on_diff(1, diff(11, 12))
    assert isinstance(sync.on_diff(1, diff(11, 12)), BookLost)


def test_a_change_that_overlaps_a_joined_book_loses_it() -> None:
    """Only the first change may reach back; a later one that does has been mixed up on the way."""
    sync = joined(10)
    sync.on_diff(1, diff(11, 12))
    assert isinstance(sync.on_diff(1, diff(12, 14)), BookLost)


def test_a_first_change_beyond_the_snapshot_is_a_gap() -> None:
    """The snapshot came from before the stream began."""
    sync = joined(10)
    assert isinstance(sync.on_diff(1, diff(12, 13)), BookLost)


def test_a_snapshot_older_than_everything_kept_does_not_join() -> None:
    """There is no way to know what happened in between."""
    sync = BookSync("BTC/USDT")
    sync.begin()
    sync.on_diff(1, diff(20, 21))
    (lost,) = snapshot(sync, 10)
    assert isinstance(lost, BookLost)
    assert "older than the stream" in lost.reason
    assert not sync.in_sync


def test_a_gap_among_the_kept_changes_forgets_the_older_ones() -> None:
    """Only an unbroken run may follow a snapshot."""
    sync = BookSync("BTC/USDT")
    sync.begin()
    for pair in ((1, 2), (3, 4), (9, 9)):
        sync.on_diff(1, diff(*pair))
    assert isinstance(snapshot(sync, 4)[0], BookLost)
    sync.begin()
    sync.on_diff(1, diff(9, 9))
    assert seqs(snapshot(sync, 8)) == [("BookSnapshot", 8), ("BookDelta", 9)]


def test_a_book_in_sync_can_be_fetched_anew_while_changes_go_on() -> None:
    """A second snapshot joins the changes that were passed on meanwhile."""
    sync = joined(10)
    sync.begin()
    assert isinstance(sync.on_diff(1, diff(11, 11)), BookDelta)
    assert isinstance(sync.on_diff(1, diff(12, 12)), BookDelta)
    assert seqs(snapshot(sync, 11)) == [("BookSnapshot", 11), ("BookDelta", 12)]
    assert isinstance(sync.on_diff(1, diff(13, 13)), BookDelta)


def test_a_second_snapshot_older_than_the_book_does_not_replace_it() -> None:
    """The changes since then were not kept, so it could not be brought up to date."""
    sync = joined(10)
    sync.on_diff(1, diff(11, 12))
    sync.begin()
    assert isinstance(snapshot(sync, 9)[0], BookLost)


def test_a_second_snapshot_at_the_very_number_of_the_book_is_fine() -> None:
    """Nothing changed meanwhile."""
    sync = joined(10)
    sync.begin()
    assert seqs(snapshot(sync, 10)) == [("BookSnapshot", 10)]


def test_a_snapshot_that_fails_leaves_a_book_in_sync_as_it_is() -> None:
    """Changes kept for it are forgotten with the next one."""
    sync = joined(10)
    sync.begin()
    sync.on_diff(1, diff(11, 11))
    sync.failed()
    assert sync.in_sync
    sync.begin()
    sync.on_diff(1, diff(12, 12))
    assert seqs(snapshot(sync, 11)) == [("BookSnapshot", 11), ("BookDelta", 12)]


def test_two_snapshots_under_way_both_get_their_outcome() -> None:
    """The engine may have asked twice."""
    sync = BookSync("BTC/USDT")
    sync.begin()
    sync.begin()
    sync.on_diff(1, diff(11, 11))
    assert seqs(snapshot(sync, 10)) == [("BookSnapshot", 10), ("BookDelta", 11)]
    assert seqs(snapshot(sync, 11)) == [("BookSnapshot", 11)]


def test_what_is_kept_is_bounded() -> None:
    """A stream that nobody joins does not fill the memory; the newest changes stay."""
    sync = BookSync("BTC/USDT")
    for number in range(1, KEPT_MAX + 51):
        sync.on_diff(1, diff(number, number))
    sync.begin()
    assert isinstance(snapshot(sync, 49)[0], BookLost)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=30),
    st.integers(0, 40),
    st.integers(0, 30),
)
def test_passed_on_changes_are_exactly_an_unbroken_run_from_the_snapshot(
    steps: list[tuple[int, int]], seq: int, when: int
) -> None:
    """Naive reference: follow the numbers by hand from the snapshot on and stop at the first break."""
    diffs, number = [], 10
    for skip, width in steps:
        first = number + 1 + (skip if skip > 2 else 0)
        diffs.append(diff(first, first + width))
        number = first + width
    sync = BookSync("BTC/USDT")
    sync.begin()
    out: list[MarketEvent] = []
    for index, item in enumerate(diffs):
        if index == when:
            out.extend(snapshot(sync, seq))
        event = sync.on_diff(1, item)
        if event is not None:
            out.append(event)
    if when >= len(diffs):
        out.extend(snapshot(sync, seq))
    assert out == _by_hand(diffs, seq, when)


def _by_hand(diffs: list[Diff], seq: int, when: int) -> list[MarketEvent]:
    # Before the snapshot: the longest unbroken run that ends with the newest change.
    before, after = diffs[:when], diffs[when:]
    run: list[Diff] = []
    for item in before:
        run = [*run, item] if run and item.first == run[-1].last + 1 else [item]
    run = [item for item in run if item.last > seq]
    if run and run[0].first > seq + 1:
        return [BookLost(ts_ns=1, symbol="BTC/USDT", reason=f"snapshot {seq} is older than the stream")]
    out: list[MarketEvent] = [BookSnapshot(ts_ns=1, symbol="BTC/USDT", seq=seq, bids=BIDS, asks=ASKS)]
    at, fresh = seq, True
    for item in [*run, *after]:
        if fresh and item.last <= at:
            continue
        if item.first == at + 1 or (fresh and item.first <= at + 1):
            out.append(
                BookDelta(
                    ts_ns=1, symbol="BTC/USDT", seq=item.last, venue_ms=item.venue_ms, bids=item.bids, asks=()
                )
            )
            at, fresh = item.last, False
            continue
        reason = f"gap: expected change {at + 1}, got {item.first}"
        out.append(BookLost(ts_ns=1, symbol="BTC/USDT", reason=reason))
        break
    return out
