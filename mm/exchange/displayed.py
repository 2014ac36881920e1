"""What the exchange displays to everybody: the book in base atoms, and what has traded.

The market commands and the derived streams read this interface alone, so that a simulated market and a
recorded one are served by the same code. Nothing here changes the market.
"""

from typing import Final, Protocol

from mm.domain.book import Level
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.exchange.candles import Print
from mm.exchange.history import History
from mm.sim.book import Book
from mm.sim.reports import Fact, TopChange, Trade

NOTHING: Final = Level(0, 0)
"""The best level of an empty side."""


class Displayed(Protocol):
    """A market as everybody sees it. Fields: history: what has traded, up to now."""

    history: History

    @property
    def has_book(self) -> bool:
        """Whether there is a book: one whose changes are not all known is none, and is not shown."""

    @property
    def update_id(self) -> int:
        """The number of the last change of the book."""

    def top(self, side: Side) -> Level:
        """Return the best level of a side; `NOTHING` if it is empty."""

    def depth(self, side: Side, limit: int) -> list[Level]:
        """Return up to `limit` levels of a side, best first."""


class MatchedMarket:
    """The market that a matching book displays: every order of everybody."""

    def __init__(self, instrument: Instrument, book: Book, *, rows_max: int) -> None:
        """Show `book`; `rows_max` prints are remembered. `on_fact` has to hear every fact first."""
        self.history = History(rows_max=rows_max)
        self._book = book
        self._lot_atoms = instrument.lot_atoms

    @property
    def has_book(self) -> bool:
        """Return True: every order is known."""
        return True

    @property
    def update_id(self) -> int:
        """The number of the last change of the book."""
        return self._book.update_id

    def top(self, side: Side) -> Level:
        """Return the best level of a side; `NOTHING` if it is empty."""
        price_ticks, size_lots = self._book.top(side)
        return Level(price_ticks, size_lots * self._lot_atoms)

    def depth(self, side: Side, limit: int) -> list[Level]:
        """Return up to `limit` levels of a side, best first."""
        return [Level(ticks, lots * self._lot_atoms) for ticks, lots in self._book.depth(side, limit)]

    def on_fact(self, fact: Fact) -> None:
        """Remember a trade; the change of the best prices says that its taker is done."""
        if isinstance(fact, Trade):
            self.history.on_print(print_of(fact, self._lot_atoms))
        elif isinstance(fact, TopChange):
            self.history.close_aggregate()


def print_of(trade: Trade, lot_atoms: int) -> Print:
    """Return a trade of the matching book as everybody sees it."""
    return Print(
        trade_id=trade.trade_id,
        price_ticks=trade.price_ticks,
        size_atoms=trade.size_lots * lot_atoms,
        ts_ns=trade.ts_ns,
        taker_side=trade.taker_side,
        taker_order_id=trade.taker_order_id,
    )
