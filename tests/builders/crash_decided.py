"""What one run decided, and on what: its placements and halts, each beside the market that it had then.

Follows the records of a journal in their order and does what the engine does not: it counts how old the
market was by itself. Invariant: where records are missing nothing is said to be stale or lost.
"""

from dataclasses import dataclass

from mm.domain.commands import Place, Report
from mm.domain.events import BookDelta, BookLost, BookSnapshot, PublicTrade, Stream, StreamDown, TopOfBook
from mm.store.journal.entries import Record


@dataclass(frozen=True, kw_only=True)
class Decided:
    """One placement as it was written down.

    Fields: ts_ns: when; exits: it only reduces; stated_age_ns, stated_seq: of the book, as it says itself;
    silent_ns: since the last news of the market, -1 where that is not known; seqs: of the book from its
    snapshot on, first and last, None if there was no book to be trusted; lost: there was none, and no record
    is missing that could have been one.
    """

    cid: str
    ts_ns: int
    exits: bool
    stated_age_ns: int
    stated_seq: int
    silent_ns: int
    seqs: tuple[int, int] | None
    lost: bool


class Followed:
    """One run's journal, read once. Fields: decided; halts: when trading was latched off, and why."""

    def __init__(self) -> None:
        """Begin without a market."""
        self.decided: list[Decided] = []
        self.halts: list[tuple[int, str]] = []
        self._seq = 0
        self._first: int | None = None
        self._last = 0
        self._news_ns = -1
        self._knows = True

    def take(self, record: Record) -> None:
        """Take in the next record."""
        if record.seq != self._seq + 1 and self._seq:
            # What is missing may have been news of the market, good or bad.
            self._first, self._news_ns, self._knows = None, -1, False
        self._seq = record.seq
        entry = record.entry
        if isinstance(entry, BookSnapshot):
            self._first = self._last = entry.seq
            self._news_ns, self._knows = record.ts_ns, True
        elif isinstance(entry, BookDelta | TopOfBook | PublicTrade):
            self._news_ns = record.ts_ns
            self._last = max(self._last, getattr(entry, "seq", 0))
        elif isinstance(entry, BookLost) or (
            isinstance(entry, StreamDown) and entry.stream is Stream.MARKET and not entry.venue
        ):
            self._first, self._knows = None, True
        elif isinstance(entry, Place):
            self._decide(record.ts_ns, entry)
        elif isinstance(entry, Report) and entry.code == "halt":
            self.halts.append((record.ts_ns, dict(entry.facts).get("reason", "")))

    def _decide(self, ts_ns: int, place: Place) -> None:
        self.decided.append(
            Decided(
                cid=place.cid,
                ts_ns=ts_ns,
                exits=place.reduces,
                stated_age_ns=place.market_age_ns,
                stated_seq=place.market_seq,
                silent_ns=ts_ns - self._news_ns if self._news_ns >= 0 else -1,
                seqs=(self._first, self._last) if self._first is not None else None,
                lost=self._first is None and self._knows,
            )
        )
