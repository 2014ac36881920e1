"""What a recorded market displays: its book rebuilt from the recording, its best prices, its prints.

Must never show a book that cannot be vouched for: before the snapshot, and after a change is missing, there
is none. Invariant: the book is the recorded one after exactly the changes up to `update_id`, all of them.
"""

from collections.abc import Sequence
from typing import Final

from mm.domain.book import Book, BookStatus, Level
from mm.domain.sides import Side
from mm.exchange.candles import Print
from mm.exchange.displayed import NOTHING
from mm.exchange.history import History

NO_BOOK: Final = -1
"""The number of a book that is not there."""


class RecordedDisplay:
    """The recorded market as everybody sees it. Implements `Displayed`."""

    def __init__(self, *, rows_max: int) -> None:
        """Begin with nothing; `rows_max` prints are remembered."""
        self.history = History(rows_max=rows_max)
        self._book = Book()
        self._top: dict[Side, Level] = {}
        self._top_id = 0
        self._trade_id = -1

    @property
    def has_book(self) -> bool:
        """Whether there is a book that can be vouched for."""
        return self._book.status is BookStatus.IN_SYNC

    @property
    def update_id(self) -> int:
        """The number of the last change of the book; `NO_BOOK` while there is none."""
        return self._book.seq if self.has_book else NO_BOOK

    def top(self, side: Side) -> Level:
        """Return the newest best level that is known, of the book or told by itself; `NOTHING` if none is."""
        if self.has_book and self._book.seq >= self._top_id:
            levels = self.depth(side, 1)
            return levels[0] if levels else NOTHING
        return self._top.get(side, NOTHING)

    def depth(self, side: Side, limit: int) -> list[Level]:
        """Return up to `limit` levels of a side, best first; nothing while there is no book."""
        if not self.has_book:
            return []
        return list(self._book.bids(limit, {}) if side is Side.BUY else self._book.asks(limit, {}))

    def replace(self, bids: Sequence[Level], asks: Sequence[Level], *, seq: int, ts_ns: int) -> None:
        """Put a whole book in the place of what was there."""
        self._book = Book()
        self._book.apply_snapshot(ts_ns, seq, bids, asks)

    def change(self, bids: Sequence[Level], asks: Sequence[Level], *, seq: int, ts_ns: int) -> None:
        """Apply the next change of the book."""
        self._book.apply_delta(ts_ns, seq, bids, asks)

    def lose(self) -> None:
        """There is no book until the next `replace`."""
        self._book.lose()

    def tell_top(self, bid: Level, ask: Level, *, seq: int) -> None:
        """Hear the best prices by themselves."""
        self._top = {Side.BUY: bid, Side.SELL: ask}
        self._top_id = seq

    def tell_print(self, trade: Print) -> None:
        """Hear a print; one that was heard before counts once."""
        if trade.trade_id > self._trade_id:
            self._trade_id = trade.trade_id
            self.history.on_print(trade)
