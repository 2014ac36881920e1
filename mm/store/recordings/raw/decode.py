"""One line to one record. Must never skip what it cannot read: such a line is an error with its reason.

A line is `<local time> <JSON>`: the time in nano-, micro- or milliseconds, told apart by magnitude; the JSON
a combined frame, or the bare REST snapshot of the book.
"""

from typing import Final

import msgspec

from mm.domain.units import NS_PER_MS
from mm.store.recordings.detailed import MARK_SCALE
from mm.store.recordings.raw.lines import Line
from mm.store.recordings.raw.records import (
    BookTicker,
    DepthDiff,
    Market,
    MarkUpdate,
    Other,
    Record,
    Row,
    Snapshot,
    TradePrint,
)

_UNITS: Final = ((10**18, 1), (10**15, 1_000), (10**12, NS_PER_MS))
_DIGITS_OF_TIME: Final = (13, 19)
_NO_DATA: Final = msgspec.Raw(b"")


class _Frame(msgspec.Struct, gc=False):
    # A line's JSON: a combined frame (stream, data) or a bare snapshot (the rest).
    stream: str = ""
    data: msgspec.Raw = _NO_DATA
    last: int = msgspec.field(name="lastUpdateId", default=-1)
    bids: list[Row] | None = None
    asks: list[Row] | None = None
    symbol: str = ""
    pair: str = ""
    venue_ms: int = msgspec.field(name="E", default=-1)
    txn_ms: int = msgspec.field(name="T", default=-1)


class _Data(msgspec.Struct, gc=False):
    # What is inside a combined frame; which of it is there depends on its kind.
    kind: str = msgspec.field(name="e", default="")
    symbol: str = msgspec.field(name="s", default="")
    pair: str = msgspec.field(name="ps", default="")
    venue_ms: int = msgspec.field(name="E", default=-1)
    trade_ms: int = msgspec.field(name="T", default=-1)
    first: int = msgspec.field(name="U", default=-1)
    last: int = msgspec.field(name="u", default=-1)
    previous: int = msgspec.field(name="pu", default=-1)
    bids: list[Row] | str | int = msgspec.field(name="b", default=-1)
    asks: list[Row] | str | int = msgspec.field(name="a", default=-1)
    bid_size: str = msgspec.field(name="B", default="")
    ask_size: str = msgspec.field(name="A", default="")
    trade_id: int = msgspec.field(name="t", default=-1)
    price: str = msgspec.field(name="p", default="")
    size: str = msgspec.field(name="q", default="")
    rate: str = msgspec.field(name="r", default="")
    buyer_is_maker: bool | None = msgspec.field(name="m", default=None)
    ignore: bool | None = msgspec.field(name="M", default=None)
    order_type: str = msgspec.field(name="X", default="")


_frame_decoder: Final = msgspec.json.Decoder(_Frame)
_data_decoder: Final = msgspec.json.Decoder(_Data)


def record_of(line: Line) -> Record:
    """Return what a line holds; raises ValueError, its text the reason, if it cannot be read."""
    time_text, _, text = line.text.partition(b" ")
    local_ns = _local_ns(time_text)
    try:
        frame = _frame_decoder.decode(text)
        if not frame.stream:
            return _snapshot(line, local_ns, text, frame)
        raw = bytes(frame.data)
        _, at, channel = frame.stream.partition("@")
        if not at or channel.partition("@")[0] not in ("depth", "trade", "bookTicker", "markPrice"):
            return _other(line, local_ns, raw, frame.stream)
        data = _data_decoder.decode(raw)
    except msgspec.DecodeError as error:
        raise ValueError(f"the frame cannot be read: {error}") from None
    if data.kind == "depthUpdate":
        return _diff(line, local_ns, raw, data, frame.stream)
    if data.kind == "trade":
        return _trade(line, local_ns, raw, data)
    if data.kind == "markPriceUpdate":
        return _mark(line, local_ns, raw, data, frame.stream)
    if channel == "bookTicker":
        return _ticker(line, local_ns, raw, data)
    raise ValueError(f"a frame of {frame.stream} is not what that stream carries")


def _local_ns(text: bytes) -> int:
    if text.isdigit() and _DIGITS_OF_TIME[0] <= len(text) <= _DIGITS_OF_TIME[1]:
        number = int(text)
        for least, unit_ns in _UNITS:
            if number >= least:
                return number * unit_ns
    raise ValueError("it does not begin with a local time in nano-, micro- or milliseconds")


def _snapshot(line: Line, local_ns: int, text: bytes, frame: _Frame) -> Snapshot:
    if frame.last < 0 or frame.bids is None or frame.asks is None:
        raise ValueError("it is neither a combined frame nor a snapshot of the book")
    _check_numbers(frame.bids)
    _check_numbers(frame.asks)
    return Snapshot(
        local_ns=local_ns,
        line=line.number,
        offset=line.offset,
        data=text,
        symbol=frame.symbol,
        market=Market.INVERSE if frame.pair else Market.SPOT if frame.venue_ms < 0 else None,
        venue_ms=frame.venue_ms,
        txn_ms=frame.txn_ms,
        last=frame.last,
        bids=frame.bids,
        asks=frame.asks,
    )


