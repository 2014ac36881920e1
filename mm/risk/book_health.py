"""Whether the book and the stream of own orders may be believed at all.

Holds two ages. Quotes from a book that is wrong are gifts, so one failing condition withholds every quote.
Invariant: nothing new rests on a book that is not in sync, old, crossed, one-sided, or while fills may go
unheard. Source: faults A1, A3, A4, A6, C6; invariant I8 (freshness).

Codes:
    book_health.unsynced: the book is not in sync with the venue's numbering.
    book_health.stale: nothing was heard about the book for longer than the limit.
    book_health.crossed: bid at or above ask; quotes are withheld once it lasted longer than the limit, new
        ones are refused at once.
    book_health.empty_side: one side shows no order but ours.
    book_health.user_stream: events about own orders are not flowing.
"""

from typing import ClassVar, Final

from mm.domain.book import BookStatus
from mm.domain.commands import Place
from mm.domain.quotes import Quotes
from mm.risk.base import AnyQuotes, Refusal, RiskView, Rule

UNSYNCED: Final = "book_health.unsynced"
STALE: Final = "book_health.stale"
CROSSED: Final = "book_health.crossed"
EMPTY_SIDE: Final = "book_health.empty_side"
USER_STREAM: Final = "book_health.user_stream"

# An exit leaves a position because of what the market does: it needs a market that is known, no more.
_EXIT_STOPS: Final = (UNSYNCED, STALE)
# A name of the module: looking up a member of an enumeration costs more than the comparison.
_IN_SYNC: Final = BookStatus.IN_SYNC


class BookHealth(Rule):
    """Withholds and refuses everything while the market or our own orders cannot be seen."""

    codes: ClassVar[tuple[str, ...]] = (UNSYNCED, STALE, CROSSED, EMPTY_SIDE, USER_STREAM)

    def __init__(self, *, stale_ns_max: int, crossed_ns_max: int) -> None:
        """Keep the oldest book to quote on and the longest time to bear a crossed one, nanoseconds."""
        self._stale_ns_max = stale_ns_max
        self._crossed_ns_max = crossed_ns_max

    def shape(self, quotes: AnyQuotes, view: RiskView) -> AnyQuotes:
        """Return `quotes`, or none at all with the cause as the reason."""
        cause = self._cause(view)
        if cause is None and view.book_crossed_ns > self._crossed_ns_max:
            cause = CROSSED
        if cause is None or not (quotes.bids or quotes.asks):
            return quotes
        return Quotes((), (), cause, quotes.memory)

    def admit(self, place: Place, view: RiskView) -> Refusal | None:
        """Refuse everything new; what reduces a position is refused only when the market is not known."""
        cause = self._cause(view)
        # The first instant of a crossing is enough to place nothing (A3), not to leave the queue.
        if cause is None and (view.book_crossed_ns > 0 or view.bid_ticks >= view.ask_ticks):
            cause = CROSSED
        if cause is None or (place.reduces and cause not in _EXIT_STOPS):
            return None
        facts = (
            ("status", view.book_status.value),
            ("age_ns", str(view.book_age_ns)),
            ("crossed_ns", str(view.book_crossed_ns)),
            ("bid_ticks", str(view.bid_ticks)),
            ("ask_ticks", str(view.ask_ticks)),
        )
        return Refusal(cause, facts)

    # The first condition that fails. Those that stop exits come first: a later one may not hide them.
    def _cause(self, view: RiskView) -> str | None:
        if view.book_status is not _IN_SYNC:
            return UNSYNCED
        if view.book_age_ns > self._stale_ns_max:
            return STALE
        if not view.user_stream_up:
            return USER_STREAM
        return None if view.bid_ticks and view.ask_ticks else EMPTY_SIDE
