"""Market frames of the Binance family as events of the core: texts become integers, exactly.

Must never let a float in or drop what it does not understand: such a frame raises, and its stream ends. The
venue writes every number with all its decimals, so its digits alone are the integer; a text of any other
form goes through the exact conversion of the instrument, by which the short ways are tested. Remembering
conversions was measured to be slower than making them: most texts come once. The levels of a depth update are
converted as one text, in passes over all of it, which takes half of the time of going number by number.
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


_NOTHING: Final = msgspec.Raw()


class MarketFrame(msgspec.Struct, gc=False, kw_only=True):
    """What a frame of a market stream can hold; which of it is there depends on its kind.

    Fields: kind: "depthUpdate", "trade", "" for a book ticker. first, last: numbers of the changes in a depth
    update; `last` also numbers a ticker. bids, asks: as they stand in the text, levels of a depth update,
    price of a ticker's side, order numbers in a trade. data: the frame inside, of a combined stream. The
    rest: answers to requests.
    """

    kind: str = msgspec.field(name="e", default="")
    symbol: str = msgspec.field(name="s", default="")
    venue_ms: int = msgspec.field(name="E", default=-1)
    first: int = msgspec.field(name="U", default=-1)
    last: int = msgspec.field(name="u", default=-1)
    bids: msgspec.Raw = msgspec.field(name="b", default=_NOTHING)
    asks: msgspec.Raw = msgspec.field(name="a", default=_NOTHING)
    bid_size: str = msgspec.field(name="B", default="")
    ask_size: str = msgspec.field(name="A", default="")
    trade_id: int = msgspec.field(name="t", default=-1)
    price: str = msgspec.field(name="p", default="")
    size: str = msgspec.field(name="q", default="")
    buyer_is_maker: bool | None = msgspec.field(name="m", default=None)
    traded_ms: int = msgspec.field(name="T", default=0)
    request_id: int | str | None = msgspec.field(name="id", default=None)
    error: dict[str, Any] | None = None
    data: "MarketFrame | None" = None


_decoder: Final = msgspec.json.Decoder(MarketFrame)
_text_decoder: Final = msgspec.json.Decoder(str)
_rows_decoder: Final = msgspec.json.Decoder(Rows)
_levels_decoder: Final = msgspec.json.Decoder(tuple[Level, ...], strict=False)

_SHAPE: Final = bytes(
    ord("0") if chr(code).isdecimal() or chr(code) == "." else code if chr(code) in ",[]" else ord("!")
    for code in range(256)
)
"""What a text of levels looks like: numbers are runs of zeros, all that does not belong in it is alike."""

_TOO_LONG: Final = b"0" * 17
"""The shape of a number of more than 15 digits and a point."""


def market_frame(text: str | bytes) -> MarketFrame:
    """Return the frame that `text` is, out of its wrapper; raises msgspec.DecodeError on anything else."""
    frame = _decoder.decode(text)
    frame = frame.data or frame
    if not frame.kind:
        # Without a kind it is a ticker or an answer: what stands for a price is one, or nothing.
        for side in (frame.bids, frame.asks):
            if side:
                _text_decoder.decode(side)
    return frame


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

    __slots__ = (
        "_instrument",
        "_price_end",
        "_price_end_in_ticks",
        "_price_point",
        "_shorter",
        "_size_point",
        "_tick_atoms",
        "symbol",
    )

    def __init__(self, instrument: Instrument) -> None:
        """Keep the conversions of `instrument`."""
        self.symbol = instrument.symbol
        self._instrument = instrument
        self._tick_atoms = instrument.tick_atoms
        # Where the point stands, from the end, in a text that has all decimals of its asset.
        self._price_point = -instrument.quote_scale - 1
        self._size_point = -instrument.base_scale - 1
        # What a price on the grid ends with in a text of levels, and what its last zero is to get instead;
        # unknown where the tick is not 10, 100, 1 000 ... atoms.
        zeros = len(str(self._tick_atoms)) - 1
        fits = instrument.base_scale == instrument.quote_scale == 8 and self._tick_atoms == 10**zeros
        self._price_end = b"0" * zeros + b"," if fits and 1 <= zeros <= 8 else b""
        # Never of the same length: what was replaced is counted by it.
        self._price_end_in_ticks = b"%be%d," % (b"00" if zeros == 3 else b"0", 8 - zeros)
        self._shorter = len(self._price_end) - len(self._price_end_in_ticks)

    def levels(self, rows: Sequence[Sequence[str]]) -> tuple[Level, ...]:
        """Return `rows` of (price, size) texts as levels; raises ValueError if one is not a plain number."""
        price_point, size_point, tick_atoms = self._price_point, self._size_point, self._tick_atoms
        levels = []
        try:
            for price, size in rows:
                if price[price_point] == "." and size[size_point] == ".":
                    digits, size_digits = price.replace(".", "", 1), size.replace(".", "", 1)
                    if (digits + size_digits).isdecimal() and price.isascii() and size.isascii():
                        ticks, rest = divmod(int(digits), tick_atoms)
                        atoms = int(size_digits)
                        if not rest and ticks <= ATOMS_MAX and atoms <= ATOMS_MAX:
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
        if not 0 <= frame.first <= frame.last or frame.venue_ms < 0:
            raise ValueError("a depth update is not numbered or has no time")
        if not frame.bids or not frame.asks:
            raise ValueError("a depth update holds no levels")
        both = self._at_once(bytes(frame.bids), bytes(frame.asks)) if self._price_end else None
        bids, asks = both or [self.levels(_rows_decoder.decode(side)) for side in (frame.bids, frame.asks)]
        return _new_tuple(Diff, (frame.first, frame.last, frame.venue_ms, bids, asks))

    def _at_once(self, bids: bytes, asks: bytes) -> tuple[tuple[Level, ...], tuple[Level, ...]] | None:
        # All levels of both sides in a few passes over their text: each number gets the exponent that makes
        # it whole, ticks or atoms, and is decoded as what it says then. That is exact: a number of 15 digits
        # is nearer to its own double than to a whole number that it is not, and the decoder refuses what has
        # a fraction or is beyond 2^53. None leaves it to the slow way, which also knows what is wrong; what
        # makes the passes right is counted.
        if bids[:1] != b"[" or asks[:1] != b"[":
            return None
        bids, asks = bids[1:-1], asks[1:-1]
        text = b"%b,%b" % (bids, asks) if bids and asks else bids or asks
        shape = text.translate(_SHAPE, b'"')
        if b"!" in shape or _TOO_LONG in shape:
            return None
        numbers = text.translate(None, b'"')
        in_ticks = numbers.replace(self._price_end, self._price_end_in_ticks)
        try:
            levels = _levels_decoder.decode(b"[%b]" % in_ticks.replace(b"]", b"e8]"))
        except msgspec.DecodeError:
            return None
        count = len(levels)
        are_texts = len(text) - len(numbers) == 4 * count
        on_grid = len(numbers) - len(in_ticks) == self._shorter * count
        if not are_texts or not on_grid or numbers.count(b".") != 2 * count:
            return None
        first_ask = bids.count(b"]")
        return levels[:first_ask], levels[first_ask:]

    def top(self, frame: MarketFrame, *, ts_ns: int) -> TopOfBook:
        """Return the best bid and ask that a book ticker tells; raises ValueError if a part is missing."""
        if not frame.bids or not frame.asks or frame.last < 0:
            raise ValueError("a book ticker is not numbered or names no price")
        bid_price, ask_price = _text_decoder.decode(frame.bids), _text_decoder.decode(frame.asks)
        bid, ask = self.levels(((bid_price, frame.bid_size), (ask_price, frame.ask_size)))
        return TopOfBook(ts_ns=ts_ns, symbol=self.symbol, seq=frame.last, bid=bid, ask=ask)

    def trade(self, frame: MarketFrame, *, ts_ns: int) -> PublicTrade:
        """Return the public trade that a trade frame tells; raises ValueError if a part is missing."""
        if frame.buyer_is_maker is None or frame.trade_id < 0:
            raise ValueError("a trade is not numbered or does not say who was the maker")
        if not 0 <= frame.traded_ms <= ATOMS_MAX:
            raise ValueError("a trade is of no time")
        (level,) = self.levels(((frame.price, frame.size),))
        return PublicTrade(
            ts_ns=ts_ns,
            symbol=self.symbol,
            trade_id=frame.trade_id,
            price_ticks=level.price_ticks,
            size_atoms=level.size_atoms,
            aggressor=Side.SELL if frame.buyer_is_maker else Side.BUY,
            venue_ms=frame.traded_ms,
        )


def whole(value: object) -> int:
    """Return `value` if it is a whole number; raises ValueError otherwise."""
    if type(value) is not int:
        raise ValueError(f"a frame holds a {type(value).__name__} where a whole number is due")
    return value
