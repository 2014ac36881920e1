"""The nouns of a recording: what one line of it holds, with the venue's own bytes kept.

Numbers stay texts as the venue wrote them; what they are in ticks and atoms is decided by an instrument.
`first` and `last` are numbered as on spot in every market: `first` is always the previous `last` + 1.
"""

from enum import StrEnum
from typing import TypeAlias

import msgspec

Row: TypeAlias = tuple[str, str]
"""A level as the venue writes it: price and size."""


class Market(StrEnum):
    """Whose frames these are: spot, contracts settled in the quote asset (USD-M) or in the base (COIN-M)."""

    SPOT = "spot"
    LINEAR = "linear"
    INVERSE = "inverse"


class Heard(msgspec.Struct, gc=False, kw_only=True):
    """What every record has.

    Fields: local_ns: when it was received, by the receiver's clock. line, offset: where it stands in its
    file. data: the JSON object as the venue sent it, out of its wrapper. symbol: the venue's, "" if not told.
    market: None if it cannot be told from this record. venue_ms: the venue's time, -1 if not told; txn_ms: of
    what it tells, where a venue has a second time for that, else -1.
    """

    local_ns: int
    line: int
    offset: int
    data: bytes
    symbol: str = ""
    market: Market | None = None
    venue_ms: int = -1
    txn_ms: int = -1


class Snapshot(Heard):
    """The whole book, fetched over REST. Fields: last: number of the last change in it."""

    last: int
    bids: list[Row]
    asks: list[Row]


class DepthDiff(Heard):
    """A change of the book; sizes are absolute.

    Fields: first, last: numbers of the changes in it; told_first, told_previous: the venue's own words for
    the first of them and for the last before it, -1 if not told.
    """

    stream: str
    first: int
    last: int
    bids: list[Row]
    asks: list[Row]
    told_first: int = -1
    told_previous: int = -1


class TradePrint(Heard):
    """A public trade.

    Fields: trade_ms: when it happened, by the venue's clock; taker_order_id: 0 if not told; is_trade: False
    for what a venue of contracts tells among the trades although nobody traded there (insurance fund).
    """

    trade_id: int
    price: str
    size: str
    buyer_is_maker: bool
    trade_ms: int
    taker_order_id: int = 0
    is_trade: bool = True


class BookTicker(Heard):
    """The best bid and ask. Fields: last: number of the last change in it, as in the depth updates."""

    last: int
    bid: Row
    ask: Row


class Other(Heard):
    """A frame that the book is not rebuilt from. Fields: stream: its name."""

    stream: str


class MarkUpdate(Other):
    """The mark price of a contract, which positions are valued and funded at; the book knows nothing of it.

    Fields: price; rate: of the next funding, a long pays what is above 0, "0" if there is none; next_ms: when
    that is, by the venue's clock, 0 if it is never.
    """

    price: str
    rate: str
    next_ms: int


Record: TypeAlias = Snapshot | DepthDiff | TradePrint | BookTicker | MarkUpdate | Other
"""Everything that a line can hold."""
