"""What anybody may ask about trades: prints, aggregates, candles, prices and the day's statistics.

Handlers of the command table; they read the history that the floor displays and change nothing.
"""

from typing import Any, Final

from mm.domain.units import NS_PER_MS
from mm.exchange import market_payloads, payloads, ticker_payloads
from mm.exchange.errors import BAD_COMBINATION, BAD_INTERVAL, BAD_TICKER_TYPE, refused
from mm.exchange.floor import Floor
from mm.exchange.intervals import INTERVALS
from mm.exchange.market_commands import (
    LIMIT,
    SYMBOL,
    SYMBOL_OPTIONAL,
    SYMBOLS,
    check_symbol,
    per_symbol,
)
from mm.exchange.params import Kind, Param, whole
from mm.exchange.payloads import Payload

_START: Final = Param("startTime", Kind.WHOLE)
_END: Final = Param("endTime", Kind.WHOLE)

TRADES_PARAMS: Final = (SYMBOL, LIMIT)
"""Parameters of the latest trades."""

AGGREGATE_PARAMS: Final = (SYMBOL, Param("fromId", Kind.WHOLE), _START, _END, LIMIT)
"""Parameters of aggregated trades."""

KLINE_PARAMS: Final = (
    SYMBOL,
    Param("interval", mandatory=True, choices=tuple(INTERVALS), fault=BAD_INTERVAL),
    _START,
    _END,
    LIMIT,
)
"""Parameters of candles."""

DAY_PARAMS: Final = (
    SYMBOL_OPTIONAL,
    SYMBOLS,
    Param("type", choices=("FULL", "MINI"), fault=BAD_TICKER_TYPE),
)
"""Parameters of the day's statistics."""

_ROWS_DEFAULT, _ROWS_MAX = 500, 1_000
_DAY_WEIGHTS: Final = ((20, 2), (100, 40))
_DAY_WEIGHT_MAX: Final = 80


def day_weight(params: dict[str, str]) -> int:
    """Return the weight of the day's statistics; it grows with the number of symbols."""
    if "symbol" in params:
        return 2
    if "symbols" not in params:
        return _DAY_WEIGHT_MAX
    symbols = params["symbols"].count(",") + 1
    return next((weight for most, weight in _DAY_WEIGHTS if symbols <= most), _DAY_WEIGHT_MAX)


def trades(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the latest public trades, oldest first."""
    check_symbol(floor, values)
    rows = floor.displayed.history.prints.latest(_limit(values))
    return [market_payloads.public_trade(floor.instrument, row) for row in rows]


def aggregates(floor: Floor, values: dict[str, str]) -> Any:
    """Answer aggregated trades, oldest first: from an id on, of a span of time, or the latest."""
    check_symbol(floor, values)
    rows, limit = floor.displayed.history.aggregates, _limit(values)
    start_ns, end_ns = _nanoseconds(values, "startTime"), _nanoseconds(values, "endTime", after=1)
    if "fromId" in values:
        if start_ns is not None or end_ns is not None:
            raise refused(BAD_COMBINATION)
        found = rows.since_number(int(values["fromId"]), limit)
    else:
        found = rows.between(start_ns, end_ns, limit)
    return [market_payloads.aggregate_row(floor.instrument, row) for row in found]


def klines(floor: Floor, values: dict[str, str]) -> Any:
    """Answer candles by the time at which they open, oldest first; the present one is not yet complete."""
    check_symbol(floor, values)
    series = floor.displayed.history.series[values["interval"]]
    interval = series.interval
    start_ns, end_ns = _nanoseconds(values, "startTime"), _nanoseconds(values, "endTime")
    last = interval.number(floor.now_ns if end_ns is None else min(end_ns, floor.now_ns))
    # The first one that opens at or after the start.
    first = None
    if start_ns is not None:
        first = interval.number(max(min(start_ns, floor.now_ns + 1), 1) - 1) + 1
    found = series.between(first, last, limit=_limit(values))
    return [market_payloads.kline_row(floor.instrument, interval, candle) for candle in found]


def average_price(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the average price of the last minutes."""
    check_symbol(floor, values)
    return ticker_payloads.current_average(floor.instrument, floor.displayed, floor.now_ns)


def day_ticker(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the day's statistics: one object for a symbol, a list otherwise."""
    make = ticker_payloads.day_mini if values.get("type") == "MINI" else ticker_payloads.day_full
    return per_symbol(floor, values, lambda: make(floor.instrument, floor.displayed, floor.now_ns))


def price_ticker(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the last price: one object for a symbol, a list otherwise."""

    def row() -> Payload:
        last = floor.displayed.history.last
        ticks = 0 if last is None else last.price_ticks
        return {
            "symbol": floor.instrument.venue_symbol,
            "price": payloads.price(floor.instrument, ticks),
        }

    return per_symbol(floor, values, row)


def _limit(values: dict[str, str]) -> int:
    return max(1, min(whole(values, "limit", _ROWS_DEFAULT), _ROWS_MAX))


# Times come in milliseconds; `after` moves an inclusive end behind its millisecond.
def _nanoseconds(values: dict[str, str], name: str, *, after: int = 0) -> int | None:
    return (int(values[name]) + after) * NS_PER_MS if name in values else None
