"""Market frames of the Binance family as events of the core: texts become integers, exactly.

Must never let a float in or drop what it does not understand: such a frame raises, and its stream ends. The
venue writes every number with all its decimals, so its digits alone are the integer; a text of any other
form goes through the exact conversion of the instrument, which is also what the short way is tested against.
Remembering conversions was measured to be slower than making them: most texts come once.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from mm.domain.book import Level
from mm.domain.events import PublicTrade, TopOfBook
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.domain.units import ATOMS_MAX

Rows: TypeAlias = list[tuple[str, str]]
"""Levels as the venue writes them: price and size."""


class MarketFrame(msgspec.Struct, gc=False, kw_only=True):
    """What a frame of a market stream can hold; which of it is there depends on its kind.

    Fields: kind: "depthUpdate", "trade", "" for a book ticker. first, last: numbers of the changes in a depth
    update; `last` also numbers a ticker. bids, asks: levels of a depth update, price of a ticker's side,
    order numbers in a trade. data: the frame inside, of a combined stream. The rest: answers to requests.
    """

    kind: str = msgspec.field(name="e", default="")
    symbol: str = msgspec.field(name="s", default="")
    venue_ms: int = msgspec.field(name="E", default=-1)
    first: int = msgspec.field(name="U", default=-1)
    last: int = msgspec.field(name="u", default=-1)
    bids: Rows | str | int = msgspec.field(name="b", default=-1)
    asks: Rows | str | int = msgspec.field(name="a", default=-1)
    bid_size: str = msgspec.field(name="B", default="")
    ask_size: str = msgspec.field(name="A", default="")
    trade_id: int = msgspec.field(name="t", default=-1)
    price: str = msgspec.field(name="p", default="")
    size: str = msgspec.field(name="q", default="")
    buyer_is_maker: bool | None = msgspec.field(name="m", default=None)
    request_id: int | str | None = msgspec.field(name="id", default=None)
    error: dict[str, Any] | None = None
    data: "MarketFrame | None" = None


_decoder: Final = msgspec.json.Decoder(MarketFrame)


def market_frame(text: str | bytes) -> MarketFrame:
    """Return the frame that `text` is, out of its wrapper; raises msgspec.DecodeError on anything else."""
    frame = _decoder.decode(text)
    return frame.data or frame


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

    __slots__ = ("_instrument", "_price_point", "_size_point", "_tick_atoms", "symbol")

    def __init__(self, instrument: Instrument) -> None:
        """Keep the conversions of `instrument`."""
        self.symbol = instrument.symbol
        self._instrument = instrument
        self._tick_atoms = instrument.tick_atoms
        # Where the point stands, from the end, in a text that has all decimals of its asset.
        self._price_point = -instrument.quote_scale - 1
        self._size_point = -instrument.base_scale - 1

    def levels(self, rows: Sequence[Sequence[str]]) -> tuple[Level, ...]:
        """Return `rows` of (price, size) texts as levels; raises ValueError if one is not a plain number."""
        price_point, size_point, tick_atoms = self._price_point, self._size_point, self._tick_atoms
        levels = []
        try:
            for price, size in rows:
                if price[price_point] == "." and size[size_point] == ".":
                    ticks, rest = divmod(int(price.replace(".", "", 1)), tick_atoms)
                    atoms = int(size.replace(".", "", 1))
                    if not rest and 0 <= ticks <= ATOMS_MAX and 0 <= atoms <= ATOMS_MAX:
                        levels.append(_new_tuple(Level, (ticks, atoms)))
                        continue
                levels.append(self._level(price, size))
        except IndexError:  # a text that is shorter than its decimals
            return tuple([self._level(price, size) for price, size in rows])
        return tuple(levels)

    def _level(self, price: str, size: str) -> Level:
        ticks, atoms = self._instrument.price_ticks(price), self._instrument.size_atoms(size)
        if ticks < 0 or atoms < 0:
            raise ValueError(f"market data said {size} at {price}, expected nothing below zero")
        return Level(ticks, atoms)

    def diff(self, frame: MarketFrame) -> Diff:
        """Return the change of the book that a depth update tells; raises ValueError if a part is missing."""
        bids, asks = frame.bids, frame.asks
        if not isinstance(bids, list) or not isinstance(asks, list):
            raise ValueError("a depth update holds no levels")
        if not 0 <= frame.first <= frame.last or frame.venue_ms < 0:
            raise ValueError("a depth update is not numbered or has no time")
        return Diff(frame.first, frame.last, frame.venue_ms, self.levels(bids), self.levels(asks))

    def top(self, frame: MarketFrame, *, ts_ns: int) -> TopOfBook:
        """Return the best bid and ask that a book ticker tells; raises ValueError if a part is missing."""
        bid_price, ask_price = frame.bids, frame.asks
        if not isinstance(bid_price, str) or not isinstance(ask_price, str) or frame.last < 0:
            raise ValueError("a book ticker is not numbered or names no price")
        bid, ask = self.levels(((bid_price, frame.bid_size), (ask_price, frame.ask_size)))
        return TopOfBook(ts_ns=ts_ns, symbol=self.symbol, seq=frame.last, bid=bid, ask=ask)

    def trade(self, frame: MarketFrame, *, ts_ns: int) -> PublicTrade:
        """Return the public trade that a trade frame tells; raises ValueError if a part is missing."""
        if frame.buyer_is_maker is None or frame.trade_id < 0:
            raise ValueError("a trade is not numbered or does not say who was the maker")
        (level,) = self.levels(((frame.price, frame.size),))
        return PublicTrade(
            ts_ns=ts_ns,
            symbol=self.symbol,
            trade_id=frame.trade_id,
            price_ticks=level.price_ticks,
            size_atoms=level.size_atoms,
            aggressor=Side.SELL if frame.buyer_is_maker else Side.BUY,
        )


def whole(value: object) -> int:
    """Return `value` if it is a whole number; raises ValueError otherwise."""
    if type(value) is not int:
        raise ValueError(f"a frame holds a {type(value).__name__} where a whole number is due")
    return value