def _diff(line: Line, local_ns: int, raw: bytes, data: _Data, stream: str) -> DepthDiff:
    bids, asks = data.bids, data.asks
    if not isinstance(bids, list) or not isinstance(asks, list):
        raise ValueError("a depth update holds no levels")
    first = data.first if data.previous < 0 else data.previous + 1
    if not 0 <= first <= data.last or data.venue_ms < 0:
        raise ValueError("a depth update is not numbered or has no time")
    _check_numbers(bids)
    _check_numbers(asks)
    return DepthDiff(
        local_ns=local_ns,
        line=line.number,
        offset=line.offset,
        data=raw,
        symbol=data.symbol,
        market=_market(data, is_linear=data.previous >= 0),
        venue_ms=data.venue_ms,
        txn_ms=data.trade_ms,
        stream=stream,
        first=first,
        last=data.last,
        bids=bids,
        asks=asks,
        told_first=data.first,
        told_previous=data.previous,
    )


def _trade(line: Line, local_ns: int, raw: bytes, data: _Data) -> TradePrint:
    if data.buyer_is_maker is None or data.trade_id < 0 or data.trade_ms < 0 or data.venue_ms < 0:
        raise ValueError("a trade is not numbered, has no time or does not say who was the maker")
    _check_numbers([(data.price, data.size)])
    is_linear = True if data.order_type else None if data.ignore is None else False
    taker_order_id = data.asks if data.buyer_is_maker else data.bids  # in a trade these are the order ids
    return TradePrint(
        local_ns=local_ns,
        line=line.number,
        offset=line.offset,
        data=raw,
        symbol=data.symbol,
        market=_market(data, is_linear=is_linear),
        venue_ms=data.venue_ms,
        txn_ms=data.trade_ms,
        trade_id=data.trade_id,
        price=data.price,
        size=data.size,
        buyer_is_maker=data.buyer_is_maker,
        trade_ms=data.trade_ms,
        taker_order_id=max(0, taker_order_id) if isinstance(taker_order_id, int) else 0,
        is_trade=data.order_type in ("", "MARKET"),
    )


def _ticker(line: Line, local_ns: int, raw: bytes, data: _Data) -> BookTicker:
    if not isinstance(data.bids, str) or not isinstance(data.asks, str) or data.last < 0:
        raise ValueError("a book ticker is not numbered or names no price")
    bid, ask = (data.bids, data.bid_size), (data.asks, data.ask_size)
    _check_numbers([bid, ask])
    return BookTicker(
        local_ns=local_ns,
        line=line.number,
        offset=line.offset,
        data=raw,
        symbol=data.symbol,
        market=_market(data, is_linear=bool(data.kind)),
        venue_ms=data.venue_ms,
        txn_ms=data.trade_ms,
        last=data.last,
        bid=bid,
        ask=ask,
    )


def _mark(line: Line, local_ns: int, raw: bytes, data: _Data, stream: str) -> MarkUpdate:
    # A contract that expires is funded by nobody: its rate is empty, its next funding at 0.
    price, rate, next_ms = data.price, data.rate or "0", max(0, data.trade_ms)
    if data.venue_ms < 0 or not price:
        raise ValueError("a mark price has no time or names no price")
    _check_numbers([(price, rate.removeprefix("-"))])
    if any(len(text.partition(".")[2].rstrip("0")) > MARK_SCALE for text in (price, rate)):
        raise ValueError(f"a mark price or its rate has more than {MARK_SCALE} decimals")
    return MarkUpdate(
        local_ns=local_ns,
        line=line.number,
        offset=line.offset,
        data=raw,
        symbol=data.symbol,
        venue_ms=data.venue_ms,
        stream=stream,
        price=price,
        rate=rate,
        next_ms=next_ms,
    )


def _other(line: Line, local_ns: int, raw: bytes, stream: str) -> Other:
    return Other(local_ns=local_ns, line=line.number, offset=line.offset, data=raw, stream=stream)


def _market(data: _Data, *, is_linear: bool | None) -> Market | None:
    if data.pair or "USD_" in data.symbol:
        return Market.INVERSE
    if is_linear is None:
        return None
    return Market.LINEAR if is_linear else Market.SPOT


# All texts of all levels at once: one pass in C instead of one call per number.
def _check_numbers(rows: list[Row]) -> None:
    if not rows:
        return
    digits = "".join([price + size for price, size in rows]).replace(".", "")
    if not (digits.isdigit() and digits.isascii()):
        raise ValueError("a price or size is not a plain number")
