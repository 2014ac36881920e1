"""Market frames of the Binance family as events of the core: texts become integers once, exactly.

Must never let a float in or drop what it does not understand: such a frame raises, and its stream ends. The
conversions are those of the instrument; most texts come again, so their integers are remembered.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from mm.domain.book import Level
from mm.domain.events import PublicTrade, TopOfBook
from mm.domain.instrument import Instrument
from mm.domain.sides import Side

NUMBERS_MAX: Final = 65_536
"""Texts remembered per symbol and kind; beyond that all are forgotten and learned anew."""


class Numbers(dict[str, int]):
    """The integer of each text seen: parsed once, looked up afterwards."""

    def __init__(self, parse: Callable[[str], int]) -> None:
        """Keep the exact conversion `parse`."""
        super().__init__()
        self._parse = parse

    def __missing__(self, text: str) -> int:
        """Parse `text`; raises ValueError if it is off the grid or below zero."""
        number = self._parse(text)
        if number < 0:
            raise ValueError(f"market data said {text}, expected nothing below zero")
        if len(self) >= NUMBERS_MAX:
            self.clear()
        self[text] = number
        return number


class Diff(NamedTuple):
    """A change of the book. Fields: first, last: numbers of the changes in it; sizes are absolute."""

    first: int
    last: int
    venue_ms: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


_new_tuple: Final = tuple.__new__


class FrameDecoder:
    """Decodes the market frames of one symbol. Fields: symbol: its unified name."""

    __slots__ = ("_prices", "_sizes", "symbol")

    def __init__(self, instrument: Instrument) -> None:
        """Keep the conversions of `instrument`."""
        self.symbol = instrument.symbol
        self._prices = Numbers(instrument.price_ticks)
        self._sizes = Numbers(instrument.size_atoms)

    def levels(self, rows: Sequence[Sequence[str]]) -> tuple[Level, ...]:
        """Return `rows` of (price, size) texts as levels; raises ValueError if one is not a plain number."""
        prices, sizes = self._prices, self._sizes
        return tuple([_new_tuple(Level, (prices[price], sizes[size])) for price, size in rows])

    def diff(self, frame: dict[str, Any]) -> Diff:
        """Return the change of the book that a `depthUpdate` frame tells."""
        bids, asks = self.levels(frame["b"]), self.levels(frame["a"])
        return Diff(whole(frame["U"]), whole(frame["u"]), whole(frame["E"]), bids, asks)

    def top(self, frame: dict[str, Any], *, ts_ns: int) -> TopOfBook:
        """Return the best bid and ask that a `bookTicker` frame tells."""
        prices, sizes = self._prices, self._sizes
        return TopOfBook(
            ts_ns=ts_ns,
            symbol=self.symbol,
            seq=whole(frame["u"]),
            bid=Level(prices[frame["b"]], sizes[frame["B"]]),
            ask=Level(prices[frame["a"]], sizes[frame["A"]]),
        )

    def trade(self, frame: dict[str, Any], *, ts_ns: int) -> PublicTrade:
        """Return the public trade that a `trade` frame tells."""
        buyer_is_maker = frame["m"]
        if not isinstance(buyer_is_maker, bool):
            raise ValueError("a trade does not say who was the maker")
        return PublicTrade(
            ts_ns=ts_ns,
            symbol=self.symbol,
            trade_id=whole(frame["t"]),
            price_ticks=self._prices[frame["p"]],
            size_atoms=self._sizes[frame["q"]],
            aggressor=Side.SELL if buyer_is_maker else Side.BUY,
        )


def whole(value: object) -> int:
    """Return `value` if it is a whole number; raises ValueError otherwise."""
    if type(value) is not int:
        raise ValueError(f"a frame holds a {type(value).__name__} where a whole number is due")
    return value
