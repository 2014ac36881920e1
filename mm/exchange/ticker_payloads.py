"""The venue's JSON about rolling windows: the day's statistics and the average price.

Pure functions with exact key sets. Averages and percentages are rounded to the nearest; everything else is
exact.
"""

from typing import Final

from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.domain.units import nearest_div, text_from_atoms
from mm.exchange.candles import Candle, Print, quiet
from mm.exchange.displayed import Displayed
from mm.exchange.history import AVERAGE_MINUTES, Window
from mm.exchange.payloads import NOTHING, Payload, ms, price, value

_PERCENT_DECIMALS: Final = 3


def day_full(instrument: Instrument, market: Displayed, now_ns: int) -> Payload:
    """Return the day's statistics as a request is answered in full."""
    window = market.history.window(now_ns)
    day, last = _day(window), market.history.last
    bid, ask = market.top(Side.BUY), market.top(Side.SELL)
    return {
        "symbol": instrument.venue_symbol,
        "priceChange": price(instrument, day.close_ticks - day.open_ticks),
        "priceChangePercent": _percent(day),
        "weightedAvgPrice": average(instrument, window.candle),
        "prevClosePrice": price(instrument, window.before_ticks or day.open_ticks),
        "lastPrice": price(instrument, day.close_ticks),
        "lastQty": _last_size(instrument, last),
        "bidPrice": price(instrument, bid.price_ticks),
        "bidQty": instrument.base_text(bid.size_atoms),
        "askPrice": price(instrument, ask.price_ticks),
        "askQty": instrument.base_text(ask.size_atoms),
        "openPrice": price(instrument, day.open_ticks),
        "highPrice": price(instrument, day.high_ticks),
        "lowPrice": price(instrument, day.low_ticks),
        "volume": instrument.base_text(day.size_atoms),
        "quoteVolume": value(instrument, day.value),
        "openTime": ms(window.start_ns),
        "closeTime": ms(now_ns),
        "firstId": day.first_id,
        "lastId": day.last_id,
        "count": day.trades,
    }


def day_mini(instrument: Instrument, market: Displayed, now_ns: int) -> Payload:
    """Return the day's statistics as a request is answered in short."""
    full = day_full(instrument, market, now_ns)
    return {name: full[name] for name in _MINI_KEYS}


def day_event(instrument: Instrument, market: Displayed, now_ns: int) -> Payload:
    """Return the public event of the day's statistics."""
    full = day_full(instrument, market, now_ns)
    head = {"e": "24hrTicker", "E": ms(now_ns), "s": instrument.venue_symbol}
    return head | {short: full[name] for short, name in _EVENT_KEYS.items()}


def day_mini_event(instrument: Instrument, market: Displayed, now_ns: int) -> Payload:
    """Return the public event of the day's statistics in short."""
    full = day_full(instrument, market, now_ns)
    head = {"e": "24hrMiniTicker", "E": ms(now_ns), "s": instrument.venue_symbol}
    return head | {short: full[name] for short, name in _MINI_EVENT_KEYS.items()}


def current_average(instrument: Instrument, market: Displayed, now_ns: int) -> Payload:
    """Return the average price as a request is answered."""
    return {
        "mins": AVERAGE_MINUTES,
        "price": _average_now(instrument, market, now_ns),
        "closeTime": _last_ms(market),
    }


def average_event(instrument: Instrument, market: Displayed, now_ns: int) -> Payload:
    """Return the public event of the average price."""
    return {
        "e": "avgPrice",
        "E": ms(now_ns),
        "s": instrument.venue_symbol,
        "i": f"{AVERAGE_MINUTES}m",
        "w": _average_now(instrument, market, now_ns),
        "T": _last_ms(market),
    }


def average(instrument: Instrument, candle: Candle | None) -> str:
    """Return the average price of a span, weighted by size; nothing if nothing traded."""
    if candle is None:
        return NOTHING
    return instrument.quote_text(nearest_div(candle.value * instrument.tick_atoms, candle.size_atoms))


# Where nothing has traded within the window, the last price stands for all.
def _average_now(instrument: Instrument, market: Displayed, now_ns: int) -> str:
    candle, last = market.history.average(now_ns), market.history.last
    if candle is None and last is not None:
        return price(instrument, last.price_ticks)
    return average(instrument, candle)


def _day(window: Window) -> Candle:
    return window.candle or quiet(0, window.before_ticks)


def _percent(day: Candle) -> str:
    if not day.open_ticks:
        return text_from_atoms(0, _PERCENT_DECIMALS)
    change = (day.close_ticks - day.open_ticks) * 100 * 10**_PERCENT_DECIMALS
    return text_from_atoms(nearest_div(change, day.open_ticks), _PERCENT_DECIMALS)


def _last_size(instrument: Instrument, last: Print | None) -> str:
    return NOTHING if last is None else instrument.base_text(last.size_atoms)


def _last_ms(market: Displayed) -> int:
    last = market.history.last
    return 0 if last is None else ms(last.ts_ns)


_MINI_KEYS: Final = (
    "symbol",
    "openPrice",
    "highPrice",
    "lowPrice",
    "lastPrice",
    "volume",
    "quoteVolume",
    "openTime",
    "closeTime",
    "firstId",
    "lastId",
    "count",
)

_EVENT_KEYS: Final = {
    "p": "priceChange",
    "P": "priceChangePercent",
    "w": "weightedAvgPrice",
    "x": "prevClosePrice",
    "c": "lastPrice",
    "Q": "lastQty",
    "b": "bidPrice",
    "B": "bidQty",
    "a": "askPrice",
    "A": "askQty",
    "o": "openPrice",
    "h": "highPrice",
    "l": "lowPrice",
    "v": "volume",
    "q": "quoteVolume",
    "O": "openTime",
    "C": "closeTime",
    "F": "firstId",
    "L": "lastId",
    "n": "count",
}

_MINI_EVENT_KEYS: Final = {
    "c": "lastPrice",
    "o": "openPrice",
    "h": "highPrice",
    "l": "lowPrice",
    "v": "volume",
    "q": "quoteVolume",
}
