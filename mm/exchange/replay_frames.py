"""Recorded frames as they are sent: spot frames byte for byte, those of contracts in the form of spot.

Pure functions. A contract's frame becomes one with exactly a spot frame's keys: numbers of changes that go on
without a gap, all decimals, the pair's name; nothing that it says about price, size or time is changed.
"""

from collections.abc import Iterable

import msgspec

from mm.domain.instrument import Instrument
from mm.exchange.payloads import Payload
from mm.store.recordings.raw.records import BookTicker, DepthDiff, Market, Row, TradePrint


def frame_text(record: DepthDiff | TradePrint | BookTicker, instrument: Instrument, market: Market) -> str:
    """Return the event of a recorded frame as a spot stream of `instrument` carries it."""
    if market is Market.SPOT:
        return record.data.decode()
    return msgspec.json.encode(_event(record, instrument)).decode()


def _event(record: DepthDiff | TradePrint | BookTicker, instrument: Instrument) -> Payload:
    symbol, price, size = instrument.venue_symbol, instrument.quote_scale, instrument.base_scale
    match record:
        case DepthDiff():
            return {
                "e": "depthUpdate",
                "E": record.venue_ms,
                "s": symbol,
                "U": record.first,
                "u": record.last,
                "b": _rows(record.bids, price, size),
                "a": _rows(record.asks, price, size),
            }
        case TradePrint():
            return {
                "e": "trade",
                "E": record.venue_ms,
                "s": symbol,
                "t": record.trade_id,
                "p": _with_decimals(record.price, price),
                "q": _with_decimals(record.size, size),
                "T": record.trade_ms,
                "m": record.buyer_is_maker,
                "M": True,
            }
        case BookTicker():
            return {
                "u": record.last,
                "s": symbol,
                "b": _with_decimals(record.bid[0], price),
                "B": _with_decimals(record.bid[1], size),
                "a": _with_decimals(record.ask[0], price),
                "A": _with_decimals(record.ask[1], size),
            }


def _rows(rows: Iterable[Row], price: int, size: int) -> list[Row]:
    return [(_with_decimals(ticks, price), _with_decimals(atoms, size)) for ticks, atoms in rows]


def _with_decimals(text: str, decimals: int) -> str:
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction:0<{decimals}}"
