"""Joins a snapshot with the stream of changes, and checks that no change is missing ever after.

The procedure is the venue's: keep the changes while the snapshot is fetched; drop those it already has; the
first one left must reach into it (U <= last + 1 <= u), each following one must begin where the one before
ended (U == last + 1). Invariant: a change is passed on only if every earlier one since the snapshot was; any
doubt is a `BookLost`, and nothing is passed on until the next snapshot. No I/O here.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from mm.domain.book import Level
from mm.domain.events import BookDelta, BookLost, BookSnapshot, MarketEvent
from mm.venues.edge.frames import Diff

KEPT_MAX: Final = 512
"""Changes kept while no snapshot is joined: about 50 s of a 100 ms stream; older ones fall out."""


class BookSync:
    """The state of one symbol's book on one connection."""

    __slots__ = ("_fetching", "_joined", "_kept", "_seq", "_symbol")

    def __init__(self, symbol: str) -> None:
        """Begin without a book."""
        self._symbol = symbol
        self._kept: deque[Diff] = deque(maxlen=KEPT_MAX)
        self._seq: int | None = None  # number of the last change passed on; None while out of sync
        self._joined = False  # whether a change has followed the snapshot: from then on, no overlap
        self._fetching = 0

    @property
    def in_sync(self) -> bool:
        """Whether changes are being passed on."""
        return self._seq is not None

    def begin(self) -> None:
        """A snapshot is being fetched: keep every change from now on, also those passed on."""
        if self._seq is not None and not self._fetching:
            self._kept.clear()
        self._fetching += 1

    def failed(self) -> None:
        """The snapshot that `begin` announced does not come."""
        self._fetching -= 1

    def on_diff(self, ts_ns: int, diff: Diff) -> MarketEvent | None:
        """Return the event of a change: passed on, the loss of the book, or None."""
        if self._seq is None:
            self._keep(diff)
            return None
        expected = self._seq + 1
        first, last, venue_ms, bids, asks = diff
        if first != expected:
            if not self._joined and last < expected:
                return None
            if self._joined or not first < expected <= last:
                lost = self.lose(ts_ns, f"gap: expected change {expected}, got {first}")
                self._keep(diff)
                return lost
        if self._fetching:
            self._keep(diff)
        self._joined = True
        self._seq = last
        return BookDelta(ts_ns=ts_ns, symbol=self._symbol, seq=last, venue_ms=venue_ms, bids=bids, asks=asks)

    def on_snapshot(
        self, ts_ns: int, seq: int, bids: Sequence[Level], asks: Sequence[Level]
    ) -> tuple[MarketEvent, ...]:
        """Return the events of a snapshot: itself and what followed it, or that it does not join."""
        self._fetching -= 1
        following = [diff for diff in self._kept if diff.last > seq]
        oldest = following[0].first if following else seq + 1
        if oldest > seq + 1 or (not self._kept and self._seq is not None and seq < self._seq):
            return (self.lose(ts_ns, f"snapshot {seq} is older than the stream"),)
        self._seq = following[-1].last if following else seq
        self._joined = bool(following)
        if not self._fetching:
            self._kept.clear()
        snapshot = BookSnapshot(ts_ns=ts_ns, symbol=self._symbol, seq=seq, bids=tuple(bids), asks=tuple(asks))
        return (snapshot, *(self._delta(ts_ns, diff) for diff in following))

    def lose(self, ts_ns: int, reason: str) -> BookLost:
        """Give the book up, with everything kept."""
        self._seq = None
        self._joined = False
        self._kept.clear()
        return BookLost(ts_ns=ts_ns, symbol=self._symbol, reason=reason)

    def _keep(self, diff: Diff) -> None:
        if self._kept and diff.first != self._kept[-1].last + 1:
            self._kept.clear()
        self._kept.append(diff)

    def _delta(self, ts_ns: int, diff: Diff) -> BookDelta:
        return BookDelta(
            ts_ns=ts_ns,
            symbol=self._symbol,
            seq=diff.last,
            venue_ms=diff.venue_ms,
            bids=diff.bids,
            asks=diff.asks,
        )
