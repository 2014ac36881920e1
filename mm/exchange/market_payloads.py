"""The venue's JSON about the market: trades, candles, best prices and the book.

Pure functions with exact key sets; nothing here decides anything. Sizes come in base atoms.
"""

from typing import Any

from mm.domain.book import Level
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.exchange.candles import Candle, Print
from mm.exchange.history import Aggregate
from mm.exchange.intervals import Interval
from mm.exchange.payloads import Payload, levels, ms, price, value


def trade_event(instrument: Instrument, trade: Print) -> Payload:
    """Return the public event of a trade; whose orders met is nobody's business."""
    return {
        "e": "trade",
        "E": ms(trade.ts_ns),
        "s": instrument.venue_symbol,
        "t": trade.trade_id,
        "p": price(instrument, trade.price_ticks),
        "q": instrument.base_text(trade.size_atoms),
        "T": ms(trade.ts_ns),
        "m": trade.taker_side is Side.SELL,
        "M": True,
    }


def public_trade(instrument: Instrument, trade: Print) -> Payload:
    """Return one row of the public trades."""
    return {
        "id": trade.trade_id,
        "price": price(instrument, trade.price_ticks),
        "qty": instrument.base_text(trade.size_atoms),
        "quoteQty": value(instrument, trade.price_ticks * trade.size_atoms),
        "time": ms(trade.ts_ns),
        "isBuyerMaker": trade.taker_side is Side.SELL,
        "isBestMatch": True,
    }


def aggregate_row(instrument: Instrument, aggregate: Aggregate) -> Payload:
    """Return one row of the aggregated trades."""
    return {
        "a": aggregate.aggregate_id,
        "p": price(instrument, aggregate.price_ticks),
        "q": instrument.base_text(aggregate.size_atoms),
        "f": aggregate.first_id,
        "l": aggregate.last_id,
        "T": ms(aggregate.ts_ns),
        "m": aggregate.taker_side is Side.SELL,
        "M": True,
    }


def aggregate_event(instrument: Instrument, aggregate: Aggregate) -> Payload:
    """Return the public event of an aggregated trade."""
    head = {"e": "aggTrade", "E": ms(aggregate.ts_ns), "s": instrument.venue_symbol}
    return head | aggregate_row(instrument, aggregate)


def kline_row(instrument: Instrument, interval: Interval, candle: Candle) -> list[Any]:
    """Return one candle as requests are answered."""
    return [
        ms(interval.start_ns(candle.number)),
        price(instrument, candle.open_ticks),
        price(instrument, candle.high_ticks),
        price(instrument, candle.low_ticks),
        price(instrument, candle.close_ticks),
        instrument.base_text(candle.size_atoms),
        ms(interval.start_ns(candle.number + 1)) - 1,
        value(instrument, candle.value),
        candle.trades,
        instrument.base_text(candle.taken_size_atoms),
        value(instrument, candle.taken_value),
        "0",
    ]


def kline_event(instrument: Instrument, interval: Interval, candle: Candle, now_ns: int) -> Payload:
    """Return the public event of a candle; it is closed if its interval is over."""
    end_ns = interval.start_ns(candle.number + 1)
    return {
        "e": "kline",
        "E": ms(now_ns),
        "s": instrument.venue_symbol,
        "k": {
            "t": ms(interval.start_ns(candle.number)),
            "T": ms(end_ns) - 1,
            "s": instrument.venue_symbol,
            "i": interval.name,
            "f": candle.first_id,
            "L": candle.last_id,
            "o": price(instrument, candle.open_ticks),
            "c": price(instrument, candle.close_ticks),
            "h": price(instrument, candle.high_ticks),
            "l": price(instrument, candle.low_ticks),
            "v": instrument.base_text(candle.size_atoms),
            "n": candle.trades,
            "x": now_ns >= end_ns,
            "q": value(instrument, candle.value),
            "V": instrument.base_text(candle.taken_size_atoms),
            "Q": value(instrument, candle.taken_value),
            "B": "0",
        },
    }


def book_ticker_event(instrument: Instrument, bid: Level, ask: Level, update_id: int) -> Payload:
    """Return the public event of a changed best price or size."""
    return {
        "u": update_id,
        "s": instrument.venue_symbol,
        "b": price(instrument, bid.price_ticks),
        "B": instrument.base_text(bid.size_atoms),
        "a": price(instrument, ask.price_ticks),
        "A": instrument.base_text(ask.size_atoms),
    }


def book_ticker(instrument: Instrument, bid: Level, ask: Level) -> Payload:
    """Return the best prices as a request is answered."""
    return {
        "symbol": instrument.venue_symbol,
        "bidPrice": price(instrument, bid.price_ticks),
        "bidQty": instrument.base_text(bid.size_atoms),
        "askPrice": price(instrument, ask.price_ticks),
        "askQty": instrument.base_text(ask.size_atoms),
    }


def book(instrument: Instrument, bids: list[Level], asks: list[Level], update_id: int) -> Payload:
    """Return the book as a request is answered, and as partial books are sent."""
    return {
        "lastUpdateId": update_id,
        "bids": levels(instrument, bids),
        "asks": levels(instrument, asks),
    }
