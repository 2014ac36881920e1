"""What anybody may ask about the venue and its book: time, symbols, levels, best prices.

Handlers of the command table; they read what the floor displays and change nothing.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from mm.domain.sides import Side
from mm.exchange import market_payloads, payloads, symbol_payloads
from mm.exchange.errors import (
    BAD_COMBINATION,
    BAD_SYMBOL,
    BAD_SYMBOL_STATUS,
    BAD_VALUE,
    BUSY,
    DUPLICATE_SYMBOLS,
    refused,
)
from mm.exchange.floor import Floor
from mm.exchange.params import Kind, Param, whole
from mm.exchange.payloads import Payload

SYMBOL: Final = Param("symbol", Kind.SYMBOL, mandatory=True)
SYMBOL_OPTIONAL: Final = Param("symbol", Kind.SYMBOL)
LIMIT: Final = Param("limit", Kind.WHOLE)
SYMBOLS: Final = Param("symbols")

INFO_PARAMS: Final = (
    SYMBOL_OPTIONAL,
    SYMBOLS,
    Param("permissions"),
    Param("showPermissionSets", choices=("true", "false")),
    Param("symbolStatus", choices=("TRADING", "HALT", "BREAK"), fault=BAD_SYMBOL_STATUS),
)
"""Parameters of `exchangeInfo`."""

_SELECTORS: Final = ("symbol", "symbols", "permissions", "symbolStatus")
_DEPTH_DEFAULT, _DEPTH_MAX = 100, 5_000
_WEIGHT_BY_DEPTH: Final = ((100, 5), (500, 25), (1_000, 50))


def check_symbol(floor: Floor, values: dict[str, str]) -> None:
    """Raise VenueRefused (-1121) if a symbol was named that does not trade here."""
    if values.get("symbol", floor.instrument.venue_symbol) != floor.instrument.venue_symbol:
        raise refused(BAD_SYMBOL)


def check_symbols(floor: Floor, values: dict[str, str]) -> None:
    """Raise VenueRefused if `symbol` and `symbols` are not one of them, or name what does not trade here."""
    if "symbol" in values and "symbols" in values:
        raise refused(BAD_COMBINATION)
    check_symbol(floor, values)
    if "symbols" not in values:
        return
    names = listed(values["symbols"], "symbols")
    if len(set(names)) < len(names):
        raise refused(DUPLICATE_SYMBOLS)
    for name in names:
        check_symbol(floor, {"symbol": name})


def per_symbol(floor: Floor, values: dict[str, str], make: Callable[[], Payload]) -> Any:
    """Return the symbol's row: one object if `symbol` names it, else a list."""
    check_symbols(floor, values)
    return make() if "symbol" in values else [make()]


def listed(text: str, name: str) -> list[str]:
    """Return the texts of a JSON array that is not empty; raises VenueRefused (-1130)."""
    try:
        names = msgspec.json.decode(text.encode(), type=list[str])
    except msgspec.DecodeError:
        raise refused(BAD_VALUE, name) from None
    if not names:
        raise refused(BAD_VALUE, name)
    return names


def depth_weight(params: dict[str, str]) -> int:
    """Return the weight of a depth request; it grows with the number of levels."""
    text = params.get("limit", "")
    limit = int(text) if text.isascii() and text.isdigit() else _DEPTH_DEFAULT
    return next((weight for levels, weight in _WEIGHT_BY_DEPTH if limit <= levels), 250)


def ticker_weight(params: dict[str, str]) -> int:
    """Return the weight of a request for best or last prices: more than one symbol costs double."""
    return 2 if "symbol" in params else 4


def ping(_floor: Floor, _values: dict[str, str]) -> Any:
    """Answer that the venue is there."""
    return {}


def server_time(floor: Floor, _values: dict[str, str]) -> Any:
    """Answer the venue's time."""
    return {"serverTime": payloads.ms(floor.shown_ns())}


def exchange_info(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the limits and the symbols: all, or those asked for."""
    if sum(name in values for name in _SELECTORS) > 1:
        raise refused(BAD_COMBINATION)
    check_symbols(floor, values)
    row = symbol_payloads.symbol_info(
        floor.instrument,
        floor.market_size_max_lots,
        with_permission_sets=values.get("showPermissionSets") != "false",
    )
    return {
        "timezone": "UTC",
        "serverTime": payloads.ms(floor.shown_ns()),
        "rateLimits": floor.limits.rows(),
        "exchangeFilters": [],
        "symbols": [row] if _is_selected(values) else [],
    }


def depth(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the book, best first, with the number of its last change.

    Where there is none the venue is busy (-1008): clients ask again, and take nothing for a book meanwhile.
    """
    check_symbol(floor, values)
    limit = max(1, min(whole(values, "limit", _DEPTH_DEFAULT), _DEPTH_MAX))
    market = floor.displayed
    if not market.has_book:
        raise refused(BUSY)
    bids, asks = market.depth(Side.BUY, limit), market.depth(Side.SELL, limit)
    return market_payloads.book(floor.instrument, bids, asks, market.update_id)


def book_ticker(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the best prices: one object for a symbol, a list without."""

    def row() -> Payload:
        market = floor.displayed
        return market_payloads.book_ticker(floor.instrument, market.top(Side.BUY), market.top(Side.SELL))

    return per_symbol(floor, values, row)


# Permissions come as one name or as an array of names; one that the symbol has is enough.
def _is_selected(values: dict[str, str]) -> bool:
    if values.get("symbolStatus", symbol_payloads.STATUS) != symbol_payloads.STATUS:
        return False
    text = values.get("permissions")
    if text is None:
        return True
    wanted = listed(text, "permissions") if text.startswith("[") else [text]
    return any(name in symbol_payloads.PERMISSIONS for name in wanted)
