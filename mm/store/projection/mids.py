"""The mid of each symbol as the venue showed it last, from the market's records.

Own orders are in it: it is what anybody saw. Invariant: no mid is told of a book that is not in sync.
"""

from mm.domain.book import Book, BookStatus
from mm.domain.events import BookDelta, BookLost, BookSnapshot, Stream, StreamDown, TopOfBook


class Mids:
    """Books of the symbols heard of."""

    def __init__(self) -> None:
        """Begin without a book."""
        self._books: dict[str, Book] = {}

    def take(self, event: object, ts_ns: int) -> None:
        """Take in an event; what is not about a book changes nothing."""
        if isinstance(event, TopOfBook):
            self._book(event.symbol).apply_top(ts_ns, event.seq, event.bid, event.ask)
        elif isinstance(event, BookDelta):
            self._book(event.symbol).apply_delta(ts_ns, event.seq, event.bids, event.asks)
        elif isinstance(event, BookSnapshot):
            self._book(event.symbol).apply_snapshot(ts_ns, event.seq, event.bids, event.asks)
        elif isinstance(event, BookLost):
            self._book(event.symbol).lose()
        elif isinstance(event, StreamDown) and event.stream is Stream.MARKET and not event.venue:
            self.lose_all()

    def lose_all(self) -> None:
        """Believe no book any more: records are missing, or a stream ended."""
        for book in self._books.values():
            book.lose()

    def half_ticks(self, symbol: str) -> int | None:
        """Return the mid in half ticks, None while it is not known."""
        book = self._books.get(symbol)
        if book is None or book.status is not BookStatus.IN_SYNC:
            return None
        return book.mid_half_ticks or None

    def _book(self, symbol: str) -> Book:
        book = self._books.get(symbol)
        if book is None:
            book = self._books[symbol] = Book()
        return book
