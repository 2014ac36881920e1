"""What anybody may ask: time, symbols, book, trades. Handlers of the command table; they change nothing."""

from itertools import islice
from typing import Any, Final

import msgspec

from mm.domain.sides import Side
from mm.exchange import market_payloads, payloads
from mm.exchange.errors import BAD_SYMBOL, BAD_VALUE, refused
from mm.exchange.floor import Floor
from mm.exchange.params import Kind, Param, whole

SYMBOL: Final = Param("symbol", Kind.SYMBOL, mandatory=True)
SYMBOL_OPTIONAL: Final = Param("symbol", Kind.SYMBOL)
LIMIT: Final = Param("limit", Kind.WHOLE)
SYMBOLS: Final = Param("symbols")

_DEPTH_DEFAULT, _DEPTH_MAX = 100, 5_000
_TRADES_DEFAULT, _TRADES_MAX = 500, 1_000
_WEIGHT_BY_DEPTH: Final = ((100, 5), (500, 25), (1_000, 50))


def check_symbol(floor: Floor, values: dict[str, str]) -> None:
    """Raise VenueRefused (-1121) if a symbol was named that does not trade here."""
    if values.get("symbol", floor.instrument.venue_symbol) != floor.instrument.venue_symbol:
        raise refused(BAD_SYMBOL)


def depth_weight(params: dict[str, str]) -> int:
    """Return the weight of a depth request; it grows with the number of levels."""
    text = params.get("limit", "")
    limit = int(text) if text.isascii() and text.isdigit() else _DEPTH_DEFAULT
    return next((weight for levels, weight in _WEIGHT_BY_DEPTH if limit <= levels), 250)


def ping(_floor: Floor, _values: dict[str, str]) -> Any:
    """Answer that the venue is there."""
    return {}


def server_time(floor: Floor, _values: dict[str, str]) -> Any:
    """Answer the venue's time."""
    return {"serverTime": payloads.ms(floor.clock.now_ns())}


def exchange_info(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the limits and the symbols, all or those asked for."""
    check_symbol(floor, values)
    if "symbols" in values:
        for name in _symbols(values["symbols"]):
            check_symbol(floor, {"symbol": name})
    return {
        "timezone": "UTC",
        "serverTime": payloads.ms(floor.clock.now_ns()),
        "rateLimits": floor.limits.rows(),
        "exchangeFilters": [],
        "symbols": [market_payloads.symbol_info(floor.instrument, floor.market_size_max_lots)],
    }


def depth(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the book, best first, with the number of its last change."""
    check_symbol(floor, values)
    limit = max(1, min(whole(values, "limit", _DEPTH_DEFAULT), _DEPTH_MAX))
    book = floor.world.book
    return {
        "lastUpdateId": book.update_id,
        "bids": payloads.levels(floor.instrument, book.depth(Side.BUY, limit)),
        "asks": payloads.levels(floor.instrument, book.depth(Side.SELL, limit)),
    }


def trades(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the latest public trades, oldest first."""
    check_symbol(floor, values)
    limit = min(whole(values, "limit", _TRADES_DEFAULT), _TRADES_MAX)
    latest = list(islice(reversed(floor.records.tape), limit))
    return [market_payloads.public_trade(floor.instrument, trade) for trade in reversed(latest)]


def book_ticker(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the best prices: one object for a symbol, a list without."""
    check_symbol(floor, values)
    bid, ask = floor.world.book.top(Side.BUY), floor.world.book.top(Side.SELL)
    row = {
        "symbol": floor.instrument.venue_symbol,
        "bidPrice": payloads.price(floor.instrument, bid[0]),
        "bidQty": payloads.size(floor.instrument, bid[1]),
        "askPrice": payloads.price(floor.instrument, ask[0]),
        "askQty": payloads.size(floor.instrument, ask[1]),
    }
    return row if "symbol" in values else [row]


def _symbols(text: str) -> list[str]:
    try:
        return msgspec.json.decode(text.encode(), type=list[str])
    except msgspec.DecodeError:
        raise refused(BAD_VALUE, "symbols") from None
